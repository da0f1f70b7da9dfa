// What the tests of the store share: a folder of their own, batches with known contents, and children that may die.
#ifndef DIMS_TESTS_STORE_FIXTURE_H_
#define DIMS_TESTS_STORE_FIXTURE_H_

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/store.h"
#include "proto/hash.h"

namespace dims {

class StoreFolder {
 public:
  // In memory where there is such a place, so that thousands of commits take seconds: a process that dies loses nothing
  // there, either.
  explicit StoreFolder(bool on_disk = false) {
    const bool memory = !on_disk && access("/dev/shm", W_OK) == 0;
    std::string name = (memory ? "/dev/shm" : testing::TempDir()) + "/dims-store-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~StoreFolder() { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/store.db"; }
  std::string file(const std::string& suffix) const { return path() + suffix; }
  const std::string& folder() const { return folder_; }

  // The store's files as they are now: what a crash at this moment would leave.
  void CopyTo(const StoreFolder& other) const {
    for (const char* suffix : {"", "-wal", ".head"}) {
      std::filesystem::remove(other.file(suffix));
      if (std::filesystem::exists(file(suffix))) std::filesystem::copy_file(file(suffix), other.file(suffix));
    }
  }

 private:
  std::string folder_;
};

inline std::string ReadWhole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline void WriteWhole(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline StoreOptions OptionsFor(const StoreFolder& folder) {
  StoreOptions options;
  options.path = folder.path();
  options.laboratory = "lab-1";
  options.bridge = "bridge-1";
  return options;
}

inline std::unique_ptr<Store> MustOpen(const StoreOptions& options) {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

// Contents that follow from a number alone, 1 to about 1,500 bytes.
inline std::string PayloadOf(uint64_t number) {
  const std::string seed = Sha256::Of(std::to_string(number));
  const std::size_t size = 1 + (static_cast<unsigned char>(seed[0]) * 256 + static_cast<unsigned char>(seed[1])) % 1500;
  std::string payload;
  while (payload.size() < size) payload += seed;
  payload.resize(size);
  return payload;
}

inline Batch BatchOf(std::vector<std::string> payloads, const std::string& instrument = "gcms-1") {
  Batch batch;
  batch.sessions.push_back({instrument, {}, 0, std::move(payloads)});
  return batch;
}

// Records numbered from `first` on in a store that holds only these.
inline Batch NumberedBatch(uint64_t first, int count) {
  std::vector<std::string> payloads;
  for (int i = 0; i < count; ++i) payloads.push_back(PayloadOf(first + i));
  return BatchOf(std::move(payloads));
}

// Everything after `after`, or the first error.
inline absl::StatusOr<std::vector<StoredRecord>> ReadAll(Store& store, int64_t generation, uint64_t after = 0) {
  std::vector<StoredRecord> all;
  while (true) {
    absl::StatusOr<std::vector<StoredRecord>> some = store.Read(generation, after, 64, 64 * 1024);
    if (!some.ok()) return some.status();
    if (some->empty()) return all;
    for (StoredRecord& record : *some) all.push_back(std::move(record));
    after = all.back().number;
  }
}

// The test's own check of a chain, from its first record on.
inline void ExpectChained(const std::string& store_id, const std::vector<StoredRecord>& records) {
  std::string previous = FirstPreviousHash(store_id);
  uint64_t number = 0;
  for (const StoredRecord& record : records) {
    ASSERT_EQ(record.number, ++number);
    ASSERT_EQ(record.previous_hash, previous) << "record " << number;
    ASSERT_EQ(record.hash, RecordHash(previous, number, record.schema, record.payload)) << "record " << number;
    previous = record.hash;
  }
}

inline dims::v1::Report ToReport(const StoredRecord& record) {
  dims::v1::Report report;
  EXPECT_TRUE(report.ParseFromString(record.payload));
  return report;
}

// Entries as words, to compare.
inline std::vector<std::string> Told(const std::vector<IntakeEntry>& entries) {
  std::vector<std::string> told;
  for (const IntakeEntry& entry : entries) {
    const char* kinds[] = {"in", "out", "timer", "opened", "closed"};
    told.push_back(absl::StrCat(kinds[static_cast<int>(entry.kind)], " ", entry.offset, " ", entry.bytes));
  }
  return told;
}

// Runs in a process of its own that ends without closing anything. Its exit code, or minus the signal that ended it.
inline int InChild(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int state = 0;
  EXPECT_EQ(waitpid(child, &state, 0), child);
  return WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
}

// Changes a closed store behind its back.
inline void ExecuteOn(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

}  // namespace dims

#endif  // DIMS_TESTS_STORE_FIXTURE_H_
