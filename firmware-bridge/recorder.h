// Writes down a dialogue as it happens, as a transcript (drivers/transcript.h).
//
// What: bytes and times in; transcript lines out; with a driver, its replies go to the instrument and stand there as
//   bridge:, its reports as report:, as they happened.
// Promise: the transcript, played to the same driver, gives the same answers and reports: time passes in it (wait:)
//   as far as it matters, and the driver's timers run by the transcript's own clock. Errors of the line stand there as
//   comments: bytes alone cannot repeat them.
// Units: uptime. The transcript's clock is at most 200 ms behind, so a timer may run out that much early.
// Errors: what the instrument does not take is a comment.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_RECORDER_H_
#define DIMS_FIRMWARE_BRIDGE_RECORDER_H_

#include <functional>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/driver.h"
#include "drivers/parser.h"
#include "drivers/transcript.h"
#include "firmware-bridge/port.h"

namespace dims {

struct RecordedDriver {
  const Driver* driver = nullptr;                             // none: only what the instrument says is written down
  std::vector<std::pair<std::string, std::string>> settings;  // as given; must be good for the driver
};

class Recorder {
 public:
  Recorder(const RecordedDriver& driver, absl::string_view title, std::ostream& out,
           std::function<absl::Status(absl::string_view)> write, absl::Duration now);

  void Take(const Received& received, absl::Duration now);
  // Runs what is due.
  void Tick(absl::Duration now);
  // Nothing more comes, and why.
  void Finish(absl::string_view why);

 private:
  void Advance(absl::Duration now);
  void Hear(ParserEvent event);
  void Write(TranscriptStep step);
  void Comment(absl::string_view text);
  void Flush();

  std::ostream& out_;
  const std::function<absl::Status(absl::string_view)> write_;
  const std::function<void(ParserEvent)> sink_;
  std::optional<Parser> parser_;
  absl::Duration written_;  // the transcript's clock
  absl::Duration last_heard_;
  bool quiet_ = true;                     // the parser knows that nothing has come for a while
  std::string heard_;                     // not written yet
  std::map<int, absl::Duration> timers_;  // by the transcript's clock
  std::uint64_t padding_ = 0;             // passed over since the last padding:
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECORDER_H_
