// Where the store must say no, or stop: full, old, in use, not ours, broken.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <map>

#include "absl/strings/str_cat.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = IntakeEntry::Kind;

std::map<std::string, std::string> Files(const StoreFolder& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    files[entry.path().filename()] = ReadWhole(entry.path());
  }
  return files;
}

TEST(StoreLimits, DeletesWhatIsSettledAndOldButNeverWhatIsNot) {
  const StoreFolder folder;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  const auto store = MustOpen(options);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(store
                    ->Commit({{{"gc",
                                {{Kind::kIn, uint64_t(10 * i), now, "0123456789"}},
                                uint64_t(10 * std::min(i + 1, 250)),
                                {PayloadOf(i + 1)}}}})
                    .ok());
  }
  const int64_t id = store->Current().id;
  now += absl::Hours(24 * 365);
  ASSERT_TRUE(store->Settle(id, 200).ok());
  ASSERT_TRUE(store->Commit(BatchOf({"one more"})).ok());
  EXPECT_EQ(store->Summary().generations[0].settled, 200u) << "settled just now: kept for a registry that is set back";
  EXPECT_EQ(store->Summary().instruments[0].bytes_kept, 2000u) << "100 rows a commit";
  now += absl::Hours(24 * 7 + 1);
  ASSERT_TRUE(store->Commit(BatchOf({"one more"})).ok());
  EXPECT_EQ(store->Summary().generations[0].settled, 100u) << "100 rows a commit";
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store->Commit(BatchOf({"one more"})).ok());
  const StoreSummary summary = store->Summary();
  EXPECT_EQ(summary.generations[0].settled, 1u) << "the last settled one anchors the chain";
  EXPECT_EQ(summary.generations[0].queued, 112u);
  EXPECT_EQ(summary.instruments[0].bytes_kept, 500u) << "what is open is kept";
  const auto unsettled = store->Read(id, 200, 1000, 10'000'000);
  ASSERT_TRUE(unsettled.ok()) << unsettled.status();
  EXPECT_EQ(unsettled->size(), 112u);
  EXPECT_EQ(store->Read(id, 0, 1, 1000)->front().number, 200u) << "the lowest that is kept";
  EXPECT_TRUE(absl::IsNotFound(store->ReadIntake("gc", 2499, 2600).status()));
  EXPECT_EQ(store->ReadIntake("gc", 2500, 2512).value(), "012345678901");
}

TEST(StoreLimits, WhatWasSettledWhileTheClockWasBehindIsKeptForItsTimeOnceTheClockIsSet) {
  const absl::Time set = absl::FromUnixSeconds(1'800'000'000);
  // A clock that began at 1970, and one that went back half a year.
  for (const absl::Time behind : {absl::UnixEpoch() + absl::Hours(5), set - absl::Hours(24 * 180)}) {
    const StoreFolder folder;
    absl::Time now = set;
    StoreOptions options = OptionsFor(folder);
    options.now = [&] { return now; };
    const auto store = MustOpen(options);
    const int64_t id = store->Current().id;
    ASSERT_TRUE(store->Commit(NumberedBatch(1, 60)).ok());
    ASSERT_TRUE(store->Settle(id, 1).ok());
    now = behind;
    ASSERT_TRUE(store->Settle(id, 50).ok());
    now = set + absl::Hours(1);
    ASSERT_TRUE(store->Commit(NumberedBatch(61, 1)).ok());
    EXPECT_EQ(store->Summary().generations[0].settled, 50u);
    ASSERT_TRUE(store->Settle(id, 55).ok());
    now += absl::Hours(24 * 6);
    ASSERT_TRUE(store->Commit(NumberedBatch(62, 1)).ok());
    EXPECT_EQ(store->Summary().generations[0].settled, 55u);
    now += absl::Hours(24 * 2);
    ASSERT_TRUE(store->Commit(NumberedBatch(63, 1)).ok());
    EXPECT_EQ(store->Summary().generations[0].settled, 1u) << "but not for ever";
  }
}

TEST(StoreLimits, AClockThatWasYearsAheadOnceKeepsNothingForYears) {
  const StoreFolder folder;
  const absl::Time right = absl::FromUnixSeconds(1'800'000'000);
  absl::Time now = right;
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  const auto store = MustOpen(options);
  const int64_t id = store->Current().id;
  ASSERT_TRUE(store->Commit(NumberedBatch(1, 60)).ok());
  now = right + absl::Hours(24 * 365 * 11);
  ASSERT_TRUE(store->Settle(id, 10).ok());
  now = right;
  ASSERT_TRUE(store->Settle(id, 50).ok());
  now += absl::Hours(24 * 8);
  ASSERT_TRUE(store->Commit(NumberedBatch(61, 1)).ok());
  EXPECT_EQ(store->Summary().generations[0].settled, 1u);
}

TEST(StoreLimits, SaysFullWhenItsBudgetIsFullAndGoesOnWhenThereIsRoom) {
  const StoreFolder folder;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  options.budget_bytes = 1 << 20;
  auto store = MustOpen(options);
  const std::string payload(2000, 'x');
  const Batch batch{{{"gc", {{Kind::kTimer, 0, now, "1"}}, 0, std::vector<std::string>(16, payload)}}};
  absl::Status status;
  while ((status = store->Commit(batch)).ok()) ASSERT_LT(store->Current().highest_number, 1000u) << "no budget";
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("budget 1 MiB"));
  const Generation full = store->Current();
  EXPECT_EQ(full.highest_number % 16, 0u) << "part of a batch was kept";
  EXPECT_GT(full.highest_number, 200u);
  EXPECT_EQ(Told(store->OpenIntake("gc")).size(), full.highest_number / 16);
  EXPECT_LE(std::filesystem::file_size(folder.path()), options.budget_bytes);
  EXPECT_EQ(ReadAll(*store, full.id)->size(), full.highest_number);

  // Settling works on a full store, and the settled ones make room, before their time.
  ASSERT_TRUE(store->Settle(full.id, full.highest_number - 5).ok());
  ASSERT_TRUE(store->MarkRefused(full.id, 1, dims::v1::REFUSAL_REASON_ORIGIN, std::string(200, 'r')).ok());
  ASSERT_TRUE(store->Commit(BatchOf(std::vector<std::string>(150, payload))).ok())
      << "more than the pruning that rides in one commit";
  EXPECT_EQ(ReadAll(*store, full.id, full.highest_number - 5)->size(), 155u);

  while (store->Commit(batch).ok()) {
  }
  const uint64_t highest = store->Current().highest_number;
  ASSERT_TRUE(store->BeginGeneration(store->Current().id, highest - 50, "full").ok());
  store.reset();
  options.budget_bytes = 2 << 20;
  store = MustOpen(options);
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_TRUE(store->Commit(batch).ok());
  EXPECT_EQ(ReadAll(*store, store->Current().id)->size(), 51u + 16u);
}

TEST(StoreLimits, SettlesAndRefusesAndMovesOnAlsoWhenItIsFull) {
  const StoreFolder folder;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  options.budget_bytes = 1 << 20;
  options.keep_settled = absl::Hours(24 * 60);
  const auto store = MustOpen(options);
  while (store->Commit(BatchOf({std::string(1000, 'x')})).ok()) {
  }
  const Generation full = store->Current();
  ASSERT_GT(full.highest_number, 500u);
  for (uint64_t number = 1; number <= 450; ++number) {
    now += absl::Hours(1);
    ASSERT_TRUE(store->Settle(full.id, number).ok()) << number;
  }
  for (uint64_t number = 1; number <= 20; ++number) {
    ASSERT_TRUE(store->MarkRefused(full.id, number, dims::v1::REFUSAL_REASON_ORIGIN, std::string(500, 'r')).ok())
        << number;
  }
  ASSERT_TRUE(store->BeginGeneration(full.id, 451, "full").ok());
  EXPECT_TRUE(store->Commit(BatchOf({std::string(1000, 'x')})).ok()) << "what is settled goes before its time";
  EXPECT_EQ(ReadAll(*store, store->Current().id)->size(), full.highest_number - 450 + 1);
}

TEST(StoreLimits, KeepsReplayingRightAfterAllIntakeWasDeleted) {
  const StoreFolder folder;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  auto store = MustOpen(options);
  for (uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(store->Commit({{{"gc", {{Kind::kIn, i, now, "x"}}, i + 1, {}}}}).ok());
  now += absl::Hours(24 * 31);
  ASSERT_TRUE(store->Commit(BatchOf({"later"}, "other")).ok());
  EXPECT_EQ(store->Summary().instruments.at(0).bytes_kept, 0u);
  for (const bool reopen : {true, false}) {
    if (reopen) store.reset();
    if (reopen) store = MustOpen(options);
    const uint64_t read = store->Position("gc").read_through;
    ASSERT_TRUE(store->Commit({{{"gc", {{Kind::kIn, read, now, "ab"}}, read, {}}}}).ok());
    EXPECT_THAT(Told(store->OpenIntake("gc")), ElementsAre(absl::StrCat("in ", read, " ab")));
    ASSERT_TRUE(store->Commit({{{"gc", {}, read + 2, {}}}}).ok());
    EXPECT_THAT(Told(store->OpenIntake("gc")), IsEmpty());
  }
}

TEST(StoreLimits, SaysFullWhenTheDiskIsFullAndGoesOnWhenThereIsRoom) {
  const StoreFolder folder;
  if (mount("tmpfs", folder.folder().c_str(), "tmpfs", 0, "size=24m") != 0) {
    GTEST_SKIP() << "NOT TESTED: a full disk needs a small tmpfs, which only root may mount";
  }
  {
    auto store = MustOpen(OptionsFor(folder));
    const Batch batch = BatchOf(std::vector<std::string>(16, std::string(2000, 'x')));
    WriteWhole(folder.folder() + "/ballast", std::string(8 << 20, 'b'));
    absl::Status status;
    while ((status = store->Commit(batch)).ok()) ASSERT_LT(store->Current().highest_number, 20000u);
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    const Generation full = store->Current();
    EXPECT_EQ(full.highest_number % 16, 0u);
    EXPECT_EQ(ReadAll(*store, full.id)->size(), full.highest_number);
    store.reset();
    if (const absl::Status tight = Store::Open(OptionsFor(folder)).status(); !tight.ok()) {
      EXPECT_THAT(std::string(tight.message()), HasSubstr("make room for as much"));
    }
    std::filesystem::remove(folder.folder() + "/ballast");
    store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    EXPECT_EQ(store->Current().store_id, full.store_id);
    EXPECT_EQ(store->Current().highest_number, full.highest_number);
    EXPECT_TRUE(store->Settle(full.id, full.highest_number).ok());
    EXPECT_TRUE(store->Commit(BatchOf({"x"})).ok());
  }
  EXPECT_EQ(umount2(folder.folder().c_str(), MNT_DETACH), 0);
}

TEST(StoreLimits, EndsTheProcessWhenTheDiskFails) {
  const StoreFolder folder;
  MustOpen(OptionsFor(folder));
  const auto fail = [&] {
    const auto store = MustOpen(OptionsFor(folder));
    if (!store->Commit(BatchOf({"kept"})).ok()) _exit(1);
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8192, 8192};  // every write beyond it in a file fails
    setrlimit(RLIMIT_FSIZE, &limit);
    store->Commit(BatchOf({"lost"})).IgnoreError();
    _exit(2);
  };
  EXPECT_EXIT(fail(), testing::ExitedWithCode(70), "disk failure, file \".*store.db\": ");
  const auto store = MustOpen(OptionsFor(folder));
  EXPECT_EQ(store->Current().highest_number, 1u);
  EXPECT_EQ(ReadAll(*store, store->Current().id)->front().payload, "kept");
}

TEST(StoreLimits, RefusesASecondOpenerInThisProcessAndInAnother) {
  const StoreFolder folder;
  std::vector<bool> kinds = {false, true};
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->Commit(NumberedBatch(1, 1)).ok());
    for (const bool read_only : kinds) {
      StoreOptions options = OptionsFor(folder);
      options.read_only = read_only;
      const absl::Status second = Store::Open(options).status();
      EXPECT_TRUE(absl::IsUnavailable(second)) << second;
      EXPECT_THAT(std::string(second.message()), HasSubstr("store.db\" is in use by another process (the bridge?)"));
      EXPECT_EQ(InChild([&] { return absl::IsUnavailable(Store::Open(options).status()) ? 0 : 1; }), 0);
    }
    ASSERT_TRUE(store->Commit(NumberedBatch(2, 1)).ok()) << "the attempts disturbed the first";
    EXPECT_FALSE(std::filesystem::exists(folder.file("-shm")));
  }
  EXPECT_EQ(MustOpen(OptionsFor(folder))->Current().highest_number, 2u);
}

TEST(StoreLimits, LooksWithoutChangingAnything) {
  const StoreFolder clean, crashed;
  StoreOptions options = OptionsFor(clean);
  options.read_only = true;
  EXPECT_TRUE(absl::IsNotFound(Store::Open(options).status()));
  EXPECT_THAT(Files(clean), IsEmpty());
  {
    const auto store = MustOpen(OptionsFor(clean));
    ASSERT_TRUE(store->Commit(NumberedBatch(1, 5)).ok());
    ASSERT_TRUE(store->Commit({{{"gc", {{Kind::kIn, 0, absl::Now(), "abc"}}, 1, {}}}}).ok());
    clean.CopyTo(crashed);
  }
  for (const StoreFolder* folder : {&clean, &crashed}) {
    const auto before = Files(*folder);
    EXPECT_EQ(before.count("store.db-wal"), folder == &crashed ? 1u : 0u);
    {
      options.path = folder->path();
      const auto store = MustOpen(options);
      ASSERT_NE(store, nullptr);
      EXPECT_EQ(store->Summary().generations.at(0).queued, 5u);
      EXPECT_EQ(store->Summary().instruments.at(0).position.read_through, 3u);
      EXPECT_EQ(ReadAll(*store, store->Current().id)->size(), 5u);
      EXPECT_TRUE(absl::IsFailedPrecondition(store->Commit(NumberedBatch(6, 1))));
      EXPECT_TRUE(absl::IsFailedPrecondition(store->Settle(store->Current().id, 1)));
      EXPECT_TRUE(absl::IsFailedPrecondition(store->BeginGeneration(store->Current().id, 1, "no").status()));
    }
    EXPECT_EQ(Files(*folder), before);
  }
}

TEST(StoreLimits, LeavesANewerOrForeignDatabaseUntouched) {
  const StoreFolder newer, foreign;
  MustOpen(OptionsFor(newer));
  ExecuteOn(newer.path(), "PRAGMA user_version=99; UPDATE meta SET value='99' WHERE key='format'");
  ExecuteOn(foreign.path(), "CREATE TABLE a(b)");
  for (const StoreFolder* folder : {&newer, &foreign}) {
    const auto before = Files(*folder);
    const absl::Status status = Store::Open(OptionsFor(*folder)).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(folder == &newer ? "Install the newer version" : "not a store of the bridge"));
    EXPECT_EQ(Files(*folder), before);
  }
  // Also where the newer version was not stopped cleanly, and its log waits.
  const StoreFolder crashed;
  InChild([&] {
    sqlite3* database = nullptr;
    sqlite3_open(newer.path().c_str(), &database);
    return sqlite3_exec(database, "PRAGMA journal_mode=WAL; CREATE TABLE later(a)", nullptr, nullptr, nullptr);
  });
  newer.CopyTo(crashed);
  const auto before = Files(crashed);
  ASSERT_EQ(before.count("store.db-wal"), 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(Store::Open(OptionsFor(crashed)).status()));
  EXPECT_EQ(Files(crashed), before);
}

TEST(StoreLimits, MarksOfAReadThatIsPartlyInARecordKeepTheirBytes) {
  const StoreFolder folder;
  const auto store = MustOpen(OptionsFor(folder));
  const std::vector<LineMark> marks = {{LineMark::kBreak, 1}, {LineMark::kOverrun, 2}, {LineMark::kParityOrFraming, 5}};
  ASSERT_TRUE(store->Commit({{{"gc", {{Kind::kIn, 0, absl::Now(), "abcdef", marks}}, 2, {PayloadOf(1)}}}}).ok());
  const std::vector<IntakeEntry> open = store->OpenIntake("gc");
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].bytes, "cdef");
  EXPECT_EQ(open[0].marks, (std::vector<LineMark>{{LineMark::kOverrun, 0}, {LineMark::kParityOrFraming, 3}}));
}

TEST(StoreLimits, SaysWhatToDoWithAFileThatCannotBeMade) {
  const StoreFolder folder;
  StoreOptions options = OptionsFor(folder);
  options.path = folder.folder() + "/no/such/folder/store.db";
  EXPECT_THAT(std::string(Store::Open(options).status().message()), HasSubstr("its folder must exist"));
}

}  // namespace
}  // namespace dims
