#include "firmware-bridge/local_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr std::size_t kBuffer = 16384;  // for a line of the user or group database

absl::StatusOr<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the path of a socket may have ",
                                                   sizeof address.sun_path - 1, " bytes, this one has ", path.size()));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::Status Failure(const std::string& path) { return absl::ErrnoToStatus(errno, path); }

absl::StatusOr<gid_t> GroupNamed(const std::string& name) {
  std::vector<char> buffer(kBuffer);
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return found->gr_gid;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no group \"", name, "\" on this computer (groupadd --system ", name, ")"));
}

bool IsMember(const Peer& peer, gid_t group) {
  if (peer.gid == group) return true;
  std::vector<char> buffer(kBuffer);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return false;
  std::vector<gid_t> groups(64);
  int count = static_cast<int>(groups.size());
  if (getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));  // it has said how many there are
    if (getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) return false;
  }
  return std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

std::string NameOfProcess(pid_t pid) {
  std::string name;
  std::getline(std::ifstream(absl::StrCat("/proc/", pid, "/comm")), name);
  return absl::StrCat("process ", pid, name.empty() ? "" : absl::StrCat(" (", name, ")"));
}

// Makes room for a new file at `path`.
absl::Status RemoveStale(const std::string& path) {
  struct stat state {};
  if (lstat(path.c_str(), &state) != 0) return errno == ENOENT ? absl::OkStatus() : Failure(path);
  if (!S_ISSOCK(state.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat(path, " is there and is no socket; it was left untouched"));
  }
  const absl::StatusOr<int> other = ConnectLocalSocket(path);
  if (other.ok()) {
    const absl::StatusOr<Peer> server = PeerOf(*other);
    close(*other);
    return absl::AlreadyExistsError(absl::StrCat(
        path, " is in use by ", server.ok() ? NameOfProcess(server->pid) : "another process", "; stop that one first"));
  }
  if (!absl::IsUnavailable(other.status())) return other.status();
  return unlink(path.c_str()) == 0 || errno == ENOENT ? absl::OkStatus() : Failure(path);
}

}  // namespace

LocalSocket::LocalSocket(std::string path, int fd, std::optional<gid_t> group)
    : path_(std::move(path)), fd_(fd), group_(group) {}

LocalSocket::~LocalSocket() {
  unlink(path_.c_str());
  close(fd_);
}

absl::StatusOr<std::unique_ptr<LocalSocket>> LocalSocket::Listen(const std::string& path,
                                                                 const std::optional<std::string>& group) {
  const absl::StatusOr<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return address.status();
  std::optional<gid_t> members;
  if (group) {
    const absl::StatusOr<gid_t> id = GroupNamed(*group);
    if (!id.ok()) return id.status();
    members = *id;
  }
  if (absl::Status status = RemoveStale(path); !status.ok()) return status;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Failure("socket");
  auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  // The mode of an unbound socket is the mode of the file that bind makes.
  if (fchmod(fd, 0600) != 0) return Failure(path);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) return Failure(path);
  std::move(close_fd).Cancel();
  std::unique_ptr<LocalSocket> listening(new LocalSocket(path, fd, members));
  if (members && (lchown(path.c_str(), static_cast<uid_t>(-1), *members) != 0 || chmod(path.c_str(), 0660) != 0)) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": cannot be given to group \"", *group, "\": ", std::strerror(errno),
                     "; the service must be a member of it (SupplementaryGroups=", *group, ")"));
  }
  if (listen(fd, 16) != 0) return Failure(path);
  return listening;
}

absl::StatusOr<AcceptedPeer> LocalSocket::Accept() {
  while (true) {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      const absl::StatusOr<Peer> peer = PeerOf(fd);
      if (peer.ok()) return AcceptedPeer{fd, *peer};
      close(fd);
    } else if (errno == EINVAL) {  // shut down
      return absl::CancelledError(absl::StrCat(path_, " was closed"));
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return absl::ResourceExhaustedError(absl::StrCat(path_, ": ", std::strerror(errno)));
    }
  }
}

void LocalSocket::Wake() { shutdown(fd_, SHUT_RDWR); }

bool LocalSocket::Allows(const Peer& peer) const {
  return peer.uid == 0 || peer.uid == geteuid() || (group_ && IsMember(peer, *group_));
}

absl::StatusOr<int> ConnectLocalSocket(const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = AddressOf(path);
  if (!address.ok()) return address.status();
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failure("socket");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) return fd;
  const int error = errno;
  close(fd);
  // Nobody listens: the process that made it is gone.
  if (error == ECONNREFUSED) return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(error)));
  if (error == EAGAIN) return absl::ResourceExhaustedError(absl::StrCat(path, ": too many wait there already"));
  return absl::ErrnoToStatus(error, path);
}

absl::StatusOr<Peer> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return Failure("SO_PEERCRED");
  return Peer{credentials.uid, credentials.gid, credentials.pid};
}

std::string NameOfUser(uid_t user) {
  std::vector<char> buffer(kBuffer);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  const std::string number = absl::StrCat("user ", user);
  return found == nullptr ? number : absl::StrCat(found->pw_name, " (", number, ")");
}

}  // namespace dims
