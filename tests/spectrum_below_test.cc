// What stands below the rows of a table: text, rows that are damaged, and whatever was sent behind it.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/reports.h"

namespace dims {
namespace {

using dims::v1::Report;
using dims::v1::Spectrum;

constexpr auto kLine = dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE;
constexpr auto kEncoding = dims::v1::PROBLEM_TYPE_ENCODING;
constexpr auto kInconsistent = dims::v1::PROBLEM_TYPE_INCONSISTENT;
constexpr auto kNoise = dims::v1::PROBLEM_TYPE_NOISE;

std::string Rows(int first, int count, const std::string& rest) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, first + i, ".5", rest, "\r\n");
  return text;
}

const std::string kTable = "one\r\nnm;A\r\n" + Rows(400, 9, ";1.5");

std::string Cary(const std::string& name) { return name + ",\r\nWavelength (nm),Abs,\r\n" + Rows(300, 9, ",1.25,"); }

std::string Jasco(const std::string& title, const std::string& points, const std::string& rows) {
  return absl::StrCat("TITLE\t", title, "\r\nDATA TYPE\tRAMAN SPECTRUM\r\nDATE\t26/01/19\r\nXUNITS\t1/CM\r\nNPOINTS\t",
                      points, "\r\nXYDATA\r\n", rows);
}

std::string Enlighten(const std::string& version, const std::string& time) {
  return absl::StrCat("ENLIGHTEN Version,", version, "\r\nTechnique,Raman\r\nTimestamp,", time,
                      "\r\n\r\nWavelength,Processed\r\n", Rows(800, 9, ",310.25"));
}

std::vector<Report> ReadAll(const std::string& text) { return ReportsOf("spectrum_text", text); }

Report Read(const std::string& text) {
  const std::vector<Report> reports = ReadAll(text);
  EXPECT_EQ(reports.size(), 1u) << text;
  return reports.empty() ? Report() : reports[0];
}

std::vector<uint64_t> PointsOf(const Report& report) {
  std::vector<uint64_t> points;
  for (const dims::v1::Analysis& analysis : report.analyses()) {
    for (const Spectrum& spectrum : analysis.spectra()) points.push_back(spectrum.points());
  }
  return points;
}

using Points = std::vector<uint64_t>;

// Behind a blank line below the rows stands what the program has to say beside them.
TEST(SpectrumBelow, TextBelowATableIsNoProblemUnlessRowsFollowIt) {
  const std::string table = kTable;
  std::string log = "\r\nLog:\r\n\r\nData mode    Fluorescence\r\nCollection Time: 19/01/2026 10:41:07\r\n";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&log, "Step ", i, ": done\r\n");
  const dims::v1::Report report = Read(table + log);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).acquired_at_printed(), "19/01/2026 10:41:07");
  EXPECT_EQ(report.analyses(0).spectra(0).kind(), dims::v1::SPECTRUM_KIND_FLUORESCENCE);
  // Without the blank line each line could be a row that is damaged, and so could what is like one in the text.
  EXPECT_EQ(TypesOf(Read(table + "Log:\r\n")), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(TypesOf(Read(table + "\r\n409x5;1.5\r\n")), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(TypesOf(Read(table + log + "409x5;1.5\r\n")), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  // Where rows follow it stood within the table: all of it is said.
  const dims::v1::Report within = Read(table + log + Rows(409, 2, ";1.5"));
  EXPECT_EQ(TypesOf(within), ProblemTypes(33, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE));
  EXPECT_EQ(within.problems(0).message(), "11 lines that are no rows of the table, and more below; row 10 follows");
  EXPECT_EQ(within.analyses(0).spectra(0).points(), 11u);
  EXPECT_EQ(within.analyses(0).acquired_at_printed(), "");
  // Another table behind it was measured at another time, and perhaps in another way.
  const dims::v1::Report both =
      Read(table + log + "\r\ntwo\r\nnm;B\r\n" + Rows(500, 9, ";1.5") + "\r\n" + log.substr(0, 9));
  EXPECT_EQ(TypesOf(both), (ProblemTypes{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << both.DebugString();
  EXPECT_EQ(both.analyses(0).acquired_at_printed(), "");
  ASSERT_EQ(both.analyses(0).spectra_size(), 2);
  EXPECT_EQ(both.analyses(0).spectra(0).kind(), dims::v1::SPECTRUM_KIND_FLUORESCENCE);
  EXPECT_EQ(both.analyses(0).spectra(1).kind(), dims::v1::SPECTRUM_KIND_UNSPECIFIED);
}

TEST(SpectrumBelow, RowsOfWhateverFormAreNoText) {
  for (const auto& [below, count] :
       std::vector<std::pair<std::string, std::size_t>>{{Rows(500, 40, "\t0.25"), 40},
                                                        {"X\tY\r\n" + Rows(500, 40, "\t0.25"), 40},
                                                        {Rows(409, 20, " 1.5"), 20},
                                                        {Rows(409, 5, ",1.5"), 5},
                                                        {"400,123;1,5\t2\r\n", 1},
                                                        {"4091.5\r\n", 1},
                                                        {"409.5E+1\r\n", 1},
                                                        {"412\r\n", 1},
                                                        {"x09;1.5\r\nx10;1.5\r\n", 2},
                                                        {"409.5;?\r\n", 1},
                                                        {"Log\r\nx09;1.5\r\nend\r\n", 1}}) {
    const Report report = Read(kTable + "\r\n" + below);
    EXPECT_EQ(TypesOf(report), ProblemTypes(count, kLine)) << below;
    EXPECT_EQ(PointsOf(report), Points{9}) << below;
  }
  for (const char* text : {"Laser;785", "Done: 100 %", "Start (nm)     300.00", "2 scans", "---", "Anna;Bert"}) {
    EXPECT_EQ(Read(absl::StrCat(kTable, "\r\n", text, "\r\n")).problems_size(), 0) << text;
  }
}

TEST(SpectrumBelow, WhereRowsFollowBlankLinesOneShowsNothing) {
  for (const char* end : {"\r\n\r\n", "\r\r\n"}) {
    for (const char* last : {"412", "x12;1.5", "some words"}) {
      const Report report = Read(absl::StrReplaceAll(kTable + last + "\r\n", {{"\r\n", end}}));
      EXPECT_EQ(TypesOf(report), ProblemTypes{kLine}) << last << report.DebugString();
      EXPECT_EQ(PointsOf(report), Points{9});
    }
    const Report both = Read(absl::StrReplaceAll(kTable + "two\r\nnm;B\r\n" + Rows(500, 9, ";1.5"), {{"\r\n", end}}));
    EXPECT_EQ(both.problems_size(), 0) << both.DebugString();
    EXPECT_EQ(PointsOf(both), (Points{9, 9}));
  }
}

TEST(SpectrumBelow, DamagedBytesAreSaidOnceInTextAndAgainInNames) {
  EXPECT_EQ(TypesOf(Read(kTable + "\r\nsome text \x81\x8d\r\nmore \x81\r\nmore \x8d\r\n")), ProblemTypes{kEncoding});
  std::string garbage;
  for (int i = 0; i < 3000; ++i) garbage += static_cast<char>(128 + i * 7 % 128);
  EXPECT_EQ(TypesOf(Read(kTable + "\r\n" + garbage + "\r\n")), ProblemTypes{kEncoding});
  const std::string named = "nm;Intens\x81t\r\n" + Rows(500, 9, ";1.5");
  for (const char* above : {"", "\r\n", "\r\nLog\r\n"}) {
    EXPECT_EQ(TypesOf(Read(kTable + above + named)), ProblemTypes{kEncoding}) << above;
  }
  EXPECT_EQ(TypesOf(Read(kTable + "\r\nLog \x8d\r\n" + named)), (ProblemTypes{kEncoding, kEncoding}));
}

TEST(SpectrumBelow, BelowJascosOwnMarkIsTextButNoTable) {
  const std::string first = Jasco("A", "9", Rows(400, 9, "\t1.5"));
  const std::string trailer = "\r\n[Comments]\r\nUser\tx\r\n\r\n", second = Jasco("B", "9", Rows(400, 9, "\t2.5"));
  ASSERT_EQ(ReadAll(first + trailer + second).size(), 2u);
  // Without its first line, or with that damaged, the next file begins all the same.
  for (const std::string& cut : {second.substr(9), "TITL\tB\r\n" + second.substr(9)}) {
    for (const std::string& below : {trailer, std::string("\r\n"), std::string()}) {
      const std::vector<Report> reports = ReadAll(first + below + cut);
      ASSERT_EQ(reports.size(), 2u) << reports[0].DebugString();
      EXPECT_GE(reports[0].problems_size(), 1);
      EXPECT_EQ(PointsOf(reports[0]), Points{9});
      EXPECT_EQ(reports[1].problems_size(), 0);
      EXPECT_EQ(PointsOf(reports[1]), Points{9});
      EXPECT_EQ(reports[1].analyses(0).acquired_at_printed(), "26/01/19");
    }
  }
  // What another program wrote behind it is not lost in the text.
  for (const std::string& other : {kTable, Cary("Sample 1")}) {
    for (const std::string& below : {trailer, std::string("\r\n")}) {
      const std::vector<Report> reports = ReadAll(first + below + other);
      ASSERT_EQ(reports.size(), 2u);
      EXPECT_EQ(TypesOf(reports[0]), ProblemTypes{kLine});
      EXPECT_EQ(TypesOf(reports[1]), ProblemTypes{kNoise}) << "too short without its names";
    }
  }
  EXPECT_EQ(TypesOf(Read(first + trailer + Rows(409, 3, "\t1.5"))), ProblemTypes(3, kLine));
}

TEST(SpectrumBelow, RowsBeyondThoseThatJascoCountsAreRows) {
  const Report report = Read(Jasco("A", "5", Rows(400, 5, "\t1.5") + "\r\n405x1.5\r\n" + Rows(406, 3, "\t1.5")));
  EXPECT_EQ(TypesOf(report), (ProblemTypes{kLine, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
  EXPECT_EQ(PointsOf(report), Points{8});
}

TEST(SpectrumBelow, ALogSpeaksOfTheTablesAboveItAndBelowTheLastLog) {
  const std::string log = "\r\nLog\r\nData mode      Fluorescence\r\n", second = "nm;B\r\n" + Rows(500, 9, ";1.5");
  const auto kinds = [](const Report& report) {
    std::vector<bool> fluorescence;
    for (const Spectrum& spectrum : report.analyses(0).spectra()) {
      fluorescence.push_back(spectrum.kind() == dims::v1::SPECTRUM_KIND_FLUORESCENCE);
    }
    return fluorescence;
  };
  using Kinds = std::vector<bool>;
  EXPECT_EQ(kinds(Read(kTable + second + log)), (Kinds{true, true}));
  EXPECT_EQ(kinds(Read(kTable + log + second)), (Kinds{true, false}));
  EXPECT_EQ(kinds(Read(kTable + "\r\nData mode      Absorbance\r\n\r\n" + second + log)), (Kinds{false, true}));
  EXPECT_EQ(kinds(Read(kTable + "two\r\n" + second + log)), (Kinds{false, true}));
  // Rows follow it: it was no log.
  const Report within = Read(kTable + log + Rows(409, 3, ";1.5"));
  EXPECT_EQ(kinds(within), Kinds{false});
  EXPECT_EQ(TypesOf(within), ProblemTypes(2, kLine));
}

TEST(SpectrumBelow, OfSeveralTablesThereIsNoTimeAndThatIsSaid) {
  const std::string time = "Collection Time: 19/01/2026 10:41:07\r\n";
  const std::string head = "one\r\nDate: 1.1.2026\r\nnm;A\r\n" + Rows(400, 9, ";1.5"), names = "nm;B\r\n";
  const std::string rows = Rows(500, 9, ";1.5");
  for (const std::string& text :
       {Cary("A") + "\r\nA\r\n" + time + "\r\n" + Cary("B") + "\r\nB\r\n" + time,
        Cary("A") + "\r\nA\r\nno time\r\n\r\n" + Cary("B") + "\r\nB\r\n" + time,
        Cary("A") + "\r\nA\r\n" + time + "\r\n" + Cary("B"), head + "two\r\nDate: 2.2.2026\r\n" + names + rows,
        head + "\r\ntwo\r\nDate: 2.2.2026\r\n" + names + rows, head + "two\r\n" + names + rows,
        head + "\r\ntwo\r\n" + names + rows, Cary("A") + Cary("B") + "\r\nB\r\n" + time}) {
    const Report report = Read(text);
    EXPECT_EQ(TypesOf(report), ProblemTypes{kInconsistent}) << text << report.DebugString();
    EXPECT_EQ(report.analyses(0).acquired_at_printed(), "");
    EXPECT_EQ(PointsOf(report), (Points{9, 9}));
  }
  for (const char* blank : {"", "\r\n"}) {
    const Report report = Read(head + blank + names + rows);
    EXPECT_EQ(report.problems_size(), 0);
    EXPECT_EQ(report.analyses(0).acquired_at_printed(), "1.1.2026");
  }
}

TEST(SpectrumBelow, TheFirstLineOfEnlightenBeginsAFile) {
  for (const char* between : {"", "\r\n"}) {
    const std::vector<Report> reports = ReadAll(Enlighten("1.0", "T1") + between + Enlighten("1.1", "T2"));
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].analyses(0).acquired_at_printed(), "T1");
    EXPECT_EQ(reports[1].analyses(0).acquired_at_printed(), "T2");
    EXPECT_EQ(reports[0].problems_size() + reports[1].problems_size(), 0);
  }
  // Of one whose rows are not found nothing goes into the next one.
  const std::vector<Report> damaged =
      ReadAll(absl::StrReplaceAll(Enlighten("1.0", "T1"), {{"800.5", "8?0.5"}}) + "\r\n" + Enlighten("1.0", "T2"));
  ASSERT_EQ(damaged.size(), 2u);
  EXPECT_EQ(TypesOf(damaged[0]), ProblemTypes{kNoise});
  EXPECT_EQ(damaged[1].analyses(0).acquired_at_printed(), "T2");
}

TEST(SpectrumBelow, ATableThatIsNotFoundGivesNothingToTheNextAndIsSaid) {
  const std::string lost = absl::StrReplaceAll(Enlighten("1.0", "T1"), {{"Wavelength,Processed", "Wave?Processed"}});
  for (const auto& [next, time] : {std::pair(kTable, ""), std::pair("Date: 1.1.2026\r\n" + kTable, "1.1.2026")}) {
    const Report report = Read(lost + "\r\n" + next);
    EXPECT_EQ(TypesOf(report), ProblemTypes{kLine}) << report.DebugString();
    EXPECT_EQ(PointsOf(report), Points{9});
    EXPECT_EQ(report.analyses(0).acquired_at_printed(), time);
    EXPECT_EQ(report.analyses(0).spectra(0).kind(), dims::v1::SPECTRUM_KIND_UNSPECIFIED);
  }
  EXPECT_EQ(TypesOf(Read("names\r\n" + Rows(1, 2, ";2") + kTable)), ProblemTypes{kLine});
  EXPECT_EQ(Read("settings\r\n5;2\r\n" + kTable).problems_size(), 0);
}

TEST(SpectrumBelow, AHeadOfJascoThatIsCutGivesNothingToTheNext) {
  const std::string next = "TITLE\tB\r\nXUNITS\t1/CM\r\nNPOINTS\t9\r\nXYDATA\r\n" + Rows(400, 9, "\t1.5");
  const std::vector<Report> reports = ReadAll("TITLE\tA\r\nDATE\t26/01/19\r\n" + next);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(TypesOf(reports[0]), ProblemTypes{kNoise});
  EXPECT_EQ(reports[1].problems_size(), 0);
  EXPECT_EQ(reports[1].analyses(0).acquired_at_printed(), "");
}

TEST(SpectrumBelow, AListOfPeaksInALogIsNoSpectrumAndIsSaid) {
  const std::string log = "\r\nSample 1\r\nCollection Time: 10:41\r\nPeak table\r\nWavelength (nm),Abs,\r\n";
  for (const char* after : {"", "\r\n", "Data mode      Fluorescence\r\n"}) {
    const Report report = Read(Cary("Sample 1") + log + "305.0,2.0,\r\n306.0,2.5,\r\n" + after);
    EXPECT_EQ(TypesOf(report), ProblemTypes{kLine});
    EXPECT_EQ(PointsOf(report), Points{9});
    EXPECT_EQ(report.analyses(0).acquired_at_printed(), "10:41");
    const bool told = absl::StartsWith(after, "Data mode");
    EXPECT_EQ(report.analyses(0).spectra(0).kind() == dims::v1::SPECTRUM_KIND_FLUORESCENCE, told);
  }
  // With enough rows it is one, damaged as they may be.
  const std::string second = "nm;B\r\n" + Rows(500, 3, ";1.5") + "5x3.5;1.5\r\n" + Rows(504, 6, ";1.5");
  const Report report = Read(kTable + "\r\ntwo\r\n" + second);
  EXPECT_EQ(TypesOf(report), ProblemTypes{kLine});
  EXPECT_EQ(report.problems(0).message(), "no row of the table; row 4 would be due");
  EXPECT_EQ(PointsOf(report), (Points{9, 9}));
  EXPECT_EQ(report.analyses(0).spectra(1).title(), "B");
}

TEST(SpectrumBelow, CarysFirstLineBeginsALogUnlessColumnsAreNamedBelowIt) {
  for (const char* between : {"", "\r\n"}) {
    for (const std::string& file : {Cary("Sample 1"), Cary("1")}) {
      const std::vector<Report> reports = ReadAll(file + between + file + between + file);
      ASSERT_GE(reports.size(), 2u);
      std::size_t spectra = 0;
      for (const Report& report : reports) {
        EXPECT_EQ(PointsOf(report), Points{9}) << report.DebugString();
        spectra += PointsOf(report).size();
      }
      EXPECT_EQ(spectra, 3u);
    }
  }
  // Whatever a spectrum is called, its log may say.
  const Report report = Read(Cary("1") + "\r\n1,\r\n1\r\nCollection Time: 10:41\r\n");
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).acquired_at_printed(), "10:41");
}

TEST(SpectrumBelow, AFileOfJcampBehindATableIsNoText) {
  const std::vector<Report> reports =
      ReadAll(kTable + "\r\n##TITLE= x\r\n##JCAMP-DX= 4.24\r\n##XYDATA= (X++(Y..Y))\r\n400A1B2C3\r\n##END=\r\n");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].problems_size(), 0);
  EXPECT_EQ(TypesOf(reports[1]), ProblemTypes{kNoise});
}

}  // namespace
}  // namespace dims
