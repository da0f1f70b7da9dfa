// The part of a format file that says what a print-out looks like: [report] and [[table]], into a Layout.
//
// Errors: into `errors`, each with its line.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_FORMAT_LAYOUT_READER_H_
#define DIMS_DRIVERS_FORMAT_LAYOUT_READER_H_

#include "absl/strings/string_view.h"
#include "drivers/format/layout.h"
#include "drivers/toml.h"

namespace dims::format {

// The one key of [report] that is not of the layout.
inline constexpr absl::string_view kIdleKey = "idle_timeout";

Layout ReadLayout(const toml::table& root, TomlErrors& errors);

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_LAYOUT_READER_H_
