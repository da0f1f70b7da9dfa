// What to do when a disk fails, and how a new file is made to last.
//
// Promise: EndAfterDiskFailure writes one line to stderr and ends the process at once with code 70, nothing flushed,
//   nothing closed: after a failed write or fsync the kernel's cache no longer agrees with the disk, and only a new
//   process that reads the disk again can tell what is there.
// Threads: any.
// Source: fsync(2), and "Can Applications Recover from fsync Failures?" (USENIX ATC 2020).
#ifndef DIMS_FIRMWARE_BRIDGE_DISK_H_
#define DIMS_FIRMWARE_BRIDGE_DISK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dims {

inline constexpr int kDiskFailureExit = 70;  // EX_SOFTWARE; the unit file names it

[[noreturn]] void EndAfterDiskFailure(absl::string_view file, absl::string_view cause);

// Makes a created or renamed entry of the file's folder last.
absl::Status SyncFolderOf(const std::string& file);

// Bytes of a file; 0 where there is none.
uint64_t FileBytes(const std::string& file);

// Bytes that this user may still write on the disk of a file (that need not be there); the highest number where it
// cannot be told.
uint64_t DiskFreeBytes(const std::string& file);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_DISK_H_
