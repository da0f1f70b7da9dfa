// RESULTS.CSV, the file that an MSD workstation writes beside its reports.
//
// What: one such file while it is being read: [contents], which lists the sections, then a section for each integrated
//   trace ([INT ...]) and for each library search ([PBM ...]). Each becomes an Analysis of its own: they can rest on
//   different integrations, so peaks of one are never joined to those of another by their number.
// Promise: rows are read by the names in their section's Header line; a section or a column that is not known is said
//   to be so, and its rows or its values are left out.
// Notes: it has no end marker. It says how many sections it has, but not how many rows: percentages that do not add up
//   show a row that is missing. It does not say when the sample was measured.
// Errors: as problems in the report.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_MSD_RESULTS_CSV_H_
#define DIMS_DRIVERS_MSD_RESULTS_CSV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/msd/peaks.h"
#include "drivers/msd/printed_report.h"

namespace dims::msd {

// "[contents]"
bool IsContents(absl::string_view line);

class ResultsCsv {
 public:
  explicit ResultsCsv(uint64_t at) : at_(at) {}

  void Take(const TextLine& line);
  Whole whole() const;
  dims::v1::Report& report() { return report_; }
  // `complete`: nothing more is due.
  End Finish(End::Where where, bool complete) &&;

 private:
  enum class Part { kContents, kPeaks, kHits, kUnknown };
  enum class Column {
    kNumber,
    kTime,
    kFirst,
    kMax,
    kLast,
    kStart,
    kEnd,
    kType,
    kHeight,
    kArea,
    kPercentOfMax,
    kAreaPercent,
    kName,
    kReference,
    kCas,
    kQuality,
    kUnknown
  };
  using Fields = std::vector<std::string>;

  void TakeSection(absl::string_view title, uint64_t at);
  bool TakeContents(absl::string_view key, absl::string_view value);
  bool TakeKey(absl::string_view key, absl::string_view value, uint64_t at);
  bool TakeRow(const Fields& fields, uint64_t at);
  bool TakeHit(const dims::v1::Finding& row, const dims::v1::Identification& hit, uint64_t at);
  void CloseSection();
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message);

  uint64_t at_;
  dims::v1::Report report_;
  std::string data_file_;
  int count_ = -1, listed_ = 0, sections_ = 0;
  Part part_ = Part::kContents;
  uint64_t section_at_ = 0;
  std::vector<Column> columns_;
  int64_t rows_ = 0;
  bool percents_ = false;  // the section's rows have areas and both percentages
  PeakSums sums_;
};

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_RESULTS_CSV_H_
