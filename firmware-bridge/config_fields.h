// The rows of the configuration file: what there is to set.
//
// What: one ConfigTable for each TOML table, one Field for each key. A new setting is one member in config.h and one
//   row in config_fields.cc; nothing else needs to change.
// Promise: every row has help, and an example that it accepts itself (tests/config_test.cc).
// Threads: constant data.
#ifndef DIMS_FIRMWARE_BRIDGE_CONFIG_FIELDS_H_
#define DIMS_FIRMWARE_BRIDGE_CONFIG_FIELDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/options.h"
#include "firmware-bridge/config.h"

namespace dims {

// What a text must be beyond being text.
struct TextRule {
  absl::string_view must_be;  // completes "must be ..."
  bool (*accepts)(absl::string_view text);
};

struct Field {
  enum class Presence {
    kRequired,
    kDefault,   // absent: spec.default_value
    kOptional,  // absent: the member stays as it is
  };
  OptionSpec spec;
  Presence presence = Presence::kDefault;
  absl::string_view example;       // as it would be written, without quotes; empty: the default
  const TextRule* rule = nullptr;  // kText only
  bool is_list = false;            // kText only, never required: a list of such; `set` is called for each
  bool is_path = false;            // made absolute, unless empty (and a port that is no path stays as it is)
  // Puts a canonical value (CheckOption) into its member; for instruments, of the last one.
  void (*set)(Config& config, const std::string& value) = nullptr;
};

struct ConfigTable {
  enum class Kind { kTop, kOne, kMany };
  Kind kind;
  absl::string_view name;  // empty for kTop
  absl::string_view help;
  absl::Span<const Field> fields;
};

// In the order of the example: the top of the file, [store], [registry], [admin], [[instrument]].
absl::Span<const ConfigTable> ConfigTables();

// The rows of [[instrument]].
absl::Span<const Field> InstrumentFields();

// "[store]", "[[instrument]]"; for the top of the file, empty.
std::string Heading(const ConfigTable& table);

// What a value of this row must be, as Requirement(), with its rule.
std::string Requirement(const Field& field);

// Checks a value as CheckOption does, and its rule.
absl::StatusOr<std::string> CheckField(const Field& field, absl::string_view value);

// The sub-table of an instrument that holds its driver's options.
inline constexpr absl::string_view kOptionsTable = "options";

// The keys of an instrument that set its line (LineOf).
inline constexpr absl::string_view kLineSettings[] = {"baud", "data_bits", "parity", "stop_bits", "flow"};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_CONFIG_FIELDS_H_
