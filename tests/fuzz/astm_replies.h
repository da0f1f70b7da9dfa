// What a sender of ASTM E1381 may hear, judged from the bytes on the line alone.
//
// What: for each reply, whether something in the stream asks for it: an ENQ, or a frame; and for an ACK, whether that
//   frame's checksum is right.
// Promise: written from the standard and independent of the driver; it knows no state but where the replies stood.
// Units: positions in the stream.
// Threads: one.
// Source: ASTM E1381-95, 6.2 to 6.5.
#ifndef DIMS_TESTS_FUZZ_ASTM_REPLIES_H_
#define DIMS_TESTS_FUZZ_ASTM_REPLIES_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"

namespace dims {

class AstmReplies {
 public:
  // `from`: where the line came up.
  explicit AstmReplies(std::size_t from) : from_(from), heard_(from), before_last_(from), last_(from) {}

  // A reply was given when the stream had come to `fed`. Returns what is wrong with that; empty if nothing is. What an
  // ACK is for can be told only where the line is read byte by byte.
  std::string Check(const Reply& reply, absl::string_view stream, std::size_t fed, bool byte_by_byte);

 private:
  std::size_t from_, heard_;  // what was looked at begins and ends there
  std::size_t enquiries_ = 0, frames_ = 0, replies_ = 0;
  std::size_t before_last_, last_;  // where the last replies were given
};

}  // namespace dims

#endif  // DIMS_TESTS_FUZZ_ASTM_REPLIES_H_
