// What a link does to what it carries, all faults together.
//
// What: plain settings for each way, and how a Fault (fault.h) changes them.
// Threads: one.
#ifndef DIMS_SIMULATOR_LINK_STATE_H_
#define DIMS_SIMULATOR_LINK_STATE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "simulator/fault.h"

namespace dims {

struct OneWay {
  bool stalled = false, garbage = false, flip = false;
  absl::Duration delay;
  std::uint64_t rate = 0;  // bytes a second; zero: no limit
  std::optional<std::uint64_t> cut_after;
};

struct LinkState {
  std::array<OneWay, 2> ways;
  bool refused = false, rejected = false;

  OneWay& operator[](Way way) { return ways[static_cast<std::size_t>(way)]; }
  const OneWay& operator[](Way way) const { return ways[static_cast<std::size_t>(way)]; }

  void Set(const Fault& fault);
  // What `fault` is about becomes as it is in `normal`.
  void Restore(const Fault& fault, const LinkState& normal);
  // In force, as text.
  std::vector<std::string> Faults() const;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_LINK_STATE_H_
