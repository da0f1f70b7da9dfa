// What AMDIS identifies: its report (".TXT"), a header and a row for each hit, fields between tabs.
//
// What: rows of one file are an analysis, rows of one component (file, time, scan) a finding, each row an
//   identification by its net match, in their order; they are not ranked. A further row that has an amount, or another
//   deviation of its time, is a finding of its own. Columns go by their names; those that have no place here are left
//   out.
// Promise: marks at a name are flags of the identification and no part of the name: ">" (a hit of the NIST search), "?"
//   to "???" (tentative), "[...]" before or behind it, "#" behind it. A number behind a name stays: it may be a part of
//   it.
// Notes: nothing marks the end, nor how many rows there are.
// Errors: as problems in the report. A cell that is no number where one belongs is left out, and the row is kept.
// Threads: one at a time.
// Source: the columns of two versions, as independent readers of such reports list them.
#ifndef DIMS_DRIVERS_AMDIS_IDENTIFIED_H_
#define DIMS_DRIVERS_AMDIS_IDENTIFIED_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"
#include "drivers/silence.h"

namespace dims::amdis {

// "FileName", "CAS", "Name", "RT" and "Net" are among the fields.
bool IsHeader(absl::string_view line);

// "?? [2] caffeine" is "caffeine" with the flags "??" and "[2]".
struct MarkedName {
  std::string name;
  std::vector<std::string> marks;
};
MarkedName ParseName(absl::string_view printed);

class Identified final : public TextReport {
 public:
  Verdict Take(const TextLine& line) override;
  bool whole() const override { return whole_; }

 private:
  void TakeRow(const TextLine& line);

  std::vector<std::string> columns_;
  std::string file_, component_;  // of the last row
  int first_of_component_ = 0;    // which finding
  int rows_ = 0;
  bool whole_ = true;  // the last line was a row, or the header
};

}  // namespace dims::amdis

#endif  // DIMS_DRIVERS_AMDIS_IDENTIFIED_H_
