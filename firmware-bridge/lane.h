// One of the uplink's two roads to the registry: a stream of one purpose at a time, connected again and again.
//
// What: chooses the address, opens the stream, keeps its deadline, ends it; what is sent on it and what is made of the
//   answers is the lane's own: BulkLane (all records, in order), UrgentLane (urgent ones, ahead of their turn).
// Promise: retries without limit. Ends a stream in an orderly way (what was sent is answered first) where it is the
//   bridge's own wish: it stops, its certificate was renewed, nothing is left to send.
// Errors: every reason not to deliver is one log line, the same one again after 10 minutes at the soonest.
// Threads: Run in a thread of its own; Look in the thread that watches; all else from any.
// Source: proto/dims/v1/registry.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_LANE_H_
#define DIMS_FIRMWARE_BRIDGE_LANE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "dims/v1/registry.pb.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/pace.h"
#include "firmware-bridge/registry_credentials.h"
#include "firmware-bridge/registry_stream.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/verdicts.h"

namespace dims {

// What both lanes are given.
struct LaneSetup {
  std::vector<std::string> addresses;  // host:port, all of one registry; the first is the first choice
  dims::v1::Hello hello;               // what is the same in each
  absl::Duration answer_deadline;  // until Welcome, which takes four round trips; half of it for each answer after it
  absl::Duration first_wait, longest_wait;
  std::function<Moment()> clock;
  std::function<void()> changed;  // its state, or what is settled; must be quick
  Store& store;
  RegistryCredentials& credentials;
  Verdicts& verdicts;
};

struct LaneState {
  bool connected = false;
  std::string address;                      // in use, or tried last
  std::string registry;                     // its name, once it has answered
  absl::Time since = absl::InfinitePast();  // of `connected`; the infinite past before the first connection
  std::string last_error;                   // why it is not connected
};

class Lane {
 public:
  Lane(LaneSetup setup, dims::v1::StreamPurpose purpose);
  virtual ~Lane() = default;

  // Serves until Stop.
  void Run();
  void Stop();
  // There may be something to send.
  void Wake();
  // Another lane has got through to this address. A connection that was tried in vain so far is tried anew: the system
  // waits ever longer before it repeats a packet that was lost.
  void HurryTo(std::size_t address);
  // Called when this one has. Set it before Run.
  void OnConnected(std::function<void(std::size_t address)> connected) { connected_ = std::move(connected); }
  // From time to time: gives up what takes too long.
  void Look();
  // True where Run has returned within that time.
  bool AwaitEnd(absl::Duration most);

  LaneState State() const;

 protected:
  // How it goes on.
  struct Step {
    enum class Kind { kSent, kWait, kDone };
    Kind kind = Kind::kWait;
    absl::Duration wait = absl::InfiniteDuration();  // kWait: at most; Wake and an answer end it
  };

  // What to connect for; nothing: no need to.
  virtual std::optional<Generation> Wanted() = 0;
  // It is tried now.
  virtual void Chosen(const Generation&) {}
  // The registry has answered: this stream begins.
  virtual absl::Status Begin(const Generation& generation, const dims::v1::Welcome& welcome) = 0;
  // Of the answers, what is not the same for every lane.
  virtual absl::Status Hear(const RegistryStream::Answers& answers) = 0;
  // Sends some, if there is something to send and room for it, and tells the stream what answer is owed.
  virtual absl::StatusOr<Step> SendSome(RegistryStream& stream) = 0;
  // The stream is over.
  virtual void End() {}

  // There is new cause to connect.
  void Hurry();
  absl::Duration Uptime() const { return setup_.clock().uptime; }
  // With an answer that is owed, beyond what the link takes for what is under way.
  absl::Duration Patience() const { return setup_.answer_deadline / 2; }

  const LaneSetup setup_;
  Store& store_;
  // Of the stream at hand.
  Generation generation_;
  std::string address_;

 private:
  absl::Status Visit(std::size_t address, const Generation& generation);
  absl::Status Serve(RegistryStream& stream);
  absl::Status Welcomed(std::size_t address, RegistryStream& stream, const dims::v1::Welcome& welcome);
  absl::Status TakeAnswers(const RegistryStream::Answers& answers);
  // Why the registry ended it; never OK.
  static absl::Status Ended(RegistryStream& stream);
  // Answers to what was sent, until the registry ends the stream.
  absl::Status SayGoodbye(RegistryStream& stream);
  void Failed(std::size_t address, const absl::Status& status);
  // The registry does more than greet: the next failure is the first one.
  void Proven(std::size_t address);
  // True once Stop was called.
  bool Wait(absl::Duration most);
  bool stopped() const;
  void SetState(bool connected, absl::string_view registry, absl::string_view error);

  const dims::v1::StreamPurpose purpose_;
  std::function<void(std::size_t address)> connected_ = [](std::size_t) {};
  uint64_t version_ = 0;     // of the credentials, on the stream at hand
  bool conflict_ = false;    // on the stream at hand
  std::size_t attempt_ = 0;  // its address
  absl::Duration taken_over_at_ = -absl::InfiniteDuration();
  mutable absl::Mutex mutex_;
  Route route_ ABSL_GUARDED_BY(mutex_);
  LaneState state_ ABSL_GUARDED_BY(mutex_);
  RegistryStream* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Duration tried_at_ ABSL_GUARDED_BY(mutex_);
  // On the stream at hand, or the last one: when it was welcomed. Where that was in vain, the way was not what was
  // wrong, and another lane's success no reason to hurry.
  std::optional<absl::Duration> welcomed_at_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::size_t> hurry_to_ ABSL_GUARDED_BY(mutex_);  // since tried_at_
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false, ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration stopped_at_ ABSL_GUARDED_BY(mutex_);
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_LANE_H_
