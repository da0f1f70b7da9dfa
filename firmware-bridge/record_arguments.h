// The command line of `dims-bridge record`.
//
// What: its options, those of the line taken from the rows of an instrument's table in the configuration: a setting has
//   one description, wherever it is given.
// Errors: InvalidArgument that names the option.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_RECORD_ARGUMENTS_H_
#define DIMS_FIRMWARE_BRIDGE_RECORD_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "firmware-bridge/record.h"

namespace dims {

using DriverSettings = std::vector<std::pair<std::string, std::string>>;

// "key=value" each, as --set has them.
absl::StatusOr<DriverSettings> ReadSettings(const std::vector<std::string>& given);

// As given.
struct RecordArguments {
  std::string port, driver, length;
  std::vector<std::string> settings;
  std::map<std::string, std::string> line;  // by the name in the configuration
};

// `arguments` must outlive the parsing.
CLI::App* AddRecordCommand(CLI::App& app, RecordArguments& arguments);

// `driver`: that of the name given; nullptr where none is.
absl::StatusOr<RecordRequest> ReadArguments(const RecordArguments& arguments, const Driver* driver);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECORD_ARGUMENTS_H_
