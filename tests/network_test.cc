// Store, uplink and registry with a bad network between them: whatever it does, every record is in the archive exactly
// once, in order, and the bridge says why it is not connected.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <ostream>
#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/uplink.h"
#include "proto/hash.h"
#include "simulator/fault_proxy.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

constexpr absl::Duration kFirstWait = absl::Milliseconds(5), kLongestWait = absl::Milliseconds(80),
                         kAnswerDeadline = absl::Milliseconds(400);

template <typename Condition>
bool Eventually(Condition condition, absl::Duration most = absl::Seconds(30)) {
  absl::Notification never;
  for (const absl::Time until = absl::Now() + most; absl::Now() < until;) {
    if (condition()) return true;
    never.WaitForNotificationWithTimeout(absl::Milliseconds(2));
  }
  return condition();
}

// A bridge: a store, and the uplink that empties it.
class Bridge {
 public:
  Bridge(const std::string& path, UplinkOptions options) : path_(path), options_(std::move(options)) { OpenStore(); }
  ~Bridge() { Stop(); }

  void OpenStore() {
    store_.reset();
    StoreOptions options;
    options.path = path_;
    options.laboratory = options_.laboratory;
    options.bridge = options_.bridge;
    options.now = [this] { return absl::Now() + later; };
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void CloseStore() { store_.reset(); }
  void Run() {
    UplinkOptions options = options_;
    options.changed = [this] {
      const std::string reason = uplink_->State().last_error;
      const std::lock_guard lock(mutex_);
      reasons_.push_back(reason);
    };
    uplink_ = std::make_unique<Uplink>(std::move(options), *store_);
    thread_ = std::thread([this] { uplink_->Run(); });
  }
  void Stop() {
    if (!uplink_) return;
    uplink_->Stop();
    thread_.join();
    uplink_.reset();
  }
  // Samples <prefix>1, <prefix>2 and so on.
  void Keep(int count, const std::string& prefix = "S-", std::size_t padding = 400) {
    SessionBatch batch{"analyser-1", {}, 0, {}};
    for (int i = 0; i < count; ++i) {
      if (urgent_too && i % 7 == 3) batch.urgent.push_back(batch.payloads.size());
      v1::Report report = GoodReport(++kept_[prefix]);
      report.mutable_analyses(0)->set_sample_number(absl::StrCat(prefix, kept_[prefix]));
      report.set_evidence(std::string(padding, 'x'));
      batch.payloads.push_back(report.SerializeAsString());
    }
    ASSERT_TRUE(store_->Commit(Batch{{batch}}).ok());
    if (uplink_) uplink_->Wake();
  }
  uint64_t Queued() {
    uint64_t queued = 0;
    for (const auto& generation : store_->Summary().generations) queued += generation.queued;
    return queued;
  }
  bool Drained(absl::Duration most = absl::Seconds(30)) {
    return Eventually([&] { return Queued() == 0; }, most);
  }

  // Whether this was ever in the reason why it is not connected, however shortly.
  bool HasSaid(absl::string_view text) {
    const std::lock_guard lock(mutex_);
    return std::any_of(reasons_.begin(), reasons_.end(),
                       [&](const std::string& reason) { return absl::StrContains(reason, text); });
  }
  // All reasons, for a test that fails.
  std::string Reasons() {
    const std::lock_guard lock(mutex_);
    return absl::StrJoin(reasons_, "\n");
  }

  Store& store() { return *store_; }
  UplinkState State() const { return uplink_->State(); }

  bool urgent_too = false;  // every seventh
  absl::Duration later;     // what the store takes for the time, beyond now; while no uplink runs

 private:
  const std::string path_;
  const UplinkOptions options_;
  std::map<std::string, int> kept_;
  std::mutex mutex_;
  std::vector<std::string> reasons_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Uplink> uplink_;
  std::thread thread_;
};

class NetworkTest : public Registry {
 protected:
  void SetUp() override {
    Registry::SetUp();
    Start();
    options_.listen = server_->address();  // on one port for the whole test
  }
  void TearDown() override { bridge_at_.reset(); }

  void StartProxy(FaultProxyOptions options = {}) {
    options.to = server_->address();
    auto proxy = FaultProxy::Start(std::move(options));
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }
  UplinkOptions OptionsOf(const test::Certificate& certificate) {
    const test::CertificateFiles files = test::WriteCertificates(folder_.path(), "bridge-", authority_, certificate);
    UplinkOptions options;
    options.address = proxy_ ? proxy_->address() : server_->address();
    options.ca = files.ca;
    options.certificate = files.certificate;
    options.key = files.key;
    options.laboratory = "lab-a";
    options.bridge = "bench-1";
    options.software = "test";
    options.answer_deadline = kAnswerDeadline;
    options.first_wait = kFirstWait;
    options.longest_wait = kLongestWait;
    return options;
  }
  // The bridge behind the proxy.
  Bridge& Begin() { return Begin(OptionsOf(bridge_)); }
  Bridge& Begin(UplinkOptions options) {
    bridge_at_ = std::make_unique<Bridge>(folder_ / "bridge.db", std::move(options));
    return *bridge_at_;
  }
  void Do(const std::string& line) {
    const auto answer = proxy_->Do(line);
    EXPECT_TRUE(answer.ok()) << answer.status();
  }

  // What arrived, by sample number, in the order stored; gaps as "gap 3-7".
  std::vector<std::string> Arrived() {
    std::vector<std::string> arrived;
    for (const ArchivedRecord& record : Archived()) {
      v1::Report report;
      EXPECT_TRUE(report.ParseFromString(record.payload));
      arrived.push_back(report.has_gap() ? absl::StrCat("gap ", report.gap().from(), "-", report.gap().through())
                                         : report.analyses(0).sample_number());
    }
    return arrived;
  }
  // Numbers from 1 without gaps in each store, and each record's hash made of the one before.
  void ExpectChained() {
    std::map<std::string, std::pair<uint64_t, std::string>> ends;
    std::vector<ArchivedRecord> records = Archived();
    // Urgent ones overtake.
    std::stable_sort(records.begin(), records.end(), [](const ArchivedRecord& a, const ArchivedRecord& b) {
      return std::tie(a.store.store_id, a.number) < std::tie(b.store.store_id, b.number);
    });
    for (const ArchivedRecord& record : records) {
      const std::string& id = record.store.store_id;
      auto& [number, hash] = ends.try_emplace(id, 0, FirstPreviousHash(id)).first->second;
      ASSERT_EQ(record.number, ++number) << id;
      hash = RecordHash(hash, record.number, record.schema, record.payload);
      ASSERT_EQ(record.hash, hash) << id << " " << number;
    }
  }
  // The archive's files while no server has them.
  void CopyDatabase(const std::string& from, const std::string& to) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(to + suffix);
      if (std::filesystem::exists(from + suffix)) std::filesystem::copy_file(from + suffix, to + suffix);
    }
  }

  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<Bridge> bridge_at_;
};

std::vector<std::string> Samples(int first, int last, const std::string& prefix = "S-") {
  std::vector<std::string> samples;
  for (int i = first; i <= last; ++i) samples.push_back(absl::StrCat(prefix, i));
  return samples;
}

std::vector<std::string> operator+(std::vector<std::string> one, const std::vector<std::string>& more) {
  one.insert(one.end(), more.begin(), more.end());
  return one;
}

// What happens to the network, and what the bridge says while it lasts; empty: it is over at once, or no reason not to
// be connected.
struct Trial {
  const char* fault;  // lines, with commas
  const char* said = "";
  bool reconnects = true;

  friend void PrintTo(const Trial& trial, std::ostream* out) { *out << trial.fault; }
};

class EveryFault : public NetworkTest, public testing::WithParamInterface<Trial> {};

TEST_P(EveryFault, EveryRecordArrivesOnceInOrder) {
  StartProxy();
  Bridge& bridge = Begin();
  // The link is slow enough for the fault to fall among the records.
  Do("throttle 40mbit");
  bridge.Keep(1'000);
  bridge.Run();
  ASSERT_TRUE(Eventually([&] { return proxy_->State().carried_up > 100'000; }));
  for (const absl::string_view line : absl::StrSplit(GetParam().fault, ", ")) Do(std::string(line));
  bridge.Keep(1'000);
  if (*GetParam().said != '\0') {
    EXPECT_TRUE(Eventually([&] { return bridge.HasSaid(GetParam().said); }, absl::Seconds(10))) << bridge.Reasons();
  } else if (GetParam().reconnects) {
    EXPECT_TRUE(Eventually([&] { return proxy_->State().connected > 1; }));
  }
  Do("heal");
  const absl::Time healed = absl::Now();
  EXPECT_TRUE(Eventually([&] { return bridge.State().connected; }));
  // The longest wait, what was begun before, and a machine that is busy.
  EXPECT_LE(absl::Now() - healed, kLongestWait + kAnswerDeadline + absl::Seconds(3));
  ASSERT_TRUE(bridge.Drained()) << bridge.State().last_error;
  EXPECT_EQ(Arrived(), Samples(1, 2'000));
  ExpectChained();
  EXPECT_EQ(proxy_->State().connected > 1, GetParam().reconnects) << "the fault came too late, or not at all";
}

INSTANTIATE_TEST_SUITE_P(
    , EveryFault,
    testing::Values(Trial{"cut"}, Trial{"cut after 1 up"}, Trial{"cut after 20000 up"}, Trial{"cut after 30 down"},
                    Trial{"stall", "did not answer for"}, Trial{"stall up", "did not answer for"},
                    Trial{"stall down", "did not answer for"}, Trial{"half-open", "did not answer for"},
                    Trial{"refuse, cut", "Connection refused"}, Trial{"reject, cut", "Connection reset by peer"},
                    Trial{"garbage up", "failed to connect"}, Trial{"garbage down", "failed to connect"},
                    Trial{"flip up", "failed to connect"}, Trial{"flip down", "failed to connect"},
                    Trial{"delay 30ms", "", false}, Trial{"throttle 4mbit", "", false}),
    [](const auto& info) {
      std::string name = info.param.fault;
      for (char& c : name) {
        if (!absl::ascii_isalnum(c)) c = '_';
      }
      return name;
    });

TEST_F(NetworkTest, ARegistryThatDoesNotAnswerIsNotConnectedAndThatIsForgottenOnceItDoes) {
  StartProxy();
  Bridge& bridge = Begin();
  Do("stall");
  bridge.Run();
  ASSERT_TRUE(Eventually([&] { return bridge.HasSaid("no answer within 400ms"); }));
  EXPECT_FALSE(bridge.State().connected);
  Do("heal");
  ASSERT_TRUE(Eventually([&] { return bridge.State().connected; }));
  EXPECT_EQ(bridge.State().last_error, "");
}

// To connect, the handshake of TLS, that of HTTP/2 and Hello take a round trip each before the first record goes. Each
// way of 2 s makes that 16 s of the 30 that the program waits; here it is 12, as the proxy is connected to at once.
// With DIMS_NETWORK_DELAY=2s it is tried so.
TEST_F(NetworkTest, ALongWayIsNoReasonToGiveUp) {
  absl::Duration delay = absl::Milliseconds(250), deadline = absl::Seconds(4);
  if (const char* const given = std::getenv("DIMS_NETWORK_DELAY"); given != nullptr) {
    ASSERT_TRUE(absl::ParseDuration(given, &delay)) << given;
    deadline = absl::Seconds(30);
  }
  StartProxy();
  UplinkOptions options = OptionsOf(bridge_);
  options.answer_deadline = deadline;
  Bridge& bridge = Begin(options);
  Do(absl::StrCat("delay ", absl::FormatDuration(delay)));
  bridge.Keep(2'000);
  const absl::Time begun = absl::Now();
  bridge.Run();
  ASSERT_TRUE(Eventually([&] { return bridge.State().connected || !bridge.State().last_error.empty(); }));
  EXPECT_EQ(bridge.State().last_error, "");
  EXPECT_GE(absl::Now() - begun, 6 * delay) << "there is no delay";
  // Many round trips, until the window is wide enough.
  EXPECT_TRUE(Eventually([&] { return bridge.Queued() == 0; }, absl::Seconds(30) + 30 * delay));
  EXPECT_EQ(proxy_->State().connected, 1u);
  EXPECT_EQ(Arrived(), Samples(1, 2'000));
}

// Nothing is on its way, so nobody misses an answer; the next record finds out.
TEST_F(NetworkTest, AConnectionThatBecameHalfOpenWhileIdleIsGivenUpWithTheNextRecord) {
  StartProxy();
  Bridge& bridge = Begin();
  bridge.Keep(1);
  bridge.Run();
  ASSERT_TRUE(bridge.Drained());
  Do("half-open");
  bridge.Keep(1);
  EXPECT_TRUE(bridge.Drained());
  EXPECT_EQ(Arrived(), Samples(1, 2));
}

TEST_F(NetworkTest, WhatIsUnderWayIsBoundedHoweverMuchWaits) {
  StartProxy();
  Bridge& bridge = Begin();
  for (int i = 0; i < 40; ++i) bridge.Keep(10, "S-", 100'000);  // 40 MB
  bridge.Run();
  // A link that is not measured yet is given a minute for a record of this size.
  ASSERT_TRUE(Eventually([&] { return bridge.Queued() < 400; }));
  // Of the whole program: bridge, proxy and registry. (A sanitizer's heap says nothing here.)
  const auto heap = [] {
    const auto info = mallinfo2();
    return static_cast<std::int64_t>(info.uordblks + info.hblkhd);
  };
  const std::int64_t before = heap();
  std::int64_t most = before;
  Do("stall up");
  ASSERT_TRUE(Eventually([&] {
    most = std::max(most, heap());
    return bridge.HasSaid("did not answer for");
  }));
  Do("heal");
  ASSERT_TRUE(Eventually([&] {
    most = std::max(most, heap());
    return bridge.Queued() == 0;
  }));
  EXPECT_LE(most - before, std::int64_t{16} << 20);
  EXPECT_EQ(Arrived(), Samples(1, 400));
}

// What the proxy's log tells.
std::vector<std::string> FaultsIn(const std::string& path) {
  std::vector<std::string> faults;
  std::ifstream log(path);
  for (std::string line; std::getline(log, line);) {
    const std::vector<std::string> words = absl::StrSplit(line, '"');
    if (words.size() > 9 && words[3] == "fault") faults.push_back(words[9]);
  }
  return faults;
}

TEST_F(NetworkTest, RandomFaultsLoseNothingAndDoubleNothing) {
  const char* const more = std::getenv("DIMS_NETWORK_SEEDS");  // how many; after DIMS_NETWORK_FIRST_SEED
  const char* const from = std::getenv("DIMS_NETWORK_FIRST_SEED");
  const int first = from == nullptr ? 1 : std::atoi(from), count = more == nullptr ? 20 : std::atoi(more);
  std::map<std::string, int> faults;
  for (int seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE(absl::StrCat("DIMS_NETWORK_FIRST_SEED=", seed));
    bridge_at_.reset();
    server_.reset();
    for (const char* name : {"bridge.db", "bridge.db-wal", "bridge.db.head", "registry.db", "registry.db-wal",
                             "registry.db-shm", "registry.db.high", "log"}) {
      std::filesystem::remove(folder_ / name);
    }
    Start();
    FaultProxyOptions options;
    options.seed = static_cast<uint64_t>(seed);
    options.every = absl::Milliseconds(20);
    options.log = folder_ / "log";
    options.always = {ParseFault("throttle 40mbit").value()};
    StartProxy(options);
    Bridge& bridge = Begin();
    bridge.urgent_too = true;
    bridge.Run();
    // On until some faults have come.
    for (uint64_t i = 1; i <= 10; ++i) {
      bridge.Keep(30);
      ASSERT_TRUE(Eventually([&] { return FaultsIn(options.log).size() >= i / 2; }));
    }
    Do("calm");
    ASSERT_TRUE(bridge.Drained()) << bridge.State().last_error;
    std::vector<std::string> arrived = Arrived(), expected = Samples(1, 300);
    std::sort(arrived.begin(), arrived.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(arrived, expected);
    ExpectChained();
    for (const std::string& fault : FaultsIn(options.log)) ++faults[fault];
  }
  EXPECT_GE(faults.size(), static_cast<std::size_t>(count)) << "too few faults to prove anything";
}

// An older database comes back: `dims-registry serve --restored`.
TEST_F(NetworkTest, ARegistryRestoredFromABackupGetsAgainWhatIsKept) {
  StartProxy();
  Bridge& bridge = Begin();
  bridge.Keep(500);
  bridge.Run();
  ASSERT_TRUE(bridge.Drained());
  server_.reset();
  const std::string backup = folder_ / "backup.db";
  CopyDatabase(options_.database, backup);
  Start();
  bridge.Keep(500);
  ASSERT_TRUE(bridge.Drained());
  const std::string epoch = bridge.store().RegistryEpoch();
  server_.reset();
  CopyDatabase(backup, options_.database);
  options_.restored = true;
  Start();
  bridge.Keep(10);
  ASSERT_TRUE(Eventually([&] { return Archived().size() >= 1'010; }));
  ASSERT_TRUE(bridge.Drained());
  EXPECT_EQ(Arrived(), Samples(1, 1'010));
  ExpectChained();
  EXPECT_NE(bridge.store().RegistryEpoch(), epoch);
}

TEST_F(NetworkTest, WhatARestoredRegistryCannotHaveAgainIsToldAsAGap) {
  StartProxy();
  Bridge& bridge = Begin();
  bridge.Keep(50);
  bridge.Run();
  ASSERT_TRUE(bridge.Drained());
  server_.reset();
  const std::string backup = folder_ / "backup.db";
  CopyDatabase(options_.database, backup);
  Start();
  bridge.Keep(150);
  ASSERT_TRUE(bridge.Drained());
  bridge.Stop();
  bridge.later = absl::Hours(24 * 9);
  bridge.Keep(1);  // takes the first hundred with it
  server_.reset();
  CopyDatabase(backup, options_.database);
  options_.restored = true;
  Start();
  bridge.Run();
  ASSERT_TRUE(Eventually([&] { return Archived().size() >= 50 + 1 + 101; }));
  ASSERT_TRUE(bridge.Drained());
  EXPECT_EQ(Arrived(), Samples(1, 50) + std::vector<std::string>{"gap 51-100"} + Samples(101, 201));
  ExpectChained();
}

TEST_F(NetworkTest, AClockThatStepsByAYearAtTheBridgeChangesNoOrderAndLosesNothing) {
  StartProxy();
  const absl::Duration year = absl::Hours(24 * 365);
  Bridge& bridge = Begin();
  int expected = 0;
  for (const absl::Duration step : {absl::ZeroDuration(), year, -year, absl::ZeroDuration(), year}) {
    bridge.Stop();
    bridge.later = step;
    Do("stall");
    bridge.Run();
    // Unsettled records, through the step and the commits after it: retention must leave them.
    for (int i = 0; i < 3; ++i) bridge.Keep(100);
    EXPECT_EQ(bridge.Queued(), 300u);
    Do("heal");
    ASSERT_TRUE(bridge.Drained());
    expected += 300;
    bridge.Stop();
    bridge.later = -step;  // and while it is not connected, the other way
    for (int i = 0; i < 3; ++i) bridge.Keep(50);
    bridge.OpenStore();
    EXPECT_EQ(bridge.Queued(), 150u);
    expected += 150;
    bridge.Run();
    ASSERT_TRUE(bridge.Drained());
  }
  EXPECT_EQ(Arrived(), Samples(1, expected));
  ExpectChained();
}

TEST_F(NetworkTest, AClockThatStepsByAYearAtTheRegistryChangesNoOrder) {
  const std::string path = folder_ / "stepping.db";
  absl::Duration step;
  absl::StatusOr<std::unique_ptr<Archive>> archive =
      Archive::Open({path, "central", [&] { return absl::Now() + step; }});
  ASSERT_TRUE(archive.ok()) << archive.status();
  Chain chain("store-1");
  for (const int years : {0, 1, -1, 0}) {
    step = years * absl::Hours(24 * 365);
    std::vector<ReceivedRecord> received;
    for (const v1::Record& record : chain.Add(10)) {
      received.push_back(
          {record.number(), record.previous_hash(), Chain::HashOf(record), record.schema(), record.payload()});
    }
    const StoreResult result = (*archive)->Append({"lab-a", "bench-1", "store-1"}, received);
    ASSERT_TRUE(result.status.ok()) << result.status;
  }
  const auto records = (*ArchiveReader::Open(path))->Read(0, 100);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 40u);
  for (std::size_t i = 0; i < records->size(); ++i) EXPECT_EQ((*records)[i].number, i + 1);
}

// TLS reads the real clock, so a certificate is what a wrong clock is noticed by: nobody connects, and everything
// waits.
TEST_F(NetworkTest, WithACertificateThatIsNotValidYetRecordsWaitAndGoWithARenewedOne) {
  StartProxy();
  const absl::Duration year = absl::Hours(24 * 365);
  Bridge& bridge =
      Begin(OptionsOf(authority_.Bridge("lab-a", "bench-1", {absl::Now() + year, absl::Now() + 2 * year})));
  bridge.Keep(100);
  bridge.Run();
  ASSERT_TRUE(Eventually([&] { return absl::StrContains(bridge.State().last_error, "certificate"); }))
      << bridge.State().last_error;
  EXPECT_EQ(bridge.Queued(), 100u);
  OptionsOf(bridge_);  // writes it in the same place
  ASSERT_TRUE(bridge.Drained()) << bridge.State().last_error;
  EXPECT_EQ(Arrived(), Samples(1, 100));
}

// The disk of a bridge was copied, and both run.
TEST_F(NetworkTest, OfAClonedBridgeWhatIsEqualIsStoredOnceAndNothingOfEitherIsLost) {
  StartProxy();
  const UplinkOptions options = OptionsOf(bridge_);
  Bridge& bridge = Begin(options);
  bridge.Keep(100);
  bridge.Run();
  ASSERT_TRUE(bridge.Drained());
  bridge.Stop();
  bridge.Keep(50);  // common to both, and in the archive of neither
  bridge.CloseStore();
  for (const char* suffix : {"", "-wal", ".head"}) {
    const std::string from = (folder_ / "bridge.db") + suffix;
    if (std::filesystem::exists(from)) std::filesystem::copy_file(from, (folder_ / "clone.db") + suffix);
  }
  bridge.OpenStore();
  Bridge clone(folder_ / "clone.db", options);
  ASSERT_EQ(clone.store().Current().store_id, bridge.store().Current().store_id);
  bridge.Keep(200, "A-");
  clone.Keep(300, "B-");
  const std::string id = bridge.store().Current().store_id;
  bridge.Run();
  clone.Run();
  // Where they took one another's place twice, one of them waits for up to 45 s.
  ASSERT_TRUE(bridge.Drained(absl::Minutes(2))) << bridge.State().last_error;
  ASSERT_TRUE(clone.Drained(absl::Minutes(2))) << clone.State().last_error;
  EXPECT_NE(bridge.store().Current().store_id, clone.store().Current().store_id);
  EXPECT_TRUE(bridge.store().Current().store_id == id || clone.store().Current().store_id == id);
  clone.Stop();
  std::vector<std::string> common, of_one, of_other;
  for (const std::string& sample : Arrived()) {
    (sample[0] == 'S' ? common : sample[0] == 'A' ? of_one : of_other).push_back(sample);
  }
  EXPECT_EQ(common, Samples(1, 150));
  EXPECT_EQ(of_one, Samples(1, 200, "A-"));
  EXPECT_EQ(of_other, Samples(1, 300, "B-"));
  ExpectChained();
}

}  // namespace
}  // namespace dims
