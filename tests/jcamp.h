// JCAMP-DX files for the driver's tests: one curve in any of the standard's forms, and what the driver makes of it.
#ifndef DIMS_TESTS_JCAMP_H_
#define DIMS_TESTS_JCAMP_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {

enum class JcampForm { kAffn, kPac, kSqz, kDif, kDifDup };

// An integer with its first digit and sign as a letter: `zero` stands for 0, `plus` and `minus` for 1 and -1.
inline std::string JcampLetters(int64_t value, char zero, char plus, char minus) {
  std::string digits = absl::StrCat(std::abs(value));
  digits[0] = value == 0 ? zero : static_cast<char>((value > 0 ? plus : minus) + digits[0] - '1');
  return digits;
}

inline std::string JcampRepeat(int times) {
  std::string digits = absl::StrCat(times);
  digits[0] = digits[0] == '9' ? 's' : static_cast<char>('S' + digits[0] - '1');
  return digits;
}

// The lines of (X++(Y..Y)); abscissas from `first` on, by `step`.
inline std::vector<std::string> JcampTable(const std::vector<int64_t>& y, JcampForm form, int64_t first = 400,
                                           int64_t step = 1, std::size_t width = 60) {
  std::vector<std::string> lines;
  const bool differs = form == JcampForm::kDif || form == JcampForm::kDifDup;
  const auto label = [&](std::size_t i) { return absl::StrCat(first + static_cast<int64_t>(i) * step); };
  std::size_t i = 0;
  while (i < y.size()) {
    // A line of differences begins with the last point again.
    const std::size_t from = differs && i > 0 ? i - 1 : i;
    std::string line = label(from);
    absl::StrAppend(&line, differs || form == JcampForm::kSqz ? "" : " ",
                    differs || form == JcampForm::kSqz ? JcampLetters(y[from], '@', 'A', 'a')
                    : form == JcampForm::kPac          ? absl::StrCat(y[from] < 0 ? "" : "+", y[from])
                                                       : absl::StrCat(y[from]));
    i = from + 1;
    while (i < y.size() && line.size() < width) {
      if (form == JcampForm::kAffn) {
        absl::StrAppend(&line, " ", y[i++]);
      } else if (form == JcampForm::kPac) {
        absl::StrAppend(&line, y[i] < 0 ? "" : "+", y[i]);
        ++i;
      } else if (form == JcampForm::kSqz) {
        line += JcampLetters(y[i++], '@', 'A', 'a');
      } else {
        const int64_t difference = y[i] - y[i - 1];
        line += JcampLetters(difference, '%', 'J', 'j');
        int times = 1;
        for (++i; form == JcampForm::kDifDup && i < y.size() && y[i] - y[i - 1] == difference; ++i) ++times;
        if (times > 1) line += JcampRepeat(times);
      }
    }
    lines.push_back(line);
  }
  if (differs && y.size() > 1) lines.push_back(label(y.size() - 1) + JcampLetters(y.back(), '@', 'A', 'a'));
  return lines;
}

inline std::string JcampFile(std::size_t points, const std::vector<std::string>& table, int64_t first = 400,
                             int64_t step = 1) {
  std::string file =
      absl::StrCat("##TITLE= made\r\n##JCAMP-DX= 5.01\r\n##DATA TYPE= INFRARED SPECTRUM\r\n##XUNITS= 1/CM\r\n",
                   "##YUNITS= ABSORBANCE\r\n##XFACTOR= 1\r\n##YFACTOR= 1\r\n##FIRSTX= ", first,
                   "\r\n##LASTX= ", first + (static_cast<int64_t>(points) - 1) * step, "\r\n##NPOINTS= ", points,
                   "\r\n##XYDATA= (X++(Y..Y))\r\n");
  for (const std::string& line : table) absl::StrAppend(&file, line, "\r\n");
  return file + "##END=\r\n";
}

inline const Driver& Jcamp() { return *FindDriver("jcamp_dx"); }

// The reports, noise among them.
inline std::vector<dims::v1::Report> JcampReports(const std::string& bytes) {
  std::vector<dims::v1::Report> reports;
  for (const ParserEvent& event : Parse(Jcamp(), DefaultOptions(Jcamp()), bytes).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

// The only report of `bytes`.
inline dims::v1::Report JcampReport(const std::string& bytes) {
  const std::vector<dims::v1::Report> reports = JcampReports(bytes);
  EXPECT_EQ(reports.size(), 1u);
  return reports.empty() ? dims::v1::Report() : reports[0];
}

inline bool HasProblem(const dims::v1::Report& report, dims::v1::ProblemType type) {
  for (const dims::v1::Problem& problem : report.problems()) {
    if (problem.type() == type) return true;
  }
  return false;
}

}  // namespace dims

#endif  // DIMS_TESTS_JCAMP_H_
