// An uplink with a store on one side and a registry on the other, over mutual TLS.
//
// What: the fixture `UplinkTest` (a store of bench-1 of lab-a, records to keep in it, an uplink to start and stop) and
//   `Eventually`, which waits for what other threads do.
// Threads: one.
#ifndef DIMS_TESTS_UPLINK_FIXTURE_H_
#define DIMS_TESTS_UPLINK_FIXTURE_H_

#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "firmware-bridge/uplink.h"
#include "registry/grpc_log.h"
#include "tests/registry_fixture.h"

namespace dims {

// Waits for a condition, looking every few milliseconds.
template <typename Condition>
bool Eventually(Condition condition, absl::Duration most = absl::Seconds(30)) {
  absl::Notification never;
  for (const absl::Time until = absl::Now() + most; absl::Now() < until;) {
    if (condition()) return true;
    never.WaitForNotificationWithTimeout(absl::Milliseconds(5));
  }
  return condition();
}

class UplinkTest : public Registry {
 protected:
  void SetUp() override {
    Registry::SetUp();
    LogGrpcMessages();  // the registry's program does so
    UseCertificate(authority_, authority_.Bridge("lab-a", "bench-1"));
    OpenStore();
  }
  void TearDown() override { StopUplink(); }

  void OpenStore() {
    store_.reset();
    StoreOptions options;
    options.path = folder_ / "bridge.db";
    options.laboratory = "lab-a";
    options.bridge = "bench-1";
    options.now = [this] { return absl::Now() + later_; };
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void UseCertificate(const test::CertificateAuthority& authority, const test::Certificate& certificate) {
    const test::CertificateFiles files = test::WriteCertificates(folder_.path(), "bridge-", authority, certificate);
    uplink_options_.ca = files.ca;
    uplink_options_.certificate = files.certificate;
    uplink_options_.key = files.key;
    uplink_options_.laboratory = "lab-a";
    uplink_options_.bridge = "bench-1";
    uplink_options_.software = "test";
  }
  // On one port for the whole test, as a registry that comes back.
  void StartRegistry() {
    Start();
    options_.listen = absl::StrCat("127.0.0.1:", server_->port());
    uplink_options_.address = options_.listen;
  }
  void StartUplink() {
    uplink_ = std::make_unique<Uplink>(uplink_options_, *store_);
    thread_ = std::thread([this] { uplink_->Run(); });
  }
  void StopUplink() {
    if (!uplink_) return;
    uplink_->Stop();
    thread_.join();
    uplink_.reset();
  }
  void KeepUrgent() { Keep(1, 0, true); }
  void Keep(int count, std::size_t padding = 0, bool urgent = false) {
    SessionBatch batch{"analyser-1", {}, 0, {}};
    for (int i = 0; i < count; ++i) {
      if (urgent) batch.urgent.push_back(batch.payloads.size());
      v1::Report report = GoodReport(++kept_);
      if (origin_) report.set_origin(*origin_);
      report.set_evidence(std::string(padding, 'x'));
      batch.payloads.push_back(report.SerializeAsString());
    }
    ASSERT_TRUE(store_->Commit(Batch{{batch}}).ok());
    if (uplink_) uplink_->Wake();
  }
  std::vector<std::string> Samples() {
    std::vector<std::string> samples;
    for (const ArchivedRecord& record : Archived()) {
      v1::Report report;
      if (record.refusal == v1::REFUSAL_REASON_UNSPECIFIED && report.ParseFromString(record.payload) &&
          report.analyses_size() > 0) {
        samples.push_back(report.analyses(0).sample_number());
      }
    }
    return samples;
  }
  std::vector<std::string> SamplesThrough(int last) {
    std::vector<std::string> samples;
    for (int i = 1; i <= last; ++i) samples.push_back(absl::StrCat("S-", i));
    return samples;
  }
  bool Drained() {
    return Eventually([&] { return store_->OldestUnsettled().settled_through == kept_; });
  }
  // Both sides log to one place; waits until it holds all of `words`.
  void ExpectLogged(const std::vector<std::string>& words) {
    const auto before = spdlog::default_logger();
    const auto lines = std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(1000);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("both sides", lines));
    StartUplink();
    for (const std::string& word : words) {
      EXPECT_TRUE(Eventually([&] { return absl::StrContains(absl::StrJoin(lines->last_formatted(), ""), word); },
                             absl::Seconds(10)))
          << word << "\n"
          << absl::StrJoin(lines->last_formatted(), "");
    }
    StopUplink();
    server_.reset();
    spdlog::set_default_logger(before);
  }

  std::unique_ptr<Store> store_;
  UplinkOptions uplink_options_;
  std::unique_ptr<Uplink> uplink_;
  std::thread thread_;
  uint64_t kept_ = 0;
  absl::Duration later_;  // what the store takes for the time, beyond now
  std::optional<v1::Origin> origin_;
};

}  // namespace dims

#endif  // DIMS_TESTS_UPLINK_FIXTURE_H_
