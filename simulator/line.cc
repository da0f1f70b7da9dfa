#include "simulator/line.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr std::pair<speed_t, int> kSpeeds[] = {
    {B50, 50},         {B75, 75},         {B110, 110},       {B134, 134},       {B150, 150},        {B200, 200},
    {B300, 300},       {B600, 600},       {B1200, 1200},     {B1800, 1800},     {B2400, 2400},      {B4800, 4800},
    {B9600, 9600},     {B19200, 19200},   {B38400, 38400},   {B57600, 57600},   {B115200, 115200},  {B230400, 230400},
    {B460800, 460800}, {B500000, 500000}, {B576000, 576000}, {B921600, 921600}, {B1000000, 1000000}};

// How often a line without a reader is looked at where the watch does not tell.
constexpr std::chrono::milliseconds kLookAgain(20);

// Of a reader that talks without end, at one look.
constexpr std::size_t kMostHeard = 1 << 16;

LineSettings ToSettings(const termios& t) {
  LineSettings settings;
  for (const auto& [speed, baud] : kSpeeds) {
    if (cfgetospeed(&t) == speed) settings.baud = baud;
  }
  constexpr std::pair<tcflag_t, int> kBits[] = {{CS5, 5}, {CS6, 6}, {CS7, 7}, {CS8, 8}};
  for (const auto& [flag, bits] : kBits) {
    if ((t.c_cflag & CSIZE) == flag) settings.bits = bits;
  }
  if (t.c_cflag & PARENB) settings.parity = t.c_cflag & PARODD ? "odd" : "even";
  settings.stop_bits = t.c_cflag & CSTOPB ? 2 : 1;
  const bool hardware = t.c_cflag & CRTSCTS, software = t.c_iflag & (IXON | IXOFF);
  settings.flow = hardware && software ? "rts-cts,xon-xoff" : hardware ? "rts-cts" : software ? "xon-xoff" : "none";
  return settings;
}

bool HasInput(int fd) {
  pollfd input{fd, POLLIN, 0};
  // poll() also moves what the kernel still holds ahead of the line discipline; FIONREAD alone would overlook that.
  return poll(&input, 1, 0) == 1 && (input.revents & POLLIN) != 0;
}

}  // namespace

PtyLine::PtyLine(int master, std::string slave_path, int stop)
    : master_(master), stop_(stop), slave_path_(std::move(slave_path)) {}

absl::StatusOr<std::unique_ptr<PtyLine>> PtyLine::Open(const std::string& link, int baud, int stop) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (master < 0) return absl::ErrnoToStatus(errno, "cannot make a pseudo-terminal (is /dev/pts mounted?)");
  char path[64];
  if (grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, path, sizeof(path)) != 0) {
    const int error = errno;
    close(master);
    return absl::ErrnoToStatus(error, "cannot set up a pseudo-terminal");
  }
  std::unique_ptr<PtyLine> line(new PtyLine(master, path, stop));
  // Opened and closed once, so that the master sees from now on whether anybody has it open.
  const int slave = line->OpenSlave();
  termios t{};
  if (slave < 0 || tcgetattr(slave, &t) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the pseudo-terminal ", path));
  }
  cfmakeraw(&t);
  for (const auto& [speed, rate] : kSpeeds) {
    if (rate == baud) cfsetspeed(&t, speed);
  }
  tcsetattr(slave, TCSANOW, &t);
  close(slave);
  line->watch_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (line->watch_ >= 0) inotify_add_watch(line->watch_, path, IN_OPEN | IN_CLOSE);
  line->ReadSettings();
  if (absl::Status status = line->MakeLink(link); !status.ok()) return status;
  return line;
}

PtyLine::~PtyLine() {
  char target[64];
  const ssize_t size = link_.empty() ? -1 : readlink(link_.c_str(), target, sizeof(target));
  if (size > 0 && absl::string_view(target, size) == slave_path_) unlink(link_.c_str());
  if (watch_ >= 0) close(watch_);
  close(master_);
}

absl::Status PtyLine::MakeLink(const std::string& link) {
  if (link.empty()) return absl::OkStatus();
  struct stat there;
  if (lstat(link.c_str(), &there) == 0 && !S_ISLNK(there.st_mode)) {
    return absl::AlreadyExistsError(
        absl::StrCat("\"", link, "\" exists and is no symbolic link; choose another --link"));
  }
  const std::string fresh = absl::StrCat(link, ".", getpid(), ".new");
  unlink(fresh.c_str());
  if (symlink(slave_path_.c_str(), fresh.c_str()) != 0 || rename(fresh.c_str(), link.c_str()) != 0) {
    const int error = errno;
    unlink(fresh.c_str());
    return absl::ErrnoToStatus(error, absl::StrCat("cannot make the link \"", link, "\""));
  }
  link_ = link;
  return absl::OkStatus();
}

int PtyLine::OpenSlave() {
  closed_meanwhile_ = ReadWatch() || closed_meanwhile_;
  return open(slave_path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
}

void PtyLine::CloseSlave(int slave) {
  close(slave);
  ReadWatch();  // what the watch has to tell now is of our own making
}

void PtyLine::ReadSettings() {
  termios t{};
  if (tcgetattr(master_, &t) == 0) settings_ = ToSettings(t);  // a pty's master answers for its slave
}

// Whether somebody closed the slave since the last call. Between two looks a reader may close and open again, and only
// the watch sees that.
bool PtyLine::ReadWatch() {
  bool closed = false;
  alignas(inotify_event) char events[4096];
  ssize_t size;
  while (watch_ >= 0 && (size = read(watch_, events, sizeof(events))) > 0) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, events + at, sizeof(event));
      closed = closed || (event.mask & IN_CLOSE) != 0;
      at += sizeof(event) + event.len;
    }
  }
  return closed;
}

PtyLine::Change PtyLine::Look() {
  Change change;
  const bool closed_meanwhile = ReadWatch() || closed_meanwhile_;
  closed_meanwhile_ = false;
  pollfd look{master_, POLLIN, 0};
  poll(&look, 1, 0);
  if (look.revents & POLLIN) {
    char bytes[1024];
    ssize_t size;
    while (change.heard.size() < kMostHeard && (size = read(master_, bytes, sizeof(bytes))) > 0) {
      change.heard.append(bytes, size);
    }
  }
  const bool open_now = (look.revents & POLLHUP) == 0;
  change.closed = has_reader_ && (!open_now || closed_meanwhile);
  change.opened = open_now && (!has_reader_ || closed_meanwhile);
  has_reader_ = open_now;
  if (change.closed && !open_now) change.left_unread = TakeBack();
  const LineSettings before = settings_;
  ReadSettings();
  change.settings = !(settings_ == before);
  return change;
}

absl::StatusOr<std::size_t> PtyLine::Write(absl::string_view bytes) {
  const ssize_t size = write(master_, bytes.data(), bytes.size());
  if (size >= 0) return size;
  if (errno == EAGAIN || errno == EINTR) return 0;
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot write to ", slave_path_));
}

void PtyLine::Wait(Clock::time_point until, bool for_room) {
  Clock::duration left = std::max(Clock::duration::zero(), until - Clock::now());
  // Without a reader, the master is in hang-up all the time and poll() would return at once.
  if (!has_reader_) left = std::min<Clock::duration>(left, kLookAgain);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  timespec timeout{};
  timeout.tv_sec = whole.count();
  timeout.tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - whole).count();
  pollfd fds[] = {{stopped_ ? -1 : stop_, POLLIN, 0},
                  {has_reader_ ? master_ : -1, static_cast<short>(POLLIN | (for_room ? POLLOUT : 0)), 0},
                  {watch_, POLLIN, 0}};
  ppoll(fds, 3, &timeout, nullptr);
  if (fds[0].revents != 0) stopped_ = true;
}

std::size_t PtyLine::Untaken() {
  const int slave = OpenSlave();
  if (slave < 0) return 0;  // a reader with TIOCEXCL: nobody else can tell
  int size = 0;
  if (HasInput(slave)) ioctl(slave, FIONREAD, &size);
  CloseSlave(slave);
  return size;
}

std::size_t PtyLine::TakeBack() {
  const int slave = OpenSlave();
  if (slave < 0) return 0;
  termios t{};
  if (tcgetattr(slave, &t) == 0 && (t.c_lflag & ICANON) != 0) {
    cfmakeraw(&t);  // else only whole lines could be read
    tcsetattr(slave, TCSANOW, &t);
  }
  std::size_t total = 0;
  char bytes[4096];
  while (HasInput(slave)) {
    const ssize_t size = read(slave, bytes, sizeof(bytes));
    if (size <= 0) break;
    total += size;
  }
  CloseSlave(slave);
  return total;
}

}  // namespace dims
