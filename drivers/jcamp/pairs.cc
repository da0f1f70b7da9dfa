// (XY..XY), (XYW..XYW), (XYM..XYM): groups of numbers, an x and a y and others. (XYA), (XYMA), (XYWA): groups in
// parentheses that end with a text in "<>".
//
// A comma, a blank or a semicolon separates numbers as well as groups, so that they are counted: a line has whole
// groups. Of "176,36, 32822,795" nothing but the header's first x says that its commas are points (SpectraSuite under a
// language that writes them so).
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {
namespace {

bool IsSeparator(char c) { return absl::ascii_isspace(c) || c == ',' || c == ';' || c == '(' || c == ')'; }

bool AreEqual(double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

class Pairs final : public Table {
 public:
  Pairs(const Axes& axes, const Columns& columns) : axes_(axes), columns_(columns) {
    for (Samples* samples : {&points_.x, &points_.y}) Expect(axes.points, *samples);
  }

  void Take(absl::string_view line, uint64_t at, OpenReport& out) override {
    if (full_) return;
    std::string pointed;
    if (lines_++ == 0) decimal_comma_ = HasDecimalComma(line);
    if (decimal_comma_) line = pointed = WithPoints(line);
    const char* const begin = line.data();
    const int before = points_.x.size();
    const char* const stop =
        columns_.text ? Assignments(begin, begin + line.size()) : Groups(begin, begin + line.size());
    if (stop != nullptr) {
      out.Add(
          dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at + (stop - begin),
          stop == begin + line.size()
              ? absl::StrCat("line ", lines_, " of the table ends within a group of ", columns_.count)
              : absl::StrCat("line ", lines_, " of the table: character ", stop - begin + 1, " is none of a number"));
    }
    if (!out.Hold(static_cast<std::size_t>(points_.x.size() - before) * OpenReport::kPoint, at)) {
      points_.x.Truncate(before);
      points_.y.Truncate(before);
      full_ = true;
    }
  }

  Points Finish(uint64_t at, OpenReport& out) override {
    if (axes_.points && !full_ && *axes_.points != static_cast<double>(points_.x.size())) {
      out.Add(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("said to have ", Printed(*axes_.points), " points, there are ", points_.x.size()));
    }
    for (Samples* samples : {&points_.x, &points_.y}) Fit(*samples);
    if (axes_.x_factor != 1) std::for_each(points_.x.begin(), points_.x.end(), [&](double& x) { x *= axes_.x_factor; });
    if (axes_.y_factor != 1) std::for_each(points_.y.begin(), points_.y.end(), [&](double& y) { y *= axes_.y_factor; });
    return std::move(points_);
  }

 private:
  bool HasDecimalComma(absl::string_view line) const {
    if (!axes_.first_x || absl::StrContains(line, '.')) return false;
    line = absl::StripLeadingAsciiWhitespace(line);
    Number plain, pointed;
    const std::string with_points = WithPoints(line);
    if (ReadNumber(line.data(), line.data() + line.size(), Exponent::kAny, plain) == nullptr ||
        ReadNumber(with_points.data(), with_points.data() + with_points.size(), Exponent::kAny, pointed) == nullptr) {
      return false;
    }
    const double first = axes_.first_x->value;
    return !AreEqual(plain.value * axes_.x_factor, first) && AreEqual(pointed.value * axes_.x_factor, first);
  }

  // Reads the groups of a line; null, or the character that stopped it. A group that is cut adds nothing.
  const char* Groups(const char* at, const char* end) {
    std::size_t column = 0;
    double x = 0, y = 0;
    for (;;) {
      while (at < end && IsSeparator(*at)) ++at;
      if (IsAtEnd(at, end)) return column == 0 ? nullptr : end;
      Number number;
      if (*at == '?') {
        number.value = std::numeric_limits<double>::quiet_NaN();
        ++at;
      } else if (const char* const next = ReadNumber(at, end, Exponent::kAny, number)) {
        at = next;
      } else if (column != columns_.x && column != columns_.y && absl::ascii_isalpha(*at)) {
        while (at < end && !IsSeparator(*at)) ++at;  // a multiplicity
      } else {
        return at;
      }
      if (at < end && !IsSeparator(*at)) return at;
      if (column == columns_.x) x = number.value;
      if (column == columns_.y) y = number.value;
      if (++column < columns_.count) continue;
      column = 0;
      points_.x.Add(x);
      points_.y.Add(y);
    }
  }

  // Likewise; a group in parentheses may go on in the next line.
  const char* Assignments(const char* at, const char* end) {
    while (at < end) {
      if (in_text_) {
        in_text_ = *at++ != '>';
      } else if (in_group_) {
        in_text_ = *at == '<';
        in_group_ = *at++ != ')';
      } else if (*at != '(' && IsSeparator(*at)) {
        ++at;
      } else {
        if (IsAtEnd(at, end)) return nullptr;
        in_group_ = *at == '(';
        Number numbers[2];
        for (Number& number : numbers) {
          while (at < end && IsSeparator(*at)) ++at;
          const char* const next = ReadNumber(at, end, Exponent::kAny, number);
          if (next == nullptr || (next < end && !IsSeparator(*next))) return at;
          at = next;
        }
        points_.x.Add(numbers[columns_.x].value);
        points_.y.Add(numbers[columns_.y].value);
        if (!in_group_) return nullptr;  // without parentheses the line is the group
      }
    }
    return nullptr;
  }

  const Axes axes_;
  const Columns columns_;
  Points points_;
  int lines_ = 0;
  bool decimal_comma_ = false;
  bool full_ = false;
  bool in_group_ = false, in_text_ = false;
};

}  // namespace

std::unique_ptr<Table> MakePairs(const Axes& axes, const Columns& columns) {
  return std::make_unique<Pairs>(axes, columns);
}

}  // namespace dims::jcamp
