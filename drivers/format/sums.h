// Whether what a report prints adds up.
//
// What: the sums a format states, and printed numbers as exact values with the place of their last digit.
// Promise: no binary floating point. Each number may be off by one unit of its last printed place, by rounding or by
//   cutting off; a disagreement that this can explain is none. What is not printed is not checked.
// Errors: as SUM_MISMATCH problems in the report.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_FORMAT_SUMS_H_
#define DIMS_DRIVERS_FORMAT_SUMS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "dims/v1/report.pb.h"
#include "drivers/format/layout.h"

namespace dims::format {

void CheckSums(absl::Span<const Sum> sums, const dims::v1::Analysis& analysis, uint64_t at, dims::v1::Report& report);

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_SUMS_H_
