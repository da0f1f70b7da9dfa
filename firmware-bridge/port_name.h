// What a port is called: a device by its path, or a terminal server as tcp://host:port.
//
// What: reads such names, and says which of them mean the same line. Opens nothing.
// Promise: two names with one LineBehind are one line, however udev calls the device today.
// Errors: none; what is no name gives nothing.
// Threads: pure, but for looking at symbolic links.
// Source: RFC 3986 3.2.2 (an IPv6 address stands in brackets); terminal servers call this mode "raw TCP".
#ifndef DIMS_FIRMWARE_BRIDGE_PORT_NAME_H_
#define DIMS_FIRMWARE_BRIDGE_PORT_NAME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dims {

struct NetworkAddress {
  std::string host;  // a name or an address, without brackets
  int port = 0;      // 1 to 65535
};

// "host:port", "[2001:db8::1]:port".
std::optional<NetworkAddress> ReadAddress(absl::string_view text);

// Whether the name is meant for a terminal server, well formed or not.
bool IsTcpName(absl::string_view name);
// "tcp://host:port".
std::optional<NetworkAddress> ReadTcpName(absl::string_view name);
std::string TcpName(const NetworkAddress& address);  // in lower case

// A device's path, or a well-formed tcp://host:port.
bool IsPortName(absl::string_view name);

// The device with all links resolved, as far as it is there; TcpName of the terminal server.
std::string LineBehind(const std::string& name);

// Whether what comes from there is simulated unless the configuration says otherwise, as far as the name tells: a
// pseudo-terminal, a path that leads nowhere and is no name in /dev, a terminal server on this machine's loopback.
bool IsSimulatedByName(const std::string& name);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PORT_NAME_H_
