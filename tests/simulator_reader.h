// The other end of a simulated instrument's line, and its ledger, for tests.
#ifndef DIMS_TESTS_SIMULATOR_READER_H_
#define DIMS_TESTS_SIMULATOR_READER_H_

#include <fcntl.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace dims {

// Long enough for a busy machine; only a failing test waits so long.
inline constexpr std::chrono::seconds kDeadline(30);

inline bool Eventually(const std::function<bool()>& condition,
                       std::chrono::steady_clock::duration deadline = kDeadline) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + deadline;
  while (!condition()) {
    if (Clock::now() > end) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// The reader: a process that has the line open.
class Reader {
 public:
  explicit Reader(const std::string& path) : fd_(open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) {
    EXPECT_GE(fd_, 0) << path << ": " << std::strerror(errno);
  }
  ~Reader() { close(fd_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // So many bytes; fewer if the line ends or nothing more comes until the deadline.
  std::string Read(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      pollfd input{fd_, POLLIN, 0};
      char buffer[4096];
      if (poll(&input, 1, std::chrono::milliseconds(kDeadline).count()) <= 0) break;
      const ssize_t got = read(fd_, buffer, std::min(sizeof(buffer), size - bytes.size()));
      if (got <= 0) break;
      bytes.append(buffer, got);
    }
    return bytes;
  }
  std::size_t Waiting() const {
    pollfd input{fd_, POLLIN, 0};
    int size = 0;
    poll(&input, 1, 0);
    ioctl(fd_, FIONREAD, &size);
    return size;
  }
  void Write(const std::string& bytes) {
    EXPECT_EQ(write(fd_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// The lines of a journal about this event.
inline std::vector<google::protobuf::Struct> EventsOf(const std::string& log, const std::string& event) {
  std::vector<google::protobuf::Struct> found;
  std::ifstream file(log);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    google::protobuf::Struct object;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &object).ok()) << line;
    if (object.fields().at("event").string_value() == event) found.push_back(object);
  }
  return found;
}

// Zero, or nothing, where there is none of that name.
inline std::uint64_t Number(const google::protobuf::Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() ? 0 : static_cast<std::uint64_t>(it->second.number_value());
}
inline std::string Text(const google::protobuf::Struct& object, const std::string& name) {
  const auto it = object.fields().find(name);
  return it == object.fields().end() ? "" : it->second.string_value();
}

}  // namespace dims

#endif  // DIMS_TESTS_SIMULATOR_READER_H_
