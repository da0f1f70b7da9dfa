// What one stream has received and not yet stored.
//
// What: the queue between the thread that reads a stream and the thread that commits its records. What arrives while a
//   commit runs is the next commit: commits grow with the load, without a timer.
// Promise: holds about `most_bytes` at most (one record more where that one is larger), and no more than one record
//   where the allowance of all is used up: then the reading thread waits, and with it, through the transport's flow
//   control, the bridge.
// Threads: one reads (PutHello, Push, Finish), one commits (Await..., Take, Discard), any may End.
#ifndef DIMS_REGISTRY_INBOX_H_
#define DIMS_REGISTRY_INBOX_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dims/v1/registry.pb.h"
#include "registry/allowance.h"
#include "registry/archive.h"

namespace dims {

class Inbox {
 public:
  Inbox(std::size_t most_bytes, Allowance& all) : most_bytes_(most_bytes), all_(all) {}
  ~Inbox() { Discard(); }

  // The reading side. Push waits for room; after Discard or End it drops.
  void PutHello(v1::Hello hello);
  void Push(ReceivedRecord record);
  // Nothing more comes: OK, or the breach of the contract at which reading stopped.
  void Finish(absl::Status status);

  // The committing side.
  // The Hello; DeadlineExceeded after `timeout`, or why there will be none.
  absl::StatusOr<v1::Hello> AwaitHello(absl::Duration timeout);
  // Waits for records, then takes those that are there, at most so many and at least one. Empty: the stream is over,
  // see `status`.
  std::vector<ReceivedRecord> Take(std::size_t most_records, std::size_t most_bytes);
  // From now on everything is dropped.
  void Discard();
  // False: the reader has not finished within that time.
  bool AwaitFinish(absl::Duration timeout);
  // How the stream ended: what End or Finish said; End counts first.
  absl::Status status();

  // The stream has to end, with this status. Wakes everyone; the first call counts.
  void End(absl::Status status);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::size_t most_bytes_;
  Allowance& all_;
  std::optional<v1::Hello> hello_;
  std::deque<ReceivedRecord> records_;
  std::size_t bytes_ = 0;
  bool discarding_ = false;
  std::optional<absl::Status> finished_, ended_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_INBOX_H_
