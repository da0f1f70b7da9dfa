// Listens to a line until a driver fits what comes.
//
// What: opens the port at one setting after another, 9600 8N1 first, and examines what is heard (probe.h). A wrong
//   speed shows as soon as anything comes: that setting is out, and listening begins anew with the first of the others.
//   What nobody hears says nothing about a setting: it is left after `listen`, and comes again once something was heard
//   elsewhere. Seven data bits need no setting of their own, they are recognised in what eight show.
// Promise: nothing is sent unless `ask` is set, and no console is opened. With `ask`, what changes nothing at an
//   instrument that understands it (Driver::query) is sent, one driver's after the other; never an acknowledgement,
//   after which an instrument may forget what it sent.
// Units: durations; at most 1 MiB is heard at one setting.
// Errors: the port's (port.h), FailedPrecondition for a console.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_PROBE_LINE_H_
#define DIMS_FIRMWARE_BRIDGE_PROBE_LINE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "firmware-bridge/port.h"
#include "firmware-bridge/probe.h"

namespace dims {

struct ProbeRequest {
  std::string port;
  absl::Duration listen = absl::Seconds(20);  // at each setting, while nothing comes
  bool ask = false;
  absl::Span<const Driver* const> drivers;
};

// What the probe needs of the world, so that a test can be the world.
struct ProbeWorld {
  std::function<absl::StatusOr<std::unique_ptr<Port>>(const std::string& name, const Line& line)> open;
  std::function<absl::Duration()> uptime;
  std::function<bool()> stopped;               // asked ten times a second
  std::function<void(absl::string_view)> say;  // to the person, who may have to let the instrument print again
};

// The best that was found, be it only that nothing came.
absl::StatusOr<Examined> ProbeLine(const ProbeRequest& request, const ProbeWorld& world);

// The settings in their order. `ask`: those with parity as well, for what is sent must be understood.
std::vector<Line> SettingsToTry(absl::Span<const Driver* const> drivers, bool ask);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PROBE_LINE_H_
