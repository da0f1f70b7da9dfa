// What the tests of the agilent_msd driver share.
#ifndef DIMS_TESTS_AGILENT_MSD_H_
#define DIMS_TESTS_AGILENT_MSD_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {

inline const Driver& Msd() { return *FindDriver("agilent_msd"); }

inline std::vector<dims::v1::Report> Reports(const std::string& bytes, Ending why = Ending::kEndOfInput) {
  std::vector<dims::v1::Report> reports;
  for (const ParserEvent& event : Parse(Msd(), DefaultOptions(Msd()), bytes, {}, why).events) {
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

// The same text in UTF-16.
inline std::string Wide(const std::string& text, bool big_endian, bool mark) {
  std::string wide;
  if (mark) wide = big_endian ? "\xfe\xff" : "\xff\xfe";
  for (const char c : text) {
    if (big_endian) wide += '\0';
    wide += c;
    if (!big_endian) wide += '\0';
  }
  return wide;
}

}  // namespace dims

#endif  // DIMS_TESTS_AGILENT_MSD_H_
