#include "firmware-bridge/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

std::string FolderOf(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

}  // namespace

void EndAfterDiskFailure(absl::string_view file, absl::string_view cause) {
  const std::string line =
      absl::StrCat("dims-bridge: disk failure, file \"", file, "\": ", cause,
                   "; ending without closing it, the next start recovers what is on the disk. Check the disk.\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(kDiskFailureExit);
}

absl::Status SyncFolderOf(const std::string& file) {
  const std::string folder = FolderOf(file);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open folder \"", folder, "\""));
  if (fsync(fd) != 0) EndAfterDiskFailure(folder, absl::StrCat("fsync: ", absl::ErrnoToStatus(errno, "").ToString()));
  close(fd);
  return absl::OkStatus();
}

uint64_t FileBytes(const std::string& file) {
  struct stat state;
  return stat(file.c_str(), &state) == 0 ? static_cast<uint64_t>(state.st_size) : 0;
}

uint64_t DiskFreeBytes(const std::string& file) {
  struct statvfs disk;
  if (statvfs(FolderOf(file).c_str(), &disk) != 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace dims
