// An instrument's end of a line: what printers and analysers have in common.
//
// What: says bytes at the line's speed, hears, waits, and journals who has the line open and how it is set.
// Promise: it takes as long as a real line, whether anybody listens or not; what is said while nobody has the line open
//   goes nowhere, and OnSaid is told. A line that was held up makes up for a little of it, not for all.
// Units: pieces go out when the last of their bytes would be through the cable, ten bits a byte.
// Errors: of the journal or the line are kept in status(); nothing is said or waited for any more then.
// Threads: one.
#ifndef DIMS_SIMULATOR_LINE_END_H_
#define DIMS_SIMULATOR_LINE_END_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "simulator/journal.h"
#include "simulator/line.h"

namespace dims {

class LineEnd {
 public:
  using Clock = PtyLine::Clock;
  static constexpr Clock::time_point kNever = Clock::time_point::max();
  // A reader that has just opened the line still has to set it; one that is left gets as long to read the rest.
  static constexpr std::chrono::milliseconds kSettle{200};

  virtual ~LineEnd() = default;
  LineEnd(const LineEnd&) = delete;
  LineEnd& operator=(const LineEnd&) = delete;

  static Clock::duration ToClock(absl::Duration duration) {
    return std::chrono::duration_cast<Clock::duration>(absl::ToChronoNanoseconds(duration));
  }

 protected:
  // `paced`: else as fast as the reader takes it, and as with 1 Mbaud while there is none.
  LineEnd(const std::string& name, int baud, bool paced, PtyLine& line, Journal& journal);

  // The reader closed the line; so many of the bytes given to it last went nowhere.
  virtual void OnClosed(std::uint64_t left_unread) = 0;
  virtual void OnHeard(absl::string_view bytes) = 0;
  // Bytes that were said: the line took them, or (not `heard`) nobody had it open.
  virtual void OnSaid(std::size_t size, bool heard) = 0;

  bool Going() const { return status_.ok() && !line_.stopped(); }
  JournalLine Event(absl::string_view event) const { return JournalLine(event, name_, absl::Now()); }
  void Note(const JournalLine& line) { status_.Update(journal_.Write(line)); }
  void Fail(const absl::Status& status) { status_.Update(status); }
  const absl::Status& status() const { return status_; }
  const std::string& name() const { return name_; }

  // Journals the start; with `wait_for_reader`, returns when the line was opened for the first time and set.
  void Begin(bool wait_for_reader);
  // Waits until `until` or until something happens, and sees what the reader did.
  void Attend(Clock::time_point until, bool for_room = false);
  void WaitUntil(Clock::time_point until);
  void Say(absl::string_view bytes);
  // Until the reader has taken everything or is gone.
  void WaitUntilTaken(Clock::time_point until);
  // Gives the reader a moment, then takes the rest back; returns how much that was.
  std::uint64_t TakeBack();

 private:
  void Look();
  void NoteSettings(absl::string_view event);
  void GiveToLine(absl::string_view piece);

  const std::string& name_;
  const int baud_;
  const bool paced_;
  PtyLine& line_;
  Journal& journal_;
  absl::Status status_;
  Clock::time_point free_at_{};
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_LINE_END_H_
