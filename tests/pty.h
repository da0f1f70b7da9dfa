// The far end of a pseudo-terminal, in a test's hands.
#ifndef DIMS_TESTS_PTY_H_
#define DIMS_TESTS_PTY_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "firmware-bridge/port.h"

namespace dims {

// Long enough for a busy machine; only a failing test waits so long.
inline constexpr absl::Duration kDeadline = absl::Seconds(30);

class Pty {
 public:
  Pty() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    std::array<char, 64> name{};
    EXPECT_TRUE(master_ >= 0 && grantpt(master_) == 0 && unlockpt(master_) == 0 &&
                ptsname_r(master_, name.data(), name.size()) == 0);
    path_ = name.data();
  }
  ~Pty() { HangUp(); }
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;

  const std::string& path() const { return path_; }
  int master() const { return master_; }

  void Say(absl::string_view bytes) {
    ASSERT_EQ(write(master_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  // So many bytes; fewer if they do not come.
  std::string Hear(std::size_t size) {
    std::string heard;
    pollfd waiting{master_, POLLIN, 0};
    while (heard.size() < size && poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(kDeadline))) == 1) {
      char byte;
      if (read(master_, &byte, 1) != 1) break;
      heard += byte;
    }
    return heard;
  }
  void HangUp() {
    if (master_ >= 0) close(master_);
    master_ = -1;
  }
  // The settings of the near end.
  termios Settings() const {
    termios settings{};
    EXPECT_EQ(tcgetattr(master_, &settings), 0);
    return settings;
  }

 private:
  int master_;
  std::string path_;
};

// So many bytes, with their marks by offset; fewer, and a failure, if they do not come.
inline Received ReadAll(Port& port, std::size_t size) {
  Received all;
  const absl::Time end = absl::Now() + kDeadline;
  while (all.bytes.size() < size && absl::Now() < end) {
    const absl::StatusOr<Received> received = port.Read(absl::Milliseconds(100));
    EXPECT_TRUE(received.ok()) << received.status();
    if (!received.ok()) break;
    for (const LineMark& mark : received->marks) all.marks.push_back({mark.kind, all.bytes.size() + mark.offset});
    all.bytes += received->bytes;
  }
  EXPECT_EQ(all.bytes.size(), size);
  return all;
}

// Reads until the port says that nothing more can come; what it said.
inline absl::Status ReadUntilHangUp(Port& port, std::string* bytes = nullptr) {
  const absl::Time end = absl::Now() + kDeadline;
  while (absl::Now() < end) {
    const absl::StatusOr<Received> received = port.Read(absl::Milliseconds(100));
    if (!received.ok()) return received.status();
    if (bytes != nullptr) *bytes += received->bytes;
  }
  return absl::DeadlineExceededError("the line did not hang up");
}

inline bool Never() { return false; }

}  // namespace dims

#endif  // DIMS_TESTS_PTY_H_
