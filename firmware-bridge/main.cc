// dims-bridge: between the instruments of a laboratory and the registry.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "drivers/catalog.h"
#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/assess.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/decode.h"
#include "firmware-bridge/port_list.h"
#include "firmware-bridge/port_name.h"
#include "firmware-bridge/quarantine_command.h"
#include "firmware-bridge/record.h"
#include "firmware-bridge/record_arguments.h"
#include "firmware-bridge/service.h"
#include "firmware-bridge/store.h"

namespace dims {
namespace {

constexpr int kOk = 0, kFailed = 1, kUsage = 2;
constexpr char kDefaultConfig[] = "/etc/dims-bridge/bridge.toml";

DriverFacts FactsOfCatalog() {
  DriverFacts facts;
  for (const Driver* driver : Catalog()) facts.names.push_back(driver->name);
  facts.options = [](absl::string_view name) { return FindDriver(name)->options; };
  return facts;
}

int Fail(const absl::Status& status) {
  std::cerr << "dims-bridge: " << status.message() << "\n";
  return kFailed;
}

int UnknownDriver(const std::string& name) {
  std::vector<absl::string_view> names = FactsOfCatalog().names;
  const std::string near = NearestName(name, names);
  std::cerr << "dims-bridge: there is no driver \"" << name << "\""
            << (near.empty() ? std::string("; `dims-bridge drivers` lists them") : ", did you mean \"" + near + "\"?")
            << "\n";
  return kUsage;
}

int RunCommand(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path, FactsOfCatalog());
  if (!config.ok()) return Fail(config.status());
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  const absl::Status status = RunService(*config, DIMS_VERSION);
  return status.ok() ? kOk : Fail(status);
}

int CheckCommand(const std::string& path) {
  const absl::StatusOr<Config> config = ReadConfig(path, FactsOfCatalog());
  if (!config.ok()) return Fail(config.status());
  int result = kOk;
  const absl::StatusOr<CertificateFacts> facts = CheckOwnCertificates(*config);
  if (!facts.ok()) {
    result = Fail(facts.status());
  } else {
    for (const std::string& warning : facts->warnings) std::cout << "warning: " << warning << "\n";
    std::cout << "certificate: valid until " << absl::FormatTime("%Y-%m-%d", facts->not_after, absl::UTCTimeZone())
              << "\n";
  }
  for (const InstrumentConfig& instrument : config->instruments) {
    std::cout << "instrument " << instrument.name << ": " << instrument.driver << " on " << instrument.port
              << (IsTcpName(instrument.port) || std::filesystem::exists(instrument.port)
                      ? ""
                      : " (not there now; the bridge will wait for it)")
              << "\n";
  }
  if (config->instruments.empty()) std::cout << "warning: no [[instrument]]: nothing will be read\n";
  const auto urgent = std::count_if(config->watches.begin(), config->watches.end(),
                                    [](const WatchConfig& watch) { return IsUrgent(watch.tier); });
  std::cout << "watch: " << config->watches.size() << " rules, " << urgent << " of them make a report urgent\n";
  std::cout << path << ": " << (result == kOk ? "good" : "readable, but see above") << "\n";
  return result;
}

int DriversCommand(const std::string& name) {
  for (const Driver* driver : Catalog()) {
    if (!name.empty() && name != driver->name) continue;
    std::cout << absl::StrFormat("%-16s %s\n", driver->name, driver->title);
    std::cout << absl::StrFormat("%-16s version %s; line %d baud %d%c%d, flow control %s\n", "", driver->version,
                                 driver->line.baud, driver->line.data_bits, driver->line.parity, driver->line.stop_bits,
                                 driver->line.flow);
    for (const OptionSpec& option : driver->options) {
      std::cout << absl::StrFormat("    %-18s %s (default %s%s)\n", option.name, option.help, option.default_value,
                                   option.choices.empty() ? "" : absl::StrCat("; one of ", option.choices));
    }
  }
  return name.empty() || FindDriver(name) != nullptr ? kOk : UnknownDriver(name);
}

int StoreCommand(const std::string& config_path, std::string store_path) {
  StoreOptions options;
  if (store_path.empty()) {
    const absl::StatusOr<Config> config = ReadConfig(config_path, FactsOfCatalog());
    if (!config.ok()) return Fail(config.status());
    options = StoreOptionsOf(*config);
  } else {
    options.path = std::move(store_path);
  }
  options.read_only = true;
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  if (!store.ok()) return Fail(store.status());
  const StoreSummary summary = (*store)->Summary();
  std::cout << absl::StrFormat("%s: %d bytes; %d bytes in use of a budget of %d; free on the disk: %d bytes\n",
                               options.path, summary.file_bytes, summary.used_bytes, summary.budget_bytes,
                               summary.disk_free_bytes);
  for (const std::string& warning : summary.warnings) std::cout << "warning: " << warning << "\n";
  std::cout << absl::StrFormat("\n%-36s  %10s %10s %10s %10s\n", "records of store", "highest", "queued", "settled",
                               "refused");
  for (const StoreSummary::PerGeneration& entry : summary.generations) {
    std::cout << absl::StrFormat("%-36s  %10d %10d %10d %10d\n", entry.generation.store_id,
                                 entry.generation.highest_number, entry.queued, entry.settled, entry.refused);
  }
  if (summary.quarantined > 0) {
    std::cout << absl::StrFormat("\n%d refused records wait for a decision: dims-bridge quarantine list\n",
                                 summary.quarantined);
  }
  std::cout << absl::StrFormat("\n%-36s  %10s %10s %10s %10s\n", "intake of instrument", "read", "in records", "open",
                               "kept");
  for (const StoreSummary::Instrument& entry : summary.instruments) {
    std::cout << absl::StrFormat("%-36s  %10d %10d %10d %10d\n", entry.name, entry.position.read_through,
                                 entry.position.closed_through,
                                 entry.position.read_through - entry.position.closed_through, entry.bytes_kept);
  }
  return kOk;
}

// The control socket: as given, else as the configuration has it.
absl::StatusOr<std::string> AdminSocket(const std::string& config_path, const std::string& socket) {
  if (!socket.empty()) return socket;
  const absl::StatusOr<Config> config = ReadConfig(config_path, FactsOfCatalog());
  if (!config.ok()) return config.status();
  if (!config->admin.socket.empty()) return config->admin.socket;
  return absl::FailedPreconditionError(absl::StrCat(config_path, ": [admin] socket is empty: there is none"));
}

int TailCommand(const std::string& config, const std::string& socket, const dims::v1::TailRequest& request, bool json) {
  const absl::StatusOr<std::string> path = AdminSocket(config, socket);
  if (!path.ok()) return Fail(path.status());
  const absl::Status status = PrintTail(*path, request, json, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int StatusCommand(const std::string& config, const std::string& socket, bool json) {
  const absl::StatusOr<std::string> path = AdminSocket(config, socket);
  if (!path.ok()) return Fail(path.status());
  const absl::Status status = PrintStatus(*path, json, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int QuarantineCommand(const QuarantineArguments& arguments) {
  const auto read = [](const std::string& path) { return ReadConfig(path, FactsOfCatalog()); };
  const absl::Status status = RunQuarantineCommand(arguments, read, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int DecodeCommand(const std::string& driver, DecodeRequest request, const std::vector<std::string>& given) {
  request.driver = FindDriver(driver);
  if (request.driver == nullptr) return UnknownDriver(driver);
  absl::StatusOr<DriverSettings> settings = ReadSettings(given);
  if (!settings.ok()) {
    Fail(settings.status());
    return kUsage;
  }
  request.options = *std::move(settings);
  const absl::StatusOr<DecodeCount> count = Decode(request, std::cout);
  if (!count.ok()) {
    Fail(count.status());
    return kUsage;
  }
  if (count->reports == 0) std::cerr << "dims-bridge: no report in " << request.path << "\n";
  return count->with_problems == 0 ? kOk : kFailed;
}

int PortsCommand(const std::string& config_path) {
  std::vector<InstrumentConfig> instruments;
  if (!config_path.empty()) {
    absl::StatusOr<Config> config = ReadConfig(config_path, FactsOfCatalog());
    if (!config.ok()) return Fail(config.status());
    instruments = std::move(config->instruments);
  }
  const absl::StatusOr<std::vector<SerialDevice>> devices = ListSerialDevices();
  if (!devices.ok()) return Fail(devices.status());
  std::cout << PortTable(*devices, instruments);
  return kOk;
}

int RecordCommand(const RecordArguments& arguments) {
  if (!arguments.driver.empty() && FindDriver(arguments.driver) == nullptr) return UnknownDriver(arguments.driver);
  const absl::StatusOr<RecordRequest> request = ReadArguments(arguments);
  if (!request.ok()) {
    Fail(request.status());
    return kUsage;
  }
  const sigset_t signals = StopSignals();
  bool stopped = false;
  const absl::Status status = Record(
      *request,
      [&] {
        const timespec now{};
        stopped = stopped || sigtimedwait(&signals, nullptr, &now) > 0;
        return stopped;
      },
      std::cout);
  return status.ok() ? kOk : Fail(status);
}

int ManualCommand(bool example) {
  std::cout << (example ? ExampleConfig() : ConfigManual(FactsOfCatalog()));
  return kOk;
}

int Main(int argc, char** argv) {
  CLI::App app("Reads laboratory instruments over serial lines, keeps what they say, and carries it to the registry.");
  app.set_version_flag("--version", "dims-bridge " DIMS_VERSION);
  app.require_subcommand(1);
  std::string config = kDefaultConfig, driver, store;
  DecodeRequest request;
  std::vector<std::string> settings;

  CLI::App* run = app.add_subcommand("run", "Serve until SIGTERM: read the instruments, keep and send their results");
  CLI::App* check = app.add_subcommand("check", "Check the configuration and the certificates; exit 0 if all is well");
  for (CLI::App* command : {run, check}) {
    command->add_option("--config", config, "Configuration file")->capture_default_str();
  }
  CLI::App* decode =
      app.add_subcommand("decode",
                         "Decode a file as if it came over the line: one JSON report a line.\n"
                         "Exit code 0: all clean; 1: a report has a problem; 2: wrong usage or unreadable file.");
  decode->add_option("driver", driver, "Driver (see `dims-bridge drivers`)")->required();
  decode->add_option("file", request.path, "File, or - for standard input")->required();
  decode->add_option("--read", request.read, "Bytes fed to the parser at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->capture_default_str();
  decode->add_option("--set", settings, "Driver option, key=value; may be repeated")->allow_extra_args(false);
  CLI::App* drivers = app.add_subcommand("drivers", "List the drivers, their line settings and options");
  drivers->add_option("driver", driver, "Only this one");
  CLI::App* summary =
      app.add_subcommand("store", "Show what is on disk, by state (while the bridge is stopped; see `status`)");
  summary->add_option("--config", config, "Configuration file that names the store")->capture_default_str();
  summary->add_option("--path", store, "The store itself, instead of a configuration");
  std::string ports_config;
  CLI::App* ports = app.add_subcommand("ports", "List this machine's serial ports, without opening any");
  ports->add_option("--config", ports_config, "Configuration file, to show whose port each is");
  RecordArguments recording;
  CLI::App* record = AddRecordCommand(app, recording);
  std::string socket;
  bool json = false;
  dims::v1::TailRequest listen;
  CLI::App* tail = app.add_subcommand("tail", "Show what happens on the lines of the running bridge and in its store");
  CLI::App* status = app.add_subcommand("status", "Show how the running bridge, its lines and its store stand");
  for (CLI::App* command : {tail, status}) {
    command->add_option("--config", config, "Configuration file that names the socket")->capture_default_str();
    command->add_option("--socket", socket, "The control socket itself, instead of a configuration");
    command->add_flag("--json", json, "One JSON object a line");
  }
  tail->add_option_function<std::string>(
      "--instrument", [&](const std::string& name) { listen.set_instrument(name); },
      "Only this instrument, and what concerns all");
  tail->add_flag_callback(
      "--bytes", [&] { listen.set_bytes(true); }, "Also the bytes: > from the instrument, < to it");
  QuarantineArguments decision;
  decision.config = kDefaultConfig;
  CLI::App* quarantine = AddQuarantineCommand(app, decision);
  bool example = false;
  CLI::App* manual = app.add_subcommand("manual", "Print the reference of all settings of the configuration file");
  manual->add_flag("--example", example, "Print a commented example file instead");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  if (run->parsed()) return RunCommand(config);
  if (record->parsed()) return RecordCommand(recording);
  // All else ends at once when it is told to.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  if (tail->parsed()) return TailCommand(config, socket, listen, json);
  if (status->parsed()) return StatusCommand(config, socket, json);
  if (quarantine->parsed()) return QuarantineCommand(decision);
  if (check->parsed()) return CheckCommand(config);
  if (decode->parsed()) return DecodeCommand(driver, std::move(request), settings);
  if (drivers->parsed()) return DriversCommand(driver);
  if (ports->parsed()) return PortsCommand(ports_config);
  if (manual->parsed()) return ManualCommand(example);
  return StoreCommand(config, std::move(store));
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) {
  // Before any thread starts, gRPC's included: the service waits for these.
  const sigset_t signals = dims::StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("dims-bridge"));
  return dims::Main(argc, argv);
}
