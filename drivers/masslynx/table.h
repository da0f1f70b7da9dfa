// The table of a MassLynx or TurboMass summary: its columns by their names, and its rows.
//
// What: a header's columns, and what a row under them says of a sample and of a compound.
// Promise: columns are the user's choice, in any order; those that have no place in a report are left out. Amounts
//   stand in a column that is named "Conc." or after its unit. A name that could be a unit and is none that is known
//   is told (Header::doubtful), and so is a second column of amounts: no amount is taken from either.
// Units: as printed.
// Errors: nullopt for a row of which a cell has not its column's form.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_MASSLYNX_TABLE_H_
#define DIMS_DRIVERS_MASSLYNX_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::masslynx {

enum class Column {
  kIgnored,
  kName,
  kSampleId,
  kVial,
  kDate,
  kTime,
  kCalibrationDate,
  kCalibrationTime,
  kTrace,
  kRetentionTime,
  kScan,
  kArea,
  kHeight,
  kStart,
  kEnd,
  kResponse,
  kAmount,
  kCas,
  kSignalToNoise,
  kFlags,
};

struct Header {
  std::vector<Column> columns;
  std::string unit;                // of the amounts
  std::string doubtful;            // the first column that could hold amounts, and is left out
  std::vector<std::string> heads;  // the columns' names; none for what holds amounts, or could

  bool NamesAColumn() const;  // that has a place in a report
};
Header ParseHeader(const std::vector<absl::string_view>& names);

// What a row says of its sample, and of its compound.
struct Row {
  std::string name, sample_id, vial, acquired, calibrated;
  dims::v1::Finding finding;
};

// As many fields as the header has columns.
std::optional<Row> ParseRow(const std::vector<absl::string_view>& fields, const Header& header);

}  // namespace dims::masslynx

#endif  // DIMS_DRIVERS_MASSLYNX_TABLE_H_
