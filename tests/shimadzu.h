// What the tests of the shimadzu driver share.
#ifndef DIMS_TESTS_SHIMADZU_H_
#define DIMS_TESTS_SHIMADZU_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {

inline const Driver& ShimadzuDriver() { return *FindDriver("shimadzu"); }

using Settings = std::vector<std::pair<std::string, std::string>>;

inline std::vector<dims::v1::Report> Reports(const std::string& bytes, const Settings& settings = {},
                                             Ending why = Ending::kEndOfInput) {
  std::vector<dims::v1::Report> reports;
  const Options options = *Options::Parse(ShimadzuDriver().options, settings);
  for (const ParserEvent& event : Parse(ShimadzuDriver(), options, bytes, {}, why).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

using Problems = std::vector<dims::v1::ProblemType>;

inline Problems Types(const dims::v1::Report& report) {
  Problems types;
  for (const dims::v1::Problem& problem : report.problems()) types.push_back(problem.type());
  return types;
}

// What an injection begins with.
inline std::string Head(const std::string& file = "S1.qgd") {
  return absl::StrCat("[Header]\r\nData File Name\tC:\\data\\somebody\\", file,
                      "\r\nOutput Date\t1/18/2026\r\nOutput Time\t7:12:44 PM\r\n\r\n");
}

inline std::string SampleInformation() {
  return "[Sample Information]\r\nOperator Name\tsomebody\r\nAnalyzed\t1/18/2026 2:31:15 PM\r\nSample Name\tS1\r\n"
         "Sample ID\tUNK-1\r\nVial#\t7\r\nDilution Factor\t20\r\n\r\n";
}

inline std::string PeakTable() {
  return "[MC Peak Table]\r\n# of Peaks\t3\r\nMass\tTIC\r\n"
         "Peak#\tRet.Time\tProc.From\tProc.To\tMass\tArea\tHeight\tA/H\tConc.\tMark\tName\tRet. Index\r\n"
         "1\t4.812\t4.771\t4.866\tTIC\t219640\t81350\t2.70\t8.75\t   \tBenzocaine\t1574\r\n"
         "2\t4.934\t4.866\t4.985\tTIC\t418207\t173533\t2.41\t16.66\t V \tCaffeine (CAS)\t\r\n"
         "3\t5.047\t4.985\t5.190\tTIC\t1873310\t601190\t3.12\t74.59\tSV \tHeroin\t\r\n\r\n";
}

inline std::string Spectra(const std::string& rows, int count) {
  return absl::StrCat("[Spectrum Process Table]\r\n# of Spectrum\t", count,
                      "\r\n\tRaw Spectrum\t\t\tBackground\r\nSpectrum#\tTop\tStart\tEnd\tTop\tStart\tEnd\r\n", rows);
}

inline std::string Hits(const std::string& rows, int count) {
  return absl::StrCat("[MS Similarity Search Results for Spectrum Process Table]\r\n# of Spectrum\t", count,
                      "\r\nSpectrum#\tHit #\tSI\tCAS #\tName\tMol.Form\tRetention Index\tSerial #\tLibrary Name\r\n",
                      rows);
}

// A table of compounds with one row: its amount as printed, its calibration's coefficients, its unit.
inline std::string Compound(const std::string& conc, const std::string& curve, const std::string& coefficients,
                            const std::string& unit = "mg/L") {
  return absl::StrCat(
      "[MS Quantitative Results]\r\n# of IDs\t1\r\n"
      "ID#\tName\tType\tRet.Time\tArea\tHeight\tConc.\tCalibration Curve\t3rd\t2nd\t1st\tConstant\tUnit\r\n"
      "1\tCaffeine\tTarget\t7.105\t921\t417\t",
      conc, "\t", curve, "\t", coefficients, "\t", unit, "\r\n\r\n");
}

inline std::string Chromatogram(int points, int stated = -1) {
  std::string text = absl::StrCat("[MS Chromatogram]\r\nm/z\t1-1 TIC\r\n# of Points\t", stated < 0 ? points : stated,
                                  "\r\nRet.Time\tAbsolute Intensity\tRelative Intensity\r\n");
  for (int i = 0; i < points; ++i) absl::StrAppend(&text, i / 1000, ".", 100 + i % 900, "\t", i * 7, "\t1.00\r\n");
  return text + "\r\n";
}

}  // namespace dims

#endif  // DIMS_TESTS_SHIMADZU_H_
