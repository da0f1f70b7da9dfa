#include "simulator/astm_sender.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims {
namespace {

constexpr char kStx = 0x02, kEtx = 0x03, kEot = 0x04, kEnq = 0x05, kAck = 0x06, kNak = 0x15, kEtb = 0x17;

std::string FrameOf(int number, absl::string_view text, bool last) {
  const std::string body = absl::StrCat(number, text, absl::string_view(last ? &kEtx : &kEtb, 1));
  unsigned sum = 0;
  for (const char c : body) sum += static_cast<unsigned char>(c);
  return absl::StrFormat("%c%s%02X\r\n", kStx, body, sum % 256);
}

std::string CharacterName(char c) {
  return c == kNak ? "NAK" : absl::StrFormat("the character 0x%02X", static_cast<unsigned char>(c));
}

}  // namespace

void AstmSender::Add(std::uint64_t message, absl::string_view text) { queue_.push_back({message, Cut(text)}); }

std::vector<AstmSender::Frame> AstmSender::Cut(absl::string_view text) const {
  std::vector<Frame> frames;
  while (!text.empty()) {
    const std::size_t record_end = text.find('\r');
    const bool one = options_.record_frames && record_end != absl::string_view::npos;
    absl::string_view part = text.substr(0, one ? record_end + 1 : text.size());
    text.remove_prefix(part.size());
    while (!part.empty()) {
      const absl::string_view piece = part.substr(0, options_.frame_text);
      part.remove_prefix(piece.size());
      frames.push_back({std::string(piece), part.empty()});
    }
  }
  if (frames.empty()) frames.push_back({"", true});
  return frames;
}

std::string AstmSender::Say() { return std::exchange(to_say_, std::string()); }

void AstmSender::Speak(std::string bytes) {
  to_say_ = std::move(bytes);
  speaking_ = true;
}

void AstmSender::Said(absl::Duration now) {
  speaking_ = false;
  deadline_ = now + options_.times.answer;
  not_before_ = std::max(not_before_, now + std::exchange(silence_, absl::ZeroDuration()));
}

absl::Duration AstmSender::due() const {
  if (speaking_) return absl::InfiniteDuration();
  if (state_ != State::kNeutral) return deadline_;
  return queue_.empty() ? absl::InfiniteDuration() : not_before_;
}

void AstmSender::Pass(absl::Duration now) {
  if (now < due()) return;
  const std::string silence = absl::StrCat("no answer within ", absl::FormatDuration(options_.times.answer));
  switch (state_) {
    case State::kNeutral:
      contention_ = false;
      sent_ = 0;
      state_ = State::kAsked;
      Speak(std::string(1, kEnq));
      return;
    case State::kAsked:
      Note(AstmEvent::Kind::kUnanswered, silence);
      EndSession(options_.times.busy);
      return;
    case State::kInFrame:
      Note(AstmEvent::Kind::kBrokenOff, silence);
      EndSession(options_.times.busy);
      return;
  }
}

void AstmSender::Hear(absl::string_view bytes, absl::Duration now) {
  for (const char c : bytes) {
    if (speaking_) return;
    switch (state_) {
      case State::kNeutral:
        if (c == kEnq && !contention_) Speak(std::string(1, kNak));
        break;
      case State::kAsked:
        if (c == kAck) {
          number_ = 0;
          BeginMessage();
        } else if (c == kNak || c == kEnq) {
          contention_ = c == kEnq;
          Note(AstmEvent::Kind::kUnanswered, contention_ ? "both sides asked" : "the receiver is busy");
          state_ = State::kNeutral;
          not_before_ = now + (contention_ ? options_.times.contention : options_.times.busy);
        }
        break;
      case State::kInFrame:
        if (c == kAck || c == kEot) {
          TakeAcknowledgement(c == kEot);
        } else if (sends_ < kMostAstmSends) {
          SpeakFrame();
        } else {
          Note(AstmEvent::Kind::kBrokenOff,
               absl::StrCat("frame ", frame_ + 1, " was refused ", sends_, " times, at last with ", CharacterName(c)));
          EndSession(options_.times.busy);
        }
        return;
    }
  }
}

void AstmSender::BeginMessage() {
  state_ = State::kInFrame;
  ++queue_.front().attempts;
  frame_ = 0;
  sends_ = 0;
  number_ = (number_ + 1) % 8;
  Note(AstmEvent::Kind::kBegun);
  SpeakFrame();
}

void AstmSender::SpeakFrame() {
  ++sends_;
  const Frame& frame = queue_.front().frames[frame_];
  Speak(FrameOf(number_, frame.text, frame.last));
}

void AstmSender::TakeAcknowledgement(bool asked_to_stop) {
  const bool stop = asked_to_stop && options_.obey_interrupt;
  Note(AstmEvent::Kind::kFrame);
  if (frame_ + 1 == queue_.front().frames.size()) {
    Note(AstmEvent::Kind::kAcknowledged);
    queue_.pop_front();
    ++sent_;
    if (!stop && !queue_.empty() && sent_ < options_.session_messages) return BeginMessage();
    return EndSession(stop ? options_.times.interrupt : absl::ZeroDuration());
  }
  if (stop) {
    Note(AstmEvent::Kind::kBrokenOff, "the receiver asked to stop");
    return EndSession(options_.times.interrupt);
  }
  ++frame_;
  sends_ = 0;
  number_ = (number_ + 1) % 8;
  SpeakFrame();
}

void AstmSender::EndSession(absl::Duration silence) {
  state_ = State::kNeutral;
  silence_ = silence;
  Speak(std::string(1, kEot));
}

void AstmSender::Note(AstmEvent::Kind kind, std::string why) {
  const Message& message = queue_.front();
  events_.push_back({kind, message.name, message.attempts, frame_ + 1, message.frames.size(), std::move(why)});
}

std::vector<AstmEvent> AstmSender::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace dims
