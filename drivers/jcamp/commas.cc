#include "drivers/jcamp/commas.h"

#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"

namespace dims::jcamp {
namespace {

constexpr std::size_t kMostWaiting = 64 * 1024;
constexpr double kAlike = 1e-9;

// The number that the line begins with, times `factor`, is the one that was announced.
bool Begins(absl::string_view line, double factor, const Number& said) {
  line = absl::StripLeadingAsciiWhitespace(line);
  Number number;
  return ReadNumber(line.data(), line.data() + line.size(), Exponent::kSigned, number) != nullptr &&
         std::abs(number.value * factor - said.value) <= kAlike * std::abs(said.value);
}

bool HasPoint(absl::string_view lines) {
  for (std::size_t i = lines.find('.'); i != absl::string_view::npos; i = lines.find('.', i + 1)) {
    if ((i > 0 && IsDigit(lines[i - 1])) || (i + 1 < lines.size() && IsDigit(lines[i + 1]))) return true;
  }
  return false;
}

// A way of reading, and what it would add to the report.
struct Way {
  std::unique_ptr<Table> table;
  OpenReport report;
  int against = 0;
  Points points;
};

}  // namespace

void CommaTable::TakeUnknown(absl::string_view line, uint64_t at, OpenReport& out) {
  if (commas_ == kArePoints) return table_->Take(WithPoints(line), at, out);
  if (commas_ == kAreBoth) return;
  if (!std::exchange(has_lines_, true) && axes_.first_x) {
    const bool as_separators = Begins(line, axes_.x_factor, *axes_.first_x);
    const bool as_points = Begins(WithPoints(line), axes_.x_factor, *axes_.first_x);
    if (as_separators != as_points) ++(as_separators ? against_points_ : against_separators_);
  }
  has_points_ = has_points_ || HasPoint(line);
  if (waiting_.empty() && !HasDecimalComma(line)) return table_->Take(line, at, out);
  starts_.push_back({waiting_.size(), at});
  waiting_.append(line.data(), line.size());
  if (waiting_.size() >= kMostWaiting) Decide(nullptr, at, out);
}

Points CommaTable::Finish(uint64_t at, OpenReport& out) {
  Points points;
  if (!waiting_.empty()) {
    Decide(&points, at, out);
  } else if (table_ != nullptr) {
    points = table_->Finish(at, out);
  }
  return points;
}

void CommaTable::Decide(Points* points, uint64_t at, OpenReport& out) {
  Way as_points{table_->Clone(), out.Fork(), against_points_ + (has_points_ ? 1 : 0), {}};
  Way as_separators{std::move(table_), out.Fork(), against_separators_ + (axes_.has_decimal_commas ? 1 : 0), {}};
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    const std::size_t begin = starts_[i].in_waiting;
    const std::size_t end = i + 1 < starts_.size() ? starts_[i + 1].in_waiting : waiting_.size();
    const absl::string_view line = absl::string_view(waiting_).substr(begin, end - begin);
    as_separators.table->Take(line, starts_[i].at, as_separators.report);
    as_points.table->Take(WithPoints(line), starts_[i].at, as_points.report);
  }
  if (points != nullptr) {
    for (Way* way : {&as_points, &as_separators}) way->points = way->table->Finish(at, way->report);
    const bool by_points = EndsAsSaid(as_points.points), by_separators = EndsAsSaid(as_separators.points);
    if (by_points != by_separators) ++(by_points ? as_separators : as_points).against;
  }
  for (Way* way : {&as_points, &as_separators}) way->against += way->report.report().problems_size();
  if (as_points.against == as_separators.against) {
    commas_ = kAreBoth;
    out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, starts_[0].at,
            "commas may be points here or separate numbers, and nothing says which; the table is not read");
  } else {
    commas_ = as_points.against < as_separators.against ? kArePoints : kSeparate;
    Way& way = commas_ == kArePoints ? as_points : as_separators;
    out.Join(way.report);
    table_ = std::move(way.table);
    if (points != nullptr) *points = std::move(way.points);
  }
  waiting_ = std::string();
  starts_ = std::vector<Start>();
}

bool CommaTable::EndsAsSaid(const Points& points) const {
  if (!axes_.last_x || points.x.empty()) return false;
  const double said = axes_.last_x->value;
  return std::abs(points.x[points.x.size() - 1] - said) <= kAlike * std::abs(said);
}

}  // namespace dims::jcamp
