// Tables of a print-out: which word of a row belongs to which column.
//
// What: a table is known by the names above its columns, in whatever order and number they are printed, or by the ruler
//   above its rows ("---- ------ ---"). A row is words; each goes to one column.
// Promise: a row is read only where there is one way to read it: all columns that may not be empty are filled, each by
//   what it holds (one word, but for text), in their order; a word below one column's name or dashes is in that column,
//   and words that are below none are where nothing else fits. Where names are separated by tabs, so are the cells.
// Errors: a row that has none or several readings has none.
// Threads: values.
#ifndef DIMS_DRIVERS_FORMAT_PRINTED_TABLE_H_
#define DIMS_DRIVERS_FORMAT_PRINTED_TABLE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/format/pattern.h"

namespace dims::format {

struct Column {
  std::string name;  // as printed; empty in a table that is known by its ruler
  Slot slot;
  bool may_be_empty = false;
  bool may_wrap = false;  // its text may go on in the next line, alone

  // What it holds tells a row from other lines.
  bool anchors() const { return !may_be_empty && (HasForm(slot.kind) || slot.kind == Kind::kCas); }
};

// Dashes (or "=", "_"), in one or more groups, and nothing else.
bool IsRuler(absl::string_view line);

// A table on paper: its columns from left to right.
class PrintedTable {
 public:
  // nullopt where the line is not made of two or more of the columns' names, each once, one of them an anchor.
  static std::optional<PrintedTable> Named(const std::vector<Column>& columns, absl::string_view line);
  // nullopt where the line is no ruler of as many groups as there are columns.
  static std::optional<PrintedTable> Ruled(const std::vector<Column>& columns, absl::string_view line);

  // A ruler below the names says more exactly where the columns are.
  void Measure(absl::string_view ruler);

  using Cell = std::pair<const Column*, absl::string_view>;
  // The cells that are filled; nullopt where the line is no row, or could be more than one.
  std::optional<std::vector<Cell>> ReadRow(absl::string_view line) const;
  // The text of the columns that may wrap, where the line holds nothing else.
  std::optional<std::vector<Cell>> ReadRest(absl::string_view line) const;

 private:
  struct Placed {
    const Column* column;
    std::size_t begin, end;  // in characters
  };
  class Readings;

  std::optional<std::vector<Cell>> ReadTabbed(absl::string_view line) const;

  std::vector<Placed> placed_;
  bool tabbed_ = false;
};

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_PRINTED_TABLE_H_
