// A serial device, opened and set by libserialport.
#include <libserialport.h>
#include <linux/serial.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/descriptor.h"
#include "firmware-bridge/parmrk.h"
#include "firmware-bridge/port.h"

namespace dims {
namespace {

struct FreePort {
  void operator()(sp_port* port) const { sp_free_port(port); }
};
struct FreeConfig {
  void operator()(sp_port_config* config) const { sp_free_config(config); }
};
using Config = std::unique_ptr<sp_port_config, FreeConfig>;

absl::StatusOr<Config> NewConfig() {
  sp_port_config* config = nullptr;
  if (sp_new_config(&config) != SP_OK) return absl::ResourceExhaustedError("no memory for a port's settings");
  return Config(config);
}

// What the driver counted since the port was opened; nothing where it does not count.
std::optional<uint32_t> CountOverruns(int fd) {
  serial_icounter_struct counts{};
  if (ioctl(fd, TIOCGICOUNT, &counts) != 0) return std::nullopt;
  return static_cast<uint32_t>(counts.overrun) + static_cast<uint32_t>(counts.buf_overrun);
}

class SerialPort final : public Port {
 public:
  // `lock` is held as long as the port is open.
  SerialPort(Descriptor lock, std::unique_ptr<sp_port, FreePort> port, std::string path, bool holds_back)
      : lock_(std::move(lock)), port_(std::move(port)), path_(std::move(path)), holds_back_(holds_back) {}
  ~SerialPort() override {
    if (fd_ < 0) return;
    // What another program still has open would stay shut to everybody.
    ioctl(fd_, TIOCNXCL);
    sp_close(port_.get());
  }

  absl::Status Open(const Line& line) {
    if (sp_open(port_.get(), SP_MODE_READ_WRITE) != SP_OK) return LibraryError("opening");
    if (sp_get_port_handle(port_.get(), &fd_) != SP_OK) return LibraryError("opening");
    // The lock keeps out who asks for it; this, everybody else (but root).
    if (ioctl(fd_, TIOCEXCL) != 0) return LineError(errno, "locking", path_);
    if (absl::Status status = Set(line); !status.ok()) return status;
    if (absl::Status status = SetTheRest(line); !status.ok()) return status;
    overruns_ = CountOverruns(fd_);
    return absl::OkStatus();
  }

  // Not sp_nonblocking_read: it gives 0 for "nothing yet" and for a hang-up.
  absl::StatusOr<Received> Read(absl::Duration wait) override {
    const absl::StatusOr<std::string> raw = ReadSome(fd_, path_, wait);
    if (!raw.ok()) return raw.status();
    Received received;
    decoder_.Decode(*raw, received);
    if (received.bytes.empty()) return received;
    if (const std::optional<uint32_t> now = CountOverruns(fd_); overruns_ && now && *now != *overruns_) {
      overruns_ = now;
      received.marks.insert(received.marks.begin(), {LineMark::kOverrun, 0});
    }
    return received;
  }
  absl::Status Write(absl::string_view bytes) override { return WriteAll(fd_, path_, bytes); }
  bool HoldsBack() const override { return holds_back_; }
  bool IsSimulated() const override { return false; }

 private:
  absl::Status LibraryError(absl::string_view doing) const { return LineError(sp_last_error_code(), doing, path_); }

  absl::Status NotTaken(const Line& line) const {
    return absl::FailedPreconditionError(absl::StrCat(path_, ": the device did not take ", line.baud, " baud ",
                                                      line.data_bits, std::string(1, line.parity), line.stop_bits,
                                                      ", flow control ", line.flow));
  }

  absl::Status Set(const Line& line) {
    absl::StatusOr<Config> wanted = NewConfig(), taken = NewConfig();
    if (!wanted.ok() || !taken.ok()) return wanted.ok() ? taken.status() : wanted.status();
    sp_port_config* const want = wanted->get();
    sp_set_config_baudrate(want, line.baud);
    sp_set_config_bits(want, line.data_bits);
    sp_set_config_parity(want, line.parity == 'N'   ? SP_PARITY_NONE
                               : line.parity == 'O' ? SP_PARITY_ODD
                                                    : SP_PARITY_EVEN);
    sp_set_config_stopbits(want, line.stop_bits);
    // Instruments that look at them take them as "there is somebody".
    sp_set_config_rts(want, SP_RTS_ON);
    sp_set_config_dtr(want, SP_DTR_ON);
    sp_set_config_flowcontrol(want, line.flow == "xonxoff" ? SP_FLOWCONTROL_XONXOFF : SP_FLOWCONTROL_NONE);
    const sp_return set = sp_set_config(port_.get(), want);
    if (set == SP_ERR_ARG || set == SP_ERR_SUPP || (set == SP_ERR_FAIL && sp_last_error_code() == EINVAL)) {
      return NotTaken(line);
    }
    if (set != SP_OK) return LibraryError("setting");

    // tcsetattr says 0 if it could do anything of what was asked.
    sp_port_config* const got = taken->get();
    if (sp_get_config(port_.get(), got) != SP_OK) return LibraryError("reading the settings of");
    const auto same = [&](auto get, auto nothing) {
      auto left = nothing, right = nothing;
      return get(want, &left) == SP_OK && get(got, &right) == SP_OK && left == right;
    };
    const bool all = same(sp_get_config_baudrate, 0) && same(sp_get_config_bits, 0) &&
                     same(sp_get_config_parity, SP_PARITY_INVALID) && same(sp_get_config_stopbits, 0) &&
                     same(sp_get_config_xon_xoff, SP_XONXOFF_INVALID);
    return all ? absl::OkStatus() : NotTaken(line);
  }

  // What the library does not do. It puts CRTSCTS among the input flags, where it is nothing, and lets any byte take
  // the place of XON; and without INPCK and PARMRK, a byte with a wrong parity looks like any other.
  absl::Status SetTheRest(const Line& line) {
    termios settings{}, taken{};
    if (tcgetattr(fd_, &settings) != 0) return LineError(errno, "reading the settings of", path_);
    constexpr tcflag_t kOn = INPCK | PARMRK, kOff = IGNPAR | IGNBRK | BRKINT | ISTRIP | IXANY;
    settings.c_iflag = (settings.c_iflag | kOn) & ~kOff;
    settings.c_cflag &= ~(HUPCL | CRTSCTS);
    if (line.flow == "rtscts") settings.c_cflag |= CRTSCTS;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (tcsetattr(fd_, TCSANOW, &settings) != 0) return LineError(errno, "setting", path_);
    if (tcgetattr(fd_, &taken) != 0) return LineError(errno, "reading the settings of", path_);
    if ((taken.c_cflag & CRTSCTS) != (settings.c_cflag & CRTSCTS)) return NotTaken(line);
    if ((taken.c_iflag & (kOn | kOff)) != kOn) {
      return absl::FailedPreconditionError(absl::StrCat(path_, ": the device cannot mark damaged bytes"));
    }
    return absl::OkStatus();
  }

  const Descriptor lock_;
  const std::unique_ptr<sp_port, FreePort> port_;
  const std::string path_;
  const bool holds_back_;
  int fd_ = -1;  // the library's
  ParmrkDecoder decoder_;
  std::optional<uint32_t> overruns_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Port>> OpenSerialPort(const std::string& path, const Line& line) {
  // The library refuses every link. It also sets a port before anybody can lock it, so the lock comes first.
  const absl::StatusOr<std::string> device = ResolveLinks(path);
  if (!device.ok()) return device.status();
  absl::StatusOr<Descriptor> lock = OpenAndLock(*device);
  if (!lock.ok()) return lock.status();
  sp_port* found = nullptr;
  if (sp_get_port_by_name(device->c_str(), &found) != SP_OK) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": the system knows no serial line ", *device));
  }
  auto port = std::make_unique<SerialPort>(*std::move(lock), std::unique_ptr<sp_port, FreePort>(found), path,
                                           line.flow != "none");
  if (absl::Status status = port->Open(line); !status.ok()) return status;
  return port;
}

}  // namespace dims
