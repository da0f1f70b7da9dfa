// The laboratory's bench: all sessions, and the loop that brings what they have to the disk.
//
// What: waits for arrivals and timers, gathers every session's batch, commits them as one, lets the sessions reply.
// Promise: group commit without a timer: what arrives while one commit runs is in the next. A session that waits for
//   the disk keeps no other from it: the store is asked about each one's batch before they are committed as one. A line
//   that is held back goes on taking, so that an urgent report behind a routine one gets through. Scanners come first:
//   what they read before something else came is on disk before that is heard, however long the disk takes.
// Units: a round takes at most 32 KiB of each instrument, 1 MiB of a scanner or of a line that is held back.
// Errors: a refusing store is told to the sessions, and offered the same again after a second, or when something urgent
//   has joined it. What cannot be committed as one is committed line by line, urgent ones first, then the small ones. A
//   line whose batch is refused for another reason than want of room stands still, the others go on. What finds no room
//   at the end is logged, by line.
// Threads: Add before Run; Run in one thread; Order, Wake and Stop from any.
#ifndef DIMS_FIRMWARE_BRIDGE_BENCH_H_
#define DIMS_FIRMWARE_BRIDGE_BENCH_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "firmware-bridge/receive_buffer.h"
#include "firmware-bridge/session.h"
#include "firmware-bridge/store.h"

namespace dims {

class Bench {
 public:
  // `recorded` is called after a commit that added records; `alive` at least every `pulse`.
  Bench(Store& store, std::function<Moment()> clock, std::function<void()> recorded, std::function<void()> alive,
        absl::Duration pulse);

  void Add(std::unique_ptr<Session> session, ReceiveBuffer& buffer);
  // Tells an instrument an order of its driver's, as soon as what has arrived is taken. NotFound: there is no such
  // instrument, or its driver has no such order. ResourceExhausted: what waits for the disk leaves no room for it.
  absl::Status Order(absl::string_view instrument, const std::string& order);
  void Wake();
  void Run();
  void Stop();

  // One round: takes what has arrived, commits, replies. False if there was nothing to do. Run calls it.
  bool Round(bool all = false);

 private:
  struct Place {
    std::unique_ptr<Session> session;
    ReceiveBuffer* buffer;
    std::vector<Arrival> arrived = {};  // in the round at hand
    bool refused = false;               // its batch waits to be offered again
    bool broken = false;                // and would never be taken: it is offered once more at the end
    std::size_t urgent = 0;             // so many urgent reports were in it
    absl::Duration offer_again;         // uptime
  };
  static bool IsFull(const Place& place);
  // What has come from the scanners, or from all others, is theirs in this round.
  void Collect(bool scanners, bool all);
  // A round of the scanners alone, or of all others.
  bool Take(bool scanners, bool all, Moment now);
  // False where nothing of it was taken.
  bool Commit(const std::vector<Place*>& places, bool all);
  bool CommitEach(std::vector<Place*> places, bool all);
  void Refuse(Place& place, const absl::Status& why);
  void Tidy(absl::Duration uptime);
  absl::Duration NextTimer() const;

  Store& store_;
  const std::function<Moment()> clock_;
  const std::function<void()> recorded_, alive_;
  const absl::Duration pulse_;
  std::vector<Place> places_;
  absl::Duration last_commit_, tidy_at_;  // uptime
  absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_BENCH_H_
