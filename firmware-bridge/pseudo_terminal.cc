// The end of a pseudo-terminal as a port.
#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/descriptor.h"
#include "firmware-bridge/port.h"

namespace dims {
namespace {

speed_t SpeedOf(int baud) {
  static constexpr std::pair<int, speed_t> kSpeeds[] = {
      {300, B300},       {600, B600},       {1200, B1200},     {1800, B1800},    {2400, B2400},
      {4800, B4800},     {9600, B9600},     {19200, B19200},   {38400, B38400},  {57600, B57600},
      {115200, B115200}, {230400, B230400}, {460800, B460800}, {921600, B921600}};
  for (const auto& [value, speed] : kSpeeds) {
    if (value == baud) return speed;
  }
  return B0;
}

class PseudoTerminal final : public Port {
 public:
  PseudoTerminal(Descriptor tty, std::string path) : tty_(std::move(tty)), path_(std::move(path)) {}

  absl::StatusOr<Received> Read(absl::Duration wait) override {
    absl::StatusOr<std::string> bytes = ReadSome(tty_.fd(), path_, wait);
    if (!bytes.ok()) return bytes.status();
    return Received{*std::move(bytes), {}};
  }
  absl::Status Write(absl::string_view bytes) override { return WriteAll(tty_.fd(), path_, bytes); }
  bool HoldsBack() const override { return true; }
  bool IsSimulated() const override { return true; }

 private:
  const Descriptor tty_;
  const std::string path_;
};

absl::Status Configure(int fd, const std::string& path, const Line& line) {
  termios settings{};
  if (tcgetattr(fd, &settings) != 0) return LineError(errno, "reading the settings of", path);
  // No marks for damaged bytes (PARMRK): without a wire there are none, and every 0xFF would be written twice.
  cfmakeraw(&settings);
  settings.c_cflag |= CREAD | CLOCAL;
  settings.c_cflag &= ~(CSTOPB | CRTSCTS | HUPCL);
  if (line.stop_bits == 2) settings.c_cflag |= CSTOPB;
  if (line.flow == "rtscts") settings.c_cflag |= CRTSCTS;
  settings.c_iflag &= ~(IXON | IXOFF | IXANY | INPCK);
  if (line.flow == "xonxoff") settings.c_iflag |= IXON | IXOFF;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  const speed_t speed = SpeedOf(line.baud);
  if (speed == B0 || cfsetspeed(&settings, speed) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": no such speed: ", line.baud, " baud"));
  }
  if (tcsetattr(fd, TCSANOW, &settings) != 0) return LineError(errno, "setting", path);
  termios taken{};
  if (tcgetattr(fd, &taken) != 0) return LineError(errno, "reading the settings of", path);
  constexpr tcflag_t kControl = CSTOPB | CRTSCTS;
  if ((taken.c_cflag & kControl) != (settings.c_cflag & kControl) || cfgetospeed(&taken) != speed) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": the device did not take ", line.baud, " baud, ",
                                                      line.stop_bits, " stop bits, flow control ", line.flow));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> OpenPseudoTerminal(const std::string& path, const Line& line) {
  absl::StatusOr<Descriptor> tty = OpenAndLock(path);
  if (!tty.ok()) return tty.status();
  if (absl::Status status = Configure(tty->fd(), path, line); !status.ok()) return status;
  return std::make_unique<PseudoTerminal>(*std::move(tty), path);
}

}  // namespace dims
