// What happens on the instruments' lines, for whoever looks on.
//
// What: receivers and sessions tell it what they see; each Listener hears that from the moment it began to listen. How
//   every line stands is remembered.
// Promise: telling never waits for a listener. A listener's queue is bounded; what finds no room is counted, and the
//   count stands in the queue where the happenings would have stood. While nobody listens nothing is copied.
// Units: a queue holds kMostHappenings, and kMostBytes of what passed on the lines.
// Threads: any. A Listener belongs to one thread, and must be gone before the Activity.
#ifndef DIMS_FIRMWARE_BRIDGE_ACTIVITY_H_
#define DIMS_FIRMWARE_BRIDGE_ACTIVITY_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "firmware-bridge/session.h"

namespace dims {

struct Happening {
  enum class Kind {
    kOpened,
    kClosed,
    kReceived,  // bytes
    kSent,      // bytes
    kLost,      // size: bytes that found no room
    kChanged,   // the store or the uplink: look there
    kNotShown   // size: happenings that this listener's queue had no room for; the store may have changed too
  };
  Kind kind = Kind::kChanged;
  std::string instrument;  // empty for kChanged and kNotShown
  absl::Time at;
  std::string bytes;
  uint64_t size = 0;
};

class Activity {
 public:
  static constexpr std::size_t kMostHappenings = 1024, kMostBytes = 256 * 1024;

  struct Line {
    bool open = false;
    absl::Time since = absl::InfinitePast();  // of the last opening or closing
    absl::Time last_arrival = absl::InfinitePast();
  };

  class Listener {
   public:
    // Only one instrument's line, where `instrument` is not empty; kReceived and kSent only where `bytes` is set.
    Listener(Activity& activity, std::string instrument, bool bytes);
    ~Listener();
    Listener(const Listener&) = delete;

    // The next happening; nothing if there is none within `most`.
    std::optional<Happening> Next(absl::Duration most);

   private:
    friend class Activity;
    bool Wants(Happening::Kind kind, absl::string_view instrument) const;
    void Put(Happening happening);

    Activity& activity_;
    const std::string instrument_;
    const bool bytes_;
    std::deque<Happening> waiting_;  // guarded by activity_.mutex_
    std::size_t waiting_bytes_ = 0;  // guarded by activity_.mutex_
  };

  void Arrived(const std::string& instrument, const Arrival& arrival);
  void Sent(const std::string& instrument, absl::Time at, absl::string_view bytes);
  void Changed(absl::Time at);

  Line LineOf(const std::string& instrument) const;

 private:
  void Tell(Happening::Kind kind, const std::string& instrument, absl::Time at, absl::string_view bytes, uint64_t size);

  // Not absl's: ThreadSanitizer does not see into the one of the distribution.
  mutable std::mutex mutex_;  // for all below, and the queues
  std::condition_variable told_;
  std::map<std::string, Line> lines_;
  std::vector<Listener*> listeners_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ACTIVITY_H_
