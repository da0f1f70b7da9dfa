#include "simulator/tcp.h"

#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "simulator/throttle.h"

namespace dims {
namespace {

void SetNumber(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

Socket NewSocket(const TcpAddress& address) {
  Socket made(socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made.open()) return made;
  // Segments as of a real network: on this machine's own network one could be as long as a slow link carries in a
  // second.
  SetNumber(made.fd(), IPPROTO_TCP, TCP_MAXSEG, static_cast<int>(kSegment));
  SetNumber(made.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  SendAtOnce(made);
  return made;
}

const sockaddr* Generic(const TcpAddress& address) { return reinterpret_cast<const sockaddr*>(&address.storage); }

absl::Status ListenError(const TcpAddress& address) {
  const int error = errno;
  const char* remedy = error == EADDRINUSE ? "; another program has it: choose another port, or 0 for one that is free"
                       : error == EADDRNOTAVAIL ? "; it is not this computer's address"
                       : error == EACCES        ? "; ports below 1024 are root's"
                                                : "";
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", address.ToText(), ": ", std::strerror(error), remedy));
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Socket::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void Socket::Reset() {
  if (fd_ < 0) return;
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

// The kernel doubles the number, and takes half of that for its own book-keeping.
void Socket::SetReceiveBuffer(std::size_t bytes) { SetNumber(fd_, SOL_SOCKET, SO_RCVBUF, static_cast<int>(bytes)); }
void Socket::SetSendBuffer(std::size_t bytes) { SetNumber(fd_, SOL_SOCKET, SO_SNDBUF, static_cast<int>(bytes)); }

std::size_t Socket::Unacknowledged() const {
  int bytes = 0;
  return ioctl(fd_, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

absl::StatusOr<TcpAddress> TcpAddress::Resolve(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not host:port, e.g. 127.0.0.1:7443"));
  }
  absl::string_view host = absl::string_view(text).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(std::string(host).c_str(), text.c_str() + colon + 1, &hints, &found); error != 0) {
    return absl::NotFoundError(
        absl::StrCat("\"", text, "\": ", gai_strerror(error), "; write host:port, e.g. 127.0.0.1:7443"));
  }
  TcpAddress address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  freeaddrinfo(found);
  return address;
}

TcpAddress TcpAddress::Of(const Socket& socket) {
  TcpAddress address;
  address.size = sizeof address.storage;
  getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  return address;
}

std::string TcpAddress::ToText() const {
  char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
  getnameinfo(Generic(*this), size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  return storage.ss_family == AF_INET6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

absl::StatusOr<Socket> HoldAddress(const TcpAddress& address) {
  Socket holder = NewSocket(address);
  if (!holder.open() || bind(holder.fd(), Generic(address), address.size) != 0) return ListenError(address);
  return holder;
}

// Linux lets two sockets have one address as long as only one of them listens.
absl::StatusOr<Socket> ListenAt(const TcpAddress& address) {
  absl::StatusOr<Socket> listener = HoldAddress(address);
  if (listener.ok() && listen(listener->fd(), SOMAXCONN) != 0) return ListenError(address);
  return listener;
}

Socket StartConnecting(const TcpAddress& address, std::size_t receive_buffer) {
  Socket connecting = NewSocket(address);
  if (connecting.open()) connecting.SetReceiveBuffer(receive_buffer);
  // What becomes of it, SocketError tells.
  if (connecting.open()) static_cast<void>(connect(connecting.fd(), Generic(address), address.size));
  return connecting;
}

int SocketError(const Socket& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void SendAtOnce(const Socket& socket) { SetNumber(socket.fd(), IPPROTO_TCP, TCP_NODELAY, 1); }

}  // namespace dims
