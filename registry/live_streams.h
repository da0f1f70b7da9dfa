// The streams of a registry, all of them.
//
// What: counts streams, ends the older of two of one bridge and purpose, and all of them when the registry stops.
// Promise: the newer wins: a bridge that lost its connection without noticing comes back at once. Two that take turns
//   (a copy of a bridge's machine) are one line a minute in the log, however often they come.
// Errors: ResourceExhausted for one stream too many, Unavailable while stopping.
// Threads: any.
#ifndef DIMS_REGISTRY_LIVE_STREAMS_H_
#define DIMS_REGISTRY_LIVE_STREAMS_H_

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dims/v1/registry.pb.h"
#include "proto/identity.h"

namespace dims {

class ForwardStream;

class LiveStreams {
 public:
  LiveStreams(std::size_t most, std::size_t most_of_bridge, std::function<absl::Time()> now)
      : most_(most), most_of_bridge_(most_of_bridge), now_(std::move(now)) {}

  absl::Status Join(const Identity& bridge, ForwardStream* stream);
  void Leave(ForwardStream* stream);
  // From now on `stream` is the bridge's for that purpose; the one before it, if any, ends with ABORTED. True: there
  // was one.
  bool TakeOver(const Identity& bridge, v1::StreamPurpose purpose, ForwardStream* stream);
  // Ends all, and lets none join.
  void Stop();

  // A status that was given here, and is in the log already.
  static bool HasSaid(const absl::Status& status);

 private:
  // What was said of a bridge, and how often it was not.
  struct Said {
    absl::Time at = absl::InfinitePast();
    int unsaid = 0;
  };
  void Say(const std::string& bridge, const std::string& what);

  const std::size_t most_, most_of_bridge_;
  const std::function<absl::Time()> now_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::map<ForwardStream*, std::string> streams_;  // of which bridge
  std::map<std::string, ForwardStream*> by_purpose_;
  std::map<std::string, Said> said_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_LIVE_STREAMS_H_
