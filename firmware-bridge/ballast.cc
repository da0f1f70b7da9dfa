#include "firmware-bridge/ballast.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"

namespace dims::store_db {

Ballast::Ballast(std::string path, uint64_t bytes)
    : path_(std::move(path)), bytes_(bytes), there_(bytes > 0 && FileBytes(path_) == bytes) {}

absl::Status Ballast::Make() {
  if (there_) return absl::OkStatus();
  unlink(path_.c_str());  // of another size, not finished, or not wanted any more
  if (bytes_ == 0) return absl::OkStatus();
  if (DiskFreeBytes(path_) < 2 * bytes_) {
    return absl::ResourceExhaustedError(absl::StrCat("no room for the ballast \"", path_, "\": it needs ",
                                                     (2 * bytes_) >> 20, " MiB free on the disk"));
  }
  const int fd = open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  int error = fd < 0 ? errno : posix_fallocate(fd, 0, static_cast<off_t>(bytes_));
  if (fd >= 0 && close(fd) != 0 && error == 0) error = errno;
  if (error != 0) {
    unlink(path_.c_str());
    return absl::ErrnoToStatus(error, absl::StrCat("cannot make the ballast \"", path_, "\""));
  }
  there_ = true;
  return absl::OkStatus();
}

bool Ballast::Give() {
  if (!std::exchange(there_, false)) return false;
  return unlink(path_.c_str()) == 0;
}

}  // namespace dims::store_db
