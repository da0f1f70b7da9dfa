// ASTM E1381 / CLSI LIS01-A, receiver, with the records of E1394 / LIS02-A: clinical analysers and immunoassay readers.
//
// ENQ opens a session, frames carry records, EOT ends it; a message is H to L, and the frame that holds its L is
// acknowledged with the message's report. A frame with a wrong checksum, a wrong number or line errors is refused, and
// what was refused and sent again is forgotten. A sender that goes on after a refusal (with the next frame, or with EOT
// after one sending) takes the frame for delivered: then what it held is kept, with its problem, and so is all that
// follows, but nothing more is acknowledged. That is also how a capture of somebody else's session reads.
//
// Without ENQ nothing is answered, as the standard asks; what comes is kept all the same: frames, and bare records.
// Right after a start they may be those of a session from before: then they come again, because they were not answered.
//
// One changed bit can make a letter of a frame's text an ENQ or EOT. An ACK to such an ENQ would pass for the frame's
// own, so inside a frame both wait until the line has been quiet.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/astm_delivery.h"
#include "drivers/astm_link.h"
#include "drivers/astm_records.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"

namespace dims {
namespace {

using Fault = AstmReceivedFrame::Fault;

constexpr int kReceiverTimer = 0;
constexpr int kQuietTimer = 1;
constexpr int kAnswerTimer = 2;
constexpr absl::Duration kQuiet = absl::Seconds(1);  // the sender waits 15 s for an answer
// An EOT that comes later than this after the last frame may mean that its answer never arrived.
constexpr absl::Duration kHeardWithin = absl::Seconds(10);
constexpr std::size_t kMostReport = 1024 * 1024;  // no message is longer than this less one frame
constexpr std::size_t kMostReportHeap = 6 * kMostReport;

int After(int number) { return (number + 1) % 8; }

constexpr char kFrameEnds[] = {kEtx, kEtb, '\0'};

AstmReading ReadingOf(const Options& options) {
  AstmReading reading;
  reading.encoding = EncodingOf(options);
  reading.value_component = static_cast<int>(options.Integer("value_component"));
  reading.label_component = static_cast<int>(options.Integer("label_component"));
  if (const std::string& place = options.Text("sample_number"); place == "patient_id") {
    reading.sample = {.record = 'P', .field = 4, .component = 0};
  } else if (place != "order") {  // "O3.2": the letter of a record, a field, a component
    reading.by_standard = false;
    reading.sample = {place[0], place[1] - '0', place[3] - '0'};
  }
  if (options.Text("technique") == "immunoassay") reading.technique = dims::v1::TECHNIQUE_IMMUNOASSAY;
  return reading;
}

class Astm final : public Decoder {
 public:
  explicit Astm(const Options& options)
      : idle_(options.Duration("idle_timeout")),
        strict_(options.Text("checksum") == "strict"),
        delivery_(ReadingOf(options)) {}

  void OnFrame(const Frame& frame, Events& out) override {
    here_ = frame.at + frame.bytes.size();
    const char head = frame.bytes[0];
    const bool control = head == kEnq || head == kEot || head == kAck || head == kNak;
    if (control || head == kStx) cut_line_ = false;
    if (head == kStx) {
      TakeFrame(frame, out);
    } else if (control && frame.line_errors.any()) {
      delivery_.CountNoise(delivery_.open() ? 1 : 0);  // a character with a line error in it is none of these
    } else if (control) {
      TakeControl(head, frame.at, out);
    } else {
      TakeText(frame, out);
    }
    Bound(End::kThrough, out);
  }

  void OnTimer(int timer, uint64_t at, Events& out) override {
    if (timer == kAnswerTimer) {
      late_ = true;
    } else if (suspect_ != 0) {
      CarryOutSuspect(at, out);
    } else if (pending_) {
      if (strict_ && pending_->fault == Fault::kNone) pending_->fault = Fault::kNoLineEnd;
      Settle(End::kThrough, true, out);
    } else if (timer == kReceiverTimer) {
      if (delivery_.open()) Abandon(Ending::kInterrupted, at, out);
      GoNeutral(out);
    }
  }

  void OnClose(Ending why, uint64_t at, Events& out) override {
    suspect_ = 0;
    if (pending_) Settle(End::kThrough, false, out);
    if (delivery_.open()) Abandon(why, at, out);
  }

 private:
  // kOverheard: a session in which the sender went on after a refusal.
  enum class Mode { kNeutral, kSession, kOverheard };

  // --- what arrives

  void TakeFrame(const Frame& frame, Events& out) {
    Interlude(frame.at, true, out);
    const AstmFrame read = ReadAstmFrame(frame.bytes);
    if (!read.ended && mode_ == Mode::kNeutral && !IsAstmRecord(read.text)) return;  // noise
    delivery_.Open(frame.at, out);
    // Another message may begin with it.
    if (absl::StartsWith(read.text, "H") || held_) {
      out.push_back(Mark{});
      mark_at_ = frame.at;
    }
    framed_ = true;
    pending_ = JudgeAstmFrame(frame, read, strict_);
    out.push_back(Arm{kQuietTimer, kQuiet});
    if (frame.bytes.back() == '\n') SettleAtLineEnd(out);
  }

  void TakeControl(char control, uint64_t at, Events& out) {
    if (control == kAck || control == kNak) {
      if (pending_ && pending_->fault != Fault::kNone) {
        pending_->followed = true;
        return;
      }
      Interlude(at, true, out);
      if (!delivery_.open()) out.push_back(Pass{});
      return;
    }
    if (suspect_ == 0 && mode_ != Mode::kNeutral && pending_ &&
        (pending_->fault == Fault::kNoEnd || pending_->unsummed) && !pending_->followed) {
      suspect_ = control;
      suspect_at_ = at;
      // Where a frame that is held may yet end a message, the one that waits may begin another: that mark stands.
      if (control == kEnq && (!held_ || mode_ == Mode::kSession)) {
        out.push_back(Mark{});
        mark_at_ = at;
      }
      out.push_back(Arm{kQuietTimer, kQuiet});
      return;
    }
    // A sender that is past a refused frame waits for no answer to it.
    Interlude(at, pending_ && pending_->fault == Fault::kNone, out);
    if (control == kEot && mode_ == Mode::kSession && !late_ && !held_) SayHeard(out);
    if (control == kEnq) {
      if (delivery_.open() && (delivery_.message().begun() || held_)) GiveUp(at, End::kBefore, out);
      delivery_.Open(at, out);
      StartSession(out);
      return;
    }
    if (!delivery_.open() || Silent()) {
      out.push_back(Pass{});
      delivery_.Drop();
    } else {
      GiveUp(at, End::kThrough, out);
    }
    GoNeutral(out);
  }

  void TakeText(const Frame& frame, Events& out) {
    absl::string_view line = absl::StripTrailingAsciiWhitespace(frame.bytes);
    absl::ConsumePrefix(&line, "\xef\xbb\xbf");
    absl::ConsumePrefix(&line, "\x01");  // the whole link of some instruments: SOH, the records, EOT
    const bool whole = frame.bytes.back() == '\r' || frame.bytes.back() == '\n';
    const bool continued = std::exchange(cut_line_, !whole);
    const bool record =
        !continued && IsAstmRecord(line) && line.size() > 1 &&
        (delivery_.bare() || (line[1] == '|' && std::none_of(line.begin(), line.end(), absl::ascii_iscntrl)));
    const bool bare = record && mode_ == Mode::kNeutral;
    if (bare && pending_ && pending_->fault == Fault::kNone) Settle(End::kBefore, false, out);
    if (pending_) {
      if (!line.empty()) {
        pending_->followed = true;
        suspect_ = 0;  // text goes on after it: it was damage
      }
      // What stands where a checksum's last digit should be, before the frame's own line end, was that digit.
      if (pending_->unsummed && frame.bytes.back() == '\n') suspect_ = 0;
      if (suspect_ != 0) return;
      if (frame.bytes.back() == '\n') {
        SettleAtLineEnd(out);
      } else {
        out.push_back(Arm{kQuietTimer, kQuiet});
      }
      return;
    }
    // In a session, records without frames are taken only where nothing can have been damaged to look like them.
    if (bare || (record && mode_ == Mode::kSession && !framed_ && (line[0] == 'H' || delivery_.bare()))) {
      TakeBareRecord(frame, line, whole, out);
    } else if (delivery_.bare() && !line.empty() && !continued) {
      if (frame.line_errors.any()) delivery_.Spoil();
      delivery_.Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "this line is no record");
    } else if (delivery_.open() && !line.empty()) {
      delivery_.CountNoise(frame.bytes.size());
    }
  }

  void TakeBareRecord(const Frame& frame, absl::string_view line, bool whole, Events& out) {
    if (midway_) {  // it may be the rest of a frame, with that one's end in it
      const absl::string_view text = line.substr(0, line.find_first_of(kFrameEnds));
      whole &= text.size() == line.size();
      line = text;
    }
    if (held_) TakeHeld(End::kBefore, out);  // nothing will repair it
    if (delivery_.open() && line[0] == 'H' && delivery_.message().begun()) GiveUp(frame.at, End::kBefore, out);
    delivery_.Open(frame.at, out);
    if (!delivery_.bare() && (framed_ || mode_ != Mode::kNeutral)) {
      delivery_.Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "records outside any frame");
    }
    delivery_.set_bare(true);
    if (frame.line_errors.any()) delivery_.Spoil();
    if (frame.bytes.size() == kMostAstmFrame) {
      delivery_.Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, frame.at,
                        absl::StrCat("no line end within ", kMostAstmFrame, " bytes"));
    }
    delivery_.TakeBare(line, frame.at, !whole, midway_);
    if (delivery_.message().complete()) Close(End::kThrough, out);
    if (mode_ == Mode::kNeutral) {
      out.push_back(Arm{kReceiverTimer, delivery_.open() || midway_ ? idle_ : absl::ZeroDuration()});
    }
  }

  // --- frames

  // What waited for quiet, and the frame that waited for its line end, stand before what is at hand now.
  void Interlude(uint64_t at, bool answer, Events& out) {
    if (suspect_ != 0) CarryOutSuspect(at, out);
    if (pending_) Settle(End::kBefore, answer, out);
  }

  void CarryOutSuspect(uint64_t at, Events& out) {
    const char control = std::exchange(suspect_, 0);
    Settle(End::kBefore, false, out);
    const bool marked = control == kEnq && mark_at_ == suspect_at_;
    if (delivery_.open()) GiveUp(marked ? mark_at_ : at, marked ? End::kMark : End::kBefore, out);
    if (control == kEnq) {
      StartSession(out);
    } else {
      GoNeutral(out);
    }
  }

  void SettleAtLineEnd(Events& out) {
    pending_->line_ended = true;
    Settle(End::kThrough, true, out);
  }

  void Settle(End::Where where, bool answer, Events& out) {
    const AstmReceivedFrame frame = *std::exchange(pending_, std::nullopt);
    out.push_back(Arm{kQuietTimer, absl::ZeroDuration()});
    const bool accepted = Receive(frame, where, out);
    Bound(where, out);
    if (mode_ == Mode::kNeutral) {
      out.push_back(Arm{kReceiverTimer, delivery_.open() || midway_ ? idle_ : absl::ZeroDuration()});
    } else if (answer) {
      out.push_back(Reply{std::string(1, accepted ? kAck : kNak), std::string(1, kNak)});
      out.push_back(Arm{kReceiverTimer, idle_});
      late_ = false;
      if (unheard_) out.push_back(Arm{kAnswerTimer, kHeardWithin});
    }
  }

  // Whether the frame is to be acknowledged, were it for us.
  bool Receive(AstmReceivedFrame frame, End::Where where, Events& out) {
    const bool good = frame.fault == Fault::kNone;
    // Outside a session, a message that was sent twice begins with the same frame twice.
    if (good && frame.number == last_number_ && frame.text == last_text_ &&
        (mode_ != Mode::kNeutral || !absl::StartsWith(frame.text, "H"))) {
      return mode_ == Mode::kSession;
    }
    if (mode_ == Mode::kSession) {
      if (good && frame.number != After(last_number_)) frame.fault = Fault::kSequence;
      if (frame.fault == Fault::kNone) {
        held_.reset();
        SayHeard(out);  // the frame before it, that is
        Accept(frame, where, out);
        return true;
      }
      if (!held_ || !WentOn(frame)) {
        Hold(std::move(frame));
        return false;
      }
      mode_ = Mode::kOverheard;
      frame.fault = Fault::kNone;
    }
    if (held_ && held_->number >= 0 && held_->number == frame.number) {
      held_.reset();
    } else if (held_) {
      TakeHeld(mark_at_ == frame.at ? End::kMark : where, out);
    }
    if (frame.fault != Fault::kNone) {
      Hold(std::move(frame));
      return false;
    }
    if (last_number_ >= 0 && frame.number != After(last_number_)) {
      delivery_.Problem(dims::v1::PROBLEM_TYPE_SEQUENCE, frame.at,
                        AstmSequenceMessage(frame.number, After(last_number_)));
    }
    Accept(frame, where, out);
    return false;
  }

  // The sender has sent this intact frame after the one that was refused, not that one again.
  bool WentOn(const AstmReceivedFrame& frame) const {
    if (frame.fault != Fault::kSequence || frame.number < 0) return false;
    const bool known = held_->fault == Fault::kSequence || held_->fault == Fault::kNoLineEnd;  // the number it had
    return frame.number == After(held_->number) || (!known && frame.number == After(After(last_number_)));
  }

  void Hold(AstmReceivedFrame frame) {
    sendings_ = held_ && held_->number == frame.number ? sendings_ + 1 : 1;
    held_ = std::move(frame);
  }

  // True where that completed the message, as with Accept.
  bool TakeHeld(End::Where where, Events& out) {
    const AstmReceivedFrame frame = *std::exchange(held_, std::nullopt);
    delivery_.SayUnrepaired(frame, After(last_number_));
    return Accept(frame, where, out);
  }

  bool Accept(const AstmReceivedFrame& frame, End::Where where, Events& out) {
    last_number_ = frame.number;
    last_text_ = frame.text;
    const AstmMessage& message = delivery_.message();
    if (absl::StartsWith(frame.text, "H") && message.has_records() && !message.in_record() && mark_at_ == frame.at &&
        IsAstmRecord(frame.text) && frame.at > delivery_.begin()) {
      delivery_.Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, frame.at, "another message begins before this one has ended");
      Close(End::kMark, out);
    }
    delivery_.Take(frame, mode_ == Mode::kSession || midway_, mode_ == Mode::kSession);
    if (!delivery_.message().complete()) return false;
    Close(where, out);
    return true;
  }

  // --- reports and sessions

  bool Silent() const { return delivery_.Silent() && !held_; }

  // The message ends here, whole or not.
  void GiveUp(uint64_t at, End::Where where, Events& out) {
    if (TakeUnrepaired(where, out)) return;
    if (delivery_.message().begun()) {
      delivery_.Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "the message was ended before it was complete");
    } else {
      delivery_.SayNoise();
    }
    Close(where, out);
  }

  void Abandon(Ending why, uint64_t at, Events& out) {
    if (Silent()) {
      out.push_back(Pass{});
      delivery_.Drop();
      return;
    }
    if (TakeUnrepaired(End::kThrough, out)) return;
    AddEnding(why, at);
    Close(End::kThrough, out);
  }

  // What grows too long is closed in parts; the session goes on.
  void Bound(End::Where where, Events& out) {
    const std::size_t most = kMostReport - (pending_ ? 2048 : kMostAstmFrame + 4096);
    const bool long_enough = here_ - delivery_.begin() > most;
    if (!delivery_.open() || !(long_enough || delivery_.message().heap() > kMostReportHeap)) return;
    if (pending_ && !long_enough) return;
    suspect_ = 0;
    pending_.reset();
    held_.reset();
    delivery_.Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, here_, "longer than the driver's limit for one report");
    Close(where, out);
  }

  void AddEnding(Ending why, uint64_t at) {
    dims::v1::Report ending;
    AddEndingProblem(ending, why, at);
    delivery_.Problem(ending.problems(0).type(), at, ending.problems(0).message());
  }

  // The refused frame that nothing came after: the sender who sent it once may take it for delivered; the one who was
  // refused again and again knows.
  bool TakeUnrepaired(End::Where where, Events& out) {
    if (!held_) return false;
    if (mode_ != Mode::kSession || sendings_ == 1) return TakeHeld(where, out);
    delivery_.SayUnrepaired(*std::exchange(held_, std::nullopt), After(last_number_));
    return false;
  }

  void Close(End::Where where, Events& out) {
    // Who goes on after a refusal repeats nothing.
    const bool repeats = mode_ != Mode::kOverheard && (!delivery_.bare() || midway_);
    const bool repeatable = delivery_.Close(where, mark_at_, repeats, out);
    unheard_ = mode_ == Mode::kSession && repeatable;
  }

  void SayHeard(Events& out) {
    if (!std::exchange(unheard_, false)) return;
    out.push_back(Heard{});
    out.push_back(Arm{kAnswerTimer, absl::ZeroDuration()});
  }

  // What the sender has not heard by the end of a session, it repeats.
  void ForgetUnheard(Events& out) {
    if (std::exchange(unheard_, false)) out.push_back(Arm{kAnswerTimer, absl::ZeroDuration()});
    late_ = false;
  }

  void StartSession(Events& out) {
    ForgetUnheard(out);
    midway_ = false;
    mode_ = Mode::kSession;
    last_number_ = 0;
    last_text_.reset();
    framed_ = false;
    delivery_.set_bare(false);
    out.push_back(Reply{std::string(1, kAck), std::string(1, kNak)});
    out.push_back(Arm{kReceiverTimer, idle_});
  }

  void GoNeutral(Events& out) {
    ForgetUnheard(out);
    midway_ = false;
    mode_ = Mode::kNeutral;
    last_number_ = -1;
    last_text_.reset();
    held_.reset();
    framed_ = false;
    out.push_back(Arm{kReceiverTimer, absl::ZeroDuration()});
  }

  const absl::Duration idle_;
  const bool strict_;

  Mode mode_ = Mode::kNeutral;
  bool midway_ = true;                        // the sender may be in a session that this receiver does not know of
  int last_number_ = -1;                      // of the last frame that was taken
  std::optional<std::string> last_text_;      // its text
  bool framed_ = false;                       // a frame has come in this session
  std::optional<AstmReceivedFrame> pending_;  // waits for its line end
  std::optional<AstmReceivedFrame> held_;     // refused, not repaired yet
  int sendings_ = 0;                          // of held_
  char suspect_ = 0;                          // an ENQ or EOT right after a frame without end
  uint64_t suspect_at_ = 0;
  bool cut_line_ = false;  // the last text had no line end

  uint64_t here_ = 0;     // after what is at hand
  bool unheard_ = false;  // nothing shows yet that the sender has heard that the last message was received
  bool late_ = false;     // its answer is long out

  uint64_t mark_at_ = 0;
  AstmDelivery delivery_;
};

constexpr OptionSpec kOptions[] = {
    kEncodingOption,
    {.name = "checksum",
     .type = OptionSpec::Type::kChoice,
     .choices = "strict|lenient",
     .default_value = "strict",
     .help = "lenient also accepts lower-case digits, and no CR LF after them"},
    {.name = "value_component",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = 20,
     .default_value = "0",
     .help = "which component of a result's value is the value, from 1; 0: the one that is a number"},
    {.name = "label_component",
     .type = OptionSpec::Type::kInteger,
     .minimum = 1,
     .maximum = 20,
     .default_value = "4",
     .help = "which component of a test's id names what was measured, from 1; the standard has the maker's code in the "
             "fourth"},
    {.name = "sample_number",
     .type = OptionSpec::Type::kChoice,
     .choices = "order|patient_id|O3.1|O3.2|O3.3|O3.4|O4.1|O4.2|O4.3|O4.4|P3.1|P3.2|P4.1|P4.2",
     .default_value = "order",
     .help = "where the sample's number stands. order: in the order, as the standard has it (O3.1, else O4.1). "
             "patient_id: as order, and where that names none, the laboratory's id in the patient record. O3.2: in the "
             "order's field 3, component 2, and nowhere else; and so on"},
    {.name = "technique",
     .type = OptionSpec::Type::kChoice,
     .choices = "unspecified|immunoassay",
     .default_value = "unspecified",
     .help = "what this instrument measures by"},
    {.name = "idle_timeout",
     .type = OptionSpec::Type::kDuration,
     .minimum = 1000,
     .maximum = 3600000,
     .default_value = "30s",
     .help = "receiver's timer from each answer on; longer where a line is slow and frames are long"},
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<Astm>(options); }

}  // namespace

extern const Driver astm_driver;
const Driver astm_driver = {
    .name = "astm",
    .title = "ASTM E1381/E1394 (CLSI LIS01-A/LIS02-A): clinical analysers, immunoassay readers",
    .version = "3",
    .line = {},
    .scan = ScanAstm,
    .max_frame = kMostAstmFrame + 1,
    .max_report = kMostReport,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
