// The mechanism of the failpoints, and the store at each of its own: a process that dies or fails anywhere keeps what
// it acknowledged, once. The plan is read once in a process, so every hit is in a child.
#include "proto/failpoint.h"

#include <gmock/gmock.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/disk.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// InChild, with orders in its environment and its stderr in `said`.
int Ordered(const std::string& orders, const std::function<int()>& body, std::string* said = nullptr,
            const std::string& hits_file = "") {
  const StoreFolder folder;
  const std::string errors = folder.file(".stderr");
  const int outcome = InChild([&] {
    setenv("DIMS_FAILPOINT", orders.c_str(), 1);
    if (!hits_file.empty()) setenv("DIMS_FAILPOINT_HITS", hits_file.c_str(), 1);
    return freopen(errors.c_str(), "w", stderr) == nullptr ? 99 : body();
  });
  if (said != nullptr) *said = ReadWhole(errors);
  return outcome;
}

// The hits, of five, at which the expression was true, as bits.
int FiveHits() {
  int bits = 0;
  for (int i = 0; i < 5; ++i) bits |= (DIMS_FAILPOINT("store.commit.before") ? 1 : 0) << i;
  return bits;
}

TEST(Failpoint, DoesNothingUntilTheEnvironmentSaysSo) { EXPECT_EQ(Ordered("", FiveHits), 0); }

TEST(Failpoint, AnErrorIsTrueAtTheHitThatWasAskedForAndAtNoOther) {
  EXPECT_EQ(Ordered("store.commit.before=error", FiveHits), 0b00001);
  EXPECT_EQ(Ordered("store.commit.before=error@3", FiveHits), 0b00100);
  EXPECT_EQ(Ordered("store.commit.after=error@2", FiveHits), 0);
  EXPECT_EQ(Ordered("store.commit.before=error@2,store.commit.before=error@5", FiveHits), 0b10010);
}

TEST(Failpoint, AKillEndsTheProcessAtTheHitThatWasAskedFor) {
  std::string said;
  EXPECT_EQ(Ordered("store.commit.before=kill@5", FiveHits, &said), -SIGKILL);
  EXPECT_EQ(said, "failpoint store.commit.before: kill\n");
  EXPECT_EQ(Ordered("store.commit.before=kill@6", FiveHits), 0);
}

TEST(Failpoint, ADelayWaitsAndGoesOn) {
  const absl::Time before = absl::Now();
  EXPECT_EQ(Ordered("store.commit.before=delay:60ms@2", FiveHits), 0);
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(60));
}

TEST(Failpoint, AnUnknownNameEndsTheProgramAndListsTheKnownOnes) {
  std::string said;
  EXPECT_EQ(Ordered("store.comit.before=kill", FiveHits, &said), 2);
  EXPECT_THAT(said, HasSubstr("\"store.comit.before=kill\": there is no such name"));
  const std::vector<std::string> lines = absl::StrSplit(said, '\n');
  for (const failpoint::Place& place : failpoint::kPlaces) {
    const std::string line = std::string(place.name) + (place.fails ? "" : " (no error)");
    EXPECT_EQ(std::count(lines.begin(), lines.end(), line), 1) << line;
  }
}

TEST(Failpoint, AnOrderThatCannotBeFollowedEndsTheProgram) {
  for (const char* order :
       {"store.commit.before", "store.commit.before=", "store.commit.before=explode", "store.commit.before=kill@0",
        "store.commit.before=kill@x", "store.commit.before=delay", "store.commit.before=delay:soon",
        "session.take=error", "store.commit.after=kill,store.commit.before=die"}) {
    EXPECT_EQ(Ordered(order, FiveHits), 2) << order;
  }
}

TEST(Failpoint, ListsEachPlaceAtItsFirstHit) {
  const StoreFolder folder;
  const auto hit_three = [] {
    (void)DIMS_FAILPOINT("session.take");
    (void)DIMS_FAILPOINT("head.write.after");
    return FiveHits();
  };
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Ordered("", hit_three, nullptr, folder.path()), 0);
  const std::vector<std::string> lines = absl::StrSplit(ReadWhole(folder.path()), '\n', absl::SkipEmpty());
  EXPECT_THAT(lines, ElementsAre("session.take", "head.write.after", "store.commit.before", "session.take",
                                 "head.write.after", "store.commit.before"));
}

TEST(Failpoint, CountsTheHitsOfAllThreadsTogether) {
  const auto hit_by_four = [] {
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 1000; ++j) failed += DIMS_FAILPOINT("uplink.read") ? 1 : 0;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return failed.load();
  };
  EXPECT_EQ(Ordered("uplink.read=error@4000", hit_by_four), 1);
  EXPECT_EQ(Ordered("uplink.read=error@4001", hit_by_four), 0);
}

// What a child says of itself before and after each step, as an instrument and a registry would know it. Payloads are
// numbered over all generations, in the order in which they are committed.
struct Said {
  uint64_t asked = 0, acknowledged = 0;  // payloads committed
  uint64_t settling = 0, settled = 0;    // of these, settled
  uint64_t read = 0;                     // bytes of intake
};

class StoreAtEachPlace : public testing::Test {
 protected:
  StoreAtEachPlace()
      : said_(*static_cast<Said*>(
            mmap(nullptr, sizeof(Said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~StoreAtEachPlace() override { munmap(&said_, sizeof said_); }

  StoreOptions Options() {
    StoreOptions options = OptionsFor(folder_);
    options.now = [this] { return now_; };
    return options;
  }

  bool Add(Store& store) {
    const int count = 1 + said_.acknowledged % 4;
    Batch batch = NumberedBatch(said_.acknowledged + 1, count);
    SessionBatch& session = batch.sessions[0];
    session.entries.push_back({IntakeEntry::Kind::kIn, said_.read, now_, PayloadOf(said_.read)});
    session.closed_through = said_.read;
    said_.asked = said_.acknowledged + count;
    if (!store.Commit(batch).ok()) return false;
    said_.read = store.Position("gcms-1").read_through;
    said_.acknowledged = said_.asked;
    return true;
  }

  // Half of what waits in the oldest generation that has any.
  bool SettleHalf(Store& store) {
    const Generation oldest = store.OldestUnsettled();
    const uint64_t half = (oldest.highest_number - oldest.settled_through + 1) / 2;
    said_.settling = said_.settled + half;
    if (!store.Settle(oldest.id, oldest.settled_through + half).ok()) return false;
    said_.settled = said_.settling;
    return true;
  }

  // A life of a store: with all that it does, in some order. 0 where it came to its end.
  int Live() {
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(Options());
    if (!opened.ok()) return 10;
    Store& store = **opened;
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 4; ++i) {
        if (!Add(store)) return 11;
      }
      if (!SettleHalf(store)) return 12;
      const Generation current = store.Current();
      if (!store.MarkRefused(current.id, current.highest_number, dims::v1::REFUSAL_REASON_ORIGIN, "a test").ok())
        return 13;
      if (!store.SetRegistryEpoch(absl::StrCat("epoch ", round)).ok()) return 14;
      if (round % 2 == 1 && !store.BeginGeneration(current.id, 1, "a test").ok()) return 15;
      now_ += absl::Hours(24 * 40);
    }
    return 0;
  }

  // The queue is what was acknowledged and is not settled: each once, in order; what was under way may be in it.
  int Inspect() {
    const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(Options());
    if (!opened.ok()) return 20;
    Store& store = **opened;
    std::map<std::string, uint64_t> numbers;
    for (uint64_t number = 1; number <= said_.asked; ++number) numbers[PayloadOf(number)] = number;
    std::vector<uint64_t> queue;
    for (const StoreSummary::PerGeneration& entry : store.Summary().generations) {
      const absl::StatusOr<std::vector<StoredRecord>> records =
          ReadAll(store, entry.generation.id, entry.generation.settled_through);
      if (!records.ok()) return 21;
      for (const StoredRecord& record : *records) {
        if (!numbers.contains(record.payload)) return 22;
        queue.push_back(numbers[record.payload]);
      }
    }
    for (std::size_t i = 1; i < queue.size(); ++i) {
      if (queue[i] != queue[i - 1] + 1) return 23;
    }
    const uint64_t last = queue.empty() ? said_.acknowledged : queue.back();
    const uint64_t first = queue.empty() ? last + 1 : queue.front();
    if (last != said_.acknowledged && last != said_.asked) return 24;
    if (first != said_.settled + 1 && first != said_.settling + 1) return 25;
    const IntakePosition position = store.Position("gcms-1");
    if (position.read_through < said_.read) return 26;
    said_.read = position.read_through;
    said_.acknowledged = last;
    return Add(store) ? 0 : 27;
  }

  const StoreFolder folder_;
  absl::Time now_ = absl::FromUnixSeconds(1'760'000'000);
  Said& said_;
};

// Before the armed life there was: nothing; a life that was cut; the same, and the head file is gone.
enum class Past { kNone, kCut, kHeadless };

bool IsOfTheStore(std::string_view name) { return name.starts_with("store.") || name.starts_with("head."); }

TEST_F(StoreAtEachPlace, KeepsWhatItAcknowledgedOnceWhereverItDies) {
  std::map<std::string, int> reached;
  int runs = 0;
  for (const Past past : {Past::kNone, Past::kCut, Past::kHeadless}) {
    for (const failpoint::Place& place : failpoint::kPlaces) {
      if (!IsOfTheStore(place.name)) continue;
      for (const char* action : {"kill", "error"}) {
        if (!place.fails && std::string(action) == "error") continue;
        for (const int hit : {1, 3}) {
          const std::string order = absl::StrCat(std::string(place.name), "=", action, "@", hit);
          SCOPED_TRACE(absl::StrCat("past ", static_cast<int>(past), ", ", order));
          for (const char* suffix : {"", "-wal", ".head", ".head.new", ".failures"}) {
            std::filesystem::remove(folder_.file(suffix));
          }
          said_ = Said();
          if (past != Past::kNone) {
            ASSERT_EQ(Ordered("store.epoch.after=kill", [&] { return Live(); }), -SIGKILL);
          }
          if (past == Past::kHeadless) std::filesystem::remove(folder_.file(".head"));
          std::string words;
          const int outcome = Ordered(
              order, [&] { return Live(); }, &words);
          const bool fired = absl::StrContains(words, "failpoint");
          if (fired && action[0] == 'k') {
            ASSERT_EQ(outcome, -SIGKILL);
          } else if (!fired) {
            ASSERT_EQ(outcome, 0) << words;
          } else if (place.name == "store.commit.begin") {
            ASSERT_TRUE(outcome == 11 || outcome == 0) << words;  // a full disk: said, or pruning made room
          } else {
            ASSERT_EQ(outcome, kDiskFailureExit) << words;
          }
          reached[std::string(place.name)] += fired ? 1 : 0;
          ++runs;
          ASSERT_EQ(Ordered("", [&] { return Inspect(); }), 0);
        }
      }
    }
  }
  for (const failpoint::Place& place : failpoint::kPlaces) {
    if (!IsOfTheStore(place.name)) continue;
    EXPECT_GT(reached[std::string(place.name)], 0) << place.name << " was not reached";
  }
  RecordProperty("runs", runs);
}

}  // namespace
}  // namespace dims
