// A file descriptor of a line: what the three kinds of ports have in common.
//
// What: owns it, reads and writes it without blocking, and makes statuses of errno.
// Promise: never blocks longer than asked; a hang-up is an error, whatever form the system gives it.
// Errors: as port.h has them; every message begins with what was being done and the line's name.
// Threads: reading and writing may run at once.
#ifndef DIMS_FIRMWARE_BRIDGE_DESCRIPTOR_H_
#define DIMS_FIRMWARE_BRIDGE_DESCRIPTOR_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

absl::Status LineError(int error, absl::string_view doing, const std::string& name);

// The device itself. NotFound where a link leads nowhere.
absl::StatusOr<std::string> ResolveLinks(const std::string& path);

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_;
};

// Waits at most `wait`; empty: nothing came. Unavailable after a hang-up.
absl::StatusOr<std::string> ReadSome(int fd, const std::string& name, absl::Duration wait);
// Unavailable if not all of it is taken at once.
absl::Status WriteAll(int fd, const std::string& name, absl::string_view bytes);

// Lets this process have as many descriptors as the system allows it.
absl::Status RaiseDescriptorLimit();

// Opens a tty and makes it this program's alone. FailedPrecondition if it is no tty, or another's already.
absl::StatusOr<Descriptor> OpenAndLock(const std::string& path);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_DESCRIPTOR_H_
