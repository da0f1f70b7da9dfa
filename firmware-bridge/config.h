// The bridge's configuration: one TOML file into plain structs.
//
// What: who this bridge is, where its store and its registry are, and which instruments are on which ports. Every
//   setting is one row of a table (config_fields.h); reading, checking, error messages, the example file and the manual
//   all come from those rows.
// Promise: a Config holds only values its tables allow; a key that no table has is an error, never ignored. All errors
//   of a file are reported at once (a syntax error hides what comes after it).
// Units: as the members say; absl::Duration for times.
// Errors: InvalidArgument; its message has one line for each error, in the order of the file:
//   bridge.toml:12: [[instrument]] "gcms-1": unknown key "buad", did you mean "baud"?
// Threads: values; share them as const.
// Source: toml.io/en/v1.0.0
#ifndef DIMS_FIRMWARE_BRIDGE_CONFIG_H_
#define DIMS_FIRMWARE_BRIDGE_CONFIG_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/options.h"

namespace dims {

// Where formats (drivers/format/format_file.h) are looked for unless something else is said.
inline constexpr char kFormatsFolder[] = "/etc/dims-bridge/formats";

// All paths are absolute. Defaults are in config_fields.cc, nowhere else.
struct StoreConfig {
  std::string path;
  int64_t budget_mib = 0, ballast_mib = 0;
  absl::Duration keep_settled, keep_intake;
};

struct RegistryConfig {
  std::string address;                      // host:port
  std::vector<std::string> more_addresses;  // of the same registry
  std::string ca, certificate, key;         // PEM files; certificates.h checks them
  absl::Duration answer_deadline;
  int64_t drain_limit_kib_s = 0;  // 0: none
};

struct AdminConfig {
  std::string socket;                // the control socket; empty: none
  std::optional<std::string> group;  // whose members may connect too
};

struct InstrumentConfig {
  std::string name;
  std::string driver;
  std::string port;  // an absolute path, or tcp://host:port
  // Absent: as the driver's protocol has it (LineOf).
  std::optional<int> baud, data_bits, stop_bits;
  std::optional<char> parity;              // N, E, O
  std::optional<std::string> flow;         // none, xonxoff, rtscts
  std::optional<dims::v1::Origin> origin;  // absent: what the port is decides (IsSimulatedByName)
  std::optional<std::string> time_zone;    // IANA name; absl::LoadTimeZone knows it
  std::optional<std::string> date_order;   // dmy, mdy, ymd
  int64_t noise_quota_mib = 0;
  std::optional<std::string> bench;                          // absent: it stands alone
  absl::Duration scan_window;                                // a scanner's
  std::vector<std::pair<std::string, std::string>> options;  // only those given; Options::Parse takes them
};

// A rule of what makes a report urgent (assess.h).
struct WatchConfig {
  std::string name;
  std::vector<std::string> substances, cas;  // not both empty; CAS numbers without padding, their check digits right
  dims::v1::Tier tier = dims::v1::TIER_UNSPECIFIED;
  std::string revision;  // empty: none
};

struct Config {
  std::string laboratory, bridge;  // as in the bridge's certificate
  std::string log_level;           // debug, info, warning, error
  std::string formats;             // folder of *.format.toml files
  StoreConfig store;
  RegistryConfig registry;
  AdminConfig admin;
  std::vector<InstrumentConfig> instruments;  // in the order of the file; names and ports differ
  std::vector<WatchConfig> watches;           // in the order of the file; names differ
  std::string path;                           // the file, absolute
  std::string sha256;                         // of the file's bytes: 32 bytes, as in Source.configuration_sha256
};

// What the configuration must know of the drivers, so that it need not link them.
struct DriverFacts {
  std::vector<absl::string_view> names;
  std::function<absl::Span<const OptionSpec>(absl::string_view name)> options;  // called only with one of `names`
  // Formats that could not be loaded: what is wrong with each. Only one that an instrument needs is an error.
  std::map<std::string, std::string, std::less<>> broken = {};
};

// Reads and checks a file of at most 1 MiB. Relative paths in it begin at its own folder.
absl::StatusOr<Config> ReadConfig(const std::string& path, const DriverFacts& drivers);

// The folder of formats that a file names, which must be known before ReadConfig is told what drivers there are;
// the default where the file does not say, or cannot be read (ReadConfig says why).
std::string ReadFormatsFolder(const std::string& path);

// The same for text that is already at hand; `path` names it in errors and is the start of relative paths.
absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& path, const DriverFacts& drivers);

// How an instrument's line is to be set: the driver's defaults, then what the configuration says.
Line LineOf(const InstrumentConfig& instrument, const Line& driver_default);

// A commented example file: what is required is set, everything else stands there as a comment with its default.
std::string ExampleConfig();

// The reference of all settings, and of the drivers' options, in plain text.
std::string ConfigManual(const DriverFacts& drivers);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_CONFIG_H_
