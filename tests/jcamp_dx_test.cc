// The driver jcamp_dx beyond what its transcripts show.
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/corpus.h"
#include "tests/heap.h"
#include "tests/jcamp.h"

namespace dims {
namespace {

constexpr std::size_t kLargestRecord = 16 << 20;  // of a registry

TEST(JcampDx, ReadsEveryRealFile) {
  int files = 0, points = 0;
  for (const char* folder : {"cheminfo", "nzhagen_lancashire", "nzhagen_ms", "nzhagen_test"}) {
    for (const std::filesystem::path& path : CorpusFiles(absl::StrCat("jcamp/", folder), "")) {
      SCOPED_TRACE(path.filename().string());
      ++files;
      for (const dims::v1::Report& report : JcampReports(FileBytes(path))) {
        ASSERT_GT(report.analyses_size(), 0) << report.DebugString();
        EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
        // A file may be at odds with itself; there is none that the layout does not explain.
        for (const dims::v1::Problem& problem : report.problems()) {
          EXPECT_TRUE(problem.type() == dims::v1::PROBLEM_TYPE_CHECKSUM ||
                      problem.type() == dims::v1::PROBLEM_TYPE_COUNT_MISMATCH ||
                      problem.type() == dims::v1::PROBLEM_TYPE_INCONSISTENT)
              << problem.DebugString();
        }
        for (const dims::v1::Analysis& analysis : report.analyses()) {
          ASSERT_GT(analysis.spectra_size(), 0);
          for (const dims::v1::Spectrum& spectrum : analysis.spectra()) {
            EXPECT_GT(spectrum.points(), 0u);
            EXPECT_EQ(static_cast<uint64_t>(spectrum.x_size()), spectrum.points());
            EXPECT_EQ(static_cast<uint64_t>(spectrum.y_size()), spectrum.points());
            points += spectrum.y_size();
          }
        }
      }
    }
  }
  if (files == 0) DIMS_SKIP_WITHOUT_CORPUS(std::vector<int>());
  EXPECT_GT(points, 500'000);
}

TEST(JcampDx, AFewBytesCannotStandForMoreThanARecordTakes) {
  for (const char* bomb : {"400A1Z99999999", "400A1J2s999999999999999999", "400@%Z9999999\r\n9999A1Z99"}) {
    const std::string file = JcampFile(10, {"400A0", bomb, "402A1"});
    const std::size_t before = HeapInUse();
    ResetHeapPeak();
    const dims::v1::Report report = JcampReport(file);
    EXPECT_LT(HeapPeak() - before, 256u << 20);
    EXPECT_TRUE(HasProblem(report, dims::v1::PROBLEM_TYPE_OVERSIZE)) << bomb;
    EXPECT_FALSE(HasProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH)) << "what is left out is not counted";
    EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_PRELIMINARY);
    EXPECT_LT(report.ByteSizeLong(), kLargestRecord);
    ASSERT_EQ(report.analyses_size(), 1);
    EXPECT_GE(report.analyses(0).spectra(0).points(), 1u) << "what is there stays";
    EXPECT_EQ(report.raw_size(), file.size());
  }
}

TEST(JcampDx, AReportOfManyTablesFitsARecord) {
  std::string file = "##TITLE= many\n##DATA TYPE= LINK\n";
  while (file.size() < (4u << 20)) {
    absl::StrAppend(&file, "##TITLE= ", std::string(300, 't'), "\n##XYDATA= (XY..XY)\n1,2\n##END=\n");
  }
  const dims::v1::Report report = JcampReport(file + "##END=\n");
  EXPECT_TRUE(HasProblem(report, dims::v1::PROBLEM_TYPE_OVERSIZE));
  EXPECT_LT(report.ByteSizeLong(), kLargestRecord);
  EXPECT_GT(report.analyses_size(), 100);
}

TEST(JcampDx, AFileOfTheLargestSizeIsOneReport) {
  std::string file = "##TITLE= long\n##XYDATA= (XY..XY)\n";
  constexpr int kPoints = 900'000;
  for (int i = 0; i < kPoints; ++i) absl::StrAppend(&file, i, ",", i % 1000, "\n");
  const dims::v1::Report report = JcampReport(file + "##END=\n");
  EXPECT_EQ(report.problems_size(), 0) << report.problems(0).DebugString();
  EXPECT_EQ(report.analyses(0).spectra(0).points(), static_cast<uint64_t>(kPoints));
  EXPECT_LT(report.ByteSizeLong(), kLargestRecord);
}

TEST(JcampDx, WhoMeasuredIsNotCarried) {
  const std::string file =
      "##TITLE= C:\\people\\jane\\sample 7\njane wrote more\n##JCAMP-DX= 5.00\n##DATA TYPE= INFRARED SPECTRUM\n"
      "##ORIGIN= jane's laboratory\n##OWNER= jane\n##SAMPLE DESCRIPTION= jane's tablet\n"
      "##SOURCE REFERENCE= D:\\jane\\run.spc\n##SAMPLING PROCEDURE= jane\n##$OPERATOR= jane\n##COMMENTS= jane\n"
      "##AUDIT TRAIL= (1, <jane>)\n$$ jane\n##FIRSTX= 1\n##LASTX= 2\n##NPOINTS= 2\n##XYDATA= (X++(Y..Y))\n1 5 "
      "6\n##END=\n";
  const dims::v1::Report report = JcampReport(file);
  EXPECT_EQ(report.problems_size(), 0);
  EXPECT_EQ(report.DebugString().find("jane"), std::string::npos) << report.DebugString();
  EXPECT_EQ(report.analyses(0).spectra(0).title(), "sample 7");
  EXPECT_EQ(report.analyses(0).data_file(), "run.spc");
  EXPECT_EQ(report.analyses(0).sample_number(), "");
}

TEST(JcampDx, AFileIsTheSameInAnyEncodingAndWithAnyLineEnd) {
  const std::string file = absl::StrReplaceAll(JcampFile(6, {"400A0K%Tl", "404Ij2", "405c"}), {{"1/CM", "\xb5m\xb2"}});
  const dims::v1::Report report = JcampReport(file);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).spectra(0).x_unit(), "\xc2\xb5m\xc2\xb2");
  std::string wide = "\xff\xfe";
  for (const char c : file) wide += {c, '\0'};
  const std::string utf8 = "\xef\xbb\xbf" + absl::StrReplaceAll(file, {{"\xb5", "\xc2\xb5"}, {"\xb2", "\xc2\xb2"}});
  for (const std::string& other :
       {wide, utf8, absl::StrReplaceAll(file, {{"\r\n", "\n"}}), absl::StrReplaceAll(file, {{"\r\n", "\r"}}),
        absl::StrReplaceAll(file, {{"\r\n", " \r\r\n"}})}) {
    const dims::v1::Report same = JcampReport(other);
    EXPECT_EQ(same.problems_size(), 0) << same.DebugString();
    EXPECT_EQ(same.analyses(0).DebugString(), report.analyses(0).DebugString());
  }
}

TEST(JcampDx, ForeignTextIsNoReport) {
  for (const Driver* driver : Catalog()) {
    if (driver == &Jcamp()) continue;
    for (const Transcript& transcript : TranscriptsOf(*driver)) {
      std::string bytes;
      for (const TranscriptStep& step : transcript.steps) {
        if (step.kind == TranscriptStep::Kind::kInstrument) bytes += step.text;
      }
      for (const dims::v1::Report& report : JcampReports(bytes)) {
        EXPECT_EQ(report.analyses_size(), 0) << transcript.file;
        EXPECT_TRUE(HasProblem(report, dims::v1::PROBLEM_TYPE_NOISE)) << transcript.file;
      }
    }
  }
}

TEST(JcampDx, AnnouncedNumbersAreCounted) {
  const std::string block = "##TITLE= b\n##XYDATA= (XY..XY)\n1,2\n##END=\n";
  const auto linked = [&](int announced, int there) {
    std::string file = absl::StrCat("##TITLE= l\n##DATA TYPE= LINK\n##BLOCKS= ", announced, "\n");
    for (int i = 0; i < there; ++i) file += block;
    return JcampReport(file + "##END=\n");
  };
  EXPECT_EQ(linked(2, 2).problems_size(), 0);
  EXPECT_EQ(linked(2, 2).analyses_size(), 2);
  for (const int announced : {1, 3}) {
    EXPECT_TRUE(HasProblem(linked(announced, 2), dims::v1::PROBLEM_TYPE_COUNT_MISMATCH));
    EXPECT_EQ(linked(announced, 2).analyses_size(), 2);
  }
}

TEST(JcampDx, AnAnnouncedNumberIsThatOfOneTable) {
  const std::string begin = "##TITLE= t\n##FIRSTX= 1\n##LASTX= 3\n##NPOINTS= 3\n##XYDATA= (X++(Y..Y))\n1 5 6 7\n";
  EXPECT_EQ(JcampReport(begin + "##PEAK TABLE= (XY..XY)\n2, 6\n##END=\n").problems_size(), 0);
  EXPECT_TRUE(HasProblem(JcampReport(begin + "##NPOINTS= 2\n##PEAK TABLE= (XY..XY)\n2, 6\n##END=\n"),
                         dims::v1::PROBLEM_TYPE_COUNT_MISMATCH));
}

TEST(JcampDx, AFirstYIsThatOfOnePage) {
  const std::string begin =
      "##TITLE= t\n##NTUPLES= n\n##SYMBOL= F1, F2, Y\n##VAR_DIM= 2, 2, 2\n##FIRST= 5, 1, 10\n##LAST= 6, 2, 40\n";
  const auto page = [](absl::string_view first, absl::string_view y) {
    return absl::StrCat("##PAGE= F1\n", first, "##DATA TABLE= (F2++(Y..Y)), PROFILE\n1 ", y, " 3\n");
  };
  const auto problems = [&](const std::string& pages) {
    const dims::v1::Report report = JcampReport(begin + pages + "##END NTUPLES= n\n##END=\n");
    EXPECT_EQ(report.analyses(0).spectra_size(), 2);
    return report.problems_size();
  };
  EXPECT_EQ(problems(page("", "10") + page("", "20")), 0);
  EXPECT_EQ(problems(page("", "15") + page("", "20")), 1);
  EXPECT_EQ(problems(page("", "10") + page("##FIRST= 6, 1, 20\n", "20")), 0);
  EXPECT_EQ(problems(page("", "10") + page("##FIRST= 6, 1, 30\n", "20")), 1);
}

TEST(JcampDx, ABlockOfALinkTakesNoCopyOfWhatItInherits) {
  std::string file = "##TITLE= l\n##DATA TYPE= LINK\n";
  for (const char* label : {"CAS NAME", "NAMES", "DATE", "LONG DATE", "TIME", "MOLFORM"}) {
    absl::StrAppend(&file, "##", label, "= ", std::string(60'000, 'x'), "\n");
  }
  ResetHeapPeak();
  const std::size_t before = HeapInUse();
  std::string deep = file;
  for (int i = 0; i < 14; ++i) deep += "##TITLE= l\n##DATA TYPE= LINK\n";
  EXPECT_EQ(JcampReports(deep).size(), 1u);
  EXPECT_LT(HeapPeak() - before, 3u << 20);
}

TEST(JcampDx, WhatIsNoNumberIsNotChanged) {
  const dims::v1::Report report =
      JcampReport("##TITLE= t\n##FIRSTX= 4,000.0\n##LASTX= 402,5\n##XYPOINTS= (XY..XY)\n4000, 1\n##END=\n");
  EXPECT_EQ(report.analyses(0).spectra(0).first_x(), "4,000.0");
  EXPECT_EQ(report.analyses(0).spectra(0).last_x(), "402.5");
}

TEST(JcampDx, BlocksDeeperThanAnyFileEndTheReport) {
  std::string file;
  for (int i = 0; i < 40; ++i) absl::StrAppend(&file, "##TITLE= ", i, "\n##DATA TYPE= LINK\n");
  const std::vector<dims::v1::Report> reports = JcampReports(file);
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_TRUE(HasProblem(reports[0], dims::v1::PROBLEM_TYPE_OVERSIZE));
  EXPECT_TRUE(HasProblem(reports[2], dims::v1::PROBLEM_TYPE_TRUNCATED));
}

TEST(JcampDx, ATableThatIsNotKnownIsSaidNotGuessed) {
  const dims::v1::Report report =
      JcampReport("##TITLE= t\n##NPOINTS= 1\n##XYDATA= (Q~Z)\n1 2 3\n##XYPOINTS=\n(XY..XY)\n1,2\n##END=\n");
  ASSERT_EQ(report.problems_size(), 1) << report.DebugString();
  EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE);
  EXPECT_EQ(report.analyses(0).spectra_size(), 1);
  EXPECT_TRUE(
      HasProblem(JcampReport("##TITLE= t\n##DATA TYPE= INFRARED SPECTRUM\n##END=\n"), dims::v1::PROBLEM_TYPE_MISSING));
}

// The reports of a line that brings these pieces, each within the idle timeout, and is silent then.
std::vector<dims::v1::Report> ReportsOfALine(const std::vector<std::string>& pieces) {
  std::vector<dims::v1::Report> reports;
  const auto sink = [&](ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  };
  Parser parser(Jcamp(), DefaultOptions(Jcamp()));
  parser.Open(sink);
  for (const std::string& piece : pieces) {
    parser.Feed(piece, sink);
    parser.Timer(0, sink);
  }
  parser.Timer(0, sink);
  return reports;
}

TEST(JcampDx, ALineThatWasCutIsNotRead) {
  const std::string pairs = "##TITLE= t\n##XYDATA= (XY..XY)\n41,100\n45,12";
  const std::string profile = "##TITLE= t\n##FIRSTX= 400\n##DELTAX= 1\n##XYDATA= (X++(Y..Y))\n400 13 12\n402 1300 14";
  for (const std::string& bytes : {pairs, profile, pairs + "\n##XYDATA= (XY..XY) 4,1"}) {
    const std::size_t lines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    for (const std::vector<dims::v1::Report>& reports : {JcampReports(bytes), ReportsOfALine({bytes})}) {
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
      ASSERT_EQ(reports[0].problems_size(), 2) << reports[0].DebugString();
      EXPECT_EQ(reports[0].problems(0).type(), dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE);
      EXPECT_EQ(reports[0].problems(0).offset(), bytes.rfind('\n') + 1);
      ASSERT_EQ(reports[0].analyses(0).spectra_size(), 1);
      EXPECT_EQ(reports[0].analyses(0).spectra(0).points(), bytes == profile ? 2u : lines - 2) << bytes;
    }
  }
  const dims::v1::Report report = JcampReport(pairs + "\n##END=");
  EXPECT_EQ(report.problems_size(), 0) << "its end may lack an end of line";
  EXPECT_EQ(report.analyses(0).spectra(0).points(), 2u);
}

TEST(JcampDx, ASlowLineIsNotSilent) {
  std::vector<std::string> pieces;
  const std::string file = JcampFile(6, {"400 1 2 3", "403 4 5 6"});
  for (std::size_t at = 0; at < file.size(); at += 7) pieces.push_back(file.substr(at, 7));
  const std::vector<dims::v1::Report> reports = ReportsOfALine(pieces);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].DebugString(), JcampReport(file).DebugString());
}

}  // namespace
}  // namespace dims
