#include "firmware-bridge/store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = IntakeEntry::Kind;

// A store and, beside it, what it must hold. Time stands still unless the test moves it.
class Modelled {
 public:
  explicit Modelled(uint32_t seed) : random_(seed), folder_(std::make_unique<StoreFolder>()) {
    Open();
    generations_.push_back({store_->Current().id, store_->Current().store_id, {}, 0, {}});
  }

  void Step() {
    now_ += absl::Minutes(Below(600));
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return CommitSome();
      case 4:
      case 5:
        return SettleSome();
      case 6:
        return RefuseOne();
      case 7:
        if (Below(4) == 0) BeginAnother();
        return;
      case 8:
        return CloseAndOpen();
      case 9:
        return CrashAndOpen();
    }
  }

  void Check() {
    ASSERT_EQ(store_->Current().id, generations_.back().id);
    const auto oldest = std::find_if(generations_.begin(), generations_.end(),
                                     [](const Chain& chain) { return chain.settled < chain.payloads.size(); });
    ASSERT_EQ(store_->OldestUnsettled().id, oldest == generations_.end() ? generations_.back().id : oldest->id);
    for (const Chain& chain : generations_) ASSERT_NO_FATAL_FAILURE(CheckChain(chain));
    for (const auto& [name, line] : lines_) ASSERT_NO_FATAL_FAILURE(CheckLine(name, line));
  }

 private:
  struct Chain {
    int64_t id;
    std::string store_id;
    std::vector<std::string> payloads;
    uint64_t settled = 0;
    std::vector<absl::Time> settled_at;  // of each settled record
  };
  struct LineModel {
    std::string bytes;
    std::vector<absl::Time> times;  // of each byte
    uint64_t closed = 0;
  };

  int Below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  void Open() {
    StoreOptions options = OptionsFor(*folder_);
    options.keep_settled = absl::Hours(48);
    options.keep_intake = absl::Hours(96);
    options.now = [this] { return now_; };
    store_ = MustOpen(options);
  }

  void CommitSome() {
    Batch batch;
    for (int sessions = 1 + Below(3); sessions > 0; --sessions) {
      const std::string name = absl::StrCat("instrument-", Below(3));
      LineModel& line = lines_[name];
      SessionBatch& session = batch.sessions.emplace_back();
      session.instrument = name;
      for (int entries = Below(5); entries > 0; --entries) {
        IntakeEntry entry{static_cast<Kind>(Below(5)), line.bytes.size(), now_, {}};
        if (entry.kind != Kind::kOpened && entry.kind != Kind::kClosed) {
          entry.bytes = std::string(1 + Below(60), static_cast<char>(Below(256)));
        }
        if (entry.kind == Kind::kIn) {
          line.bytes += entry.bytes;
          line.times.resize(line.bytes.size(), now_);
        }
        session.entries.push_back(std::move(entry));
      }
      line.closed += Below(static_cast<int>(line.bytes.size() - line.closed) + 1);
      session.closed_through = line.closed;
      for (int payloads = Below(5); payloads > 0; --payloads) {
        session.payloads.push_back(PayloadOf(++payloads_));
        generations_.back().payloads.push_back(session.payloads.back());
      }
    }
    ASSERT_TRUE(store_->Commit(batch).ok());
  }

  void SettleSome() {
    Chain& chain = generations_[Below(static_cast<int>(generations_.size()))];
    const uint64_t through = Below(static_cast<int>(chain.payloads.size()) + 1);
    ASSERT_TRUE(store_->Settle(chain.id, through).ok());
    chain.settled = std::max(chain.settled, through);
    chain.settled_at.resize(chain.settled, now_);
  }

  void RefuseOne() {
    Chain& chain = generations_.back();
    if (chain.payloads.empty()) return;
    ASSERT_TRUE(
        store_->MarkRefused(chain.id, chain.payloads.size(), dims::v1::REFUSAL_REASON_ORIGIN, "not wanted").ok());
  }

  void BeginAnother() {
    Chain& from = generations_[Below(static_cast<int>(generations_.size()))];
    const uint64_t first = Below(static_cast<int>(from.payloads.size()) + 2);
    const absl::StatusOr<Generation> begun = store_->BeginGeneration(from.id, first, "a test");
    ASSERT_TRUE(begun.ok()) << begun.status();
    Chain next{begun->id, begun->store_id, {}, 0, {}};
    if (first > 0) {
      const std::size_t keep = std::min<std::size_t>(from.payloads.size(), std::max(first - 1, from.settled));
      next.payloads.assign(from.payloads.begin() + keep, from.payloads.end());
      from.payloads.resize(keep);
    }
    for (const Chain& chain : generations_) ASSERT_NE(chain.store_id, next.store_id);
    generations_.push_back(std::move(next));
  }

  void CloseAndOpen() {
    store_.reset();
    Open();
    EXPECT_THAT(store_->notices(), IsEmpty());
  }

  void CrashAndOpen() {
    auto crashed = std::make_unique<StoreFolder>();
    folder_->CopyTo(*crashed);
    store_.reset();
    folder_ = std::move(crashed);
    Open();
  }

  void CheckChain(const Chain& chain) {
    const absl::StatusOr<std::vector<StoredRecord>> records = ReadAll(*store_, chain.id);
    ASSERT_TRUE(records.ok()) << records.status();
    uint64_t number = chain.payloads.size() - records->size();
    for (uint64_t gone = 1; gone <= number; ++gone) {
      ASSERT_LT(gone, chain.settled) << "gone, but not settled, or the anchor of the chain";
      ASSERT_LE(chain.settled_at[gone - 1] + absl::Hours(48), now_) << "gone before its time";
    }
    std::string previous = number == 0        ? FirstPreviousHash(chain.store_id)
                           : records->empty() ? ""
                                              : records->front().previous_hash;
    for (const StoredRecord& record : *records) {
      ASSERT_EQ(record.number, ++number);
      ASSERT_EQ(record.payload, chain.payloads[number - 1]);
      ASSERT_EQ(record.previous_hash, previous);
      ASSERT_EQ(record.hash, RecordHash(previous, number, record.schema, record.payload));
      previous = record.hash;
    }
  }

  void CheckLine(const std::string& name, const LineModel& line) {
    const IntakePosition position = store_->Position(name);
    ASSERT_EQ(position.read_through, line.bytes.size());
    ASSERT_EQ(position.closed_through, line.closed);
    std::string open;
    for (const IntakeEntry& entry : store_->OpenIntake(name)) {
      if (entry.kind != Kind::kIn) continue;
      ASSERT_EQ(entry.offset, line.closed + open.size());
      open += entry.bytes;
    }
    ASSERT_EQ(open, line.bytes.substr(line.closed));
    const uint64_t begin = Below(static_cast<int>(line.bytes.size()) + 1);
    const uint64_t end = begin + Below(static_cast<int>(line.bytes.size() - begin) + 1);
    const absl::StatusOr<std::string> bytes = store_->ReadIntake(name, begin, end);
    if (bytes.ok()) {
      ASSERT_EQ(*bytes, line.bytes.substr(begin, end - begin));
    } else {
      ASSERT_TRUE(absl::IsNotFound(bytes.status())) << bytes.status();
      ASSERT_LT(begin, line.closed);
      ASSERT_LE(line.times[begin] + absl::Hours(96), now_) << "gone before its time";
    }
  }

  std::mt19937 random_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<StoreFolder> folder_;
  std::unique_ptr<Store> store_;
  std::vector<Chain> generations_;
  std::map<std::string, LineModel> lines_;
  uint64_t payloads_ = 0;
};

TEST(Store, HoldsWhatItsModelHoldsWhateverIsDoneToIt) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    Modelled store(seed);
    for (int step = 0; step < 120; ++step) {
      SCOPED_TRACE(absl::StrCat("step ", step));
      store.Step();
      if (testing::Test::HasFatalFailure()) return;
      if (step % 4 == 0) {
        ASSERT_NO_FATAL_FAILURE(store.Check());
      }
    }
    ASSERT_NO_FATAL_FAILURE(store.Check());
  }
}

TEST(Store, TakesBatchesFromManyThreadsWithoutLosingOrDoublingOne) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&store, thread] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(store->Commit(BatchOf({absl::StrCat(thread, "/", i)}, absl::StrCat("i-", thread))).ok());
        EXPECT_TRUE(store->Read(store->Current().id, 0, 5, 5000).ok());
        EXPECT_TRUE(store->Settle(store->Current().id, 1).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto records = ReadAll(*store, store->Current().id);
  ASSERT_TRUE(records.ok());
  ExpectChained(store->Current().store_id, *records);
  std::set<std::string> payloads;
  for (const StoredRecord& record : *records) payloads.insert(record.payload);
  EXPECT_EQ(payloads.size(), 200u);
  EXPECT_EQ(records->size(), 200u);
}

TEST(Store, NumbersRecordsFromOneUnderANewStoreId) {
  const StoreFolder one, two;
  const auto store = MustOpen(OptionsFor(one)), other = MustOpen(OptionsFor(two));
  EXPECT_THAT(store->notices(), IsEmpty());
  const Generation empty = store->Current();
  EXPECT_THAT(empty.store_id,
              testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(empty.store_id, other->Current().store_id);
  EXPECT_EQ(empty.highest_number, 0u);
  EXPECT_EQ(empty.highest_hash, FirstPreviousHash(empty.store_id));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 3)).ok());
  const auto records = ReadAll(*store, empty.id);
  ASSERT_TRUE(records.ok());
  ASSERT_EQ(records->size(), 3u);
  ExpectChained(empty.store_id, *records);
  EXPECT_EQ(records->front().schema, 1u);
  EXPECT_EQ(store->Current().highest_hash, records->back().hash);
}

TEST(Store, CommitsIntakeWithoutARecord) {
  const StoreFolder folder;
  const absl::Time time = absl::FromUnixNanos(1'700'000'000'123'456'789);
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->Commit({{{"scale", {{Kind::kIn, 0, time, "S S  100.0"}}, 0, {}}}}).ok());
  }
  const auto store = MustOpen(OptionsFor(folder));
  const std::vector<IntakeEntry> open = store->OpenIntake("scale");
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].bytes, "S S  100.0");
  EXPECT_EQ(open[0].time, time);
  EXPECT_EQ(store->Current().highest_number, 0u);
}

TEST(Store, ReplaysFromTheLastOpeningOrTheFirstByteInNoRecord) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  const auto commit = [&](std::vector<IntakeEntry> entries, uint64_t closed) {
    ASSERT_TRUE(store->Commit({{{"gc", std::move(entries), closed, {}}}}).ok());
  };
  const absl::Time t = absl::Now();
  commit({{Kind::kOpened, 0, t, ""}}, 0);
  commit({{Kind::kClosed, 0, t, ""}, {Kind::kOpened, 0, t, ""}}, 0);
  commit({{Kind::kTimer, 0, t, "1"}, {Kind::kIn, 0, t, "abcd"}}, 0);
  EXPECT_THAT(Told(store->OpenIntake("gc")), ElementsAre("opened 0 ", "timer 0 1", "in 0 abcd"));
  commit({{Kind::kOut, 4, t, "ack"}, {Kind::kIn, 4, t, "efgh"}}, 6);
  EXPECT_THAT(Told(store->OpenIntake("gc")), ElementsAre("in 6 gh"));
  commit({{Kind::kTimer, 8, t, "2"}}, 8);
  EXPECT_THAT(Told(store->OpenIntake("gc")), IsEmpty());
  commit({{Kind::kTimer, 8, t, "3"}}, 8);
  EXPECT_THAT(Told(store->OpenIntake("gc")), ElementsAre("timer 8 3"));
  // The whole life of a line in one batch: what follows the opening is not closed by what came before it.
  commit({{Kind::kIn, 8, t, "ij"}, {Kind::kClosed, 10, t, ""}, {Kind::kOpened, 10, t, ""}, {Kind::kIn, 10, t, "k"}},
         10);
  EXPECT_THAT(Told(store->OpenIntake("gc")), ElementsAre("opened 10 ", "in 10 k"));
}

TEST(Store, RefusesBytesItHasAndPositionsItHasNot) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  const absl::Time t = absl::Now();
  ASSERT_TRUE(store->Commit({{{"gc", {{Kind::kIn, 0, t, "abcd"}}, 2, {}}}}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(store->Commit({{{"gc", {{Kind::kIn, 3, t, "de"}}, 2, {"x"}}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(store->Commit({{{"gc", {}, 5, {"x"}}}})));
  EXPECT_TRUE(absl::IsInvalidArgument(store->Commit({{{"", {}, 0, {"x"}}}})));
  EXPECT_EQ(store->Current().highest_number, 0u);
  EXPECT_EQ(store->Position("gc").closed_through, 2u);
  ASSERT_TRUE(store->Commit({{{"gc", {}, 0, {"x"}}}}).ok());
  EXPECT_EQ(store->Position("gc").closed_through, 2u) << "goes back";
}

TEST(Store, SettlesOnceAndNeverBack) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 10)).ok());
  const int64_t id = store->Current().id;
  ASSERT_TRUE(store->Settle(id, 4).ok());
  ASSERT_TRUE(store->Settle(id, 4).ok());
  ASSERT_TRUE(store->Settle(id, 2).ok());
  EXPECT_EQ(store->OldestUnsettled().settled_through, 4u);
  EXPECT_TRUE(absl::IsOutOfRange(store->Settle(id, 11)));
  EXPECT_TRUE(absl::IsNotFound(store->Settle(id + 1, 1)));
  EXPECT_TRUE(absl::IsNotFound(store->MarkRefused(id, 11, dims::v1::REFUSAL_REASON_ORIGIN, "no such")));
  ASSERT_TRUE(store->MarkRefused(id, 5, dims::v1::REFUSAL_REASON_ORIGIN, "no such origin").ok());
  store.reset();
  store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->OldestUnsettled().settled_through, 4u);
  const StoreSummary summary = store->Summary();
  ASSERT_EQ(summary.generations.size(), 1u);
  EXPECT_EQ(summary.generations[0].queued, 6u);
  EXPECT_EQ(summary.generations[0].settled, 4u);
  EXPECT_EQ(summary.generations[0].refused, 1u);
}

TEST(Store, RemembersTheRegistrysEpoch) {
  const StoreFolder folder;
  {
    const auto store = MustOpen(OptionsFor(folder));
    EXPECT_EQ(store->RegistryEpoch(), "");
    ASSERT_TRUE(store->SetRegistryEpoch("first").ok());
    ASSERT_TRUE(store->SetRegistryEpoch("second").ok());
  }
  EXPECT_EQ(MustOpen(OptionsFor(folder))->RegistryEpoch(), "second");
}

TEST(Store, ReadsAtMostAsMuchAsAsked) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(BatchOf(std::vector<std::string>(10, std::string(1000, 'x')))).ok());
  const int64_t id = store->Current().id;
  EXPECT_EQ(store->Read(id, 0, 3, 100'000)->size(), 3u);
  EXPECT_EQ(store->Read(id, 0, 10, 2'500)->size(), 2u);
  EXPECT_EQ(store->Read(id, 0, 10, 10)->size(), 1u);
  EXPECT_EQ(store->Read(id, 8, 10, 100'000)->size(), 2u);
  EXPECT_EQ(store->Read(id, 10, 10, 100'000)->size(), 0u);
  EXPECT_TRUE(absl::IsNotFound(store->Read(id + 1, 0, 10, 10).status()));
}

TEST(Store, MovesUnsettledRecordsIntoANewGenerationWithTheirPayloads) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 50)).ok());
  const Generation old = store->Current();
  ASSERT_TRUE(store->Settle(old.id, 10).ok());
  const absl::StatusOr<Generation> next = store->BeginGeneration(old.id, 20, "a conflict");
  ASSERT_TRUE(next.ok()) << next.status();
  store.reset();
  store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->Current().store_id, next->store_id);
  EXPECT_EQ(store->OldestUnsettled().id, old.id);
  EXPECT_EQ(store->OldestUnsettled().highest_number, 19u);
  const auto moved = ReadAll(*store, next->id);
  ASSERT_TRUE(moved.ok());
  ASSERT_EQ(moved->size(), 31u);
  ExpectChained(next->store_id, *moved);
  for (std::size_t i = 0; i < moved->size(); ++i) EXPECT_EQ((*moved)[i].payload, PayloadOf(20 + i));
  ASSERT_TRUE(store->Settle(old.id, 1'000'000).ok()) << "of a closed generation a registry may know more";
  EXPECT_EQ(store->OldestUnsettled().id, next->id);
}

}  // namespace
TEST(Store, FindsUrgentRecordsUntilTheyAreSettled) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  SessionBatch batch{"gc", {}, 0, {PayloadOf(1), PayloadOf(2), PayloadOf(3), PayloadOf(4)}};
  batch.urgent = {1, 3};
  ASSERT_TRUE(store->Commit({{batch}}).ok());
  const Generation generation = store->Current();
  const auto numbers = [&](uint64_t after) {
    std::vector<uint64_t> found;
    const auto records = store->ReadUrgent(generation.id, after, 10);
    for (const StoredRecord& record : records.value()) found.push_back(record.number);
    return found;
  };
  EXPECT_EQ(numbers(0), (std::vector<uint64_t>{2, 4}));
  EXPECT_EQ(numbers(2), (std::vector<uint64_t>{4}));
  ASSERT_TRUE(store->Settle(generation.id, 2).ok());
  EXPECT_EQ(numbers(0), (std::vector<uint64_t>{4}));
  const auto next = store->BeginGeneration(generation.id, 3, "a test");
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(store->ReadUrgent(next->id, 0, 10)->size(), 1u);
}

}  // namespace dims
