// What the lines of Shimadzu's exports have in common.
//
// What: cells, CAS numbers and names as the libraries of GCMSsolution print them.
// Promise: nothing is changed but surrounding blanks, which go.
// Errors: nullopt for what has not the form; of CAS numbers, problems in the report.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_SHIMADZU_TEXT_H_
#define DIMS_DRIVERS_SHIMADZU_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::shimadzu {

// Cells that a tab, a comma or a semicolon separates, without surrounding blanks. Only the latter two have quoted
// cells: in a name between tabs a quotation mark is a part of it. nullopt where a quotation mark is not closed.
std::optional<std::vector<std::string>> SplitCells(absl::string_view line, char separator);

// "# of Peaks" is "#ofpeaks": versions differ in blanks and capital letters.
std::string Normal(absl::string_view name);

// "---": there is no value.
bool IsDashes(absl::string_view text);

// "Not Identified", "ND": what stands where there is no peak.
bool IsNotDetected(absl::string_view cell);

// "<0.1": takes the sign off the amount, and says what it means.
dims::v1::AmountQualifier TakeSign(absl::string_view& amount);

// A number times 10^6, to compare it; nullopt where that is not whole, or it has an exponent.
std::optional<absl::int128> Micro(absl::string_view number);

// A CAS number as libraries have it, "58 - 08 - 2" and "0-00-0" too, without padding; empty where there is none. What
// has not the form of one is left out with a problem; one whose check digit is wrong is kept with a problem.
std::string LibraryCas(absl::string_view printed, uint64_t at, dims::v1::Report& report);

// The first of synonyms ("Caffeine $$ 1H-Purine-2,6-dione, 3,7-dihydro- $$ ..."), which may be cut anywhere.
absl::string_view FirstName(absl::string_view names);

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_TEXT_H_
