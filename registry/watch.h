// `dims-registry watch`: the latest findings, live.
//
// What: follows the archive of a running registry. On a terminal, a page that is drawn anew whenever records come or
//   the window changes; anywhere else, one line for each row, appended.
// Promise: the registry is never held up: the database is read through an ArchiveReader, a few records at a time. The
//   terminal is as it was when this ends, by whatever signal that can be caught, and while it is suspended.
// Units: looks every 250 ms. Keeps kMostRows rows for the page; begins with those of the latest records.
// Errors: those of ArchiveReader. Unavailable, for a while, is not one of them: it looks again.
// Threads: one; it takes SIGINT, SIGTERM, SIGHUP, SIGTSTP and SIGWINCH of the process while it runs.
// Source: ECMA-48; xterm control sequences (1049, 25); tty_ioctl(4), TIOCGWINSZ.
#ifndef DIMS_REGISTRY_WATCH_H_
#define DIMS_REGISTRY_WATCH_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"

namespace dims {

inline constexpr std::size_t kMostRows = 500;

// Writes to standard output until it is told to end.
absl::Status Watch(const std::string& database);

}  // namespace dims

#endif  // DIMS_REGISTRY_WATCH_H_
