// Serial devices through libserialport, with pseudo-terminals in their place (serial_shim.h).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/config_fields.h"
#include "firmware-bridge/port.h"
#include "firmware-bridge/receiver.h"
#include "tests/pty.h"
#include "tests/serial_shim.h"

namespace dims {
namespace {

using testing::HasSubstr;

class SerialPorts : public testing::Test {
 protected:
  SerialPorts() : folder_(testing::TempDir() + absl::StrCat("/dims-serial-", getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "class/pts");
    shim::UseTtyClass(folder_ / "class");
    Register(pty_);
  }
  ~SerialPorts() override { std::filesystem::remove_all(folder_); }

  // From now on the system knows it as a serial device.
  void Register(const Pty& pty) {
    const std::string name = std::filesystem::path(pty.path()).filename();
    std::filesystem::create_symlink("../../../devices/platform/uart/tty/" + name, folder_ / "class/pts" / name);
  }
  // As udev does it.
  std::string Point(const std::string& link, const Pty& pty) {
    const std::filesystem::path path = folder_ / link, next = folder_ / (link + ".new");
    std::filesystem::create_symlink(pty.path(), next);
    std::filesystem::rename(next, path);
    return path;
  }

  const std::filesystem::path folder_;
  Pty pty_;
};

TEST_F(SerialPorts, CarryEveryByteAsItIs) {
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_FALSE((*port)->IsSimulated());
  EXPECT_FALSE((*port)->HoldsBack());
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  all += all;
  pty_.Say(all);
  const Received received = ReadAll(**port, all.size());
  EXPECT_EQ(received.bytes, all);
  EXPECT_TRUE(received.marks.empty());
  EXPECT_TRUE((*port)->Write(all).ok());
  EXPECT_EQ(pty_.Hear(all.size()), all);
}

TEST_F(SerialPorts, HaveNothingToReadWithoutWaiting) {
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  const auto received = (*port)->Read(absl::ZeroDuration());
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_TRUE(received->bytes.empty());
}

TEST_F(SerialPorts, AskForMarksOnDamagedBytes) {
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(pty_.Settings().c_iflag & (PARMRK | INPCK | IGNPAR | IGNBRK | BRKINT | ISTRIP),
            static_cast<tcflag_t>(PARMRK | INPCK));
  EXPECT_EQ(pty_.Settings().c_cc[VMIN], 1);
  EXPECT_EQ(pty_.Settings().c_cflag & HUPCL, 0u);
}

TEST_F(SerialPorts, MarkDamagedBytes) {
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  // Without the doubling, the test can say what only a wire can make the kernel say.
  termios settings = pty_.Settings();
  settings.c_iflag &= ~PARMRK;
  ASSERT_EQ(tcsetattr(pty_.master(), TCSANOW, &settings), 0);
  pty_.Say(absl::string_view("ab\xff\0c\xff\0\0d", 9));
  const Received received = ReadAll(**port, 5);
  EXPECT_EQ(received.bytes, std::string("abc\0d", 5));
  ASSERT_EQ(received.marks.size(), 2u);
  EXPECT_EQ(received.marks[0].kind, LineMark::kParityOrFraming);
  EXPECT_EQ(received.marks[0].offset, 2u);
  EXPECT_EQ(received.marks[1].kind, LineMark::kBreak);
  EXPECT_EQ(received.marks[1].offset, 3u);
}

TEST_F(SerialPorts, MarkAnOverrunAtTheFirstByteReadAfterIt) {
  shim::CountOverruns(3);  // what was before the opening is nobody's
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  pty_.Say("ab");
  EXPECT_TRUE(ReadAll(**port, 2).marks.empty());
  shim::CountOverruns(1);
  pty_.Say("cd");
  const Received received = ReadAll(**port, 2);
  ASSERT_EQ(received.marks.size(), 1u);
  EXPECT_EQ(received.marks[0].kind, LineMark::kOverrun);
  EXPECT_EQ(received.marks[0].offset, 0u);
  pty_.Say("ef");
  EXPECT_TRUE(ReadAll(**port, 2).marks.empty());
}

TEST_F(SerialPorts, TakeEverySpeedThatCanBeConfigured) {
  for (const Field& field : InstrumentFields()) {
    if (field.spec.name != "baud") continue;
    for (const absl::string_view text : absl::StrSplit(field.spec.choices, '|')) {
      Line line;
      ASSERT_TRUE(absl::SimpleAtoi(text, &line.baud));
      const auto port = OpenSerialPort(pty_.path(), line);
      EXPECT_TRUE(port.ok()) << port.status();
    }
  }
}

TEST_F(SerialPorts, SetWhatTheLineNeeds) {
  const auto port = OpenSerialPort(pty_.path(), {19200, 8, 'N', 2, "rtscts"});
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_TRUE((*port)->HoldsBack());
  const termios settings = pty_.Settings();
  EXPECT_EQ(cfgetospeed(&settings), static_cast<speed_t>(B19200));
  EXPECT_EQ(settings.c_cflag & (CSIZE | PARENB | CSTOPB | CRTSCTS), static_cast<tcflag_t>(CS8 | CSTOPB | CRTSCTS));
  EXPECT_EQ(settings.c_iflag & (IXON | IXOFF), 0u);
}

TEST_F(SerialPorts, SetSoftwareFlowControl) {
  const auto port = OpenSerialPort(pty_.path(), {9600, 8, 'N', 1, "xonxoff"});
  ASSERT_TRUE(port.ok()) << port.status();
  EXPECT_EQ(pty_.Settings().c_iflag & (IXON | IXOFF | IXANY), static_cast<tcflag_t>(IXON | IXOFF));
  EXPECT_EQ(pty_.Settings().c_cflag & CRTSCTS, 0u);
}

TEST_F(SerialPorts, SayWhatTheDeviceDidNotTake) {
  // Twice: the first time, the system says that it was taken.
  for (int i = 0; i < 2; ++i) {
    const auto port = OpenSerialPort(pty_.path(), {9600, 7, 'E', 1, "none"});
    EXPECT_TRUE(absl::IsFailedPrecondition(port.status())) << port.status();
    EXPECT_THAT(port.status().message(), HasSubstr("the device did not take 9600 baud 7E1, flow control none"));
  }
  EXPECT_TRUE(OpenSerialPort(pty_.path(), Line()).ok());
}

TEST_F(SerialPorts, BelongToOneProgram) {
  auto first = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = OpenSerialPort(pty_.path(), {1200, 8, 'N', 1, "none"});
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
  EXPECT_THAT(second.status().message(), HasSubstr("in use by another program"));
  // Whoever was refused has changed nothing on the way.
  const termios settings = pty_.Settings();
  EXPECT_EQ(cfgetospeed(&settings), static_cast<speed_t>(B9600));
  EXPECT_NE(settings.c_iflag & PARMRK, 0u);
  first->reset();
  EXPECT_TRUE(OpenSerialPort(pty_.path(), Line()).ok());
}

TEST_F(SerialPorts, ShutOutProgramsThatAskForNoLock) {
  Pty other;
  Register(other);
  const int before = open(other.path().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  auto port = OpenSerialPort(other.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  int exclusive = 0;
  ASSERT_EQ(ioctl(before, TIOCGEXCL, &exclusive), 0);
  EXPECT_EQ(exclusive, 1);
  port->reset();
  ASSERT_EQ(ioctl(before, TIOCGEXCL, &exclusive), 0);
  EXPECT_EQ(exclusive, 0);
  close(before);
}

TEST_F(SerialPorts, AreFoundBehindASymbolicLink) { EXPECT_TRUE(OpenSerialPort(Point("by-id", pty_), Line()).ok()); }

TEST_F(SerialPorts, AreNotThereBehindALinkThatLeadsNowhere) {
  std::filesystem::create_symlink("/dev/no-such-device", folder_ / "nowhere");
  EXPECT_TRUE(absl::IsNotFound(OpenSerialPort(folder_ / "nowhere", Line()).status()));
}

TEST_F(SerialPorts, SayWhoMayOpenThem) {
  const std::string path = pty_.path();
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  // Root may open anything; its files' owner of the moment may not.
  const auto user = static_cast<uid_t>(setfsuid(65534));
  const absl::Status status = OpenSerialPort(path, Line()).status();
  setfsuid(user);
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("is the service in the group \"dialout\"?"));
}

TEST_F(SerialPorts, AreNoOtherFiles) {
  EXPECT_THAT(OpenSerialPort("/dev/null", Line()).status().message(), HasSubstr("is no serial line"));
}

TEST_F(SerialPorts, AreWhatTheSystemKnowsAsSuch) {
  Pty unknown;
  const absl::Status status = OpenSerialPort(unknown.path(), Line()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("the system knows no serial line " + unknown.path()));
}

TEST_F(SerialPorts, GiveWhatCameBeforeAHangUpAndThenTellIt) {
  const auto port = OpenSerialPort(pty_.path(), Line());
  ASSERT_TRUE(port.ok()) << port.status();
  pty_.Say("last words");
  EXPECT_EQ(ReadAll(**port, 10).bytes, "last words");
  pty_.HangUp();
  EXPECT_TRUE(absl::IsUnavailable(ReadUntilHangUp(**port)));
  EXPECT_TRUE(absl::IsUnavailable((*port)->Write("x")));
}

TEST_F(SerialPorts, AreOpenedAgainUnderANewNumberBehindTheSameLink) {
  ReceiveBuffer buffer;
  absl::Mutex mutex;
  std::vector<Arrival> arrived;
  const std::string link = Point("by-id", pty_);
  Receiver receiver(
      "balance-1", link, Line(), Receiver::Expected::kReal, buffer,
      [&] {
        absl::MutexLock lock(&mutex);
        for (Arrival& arrival : buffer.Take(1 << 20)) arrived.push_back(std::move(arrival));
      },
      [](const std::string& name, const Line& line, absl::FunctionRef<bool()>) { return OpenSerialPort(name, line); });
  const auto await = [&](Arrival::Kind kind, std::size_t count) {
    const auto there = [&] { return arrived.size() >= count && arrived[count - 1].kind == kind; };
    absl::MutexLock lock(&mutex);
    return mutex.AwaitWithTimeout(absl::Condition(&there), kDeadline);
  };
  ASSERT_TRUE(await(Arrival::Kind::kOpened, 1));
  pty_.Say("1");
  ASSERT_TRUE(await(Arrival::Kind::kBytes, 2));
  Pty next;
  Register(next);
  pty_.HangUp();
  ASSERT_TRUE(await(Arrival::Kind::kClosed, 3));
  Point("by-id", next);
  ASSERT_TRUE(await(Arrival::Kind::kOpened, 4));
  next.Say("2");
  ASSERT_TRUE(await(Arrival::Kind::kBytes, 5));
  EXPECT_EQ(arrived[1].bytes + arrived[4].bytes, "12");
}

}  // namespace
}  // namespace dims
