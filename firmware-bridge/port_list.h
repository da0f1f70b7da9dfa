// `dims-bridge ports`: the machine's serial ports.
//
// What: lists them as the kernel and udev describe them, with the name each should have in a configuration.
// Promise: no port is opened, whatever is connected: opening one raises its control lines, and one of them may be the
//   machine's console. (libserialport's own list opens the built-in ones; so it is asked for the details of one only.)
// Errors: NotFound where the system has no list.
// Threads: pure, but for reading the system.
// Source: Linux sysfs (class/tty, type 0: a built-in port that is not there), proc_locks(5), udev's serial/by-id and
//   serial/by-path, libserialport 0.1.1.
#ifndef DIMS_FIRMWARE_BRIDGE_PORT_LIST_H_
#define DIMS_FIRMWARE_BRIDGE_PORT_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "firmware-bridge/config.h"

namespace dims {

struct SerialDevice {
  std::string path;         // /dev/ttyUSB0
  std::string stable_name;  // below /dev/serial: by-id, else by-path; empty where udev gives none
  std::string usb_ids;      // "0403:6001"; empty: not on USB
  std::string serial_number, description;
  bool is_console = false;       // the kernel prints there
  std::optional<int> locked_by;  // process
};

// Where the system says so.
struct PortSources {
  std::string tty_class = "/sys/class/tty";
  std::string devices = "/dev";
  std::string locks = "/proc/locks";
};

absl::StatusOr<std::vector<SerialDevice>> ListSerialDevices(const PortSources& sources = {});

// FailedPrecondition where the machine's console is on this line, or may be; for who opens ports to see what is there.
absl::Status CheckNoConsole(const std::string& port, const PortSources& sources = {});

// A table for people. `instruments`: those of a configuration, for the column that says whose port it is; those whose
// device is not there now follow the table.
std::string PortTable(const std::vector<SerialDevice>& devices, const std::vector<InstrumentConfig>& instruments);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PORT_LIST_H_
