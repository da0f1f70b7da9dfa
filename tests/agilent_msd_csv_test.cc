// RESULTS.CSV against the printed report of the same run, and where it ends.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "tests/agilent_msd.h"
#include "tests/corpus.h"

namespace dims {
namespace {

std::string Sample(const std::string& name) {
  return absl::StrCat("[contents]\r\ncount=1\r\nName=,D:\\data\\somebody\\", name, ".D\r\n1=,INT TIC: ", name,
                      ".D\\data.ms\r\n[INT TIC: ", name,
                      ".D\\data.ms]\r\nTime=,Thu Jun 06 18:09:06 2024\r\n"
                      "Header=,\"Peak\",\"R.T.\",\"First\",\"Max\",\"Last\",\"PK  TY\",\"Height\",\"Area\",\"Pct Max\","
                      "\"Pct Total\"\r\n"
                      "1=,  1,  6.055,  856, 860, 876,\"  M \",1506033, 300000,100.00, 75.000\r\n"
                      "2=,  2,  6.301,  898, 903, 909,\"BV 8\",1168623, 100000, 33.33, 25.000\r\n");
}

std::string WithHits(const std::string& rows) {
  return absl::StrCat(
      absl::StrReplaceAll(Sample("S1"), {{"count=1", "count=2"}, {"data.ms\r\n[", "data.ms\r\n2=,PBM Apex\r\n["}}),
      "[PBM Apex]\r\nHeader=,\"PK\",\"RT\",\"Area Pct\",\"Library/ID\",\"Ref\",\"CAS\",\"Qual\"\r\n", rows);
}

TEST(AgilentMsdCsv, WhatATraceIsOfStandsInItsFilesNameNotInTheDataFiles) {
  for (const auto& [signal, technique] : std::vector<std::pair<std::string, dims::v1::Technique>>{
           {"TIC: S1.D\\data.ms", dims::v1::TECHNIQUE_GC_MS},
           {"FIDRUN.D\\data.ms", dims::v1::TECHNIQUE_GC_MS},
           {"TIC: FIDRUN.D\\data.ms", dims::v1::TECHNIQUE_GC_MS},
           {"TIC: FIDRUN.D", dims::v1::TECHNIQUE_GC_MS},
           {"FIDRUN.D\\TCD2B.ch", dims::v1::TECHNIQUE_GC},
           {"FID1A.ch: S1.D\\FID1A.ch", dims::v1::TECHNIQUE_GC_FID},
           {"Signal: S1.D\\FID1A.ch", dims::v1::TECHNIQUE_GC_FID},
           {"FID1A", dims::v1::TECHNIQUE_GC_FID}}) {
    const std::string text = absl::StrReplaceAll(Sample("S1"), {{"TIC: S1.D\\data.ms", signal}});
    EXPECT_EQ(Reports(text)[0].analyses(0).technique(), technique) << signal;
  }
}

TEST(AgilentMsdCsv, AgreesWithThePrintedReportOfTheSameRunToTheDigit) {
  const auto files = CorpusFiles("agilent_chemstation/results_csv", ".RESULTS.CSV");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  int peaks = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::vector<dims::v1::Report> reports = Reports(FileBytes(path));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    std::string twin = path.filename().string();
    twin = std::string(absl::StripSuffix(twin, ".RESULTS.CSV")) + ".rteres.txt";
    const std::vector<dims::v1::Report> printed =
        Reports(FileBytes(path.parent_path().parent_path() / "area_percent_msd" / twin));
    ASSERT_EQ(printed.size(), 1u) << twin;
    const dims::v1::Analysis &a = reports[0].analyses(0), &b = printed[0].analyses(0);
    EXPECT_EQ(a.data_file(), b.data_file());
    EXPECT_EQ(a.signal(), b.signal());
    // Not the time: it is of each file's own making, and differs by a second in one of these pairs.
    EXPECT_FALSE(a.reported_at_printed().empty());
    ASSERT_EQ(a.findings_size(), b.findings_size());
    for (int i = 0; i < a.findings_size(); ++i, ++peaks) {
      EXPECT_EQ(a.findings(i).SerializeAsString(), b.findings(i).SerializeAsString());
    }
  }
  std::cerr << files.size() << " real files, " << peaks << " peaks compared\n";
  EXPECT_GT(peaks, 0);
}

TEST(AgilentMsdCsv, CarriesNoNameOfAPerson) {
  const dims::v1::Report report = Reports(Sample("S1"))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.SerializeAsString().find("somebody"), std::string::npos);
}

TEST(AgilentMsdCsv, ReadsEveryEncodingAlike) {
  const std::string text = Sample("S1");
  for (const bool big_endian : {false, true}) {
    for (const bool mark : {false, true}) {
      const std::vector<dims::v1::Report> reports = Reports(Wide(text, big_endian, mark));
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
      EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), Reports(text)[0].analyses(0).SerializeAsString());
    }
  }
}

TEST(AgilentMsdCsv, TheNextOneATitleOrTheEndOfTheInputEndsIt) {
  const std::string text = Sample("S1");
  for (const std::string& next : {Sample("S2"), std::string("   Area Percent Report\r\n"), std::string()}) {
    const std::vector<dims::v1::Report> reports = Reports(text + next);
    ASSERT_EQ(reports.size(), next.empty() ? 1u : 2u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_FINAL);
    EXPECT_EQ(reports[0].raw_size(), text.size());
  }
  EXPECT_EQ(Types(Reports(text, Ending::kInterrupted)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
}

TEST(AgilentMsdCsv, ASectionThatWasAnnouncedAndDidNotComeIsMissed) {
  const std::string text = Replaced(Sample("S1"), "count=1", "count=2");
  EXPECT_EQ(Types(Reports(text)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(Types(Reports(text + Sample("S2"))[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
}

TEST(AgilentMsdCsv, ALostRowIsSeenWhereverItWas) {
  const std::string text = Sample("S1");
  for (const std::string row : {"1=,  1", "2=,  2"}) {
    std::string cut = text;
    const std::size_t at = cut.find(row);
    cut.erase(at, cut.find('\n', at) + 1 - at);
    EXPECT_GT(Reports(cut)[0].problems_size(), 0) << row;
  }
}

TEST(AgilentMsdCsv, NamesMayHoldCommasAndQuotationMarks) {
  const dims::v1::Report report =
      Reports(WithHits("1=,  1, 6.055, 75.0,\"1,3-Benzene\"\"diol\"\", di\",72447,\"000636-53-3\",96\r\n"))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 2);
  const dims::v1::Identification& hit = report.analyses(1).findings(0).identifications(0);
  EXPECT_EQ(hit.label(), "1,3-Benzene\"diol\", di");
  EXPECT_EQ(hit.cas(), "636-53-3");
  EXPECT_EQ(hit.score_kind(), dims::v1::SCORE_KIND_PBM_QUALITY);
}

TEST(AgilentMsdCsv, SectionsOfDifferentIntegrationsAreNotJoined) {
  // Peak 2 of the search is not peak 2 of the trace.
  const dims::v1::Report report = Reports(WithHits("1=,  2, 5.900, 3.1,\"Caffeine\",1,\"000058-08-2\",96\r\n"))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  for (const dims::v1::Finding& finding : report.analyses(0).findings()) EXPECT_EQ(finding.identifications_size(), 0);
  EXPECT_EQ(report.analyses(1).findings(0).retention_time(), "5.900");
  EXPECT_EQ(report.analyses(1).data_file(), report.analyses(0).data_file());
}

TEST(AgilentMsdCsv, WhatIsNotKnownIsSaidOnceAndLeftOut) {
  const std::string section = absl::StrReplaceAll(Sample("S1"), {{"[INT TIC", "[QNT TIC"}});
  EXPECT_EQ(Types(Reports(section)[0]), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  const dims::v1::Report column = Reports(absl::StrReplaceAll(Sample("S1"), {{"\"Height\"", "\"Hite\""}}))[0];
  EXPECT_EQ(Types(column), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(column.analyses(0).findings(0).peak().height(), "");
  EXPECT_EQ(column.analyses(0).findings(0).peak().area(), "300000");
}

// No sum is stated: an area that changed unseen changed by less than the percentages show.
TEST(AgilentMsdCsv, AnAreaThatChangedUnseenChangedByNoMoreThanItsPercentageTells) {
  const std::string text = Sample("S1");
  std::mt19937_64 random(6);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = text;
    const std::size_t from = bytes.find("1=,  1"), at = from + below(bytes.size() - from);
    if (i % 3 == 0) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
    if (i % 3 == 1) bytes.erase(at, 1 + below(8));
    if (i % 3 == 2) bytes.insert(at, 1, static_cast<char>('0' + below(10)));
    const std::vector<dims::v1::Report> reports = Reports(bytes);
    if (reports.size() != 1 || reports[0].problems_size() > 0) continue;
    ASSERT_EQ(reports[0].analyses(0).findings_size(), 2) << bytes;
    const long long first = std::stoll(reports[0].analyses(0).findings(0).peak().area());
    const long long second = std::stoll(reports[0].analyses(0).findings(1).peak().area());
    EXPECT_LE(std::llabs(first - 300000), 30) << bytes;
    EXPECT_LE(std::llabs(second - 100000), 30) << bytes;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace dims
