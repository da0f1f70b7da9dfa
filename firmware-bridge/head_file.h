// The head file: the store's highest number and its hash, outside SQLite.
//
// What: `<store>.head`, two slots of one line of text each, written alternately; each has a sequence number and a
//   checksum over its line. It exists because SQLite, where its log is damaged, rolls back silently to the last good
//   commit and would then give the lost numbers to other records.
// Promise: when Write returns, the head is on disk; the one before it stays readable until then, whatever happens.
//   A new file appears whole or not at all.
// Errors: a failed write or fsync ends the process (disk.h).
// Threads: one at a time.
#ifndef DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_
#define DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dims::store_db {

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
    bool whole = false;     // both slots are valid
  };

  // Looks at the file; changes nothing.
  static absl::StatusOr<Found> Load(const std::string& path);
  // Opens the file that Load found, or makes a new one, and sees to it that it says `head`.
  static absl::StatusOr<std::unique_ptr<HeadFile>> Open(const std::string& path, const Found& found, const Head& head);

  HeadFile(const HeadFile&) = delete;
  HeadFile& operator=(const HeadFile&) = delete;
  ~HeadFile();

  void Write(const Head& head);

 private:
  HeadFile(std::string path, int fd, uint64_t sequence) : path_(std::move(path)), fd_(fd), sequence_(sequence) {}
  static absl::StatusOr<std::unique_ptr<HeadFile>> Create(const std::string& path, const Head& head);

  std::string path_;
  int fd_;
  uint64_t sequence_;
};

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_HEAD_FILE_H_
