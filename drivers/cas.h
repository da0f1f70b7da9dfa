// CAS registry numbers, as libraries and instruments print them.
//
// What: the number without its padding ("000636-53-3" is "636-53-3"), and how far it can be trusted.
// Promise: digits are never mended. A number whose check digit is wrong is given back as printed, and said to be wrong.
// Notes: NIST numbers entries that have no registry number 1000000-00-0 to 1000999-99-9, where registry numbers stand
//   too (1000413-72-8 is both in form). Such a number names an entry of the library, its last digit proves nothing, and
//   nobody may take it for the substance's registry number.
// Errors: nullopt for what has not the form of one.
// Threads: pure functions.
// Source: CAS, "Check Digit Verification of CAS Registry Numbers".
#ifndef DIMS_DRIVERS_CAS_H_
#define DIMS_DRIVERS_CAS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dims {

struct Cas {
  enum Kind {
    kAbsent,           // all zero: the library has none
    kRegistry,         // the check digit is right
    kWrongCheckDigit,  // no registry number, or a damaged one
    kLibrary,          // of the range that NIST uses for its own
  } kind;
  std::string number;  // empty where absent
};

// Digits, "-", two digits, "-", one digit; the first group has 2 to 7 digits.
std::optional<Cas> ParseCas(absl::string_view printed);

}  // namespace dims

#endif  // DIMS_DRIVERS_CAS_H_
