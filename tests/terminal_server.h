// A terminal server on this machine, in a test's hands.
#ifndef DIMS_TESTS_TERMINAL_SERVER_H_
#define DIMS_TESTS_TERMINAL_SERVER_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tests/pty.h"

namespace dims {

class TerminalServer {
 public:
  explicit TerminalServer(int backlog = 4) : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(listen(listener_, backlog), 0);
    port_ = ntohs(address.sin_port);
  }
  ~TerminalServer() {
    HangUp();
    StopListening();
  }
  TerminalServer(const TerminalServer&) = delete;
  TerminalServer& operator=(const TerminalServer&) = delete;
  std::string name() const { return absl::StrCat("tcp://127.0.0.1:", port_); }
  int port() const { return port_; }

  void Accept() {
    pollfd waiting{listener_, POLLIN, 0};
    ASSERT_EQ(poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kDeadline))), 1);
    peer_ = accept(listener_, nullptr, nullptr);
    ASSERT_GE(peer_, 0);
  }
  void Say(absl::string_view bytes) {
    ASSERT_EQ(send(peer_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  std::string Hear(std::size_t size) {
    std::string heard(size, '\0');
    heard.resize(static_cast<std::size_t>(std::max<ssize_t>(0, recv(peer_, heard.data(), size, MSG_WAITALL))));
    return heard;
  }
  void HangUp() {
    if (peer_ >= 0) close(peer_);
    peer_ = -1;
  }
  // As a terminal server that was switched off and on: the connection is unknown to it.
  void Reset() {
    const linger at_once{1, 0};
    setsockopt(peer_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    HangUp();
  }
  void StopListening() {
    if (listener_ >= 0) close(listener_);
    listener_ = -1;
  }

 private:
  int listener_, peer_ = -1, port_ = 0;
};

}  // namespace dims

#endif  // DIMS_TESTS_TERMINAL_SERVER_H_
