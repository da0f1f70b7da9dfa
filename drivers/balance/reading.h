// What one line of a balance says, whoever made the balance.
//
// What: the kinds of lines there are, and what their fields have in common: numbers in fields of a fixed width, units.
// Promise: a number is as printed, with its sign; only the blanks between sign and digits are gone, and a decimal comma
//   is a point. A line is a weight only where its shape is that of its layout to the column: it has no checksum, and
//   nothing else shows a lost character. What no shape shows: a digit changed into another (the line's parity may), a
//   digit lost where a maker has layouts a column apart (KERN's 15 and 14 bytes, A&D's fine balances), the "m" of an
//   MT-SICS "mg", and, where a line may have lost its trailing blanks, the end of a unit with all that follows: "gn "
//   is "g" then.
// Errors: what has the beginning of a layout's line, and not its shape, is kDamaged.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_BALANCE_READING_H_
#define DIMS_DRIVERS_BALANCE_READING_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::balance {

struct Reading {
  enum class Kind {
    kStable,
    kUnstable,
    kState,    // the balance cannot weigh, or says something that is no weight: overload, an error, a count of pieces
    kTraffic,  // answers to commands, the line at power-up, dates
    kDamaged,  // a line of this layout that cannot be read
  };
  Kind kind = Kind::kTraffic;
  std::string value, unit;  // kStable; kUnstable, as far as printed
  dims::v1::WeighingKind weighing_kind = dims::v1::WEIGHING_KIND_UNSPECIFIED;
  // kState, kDamaged: what a report says of it.
  dims::v1::ProblemType problem = dims::v1::PROBLEM_TYPE_UNSPECIFIED;
  std::string message;
  // kState, kTraffic: what was on the pan may be gone, or counts from another zero.
  bool pan_begins_anew = false;
};

Reading Traffic();
Reading NewBeginning();  // traffic, after which the pan begins anew
Reading State(absl::string_view message);
// A kState of a command, not of the pan.
Reading Refusal(absl::string_view message);
Reading Damaged(absl::string_view message);

// A number of the balance in its unit. Pieces, percent and densities are a kState; so is no unit at all, if stable. A
// unit that is none of weight known here is kDamaged: a damaged "mg" must not pass for another unit.
Reading Weighed(bool stable, absl::string_view value, absl::string_view unit, dims::v1::WeighingKind kind);

// "+    22.5100" as "+22.5100": a sign, blanks, digits with at most one point inside; blanks before, none after.
std::optional<std::string> NumberIn(absl::string_view field);

// A line that has `width` columns, or has lost all its trailing blanks (as files do), in full. nullopt for any other: a
// line that still has trailing blanks, but too few, has lost a character elsewhere.
std::optional<std::string> InFull(absl::string_view line, std::size_t width);

}  // namespace dims::balance

#endif  // DIMS_DRIVERS_BALANCE_READING_H_
