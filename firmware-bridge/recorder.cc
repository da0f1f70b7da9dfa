#include "firmware-bridge/recorder.h"

#include <google/protobuf/text_format.h>

#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "firmware-bridge/noise_quota.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

using Kind = TranscriptStep::Kind;

constexpr absl::Duration kWorthALine = absl::Milliseconds(200);
constexpr std::size_t kMostHeard = 4096;

TranscriptStep Step(Kind kind, std::string text = "") {
  TranscriptStep step;
  step.kind = kind;
  step.text = std::move(text);
  return step;
}

absl::string_view NameOf(LineMark::Kind kind) {
  switch (kind) {
    case LineMark::kParityOrFraming:
      return "a parity or framing error in";
    case LineMark::kBreak:
      return "a break as";
    case LineMark::kOverrun:
      return "bytes lost by the hardware (overrun) at";
  }
  return "";
}

// Without what the bytes above say themselves, and what changes with each release of the driver.
std::string TextOf(dims::v1::Report report) {
  report.clear_raw_sha256();
  report.clear_driver_version();
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(report, &text);
  // The printer escapes the controls of ASCII alone; the others are harmless to it, not to a terminal.
  return Escaped(absl::StripSuffix(text, "\n"));
}

}  // namespace

Recorder::Recorder(const RecordedDriver& driver, absl::string_view title, std::ostream& out,
                   std::function<absl::Status(absl::string_view)> write, absl::Duration now)
    : out_(out),
      write_(std::move(write)),
      sink_([this](ParserEvent event) { Hear(std::move(event)); }),
      written_(now),
      last_heard_(now) {
  Comment(title);
  out_.flush();
  if (driver.driver == nullptr) return;
  Comment(absl::StrCat("driver ", driver.driver->name, " ", driver.driver->version));
  for (const auto& [name, value] : driver.settings) {
    TranscriptStep step = Step(Kind::kOption, value);
    step.name = name;
    Write(std::move(step));
  }
  parser_.emplace(*driver.driver, Options::Parse(driver.driver->options, driver.settings).value());
  parser_->Open(sink_);
  out_.flush();
}

void Recorder::Take(const Received& received, absl::Duration now) {
  Advance(now);
  for (const LineMark& mark : received.marks) {
    Flush();
    Comment(absl::StrCat("the line reported ", NameOf(mark.kind), " byte ", mark.offset + 1, " of what comes next"));
  }
  heard_ += received.bytes;
  last_heard_ = now;
  quiet_ = false;
  if (parser_) parser_->Feed(received.bytes, sink_, received.marks);
  if (heard_.size() >= kMostHeard) Flush();
}

void Recorder::Tick(absl::Duration now) {
  for (const auto& [timer, due] : timers_) {
    if (due > now) continue;
    Advance(now);
    break;
  }
  if (now - last_heard_ >= kWorthALine) Flush();
  if (!parser_ || quiet_ || now - last_heard_ < parser_->QuietAfter()) return;
  quiet_ = true;
  const std::uint64_t before = padding_;
  parser_->Quiet(sink_);
  if (padding_ == before) return;
  // Whoever plays the transcript sees here that nothing came for a while; noise: tells by itself.
  TranscriptStep step = Step(Kind::kPadding);
  step.size = std::exchange(padding_, 0);
  Write(std::move(step));
}

// Lets time pass in the transcript, where it is worth a line or a timer is due.
void Recorder::Advance(absl::Duration now) {
  const absl::Duration passed = absl::Trunc(now - written_, absl::Milliseconds(1));
  const absl::Duration until = written_ + passed;
  const auto next = [&] {
    auto due = timers_.end();
    for (auto it = timers_.begin(); it != timers_.end(); ++it) {
      if (it->second <= until && (due == timers_.end() || it->second < due->second)) due = it;
    }
    return due;
  };
  if (passed <= absl::ZeroDuration() || (passed < kWorthALine && next() == timers_.end())) return;
  TranscriptStep step = Step(Kind::kWait);
  step.wait = passed;
  Write(std::move(step));
  for (auto due = next(); due != timers_.end(); due = next()) {
    written_ = due->second;
    const int timer = due->first;
    timers_.erase(due);
    parser_->Timer(timer, sink_);
  }
  written_ = until;
}

void Recorder::Hear(ParserEvent event) {
  if (const Arm* arm = std::get_if<Arm>(&event)) {
    timers_.erase(arm->timer);
    if (arm->after > absl::ZeroDuration()) timers_[arm->timer] = written_ + arm->after;
  } else if (const Padding* padding = std::get_if<Padding>(&event)) {
    padding_ += padding->end - padding->begin;
  } else if (const Said* said = std::get_if<Said>(&event)) {
    const bool noise = IsNoise(said->report);
    TranscriptStep step = Step(noise ? Kind::kNoise : Kind::kReport, noise ? "" : TextOf(said->report));
    step.size = said->end - said->begin;
    Write(std::move(step));
  } else if (Reply* reply = std::get_if<Reply>(&event)) {
    const absl::Status sent = write_(reply->bytes);
    Write(Step(Kind::kBridge, std::move(reply->bytes)));
    if (!sent.ok()) Comment(absl::StrCat("not sent: ", sent.message()));
  }
}

void Recorder::Finish(absl::string_view why) {
  Flush();
  const std::uint64_t open = parser_ ? parser_->fed() - parser_->pending_from() : 0;
  if (open > 0) Comment(absl::StrCat("the last ", open, " bytes are in no report yet"));
  Comment(why);
  out_.flush();
}

// What the instrument said stands before what came of it.
void Recorder::Write(TranscriptStep step) {
  Flush();
  out_ << WriteTranscript({"", {std::move(step)}});
}

void Recorder::Comment(absl::string_view text) { Write(Step(Kind::kComment, absl::CHexEscape(text))); }

void Recorder::Flush() {
  if (heard_.empty()) return;
  out_ << WriteTranscript({"", {Step(Kind::kInstrument, std::exchange(heard_, ""))}});
  out_.flush();
}

}  // namespace dims
