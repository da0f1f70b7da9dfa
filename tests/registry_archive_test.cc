// The archive against a small model of what it promises, and what it remembers outside the database.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/hash.h"
#include "registry/archive.h"
#include "registry/export.h"
#include "registry/verify.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const StoreName kStore{"lab-a", "bench-1", "store-1"};

std::unique_ptr<Archive> OpenArchive(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({path, "central"});
  EXPECT_TRUE(archive.ok()) << archive.status();
  return archive.ok() ? *std::move(archive) : nullptr;
}

std::vector<ArchivedRecord> ReadAll(const std::string& path) {
  const absl::StatusOr<std::unique_ptr<ArchiveReader>> reader = ArchiveReader::Open(path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  return reader.ok() ? (*reader)->Read(0, 1000).value() : std::vector<ArchivedRecord>();
}

ReceivedRecord Received(const v1::Record& record) {
  ReceivedRecord received{record.number(), record.previous_hash(), Chain::HashOf(record), record.schema(),
                          record.payload()};
  if (record.payload() == "no report") {
    received.refusal = v1::REFUSAL_REASON_MALFORMED;
    received.refusal_message = "it is no report";
  }
  return received;
}

std::vector<ReceivedRecord> Records(Chain& chain, int count) {
  std::vector<ReceivedRecord> records;
  for (int i = 0; i < count; ++i) records.push_back(Received(chain.Add()));
  return records;
}

// What the archive promises of one store, as simply as it can be said.
struct Model {
  std::map<uint64_t, std::string> hashes;
  uint64_t settled = 0;

  struct Answer {
    absl::StatusCode code = absl::StatusCode::kOk;
    uint64_t conflict = 0, settled = 0;
    std::vector<uint64_t> ahead, refused;
  };
  Answer Store(const std::vector<ReceivedRecord>& records, bool ahead) {
    Answer answer;
    for (const ReceivedRecord& record : records) {
      const uint64_t number = record.number;
      if (number == 0 || (!ahead && number > settled + 1)) {
        answer.code = absl::StatusCode::kInvalidArgument;
        return answer;
      }
      const bool known = hashes.count(number) > 0;
      const std::string before = number == 1                    ? FirstPreviousHash(kStore.store_id)
                                 : hashes.count(number - 1) > 0 ? hashes[number - 1]
                                                                : record.previous_hash;
      if (known && hashes[number] != record.hash) {
        answer.conflict = number;
      } else if (before != record.previous_hash && number > 1) {
        answer.conflict = number - 1;
      } else if (before != record.previous_hash) {
        answer.code = absl::StatusCode::kInvalidArgument;
        return answer;
      }
      if (answer.conflict > 0) {
        answer.code = absl::StatusCode::kAborted;
        return answer;
      }
      hashes[number] = record.hash;
      if (!ahead && number == settled + 1) settled = number;
      if (!ahead) answer.settled = number;
      if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
        answer.refused.push_back(number);
      } else if (ahead) {
        answer.ahead.push_back(number);
      }
    }
    return answer;
  }
};

TEST(RegistryArchive, SettlesOneToNWithoutHolesEachAfterTheOneBeforeWhateverIsOffered) {
  std::mt19937 random(4711);
  const auto below = [&](uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random); };
  uint64_t most_settled = 0, conflicts = 0, refused = 0;
  for (int round = 0; round < 12; ++round) {
    const TestFolder folder;
    const std::string path = folder / "registry.db";
    std::unique_ptr<Archive> archive = OpenArchive(path);
    // Three histories of one store: the second parts from the first somewhere, the third is of another store.
    std::vector<std::vector<ReceivedRecord>> histories;
    const uint64_t fork = 5 + below(25);
    for (int history = 0; history < 3; ++history) {
      histories.emplace_back();
      Chain chain(history == 2 ? "store-2" : "store-1");
      for (uint64_t number = 1; number <= 40; ++number) {
        const bool other = history == 1 && number >= fork;
        const v1::Record record = number % 7 == 3
                                      ? chain.Add("no report")
                                      : chain.Add(GoodReport(number + (other ? 1000 : 0)).SerializeAsString());
        histories.back().push_back(Received(record));
      }
    }
    Model model;
    for (int step = 0; step < 120; ++step) {
      const bool ahead = below(4) == 0;
      const std::vector<ReceivedRecord>& history = histories[below(8) == 0 ? 1 + below(2) : 0];
      std::vector<ReceivedRecord> offered;
      uint64_t at = ahead ? below(40) : model.settled - std::min(model.settled, below(4)) + (below(10) == 0 ? 1 : 0);
      for (uint64_t count = 1 + below(6); count > 0 && at < 40; --count, at += below(9) == 0 ? 2 : 1) {
        offered.push_back(history[at]);
        if (below(10) == 0) offered.push_back(history[at]);
        if (below(25) == 0) offered.back().number = below(42);
        if (below(25) == 0) offered.back().previous_hash = std::string(32, 'p');
        if (below(25) == 0) offered.back().hash = std::string(32, 'h');
      }
      if (below(12) == 0) std::shuffle(offered.begin(), offered.end(), random);
      // A hash is computed from what it is the hash of; what the archive is given always is.
      for (ReceivedRecord& record : offered) {
        record.hash = RecordHash(record.previous_hash, record.number, record.schema, record.payload);
      }
      const StoreResult result = ahead ? archive->StoreAhead(kStore, offered) : archive->Append(kStore, offered);
      const Model::Answer answer = model.Store(offered, ahead);
      ASSERT_EQ(result.status.code(), answer.code) << result.status;
      ASSERT_EQ(result.conflict.has_value() ? result.conflict->number() : 0, answer.conflict);
      ASSERT_EQ(result.settled, answer.settled);
      ASSERT_EQ(result.ahead, answer.ahead);
      ASSERT_EQ(result.refusals.size(), answer.refused.size());
      ASSERT_EQ(result.position.settled_through, model.settled);
      conflicts += answer.conflict > 0;
      refused += answer.refused.size();
      if (below(30) == 0) archive.reset(), archive = OpenArchive(path);

      // What is on disk, by itself.
      const std::vector<ArchivedRecord> archived = ReadAll(path);
      std::map<uint64_t, const ArchivedRecord*> by_number;
      for (const ArchivedRecord& record : archived) {
        ASSERT_EQ(by_number.count(record.number), 0u) << "record " << record.number << " is there twice";
        by_number[record.number] = &record;
      }
      ASSERT_EQ(by_number.size(), model.hashes.size());
      const StorePosition position = archive->Position(kStore).value();
      ASSERT_EQ(position.settled_through, model.settled);
      ASSERT_EQ(position.once_settled_through, model.settled);
      std::string before = FirstPreviousHash(kStore.store_id);
      for (uint64_t number = 1; number <= model.settled; ++number) {
        ASSERT_EQ(by_number.count(number), 1u) << "a hole at " << number;
        const ArchivedRecord& record = *by_number[number];
        ASSERT_EQ(record.hash, model.hashes[number]);
        if (record.refusal == v1::REFUSAL_REASON_UNSPECIFIED) {
          ASSERT_EQ(record.hash, RecordHash(before, number, record.schema, record.payload));
        } else {
          ASSERT_EQ(record.hash, RecordHash(before, number, 1, "no report"));
        }
        before = record.hash;
      }
      ASSERT_EQ(position.settled_hash, model.settled > 0 ? before : "");
    }
    most_settled = std::max(most_settled, model.settled);
    std::ostringstream table;
    const absl::StatusOr<Verification> verified = Verify(path, "", table);
    ASSERT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(verified->records, model.hashes.size());
    // A record that was stored ahead of one that it does not follow is found; nothing else is.
    EXPECT_EQ(verified->findings > 0, [&] {
      for (const ArchivedRecord& record : ReadAll(path)) {
        if (record.number <= model.settled || model.hashes.count(record.number - 1) == 0) continue;
        if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
          if (record.hash != RecordHash(model.hashes[record.number - 1], record.number, 1, "no report")) return true;
        } else if (record.hash !=
                   RecordHash(model.hashes[record.number - 1], record.number, record.schema, record.payload)) {
          return true;
        }
      }
      return false;
    }()) << table.str();
  }
  EXPECT_GT(most_settled, 25u) << "the test must get somewhere";
  EXPECT_GT(conflicts, 50u);
  EXPECT_GT(refused, 50u);
}

TEST(RegistryArchive, ARecordStoredAheadThatDoesNotFitWhenItsTurnComesIsAConflict) {
  const TestFolder folder;
  const std::unique_ptr<Archive> archive = OpenArchive(folder / "registry.db");
  Chain chain("store-1"), copy("store-1");
  const std::vector<ReceivedRecord> records = Records(chain, 4);
  Records(copy, 2);
  copy.Add("another third record");
  const ReceivedRecord strange = Received(copy.Add());
  EXPECT_TRUE(archive->StoreAhead(kStore, {strange}).status.ok()) << "record 3 is not known yet";
  const StoreResult result = archive->Append(kStore, records);
  ASSERT_TRUE(result.conflict.has_value());
  EXPECT_EQ(result.conflict->number(), 4u);
  EXPECT_EQ(result.settled, 3u);
  // The same again, in its turn: it follows another third record than the one that is settled.
  const StoreResult again = archive->Append(kStore, {strange});
  ASSERT_TRUE(again.conflict.has_value());
  EXPECT_EQ(again.conflict->number(), 3u);
  EXPECT_EQ(again.conflict->registry_hash(), records[2].hash);
  EXPECT_EQ(again.conflict->received_hash(), strange.previous_hash);
  EXPECT_EQ(archive->Position(kStore)->settled_through, 3u);
}

TEST(Archive, AReportThatWasStoredAheadAndComesUnderAnotherStoresNumberIsOneResult) {
  const TestFolder folder;
  const std::string path = folder / "registry.db";
  const auto archive = OpenArchive(path);
  const StoreName next{"lab-a", "bench-1", "store-2"}, elsewhere{"lab-a", "bench-2", "store-3"};
  Chain before("store-1"), after("store-2"), foreign("store-3");
  const std::vector<ReceivedRecord> records = Records(before, 4);
  ASSERT_TRUE(archive->Append(kStore, {&records[0], 1}).status.ok());
  ASSERT_THAT(archive->StoreAhead(kStore, {&records[2], 1}).ahead, SizeIs(1));
  // The bridge goes on under a new store id, and its unsettled records come anew.
  std::vector<ReceivedRecord> moved;
  for (int i = 1; i < 4; ++i) moved.push_back(Received(after.Add(records[i].payload)));
  ASSERT_TRUE(archive->Append(next, moved).status.ok());
  // Another bridge's are its own, whatever they say.
  ASSERT_TRUE(archive->Append(elsewhere, {Received(foreign.Add(records[2].payload))}).status.ok());
  const std::vector<ArchivedRecord> all = ReadAll(path);
  ASSERT_THAT(all, SizeIs(6));
  for (const ArchivedRecord& record : all) EXPECT_EQ(record.again, record.position == 4 ? 2 : 0) << record.position;
  std::ostringstream json, table;
  EXPECT_EQ(Verify(path, "", table)->findings, 0u) << table.str();
  ASSERT_TRUE(Export(path, 3, ExportForm::kJson, json).ok());
  EXPECT_THAT(json.str(), HasSubstr("\"again\":2}"));

  // The old store's stream brings one more, after the new store has it.
  ASSERT_TRUE(archive->StoreAhead(kStore, {&records[3], 1}).status.ok());
  EXPECT_EQ(ReadAll(path).back().again, 5);
}

// ---- What it remembers outside the database ----

class RestoredArchive : public ::testing::Test {
 protected:
  void Open() {
    archive_.reset();
    archive_ = OpenArchive(path_);
  }
  void Append(const StoreName& store, std::vector<ReceivedRecord> records) {
    ASSERT_TRUE(archive_->Append(store, records).status.ok());
  }
  void BackUp() {
    archive_.reset();
    std::filesystem::copy_file(path_, path_ + ".backup", std::filesystem::copy_options::overwrite_existing);
    Open();
  }
  void Restore() {
    archive_.reset();
    std::filesystem::copy_file(path_ + ".backup", path_, std::filesystem::copy_options::overwrite_existing);
    Open();
  }
  std::string Notices() { return absl::StrJoin(archive_->notices(), "\n"); }

  const TestFolder folder_;
  const std::string path_ = folder_ / "registry.db", high_ = path_ + ".high";
  const StoreName other_{"lab-a", "bench-2", "store-9"};
  std::unique_ptr<Archive> archive_;
};

TEST_F(RestoredArchive, NoticesARestoreThatNobodyAnnouncedAndSaysWhatIsMissingUntilItIsThere) {
  Open();
  EXPECT_THAT(Notices(), IsEmpty());
  Chain chain("store-1"), other("store-9");
  const std::vector<ReceivedRecord> records = Records(chain, 9);
  Append(kStore, {records.begin(), records.begin() + 5});
  BackUp();
  EXPECT_THAT(Notices(), IsEmpty()) << "a clean restart";
  const std::string epoch = archive_->epoch();
  Append(kStore, {records.begin() + 5, records.end()});
  Append(other_, Records(other, 2));
  Restore();
  EXPECT_TRUE(archive_->set_back());
  EXPECT_NE(archive_->epoch(), epoch);
  EXPECT_THAT(Notices(), AllOf(HasSubstr("bench-1, store store-1: records 6 to 9 were settled once"),
                               HasSubstr("bench-2, store store-9: records 1 to 2 were settled once"),
                               HasSubstr(absl::StrCat("new epoch ", archive_->epoch()))));
  EXPECT_EQ(archive_->Position(kStore)->settled_through, 5u);
  EXPECT_EQ(archive_->Position(kStore)->once_settled_through, 9u);
  EXPECT_EQ(archive_->Position(other_)->once_settled_through, 2u);
  std::ostringstream table;
  EXPECT_EQ(Verify(path_, "", table)->findings, 2u) << table.str();
  EXPECT_THAT(table.str(), AllOf(HasSubstr("records 6 to 9 were settled once"), HasSubstr("records 1 to 2 were")));

  // One epoch for one restore; what is missing is told until it is there again.
  const std::string second = archive_->epoch();
  Open();
  EXPECT_FALSE(archive_->set_back());
  EXPECT_EQ(archive_->epoch(), second);
  EXPECT_THAT(Notices(), AllOf(HasSubstr("records 6 to 9"), Not(HasSubstr("new epoch"))));
  Append(kStore, {records.begin() + 5, records.end()});
  Chain same("store-9");
  Append(other_, Records(same, 2));
  Open();
  EXPECT_THAT(Notices(), IsEmpty());
  EXPECT_EQ(Verify(path_, "", table)->findings, 0u);

  // Somebody says so although it was noticed: that is one more epoch, and no alarm at the next start.
  Restore();
  ASSERT_TRUE(archive_->NewEpoch().ok());
  const std::string announced = archive_->epoch();
  Open();
  EXPECT_FALSE(archive_->set_back()) << Notices();
  EXPECT_EQ(archive_->epoch(), announced);
  Append(kStore, {records.begin() + 5, records.end()});
  Chain once_more("store-9");
  Append(other_, Records(once_more, 2));

  // The same backup once more.
  Restore();
  EXPECT_TRUE(archive_->set_back());
  EXPECT_THAT(Notices(), HasSubstr("records 6 to 9"));
}

TEST_F(RestoredArchive, NoticesADatabaseOfAnotherHistory) {
  Open();
  Chain chain("store-1"), copy("store-1");
  Append(kStore, Records(chain, 4));
  BackUp();
  Append(kStore, Records(chain, 3));
  archive_.reset();
  const std::string ours = folder_ / "ours.high";
  std::filesystem::rename(high_, ours);
  Records(copy, 4);
  Restore();
  Append(kStore, {Received(copy.Add("no report"))});
  Append(kStore, Records(copy, 5));
  archive_.reset();
  std::filesystem::rename(ours, high_);
  Open();
  EXPECT_TRUE(archive_->set_back());
  EXPECT_THAT(Notices(), HasSubstr("record 7 is not the one that was settled once"));
  Open();
  EXPECT_THAT(Notices(), IsEmpty()) << "the mark is of this history now";
}

TEST_F(RestoredArchive, TakesAMissingOrSpoiledFileAsASignOfRestoringAndASpoiledSlotAsNone) {
  Open();
  for (int store = 0; store < 20; ++store) {
    const std::string id = absl::StrCat("store-", store);
    Chain chain(id);
    Append({"lab-a", "bench-1", id}, Records(chain, 1));
    Append({"lab-a", "bench-1", id}, Records(chain, 1));
  }
  archive_.reset();
  std::ifstream in(high_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  ASSERT_GE(whole.size(), 20u * 512);
  std::mt19937 random(3);
  const auto open_with = [&](const std::string& bytes) {
    archive_.reset();
    std::ofstream(high_, std::ios::binary | std::ios::trunc) << bytes;
    Open();
  };
  std::string epoch;
  for (int i = 0; i < 60; ++i) {
    std::string flipped = whole;
    std::size_t at = random() % flipped.size();
    while (flipped[at] == '\0') at = (at + 1) % flipped.size();  // not one that holds no mark
    flipped[at] = static_cast<char>(flipped[at] ^ 1 << random() % 8);
    open_with(flipped);
    if (epoch.empty()) epoch = archive_->epoch();
    ASSERT_EQ(archive_->epoch(), epoch) << Notices() << ": one flip is never an alarm";
  }
  for (const std::string& bytes : {whole.substr(0, 100), std::string(8192, '?')}) {
    open_with(bytes);
    EXPECT_TRUE(archive_->set_back());
    EXPECT_THAT(Notices(), HasSubstr("registry.db.high: missing or damaged"));
    Open();
    EXPECT_THAT(Notices(), IsEmpty());
  }
  archive_.reset();
  std::filesystem::remove(high_);
  Open();
  EXPECT_THAT(Notices(), AllOf(HasSubstr("missing or damaged"), HasSubstr("new epoch")));
  Open();
  EXPECT_THAT(Notices(), IsEmpty());
}

}  // namespace
}  // namespace dims
