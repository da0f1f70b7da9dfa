// dims-bridge: between the instruments of a laboratory and the registry.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "drivers/drivers.h"
#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/assess.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/decode.h"
#include "firmware-bridge/port_list.h"
#include "firmware-bridge/port_name.h"
#include "firmware-bridge/probe_command.h"
#include "firmware-bridge/quarantine_command.h"
#include "firmware-bridge/record.h"
#include "firmware-bridge/record_arguments.h"
#include "firmware-bridge/service.h"
#include "firmware-bridge/store.h"

namespace dims {
namespace {

constexpr int kOk = 0, kFailed = 1, kUsage = 2;
constexpr char kDefaultConfig[] = "/etc/dims-bridge/bridge.toml";

int Fail(const absl::Status& status) {
  std::cerr << "dims-bridge: " << status.message() << "\n";
  return kFailed;
}

// The drivers of this run: those built in, and formats from `folder`; where that is empty, from the folder that the
// configuration names.
struct DriversAtHand {
  std::string folder;
  Drivers drivers;
  bool loaded = false;

  absl::Status Load(const std::string& from) {
    if (std::exchange(loaded, true)) return absl::OkStatus();
    const absl::Status status = drivers.LoadFolder(from);
    return from == kFormatsFolder && absl::IsNotFound(status) ? absl::OkStatus() : status;
  }

  DriverFacts Facts() const {
    DriverFacts facts;
    for (const Driver* driver : drivers.all()) facts.names.push_back(driver->name);
    facts.options = [this](absl::string_view name) { return drivers.Find(name)->options; };
    facts.broken = drivers.broken();
    return facts;
  }

  absl::StatusOr<Config> Read(const std::string& path) {
    if (const absl::Status status = Load(folder.empty() ? ReadFormatsFolder(path) : folder); !status.ok())
      return status;
    return ReadConfig(path, Facts());
  }

  // Of a command that has no configuration.
  absl::Status LoadAll() { return Load(folder.empty() ? kFormatsFolder : folder); }

  // A driver by its name, or the path of a format file.
  absl::StatusOr<const Driver*> Find(const std::string& name) {
    if (absl::EndsWith(name, kFormatEnding)) return drivers.LoadFile(name);
    if (const absl::Status status = LoadAll(); !status.ok()) return status;
    if (const Driver* driver = drivers.Find(name)) return driver;
    if (const auto broken = drivers.broken().find(name); broken != drivers.broken().end()) {
      return absl::InvalidArgumentError(broken->second);
    }
    const std::string near = NearestName(name, Facts().names);
    return absl::NotFoundError(
        absl::StrCat("there is no driver \"", name, "\"",
                     near.empty() ? "; `dims-bridge drivers` lists them" : ", did you mean \"" + near + "\"?"));
  }
};

int FailUsage(const absl::Status& status) {
  Fail(status);
  return kUsage;
}

int RunCommand(DriversAtHand& at_hand, const std::string& path) {
  const absl::StatusOr<Config> config = at_hand.Read(path);
  if (!config.ok()) return Fail(config.status());
  spdlog::set_level(spdlog::level::from_str(config->log_level));
  for (const auto& [name, wrong] : at_hand.drivers.broken()) SPDLOG_WARN("a format is not used: {}", wrong);
  const absl::Status status = RunService(*config, at_hand.drivers, DIMS_VERSION);
  return status.ok() ? kOk : Fail(status);
}

int CheckCommand(DriversAtHand& at_hand, const std::string& path) {
  const absl::StatusOr<Config> config = at_hand.Read(path);
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
  for (const auto& [name, wrong] : at_hand.drivers.broken()) {
    std::cout << "warning: a format is not used: " << wrong << "\n";
  }
  for (const std::string& warning : BenchWarnings(*config, at_hand.drivers)) {
    std::cout << "warning: instrument " << warning << "\n";
  }
  const auto urgent = std::count_if(config->watches.begin(), config->watches.end(),
                                    [](const WatchConfig& watch) { return IsUrgent(watch.tier); });
  std::cout << "watch: " << config->watches.size() << " rules, " << urgent << " of them make a report urgent\n";
  std::cout << path << ": " << (result == kOk ? "good" : "readable, but see above") << "\n";
  return result;
}

void PrintDriver(const Driver& driver) {
  std::cout << absl::StrFormat("%-16s %s%s\n", driver.name, driver.title,
                               driver.evidence.empty() ? "" : absl::StrCat(" (", driver.evidence, ")"));
  std::cout << absl::StrFormat("%-16s version %s; line %d baud %d%c%d, flow control %s\n", "", driver.version,
                               driver.line.baud, driver.line.data_bits, driver.line.parity, driver.line.stop_bits,
                               driver.line.flow);
  for (const OptionSpec& option : driver.options) {
    std::cout << absl::StrFormat("    %-18s %s (default %s%s)\n", option.name, option.help, option.default_value,
                                 option.choices.empty() ? "" : absl::StrCat("; one of ", option.choices));
  }
  for (const OrderSpec& order : driver.orders) {
    std::cout << absl::StrFormat("    order %-12s %s\n", order.name, order.help);
  }
}

int DriversCommand(DriversAtHand& at_hand, const std::string& name) {
  if (!name.empty()) {
    const absl::StatusOr<const Driver*> driver = at_hand.Find(name);
    if (!driver.ok()) return FailUsage(driver.status());
    PrintDriver(**driver);
    return kOk;
  }
  const absl::Status status = at_hand.LoadAll();
  if (!status.ok()) return FailUsage(status);
  for (const Driver* driver : at_hand.drivers.all()) PrintDriver(*driver);
  for (const auto& [broken, wrong] : at_hand.drivers.broken()) std::cerr << "dims-bridge: " << wrong << "\n";
  return at_hand.drivers.broken().empty() ? kOk : kFailed;
}

int StoreCommand(DriversAtHand& at_hand, const std::string& config_path, std::string store_path) {
  StoreOptions options;
  if (store_path.empty()) {
    const absl::StatusOr<Config> config = at_hand.Read(config_path);
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
absl::StatusOr<std::string> AdminSocket(DriversAtHand& at_hand, const std::string& config_path,
                                        const std::string& socket) {
  if (!socket.empty()) return socket;
  const absl::StatusOr<Config> config = at_hand.Read(config_path);
  if (!config.ok()) return config.status();
  if (!config->admin.socket.empty()) return config->admin.socket;
  return absl::FailedPreconditionError(absl::StrCat(config_path, ": [admin] socket is empty: there is none"));
}

int TailCommand(DriversAtHand& at_hand, const std::string& config, const std::string& socket,
                const dims::v1::TailRequest& request, bool json) {
  const absl::StatusOr<std::string> path = AdminSocket(at_hand, config, socket);
  if (!path.ok()) return Fail(path.status());
  const absl::Status status = PrintTail(*path, request, json, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int StatusCommand(DriversAtHand& at_hand, const std::string& config, const std::string& socket, bool json) {
  const absl::StatusOr<std::string> path = AdminSocket(at_hand, config, socket);
  if (!path.ok()) return Fail(path.status());
  const absl::Status status = PrintStatus(*path, json, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int OrderCommand(DriversAtHand& at_hand, const std::string& config, const std::string& socket,
                 const dims::v1::OrderRequest& request) {
  const absl::StatusOr<std::string> path = AdminSocket(at_hand, config, socket);
  if (!path.ok()) return Fail(path.status());
  const absl::Status status = SendOrder(*path, request, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int QuarantineCommand(DriversAtHand& at_hand, const QuarantineArguments& arguments) {
  const auto read = [&](const std::string& path) { return at_hand.Read(path); };
  const absl::Status status = RunQuarantineCommand(arguments, read, std::cout);
  return status.ok() ? kOk : Fail(status);
}

int DecodeCommand(DriversAtHand& at_hand, const std::string& name, DecodeRequest request,
                  const std::vector<std::string>& given) {
  const absl::StatusOr<const Driver*> driver = at_hand.Find(name);
  if (!driver.ok()) return FailUsage(driver.status());
  request.driver = *driver;
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

int PortsCommand(DriversAtHand& at_hand, const std::string& config_path) {
  std::vector<InstrumentConfig> instruments;
  if (!config_path.empty()) {
    absl::StatusOr<Config> config = at_hand.Read(config_path);
    if (!config.ok()) return Fail(config.status());
    instruments = std::move(config->instruments);
  }
  const absl::StatusOr<std::vector<SerialDevice>> devices = ListSerialDevices();
  if (!devices.ok()) return Fail(devices.status());
  std::cout << PortTable(*devices, instruments);
  return kOk;
}

// Whether a signal has asked to stop; they are blocked until then.
std::function<bool()> AskSignals() {
  return [signals = StopSignals(), stopped = false]() mutable {
    const timespec now{};
    stopped = stopped || sigtimedwait(&signals, nullptr, &now) > 0;
    return stopped;
  };
}

int ProbeCommand(DriversAtHand& at_hand, const ProbeArguments& arguments) {
  if (const absl::Status status = at_hand.LoadAll(); !status.ok()) return FailUsage(status);
  for (const auto& [name, wrong] : at_hand.drivers.broken()) std::cerr << "a format is not used: " << wrong << "\n";
  const absl::StatusOr<bool> fits = RunProbe(arguments, at_hand.drivers.all(), AskSignals(), std::cout, std::cerr);
  if (!fits.ok()) return FailUsage(fits.status());
  return *fits ? kOk : kFailed;
}

int RecordCommand(DriversAtHand& at_hand, const RecordArguments& arguments) {
  absl::StatusOr<const Driver*> driver = nullptr;
  if (!arguments.driver.empty()) driver = at_hand.Find(arguments.driver);
  if (!driver.ok()) return FailUsage(driver.status());
  const absl::StatusOr<RecordRequest> request = ReadArguments(arguments, *driver);
  if (!request.ok()) return FailUsage(request.status());
  const absl::Status status = Record(*request, AskSignals(), std::cout);
  return status.ok() ? kOk : Fail(status);
}

int ManualCommand(DriversAtHand& at_hand, bool example) {
  const absl::Status status = at_hand.LoadAll();
  if (!status.ok()) return FailUsage(status);
  std::cout << (example ? ExampleConfig() : ConfigManual(at_hand.Facts()));
  return kOk;
}

int Main(int argc, char** argv) {
  CLI::App app("Reads laboratory instruments over serial lines, keeps what they say, and carries it to the registry.");
  app.set_version_flag("--version", "dims-bridge " DIMS_VERSION);
  app.require_subcommand(1);
  DriversAtHand at_hand;
  app.add_option("--formats", at_hand.folder,
                 "Folder of *.format.toml files; without it, the one that the configuration names, or, where a command "
                 "reads none, /etc/dims-bridge/formats");
  app.fallthrough();
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
  decode->add_option("driver", driver, "Driver (see `dims-bridge drivers`), or a .format.toml file")->required();
  decode->add_option("file", request.path, "File, or - for standard input")->required();
  decode->add_option("--read", request.read, "Bytes fed to the parser at a time")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 30))
      ->capture_default_str();
  decode->add_option("--set", settings, "Driver option, key=value; may be repeated")->allow_extra_args(false);
  CLI::App* drivers =
      app.add_subcommand("drivers", "List the drivers, their line settings and options, or check a format");
  drivers->add_option("driver", driver, "Only this one; or a .format.toml file, which is checked");
  CLI::App* summary =
      app.add_subcommand("store", "Show what is on disk, by state (while the bridge is stopped; see `status`)");
  summary->add_option("--config", config, "Configuration file that names the store")->capture_default_str();
  summary->add_option("--path", store, "The store itself, instead of a configuration");
  std::string ports_config;
  CLI::App* ports = app.add_subcommand("ports", "List this machine's serial ports, without opening any");
  ports->add_option("--config", ports_config, "Configuration file, to show whose port each is");
  RecordArguments recording;
  CLI::App* record = AddRecordCommand(app, recording);
  ProbeArguments probing;
  CLI::App* probe = AddProbeCommand(app, probing);
  std::string socket;
  bool json = false;
  dims::v1::TailRequest listen;
  CLI::App* tail = app.add_subcommand("tail", "Show what happens on the lines of the running bridge and in its store");
  CLI::App* status = app.add_subcommand("status", "Show how the running bridge, its lines and its store stand");
  CLI::App* order = app.add_subcommand("order", "Have the running bridge tell an instrument to do something, once");
  for (CLI::App* command : {tail, status, order}) {
    command->add_option("--config", config, "Configuration file that names the socket")->capture_default_str();
    command->add_option("--socket", socket, "The control socket itself, instead of a configuration");
    if (command != order) command->add_flag("--json", json, "One JSON object a line");
  }
  dims::v1::OrderRequest what;
  order
      ->add_option_function<std::string>(
          "instrument", [&](const std::string& name) { what.set_instrument(name); }, "Its name in the configuration")
      ->required();
  order
      ->add_option_function<std::string>(
          "order", [&](const std::string& name) { what.set_order(name); },
          "What its driver can tell it: acquire, weigh (`dims-bridge drivers DRIVER`)")
      ->required();
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
  if (run->parsed()) return RunCommand(at_hand, config);
  if (record->parsed()) return RecordCommand(at_hand, recording);
  if (probe->parsed()) return ProbeCommand(at_hand, probing);
  // All else ends at once when it is told to.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  if (tail->parsed()) return TailCommand(at_hand, config, socket, listen, json);
  if (status->parsed()) return StatusCommand(at_hand, config, socket, json);
  if (order->parsed()) return OrderCommand(at_hand, config, socket, what);
  if (quarantine->parsed()) return QuarantineCommand(at_hand, decision);
  if (check->parsed()) return CheckCommand(at_hand, config);
  if (decode->parsed()) return DecodeCommand(at_hand, driver, std::move(request), settings);
  if (drivers->parsed()) return DriversCommand(at_hand, driver);
  if (ports->parsed()) return PortsCommand(at_hand, ports_config);
  if (manual->parsed()) return ManualCommand(at_hand, example);
  return StoreCommand(at_hand, config, std::move(store));
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
