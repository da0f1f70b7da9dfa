// The variable list of a data table: what its lines hold.
//
// What: "(X++(Y..Y))", "(XY..XY)", "(XYMA)", "(F2++(R..R)), PROFILE".
// Promise: the list decides, not the label or the data class beside it: files call a table of pairs XYDATA. Parentheses
//   and the dots of pairs may be left out, as programs do.
// Errors: nullopt for a list that is none of these.
// Threads: pure functions. What is returned as a view lives as long as its argument.
// Source: JCAMP-DX 4.24, 5.8 to 5.11 and 6.; 5.00 (Appl. Spectrosc. 48, 1545, 1994), NTUPLES.
#ifndef DIMS_DRIVERS_JCAMP_FORM_H_
#define DIMS_DRIVERS_JCAMP_FORM_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {

struct Form {
  bool profile = false;  // (X++(Y..Y)); else groups
  std::string x, y;      // the symbols of the variables; no y where a group has none
  Columns columns;
  absl::string_view data;  // the table's first, where it stands behind the list
};

// `symbols`: those there are, where they need not be single letters.
std::optional<Form> ParseForm(absl::string_view list, const std::vector<absl::string_view>& symbols = {});

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_FORM_H_
