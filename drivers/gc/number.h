// Printed numbers that may have an exponent, and what rounding leaves of their sums.
//
// What: "812.44190", "8.32147e4", "4.13070e-1" as exact decimals; sums of them, held against a printed total or
//   percentage.
// Promise: no binary floating point. A disagreement that the rounding of the printed digits can explain is none; where
//   the numbers are too far apart in size to be compared here, nothing is said against them.
// Units: those of the numbers.
// Errors: nullopt for what is not exactly one number.
// Threads: values.
#ifndef DIMS_DRIVERS_GC_NUMBER_H_
#define DIMS_DRIVERS_GC_NUMBER_H_

#include <optional>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

namespace dims::gc {

// units * 10^-scale, rounded to whole units; the scale is negative where the last printed digit stands for tens or
// more.
struct Number {
  absl::int128 units = 0;
  int scale = 0;

  static std::optional<Number> Parse(absl::string_view text);
};

class Sum {
 public:
  void Add(const Number& number);
  // Whether `total` can be the rounded sum of what the added numbers were before they were rounded.
  bool CanBe(const Number& total) const;
  // What the printed numbers add up to; less exact than they are, where they are very small.
  Number AsNumber() const;
  // The same, for a person, with at most so many digits after the point.
  std::string Text(int places) const;
  int count() const { return count_; }

 private:
  absl::int128 sum_ = 0, slack_ = 0;  // in units of 10^-kPlaces; slack_ is twice what rounding may have moved sum_ by
  bool comparable_ = true;
  int count_ = 0;
};

// False, too, where they are too far apart in size to be compared here.
bool IsLess(const Number& a, const Number& b);

// Whether `percent` can be 100 * part / whole, each of them rounded.
bool CanBePercent(const Number& percent, const Number& part, const Number& whole);

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_NUMBER_H_
