// The ocean_optics driver on a line that is not there, and a clock that only moves when told.
#ifndef DIMS_TESTS_OCEAN_LINE_H_
#define DIMS_TESTS_OCEAN_LINE_H_

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "drivers/catalog.h"
#include "drivers/parser.h"

namespace dims {

using OceanSettings = std::vector<std::pair<std::string, std::string>>;

class OceanLine {
 public:
  explicit OceanLine(const OceanSettings& settings)
      : parser_(*FindDriver("ocean_optics"), *Options::Parse(FindDriver("ocean_optics")->options, settings)) {
    parser_.Open(sink_);
  }
  OceanLine(const OceanLine&) = delete;

  void Feed(absl::string_view bytes, absl::Span<const LineMark> marks = {}) { parser_.Feed(bytes, sink_, marks); }
  void Finish() { parser_.Finish(Ending::kInterrupted, sink_); }

  void Advance(absl::Duration time) {
    const absl::Duration until = now_ + time;
    while (next_timer() <= until) {
      const auto due = Next();
      now_ = due->second;
      const int timer = due->first;
      timers_.erase(due);
      parser_.Timer(timer, sink_);
    }
    now_ = until;
  }

  // What is said next, if anything, however long it takes.
  std::string NextSaid() {
    while (said_.empty() && !timers_.empty()) Advance(next_timer() - now_);
    return TakeSaid();
  }

  // Answers every command with ACK, each coefficient with 1.5, up to the next S.
  void SetUp() {
    while (true) {
      const std::string said = NextSaid();
      if (said.empty() || said == "S") return;
      Feed(said[0] == '?' ? "\x06"
                            "1.5\r"
                          : "\x06");
    }
  }

  absl::Duration now() const { return now_; }
  absl::Duration next_timer() const { return timers_.empty() ? absl::InfiniteDuration() : Next()->second; }
  std::string TakeSaid() { return std::exchange(said_, ""); }
  // Noise is told apart: what belongs to no report.
  const std::vector<v1::Report>& reports() const { return reports_; }
  std::size_t noise() const { return noise_; }

 private:
  std::map<int, absl::Duration>::const_iterator Next() const {
    return std::min_element(timers_.begin(), timers_.end(),
                            [](const auto& a, const auto& b) { return a.second < b.second; });
  }

  void Keep(ParserEvent event) {
    if (Arm* arm = std::get_if<Arm>(&event)) {
      timers_.erase(arm->timer);
      if (arm->after > absl::ZeroDuration()) timers_[arm->timer] = now_ + arm->after;
    } else if (Reply* reply = std::get_if<Reply>(&event)) {
      said_ += reply->bytes;
    } else if (Said* said = std::get_if<Said>(&event)) {
      const bool noise = said->report.problems_size() > 0 && said->report.problems(0).type() == v1::PROBLEM_TYPE_NOISE;
      noise ? void(noise_ += said->end - said->begin) : reports_.push_back(std::move(said->report));
    }
  }

  Parser parser_;
  absl::Duration now_ = absl::ZeroDuration();
  std::map<int, absl::Duration> timers_;
  std::string said_;
  std::vector<v1::Report> reports_;
  std::size_t noise_ = 0;
  const std::function<void(ParserEvent)> sink_ = [this](ParserEvent event) { Keep(std::move(event)); };
};

}  // namespace dims

#endif  // DIMS_TESTS_OCEAN_LINE_H_
