// The command line of `dims-bridge probe`, and what it prints.
//
// What: a file is examined as it is; a port is listened to. The first line on `out` is the best candidate with its
//   evidence, the others follow; then a table [[instrument]] for the configuration.
// Promise: nothing fits: the first line says what can be said instead. At most the first 8 MiB of a file are read.
// Errors: the port's; NotFound for what is neither a port nor a file; InvalidArgument that names the option.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_PROBE_COMMAND_H_
#define DIMS_FIRMWARE_BRIDGE_PROBE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "drivers/driver.h"

namespace dims {

struct ProbeArguments {
  std::string what;    // a port, a file, or - for standard input
  std::string length;  // as given
  bool ask = false;
};

// `arguments` must outlive the parsing.
CLI::App* AddProbeCommand(CLI::App& app, ProbeArguments& arguments);

// True where a driver fits. What a person should know or do meanwhile goes to `progress`.
absl::StatusOr<bool> RunProbe(const ProbeArguments& arguments, absl::Span<const Driver* const> drivers,
                              absl::FunctionRef<bool()> stopped, std::ostream& out, std::ostream& progress);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PROBE_COMMAND_H_
