// A laboratory of simulated instruments, described by one TOML file.
//
// What: a list of [[instrument]] tables. Their keys are the options of `dims-sim instrument`, without the hyphens in
//   front: a flag is true or false, everything else a text or a number; `files` is a list of paths or patterns
//   ("reports/*.txt").
// Promise: what the command line refuses is refused, and a key that it does not have is never ignored. Names, links and
//   logs differ; where a table does not say, the link is the name and the log is the name with ".jsonl".
//   Files begin at the scenario's folder, links and logs at `folder`.
// Errors: InvalidArgument; its message has one line for each error, in the order of the file:
//   lab.toml:12: [[instrument]] "gcms-1": unknown key "buad", did you mean "baud"?
// Threads: free of state.
// Source: toml.io/en/v1.0.0
#ifndef DIMS_SIMULATOR_SCENARIO_H_
#define DIMS_SIMULATOR_SCENARIO_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "simulator/command.h"

namespace dims {

// Every instrument has its own name, link and log.
absl::StatusOr<std::vector<InstrumentCommand>> ReadScenario(const std::string& path, const std::string& folder);

}  // namespace dims

#endif  // DIMS_SIMULATOR_SCENARIO_H_
