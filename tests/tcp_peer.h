// A plain end of a TCP connection, for tests of what is between two of them.
//
// What: `Peer`, one end; `PeerServer`, which accepts them.
// Promise: nothing waits longer than 10 s.
// Threads: each belongs to one.
#ifndef DIMS_TESTS_TCP_PEER_H_
#define DIMS_TESTS_TCP_PEER_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "simulator/tcp.h"

namespace dims {

class Peer {
 public:
  enum class End { kOpen, kClosed, kReset };

  explicit Peer(Socket socket) : socket_(std::move(socket)) {}
  // Fails the test where nobody listens there, unless `refused` is given to tell so.
  static Peer ConnectTo(const std::string& address, bool* refused = nullptr) {
    Socket socket = StartConnecting(TcpAddress::Resolve(address).value(), 65'536);
    pollfd writable{socket.fd(), POLLOUT, 0};
    EXPECT_EQ(poll(&writable, 1, kMostWait), 1);
    const int error = SocketError(socket);
    Peer peer(std::move(socket));
    if (error == ECONNRESET) peer.end_ = End::kReset;  // accepted, and reset before we looked
    if (refused != nullptr) *refused = error == ECONNREFUSED;
    EXPECT_TRUE(error == 0 || error == ECONNRESET || (refused != nullptr && error == ECONNREFUSED)) << error;
    return peer;
  }

  Socket& socket() { return socket_; }

  // What the system takes without waiting.
  std::size_t Offer(absl::string_view bytes) {
    const ssize_t size = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }
  // All of it, unless the connection ends before.
  void Send(absl::string_view bytes) {
    while (!bytes.empty() && Await(POLLOUT)) {
      const ssize_t size = send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) {
        end_ = End::kReset;  // told once
        return;
      }
      if (size > 0) bytes.remove_prefix(static_cast<std::size_t>(size));
    }
  }
  void SayEnd() { shutdown(socket_.fd(), SHUT_WR); }
  // So many bytes, or those before the end.
  std::string Receive(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size && end_ == End::kOpen && Await(POLLIN)) Read(size - bytes.size(), bytes);
    return bytes;
  }
  // What there is, without waiting.
  std::string ReceiveNow() {
    std::string bytes;
    pollfd readable{socket_.fd(), POLLIN, 0};
    while (end_ == End::kOpen && poll(&readable, 1, 0) == 1) Read(1 << 16, bytes);
    return bytes;
  }
  std::string ReceiveAll() { return Receive(static_cast<std::size_t>(1) << 40); }
  // Waits for it; what still comes before is dropped.
  End AwaitEnd() {
    ReceiveAll();
    return end_;
  }
  // As far as is known now.
  End end() { return ReceiveNow(), end_; }

 private:
  static constexpr int kMostWait = 10'000;

  bool Await(short events) {
    pollfd wanted{socket_.fd(), events, 0};
    const bool came = poll(&wanted, 1, kMostWait) == 1;
    EXPECT_TRUE(came) << "nothing happened for 10 s";
    return came;
  }
  void Read(std::size_t most, std::string& bytes) {
    char buffer[1 << 16];
    const ssize_t size = recv(socket_.fd(), buffer, std::min(most, sizeof buffer), 0);
    if (size > 0) bytes.append(buffer, static_cast<std::size_t>(size));
    if (size == 0) end_ = End::kClosed;
    if (size < 0 && errno != EAGAIN) end_ = End::kReset;
  }

  Socket socket_;
  End end_ = End::kOpen;
};

class PeerServer {
 public:
  PeerServer() : listener_(ListenAt(TcpAddress::Resolve("127.0.0.1:0").value()).value()) {}
  std::string address() const { return TcpAddress::Of(listener_).ToText(); }
  Peer Accept() {
    pollfd readable{listener_.fd(), POLLIN, 0};
    EXPECT_EQ(poll(&readable, 1, 10'000), 1) << "nobody connected for 10 s";
    return Peer(Socket(accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)));
  }

 private:
  Socket listener_;
};

}  // namespace dims

#endif  // DIMS_TESTS_TCP_PEER_H_
