// Carries the queue to the registry.
//
// What: one bidirectional stream over mutual TLS: Hello, then the records after what the registry has settled, in
// order;
//   what it settles, the store may forget.
// Promise: has no state that the store lacks. Cut at any point, it starts again from the store and the registry's
//   Welcome; nothing is lost, nothing is stored twice. Retries without limit. What is under way is bounded by the
//   registry's window and by our own of 1 MiB, so a registry that does not read costs no memory.
// Units: back-off 0.2 s doubling to 30 s, unless the options say otherwise, each with up to a half of jitter; durations
// otherwise. Errors: every reason not to deliver is one log line, repeated only when it changes or every 10 minutes.
// Threads: one of its own for each direction; Wake and Stop from any.
// Source: proto/dims/v1/registry.proto; gRPC C++ 1.51 synchronous streaming; grpc/doc/keepalive.md.
#ifndef DIMS_FIRMWARE_BRIDGE_UPLINK_H_
#define DIMS_FIRMWARE_BRIDGE_UPLINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "dims/v1/registry.grpc.pb.h"
#include "firmware-bridge/store.h"

namespace dims {

struct UplinkOptions {
  std::string address;               // host:port; the host is what the registry's certificate must name
  std::string ca, certificate, key;  // PEM files, read anew for each connection
  std::string laboratory, bridge;
  std::string software;  // name and version, for people
  absl::Duration answer_deadline = absl::Seconds(15);
  std::function<void()> changed = [] {};  // the state changed, or the registry settled records; must be quick
  absl::Duration first_wait = absl::Milliseconds(200), longest_wait = absl::Seconds(30);  // of the back-off
};

struct UplinkState {
  bool connected = false;
  std::string registry;                     // its name, once it has answered
  absl::Time since = absl::InfinitePast();  // of `connected`; the infinite past before the first connection
  std::string last_error;                   // why it is not connected
  bool operator==(const UplinkState&) const = default;
};

class Uplink {
 public:
  Uplink(UplinkOptions options, Store& store);

  // Serves until Stop. Call it in a thread of its own.
  void Run();
  void Stop();
  // There are new records.
  void Wake();

  UplinkState State() const;

 private:
  using Stream = grpc::ClientReaderWriter<dims::v1::ForwardRequest, dims::v1::ForwardResponse>;

  // What the registry said on the stream at hand.
  struct Heard {
    std::unique_ptr<dims::v1::Welcome> welcome;
    uint64_t settled_through = 0;
    absl::Duration progress, paused_until;  // uptimes
    bool ended = false;
    absl::Status failure;  // a conflict, or what the store said
  };

  // One stream for one generation. OK when everything of it is settled and there is a newer one.
  absl::Status Serve(const Generation& generation);
  absl::Status SendRecords(Stream& stream, const Generation& generation);
  void Listen(Stream& stream, const dims::v1::ForwardRequest& hello, const Generation& generation);
  void Hear(const dims::v1::ForwardResponse& response, const Generation& generation);
  absl::Status TakeWelcome(const Generation& generation, const dims::v1::Welcome& welcome, uint64_t* from);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect() const;
  bool WaitFor(absl::Duration most);
  void SetState(bool connected, absl::string_view registry, absl::string_view error);

  const UplinkOptions options_;
  Store& store_;
  mutable absl::Mutex mutex_;
  UplinkState state_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;  // of the stream at hand, for Stop
  Heard heard_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_UPLINK_H_
