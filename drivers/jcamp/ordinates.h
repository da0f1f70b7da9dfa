// The ordinates of a line, in any of the standard's forms, told apart by their first character:
//
//   AFFN, PAC  + - 0-9 .        a value; a sign also separates it from the one before
//   SQZ        @ A-I a-i        a value whose first digit and sign are one letter: 0, 1 to 9, -1 to -9
//   DIF        % J-R j-r        a difference to the value before, its first digit and sign likewise
//   DUP        S-Z s            how often the ordinate before occurs in all, 1 to 9 likewise: the same value again, or
//                               the same difference
//   ?, NaN                      there is no value: NaN
//
// A letter directly behind a value of AFFN form is none of these, but begins its exponent ("1.5E7", "0.15D+03").
//
// What: appends what a line says to the samples of its table.
// Promise: sums of integers are exact. No more points than are asked for, whatever a DUP says.
// Errors: reading stops at the first character that is none of an ordinate.
// Threads: one at a time.
// Source: JCAMP-DX 4.24, 4.5 and 5.8 to 5.10.
#ifndef DIMS_DRIVERS_JCAMP_ORDINATES_H_
#define DIMS_DRIVERS_JCAMP_ORDINATES_H_

#include <cstddef>

#include "drivers/jcamp/table.h"

namespace dims::jcamp {

class Ordinates {
 public:
  // A line's first ordinate can begin so: it is no difference, and repeats nothing. `at` is behind the abscissa.
  static bool BeginsValue(const char* at, const char* end);
  static bool IsBlank(char c);

  // Reads one that is no difference, and appends nothing; returns where it ends, null where there is none.
  const char* ReadValue(const char* at, const char* end);
  // Reads and appends all there are, but at most `most`; returns where it stopped.
  const char* Read(const char* at, const char* end, std::size_t most);

  // The last one; and whether it is known by its difference from the one before.
  double value() const { return value_; }
  bool differs() const { return differs_; }
  // As written, without factor.
  Samples& samples() { return y_; }
  const Samples& samples() const { return y_; }

 private:
  const char* ReadNone(const char* past);
  const char* ReadPacked(const char* from, const char* end, int whole);
  const char* ReadAny(const char* at, const char* end, int whole);
  int Repeated(double times, const double* next, int whole) const;
  double* Room(const double* next, std::ptrdiff_t more);

  Samples y_;
  double value_ = 0;
  double shown_ = 0;  // what is appended: value_, or NaN
  double difference_ = 0;
  bool differs_ = false;
  bool has_value_ = false;
};

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_ORDINATES_H_
