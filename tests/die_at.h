// A process that dies at its n-th step: before an SQL statement begins, and before a file is renamed, removed or
// synced.
//
// A test program that is linked with die_at.cc has these functions of the C library replaced.
#ifndef DIMS_TESTS_DIE_AT_H_
#define DIMS_TESTS_DIE_AT_H_

#include <sqlite3.h>
#include <sys/types.h>
#include <unistd.h>

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

#endif  // DIMS_TESTS_DIE_AT_H_
