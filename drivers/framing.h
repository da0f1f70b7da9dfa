// Where a line of text ends, in a stream of any of the encodings that instruments print in.
//
// What: FrameScans for text. A frame is one line with its line end (CR LF, LF, or, in 8-bit text, CR
//   alone), or one form feed.
// Promise: the same frames however the stream is cut; linear work; no bytes are changed.
// Notes: UTF-16 lines are recognised by a byte order mark or by their zero bytes, line by line, so a stream may hold
//   reports of several encodings. A CR at the end of the bytes waits for its successor; should none come, it has ended
//   the line.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_FRAMING_H_
#define DIMS_DRIVERS_FRAMING_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"

namespace dims {

// Width and byte order of a line's characters, judged from its first bytes.
enum class Width { kEightBit, kUtf16Le, kUtf16Be };
Width JudgeWidth(absl::string_view head);

Scan ScanLine(absl::string_view waiting, std::size_t seen);

}  // namespace dims

#endif  // DIMS_DRIVERS_FRAMING_H_
