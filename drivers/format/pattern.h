// A line of a print-out, as a format draws it: "TOTAL AREA={area_sum}".
//
// What: a pattern looks like the line. Text stands for itself; blanks stand for one or more blanks; {name} for the
//   printed value of a field, {name:kind} for one of another kind than the field has by itself, {skip} or {skip:kind}
//   for what is not carried. "{{" and "}}" stand for "{" and "}".
// Promise: a line is read only where it is, from its first character that is no blank to its last, what the pattern
//   draws, and in one way alone. A line that can be read in two ways is not read. Work is linear in the line.
// Errors: Parse: InvalidArgument with the nearest right name. A pattern without any text or number would read any line,
//   and is refused.
// Threads: immutable.
#ifndef DIMS_DRIVERS_FORMAT_PATTERN_H_
#define DIMS_DRIVERS_FORMAT_PATTERN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "drivers/format/field.h"

namespace dims::format {

// Where a printed value goes, and what it looks like.
struct Slot {
  const Field* field = nullptr;  // nullptr: nowhere
  Kind kind = Kind::kText;
  char decimal = '.';  // of numbers: '.' or ','

  bool IsOne(absl::string_view text) const { return format::IsOne(kind, decimal, text); }
};

// "name", "name:kind", "skip", "skip:kind".
absl::StatusOr<Slot> ParseSlot(absl::string_view text, char decimal = '.');

class Pattern {
 public:
  enum class Fit { kNo, kYes, kTwoWays };

  static absl::StatusOr<Pattern> Parse(absl::string_view text, char decimal = '.');

  // kYes: `values` are those of the slots, parts of `line`.
  Fit Read(absl::string_view line, std::vector<absl::string_view>& values) const;
  // What keeps a line from being read that is like this one but for what stands in its numbers ("area_sum is no
  // number"); empty where it is not like it.
  std::string WhyNot(absl::string_view line) const;

  const std::vector<Slot>& slots() const { return slots_; }
  const std::string& text() const { return text_; }

 private:
  struct Piece {
    enum Kind { kText, kBlanks, kSlot } kind;
    std::string text;  // kText
    Slot slot;         // kSlot
  };
  class Table;

  Fit Read(absl::string_view line, bool any_form, std::vector<absl::string_view>& values) const;

  std::string text_;
  std::vector<Piece> pieces_;
  std::vector<Slot> slots_;
};

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_PATTERN_H_
