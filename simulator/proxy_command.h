// `dims-sim proxy`: a fault proxy, steered from the command line and by lines of text.
//
// What: the options, described once; then a proxy that takes a line at a time (FaultProxy::Do) from a descriptor and
//   answers each with one: "ok", a line of JSON, or "error: " and why.
// Errors: CLI::ParseError from parsing (the caller's edge); absl::Status from Run where there is no proxy to run.
// Threads: one, and the proxy's own.
#ifndef DIMS_SIMULATOR_PROXY_COMMAND_H_
#define DIMS_SIMULATOR_PROXY_COMMAND_H_

#include <CLI/CLI.hpp>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "simulator/fault_proxy.h"

namespace dims {

struct ProxyCommand {
  FaultProxyOptions options;
  std::string throttle, delay, every, kinds;  // empty: none, none, no random faults, all
};

// `app` fills `command` when it parses; both must live until then.
void Describe(CLI::App& app, ProxyCommand& command);

// Serves until `stop` becomes readable; the end of `input` does not end it.
absl::Status RunProxy(const ProxyCommand& command, int input, std::ostream& output, int stop);

}  // namespace dims

#endif  // DIMS_SIMULATOR_PROXY_COMMAND_H_
