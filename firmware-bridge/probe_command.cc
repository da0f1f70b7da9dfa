#include "firmware-bridge/probe_command.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "drivers/options.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/port_list.h"
#include "firmware-bridge/port_name.h"
#include "firmware-bridge/probe.h"
#include "firmware-bridge/probe_line.h"

namespace dims {
namespace {

// Enough to know a format by; all drivers together take some seconds for it.
constexpr std::size_t kMostOfAFile = std::size_t{8} << 20;

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

absl::StatusOr<Capture> ReadFile(const std::string& path, std::ostream& progress) {
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin : std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  Capture heard;
  heard.line.baud = 0;
  heard.bytes.resize(kMostOfAFile);
  heard.bytes.resize(std::fread(heard.bytes.data(), 1, heard.bytes.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return absl::DataLossError(absl::StrCat("reading ", path, ": ", std::strerror(errno)));
  }
  if (std::fgetc(file.get()) != EOF) {
    // What is cut in the middle of a line would be a problem of the report, not of the driver.
    const std::size_t end = heard.bytes.rfind('\n');
    if (end != std::string::npos) heard.bytes.resize(end + 1);
    progress << path << ": only the first " << (kMostOfAFile >> 20) << " MiB are looked at\n";
  }
  return heard;
}

// The name that survives replugging, where udev gives one.
std::string LastingName(const std::string& port) {
  const absl::StatusOr<std::vector<SerialDevice>> devices = ListSerialDevices();
  if (!devices.ok() || IsTcpName(port)) return port;
  for (const SerialDevice& device : *devices) {
    if (device.path == LineBehind(port) && !device.stable_name.empty()) return device.stable_name;
  }
  return port;
}

absl::string_view ParityWord(char parity) { return parity == 'E' ? "even" : parity == 'O' ? "odd" : "none"; }

std::string Table(const Driver& driver, const std::string& port, const Line& line) {
  std::string text = absl::StrCat("[[instrument]]\nname = \"", absl::StrReplaceAll(driver.name, {{"_", "-"}}),
                                  "-1\"\ndriver = \"", driver.name, "\"\nport = \"", port, "\"\n");
  if (IsTcpName(port)) return text;
  absl::StrAppend(&text, "baud = ", line.baud, "\ndata_bits = ", line.data_bits, "\nparity = \"",
                  ParityWord(line.parity), "\"\nstop_bits = ", line.stop_bits, "\n");
  return text;
}

// `how`: ", at 9600 8N1".
void Print(const Examined& examined, const std::string& how, std::ostream& out) {
  if (!examined.Fits()) out << "no driver fits: " << Describe(examined.check) << how << "\n";
  for (const Candidate& candidate : examined.candidates) {
    out << (candidate.Fits() ? "" : "unlikely: ") << candidate.Evidence() << how << "\n";
  }
}

bool HasSevenBits(LineCheck check) {
  return check == LineCheck::kSevenEven || check == LineCheck::kSevenOdd || check == LineCheck::kSevenMark;
}

absl::StatusOr<bool> ProbeFile(const std::string& path, absl::Span<const Driver* const> drivers, std::ostream& out,
                               std::ostream& progress) {
  const absl::StatusOr<Capture> heard = ReadFile(path, progress);
  if (!heard.ok()) return heard.status();
  const Examined examined = Examine(*heard, drivers);
  Print(examined, HasSevenBits(examined.check) ? absl::StrCat(", as ", Describe(examined.check)) : "", out);
  if (!examined.Fits()) return false;
  if (HasSevenBits(examined.check)) {
    out << "\nits bytes hold a parity bit: set the line to seven data bits, and record it again\n";
    return true;
  }
  out << "\nsee what it makes of it: dims-bridge decode " << examined.candidates.front().driver->name << " " << path
      << "\n";
  return true;
}

absl::StatusOr<bool> ProbePort(const ProbeRequest& request, absl::FunctionRef<bool()> stopped, std::ostream& out,
                               std::ostream& progress) {
  if (absl::Status status = CheckNoConsole(request.port); !status.ok()) return status;
  const ProbeWorld world = {[&](const std::string& name, const Line& line) { return OpenPort(name, line, stopped); },
                            [] { return ReadClocks().uptime; }, [&] { return stopped(); },
                            [&](absl::string_view text) { progress << text << std::endl; }};
  const absl::StatusOr<Examined> examined = ProbeLine(request, world);
  if (!examined.ok()) return examined.status();
  const bool nothing = examined->check == LineCheck::kSilent, tcp = IsTcpName(request.port);
  std::string how = nothing || tcp ? "" : absl::StrCat(", at ", WriteLine(examined->line));
  // A terminal server sets the line itself.
  if (tcp && HasSevenBits(examined->check)) {
    how = absl::StrCat(", as ", Describe(examined->check), ": set the terminal server so");
  }
  Print(*examined, how, out);
  if (examined->Fits()) {
    const Driver& driver = *examined->candidates.front().driver;
    out << "\n" << Table(driver, LastingName(request.port), examined->line);
    return true;
  }
  if (nothing && request.ask) {
    out << "look at the cable (a null-modem one where both ends are computers), and at the instrument's own settings\n";
  } else if (nothing) {
    out << "let the instrument print while this listens; one that says nothing by itself, such as a balance, may "
           "answer to --ask\n";
  } else {
    out << "to write down what comes: dims-bridge record " << request.port << "\n";
  }
  return false;
}

}  // namespace

CLI::App* AddProbeCommand(CLI::App& app, ProbeArguments& arguments) {
  CLI::App* probe = app.add_subcommand(
      "probe",
      "Find out what is on a line, or in a file: which driver reads it, and how the line must be set.\n"
      "Only listens, unless --ask is given; a line in use and the machine's console stay untouched.\n"
      "Exit code 0: a driver fits, the best is in the first line; 1: none does; 2: wrong usage or no such port.");
  probe->add_option("what", arguments.what, "Device, tcp://host:port, or a file (- for standard input)")->required();
  probe->add_option("--for", arguments.length, "How long to listen at each setting while nothing comes (20s)");
  probe->add_flag("--ask,--send", arguments.ask,
                  "Ask, one after the other, what balances answer to and what changes nothing in any instrument");
  return probe;
}

absl::StatusOr<bool> RunProbe(const ProbeArguments& arguments, absl::Span<const Driver* const> drivers,
                              absl::FunctionRef<bool()> stopped, std::ostream& out, std::ostream& progress) {
  ProbeRequest request;
  request.port = arguments.what;
  request.ask = arguments.ask;
  request.drivers = drivers;
  if (!arguments.length.empty()) {
    const absl::StatusOr<absl::Duration> length = ReadDuration(arguments.length);
    if (!length.ok()) return absl::InvalidArgumentError(absl::StrCat("--for: ", length.status().message()));
    request.listen = *length;
  }
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(arguments.what, error);
  const bool is_port = IsTcpName(arguments.what) || std::filesystem::is_character_file(status);
  if (arguments.what == "-" || (!is_port && std::filesystem::exists(status))) {
    return ProbeFile(arguments.what, drivers, out, progress);
  }
  if (!is_port && !absl::StartsWith(arguments.what, "/dev/")) {
    return absl::NotFoundError(absl::StrCat(arguments.what, ": there is no such file, nor a port of that name"));
  }
  return ProbePort(request, stopped, out, progress);
}

}  // namespace dims
