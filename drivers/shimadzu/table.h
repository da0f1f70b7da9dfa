// A table of an export: a line that counts its rows, a line that names its columns, rows.
//
// What: one table while it is being read. A row's cells are found by the names of their columns, never by their place:
//   versions add columns, and laboratories choose them.
// Promise: a row has exactly as many cells as there are columns, or it is none. What a cell says is not changed.
// Notes: empty cells at a row's end are there as tabs. A column that is not known is left out; one whose name is known
//   but for one letter is damage, and is said. A row need not be there for every number: what is deleted from a method
//   leaves a gap, and some versions count it (COUNT_MISMATCH).
// Errors: as problems in the report.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SHIMADZU_TABLE_H_
#define DIMS_DRIVERS_SHIMADZU_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"

namespace dims::shimadzu {

enum class Column {
  kNotCarried,
  kNumber,
  kId,
  kSpectrum,
  kHit,
  kTime,
  kFrom,
  kTo,
  kTop,
  kArea,
  kHeight,
  kRatio,
  kAreaPercent,
  kMark,
  kName,
  kCas,
  kScore,
  kIndex,
  kSignalToNoise,
  kType,
  kMass,
  kMode,
  kConc,
  kUnit,
  kCurve,
  kThird,
  kSecond,
  kFirst,
  kConstant,
  kFormula,
  kSerial,
  kLibrary,
};

class Table {
 public:
  enum class Kind { kPeaks, kCompounds, kSpectra, kHits };
  enum class Line { kRow, kPart, kNothing };  // kPart: said something on the table, or is told as a problem

  Table(Kind kind, std::string title, uint64_t at) : kind_(kind), title_(std::move(title)), at_(at) {}

  Line Take(const TextLine& line, char separator, dims::v1::Report& report);
  // The table has ended.
  void Close(dims::v1::Report& report) const;

  Kind kind() const { return kind_; }
  // It can have ended: it has as many rows as it says. Hits are counted by their spectra, and spectra without a hit
  // have no row, so that nothing tells when all have come.
  bool complete() const { return count_ >= 0 && (kind_ == Kind::kHits || rows_ >= count_); }
  // Of the last row; empty where there is no such column.
  absl::string_view operator[](Column column) const;
  bool Has(Column column) const;
  // What stands above the columns of an MC Peak Table: "TIC".
  const std::string& mass() const { return mass_; }

 private:
  void TakeColumns(uint64_t at, dims::v1::Report& report);

  const Kind kind_;
  const std::string title_;
  const uint64_t at_;
  int64_t count_ = -1, rows_ = 0, last_spectrum_ = 0;
  std::string mass_;
  std::vector<Column> columns_;
  std::vector<std::string> cells_;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_TABLE_H_
