// `dims-bridge quarantine`: what a person does about the records that the registry refused.
//
// What: list, show, release, discard, log. Asks the running bridge over its control socket; while it is stopped, opens
//   the store itself, for looking only unless something is to change.
// Promise: nothing that is printed can steer the terminal.
// Errors: those of quarantine.h and admin_client.h; NotFound for a number that is not there, InvalidArgument where two
//   stores have it, each with what to do.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_QUARANTINE_COMMAND_H_
#define DIMS_FIRMWARE_BRIDGE_QUARANTINE_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firmware-bridge/config.h"

namespace dims {

// As given.
struct QuarantineArguments {
  enum class Action { kList, kShow, kRelease, kDiscard, kLog } action = Action::kList;
  std::string config;    // the configuration file
  std::string socket;    // the control socket, instead of a configuration
  uint64_t number = 0;   // of the record
  std::string store_id;  // the beginning of its store's; empty: there is only one
  std::string why;
  bool json = false;
};

// `arguments` must outlive the parsing.
CLI::App* AddQuarantineCommand(CLI::App& app, QuarantineArguments& arguments);

// `read`: reads a configuration file.
absl::Status RunQuarantineCommand(const QuarantineArguments& arguments,
                                  const std::function<absl::StatusOr<Config>(const std::string&)>& read,
                                  std::ostream& out);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_QUARANTINE_COMMAND_H_
