// The tables of MSD reports: what stands between a report's header and its last line.
//
// What: one Table per kind of report. The report (printed_report.h) gives it line after line; it adds findings to the
//   last analysis, and problems where a row does not agree with itself or with the others.
// Promise: a line that is not exactly what the layout has is not taken, and changes nothing that was read before.
// Errors: as problems in the report, at the position of their line.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_MSD_TABLE_H_
#define DIMS_DRIVERS_MSD_TABLE_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"

namespace dims::msd {

class Table {
 public:
  enum Phase { kBefore, kWithin, kAfter };

  virtual ~Table() = default;
  Phase phase() const { return phase_; }

  // False where the table has no such line. Blank lines and trailers never come here.
  virtual bool Take(const TextLine& line, dims::v1::Report& report) = 0;

  // Whether the line belongs to the table itself, not to the head that every page repeats.
  virtual bool IsBody(absl::string_view text) const = 0;
  // Whether a page whose first such line this is goes on with this table; else it is of another report.
  virtual bool Continues(absl::string_view text) const = 0;
  // The head of that page may have said something on the rows to come.
  virtual void TakeOver(const Table& /*page*/) {}

  // Whether the table shows its own end, so that a page's footer is no end without it.
  virtual bool ShowsItsEnd() const = 0;
  // Whether that end is also the report's: a trailer may come, and need not.
  virtual bool EndsReport() const { return false; }
  // What a complete report should have had, `at` the report's beginning.
  virtual void Check(uint64_t at, dims::v1::Report& report) const = 0;

 protected:
  Phase phase_ = kBefore;
};

std::unique_ptr<Table> MakeAreaPercentTable();
std::unique_ptr<Table> MakeLibrarySearchTable();
std::unique_ptr<Table> MakeQuantitationTable();

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_TABLE_H_
