// What the registry refused: kept through everything until a person has decided, and then decided once.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "absl/strings/escaping.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kReason = dims::v1::REFUSAL_REASON_ORIGIN;
const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

std::string ReportOf(const std::string& sample) {
  dims::v1::Report report;
  report.mutable_source()->set_instrument("gcms-1");
  report.add_analyses()->set_sample_number(sample);
  return report.SerializeAsString();
}

class Quarantine : public testing::Test {
 protected:
  Quarantine() {
    options_ = OptionsFor(folder_);
    options_.now = [this] { return now_; };
    Reopen();
  }
  void Reopen() {
    store_.reset();
    store_ = MustOpen(options_);
  }
  std::vector<QuarantinedRecord> All() {
    const auto all = store_->Quarantined(0, 1000, 1 << 20);
    EXPECT_TRUE(all.ok()) << all.status();
    return all.ok() ? *all : std::vector<QuarantinedRecord>();
  }
  std::vector<AuditEntry> Log() { return store_->Audit(0, 1000).value(); }
  std::vector<std::string> Payloads(int64_t generation) {
    std::vector<std::string> payloads;
    const auto records = ReadAll(*store_, generation);
    EXPECT_TRUE(records.ok()) << records.status();
    if (!records.ok()) return payloads;
    for (const StoredRecord& record : *records) payloads.push_back(record.payload);
    return payloads;
  }
  // Commits, refuses and settles one.
  Generation RefuseOne(const std::string& payload, bool urgent = false) {
    Batch batch = BatchOf({payload});
    if (urgent) batch.sessions[0].urgent = {0};
    EXPECT_TRUE(store_->Commit(batch).ok());
    const Generation current = store_->Current();
    EXPECT_TRUE(store_->MarkRefused(current.id, current.highest_number, kReason, "SIMULATED").ok());
    EXPECT_TRUE(store_->Settle(current.id, current.highest_number).ok());
    return current;
  }

  const StoreFolder folder_;
  absl::Time now_ = kStart;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(Quarantine, KeepsWhatWasRefusedThoughRetentionForgetsTheRecord) {
  const Generation first = RefuseOne(ReportOf("S-1"), true);
  ASSERT_TRUE(store_->Commit(BatchOf({"2", "3"})).ok());
  ASSERT_TRUE(store_->Settle(first.id, 3).ok());
  now_ += absl::Hours(24 * 30);
  ASSERT_TRUE(store_->Commit(BatchOf({"4"})).ok());
  EXPECT_EQ(store_->Read(first.id, 0, 1, 1)->front().number, 3u) << "this test does not show what it should";
  Reopen();
  const std::vector<QuarantinedRecord> all = All();
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].store_id, first.store_id);
  EXPECT_EQ(all[0].number, 1u);
  EXPECT_EQ(all[0].hash, first.highest_hash);
  EXPECT_EQ(all[0].payload, ReportOf("S-1"));
  EXPECT_TRUE(all[0].urgent);
  EXPECT_EQ(all[0].reason, kReason);
  EXPECT_EQ(all[0].message, "SIMULATED");
  EXPECT_EQ(all[0].refused_at, kStart);
  EXPECT_EQ(store_->Summary().quarantined, 1u);
}

TEST_F(Quarantine, HasARefusalThatIsToldAgainOnce) {
  const Generation at = RefuseOne("1");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(store_->MarkRefused(at.id, 1, dims::v1::REFUSAL_REASON_MALFORMED, "again").ok());
  }
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0].message, "SIMULATED") << "the first word counts";
}

TEST_F(Quarantine, ARefusalThatIsToldAgainOfADeletedRecordIsNoLossWhereItIsKnown) {
  const Generation at = RefuseOne("1");
  ASSERT_TRUE(store_->Commit(BatchOf({"2", "3"})).ok());
  ASSERT_TRUE(store_->Settle(at.id, 3).ok());
  now_ += absl::Hours(24 * 30);
  ASSERT_TRUE(store_->Commit(BatchOf({"4"})).ok());
  ASSERT_EQ(store_->Read(at.id, 0, 1, 1)->front().number, 3u) << "this test does not show what it should";
  bool news = false;
  EXPECT_TRUE(store_->MarkRefused(at.id, 1, kReason, "again", &news).ok()) << "it waits in the quarantine";
  ASSERT_TRUE(store_->Discard(at.store_id, 1, "a person", "a test").ok());
  EXPECT_TRUE(store_->MarkRefused(at.id, 1, kReason, "again", &news).ok()) << "it was decided about";
  EXPECT_FALSE(news);
  EXPECT_THAT(All(), SizeIs(0));
  EXPECT_TRUE(absl::IsNotFound(store_->MarkRefused(at.id, 2, kReason, "late", &news)))
      << "never told while it was here";
}

TEST_F(Quarantine, IsReadInPiecesWithoutLeavingOneOut) {
  for (int i = 1; i <= 20; ++i) RefuseOne(PayloadOf(i));
  std::vector<uint64_t> numbers;
  for (int64_t after = 0;;) {
    const auto some = store_->Quarantined(after, 7, 2000);
    ASSERT_TRUE(some.ok()) << some.status();
    if (some->empty()) break;
    EXPECT_LE(some->size(), 7u);
    for (const QuarantinedRecord& record : *some) numbers.push_back(record.number);
    after = some->back().id;
  }
  ASSERT_THAT(numbers, SizeIs(20));
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(numbers[i], i + 1);
}

TEST_F(Quarantine, ReleasesAsANewRecordAtTheEndVerbatimAndUrgentAsItWas) {
  for (const bool urgent : {false, true}) {
    const std::string payload = ReportOf(urgent ? "urgent" : "routine");
    const Generation at = RefuseOne(payload, urgent);
    ASSERT_TRUE(store_->Commit(BatchOf({"another"})).ok());
    const absl::StatusOr<Generation> released =
        store_->Release(at.store_id, at.highest_number, "alice (1000)", "the registry takes them now");
    ASSERT_TRUE(released.ok()) << released.status();
    EXPECT_EQ(released->highest_number, at.highest_number + 2);
    Reopen();
    EXPECT_THAT(store_->notices(), IsEmpty());
    EXPECT_THAT(All(), IsEmpty());
    const auto records = ReadAll(*store_, at.id);
    ASSERT_TRUE(records.ok()) << records.status();
    ExpectChained(at.store_id, *records);
    EXPECT_EQ(records->back().payload, payload);
    EXPECT_EQ(store_->Current().settled_through, at.highest_number) << "it waits for the registry";
    EXPECT_EQ(store_->ReadUrgent(at.id, 0, 10)->size(), urgent ? 1u : 0u);
    const AuditEntry entry = Log().back();
    EXPECT_EQ(entry.at, kStart);
    EXPECT_EQ(entry.who, "alice (1000)");
    EXPECT_EQ(entry.action, "release");
    EXPECT_EQ(entry.why, "the registry takes them now");
    EXPECT_THAT(entry.what, AllOf(HasSubstr(absl::StrCat("record ", at.highest_number, " of store ", at.store_id)),
                                  HasSubstr(absl::BytesToHexString(at.highest_hash)), HasSubstr("instrument gcms-1"),
                                  HasSubstr(urgent ? "sample \"urgent\"" : "sample \"routine\""),
                                  HasSubstr(absl::StrCat(" as record ", released->highest_number, " of store "))));
  }
}

TEST_F(Quarantine, DiscardsThePayloadAndKeepsWhatItWas) {
  const Generation at = RefuseOne(ReportOf("S-1"));
  ASSERT_TRUE(store_->Discard(at.store_id, 1, "bob (1001)", "a test run").ok());
  EXPECT_THAT(All(), IsEmpty());
  EXPECT_EQ(store_->Current().highest_number, 1u);
  const std::vector<AuditEntry> log = Log();
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0].action, "discard");
  EXPECT_THAT(log[0].what, AllOf(HasSubstr(absl::BytesToHexString(at.highest_hash)), HasSubstr("instrument gcms-1"),
                                 HasSubstr("sample \"S-1\"")));
}

TEST_F(Quarantine, WhatWasDecidedIsNotDecidedAgainAndDoesNotComeBack) {
  const Generation at = RefuseOne("1");
  RefuseOne("2");
  ASSERT_TRUE(store_->Release(at.store_id, 1, "a", "b").ok());
  ASSERT_TRUE(store_->Discard(at.store_id, 2, "a", "b").ok());
  const std::vector<std::string> before = Payloads(at.id);
  for (const bool reopened : {false, true}) {
    if (reopened) Reopen();
    for (const uint64_t number : {1, 2}) {
      ASSERT_TRUE(store_->MarkRefused(at.id, number, kReason, "told again").ok());
      EXPECT_TRUE(absl::IsNotFound(store_->Release(at.store_id, number, "a", "b").status()));
      EXPECT_TRUE(absl::IsNotFound(store_->Discard(at.store_id, number, "a", "b")));
      EXPECT_TRUE(absl::IsNotFound(store_->Quarantined(at.store_id, number).status()));
    }
  }
  EXPECT_THAT(All(), IsEmpty());
  EXPECT_EQ(Payloads(at.id), before);
  EXPECT_THAT(Log(), SizeIs(2));
}

TEST_F(Quarantine, AsksWhoAndWhy) {
  const Generation at = RefuseOne("1");
  for (const char* nothing : {"", " \t\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Release(at.store_id, 1, "a", nothing).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(store_->Discard(at.store_id, 1, nothing, "b")));
  }
  EXPECT_THAT(All(), SizeIs(1));
  EXPECT_THAT(Log(), IsEmpty());
}

TEST_F(Quarantine, WaitsWithADecisionUntilTheRefusedRecordIsSettled) {
  ASSERT_TRUE(store_->Commit(BatchOf({"1", "2"})).ok());
  const Generation at = store_->Current();
  ASSERT_TRUE(store_->MarkRefused(at.id, 2, kReason, "no").ok());
  ASSERT_TRUE(store_->Settle(at.id, 1).ok());
  const absl::Status status = store_->Release(at.store_id, 2, "a", "b").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Discard(at.store_id, 2, "a", "b")));
  ASSERT_TRUE(store_->Settle(at.id, 2).ok());
  EXPECT_TRUE(store_->Release(at.store_id, 2, "a", "b").ok());
}

TEST_F(Quarantine, WhatTheRegistryIsAskedAnewUnderAnotherNameLeavesTheQuarantine) {
  ASSERT_TRUE(store_->Commit(BatchOf({"1", "2"})).ok());
  const Generation old = store_->Current();
  ASSERT_TRUE(store_->MarkRefused(old.id, 2, kReason, "no").ok());
  const auto next = store_->BeginGeneration(old.id, 1, "a test");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_THAT(Payloads(next->id), ElementsAre("1", "2"));
  EXPECT_THAT(All(), IsEmpty()) << "released, it would reach the registry twice";
  ASSERT_TRUE(store_->MarkRefused(next->id, 2, kReason, "no again").ok());
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0].store_id, next->store_id);
}

TEST_F(Quarantine, ARegistryThatIsSetBackIsNotOfferedWhatAPersonDecides) {
  ASSERT_TRUE(store_->Commit(BatchOf({"1", "2", "3", "4", "5"})).ok());
  const Generation old = store_->Current();
  for (const uint64_t number : {2, 3, 4}) ASSERT_TRUE(store_->MarkRefused(old.id, number, kReason, "no").ok());
  ASSERT_TRUE(store_->Settle(old.id, 5).ok());
  ASSERT_TRUE(store_->Release(old.store_id, 3, "a", "b").ok());
  ASSERT_TRUE(store_->Discard(old.store_id, 4, "a", "b").ok());
  const auto next = store_->BeginGeneration(old.id, 1, "restored", Store::Carry::kKept);
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_THAT(Payloads(next->id), ElementsAre("1", "5", "3")) << "each once, the released one where it was released";
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0].payload, "2");
}

TEST_F(Quarantine, ADamagedRecordThatCannotMoveKeepsItsCopy) {
  ASSERT_TRUE(store_->Commit(BatchOf({"first", "second"})).ok());
  const Generation old = store_->Current();
  ASSERT_TRUE(store_->MarkRefused(old.id, 2, kReason, "no").ok());
  store_.reset();
  ExecuteOn(folder_.path(), "UPDATE records SET payload=x'00' WHERE number=2");
  Reopen();
  ASSERT_TRUE(store_->BeginGeneration(old.id, 1, "a test").ok());
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0].payload, "second");
}

TEST_F(Quarantine, DamagedBytesGetNoNewHashThatMakesThemLookSound) {
  const Generation at = RefuseOne("payload");
  store_.reset();
  ExecuteOn(folder_.path(), "UPDATE quarantine SET payload=CAST('paxload' AS BLOB)");
  Reopen();
  const absl::Status status = store_->Release(at.store_id, 1, "a", "b").status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(store_->Current().highest_number, 1u);
  EXPECT_THAT(All(), SizeIs(1));
  EXPECT_TRUE(store_->Discard(at.store_id, 1, "a", "damaged").ok());
}

TEST_F(Quarantine, ReleasesAndDiscardsAlsoWhereTheStoreIsFull) {
  options_.budget_bytes = 1 << 20;
  Reopen();
  // Small ones: what the audit log says of one needs more room than its end makes.
  constexpr uint64_t kSmall = 100;
  ASSERT_TRUE(store_->Commit(BatchOf(std::vector<std::string>(kSmall, "x"))).ok());
  while (store_->Commit(BatchOf({std::string(1000, 'x')})).ok()) {
  }
  const Generation at = store_->Current();
  for (uint64_t number = 1; number <= kSmall; ++number) {
    ASSERT_TRUE(store_->MarkRefused(at.id, number, kReason, "no").ok()) << number;
  }
  ASSERT_TRUE(store_->Settle(at.id, kSmall).ok());
  while (store_->Commit(BatchOf({std::string(1000, 'x')})).ok()) {
  }
  const uint64_t highest = store_->Current().highest_number;
  for (uint64_t number = 1; number <= kSmall; ++number) {
    const absl::Status status = number % 2 == 0 ? store_->Discard(at.store_id, number, "a", "b")
                                                : store_->Release(at.store_id, number, "a", "b").status();
    ASSERT_TRUE(status.ok()) << number << ": " << status;
  }
  EXPECT_EQ(store_->Current().highest_number, highest + kSmall / 2);
  EXPECT_THAT(Log(), SizeIs(kSmall));
}

TEST_F(Quarantine, ADatabaseSetBackToBeforeAReleaseUsesNoNumberTwice) {
  const Generation at = RefuseOne("payload");
  store_.reset();
  const StoreFolder before;
  folder_.CopyTo(before);
  Reopen();
  ASSERT_TRUE(store_->Release(at.store_id, 1, "a", "b").ok());
  store_.reset();
  WriteWhole(folder_.path(), ReadWhole(before.path()));
  Reopen();
  EXPECT_THAT(store_->notices(), SizeIs(1)) << "the head file knows the new record";
  EXPECT_NE(store_->Current().store_id, at.store_id);
  EXPECT_THAT(All(), SizeIs(1)) << "as the database, so the quarantine";
}

TEST_F(Quarantine, ARefusalThatFindsNoRoomMakesSomeFromWhatMayGo) {
  options_.budget_bytes = 1 << 20;
  Reopen();
  const std::string payload(1000, 'x');
  while (store_->Commit(BatchOf({payload})).ok()) {
  }
  const Generation at = store_->Current();
  ASSERT_TRUE(store_->Settle(at.id, at.highest_number - 100).ok());
  now_ += absl::Hours(24 * 8);  // those may go
  for (uint64_t number = at.highest_number - 99; number <= at.highest_number; ++number) {
    const absl::Status status = store_->MarkRefused(at.id, number, kReason, "no");
    ASSERT_TRUE(status.ok()) << number << ": " << status;
  }
  EXPECT_THAT(All(), SizeIs(100));
}

TEST_F(Quarantine, WhatIsToldAgainAfterWelcomeIsStillThereThoughACommitCameBetween) {
  options_.budget_bytes = 4 << 20;
  Reopen();
  while (store_->Summary().used_bytes * 100 < store_->Summary().budget_bytes * 75) {
    ASSERT_TRUE(store_->Commit(BatchOf({std::string(4000, 'f')})).ok());
  }
  const Generation at = store_->Current();
  ASSERT_TRUE(store_->Settle(at.id, 50).ok());  // as Welcome says
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store_->Commit(BatchOf({"an instrument's"})).ok());
  for (uint64_t number = 1; number <= 50; ++number) {
    const absl::Status status = store_->MarkRefused(at.id, number, kReason, "SIMULATED");
    ASSERT_TRUE(status.ok()) << number << ": " << status;
  }
  EXPECT_EQ(store_->Summary().quarantined, 50u);
}

TEST_F(Quarantine, AFullStoreThatIsToldAgainWhatWasRefusedKeepsAllOfIt) {
  options_.budget_bytes = 4 << 20;
  Reopen();
  while (store_->Commit(BatchOf({std::string(4000, 'f')})).ok()) {
  }
  const Generation at = store_->Current();
  absl::Status status;
  for (uint64_t number = 1; number <= 256 && status.ok(); ++number) {
    status = store_->MarkRefused(at.id, number, kReason, "SIMULATED");
  }
  ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;  // the stream ends of it
  ASSERT_TRUE(store_->Settle(at.id, 256).ok());              // the next one's Welcome
  for (uint64_t number = 1; number <= 256; ++number) {
    status = store_->MarkRefused(at.id, number, kReason, "SIMULATED");
    ASSERT_TRUE(status.ok()) << number << ": " << status;
  }
  EXPECT_EQ(store_->Summary().quarantined, 256u);
}

TEST_F(Quarantine, IsReadAndNotChangedByWhoOnlyLooks) {
  const Generation at = RefuseOne("1");
  store_.reset();
  options_.read_only = true;
  store_ = MustOpen(options_);
  EXPECT_THAT(All(), SizeIs(1));
  EXPECT_THAT(Log(), IsEmpty());
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Release(at.store_id, 1, "a", "b").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->Discard(at.store_id, 1, "a", "b")));
  EXPECT_TRUE(absl::IsFailedPrecondition(store_->MarkRefused(at.id, 1, kReason, "no")));
}

TEST_F(Quarantine, TakesOverWhatAnOlderFormatHadMarked) {
  ASSERT_TRUE(store_->Commit(BatchOf({"1", "2"})).ok());
  const Generation at = store_->Current();
  ASSERT_TRUE(store_->Settle(at.id, 2).ok());
  store_.reset();
  // As format 2 left it.
  ExecuteOn(
      folder_.path(),
      "DROP TABLE quarantine; DROP TABLE audit; DROP INDEX records_urgent; ALTER TABLE records DROP COLUMN urgent; "
      "ALTER TABLE intake DROP COLUMN sum; ALTER TABLE lines DROP COLUMN sum; ALTER TABLE generations DROP COLUMN "
      "sum; DELETE FROM meta WHERE key='format'; UPDATE records SET refused='no' WHERE number=2; PRAGMA "
      "user_version=2");
  Reopen();
  ASSERT_THAT(All(), SizeIs(1));
  EXPECT_EQ(All()[0].reason, dims::v1::REFUSAL_REASON_UNSPECIFIED);
  EXPECT_EQ(All()[0].message, "no");
  EXPECT_TRUE(store_->Release(at.store_id, 2, "a", "b").ok());
  EXPECT_THAT(Payloads(at.id), ElementsAre("1", "2", "2"));
}

TEST_F(Quarantine, AKilledReleaseIsWholeOrNotAtAll) {
  const Generation at = RefuseOne("payload");
  store_.reset();
  EXPECT_EQ(InChild([&] {
              const auto store = Store::Open(options_);
              return store.ok() && (*store)->Release(at.store_id, 1, "a", "b").ok() ? 7 : 1;
            }),
            7);
  Reopen();
  EXPECT_THAT(All(), IsEmpty());
  EXPECT_THAT(Log(), SizeIs(1));
  EXPECT_THAT(Payloads(at.id), ElementsAre("payload", "payload"));
}

// A registry that refuses at random, forgets at random, and people who decide at random: what was committed reaches it
// once, unless somebody discarded it.
TEST_F(Quarantine, WhateverHappensWhatIsNotDiscardedArrivesOnce) {
  using Name = std::pair<std::string, uint64_t>;
  for (unsigned seed = 1; seed <= 30; ++seed) {
    store_.reset();
    for (const char* suffix : {"", "-wal", ".head"}) std::filesystem::remove(folder_.file(suffix));
    Reopen();
    std::mt19937 random(seed);
    const auto below = [&](uint64_t most) { return most == 0 ? 0 : random() % most; };
    std::map<Name, std::string> arrived;  // at the registry
    std::set<std::string> committed, discarded;
    const auto settle = [&](uint64_t most, bool refuses) {
      const Generation oldest = store_->OldestUnsettled();
      const uint64_t through =
          std::min(oldest.highest_number, oldest.settled_through + (refuses ? below(most + 1) : most));
      const auto waiting = ReadAll(*store_, oldest.id, oldest.settled_through);
      ASSERT_TRUE(waiting.ok()) << waiting.status();
      for (const StoredRecord& record : *waiting) {
        if (record.number > through) break;
        // The registry's word is told again after a reconnection; it does not change it.
        const bool known = store_->Quarantined(oldest.store_id, record.number).ok();
        if (known || (refuses && below(3) == 0)) {
          ASSERT_TRUE(store_->MarkRefused(oldest.id, record.number, kReason, "no").ok());
        } else {
          arrived[{oldest.store_id, record.number}] = record.payload;
        }
      }
      ASSERT_TRUE(store_->Settle(oldest.id, through).ok());
    };
    const auto decide = [&](bool discards) {
      const std::vector<QuarantinedRecord> all = All();
      if (all.empty()) return;
      const QuarantinedRecord& one = all[below(all.size())];
      if (discards) {
        if (store_->Discard(one.store_id, one.number, "a", "b").ok()) discarded.insert(one.payload);
      } else {
        const absl::Status status = store_->Release(one.store_id, one.number, "a", "b").status();
        ASSERT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << status;
      }
    };
    for (int step = 0; step < 150; ++step) {
      const Generation current = store_->Current();
      switch (below(8)) {
        case 0:
        case 1: {
          const std::string payload = absl::StrCat("payload ", seed, " ", step);
          committed.insert(payload);
          ASSERT_TRUE(store_->Commit(BatchOf({payload})).ok());
          break;
        }
        case 2:
        case 3:
          settle(5, true);
          break;
        case 4:
          decide(below(3) == 0);
          break;
        case 5:  // refused ahead of its turn
          if (current.highest_number > current.settled_through) {
            const uint64_t number =
                current.settled_through + 1 + below(current.highest_number - current.settled_through);
            ASSERT_TRUE(store_->MarkRefused(current.id, number, kReason, "no").ok());
          }
          break;
        case 6:
          if (below(3) == 0) Reopen();
          break;
        case 7: {
          if (below(4) != 0) break;
          const uint64_t first = 1 + below(current.highest_number + 1);
          const bool restored = below(2) == 0;
          if (restored) {
            for (auto entry = arrived.lower_bound({current.store_id, first});
                 entry != arrived.end() && entry->first.first == current.store_id;) {
              entry = arrived.erase(entry);
            }
          }
          const auto begun = store_->BeginGeneration(current.id, first, "a test",
                                                     restored ? Store::Carry::kKept : Store::Carry::kUnsettled);
          ASSERT_TRUE(begun.ok()) << begun.status();
          break;
        }
      }
    }
    for (int round = 0; round < 1000; ++round) {
      const Generation oldest = store_->OldestUnsettled();
      if (oldest.settled_through == oldest.highest_number && All().empty()) break;
      settle(1000, false);
      decide(false);
    }
    ASSERT_THAT(All(), IsEmpty()) << seed;
    std::map<std::string, int> times;
    for (const auto& [name, payload] : arrived) ++times[payload];
    for (const std::string& payload : committed) {
      ASSERT_EQ(times[payload], discarded.count(payload) != 0 ? 0 : 1) << payload;
    }
  }
}

}  // namespace
}  // namespace dims
