// Components and what they are identified as: peaks and their marks, counts, names and their marks, and the bounds.
#include <gtest/gtest.h>

#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/amdis/identified.h"
#include "tests/corpus.h"
#include "tests/heap.h"
#include "tests/reports.h"

namespace dims {
namespace {

constexpr absl::string_view kName = "amdis";

std::string Component(int scan, const std::string& peaks, int count) {
  return absl::StrCat("NAME: |SC", scan, "|CN1|MP1-MODN:91(%64.2)|PC63|SN151|WD>5|RT5.", 1000 + scan,
                      "|IS7|XN8\r\nRE\r\n21 27 33 \r\n70 0 \r\nNUM PEAKS: ", count, "\r\n", peaks, "\r\n\r\n");
}

const std::string kHeader = "FileName\tCAS\tName\tRT\tScan\tArea\tNet\tConc.\r\n";

TEST(Amdis, ReadsPeaksHoweverTheyAreWrittenAndMarked) {
  const std::vector<dims::v1::Report> reports =
      ReportsOf(kName, Component(4, "(51,22 )( 57.05,31)(65,97 N0.3)\r\n(77,120 B0.1)(60, 81 N)(61,2.5 )", 6));
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  const dims::v1::Spectrum& spectrum = reports[0].analyses(0).spectra(0);
  EXPECT_EQ(std::vector<double>(spectrum.x().begin(), spectrum.x().end()),
            (std::vector<double>{51, 57.05, 65, 77, 60, 61}));
  EXPECT_EQ(std::vector<double>(spectrum.y().begin(), spectrum.y().end()),
            (std::vector<double>{22, 31, 97, 120, 81, 2.5}));
  EXPECT_EQ(std::vector<uint32_t>(spectrum.uncertain_points().begin(), spectrum.uncertain_points().end()),
            (std::vector<uint32_t>{2, 3, 4}));
  EXPECT_EQ(spectrum.points(), 6u);
}

TEST(Amdis, AFindingNamesItsSpectrum) {
  const dims::v1::Report report =
      ReportsOf(kName, Component(4, "(51,22 )", 1) + Component(5, "(51,22 )", 1) + Component(9, "", 0))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  const dims::v1::Analysis& analysis = report.analyses(0);
  ASSERT_EQ(analysis.findings_size(), 3);
  ASSERT_EQ(analysis.spectra_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(analysis.findings(i).spectrum_title(), analysis.spectra(i).title());
  EXPECT_NE(analysis.spectra(0).title(), analysis.spectra(1).title());
}

TEST(Amdis, ALostPeakIsSeenWhereverItWas) {
  std::string peaks, text;
  for (int i = 0; i < 30; ++i)
    absl::StrAppend(&peaks, "(", 50 + i, ",", 10 + i, i % 3 == 0 ? " N0.2" : " ", ")", i % 5 == 4 ? "\r\n" : "");
  for (int scan = 1; scan < 4; ++scan) text += Component(scan, peaks, 30);
  std::mt19937_64 random(10);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int seen = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string bytes = text;
    bytes.erase(10 + below(text.size() - 10), 1 + below(40));
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, bytes);
    if (reports[0].problems_size() > 0) {
      ++seen;
      continue;
    }
    for (const dims::v1::Spectrum& spectrum : reports[0].analyses(0).spectra())
      ASSERT_EQ(spectrum.x_size(), 30) << bytes;
  }
  EXPECT_GT(seen, 4000);
}

TEST(Amdis, MarksAreNoPartOfAName) {
  using amdis::ParseName;
  const auto is = [](const char* printed, const char* name, const std::vector<std::string>& marks) {
    const amdis::MarkedName marked = ParseName(printed);
    EXPECT_EQ(marked.name, name) << printed;
    EXPECT_EQ(marked.marks, marks) << printed;
  };
  is("Caffeine", "Caffeine", {});
  is("> Caffeine", "Caffeine", {">"});
  is(">Caffeine", "Caffeine", {">"});
  is("??? Caffeine", "Caffeine", {"???"});
  is("Caffeine #", "Caffeine", {"#"});
  is("[3] Caffeine", "Caffeine", {"[3]"});
  is("Caffeine [12 isomers]", "Caffeine", {"[12 isomers]"});
  is("[1,1'-Biphenyl]-4-ol", "[1,1'-Biphenyl]-4-ol", {});
  is("Benzo[a]pyrene", "Benzo[a]pyrene", {});
  is("Aroclor 1254", "Aroclor 1254", {});
  is("?", "", {"?"});
  is("", "", {});
}

TEST(Amdis, ACellThatIsNoNumberIsLeftOutAndSaid) {
  const dims::v1::Report report = ReportsOf(kName, kHeader + "a.FIN\t58-08-2\tCaffeine\t6.18\t41x\t5\t96\t\r\n")[0];
  EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(report.analyses(0).findings(0).peak().max_scan(), "");
  EXPECT_EQ(report.analyses(0).findings(0).identifications(0).score(), "96");
  EXPECT_FALSE(report.analyses(0).findings(0).has_amount());
}

TEST(Amdis, ARowOfOtherThanItsHeadersFieldsIsNotTaken) {
  const std::string row = "a.FIN\t58-08-2\tCaffeine\t6.18\t412\t5\t96\t\r\n";
  EXPECT_EQ(ReportsOf(kName, kHeader + row)[0].problems_size(), 0);
  for (const std::string& wrong : {"b.FIN\t" + row, row.substr(6), std::string("Caffeine\r\n")}) {
    const dims::v1::Report report = ReportsOf(kName, kHeader + wrong + row)[0];
    EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE})) << wrong;
    EXPECT_EQ(report.analyses(0).findings_size(), 1);
  }
}

TEST(Amdis, TheNextHeaderBeginsTheNextReport) {
  const std::string text = kHeader + "C:\\somebody\\a.FIN\t58-08-2\tCaffeine\t6.18\t412\t5\t96\t0.5\r\n";
  const std::vector<dims::v1::Report> reports = ReportsOf(kName, text + text);
  ASSERT_EQ(reports.size(), 2u);
  for (const dims::v1::Report& report : reports) {
    EXPECT_EQ(report.problems_size(), 0);
    EXPECT_EQ(report.analyses(0).data_file(), "a.FIN");
    EXPECT_EQ(report.SerializeAsString().find("somebody"), std::string::npos);
  }
}

TEST(Amdis, OtherTextsAreNoise) {
  for (const char* folder : {"nist_msp", "massbank_ei", "nist_mssearch", "masslynx_turbomass", "spectrometer_text",
                             "shimadzu/labsolutions", "agilent_chemstation/report_txt"}) {
    for (const auto& path : CorpusFiles(folder, "")) EXPECT_TRUE(IsNoiseOnly(kName, FileBytes(path))) << path;
  }
  EXPECT_TRUE(IsNoiseOnly(kName, "NAME: caffeine\r\nNUM PEAKS: 1\r\n(55,18)\r\n"));
}

TEST(Amdis, TheCostliestLinesStayWithinTheBound) {
  const Driver& driver = *FindDriver(kName);
  std::string peaks;
  for (int i = 0; i < 1000; ++i) peaks += "(1,2)";
  for (const auto& [head, row] : std::vector<std::pair<std::string, std::string>>{
           {Component(1, "", 9'999'999), peaks + "\n"},
           {Component(1, "", 9'999'999), "(1,2 N)\n"},
           {Component(1, "", 0), "NAME:|SC1|RT1\nNUM PEAKS:1\n(1,2)\n"},
           {Component(1, "", 0), "NAME:|SC1|RT1|PC1|SN1|XN1|WD1|MP1\n"},
           {kHeader, "\t58-08-2\ta\t1\t1\t1\t1\t1\n\t58-08-2\ta\t2\t1\t1\t1\t1\n"},
           {"FileName\tCAS\tName\tRT\tNet\n", "a\t\t\t1\t1\nb\t\t\t1\t1\n"}}) {
    std::string rows = row;
    while (rows.size() < 60000) rows += row;
    const std::size_t before = HeapInUse();
    Parser parser(driver, DefaultOptions(driver));
    parser.Feed(head, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * driver.max_report; fed += rows.size()) {
      parser.Feed(rows, [](ParserEvent event) {
        const Said* said = std::get_if<Said>(&event);
        EXPECT_LT(said == nullptr ? 0 : said->report.ByteSizeLong(), 16u << 20);
      });
    }
    const std::size_t bound = 16 * driver.max_report + 2 * driver.max_frame + 64 * 1024;
    EXPECT_LE(HeapPeak() - before, bound) << row.substr(0, 60);
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound\n";
  }
}

}  // namespace
}  // namespace dims
