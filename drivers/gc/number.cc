#include "drivers/gc/number.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"

namespace dims::gc {
namespace {

constexpr int kPlaces = 15;      // of a sum
constexpr int kMostDigits = 33;  // of one addend, in units of a sum: ten thousand of them fit 128 bits

absl::int128 PowerOfTen(int exponent) {
  absl::int128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

int Digits(absl::int128 number) {
  int digits = 0;
  for (; number != 0; number /= 10) ++digits;
  return digits;
}

// A number's half units of 10^-kPlaces, and those of its last digit; nullopt where they are too many.
struct Halves {
  absl::int128 number = 0, unit = 0;
};
std::optional<Halves> InHalves(const Number& number) {
  const int up = kPlaces - number.scale;
  if (up < 0) {
    const absl::int128 power = PowerOfTen(std::min(-up, kMostDigits));
    return Halves{2 * (number.units / power), 2};
  }
  if (up > kMostDigits || Digits(number.units) + up > kMostDigits) return std::nullopt;
  return Halves{2 * number.units * PowerOfTen(up), 2 * PowerOfTen(up)};
}

// Where a number can have been before it was rounded, in half units of 10^-scale, to ten digits and outwards.
struct Range {
  absl::int128 low = 0, high = 0;
  int scale = 0;
};
Range RangeOf(const Number& number) {
  constexpr absl::int128 kMost = 20000000000;
  Range range{std::max<absl::int128>(2 * number.units - 1, 0), 2 * number.units + 1, number.scale};
  for (; range.high > kMost; --range.scale) {
    range.low /= 10;
    range.high = (range.high + 9) / 10;
  }
  return range;
}

}  // namespace

std::optional<Number> Number::Parse(absl::string_view text) {
  int exponent = 0;
  const std::size_t e = text.find_first_of("eE");
  if (e != absl::string_view::npos) {
    const absl::string_view digits = text.substr(e + 1);
    if (digits.empty() || digits.size() > 4 || !absl::SimpleAtoi(digits, &exponent) || exponent > 99 ||
        exponent < -99) {
      return std::nullopt;
    }
    text = text.substr(0, e);
  }
  const std::optional<Decimal> mantissa = Decimal::Parse(text);
  if (!mantissa) return std::nullopt;
  return Number{mantissa->units, mantissa->scale - exponent};
}

void Sum::Add(const Number& number) {
  ++count_;
  const std::optional<Halves> halves = InHalves(number);
  comparable_ &= halves.has_value();
  if (!halves) return;
  sum_ += halves->number / 2;
  slack_ += halves->unit;
}

bool Sum::CanBe(const Number& total) const {
  const std::optional<Halves> halves = InHalves(total);
  if (!comparable_ || !halves) return true;
  const absl::int128 twice = 2 * sum_ - halves->number;
  // Half a unit of the last digit of each addend and of the total, and as much again: a data system may round a sum of
  // binary numbers either way.
  return (twice < 0 ? -twice : twice) <= slack_ / 2 + halves->unit;
}

Number Sum::AsNumber() const { return {sum_, kPlaces}; }

std::string Sum::Text(int places) const {
  if (!comparable_) return "more than can be added up here";
  places = std::clamp(places, 0, kPlaces);
  const absl::int128 size = (sum_ < 0 ? -sum_ : sum_) / PowerOfTen(kPlaces - places), power = PowerOfTen(places);
  const auto digits = [](absl::int128 number) {
    std::string text;
    for (; number != 0 || text.empty(); number /= 10) text += static_cast<char>('0' + static_cast<int>(number % 10));
    std::reverse(text.begin(), text.end());
    return text;
  };
  std::string text = absl::StrCat(sum_ < 0 ? "-" : "", digits(size / power));
  if (places == 0) return text;
  const std::string fraction = digits(size % power);
  return absl::StrCat(text, ".", std::string(static_cast<std::size_t>(places) - fraction.size(), '0'), fraction);
}

bool IsLess(const Number& a, const Number& b) {
  const int up = a.scale - b.scale;
  if (up > 18 || up < -18) return false;
  return a.units * PowerOfTen(-up) < b.units * PowerOfTen(up);
}

bool CanBePercent(const Number& percent, const Number& part, const Number& whole) {
  if (percent.units < 0 || part.units < 0 || whole.units < 0) return true;
  const Range p = RangeOf(percent), a = RangeOf(part), w = RangeOf(whole);
  // percent * whole against 100 * part, in quarters of 10^-(p.scale + w.scale) and of 10^-a.scale.
  absl::int128 left_low = p.low * w.low, left_high = p.high * w.high;
  absl::int128 right_low = 200 * a.low, right_high = 200 * a.high;
  const int up = p.scale + w.scale - a.scale;
  if (up > 16 || up < -16) return true;
  (up > 0 ? right_low : left_low) *= PowerOfTen(up > 0 ? up : -up);
  (up > 0 ? right_high : left_high) *= PowerOfTen(up > 0 ? up : -up);
  return left_low <= right_high && right_low <= left_high;
}

}  // namespace dims::gc
