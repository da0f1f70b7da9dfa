// What a simulated instrument says of itself: the ledger against which a laboratory's bridge is judged.
//
// What: one JSON object a line, written before the next thing happens:
//     {"event":"started","instrument":"gcms-1","t":T,"line":"/dev/pts/7","baud":9600}
//     {"event":"opened"|"settings","instrument":..,"t":T,"baud":..,"bits":..,"parity":..,"stop":..,"flow":..}
//     {"event":"closed","instrument":..,"t":T,"left_unread":BYTES}
//     {"event":"sending","instrument":..,"t":T,"sequence":n,"sample":..,"sha256":HEX,"size":BYTES,"file":..}
//     {"event":"sent","instrument":..,"t":T, as sending,"discarded":BYTES,"begin":T,"end":T}
//     {"event":"discarded","instrument":..,"t":T,"sequence":n,"size":BYTES}     of a report that had been sent
//   of a balance's weighings the same, with "value" ("12.3456 g") for "file";
//   of an analyser's messages:
//     {"event":"sending","instrument":..,"t":T,"sequence":n,"sample":..,"attempt":k,"content_sha256":HEX,"size":BYTES,
//      "file":..,"frames":n}                                                     the first frame of an attempt
//     {"event":"frame","instrument":..,"t":T,"sequence":n,"sample":..,"attempt":k,"frame":i,"frames":n}  acknowledged
//     {"event":"acknowledged","instrument":..,"t":T, as sending, without frames}    and may be forgotten
//     {"event":"acknowledgement lost","instrument":..,"t":T}                   by way of trial (lose_ack_every)
//     {"event":"broken off","instrument":..,"t":T,"sequence":n,"sample":..,"attempt":k,"frame":i,"why":..}
//     {"event":"unanswered","instrument":..,"t":T,"sequence":n,"sample":..,"attempt":k,"why":..}   no attempt began
//   of a spectrometer:
//     {"event":"spectrum","instrument":..,"t":T,"sequence":n,"attempt":k,"spoiled":0|1,"size":BYTES}   about to be sent
//     {"event":"sent", as above, without file, with "attempts":k}    what was said of it, once it is not sent again
//   and of each:
//     {"event":"stopped","instrument":..,"t":T}
//     {"event":"stopped","instrument":..,"t":T,"waiting":MESSAGES,"left_unread":BYTES}
//     {"event":"stopped","instrument":..,"t":T,"unfinished":n,"sample":..,"said":BYTES,"discarded":BYTES}
//   T: seconds since 1970 by the wall clock, with milliseconds. sha256 and size are of the report's bytes as sent, or
//   of the message's text, free of frames, with the CR of every record (content_sha256); `attempt`, `frame` and
//   `frames` count from 1; `said` bytes of a report have left the instrument, `discarded` of them went nowhere because
//   nobody had the line open, or closed it before reading them.
// Promise: a line is in the file, whole, when Write returns.
// Errors: with the system's reason: a ledger with holes is worth nothing, so the caller must stop.
// Threads: one.
#ifndef DIMS_SIMULATOR_JOURNAL_H_
#define DIMS_SIMULATOR_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

// One line of the journal.
class JournalLine {
 public:
  JournalLine(absl::string_view event, absl::string_view instrument, absl::Time t);
  JournalLine(absl::string_view event, absl::Time t);                  // of what is no instrument
  JournalLine& Text(absl::string_view name, absl::string_view value);  // bytes that are no UTF-8 become U+FFFD
  JournalLine& Number(absl::string_view name, std::uint64_t value);
  JournalLine& Time(absl::string_view name, absl::Time value);
  std::string Json() const;

 private:
  std::string fields_;
};

class Journal {
 public:
  // Appends to `path`. Empty: keeps no journal.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  absl::Status Write(const JournalLine& line);

 private:
  Journal(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::string path_;
  const int fd_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_JOURNAL_H_
