#include "drivers/decimal.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace dims {

std::optional<Decimal> Decimal::Parse(absl::string_view text) {
  Decimal value;
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  int digits = 0;
  bool point = false, any = false;
  for (const char c : text) {
    if (absl::ascii_isdigit(c)) {
      value.units = value.units * 10 + (c - '0');
      value.scale += point ? 1 : 0;
      any = true;
      if (value.units != 0 && ++digits > 18) return std::nullopt;
    } else if ((c == '.' || c == ',') && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (!any) return std::nullopt;
  if (negative) value.units = -value.units;
  return value;
}

bool IsNumber(absl::string_view text) {
  const auto without_sign = [](absl::string_view t) {
    if (!absl::ConsumePrefix(&t, "-")) absl::ConsumePrefix(&t, "+");
    return t;
  };
  if (const std::size_t e = text.find_first_of("eE"); e != absl::string_view::npos) {
    if (!IsDigits(without_sign(text.substr(e + 1)))) return false;
    text = text.substr(0, e);
  }
  text = without_sign(text);
  const auto is_point = [](char c) { return c == '.' || c == ','; };
  return std::any_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return absl::ascii_isdigit(c) || is_point(c); }) &&
         std::count_if(text.begin(), text.end(), is_point) <= 1;
}

bool IsZero(absl::string_view text) {
  return IsNumber(text) && text.substr(0, text.find_first_of("eE")).find_first_of("123456789") == text.npos;
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
