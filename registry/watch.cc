#include "registry/watch.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "registry/archive_reader.h"
#include "registry/watch_table.h"

namespace dims {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(250);
constexpr int64_t kLatestRecords = 100;  // to begin with
constexpr int kRecordsAtOnce = 16;       // a long read would keep the registry's log from being reused

bool WriteAll(absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The signals that Watch acts on, as long as it lives: blocked, and taken one at a time.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGWINCH}) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  // Zero: none came within `most`.
  int Wait(absl::Duration most) const {
    const timespec time = absl::ToTimespec(most);
    const int signal = sigtimedwait(&set_, nullptr, &time);
    return signal < 0 ? 0 : signal;
  }

 private:
  sigset_t set_, before_;
};

// The terminal while a page is on it: the other screen, no cursor, no echo of what is typed.
class Screen {
 public:
  Screen() { Enter(); }
  ~Screen() { Leave(); }

  void Enter() {
    termios quiet{};
    has_settings_ = tcgetattr(STDIN_FILENO, &settings_) == 0;
    quiet = settings_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (has_settings_) tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
    WriteAll("\x1b[?1049h\x1b[?25l");
  }
  void Leave() {
    WriteAll("\x1b[?25h\x1b[?1049l");
    if (has_settings_) tcsetattr(STDIN_FILENO, TCSADRAIN, &settings_);
  }
  bool Draw(const std::deque<WatchRow>& rows, absl::string_view footer) {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) size = {24, 80, 0, 0};
    const std::string page = WatchPage(rows, footer, size.ws_col, size.ws_row);
    // The header in reverse; each line clears what is left of the one before it.
    const std::size_t header = std::min(page.find('\n'), page.size());
    return WriteAll(absl::StrCat("\x1b[H\x1b[7m", page.substr(0, header), "\x1b[0m",
                                 absl::StrReplaceAll(page.substr(header), {{"\n", "\x1b[K\r\n"}}), "\x1b[J"));
  }

 private:
  termios settings_{};
  bool has_settings_ = false;
};

class Watcher {
 public:
  explicit Watcher(std::unique_ptr<ArchiveReader> reader) : reader_(std::move(reader)) {}

  absl::Status Begin() {
    const absl::StatusOr<int64_t> last = reader_->LastPosition();
    if (!last.ok()) return last.status();
    after_ = std::max<int64_t>(0, *last - kLatestRecords);
    return absl::OkStatus();
  }

  // Rows of the records that are new, in order; a few records at a time.
  absl::StatusOr<std::vector<WatchRow>> Look() {
    const absl::StatusOr<std::vector<ArchivedRecord>> records = reader_->Read(after_, kRecordsAtOnce);
    if (absl::IsUnavailable(records.status())) return std::vector<WatchRow>();
    if (!records.ok()) return records.status();
    std::vector<WatchRow> rows;
    for (const ArchivedRecord& record : *records) {
      for (WatchRow& row : WatchRowsOf(record, absl::LocalTimeZone())) rows.push_back(std::move(row));
      after_ = record.position;
    }
    return rows;
  }

  int64_t after() const { return after_; }

 private:
  const std::unique_ptr<ArchiveReader> reader_;
  int64_t after_ = 0;
};

absl::Status WatchPlain(Watcher& watcher, const Signals& signals) {
  if (!WriteAll(absl::StrCat(WatchHeader(), "\n"))) return absl::OkStatus();
  absl::Duration wait = absl::ZeroDuration();
  while (true) {
    const int signal = signals.Wait(wait);
    if (signal == SIGTSTP) raise(SIGSTOP);
    if (signal != 0 && signal != SIGTSTP && signal != SIGWINCH) return absl::OkStatus();
    const absl::StatusOr<std::vector<WatchRow>> rows = watcher.Look();
    if (!rows.ok()) return rows.status();
    for (const WatchRow& row : *rows) {
      if (!WriteAll(absl::StrCat(WatchLine(row), "\n"))) return absl::OkStatus();
    }
    wait = rows->empty() ? kLook : absl::ZeroDuration();
  }
}

absl::Status WatchOnScreen(Watcher& watcher, const Signals& signals) {
  Screen screen;
  std::deque<WatchRow> shown;
  bool draw = true;
  absl::Duration wait = absl::ZeroDuration();
  while (true) {
    const int signal = signals.Wait(wait);
    if (signal == SIGTSTP) {
      screen.Leave();
      raise(SIGSTOP);
      screen.Enter();
    } else if (signal != 0 && signal != SIGWINCH) {
      return absl::OkStatus();
    }
    absl::StatusOr<std::vector<WatchRow>> rows = watcher.Look();
    if (!rows.ok()) return rows.status();
    for (WatchRow& row : *rows) shown.push_back(std::move(row));
    while (shown.size() > kMostRows) shown.pop_front();
    draw = draw || signal != 0 || !rows->empty();
    wait = rows->empty() ? kLook : absl::ZeroDuration();
    // Not before all that is there was read: one page, not hundreds.
    if (!draw || !rows->empty()) continue;
    if (!screen.Draw(shown, absl::StrCat("records in the archive: ", watcher.after(), "; Ctrl-C ends"))) {
      return absl::OkStatus();
    }
    draw = false;
  }
}

}  // namespace

absl::Status Watch(const std::string& database) {
  absl::StatusOr<std::unique_ptr<ArchiveReader>> reader = ArchiveReader::Open(database);
  if (!reader.ok()) return reader.status();
  Watcher watcher(*std::move(reader));
  if (absl::Status status = watcher.Begin(); !status.ok()) return status;
  const Signals signals;
  return isatty(STDOUT_FILENO) ? WatchOnScreen(watcher, signals) : WatchPlain(watcher, signals);
}

}  // namespace dims
