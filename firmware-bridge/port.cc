#include "firmware-bridge/port.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/descriptor.h"

namespace dims {

absl::StatusOr<std::unique_ptr<Port>> OpenPort(const std::string& name, const Line& line,
                                               absl::FunctionRef<bool()> stopped) {
  if (!IsPortName(name)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", name,
        "\" is neither a device such as \"/dev/ttyUSB0\" nor a terminal server such as \"tcp://host:4001\""));
  }
  if (const std::optional<NetworkAddress> address = ReadTcpName(name)) return OpenTcpPort(*address, stopped);
  const absl::StatusOr<std::string> device = ResolveLinks(name);
  if (!device.ok()) return device.status();
  return absl::StartsWith(*device, "/dev/pts/") ? OpenPseudoTerminal(name, line) : OpenSerialPort(name, line);
}

}  // namespace dims
