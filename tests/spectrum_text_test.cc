// Exported spectra: the real files, numbers and their marks, what is no spectrum, and the bounds.
#include <gtest/gtest.h>

#include <charconv>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "drivers/spectrum/row.h"
#include "tests/corpus.h"
#include "tests/heap.h"
#include "tests/reports.h"

namespace dims {
namespace {

using dims::v1::Spectrum;
using spectrum::FormOf;
using spectrum::RowKind;

constexpr absl::string_view kName = "spectrum_text";

std::string Table(int rows, const std::string& separator = "\t") {
  std::string text;
  for (int i = 0; i < rows; ++i) absl::StrAppend(&text, 400 + i, ".5", separator, 12 + i % 7, ".25\r\n");
  return text;
}

std::string SpectraSuite(int points, const std::string& rows) {
  return absl::StrCat("SpectraSuite Data File\r\nUser: somebody\r\nNumber of Pixels in Processed Spectrum: ", points,
                      "\r\n>>>>>Begin Processed Spectral Data<<<<<\r\n", rows,
                      ">>>>>End Processed Spectral Data<<<<<\r\n");
}

Spectrum Only(const std::string& text, const Settings& settings = {}) {
  const std::vector<dims::v1::Report> reports = ReportsOf(kName, text, Ending::kEndOfInput, settings);
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << text << reports[0].DebugString();
  EXPECT_EQ(reports[0].analyses_size(), 1);
  EXPECT_EQ(reports[0].analyses(0).spectra_size(), 1);
  return reports[0].analyses_size() == 1 && reports[0].analyses(0).spectra_size() == 1
             ? reports[0].analyses(0).spectra(0)
             : Spectrum();
}

// Every number of a line of a real table, read by other means.
std::vector<double> Numbers(std::string line) {
  if (absl::StrContains(line, '\t')) absl::StrReplaceAll({{",", "."}}, &line);
  std::vector<double> numbers;
  for (const absl::string_view field : absl::StrSplit(line, absl::ByAnyChar("\t, \r"), absl::SkipEmpty())) {
    double value = 0;
    if (std::from_chars(field.data(), field.data() + field.size(), value).ptr != field.data() + field.size()) return {};
    numbers.push_back(value);
  }
  return numbers;
}

TEST(SpectrumText, ReadsEveryPointOfTheRealFiles) {
  std::vector<std::filesystem::path> files = CorpusFiles("spectrometer_text", ".txt");
  for (const auto& path : CorpusFiles("spectrometer_text", ".asc")) files.push_back(path);
  for (const auto& path : CorpusFiles("ocean_optics", ".txt")) files.push_back(path);
  DIMS_SKIP_WITHOUT_CORPUS(files);
  std::size_t points = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string bytes = FileBytes(path);
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, bytes);
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    EXPECT_LT(reports[0].ByteSizeLong(), 16u << 20);
    // Rows are the lines of two or more numbers at the end of the file, and before the end of each other spectrum.
    const auto& spectra = reports[0].analyses(0).spectra();
    std::vector<std::vector<double>> rows;
    for (const absl::string_view line : absl::StrSplit(bytes, '\n')) {
      std::vector<double> numbers = Numbers(std::string(line));
      if (numbers.size() > 1) rows.push_back(std::move(numbers));
    }
    std::size_t row = rows.size(), first = static_cast<std::size_t>(spectra.size());
    while (first > 0) {  // from the end: spectra that share their rows, then those before
      const auto& last = spectra[static_cast<int>(first) - 1];
      const std::size_t columns = rows[row - 1].size() - 1, count = static_cast<std::size_t>(last.x_size());
      ASSERT_GE(row, count);
      ASSERT_GE(first, columns);
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t c = 0; c < columns; ++c) {
          const Spectrum& spectrum = spectra[static_cast<int>(first - columns + c)];
          ASSERT_EQ(spectrum.x(static_cast<int>(i)), rows[row - count + i][0]);
          ASSERT_EQ(spectrum.y(static_cast<int>(i)), rows[row - count + i][c + 1]);
          ++points;
        }
      }
      row -= count;
      first -= columns;
    }
  }
  std::cerr << files.size() << " real files, " << points << " points compared\n";
  EXPECT_GT(points, 0u);
}

TEST(SpectrumText, NumbersAreThePrintedOnesWhateverTheirMarks) {
  struct Case {
    const char *row, *x;
    double first, second;
  };
  for (const Case& c : {Case{"201,17\t-1512,309", "201.17", 201.17, -1512.309},
                        {"201.17;401", "201.17", 201.17, 401},
                        {"2.0441E2\t21.307E0", "2.0441E2", 204.41, 21.307},
                        {"201,17 401,47", "201.17", 201.17, 401.47},
                        {"201.17, 401", "201.17", 201.17, 401},
                        {"+4.5\t.25", "+4.5", 4.5, 0.25},
                        {"0,125\t0,250", "0.125", 0.125, 0.25}}) {
    const Spectrum spectrum = Only(SpectraSuite(1, absl::StrCat(c.row, "\r\n")));
    ASSERT_EQ(spectrum.x_size(), 1) << c.row;
    EXPECT_EQ(spectrum.x(0), c.first) << c.row;
    EXPECT_EQ(spectrum.y(0), c.second) << c.row;
    EXPECT_EQ(spectrum.first_x(), c.x);
  }
}

TEST(SpectrumText, CommasThatMayBeOneThingOrAnotherAreUnclear) {
  for (const char* row : {"1,5,2,3", "400,12", "400\t1,234", "400,123\t1,234", "12,345;7", "400 -1,234"}) {
    EXPECT_EQ(FormOf(row, 0).kind, RowKind::kUnclear) << row;
  }
  for (const char* row : {"400.5,12,13", "400\t0,234", "400,5\t1,234", "4000,123\t1,234", "400\t12", "1.5;2.5;;3"}) {
    EXPECT_EQ(FormOf(row, 0).kind, RowKind::kRow) << row;
  }
  for (const char* row : {"400", "400\t", "1.5\t2,5", "1,234.5\t2", "400\tx", "nan\tnan", "1-2\t3", "1e999\t2", "",
                          "e\tE", "0x1p3\t2", "--1\t2"}) {
    EXPECT_EQ(FormOf(row, 0).kind, RowKind::kNone) << row;
  }
  EXPECT_EQ(FormOf("400\t1,234", ',').kind, RowKind::kRow);
  EXPECT_EQ(FormOf("400,12", '.').kind, RowKind::kRow);
  EXPECT_EQ(FormOf("400\t1,234", '.').kind, RowKind::kNone);
}

TEST(SpectrumText, RowsOfUnclearCommasWaitForOneThatShowsWhatTheyAre) {
  const Spectrum shown = Only(SpectraSuite(3, "338,028\t279,710\r\n338,482\t285,430\r\n338,936\t3291,33\r\n"));
  ASSERT_EQ(shown.x_size(), 3);
  EXPECT_EQ(shown.x(0), 338.028);
  EXPECT_EQ(shown.y(2), 3291.33);
  const std::string never = SpectraSuite(2, "338,028\t279,710\r\n338,482\t285,430\r\n");
  EXPECT_EQ(TypesOf(ReportsOf(kName, never)[0]), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(Only(never, {{"decimal", "comma"}}).x(0), 338.028);
}

TEST(SpectrumText, ATableWithoutWordsMustBeLongAndGoOneWay) {
  EXPECT_EQ(Only(Table(32)).points(), 32u);
  EXPECT_EQ(Only("angle\tcounts\r\n" + Table(32)).title(), "counts");
  EXPECT_EQ(Only("#Wave\t\t#Intensity\r\n" + Table(8)).x_unit(), "Wave");
  EXPECT_EQ(Only("#Range=\t400\r\n#Title=\ta\r\n" + Table(32)).points(), 32u);
  std::string still;
  for (int i = 0; i < 99; ++i) absl::StrAppend(&still, i / 2, "\t5.5\r\n");
  for (const std::string& text : {Table(31), "angle\tcounts\r\n" + Table(31), "Wave\tcounts\r\n" + Table(7),
                                  "two\tlines\r\nangle\tcounts\r\n" + Table(99), "Num Peaks: 99\r\n" + Table(99),
                                  "##XYDATA=(XY..XY)\r\n" + Table(99), std::string("m/z\tarea\tname\r\n") + Table(99),
                                  still, std::string("5\r\n6\r\n7\r\n")}) {
    EXPECT_TRUE(IsNoiseOnly(kName, text)) << text.substr(0, 60);
  }
}

// Rows of a table from a first x on, each with what follows it.
std::string Rows(int first, int count, const std::string& rest) {
  std::string text;
  for (int i = 0; i < count; ++i) absl::StrAppend(&text, first + i, ".5", rest, "\r\n");
  return text;
}

dims::v1::Report Read(const std::string& text, const Settings& settings = {}) {
  return ReportsOf(kName, text, Ending::kEndOfInput, settings)[0];
}

std::vector<std::string> TitlesOf(const dims::v1::Report& report) {
  std::vector<std::string> titles;
  for (const Spectrum& spectrum : report.analyses(0).spectra()) titles.push_back(spectrum.title());
  return titles;
}

TEST(SpectrumText, OtherAxesOfATableAreNoSpectra) {
  std::string text;
  for (int i = 0; i < 9; ++i) absl::StrAppend(&text, i, ",", 400 + i, ".5,", 1000 + i, "\r\n");
  EXPECT_EQ(Only("Pixel,Wavelength (nm),Counts\r\n" + text).title(), "Counts");
}

TEST(SpectrumText, WhereEverySpectrumHasItsOwnXItIsTheOneToItsLeft) {
  std::string rows, reversed_rows;
  for (int i = 0; i < 9; ++i) {
    absl::StrAppend(&rows, 400 + i, ".5,1.5,", 10 + i, ".5,2.5\r\n");
    absl::StrAppend(&reversed_rows, "1.5,", 400 + i, ".5,2.5,", 10 + i, ".5\r\n");
  }
  const dims::v1::Report pairs = Read("A,,B,\r\nnm,Abs,nm,Abs\r\n" + rows);
  EXPECT_EQ(TitlesOf(pairs), (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(pairs.analyses(0).spectra(1).x(0), 10.5);
  // Titles that do not stand one to a spectrum are none.
  for (const char* above : {"A\r\n", "A,,,\r\n", "A,x,B,\r\n", "A,,B,,C\r\n"}) {
    EXPECT_EQ(TitlesOf(Read(absl::StrCat(above, "nm,Abs,nm,Ref\r\n", rows))), (std::vector<std::string>{"Abs", "Ref"}));
  }
  const dims::v1::Report reversed =
      Read("SpectraSuite Data File\r\n>>>>>Begin<<<<<\r\nAbs,nm,Abs,nm\r\n" + reversed_rows);
  EXPECT_EQ(TypesOf(reversed), (ProblemTypes{dims::v1::PROBLEM_TYPE_INCONSISTENT}));
  EXPECT_EQ(reversed.analyses(0).spectra_size(), 0);
  std::string turns = "nm,Abs,nm,Abs\r\n";
  for (int i = 0; i < 9; ++i) absl::StrAppend(&turns, 400 + i, ",1.5,", i == 5 ? 99 : 20 + i, ",2.5\r\n");
  EXPECT_EQ(TypesOf(Read(turns)), (ProblemTypes{dims::v1::PROBLEM_TYPE_INCONSISTENT}));
}

TEST(SpectrumText, ColumnsBeyondTheMostAreSaid) {
  std::string names = "Wavenumber", values;
  for (int i = 0; i < 300; ++i) {
    absl::StrAppend(&names, "\tS", i);
    absl::StrAppend(&values, "\t", i);
  }
  const dims::v1::Report report = Read(names + "\r\n" + Rows(400, 9, values));
  EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_OVERSIZE}));
  EXPECT_EQ(report.analyses(0).spectra_size(), 256);
}

TEST(SpectrumText, WhatTheConfigurationSaysOfTheDecimalMarkHoldsForRowsThatShowNone) {
  std::string whole;
  for (int i = 0; i < 40; ++i) absl::StrAppend(&whole, 400 + i, "\t", i, "\r\n");
  const dims::v1::Report point = Read(whole + "440\t12,5\r\n441\t12.5\r\n", {{"decimal", "point"}});
  EXPECT_EQ(TypesOf(point), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(point.analyses(0).spectra(0).y(40), 12.5);
  EXPECT_EQ(Only(whole + "440\t1,234\r\n", {{"decimal", "comma"}}).y(40), 1.234);
  EXPECT_EQ(Only(whole + "440\t12,5\r\n").y(40), 12.5);
  const dims::v1::Report unclear = Read(whole + "440\t1,234\r\n");
  ASSERT_EQ(unclear.problems_size(), 1);
  EXPECT_NE(unclear.problems(0).message().find("option decimal"), std::string::npos);
}

TEST(SpectrumText, ATableOfUnclearCommasSaysThatTheOptionTells) {
  std::string rows;
  for (int i = 0; i < 32; ++i) absl::StrAppend(&rows, 400 + i, ",", i, "\r\n");
  for (const std::string head : {"", "#x\r\n"}) {
    const dims::v1::Report report = Read(head + rows);
    EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE})) << report.DebugString();
    EXPECT_NE(report.problems(0).message().find("option decimal"), std::string::npos);
    EXPECT_EQ(Only(head + rows, {{"decimal", "point"}}).points(), 32u);
  }
  EXPECT_TRUE(IsNoiseOnly(kName, rows.substr(0, rows.size() - 8))) << "too short";
  EXPECT_TRUE(IsNoiseOnly(kName, "7,1\r\n" + rows + "5,1\r\n" + rows)) << "x turns";
  std::string longer;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&longer, 400 + i, ",", i, "\r\n");
  EXPECT_EQ(Only(longer + "2400,1.5\r\n").points(), 2001u);
}

TEST(SpectrumText, EmptyCellsAtTheEndsOfARowLeaveTheirPointsOut) {
  for (const char* separator : {"\t", ";", ","}) {
    const std::string names = absl::StrReplaceAll("Wavelength (nm)|A|B", {{"|", separator}});
    const std::string full = absl::StrReplaceAll("|1.5|2.5", {{"|", separator}});
    const std::string none = absl::StrReplaceAll("|1.5|", {{"|", separator}});
    const std::string text = names + "\r\n" + Rows(400, 9, full) + Rows(409, 3, none);
    for (const bool open : {false, true}) {
      const dims::v1::Report report =
          Read(open ? absl::StrReplaceAll(text, {{"\r\n", std::string(separator) + "\r\n"}}) : text);
      EXPECT_EQ(report.problems_size(), 0) << text << report.DebugString();
      ASSERT_EQ(report.analyses(0).spectra_size(), 2);
      EXPECT_EQ(report.analyses(0).spectra(0).points(), 12u);
      EXPECT_EQ(report.analyses(0).spectra(1).points(), 9u);
    }
    // A row that is cut has not the cells, empty or not.
    const std::string cut = absl::StrCat("412.5", separator, "1.5\r\n");
    EXPECT_EQ(TypesOf(Read(text + cut)), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  }
}

TEST(SpectrumText, AColumnWithoutANameMayBeX) {
  const dims::v1::Report report = Read("\tSample A\tSample B\r\n" + Rows(400, 32, "\t1.5\t2.5"));
  EXPECT_EQ(report.problems_size(), 0);
  EXPECT_EQ(TitlesOf(report), (std::vector<std::string>{"Sample A", "Sample B"}));
  // Where the rows begin with a tab, too, it separates nothing.
  std::string indented = "\tangle\tcounts\r\n";
  for (int i = 0; i < 32; ++i) absl::StrAppend(&indented, "\t", 400 + i, ".5\t2.5\r\n");
  EXPECT_EQ(Only(indented).title(), "counts");
}

TEST(SpectrumText, LinesInQuotationMarksMayStandAboveATable) {
  const std::string head = "\"sample.SSM\",\"01-02-2026\"\r\n\"Int. Time:60 Avg:1\"\r\n";
  EXPECT_EQ(Only(head + Table(32, "   ")).points(), 32u);
  EXPECT_TRUE(IsNoiseOnly(kName, head + Table(31, "   ")));
  EXPECT_TRUE(IsNoiseOnly(kName, head + "\"Time\",\"Signal\"\r\n" + Table(99, ",")));
  EXPECT_EQ(FormOf("\"400,5\",\"1,25\"", 0).dialect.decimal, ',');
  EXPECT_EQ(FormOf("\"400\",\"1,234\"", 0).kind, RowKind::kUnclear);
  EXPECT_EQ(FormOf("\"400,\"1\"", 0).kind, RowKind::kNone);
}

TEST(SpectrumText, XThatBeginsAgainBeginsAnotherSpectrum) {
  const dims::v1::Report again = Read("one\r\nnm;A\r\n" + Rows(400, 9, ";1.5") + Rows(400, 3, ";2.5"));
  EXPECT_EQ(again.problems_size(), 0) << again.DebugString();
  ASSERT_EQ(again.analyses(0).spectra_size(), 2);
  EXPECT_EQ(again.analyses(0).spectra(1).points(), 3u);
  EXPECT_EQ(again.analyses(0).spectra(1).title(), "A");
  // A sweep forth and back is said to turn, and is one spectrum.
  std::string sweep = "one\r\nnm;A\r\n" + Rows(400, 9, ";1.5");
  for (int i = 7; i >= 0; --i) absl::StrAppend(&sweep, 400 + i, ".5;1.5\r\n");
  EXPECT_EQ(Read(sweep).analyses(0).spectra_size(), 1);
  EXPECT_EQ(TypesOf(Read(sweep)), (ProblemTypes{dims::v1::PROBLEM_TYPE_INCONSISTENT}));
}

TEST(SpectrumText, LinesBetweenTablesAreSaidWhereTheFirstHadNoneAbove) {
  const std::string table = "nm;A\r\n" + Rows(400, 9, ";1.5"), other = "nm;B\r\n" + Rows(500, 9, ";1.5");
  EXPECT_EQ(Read(table + other).problems_size(), 0);
  EXPECT_EQ(TypesOf(Read(table + "noise\r\n" + other)), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(Read("one\r\n" + table + "two\r\n" + other).problems_size(), 0);
  EXPECT_EQ(Read("one\r\n" + table + "two\r\n" + other).analyses(0).spectra_size(), 2);
}

TEST(SpectrumText, TextsOfOtherInstrumentsAreNoise) {
  for (const char* folder :
       {"nist_msp", "massbank_ei", "nist_mssearch", "masslynx_turbomass", "astm", "jcamp/cheminfo", "jcamp/nzhagen_ms",
        "jcamp/nzhagen_test", "jcamp/nzhagen_lancashire", "shimadzu/gcmssolution_quant", "shimadzu/labsolutions",
        "agilent_chemstation/report_txt", "agilent_chemstation/area_percent_msd", "agilent_chemstation/results_csv"}) {
    for (const auto& path : CorpusFiles(folder, "")) EXPECT_TRUE(IsNoiseOnly(kName, FileBytes(path))) << path;
  }
  for (const Driver* driver : Catalog()) {
    if (driver->name == kName || driver->name == "ocean_optics") continue;
    for (const Transcript& transcript : TranscriptsOf(*driver)) {
      std::string bytes;
      for (const TranscriptStep& step : transcript.steps) {
        if (step.kind == TranscriptStep::Kind::kInstrument) bytes += step.text;
      }
      EXPECT_TRUE(IsNoiseOnly(kName, bytes)) << transcript.file;
    }
  }
}

TEST(SpectrumText, IsCalledTheSameInTheReadme) {
  const std::string readme = FileBytes(std::filesystem::path(DIMS_SOURCE_DIR) / "README.md");
  EXPECT_NE(readme.find(absl::StrCat("| `spectrum_text` | ", FindDriver(kName)->title, " |")), std::string::npos);
}

TEST(SpectrumText, WhatTheConfigurationSaysOfTheKindHolds) {
  EXPECT_EQ(Only(Table(40)).kind(), dims::v1::SPECTRUM_KIND_UNSPECIFIED);
  EXPECT_EQ(Only(Table(40), {{"kind", "raman"}}).kind(), dims::v1::SPECTRUM_KIND_RAMAN);
  EXPECT_EQ(Only("Raman Shift;Counts\r\n" + Table(40, ";")).kind(), dims::v1::SPECTRUM_KIND_RAMAN);
}

TEST(SpectrumText, WherePartsHaveNoNumberTheirPointIsLeftOut) {
  const Spectrum spectrum = Only(SpectraSuite(3, "400.5\t1.5\r\n401.5\tNaN\r\n402.5\t-3.5\r\n"));
  ASSERT_EQ(spectrum.x_size(), 2);
  EXPECT_EQ(spectrum.x(1), 402.5);
}

TEST(SpectrumText, CarriesNoNameOfAPerson) {
  EXPECT_EQ(ReportsOf(kName, SpectraSuite(1, "400.5\t1.5\r\n"))[0].SerializeAsString().find("somebody"),
            std::string::npos);
}

TEST(SpectrumText, OneWrongXIsSaidOnce) {
  for (const char* wrong : {"9.25", "99999.5"}) {
    for (const int at : {1, 20, 39}) {
      std::vector<std::string> rows = absl::StrSplit(Table(40), "\r\n", absl::SkipEmpty());
      rows[static_cast<std::size_t>(at)] = absl::StrCat(wrong, "\t7.5");
      std::string text;
      for (const std::string& row : rows) absl::StrAppend(&text, row, "\r\n");
      const dims::v1::Report report = ReportsOf(kName, SpectraSuite(40, text))[0];
      const bool unseen = at == 39 && std::string(wrong) == "99999.5";  // nothing comes after it
      EXPECT_EQ(TypesOf(report), unseen ? ProblemTypes{} : ProblemTypes{dims::v1::PROBLEM_TYPE_INCONSISTENT})
          << wrong << " " << at << report.DebugString();
    }
  }
}

TEST(SpectrumText, LostOrCutRowsOfACountedTableAreSeen) {
  const std::string text = SpectraSuite(40, Table(40));
  std::mt19937_64 random(8);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::size_t begin = text.find("400.5"), size = text.find(">>>>>End") - begin;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = text;
    const std::size_t at = begin + below(size - 20), length = 1 + below(200);
    const bool breaks = text.substr(at, length).find("\r\n") != std::string::npos;
    bytes.erase(at, length);
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, bytes);
    EXPECT_TRUE(!breaks || reports[0].problems_size() > 0) << bytes.substr(begin);
  }
  EXPECT_EQ(ReportsOf(kName, text.substr(0, begin + 100))[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
}

TEST(SpectrumText, AReportIsBoundedInPointsAndItsRestIsNoSpectrum) {
  std::string text;
  for (int i = 0; i < 600; ++i) {
    absl::StrAppend(&text, i, ".5");
    for (int c = 0; c < 250; ++c) absl::StrAppend(&text, ",1");
    text += "\n";
  }
  const std::string many = absl::StrCat("SpectraSuite Data File\n>>>>>Begin<<<<<\n", text,
                                        absl::StrReplaceAll(text, {{".5", ".75"}}), text, text);
  const std::vector<dims::v1::Report> reports = ReportsOf(kName, many);
  EXPECT_EQ(reports[0].problems(reports[0].problems_size() - 1).type(), dims::v1::PROBLEM_TYPE_OVERSIZE);
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_LT(reports[0].ByteSizeLong(), 10u << 20);
  for (std::size_t i = 1; i < reports.size(); ++i) {
    EXPECT_EQ(TypesOf(reports[i]), (ProblemTypes{dims::v1::PROBLEM_TYPE_NOISE}));
  }
}

TEST(SpectrumText, TheCostliestLinesStayWithinTheBound) {
  const Driver& driver = *FindDriver(kName);
  const std::string begin = "SpectraSuite Data File\n>>>>>Begin<<<<<\n";
  std::string wide = "1.5";
  for (int c = 0; c < 255; ++c) wide += ",1";
  std::string wide_map = "1.5";
  for (int c = 2; c < 999; ++c) absl::StrAppend(&wide_map, "\t", c, ".5");
  for (const auto& [head, row] : std::vector<std::pair<std::string, std::string>>{
           {begin, "1 2\n"},
           {begin, "1 2 3 4\n"},
           {begin, wide + "\n"},
           {begin, "1,2\n"},
           {"", "1 2\n"},
           {"", "1,2\n"},
           {"x\nnm\tA\n" + Rows(400, 9, "\t1"), "1 2\n"},
           {"x\nnm\tA\n" + Rows(400, 9, "\t1"), "1.5\t2\n2.5\t2\n"},
           {"x\nnm\t" + std::string(30000, 'A') + "\n" + Rows(400, 9, "\t1"), "400.5\t2\n401.5\t2\n"},
           {"x\nnm\tA\n" + Rows(400, 9, "\t1"), "nm\tA\n1\t2\n"},
           {"\t" + wide_map + "\n", "1\t" + wide_map + "\n"},
           {"[WITEC_TRUEMATCH_ASCII_HEADER]\n", "[SpectrumHeader]\n[SpectrumData]\n1 2\n"}}) {
    std::string rows = row;
    while (rows.size() < 60000) rows += row;
    const std::size_t before = HeapInUse();
    Parser parser(driver, DefaultOptions(driver));
    parser.Feed(head, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * driver.max_report; fed += rows.size()) parser.Feed(rows, [](ParserEvent) {});
    const std::size_t bound = 16 * driver.max_report + 2 * driver.max_frame + 64 * 1024;
    EXPECT_LE(HeapPeak() - before, bound) << row;
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound: " << row.substr(0, 20) << "\n";
  }
}

}  // namespace
}  // namespace dims
