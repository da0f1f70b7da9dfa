// Report00.CSV and REPORT01.CSV, REPORT02.CSV ..., the files that a ChemStation writes beside its report.
//
// What: one run's files while they are being read. Report00.CSV says the header's values and names the traces and the
//   columns; REPORTnn.CSV is the table of trace nn and nothing else, in full precision. Tables that follow a header are
//   read by its columns and belong to its run. A table alone is read as an Area Percent table, if it looks like one.
// Promise: nothing is joined by guessing: a table alone is a report of its own, without a sample. Tables are those of
// the
//   traces in their order where there are as many, else no table is of any trace.
// Notes: neither has an end marker. A header says how many columns it describes. A table begins with a file (a byte
//   order mark), with a number that is not greater than the one before, or with an earlier time.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: real files of ChemStation C.01.
#ifndef DIMS_DRIVERS_GC_REPORT_CSV_H_
#define DIMS_DRIVERS_GC_REPORT_CSV_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/gc/row.h"

namespace dims::gc {

class ReportCsv {
 public:
  explicit ReportCsv(uint64_t at) : at_(at) {}

  // `"Sample Name",...`: the first line of a header.
  static bool IsHeader(absl::string_view line);
  // A row of an Area Percent table without a header.
  static std::optional<Row> ParseBareRow(absl::string_view line);
  // Whether that row begins the table of another trace, of which this run has no more.
  bool IsRowOfAnother(const Row& row, const TextLine& line) const;

  void Take(const TextLine& line);
  // Nothing says that more must come.
  bool IsWhole() const;
  dims::v1::Report& report() { return report_; }
  // `complete`: nothing more is due.
  End Finish(End::Where where, bool complete) &&;

 private:
  using Fields = std::vector<std::string>;
  struct Field {
    Column column = Column::kUnknown;
    std::string unit;
  };

  bool TakeHeader(const Fields& fields, uint64_t at);
  bool TakeRow(const Fields& fields, const TextLine& line);
  bool BeginsTable(const Row& row, const TextLine& line) const;
  void BeginTable();
  void AddAnalysis();
  void EndTable();
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message);

  uint64_t at_;
  dims::v1::Report report_;
  dims::v1::Analysis run_;  // what all analyses have in common
  bool has_header_ = false, full_ = false;
  std::string multiplier_, dilution_;
  std::vector<std::string> signals_;
  std::size_t columns_due_ = 0, signals_due_ = 0, tables_ = 0;
  std::vector<Field> columns_;
  Sums sums_;
  uint64_t table_at_ = 0;
};

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_REPORT_CSV_H_
