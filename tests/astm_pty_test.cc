// The scripts of the conformance suite in real time: bytes go through a pseudo-terminal, the bridge's own receiver, its
// bench, and a store on a real disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "drivers/catalog.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/receiver.h"
#include "firmware-bridge/session.h"
#include "tests/astm_line.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using dims::v1::Report;

constexpr int kDeadlineMs = 20'000;

class ThroughAPty final : public AstmLine {
 public:
  ThroughAPty() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    EXPECT_EQ(grantpt(master_), 0);
    EXPECT_EQ(unlockpt(master_), 0);
    store_ = MustOpen(OptionsFor(folder_));
    bench_.emplace(
        *store_, ReadClocks, [this] { Count(); }, [] {}, absl::Seconds(10));
    SessionSetup setup;
    setup.driver = FindDriver("astm");
    setup.options = *Options::Parse(setup.driver->options, {{"idle_timeout", kScriptIdle}});
    setup.source.set_instrument("analyser-1");
    setup.source.set_bridge("bridge-1");
    setup.origin = dims::v1::ORIGIN_SIMULATED;
    setup.write = [this](absl::string_view bytes) { return receiver_->Write(bytes); };
    const Line line = setup.driver->line;
    bench_->Add(std::make_unique<Session>(std::move(setup), *store_, ReadClocks()), buffer_);
    receiver_.emplace("analyser-1", ptsname(master_), line, Receiver::Expected::kAny, buffer_,
                      [this] { bench_->Wake(); });
    running_ = std::thread([this] { bench_->Run(); });
    AwaitRawLine();
  }
  ~ThroughAPty() override {
    receiver_->StopReading();
    bench_->Stop();
    running_.join();
    close(master_);
  }

  void Say(const std::string& bytes, const std::string& expected) override {
    ASSERT_EQ(write(master_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    Expect(expected);
  }
  void Wait(absl::Duration, const std::string& expected) override { Expect(expected); }

  std::vector<Report> Reports() override {
    std::vector<Report> reports;
    const auto records = ReadAll(*store_, store_->Current().id);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const StoredRecord& record : *records) reports.push_back(ToReport(record));
    return reports;
  }

 private:
  // Until the bridge has set the line, an answer would be echoed and a CR would become another character.
  void AwaitRawLine() {
    const absl::Time deadline = absl::Now() + absl::Milliseconds(kDeadlineMs);
    termios settings{};
    do {
      ASSERT_LT(absl::Now(), deadline) << "the bridge does not open the line";
      ASSERT_EQ(tcgetattr(master_, &settings), 0);
    } while ((settings.c_lflag & (ICANON | ECHO)) != 0);
  }

  // An answer that is not expected stands where the next one should.
  void Expect(const std::string& expected) {
    for (const char what : expected) {
      if (what == '!') {
        ++reports_;
        ASSERT_TRUE(AwaitReports()) << "report " << reports_ << " is not on disk";
        continue;
      }
      pollfd ready = {master_, POLLIN, 0};
      ASSERT_EQ(poll(&ready, 1, kDeadlineMs), 1) << "no answer";
      char answer = 0;
      ASSERT_EQ(read(master_, &answer, 1), 1);
      ASSERT_EQ(answer, what == 'A' ? kAck : kNak);
    }
    ASSERT_EQ(store_->Current().highest_number, reports_);
  }

  void Count() {
    absl::MutexLock lock(&mutex_);
    counted_ = store_->Current().highest_number;
  }
  bool AwaitReports() {
    absl::MutexLock lock(&mutex_);
    const auto there = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return counted_ >= reports_; };
    return mutex_.AwaitWithTimeout(absl::Condition(&there), absl::Milliseconds(kDeadlineMs));
  }

  const int master_;
  const StoreFolder folder_;
  std::unique_ptr<Store> store_;
  ReceiveBuffer buffer_;
  std::optional<Bench> bench_;
  std::optional<Receiver> receiver_;
  std::thread running_;
  absl::Mutex mutex_;
  uint64_t counted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t reports_ = 0;
};

class AstmConformance : public testing::TestWithParam<AstmScript> {};

TEST_P(AstmConformance, HoldsInRealTime) {
  spdlog::set_level(spdlog::level::err);
  ThroughAPty line;
  GetParam().run(line);
}

INSTANTIATE_TEST_SUITE_P(ThroughAPty, AstmConformance, testing::ValuesIn(AstmScripts()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace dims
