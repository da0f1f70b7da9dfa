// What `dims-registry watch` shows.
//
// What: records as rows, one for each finding, and rows as a page of text that fits a terminal.
// Promise: nothing in a row can steer the terminal, whatever an instrument printed. A page has exactly `height` lines
//   of at most `width` columns; columns align; the newest row is the last. Where it is narrow, long texts are cut first
//   and whole columns go last. Amounts are as printed.
// Units: columns and lines of a terminal.
// Errors: none; a record that cannot be read is a row that says so.
// Threads: pure functions.
#ifndef DIMS_REGISTRY_WATCH_TABLE_H_
#define DIMS_REGISTRY_WATCH_TABLE_H_

#include <array>
#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "registry/archive_reader.h"

namespace dims {

enum WatchColumn {
  kWatchTime,
  kWatchLaboratory,
  kWatchBridge,
  kWatchInstrument,
  kWatchSample,
  kWatchCompound,
  kWatchCas,
  kWatchAmount,
  kWatchMarks,  // problems, PRELIMINARY, repeats: all that a plain result does not have
  kWatchColumns
};

struct WatchRow {
  int64_t position = 0;  // of its record
  std::array<std::string, kWatchColumns> cells;
};

std::vector<WatchRow> WatchRowsOf(const ArchivedRecord& record, absl::TimeZone zone);

// A line of the plain form, and its header; columns of a fixed width, nothing is cut.
std::string WatchHeader();
std::string WatchLine(const WatchRow& row);

// The page: a header, the latest rows that fit, the footer. What a row has in common with its record's row above is
// left out. Lines are separated by '\n'; each is filled to `width`.
std::string WatchPage(const std::deque<WatchRow>& rows, absl::string_view footer, std::size_t width,
                      std::size_t height);

}  // namespace dims

#endif  // DIMS_REGISTRY_WATCH_TABLE_H_
