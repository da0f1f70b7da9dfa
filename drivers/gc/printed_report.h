// A GC or LC ChemStation's report ("Report.TXT"), as printed or copied to a line.
//
// What: one report while it is being read: data file, sample and header between rules, then titled parts (Area Percent,
//   Internal and External Standard, ISTD% and ESTD%, Normalized Percent, Summed Peaks), in each part the traces and
//   their tables, at last "*** End of Report ***". Each trace of each part becomes an Analysis.
// Promise: values that wrap are put together again before they are read; folders, operators and what was typed about
//   the sample are not carried. Totals and percentages are held against the rows. A table is of the trace named above
//   it; where that trace has one already, and no next page repeats its head, it is an analysis without a signal.
// Notes: what the data system remarks on its results ("Calibration warnings ...") is carried as it is: an undamaged
//   report with a remark has no problem; one that says "Error" has. A part of an unknown kind is said to be so, once,
//   and its lines are left out.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: Agilent, "Understanding Your Agilent ChemStation", chapters 5 and 10; real files of ChemStation and OpenLab.
#ifndef DIMS_DRIVERS_GC_PRINTED_REPORT_H_
#define DIMS_DRIVERS_GC_PRINTED_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/gc/header.h"
#include "drivers/gc/lines.h"
#include "drivers/gc/table.h"

namespace dims::gc {

class PrintedReport {
 public:
  // `line` is the one that ParseDataFile read.
  PrintedReport(const DataFile& file, const TextLine& line);

  // Returns true when the line was the report's last.
  bool Take(const TextLine& line);

  // Whether a page that begins so may be one of this report's.
  bool IsOfThisRun(const DataFile& file) const { return file.path == header_.data_file_line(); }
  // Line `i` of the sample's name, as the page has it.
  bool HasSample(absl::string_view line, std::size_t i) const {
    return line == header_.sample_line(i) || (i == 0 && line == header_.values().sample_number());
  }
  // The head of such a page was passed over.
  void TakePageHead() { between_pages_ = new_page_ = true; }

  dims::v1::Report& report() { return report_; }
  // `complete`: its last line has come.
  End Finish(End::Where where, bool complete) &&;

 private:
  enum class Part { kPreamble, kHeader, kTitle, kUnderTitle, kBody, kLeftOut };

  void TakeTitle(const TextLine& line, absl::string_view text);
  void TakeBody(const TextLine& line, absl::string_view text);
  void TakeRule(uint64_t at);
  void TakeSignal(const Signal& signal, uint64_t at);
  void TakeRuler(const TextLine& line);
  bool TakeParameter(absl::string_view text);
  bool TakeRemark(const TextLine& line);
  bool TakeTotals(absl::string_view text, uint64_t at);
  void TakeRow(Table::Taken taken, uint64_t at);
  void EndTable(uint64_t at);
  void EndPart(uint64_t at);
  void RefuseWaiting();
  int NewAnalysis(absl::string_view signal, uint64_t at);
  dims::v1::Analysis* AnalysisOf(int signal, uint64_t at);
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message);

  uint64_t at_;
  dims::v1::Report report_;
  Part part_ = Part::kPreamble;
  Header header_;

  std::string title_;  // of the part
  bool titled_ = false, known_ = false, summed_ = false, totals_are_due_ = false;
  std::string multiplier_, dilution_;
  std::vector<std::pair<int, int>> signals_;  // of the part: number, and which analysis, if any

  // Lines that may turn out to be the head of a table.
  struct Waiting {
    std::string text;
    uint64_t at;
  };
  std::vector<Waiting> waiting_;
  std::optional<Table> table_;  // rows may follow
  Sums sums_;
  std::optional<int> of_sums_;  // which analysis, where table_ sums peaks up
  bool has_table_ = false;      // the last trace has had one
  // Since the last line that is of no page's head or foot: a blank line, the end of a page.
  bool gap_ = false, between_pages_ = false;
  bool new_page_ = false;  // since the last row

  int remarks_due_ = -1, remarks_ = 0;  // of the part
  bool remark_goes_on_ = false, remark_is_carried_ = false;
};

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_PRINTED_REPORT_H_
