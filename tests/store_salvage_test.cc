// What is saved of a damaged store, and what a person is told.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "firmware-bridge/disk.h"
#include "tests/die_at.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = IntakeEntry::Kind;

// The names of what was set aside, after "store.db".
std::vector<std::string> Aside(const StoreFolder& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    const std::string name = entry.path().filename();
    if (absl::StrContains(name, ".damaged-")) names.push_back(name.substr(8));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string All(const std::vector<std::string>& notices) { return absl::StrJoin(notices, "\n"); }

// 30 records, 10 settled, one of them unheard; six bytes read, four of them in a record. Closed.
std::string Write(const StoreFolder& folder) {
  const auto store = MustOpen(OptionsFor(folder));
  EXPECT_TRUE(store->Commit(NumberedBatch(1, 29)).ok());
  SessionBatch last{"gcms-1", {{Kind::kIn, 0, absl::Now(), "abcdef"}}, 4, {PayloadOf(30)}};
  last.unheard = {{0, "content"}};
  EXPECT_TRUE(store->Commit({{last}}).ok());
  EXPECT_TRUE(store->Settle(store->Current().id, 10).ok());
  EXPECT_TRUE(store->SetRegistryEpoch("epoch-1").ok());
  return store->Current().store_id;
}

void ExpectAllSaved(Store& store, const std::string& store_id) {
  const StoreSummary summary = store.Summary();
  const Generation old = summary.generations.at(0).generation;
  EXPECT_EQ(old.store_id, store_id);
  EXPECT_EQ(old.settled_through, 10u);
  const auto records = ReadAll(store, old.id);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 30u);
  ASSERT_NO_FATAL_FAILURE(ExpectChained(store_id, *records));
  for (const StoredRecord& record : *records) EXPECT_EQ(record.payload, PayloadOf(record.number));
  EXPECT_THAT(Told(store.OpenIntake("gcms-1")), ElementsAre("in 4 ef"));
  EXPECT_EQ(store.ReadIntake("gcms-1", 0, 6).value(), "abcdef");
  ASSERT_EQ(store.AllUnheard("gcms-1").size(), 1u);
  EXPECT_EQ(store.AllUnheard("gcms-1")[0].store_id, store_id);
  EXPECT_EQ(store.RegistryEpoch(), "epoch-1");
  EXPECT_NE(store.Current().store_id, store_id);
  EXPECT_EQ(store.Current().highest_number, 0u) << "nothing is missing";
}

TEST(StoreSalvage, TakesOverAllWhereOnlyTheHeaderIsDamaged) {
  for (const std::size_t at : {0, 5, 16, 18, 40, 44, 56, 60, 61, 62, 63, 68, 71}) {
    SCOPED_TRACE(absl::StrCat("byte ", at));
    const StoreFolder folder;
    const std::string store_id = Write(folder);
    std::string bytes = ReadWhole(folder.path());
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    WriteWhole(folder.path(), bytes);
    StoreOptions options = OptionsFor(folder);
    options.now = [] { return absl::FromUnixSeconds(1'800'000'000); };
    {
      const auto store = MustOpen(options);
      ASSERT_NE(store, nullptr);
      if (store->notices().empty()) {
        EXPECT_EQ(store->Current().store_id, store_id) << "nothing that matters";
        continue;
      }
      ASSERT_NO_FATAL_FAILURE(ExpectAllSaved(*store, store_id));
      EXPECT_THAT(store->notices().at(1), HasSubstr("store.db.damaged-20270115T080000Z"));
      EXPECT_THAT(All(store->notices()), HasSubstr("30 records were saved"));
    }
    EXPECT_THAT(Aside(folder), ElementsAre(".damaged-20270115T080000Z"));
    EXPECT_EQ(ReadWhole(folder.file(".damaged-20270115T080000Z")), bytes);
    EXPECT_THAT(MustOpen(options)->notices(), IsEmpty());
  }
}

TEST(StoreSalvage, CutOffAnywhereItBeginsAgainOrFinishes) {
  const StoreFolder damaged;
  const std::string store_id = Write(damaged);
  std::string bytes = ReadWhole(damaged.path());
  bytes[0] = 'x';
  WriteWhole(damaged.path(), bytes);
  int steps = 0;
  for (int code = kDied; code == kDied; ++steps) {
    SCOPED_TRACE(absl::StrCat("died at step ", steps));
    const StoreFolder folder;
    damaged.CopyTo(folder);
    const auto open = [&] { return Store::Open(OptionsFor(folder)).ok() ? 0 : 1; };
    code = InChildThatDiesAt(steps, open);
    ASSERT_THAT(code, testing::AnyOf(0, kDied));
    ASSERT_THAT(InChildThatDiesAt(steps / 2, open), testing::AnyOf(0, kDied));
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    ASSERT_NO_FATAL_FAILURE(ExpectAllSaved(*store, store_id));
    const std::vector<std::string> aside = Aside(folder);
    ASSERT_THAT(aside, testing::SizeIs(1)) << absl::StrJoin(aside, " ");
    EXPECT_EQ(ReadWhole(folder.file(aside[0])), bytes);
    EXPECT_FALSE(std::filesystem::exists(folder.file(".salvage")));
    EXPECT_FALSE(std::filesystem::exists(folder.file(".salvage.new")));
    EXPECT_FALSE(std::filesystem::exists(folder.file(".salvage.source")));
  }
  EXPECT_GT(steps, 100);
}

TEST(StoreSalvage, SetsAsideWhatIsNoDatabaseAndNeverOverwritesWhatLiesThere) {
  const StoreFolder folder;
  StoreOptions options = OptionsFor(folder);
  options.now = [] { return absl::FromUnixSeconds(1'800'000'000); };
  for (const std::string& text : {std::string(8192, 'z'), std::string("text"), std::string(40'960, '\0')}) {
    WriteWhole(folder.path(), text);
    const auto store = MustOpen(options);
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(store->notices().at(1), HasSubstr("set aside"));
    EXPECT_TRUE(store->Commit(BatchOf({"x"})).ok());
  }
  EXPECT_THAT(Aside(folder),
              ElementsAre(".damaged-20270115T080000Z", ".damaged-20270115T080001Z", ".damaged-20270115T080002Z"));
  EXPECT_EQ(ReadWhole(folder.file(".damaged-20270115T080001Z")), "text");
}

TEST(StoreSalvage, LeavesADamagedStoreWhereItIsForWhoOnlyLooks) {
  const StoreFolder folder;
  WriteWhole(folder.path(), std::string(8192, 'z'));
  StoreOptions options = OptionsFor(folder);
  options.read_only = true;
  const absl::Status status = Store::Open(options).status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("sets it aside when it starts"));
  EXPECT_EQ(ReadWhole(folder.path()), std::string(8192, 'z'));
  EXPECT_THAT(Aside(folder), IsEmpty());
}

TEST(StoreSalvage, AMarkOfDamageMetWhileRunningMakesTheNextStartSave) {
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  // The page of the queue is damaged while the store is open, and read after that.
  EXPECT_EQ(InChild([&] {
              StoreOptions options = OptionsFor(folder);
              const auto store = MustOpen(options);
              std::string bytes = ReadWhole(folder.path());
              for (std::size_t page = 4096; page < bytes.size(); page += 4096) {
                if (bytes[page] == 0x0d) bytes[page] = 0x77;  // a leaf of a table
              }
              const int fd = open(folder.path().c_str(), O_WRONLY);
              if (pwrite(fd, bytes.data(), bytes.size(), 0) < 0) return 1;
              std::vector<std::string> many(400, std::string(2000, 'x'));  // the cache forgets
              store->Commit(BatchOf(many)).IgnoreError();
              for (int i = 0; i < 6; ++i) store->Commit(BatchOf(many)).IgnoreError();
              store->Read(store->Current().id, 0, 64, 1 << 20).IgnoreError();
              return 0;
            }),
            70);
  EXPECT_TRUE(std::filesystem::exists(folder.file(".suspect")));
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(All(store->notices()), HasSubstr("the last run met damage in it"));
  EXPECT_FALSE(std::filesystem::exists(folder.file(".suspect")));
  EXPECT_NE(store->Current().store_id, store_id);
}

TEST(StoreSalvage, DamagedBytesOfAnOpenReportAreReportedAndNeverReplayed) {
  const StoreFolder folder;
  Write(folder);
  ExecuteOn(folder.path(), "UPDATE intake SET bytes=x'616263646567'");
  std::string store_id;
  {
    const auto store = MustOpen(OptionsFor(folder));
    store_id = store->Current().store_id;
    ASSERT_THAT(store->notices(), ElementsAre(HasSubstr("instrument gcms-1: 2 of the 2 bytes")));
    EXPECT_THAT(Told(store->OpenIntake("gcms-1")), IsEmpty());
    EXPECT_TRUE(absl::IsDataLoss(store->ReadIntake("gcms-1", 0, 6).status()));
    ASSERT_EQ(store->Current().highest_number, 31u);
    const dims::v1::Report report = ToReport(store->Read(store->Current().id, 30, 1, 1000)->front());
    EXPECT_EQ(report.source().instrument(), "gcms-1");
    EXPECT_EQ(report.source().intake_begin(), 4u);
    EXPECT_EQ(report.source().intake_end(), 6u);
    ASSERT_EQ(report.problems_size(), 2);
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_INTERRUPTED);
    EXPECT_EQ(report.problems(1).type(), dims::v1::PROBLEM_TYPE_BYTES_LOST);
  }
  const auto store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_EQ(store->Current().store_id, store_id);
}

TEST(StoreSalvage, RebuildsWhereALineStoodFromItsBytesAndItsRecords) {
  const StoreFolder folder;
  {
    const auto store = MustOpen(OptionsFor(folder));
    dims::v1::Report report;
    report.mutable_source()->set_instrument("gcms-1");
    report.mutable_source()->set_intake_end(4);
    ASSERT_TRUE(
        store->Commit({{{"gcms-1", {{Kind::kIn, 0, absl::Now(), "abcdef"}}, 4, {report.SerializeAsString()}}}}).ok());
  }
  for (const char* damage : {"closed_through=5", "read_through=100", "open_from=77", "instrument='gcmr-1'"}) {
    SCOPED_TRACE(damage);
    const StoreFolder copy;
    folder.CopyTo(copy);
    ExecuteOn(copy.path(), absl::StrCat("UPDATE lines SET ", damage));
    const auto store = MustOpen(OptionsFor(copy));
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(All(store->notices()), HasSubstr("where instrument gcms-1 stood was damaged"));
    EXPECT_THAT(Told(store->OpenIntake("gcms-1")), ElementsAre("in 4 ef"));
    EXPECT_EQ(store->Position("gcms-1").read_through, 6u);
  }
}

TEST(StoreSalvage, AGenerationThatIsNotAsItWasWrittenIsSentAgain) {
  for (const char* damage : {"settled_through=20", "store_id='3f0c7c1e-8a55-4b0e-9d5e-0f1a2b3c4d5e'", "sum=x'00'"}) {
    SCOPED_TRACE(damage);
    const StoreFolder folder;
    const std::string store_id = Write(folder);
    ExecuteOn(folder.path(), absl::StrCat("UPDATE generations SET ", damage));
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(All(store->notices()), HasSubstr("are sent again"));
    EXPECT_EQ(store->OldestUnsettled().store_id, store_id) << "the head file bears it out";
    EXPECT_EQ(store->OldestUnsettled().settled_through, 0u);
    EXPECT_EQ(ReadAll(*store, store->OldestUnsettled().id)->size(), 30u);
  }
  // Without a head file, and without its first record, nothing tells whose they are.
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  ExecuteOn(folder.path(), "UPDATE generations SET sum=x'00'; DELETE FROM records WHERE number<=5");
  std::filesystem::remove(folder.file(".head"));
  const auto store = MustOpen(OptionsFor(folder));
  EXPECT_THAT(All(store->notices()), HasSubstr("under a new store id"));
  const auto moved = ReadAll(*store, store->Current().id);
  ASSERT_TRUE(moved.ok());
  EXPECT_EQ(moved->size(), 25u);
  ExpectChained(store->Current().store_id, *moved);
  EXPECT_EQ(store->OldestUnsettled().id, store->Current().id);
}

TEST(StoreSalvage, LostIntakeThatIsInNoRecordIsNoticed) {
  const StoreFolder folder, set_back;
  {
    auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->Commit(NumberedBatch(1, 3)).ok());
    folder.CopyTo(set_back);
    ASSERT_TRUE(store->Commit({{{"astm-1", {{Kind::kIn, 0, absl::Now(), "acknowledged"}}, 0, {}}}}).ok());
    std::filesystem::copy_file(folder.file(".head"), set_back.file(".head"),
                               std::filesystem::copy_options::overwrite_existing);
  }
  {
    const auto store = MustOpen(OptionsFor(set_back));
    EXPECT_THAT(All(store->notices()), HasSubstr("the last 1 batches that it took are not in it"));
    EXPECT_THAT(All(store->notices()), HasSubstr("its log was copied to"));
    EXPECT_THAT(Aside(set_back), ElementsAre(testing::EndsWith("-wal")));
  }
  EXPECT_THAT(MustOpen(OptionsFor(set_back))->notices(), IsEmpty());
}

// The disk fails at a write, as in a process of its own.
int FailOnce(const StoreFolder& folder) {
  return InChild([&] {
    const auto store = MustOpen(OptionsFor(folder));
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{12'000, 12'000};
    setrlimit(RLIMIT_FSIZE, &limit);
    store->Commit(BatchOf({std::string(20'000, 'x')})).IgnoreError();
    return 0;
  });
}

TEST(StoreSalvage, AfterTwoFailuresOfTheDiskNothingIsAcceptedForTenMinutes) {
  const StoreFolder folder;
  ASSERT_TRUE(MustOpen(OptionsFor(folder))->Commit(NumberedBatch(1, 3)).ok());
  testing::internal::CaptureStderr();
  ASSERT_EQ(FailOnce(folder), 70);
  {
    const auto store = MustOpen(OptionsFor(folder));
    EXPECT_TRUE(store->Commit(NumberedBatch(4, 1)).ok()) << "once is not twice";
  }
  ASSERT_EQ(FailOnce(folder), 70);
  testing::internal::GetCapturedStderr();
  absl::Time now = absl::Now();
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  auto store = MustOpen(options);
  EXPECT_THAT(All(store->notices()), HasSubstr("nothing is accepted until"));
  const auto refused = [&] { return absl::IsResourceExhausted(store->Commit(NumberedBatch(5, 1))); };
  EXPECT_TRUE(refused());
  EXPECT_THAT(std::string(store->Commit(NumberedBatch(5, 1)).message()), HasSubstr("failed twice within ten minutes"));
  EXPECT_EQ(ReadAll(*store, store->Current().id)->size(), 4u);
  EXPECT_TRUE(store->Settle(store->Current().id, 2).ok()) << "what is there goes on";
  now += absl::Minutes(6);
  EXPECT_TRUE(refused());
  now -= absl::Hours(24 * 365);  // the clock is set back
  EXPECT_TRUE(refused());
  now += absl::Minutes(3);
  EXPECT_TRUE(refused());
  now += absl::Minutes(1) + absl::Seconds(5);
  EXPECT_FALSE(refused()) << "ten minutes have passed";
  store.reset();
  EXPECT_TRUE(MustOpen(options)->Commit(NumberedBatch(6, 1)).ok()) << "and are forgotten";
}

TEST(StoreSalvage, ASectorThatCannotBeReadIsLeftOut) {
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  const std::string bytes = ReadWhole(folder.path());
  const std::size_t record = bytes.find(PayloadOf(12).substr(0, 16));
  ASSERT_NE(record, std::string::npos);
  const auto open = [&] {
    struct stat file;
    if (stat(folder.path().c_str(), &file) != 0) return 3;
    unreadable_in = file.st_ino;
    unreadable = static_cast<off64_t>(record);
    const auto store = Store::Open(OptionsFor(folder));
    if (!store.ok()) return 1;
    return absl::StrContains(All((*store)->notices()), "records were saved") ? 0 : 2;
  };
  EXPECT_EQ(InChild(open), 0);
  const auto store = MustOpen(OptionsFor(folder));
  const Generation old = store->OldestUnsettled();
  EXPECT_EQ(old.store_id, store_id);
  EXPECT_EQ(old.highest_number, 30u);
  EXPECT_TRUE(absl::IsDataLoss(store->Read(old.id, 11, 1, 10'000).status())) << "the uplink puts a Gap there";
  EXPECT_EQ(store->Read(old.id, 29, 1, 10'000)->front().payload, PayloadOf(30));
}

TEST(StoreSalvage, AFailureNotedInTheFutureHoldsUpNoLongerThanTenMinutes) {
  const StoreFolder folder;
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  WriteWhole(folder.file(".failures"), "1900000000 one\nnonsense\n1900000060 two\n");
  StoreOptions options = OptionsFor(folder);
  absl::Time at = now;
  options.now = [&] { return at; };
  const auto store = MustOpen(options);
  EXPECT_FALSE(store->Commit(NumberedBatch(1, 1)).ok());
  at += absl::Minutes(10) + absl::Seconds(1);
  EXPECT_TRUE(store->Commit(NumberedBatch(1, 1)).ok());
}

TEST(StoreSalvage, TwoInstrumentsNeverShareALineWhereOneOfThemWasLost) {
  const StoreFolder folder;
  {
    const auto store = MustOpen(OptionsFor(folder));
    for (const char* name : {"a-1", "b-1", "c-1"}) {
      ASSERT_TRUE(
          store->Commit({{{name, {{Kind::kIn, 0, absl::Now(), absl::StrCat("of ", name)}}, 6, {PayloadOf(1)}}}}).ok());
    }
  }
  // The intake of b-1 is past its time and gone; then a bit of its line flips.
  ExecuteOn(folder.path(), "DELETE FROM intake WHERE line=2; UPDATE lines SET closed_through=2 WHERE id=2");
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(All(store->notices()), HasSubstr("where instrument b-1 stood was damaged"));
    EXPECT_EQ(store->Position("b-1").read_through, 6u) << "positions must not be given twice";
    EXPECT_EQ(store->Position("b-1").closed_through, 6u);
    for (const char* name : {"b-1", "d-1"}) {
      const uint64_t at = store->Position(name).read_through;
      ASSERT_TRUE(
          store->Commit({{{name, {{Kind::kIn, at, absl::Now(), absl::StrCat("new of ", name)}}, at, {}}}}).ok());
    }
  }
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(store->notices(), IsEmpty());
  EXPECT_THAT(Told(store->OpenIntake("b-1")), ElementsAre("in 6 new of b-1"));
  EXPECT_THAT(Told(store->OpenIntake("d-1")), ElementsAre("in 0 new of d-1"));
  EXPECT_THAT(Told(store->OpenIntake("c-1")), IsEmpty());
  EXPECT_EQ(store->ReadIntake("c-1", 0, 6).value(), "of c-1");
}

TEST(StoreSalvage, ALineOfWhichNothingIsLeftGoesOnWhereItsRecordsEnd) {
  const StoreFolder folder;
  dims::v1::Report report;
  report.mutable_source()->set_instrument("b-1");
  report.mutable_source()->set_intake_end(4);
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->Commit({{{"a-1", {{Kind::kIn, 0, absl::Now(), "aa"}}, 2, {PayloadOf(1)}}}}).ok());
    ASSERT_TRUE(
        store->Commit({{{"b-1", {{Kind::kIn, 0, absl::Now(), "bbbb"}}, 4, {report.SerializeAsString()}}}}).ok());
    ASSERT_TRUE(store->Commit({{{"c-1", {{Kind::kIn, 0, absl::Now(), "cccc"}}, 4, {PayloadOf(2)}}}}).ok());
  }
  ExecuteOn(folder.path(), "DELETE FROM intake WHERE line=2; DELETE FROM lines WHERE id=2");
  WriteWhole(folder.file(".suspect"), "");
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->Position("b-1").read_through, 4u);
  ASSERT_TRUE(store->Commit({{{"b-1", {{Kind::kIn, 4, absl::Now(), "more"}}, 4, {}}}}).ok());
  EXPECT_THAT(Told(store->OpenIntake("b-1")), ElementsAre("in 4 more"));
  EXPECT_THAT(Told(store->OpenIntake("c-1")), IsEmpty());
}

TEST(StoreSalvage, ACountOfCommitsThatIsNoNumberIsSetAsideOnce) {
  for (const char* count : {"1x", "", "-1", "99999999999999999999999"}) {
    SCOPED_TRACE(count);
    const StoreFolder folder;
    const std::string store_id = Write(folder);
    ExecuteOn(folder.path(), absl::StrCat("UPDATE meta SET value='", count, "' WHERE key='commits'"));
    {
      const auto store = MustOpen(OptionsFor(folder));
      ASSERT_NE(store, nullptr);
      ASSERT_NO_FATAL_FAILURE(ExpectAllSaved(*store, store_id));
    }
    EXPECT_THAT(MustOpen(OptionsFor(folder))->notices(), IsEmpty());
    EXPECT_THAT(Aside(folder), testing::SizeIs(1));
  }
}

TEST(StoreSalvage, WhatIsDamagedAfterItsOwnSalvageIsNotSalvagedAgain) {
  const StoreFolder folder;
  Write(folder);
  std::filesystem::create_directory(folder.file(".suspect"));  // which cannot be deleted as a file is
  for (int i = 0; i < 3; ++i) {
    StoreOptions options = OptionsFor(folder);
    options.now = [i] { return absl::FromUnixSeconds(1'800'000'000 + 100 * i); };
    const auto store = Store::Open(options);
    ASSERT_TRUE(absl::IsDataLoss(store.status())) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr("it is not set aside again"));
    EXPECT_THAT(store.status().message(), HasSubstr("store.db.unsaved"));
    EXPECT_THAT(Aside(folder), testing::SizeIs(1)) << "start " << i;
  }
  std::filesystem::remove(folder.file(".suspect"));
  ASSERT_NE(MustOpen(OptionsFor(folder)), nullptr);
  EXPECT_FALSE(std::filesystem::exists(folder.file(".unsaved"))) << "it is sound: damage to come is another's";
}

// The Gaps of a store's current generation, as "<from>-<through>".
std::vector<std::string> Gaps(Store& store, const std::string& of) {
  std::vector<std::string> gaps;
  const auto records = ReadAll(store, store.Current().id);
  for (const StoredRecord& record : *records) {
    dims::v1::Report report;  // most payloads here are none
    if (!report.ParseFromString(record.payload) || !report.has_gap() || report.gap().store_id() != of) continue;
    gaps.push_back(absl::StrCat(report.gap().from(), "-", report.gap().through()));
  }
  return gaps;
}

TEST(StoreSalvage, ADamagedRecordInTheMiddleMakesNoGapOfTheSoundOnes) {
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  ExecuteOn(folder.path(), "UPDATE records SET payload=x'00' WHERE number=20");
  WriteWhole(folder.file(".suspect"), "");
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(Gaps(*store, store_id), IsEmpty());
  const int64_t old = store->Summary().generations.at(0).generation.id;
  EXPECT_EQ(store->Read(old, 10, 100, 1'000'000)->size(), 9u);
  ASSERT_TRUE(absl::IsDataLoss(store->Read(old, 19, 100, 1'000'000).status()));
  ASSERT_TRUE(store->BeginGeneration(old, 20, "a test").ok());
  EXPECT_THAT(Gaps(*store, store_id), ElementsAre("20-20"));
}

TEST(StoreSalvage, ALostEndIsReportedMissingWithoutTheHeadFileToo) {
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  std::filesystem::remove(folder.file(".head"));
  ExecuteOn(folder.path(), "UPDATE records SET payload=x'00' WHERE number>25");
  WriteWhole(folder.file(".suspect"), "");
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(Gaps(*store, store_id), ElementsAre("26-30"));
}

TEST(StoreSalvage, TheEndThatOnlyTheIndexHasIsReportedMissingOfEachGeneration) {
  const StoreFolder folder;
  const std::string first = Write(folder);
  std::string second;
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_TRUE(store->BeginGeneration(store->Current().id, 0, "a test").ok());
    ASSERT_TRUE(store->Commit(NumberedBatch(101, 40)).ok());
    second = store->Current().store_id;
  }
  std::filesystem::remove(folder.file(".head"));
  std::string bytes = ReadWhole(folder.path());
  for (const uint64_t number : {uint64_t{29}, uint64_t{30}, uint64_t{140}}) {
    const std::size_t at = bytes.find(PayloadOf(number).substr(0, 64));
    if (at != std::string::npos) bytes.replace(at / 4096 * 4096, 4096, std::string(4096, 'z'));
  }
  WriteWhole(folder.path(), bytes);
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  const std::vector<std::string> of_first = Gaps(*store, first), of_second = Gaps(*store, second);
  ASSERT_THAT(of_first, testing::SizeIs(1));
  EXPECT_THAT(of_first[0], testing::EndsWith("-30"));
  ASSERT_THAT(of_second, testing::SizeIs(1));
  EXPECT_THAT(of_second[0], testing::EndsWith("-40"));
}

TEST(StoreSalvage, WhatWasNotSettledBeforeTheLowestSoundRecordStillGetsItsGap) {
  const StoreFolder folder;
  const std::string store_id = Write(folder);
  ExecuteOn(folder.path(), "UPDATE records SET payload=x'00' WHERE number<=15");
  WriteWhole(folder.file(".suspect"), "");
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  const Generation old = store->Summary().generations.at(0).generation;
  EXPECT_EQ(old.settled_through, 10u);
  ASSERT_EQ(store->Read(old.id, 10, 100, 1'000'000)->front().number, 16u) << "so that who sends sees the hole";
  ASSERT_TRUE(store->BeginGeneration(old.id, 11, "a test").ok());
  EXPECT_THAT(Gaps(*store, store_id), ElementsAre("11-15"));
}

// The page that a table's tree begins with.
uint64_t RootOf(const std::string& path, const std::string& table) {
  sqlite3* database = nullptr;
  sqlite3_stmt* statement = nullptr;
  sqlite3_open(path.c_str(), &database);
  const std::string sql = absl::StrCat("SELECT rootpage FROM sqlite_master WHERE type='table' AND name='", table, "'");
  sqlite3_prepare_v2(database, sql.c_str(), -1, &statement, nullptr);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  const auto page = static_cast<uint64_t>(sqlite3_column_int64(statement, 0));
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return page;
}

void BlotOut(const StoreFolder& folder, uint64_t page) {
  std::fstream(folder.path(), std::ios::binary | std::ios::in | std::ios::out)
      .seekp(static_cast<std::streamoff>((page - 1) * 4096))
      .write(std::string(4096, 'z').data(), 4096);
}

TEST(StoreSalvage, RefusedRecordsAreFoundInPagesToWhichNothingLeads) {
  const StoreFolder folder;
  Write(folder);
  {
    const auto store = MustOpen(OptionsFor(folder));
    const int64_t id = store->Current().id;
    for (uint64_t number = 1; number <= 30; ++number) {
      ASSERT_TRUE(store->MarkRefused(id, number, dims::v1::REFUSAL_REASON_ORIGIN, absl::StrCat("why ", number)).ok());
    }
    ASSERT_TRUE(store->Settle(id, 30).ok());
    ASSERT_TRUE(store->Discard(store->Current().store_id, 30, "a person", "a test").ok());
  }
  BlotOut(folder, RootOf(folder.path(), "quarantine"));
  BlotOut(folder, RootOf(folder.path(), "audit"));
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(All(store->notices()), HasSubstr("29 more refused records were found in pages"));
  EXPECT_THAT(All(store->notices()), HasSubstr("not all of its tables quarantine, audit could be read"));
  const auto refused = store->Quarantined(0, 100, 10'000'000);
  ASSERT_TRUE(refused.ok());
  ASSERT_THAT(*refused, testing::SizeIs(29)) << "what was discarded stays so";
  for (const QuarantinedRecord& record : *refused) {
    EXPECT_EQ(record.payload, PayloadOf(record.number));
    EXPECT_EQ(record.message, absl::StrCat("why ", record.number));
    EXPECT_EQ(record.reason, dims::v1::REFUSAL_REASON_ORIGIN);
  }
}

TEST(StoreSalvage, RefusedRecordsOfWhichTheQuarantineLostItsCopyComeFromTheRecords) {
  const StoreFolder folder;
  Write(folder);
  {
    const auto store = MustOpen(OptionsFor(folder));
    const Generation current = store->Current();
    for (uint64_t number = 1; number <= 30; ++number) {
      ASSERT_TRUE(store->MarkRefused(current.id, number, dims::v1::REFUSAL_REASON_ORIGIN, "why").ok());
    }
    ASSERT_TRUE(store->Settle(current.id, 30).ok());
    ASSERT_TRUE(store->Discard(current.store_id, 30, "a person", "a test").ok());
  }
  ExecuteOn(folder.path(), "DELETE FROM quarantine; VACUUM");  // its pages, and what they held, are gone
  BlotOut(folder, RootOf(folder.path(), "quarantine"));
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_THAT(All(store->notices()), HasSubstr("29 refused records were put back into the quarantine"));
  const auto refused = store->Quarantined(0, 100, 10'000'000);
  ASSERT_TRUE(refused.ok());
  ASSERT_EQ(refused->size(), 29u) << "what was discarded stays so";
  for (const QuarantinedRecord& record : *refused) EXPECT_EQ(record.payload, PayloadOf(record.number));
}

TEST(StoreSalvage, ALongStartSaysThatItIsAlive) {
  const StoreFolder folder;
  int calls = 0;
  StoreOptions options = OptionsFor(folder);
  options.alive = [&] { ++calls; };
  {
    const auto store = MustOpen(options);
    for (uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(store->Commit(NumberedBatch(1 + 200 * i, 200)).ok());
    calls = 0;
    ASSERT_TRUE(store->Commit(NumberedBatch(4001, 200)).ok());
    EXPECT_EQ(calls, 0) << "once it is open, it is the watchdog's";
  }
  EXPECT_THAT(MustOpen(options)->notices(), IsEmpty());
  EXPECT_GT(calls, 0) << "while it is looked through";
  const int looked_through = calls;
  for (const bool header_too : {false, true}) {
    calls = 0;
    WriteWhole(folder.file(".suspect"), "");
    if (header_too) BlotOut(folder, 1);
    EXPECT_THAT(All(MustOpen(options)->notices()), HasSubstr("4200 records were saved"));
    EXPECT_GT(calls, 3 * looked_through) << "while it is saved";
  }
}

TEST(StoreSalvage, OfFailuresWithoutEndTheLatestAreNoted) {
  const StoreFolder folder;
  Write(folder);
  for (const char* suffix :
       {"", ".head", ".head.damaged-20270115T080000Z", ".damaged-20270115T080000Z-wal", ".format-2.new"}) {
    for (int i = 0; i < 9; ++i) {
      testing::internal::CaptureStderr();
      ASSERT_EQ(InChild([&]() -> int { EndAfterDiskFailure(folder.file(suffix), absl::StrCat("failure ", i)); }),
                kDiskFailureExit);
      testing::internal::GetCapturedStderr();
    }
  }
  const std::string noted = ReadWhole(folder.file(".failures"));
  EXPECT_EQ(std::count(noted.begin(), noted.end(), '\n'), 16);
  EXPECT_THAT(noted, testing::EndsWith(" failure 8\n"));
  EXPECT_THAT(NotedFailures(folder.path()), testing::SizeIs(16));
  for (const auto& entry : std::filesystem::directory_iterator(folder.folder())) {
    const std::string name = entry.path().filename();
    EXPECT_THAT(name, testing::AnyOf("store.db", "store.db.head", "store.db.failures")) << "one place for all";
  }
}

// A small disk of its own; only root can make one.
class SmallDisk {
 public:
  SmallDisk() { made_ = mount("tmpfs", folder_.folder().c_str(), "tmpfs", 0, "size=16m") == 0; }
  ~SmallDisk() {
    if (made_) umount2(folder_.folder().c_str(), MNT_DETACH);
  }
  bool made() const { return made_; }
  bool MakeReadOnly() const { return mount("", folder_.folder().c_str(), "", MS_REMOUNT | MS_RDONLY, "") == 0; }
  void Fill() const {
    std::ofstream other(folder_.folder() + "/other", std::ios::binary | std::ios::app);
    const std::string block(4096, 'x');
    while (other.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  StoreOptions Options() const {
    StoreOptions options = OptionsFor(folder_);
    options.budget_bytes = 8 << 20;
    options.ballast_bytes = 1 << 20;
    return options;
  }

 private:
  const StoreFolder folder_;
  bool made_ = false;
};

TEST(StoreSalvage, AFullDiskWithItsBallastIsNoReasonNotToStart) {
  for (const char* harm : {"the head file is gone", "the database is damaged"}) {
    SCOPED_TRACE(harm);
    const SmallDisk disk;
    if (!disk.made()) GTEST_SKIP() << "NOT TESTED: only root can mount a small disk";
    const StoreOptions options = disk.Options();
    {
      const auto store = MustOpen(options);
      ASSERT_TRUE(store->Commit(NumberedBatch(1, 400)).ok());
    }
    ASSERT_EQ(FileBytes(options.path + ".ballast"), 1u << 20);
    if (harm[4] == 'h') std::filesystem::remove(options.path + ".head");
    if (harm[4] == 'd') WriteWhole(options.path + ".suspect", "");
    disk.Fill();
    const auto store = MustOpen(options);
    ASSERT_NE(store, nullptr);
    EXPECT_THAT(All(store->notices()), HasSubstr("THE DISK IS FULL: the ballast of 1 MiB was given back"));
    EXPECT_EQ(ReadAll(*store, store->Summary().generations.at(0).generation.id)->size(), 400u);
  }
}

TEST(StoreSalvage, ADiskThatIsMountedReadOnlyIsNamedWithTheRemedy) {
  const SmallDisk disk;
  if (!disk.made()) GTEST_SKIP() << "NOT TESTED: only root can mount a small disk";
  ASSERT_TRUE(MustOpen(disk.Options())->Commit(NumberedBatch(1, 4)).ok());
  ASSERT_TRUE(disk.MakeReadOnly());
  for (const bool look : {false, true}) {
    StoreOptions options = disk.Options();
    options.read_only = look;
    const auto store = Store::Open(options);
    ASSERT_FALSE(store.ok());
    EXPECT_THAT(std::string(store.status().message()), HasSubstr("mounted read-only"));
    EXPECT_THAT(std::string(store.status().message()), HasSubstr("check the disk"));
  }
}

TEST(StoreSalvage, ThatNothingIsAcceptedAfterTwoFailuresIsShownAndItsEndIsSaidAlsoWhereNothingComes) {
  const StoreFolder folder;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  WriteWhole(folder.file(".failures"), "1699999900 one\n1699999960 two\n");
  StoreOptions options = OptionsFor(folder);
  options.now = [&] { return now; };
  const auto store = MustOpen(options);
  const auto shown = [&] { return absl::StrContains(absl::StrJoin(store->Summary().warnings, "\n"), "disk failed"); };
  EXPECT_TRUE(shown());
  store->Tidy(false);
  EXPECT_TRUE(shown());
  store->TakeNews();
  now += absl::Minutes(10);
  store->Tidy(false);
  EXPECT_FALSE(shown());
  EXPECT_THAT(absl::StrJoin(store->TakeNews(), "\n"), HasSubstr("accepted again"));
}

}  // namespace
}  // namespace dims
