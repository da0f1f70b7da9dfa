// How many bytes a slow link takes: a token bucket.
//
// What: bytes become free at a rate; who sends asks first, and takes what it was granted.
// Promise: in any stretch of time t no more than rate * t and one burst is taken (a segment and 20 ms' worth: what a
//   late wake-up must not cost the link). Nothing is granted before it is worth a turn: a segment, or 10 ms' worth
//   where that is less, so that slow links dribble and fast ones do not.
// Units: bytes, bytes a second; times since some beginning.
// Threads: one.
#ifndef DIMS_SIMULATOR_THROTTLE_H_
#define DIMS_SIMULATOR_THROTTLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace dims {

inline constexpr std::size_t kSegment = 1460;  // of TCP on Ethernet

class Throttle {
 public:
  // Zero: no limit.
  void SetRate(std::uint64_t rate, absl::Duration now) {
    rate_ = static_cast<double>(rate);
    free_ = 0;
    at_ = now;
  }
  bool limited() const { return rate_ > 0; }

  // How many may be sent now.
  std::size_t Grant(absl::Duration now) {
    if (!limited()) return std::numeric_limits<std::size_t>::max();
    if (now > at_) {
      const double burst = static_cast<double>(kSegment) + rate_ * 0.020;
      free_ = std::min(burst, free_ + rate_ * absl::ToDoubleSeconds(now - at_));
      at_ = now;
    }
    return free_ >= WorthATurn() ? static_cast<std::size_t>(free_) : 0;
  }
  void Take(std::size_t bytes) {
    if (limited()) free_ -= static_cast<double>(bytes);
  }
  // From the last Grant on, until there is a next one.
  absl::Duration Wait() const {
    if (!limited() || free_ >= WorthATurn()) return absl::ZeroDuration();
    return absl::Seconds((WorthATurn() - free_) / rate_);
  }

 private:
  double WorthATurn() const { return std::max(1.0, std::min(static_cast<double>(kSegment), rate_ * 0.010)); }

  double rate_ = 0, free_ = 0;
  absl::Duration at_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_THROTTLE_H_
