// From an instrument's own words to comparable ones.
//
// What: fills what can be derived with certainty: UTC instants of printed local times, UCUM codes of printed units.
//   The printed words stay beside them.
// Promise: nothing is guessed. A time is resolved only if the configuration gives the zone (and, for numeric dates, the
//   order of day and month) and the local time exists exactly once; a unit only if the table has it to the letter.
//   What should have been resolvable and was not is a Problem.
// Errors: as Problems in the report (TIME_AMBIGUOUS, UNIT_UNKNOWN).
// Threads: pure.
// Source: UCUM 2.1 (ucum.org); IANA time zone database through absl::TimeZone.
#ifndef DIMS_FIRMWARE_BRIDGE_NORMALIZE_H_
#define DIMS_FIRMWARE_BRIDGE_NORMALIZE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dims/v1/report.pb.h"

namespace dims {

struct Locality {
  std::optional<absl::TimeZone> zone;
  std::string date_order;  // dmy, mdy, ymd; empty: numeric dates stay unresolved
};

void Normalize(const Locality& locality, dims::v1::Report& report);

// The civil time a data system printed ("06 Jun 2024  17:27", "Thu Jun 06 18:09:06 2024", "20240606172700", with the
// order also "24.06.2024 17:27"); nullopt for anything else.
std::optional<absl::CivilSecond> ParsePrintedTime(absl::string_view printed, absl::string_view date_order);

// Empty where the unit is not in the table.
absl::string_view UcumOf(absl::string_view unit);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_NORMALIZE_H_
