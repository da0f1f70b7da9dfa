// The frames of ASTM E1381 / CLSI LIS01-A, as they stand in a stream of bytes.
//
// What: the FrameScan of the astm driver, which tells a stream's parts apart, and the reading of one frame.
//   A part is one control character (ENQ, EOT, ACK, NAK), one frame without its line end (STX FN text ETB/ETX C1 C2),
//   or a stretch of other bytes up to a line end, which is included. A frame's line end is a part of its own: some
//   makers leave it out, and the answer must not wait for what never comes.
// Promise: the same parts however the stream is cut; linear work; no part is longer than kMostAstmFrame.
// Notes: STX, ENQ or EOT inside a frame's text are forbidden by the standard and end the frame. So does a line feed
//   that follows what was an end before one bit of it changed: waiting longer would only cost the sender's 15 s.
// Units: bytes.
// Threads: pure functions.
// Source: ASTM E1381-95, 6.3 and 6.5.1; CLSI LIS01-A2, 6.3.
#ifndef DIMS_DRIVERS_ASTM_LINK_H_
#define DIMS_DRIVERS_ASTM_LINK_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"

namespace dims {

inline constexpr char kStx = 0x02, kEtx = 0x03, kEot = 0x04, kEnq = 0x05, kAck = 0x06, kNak = 0x15, kEtb = 0x17;

// LIS01's longest frame, overhead included. E1381-95 has 247; nothing is lost by taking more.
inline constexpr std::size_t kMostAstmFrame = 64000;

Scan ScanAstm(absl::string_view waiting, std::size_t seen);

struct AstmFrame {
  enum class Sum { kRight, kLowerCase, kWrong, kMissing };
  int number = -1;         // FN; -1 where it is none of 0 to 7
  absl::string_view text;  // what stands between FN and ETB or ETX
  bool ended = false;      // ETB or ETX is there
  bool last = false;       // it is ETX
  Sum sum = Sum::kMissing;
  bool forbidden = false;  // a control character in the text that the standard forbids there (line feeds aside)
};

// `bytes` begin with STX.
AstmFrame ReadAstmFrame(absl::string_view bytes);

// Whether `text` begins with a record of E1394: one of its letters, and a field delimiter or nothing.
bool IsAstmRecord(absl::string_view text);

}  // namespace dims

#endif  // DIMS_DRIVERS_ASTM_LINK_H_
