// The frame of every report that an MSD workstation prints: title, header, table, last line, pages.
//
// What: one report while it is being read. Its table (table.h) depends on its title; all else is the same for all.
// Promise: what a report needs in order to be complete is in it, or it says what is missing. Operator, Misc line and
//   folders are not carried: they hold names and free text.
// Errors: as problems in the report.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_MSD_PRINTED_REPORT_H_
#define DIMS_DRIVERS_MSD_PRINTED_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/msd/table.h"
#include "drivers/msd/text.h"

namespace dims::msd {

struct Title {
  enum Kind { kAreaPercent, kLibrarySearch, kQuantitation } kind;
  dims::v1::ReviewState review_state = dims::v1::REVIEW_STATE_UNSPECIFIED;
  bool odd = false;    // it goes on with words that are not known
  bool stray = false;  // something stands before it: what a plugged-in adapter or a cut line left
};
std::optional<Title> ParseTitle(absl::string_view line);

// How far a report that has not ended could do without more.
enum class Whole {
  kNo,
  kUnlessMore,  // nothing in it says that more comes, nor that none does
  kYes,         // its table has ended; what may come says nothing new
};

class PrintedReport {
 public:
  PrintedReport(const Title& title, uint64_t at);

  // Returns true when the line was the report's last.
  bool Take(const TextLine& line);

  // A form feed. What follows may be the head again, or the next row.
  void BreakPage() { page_break_ = true; }
  // Whether a title now may be that of this report's next page.
  bool MayGoOnWith(const Title& title) const;
  // `this` being what stands on the page after the break: whether this line decides what the page is.
  bool DecidedBy(absl::string_view line) const;
  bool IsSameRun(const PrintedReport& page) const;
  bool IsContinuedBy(const PrintedReport& page, absl::string_view line) const;
  // Takes the head of a page that goes on with this report.
  void TakeOver(PrintedReport page);

  // Nothing but its title has come, and `title` is the same: printed over itself, to look bold.
  bool IsOverprintedBy(const Title& title) const;

  Whole whole() const;
  uint64_t at() const { return at_; }
  dims::v1::Report& report() { return report_; }
  // `complete`: nothing more is due.
  End Finish(End::Where where, bool complete) &&;

 private:
  void NewAnalysis();
  bool TakeTrailer(const Trailer& trailer);
  void TakeHeader(const KeyValue& pair, uint64_t at);
  bool TakeContinuation(absl::string_view text);
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message);

  Title title_;
  uint64_t at_;
  dims::v1::Report report_;
  std::unique_ptr<Table> table_;
  std::vector<std::string> keys_;  // of the header, as printed
  std::string printed_time_;       // of the last trailer or page footer
  bool page_break_ = false;        // nothing but blank lines since
  bool footer_ = false;            // that break had a page's footer
};

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_PRINTED_REPORT_H_
