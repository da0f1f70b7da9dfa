// What print-outs and exported tables have in common, whoever made them.
//
// What: words, columns, keys with values, separated fields, numbers as printed.
// Promise: nothing is changed but a decimal comma, which becomes a point. Columns count characters, not bytes, so that
//   an accented letter shifts nothing. What is returned as a view lives as long as its argument.
// Errors: nullopt for what has not the form.
// Threads: pure functions.
// Source: RFC 4180 (quoted fields).
#ifndef DIMS_DRIVERS_TEXT_H_
#define DIMS_DRIVERS_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace dims {

// What stands between blanks and tabs. A line of print has seldom more words than have room without an allocation.
using WordList = absl::InlinedVector<absl::string_view, 16>;
WordList Words(absl::string_view text);

// "  Acq On    : 06 Jun 2024  17:27": the key, and the value without surrounding blanks.
struct KeyValue {
  absl::string_view key, value;
};
std::optional<KeyValue> ParseKeyValue(absl::string_view line);

// `"a ""b""",  1` as its two fields, without quotation marks and surrounding blanks. nullopt where a mark is not
// closed.
std::optional<std::vector<std::string>> SplitFields(absl::string_view text, char separator = ',');

// The two differ in one letter: changed, lost or added. A name that is known but for one letter was damaged; any other
// that is not known is of a version that has more.
bool IsSlip(absl::string_view a, absl::string_view b);

// Folders are named after people: only the file's own name is ever carried.
absl::string_view FileName(absl::string_view path);

// A printed number with a point for its comma.
std::string Point(absl::string_view number);

// How many characters the text has, and the text from a column on, up to another.
std::size_t CountCharacters(absl::string_view utf8);
absl::string_view Columns(absl::string_view utf8, std::size_t from, std::size_t to = absl::string_view::npos);

// The column of the first character that is no blank.
std::size_t Indent(absl::string_view text);

}  // namespace dims

#endif  // DIMS_DRIVERS_TEXT_H_
