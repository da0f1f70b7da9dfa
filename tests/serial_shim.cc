#include "tests/serial_shim.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace dims::shim {
namespace {

constexpr char kTtyClass[] = "/sys/class/tty";

struct State {
  std::string tty_class = kTtyClass;
  std::atomic<int> overruns{-1};
  std::atomic<int> opened{0};
};

State& TheState() {
  static State state;
  return state;
}

std::string Redirected(const char* path) {
  constexpr std::size_t kSize = sizeof(kTtyClass) - 1;
  return strncmp(path, kTtyClass, kSize) == 0 ? TheState().tty_class + (path + kSize) : path;
}

}  // namespace

void UseTtyClass(const std::string& folder) { TheState().tty_class = folder; }
void CountOverruns(int more) {
  State& state = TheState();
  state.overruns = (state.overruns < 0 ? 0 : state.overruns.load()) + more;
}
int DevicesOpened() { return TheState().opened; }

}  // namespace dims::shim

// A program's own functions come before the C library's, for the shared libraries it uses as well.
extern "C" {

int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  switch (request) {
    case TIOCMGET:
      *static_cast<int*>(argument) = TIOCM_DTR | TIOCM_RTS;
      return 0;
    case TIOCMSET:
    case TIOCMBIS:
    case TIOCMBIC:
      return 0;
    case TIOCGICOUNT:
      if (const int overruns = dims::shim::TheState().overruns; overruns >= 0) {
        static_cast<serial_icounter_struct*>(argument)->overrun = overruns;
        return 0;
      }
      break;
    default:
      break;
  }
  return static_cast<int>(syscall(SYS_ioctl, fd, request, argument));
}

static int OpenCounted(const char* path, int flags, unsigned mode) {
  if (strncmp(path, "/dev/", 5) == 0) ++dims::shim::TheState().opened;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return OpenCounted(path, flags, mode);
}

int __open_2(const char* path, int flags) { return OpenCounted(path, flags, 0); }

ssize_t readlink(const char* path, char* into, size_t size) noexcept {
  return syscall(SYS_readlink, dims::shim::Redirected(path).c_str(), into, size);
}

int __lxstat(int, const char* path, struct stat* into) noexcept {
  return fstatat(AT_FDCWD, dims::shim::Redirected(path).c_str(), into, AT_SYMLINK_NOFOLLOW);
}

FILE* fopen(const char* path, const char* mode) {
  static const auto real = reinterpret_cast<FILE* (*)(const char*, const char*)>(dlsym(RTLD_NEXT, "fopen"));
  return real(dims::shim::Redirected(path).c_str(), mode);
}

}  // extern "C"
