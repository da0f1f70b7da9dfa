#include "firmware-bridge/descriptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/port.h"

namespace dims {

absl::Status LineError(int error, absl::string_view doing, const std::string& name) {
  const std::string text = absl::StrCat(doing, " ", name, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return absl::NotFoundError(text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(absl::StrCat(text, " (is the service in the group \"dialout\"?)"));
    case EBUSY:
      return absl::FailedPreconditionError(absl::StrCat(name, " is in use by another program"));
    default:
      return absl::UnavailableError(text);
  }
}

absl::Status RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, "the number of descriptors is not raised");
}

absl::StatusOr<std::string> ResolveLinks(const std::string& path) {
  std::error_code error;
  const std::filesystem::path device = std::filesystem::canonical(path, error);
  if (error) return LineError(error.value(), "opening", path);
  return device.string();
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<std::string> ReadSome(int fd, const std::string& name, absl::Duration wait) {
  pollfd waiting = {fd, POLLIN, 0};
  const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(wait)));
  if (ready < 0 && errno != EINTR) return LineError(errno, "waiting for", name);
  std::string bytes;
  if (ready <= 0) return bytes;
  bytes.resize(Port::kMostRead);
  const ssize_t got = read(fd, bytes.data(), bytes.size());
  const bool none_yet = got < 0 && (errno == EAGAIN || errno == EINTR);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (got > 0 || none_yet) return bytes;
  // After a hang-up a tty's read gives 0 or EIO, whatever poll said; a peer that closes gives 0.
  if (got == 0 || errno == EIO) return absl::UnavailableError(absl::StrCat(name, " hung up"));
  return absl::UnavailableError(absl::StrCat(name, " hung up: ", std::strerror(errno)));
}

absl::Status WriteAll(int fd, const std::string& name, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return LineError(errno, "writing to", name);
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> OpenAndLock(const std::string& path) {
  Descriptor tty(open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (tty.fd() < 0) return LineError(errno, "opening", path);
  if (!isatty(tty.fd())) return absl::FailedPreconditionError(absl::StrCat(path, " is no serial line"));
  // Two readers would each get a part of the bytes.
  if (flock(tty.fd(), LOCK_EX | LOCK_NB) != 0) return LineError(EBUSY, "locking", path);
  return tty;
}

}  // namespace dims
