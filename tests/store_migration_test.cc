// Stores of every released format, brought up to date: nothing of them changes but their tables.
//
// The formats are written here as they were released and are never edited; a new format adds one.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/die_at.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kFormat1[] = R"sql(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE generations(
    id INTEGER PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, began_at INTEGER NOT NULL, why TEXT NOT NULL,
    settled_through INTEGER NOT NULL DEFAULT 0, settled_hash BLOB, final_number INTEGER, final_hash BLOB);
  CREATE TABLE settlements(
    generation INTEGER NOT NULL, at INTEGER NOT NULL, through INTEGER NOT NULL,
    PRIMARY KEY(generation, at)) WITHOUT ROWID;
  CREATE TABLE records(
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, number INTEGER NOT NULL, previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL, schema INTEGER NOT NULL, payload BLOB NOT NULL, stored_at INTEGER NOT NULL, refused TEXT);
  CREATE UNIQUE INDEX records_by_number ON records(generation, number);
  CREATE INDEX records_refused ON records(generation) WHERE refused IS NOT NULL;
  CREATE TABLE damaged(
    generation INTEGER NOT NULL, number INTEGER NOT NULL, previous_hash BLOB, hash BLOB, schema INTEGER, payload BLOB,
    found_at INTEGER NOT NULL);
  CREATE TABLE lines(
    id INTEGER PRIMARY KEY, instrument TEXT NOT NULL UNIQUE, read_through INTEGER NOT NULL,
    closed_through INTEGER NOT NULL, open_from INTEGER NOT NULL);
  CREATE TABLE intake(
    id INTEGER PRIMARY KEY, line INTEGER NOT NULL, kind INTEGER NOT NULL, position INTEGER NOT NULL,
    time INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE INDEX intake_by_position ON intake(line, position);
  PRAGMA application_id=1145654611;
  PRAGMA user_version=1;
)sql";

constexpr char kFormat2[] = R"sql(
  ALTER TABLE intake ADD COLUMN marks BLOB NOT NULL DEFAULT x'';
  CREATE TABLE unheard(record INTEGER PRIMARY KEY, line INTEGER NOT NULL, content BLOB NOT NULL);
  PRAGMA user_version=2;
)sql";

constexpr char kStoreId[] = "3f0c7c1e-8a55-4b0e-9d5e-0f1a2b3c4d5e";
constexpr int kRecords = 12;

std::string Text(const std::string& bytes) {
  std::string hex;
  for (const unsigned char byte : bytes) absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
  return hex;
}

std::string Hex(const std::string& bytes) { return absl::StrCat("x'", Text(bytes), "'"); }

// What a bridge of that time had: 12 records, 4 of them settled, the third refused; bytes of which no record was made.
void WriteOldStore(const StoreFolder& folder, int format) {
  std::string sql = absl::StrCat("PRAGMA journal_mode=WAL;", kFormat1, format >= 2 ? kFormat2 : "");
  std::string previous = FirstPreviousHash(kStoreId), settled_hash;
  for (int number = 1; number <= kRecords; ++number) {
    const std::string payload = PayloadOf(number), hash = RecordHash(previous, number, 1, payload);
    absl::StrAppend(&sql, "INSERT INTO records VALUES(", number, ", 1, ", number, ", ", Hex(previous), ", ", Hex(hash),
                    ", 1, ", Hex(payload), ", 1700000000000000000, ", number == 3 ? "'it is SIMULATED'" : "NULL", ");");
    if (number == 4) settled_hash = hash;
    previous = hash;
  }
  absl::StrAppend(
      &sql, "INSERT INTO generations VALUES(1, '", kStoreId, "', 1700000000000000000, 'the store was made', 4, ",
      Hex(settled_hash), ", NULL, NULL); INSERT INTO settlements VALUES(1, 1700003600000000000, 4);",
      "INSERT INTO meta VALUES('registry_epoch', 'epoch-1');", "INSERT INTO lines VALUES(1, 'gcms-1', 9, 6, 2);",
      "INSERT INTO intake(id, line, kind, position, time, bytes) VALUES(1, 1, 0, 0, 1700000000000000000, "
      "x'616263646566'), (2, 1, 0, 6, 1700000000000000000, x'676869');");
  if (format >= 2) absl::StrAppend(&sql, "INSERT INTO unheard VALUES(12, 1, x'636f6e74656e74');");
  ExecuteOn(folder.path(), sql);
  std::string head;
  for (const int sequence : {8, 7}) {
    std::string line = absl::StrCat("dims-head 1 ", sequence, " ", kStoreId, " ", kRecords, " ", Text(previous));
    absl::StrAppend(&line, " ", Text(Sha256::Of(line)));
    line.resize(4095, ' ');
    head += line + "\n";
  }
  WriteWhole(folder.file(".head"), head);
}

void ExpectUpToDate(Store& store, int format) {
  const Generation generation = store.Current();
  const auto records = ReadAll(store, generation.id);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), std::size_t{kRecords});
  ASSERT_NO_FATAL_FAILURE(ExpectChained(kStoreId, *records));
  for (const StoredRecord& record : *records) EXPECT_EQ(record.payload, PayloadOf(record.number));
  EXPECT_EQ(generation.settled_through, 4u);
  EXPECT_EQ(store.RegistryEpoch(), "epoch-1");
  EXPECT_THAT(Told(store.OpenIntake("gcms-1")), ElementsAre("in 6 ghi"));
  EXPECT_EQ(store.ReadIntake("gcms-1", 0, 9).value(), "abcdefghi");
  EXPECT_EQ(store.Summary().generations.at(0).refused, 1u);
  ASSERT_EQ(store.AllUnheard("gcms-1").size(), format >= 2 ? 1u : 0u);
}

std::vector<std::string> Rows(const std::string& path, const std::string& sql) {
  std::vector<std::string> rows;
  sqlite3* database = nullptr;
  sqlite3_open(path.c_str(), &database);
  sqlite3_exec(
      database, sql.c_str(),
      [](void* to, int, char** values, char**) {
        static_cast<std::vector<std::string>*>(to)->push_back(values[0] == nullptr ? "NULL" : values[0]);
        return 0;
      },
      &rows, nullptr);
  sqlite3_close(database);
  return rows;
}

class StoreMigration : public testing::TestWithParam<int> {};

TEST_P(StoreMigration, KeepsEverythingAndACopy) {
  const StoreFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteOldStore(folder, GetParam()));
  const std::string copy = folder.file(absl::StrCat(".format-", GetParam()));
  {
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    ASSERT_NO_FATAL_FAILURE(ExpectUpToDate(*store, GetParam()));
    EXPECT_THAT(store->notices(), ElementsAre(HasSubstr(copy)));
  }
  EXPECT_THAT(Rows(copy, "PRAGMA user_version"), ElementsAre(absl::StrCat(GetParam())));
  EXPECT_THAT(Rows(copy, "SELECT count(*) FROM records"), ElementsAre("12"));
  EXPECT_THAT(Rows(folder.path(), "SELECT number || ' ' || message FROM quarantine"), ElementsAre("3 it is SIMULATED"));
  EXPECT_THAT(MustOpen(OptionsFor(folder))->notices(), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(copy)) << "the new format has not proved itself yet";
  StoreOptions later = OptionsFor(folder);
  later.now = [] { return absl::Now() + absl::Hours(24 * 8); };
  MustOpen(later);
  EXPECT_FALSE(std::filesystem::exists(copy)) << "what retention deletes lives on in it";
}

TEST_P(StoreMigration, GoesOnWhereverItWasCutOff) {
  const StoreFolder old;
  ASSERT_NO_FATAL_FAILURE(WriteOldStore(old, GetParam()));
  int steps = 0;
  for (int code = kDied; code == kDied; ++steps) {
    SCOPED_TRACE(absl::StrCat("died at step ", steps));
    const StoreFolder folder;
    old.CopyTo(folder);
    const auto open = [&] { return Store::Open(OptionsFor(folder)).ok() ? 0 : 1; };
    code = InChildThatDiesAt(steps, open);
    ASSERT_THAT(code, testing::AnyOf(0, kDied));
    // The next start may be cut off, too.
    ASSERT_THAT(InChildThatDiesAt(steps / 2, open), testing::AnyOf(0, kDied));
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    ASSERT_EQ(store->Current().store_id, kStoreId);
    ASSERT_NO_FATAL_FAILURE(ExpectUpToDate(*store, GetParam()));
    EXPECT_FALSE(std::filesystem::exists(folder.file(absl::StrCat(".format-", GetParam(), ".new"))));
  }
  EXPECT_GT(steps, 45);
}

TEST_P(StoreMigration, SavesWhatIsWholeOfADamagedOne) {
  const StoreFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteOldStore(folder, GetParam()));
  std::string bytes = ReadWhole(folder.path());
  bytes.resize(bytes.size() - 4096);  // its end was cut off
  WriteWhole(folder.path(), bytes);
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  EXPECT_NE(store->Current().store_id, kStoreId);
  EXPECT_THAT(store->notices(), testing::Contains(HasSubstr("set aside")));
  const auto saved = ReadAll(*store, store->OldestUnsettled().id);
  ASSERT_TRUE(saved.ok()) << saved.status();
  ASSERT_NO_FATAL_FAILURE(ExpectChained(kStoreId, *saved));
  EXPECT_GE(saved->size(), 8u);
  const dims::v1::Gap gap = ToReport(store->Read(store->Current().id, 0, 1, 1000)->front()).gap();
  EXPECT_EQ(gap.store_id(), kStoreId);
  EXPECT_EQ(gap.from(), saved->size() + 1);
  EXPECT_EQ(gap.through(), std::size_t{kRecords});
}

INSTANTIATE_TEST_SUITE_P(Formats, StoreMigration, testing::Values(1, 2));

}  // namespace
}  // namespace dims
