// A bad network between two programs: a TCP proxy that makes faults on purpose.
//
// What: listens, connects each connection on to one server, and carries bytes both ways until a Fault (fault.h) is to
//   befall them. Faults come by hand (Begin, Do), or at random from a seed. A fault lasts until it is healed; what a
//   cut or half-open did to connections stays done, but healing resets the half-open ones, as a peer does that is
//   reached again and knows of nothing.
// Promise: without a fault it carries every byte once, in order, and the end of a direction after its last byte. It is
//   one link: `throttle` is for all connections together, who take turns of at most a segment of 1,460 bytes. A slow
//   link pushes back as one does: what waits before it is at most the receive buffer of its socket, for 50 ms at the
//   link's rate (at least 4 KiB), and two segments here; full queues of half a second and more, as bad routers have
//   them, would hide from a sender how slow the link is. Memory is bounded: 64 KiB for each direction of a connection,
//   1 MiB where there is delay (a link that is not throttled holds no more of it under way).
// Log: JSON lines (journal.h), `t` as there, `up` and `down` bytes that were carried to the other side:
//     {"event":"listening","t":T,"address":..,"to":..}
//     {"event":"connected","t":T,"connection":n,"from":"127.0.0.1:41234"}
//     {"event":"closed","t":T,"connection":n,"up":BYTES,"down":BYTES,"why":..}
//     {"event":"half-open","t":T,"connection":n,"up":BYTES,"down":BYTES}      its server's side was reset
//     {"event":"fault","t":T,"fault":"stall up","connections":n,"up":BYTES,"down":BYTES}      of all, since the start
//     {"event":"healed","t":T,"connections":n,"up":BYTES,"down":BYTES}        as the link was at the start
//   A log that cannot be written is one line on stderr, and ends there.
// Errors: Start's and Do's say what is wrong and what could be there instead.
// Threads: one of its own carries; every method may be called from any.
// Source: Linux tcp(7), socket(7) (SO_LINGER, SO_RCVBUF).
#ifndef DIMS_SIMULATOR_FAULT_PROXY_H_
#define DIMS_SIMULATOR_FAULT_PROXY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "simulator/fault.h"

namespace dims {

struct FaultProxyOptions {
  std::string listen = "127.0.0.1:0";      // host:port; port 0 is any that is free
  std::string to;                          // host:port
  std::string log;                         // path; empty: none
  std::vector<Fault> always;               // delay and throttle of the link itself: healing does not take them away
  std::uint64_t seed = 1;                  // of random faults and of garbage
  absl::Duration every;                    // between random faults, on the average; zero: there are none
  std::vector<Fault::Kind> kinds;          // of the random faults; empty: all
  std::function<absl::Duration()> uptime;  // drives delay, throttle and random faults; empty: the system's
};

struct FaultProxyState {
  std::size_t connections = 0;  // open on either side
  std::uint64_t connected = 0;  // ever
  std::uint64_t carried_up = 0, carried_down = 0;
  std::uint64_t held_up = 0, held_down = 0;  // read and not carried yet
  std::vector<std::string> faults;           // in force, those of `always` included
};

class FaultProxy {
 public:
  static absl::StatusOr<std::unique_ptr<FaultProxy>> Start(FaultProxyOptions options);
  // Resets every connection.
  ~FaultProxy();

  // As in `listen`, with the port that it got.
  std::string address() const;

  void Begin(const Fault& fault);
  // The link is again as at the start.
  void Heal();
  // Heals, and there are no random faults any more.
  void Calm();
  // A fault, "heal", "calm" or "status" (which gives a line of JSON; the others give "ok").
  absl::StatusOr<std::string> Do(absl::string_view line);

  FaultProxyState State() const;
  // `uptime` went on: looks what is due.
  void Wake();

 private:
  class Impl;
  explicit FaultProxy(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_FAULT_PROXY_H_
