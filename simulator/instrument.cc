#include "simulator/instrument.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "proto/hash.h"
#include "simulator/line_end.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

// More than a pty holds: reports that ended earlier in the stream have been taken.
constexpr std::uint64_t kPtyHolds = 1 << 20;

// A report under way or sent. first_written and end_written count in bytes given to the line.
struct Send {
  std::uint64_t sequence = 0;
  std::string sample, file, sha256;
  std::uint64_t size = 0, said = 0, discarded = 0, first_written = 0, end_written = 0;
  absl::Time begin, end;
};

class Run final : LineEnd {
 public:
  Run(const InstrumentOptions& options, PtyLine& line, Journal& journal)
      : LineEnd(options.name, options.baud, options.paced, line, journal), options_(options), random_(options.seed) {}

  absl::Status All(const NextPrintout& next) {
    Begin(options_.wait_for_reader);
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
    return status();
  }

 private:
  void OnClosed(std::uint64_t left_unread) override { Unsay(left_unread); }
  void OnHeard(absl::string_view) override {}  // a printer's cable has no ear
  void OnSaid(std::size_t size, bool heard) override {
    if (heard) written_ += size;
    if (!in_report_) return;
    current_->said += size;
    if (!heard) current_->discarded += size;
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
    Say(lead);
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
    Say(report.substr(0, stop));
    if (pauses) WaitUntil(Clock::now() + ToClock(options_.pause));
    Say(report.substr(stop));
    in_report_ = false;
    current_->end_written = written_;
    if (!Going()) return;  // what is left in current_ is unfinished
    current_->end = absl::Now();
    Note(About("sent", *current_)
             .Number("discarded", current_->discarded)
             .Time("begin", current_->begin)
             .Time("end", current_->end));
    spdlog::debug("{}: sent {} \"{}\"", name(), sequence, printout.sample);
    sent_.push_back(*std::move(current_));
    current_.reset();
    while (sent_.front().end_written + kPtyHolds < written_) sent_.pop_front();
    Say(tail);
  }

  void Stop() {
    Unsay(TakeBack());
    JournalLine stopped = Event("stopped");
    if (current_) {
      stopped.Number("unfinished", current_->sequence)
          .Text("sample", current_->sample)
          .Number("said", current_->said)
          .Number("discarded", current_->discarded);
    }
    Note(stopped);
    spdlog::info("{}: stopped{}", name(), current_ ? " in the middle of a report" : "");
  }

  const InstrumentOptions& options_;
  std::mt19937_64 random_;
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
