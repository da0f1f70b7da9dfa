// What the registry says that changes the store, or ends the trust in an address; the same on whichever stream it came.
//
// What: refusals, conflicts, and which registry it is.
// Promise: a conflict that both lanes run into makes one new store id, not two. In one run of the bridge there is one
//   registry: another that answers under one of its addresses gets no record.
// Errors: what the store says.
// Threads: all methods from any thread.
// Source: proto/dims/v1/registry.proto, messages Refusal, Conflict, Welcome.
#ifndef DIMS_FIRMWARE_BRIDGE_VERDICTS_H_
#define DIMS_FIRMWARE_BRIDGE_VERDICTS_H_

#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dims/v1/registry.pb.h"
#include "firmware-bridge/pace.h"
#include "firmware-bridge/store.h"

namespace dims {

class Verdicts {
 public:
  explicit Verdicts(Store& store) : store_(store) {}

  // FailedPrecondition: another registry than the first, or another contract.
  absl::Status CheckWelcome(const dims::v1::Welcome& welcome);
  // The record is put aside. OK also where it is not there any more.
  absl::Status TakeRefusal(const std::string& address, const Generation& generation, const dims::v1::Refusal& refusal);
  // Records from that number on, also what a registry once settled that has lost it, go on under a new store id. Never
  // OK: the stream is over.
  absl::Status TakeConflict(const std::string& address, const Generation& generation,
                            const dims::v1::Conflict& conflict);
  // Whether a reason not to deliver is worth a log line: both lanes often have the same.
  bool IsNews(const std::string& line, absl::Duration now);

 private:
  Store& store_;
  std::mutex mutex_;
  std::string registry_;  // the first that answered in this run
  Repeats repeats_;
  std::set<std::pair<int64_t, uint64_t>> gone_;  // refused records without a copy here, said so
};

inline constexpr uint32_t kContract = 1;

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_VERDICTS_H_
