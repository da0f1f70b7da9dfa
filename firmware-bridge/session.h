// One instrument on one port: where bytes, time and disk meet.
//
// What: takes what arrived, runs the driver's Parser over it, turns what the parser says into a SessionBatch for the
//   store, and carries out replies once that batch is on disk.
// Promise: the order is: bytes in the intake, report in a record, both on disk, then the reply. If the store refuses,
//   the reply's `instead` goes out and the session is again exactly what the disk says (the open intake is replayed
//   with replies suppressed); bytes of an instrument that waits for no answer are kept and offered again. A report that
//   was cut by a hang-up or a crash is INTERRUPTED, never joined with what comes next. A message that comes again
//   because the instrument may not have heard its acknowledgement names the record it repeats, or those that hold parts
//   of it. While the store has only its reserve left, an instrument is told to keep its routine results, and a line
//   that cannot be told is held back in memory. What a line sends outside reports beyond its quota is not kept, but
//   counted and summed up, and a record says so. What a scanner reads is the sample number of the reports of its bench
//   that have none of their own (SampleScans), once it is on disk.
// Units: positions count all bytes this instrument ever sent through this store.
// Errors: a port that does not take a reply is logged; the instrument's own protocol repeats.
// Threads: one at a time (the Bench's); time is given, never read.
#ifndef DIMS_FIRMWARE_BRIDGE_SESSION_H_
#define DIMS_FIRMWARE_BRIDGE_SESSION_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/driver.h"
#include "drivers/parser.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/noise_quota.h"
#include "firmware-bridge/normalize.h"
#include "firmware-bridge/sample_scans.h"
#include "firmware-bridge/store.h"

namespace dims {

// What happened on a line, or is to happen there.
struct Arrival {
  enum class Kind { kBytes, kOpened, kClosed, kLost, kOrder };
  Kind kind = Kind::kBytes;
  Moment at;
  std::string bytes;            // kBytes; kOrder: the order's name
  std::vector<LineMark> marks;  // kBytes: errors the hardware reported in them
  uint64_t lost = 0;            // kLost: bytes that found no room
};

struct SessionSetup {
  const Driver* driver = nullptr;
  Options options;
  Locality locality;
  // Who, for every report's source: laboratory, bridge, instrument, configuration, version.
  dims::v1::Source source;
  dims::v1::Origin origin = dims::v1::ORIGIN_UNSPECIFIED;
  uint64_t noise_quota = std::numeric_limits<uint64_t>::max();  // bytes a day (NoiseQuota)
  std::function<dims::v1::ClockState()> clock;
  // Says how urgent a report is (assess.h). Absent: none is.
  std::function<void(dims::v1::Report&)> assess;
  // Of its bench; nullptr: it belongs to none. Must outlive the session. A scanner's scans hold for the window.
  SampleScans* scans = nullptr;
  absl::Duration scan_window;
  // Writes to the instrument's port.
  std::function<absl::Status(absl::string_view)> write;
};

class Session {
 public:
  // Reads from the store where this instrument stands; a report that was open when the bridge last stopped becomes part
  // of the first batch, as INTERRUPTED.
  Session(SessionSetup setup, Store& store, Moment now);

  void Take(const Arrival& arrival);
  // Runs the timers that are due.
  void Tick(Moment now);
  // Uptime at which the next timer is due; infinite if none is.
  absl::Duration NextTimer() const;

  // What must reach the disk next; nullptr if nothing. The batch stays pending until Committed or Refused. Bytes that
  // were sent to the instrument ride along; `all` asks for them even alone.
  const SessionBatch* Pending(bool all = false) const;
  // The pending batch is on disk, at `now`: carries out its replies.
  void Committed(Moment now);
  // The store did not take the pending batch.
  void Refused(const absl::Status& why, Moment now);
  // Bytes of what must reach the disk.
  std::size_t Waiting() const;
  // Nothing more is to come: what was summed up and not said yet joins the batch.
  void Finish() { SayWithheld(); }

  const std::string& name() const { return setup_.source.instrument(); }
  absl::Span<const OrderSpec> orders() const { return setup_.driver->orders; }
  // What it reads must be on disk before the other instruments of its bench are heard.
  bool is_scanner() const { return setup_.driver->says_what_comes_next; }

 private:
  void Rebuild(Moment now);
  void Replay(const std::vector<IntakeEntry>& entries, Moment now);
  void Handle(ParserEvent event, Moment now, bool replaying);
  void Opened(Moment now);
  void Ordered(const std::string& order, Moment now);
  void Closed(Moment now);
  void Run(int timer, ParserSink sink);
  void WatchForQuiet(Moment now);
  void Append(Said said, Moment first, Moment last);
  SampleScans* scans() const { return is_scanner() ? setup_.scans : nullptr; }  // that this scanner tells
  void TellScans(const Said& said, absl::Duration at);
  bool IsDeferrable() const;
  bool IsUndecided() const;
  void WatchQuota(Moment now);
  void Withhold(uint64_t begin, uint64_t end, const dims::v1::LineErrors& errors, Moment now);
  void SayWithheld();
  void MarkRepeat(absl::string_view content, dims::v1::Report& report);
  void Enter(IntakeEntry::Kind kind, absl::Time time, std::string bytes);
  void Received(const Arrival& arrival);
  void Remember(uint64_t offset, Moment time);
  void Forget(uint64_t end);
  Moment TimeOf(uint64_t offset) const;

  const SessionSetup setup_;
  Store& store_;
  std::unique_ptr<Parser> parser_;
  std::map<int, absl::Duration> timers_;  // by uptime: no step of the wall clock fires or stops one
  // When the open bytes arrived; offsets ascend. The uptime is infinite where it is not known any more.
  std::deque<std::pair<uint64_t, Moment>> times_;
  SessionBatch batch_;          // not on disk yet
  std::vector<Reply> replies_;  // owed once batch_ is
  bool answered_ = false;       // this instrument waits for answers
  bool whole_ = false;          // a payload of batch_ is whole: no cut report, no noise
  NoiseQuota quota_;
  bool flood_said_ = false;  // that the quota is used up has been logged
  uint64_t lost_after_ = 0;
  uint64_t lost_ = 0;       // bytes that found no room since the last report
  bool held_back_ = false;  // the store takes nothing, and that has been said
  Moment last_arrival_;
  absl::Duration replied_;  // uptime when the last reply went out
  bool unsaid_ = false;     // the last reply did not go out
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_SESSION_H_
