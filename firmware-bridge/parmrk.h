// The bytes of a line on which the kernel marks what arrived damaged.
//
// What: undoes termios' PARMRK: 0xFF 0xFF is the byte 0xFF; 0xFF 0x00 c is the byte c with a parity or framing error;
//   0xFF 0x00 0x00 is a break, which cannot be told from a NUL with an error.
// Promise: how the stream is cut into reads changes nothing. Bytes that no kernel writes (0xFF before anything else)
//   come out as they are: nothing is dropped.
// Units: a mark's offset counts from the beginning of `out`.
// Threads: one at a time.
// Source: POSIX.1-2017, XBD 11.2.2; Linux termios(3), n_tty.c.
#ifndef DIMS_FIRMWARE_BRIDGE_PARMRK_H_
#define DIMS_FIRMWARE_BRIDGE_PARMRK_H_

#include "absl/strings/string_view.h"
#include "firmware-bridge/port.h"

namespace dims {

class ParmrkDecoder {
 public:
  void Decode(absl::string_view raw, Received& out);

 private:
  enum class State { kData, kEscape, kMarked } state_ = State::kData;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PARMRK_H_
