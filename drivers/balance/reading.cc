#include "drivers/balance/reading.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::balance {
namespace {

// As the manuals have them: MT-SICS (M21), SBI, A&D, and KERN, some in capital letters.
constexpr absl::string_view kWeightUnits[] = {
    "g",   "kg",  "mg", "ug", "\u00b5g", "\u03bcg", "t",   "ct",  "lb",  "oz",  "ozt",  "GN",   "dwt",
    "mom", "msg", "MS", "tl", "tlh",     "tls",     "tlt", "tlc", "tol", "bat", "tola", "baht", "G",
    "KG",  "MG",  "CT", "LB", "OZ",      "OT",      "DW",  "GR",  "TL",  "MO",  "to",   "gn"};
constexpr absl::string_view kOtherUnits[] = {"pcs", "PCS", "Pcs", "PC", "%", "DS", "N"};

template <std::size_t n>
bool IsOneOf(absl::string_view unit, const absl::string_view (&units)[n]) {
  return std::find(std::begin(units), std::end(units), unit) != std::end(units);
}

}  // namespace

Reading Traffic() { return {}; }

Reading NewBeginning() { return {.pan_begins_anew = true}; }

Reading State(absl::string_view message) {
  return {.kind = Reading::Kind::kState,
          .problem = dims::v1::PROBLEM_TYPE_INSTRUMENT,
          .message = std::string(message),
          .pan_begins_anew = true};
}

Reading Refusal(absl::string_view message) {
  Reading refusal = State(message);
  refusal.pan_begins_anew = false;
  return refusal;
}

Reading Damaged(absl::string_view message) {
  return {.kind = Reading::Kind::kDamaged,
          .problem = dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE,
          .message = std::string(message)};
}

Reading Weighed(bool stable, absl::string_view value, absl::string_view unit, dims::v1::WeighingKind kind) {
  const bool other = IsOneOf(unit, kOtherUnits);
  if (stable && other) return State(absl::StrCat(value, " ", unit, ": this is no weight"));
  if (stable && unit.empty()) return State("a number without a unit: it is no weight");
  if (!unit.empty() && !other && !IsOneOf(unit, kWeightUnits)) {
    Reading unknown = Damaged("a unit that is none of weight known here; not taken as a weight");
    unknown.problem = dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN;
    return unknown;
  }
  return {.kind = stable ? Reading::Kind::kStable : Reading::Kind::kUnstable,
          .value = std::string(value),
          .unit = std::string(unit),
          .weighing_kind = kind};
}

std::optional<std::string> NumberIn(absl::string_view field) {
  absl::string_view digits = absl::StripLeadingAsciiWhitespace(field);
  std::string number;
  if (!digits.empty() && (digits[0] == '+' || digits[0] == '-')) {
    number = digits[0];
    digits = absl::StripLeadingAsciiWhitespace(digits.substr(1));
  }
  if (digits.empty() || !absl::ascii_isdigit(digits.front()) || !absl::ascii_isdigit(digits.back()) ||
      !Decimal::Parse(digits)) {
    return std::nullopt;
  }
  return absl::StrCat(number, Point(digits));
}

std::optional<std::string> InFull(absl::string_view line, std::size_t width) {
  const std::size_t size = CountCharacters(line);
  if (size > width || line.empty() || (size < width && line.back() == ' ')) return std::nullopt;
  return absl::StrCat(line, std::string(width - size, ' '));
}

}  // namespace dims::balance
