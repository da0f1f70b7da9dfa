#include "drivers/shimadzu/curve.h"

#include <google/protobuf/repeated_field.h>

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {
namespace {

constexpr std::size_t kLongestText = 128;

// Up to the next separator; what comes after it is left in `line`.
absl::string_view NextCell(absl::string_view& line, char separator) {
  const std::size_t end = line.find(separator);
  const absl::string_view cell = absl::StripAsciiWhitespace(line.substr(0, end));
  line = end == absl::string_view::npos ? absl::string_view() : line.substr(end + 1);
  return cell;
}

bool ToDouble(absl::string_view printed, double& value) {
  return absl::SimpleAtod(Point(printed), &value) && std::isfinite(value);
}

}  // namespace

bool Curve::BeginsAnother(absl::string_view text) {
  return text == "Profile Data" || absl::StartsWith(text, "Interval(msec)");
}

bool Curve::Take(absl::string_view text, char separator) {
  const absl::string_view first = NextCell(text, separator), second = NextCell(text, separator);
  return columns_ ? TakePoint(first, second) : TakeKey(first, second);
}

bool Curve::TakeKey(absl::string_view key, absl::string_view value) {
  if (absl::StrContains(value, "Intensity") && value.size() < kLongestText) {
    columns_ = true;
    if (key == "m/z") spectrum_.set_x_unit("m/z");
    if (absl::EndsWith(key, "(min)")) spectrum_.set_x_unit("min");
    return true;
  }
  if (key.empty() || absl::ascii_isdigit(key[0])) return false;
  if (key == "# of Points" || key == "# of Peaks") {
    return value.size() < 10 && absl::SimpleAtoi(value, &count_) && count_ >= 0;
  }
  if (key == "Intensity Multiplier") return ToDouble(value, multiplier_);
  if (value.size() > kLongestText) return true;
  if (key == "Intensity Units") spectrum_.set_y_unit(std::string(value));
  if (key == "m/z" || key == "Wavelength(nm)" || key == "Raw Spectrum") {
    spectrum_.set_title(absl::StrCat(title_, ": ", key, " ", value));
  }
  return true;
}

bool Curve::TakePoint(absl::string_view x, absl::string_view y) {
  if (!IsNumber(x) || !IsNumber(y)) return false;
  if (keep_) {
    double x_value = 0, y_value = 0;
    if (!ToDouble(x, x_value) || !ToDouble(y, y_value) || !std::isfinite(y_value * multiplier_)) return false;
    if (points_ == 0) spectrum_.set_first_x(Point(x));
    spectrum_.set_last_x(Point(x));
    spectrum_.set_points(static_cast<uint64_t>(points_ + 1));
    if (static_cast<std::size_t>(points_) < most_points_) {
      spectrum_.add_x(x_value);
      spectrum_.add_y(y_value * multiplier_);
    } else if (!overflown_) {
      overflown_ = true;
      google::protobuf::RepeatedField<double>().Swap(spectrum_.mutable_x());
      google::protobuf::RepeatedField<double>().Swap(spectrum_.mutable_y());
    }
  }
  ++points_;
  return true;
}

void Curve::Close(dims::v1::Report& report) const {
  if (count_ < 0) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at_,
               absl::StrCat("[", title_, "] does not say how many points it has; there are ", points_));
  } else if (points_ != count_) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
               absl::StrCat("[", title_, "] counts ", count_, " points; there are ", points_));
  }
  if (overflown_) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_OVERSIZE, at_,
               absl::StrCat("the ", points_, " points of [", title_,
                            "] are not kept: there is no room for more in one report"));
  }
}

}  // namespace dims::shimadzu
