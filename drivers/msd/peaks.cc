#include "drivers/msd/peaks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "drivers/driver.h"
#include "drivers/msd/text.h"

namespace dims::msd {
namespace {

// Whether `percent` (units of 10^-places) can be 100 * part / whole within one unit of its last place, where `part` was
// rounded to whole counts and `whole` is known within +- slack / 2.
bool IsPercent(absl::int128 percent, absl::int128 part, absl::int128 whole, int slack, int places) {
  absl::int128 hundred = 100;
  for (int i = 0; i < places; ++i) hundred *= 10;
  // Doubled, so that half a count is whole: part +- 0.5 is 2 * part +- 1.
  const absl::int128 low = hundred * (2 * part - 1), high = hundred * (2 * part + 1);
  return (percent + 1) * (2 * whole + slack) >= low && (percent - 1) * (2 * whole - slack) <= high;
}

}  // namespace

void PeakSums::Add(const dims::v1::Peak& peak, uint64_t at, dims::v1::Report& report) {
  if (!(Units(peak.first_scan()) <= Units(peak.max_scan()) && Units(peak.max_scan()) <= Units(peak.last_scan()))) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("peak ", peak.number(), ": scans ", peak.first_scan(), ", ", peak.max_scan(), ", ",
                            peak.last_scan(), " are not in order"));
  }
  sum_ += Units(peak.area());
  largest_ = std::max(largest_, Units(peak.area()));
}

void PeakSums::CheckPercents(const dims::v1::Analysis& analysis, absl::int128 whole, int slack, uint64_t at,
                             dims::v1::Report& report) const {
  absl::int128 total = 0;
  for (const dims::v1::Finding& finding : analysis.findings()) {
    const dims::v1::Peak& peak = finding.peak();
    const absl::int128 area = Units(peak.area());
    total += Units(peak.area_percent());
    if (whole > 0 && !IsPercent(Units(peak.area_percent()), area, whole, slack, 3)) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
                 absl::StrCat("peak ", peak.number(), ": area ", peak.area(), " is not ", peak.area_percent(),
                              " % of the total"));
    }
    if (largest_ > 0 && !IsPercent(Units(peak.percent_of_max()), area, largest_, 1, 2)) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
                 absl::StrCat("peak ", peak.number(), ": area ", peak.area(), " is not ", peak.percent_of_max(),
                              " % of the largest"));
    }
  }
  const absl::int128 off = total > 100000 ? total - 100000 : 100000 - total;
  if (analysis.findings_size() > 0 && off > analysis.findings_size()) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
               absl::StrCat("the percentages of ", analysis.findings_size(), " peaks do not add up to 100"));
  }
}

}  // namespace dims::msd
