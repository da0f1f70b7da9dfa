#include "drivers/driver.h"

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr int kMostProblems = 100;

}  // namespace

void AddProblem(dims::v1::Report& report, dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  if (report.problems_size() >= kMostProblems) {
    dims::v1::Problem& last = *report.mutable_problems(kMostProblems - 1);
    *last.mutable_message() = absl::StrCat("more than ", kMostProblems, " problems; only the first are listed");
    // That a report is incomplete is never lost among them.
    if (type == dims::v1::PROBLEM_TYPE_TRUNCATED || type == dims::v1::PROBLEM_TYPE_INTERRUPTED ||
        type == dims::v1::PROBLEM_TYPE_OVERSIZE) {
      last.set_type(type);
      last.set_offset(at);
    }
    return;
  }
  dims::v1::Problem* problem = report.add_problems();
  problem->set_type(type);
  problem->set_offset(at);
  problem->set_message(std::string(message));
}

void AddEndingProblem(dims::v1::Report& report, Ending why, uint64_t at) {
  switch (why) {
    case Ending::kInterrupted:
      AddProblem(report, dims::v1::PROBLEM_TYPE_INTERRUPTED, at, "the line fell silent or closed before the end");
      return;
    case Ending::kEndOfInput:
      AddProblem(report, dims::v1::PROBLEM_TYPE_INTERRUPTED, at, "the input ends before the report does");
      return;
    case Ending::kOversize:
      AddProblem(report, dims::v1::PROBLEM_TYPE_OVERSIZE, at, "longer than the driver's limit for one report");
      return;
  }
}

}  // namespace dims
