#include "simulator/analyser.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/escaping.h"
#include "proto/hash.h"
#include "simulator/line_end.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

// What the ledger says of a message.
struct Sent {
  std::string sample, file, content_sha256;
  std::uint64_t size = 0;
};

class Run final : LineEnd {
 public:
  Run(const InstrumentOptions& options, const AnalyserOptions& analyser, PtyLine& line, Journal& journal)
      : LineEnd(options.name, options.baud, options.paced, line, journal),
        options_(options),
        analyser_(analyser),
        sender_(analyser.sender) {}

  absl::Status All(const NextMessage& next) {
    Begin(options_.wait_for_reader);
    next_measured_ = Clock::now();
    while (Going()) {
      Measure(next);
      sender_.Pass(Now());
      NoteEvents();
      if (const std::string bytes = sender_.Say(); !bytes.empty()) {
        Say(bytes);
        sender_.Said(Now());
        continue;
      }
      if (AllMeasured() && sender_.idle()) break;
      Attend(std::min(FromSender(sender_.due()), MayMeasure() ? next_measured_ : kNever));
    }
    if (Going()) WaitUntilTaken(kNever);
    if (options_.linger) WaitUntil(kNever);
    Stop();
    return status();
  }

 private:
  void OnClosed(std::uint64_t) override {}  // it does not notice
  void OnHeard(absl::string_view bytes) override {
    if (LosesAck(bytes)) return Note(Event("acknowledgement lost"));
    sender_.Hear(bytes, Now());
    NoteEvents();
  }
  void OnSaid(std::size_t, bool) override {}

  bool LosesAck(absl::string_view bytes) {
    constexpr char kAck = 0x06;
    return analyser_.lose_ack_every > 0 && sender_.awaits_last_answer() && bytes[0] == kAck &&
           ++last_acks_ % analyser_.lose_ack_every == 0;
  }

  absl::Duration Now() const { return absl::FromChrono(Clock::now() - began_); }
  Clock::time_point FromSender(absl::Duration due) const {
    return due == absl::InfiniteDuration() ? kNever : began_ + ToClock(due);
  }
  bool AllMeasured() const { return options_.count > 0 && measured_ == options_.count; }
  bool MayMeasure() const { return !AllMeasured() && sender_.waiting() < kMostWaitingMessages; }

  void Measure(const NextMessage& next) {
    while (Going() && MayMeasure() && Clock::now() >= next_measured_) {
      const std::uint64_t sequence = options_.first + measured_;
      const absl::StatusOr<AstmText> message = next(sequence);
      if (!message.ok()) return Fail(message.status());
      messages_[sequence] = {message->sample, message->file, absl::BytesToHexString(Sha256::Of(message->text)),
                             message->text.size()};
      sender_.Add(sequence, message->text);
      ++measured_;
      next_measured_ = Clock::now() + ToClock(options_.gap);
    }
  }

  JournalLine About(absl::string_view event, const AstmEvent& about) const {
    const Sent& message = messages_.at(about.message);
    JournalLine line = Event(event);
    line.Number("sequence", about.message).Text("sample", message.sample).Number("attempt", about.attempt);
    return line;
  }
  JournalLine InFull(absl::string_view event, const AstmEvent& about) const {
    const Sent& message = messages_.at(about.message);
    JournalLine line = About(event, about);
    line.Text("content_sha256", message.content_sha256).Number("size", message.size).Text("file", message.file);
    return line;
  }

  void NoteEvents() {
    for (const AstmEvent& event : sender_.TakeEvents()) {
      switch (event.kind) {
        case AstmEvent::Kind::kBegun:
          Note(InFull("sending", event).Number("frames", event.frames));
          break;
        case AstmEvent::Kind::kFrame:
          Note(About("frame", event).Number("frame", event.frame).Number("frames", event.frames));
          break;
        case AstmEvent::Kind::kAcknowledged:
          Note(InFull("acknowledged", event));
          spdlog::debug("{}: message {} was acknowledged", name(), event.message);
          messages_.erase(event.message);
          break;
        case AstmEvent::Kind::kBrokenOff:
          Note(About("broken off", event).Number("frame", event.frame).Text("why", event.why));
          spdlog::info("{}: message {} was broken off at frame {} of {}: {}; it is kept and sent again", name(),
                       event.message, event.frame, event.frames, event.why);
          break;
        case AstmEvent::Kind::kUnanswered:
          Note(About("unanswered", event).Text("why", event.why));
          break;
      }
    }
  }

  void Stop() {
    const std::uint64_t left_unread = TakeBack();
    Note(Event("stopped").Number("waiting", sender_.waiting()).Number("left_unread", left_unread));
    spdlog::info("{}: stopped, {} messages are not acknowledged", name(), sender_.waiting());
  }

  const InstrumentOptions& options_;
  const AnalyserOptions& analyser_;
  const Clock::time_point began_ = Clock::now();
  AstmSender sender_;
  std::uint64_t last_acks_ = 0;  // of last frames, lost ones included
  std::uint64_t measured_ = 0;
  Clock::time_point next_measured_;
  std::map<std::uint64_t, Sent> messages_;  // those not acknowledged, by sequence number
};

}  // namespace

absl::Status RunAnalyser(const InstrumentOptions& options, const AnalyserOptions& analyser, const NextMessage& next,
                         PtyLine& line, Journal& journal) {
  return Run(options, analyser, line, journal).All(next);
}

}  // namespace dims
