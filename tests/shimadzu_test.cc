// What the exports of GCMSsolution and LabSolutions say.
#include "tests/shimadzu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "tests/corpus.h"

namespace dims {
namespace {

using dims::v1::Finding;
using Row = std::vector<std::string>;

// The rows of one section of a file as a plain reader sees them: its columns' names first.
std::vector<Row> RowsOf(const std::string& file, const std::string& title) {
  std::vector<Row> rows;
  bool within = false;
  for (const absl::string_view raw : absl::StrSplit(file, '\n')) {
    std::string line(raw);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line == title) {
      within = true;
    } else if (within && line.empty()) {
      break;
    } else if (within && line.rfind("# of", 0) != 0) {
      rows.push_back(absl::StrSplit(line, '\t'));
    }
  }
  return rows;
}

std::string Cell(const std::vector<Row>& rows, std::size_t row, const std::string& column) {
  const auto at = std::find(rows[0].begin(), rows[0].end(), column) - rows[0].begin();
  return static_cast<std::size_t>(at) < rows[row].size() ? rows[row][static_cast<std::size_t>(at)] : "";
}

TEST(Shimadzu, RealQuantitativeResultsAreReadToTheDigit) {
  const auto files = CorpusFiles("shimadzu/gcmssolution_quant", ".txt");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  std::size_t compared = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string bytes = FileBytes(path);
    const std::vector<Row> rows = RowsOf(bytes, "[MS Quantitative Results]");
    const std::vector<dims::v1::Report> reports = Reports(bytes);
    ASSERT_EQ(reports.size(), 1u);
    const dims::v1::Analysis& analysis = reports[0].analyses(0);
    ASSERT_EQ(static_cast<std::size_t>(analysis.findings_size()), rows.size() - 1);
    for (std::size_t i = 1; i < rows.size(); ++i, ++compared) {
      const Finding& finding = analysis.findings(static_cast<int>(i) - 1);
      const bool found = Cell(rows, i, "Ret.Time") != "Not Identified";
      EXPECT_EQ(finding.label(), absl::StripAsciiWhitespace(Cell(rows, i, "Name")));
      EXPECT_EQ(finding.quantitation_ion(), Cell(rows, i, "Mass"));
      EXPECT_EQ(finding.retention_time(), found ? Cell(rows, i, "Ret.Time") : "");
      EXPECT_EQ(finding.peak().area(), Cell(rows, i, "Area"));
      EXPECT_EQ(finding.peak().height(), Cell(rows, i, "Height"));
      EXPECT_EQ(finding.retention_index(), Cell(rows, i, "Ret. Index"));
      EXPECT_EQ(finding.amount().qualifier() == dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED, !found);
      // None of these methods has a calibration; what is printed adds up to 100 %.
      EXPECT_EQ(finding.amount().value(), "");
    }
    // One file counts compounds that are no more in its method.
    const bool counts_more = absl::StrContains(bytes, absl::StrCat("# of IDs\t", rows.size() - 1)) == false;
    EXPECT_EQ(Types(reports[0]), counts_more ? Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH} : Problems{});
  }
  std::cerr << files.size() << " real files, " << compared << " compounds compared\n";
}

TEST(Shimadzu, ARealGasChromatogramIsReadToTheDigit) {
  const auto files = CorpusFiles("shimadzu/labsolutions", ".txt");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    const std::string bytes = FileBytes(path);
    const std::vector<dims::v1::Report> reports = Reports(bytes, {{"keep_curves", "true"}});
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    const std::vector<Row> peaks = RowsOf(bytes, "[Peak Table(Ch1)]");
    const dims::v1::Analysis& analysis = reports[0].analyses(0);
    ASSERT_EQ(static_cast<std::size_t>(analysis.findings_size()), peaks.size() - 1);
    for (std::size_t i = 1; i < peaks.size(); ++i) {
      const Finding& finding = analysis.findings(static_cast<int>(i) - 1);
      EXPECT_EQ(finding.retention_time(), Cell(peaks, i, "R.Time"));
      EXPECT_EQ(finding.peak().area(), Cell(peaks, i, "Area"));
      EXPECT_EQ(finding.label(), Cell(peaks, i, "Name"));
    }
    const std::vector<Row> compounds = RowsOf(bytes, "[Compound Results(Ch1)]");
    for (std::size_t i = 1; i < compounds.size(); ++i) {
      const auto finding = std::find_if(analysis.findings().begin(), analysis.findings().end(),
                                        [&](const Finding& f) { return f.label() == Cell(compounds, i, "Name"); });
      ASSERT_NE(finding, analysis.findings().end());
      const bool calibrated = Cell(compounds, i, "1st") != "0.000000e+00";
      const bool found = Cell(compounds, i, "R.Time") != "0.000" || Cell(compounds, i, "Area") != "0";
      EXPECT_EQ(finding->amount().value(), found && calibrated ? Cell(compounds, i, "Conc.") : "");
      EXPECT_EQ(finding->amount().qualifier() == dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED, !found);
      EXPECT_EQ(finding->has_peak(), found);
    }
    ASSERT_EQ(analysis.spectra_size(), 1);
    const std::vector<Row> curve = RowsOf(bytes, "[Chromatogram (Ch1)]");
    EXPECT_EQ(analysis.spectra(0).last_x(), curve.back()[0]);
    EXPECT_EQ(analysis.spectra(0).y(analysis.spectra(0).y_size() - 1), std::stod(curve.back()[1]));
  }
}

TEST(Shimadzu, EachInjectionOfAStreamIsAReportOfItsOwn) {
  std::string stream;
  const int count = 30;
  for (int i = 0; i < count; ++i) stream += Head(absl::StrCat("S", i, ".qgd")) + PeakTable() + Chromatogram(50);
  const std::vector<dims::v1::Report> reports = Reports(stream);
  ASSERT_EQ(reports.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(reports[i].problems_size(), 0) << reports[i].DebugString();
    EXPECT_EQ(reports[i].status(), dims::v1::REPORT_STATUS_FINAL);
    EXPECT_EQ(reports[i].analyses(0).data_file(), absl::StrCat("S", i, ".qgd"));
    EXPECT_EQ(reports[i].analyses(0).findings_size(), 3);
  }
}

TEST(Shimadzu, CarriesNoNameOfAPersonAndNoDescription) {
  const std::string text =
      Head() + SampleInformation() +
      "[Original Files]\r\nMethod File\tC:\\somebody\\M1.qgm\r\n\r\n[File Description]\r\nsomebody "
      "said\r\n\r\nfor somebody\r\n\r\n" +
      PeakTable() + Hits("1\t1\t93\t58 - 08 - 2\tCaffeine\tC8\t0\t1\tC:\\somebody\\W9.lib\r\n", 3);
  const std::vector<dims::v1::Report> reports = Reports(text);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].SerializeAsString().find("somebody"), std::string::npos);
  EXPECT_EQ(reports[0].analyses(0).method(), "M1.qgm");
  EXPECT_EQ(reports[0].analyses(0).data_file(), "S1.qgd");
}

TEST(Shimadzu, TheConfigurationSaysWhichFieldIsTheSamplesNumber) {
  const std::string text = Head() + SampleInformation() + PeakTable();
  EXPECT_EQ(Reports(text)[0].analyses(0).sample_number(), "S1");
  EXPECT_EQ(Reports(text, {{"sample_number", "Sample ID"}})[0].analyses(0).sample_number(), "UNK-1");
  EXPECT_EQ(Reports(text, {{"sample_number", "Bar Code"}})[0].analyses(0).sample_number(), "");
}

TEST(Shimadzu, ColumnsAreFoundByTheirNamesInAnyOrderAndAmongOthers) {
  const std::string plain = Head() + PeakTable();
  const std::string expected = Reports(plain)[0].analyses(0).SerializeAsString();
  std::mt19937_64 random(7);
  for (int times = 0; times < 200; ++times) {
    std::vector<std::string> lines = absl::StrSplit(plain, "\r\n");
    std::vector<std::size_t> order(14);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin() + 1, order.end(), random);  // a row's number stands first
    for (std::string& line : lines) {
      Row cells = absl::StrSplit(line, '\t');
      if (cells.size() != 12) continue;
      cells.push_back(cells[0] == "Peak#" ? "Symmetry" : "1.02");
      cells.push_back(cells[0] == "Peak#" ? "S/N" : "");
      Row shuffled;
      for (const std::size_t i : order) shuffled.push_back(cells[i]);
      line = absl::StrJoin(shuffled, "\t");
    }
    const std::vector<dims::v1::Report> reports = Reports(absl::StrJoin(lines, "\r\n"));
    ASSERT_EQ(reports.size(), 1u);
    ASSERT_EQ(reports[0].problems_size(), 0) << absl::StrJoin(lines, "\n") << reports[0].DebugString();
    ASSERT_EQ(reports[0].analyses(0).SerializeAsString(), expected) << absl::StrJoin(lines, "\n");
  }
}

TEST(Shimadzu, TabsCommasAndSemicolonsSayTheSame) {
  const std::string tabs = Head() + SampleInformation() + PeakTable();
  const std::string expected = Reports(tabs)[0].analyses(0).SerializeAsString();
  for (const char* separator : {",", ";"}) {
    const std::vector<dims::v1::Report> reports = Reports(absl::StrReplaceAll(tabs, {{"\t", separator}}));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), expected);
  }
}

TEST(Shimadzu, ReadsEveryEncodingAlike) {
  const std::string text = Head() + SampleInformation() + PeakTable();
  std::string wide = "\xff\xfe";
  for (const char c : text) {
    wide += c;
    wide += '\0';
  }
  const std::vector<dims::v1::Report> reports = Reports(wide);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), Reports(text)[0].analyses(0).SerializeAsString());
}

TEST(Shimadzu, BytesThatAreNoTextAreAProblemOnlyInWhatIsCarried) {
  const std::string text = Head() + SampleInformation() + PeakTable();
  const dims::v1::Report other = Reports(Replaced(text, "Operator Name\tsomebody", "Operator Name\t\x81\x8d"))[0];
  EXPECT_EQ(other.problems_size(), 0) << other.DebugString();
  for (const auto& [from, to] :
       {std::pair("Sample Name\tS1", "Sample Name\tS\x81"), std::pair("Heroin", "Her\x81in")}) {
    const dims::v1::Report report = Reports(Replaced(text, from, to))[0];
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_ENCODING})) << from;
    EXPECT_TRUE(absl::StrContains(report.DebugString(), "\\357\\277\\275")) << from;
  }
}

TEST(Shimadzu, WithoutACalibrationNothingIsAnAmount) {
  for (const char* curve : {"Default", "Linear", "Quadratic", "Cubic", ""}) {
    for (const char* zeros :
         {"0\t0\t0\t0", "0.000000e+00\t0.000000e+00\t0.000000e+000\t0", "0\t0\t-0.0\t", "\t\t0\t"}) {
      const Finding finding = Reports(Head() + Compound("12.5", curve, zeros))[0].analyses(0).findings(0);
      EXPECT_EQ(finding.amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_CALIBRATED) << curve << zeros;
      EXPECT_EQ(finding.amount().value(), "");
      EXPECT_EQ(finding.amount().unit(), "");
      EXPECT_EQ(finding.amount().printed(), "12.5");
    }
    const Finding finding = Reports(Head() + Compound("12.5", curve, "0\t0\t4.4e+008\t0"))[0].analyses(0).findings(0);
    EXPECT_EQ(finding.amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_EQUAL) << curve;
    EXPECT_EQ(finding.amount().value(), "12.5");
    EXPECT_EQ(finding.amount().unit(), "mg/L");
  }
  // A curve that is no polynomial has no coefficients to show.
  EXPECT_EQ(
      Reports(Head() + Compound("12.5", "Point to Point", "0\t0\t0\t0"))[0].analyses(0).findings(0).amount().value(),
      "12.5");
  const dims::v1::Report peaks = Reports(Head() + PeakTable())[0];
  for (const Finding& finding : peaks.analyses(0).findings()) {
    EXPECT_FALSE(finding.has_amount());
  }
}

TEST(Shimadzu, WhatWasNotFoundIsSaidAndNotLeftOut) {
  const std::string found = Head() + Compound("12.5", "Linear", "0\t0\t1\t0");
  for (const char* time : {"Not Identified", "ND", "N.D.", "---", "-----"}) {
    const dims::v1::Report report = Reports(Replaced(found, "7.105\t921\t417\t12.5", absl::StrCat(time, "\t\t\t")))[0];
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(report.analyses(0).findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED) << time;
    EXPECT_FALSE(report.analyses(0).findings(0).has_peak());
  }
  const Finding zeros =
      Reports(Replaced(found, "7.105\t921\t417\t12.5", "0.000\t0\t0\t0.000"))[0].analyses(0).findings(0);
  EXPECT_EQ(zeros.amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  EXPECT_FALSE(zeros.has_peak());
  EXPECT_EQ(zeros.retention_time(), "");
  // A peak of no area was found all the same.
  const Finding small =
      Reports(Replaced(found, "7.105\t921\t417\t12.5", "7.105\t0\t0\t0.000"))[0].analyses(0).findings(0);
  EXPECT_EQ(small.amount().value(), "0.000");
  EXPECT_EQ(small.retention_time(), "7.105");
  const auto amount = [&](const char* conc) {
    return Reports(Head() + Compound(conc, "Linear", "0\t0\t1\t0"))[0].analyses(0).findings(0).amount();
  };
  EXPECT_EQ(amount("ND").qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  EXPECT_EQ(amount("---").qualifier(), dims::v1::AMOUNT_QUALIFIER_UNSPECIFIED);
  EXPECT_EQ(amount("<0.05").qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(amount("<0.05").value(), "0.05");
  EXPECT_EQ(amount("2,815340e+004").value(), "2.815340e+004");
}

TEST(Shimadzu, HitsBelongToTheOnePeakThatHoldsTheirTime) {
  const std::string hit = "\t1\t94\t58 - 08 - 2\tCaffeine $$ Theine\tC8H10N4O2\t0\t7\tW9.lib\r\n";
  const auto report = [&](const std::string& top) {
    return Reports(Head() + PeakTable() + Spectra(absl::StrCat("1\t", top, "\t1\t2\t1\t1\t2\r\n"), 1) +
                   Hits("1" + hit, 1))[0];
  };
  // Spectrum 1 was taken within peak 3.
  const dims::v1::Report third = report("5.050");
  EXPECT_EQ(third.problems_size(), 0) << third.DebugString();
  ASSERT_EQ(third.analyses(0).findings_size(), 3);
  EXPECT_EQ(third.analyses(0).findings(0).identifications_size(), 0);
  ASSERT_EQ(third.analyses(0).findings(2).identifications_size(), 1);
  const dims::v1::Identification& caffeine = third.analyses(0).findings(2).identifications(0);
  EXPECT_EQ(caffeine.label(), "Caffeine");
  EXPECT_EQ(caffeine.cas(), "58-08-2");
  EXPECT_EQ(caffeine.retention_index(), "");
  EXPECT_EQ(third.analyses(0).findings(2).label(), "Heroin");
  // On the border of two peaks, and of none: a finding of its own.
  for (const char* top : {"4.866", "4.985", "9.000", "0.001"}) {
    const dims::v1::Report own = report(top);
    EXPECT_EQ(own.problems_size(), 0) << own.DebugString();
    ASSERT_EQ(own.analyses(0).findings_size(), 4) << top;
    EXPECT_EQ(own.analyses(0).findings(3).retention_time(), top);
    EXPECT_EQ(own.analyses(0).findings(3).identifications_size(), 1);
  }
  // Two spectra of one peak are two findings; neither's hits are lost.
  const dims::v1::Report two =
      Reports(Head() + PeakTable() + Spectra("1\t5.047\t1\t2\t1\t1\t2\r\n2\t5.100\t1\t2\t1\t1\t2\r\n", 2) +
              Hits("1" + hit + "2" + hit, 2))[0];
  ASSERT_EQ(two.analyses(0).findings_size(), 4);
  EXPECT_EQ(two.analyses(0).findings(2).identifications_size(), 1);
  EXPECT_EQ(two.analyses(0).findings(3).retention_time(), "5.100");
}

TEST(Shimadzu, HitsWithoutATableOfSpectraAreJoinedToNothing) {
  const dims::v1::Report report =
      Reports(Head() + PeakTable() + Hits("1\t1\t94\t58 - 08 - 2\tCaffeine\tC8\t0\t7\tW9.lib\r\n", 3))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses(0).findings_size(), 4);
  EXPECT_EQ(report.analyses(0).findings(3).retention_time(), "");
}

TEST(Shimadzu, HitsOfCompoundsBelongToTheirNumber) {
  const std::string hits =
      "[MS Similarity Search Results for Identified Results]\r\n# of IDs\t1\r\nID#\tHit #\tSI\tCAS #\tName\r\n"
      "1\t1\t94\t58 - 08 - 2\tCaffeine\r\n";
  const dims::v1::Report report = Reports(Head() + Compound("1", "Linear", "0\t0\t1\t0") + hits)[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses(0).findings_size(), 1);
  EXPECT_EQ(report.analyses(0).findings(0).identifications(0).cas(), "58-08-2");
}

TEST(Shimadzu, EachChannelIsAnAnalysisOfItsOwn) {
  const std::string rows = "# of Peaks\t1\r\nPeak#\tR.Time\tArea\tHeight\r\n1\t1.944\t5120\t1240\r\n\r\n";
  const dims::v1::Report report =
      Reports(Head("S1.lcd") + "[Peak Table(Detector A-Ch1)]\r\n" + rows + "[Peak Table(PDA-Ch1)]\r\n" + rows)[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 2);
  EXPECT_EQ(report.analyses(0).signal(), "Detector A-Ch1");
  EXPECT_EQ(report.analyses(0).technique(), dims::v1::TECHNIQUE_LC);
  EXPECT_EQ(report.analyses(1).signal(), "PDA-Ch1");
  EXPECT_EQ(report.analyses(1).technique(), dims::v1::TECHNIQUE_LC_DAD);
  for (const dims::v1::Analysis& analysis : report.analyses()) EXPECT_EQ(analysis.data_file(), "S1.lcd");
}

TEST(Shimadzu, CurvesAreKeptOnlyIfAskedForAndThenWhole) {
  const std::string text = Head() + PeakTable() + Chromatogram(500) + Chromatogram(200);
  EXPECT_EQ(Reports(text)[0].analyses(0).spectra_size(), 0);
  const dims::v1::Report kept = Reports(text, {{"keep_curves", "true"}})[0];
  EXPECT_EQ(kept.problems_size(), 0) << kept.DebugString();
  ASSERT_EQ(kept.analyses(0).spectra_size(), 2);
  const dims::v1::Spectrum& curve = kept.analyses(0).spectra(0);
  EXPECT_EQ(curve.x_size(), 500);
  EXPECT_EQ(curve.y_size(), 500);
  EXPECT_EQ(curve.points(), 500u);
  EXPECT_EQ(curve.first_x(), "0.100");
  EXPECT_EQ(curve.last_x(), "0.599");
  EXPECT_EQ(curve.y(499), 499 * 7);
}

TEST(Shimadzu, ACurveLongerThanAReportMayBeIsLeftOutWholeAndSaid) {
  const std::string text = Head() + PeakTable() + Chromatogram(300000) + Chromatogram(200);
  const dims::v1::Report report = Reports(text, {{"keep_curves", "true"}})[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_OVERSIZE}));
  EXPECT_EQ(report.analyses(0).findings_size(), 3);
  ASSERT_EQ(report.analyses(0).spectra_size(), 2);
  EXPECT_EQ(report.analyses(0).spectra(0).x_size(), 0);
  EXPECT_EQ(report.analyses(0).spectra(0).points(), 300000u);
  EXPECT_EQ(report.analyses(0).spectra(1).x_size(), 200);
}

TEST(Shimadzu, AnExportOfManyMegabytesIsOneReport) {
  std::string text = Head() + PeakTable();
  for (int i = 0; i < 4; ++i) text += Chromatogram(250000);
  ASSERT_GT(text.size(), 15u << 20);
  const std::vector<dims::v1::Report> reports = Reports(text);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].raw_size(), text.size());
}

TEST(Shimadzu, OtherFormatsWithAHeaderAreNoise) {
  for (const char* text :
       {"[Header]\r\nInstrument: AA\r\nDate: 2026-01-18\r\n\r\n[Data]\r\n1\t2\r\n", "[Header]\r\n[Data]\r\n1\t2\r\n",
        "[Header]\r\n", "[Header]\r\na=1\r\nb=2\r\nc=3\r\nd=4\r\ne=5\r\nf=6\r\n",
        "[Header]\r\nVersion\t2\r\nName\tx\r\n\r\n", "[Peak Table(Ch1)]\r\n# of Peaks\t0\r\n",
        "Target\r\n<<Target>>\r\n"}) {
    for (const Ending why : {Ending::kEndOfInput, Ending::kInterrupted}) {
      for (const dims::v1::Report& report : Reports(text, {}, why)) {
        EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_NOISE})) << text << report.DebugString();
        EXPECT_EQ(report.analyses_size(), 0);
      }
    }
  }
}

TEST(Shimadzu, AnExportWithoutAnyResultIsNotComplete) {
  EXPECT_EQ(Types(Reports(Head() + SampleInformation())[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(Types(Reports(Head() + SampleInformation() + Head() + PeakTable())[0]),
            (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
}

TEST(Shimadzu, AnEmptyTableIsAResult) {
  const dims::v1::Report report = Reports(Head() + "[MC Peak Table]\r\n# of Peaks\t0\r\nMass\tTIC\r\n\r\n")[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  ASSERT_EQ(report.analyses_size(), 1);
  EXPECT_EQ(report.analyses(0).findings_size(), 0);
  EXPECT_EQ(report.analyses(0).technique(), dims::v1::TECHNIQUE_GC_MS);
}

TEST(Shimadzu, AnAmountWithoutAPeakIsLeftOutAndSaid) {
  for (const char* peak : {"0.000\t0\t0", "Not Identified\t\t"}) {
    const std::string zero = Replaced(Compound("0.000", "Linear", "0\t0\t1\t0"), "7.105\t921\t417", peak);
    const dims::v1::Report none = Reports(Head() + zero)[0];
    EXPECT_EQ(none.problems_size(), 0) << none.DebugString();
    EXPECT_EQ(none.analyses(0).findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
    const dims::v1::Report report = Reports(Head() + Replaced(zero, "0.000\tLinear", "1.1\tLinear"))[0];
    ASSERT_GT(report.problems_size(), 0) << peak;
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE);
    EXPECT_EQ(report.analyses(0).findings_size(), 0) << report.DebugString();
    // What was added of a standard is known without its peak.
    const std::string standard = Replaced(Replaced(zero, "0.000\tLinear", "1.1\tLinear"), "Target", "ISTD");
    EXPECT_EQ(Reports(Head() + standard)[0].problems_size(), 0);
  }
}

}  // namespace
}  // namespace dims
