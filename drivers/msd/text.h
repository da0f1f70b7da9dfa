// What the lines of all MSD reports have in common.
//
// What: second fields, the ruler, the trailer; what they share with other print-outs is in drivers/text.h.
// Promise: nothing is changed.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_MSD_TEXT_H_
#define DIMS_DRIVERS_MSD_TEXT_H_

#include <optional>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "drivers/text.h"

namespace dims::msd {

// Older versions print a second field on the line of the first ("... 10:33 am    Operator: xy"). Returns the second
// field's value and cuts it off; `key` without its colon.
absl::string_view CutField(absl::string_view& value, absl::string_view key);

// Hyphens and blanks only.
bool IsRuler(absl::string_view line);

// The last line of a page or of a report: "Janis12min.M Thu Jun 06 18:09:06 2024      Page: 1".
struct Trailer {
  std::string printed_time;
  bool page = false;  // it has a page number
};
std::optional<Trailer> ParseTrailer(absl::string_view line);

// The digits of a number without its point; -1 where it is none.
absl::int128 Units(absl::string_view number);

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_TEXT_H_
