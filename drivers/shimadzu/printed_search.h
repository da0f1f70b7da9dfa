// The library search as GCMSsolution prints it (QP2010): a target's spectrum, and what the libraries propose for it.
//
// What: one such print-out while it is being read, from "<< Target >>" of its first spectrum on. Lines are
//   "Label:value" pairs; a name (CompName) goes on in the next lines.
// Promise: of a name's synonyms the first is carried, up to "$$" wherever that stands: a name cut short is that of
//   another compound. A line breaks between words where a blank stands at its end, else within one. A name of several
//   lines without a "$$" may lack its end, and that is said. Hits are never given to the spectrum before theirs: where
//   its lines were lost, they are a finding without a time. A line that the layout does not have is said to be so; the
//   labels of a drawn spectrum's axes, lines of numbers, are passed over.
// Notes: it states no sample, no file and no time. It has no end marker. Spectra are numbered from 1: a number that is
//   not greater than the one before begins another print-out (Starts).
// Errors: as problems in the report.
// Threads: one at a time.
// Source: print-outs of a GCMS-QP2010 (text of their pages).
#ifndef DIMS_DRIVERS_SHIMADZU_PRINTED_SEARCH_H_
#define DIMS_DRIVERS_SHIMADZU_PRINTED_SEARCH_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"

namespace dims::shimadzu {

class PrintedSearch {
 public:
  // "<< Target >>"
  static bool IsTarget(absl::string_view line);

  PrintedSearch();

  // Every line after the first "<< Target >>", blank ones too.
  void Take(const TextLine& line);
  // The line after a "<< Target >>" is of another print-out.
  bool Starts(absl::string_view line) const;
  // Nothing more need come.
  bool complete() const { return state_ == State::kDescribed || state_ == State::kNamed || state_ == State::kRest; }
  dims::v1::Report& report() { return report_; }
  End Finish(End::Where where) &&;

 private:
  // What came last.
  enum class State { kTarget, kDescribed, kHit, kScored, kNamed, kRest };

  bool TakeLine(absl::string_view text, uint64_t at);
  bool TakeTarget(absl::string_view text, uint64_t at);
  void BeginFinding(dims::v1::Finding finding, uint64_t at);
  bool TakeHit(absl::string_view text, uint64_t at);
  bool TakeScore(absl::string_view text, uint64_t at);
  bool TakeName(absl::string_view text, uint64_t at);
  bool ContinueName(absl::string_view text);
  void EndName();
  bool Keep(const google::protobuf::Message& message, uint64_t at);

  dims::v1::Report report_;
  State state_ = State::kTarget;
  int64_t spectrum_ = 0;
  uint32_t rank_ = 0;
  bool stray_ = false;               // since finding_, a line was left out
  std::optional<std::string> name_;  // of hit_, as long as its first synonym may go on
  uint64_t name_at_ = 0;
  int name_lines_ = 0;      // after its first
  bool blank_end_ = false;  // of the last line that was taken
  bool axes_ = false;       // a line of numbers came after the name began
  bool full_ = false;
  std::size_t kept_ = 0;
  dims::v1::Finding* finding_ = nullptr;  // of the spectrum; none where there was no room for it
  dims::v1::Identification hit_;          // until its name has ended
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_PRINTED_SEARCH_H_
