#include "firmware-bridge/service.h"

#include <grpc/support/log.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/activity.h"
#include "firmware-bridge/admin.h"
#include "firmware-bridge/assess.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/certificates.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/descriptor.h"
#include "firmware-bridge/receiver.h"
#include "firmware-bridge/uplink.h"
#include "proto/hash.h"

namespace dims {
namespace {

// One instrument with all that belongs to it. The session writes through the receiver, which starts last.
struct Place {
  explicit Place(std::function<void(const Arrival&)> seen) : buffer(ReceiveBuffer::kCapacity, std::move(seen)) {}
  ReceiveBuffer buffer;
  Receiver::Expected expected = Receiver::Expected::kAny;
  std::unique_ptr<Receiver> receiver;
};

// Decided by the name once, when the service starts: a line must not change its mind while a report is open. The
// receiver opens no port that belies it.
dims::v1::Origin OriginOf(const InstrumentConfig& instrument) {
  if (instrument.origin) return *instrument.origin;
  return IsSimulatedByName(instrument.port) ? dims::v1::ORIGIN_SIMULATED : dims::v1::ORIGIN_REAL;
}

void SayWhatIsWrongWithCertificates(const Config& config) {
  const absl::StatusOr<CertificateFacts> facts = CheckOwnCertificates(config);
  if (!facts.ok()) {
    SPDLOG_ERROR("{}; results are collected, but the registry will not take them",
                 std::string(facts.status().message()));
    return;
  }
  for (const std::string& warning : facts->warnings) SPDLOG_WARN("{}", warning);
}

// An instrument that is no longer configured may have left a report open. Nobody will finish it.
absl::Status CloseForgotten(const Config& config, absl::string_view version, Store& store) {
  for (const StoreSummary::Instrument& line : store.Summary().instruments) {
    const bool configured =
        std::any_of(config.instruments.begin(), config.instruments.end(),
                    [&](const InstrumentConfig& instrument) { return instrument.name == line.name; });
    const uint64_t begin = line.position.closed_through, end = line.position.read_through;
    if (configured || begin == end) continue;
    SPDLOG_WARN("{}: is no longer configured; the {} bytes it left unfinished are kept as interrupted", line.name,
                end - begin);
    const absl::StatusOr<std::string> raw = store.ReadIntake(line.name, begin, end);
    if (!raw.ok()) return raw.status();
    dims::v1::Report report;
    AddProblem(report, dims::v1::PROBLEM_TYPE_INTERRUPTED, raw->size(),
               "the instrument was taken out of the configuration before its report ended");
    report.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
    report.set_raw_size(raw->size());
    report.set_raw_sha256(Sha256::Of(*raw));
    // Where it came from is known, what it was is not: no number of it is carried.
    report.set_origin(dims::v1::ORIGIN_REAL);
    dims::v1::Source& source = *report.mutable_source();
    source.set_laboratory(config.laboratory);
    source.set_bridge(config.bridge);
    source.set_instrument(line.name);
    source.set_intake_begin(begin);
    source.set_intake_end(end);
    source.set_bridge_version(std::string(version));
    const SessionBatch batch{line.name, {}, end, {report.SerializeAsString()}};
    if (absl::Status status = store.Commit(Batch{{batch}}); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<SessionSetup> SetupOf(const Config& config, const InstrumentConfig& instrument, const Drivers& drivers,
                                     absl::string_view version) {
  SessionSetup setup;
  setup.driver = drivers.Find(instrument.driver);
  absl::StatusOr<Options> options = Options::Parse(setup.driver->options, instrument.options);
  if (!options.ok()) return options.status();
  setup.options = *std::move(options);
  if (instrument.time_zone) {
    absl::TimeZone zone;
    absl::LoadTimeZone(*instrument.time_zone, &zone);  // the configuration has checked the name
    setup.locality.zone = zone;
  }
  setup.locality.date_order = instrument.date_order.value_or("");
  setup.source.set_laboratory(config.laboratory);
  setup.source.set_bridge(config.bridge);
  setup.source.set_instrument(instrument.name);
  setup.source.set_configuration_sha256(config.sha256);
  setup.source.set_bridge_version(std::string(version));
  setup.origin = OriginOf(instrument);
  if (setup.origin == dims::v1::ORIGIN_SIMULATED && !instrument.origin) {
    SPDLOG_WARN(
        "{}: {} is no instrument's line; its results are marked SIMULATED, and a registry in production refuses "
        "those for good (set origin to say otherwise)",
        instrument.name, instrument.port);
  }
  setup.noise_quota = static_cast<uint64_t>(instrument.noise_quota_mib) << 20;
  setup.scan_window = instrument.scan_window;
  setup.clock = ReadClockState;
  return setup;
}

// Nobody looking on is no reason not to collect.
std::unique_ptr<AdminServer> StartAdmin(const Config& config, absl::string_view version, const TailSources& sources,
                                        std::function<void()> recorded, decltype(AdminSetup::order) order) {
  if (config.admin.socket.empty()) return nullptr;
  absl::StatusOr<std::unique_ptr<AdminServer>> admin =
      AdminServer::Start({config.admin, std::string(version), config.store.path, config.instruments, sources,
                          std::move(recorded), std::move(order)});
  if (admin.ok()) return *std::move(admin);
  SPDLOG_WARN(
      "admin: {}; the bridge runs, but \"dims-bridge tail\" and \"dims-bridge status\" cannot reach it: let [admin] "
      "socket in {} be a file in a folder that is there, or empty",
      std::string(admin.status().message()), config.path);
  return nullptr;
}

}  // namespace

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

absl::StatusOr<CertificateFacts> CheckOwnCertificates(const Config& config) {
  const RegistryConfig& registry = config.registry;
  return CheckCertificates({registry.ca, registry.certificate, registry.key},
                           {config.laboratory, "bridge", config.bridge}, absl::Now());
}

StoreOptions StoreOptionsOf(const Config& config) {
  StoreOptions options;
  options.path = config.store.path;
  options.laboratory = config.laboratory;
  options.bridge = config.bridge;
  options.budget_bytes = static_cast<uint64_t>(config.store.budget_mib) << 20;
  options.ballast_bytes = static_cast<uint64_t>(config.store.ballast_mib) << 20;
  options.keep_settled = config.store.keep_settled;
  options.keep_intake = config.store.keep_intake;
  return options;
}

std::vector<std::string> BenchWarnings(const Config& config, const Drivers& drivers) {
  std::vector<std::string> warnings;
  const auto is_scanner = [&](const InstrumentConfig& instrument) {
    return drivers.Find(instrument.driver)->says_what_comes_next;
  };
  for (const InstrumentConfig& instrument : config.instruments) {
    if (!instrument.bench) {
      if (is_scanner(instrument)) {
        warnings.push_back(absl::StrCat(instrument.name, ": what it scans names no sample: it has no \"bench\""));
      }
      continue;
    }
    const bool has_partner =
        std::any_of(config.instruments.begin(), config.instruments.end(), [&](const InstrumentConfig& other) {
          return other.bench == instrument.bench && is_scanner(other) != is_scanner(instrument);
        });
    if (has_partner) continue;
    warnings.push_back(absl::StrCat(
        instrument.name, ": bench \"", *instrument.bench, "\" has no ",
        is_scanner(instrument) ? "instrument whose samples it could name" : "scanner that could name its samples"));
  }
  return warnings;
}

absl::Status RunService(const Config& config, const Drivers& drivers, absl::string_view version) {
  // gRPC's own lines repeat what the uplink says, in words of its inside.
  gpr_set_log_function([](gpr_log_func_args* line) { spdlog::debug("gRPC: {}", line->message); });
  // Ports, store, uplink and lookers-on share them; one too few would end whichever asks last.
  if (absl::Status status = RaiseDescriptorLimit(); !status.ok()) SPDLOG_WARN("{}", std::string(status.message()));
  SayWhatIsWrongWithCertificates(config);
  for (const std::string& warning : BenchWarnings(config, drivers)) SPDLOG_WARN("{}", warning);
  // What SQLite writes aside while it makes the file smaller belongs on the store's own disk, which is known to be
  // there.
  setenv("SQLITE_TMPDIR", std::filesystem::path(config.store.path).parent_path().c_str(), 0);
  StoreOptions store_options = StoreOptionsOf(config);
  // A large store on a slow disk takes longer than the unit gives to a start, and would begin anew each time. Each call
  // moves the end, so that only a start that stands still is ended.
  store_options.alive = [last = -absl::InfiniteDuration()]() mutable {
    if (const absl::Duration now = ReadClocks().uptime; now - last >= absl::Seconds(1)) {
      last = now;
      sd_notify(0, absl::StrCat("EXTEND_TIMEOUT_USEC=", absl::ToInt64Microseconds(absl::Minutes(5))).c_str());
    }
  };
  absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(store_options);
  if (!opened.ok()) return opened.status();
  Store& store = **opened;
  for (const std::string& notice : store.notices()) SPDLOG_WARN("store: {}", notice);
  if (config.instruments.empty()) SPDLOG_WARN("no instrument is configured: only what waits in the store is sent");
  if (absl::Status status = CloseForgotten(config, version, store); !status.ok()) {
    SPDLOG_ERROR("store: {}", std::string(status.message()));
  }

  Activity activity;
  UplinkOptions to;
  to.address = config.registry.address;
  to.more_addresses = config.registry.more_addresses;
  to.ca = config.registry.ca;
  to.certificate = config.registry.certificate;
  to.key = config.registry.key;
  to.laboratory = config.laboratory;
  to.bridge = config.bridge;
  to.software = absl::StrCat("dims-bridge ", version);
  to.answer_deadline = config.registry.answer_deadline;
  to.drain_limit = static_cast<uint64_t>(config.registry.drain_limit_kib_s) << 10;
  to.changed = [&] { activity.Changed(absl::Now()); };
  Uplink uplink(std::move(to), store);

  uint64_t watchdog_us = 0;
  const bool watched = sd_watchdog_enabled(0, &watchdog_us) > 0;
  const absl::Duration pulse = watched ? absl::Microseconds(watchdog_us) / 3 : absl::Seconds(10);
  absl::Time last_pulse = absl::InfinitePast();
  const auto alive = [&] {
    if (!watched || absl::Now() - last_pulse < pulse / 2) return;
    last_pulse = absl::Now();
    sd_notify(0, "WATCHDOG=1");
  };
  const auto recorded = [&] {
    uplink.Wake();
    activity.Changed(absl::Now());
  };
  Bench bench(store, ReadClocks, recorded, alive, pulse);

  const Assess assess(config.watches);
  std::map<std::string, SampleScans> scans;  // by bench
  std::vector<std::unique_ptr<Place>> places;
  for (const InstrumentConfig& instrument : config.instruments) {
    absl::StatusOr<SessionSetup> setup = SetupOf(config, instrument, drivers, version);
    if (!setup.ok()) return setup.status();
    Place& place = *places.emplace_back(std::make_unique<Place>(
        [&activity, name = instrument.name](const Arrival& arrival) { activity.Arrived(name, arrival); }));
    if (!instrument.origin) {
      place.expected =
          setup->origin == dims::v1::ORIGIN_REAL ? Receiver::Expected::kReal : Receiver::Expected::kSimulated;
    }
    setup->assess = std::cref(assess);
    if (instrument.bench) setup->scans = &scans[*instrument.bench];
    setup->write = [&place, &activity, name = instrument.name](absl::string_view bytes) {
      const absl::Status status = place.receiver->Write(bytes);
      if (status.ok()) activity.Sent(name, absl::Now(), bytes);
      return status;
    };
    bench.Add(std::make_unique<Session>(*std::move(setup), store, ReadClocks()), place.buffer);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const InstrumentConfig& instrument = config.instruments[i];
    places[i]->receiver = std::make_unique<Receiver>(
        instrument.name, instrument.port, LineOf(instrument, drivers.Find(instrument.driver)->line),
        places[i]->expected, places[i]->buffer, [&bench] { bench.Wake(); });
  }
  std::thread bench_thread([&] { bench.Run(); });
  std::thread uplink_thread([&] { uplink.Run(); });
  const auto uplink_status = [&] { return DescribeUplink(uplink.State()); };
  const auto order = [&](const std::string& instrument, const std::string& what) {
    if (activity.LineOf(instrument).open) return bench.Order(instrument, what);
    return absl::FailedPreconditionError(absl::StrCat(instrument, ": the line is not open; nothing was ordered"));
  };
  const std::unique_ptr<AdminServer> admin =
      StartAdmin(config, version, {store, activity, uplink_status}, recorded, order);
  SPDLOG_INFO("listening to {} instruments for laboratory \"{}\"", places.size(), config.laboratory);
  sd_notify(0, "READY=1");

  const sigset_t signals = StopSignals();
  int signal = 0;
  sigwait(&signals, &signal);
  SPDLOG_INFO("stopping");
  sd_notify(0, "STOPPING=1");
  uplink.Stop();
  // Nothing more is read; the bench keeps what was, and may still reply.
  for (const std::unique_ptr<Place>& place : places) place->receiver->StopReading();
  bench.Stop();
  bench_thread.join();
  uplink_thread.join();
  return absl::OkStatus();
}

}  // namespace dims
