// One stream to the registry, of one purpose, for one store id.
//
// What: sends Hello and records, collects what the registry answers.
// Promise: nothing waits for ever: a registry that owes an answer for too long is given up (CutIfOverdue), also while a
//   Send waits for it. What was heard before the end is there to be taken after it.
// Errors: Finish says why it ended, in the registry's words where it said one.
// Threads: Send, Take, SayDone, Finish and Expect by one; CutIfOverdue and Cut from any; a thread of its own listens.
// Source: proto/dims/v1/registry.proto; gRPC C++ 1.51 synchronous streaming.
#ifndef DIMS_FIRMWARE_BRIDGE_REGISTRY_STREAM_H_
#define DIMS_FIRMWARE_BRIDGE_REGISTRY_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "dims/v1/registry.grpc.pb.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/store.h"

namespace dims {

class RegistryStream {
 public:
  // What the registry said, in the order in which it is to be dealt with.
  struct Answers {
    std::optional<dims::v1::Welcome> welcome;
    std::vector<dims::v1::Refusal> refusals;
    std::vector<uint64_t> ahead;   // stored ahead of their turn
    uint64_t settled_through = 0;  // the highest so far
    std::optional<dims::v1::Pause> pause;
    std::optional<dims::v1::Conflict> conflict;
    bool ended = false;
  };

  // Hello is on its way, and Welcome is owed within `patience`. `heard` is called, from the listening thread, when
  // there is something to take.
  RegistryStream(const std::shared_ptr<grpc::Channel>& channel, const dims::v1::Hello& hello, absl::Duration patience,
                 std::function<Moment()> clock, std::function<void()> heard);
  ~RegistryStream();

  // What was heard since the last call; nothing before Welcome or the end.
  Answers Take();
  // In one message, or more where a record travels in parts. Waits where the link is full. False: the stream is over.
  bool Send(std::vector<StoredRecord> records);
  // From now on an answer is owed within `patience` after the last sign of progress; infinite: none is owed.
  void Expect(absl::Duration patience);
  // Nothing more will be sent: the registry stores what it has, answers, and ends the stream; within `patience` from
  // now, and from each answer.
  void SayDone(absl::Duration patience);
  // Who is there; once it has answered.
  absl::Status CheckIdentity() const;

  // Gives up a registry that owes an answer for too long.
  void CutIfOverdue();
  // Ends it at once; `why` is what Finish says. A stream that has ended stays as it ended.
  void Cut(const absl::Status& why);
  // Once it has ended or was cut. The same again when called again.
  absl::Status Finish();

 private:
  using Transport = grpc::ClientReaderWriter<dims::v1::ForwardRequest, dims::v1::ForwardResponse>;

  void Listen(const dims::v1::Hello& hello);
  void Hear(dims::v1::ForwardResponse&& response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Write(const dims::v1::ForwardRequest& request);
  void CutLocked(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<Moment()> clock_;
  const std::function<void()> heard_;
  const std::unique_ptr<dims::v1::RegistryService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<Transport> transport_;
  absl::Mutex mutex_;
  Answers answers_ ABSL_GUARDED_BY(mutex_);
  std::size_t answer_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration progress_ ABSL_GUARDED_BY(mutex_), patience_ ABSL_GUARDED_BY(mutex_);  // the former an uptime
  absl::Status cut_ ABSL_GUARDED_BY(mutex_);
  std::thread listener_;
  absl::Status finished_;  // once the listener is joined
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_REGISTRY_STREAM_H_
