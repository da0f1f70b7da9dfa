// All drivers that are built in.
//
// What: the list that CMake generates from drivers/instruments/: a file foo.cc there defines `const Driver foo_driver`
//   (with external linkage), a file foo.format.toml is one (format/format_file.h), and that is all it takes. Drivers
//   (drivers.h) has those that were found in a folder as well.
// Promise: sorted by name; a file without its symbol does not link; a format that is not right ends the program.
// Threads: immutable.
#ifndef DIMS_DRIVERS_CATALOG_H_
#define DIMS_DRIVERS_CATALOG_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/driver.h"

namespace dims {

absl::Span<const Driver* const> Catalog();

// nullptr where there is none of that name.
const Driver* FindDriver(absl::string_view name);

}  // namespace dims

#endif  // DIMS_DRIVERS_CATALOG_H_
