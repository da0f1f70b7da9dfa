// What the lines of all MSD reports have in common.
//
// What: keys and values of a header, the trailer, numbers and columns.
// Promise: nothing is changed but a decimal comma, which becomes a point. Columns count characters, not bytes, so that
//   an accented letter shifts nothing.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_MSD_TEXT_H_
#define DIMS_DRIVERS_MSD_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"

namespace dims::msd {

std::vector<absl::string_view> Words(absl::string_view text);

// "  Acq On    : 06 Jun 2024  17:27": the key, and the value without surrounding blanks.
struct KeyValue {
  absl::string_view key, value;
};
std::optional<KeyValue> ParseKeyValue(absl::string_view line);

// Older versions print a second field on the line of the first ("... 10:33 am    Operator: xy"). Returns the second
// field's value and cuts it off; `key` without its colon.
absl::string_view CutField(absl::string_view& value, absl::string_view key);

// Folders are named after people: only the file's own name is ever carried.
absl::string_view FileName(absl::string_view path);

// Hyphens and blanks only.
bool IsRuler(absl::string_view line);

// The last line of a page or of a report: "Janis12min.M Thu Jun 06 18:09:06 2024      Page: 1".
struct Trailer {
  std::string printed_time;
  bool page = false;  // it has a page number
};
std::optional<Trailer> ParseTrailer(absl::string_view line);

std::string Point(absl::string_view number);

// The digits of a number without its point; -1 where it is none.
absl::int128 Units(absl::string_view number);

// How many characters the text has, and the text from a column on, up to another.
std::size_t Width(absl::string_view utf8);
absl::string_view Columns(absl::string_view utf8, std::size_t from, std::size_t to = absl::string_view::npos);

// The column of the first character that is no blank.
std::size_t Indent(absl::string_view text);

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_TEXT_H_
