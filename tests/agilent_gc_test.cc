// Reports of GC and LC ChemStations: real ones, and what must hold for all of them.
#include "tests/agilent_gc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/gc/number.h"
#include "drivers/gc/table.h"
#include "drivers/text.h"
#include "tests/agilent_msd.h"
#include "tests/corpus.h"

namespace dims {
namespace {

using dims::v1::Analysis;
using dims::v1::Finding;
using dims::v1::Report;

// The one report that these bytes are.
Report Only(const std::string& bytes) {
  const std::vector<Report> reports = GcReports(bytes);
  EXPECT_EQ(reports.size(), 1u);
  return reports.empty() ? Report() : reports[0];
}

std::vector<std::string> Lines(const std::string& bytes) { return absl::StrSplit(bytes, "\r\n"); }

const std::vector<std::string>& WholeReports() {
  static const auto* names =
      new std::vector<std::string>{"area_percent", "internal_standard", "external_standard_pages", "sorted_by_time"};
  return *names;
}

TEST(AgilentGcCorpus, RealReportsAreReadWholeAndOnlyExcerptsDisagreeWithTheirTotals) {
  const auto files = CorpusFiles("agilent_chemstation/report_txt", ".Report.TXT");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  int peaks = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const Report report = Only(FileBytes(path));
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(report.raw_size(), std::filesystem::file_size(path));
    ASSERT_EQ(report.analyses_size(), 2);
    for (const Analysis& analysis : report.analyses()) {
      EXPECT_GT(analysis.findings_size(), 0);
      EXPECT_FALSE(analysis.area_sum().empty());
      EXPECT_FALSE(analysis.area_unit().empty());
      EXPECT_EQ(analysis.injection_volume().substr(0, 5), "1000 ");
      peaks += analysis.findings_size();
    }
  }
  EXPECT_EQ(peaks, 10);
  // These two were cut down by hand, and kept the total of what they were.
  for (const std::filesystem::path& path : CorpusFiles("agilent_chemstation/internal_standard_report", ".txt")) {
    SCOPED_TRACE(path.filename());
    const Report report = Only(FileBytes(path));
    EXPECT_EQ(Types(report), Problems{dims::v1::PROBLEM_TYPE_SUM_MISMATCH});
    ASSERT_EQ(report.analyses_size(), 1);
    EXPECT_EQ(report.analyses(0).findings_size(), 4);
    EXPECT_EQ(report.remarks_size(), 1);
    for (const Finding& finding : report.analyses(0).findings()) EXPECT_EQ(finding.amount().unit(), "ng/ul");
  }
}

// `printed` is `full`, rounded to as many digits as it has.
bool IsRounded(const std::string& printed, const std::string& full) {
  const gc::Number p = *gc::Number::Parse(printed), f = *gc::Number::Parse(full);
  absl::int128 scaled = f.units, power = 1;
  for (int places = f.scale; places > p.scale; --places) power *= 10;
  for (int places = f.scale; places < p.scale; ++places) scaled *= 10;
  return (2 * scaled + power) / (2 * power) == p.units;
}

TEST(AgilentGcCorpus, TheTablesOfRealFilesAgreeWithTheirPrintedReportToTheDigit) {
  const auto files = CorpusFiles("agilent_chemstation/report_txt", ".Report.TXT");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  int numbers = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string stem(absl::StripSuffix(path.string(), "Report.TXT"));
    // As they come where a data system's files are copied to a line.
    const Report csv =
        Only(FileBytes(stem + "Report00.CSV") + FileBytes(stem + "REPORT01.CSV") + FileBytes(stem + "REPORT02.CSV"));
    const Report printed = Only(FileBytes(path));
    EXPECT_EQ(csv.problems_size(), 0) << csv.DebugString();
    ASSERT_EQ(csv.analyses_size(), printed.analyses_size());
    for (int i = 0; i < csv.analyses_size(); ++i) {
      const Analysis &a = csv.analyses(i), &b = printed.analyses(i);
      EXPECT_EQ(a.sample_number(), b.sample_number());
      EXPECT_EQ(a.data_file(), b.data_file());
      EXPECT_EQ(a.method(), b.method());
      EXPECT_EQ(a.vial(), b.vial());
      EXPECT_EQ(a.signal(), b.signal());
      EXPECT_EQ(a.technique(), b.technique());
      EXPECT_EQ(a.report_title(), b.report_title());
      EXPECT_EQ(a.injection_volume(), b.injection_volume());
      EXPECT_EQ(a.reported_at_printed(), b.reported_at_printed());
      ASSERT_EQ(a.findings_size(), b.findings_size());
      for (int k = 0; k < a.findings_size(); ++k) {
        const dims::v1::Peak &p = a.findings(k).peak(), &q = b.findings(k).peak();
        EXPECT_EQ(p.number(), q.number());
        EXPECT_EQ(p.type(), q.type());
        for (const auto& [full, rounded] : {std::pair(a.findings(k).retention_time(), b.findings(k).retention_time()),
                                            {p.width(), q.width()},
                                            {p.area(), q.area()},
                                            {p.height(), q.height()},
                                            {p.area_percent(), q.area_percent()}}) {
          EXPECT_TRUE(IsRounded(rounded, full)) << rounded << " is not " << full << ", rounded";
          ++numbers;
        }
      }
    }
  }
  std::cerr << files.size() << " real reports, " << numbers << " numbers compared\n";
  EXPECT_EQ(numbers, 50);
}

TEST(AgilentGc, TheSameTextInAnyEncodingMeansTheSame) {
  for (const std::string& name : WholeReports()) {
    SCOPED_TRACE(name);
    const std::string bytes = GcTranscript(name);  // cp1252
    const std::string meaning = Meaning(Only(bytes));
    std::string ascii = absl::StrReplaceAll(bytes, {{"\xb5", "u"}, {"\xe9", "e"}});
    const std::string plain = Meaning(Only(ascii));
    EXPECT_EQ(plain, absl::StrReplaceAll(meaning, {{"\\302\\265", "u"}, {"\\303\\251", "e"}}));
    for (const bool big_endian : {false, true}) {
      for (const bool mark : {false, true}) {
        EXPECT_EQ(Meaning(Only(Wide(ascii, big_endian, mark))), plain) << big_endian << mark;
      }
    }
    EXPECT_EQ(Meaning(Only(absl::StrReplaceAll(bytes, {{"\xb5", "\xc2\xb5"}, {"\xe9", "\xc3\xa9"}}))), meaning);
    EXPECT_EQ(Meaning(Only(absl::StrReplaceAll(bytes, {{"\r\n", "\n"}}))), meaning);
  }
}

TEST(AgilentGc, AMethodsNameIsTheSameWhereverItsPathIsWrapped) {
  const std::string path = "C:\\Chem32\\1\\My Methods\\SCREEN of powders (v2).M (Sequence Method)";
  const std::string before = "Method          : ", after = "Last changed";
  std::string bytes = GcTranscript("area_percent");
  const std::size_t begin = bytes.find(before), end = bytes.find(after);
  for (std::size_t at = 1; at < path.size(); ++at) {
    const std::string wrapped = absl::StrCat(bytes.substr(0, begin), before, path.substr(0, at), "\r\n",
                                             std::string(18, ' '), path.substr(at), "\r\n", bytes.substr(end));
    const Report report = Only(wrapped);
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    // A blank that begins a line cannot be told from those that indent it: a data system leaves it on the line before.
    if (path[at] == ' ') continue;
    EXPECT_EQ(report.analyses(0).method(), "SCREEN of powders (v2).M") << at;
  }
}

TEST(AgilentGc, APageMayEndAtAnyLineOfTheBody) {
  for (const std::string& name : WholeReports()) {
    const std::string bytes = GcTranscript(name);
    const std::vector<std::string> lines = Lines(bytes);
    const std::string page =
        absl::StrCat("\r\nGC 2 1/1/2026 2:02:44 PM op1      Page  1 of 9\r\n\f", lines[0], "\r\n", lines[1], "\r\n");
    const Report whole = Only(bytes);
    int pages = 0;
    for (std::size_t i = 1; lines[i - 1].find("*** End") == std::string::npos; ++i) {
      if (bytes.find("Sorted By") > absl::StrJoin(lines.begin(), lines.begin() + static_cast<int>(i), "\r\n").size()) {
        continue;
      }
      // Data systems keep a title between its rules.
      if (absl::StartsWith(lines[i], "===") || absl::StartsWith(lines[i - 1], "===")) continue;
      SCOPED_TRACE(absl::StrCat(name, ", before line ", i, ": ", lines[i]));
      std::vector<std::string> paged = lines;
      paged.insert(paged.begin() + static_cast<std::ptrdiff_t>(i), page);
      Report report = Only(absl::StrJoin(paged, "\r\n"));
      EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
      for (Analysis& analysis : *report.mutable_analyses()) {
        // Where the report is not dated at its beginning, its footers are.
        analysis.set_reported_at_printed(whole.analyses(0).reported_at_printed());
      }
      EXPECT_EQ(Meaning(report), Meaning(whole));
      ++pages;
    }
    EXPECT_GT(pages, 10) << name;
  }
}

TEST(AgilentGc, WhateverHappensToTheLineThatNamesATraceItsPeaksAreNoOtherTraces) {
  const std::string bytes = GcTranscript("area_percent"), line = "Signal 2: TCD2 B";
  const std::size_t at = bytes.find(line);
  std::vector<std::string> damaged = {Replaced(bytes, line, ""), Replaced(bytes, line, "~~~~~~~~~")};
  for (std::size_t i = 0; i < absl::string_view("Signal 2:").size(); ++i) {
    damaged.push_back(bytes);
    damaged.back()[at + i] = '~';
    damaged.push_back(bytes);
    damaged.back().erase(at + i, 1);
  }
  for (const std::string& text : damaged) {
    SCOPED_TRACE(text.substr(at, 20));
    const Report report = Only(text);
    EXPECT_GT(report.problems_size(), 0);
    ASSERT_EQ(report.analyses_size(), 2) << report.DebugString();
    EXPECT_EQ(report.analyses(0).signal(), "FID1 A");
    EXPECT_EQ(report.analyses(0).findings_size(), 3);
    EXPECT_EQ(report.analyses(0).area_sum(), "8.44553e4");
    EXPECT_EQ(report.analyses(1).signal(), "");
    EXPECT_EQ(report.analyses(1).findings_size(), 1);
  }
}

TEST(AgilentGc, RowsOfATraceThatIsNotListedAreNoOtherTraces) {
  const std::string bytes = GcTranscript("sorted_by_time");
  const Report report = Only(Replaced(bytes, "Signal 1: DAD1 A, Sig=254,4 Ref=off\r\n", ""));
  EXPECT_EQ(Types(report), Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT});
  ASSERT_EQ(report.analyses_size(), 2);
  EXPECT_EQ(report.analyses(0).signal(), "VWD1 A, Wavelength=210 nm");
  EXPECT_EQ(report.analyses(0).findings_size(), 2);
  EXPECT_EQ(report.analyses(1).signal(), "");
  EXPECT_EQ(report.analyses(1).findings_size(), 2);
}

TEST(AgilentGc, RowsBelowALostHeadAreOfNoOtherTable) {
  std::string bytes = GcTranscript("area_percent");
  const std::size_t begin = bytes.find("   3   4.993"), end = bytes.find("   1   2.415");
  bytes.erase(begin, end - begin);
  const Report report = Only(bytes);
  EXPECT_THAT(Types(report), testing::Contains(dims::v1::PROBLEM_TYPE_MISSING));
  ASSERT_EQ(report.analyses_size(), 1);
  EXPECT_EQ(report.analyses(0).findings_size(), 2);
  EXPECT_EQ(report.analyses(0).area_sum(), "");
}

TEST(AgilentGc, UncalibratedPeaksMayHaveATableOfTheirOwnOfTheSameTrace) {
  std::string bytes = GcTranscript("external_standard_pages");
  const std::size_t at = bytes.find("1 Warnings");
  bytes.insert(at,
               "Uncalibrated Peaks :\r\n\r\nRetTime  Type     Area     Amt/Area    Amount   Grp   Name\r\n"
               " [min]          [mAU*s]               [ug/ml]  \r\n"
               "-------|------|----------|----------|----------|--|------------------\r\n"
               "  7.104 BB       12.33190 1.00000e0    12.33190    ?\r\nTotals :                                    "
               "12.33190\r\n\r\n");
  const Report report = Only(bytes);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 1);
  EXPECT_EQ(report.analyses(0).findings_size(), 5);
}

TEST(AgilentGc, WhatIsTypedIsNoValueOfTheHeader) {
  const std::string bytes = GcTranscript("area_percent");
  for (const char* typed : {"Sample Info     : bag of white powder, seized at Location : Amsterdam",
                            "Sample Info     : of which was injected   Inj Volume : 7",
                            "Method Info     : for a vial of that kind, with Vial : 9 of it"}) {
    const Report report = Only(Replaced(bytes, "Sequence File", absl::StrCat(typed, "\r\nSequence File")));
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(Meaning(report), Meaning(Only(bytes))) << typed;
  }
}

TEST(AgilentGc, AVolumeThatIsNotTheSequencesIsLeftOutWhereItIsNotSaid) {
  const std::string bytes = GcTranscript("header");
  const Report report = Only(Replaced(bytes, "     Actual Inj Volume : 10.000 \xb5l", ""));
  EXPECT_EQ(Types(report), Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE});
  EXPECT_EQ(report.analyses(0).injection_volume(), "");
}

TEST(AgilentGc, ColumnsAreWhereTheRulerSaysTheyAre) {
  const std::string bytes = GcTranscript("area_percent");
  const std::string meaning = Meaning(Only(bytes));
  std::vector<std::string> lines = Lines(bytes);
  for (std::size_t column = 0; column < 7; ++column) {
    for (const std::size_t wider : {1u, 2u, 5u}) {
      std::vector<std::string> moved = lines;
      for (std::size_t i = 0; i < moved.size(); ++i) {
        if (moved[i].substr(0, 5) != "----|") continue;
        std::size_t at = 0;  // where the column begins
        for (std::size_t k = 0; k < column; ++k) at = moved[i].find('|', at) + 1;
        // Names, units, ruler, and the rows up to their total.
        for (std::size_t k = i - 2; moved[k].substr(0, 6) != "Totals"; ++k) {
          if (k != i && at < moved[k].size()) moved[k].insert(at, wider, ' ');
        }
        moved[i].insert(at, wider, '-');
      }
      const Report report = Only(absl::StrJoin(moved, "\r\n"));
      EXPECT_EQ(Meaning(report), meaning) << column << " by " << wider;
      EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    }
  }
}

TEST(AgilentGc, AnyLeadingDigitOfAnAreaThatChangesIsNoticed) {
  for (const std::string name : {"area_percent", "sorted_by_time"}) {
    const std::string bytes = GcTranscript(name);
    int changed = 0;
    const Report whole = Only(bytes);
    for (const Analysis& analysis : whole.analyses()) {
      for (const Finding& finding : analysis.findings()) {
        const std::string& area = finding.peak().area();
        const std::size_t at = bytes.find(area);
        ASSERT_NE(at, std::string::npos);
        for (std::size_t i = 0; i < 3; ++i) {
          if (area[i] == '.') continue;
          std::string damaged = bytes;
          damaged[at + i] = area[i] == '9' ? '8' : static_cast<char>(area[i] + 1);
          EXPECT_GT(Only(damaged).problems_size(), 0) << area << " at " << i;
          ++changed;
        }
      }
    }
    EXPECT_GE(changed, 8);
  }
}

TEST(AgilentGc, ALineThatIsLostOrDoubledIsNoticed) {
  for (const std::string& name : {std::string("area_percent"), std::string("internal_standard")}) {
    const std::vector<std::string> lines = Lines(GcTranscript(name));
    int looked_at = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const WordList words = Words(lines[i]);
      // Nothing adds up an internal standard.
      const bool row = words.size() > 5 && words[2] != "I" && IsFixed(words[0], 3) + IsFixed(words[1], 3) == 1;
      const bool ruler = absl::StartsWith(lines[i], "----|-------|") || absl::StartsWith(lines[i], "-------|");
      if (!row && !ruler && !absl::StartsWith(lines[i], "Totals") && !absl::StartsWith(lines[i], "Warning")) continue;
      std::vector<std::string> lost = lines, doubled = lines;
      lost.erase(lost.begin() + static_cast<std::ptrdiff_t>(i));
      EXPECT_GT(Only(absl::StrJoin(lost, "\r\n")).problems_size(), 0) << lines[i];
      ++looked_at;
      if (ruler) continue;
      doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
      EXPECT_GT(Only(absl::StrJoin(doubled, "\r\n")).problems_size(), 0) << lines[i];
    }
    EXPECT_GE(looked_at, 8) << name;
  }
}

TEST(AgilentGc, AReportWithoutItsEndIsInterruptedOrTruncated) {
  const std::string bytes = GcTranscript("area_percent");
  const std::string cut = bytes.substr(0, bytes.find("*** End"));
  EXPECT_EQ(Types(Only(cut)), Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED});
  const std::vector<Report> reports = GcReports(cut + GcTranscript("sorted_by_time"));
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(Types(reports[0]), Problems{dims::v1::PROBLEM_TYPE_TRUNCATED});
  EXPECT_EQ(reports[1].problems_size(), 0);
  EXPECT_EQ(Meaning(reports[0]), Meaning(Only(bytes))) << "what came is kept";
}

TEST(AgilentGc, TheDataSystemsOwnErrorIsAProblemAndItsWarningIsNot) {
  const std::string bytes = GcTranscript("external_standard_pages");
  EXPECT_EQ(Only(bytes).problems_size(), 0);
  const Report error = Only(Replaced(bytes, "Warning : Cal", "Error : Cal"));
  EXPECT_EQ(Types(error), Problems{dims::v1::PROBLEM_TYPE_INSTRUMENT});
  EXPECT_EQ(error.remarks(0), "Calibrated compound(s) not found");
  EXPECT_EQ(Types(Only(Replaced(bytes, "1 Warnings", "2 Warnings"))), Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH});
  const Report folder = Only(Replaced(bytes, "Calibrated compound(s) not found", "no file C:\\Somebody\\X.M"));
  EXPECT_EQ(folder.problems_size(), 0);
  EXPECT_EQ(folder.remarks_size(), 0) << "folders are not carried";
  const Report wrapped = Only(Replaced(bytes, "compound(s) not", "compound(s)\r\n          not"));
  EXPECT_EQ(wrapped.problems_size(), 0) << wrapped.DebugString();
  EXPECT_EQ(wrapped.remarks(0), "Calibrated compound(s) not found");
  const Report footed = Only(Replaced(bytes, "not found\r\n", "not found\r\nGC 2 1/16/2026 4:10:07 PM somebody\r\n"));
  EXPECT_EQ(footed.problems_size(), 0) << footed.DebugString();
  EXPECT_EQ(footed.DebugString().find("somebody"), std::string::npos);
}

TEST(AgilentGc, WhatPeopleAreCalledAndTypeIsNotCarried) {
  const std::string bytes =
      absl::StrReplaceAll(GcTranscript("internal_standard"), {{"SYSTEM", "somebody"}, {"\\Data\\", "\\somebody\\"}});
  const std::string text = Only(bytes).DebugString();
  EXPECT_EQ(text.find("somebody"), std::string::npos) << text;
  EXPECT_EQ(text.find("typed"), std::string::npos) << text;
}

TEST(AgilentGc, APartOfAnUnknownKindIsSaidToBeSoOnceAndIsLeftOut) {
  const std::string rule(69, '=');
  std::string bytes = GcTranscript("area_percent");
  const std::size_t at = bytes.find(rule, bytes.find("Totals"));
  bytes.insert(
      at, absl::StrCat(rule, "\r\n     Calibration Curves\r\n", rule, "\r\nof this\r\nand that : 5\r\n  1 2 3\r\n"));
  const Report report = Only(bytes);
  EXPECT_EQ(Types(report), Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE});
  EXPECT_EQ(Meaning(report), Meaning(Only(GcTranscript("area_percent"))));
}

TEST(AgilentGc, ATraceMoreThanThereIsRoomForIsLeftOutAndNotGivenToAnother) {
  std::string bytes = GcTranscript("area_percent");
  const std::size_t begin = bytes.find("Signal 1:"), end = bytes.find("Signal 2:");
  const std::string trace = bytes.substr(begin, end - begin);
  for (int i = 0; i < 70; ++i) bytes.insert(begin, trace);
  const Report report = Only(bytes);
  ASSERT_EQ(report.analyses_size(), 64);
  for (const Analysis& analysis : report.analyses()) EXPECT_EQ(analysis.findings_size(), 3);
  EXPECT_EQ(report.problems_size(), 8) << "one for each trace that is left out";
}

TEST(AgilentGc, SumsOfPeaksAreAnAnalysisOfTheirOwnWhereThereAreSome) {
  std::string bytes = GcTranscript("area_percent");
  const std::size_t at = bytes.rfind("                          *** End");
  bytes.insert(at,
               "\r\nName          Total Area    Amount\r\n                [pA*s]     [ng/ul]\r\n"
               "-------------|-----------|----------|\r\nalkaloids      1234.50000   17.50000\r\n");
  const Report report = Only(bytes);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 3);
  EXPECT_EQ(report.analyses(2).report_title(), "Final Summed Peaks Report");
  ASSERT_EQ(report.analyses(2).findings_size(), 1);
  EXPECT_EQ(report.analyses(2).findings(0).label(), "alkaloids");
  EXPECT_EQ(report.analyses(2).findings(0).amount().value(), "17.50000");
}

TEST(AgilentGc, ThePrintOutsOfOneWorkstationAreNoiseToTheDriverOfTheOther) {
  const auto only_noise = [](const Driver& reader, const Driver& writer) {
    for (const Input& input : InputsOf(writer)) {
      for (const Report& report : GcReports(input.bytes, Ending::kEndOfInput, reader)) {
        EXPECT_EQ(report.analyses_size(), 0) << reader.name << " reads " << input.name << report.DebugString();
        if (testing::Test::HasFailure()) return;
      }
    }
  };
  only_noise(Gc(), Msd());
  // One of this driver's transcripts holds a piece of the other's.
  for (const std::string& name : WholeReports()) {
    for (const Report& report : GcReports(GcTranscript(name), Ending::kEndOfInput, Msd())) {
      EXPECT_EQ(report.analyses_size(), 0) << name;
    }
  }
}

TEST(AgilentGcCsv, AHeaderThatIsCutIsInterruptedAndAWholeOneEndsBySilence) {
  const std::string bytes = GcTranscript("csv");
  const std::size_t header = bytes.find("\r\n1,") + 2;
  EXPECT_EQ(Only(bytes.substr(0, header)).problems_size(), 0);
  EXPECT_EQ(Only(bytes.substr(0, header)).analyses_size(), 2) << "each trace, although its table is elsewhere";
  const std::size_t cut = bytes.find("\"Column 4\"");
  EXPECT_EQ(Types(Only(bytes.substr(0, cut))), Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED});
  const Report report = Only(Replaced(bytes, "\"Number of Signals\",2", "\"Number of Signals\",3"));
  EXPECT_EQ(Types(report), Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH});
}

TEST(AgilentGcCsv, ATableThatIsReadByAHeadersColumnsMayHaveOthers) {
  const std::string bytes =
      "\"Sample Name\",\"S 1\",\"\"\r\n\"Data File\",\"C:\\x\\\",\"S1.D\"\r\n\"Injection Date\",\"18-Jan-26, "
      "13:50:12\",\"\"\r\n"
      "\"Report Title\",\"External Standard Report\",\"\"\r\n\"Number of Signals\",1,\"\"\r\n\"Signal 1\",\"DAD1 "
      "A\",\"\"\r\n"
      "\"Number of Columns\",6,\"\"\r\n\"Column 1\",\"Retention Time\",\"min\"\r\n\"Column 2\",\"Peak Type\",\"\"\r\n"
      "\"Column 3\",\"Area\",\"mAU*s\"\r\n\"Column 4\",\"Amt/Area\",\"\"\r\n\"Column 5\",\"Amount\",\"ug/ml\"\r\n"
      "\"Column 6\",\"Compound Name\",\"\"\r\n"
      "2.104,\"BB\",812.331909179688,0.0123177,10.0061672,\"Caffeine\"\r\n3.95,\"\",-,-,-,\"Levamisole\"\r\n";
  const Report report = Only(bytes);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 1);
  ASSERT_EQ(report.analyses(0).findings_size(), 2);
  EXPECT_EQ(report.analyses(0).findings(0).amount().unit(), "ug/ml");
  EXPECT_EQ(report.analyses(0).findings(1).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
}

TEST(AgilentGcCsv, ATableEndsWithItsFile) {
  std::string bytes = GcTranscript("csv_tables_missing");
  bytes.erase(0, bytes.find("\"Sample Name\"", 1));
  bytes = Replaced(bytes, "2.6,\"BB\"", "4.5,\"BB\"");
  const Report joined = Only(bytes);
  EXPECT_EQ(Types(joined), Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}) << "nothing tells where the second begins";
  EXPECT_EQ(joined.analyses_size(), 1);
  EXPECT_EQ(joined.analyses(0).signal(), "");
  const Report report = Only(Replaced(bytes, "4.5,\"BB\"",
                                      "\xef\xbb\xbf"
                                      "4.5,\"BB\""));
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 2);
  EXPECT_EQ(report.analyses(0).findings_size(), 2);
  EXPECT_EQ(report.analyses(1).signal(), "TCD2 B");
  EXPECT_EQ(report.analyses(1).findings_size(), 1);
  std::string third = bytes;
  for (const char* row : {"2.5", "2.4", "2.3"}) absl::StrAppend(&third, row, ",\"BB\",7.5,1.5,\"x\"\r\n");
  const Report four = Only(third);
  EXPECT_EQ(Types(four), Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH});
  for (const Analysis& analysis : four.analyses()) EXPECT_EQ(analysis.signal(), "");
}

TEST(AgilentGcCsv, WhatOnlyResemblesATableIsNoise) {
  for (const std::string bytes : {"1,2.5,3.5,4.5,5.5,6.5,7.5\r\n", "1,2.5,\"12\",0.5,5.5,6.5,7.5\r\n",
                                  "1,2,\"BB\",3\r\n", "\"Sample\",\"Name\"\r\n", "x,2.5,\"BB\",0.5,5.5,6.5,100\r\n"}) {
    for (const Report& report : GcReports(bytes)) EXPECT_EQ(report.analyses_size(), 0) << bytes;
  }
}

}  // namespace
}  // namespace dims
