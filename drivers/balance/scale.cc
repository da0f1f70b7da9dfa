#include "drivers/balance/scale.h"

#include <algorithm>
#include <utility>

namespace dims::balance {
namespace {

constexpr int kAskTimer = 0;
// When a question is put again that was not answered, or whose answer has lost its end. A balance that waits for a
// stable load gives up by itself after a while, and takes the question again before that.
constexpr absl::Duration kPatience = absl::Seconds(2), kLongPatience = absl::Seconds(20);

// Line ends, and what a device says when it is switched on or a printer turns its page.
absl::string_view WithoutEnds(absl::string_view line) {
  while (!line.empty() && (line.front() == '\0' || line.front() == '\f')) line.remove_prefix(1);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n' || line.back() == '\f')) line.remove_suffix(1);
  return line;
}

absl::int128 PowerOfTen(int exponent) {
  absl::int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Whether two numbers differ by at most so many digits of the last place of the coarser one.
bool Agree(const Decimal& a, const Decimal& b, int64_t digits) {
  const int fine = std::max(a.scale, b.scale), coarse = std::min(a.scale, b.scale);
  const absl::int128 difference = a.units * PowerOfTen(fine - a.scale) - b.units * PowerOfTen(fine - b.scale);
  return (difference < 0 ? -difference : difference) <= digits * PowerOfTen(fine - coarse);
}

}  // namespace

Scale::Scale(const Options& options, ReadLine read, const Question& question)
    : encoding_(EncodingOf(options)),
      poll_(options.Duration("poll")),
      each_load_once_(poll_ > absl::ZeroDuration() || options.Boolean("continuous")),
      same_load_(options.Integer("same_load")),
      read_(read),
      question_(question) {}

void Scale::OnOpen(Events& out) {
  if (poll_ > absl::ZeroDuration()) Ask(out);
}

void Scale::OnTimer(int, uint64_t, Events& out) { Ask(out); }

void Scale::OnSend(const Order&, uint64_t, Events& out) {
  loads_ = {};  // whoever orders it wants what lies there weighed, though it was before
  if (poll_ > absl::ZeroDuration()) return Ask(out);
  out.push_back(Reply{std::string(question_.bytes), ""});
}

void Scale::Ask(Events& out) const {
  out.push_back(Reply{std::string(question_.bytes), ""});
  out.push_back(Arm{kAskTimer, std::max(poll_, question_.waits ? kLongPatience : kPatience)});
}

void Scale::OnFrame(const Frame& frame, Events& out) {
  if (poll_ > absl::ZeroDuration()) out.push_back(Arm{kAskTimer, poll_});
  const Text text = ToUtf8(WithoutEnds(frame.bytes), encoding_);
  if (text.damaged || text.utf8.empty()) return;
  const std::optional<Reading> reading = read_(text.utf8);
  if (!reading) return;
  if (!frame.line_errors.any()) {
    Take(*reading, frame.at, out);
  } else if (reading->kind != Reading::Kind::kTraffic) {
    out.push_back(End{});  // whatever it seems to say, it is not known; the parser says why
  }
}

void Scale::Take(const Reading& reading, uint64_t at, Events& out) {
  if (reading.pan_begins_anew) loads_ = {};
  switch (reading.kind) {
    case Reading::Kind::kStable:
      return TakeStable(reading, out);
    case Reading::Kind::kUnstable:
      if (std::optional<Load>& load = loads_[reading.weighing_kind]; load && !IsNear(reading, *load)) load.reset();
      if (!each_load_once_) return Tell(State("the reading was not stable: it is no weighing"), at, out);
      break;
    case Reading::Kind::kState:
    case Reading::Kind::kDamaged:
      return Tell(reading, at, out);
    case Reading::Kind::kTraffic:
      break;
  }
  out.push_back(Begin{});  // what stood before it does not grow by it
  out.push_back(Pass{});
}

void Scale::TakeStable(const Reading& reading, Events& out) {
  told_.clear();
  if (each_load_once_) {
    const Decimal value = *Decimal::Parse(reading.value);
    std::optional<Load>& load = loads_[reading.weighing_kind];
    const bool empty = Agree(value, Decimal{0, value.scale}, same_load_);
    if (empty || (load && IsNear(reading, *load))) {
      if (empty) load.reset();
      out.push_back(Begin{});
      out.push_back(Pass{});
      return;
    }
    load = Load{value, reading.unit};
  }
  End end;
  dims::v1::Weighing& weighing = *end.report.add_weighings();
  weighing.set_value(reading.value);
  weighing.set_unit(reading.unit);
  weighing.set_stable(true);
  weighing.set_kind(reading.weighing_kind);
  out.push_back(std::move(end));
}

// On the print key each damaged line may have been a weighing of its own.
void Scale::Tell(const Reading& reading, uint64_t at, Events& out) {
  const bool each = reading.kind == Reading::Kind::kDamaged && !each_load_once_;
  if (std::exchange(told_, reading.message) == reading.message && !each) {
    out.push_back(Begin{});
    out.push_back(Pass{});
    return;
  }
  End end;
  AddProblem(end.report, reading.problem, at, reading.message);
  out.push_back(std::move(end));
}

// An unstable reading may have no unit.
bool Scale::IsNear(const Reading& reading, const Load& load) const {
  const std::optional<Decimal> value = Decimal::Parse(reading.value);
  return value && (reading.unit.empty() || reading.unit == load.unit) && Agree(*value, load.value, same_load_);
}

}  // namespace dims::balance
