// How long an urgent record takes while 100,000 routine ones wait: from the first connection after the registry was
// away to the registry's word that it stored the record ahead. p50 and p99 of 50 runs, over mutual TLS.
//
//   urgent_bench [--runs=N] [--through=PORT --registry=PORT]
//
// Without --through both ends are in this process, next to one another. With it the uplink connects to that port, where
// something (dims-sim proxy --listen 127.0.0.1:PORT --to 127.0.0.1:REGISTRY --throttle 1mbit) leads to the registry,
// which listens on --registry: so a slow link is measured.
#include <grpcpp/grpcpp.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/uplink.h"
#include "registry/server.h"
#include "tests/certificates.h"

namespace dims {
namespace {

constexpr int kRoutine = 100'000, kBatch = 256;

std::string Payload() {
  v1::Report report;
  report.set_driver("bench");
  report.set_origin(v1::ORIGIN_REAL);
  report.mutable_source()->set_laboratory("lab-a");
  report.mutable_source()->set_bridge("bench-1");
  report.set_evidence(std::string(460, 'x'));
  return report.SerializeAsString();
}

void Die(absl::string_view why) {
  std::fprintf(stderr, "%s\n", std::string(why).c_str());
  std::exit(1);
}

std::unique_ptr<Store> OpenStore(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.laboratory = "lab-a";
  options.bridge = "bench-1";
  auto store = Store::Open(options);
  if (!store.ok()) Die(store.status().message());
  return *std::move(store);
}

// When either lane was connected first, by the uplink's own line.
class FirstConnection final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  absl::Time at() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return at_;
  }

 private:
  void sink_it_(const spdlog::details::log_msg& line) override {
    const absl::string_view text(line.payload.data(), line.payload.size());
    if (at_ == absl::InfiniteFuture() && absl::StrContains(text, ": connected to")) at_ = absl::Now();
  }
  void flush_() override {}
  absl::Time at_ = absl::InfiniteFuture();
};

struct Settings {
  int runs = 50, through = 0, registry = 0;
};

// One run; the time to StoredAhead.
absl::Duration Run(const std::string& folder, const std::string& prepared, const Settings& settings, int run) {
  const std::string here = absl::StrCat(folder, "/run-", run);
  std::filesystem::create_directory(here);
  for (const char* end : {"", ".head"}) std::filesystem::copy(prepared + end, absl::StrCat(here, "/bridge.db", end));
  const test::CertificateAuthority authority;
  const test::CertificateFiles own =
      test::WriteCertificates(here, "bridge-", authority, authority.Bridge("lab-a", "bench-1"));
  const test::CertificateFiles theirs =
      test::WriteCertificates(here, "registry-", authority, authority.Registry("lab-z", "central"));
  RegistryServerOptions registry;
  registry.listen = absl::StrCat("127.0.0.1:", settings.registry);
  registry.database = here + "/registry.db";
  registry.ca = theirs.ca;
  registry.certificate = theirs.certificate;
  registry.key = theirs.key;
  // Its port, then away: the uplink is in its back-off when it comes back.
  auto server = RegistryServer::Start(registry);
  if (!server.ok()) Die(server.status().message());
  registry.listen = (*server)->address();
  server->reset();

  const auto sink = std::make_shared<FirstConnection>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("bench", sink));
  const std::unique_ptr<Store> store = OpenStore(here + "/bridge.db");
  UplinkOptions options;
  options.address = settings.through > 0 ? absl::StrCat("127.0.0.1:", settings.through) : registry.listen;
  options.ca = own.ca;
  options.certificate = own.certificate;
  options.key = own.key;
  options.laboratory = "lab-a";
  options.bridge = "bench-1";
  options.software = "bench";
  Uplink uplink(options, *store);
  std::thread thread([&] { uplink.Run(); });
  absl::Mutex none;
  const auto never = [] { return false; };
  const auto pass = [&](absl::Duration time) {
    absl::MutexLock lock(&none);
    none.AwaitWithTimeout(absl::Condition(&never), time);
  };
  while (uplink.State().last_error.empty()) pass(absl::Milliseconds(1));
  Batch batch;
  batch.sessions.push_back({"gcms-1", {}, 0, {Payload()}, {0}});
  if (!store->Commit(batch).ok()) Die("the store does not commit");
  uplink.Wake();
  pass(absl::Milliseconds(500 + 37 * (run % 10)));  // anywhere in the back-off
  server = RegistryServer::Start(registry);
  if (!server.ok()) Die(server.status().message());
  while (!uplink.State().all_urgent_answered) pass(absl::Microseconds(500));
  const absl::Duration took = absl::Now() - sink->at();
  uplink.Stop();
  thread.join();
  server->reset();
  std::filesystem::remove_all(here);
  return took;
}

int Main(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    const bool known =
        (absl::ConsumePrefix(&argument, "--runs=") && absl::SimpleAtoi(argument, &settings.runs)) ||
        (absl::ConsumePrefix(&argument, "--through=") && absl::SimpleAtoi(argument, &settings.through)) ||
        (absl::ConsumePrefix(&argument, "--registry=") && absl::SimpleAtoi(argument, &settings.registry));
    if (!known || settings.runs < 1) Die(absl::StrCat("what is ", argument, "?"));
  }
  std::string folder = (std::filesystem::temp_directory_path() / "dims-urgent-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) Die("no folder");
  const std::string prepared = folder + "/prepared.db";
  {
    const std::unique_ptr<Store> store = OpenStore(prepared);
    const std::string payload = Payload();
    for (int i = 0; i < kRoutine; i += kBatch) {
      Batch batch;
      batch.sessions.push_back({"gcms-1", {}, 0, std::vector<std::string>(std::min(kBatch, kRoutine - i), payload)});
      if (!store->Commit(batch).ok()) Die("the store does not commit");
    }
  }
  std::vector<absl::Duration> times;
  for (int run = 0; run < settings.runs; ++run) times.push_back(Run(folder, prepared, settings, run));
  std::sort(times.begin(), times.end());
  const auto at = [&](double part) {
    return absl::ToDoubleMilliseconds(times[static_cast<std::size_t>(part * static_cast<double>(times.size() - 1))]);
  };
  std::printf("urgent past %d routine records, %d runs: p50 %.1f ms, p99 %.1f ms, longest %.1f ms\n", kRoutine,
              settings.runs, at(0.5), at(0.99), at(1));
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) { return dims::Main(argc, argv); }
