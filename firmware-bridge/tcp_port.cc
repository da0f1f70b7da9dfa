// A terminal server's raw TCP port.
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "firmware-bridge/descriptor.h"
#include "firmware-bridge/port.h"

namespace dims {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);  // for `stopped`
constexpr absl::Duration kConnectWait = absl::Seconds(5);
constexpr absl::Duration kLookupWait = absl::Seconds(5);

bool IsLoopback(const sockaddr_storage& peer) {
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&peer);
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&peer);
  if (peer.ss_family == AF_INET) return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  return peer.ss_family == AF_INET6 && (IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
                                        (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127));
}

class TcpPort final : public Port {
 public:
  TcpPort(Descriptor socket, std::string name, bool loopback)
      : socket_(std::move(socket)), name_(std::move(name)), loopback_(loopback) {}

  absl::StatusOr<Received> Read(absl::Duration wait) override {
    absl::StatusOr<std::string> bytes = ReadSome(socket_.fd(), name_, wait);
    if (!bytes.ok()) return bytes.status();
    return Received{*std::move(bytes), {}};
  }
  absl::Status Write(absl::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return absl::UnavailableError(absl::StrCat("writing to ", name_, ": ", std::strerror(errno)));
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return absl::OkStatus();
  }
  bool HoldsBack() const override { return true; }
  bool IsSimulated() const override { return loopback_; }

 private:
  const Descriptor socket_;
  const std::string name_;
  const bool loopback_;
};

// A lookup cannot be interrupted: one that takes too long is left to end by itself, so it owns what it needs.
struct Lookup {
  std::string host, port;
  addrinfo* found = nullptr;
  int error = 0;
  absl::Notification done;

  ~Lookup() {
    if (found != nullptr) freeaddrinfo(found);
  }
  void Run(int flags) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  }
};

absl::StatusOr<std::shared_ptr<Lookup>> LookUp(const NetworkAddress& address, const std::string& name,
                                               absl::FunctionRef<bool()> stopped) {
  auto lookup = std::make_shared<Lookup>();
  lookup->host = address.host;
  lookup->port = absl::StrCat(address.port);
  lookup->Run(AI_NUMERICHOST);
  if (lookup->error == 0) return lookup;
  std::thread([lookup] {
    lookup->Run(0);
    lookup->done.Notify();
  }).detach();
  for (absl::Duration waited; !lookup->done.WaitForNotificationWithTimeout(kLook); waited += kLook) {
    if (stopped()) return absl::CancelledError(absl::StrCat(name, ": stopped"));
    if (waited >= kLookupWait) {
      return absl::UnavailableError(absl::StrCat(name, ": the name server does not answer for \"", address.host, "\""));
    }
  }
  if (lookup->error != 0) {
    return absl::UnavailableError(
        absl::StrCat(name, ": looking up \"", address.host, "\": ", gai_strerror(lookup->error)));
  }
  return lookup;
}

// A dead terminal server is noticed though nothing is sent: asked after 20 s of silence, given up after a minute.
bool Prepare(int socket) {
  struct Option {
    int level, name, value;
  };
  constexpr Option kOptions[] = {
      {SOL_SOCKET, SO_KEEPALIVE, 1},
      {IPPROTO_TCP, TCP_KEEPIDLE, 20},
      {IPPROTO_TCP, TCP_KEEPINTVL, 10},
      {IPPROTO_TCP, TCP_KEEPCNT, 4},
      {IPPROTO_TCP, TCP_USER_TIMEOUT, 60'000},
      {IPPROTO_TCP, TCP_NODELAY, 1},  // an acknowledgement is one byte, and the instrument waits for it
  };
  return std::all_of(std::begin(kOptions), std::end(kOptions), [&](const Option& option) {
    return setsockopt(socket, option.level, option.name, &option.value, sizeof(option.value)) == 0;
  });
}

// OK: connected. The error of one address is not yet that of the port.
absl::Status Connect(int socket, const addrinfo& to, const std::string& name, absl::FunctionRef<bool()> stopped) {
  const auto fail = [&](int error) {
    return absl::UnavailableError(absl::StrCat("connecting to ", name, ": ", std::strerror(error)));
  };
  if (!Prepare(socket)) return fail(errno);
  if (connect(socket, to.ai_addr, to.ai_addrlen) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS) return fail(errno);
  pollfd waiting = {socket, POLLOUT, 0};
  for (absl::Duration waited; poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kLook))) <= 0;
       waited += kLook) {
    if (stopped()) return absl::CancelledError(absl::StrCat(name, ": stopped"));
    if (waited >= kConnectWait) return fail(ETIMEDOUT);
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? absl::OkStatus() : fail(error);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> OpenTcpPort(const NetworkAddress& address, absl::FunctionRef<bool()> stopped) {
  const std::string name = TcpName(address);
  const absl::StatusOr<std::shared_ptr<Lookup>> lookup = LookUp(address, name, stopped);
  if (!lookup.ok()) return lookup.status();
  absl::Status status = absl::UnavailableError(absl::StrCat(name, " has no address"));
  for (const addrinfo* to = (*lookup)->found; to != nullptr; to = to->ai_next) {
    Descriptor connection(socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol));
    if (connection.fd() < 0) {
      status = LineError(errno, "connecting to", name);
      continue;
    }
    status = Connect(connection.fd(), *to, name, stopped);
    if (absl::IsCancelled(status)) return status;
    if (!status.ok()) continue;
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(connection.fd(), reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
      status = LineError(errno, "connecting to", name);
      continue;
    }
    return std::make_unique<TcpPort>(std::move(connection), name, IsLoopback(peer));
  }
  return status;
}

}  // namespace dims
