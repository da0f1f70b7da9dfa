#include "tests/die_at.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

extern "C" {
int rename(const char* from, const char* to) {
  dims::Step();
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int unlink(const char* path) {
  dims::Step();
  return static_cast<int>(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}
ssize_t pread64(int fd, void* bytes, size_t size, off64_t at) {
  struct stat file;
  if (dims::unreadable >= 0 && at <= dims::unreadable && dims::unreadable < at + static_cast<off64_t>(size) &&
      fstat(fd, &file) == 0 && file.st_ino == dims::unreadable_in) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_pread64, fd, bytes, size, at);
}
ssize_t pread(int fd, void* bytes, size_t size, off_t at) { return pread64(fd, bytes, size, at); }
int fsync(int fd) {
  dims::Step();
  return static_cast<int>(syscall(SYS_fsync, fd));
}
}
