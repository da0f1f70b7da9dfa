#include "drivers/decimal.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace dims {

std::optional<Decimal> Decimal::Parse(absl::string_view text) {
  Decimal value;
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int digits = 0;
  bool point = false;
  for (const char c : text) {
    if (absl::ascii_isdigit(c)) {
      value.units = value.units * 10 + (c - '0');
      value.scale += point ? 1 : 0;
      if (++digits > 18) return std::nullopt;
    } else if ((c == '.' || c == ',') && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (digits == 0) return std::nullopt;
  if (negative) value.units = -value.units;
  return value;
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

bool IsFixed(absl::string_view text, int places) {
  const std::size_t point = text.find_first_of(".,");
  return point != absl::string_view::npos && text.size() - point - 1 == static_cast<std::size_t>(places) &&
         IsDigits(text.substr(0, point)) && IsDigits(text.substr(point + 1));
}

}  // namespace dims
