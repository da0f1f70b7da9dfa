// Rows of numbers, in whatever separators and decimal marks a program exports them.
//
// What: how the numbers stand in a line, and what they are.
// Promise: nothing is guessed. A comma separates ("205.3,811,809"), or is a decimal mark ("201,17" between tabs,
//   semicolons or blanks), or, where a line shows neither ("1,5,2,3"; "400<TAB>1,234", which could be a thousand), it
//   is said to be unclear. In quotation marks ("400,12","5") it is a mark of its number. A number is the double nearest
//   to what is printed.
// Errors: as kinds; nullopt for what is no number.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_SPECTRUM_ROW_H_
#define DIMS_DRIVERS_SPECTRUM_ROW_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace dims::spectrum {

// How a table's numbers are written.
struct Dialect {
  char separator = ' ';  // tab, semicolon, comma, or a blank for any number of blanks
  char decimal = 0;      // point or comma; 0 while no number has shown one
};

// The fields of a line, without surrounding blanks and quotation marks; what a separator at its end cuts off is an
// empty one.
void Split(absl::string_view line, char separator, std::vector<absl::string_view>& fields);

enum class RowKind {
  kNone,     // not two or more numbers, and nothing else
  kUnclear,  // so it is, but its commas may be one thing or another
  kRow,
};
struct RowForm {
  RowKind kind = RowKind::kNone;
  Dialect dialect;
  std::size_t fields = 0;
  bool quoted = false;
  bool open_end = false;  // a separator stands behind them: it separates nothing, or an empty field more
};
// `decimal`: what the configuration says, 0 where it does not. Fields may be empty where another holds a number.
RowForm FormOf(absl::string_view line, char decimal);

// "-1512,309", "2.0441E2". The mark must be the dialect's; where it has none yet, a number with a mark is none.
std::optional<double> ParseNumber(absl::string_view text, char decimal);

// An empty field, or what programs write where there is no number ("NaN", "-Infinity").
bool IsNoValue(absl::string_view text);

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_ROW_H_
