// The quantitative results of many injections, as LabSolutions' Quant Browser exports them: a table for each compound
// of the method, a row for each injection.
//
//   ID#<TAB>1
//   Name<TAB>Caffeine
//   <TAB>Data Filename<TAB>Sample Name<TAB>Ret. Time<TAB>Area<TAB>Conc.<TAB>Vial#
//   1<TAB>DIMS-260119-01.lcd<TAB>DIMS-260119-01<TAB>2.178<TAB>18318<TAB>9.161<TAB>2
//   <TAB>Average<TAB><TAB>2.178<TAB>18318<TAB>9.161<TAB>
//
// What: one export while it is being read. It becomes one Report: an Analysis for each injection, a Finding in it for
//   each compound.
// Promise: columns go by their names, in any order; those that have no place in a report are left out. Averages and
//   other statistics are no results, and are left out. A row below a head that was damaged or lost belongs to no
//   compound: it is left out, and said. So are the rows of a table whose averages are all of others, whose first row is
//   lost, or below which a compound is lost: they may be of another. What was not found ("-----") is NOT_DETECTED.
// Notes: there is no end marker. A blank line, or the first line of statistics, ends a table. Compounds are numbered
//   from 1, without a gap. All tables have the columns and the rows of the first, with the same files, samples and
//   vials, and statistics where the first has them. Nothing tells that the last tables are lost, nor all between the
//   name of one and the rows of the last (without statistics, between the rows of one and those of the last). A
//   compound's number that has been begins another export. Which compound is an internal standard is not said, nor
//   whether there is a calibration. Bound: 3 MiB of findings; what does not fit is left out, and said (OVERSIZE).
//   What shows that lines were lost is in quant_browser_checks.cc.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: an export of LabSolutions for LC, and a reader of such files.
#ifndef DIMS_DRIVERS_SHIMADZU_QUANT_BROWSER_H_
#define DIMS_DRIVERS_SHIMADZU_QUANT_BROWSER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/shimadzu/average.h"

namespace dims::shimadzu {

class QuantBrowser {
 public:
  // "ID#<TAB>1"
  static bool Begins(absl::string_view line);
  // "Name<TAB>Caffeine", which follows it.
  static bool HasName(absl::string_view line);

  // `sample_number`: the column that holds it, as Normal gives it.
  explicit QuantBrowser(std::string sample_number) : sample_number_(std::move(sample_number)) {}

  // Every line, the first and blank ones too.
  void Take(const TextLine& line);

  // Known: a table has begun. Foreign: these lines are of something else.
  bool IsKnown() const { return known_; }
  bool IsForeign() const { return !known_ && foreign_lines_ > 4; }
  bool BeginsAnother(absl::string_view line) const;
  // There is a result, and nothing more is due.
  bool complete() const;
  dims::v1::Report& report() { return report_; }
  End Finish(End::Where where, bool complete) &&;

 private:
  enum class Reading { kRead, kUnread, kInconsistent };
  enum class Due { kId, kName, kColumns, kRow, kStatistics };
  enum class Column {
    kNotCarried,
    kFile,
    kSampleNumber,
    kTime,
    kArea,
    kHeight,
    kConc,
    kUnit,
    kSignalToNoise,
    kMass,
    kMark,
    kChecks,
    kVial,
    kAcquired,
    kDilution,
    kMethod,
  };

  static constexpr std::array<Column, 3> kAveraged = {Column::kTime, Column::kArea, Column::kHeight};

  Column ColumnOf(absl::string_view normal) const;
  void TakeId(int64_t id, uint64_t at);
  void TakeName(absl::string_view name, uint64_t at);
  void TakeColumns(const std::vector<absl::string_view>& names, uint64_t at);
  void TakeRow(const std::vector<absl::string_view>& cells, uint64_t at);
  absl::string_view CellOf(const std::vector<absl::string_view>& cells, Column column) const;
  Reading Read(const std::vector<absl::string_view>& cells, dims::v1::Analysis& analysis,
               dims::v1::Finding& finding) const;
  void TakeStatistics(const std::vector<absl::string_view>& cells, uint64_t at);
  void CheckAverages(const std::vector<absl::string_view>& cells, uint64_t at);
  void LeaveOutTable();
  void CloseTable();
  void CheckBeginning();
  void CheckRows(std::size_t rows);
  void Unexpected(uint64_t at, absl::string_view what);
  bool Keep(std::size_t size, uint64_t at);
  bool Has(Column column) const;

  const std::string sample_number_;
  dims::v1::Report report_;
  bool known_ = false, full_ = false;
  int foreign_lines_ = 0;
  std::size_t kept_ = 0;
  std::set<int64_t> ids_;          // of the compounds that have been
  int64_t last_id_ = 0;            // of the last of them, or of one that was lost
  bool presumed_ = false;          // that one was: rows say so, which may have a wrong number
  std::map<int64_t, int> places_;  // by row: which analysis

  Due due_ = Due::kId;
  uint64_t table_at_ = 0;
  std::string name_;                // of the compound; empty where its rows are left out
  bool said_ = false;               // that they are
  std::vector<std::string> names_;  // of the columns
  std::vector<Column> columns_;
  int64_t begins_with_ = 0;  // the number of the first row; 0 where that could not be read
  std::set<int64_t> rows_;   // their numbers
  std::size_t unread_ = 0;   // rows whose number could not be read
  bool unsummed_ = false;    // there is a row of which only the number could be read
  bool row_is_cut_ = false;  // the last line is a row without a line end
  bool statistics_ = false;  // there were some
  std::array<Average, kAveraged.size()> averages_;
  bool averaged_ = false;      // the averages have been
  std::vector<int> found_in_;  // the analyses that have a finding of the table

  std::size_t first_rows_ = 0;  // of the first table, once it has ended
  std::set<int64_t> first_numbers_;
  bool first_statistics_ = false;
  int64_t first_begins_with_ = 0;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_QUANT_BROWSER_H_
