// The lane of all records, in their order, without gaps; what is settled on it the store may forget.
//
// What: the records after what the registry has, of one generation after the other; what is under way is bounded by the
//   registry's window and by BulkWindow, and slowed by a configured limit and by the registry's Pause.
// Promise: no state that the store lacks. A pause outlives the stream it came on. A registry that was set back,
//   announced or not, is given again what is kept of every generation: each is compared with what its Welcome says,
//   once after the start and again when one of them shows a loss. What waits to be sent is behind one such comparison
//   at most.
// Errors: what is damaged or gone in the store goes on under a new store id.
// Threads: as Lane; flow from any.
// Source: proto/dims/v1/registry.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_BULK_LANE_H_
#define DIMS_FIRMWARE_BRIDGE_BULK_LANE_H_

#include <functional>
#include <optional>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firmware-bridge/lane.h"
#include "firmware-bridge/pace.h"

namespace dims {

class BulkLane final : public Lane {
 public:
  // `drain_limit`: bytes a second, 0 for none. `give_way`: an uptime; nothing is sent before. `heard_epoch`: the
  // registry's, of each stream.
  BulkLane(LaneSetup setup, uint64_t drain_limit, std::function<absl::Duration()> give_way,
           std::function<void(const std::string& epoch)> heard_epoch);

  struct Flow {
    uint64_t records_under_way = 0, bytes_under_way = 0;
    absl::Time paused_until = absl::InfinitePast();
  };
  Flow flow() const;

 private:
  std::optional<Generation> Wanted() override;
  void Chosen(const Generation& generation) override;
  absl::Status Begin(const Generation& generation, const dims::v1::Welcome& welcome) override;
  absl::Status Hear(const RegistryStream::Answers& answers) override;
  absl::StatusOr<Step> SendSome(RegistryStream& stream) override;
  void End() override;

  absl::Status TakeEpoch(const std::string& epoch);
  absl::Status TakePosition(const dims::v1::Welcome& welcome);
  // That record of the generation at hand, where it is kept, has another hash.
  bool Differs(uint64_t number, const std::string& hash);
  // The number before the lowest that is kept of it.
  uint64_t BeforeKept();
  void TakePause(const dims::v1::Pause& pause);
  absl::StatusOr<std::vector<StoredRecord>> Read(BulkWindow::Room room);
  void ShowFlow();

  std::optional<BulkWindow> window_;  // of the stream at hand
  uint64_t sent_through_ = 0;
  // Generations of which the registry has all that it ever settled, as far as it has said since the last loss.
  std::set<int64_t> compared_;
  bool compared_last_ = true;  // the attempt before this was for nothing else
  DrainLimit limit_;
  const std::function<absl::Duration()> give_way_;
  const std::function<void(const std::string& epoch)> heard_epoch_;
  absl::Duration paused_until_ = -absl::InfiniteDuration();
  mutable absl::Mutex flow_mutex_;
  Flow flow_ ABSL_GUARDED_BY(flow_mutex_);
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_BULK_LANE_H_
