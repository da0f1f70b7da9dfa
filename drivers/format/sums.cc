#include "drivers/format/sums.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"

namespace dims::format {
namespace {

// Further apart, numbers of 18 digits cannot be added in 128 bits; no sum of real figures is.
constexpr int kWidest = 15;

struct Printed {
  absl::int128 units;
  int power;  // the value is units * 10^power, and the last printed place 10^power
};

std::optional<Printed> ParsePrinted(absl::string_view text) {
  const std::size_t e = std::min(text.find_first_of("Ee"), text.size());
  const std::optional<Decimal> mantissa = Decimal::Parse(text.substr(0, e));
  int power = 0;
  if (!mantissa || (e < text.size() && !absl::SimpleAtoi(text.substr(e + 1), &power))) return std::nullopt;
  if (power < -999 || power > 999) return std::nullopt;
  return Printed{mantissa->units, power - mantissa->scale};
}

absl::int128 PowerOfTen(int power) {
  absl::int128 value = 1;
  while (power-- > 0) value *= 10;
  return value;
}

// Whether they add up to `total`; nullopt where that cannot be told.
std::optional<bool> AddUp(const std::vector<Printed>& parts, const Printed& total) {
  int low = total.power, high = total.power;
  for (const Printed& part : parts) {
    low = std::min(low, part.power);
    high = std::max(high, part.power);
  }
  if (high - low > kWidest) return std::nullopt;
  absl::int128 off = total.units * PowerOfTen(total.power - low), slack = PowerOfTen(total.power - low);
  for (const Printed& part : parts) {
    off -= part.units * PowerOfTen(part.power - low);
    slack += PowerOfTen(part.power - low);
  }
  return (off < 0 ? -off : off) <= slack;
}

void Check(const Sum& sum, const dims::v1::Analysis& analysis, uint64_t at, dims::v1::Report& report) {
  const std::string total_text = sum.total == nullptr ? sum.number : Get(*sum.total, analysis);
  const std::optional<Printed> total = ParsePrinted(total_text);
  std::vector<Printed> parts;
  bool exact = total.has_value();
  for (const dims::v1::Finding& finding : analysis.findings()) {
    const std::string text = Get(*sum.of, finding);
    if (text.empty()) continue;
    const std::optional<Printed> part = ParsePrinted(text);
    exact = exact && part.has_value();
    if (part) parts.push_back(*part);
  }
  if (total_text.empty() || (sum.total == nullptr && parts.empty())) return;
  const std::optional<bool> agree = exact ? AddUp(parts, *total) : std::nullopt;
  if (agree == true) return;
  AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
             agree ? absl::StrCat("the ", parts.size(), " values of ", sum.of->name, " do not add up to ", total_text)
                   : absl::StrCat(sum.of->name, " cannot be added up: the figures are too far apart, or too long"));
}

}  // namespace

void CheckSums(absl::Span<const Sum> sums, const dims::v1::Analysis& analysis, uint64_t at, dims::v1::Report& report) {
  for (const Sum& sum : sums) Check(sum, analysis, at, report);
}

}  // namespace dims::format
