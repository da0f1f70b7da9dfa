// The list of serial ports, over a system of the test's own.
#include "firmware-bridge/port_list.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/serial_shim.h"

namespace dims {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class PortList : public testing::Test {
 protected:
  PortList() : root_(testing::TempDir() + absl::StrCat("/dims-port-list-", getpid())) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "class/tty/console");
    fs::create_directories(root_ / "dev/serial/by-id");
    fs::create_directories(root_ / "dev/serial/by-path");
    Write(root_ / "class/tty/console/active", "tty0 ttyS0\n");
    Write(root_ / "locks", "");
    sources_ = {root_ / "class/tty", root_ / "dev", root_ / "locks"};
    shim::UseTtyClass(sources_.tty_class);
  }
  ~PortList() override { fs::remove_all(root_); }

  static void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

  // A tty of the kernel; `device`: the folder of what it belongs to, none for a virtual one.
  void AddTty(const std::string& name, const std::string& device) {
    const std::string at = device.empty() ? "devices/virtual/tty/" + name : device + "/tty/" + name;
    fs::create_directories(root_ / at);
    if (!device.empty()) fs::create_directory_symlink("../..", root_ / at / "device");
    fs::create_directory_symlink("../../" + at, root_ / "class/tty" / name);
    Write(root_ / "dev" / name, "");
  }
  void AddBuiltIn(const std::string& name, int type) {
    AddTty(name, "devices/platform/serial8250");
    Write(root_ / "class/tty" / name / "type", absl::StrCat(type, "\n"));
  }
  void AddUsb(const std::string& name, const std::string& serial) {
    const std::string adapter = "devices/pci0/usb1/1-" + serial;
    AddTty(name, adapter + "/1-2:1.0/" + name);
    for (const auto& [file, text] : std::vector<std::pair<std::string, std::string>>{{"busnum", "1"},
                                                                                     {"devnum", "4"},
                                                                                     {"idVendor", "0403"},
                                                                                     {"idProduct", "6001"},
                                                                                     {"manufacturer", "FTDI"},
                                                                                     {"product", "FT232R USB UART"},
                                                                                     {"serial", serial}}) {
      Write(root_ / adapter / file, text + "\n");
    }
  }
  void Link(const std::string& name, const std::string& to) {
    fs::create_symlink("../../" + to, root_ / "dev/serial" / name);
  }
  void Lock(const std::string& name, int process) {
    struct stat file {};
    ASSERT_EQ(stat((root_ / "dev" / name).c_str(), &file), 0);
    Write(root_ / "locks", absl::StrFormat("1: POSIX  ADVISORY  WRITE 7 00:01:2 0 EOF\n2: FLOCK  ADVISORY  WRITE %d "
                                           "%02x:%02x:%d 0 EOF\n",
                                           process, major(file.st_dev), minor(file.st_dev), file.st_ino));
  }
  std::vector<SerialDevice> List() {
    const auto devices = ListSerialDevices(sources_);
    EXPECT_TRUE(devices.ok()) << devices.status();
    return devices.value_or(std::vector<SerialDevice>());
  }

  const fs::path root_;
  PortSources sources_;
};

TEST_F(PortList, DescribesAnAdapterAndItsLastingName) {
  AddUsb("ttyUSB0", "A50285BI");
  Link("by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", "ttyUSB0");
  Link("by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0", "ttyUSB0");
  Lock("ttyUSB0", 4711);
  const auto devices = List();
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0].path, "/dev/ttyUSB0");
  EXPECT_EQ(devices[0].usb_ids, "0403:6001");
  EXPECT_EQ(devices[0].serial_number, "A50285BI");
  EXPECT_EQ(devices[0].description, "FTDI FT232R USB UART");
  EXPECT_EQ(devices[0].stable_name, root_ / "dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0");
  EXPECT_EQ(devices[0].locked_by, 4711);
  EXPECT_FALSE(devices[0].is_console);
}

TEST_F(PortList, NamesAnAdapterByItsPlaceWhereItHasNoName) {
  AddUsb("ttyUSB0", "1");
  Link("by-path/pci-0000:00:14.0-usb-0:2:1.0-port0", "ttyUSB0");
  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].stable_name, root_ / "dev/serial/by-path/pci-0000:00:14.0-usb-0:2:1.0-port0");
}

TEST_F(PortList, LeavesOutWhatIsNoHardware) {
  AddTty("tty1", "");
  AddTty("ptmx", "");
  AddBuiltIn("ttyS0", 4);
  AddBuiltIn("ttyS1", 0);  // a number without a chip
  AddUsb("ttyUSB10", "b");
  AddUsb("ttyUSB2", "a");
  std::vector<std::string> paths;
  for (const SerialDevice& device : List()) paths.push_back(device.path);
  EXPECT_THAT(paths, ElementsAre("/dev/ttyS0", "/dev/ttyUSB2", "/dev/ttyUSB10"));
}

TEST_F(PortList, MarksTheMachinesConsole) {
  AddBuiltIn("ttyS0", 4);
  AddBuiltIn("ttyS2", 4);
  const auto devices = List();
  ASSERT_EQ(devices.size(), 2u);
  EXPECT_TRUE(devices[0].is_console);
  EXPECT_FALSE(devices[1].is_console);
  EXPECT_THAT(PortTable(devices, {}), HasSubstr("/dev/ttyS0  -    -              built in     the machine's console"));
}

TEST_F(PortList, KnowsWhatNobodyMayOpenToSeeWhatIsThere) {
  for (const char* console : {"/dev/ttyS0", "/dev/console", "/dev/tty", "/dev/tty0", "/dev/tty7"}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(CheckNoConsole(console, sources_))) << console;
  }
  for (const char* port : {"/dev/ttyS1", "/dev/ttyUSB0", "/dev/pts/3", "tcp://192.0.2.10:4001"}) {
    EXPECT_TRUE(CheckNoConsole(port, sources_).ok()) << port;
  }
  // Where the system does not say, every device may be it.
  sources_.tty_class = root_ / "nowhere";
  EXPECT_TRUE(absl::IsFailedPrecondition(CheckNoConsole("/dev/ttyS1", sources_)));
  EXPECT_TRUE(CheckNoConsole("/dev/pts/3", sources_).ok());
}

TEST_F(PortList, OpensNoPort) {
  AddBuiltIn("ttyS0", 4);
  AddUsb("ttyUSB0", "a");
  const int before = shim::DevicesOpened();
  EXPECT_EQ(List().size(), 2u);
  EXPECT_EQ(shim::DevicesOpened(), before);
  // And an opened one would have been counted.
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(shim::DevicesOpened(), before + 1);
  close(fd);
}

TEST_F(PortList, SaysThatThereIsNone) {
  EXPECT_THAT(PortTable(List(), {}), HasSubstr("This machine has no serial port"));
}

TEST_F(PortList, SaysThatTheSystemListsNone) {
  sources_.tty_class = root_ / "nowhere";
  EXPECT_TRUE(absl::IsNotFound(ListSerialDevices(sources_).status()));
}

TEST(PortTable, SaysWhosePortItIsAndWhichAreNotThere) {
  SerialDevice device;
  device.path = "/dev/null";  // no links lead to it
  device.locked_by = 12;
  InstrumentConfig here, away, server;
  here.name = "gcms-1";
  here.port = "/dev/null";
  away.name = "gcms-2";
  away.port = "/dev/no-such-device";
  server.name = "gcms-3";
  server.port = "tcp://moxa:4001";
  EXPECT_EQ(PortTable({device}, {here, away, server}),
            "device     USB  serial number  description  used by                                "
            "name for the configuration\n"
            "/dev/null  -    -              -            instrument gcms-1, open in process 12  /dev/null\n"
            "not there now: /dev/no-such-device of instrument gcms-2\n");
}

TEST(PortTable, NothingThatAnAdapterSaysOfItselfSteersTheTerminal) {
  SerialDevice device;
  device.path = "/dev/ttyUSB0";
  device.serial_number = "\x1b]0;x\x07";
  device.description =
      "M\xC3\xBCller \xC2\x9B"
      "2J\n";
  const std::string table = PortTable({device}, {});
  EXPECT_THAT(table, HasSubstr("\xEF\xBF\xBD]0;x\xEF\xBF\xBD         M\xC3\xBCller \xEF\xBF\xBD"
                               "2J\xEF\xBF\xBD  -  "))
      << "readable, and as wide as it looks";
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_THAT(table, Not(HasSubstr("\xC2\x9B")));
}

}  // namespace
}  // namespace dims
