// Tables whose commas may be points: programs write "100,5 0,123" under a language that does.
//
// What: a table that reads its lines both ways, and goes on with the way that has less against it.
// Promise: nothing is guessed. Against a way of reading speak the problems that the table has then; an announced first
//   or last x that it does not have, but has by the other; points, or decimal commas, of other numbers. Where this is
//   even, the table has no points, and a problem says so.
// Units: at most 64 KiB of lines wait to be understood; so many are enough.
// Errors: UNEXPECTED_LINE at the first line that can be read in two ways.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_JCAMP_COMMAS_H_
#define DIMS_DRIVERS_JCAMP_COMMAS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {

class CommaTable {
 public:
  CommaTable(std::unique_ptr<Table> table, const Axes& axes) : axes_(axes), table_(std::move(table)) {}

  // As those of a Table.
  void Take(absl::string_view line, uint64_t at, OpenReport& out) {
    if (commas_ == kSeparate || (has_lines_ && waiting_.empty() && table_ && !HasComma(line))) {
      table_->Take(line, at, out);
    } else {
      TakeUnknown(line, at, out);
    }
  }
  Points Finish(uint64_t at, OpenReport& out);

 private:
  static constexpr uint64_t kEach = 0x0101010101010101;
  struct Start {
    std::size_t in_waiting;
    uint64_t at;
  };

  void TakeUnknown(absl::string_view line, uint64_t at, OpenReport& out);
  // Reads both ways what waits. `points`: of the whole table, where it has ended before `at`.
  void Decide(Points* points, uint64_t at, OpenReport& out);
  // Most lines have none.
  static bool HasComma(absl::string_view line) {
    const char* at = line.data();
    const char* const end = at + line.size();
    for (; end - at >= 8; at += 8) {
      uint64_t eight;
      std::memcpy(&eight, at, 8);
      eight ^= kEach * ',';  // a comma is a zero byte now (Warren, Hacker's Delight, 6-1)
      if (((eight - kEach) & ~eight & (kEach << 7)) != 0) return true;
    }
    for (; at < end; ++at) {
      if (*at == ',') return true;
    }
    return false;
  }

  bool EndsAsSaid(const Points& points) const;

  const Axes axes_;
  std::unique_ptr<Table> table_;  // none where nothing says how to read it
  enum { kUnknown, kSeparate, kArePoints, kAreBoth } commas_ = kUnknown;
  bool has_lines_ = false;
  bool has_points_ = false;  // in the first, or one with commas
  std::string waiting_;      // the first line that can be read in two ways, and all since
  std::vector<Start> starts_;
  int against_points_ = 0, against_separators_ = 0;
};

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_COMMAS_H_
