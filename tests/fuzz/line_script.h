// What happens on one line, as bytes that a fuzzer can change.
//
// What: a driver, its options, what happens besides bytes (cuts, line errors, timers, quiet, closing, orders) and
// where, then
//   the stream. 34 bytes of header, then the stream as it is, so that a change in one moves nothing in the other.
// Promise: any bytes are a script; ReadLineScript(WriteLineScript(s)) is s, for what the header can hold (and, with
//   right_checksums, where they are).
// Threads: pure functions.
#ifndef DIMS_TESTS_FUZZ_LINE_SCRIPT_H_
#define DIMS_TESTS_FUZZ_LINE_SCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"

namespace dims {

struct Happening {
  enum Kind : uint8_t {
    kNothing,
    kCut,        // the reads are cut here
    kLineError,  // `marks` (LineMark::Kind, or several) at the byte here
    kTimer,      // the timer that is due next runs out
    kQuiet,      // nothing has come for a while
    kReopen,     // the line closes, and comes up again
    kOrder,      // the driver's first order is given, where it has one
  };
  Kind kind = kNothing;
  uint8_t marks = 0;  // 1 to 7
  std::size_t at = 0;
};

struct LineScript {
  static constexpr std::size_t kHappenings = 8;  // at most
  static constexpr std::size_t kOptions = 8;     // the first rows of a driver's table
  static constexpr std::size_t kHeader = 2 + kOptions + 3 * kHappenings;

  const Driver* driver = nullptr;
  std::vector<std::pair<std::string, std::string>> options;  // those that are not as the table has them
  Ending ending = Ending::kEndOfInput;
  // The stream's ASTM frames were given the checksums that are theirs, so that changed text is more than damage.
  bool right_checksums = false;
  std::vector<Happening> happenings;  // by place
  std::string stream;
};

LineScript ReadLineScript(absl::string_view bytes);

// Options and happenings that the header has no room for are left out.
std::string WriteLineScript(const LineScript& script);

}  // namespace dims

#endif  // DIMS_TESTS_FUZZ_LINE_SCRIPT_H_
