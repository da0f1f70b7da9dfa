// A line to an instrument.
//
// What: one open port: a serial device (libserialport, serial_port.cc), a pseudo-terminal (termios,
//   pseudo_terminal.cc), or a terminal server over raw TCP (tcp_port.cc).
// Promise: raw bytes, nothing translated; errors that a device's hardware reported stand beside the bytes as marks.
//   What Open was asked for and the device did not take is an error, not a surprise: settings are read back. A device
//   belongs to one program at a time. A hang-up is seen, also the silent death of a terminal server (within about a
//   minute, though nothing is sent).
// Units: durations; sizes in bytes.
// Errors: NotFound (no such device), PermissionDenied (with the group to join), FailedPrecondition (settings not
//   taken, device in use, no serial line), InvalidArgument (no name of a port), Cancelled (stopped), Unavailable (hung
//   up, not reached).
// Threads: Read and Write may be called from two threads at once; neither from two.
// Source: POSIX.1-2017, termios; Linux tty_ioctl(4), pty(7), tcp(7); libserialport 0.1.1.
#ifndef DIMS_FIRMWARE_BRIDGE_PORT_H_
#define DIMS_FIRMWARE_BRIDGE_PORT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/driver.h"
#include "drivers/parser.h"
#include "firmware-bridge/port_name.h"

namespace dims {

struct Received {
  std::string bytes;
  std::vector<LineMark> marks;  // offsets ascend; an overrun stands at the first byte read after it was noticed
};

class Port {
 public:
  static constexpr std::size_t kMostRead = 4096;

  virtual ~Port() = default;
  // Waits at most `wait` for bytes; no bytes: there were none. At most kMostRead. Unavailable after a hang-up.
  virtual absl::StatusOr<Received> Read(absl::Duration wait) = 0;
  // Hands all bytes to the device without waiting for them to leave. Unavailable if it does not take them at once.
  virtual absl::Status Write(absl::string_view bytes) = 0;
  // The other side waits while nobody reads (a pseudo-terminal, flow control, TCP). On any other line bytes that are
  // not read in time are lost without a trace, so it must be read whatever becomes of the bytes.
  virtual bool HoldsBack() const = 0;
  // No instrument can be at the other end: a pseudo-terminal, a peer on this machine's loopback.
  virtual bool IsSimulated() const = 0;
};

// Opens what the name means. `stopped` is asked while it waits; of the three, only a terminal server makes it wait.
absl::StatusOr<std::unique_ptr<Port>> OpenPort(const std::string& name, const Line& line,
                                               absl::FunctionRef<bool()> stopped);

// The three of them. A path may be a symbolic link.
absl::StatusOr<std::unique_ptr<Port>> OpenSerialPort(const std::string& path, const Line& line);
// A pseudo-terminal has no wire, so only what it keeps is asked of it: speed, stop bits, flow control.
absl::StatusOr<std::unique_ptr<Port>> OpenPseudoTerminal(const std::string& path, const Line& line);
// How the line behind it is set is the terminal server's own matter. Gives up after 5 s for each of its addresses.
absl::StatusOr<std::unique_ptr<Port>> OpenTcpPort(const NetworkAddress& address, absl::FunctionRef<bool()> stopped);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PORT_H_
