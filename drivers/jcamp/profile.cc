// (X++(Y..Y)): an abscissa, then ordinates at equal distances.
//
// A line after one that ended with a difference (repeated or not) begins with the last value again. This is the
// standard's Y-value check, and all that a line of differences has to show for its bytes: where it fails, the report
// has a problem of type CHECKSUM, as for the X-sequence check (abscissas.h). The value as written is the one to go on
// from. The last line may have nothing but this value. (JCAMP-DX 4.24, 5.8 to 5.10 and 6.3.)
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/jcamp/abscissas.h"
#include "drivers/jcamp/ordinates.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {
namespace {

// Sums of differences with decimals are not exact.
bool AreEqual(double a, double b) { return a == b || std::abs(a - b) <= 1e-9 * std::max(std::abs(a), std::abs(b)); }

constexpr std::size_t kMostDoubts = 100;  // a report has no more problems

class Profile final : public Table {
 public:
  explicit Profile(const Axes& axes) : axes_(axes), abscissas_(axes) { Expect(axes.points, ordinates_.samples()); }

  void Take(absl::string_view line, uint64_t at, OpenReport& out) override {
    if (full_) return;
    const char* const begin = line.data();
    const char* const end = begin + line.size();
    Number label;
    const char* next = begin;
    while (next < end && Ordinates::IsBlank(*next)) ++next;
    next = ReadLabel(next, end, label);
    while (next != nullptr && next < end && Ordinates::IsBlank(*next)) ++next;
    if (next == nullptr || next == end || !Ordinates::BeginsValue(next, end)) {
      out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
              absl::StrCat("line ", lines_ + 1, " of the table has no abscissa and first ordinate"));
      unsure_ = has_lines_;
      ++lines_;
      return;
    }
    if (!std::exchange(has_lines_, true)) first_at_ = at;
    ++lines_;
    Place(label, next, at, begin, end, out);
    next = ordinates_.Read(next, end, out.room() / OpenReport::kPoint + 1);
    if (!IsAtEnd(next, end)) {
      unsure_ = true;
      out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at + (next - begin),
              absl::StrCat("line ", lines_, " of the table: character ", next - begin + 1, " is none of an ordinate"));
    }
    if (!out.Hold(static_cast<std::size_t>(size() - held_) * OpenReport::kPoint, at)) {
      ordinates_.samples().Truncate(held_);
      full_ = true;
    }
    held_ = size();
  }

  Points Finish(uint64_t at, OpenReport& out) override {
    const auto count = static_cast<std::size_t>(size());
    if (axes_.points && !full_ && *axes_.points != static_cast<double>(count)) {
      for (const Doubt& doubt : doubts_) out.Add(dims::v1::PROBLEM_TYPE_CHECKSUM, doubt.at, doubt.message);
      abscissas_.TrustDoubtful();
      out.Add(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("said to have ", Printed(*axes_.points), " points, there are ", count));
    }
    Points points;
    points.x = abscissas_.Fill(count);
    if (points.x.empty() && count > 0) {
      out.Add(dims::v1::PROBLEM_TYPE_MISSING, at,
              "nothing says the distance of the points: their abscissas are unknown");
    }
    CheckEnds(points.x, at, out);
    if (axes_.first_y && count > 0 && !BeginsWith(*axes_.first_y)) {
      out.Add(
          dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
          absl::StrCat("the first y is said to be ", Printed(axes_.first_y->value), ", it is ", Printed(first_y())));
    }
    Fit(ordinates_.samples());
    points.y.Swap(&ordinates_.samples());
    if (axes_.y_factor != 1) std::for_each(points.y.begin(), points.y.end(), [&](double& y) { y *= axes_.y_factor; });
    return points;
  }

  std::unique_ptr<Table> Clone() const override { return std::make_unique<Profile>(*this); }

 private:
  void CheckEnds(const Samples& x, uint64_t at, OpenReport& out) const {
    if (x.empty()) return;
    if (axes_.first_x && x[0] != axes_.first_x->value) {
      out.Add(dims::v1::PROBLEM_TYPE_INCONSISTENT, first_at_,
              absl::StrCat("the first x is said to be ", Printed(axes_.first_x->value), ", the table begins at ",
                           Printed(x[0])));
    }
    const double last = x[x.size() - 1];
    const bool counted = !axes_.points || *axes_.points == static_cast<double>(x.size());
    const double step = x.size() > 1 ? (last - x[0]) / (x.size() - 1) : 0;
    if (axes_.last_x && counted &&
        std::abs(last - axes_.last_x->value) > std::abs(step) / 2 + Resolution(*axes_.last_x)) {
      out.Add(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
              absl::StrCat("the last x is said to be ", Printed(axes_.last_x->value), ", the table ends at ",
                           Printed(last)));
    }
  }

  int size() const { return ordinates_.samples().size(); }
  // As it is, with its factor.
  double first_y() const { return ordinates_.samples()[0] * axes_.y_factor; }

  // "4.0E2 1 2": with an exponent, where none of the ordinates has letters; else the letter is the first of them.
  static const char* ReadLabel(const char* at, const char* end, Number& label) {
    const char* const past = ReadNumber(at, end, Exponent::kSigned, label);
    if (past == nullptr || past == end || (*past | 0x21) != 'e') return past;
    Number with_exponent;
    const char* const further = ReadNumber(at, end, Exponent::kAny, with_exponent);
    const char* next = further;
    while (next < end && Ordinates::IsBlank(*next)) ++next;
    if (further == past || next == further || next == end || absl::ascii_isalpha(*next) || IsAtEnd(next, end))
      return past;
    label = with_exponent;
    return further;
  }

  // Programs take the first y from the measured value, the ordinate from the rounded one.
  bool BeginsWith(const Number& said) const {
    const double tolerance = std::abs(axes_.y_factor) + Resolution(said) + 1e-3 * std::abs(said.value);
    return !(std::abs(first_y() - said.value) > tolerance);
  }

  void Say(Abscissas::Verdict verdict, const Number& label, uint64_t at, OpenReport& out) {
    if (verdict == Abscissas::kNoScale) {
      if (std::exchange(no_scale_, true)) return;
      out.Add(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
              absl::StrCat("line ", lines_, " of the table begins at ", Printed(label.value),
                           ": no distance of points that the header gives explains it"));
      return;
    }
    std::string message = absl::StrCat("X check: line ", lines_, " of the table begins at ", Printed(label.value),
                                       ", the ", size(), " points before it end at ", Printed(abscissas_.expected()));
    if (verdict == Abscissas::kElsewhere) {
      out.Add(dims::v1::PROBLEM_TYPE_CHECKSUM, at, message);
    } else if (doubts_.size() < kMostDoubts) {
      doubts_.push_back({at, std::move(message)});
    }
  }

  // Where the line stands, and whether its first ordinate, at `next`, is only the last one's check; `next` is then past
  // it.
  void Place(const Number& label, const char*& next, uint64_t at, const char* begin, const char* end, OpenReport& out) {
    const bool repeats = ordinates_.differs();
    const bool unsure = std::exchange(unsure_, false);
    const Abscissas::Verdict verdict = abscissas_.Take(label, static_cast<std::size_t>(size()), repeats, unsure);
    if (verdict != Abscissas::kAgrees) Say(verdict, label, at, out);
    if (!repeats || abscissas_.moved()) return;
    const double before = ordinates_.value();
    const char* const past = ordinates_.ReadValue(next, end);
    if (past == nullptr) return;
    if (!unsure && !AreEqual(ordinates_.value(), before)) {
      out.Add(dims::v1::PROBLEM_TYPE_CHECKSUM, at + (next - begin),
              absl::StrCat("Y check: line ", lines_, " of the table begins with ", Printed(ordinates_.value()),
                           ", the line before ends with ", Printed(before)));
    }
    next = past;
  }

  // A line that may have lost a point, if the count says so in the end.
  struct Doubt {
    uint64_t at;
    std::string message;
  };

  const Axes axes_;
  Abscissas abscissas_;
  std::vector<Doubt> doubts_;
  Ordinates ordinates_;
  int held_ = 0;  // so many have room
  int lines_ = 0;
  uint64_t first_at_ = 0;
  bool has_lines_ = false;
  bool full_ = false;      // no more is interpreted
  bool no_scale_ = false;  // has been said
  bool unsure_ = false;    // the line before was not read to its end
};

}  // namespace

std::unique_ptr<Table> MakeProfile(const Axes& axes) { return std::make_unique<Profile>(axes); }

}  // namespace dims::jcamp
