#include "firmware-bridge/local_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace dims {
namespace {

using ::testing::HasSubstr;

class Sockets : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/dims-socket-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string socket_path() const { return folder_ + "/admin.sock"; }

  std::string folder_;
};

TEST_F(Sockets, TheFileIsForItsOwnerAlone) {
  const auto socket = LocalSocket::Listen(socket_path(), std::nullopt);
  ASSERT_TRUE(socket.ok()) << socket.status();
  struct stat state {};
  ASSERT_EQ(lstat(socket_path().c_str(), &state), 0);
  EXPECT_TRUE(S_ISSOCK(state.st_mode));
  EXPECT_EQ(state.st_mode & 0777u, 0600u);
}

TEST_F(Sockets, TheFileIsForTheGroupTooWhereOneIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can be sure to be able to give a file to group daemon";
  const auto socket = LocalSocket::Listen(socket_path(), "daemon");
  ASSERT_TRUE(socket.ok()) << socket.status();
  struct stat state {};
  ASSERT_EQ(lstat(socket_path().c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777u, 0660u);
  EXPECT_EQ(state.st_gid, 1u);
  EXPECT_TRUE((*socket)->Allows({1, 1, 0})) << "daemon is in its own group";
  EXPECT_TRUE((*socket)->Allows({65534, 1, 0})) << "who runs in the group is a member now";
  EXPECT_FALSE((*socket)->Allows({65534, 65534, 0})) << "nobody";
  EXPECT_FALSE((*socket)->Allows({54321, 54321, 0})) << "a user this computer does not know";
}

TEST_F(Sockets, RootAndTheOwnUserMayConnectAndNobodyElse) {
  const auto socket = LocalSocket::Listen(socket_path(), std::nullopt);
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_TRUE((*socket)->Allows({0, 0, 0}));
  EXPECT_TRUE((*socket)->Allows({geteuid(), 12345, 0}));
  EXPECT_FALSE((*socket)->Allows({geteuid() + 1, getegid(), 0}));
}

TEST_F(Sockets, AGroupThatDoesNotExistIsNamed) {
  const auto socket = LocalSocket::Listen(socket_path(), "no-such-group");
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(socket.status().message()), HasSubstr("there is no group \"no-such-group\""));
}

TEST_F(Sockets, WhatADeadProcessLeftIsReplaced) {
  // Bound and closed, as a killed process leaves it.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_path().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  close(fd);
  ASSERT_TRUE(std::filesystem::exists(socket_path()));
  const auto socket = LocalSocket::Listen(socket_path(), std::nullopt);
  ASSERT_TRUE(socket.ok()) << socket.status();
  const auto connected = ConnectLocalSocket(socket_path());
  ASSERT_TRUE(connected.ok()) << connected.status();
  close(*connected);
}

TEST_F(Sockets, AFileThatIsNoSocketIsLeftUntouched) {
  std::ofstream(socket_path()) << "precious";
  const auto socket = LocalSocket::Listen(socket_path(), std::nullopt);
  EXPECT_EQ(socket.status().code(), absl::StatusCode::kAlreadyExists) << socket.status();
  std::string text;
  std::getline(std::ifstream(socket_path()), text);
  EXPECT_EQ(text, "precious");
}

TEST_F(Sockets, APathThatIsTooLongIsSaidToBe) {
  const std::string path = folder_ + "/" + std::string(120, 'x');
  EXPECT_EQ(LocalSocket::Listen(path, std::nullopt).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConnectLocalSocket(path).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dims
