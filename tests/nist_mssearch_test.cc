// Hits of library searches: what their lines may hold, and what becomes of lines that are damaged.
#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/corpus.h"
#include "tests/heap.h"
#include "tests/reports.h"

namespace dims {
namespace {

using dims::v1::Identification;

constexpr absl::string_view kName = "nist_mssearch";
const std::string kUnknown = "Unknown: S1                                  Compound in Library Factor = 311\r\n";

std::string Hit(int number, const std::string& name, const std::string& rest = "") {
  return absl::StrCat("Hit ", number, "  : <<", name, ">>;<<C9H13N>>; MF: 937; RMF: 948; Prob: 61.25; CAS:0; Mw: 135; ",
                      "Lib: <<mainlib>>; Id: 11", rest, ".\r\n");
}

TEST(NistMsSearch, ReadsTheRealFilesWithoutAProblem) {
  const auto files = CorpusFiles("nist_mssearch", ".TXT");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  int hits = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, FileBytes(path));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    for (const dims::v1::Finding& finding : reports[0].analyses(0).findings()) {
      EXPECT_FALSE(finding.spectrum_title().empty());
      hits += finding.identifications_size();
    }
  }
  std::cerr << files.size() << " real files, " << hits << " hits\n";
  EXPECT_GT(hits, 0);
}

TEST(NistMsSearch, ANameMayHoldWhateverSeparatesFields) {
  for (const std::string name : {"a; MF: 1; b", "x>", "x>>", "<y>>", "a>>;b", "Lib: c.", "3:4", ">>", "n (0.00)"}) {
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, kUnknown + Hit(1, name));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << name << "\n" << reports[0].DebugString();
    const Identification& hit = reports[0].analyses(0).findings(0).identifications(0);
    EXPECT_EQ(hit.label(), name);
    EXPECT_EQ(hit.formula(), "C9H13N");
    EXPECT_EQ(hit.score(), "937");
  }
}

TEST(NistMsSearch, AFieldThatIsNotKnownIsSaidOnceAndTheHitIsKept) {
  const dims::v1::Report report = ReportsOf(kName, kUnknown + Hit(1, "a", "; HMF: 3") + Hit(2, "b", "; HMF: 4"))[0];
  EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(report.analyses(0).findings(0).identifications_size(), 2);
}

TEST(NistMsSearch, FoldersOfASearchedSpectrumAreNotCarried) {
  const dims::v1::Report report = ReportsOf(
      kName, "Unknown: Scan 5 C:\\somebody\\run.D           Compound in Library Factor = N/A\r\n" + Hit(1, "a"))[0];
  EXPECT_EQ(report.problems_size(), 0);
  EXPECT_EQ(report.SerializeAsString().find("somebody"), std::string::npos);
  EXPECT_EQ(report.analyses(0).findings(0).spectrum_title(), "run.D");
}

TEST(NistMsSearch, OtherTextsAreNoise) {
  for (const std::string text : {"Unknown: I am not a search\r\n", "> a command\r\n> MSPepSearch\r\n", "Hit 1\r\n",
                                 "> MSPepSearch ver. 1\r\n> x\r\nName: caffeine\r\nNum Peaks: 1\r\n53 25\r\n"}) {
    EXPECT_TRUE(IsNoiseOnly(kName, text)) << text;
  }
  for (const auto& path : CorpusFiles("nist_msp", ".msp")) EXPECT_TRUE(IsNoiseOnly(kName, FileBytes(path))) << path;
  for (const auto& path : CorpusFiles("massbank_ei", ".txt")) EXPECT_TRUE(IsNoiseOnly(kName, FileBytes(path))) << path;
}

TEST(NistMsSearch, ASearchThatTheLineCutMayLackHits) {
  const std::string text = kUnknown + Hit(1, "a");
  EXPECT_EQ(TypesOf(ReportsOf(kName, text, Ending::kInterrupted)[0]),
            (ProblemTypes{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(ReportsOf(kName, text)[0].status(), dims::v1::REPORT_STATUS_FINAL);
}

// The numbers of hits are all that tells of a loss.
TEST(NistMsSearch, NoHitIsLostBetweenOthersWithoutAProblem) {
  std::string text = kUnknown;
  for (int i = 1; i <= 9; ++i) text += Hit(i, absl::StrCat("name ", i));
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int unseen = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = text;
    bytes.erase(kUnknown.size() + below(text.size() - kUnknown.size() - 300), 1 + below(200));
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, bytes);
    if (reports[0].problems_size() > 0) continue;
    ++unseen;
    ASSERT_EQ(reports[0].analyses(0).findings(0).identifications_size(), 9) << bytes;
  }
  EXPECT_GT(unseen, 0);  // inside a name
}

TEST(NistMsSearch, TheCostliestLinesStayWithinTheBound) {
  const Driver& driver = *FindDriver(kName);
  for (const std::string& row :
       {std::string("Unknown:Compound in Library Factor = 1\n"),
        kUnknown + "Hit 1:<<a>>;<<b>>;MF:1;RMF:1;Prob:1;CAS:58-08-2;Mw:1;Lib:<<c>>;Id:1;RI:1.\n",
        std::string("Hit 1:<<>>;<<>>;MF:1;Lib:<<c>>;Id:1.\n")}) {
    std::string rows = row;
    while (rows.size() < 60000) rows += row;
    const std::size_t before = HeapInUse();
    Parser parser(driver, DefaultOptions(driver));
    parser.Feed(kUnknown, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * driver.max_report; fed += rows.size()) parser.Feed(rows, [](ParserEvent) {});
    const std::size_t bound = 16 * driver.max_report + 2 * driver.max_frame + 64 * 1024;
    EXPECT_LE(HeapPeak() - before, bound) << row;
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound\n";
  }
}

}  // namespace
}  // namespace dims
