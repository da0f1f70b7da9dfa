// Printed numbers, exactly.
//
// What: a decimal number as digits and a scale, for checking what a report says against itself.
// Promise: no binary floating point; Parse takes nothing but a number, and a value that it takes is exact.
// Errors: nullopt for anything that is not a plain decimal of at most 18 digits from the first that is not 0 ("1.2.3",
//   "<5", "", "12 ").
// Threads: values.
#ifndef DIMS_DRIVERS_DECIMAL_H_
#define DIMS_DRIVERS_DECIMAL_H_

#include <optional>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

namespace dims {

struct Decimal {
  absl::int128 units = 0;  // the number times 10^scale
  int scale = 0;           // digits after the point

  // "12", "-0.35", "+7.", ".5"; a comma is read as the point.
  static std::optional<Decimal> Parse(absl::string_view text);
};

// A printed number of any length, perhaps with an exponent: "-0.35", "12", "2.815340e+004", "7,41".
bool IsNumber(absl::string_view text);
// Such a number whose digits are all 0.
bool IsZero(absl::string_view text);

// Digits only, at least one.
bool IsDigits(absl::string_view text);

// "12.345" has exactly `places` digits after its point (or comma), and at least one before.
bool IsFixed(absl::string_view text, int places);

}  // namespace dims

#endif  // DIMS_DRIVERS_DECIMAL_H_
