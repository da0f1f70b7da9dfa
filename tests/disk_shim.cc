// A disk that fails, for a whole program: a shared library for LD_PRELOAD, told what to do by the environment.
//
//   DIMS_DISK=TEXT              only files whose path has this text
//   DIMS_DISK_FAIL=CALL:N:ERROR the N-th CALL fails with ERROR (EIO, ENOSPC), once. CALL: write (write and pwrite),
//                               sync (fsync and fdatasync), drop (a sync that fails, and what it should have synced
//                               is gone, as where the kernel drops the pages that the disk did not take)
//   DIMS_DISK_FLUSH_MS=MS       every sync takes so much longer
//
// Threads: any; calls are counted in the order in which they come.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

// What a file was before a change that is not synced yet.
struct Before {
  off_t size, at;
  std::string bytes;
};

struct Disk {
  Disk() {
    if (const char* text = getenv("DIMS_DISK")) path = text;
    if (const char* milliseconds = getenv("DIMS_DISK_FLUSH_MS")) flush_ms = atol(milliseconds);
    char error[16] = "";
    if (const char* fail = getenv("DIMS_DISK_FAIL");
        fail != nullptr && sscanf(fail, "%15[a-z]:%ld:%15s", call, &at, error) == 3) {
      code = strcmp(error, "ENOSPC") == 0 ? ENOSPC : EIO;
    }
  }

  bool Holds(int fd) const {
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, name, sizeof name - 1);
    if (path.empty() || size < 0) return false;
    name[size] = '\0';
    return strstr(name, path.c_str()) != nullptr;
  }
  bool IsDue(const char* kind) { return strcmp(call, kind) == 0 && ++calls == at; }
  bool drops() const { return strcmp(call, "drop") == 0; }

  void Remember(int fd, off_t from, size_t most) {
    struct stat state;
    if (!drops() || fstat(fd, &state) != 0) return;
    Before before{state.st_size, from, std::string(most, '\0')};
    const ssize_t got = syscall(SYS_pread64, fd, before.bytes.data(), most, from);
    before.bytes.resize(got < 0 ? 0 : got);
    changes[{state.st_dev, state.st_ino}].push_back(before);
  }
  std::vector<Before> TakeChanges(int fd) {
    struct stat state;
    if (!drops() || fstat(fd, &state) != 0) return {};
    return std::move(changes[{state.st_dev, state.st_ino}]);
  }

  std::mutex mutex;
  std::string path;
  char call[16] = "";
  long at = 0, calls = 0, flush_ms = 0;
  int code = EIO;
  std::map<std::pair<dev_t, ino_t>, std::vector<Before>> changes;
};

Disk& TheDisk() {
  static Disk disk;
  return disk;
}

ssize_t Write(int call, int fd, const void* bytes, size_t size, off_t at) {
  Disk& disk = TheDisk();
  if (disk.Holds(fd)) {
    const std::lock_guard lock(disk.mutex);
    if (disk.IsDue("write")) {
      errno = disk.code;
      return -1;
    }
    disk.Remember(fd, call == SYS_write ? lseek(fd, 0, SEEK_CUR) : at, size);
  }
  return syscall(call, fd, bytes, size, at);
}

int Resize(int fd, off_t size) {
  Disk& disk = TheDisk();
  struct stat state;
  if (disk.Holds(fd) && fstat(fd, &state) == 0) {
    const std::lock_guard lock(disk.mutex);
    disk.Remember(fd, size, state.st_size > size ? state.st_size - size : 0);
  }
  return static_cast<int>(syscall(SYS_ftruncate, fd, size));
}

int Sync(int call, int fd) {
  Disk& disk = TheDisk();
  if (!disk.Holds(fd)) return static_cast<int>(syscall(call, fd));
  const std::lock_guard lock(disk.mutex);
  const std::vector<Before> changes = disk.TakeChanges(fd);
  if (disk.IsDue("sync") || disk.IsDue("drop")) {
    std::for_each(changes.rbegin(), changes.rend(), [fd](const Before& change) {
      syscall(SYS_pwrite64, fd, change.bytes.data(), change.bytes.size(), change.at);
      syscall(SYS_ftruncate, fd, change.size);
    });
    errno = disk.code;
    return -1;
  }
  if (disk.flush_ms > 0) {
    const timespec longer = {disk.flush_ms / 1000, disk.flush_ms % 1000 * 1'000'000};
    nanosleep(&longer, nullptr);
  }
  return static_cast<int>(syscall(call, fd));
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) { return Write(SYS_write, fd, bytes, size, 0); }
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) { return Write(SYS_pwrite64, fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return Write(SYS_pwrite64, fd, bytes, size, at);
}
int ftruncate(int fd, off_t size) noexcept { return Resize(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return Resize(fd, size); }
int fsync(int fd) { return Sync(SYS_fsync, fd); }
int fdatasync(int fd) { return Sync(SYS_fdatasync, fd); }

}  // extern "C"
