// What an instrument printed, on a person's terminal.
//
// What: makes text of any origin harmless, and fits it into columns.
// Promise: no control character, escape sequence or mark that reorders text gets through, whatever the bytes: each
//   becomes U+FFFD (or, where asked, an escape), as does what is no UTF-8. What comes out has exactly the width that
//   was asked for.
// Units: columns of a terminal. A letter of Chinese, Japanese or Korean and an emoji take two, a combining mark none;
//   what a terminal draws differently (ambiguous width, joined emoji) is off by a column.
// Threads: pure functions.
// Source: Unicode 15, EastAsianWidth.txt (W, F); UAX 9, table 4 (directional formatting); ECMA-48 (C0, C1).
#ifndef DIMS_PROTO_TERMINAL_TEXT_H_
#define DIMS_PROTO_TERMINAL_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace dims {

// Line ends and tabs are control characters too: what comes out is one line.
std::string Printable(absl::string_view text);

// What would be harmful as C escapes, byte by byte ("\\302\\233"), for text that a program reads too. Line feeds stay.
std::string Escaped(absl::string_view text);

// Of text that is Printable.
std::size_t Columns(absl::string_view text);

// Text that is Printable, filled with blanks or cut to `columns`. "…" stands where it was cut.
std::string Fit(absl::string_view text, std::size_t columns);

}  // namespace dims

#endif  // DIMS_PROTO_TERMINAL_TEXT_H_
