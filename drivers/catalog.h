// All drivers there are.
//
// What: the list that CMake generates from drivers/instruments/: a file foo.cc there defines `const Driver foo_driver`
//   (with external linkage), and that is all it takes.
// Promise: sorted by name; a file without its symbol does not link.
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
