#include "drivers/cas.h"

#include "absl/strings/match.h"
#include "drivers/decimal.h"

namespace dims {

std::optional<Cas> ParseCas(absl::string_view printed) {
  if (printed.size() < 7 || printed.size() > 12) return std::nullopt;
  const absl::string_view first = printed.substr(0, printed.size() - 5), rest = printed.substr(printed.size() - 5);
  if (!IsDigits(first) || rest[0] != '-' || !IsDigits(rest.substr(1, 2)) || rest[3] != '-' ||
      !IsDigits(rest.substr(4))) {
    return std::nullopt;
  }
  int sum = 0, weight = 0;
  for (std::size_t i = printed.size() - 2; i-- > 0;) {
    if (printed[i] != '-') sum += ++weight * (printed[i] - '0');
  }
  if (sum == 0 && rest[4] == '0') return Cas{Cas::kAbsent, ""};
  std::size_t padding = first.find_first_not_of('0');
  if (padding == absl::string_view::npos || padding > first.size() - 2) padding = first.size() - 2;
  Cas cas{sum % 10 == rest[4] - '0' ? Cas::kRegistry : Cas::kWrongCheckDigit, std::string(printed.substr(padding))};
  if (first.size() == 7 && absl::StartsWith(first, "1000")) cas.kind = Cas::kLibrary;
  return cas;
}

}  // namespace dims
