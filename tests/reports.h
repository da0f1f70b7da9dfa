// What the tests of drivers share: the reports in some bytes, and what is wrong with them.
#ifndef DIMS_TESTS_REPORTS_H_
#define DIMS_TESTS_REPORTS_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {

using Settings = std::vector<std::pair<std::string, std::string>>;
using ProblemTypes = std::vector<dims::v1::ProblemType>;

// Every report, noise included.
inline std::vector<dims::v1::Report> ReportsOf(absl::string_view driver, const std::string& bytes,
                                               Ending why = Ending::kEndOfInput, const Settings& settings = {}) {
  const Driver& found = *FindDriver(driver);
  std::vector<dims::v1::Report> reports;
  for (const ParserEvent& event : Parse(found, *Options::Parse(found.options, settings), bytes, {}, why).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

inline ProblemTypes TypesOf(const dims::v1::Report& report) {
  ProblemTypes types;
  for (const dims::v1::Problem& problem : report.problems()) types.push_back(problem.type());
  return types;
}

// No report but noise is made of it.
inline bool IsNoiseOnly(absl::string_view driver, const std::string& bytes) {
  for (const dims::v1::Report& report : ReportsOf(driver, bytes)) {
    if (TypesOf(report) != ProblemTypes{dims::v1::PROBLEM_TYPE_NOISE}) return false;
  }
  return true;
}

}  // namespace dims

#endif  // DIMS_TESTS_REPORTS_H_
