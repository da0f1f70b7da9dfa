// (XY..XY), (XYW..XYW), (XYM..XYM): groups of numbers, an x and a y and others. (XYA), (XYMA), (XYWA): groups in
// parentheses that end with a text in "<>".
//
// A comma, a blank or a semicolon separates numbers as well as groups, so that they are counted: a line has whole
// groups. Two commas with nothing but blanks between are a value that is missing.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

bool IsComma(char c) { return c == ',' || c == ';'; }
bool IsSeparator(char c) { return absl::ascii_isspace(c) || IsComma(c) || c == '(' || c == ')'; }

class Pairs final : public Table {
 public:
  Pairs(const Axes& axes, const Columns& columns) : axes_(axes), columns_(columns) {
    for (Samples* samples : {&points_.x, &points_.y}) Expect(axes.points, *samples);
  }

  void Take(absl::string_view line, uint64_t at, OpenReport& out) override {
    if (full_) return;
    ++lines_;
    const char* const begin = line.data();
    const int before = points_.x.size();
    const char* const stop =
        columns_.text ? Assignments(begin, begin + line.size()) : Groups(begin, begin + line.size());
    // What is left of the line before may go on in this one.
    const bool is_open = !columns_.text && stop == begin + line.size();
    if (std::exchange(is_open_, is_open) && stop != nullptr) Truncate(before);
    if (stop != nullptr) {
      out.Add(
          dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at + (stop - begin),
          stop == begin + line.size()
              ? absl::StrCat("line ", lines_, " of the table ends within a group of ", columns_.count)
              : absl::StrCat("line ", lines_, " of the table: character ", stop - begin + 1, " is none of a number"));
    }
    if (!out.Hold(static_cast<std::size_t>(points_.x.size() - before) * OpenReport::kPoint, at)) {
      Truncate(before);
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

  std::unique_ptr<Table> Clone() const override { return std::make_unique<Pairs>(*this); }

 private:
  void Truncate(int points) {
    points_.x.Truncate(points);
    points_.y.Truncate(points);
  }

  void Add(double x, double y) {
    points_.x.Add(x);
    points_.y.Add(y);
  }

  // Reads what stands in a column; returns where it ends, or the character that stopped it.
  const char* Field(const char* at, const char* end, std::size_t column, double& value) const {
    Number number;
    const char* next = ReadNumber(at, end, Exponent::kAny, number);
    value = number.value;
    if (next == nullptr) {
      next = at;
      value = kNone;
      if (*at == '?') {
        ++next;
      } else if (absl::StartsWithIgnoreCase(absl::string_view(at, end - at), "NaN")) {
        next += 3;
      } else if (column >= carried() && absl::ascii_isalpha(*at)) {
        while (next < end && !IsSeparator(*next)) ++next;  // a multiplicity
      }
    }
    return next;
  }

  // Of so many columns, the first.
  std::size_t carried() const { return columns_.has_y ? 2 : 1; }

  // Reads the groups of a line; null, or the character that stopped it. A group that is cut adds nothing.
  const char* Groups(const char* at, const char* end) {
    std::size_t column = 0;
    double x = 0, y = kNone;
    bool has_comma = true;  // since the last field
    const auto take = [&](double value) {
      if (column == 0) x = value;
      if (column == 1 && columns_.has_y) y = value;
      if (++column < columns_.count) return;
      column = 0;
      Add(x, y);
    };
    // Of what is not carried, nothing needs to be there.
    const auto close = [&] {
      while (column >= carried()) take(kNone);
      return column == 0;
    };
    for (;;) {
      for (; at < end && IsSeparator(*at); ++at) {
        if (*at == ')') {
          if (!close()) return at;
          has_comma = false;
        } else if (IsComma(*at) && std::exchange(has_comma, true)) {
          if (column == 0) return at;
          take(kNone);
        }
      }
      if (IsAtEnd(at, end)) return close() ? nullptr : end;
      double value;
      const char* const next = Field(at, end, column, value);
      if (next == at || (next < end && !IsSeparator(*next))) return next;
      at = next;
      has_comma = false;
      take(value);
    }
  }

  // Likewise; a group in parentheses may go on in the next line. One that is damaged is passed over.
  const char* Assignments(const char* at, const char* end) {
    const char* stop = nullptr;
    while (at < end) {
      if (in_text_) {
        in_text_ = *at++ != '>';
      } else if (in_group_) {
        in_text_ = *at == '<';
        in_group_ = *at++ != ')';
      } else if (*at != '(' && IsSeparator(*at)) {
        ++at;
      } else {
        if (IsAtEnd(at, end)) return stop;
        in_group_ = *at == '(';
        double values[2] = {kNone, kNone};
        if (in_group_) ++at;
        const char* const here = Carried(at, end, values);
        if (here == nullptr) {
          Add(values[0], values[1]);
        } else if (stop == nullptr) {
          stop = here;
        }
        if (!in_group_) return stop;  // without parentheses the line is the group
      }
    }
    return stop;
  }

  // Reads the columns that are carried; null, or the character that stopped it.
  const char* Carried(const char*& at, const char* end, double* values) const {
    const auto skip_blanks = [&] {
      while (at < end && absl::ascii_isspace(*at)) ++at;
    };
    for (std::size_t column = 0; column < carried(); ++column) {
      skip_blanks();
      if (IsAtEnd(at, end)) return end;
      if (column == 0 || !IsComma(*at)) {
        const char* const next = Field(at, end, column, values[column]);
        if (next == at || (next < end && !IsSeparator(*next))) return next;
        at = next;
        skip_blanks();
      }
      if (at < end && IsComma(*at)) ++at;
    }
    return nullptr;
  }

  const Axes axes_;
  const Columns columns_;
  Points points_;
  int lines_ = 0;
  bool full_ = false;
  bool is_open_ = false;  // the line before ends within a group
  bool in_group_ = false, in_text_ = false;
};

}  // namespace

std::unique_ptr<Table> MakePairs(const Axes& axes, const Columns& columns) {
  return std::make_unique<Pairs>(axes, columns);
}

}  // namespace dims::jcamp
