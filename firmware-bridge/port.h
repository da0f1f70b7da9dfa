// A line to an instrument.
//
// What: one open port. This is the pseudo-terminal (and plain tty) implementation over termios.
// Promise: raw bytes, nothing translated; what Open was asked for and the device did not take is an error, not a
//   surprise (the settings are read back; a pty has no wire, so only what it keeps is asked of it).
// Units: durations; sizes in bytes.
// Errors: NotFound (no such device), PermissionDenied (with the group to join), FailedPrecondition (settings not
//   taken, device in use), Unavailable (hung up).
// Threads: Read and Write may be called from two threads at once; neither from two.
// Source: POSIX.1-2017, termios; Linux tty_ioctl(4), pty(7).
#ifndef DIMS_FIRMWARE_BRIDGE_PORT_H_
#define DIMS_FIRMWARE_BRIDGE_PORT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/driver.h"

namespace dims {

class Port {
 public:
  virtual ~Port() = default;
  // Waits at most `wait` for bytes; returns how many there were (0: none). Unavailable after a hang-up.
  virtual absl::StatusOr<std::size_t> Read(char* into, std::size_t size, absl::Duration wait) = 0;
  // Hands all bytes to the device without waiting for them to leave. Unavailable if it does not take them at once.
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // The other side waits while nobody reads (a pseudo-terminal, flow control). On any other line bytes that are not
  // read in time are lost without a trace, so it must be read whatever becomes of the bytes.
  virtual bool HoldsBack() const = 0;
};

absl::StatusOr<std::unique_ptr<Port>> OpenPort(const std::string& path, const Line& line);

// Whether the path, links resolved, is a pseudo-terminal, or, while it leads nowhere, is no name in /dev: what comes
// from it is simulated, unless the configuration says otherwise.
bool IsPseudoTerminal(const std::string& path);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PORT_H_
