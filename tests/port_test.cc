// Ports: the names they have, the marks of damaged bytes, pseudo-terminals, terminal servers.
#include "firmware-bridge/port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/descriptor.h"
#include "firmware-bridge/parmrk.h"
#include "tests/pty.h"
#include "tests/terminal_server.h"

namespace dims {
namespace {

using testing::HasSubstr;

std::vector<std::pair<int, std::size_t>> Marks(const Received& received) {
  std::vector<std::pair<int, std::size_t>> marks;
  for (const LineMark& mark : received.marks) marks.emplace_back(mark.kind, mark.offset);
  return marks;
}

Received Decoded(const std::vector<std::string>& pieces) {
  ParmrkDecoder decoder;
  Received all;
  for (const std::string& piece : pieces) decoder.Decode(piece, all);
  return all;
}

struct Vector {
  std::string raw, bytes;
  std::vector<std::pair<int, std::size_t>> marks;
};

// All of a literal, NULs too.
template <std::size_t size>
std::string Bytes(const char (&literal)[size]) {
  return std::string(literal, size - 1);
}

std::vector<Vector> Vectors() {
  return {
      {"", "", {}},
      {"plain", "plain", {}},
      {"\xff\xff", "\xff", {}},
      {"a\xff\xff\xff\xff"
       "b",
       "a\xff\xff"
       "b",
       {}},
      {Bytes("a\0b"), Bytes("a\0b"), {}},
      {Bytes("\xff\0A"), "A", {{LineMark::kParityOrFraming, 0}}},
      {Bytes("x\xff\0\0y"), Bytes("x\0y"), {{LineMark::kBreak, 1}}},
      {Bytes("\xff\0\xff"), "\xff", {{LineMark::kParityOrFraming, 0}}},
      {Bytes("\xff\0\xff\xff\xffz"), "\xff\xffz", {{LineMark::kParityOrFraming, 0}}},
      {Bytes("ab\xff\0c\xff\0\0\xff\xff\0d"),
       Bytes("abc\0\xff\0d"),
       {{LineMark::kParityOrFraming, 2}, {LineMark::kBreak, 3}}},
      {"\xff"
       "Q",
       "\xff"
       "Q",
       {}},  // no kernel writes this; nothing is dropped
  };
}

TEST(Parmrk, IsUndoneAsTermiosSays) {
  for (const Vector& vector : Vectors()) {
    const Received received = Decoded({vector.raw});
    EXPECT_EQ(received.bytes, vector.bytes);
    EXPECT_EQ(Marks(received), vector.marks);
  }
}

TEST(Parmrk, IsUndoneHoweverTheStreamIsCut) {
  for (const Vector& vector : Vectors()) {
    ASSERT_LT(vector.raw.size(), 16u);
    for (std::size_t cuts = 0; cuts < std::size_t{1} << vector.raw.size(); ++cuts) {
      std::vector<std::string> pieces(1);
      for (std::size_t i = 0; i < vector.raw.size(); ++i) {
        if (cuts >> i & 1) pieces.emplace_back();
        pieces.back() += vector.raw[i];
      }
      const Received received = Decoded(pieces);
      ASSERT_EQ(received.bytes, vector.bytes) << cuts;
      ASSERT_EQ(Marks(received), vector.marks) << cuts;
    }
  }
}

TEST(PortNames, SayWhetherWhatComesFromThereIsSimulated) {
  for (const char* name : {"/dev/ttyS0", "/dev/ttyUSB7", "/dev/serial/by-id/usb-nobody-has-this", "tcp://192.0.2.10:1",
                           "tcp://moxa:4001", "tcp://[2001:db8::1]:4001", "tcp://128.0.0.1:1"}) {
    EXPECT_FALSE(IsSimulatedByName(name)) << name;
  }
  for (const char* name : {"/dev/pts/3", "/tmp/no-such-line", "tcp://localhost:1", "tcp://LocalHost:1",
                           "tcp://127.0.0.1:1", "tcp://127.1.2.3:1", "tcp://[::1]:1"}) {
    EXPECT_TRUE(IsSimulatedByName(name)) << name;
  }
}

TEST(OpenPort, NamesWhatIsNoPort) {
  const auto port = OpenPort("telnet://host:23", Line(), Never);
  EXPECT_TRUE(absl::IsInvalidArgument(port.status()));
  EXPECT_THAT(port.status().message(), HasSubstr("\"telnet://host:23\" is neither a device such as"));
}

TEST(OpenPort, SaysThatADeviceIsNotThereYet) {
  EXPECT_TRUE(absl::IsNotFound(OpenPort("/dev/no-such-device", Line(), Never).status()));
}

TEST(OpenPort, RefusesASymbolicLinkThatLeadsNowhere) {
  const std::string link = testing::TempDir() + absl::StrCat("/dims-port-nowhere-", getpid());
  std::filesystem::create_symlink("/dev/no-such-device", link);
  EXPECT_TRUE(absl::IsNotFound(OpenPort(link, Line(), Never).status()));
  std::filesystem::remove(link);
}

TEST(OpenPort, RefusesWhatIsNoTerminal) {
  const auto port = OpenPort("/dev/null", Line(), Never);
  EXPECT_TRUE(absl::IsFailedPrecondition(port.status()));
  EXPECT_THAT(port.status().message(), HasSubstr("/dev/null is no serial line"));
}

TEST(PseudoTerminalPort, CarriesEveryByteAsItIs) {
  Pty pty;
  const auto port = OpenPort(pty.path(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_TRUE((*port)->IsSimulated());
  EXPECT_TRUE((*port)->HoldsBack());
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  pty.Say(all);
  EXPECT_EQ(ReadAll(**port, all.size()).bytes, all);
  EXPECT_TRUE((*port)->Write(all).ok());
  EXPECT_EQ(pty.Hear(all.size()), all);
  EXPECT_EQ(pty.Settings().c_iflag & (PARMRK | INPCK), 0u);
}

TEST(PseudoTerminalPort, IsSetAsFarAsThereIsSomethingToSet) {
  Pty pty;
  const auto port = OpenPort(pty.path(), {19200, 7, 'E', 2, "xonxoff"}, Never);
  ASSERT_TRUE(port.ok()) << port.status();
  const termios settings = pty.Settings();
  EXPECT_EQ(cfgetospeed(&settings), static_cast<speed_t>(B19200));
  EXPECT_EQ(settings.c_cflag & (CSIZE | PARENB | CSTOPB), static_cast<tcflag_t>(CS8 | CSTOPB));
  EXPECT_EQ(settings.c_iflag & (IXON | IXOFF), static_cast<tcflag_t>(IXON | IXOFF));
}

TEST(PseudoTerminalPort, BelongsToOneReader) {
  Pty pty;
  auto first = OpenPort(pty.path(), Line(), Never);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(OpenPort(pty.path(), Line(), Never).status().message(), HasSubstr("in use by another program"));
  first->reset();
  EXPECT_TRUE(OpenPort(pty.path(), Line(), Never).ok());
}

TEST(PseudoTerminalPort, GivesWhatCameBeforeAHangUpAndThenTellsIt) {
  Pty pty;
  const auto port = OpenPort(pty.path(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  pty.Say("last words");
  EXPECT_EQ(ReadAll(**port, 10).bytes, "last words");
  pty.HangUp();
  EXPECT_TRUE(absl::IsUnavailable(ReadUntilHangUp(**port)));
  EXPECT_TRUE(absl::IsUnavailable((*port)->Write("x")));
}

// The descriptor of this process that is connected to a port of this machine.
int ConnectionTo(int port) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && peer.sin_family == AF_INET &&
        ntohs(peer.sin_port) == port) {
      return fd;
    }
  }
  return -1;
}

int OptionOf(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  EXPECT_EQ(getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(TcpPort, CarriesEveryByteAsItIs) {
  TerminalServer server;
  const auto port = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  server.Accept();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  server.Say(all);
  EXPECT_EQ(ReadAll(**port, all.size()).bytes, all);
  EXPECT_TRUE((*port)->Write(all).ok());
  EXPECT_EQ(server.Hear(all.size()), all);
  EXPECT_TRUE((*port)->HoldsBack());
}

TEST(TcpPort, IsSimulatedOnTheLoopback) {
  TerminalServer server;
  const auto port = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_TRUE((*port)->IsSimulated());
}

TEST(TcpPort, FindsATerminalServerByItsName) {
  TerminalServer server;
  const auto port = OpenPort(absl::StrCat("tcp://localhost:", server.port()), Line(), Never);
  EXPECT_TRUE(port.ok()) << port.status();
}

TEST(TcpPort, SaysThatAConnectionIsRefused) {
  TerminalServer server;
  server.StopListening();
  const absl::Status status = OpenPort(server.name(), Line(), Never).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(status.message(), HasSubstr(absl::StrCat("connecting to ", server.name(), ": Connection refused")));
}

TEST(TcpPort, GivesWhatCameBeforeTheEndAndThenTellsIt) {
  TerminalServer server;
  const auto port = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  server.Accept();
  server.Say("last words");
  server.HangUp();
  std::string bytes;
  const absl::Status status = ReadUntilHangUp(**port, &bytes);
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(bytes, "last words");
}

TEST(TcpPort, TellsAResetAsAHangUp) {
  TerminalServer server;
  const auto port = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  server.Accept();
  server.Reset();
  EXPECT_TRUE(absl::IsUnavailable(ReadUntilHangUp(**port)));
  EXPECT_TRUE(absl::IsUnavailable((*port)->Write("x")));
}

TEST(TcpPort, NoticesADeadPeerWithinAboutAMinuteThoughNothingIsSent) {
  TerminalServer server;
  const auto port = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(port.ok()) << port.status();
  const int fd = ConnectionTo(server.port());
  ASSERT_GE(fd, 0);
  EXPECT_EQ(OptionOf(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(OptionOf(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(OptionOf(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 60'000);
  EXPECT_LE(OptionOf(fd, IPPROTO_TCP, TCP_KEEPIDLE) +
                OptionOf(fd, IPPROTO_TCP, TCP_KEEPINTVL) * OptionOf(fd, IPPROTO_TCP, TCP_KEEPCNT),
            60);
}

TEST(TcpPort, StopsConnectingWhenAsked) {
  TerminalServer server(0);  // takes one connection into its queue, and leaves the next without an answer
  const auto first = OpenPort(server.name(), Line(), Never);
  ASSERT_TRUE(first.ok()) << first.status();
  std::vector<std::unique_ptr<Port>> more;
  absl::Status status;
  while (status.ok() && more.size() < 8) {
    auto next = OpenPort(server.name(), Line(), [] { return true; });
    status = next.status();
    if (next.ok()) more.push_back(*std::move(next));
  }
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
}

TEST(Descriptors, AreAsManyAsTheSystemAllows) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few = {64, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_TRUE(RaiseDescriptorLimit().ok());
  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace dims
