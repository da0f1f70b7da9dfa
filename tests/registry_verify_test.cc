// `dims-registry verify`: what is sound is called sound, what is not is found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "registry/archive.h"
#include "registry/verify.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A database with two stores: settled records, tombstones, one stored ahead, a Gap.
class RegistryVerify : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({path_, "central"});
    ASSERT_TRUE(archive.ok()) << archive.status();
    Chain chain("store-1"), other("store-2");
    for (uint64_t number = 1; number <= 12; ++number) {
      v1::Report gap;
      gap.mutable_gap()->set_store_id("store-0");
      gap.mutable_gap()->set_from(3);
      gap.mutable_gap()->set_through(7);
      gap.mutable_gap()->set_reason("the disk\x1b[2J broke");
      records_.push_back(number == 5   ? chain.Add("no report")
                         : number == 8 ? chain.Add(gap.SerializeAsString())
                                       : chain.Add());
    }
    std::vector<ReceivedRecord> received;
    for (const v1::Record& record : records_) {
      received.push_back({record.number(), record.previous_hash(), Chain::HashOf(record), 1, record.payload()});
      if (record.number() == 5) received.back().refusal = v1::REFUSAL_REASON_MALFORMED;
    }
    const StoreName one{"lab-a", "bench-1", "store-1"}, two{"lab-b", "bench-7", "store-2"};
    ASSERT_TRUE((*archive)->StoreAhead(one, {received[11]}).status.ok());
    ASSERT_TRUE((*archive)->Append(one, absl::MakeSpan(received).first(10)).status.ok());
    const v1::Record record = other.Add();
    ASSERT_TRUE(
        (*archive)->Append(two, {{1, record.previous_hash(), Chain::HashOf(record), 1, record.payload()}}).status.ok());
    archive->reset();
    std::ifstream in(path_, std::ios::binary);
    whole_.assign((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  }
  // Verifies the file with these bytes in its place; the table is in `table_`.
  bool SoundWith(const std::string& bytes) {
    for (const char* neighbour : {"-wal", "-shm"}) std::filesystem::remove(path_ + neighbour);
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
    return Sound();
  }
  bool Sound(const std::string& store = "") {
    std::ostringstream table;
    const absl::StatusOr<Verification> result = Verify(path_, store, table);
    table_ = result.ok() ? table.str() : result.status().ToString();
    return result.ok() && result->findings == 0;
  }
  bool SoundAfter(const std::string& sql) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole_;
    sqlite3* database = nullptr;
    EXPECT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    EXPECT_GT(sqlite3_total_changes(database), 0) << sql;
    sqlite3_close(database);
    return Sound();
  }
  // Everything that the hashes, the chains and the marks answer for.
  std::string Content() {
    sqlite3* database = nullptr;
    std::string content;
    sqlite3_open_v2(path_.c_str(), &database, SQLITE_OPEN_READONLY, nullptr);
    const auto add = [](void* to, int columns, char** values, char**) {
      for (int i = 0; i < columns; ++i)
        absl::StrAppend(static_cast<std::string*>(to), values[i] ? values[i] : "-", "|");
      return 0;
    };
    for (const char* sql :
         {"SELECT laboratory, bridge, store_id, settled_through, hex(settled_hash) FROM store ORDER BY id",
          "SELECT store, number, position, hex(previous_hash), hex(hash), schema, hex(payload), refusal<>0 FROM record "
          "ORDER BY position"}) {
      if (sqlite3_exec(database, sql, add, &content, nullptr) != SQLITE_OK) content += "unreadable";
    }
    sqlite3_close(database);
    return content;
  }

  const TestFolder folder_;
  const std::string path_ = folder_ / "registry.db";
  std::vector<v1::Record> records_;
  std::string whole_, table_;
};

TEST_F(RegistryVerify, TellsOfASoundArchiveWhatItHas) {
  EXPECT_TRUE(Sound()) << table_;
  EXPECT_THAT(table_, AllOf(HasSubstr("lab-a            bench-1          store-1                                      "
                                      "10        1        1      1  sound\n"),
                            HasSubstr("bench-7"), HasSubstr("sound: 12 records of 2 stores\n"),
                            HasSubstr("gap: record 8 stands for records 3 to 7 of store store-0, which are lost: the "
                                      "disk"),
                            Not(HasSubstr("\x1b"))));
  EXPECT_TRUE(Sound("store-2"));
  EXPECT_THAT(table_, AllOf(HasSubstr("sound: 1 records of 1 stores"), Not(HasSubstr("store-1"))));
  EXPECT_FALSE(Sound("store-3"));
  EXPECT_THAT(table_, HasSubstr("has no store \"store-3\""));
}

TEST_F(RegistryVerify, FindsEachKindOfDamageAndNamesItsPlace) {
  for (const auto& [sql, finding] : std::vector<std::pair<std::string, std::string>>{
           {"UPDATE record SET payload=CAST('x'||payload AS BLOB) WHERE number=3 AND store=1",
            "record 3 (position 4): what is on disk does not have its hash"},
           {"UPDATE record SET schema=2 WHERE number=3 AND store=1", "record 3 (position 4): what is on disk does not"},
           {"UPDATE record SET hash=zeroblob(32) WHERE number=3 AND store=1",
            "record 4 (position 5): does not continue"},
           {"UPDATE record SET hash=zeroblob(32) WHERE number=5", "record 6 (position 7): does not continue the chain"},
           {"UPDATE record SET previous_hash=zeroblob(32) WHERE number=1 AND store=1", "record 1 (position 2)"},
           {"UPDATE record SET payload=NULL WHERE number=3 AND store=1", "has no payload and is not refused"},
           {"UPDATE record SET payload=x'00' WHERE number=5", "record 5 (position 6): is refused, but has a payload"},
           {"UPDATE record SET refusal=99 WHERE number=5", "its reason of refusal, 99, is none"},
           {"UPDATE record SET refusal=0 WHERE number=5", "has no payload and is not refused"},
           {"DELETE FROM record WHERE number BETWEEN 3 AND 4 AND store=1", "records 3 to 4 are settled and missing"},
           {"DELETE FROM record WHERE number BETWEEN 3 AND 4 AND store=1", "no record has position 4"},
           {"DELETE FROM record WHERE number=10", "records 10 to 10 are settled and missing"},
           {"UPDATE store SET settled_through=9 WHERE id=1",
            "record 9 (position 10): is the last settled one, but not"},
           {"UPDATE store SET settled_through=11 WHERE id=1", "records 11 to 11 are settled and missing"},
           {"UPDATE store SET settled_through=0 WHERE id=2", "names a settled record's hash, but no number"},
           {"UPDATE store SET settled_hash=zeroblob(32) WHERE id=1",
            "record 10 (position 11): is the last settled one"},
           {"UPDATE store SET store_id='store-9' WHERE id=2", "store-2"},
           {"DELETE FROM store WHERE id=2", "there are records of a store without a row: 2"},
           {"PRAGMA foreign_keys=0; DELETE FROM store", "records 1 to 10 were settled once and are not here"}}) {
    EXPECT_FALSE(SoundAfter(sql)) << sql;
    EXPECT_THAT(table_, AllOf(HasSubstr(finding), HasSubstr("DAMAGED"), HasSubstr("restore the database")));
  }
}

TEST_F(RegistryVerify, FindsAFlippedBitOfAPayloadAHashOrAStoresRowWhereverItStands) {
  std::vector<std::string> wanted = {Chain::HashOf(records_[2]), Chain::HashOf(records_[4]), Chain::HashOf(records_[9]),
                                     records_[2].payload(), records_[11].payload()};
  std::mt19937 random(11);
  for (const std::string& bytes : wanted) {
    int seen = 0;
    for (std::size_t at = whole_.find(bytes); at != std::string::npos; at = whole_.find(bytes, at + 1)) {
      ++seen;
      std::string flipped = whole_;
      const std::size_t offset = at + random() % bytes.size();
      flipped[offset] = static_cast<char>(flipped[offset] ^ 1 << random() % 8);
      EXPECT_FALSE(SoundWith(flipped)) << "at " << offset << ": " << table_;
    }
    EXPECT_GE(seen, bytes.size() == 32 ? 2 : 1);
  }
}

TEST_F(RegistryVerify, CallsNothingSoundThatHoldsAnotherContent) {
  ASSERT_TRUE(SoundWith(whole_));
  const std::string content = Content();
  ASSERT_THAT(content, HasSubstr("store-1"));
  std::mt19937 random(5);
  int damaged = 0;
  for (int i = 0; i < 400; ++i) {
    std::string flipped = whole_;
    const std::size_t offset = random() % flipped.size();
    flipped[offset] = static_cast<char>(flipped[offset] ^ 1 << random() % 8);
    if (!SoundWith(flipped)) {
      ++damaged;
    } else {
      ASSERT_EQ(Content(), content) << "a flip at " << offset << " went unnoticed";
    }
  }
  EXPECT_GT(damaged, 10);
}

TEST_F(RegistryVerify, LooksBesideARegistryThatWrites) {
  std::ofstream(path_, std::ios::binary | std::ios::trunc) << whole_;
  absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({path_, "central"});
  ASSERT_TRUE(archive.ok()) << archive.status();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    Chain chain("store-3");
    while (!stop) {
      const v1::Record record = chain.Add();
      ASSERT_TRUE((*archive)
                      ->Append({"lab-a", "bench-1", "store-3"},
                               {{record.number(), record.previous_hash(), Chain::HashOf(record), 1, record.payload()}})
                      .status.ok());
    }
  });
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Sound()) << table_;
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace dims
