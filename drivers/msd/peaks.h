// What integrated peaks must agree on, wherever they are listed.
//
// What: the checks that an Area Percent Report and the [INT ...] sections of RESULTS.CSV share.
// Promise: exact arithmetic on the printed digits; a disagreement that rounding can explain is none.
// Errors: as problems in the report.
// Threads: values.
#ifndef DIMS_DRIVERS_MSD_PEAKS_H_
#define DIMS_DRIVERS_MSD_PEAKS_H_

#include "absl/numeric/int128.h"
#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::msd {

class PeakSums {
 public:
  // Adds one peak; its scans must be in order.
  void Add(const dims::v1::Peak& peak, uint64_t at, dims::v1::Report& report);
  // The peaks' percentages against `total`, which is right within +- `slack` / 2 counts.
  void CheckPercents(const dims::v1::Analysis& analysis, absl::int128 total, int slack, uint64_t at,
                     dims::v1::Report& report) const;
  absl::int128 sum() const { return sum_; }

 private:
  absl::int128 sum_ = 0, largest_ = 0;
};

}  // namespace dims::msd

#endif  // DIMS_DRIVERS_MSD_PEAKS_H_
