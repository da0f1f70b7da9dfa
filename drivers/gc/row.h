// One row of a chromatographic result table, whatever file it stands in.
//
// What: the columns that printed tables and REPORTnn.CSV share, a row as it is put together cell by cell, and the sums
//   that a table is held against.
// Promise: a cell that has not the form of its column is refused, and so is its row. Numbers are carried as printed.
// Notes: calibrated compounds that were not found have "-" for area and amount (two readers of such files agree), and
//   the time at which they were due; where the report is one of area percents, a width and an area of 0. An
//   uncalibrated peak has "?" for its name. Response factors, groups, and figures
//   of performance have no place in the contract: their columns are known, and left out.
// Units: as the table's head says.
// Errors: as problems in the report, at the position of their line.
// Threads: values.
#ifndef DIMS_DRIVERS_GC_ROW_H_
#define DIMS_DRIVERS_GC_ROW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/gc/number.h"

namespace dims::gc {

enum class Column {
  kNumber,
  kTime,
  kSignal,
  kType,
  kStandard,  // which internal standard was used; such a table marks its standards in the type column
  kWidth,
  kArea,
  kHeight,
  kAreaPercent,
  kAmount,
  kStart,
  kEnd,
  kName,
  kLeftOut,
  kUnknown,
};

// By its name in any writing ("Area", "  Area   %", "Ret.Time") and its unit, which is "%" for some.
Column ColumnOf(absl::string_view name, absl::string_view unit);

struct Row {
  dims::v1::Finding finding;
  std::string number;  // its own, which that of a compound has, too, that was not found
  int signal = 0;      // number of the trace it was found in, where the table says so
};

// False where the text is no cell of this column.
bool Put(Column column, absl::string_view cell, absl::string_view unit, Row& row);

// A row of which all cells were put: what they say together. `marks_standards`: the table has a column kStandard.
bool Complete(bool marks_standards, Row& row);

// What a table's rows add up to.
class Sums {
 public:
  // `row` is the next in the table.
  void Add(const Row& row, uint64_t at, dims::v1::Report& report);

  // A total that stands under a column; one `without_standards` leaves their rows out. False: such a column has none.
  bool CheckTotal(Column column, absl::string_view printed, bool without_standards, uint64_t at,
                  dims::v1::Report& report) const;
  // The percentages of the table's rows, which must be the last findings of `analysis`, against the total of the areas.
  void CheckPercents(const dims::v1::Analysis& analysis, const Number& total, uint64_t at,
                     dims::v1::Report& report) const;

  int rows() const { return rows_; }
  // Whether a row is of another table: neither numbers nor times go back.
  bool IsOfAnotherTable(const Row& row) const;
  // Whether a row's number does, though it is not the last row once more.
  bool GoesBack(const Row& row) const;
  Number area() const { return area_.AsNumber(); }

 private:
  int rows_ = 0;
  absl::int128 number_ = 0;  // of the last peak
  Number time_;              // of the last row that has one
  Sum area_, height_, percent_, amount_, amount_without_standards_;
};

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_ROW_H_
