#include "drivers/shimadzu/average.h"

#include <algorithm>
#include <optional>

#include "drivers/decimal.h"
#include "drivers/shimadzu/text.h"

namespace dims::shimadzu {
namespace {

// Of the last digit of a number that Micro takes, in millionths.
absl::int128 UnitOf(absl::string_view number) {
  absl::int128 unit = 1;
  for (int scale = Decimal::Parse(number)->scale; scale < 6; ++scale) unit *= 10;
  return unit;
}

}  // namespace

void Average::Add(absl::string_view cell) {
  if (!IsNumber(cell)) return;
  const std::optional<absl::int128> value = Micro(cell);
  comparable_ &= value.has_value();
  if (!value) return;
  sum_ += *value;
  unit_ = std::max(unit_, UnitOf(cell));
  ++count_;
  if (*value == 0) ++zeros_;
}

Average::Verdict Average::Check(absl::string_view printed) const {
  const std::optional<absl::int128> value = Micro(printed);
  if (!comparable_ || !value) return Verdict::kNotKnown;
  const absl::int128 unit = unit_ + UnitOf(printed);
  for (const int count : {count_, count_ - zeros_}) {
    const absl::int128 off = sum_ - *value * count;
    if (2 * (off < 0 ? -off : off) <= unit * count && (count > 0 || *value == 0)) return Verdict::kAgrees;
  }
  return Verdict::kDisagrees;
}

}  // namespace dims::shimadzu
