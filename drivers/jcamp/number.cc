#include "drivers/jcamp/number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims::jcamp {
namespace {

constexpr int64_t kMostExact = int64_t{1} << 53;
constexpr int kMostExponent = 9999;  // beyond it a double is zero or infinite anyway

// The first comma from `from` on that may be a point.
std::size_t NextDecimalComma(absl::string_view line, std::size_t from) {
  std::size_t at = line.find(',', from);
  for (; at != absl::string_view::npos; at = line.find(',', at + 1)) {
    if (at == 0 || at + 1 == line.size() || !IsDigit(line[at - 1]) || !IsDigit(line[at + 1])) continue;
    std::size_t begin = at;
    while (begin > 0 && IsDigit(line[begin - 1])) --begin;
    if (begin == 0 || line[begin - 1] != '.') return at;
  }
  return at;
}

// Where the exponent ends that may begin at `at`; `at` where none does.
const char* ReadExponent(const char* at, const char* end, Exponent form, int& exponent) {
  if (end - at < 2 || (form == Exponent::kSigned ? *at | 0x20 : *at | 0x21) != 'e') return at;
  const char* digit = at + 1;
  const bool is_signed = *digit == '+' || *digit == '-';
  if (is_signed ? ++digit == end : form == Exponent::kSigned) return at;
  if (!IsDigit(*digit)) return at;
  int power = 0;
  for (; digit < end && IsDigit(*digit); ++digit) power = std::min(power * 10 + (*digit - '0'), kMostExponent);
  exponent += at[1] == '-' ? -power : power;
  return digit;
}

// By the library, for what one multiplication cannot do.
double Slowly(std::string text, int exponent) {
  for (char& c : text) c = (c | 0x20) == 'd' ? 'e' : c;
  double value = 0;
  const std::from_chars_result result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range) value = exponent > 0 ? HUGE_VAL : 0;
  return value;
}

// Reads a number without sign. `leading`: the digit that the first character stands for, -1 where it is none.
const char* ReadUnsigned(const char* at, const char* end, Exponent form, int leading, Number& number) {
  constexpr int kMostDigits = 18;  // fit in 63 bits
  const char* next = at;
  int64_t units = 0;
  if (leading >= 0) units = leading, ++next;
  for (; next < end && IsDigit(*next); ++next) units = next - at < kMostDigits ? units * 10 + (*next - '0') : units;
  auto digits = next - at;
  int exponent = 0;
  if (next < end && *next == '.') {
    const char* const point = next++;
    for (; next < end && IsDigit(*next); ++next) units = digits++ < kMostDigits ? units * 10 + (*next - '0') : units;
    exponent = static_cast<int>(point + 1 - next);
  }
  if (digits == 0) return nullptr;
  next = ReadExponent(next, end, form, exponent);
  number.last_digit = exponent;
  if (digits <= kMostDigits && exponent == 0) {
    number.value = static_cast<double>(units);
  } else if (digits <= kMostDigits && units <= kMostExact && std::abs(exponent) <= kMostExactPower) {
    const auto exact = static_cast<double>(units);
    number.value = exponent < 0 ? exact / kPowersOfTen[-exponent] : exact * kPowersOfTen[exponent];
  } else if (leading < 0) {
    number.value = Slowly(std::string(at, next), exponent);
  } else {
    number.value = Slowly(absl::StrCat(leading, absl::string_view(at + 1, next - at - 1)), exponent);
  }
  return next;
}

}  // namespace

const char* ReadLongNumber(const char* at, const char* end, Exponent exponent, Number& number) {
  const bool negative = at < end && *at == '-';
  if (at < end && (*at == '-' || *at == '+')) ++at;
  const char* const next = ReadUnsigned(at, end, exponent, -1, number);
  if (negative) number.value = -number.value;
  return next;
}

Digits ReadLongDigits(const char* at, const char* end, int digit) {
  Number number;
  const char* const next = ReadUnsigned(at, end, Exponent::kSigned, digit, number);
  return {next, number.value};
}

std::optional<Number> ParseNumber(absl::string_view text) {
  std::string pointed = WithPoints(absl::StripAsciiWhitespace(text));
  if (!pointed.empty() && pointed.back() == ',') pointed.back() = '.';
  Number number;
  const char* const end = pointed.data() + pointed.size();
  if (ReadNumber(pointed.data(), end, Exponent::kAny, number) != end) return std::nullopt;
  return number;
}

std::string Printed(double value) { return absl::StrFormat("%.12g", value); }

bool HasDecimalComma(absl::string_view line) { return NextDecimalComma(line, 0) != absl::string_view::npos; }

std::string WithPoints(absl::string_view line) {
  std::string out(line);
  std::size_t comma = 0;
  while ((comma = NextDecimalComma(out, comma)) != absl::string_view::npos) out[comma] = '.';
  return out;
}

}  // namespace dims::jcamp
