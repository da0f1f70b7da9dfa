#include "drivers/astm_value.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"

namespace dims {
namespace {

using dims::v1::AmountQualifier;

AmountQualifier ConsumeComparator(absl::string_view& text) {
  AmountQualifier qualifier = dims::v1::AMOUNT_QUALIFIER_EQUAL;
  if (absl::ConsumePrefix(&text, "<") || absl::ConsumePrefix(&text, "\u2264")) {
    qualifier = dims::v1::AMOUNT_QUALIFIER_LESS_THAN;
  } else if (absl::ConsumePrefix(&text, ">") || absl::ConsumePrefix(&text, "\u2265")) {
    qualifier = dims::v1::AMOUNT_QUALIFIER_GREATER_THAN;
  }
  if (qualifier != dims::v1::AMOUNT_QUALIFIER_EQUAL) absl::ConsumePrefix(&text, "=");
  text = absl::StripAsciiWhitespace(text);
  return qualifier;
}

// Negative, doubtful, positive.
bool IsVerdict(const AstmValue& value) {
  return value.qualifier == dims::v1::AMOUNT_QUALIFIER_EQUAL &&
         (value.number == "-1" || value.number == "0" || value.number == "1");
}

bool SaysNotDetected(absl::string_view text) {
  return absl::EqualsIgnoreCase(text, "not detected") || absl::EqualsIgnoreCase(text, "n.d.");
}

}  // namespace

AstmValue ReadAstmValue(const std::vector<absl::string_view>& components) {
  constexpr AmountQualifier kNone = dims::v1::AMOUNT_QUALIFIER_EQUAL;
  std::vector<AstmValue> numbers;
  int texts = 0;
  bool not_detected = false;
  AmountQualifier comparator = kNone;  // in a component of its own, before the one at hand
  for (absl::string_view text : components) {
    text = absl::StripAsciiWhitespace(text);
    if (text.empty()) continue;
    AmountQualifier own = ConsumeComparator(text);
    if (text.empty()) {
      comparator = own;
    } else if (IsNumber(text)) {
      const AmountQualifier before = std::exchange(comparator, kNone);
      numbers.push_back({before != kNone ? before : own, text});
    } else {
      ++texts;
      not_detected |= SaysNotDetected(text);
    }
  }
  AstmValue value;
  if (numbers.empty()) {
    if (not_detected) value.qualifier = dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED;
    return value;
  }
  const bool judged = numbers.size() == 2 && texts == 0 && IsVerdict(numbers[0]);
  value.unclear = comparator != kNone || (numbers.size() > 1 && !judged);
  return value.unclear ? value : numbers.back();
}

}  // namespace dims
