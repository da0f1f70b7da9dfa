// The average that stands below a column, held against the column.
//
// What: what the cells of a column add up to, and whether a printed average can be theirs.
// Promise: no binary floating point. What the rounding of the printed digits can explain is no disagreement; what
//   cannot be compared here (an exponent, more than six digits after the point) is none either.
// Notes: cells without a number do not count. Whether zeros do is not known: either is taken.
// Errors: none.
// Threads: values.
#ifndef DIMS_DRIVERS_SHIMADZU_AVERAGE_H_
#define DIMS_DRIVERS_SHIMADZU_AVERAGE_H_

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

namespace dims::shimadzu {

class Average {
 public:
  enum class Verdict { kNotKnown, kAgrees, kDisagrees };

  void Add(absl::string_view cell);
  Verdict Check(absl::string_view printed) const;

 private:
  absl::int128 sum_ = 0, unit_ = 0;  // in millionths; unit_: of the last digit, where that is largest
  int count_ = 0, zeros_ = 0;
  bool comparable_ = true;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_AVERAGE_H_
