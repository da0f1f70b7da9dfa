// When to connect where, and how much may be under way: the arithmetic of the uplink.
//
// What: Route (several addresses, each with its back-off), BulkWindow (what may be under way on the in-order stream),
//   DrainLimit (a configured rate), Repeats (which log lines say something new).
// Promise: no clock, no randomness, no thread: a whole week of failures is a loop in a test.
// Units: bytes of payload; absl::Duration counts from any fixed instant (time since boot).
// Threads: values; each belongs to one thread.
// Source: the delivery rate is measured as in draft-cheng-iccrg-delivery-rate-estimation (BBR), slow start as RFC 5681.
#ifndef DIMS_FIRMWARE_BRIDGE_PACE_H_
#define DIMS_FIRMWARE_BRIDGE_PACE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace dims {

// Which address to try, and from when on. Each waits 0.2 s after its first failure, twice as long after each further
// one, 30 s at most, of which up to a half is taken off at random, so that many bridges do not come back as one.
class Route {
 public:
  static constexpr absl::Duration kFirstWait = absl::Milliseconds(200), kLongestWait = absl::Seconds(30);

  explicit Route(std::size_t addresses, absl::Duration first_wait = kFirstWait,
                 absl::Duration longest_wait = kLongestWait)
      : first_wait_(first_wait), longest_wait_(longest_wait), addresses_(addresses, Address{first_wait}) {}

  struct Attempt {
    std::size_t address = 0;
    absl::Duration at;  // not before
  };
  // The one that may be tried first. One that answered stays the first choice until it fails.
  Attempt Next() const;

  void Answered(std::size_t address);
  // `random` is from [0, 1).
  void Failed(std::size_t address, absl::Duration now, double random);
  // No address before then, except for Hurry.
  void Hold(absl::Duration until) { held_until_ = until; }
  // There is a reason not to wait: all addresses are tried within the shortest wait.
  void Hurry(absl::Duration now);
  // This one is known to answer now.
  void HurryTo(std::size_t address, absl::Duration now);

 private:
  struct Address {
    absl::Duration wait;
    absl::Duration at = -absl::InfiniteDuration();
  };
  const absl::Duration first_wait_, longest_wait_;
  std::vector<Address> addresses_;
  absl::Duration held_until_ = -absl::InfiniteDuration();
};

// What may be under way on the in-order stream: sent, not settled.
//
// The aim is that bulk never fills a link for more than about half a second, so that an urgent record on another
// connection over the same link is not long behind it, and that it is never the window that makes a link slow. So the
// window is what the registry settles in half a second and the link's own latency; from 32 KiB to 1 MiB. (Half a second
// of the rate alone would never open where the latency is more than half a second: the window would be the rate's
// cause.) Where less than half a second of it waited on the link, it grows by the rest of that and does not shrink:
// over a long way the rate is what the window makes it. Where next to nothing waited it doubles at once as in slow
// start. It doubles at most, once as much as it holds was settled; where more waited, it shrinks at once.
//
// The latency is the shortest time from sending to settled on this stream: the first message, small and on an empty
// link, measures it. Rates measured while there was nothing more to send say what there was, not what the link takes:
// only a higher one counts.
class BulkWindow {
 public:
  static constexpr uint64_t kLeastBytes = 32 * 1024, kMostBytes = 1024 * 1024;
  static constexpr std::size_t kMostInMessage = 256 * 1024, kMostRecordsInMessage = 256;
  static constexpr absl::Duration kHorizon = absl::Milliseconds(500), kMostLatency = absl::Seconds(10);
  // Taken for the rate of a link that is not measured yet.
  static constexpr double kSlowestRate = 8 * 1024;

  // What the registry allows.
  BulkWindow(uint64_t most_records, uint64_t most_bytes);

  struct Room {
    std::size_t records = 0, bytes = 0;
  };
  // What the next message may hold; zero records where it must wait. A quarter of the window at most: messages grow
  // with what is on its way, and there is always another one behind. The first record may be larger than that.
  Room Next() const;

  void Sent(uint64_t number, uint64_t bytes, absl::Duration now);
  // There was room, and nothing to send.
  void RanDry() { dry_ = true; }
  // Everything through that number. True where that is news.
  bool Settled(uint64_t through, absl::Duration now);

  bool empty() const { return under_way_.empty(); }
  uint64_t records() const { return under_way_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t window() const { return window_; }
  // How long the link may take for what is under way.
  absl::Duration Patience() const;

 private:
  struct Item {
    uint64_t number, bytes;
    absl::Duration sent_at;
    uint64_t settled_before;           // bytes of the stream that were settled when it was sent
    absl::Duration settled_before_at;  // and since when
    bool dry;
  };
  void Measure(const Item& newest, absl::Duration now);

  const uint64_t most_records_, most_bytes_, least_bytes_;
  uint64_t window_;
  std::deque<Item> under_way_;
  uint64_t bytes_ = 0, settled_ = 0, settled_since_growth_ = 0;
  absl::Duration settled_at_;
  double rate_ = 0;  // bytes a second; zero before the first
  absl::Duration latency_ = kMostLatency;
  bool dry_ = false;
};

// A rate that the laboratory has set. Exact in the long run: what a message took too much, the next one waits for.
class DrainLimit {
 public:
  explicit DrainLimit(uint64_t bytes_per_second) : rate_(static_cast<double>(bytes_per_second)) {}  // 0: none
  // A message of a quarter of a second.
  std::size_t MostBytes() const;
  absl::Duration ReadyAt() const { return ready_at_; }
  void Sent(uint64_t bytes, absl::Duration now);

 private:
  const double rate_;
  absl::Duration ready_at_ = -absl::InfiniteDuration();
};

// Whether a line is worth saying: not the same one again within 10 minutes.
class Repeats {
 public:
  static constexpr absl::Duration kAgain = absl::Minutes(10);
  bool IsNews(const std::string& line, absl::Duration now);

 private:
  std::map<std::string, absl::Duration> said_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PACE_H_
