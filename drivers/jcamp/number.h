// Numbers of a table, fast and exact.
//
// What: the AFFN form: a sign, digits with a point, an exponent; and what one unit of the last digit is worth.
// Promise: the double nearest to what is written, whatever its length. "E" is a digit of the SQZ form, so that it
//   begins an exponent only before a sign and a digit (Exponent::kSigned); where there is no SQZ, also before a digit,
//   and "D" does as well (kAny).
// Errors: a null pointer, or nullopt, where no number stands.
// Threads: pure functions.
// Source: JCAMP-DX 4.24, 4.5 (AFFN). Goldberg, "What every computer scientist should know about floating-point
//   arithmetic" (1991): the quotient or product of two exact doubles is rounded once.
#ifndef DIMS_DRIVERS_JCAMP_NUMBER_H_
#define DIMS_DRIVERS_JCAMP_NUMBER_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dims::jcamp {

enum class Exponent { kSigned, kAny };

struct Number {
  double value = 0;
  int last_digit = 0;  // the power of ten of its last digit: -2 for "0.25"
};

inline bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// 10^0 to 10^22: those that a double has exactly.
inline constexpr int kMostExactPower = 22;
inline constexpr double kPowersOfTen[kMostExactPower + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                             1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                             1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// As ReadNumber, for what it leaves.
const char* ReadLongNumber(const char* at, const char* end, Exponent exponent, Number& number);

// Reads the number that begins at `at`; returns where it ends.
inline const char* ReadNumber(const char* at, const char* end, Exponent exponent, Number& number) {
  constexpr int kMostDigits = 15;  // are exact
  const char* next = at;
  const bool negative = next < end && *next == '-';
  if (negative || (next < end && *next == '+')) ++next;
  const char* const digits = next;
  uint64_t units = 0;  // too many digits may go around; they are read again
  while (next < end && IsDigit(*next)) units = units * 10 + static_cast<uint64_t>(*next++ - '0');
  const char* const point = next;
  if (next < end && *next == '.') {
    ++next;
    while (next < end && IsDigit(*next)) units = units * 10 + static_cast<uint64_t>(*next++ - '0');
  }
  const auto places = next == point ? 0 : next - point - 1;
  if (point - digits + places == 0 || next - digits > kMostDigits || (next < end && (*next | 0x21) == 'e')) {  // or 'd'
    return ReadLongNumber(at, end, exponent, number);
  }
  double value = static_cast<double>(static_cast<int64_t>(units));
  if (places > 0) value /= kPowersOfTen[places];
  number.value = negative ? -value : value;
  number.last_digit = -static_cast<int>(places);
  return next;
}

// Where a number ends, and what it is; comes back in registers.
struct Digits {
  const char* end;
  double value;
};

// As ReadDigits, for what it leaves.
Digits ReadLongDigits(const char* at, const char* end, int digit);

// Reads a number without sign whose leading digit, `digit`, stands at `at` in whatever form.
inline Digits ReadDigits(const char* at, const char* end, int digit) {
  constexpr int kMostDigits = 18;             // fit in 63 bits
  auto units = static_cast<uint64_t>(digit);  // too many digits may go around; they are read again
  const char* next = at + 1;
  while (next < end && IsDigit(*next)) units = units * 10 + static_cast<uint64_t>(*next++ - '0');
  const bool may_go_on =
      next < end && (*next == '.' || ((*next | 0x20) == 'e' && next + 1 < end && (next[1] == '+' || next[1] == '-')));
  if (may_go_on || next - at > kMostDigits) return ReadLongDigits(at, end, digit);
  return {next, static_cast<double>(static_cast<int64_t>(units))};
}

// A number with nothing around it; a comma is read as the point.
std::optional<Number> ParseNumber(absl::string_view text);

// For a message.
std::string Printed(double value);

// The line with a point for each comma that may be one: between two digits, and the first in its number.
std::string WithPoints(absl::string_view line);
bool HasDecimalComma(absl::string_view line);

// What one unit of the last digit is worth.
inline double Resolution(const Number& number) {
  if (number.last_digit > 0) return kPowersOfTen[std::min(number.last_digit, kMostExactPower)];
  return 1 / kPowersOfTen[std::min(-number.last_digit, kMostExactPower)];
}

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_NUMBER_H_
