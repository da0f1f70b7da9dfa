// The head file: the store's highest number and its hash, outside SQLite, and how many batches it took.
//
// What: `<store>.head`, two slots of one line of text each, written alternately; each has a sequence number and a
//   checksum over its line. It exists because SQLite, where its log is damaged, rolls back silently to the last good
//   commit and would then give the lost numbers to other records. A third slot holds the count of commits: only that
//   tells of lost intake of which no record was made yet.
// Promise: when Write returns, the head is on disk; the one before it stays readable until then, whatever happens.
//   A new file appears whole or not at all. Note gives the count to the kernel, which costs no flush: it outlives the
//   process, and a power cut once the kernel has written it by itself or Write came after it. It is never ahead of what
//   is on disk.
// Errors: a failed write or fsync ends the process (disk.h).
// Threads: one at a time.
#ifndef DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_
#define DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dims::store_db {

// A store had taken so many batches when `store_id` was current.
struct CommitCount {
  std::string store_id;
  uint64_t commits = 0;
};

struct Head {
  std::string store_id;
  uint64_t number = 0;
  std::string hash;  // 32 bytes

  bool operator==(const Head&) const = default;
};

class HeadFile {
 public:
  enum class State { kMissing, kDamaged, kValid };
  struct Found {
    State state = State::kMissing;
    Head head;              // of the valid slot with the highest sequence
    uint64_t sequence = 0;  // its sequence
    bool whole = false;     // both slots are valid, and there is room for the third
    bool damaged = false;   // a slot of the two is not what was written
    std::optional<CommitCount> count;
  };

  // Looks at the file; changes nothing.
  static absl::StatusOr<Found> Load(const std::string& path);
  // Opens the file that Load found, or makes a new one, and sees to it that it says `head`.
  static absl::StatusOr<std::unique_ptr<HeadFile>> Open(const std::string& path, const Found& found, const Head& head);

  HeadFile(const HeadFile&) = delete;
  HeadFile& operator=(const HeadFile&) = delete;
  ~HeadFile();

  void Write(const Head& head);
  void Note(const CommitCount& count);

 private:
  HeadFile(std::string path, int fd, uint64_t sequence) : path_(std::move(path)), fd_(fd), sequence_(sequence) {}
  static absl::StatusOr<std::unique_ptr<HeadFile>> Create(const std::string& path, const Head& head);

  std::string path_;
  int fd_;
  uint64_t sequence_;
};

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_
