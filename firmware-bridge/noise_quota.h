// How much a line may fill the disk and the registry with what belongs to no report.
//
// What: counts what an instrument sends outside reports (noise, and blank bytes between them) within a day. What comes
//   beyond its quota is summed up here, instead of kept, until one record says so.
// Promise: one running record at a time, of bounded size, however much is summed up.
// Units: bytes; a day is 24 h of uptime, from the first noise in it on.
// Threads: one at a time.
#ifndef DIMS_FIRMWARE_BRIDGE_NOISE_QUOTA_H_
#define DIMS_FIRMWARE_BRIDGE_NOISE_QUOTA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/parser.h"
#include "firmware-bridge/store.h"
#include "proto/hash.h"

namespace dims {

// A parser says that bytes are in no report, by a report that says nothing else.
bool IsNoise(const dims::v1::Report& report);

class NoiseQuota {
 public:
  // Noise that has no record of its own.
  struct Withheld {
    uint64_t begin = 0, end = 0;  // where it stands; reports never stand in between
    uint64_t noise = 0;           // bytes of it
    uint64_t dropped = 0;         // of these, how many are not kept
    Sha256 hash;                  // over those
    dims::v1::LineErrors line_errors;
    absl::Time first, last;  // when they came
    absl::Duration since;    // uptime

    // Takes the line's bytes [from, through) out of a batch's entries. Those that are not there are on disk already,
    // and stay.
    void Drop(uint64_t from, uint64_t through, absl::Time now, std::vector<IntakeEntry>& entries);
  };

  explicit NoiseQuota(uint64_t most) : most_(most) {}

  // Noise has come. True if it is beyond the quota.
  bool Exceeds(uint64_t bytes, absl::Duration uptime);
  // The quota is used up: noise is not kept.
  bool used_up() const { return flooded_; }
  // A new day has begun: true once, after one in which the quota was used up.
  bool Renewed(absl::Duration uptime);

  // What is summed up since the last Take; begins with the first call.
  Withheld& Sum(uint64_t begin, absl::Time first, absl::Duration uptime);
  // It is time to say so, at the latest.
  bool IsDue(absl::Duration uptime) const;
  std::optional<Withheld> Take() { return std::exchange(withheld_, std::nullopt); }
  // The record that says so.
  dims::v1::Report Describe(const Withheld& withheld) const;

  uint64_t most() const { return most_; }

 private:
  const uint64_t most_;
  uint64_t used_ = 0;
  absl::Duration began_ = -absl::InfiniteDuration();
  bool flooded_ = false;
  std::optional<Withheld> withheld_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_NOISE_QUOTA_H_
