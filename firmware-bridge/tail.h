// What one listener is told.
//
// What: puts together what an Activity tells of the lines, the records that are new in the store, what the registry
//   settled, and how the uplink stands, as messages of admin.proto.
// Promise: what concerns one line comes in its order; a record comes before the bytes that acknowledge it. Nothing is
//   read from the store unless something changed there, and then a bounded part at a time. Memory is bounded: beyond
//   what an Activity keeps, kMostRecords behind.
// Errors: none; what cannot be read back from the store is counted as not shown.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_TAIL_H_
#define DIMS_FIRMWARE_BRIDGE_TAIL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dims/v1/admin.pb.h"
#include "firmware-bridge/activity.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/uplink.h"

namespace dims {

void SetTime(absl::Time time, google::protobuf::Timestamp* stamp);

// Where a listener's news come from. All must outlive it.
struct TailSources {
  Store& store;
  Activity& activity;
  std::function<dims::v1::UplinkStatus()> uplink;
};

class Tail {
 public:
  static constexpr uint64_t kMostRecords = 256;

  // Listens from now on.
  Tail(const TailSources& sources, const dims::v1::TailRequest& request);

  // What comes next, in order; empty if there is nothing to tell within `most`, or only bytes that make no line yet.
  std::vector<dims::v1::TailResponse> Next(absl::Duration most);

 private:
  using Responses = std::vector<dims::v1::TailResponse>;
  // Bytes that have not made a line yet.
  struct Unfinished {
    absl::Time at;  // of the last
    std::string bytes;
  };

  void Take(const Happening& happening, Responses& out);
  void Collect(const Happening& happening, Responses& out);
  void Flush(const std::string& instrument, Responses& out);
  void FlushOlderThan(absl::Time time, Responses& out);
  void Begin(absl::Time at, const Generation& generation, uint64_t after, Responses& out);
  void LookForRecords(absl::Time at, Responses& out);
  void ShowRecords(absl::Time at, const Generation& generation, Responses& out);
  void Look(absl::Time at, Responses& out);

  const TailSources sources_;
  const std::string instrument_;
  Activity::Listener listener_;
  std::map<std::string, Unfinished> unfinished_;  // by instrument
  bool begun_ = false;
  int64_t generation_ = 0;  // of the store, as shown; with it:
  uint64_t shown_through_ = 0;
  int64_t settled_generation_ = 0;
  uint64_t settled_through_ = 0;
  std::string uplink_;  // as shown
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_TAIL_H_
