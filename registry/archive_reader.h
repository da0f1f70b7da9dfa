// The archive as others see it: reading beside a running registry.
//
// What: the records in the order stored, read through a connection of its own.
// Promise: the database is opened for reading only, so nothing is written and nothing is checkpointed. A record that
//   was reported as settled is seen.
// Errors: those of database.h, as Status; a reader never ends the process.
// Threads: a reader belongs to one thread; it may be in another process than the Archive.
// Source: sqlite.org/wal.html, "Read-Only Databases".
#ifndef DIMS_REGISTRY_ARCHIVE_READER_H_
#define DIMS_REGISTRY_ARCHIVE_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "registry/archive.h"

namespace dims {

namespace archive_db {
class Database;
}

// A record as it is on disk.
struct ArchivedRecord {
  int64_t position = 0;  // counts from 1 in the order stored, without gaps, over all stores
  StoreName store;
  uint64_t number = 0;
  std::string hash;
  uint32_t schema = 0;
  std::string payload;  // empty where refused
  v1::RefusalReason refusal = v1::REFUSAL_REASON_UNSPECIFIED;
  std::string refusal_message;
  absl::Time received_at;
  int64_t again =
      0;  // the same report, under another store's number, came first, at this position; zero: it is the first
};

class ArchiveReader {
 public:
  static absl::StatusOr<std::unique_ptr<ArchiveReader>> Open(const std::string& path);
  ~ArchiveReader();

  // Records after that position, in the order stored; empty: no more now.
  absl::StatusOr<std::vector<ArchivedRecord>> Read(int64_t after, int most_records);

  // Of the record stored last; zero: there is none.
  absl::StatusOr<int64_t> LastPosition();

 private:
  absl::StatusOr<bool> HasMarks();
  explicit ArchiveReader(std::unique_ptr<archive_db::Database> database);
  std::unique_ptr<archive_db::Database> database_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_ARCHIVE_READER_H_
