// What happens to a store whose files were damaged or set back behind its back.
#include <gmock/gmock.h>

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// A store that was cut off: what was acknowledged, and the files as they are without a close. Its log holds the later
// commits only.
struct Written {
  StoreFolder folder;
  std::string store_id;
  uint64_t acknowledged = 0, settled = 0;
};

void Write(Written& written, int batches_before, int batches_after) {
  const auto write = [&](int batches, bool close) {
    std::unique_ptr<Store> store = MustOpen(OptionsFor(written.folder));
    for (int i = 0; i < batches; ++i) {
      const uint64_t first = store->Current().highest_number + 1;
      if (!store->Commit(NumberedBatch(first, 1 + first % 4)).ok()) return 1;
      if (!store->Settle(store->Current().id, first / 3).ok()) return 2;
    }
    if (!close) store.release();
    return 0;
  };
  {
    const auto store = MustOpen(OptionsFor(written.folder));
    written.store_id = store->Current().store_id;
  }
  if (batches_before > 0) {
    ASSERT_EQ(write(batches_before, true), 0);
  }
  ASSERT_EQ(InChild([&] { return write(batches_after, false); }), 0);
  const StoreFolder copy;
  written.folder.CopyTo(copy);
  const auto store = MustOpen(OptionsFor(copy));
  written.acknowledged = store->Current().highest_number;
  written.settled = store->Current().settled_through;
}

enum Outcome { kIntact = 0, kSilentLoss = 1, kNewStore = 10, kDataLoss = 11, kRefused = 12, kEnded = 70 };

// What the bridge would find. kIntact only where every record that is not settled is there as it was written.
int Inspect(const StoreFolder& folder, const Written& written) {
  const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(OptionsFor(folder));
  if (!opened.ok()) return kRefused;
  Store& store = **opened;
  if (store.Current().store_id != written.store_id) return store.notices().empty() ? kSilentLoss : kNewStore;
  const uint64_t after = store.OldestUnsettled().settled_through;
  if (after > written.settled || store.Current().highest_number != written.acknowledged) return kSilentLoss;
  const absl::StatusOr<std::vector<StoredRecord>> records = ReadAll(store, store.Current().id, after);
  if (absl::IsDataLoss(records.status())) return kDataLoss;
  if (!records.ok() || records->size() != written.acknowledged - after) return kSilentLoss;
  for (const StoredRecord& record : *records) {
    if (record.payload != PayloadOf(record.number)) return kSilentLoss;
  }
  // What comes next gets the next number.
  if (!store.Commit(NumberedBatch(written.acknowledged + 1, 1)).ok()) return kRefused;
  return store.Current().highest_number == written.acknowledged + 1 ? kIntact : kSilentLoss;
}

// The files that were set aside, by what they hold.
std::vector<std::string> Aside(const StoreFolder& folder, const std::string& part = ".damaged-") {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    if (entry.path().filename().string().find(part) != std::string::npos) found.push_back(ReadWhole(entry.path()));
  }
  return found;
}

TEST(StoreDamage, ALogCutAtAnyFrameIsNeverASilentLoss) {
  Written written;
  ASSERT_NO_FATAL_FAILURE(Write(written, 5, 30));
  const std::string log = ReadWhole(written.folder.file("-wal"));
  ASSERT_EQ((log.size() - 32) % 4120, 0u) << "a log of whole frames";
  int intact = 0, begun_anew = 0;
  for (std::size_t size = 0; size <= log.size(); size = size == 0 ? 32 : size + 4120) {
    SCOPED_TRACE(absl::StrCat("log cut to ", size, " of ", log.size()));
    const StoreFolder damaged;
    written.folder.CopyTo(damaged);
    WriteWhole(damaged.file("-wal"), log.substr(0, size));
    const int outcome = InChild([&] { return Inspect(damaged, written); });
    ASSERT_THAT(outcome, testing::AnyOf(kIntact, kNewStore));
    ++(outcome == kIntact ? intact : begun_anew);
    if (outcome != kNewStore) continue;
    // The Gap begins where the records end: nothing acknowledged is neither there nor in it.
    const auto store = MustOpen(OptionsFor(damaged));
    EXPECT_THAT(store->notices(), IsEmpty()) << "the loss is reported once";
    const auto first = store->Read(store->Current().id, 0, 1, 1000);
    ASSERT_TRUE(first.ok() && first->size() == 1) << first.status();
    const dims::v1::Gap gap = ToReport(first->front()).gap();
    EXPECT_EQ(gap.store_id(), written.store_id);
    EXPECT_EQ(gap.through(), written.acknowledged);
    const StoreSummary summary = store->Summary();
    EXPECT_EQ(gap.from(), summary.generations.at(0).generation.highest_number + 1);
    const auto rest = ReadAll(*store, summary.generations[0].generation.id);
    ASSERT_TRUE(rest.ok()) << rest.status();
    EXPECT_EQ(rest->size(), gap.from() - 1);
    for (const StoredRecord& record : *rest) EXPECT_EQ(record.payload, PayloadOf(record.number));
  }
  EXPECT_GE(intact, 1);
  EXPECT_GE(begun_anew, 30);
}

TEST(StoreDamage, AFlippedBitIsNeverASilentLoss) {
  std::mt19937 random(20240611);
  std::map<int, int> outcomes;
  for (const bool in_log : {true, false}) {
    Written written;
    ASSERT_NO_FATAL_FAILURE(in_log ? Write(written, 3, 40) : Write(written, 60, 0));
    const std::string suffix = in_log ? "-wal" : "";
    const std::string bytes = ReadWhole(written.folder.file(suffix));
    ASSERT_GT(bytes.size(), 50'000u);
    for (int flip = 0; flip < 150; ++flip) {
      const std::size_t at = std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random);
      const int bit = std::uniform_int_distribution<int>(0, 7)(random);
      SCOPED_TRACE(absl::StrCat("bit ", bit, " of byte ", at, in_log ? " of the log" : " of the database"));
      const StoreFolder damaged;
      written.folder.CopyTo(damaged);
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      WriteWhole(damaged.file(suffix), flipped);
      testing::internal::CaptureStderr();  // what the ended ones say
      const int outcome = InChild([&] { return Inspect(damaged, written); });
      const std::string said = testing::internal::GetCapturedStderr();
      ASSERT_THAT(outcome, testing::AnyOf(kIntact, kNewStore, kDataLoss)) << said;
      ++outcomes[outcome];
    }
  }
  EXPECT_GT(outcomes[kNewStore], 0) << "no flip hit what is acknowledged";
  EXPECT_GT(outcomes[kDataLoss], 0);
}

TEST(StoreDamage, EveryFlippedByteOfTheHeadFileLeavesTheStoreWhole) {
  Written written;
  ASSERT_NO_FATAL_FAILURE(Write(written, 3, 5));
  const std::string head = ReadWhole(written.folder.file(".head"));
  ASSERT_EQ(head.size(), 12288u);
  for (std::size_t at = 0; at < head.size(); at += at % 4096 < 260 ? 3 : 97) {
    SCOPED_TRACE(absl::StrCat("byte ", at));
    const StoreFolder damaged;
    written.folder.CopyTo(damaged);
    std::string flipped = head;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    WriteWhole(damaged.file(".head"), flipped);
    ASSERT_EQ(InChild([&] { return Inspect(damaged, written); }), kIntact);
  }
}

TEST(StoreDamage, ADatabaseSetBackGoesOnUnderANewIdAndReportsTheGap) {
  const StoreFolder folder, copy;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 10)).ok());
  const Generation old = store->Current();
  ASSERT_TRUE(store->Settle(old.id, 4).ok());
  store.reset();
  folder.CopyTo(copy);
  store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(11, 5)).ok());
  const std::string lost_hash = store->Current().highest_hash;
  store.reset();
  std::filesystem::copy_file(copy.path(), folder.path(), std::filesystem::copy_options::overwrite_existing);
  const std::string head = ReadWhole(folder.file(".head"));

  store = MustOpen(OptionsFor(folder));
  ASSERT_EQ(store->notices().size(), 1u);
  EXPECT_THAT(store->notices()[0], HasSubstr(absl::StrCat("records 11 to 15 of store ", old.store_id)));
  const Generation next = store->Current();
  EXPECT_NE(next.store_id, old.store_id);
  EXPECT_EQ(store->OldestUnsettled().id, old.id) << "what is left of the old store goes first";
  EXPECT_EQ(store->OldestUnsettled().highest_number, 10u);
  EXPECT_EQ(ReadAll(*store, old.id, 4)->size(), 6u);
  ASSERT_TRUE(store->Commit(BatchOf({"after"})).ok());
  const auto records = ReadAll(*store, next.id);
  ASSERT_TRUE(records.ok());
  ExpectChained(next.store_id, *records);
  ASSERT_EQ(records->size(), 2u);
  const dims::v1::Report report = ToReport(records->front());
  EXPECT_EQ(report.gap().store_id(), old.store_id);
  EXPECT_EQ(report.gap().from(), 11u);
  EXPECT_EQ(report.gap().through(), 15u);
  EXPECT_NE(report.gap().reason(), "");
  EXPECT_EQ(report.origin(), dims::v1::ORIGIN_REAL);
  EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
  EXPECT_EQ(report.source().laboratory(), "lab-1");
  EXPECT_EQ(report.source().bridge(), "bridge-1");
  EXPECT_EQ((*records)[1].payload, "after");
  store.reset();

  // The process may end after the new generation was committed and before the head file says so: once is enough.
  WriteWhole(folder.file(".head"), head);
  store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->Current().store_id, next.store_id);
  EXPECT_EQ(store->Current().highest_number, 2u);
}

TEST(StoreDamage, AnotherRecordUnderTheSameNumberIsNoticed) {
  const StoreFolder folder, other;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 3)).ok());
  const Generation old = store->Current();
  store.reset();
  folder.CopyTo(other);
  ASSERT_TRUE(MustOpen(OptionsFor(folder))->Commit(BatchOf({"one history"})).ok());
  ASSERT_TRUE(MustOpen(OptionsFor(other))->Commit(BatchOf({"another history"})).ok());
  std::filesystem::copy_file(other.path(), folder.path(), std::filesystem::copy_options::overwrite_existing);
  store = MustOpen(OptionsFor(folder));
  ASSERT_EQ(store->notices().size(), 1u);
  EXPECT_NE(store->Current().store_id, old.store_id);
  const dims::v1::Gap gap = ToReport(store->Read(store->Current().id, 0, 1, 1000)->front()).gap();
  EXPECT_EQ(gap.store_id(), old.store_id);
  EXPECT_EQ(gap.from(), 4u);
  EXPECT_EQ(gap.through(), 4u);
}

TEST(StoreDamage, ADeletedDatabaseIsReportedMissing) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 7)).ok());
  const std::string lost = store->Current().store_id;
  store.reset();
  const std::string head = ReadWhole(folder.file(".head"));
  std::filesystem::remove(folder.path());
  for (const bool again : {false, true}) {
    SCOPED_TRACE(again ? "cut off before the head file was written" : "at first");
    if (again) WriteWhole(folder.file(".head"), head);
    store = MustOpen(OptionsFor(folder));
    EXPECT_EQ(store->notices().size(), again ? 0u : 1u);
    EXPECT_NE(store->Current().store_id, lost);
    EXPECT_EQ(store->Current().highest_number, 1u);
    EXPECT_EQ(store->OldestUnsettled().id, store->Current().id);
    const dims::v1::Gap gap = ToReport(store->Read(store->Current().id, 0, 1, 1000)->front()).gap();
    EXPECT_EQ(gap.store_id(), lost);
    EXPECT_EQ(gap.from(), 1u);
    EXPECT_EQ(gap.through(), 7u);
    store.reset();
  }
}

TEST(StoreDamage, WithoutAWholeHeadFileNumbersAreNotUsedAgain) {
  for (const bool missing : {true, false}) {
    SCOPED_TRACE(missing ? "missing" : "damaged");
    const StoreFolder folder;
    auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->Commit(NumberedBatch(1, 7)).ok());
    const Generation old = store->Current();
    store.reset();
    missing ? std::filesystem::resize_file(folder.file(".head"), 0) : WriteWhole(folder.file(".head"), "dims-head 1 x");
    if (missing) std::filesystem::remove(folder.file(".head"));
    store = MustOpen(OptionsFor(folder));
    ASSERT_EQ(store->notices().size(), missing ? 1u : 2u);
    EXPECT_THAT(store->notices()[0], HasSubstr(missing ? "head file was missing" : "head file was damaged"));
    if (!missing) {
      EXPECT_THAT(store->notices()[1], HasSubstr("1 damaged files of this store lie there"));
      EXPECT_THAT(Aside(folder, ".head.damaged-"), testing::ElementsAre("dims-head 1 x"));
    }
    EXPECT_NE(store->Current().store_id, old.store_id);
    EXPECT_EQ(store->Current().highest_number, 0u) << "nothing shows that anything is missing";
    EXPECT_EQ(store->OldestUnsettled().id, old.id);
    EXPECT_EQ(ReadAll(*store, old.id)->size(), 7u);
    const std::string next = store->Current().store_id;
    store.reset();
    store = MustOpen(OptionsFor(folder));
    EXPECT_THAT(store->notices(), IsEmpty());
    EXPECT_EQ(store->Current().store_id, next);
  }
}

TEST(StoreDamage, ACrashBetweenCommitAndHeadFileIsNoLoss) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 3)).ok());
  const std::string head = ReadWhole(folder.file(".head"));
  ASSERT_TRUE(store->Commit(NumberedBatch(4, 3)).ok());
  const Generation first = store->Current();
  store.reset();
  WriteWhole(folder.file(".head"), head);
  store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->Current().store_id, first.store_id);
  EXPECT_EQ(store->Current().highest_number, 6u);
  const std::string before_begin = ReadWhole(folder.file(".head"));
  EXPECT_NE(before_begin, head) << "the head file caught up";
  // The same with a generation that begins.
  ASSERT_TRUE(store->BeginGeneration(first.id, 2, "a test").ok());
  const std::string next = store->Current().store_id;
  store.reset();
  WriteWhole(folder.file(".head"), before_begin);
  store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->Current().store_id, next);
  EXPECT_EQ(store->Current().highest_number, 5u);
}

TEST(StoreDamage, AGenerationThatWasSetBackIsNoticed) {
  const StoreFolder folder, copy;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 3)).ok());
  const std::string old = store->Current().store_id;
  store.reset();
  folder.CopyTo(copy);
  store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->BeginGeneration(store->Current().id, 2, "a test").ok());
  const std::string lost = store->Current().store_id;
  store.reset();
  std::filesystem::copy_file(copy.path(), folder.path(), std::filesystem::copy_options::overwrite_existing);
  store = MustOpen(OptionsFor(folder));
  ASSERT_EQ(store->notices().size(), 1u);
  EXPECT_NE(store->Current().store_id, old);
  const dims::v1::Gap gap = ToReport(store->Read(store->Current().id, 0, 1, 1000)->front()).gap();
  EXPECT_EQ(gap.store_id(), lost);
  EXPECT_EQ(gap.through(), 2u);
}

TEST(StoreDamage, ReadNamesTheDamagedRecordAndAGapTakesItsPlace) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 12)).ok());
  const Generation old = store->Current();
  store.reset();
  ExecuteOn(folder.path(),
            "UPDATE records SET payload=x'00' WHERE number=4; DELETE FROM records WHERE number IN (7, 8);"
            "UPDATE records SET hash=zeroblob(32) WHERE number=10; DELETE FROM records WHERE number=12 AND 0");
  store = MustOpen(OptionsFor(folder));
  EXPECT_EQ(store->Read(old.id, 0, 100, 100'000)->size(), 3u) << "what stands before the damage";
  for (const auto& [after, number] : {std::pair{3, 4}, {6, 7}, {9, 10}, {10, 11}}) {
    const absl::Status status = store->Read(old.id, after, 100, 100'000).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("record ", number, " of store ", old.store_id)));
  }
  const absl::StatusOr<Generation> next = store->BeginGeneration(old.id, 4, "damaged");
  ASSERT_TRUE(next.ok()) << next.status();
  const auto moved = ReadAll(*store, next->id);
  ASSERT_TRUE(moved.ok()) << moved.status();
  ExpectChained(next->store_id, *moved);
  std::vector<std::string> told;
  for (const StoredRecord& record : *moved) {
    dims::v1::Report report;
    const bool gap = report.ParseFromString(record.payload) && report.has_gap();
    if (gap) {
      EXPECT_EQ(report.gap().store_id(), old.store_id);
      told.push_back(absl::StrCat("gap ", report.gap().from(), "-", report.gap().through()));
      continue;
    }
    for (uint64_t number = 4; number <= 12; ++number) {
      if (record.payload == PayloadOf(number)) told.push_back(absl::StrCat(number));
    }
  }
  EXPECT_THAT(told, testing::ElementsAre("gap 4-4", "5", "6", "gap 7-8", "9", "gap 10-10", "11", "12"));
  EXPECT_EQ(ReadAll(*store, old.id)->size(), 3u);
}

TEST(StoreDamage, ATamperedSettlementSendsAgainRatherThanNever) {
  const StoreFolder folder;
  auto store = MustOpen(OptionsFor(folder));
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 10)).ok());
  ASSERT_TRUE(store->Settle(store->Current().id, 3).ok());
  store.reset();
  ExecuteOn(folder.path(), "UPDATE generations SET settled_through=7, sum=NULL");
  store = MustOpen(OptionsFor(folder));
  ASSERT_EQ(store->notices().size(), 1u);
  EXPECT_THAT(store->notices()[0], HasSubstr("sent again"));
  EXPECT_EQ(store->OldestUnsettled().settled_through, 0u);
  EXPECT_EQ(ReadAll(*store, store->Current().id)->size(), 10u);
}

TEST(StoreDamage, TheDatabaseOfAnotherStoreIsNotTakenForItsOwn) {
  const StoreFolder folder, other;
  ASSERT_TRUE(MustOpen(OptionsFor(folder))->Commit(NumberedBatch(1, 3)).ok());
  const std::string lost = MustOpen(OptionsFor(folder))->Current().store_id;
  ASSERT_TRUE(MustOpen(OptionsFor(other))->Commit(NumberedBatch(1, 9)).ok());
  std::filesystem::copy_file(other.path(), folder.path(), std::filesystem::copy_options::overwrite_existing);
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_EQ(store->notices().size(), 1u);
  const dims::v1::Gap gap = ToReport(store->Read(store->Current().id, 0, 1, 1000)->front()).gap();
  EXPECT_EQ(gap.store_id(), lost);
  EXPECT_EQ(gap.from(), 1u);
  EXPECT_EQ(gap.through(), 3u);
  EXPECT_EQ(store->OldestUnsettled().highest_number, 9u);
}

}  // namespace
}  // namespace dims
