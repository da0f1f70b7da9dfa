// Room that is held on the disk, to be given back when the disk is full.
//
// What: a file of a fixed size whose blocks are allocated. SQLite can neither delete nor move its log on a full disk;
//   with the ballast's room it can do both.
// Promise: it is there whole, or not at all.
// Errors: what fails is no reason to stop; Make says why there is no ballast.
// Threads: one at a time.
// Source: posix_fallocate(3), statvfs(3).
#ifndef DIMS_FIRMWARE_BRIDGE_BALLAST_H_
#define DIMS_FIRMWARE_BRIDGE_BALLAST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace dims::store_db {

class Ballast {
 public:
  // Looks whether it is there; changes nothing. No bytes: none is wanted.
  Ballast(std::string path, uint64_t bytes);

  bool there() const { return there_; }
  uint64_t bytes() const { return bytes_; }
  // Makes it where it is wanted, not there, and the disk has room for it twice. ResourceExhausted where it has not.
  absl::Status Make();
  // Gives its room back to the disk. False if there was nothing to give.
  bool Give();

 private:
  const std::string path_;
  const uint64_t bytes_;
  bool there_;
};

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_BALLAST_H_
