// Sockets of TCP, as the fault proxy needs them.
//
// What: a descriptor that closes, or resets; addresses from text and to text; sockets that listen and connect.
// Promise: nothing here blocks but TcpAddress::Resolve (a name is looked up).
// Errors: they name the address, the system's reason and the remedy.
// Threads: a socket belongs to one thread at a time.
// Source: Linux tcp(7), ip(7), socket(7).
#ifndef DIMS_SIMULATOR_TCP_H_
#define DIMS_SIMULATOR_TCP_H_

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dims {

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void Close();
  // Closes so that the other side gets a reset, and what it was not given yet is lost.
  void Reset();
  // How much the system keeps for us before we read it, or before the other side takes it.
  void SetReceiveBuffer(std::size_t bytes);
  void SetSendBuffer(std::size_t bytes);
  // Of what was written, how much the other side's system has not acknowledged.
  std::size_t Unacknowledged() const;

 private:
  int fd_;
};

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  // host:port or [host]:port.
  static absl::StatusOr<TcpAddress> Resolve(const std::string& text);
  static TcpAddress Of(const Socket& socket);
  std::string ToText() const;
};

// Holds the address for this program; nobody listens there yet, so who connects is refused.
absl::StatusOr<Socket> HoldAddress(const TcpAddress& address);
// Listens at an address that is held.
absl::StatusOr<Socket> ListenAt(const TcpAddress& address);
// Connecting, or failed: SocketError tells once it can be written to. `receive_buffer`: see SetReceiveBuffer; set
// later, it does not take back what the other side was told to begin with.
Socket StartConnecting(const TcpAddress& address, std::size_t receive_buffer);
// 0, or the errno of what became of the connection.
int SocketError(const Socket& socket);
// Bytes go when they are written. For a socket that was accepted; the others are made so.
void SendAtOnce(const Socket& socket);

}  // namespace dims

#endif  // DIMS_SIMULATOR_TCP_H_
