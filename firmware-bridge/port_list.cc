#include "firmware-bridge/port_list.h"

#include <libserialport.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "firmware-bridge/port_name.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

namespace fs = std::filesystem;

std::string ReadWhole(const fs::path& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::vector<std::string> WordsOf(const fs::path& path) {
  return absl::StrSplit(ReadWhole(path), absl::ByAnyChar(" \n"), absl::SkipEmpty());
}

// Ports of a driver for hardware; built-in ones have a number each, also where no chip is.
bool IsThere(const fs::path& tty) {
  std::error_code error;
  if (!fs::exists(tty / "device", error)) return false;
  const std::vector<std::string> type = WordsOf(tty / "type");
  return type.empty() || type.front() != "0";
}

// Device name to its link. Of two links, the first of the folder's order that stays the same: by alphabet.
std::map<std::string, std::string> LinksIn(const fs::path& folder) {
  std::map<std::string, std::string> links;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string device = fs::read_symlink(entry.path(), error).filename().string();
    if (error) continue;
    std::string& link = links[device];
    if (link.empty() || entry.path().string() < link) link = entry.path().string();
  }
  return links;
}

// "8: FLOCK  ADVISORY  WRITE 1234 00:06:520 0 EOF"
std::map<std::string, int> Locks(const std::string& path) {
  std::map<std::string, int> by_file;
  for (const absl::string_view line : absl::StrSplit(ReadWhole(path), '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int process = 0;
    if (words.size() >= 6 && absl::SimpleAtoi(words[4], &process)) by_file[words[5]] = process;
  }
  return by_file;
}

std::string FileInLocks(const std::string& device) {
  struct stat file {};
  if (stat(device.c_str(), &file) != 0) return "";
  return absl::StrFormat("%02x:%02x:%d", major(file.st_dev), minor(file.st_dev), file.st_ino);
}

std::string Text(const char* text) { return text == nullptr ? "" : text; }

void Describe(SerialDevice& device) {
  sp_port* found = nullptr;
  if (sp_get_port_by_name(device.path.c_str(), &found) != SP_OK) return;
  const std::unique_ptr<sp_port, void (*)(sp_port*)> port(found, sp_free_port);
  int vendor = 0, product = 0;
  if (sp_get_port_usb_vid_pid(found, &vendor, &product) == SP_OK) {
    device.usb_ids = absl::StrFormat("%04x:%04x", vendor, product);
    device.serial_number = Text(sp_get_port_usb_serial(found));
    device.description =
        absl::StrJoin({Text(sp_get_port_usb_manufacturer(found)), Text(sp_get_port_usb_product(found))}, " ");
  } else {
    device.description = sp_get_port_transport(found) == SP_TRANSPORT_BLUETOOTH ? "Bluetooth" : "built in";
  }
}

// "ttyUSB2" before "ttyUSB10".
bool Before(const SerialDevice& a, const SerialDevice& b) {
  return std::make_pair(a.path.size(), a.path) < std::make_pair(b.path.size(), b.path);
}

// What an adapter says of itself is any adapter's to choose.
std::string Aligned(std::vector<std::vector<std::string>> rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = Printable(row[i]);
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) absl::StrAppend(&line, Fit(row[i], widths[i]), "  ");
    absl::StrAppend(&out, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  }
  return out;
}

std::string UseOf(const SerialDevice& device, const std::vector<InstrumentConfig>& instruments) {
  std::vector<std::string> uses;
  if (device.is_console) uses.push_back("the machine's console");
  for (const InstrumentConfig& instrument : instruments) {
    if (LineBehind(instrument.port) == device.path) uses.push_back(absl::StrCat("instrument ", instrument.name));
  }
  if (device.locked_by) uses.push_back(absl::StrCat("open in process ", *device.locked_by));
  return uses.empty() ? "-" : absl::StrJoin(uses, ", ");
}

}  // namespace

absl::StatusOr<std::vector<SerialDevice>> ListSerialDevices(const PortSources& sources) {
  std::error_code error;
  fs::directory_iterator ttys(sources.tty_class, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("the serial ports are not listed: ", sources.tty_class, ": ", error.message()));
  }
  const auto by_id = LinksIn(fs::path(sources.devices) / "serial/by-id");
  const auto by_path = LinksIn(fs::path(sources.devices) / "serial/by-path");
  const std::map<std::string, int> locks = Locks(sources.locks);
  const std::vector<std::string> consoles = WordsOf(fs::path(sources.tty_class) / "console/active");
  std::vector<SerialDevice> devices;
  for (const fs::directory_entry& tty : ttys) {
    if (!IsThere(tty.path())) continue;
    const std::string name = tty.path().filename().string();
    SerialDevice& device = devices.emplace_back();
    device.path = absl::StrCat("/dev/", name);
    device.is_console = absl::c_linear_search(consoles, name);
    for (const auto* links : {&by_path, &by_id}) {
      if (const auto link = links->find(name); link != links->end()) device.stable_name = link->second;
    }
    const auto lock = locks.find(FileInLocks((fs::path(sources.devices) / name).string()));
    if (lock != locks.end()) device.locked_by = lock->second;
    Describe(device);
  }
  std::sort(devices.begin(), devices.end(), Before);
  return devices;
}

absl::Status CheckNoConsole(const std::string& port, const PortSources& sources) {
  const std::string line = LineBehind(port);
  if (IsTcpName(line) || absl::StartsWith(line, "/dev/pts/")) return absl::OkStatus();
  const std::string name = fs::path(line).filename().string();
  const std::vector<std::string> consoles = WordsOf(fs::path(sources.tty_class) / "console/active");
  if (consoles.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(port, ": the system does not say which line is its console, and this one may be"));
  }
  // A virtual one: the person's own screen and keyboard.
  const bool is_virtual =
      name == "console" || name == "tty" || (absl::StartsWith(name, "tty") && IsDigits(absl::StripPrefix(name, "tty")));
  if (!is_virtual && !absl::c_linear_search(consoles, name)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(port, ": this is the machine's console"));
}

std::string PortTable(const std::vector<SerialDevice>& devices, const std::vector<InstrumentConfig>& instruments) {
  std::string out;
  if (devices.empty()) {
    out =
        "This machine has no serial port that the kernel knows of: is the adapter plugged in, and its driver there?\n";
  } else {
    std::vector<std::vector<std::string>> rows = {
        {"device", "USB", "serial number", "description", "used by", "name for the configuration"}};
    for (const SerialDevice& device : devices) {
      const auto shown = [](const std::string& text) { return text.empty() ? "-" : text; };
      rows.push_back({device.path, shown(device.usb_ids), shown(device.serial_number), shown(device.description),
                      UseOf(device, instruments), device.stable_name.empty() ? device.path : device.stable_name});
    }
    out = Aligned(std::move(rows));
  }
  for (const InstrumentConfig& instrument : instruments) {
    std::error_code error;
    if (IsTcpName(instrument.port) || fs::exists(instrument.port, error)) continue;
    absl::StrAppend(&out, "not there now: ", instrument.port, " of instrument ", instrument.name, "\n");
  }
  return out;
}

}  // namespace dims
