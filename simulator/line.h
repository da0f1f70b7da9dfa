// A serial line that is not there: a pseudo-terminal that behaves like the cable of an instrument.
//
// What: the instrument's end of a pty; the reader opens the other end under a path of the caller's choice (a symlink).
// Promise: what was written is in the reader's hands, or is counted by Look() as left unread: bytes that lie in the
//   line when the reader closes it go nowhere, as on a real line. Nothing is dropped while the reader has it open.
//   The link is replaced atomically, and removed by the destructor if it is still ours.
// Errors: with the system's reason and the path.
// Threads: one. No signal handlers, no sleeping: Wait returns when something happens.
// Source: pty(7), tty_ioctl(4), inotify(7). A pty forces 8 bits and no parity; a reader that sets TIOCEXCL and is not
//   root shuts out every later opener of the same pty, itself included.
#ifndef DIMS_SIMULATOR_LINE_H_
#define DIMS_SIMULATOR_LINE_H_

#include <termios.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dims {

// What the reader has set.
struct LineSettings {
  int baud = 0;  // 0: a rate without a name
  int bits = 8;
  std::string parity = "none";  // "none", "even", "odd"
  int stop_bits = 1;
  std::string flow = "none";  // "none", "rts-cts", "xon-xoff", "rts-cts,xon-xoff"

  bool operator==(const LineSettings&) const = default;
};

class PtyLine {
 public:
  using Clock = std::chrono::steady_clock;

  // `link`: where the reader finds the line; empty: nowhere but slave_path(). `baud`: what the line is set to before
  // a reader sets it. `stop`: a descriptor that becomes readable when waiting must end; -1 for none.
  static absl::StatusOr<std::unique_ptr<PtyLine>> Open(const std::string& link, int baud, int stop);
  ~PtyLine();
  PtyLine(const PtyLine&) = delete;
  PtyLine& operator=(const PtyLine&) = delete;

  // "/dev/pts/7"
  const std::string& slave_path() const { return slave_path_; }

  // What the reader did since the last call. If both are set, it closed first and opened again.
  struct Change {
    bool closed = false, opened = false;
    bool settings = false;        // Settings() has changed
    std::size_t left_unread = 0;  // with `closed`: so many of the bytes written last went nowhere
    std::string heard;            // what it wrote, also before it closed
  };
  Change Look();
  bool has_reader() const { return has_reader_; }
  bool stopped() const { return stopped_; }

  LineSettings Settings() const { return settings_; }

  // Gives the line as much as it takes now; returns how much that is. Call only with a reader.
  absl::StatusOr<std::size_t> Write(absl::string_view bytes);

  // Returns at `until`, or earlier when the reader did something, when Write has room (if `for_room`), or at a stop.
  void Wait(Clock::time_point until, bool for_room);

  // Bytes that were written and that the reader has not taken yet.
  std::size_t Untaken();
  // Takes them back; returns how many there were.
  std::size_t TakeBack();

 private:
  PtyLine(int master, std::string slave_path, int stop);
  int OpenSlave();
  absl::Status MakeLink(const std::string& link);
  void CloseSlave(int slave);
  bool ReadWatch();
  void ReadSettings();

  const int master_, stop_;
  const std::string slave_path_;
  std::string link_;
  int watch_ = -1;                 // inotify of opens and closes; -1 where there is none
  bool closed_meanwhile_ = false;  // the watch saw a close since the last Look
  bool has_reader_ = false, stopped_ = false;
  LineSettings settings_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_LINE_H_
