// What to do when a disk fails, and how a new file is made to last.
//
// Promise: EndAfterDiskFailure writes one line to stderr and ends the process at once with code 70, nothing flushed,
//   nothing closed: after a failed write or fsync the kernel's cache no longer agrees with the disk, and only a new
//   process that reads the disk again can tell what is there. Before that it tries to note when it happened, and after
//   corruption that the file is not to be trusted: where the disk takes not even that, the next start knows less, and
//   nothing else depends on it.
// Threads: any.
// Source: fsync(2), and "Can Applications Recover from fsync Failures?" (USENIX ATC 2020).
#ifndef DIMS_FIRMWARE_BRIDGE_DISK_H_
#define DIMS_FIRMWARE_BRIDGE_DISK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

inline constexpr int kDiskFailureExit = 70;  // EX_SOFTWARE; the unit file names it

// `file`: a store's, or one beside it: the failure is noted in <store>.failures.
[[noreturn]] void EndAfterDiskFailure(absl::string_view file, absl::string_view cause);

// What the cause begins with where a read failed.
inline constexpr char kUnreadable[] = "it cannot be read: ";

struct DiskFailure {
  absl::Time at;  // of the wall clock
  std::string cause;
};
// The latest failures that were noted of a store, at most 16, oldest first.
std::vector<DiskFailure> NotedFailures(const std::string& store);
void ForgetFailures(const std::string& store);

// Leaves a file of one line, and tries to make it last.
void LeaveMark(const std::string& file, absl::string_view cause);

// Leaves <store>.suspect: SQLite met damage while it was running.
void MarkSuspect(const std::string& store, absl::string_view cause);

bool FileExists(const std::string& file);

// Whether its folder is on a file system that is mounted read-only.
bool IsOnReadOnlyDisk(const std::string& file);

// Makes a created or renamed entry of the file's folder last.
absl::Status SyncFolderOf(const std::string& file);

// Bytes of a file; 0 where there is none.
uint64_t FileBytes(const std::string& file);

// Bytes that this user may still write on the disk of a file (that need not be there); the highest number where it
// cannot be told.
uint64_t DiskFreeBytes(const std::string& file);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_DISK_H_
