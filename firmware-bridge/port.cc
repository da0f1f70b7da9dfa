#include "firmware-bridge/port.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

absl::Status ErrnoStatus(int error, absl::string_view doing, const std::string& path) {
  const std::string text = absl::StrCat(doing, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return absl::NotFoundError(text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat(text, " (is the service in the group \"dialout\"?)"));
    default:
      return absl::UnavailableError(text);
  }
}

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

class TtyPort final : public Port {
 public:
  TtyPort(int fd, std::string path, bool holds_back) : fd_(fd), path_(std::move(path)), holds_back_(holds_back) {}
  ~TtyPort() override { close(fd_); }

  absl::StatusOr<std::size_t> Read(char* into, std::size_t size, absl::Duration wait) override {
    pollfd waiting = {fd_, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(wait)));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "waiting for", path_);
    if (ready <= 0) return 0;
    const ssize_t got = read(fd_, into, size);
    if (got > 0) return static_cast<std::size_t>(got);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    // After a hang-up read returns 0 or EIO, whatever poll said.
    return absl::UnavailableError(absl::StrCat(path_, " hung up"));
  }

  absl::Status Write(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return ErrnoStatus(errno, "writing to", path_);
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return absl::OkStatus();
  }

  bool HoldsBack() const override { return holds_back_; }

 private:
  const int fd_;
  const std::string path_;
  const bool holds_back_;
};

absl::Status Configure(int fd, const std::string& path, const Line& line, bool pseudo) {
  termios settings{};
  if (tcgetattr(fd, &settings) != 0) return ErrnoStatus(errno, "reading the settings of", path);
  cfmakeraw(&settings);
  settings.c_cflag |= CREAD | CLOCAL;
  settings.c_cflag &= ~(CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS | HUPCL);
  // A pty has no wire: it forces 8 bits without parity, and refuses to be told otherwise.
  settings.c_cflag |= line.data_bits == 7 && !pseudo ? CS7 : CS8;
  if (line.parity != 'N' && !pseudo) settings.c_cflag |= line.parity == 'O' ? PARENB | PARODD : PARENB;
  if (line.stop_bits == 2) settings.c_cflag |= CSTOPB;
  if (line.flow == "rtscts") settings.c_cflag |= CRTSCTS;
  settings.c_iflag &= ~(IXON | IXOFF | IXANY);
  if (line.flow == "xonxoff") settings.c_iflag |= IXON | IXOFF;
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  const speed_t speed = SpeedOf(line.baud);
  if (speed == B0 || cfsetspeed(&settings, speed) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": no such speed: ", line.baud, " baud"));
  }
  if (tcsetattr(fd, TCSANOW, &settings) != 0) return ErrnoStatus(errno, "setting", path);
  termios taken{};
  if (tcgetattr(fd, &taken) != 0) return ErrnoStatus(errno, "reading the settings of", path);
  constexpr tcflag_t kControl = CSIZE | PARENB | PARODD | CSTOPB | CRTSCTS;
  if ((taken.c_cflag & kControl) != (settings.c_cflag & kControl) || cfgetospeed(&taken) != speed) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": the device did not take ", line.baud, " baud ",
                                                      line.data_bits, std::string(1, line.parity), line.stop_bits,
                                                      " flow ", line.flow));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsPseudoTerminal(const std::string& path) {
  std::error_code error;
  const std::string resolved = std::filesystem::weakly_canonical(path, error).string();
  return absl::StartsWith(resolved, "/dev/pts/") || !absl::StartsWith(resolved, "/dev/");
}

absl::StatusOr<std::unique_ptr<Port>> OpenPort(const std::string& path, const Line& line) {
  const int fd = open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "opening", path);
  const bool pseudo = IsPseudoTerminal(path);
  auto port = std::make_unique<TtyPort>(fd, path, pseudo || line.flow != "none");
  if (!isatty(fd)) return absl::FailedPreconditionError(absl::StrCat(path, " is no serial line"));
  // Two readers would each get a part of the bytes.
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is in use by another program"));
  }
  if (absl::Status status = Configure(fd, path, line, pseudo); !status.ok()) return status;
  return port;
}

}  // namespace dims
