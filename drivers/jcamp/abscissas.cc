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

bool AreAlike(double a, double b) { return std::abs(a - b) <= kAlike * std::abs(b); }

// A point is one or two units of the last digit, so that what printing takes would hide one. But then it takes nothing:
// all places on the grid are rounded alike.
bool MayHideAPoint(double scale, double resolution) {
  const double units = std::abs(scale) / resolution;
  return AreAlike(units, 1) || AreAlike(units, 2);
}

}  // namespace

Abscissas::Abscissas(const Axes& axes) : axes_(axes) {
  if (axes_.x_factor == 0) axes_.x_factor = 1;
  worth_ = axes_.x_factor;
  const std::optional<double> delta = axes.delta_x ? std::optional(axes.delta_x->value) : std::nullopt;
  for (const std::optional<double> step : {Step(), delta}) {
    if (!step || *step == 0) continue;
    scales_.push_back({*step / axes_.x_factor, axes_.x_factor});
    if (axes_.x_factor != 1) scales_.push_back({*step, 1});  // programs write abscissas without their factor
  }
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
    first_ = anchor_ = last_ = label;
    const bool begins = axes_.first_x && !scales_.empty() && BeginsAt(scales_.front());
    // What may be x is no count, unless the header says the distance twice.
    if (MayCount() && (!begins || axes_.delta_x)) scales_.push_back({label.value > 1 ? -1.0 : 1.0, axes_.x_factor});
    // Where it is the first x by the header, the distance by the header will be that of the lines, too.
    if (begins) scale_ = scales_.front().labels;
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
      worth_ = axes_.x_factor;
      by_ = 0;
      shifts_.clear();
      last_ = label;
      last_place_ = static_cast<int64_t>(points);
      return kNoScale;
    }
    expected_ = last_.value + static_cast<double>(place - last_place_) * scale_;
    const double there = std::round(static_cast<double>(last_place_) + distance / scale_);
    const bool on_grid = there >= 0 && there < kFarthest;
    if (!on_grid) return unsure ? kAgrees : kElsewhere;  // nor is it a place that the next is distant from
    if (!unsure && fits(place, resolution)) {
      verdict = kDoubtful;
      doubtful_.push_back({points, static_cast<int64_t>(there) - place});
    } else {
      if (!unsure) verdict = kElsewhere;
      moved_ = true;
      place = static_cast<int64_t>(there);
      // The first ordinate is a point of its own.
      const int64_t by = place - (repeats && names_new_ ? 1 : 0) - static_cast<int64_t>(points);
      shifts_.push_back({points, by - by_});
      by_ = by;
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
  for (const Scale& scale : scales_) {
    if (!Fits(distance, points, scale.labels, resolution) &&
        !(repeats && Fits(distance, points + 1, scale.labels, resolution))) {
      continue;
    }
    scale_ = scale.labels;
    worth_ = scale.x;
    anchor_ = last_;
    anchor_place_ = last_place_;
    return true;
  }
  return false;
}

bool Abscissas::MayCount() const {
  if (!axes_.first_x || !axes_.last_x || !axes_.points || *axes_.points < 2) return false;
  const double step = std::abs(*Step());
  if (AreAlike(step, 1) || (axes_.delta_x && !AreAlike(step, std::abs(axes_.delta_x->value)))) return false;
  const double label = first_.value;
  return label == 0 || label == 1 || label == *axes_.points - 1 || label == *axes_.points;
}

bool Abscissas::counts() const {
  const bool by_one = scale_ == 0 ? last_place_ == 0 : AreAlike(std::abs(scale_), 1);
  return by_one && MayCount();
}

bool Abscissas::BeginsAt(const Scale& scale) const {
  const double resolution = std::max(Resolution(first_) * std::abs(scale.x), Resolution(*axes_.first_x));
  return Fits(first_.value * scale.x - axes_.first_x->value, 0, scale.labels * scale.x, resolution);
}

double Abscissas::Begin(double step) const {
  const double by_lines = anchor_.value * worth_ - static_cast<double>(anchor_place_) * step;
  if (!axes_.first_x) return by_lines;
  const double said = axes_.first_x->value;
  const double resolution = Resolution(anchor_) * std::abs(worth_);
  if (counts() || Fits(by_lines - said, 0, step, std::max(resolution, Resolution(*axes_.first_x)))) return said;
  // The first lines are lost, and the label may be rounded.
  const double on_grid = said + std::round((by_lines - said) / step) * step;
  return (by_lines - said) / step > 0 && std::abs(by_lines - on_grid) <= resolution ? on_grid : by_lines;
}

Samples Abscissas::Fill(std::size_t points) const {
  Samples x;
  if (points == 0) return x;
  const auto places = static_cast<double>(static_cast<int64_t>(points) + by_);
  const bool has_ends = axes_.first_x && axes_.last_x;
  const double whole = has_ends ? axes_.last_x->value - axes_.first_x->value : 0;
  const double distance = (last_.value - anchor_.value) * worth_;
  const auto between = static_cast<double>(last_place_ - anchor_place_);
  const double resolution = std::max(Resolution(last_), Resolution(anchor_)) * std::abs(worth_);
  // What the header says, so far as the lines bear it out; where they only count, DELTAX has to.
  const auto agrees = [&](double step) {
    if (!counts()) return Fits(distance, between, step, resolution);
    return !axes_.delta_x ||
           std::abs(std::abs(step) - std::abs(axes_.delta_x->value)) <= Resolution(*axes_.delta_x) * kRoundOff;
  };
  double span = 0, steps = 1;  // x = first + place * span / steps
  if (has_ends && axes_.points && *axes_.points > 1 && agrees(whole / (*axes_.points - 1))) {
    span = whole;
    steps = *axes_.points - 1;
  } else if (has_ends && places > 1 && agrees(whole / (places - 1))) {
    span = whole;
    steps = places - 1;
  } else if (counts()) {
    span = whole;
    steps = *axes_.points - 1;
  } else if (axes_.delta_x && agrees(axes_.delta_x->value)) {
    span = axes_.delta_x->value;
  } else if (between != 0 && distance != 0) {  // what the lines say alone
    span = distance;
    steps = between;
  } else if (points > 1) {
    return x;
  }
  const double step = span / steps;
  double first = Begin(step);
  x.Reserve(static_cast<int>(points));
  double* const values = x.AddNAlreadyReserved(static_cast<int>(points));
  std::size_t i = 0;
  for (std::size_t next = 0; next <= shifts_.size(); ++next) {
    const std::size_t to = next < shifts_.size() ? std::min(points, shifts_[next].point) : points;
    for (; i < to; ++i) values[i] = first + static_cast<double>(static_cast<int>(i)) * step;
    if (next < shifts_.size()) first += static_cast<double>(shifts_[next].by) * step;
  }
  return x;
}

}  // namespace dims::jcamp
