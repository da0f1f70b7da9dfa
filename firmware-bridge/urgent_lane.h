// The lane of urgent records, each sent ahead of its turn under its own number, on a connection of its own.
//
// What: unsettled urgent records of every generation, oldest first, until the registry says that it stored them ahead.
//   They are sent again in their place by the bulk lane, which also settles them.
// Promise: connects only where there is something urgent, and then without regard to how long it was in vain. Waits for
//   nothing that is bulk's: neither its window, nor a pause, nor its limit. After urgent records the connection stays
//   for 10 minutes: the next one of a series saves the handshakes, which on a slow link are most of the time, and a
//   bridge with nothing urgent costs the registry nothing.
// Errors: a damaged record is left to the bulk lane.
// Threads: as Lane.
// Source: proto/dims/v1/registry.proto, StoredAhead.
#ifndef DIMS_FIRMWARE_BRIDGE_URGENT_LANE_H_
#define DIMS_FIRMWARE_BRIDGE_URGENT_LANE_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "firmware-bridge/lane.h"

namespace dims {

class UrgentLane final : public Lane {
 public:
  static constexpr absl::Duration kIdle = absl::Minutes(10);

  // Where bulk shares a slow link with it, each of the round trips to open a connection would be half a second behind.
  static constexpr absl::Duration kBulkGivesWay = absl::Seconds(2);

  // `relieved`: all that is urgent was answered.
  UrgentLane(LaneSetup setup, std::function<void()> relieved)
      : Lane(std::move(setup), dims::v1::STREAM_PURPOSE_URGENT), relieved_(std::move(relieved)) {}

  // The uptime until which bulk should leave the link to this lane.
  absl::Duration pressing_until() const { return absl::Nanoseconds(pressing_until_ns_.load()); }
  // Something urgent is known and not answered for.
  bool pending() const { return pending_; }
  // The registry's epoch, as any lane heard it. From any thread.
  void HeardEpoch(const std::string& epoch);
  // The link is there: what is urgent now has the next 2 s.
  void Press();

 private:
  // Of one generation: how far its urgent records are known, and how far the registry has answered for them. In memory
  // only: after a restart they are sent again, which the registry knows.
  struct Progress {
    uint64_t seen = 0, answered = 0;
  };

  std::optional<Generation> Wanted() override;
  absl::Status Begin(const Generation& generation, const dims::v1::Welcome& welcome) override;
  absl::Status Hear(const RegistryStream::Answers& answers) override;
  absl::StatusOr<Step> SendSome(RegistryStream& stream) override;

  // Looks for urgent records that were not there before; true where there are.
  bool LookForNew();
  // The oldest generation with an urgent record that is neither settled nor answered for.
  std::optional<Generation> Oldest();

  struct Item {
    uint64_t number, bytes;
    bool answered;
  };

  void TakeEpoch();
  // Nothing urgent is left.
  void Relieve();

  const std::function<void()> relieved_;
  std::atomic<bool> pending_ = false;
  std::atomic<int64_t> pressing_until_ns_ = 0;
  std::map<int64_t, Progress> progress_;  // by generation
  std::string epoch_;                     // of the registry that answered
  std::mutex epoch_mutex_;
  std::string heard_epoch_;  // the latest; guarded by it
  // Of the stream at hand.
  std::deque<Item> under_way_;
  uint64_t bytes_under_way_ = 0, most_records_ = 1, most_bytes_ = 1;
  uint64_t sent_through_ = 0;
  absl::Duration busy_at_;  // when something was answered last, or the stream began
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_URGENT_LANE_H_
