// The value of a result record (R 4): a number with its comparator, a text, or several things in one.
//
// Promise: a number is taken only where it is the one that was measured: the only one among the components, or the
//   second of two of which the first is a verdict ("-1^0.567": negative). A comparator counts where it stands in a
//   component of its own ("<^0.5"), too. Of any other numbers none is taken.
// Threads: pure.
// Source: ASTM E1394-97, 9.4; verdicts as Roche's analysers print them.
#ifndef DIMS_DRIVERS_ASTM_VALUE_H_
#define DIMS_DRIVERS_ASTM_VALUE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims {

struct AstmValue {
  // UNSPECIFIED: there is no number, and it does not say that nothing was detected.
  dims::v1::AmountQualifier qualifier = dims::v1::AMOUNT_QUALIFIER_UNSPECIFIED;
  absl::string_view number;  // as printed; empty where there is none
  bool unclear = false;      // there are several
};

AstmValue ReadAstmValue(const std::vector<absl::string_view>& components);

}  // namespace dims

#endif  // DIMS_DRIVERS_ASTM_VALUE_H_
