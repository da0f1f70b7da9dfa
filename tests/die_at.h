// A process that dies at its n-th step: before an SQL statement begins, and before a file is renamed, removed or
// synced.
//
// Include it in one file of a test program only: it stands in for the C library's functions.
#ifndef DIMS_TESTS_DIE_AT_H_
#define DIMS_TESTS_DIE_AT_H_

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "tests/store_fixture.h"

namespace dims {

inline constexpr int kDied = 99;
inline int steps_left = -1;      // below 0: it lives on
inline off64_t unreadable = -1;  // the byte that cannot be read; below 0: none
inline ino_t unreadable_in = 0;  // the file that holds it

inline void Step() {
  if (steps_left >= 0 && steps_left-- == 0) _exit(kDied);
}

inline int TraceSteps(sqlite3* connection, const char**, const void*) {
  const auto step = [](unsigned, void*, void*, void*) {
    Step();
    return 0;
  };
  return sqlite3_trace_v2(connection, SQLITE_TRACE_STMT, step, nullptr);
}

// Runs `body` in a process that dies at its step `step` (from 0). Its exit code: kDied, or that of `body`.
inline int InChildThatDiesAt(int step, const std::function<int()>& body) {
  return InChild([&] {
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(&TraceSteps));
    steps_left = step;
    return body();
  });
}

}  // namespace dims

extern "C" {
int rename(const char* from, const char* to) {
  dims::Step();
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) {
  dims::Step();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
ssize_t pread64(int fd, void* bytes, size_t size, off64_t at) {
  struct stat file;
  if (dims::unreadable >= 0 && at <= dims::unreadable && dims::unreadable < at + static_cast<off64_t>(size) &&
      fstat(fd, &file) == 0 && file.st_ino == dims::unreadable_in) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, fd, bytes, size, at);
}
ssize_t pread(int fd, void* bytes, size_t size, off_t at) { return pread64(fd, bytes, size, at); }
int fsync(int fd) {
  dims::Step();
  return static_cast<int>(syscall(SYS_fsync, fd));
}
}

#endif  // DIMS_TESTS_DIE_AT_H_
