// What is saved of a damaged store, and what a person is told.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/die_at.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::Contains;
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
