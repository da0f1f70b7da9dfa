// The labelled data record: what a JCAMP-DX file is made of.
//
// What: "##DATA TYPE= MASS SPECTRUM $$ by hand" is the label DATATYPE with the value "MASS SPECTRUM". A record goes on
//   until the next line that begins with "##".
// Promise: labels are compared as the standard says: upper case, without blanks, "-", "/" and "_". A value is as
//   written, without its comment and surrounding blanks.
// Errors: nullopt for a line that begins no record.
// Threads: pure functions. What is returned as a view lives as long as its argument.
// Source: JCAMP-DX 4.24 (Appl. Spectrosc. 42, 151, 1988), 4.1 to 4.3 and 5.2.
#ifndef DIMS_DRIVERS_JCAMP_RECORD_H_
#define DIMS_DRIVERS_JCAMP_RECORD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace dims::jcamp {

struct Record {
  std::string label;  // "XYDATA", ".OBSERVEFREQUENCY", "$SCANS"; empty for the comment "##="
  absl::string_view value;
  std::size_t value_at = 0;  // where it begins in the line
  bool assigned = false;     // has its "="
};
std::optional<Record> ParseRecord(absl::string_view line);

// Without what stands from "$$" on, and without surrounding blanks.
absl::string_view WithoutComment(absl::string_view line);

// "X, R, I" as its parts, without surrounding blanks; parts may be empty.
std::vector<absl::string_view> Parts(absl::string_view list);

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_RECORD_H_
