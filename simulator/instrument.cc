#include "simulator/instrument.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "proto/hash.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

using Clock = PtyLine::Clock;
using Seconds = std::chrono::duration<double>;

constexpr double kUnheardBytesPerSecond = 100000;  // 1 Mbaud
constexpr std::size_t kLargestPiece = 4096;
// A line that was held up (a stalled reader, a busy machine) makes up for at most so much.
constexpr std::chrono::milliseconds kCatchUp(50);
// A reader that has just opened the line still has to set it.
constexpr std::chrono::milliseconds kSettle(200);
// More than a pty holds: reports that ended earlier in the stream have been taken.
constexpr std::uint64_t kPtyHolds = 1 << 20;
constexpr Clock::time_point kNever = Clock::time_point::max();

Clock::duration ToClock(absl::Duration duration) {
  return std::chrono::duration_cast<Clock::duration>(absl::ToChronoNanoseconds(duration));
}

// A report under way or sent. first_written and end_written count in bytes given to the line.
struct Send {
  std::uint64_t sequence = 0;
  std::string sample, file, sha256;
  std::uint64_t size = 0, said = 0, discarded = 0, first_written = 0, end_written = 0;
  absl::Time begin, end;
};

class Run {
 public:
  Run(const InstrumentOptions& options, PtyLine& line, Journal& journal)
      : options_(options), line_(line), journal_(journal), random_(options.seed) {}

  absl::Status All(const NextPrintout& next) {
    Note(Event("started").Text("line", line_.slave_path()).Number("baud", options_.baud));
    spdlog::info("{}: on {}, {}", options_.name, line_.slave_path(),
                 options_.paced ? std::to_string(options_.baud) + " baud" : "as fast as it is read");
    if (options_.wait_for_reader) {
      while (Going() && !line_.has_reader()) Attend(kNever);
      WaitUntil(Clock::now() + kSettle);
    }
    for (std::uint64_t i = 0; Going() && (options_.count == 0 || i < options_.count); ++i) {
      if (i > 0) WaitUntil(Clock::now() + ToClock(options_.gap));
      if (!Going()) break;
      absl::StatusOr<Printout> printout = next(options_.first + i);
      if (!printout.ok()) return printout.status();
      const bool pauses = options_.pause_every > 0 && (i + 1) % options_.pause_every == 0;
      SendOne(options_.first + i, *std::move(printout), pauses);
    }
    if (Going()) WaitUntilTaken(kNever);
    if (options_.linger) WaitUntil(kNever);
    Stop();
    return status_;
  }

 private:
  bool Going() const { return status_.ok() && !line_.stopped(); }
  JournalLine Event(absl::string_view event) const { return JournalLine(event, options_.name, absl::Now()); }
  void Note(const JournalLine& line) { status_.Update(journal_.Write(line)); }

  // Waits until `until` or until something happens, and sees what the reader did.
  void Attend(Clock::time_point until, bool for_room = false) {
    line_.Wait(until == kNever ? Clock::now() + std::chrono::hours(1) : until, for_room);
    Look();
  }

  void WaitUntil(Clock::time_point until) {
    while (Going() && Clock::now() < until) Attend(until);
  }

  void Look() {
    const PtyLine::Change change = line_.Look();
    if (change.closed) {
      Unsay(change.left_unread);
      Note(Event("closed").Number("left_unread", change.left_unread));
      spdlog::info("{}: the line was closed", options_.name);
    }
    if (change.opened) NoteSettings("opened");
    if (change.settings && !change.opened) NoteSettings("settings");
  }

  void NoteSettings(absl::string_view event) {
    const LineSettings s = line_.Settings();
    Note(Event(event)
             .Number("baud", s.baud)
             .Number("bits", s.bits)
             .Text("parity", s.parity)
             .Number("stop", s.stop_bits)
             .Text("flow", s.flow));
    spdlog::info("{}: {}: {} baud, {} bits, parity {}, stop bits {}, flow control {}", options_.name,
                 event == "opened" ? "the line was opened" : "the reader set the line", s.baud, s.bits, s.parity,
                 s.stop_bits, s.flow);
    if (options_.paced && s.baud != 0 && s.baud != options_.baud) {
      spdlog::warn("{}: the reader set {} baud, this instrument speaks {}; on a real line it would read garbage",
                   options_.name, s.baud, options_.baud);
    }
  }

  // The last `count` bytes given to the line went nowhere.
  void Unsay(std::uint64_t count) {
    const std::uint64_t from = written_ - std::min(count, written_);
    for (Send& sent : sent_) {
      const std::uint64_t lost = sent.end_written - std::clamp(from, sent.first_written, sent.end_written);
      sent.end_written -= lost;  // counted once
      if (lost == 0) continue;
      Note(Event("discarded").Number("sequence", sent.sequence).Text("sample", sent.sample).Number("size", lost));
    }
    if (current_) {
      const std::uint64_t end = in_report_ ? written_ : current_->end_written;
      current_->discarded += end - std::clamp(from, current_->first_written, end);
      current_->first_written = std::min(current_->first_written, from);
    }
    written_ = from;
  }

  JournalLine About(absl::string_view event, const Send& send) const {
    JournalLine line = Event(event);
    line.Number("sequence", send.sequence)
        .Text("sample", send.sample)
        .Text("sha256", send.sha256)
        .Number("size", send.size)
        .Text("file", send.file);
    return line;
  }

  void SendOne(std::uint64_t sequence, Printout printout, bool pauses) {
    const absl::string_view bytes = printout.bytes;
    const absl::string_view report = bytes.substr(printout.begin, printout.end - printout.begin);
    const absl::string_view lead = bytes.substr(0, printout.begin), tail = bytes.substr(printout.end);
    SendBytes(lead);
    if (!Going()) return;
    current_ = Send{.sequence = sequence,
                    .sample = printout.sample,
                    .file = printout.file,
                    .sha256 = absl::BytesToHexString(Sha256::Of(report)),
                    .size = report.size(),
                    .first_written = written_,
                    .begin = absl::Now()};
    in_report_ = true;
    Note(About("sending", *current_));
    const std::size_t stop = pauses ? random_() % std::max<std::size_t>(1, report.size()) : report.size();
    SendBytes(report.substr(0, stop));
    if (pauses) WaitUntil(Clock::now() + ToClock(options_.pause));
    SendBytes(report.substr(stop));
    in_report_ = false;
    current_->end_written = written_;
    if (!Going()) return;  // what is left in current_ is unfinished
    current_->end = absl::Now();
    Note(About("sent", *current_)
             .Number("discarded", current_->discarded)
             .Time("begin", current_->begin)
             .Time("end", current_->end));
    spdlog::debug("{}: sent {} \"{}\"", options_.name, sequence, printout.sample);
    sent_.push_back(*std::move(current_));
    current_.reset();
    while (sent_.front().end_written + kPtyHolds < written_) sent_.pop_front();
    SendBytes(tail);
  }

  // Pieces go out when the last of their bytes would be through the cable.
  void SendBytes(absl::string_view bytes) {
    free_at_ = std::max(free_at_, Clock::now());
    while (!bytes.empty() && Going()) {
      Look();
      const double rate = options_.paced ? options_.baud / 10.0 : line_.has_reader() ? 0 : kUnheardBytesPerSecond;
      std::size_t piece = std::min(bytes.size(), kLargestPiece);
      if (rate > 0) {
        piece = std::clamp<std::size_t>(static_cast<std::size_t>(rate / 100), 1, piece);
        free_at_ = std::max(free_at_, Clock::now() - kCatchUp) +
                   std::chrono::duration_cast<Clock::duration>(Seconds(piece / rate));
        WaitUntil(free_at_);
      }
      GiveToLine(bytes.substr(0, piece));
      bytes.remove_prefix(piece);
    }
  }

  void GiveToLine(absl::string_view piece) {
    while (!piece.empty() && Going()) {
      if (!line_.has_reader()) {
        if (in_report_) {
          current_->discarded += piece.size();
          current_->said += piece.size();
        }
        return;
      }
      const absl::StatusOr<std::size_t> size = line_.Write(piece);
      status_.Update(size.status());
      if (!size.ok()) return;
      written_ += *size;
      if (in_report_) current_->said += *size;
      piece.remove_prefix(*size);
      if (!piece.empty()) Attend(kNever, true);
    }
  }

  // Until the reader has taken everything or is gone.
  void WaitUntilTaken(Clock::time_point until) {
    const bool was_stopped = line_.stopped();
    int empty = 0;
    while (status_.ok() && line_.has_reader() && empty < 2 && Clock::now() < until && line_.stopped() == was_stopped) {
      empty = line_.Untaken() == 0 ? empty + 1 : 0;
      Attend(std::min(until, Clock::now() + std::chrono::milliseconds(20)));
    }
  }

  void Stop() {
    // Closing the line takes away what the reader has not read: it gets a moment, then the rest is counted.
    WaitUntilTaken(Clock::now() + kSettle);
    Unsay(line_.TakeBack());
    JournalLine stopped = Event("stopped");
    if (current_) {
      stopped.Number("unfinished", current_->sequence)
          .Text("sample", current_->sample)
          .Number("said", current_->said)
          .Number("discarded", current_->discarded);
    }
    Note(stopped);
    spdlog::info("{}: stopped{}", options_.name, current_ ? " in the middle of a report" : "");
  }

  const InstrumentOptions& options_;
  PtyLine& line_;
  Journal& journal_;
  std::mt19937_64 random_;
  absl::Status status_;
  Clock::time_point free_at_{};
  std::uint64_t written_ = 0;  // bytes given to the line and not taken back
  std::optional<Send> current_;
  bool in_report_ = false;  // the bytes that are written now belong to current_
  std::deque<Send> sent_;
};

}  // namespace

absl::Status RunInstrument(const InstrumentOptions& options, const NextPrintout& next, PtyLine& line,
                           Journal& journal) {
  return Run(options, line, journal).All(next);
}

}  // namespace dims
