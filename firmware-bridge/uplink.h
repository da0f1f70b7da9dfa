// Carries the queue to the registry.
//
// What: two lanes over mutual TLS, each with a connection of its own: all records in order (BulkLane), whose settlement
//   lets the store forget, and urgent ones ahead of their turn (UrgentLane), which wait for nothing of bulk. Bulk gives
//   way: while an urgent record is on its way, and for 2 s at most, no more of bulk is put on the link.
// Promise: has no state that the store lacks. Cut at any point, it starts again from the store and the registry's
//   Welcome; nothing is lost, nothing is stored twice. Retries without limit. What is under way is bounded by the
//   registry's window and by our own (BulkWindow), so a registry that does not read costs no memory. Renewed
//   certificate files are in use within a minute. Stop lets the registry answer what was sent, for 2 s at most.
// Units: back-off 0.2 s doubling to 30 s for each address, unless the options say otherwise, each with up to a half of
//   jitter; durations otherwise.
// Errors: every reason not to deliver is one log line, the same one again after 10 minutes at the soonest.
// Threads: Run has one of its own, each lane two; Wake, Stop and State from any.
// Source: proto/dims/v1/registry.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_UPLINK_H_
#define DIMS_FIRMWARE_BRIDGE_UPLINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/store.h"

namespace dims {

struct UplinkOptions {
  std::string address;                      // host:port; the host is what the registry's certificate must name
  std::vector<std::string> more_addresses;  // of the same registry, tried where the one before fails
  std::string ca, certificate, key;         // PEM files
  std::string laboratory, bridge;
  std::string software;  // name and version, for people
  absl::Duration answer_deadline = absl::Seconds(30);
  absl::Duration first_wait = absl::Milliseconds(200), longest_wait = absl::Seconds(30);  // of the back-off
  uint64_t drain_limit = 0;               // bytes a second for what is not urgent; 0: none
  std::function<void()> changed = [] {};  // the state changed, or the registry settled records; must be quick
  std::function<Moment()> clock = ReadClocks;
};

struct UplinkState {
  bool connected = false;                   // the bulk lane
  std::string registry;                     // its name, once it has answered
  absl::Time since = absl::InfinitePast();  // of `connected`; the infinite past before the first connection
  std::string last_error;                   // why it is not connected
  std::string address = "";                 // in use, or tried last
  bool urgent_connected = false;
  bool all_urgent_answered = true;  // every urgent record that is known is with the registry, ahead or settled
  absl::Time paused_until = absl::InfinitePast();       // as the registry asked; may be past
  uint64_t records_under_way = 0, bytes_under_way = 0;  // sent by the bulk lane, not settled
};

class Uplink {
 public:
  Uplink(UplinkOptions options, Store& store);
  ~Uplink();

  // Serves until Stop. Call it in a thread of its own.
  void Run();
  void Stop();
  // There are new records.
  void Wake();

  UplinkState State() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_UPLINK_H_
