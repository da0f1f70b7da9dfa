#include "drivers/jcamp/abscissas.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace dims::jcamp {
namespace {

constexpr double kHalfAPoint = 0.5;
constexpr double kRoundOff = 1 + 1e-6;  // a sum of two half units is one, but for the last bit
constexpr double kFarthest = 1e15;
constexpr double kAlike = 1e-3;

// What a distance may be off: half a point, and what printing took from its two ends.
double Tolerance(double scale, double resolution) { return kHalfAPoint * std::abs(scale) + resolution * kRoundOff; }

bool Fits(double distance, double points, double scale, double resolution) {
  return std::abs(distance - points * scale) <= Tolerance(scale, resolution);
}

// A point is one or two units of the last digit, so that what printing takes would hide one. But then it takes nothing:
// all places on the grid are rounded alike.
bool MayHideAPoint(double scale, double resolution) {
  const double units = std::abs(scale) / resolution;
  return std::abs(units - 1) < kAlike || std::abs(units - 2) < kAlike;
}

}  // namespace

Abscissas::Abscissas(const Axes& axes) : axes_(axes) {
  const std::optional<double> step = Step();
  if (step && *step != 0 && axes.x_factor != 0) {
    scales_.push_back(*step / axes.x_factor);
    if (axes.x_factor != 1) scales_.push_back(*step);
  }
  if (axes.delta_x && axes.delta_x->value != 0 && axes.x_factor != 0) {
    scales_.push_back(axes.delta_x->value / axes.x_factor);
  }
  scales_.push_back(1);  // counted
}

std::optional<double> Abscissas::Step() const {
  if (axes_.first_x && axes_.last_x && axes_.points && *axes_.points > 1) {
    return (axes_.last_x->value - axes_.first_x->value) / (*axes_.points - 1);
  }
  if (axes_.delta_x) return axes_.delta_x->value;
  return std::nullopt;
}

Abscissas::Verdict Abscissas::Judge(const Number& label, std::size_t points, int64_t place, bool repeats, bool unsure) {
  moved_ = settled_ = false;
  if (!std::exchange(has_lines_, true)) {
    first_ = last_ = label;
    // Where it is the first x by the header, the distance by the header will be that of the lines, too.
    if (axes_.first_x && scales_.size() > 1 && BeginsAt(scales_.front(), *axes_.first_x)) scale_ = scales_.front();
    return kAgrees;
  }
  const double distance = label.value - last_.value;
  const double resolution = std::max(Resolution(label), Resolution(last_));
  if (!chosen_ && !unsure) {
    chosen_ = ChooseScale(distance, static_cast<double>(place - last_place_), repeats, resolution);
  }
  if (scale_ == 0) {
    last_ = label;
    last_place_ = place;
    return unsure ? kAgrees : kNoScale;
  }
  const auto fits = [&](int64_t there, double worth) {
    return Fits(distance, static_cast<double>(there - last_place_), scale_, worth);
  };
  if (repeats && !unsure && !std::exchange(decided_, true)) {
    names_new_ = !fits(place, 0) && fits(place + 1, 0);
    names_new_ = names_new_ || (!fits(place, resolution) && fits(place + 1, resolution));
    if (names_new_) ++place;
  }
  Verdict verdict = kAgrees;
  const bool may_hide = MayHideAPoint(scale_, resolution);
  if (!fits(place, unsure || may_hide ? 0 : resolution)) {
    if (!chosen_ && !unsure && std::exchange(strange_, true)) {
      // Two lines in a row are strange: it is the header that is.
      scale_ = 0;
      by_ = 0;
      shifts_.clear();
      last_ = label;
      last_place_ = static_cast<int64_t>(points);
      return kNoScale;
    }
    expected_ = last_.value + static_cast<double>(place - last_place_) * scale_;
    const double there = std::round(static_cast<double>(last_place_) + distance / scale_);
    const bool on_grid = there >= 0 && there < kFarthest;
    if (!unsure && fits(place, resolution)) {
      verdict = kDoubtful;
      doubtful_.push_back({points, static_cast<int64_t>(there) - place});
    } else {
      if (!unsure) verdict = kElsewhere;
      if (on_grid) {
        moved_ = true;
        place = static_cast<int64_t>(there);
        // The first ordinate is a point of its own.
        const int64_t by = place - (repeats && names_new_ ? 1 : 0) - static_cast<int64_t>(points);
        shifts_.push_back({points, by - by_});
        by_ = by;
      }
    }
  }
  settled_ = chosen_ && (decided_ || !repeats);
  tolerance_ = Tolerance(scale_, may_hide ? 0 : Resolution(label));
  last_ = label;
  last_place_ = place;
  return verdict;
}

void Abscissas::TrustDoubtful() {
  for (const Shift& shift : doubtful_) by_ += shift.by;
  std::vector<Shift> all;
  std::merge(shifts_.begin(), shifts_.end(), doubtful_.begin(), doubtful_.end(), std::back_inserter(all),
             [](const Shift& a, const Shift& b) { return a.point < b.point; });
  shifts_ = std::move(all);
  for (const Shift& shift : std::exchange(doubtful_, {})) last_place_ += shift.by;
}

bool Abscissas::ChooseScale(double distance, double points, bool repeats, double resolution) {
  for (const double scale : scales_) {
    if (!Fits(distance, points, scale, resolution) && !(repeats && Fits(distance, points + 1, scale, resolution))) {
      continue;
    }
    scale_ = scale;
    return true;
  }
  return false;
}

// One a point, up or down, is a number of points; what it counts from is the program's matter (JEOL, VNMR).
bool Abscissas::counts() const { return std::abs(std::abs(scale_) - 1) < kAlike; }

bool Abscissas::BeginsElsewhere() const {
  return scale_ != 0 && axes_.first_x && !counts() && !BeginsAt(scale_, *axes_.first_x);
}

bool Abscissas::BeginsAt(double scale, const Number& x) const {
  const double resolution = std::max(Resolution(first_) * std::abs(axes_.x_factor), Resolution(x));
  return Fits(first_.value * axes_.x_factor - x.value, 0, scale * axes_.x_factor, resolution);
}

Samples Abscissas::Fill(std::size_t points) const {
  Samples x;
  if (points == 0) return x;
  const auto places = static_cast<double>(static_cast<int64_t>(points) + by_);
  double first = 0, span = 0, steps = 1;  // x = first + place * span / steps
  if (axes_.first_x) {
    first = axes_.first_x->value;
  } else if (has_lines_) {
    first = first_.value * axes_.x_factor;
  }
  const bool has_ends = axes_.first_x && axes_.last_x;
  const double whole = has_ends ? axes_.last_x->value - axes_.first_x->value : 0;
  // What the header says, so far as the lines bear it out; those that only count bear out nothing.
  const auto agrees = [&](double step) {
    if (last_place_ == 0 || step == 0) return true;
    if (scale_ == scales_.back()) return step == whole / (places - 1);
    const double distance = (last_.value - first_.value) * axes_.x_factor;
    return Fits(distance, static_cast<double>(last_place_), step,
                std::max(Resolution(last_), Resolution(first_)) * std::abs(axes_.x_factor));
  };
  if (has_ends && axes_.points && *axes_.points > 1 &&
      (places == *axes_.points || agrees(whole / (*axes_.points - 1)))) {
    span = whole;
    steps = *axes_.points - 1;
  } else if (has_ends && places > 1 && agrees(whole / (places - 1))) {
    span = whole;
    steps = places - 1;
  } else if (axes_.delta_x && agrees(axes_.delta_x->value)) {
    span = axes_.delta_x->value;
  } else if (last_place_ != 0 && last_.value != first_.value && axes_.x_factor != 0) {  // what the lines say alone
    span = (last_.value - first_.value) * axes_.x_factor;
    steps = static_cast<double>(last_place_);
  } else if (points > 1) {
    return x;
  } else if (!axes_.first_x && !has_lines_) {
    return x;
  }
  x.Reserve(static_cast<int>(points));
  double* const values = x.AddNAlreadyReserved(static_cast<int>(points));
  const double step = span / steps;
  std::size_t i = 0;
  for (std::size_t next = 0; next <= shifts_.size(); ++next) {
    const std::size_t to = next < shifts_.size() ? std::min(points, shifts_[next].point) : points;
    for (; i < to; ++i) values[i] = first + static_cast<double>(static_cast<int>(i)) * step;
    if (next < shifts_.size()) first += static_cast<double>(shifts_[next].by) * step;
  }
  return x;
}

}  // namespace dims::jcamp
