// What a network can do to what it carries, in words.
//
// What: a Fault, the line of text that says it, and an endless sequence of random ones. `up` is the way from who
//   connects to the server, `down` the way back; a fault that has a way and names none is of both.
//     cut                    resets every connection, on both sides
//     cut after N up|down    the same to the connection that carries the N-th byte from now on, once it has arrived
//     stall [up|down]        carries nothing; connections stay open, new ones are taken
//     half-open              resets the server's side of every connection; the other side stays open, and silent
//     refuse                 nobody listens; connections that are there go on
//     reject                 what connects is accepted, and reset at once
//     garbage [up|down]      random bytes before every piece that is carried
//     flip [up|down]         one bit is another in every piece that is carried
//     delay TIME [up|down]   every byte arrives so much later, in order; connecting takes no time
//     throttle RATE [up|down]  all connections together carry no more than RATE: 9600bit, 64kbit, 1mbit (a second)
// Promise: ToText is what ParseFault reads. The same seed gives the same sequence.
// Units: bytes; rates in bytes a second (in text: bits).
// Errors: InvalidArgument; it says what is wrong, and what could be there.
// Threads: free of state; a RandomFaults belongs to one thread.
#ifndef DIMS_SIMULATOR_FAULT_H_
#define DIMS_SIMULATOR_FAULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

enum class Way { kUp, kDown };
inline constexpr Way kWays[] = {Way::kUp, Way::kDown};

struct Fault {
  enum class Kind { kCut, kStall, kHalfOpen, kRefuse, kReject, kGarbage, kFlip, kDelay, kThrottle };
  Kind kind = Kind::kCut;
  bool up = true, down = true;         // the ways that it is about
  std::optional<std::uint64_t> after;  // kCut: bytes
  absl::Duration delay;                // kDelay
  std::uint64_t rate = 0;              // kThrottle: bytes a second, at least 1

  bool Has(Way way) const { return way == Way::kUp ? up : down; }
  bool operator==(const Fault&) const = default;
};

absl::StatusOr<Fault> ParseFault(absl::string_view line);
std::string ToText(const Fault& fault);

// Names with commas: "cut,stall,half-open". Each of them once.
absl::StatusOr<std::vector<Fault::Kind>> ParseFaultKinds(absl::string_view names);

// A sequence of faults of some kinds, each some time after the one before has ended.
class RandomFaults {
 public:
  struct Next {
    absl::Duration after;  // the end of the one before
    Fault fault;
    absl::Duration lasts;
  };

  // `every`: from the end of one to the next, on the average. They last a tenth to the whole of it. No kinds: all.
  RandomFaults(std::uint64_t seed, absl::Duration every, std::vector<Fault::Kind> kinds);
  Next Draw();

 private:
  std::uint64_t Between(std::uint64_t least, std::uint64_t most) { return least + random_() % (most - least + 1); }
  // Small ones as often as large ones.
  std::uint64_t Magnitude(std::uint64_t least, int doublings);

  std::mt19937_64 random_;
  const absl::Duration every_;
  const std::vector<Fault::Kind> kinds_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_FAULT_H_
