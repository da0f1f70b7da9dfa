// A printed result table, of any of the layouts that a ChemStation has.
//
// What: where its columns stand and what they mean, read off the ruler ("----|-------|") and the lines of names and
//   units above it; then its rows.
// Promise: each bar closes the column to its left, and a cell is what stands between two bars: text that crosses a bar
//   is no row. A row that can be read although it does not stand where it is due is taken, and says so.
// Notes: lines of names come in twos and threes ("Area" over "[pA*s]", "ISTD" over "used"). A unit stands in brackets,
//   or is "%"; older versions print it bare ("mAU   *s").
// Units: columns are characters.
// Errors: nullopt where the line is no row.
// Threads: values.
#ifndef DIMS_DRIVERS_GC_TABLE_H_
#define DIMS_DRIVERS_GC_TABLE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/gc/row.h"

namespace dims::gc {

class Table {
 public:
  // `head`: the lines above the ruler, names first.
  Table(absl::string_view ruler, absl::Span<const std::string> head);

  // Whether a line can be the first of a head: it names a column.
  static bool NamesColumns(absl::string_view line);

  struct Taken {
    Row row;
    bool aligned = true;
  };
  std::optional<Taken> TakeRow(absl::string_view line) const;
  // A row of the list of internal standards, which says how much of each was added.
  bool IsStandardsRow(absl::string_view line) const;

  // The numbers of a line of totals, behind its colon, with the columns they are of.
  struct Total {
    Column column;
    absl::string_view number;
  };
  std::vector<Total> TotalsIn(absl::string_view line, std::size_t colon) const;

  // The list of internal standards, not of results.
  bool lists_standards() const { return lists_standards_; }
  bool has(Column column) const;
  absl::string_view unit(Column column) const;
  // Columns that are not known: their values are left out.
  const std::vector<std::string>& unknown() const { return unknown_; }
  bool operator==(const Table& other) const;

 private:
  struct Field {
    std::size_t end = 0;  // where its bar stands; the last may have none
    Column column = Column::kUnknown;
    std::string name, unit;
  };
  std::optional<Taken> ReadRow(absl::string_view line) const;
  std::ptrdiff_t ShiftOf(absl::string_view line) const;
  std::vector<absl::string_view> Cut(absl::string_view line) const;
  std::size_t FieldAt(std::size_t column) const;

  std::vector<Field> fields_;
  std::vector<std::string> unknown_;
  bool lists_standards_ = false;
};

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_TABLE_H_
