// Whether a line is set as its instrument is, judged from what was read.
//
// What: looks at bytes that were read with 8 data bits and no parity, and at the errors that the hardware marked in
//   them. With 7 data bits and a parity bit, the text stands in the lower seven bits, and the eighth makes every byte
//   even, or odd, or is always set; at a wrong speed there are bytes that no text has, and stop bits that are none.
// Promise: what can be told from the bytes is told without another setting of the line, and nothing beyond it: binary
//   data cannot be told from a wrong speed where nothing was marked.
// Threads: pure.
#ifndef DIMS_FIRMWARE_BRIDGE_LINE_CHECK_H_
#define DIMS_FIRMWARE_BRIDGE_LINE_CHECK_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/driver.h"
#include "drivers/line_mark.h"

namespace dims {

enum class LineCheck {
  kSilent,       // nothing was read
  kText,         // it is text as it is
  kSevenEven,    // 7E1
  kSevenOdd,     // 7O1
  kSevenMark,    // 7 bits, then one that is always set: a parity bit "mark", or a second stop bit
  kEightParity,  // text, but stop bits are missing: 8E1 or 8O1
  kWrongSpeed,   // stop bits are missing, and it is no text
  kNoText,       // a wrong speed, or binary data
};

LineCheck CheckLine(absl::string_view bytes, absl::Span<const LineMark> marks);

// "7 data bits, even parity", for people.
absl::string_view Describe(LineCheck check);

// For one of the three with seven bits: the text, and the line as it is to be set.
std::string SevenBits(absl::string_view bytes);
Line SetTo(LineCheck check, Line line);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_LINE_CHECK_H_
