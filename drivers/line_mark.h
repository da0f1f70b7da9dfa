// An error the line's hardware reported at one byte.
//
// Units: offset in bytes from the beginning of the read it belongs to.
#ifndef DIMS_DRIVERS_LINE_MARK_H_
#define DIMS_DRIVERS_LINE_MARK_H_

#include <cstddef>

namespace dims {

struct LineMark {
  enum Kind : char { kParityOrFraming = 1, kBreak = 2, kOverrun = 4 } kind;
  std::size_t offset;

  friend bool operator==(const LineMark&, const LineMark&) = default;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_LINE_MARK_H_
