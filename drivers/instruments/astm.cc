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
#include "drivers/astm_link.h"
#include "drivers/astm_records.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "proto/hash.h"

namespace dims {
namespace {

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

// A result record begins in this text.
bool HasResult(absl::string_view text) {
  return absl::StartsWith(text, "R") || absl::StrContains(text, "\rR") || absl::StrContains(text, "\nR");
}

// Why a frame is refused.
enum class Fault { kNone, kLineError, kNoEnd, kTooLong, kChecksum, kLowerCase, kNoLineEnd, kSequence };

struct Received {
  int number = -1;
  std::string text;
  bool last = false;
  Fault fault = Fault::kNone;
  bool forbidden = false;
  bool lower_case = false, line_ended = false;
  bool unsummed = false;  // it has its end, but not all of its checksum
  uint64_t at = 0, text_at = 0;
  bool followed = false;  // by bytes that are no line end
};

class Astm final : public Decoder {
 public:
  explicit Astm(const Options& options)
      : idle_(options.Duration("idle_timeout")), strict_(options.Text("checksum") == "strict") {
    reading_.encoding = EncodingOf(options);
    reading_.value_component = static_cast<int>(options.Integer("value_component"));
    reading_.sample_in_patient_id = options.Text("sample_number") == "patient_id";
    if (options.Text("technique") == "immunoassay") reading_.technique = dims::v1::TECHNIQUE_IMMUNOASSAY;
    message_.emplace(reading_);
  }

  void OnFrame(const Frame& frame, Events& out) override {
    here_ = frame.at + frame.bytes.size();
    const char head = frame.bytes[0];
    const bool control = head == kEnq || head == kEot || head == kAck || head == kNak;
    if (control || head == kStx) cut_line_ = false;
    if (head == kStx) {
      TakeFrame(frame, out);
    } else if (control && frame.line_errors.any()) {
      noise_ += open_ ? 1 : 0;  // a character with a line error in it is none of these
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
      if (open_) Abandon(Ending::kInterrupted, at, out);
      GoNeutral(out);
    }
  }

  void OnClose(Ending why, uint64_t at, Events& out) override {
    suspect_ = 0;
    if (pending_) Settle(End::kThrough, false, out);
    if (open_) Abandon(why, at, out);
  }

 private:
  // kOverheard: a session in which the sender went on after a refusal.
  enum class Mode { kNeutral, kSession, kOverheard };

  // --- what arrives

  void TakeFrame(const Frame& frame, Events& out) {
    Interlude(frame.at, true, out);
    const AstmFrame read = ReadAstmFrame(frame.bytes);
    if (!read.ended && mode_ == Mode::kNeutral && !IsAstmRecord(read.text)) return;  // noise
    Open(frame.at, out);
    // Another message may begin with it.
    if (absl::StartsWith(read.text, "H") || held_) {
      out.push_back(Mark{});
      mark_at_ = frame.at;
    }
    framed_ = true;
    pending_.emplace();
    pending_->number = read.number;
    pending_->text = std::string(read.text);
    pending_->last = read.last;
    pending_->forbidden = read.forbidden;
    pending_->unsummed = read.ended && read.sum == AstmFrame::Sum::kMissing;
    pending_->lower_case = read.sum == AstmFrame::Sum::kLowerCase;
    pending_->at = frame.at;
    pending_->text_at = frame.at + (read.text.data() - frame.bytes.data());
    pending_->fault = FaultOf(frame, read);
    out.push_back(Arm{kQuietTimer, kQuiet});
    if (frame.bytes.back() == '\n') SettleAtLineEnd(out);
  }

  Fault FaultOf(const Frame& frame, const AstmFrame& read) const {
    if (frame.line_errors.any()) return Fault::kLineError;
    if (!read.ended) return frame.bytes.size() == kMostAstmFrame ? Fault::kTooLong : Fault::kNoEnd;
    if (read.sum == AstmFrame::Sum::kLowerCase) return strict_ ? Fault::kLowerCase : Fault::kNone;
    return read.sum == AstmFrame::Sum::kRight ? Fault::kNone : Fault::kChecksum;
  }

  void TakeControl(char control, uint64_t at, Events& out) {
    if (control == kAck || control == kNak) {
      if (pending_ && pending_->fault != Fault::kNone) {
        pending_->followed = true;
        return;
      }
      Interlude(at, true, out);
      if (!open_) out.push_back(Pass{});
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
      if (open_ && (message_->begun() || held_)) GiveUp(at, End::kBefore, out);
      Open(at, out);
      StartSession(out);
      return;
    }
    if (!open_ || Silent()) {
      out.push_back(Pass{});
      Reset(false);
    } else {
      GiveUp(at, End::kThrough, out);
    }
    GoNeutral(out);
  }

  void TakeText(const Frame& frame, Events& out) {
    absl::string_view line = absl::StripTrailingAsciiWhitespace(frame.bytes);
    absl::ConsumePrefix(&line, "\xef\xbb\xbf");
    const bool whole = frame.bytes.back() == '\r' || frame.bytes.back() == '\n';
    const bool continued = std::exchange(cut_line_, !whole);
    const bool record = !continued && IsAstmRecord(line) && line.size() > 1 &&
                        (bare_ || (line[1] == '|' && std::none_of(line.begin(), line.end(), absl::ascii_iscntrl)));
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
    if (bare || (record && mode_ == Mode::kSession && !framed_ && (line[0] == 'H' || bare_))) {
      TakeBareRecord(frame, line, whole, out);
    } else if (bare_ && !line.empty() && !continued) {
      spoiled_ |= frame.line_errors.any();
      message_->Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "this line is no record");
    } else if (open_ && !line.empty()) {
      noise_ += frame.bytes.size();
    }
  }

  void TakeBareRecord(const Frame& frame, absl::string_view line, bool whole, Events& out) {
    if (midway_) {  // it may be the rest of a frame, with that one's end in it
      const absl::string_view text = line.substr(0, line.find_first_of(kFrameEnds));
      whole &= text.size() == line.size();
      line = text;
    }
    if (held_) TakeHeld(End::kBefore, out);  // nothing will repair it
    if (open_ && line[0] == 'H' && message_->begun()) GiveUp(frame.at, End::kBefore, out);
    Open(frame.at, out);
    if (!std::exchange(bare_, true) && (framed_ || mode_ != Mode::kNeutral)) {
      message_->Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "records outside any frame");
    }
    spoiled_ |= frame.line_errors.any();
    if (frame.bytes.size() == kMostAstmFrame) {
      message_->Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, frame.at,
                        absl::StrCat("no line end within ", kMostAstmFrame, " bytes"));
    }
    if (midway_) absl::StrAppend(&content_, line, whole ? "\r" : "");
    message_->TakeRecord(line, frame.at, !whole);
    if (message_->complete()) Close(End::kThrough, out);
    if (mode_ == Mode::kNeutral) {
      out.push_back(Arm{kReceiverTimer, open_ || midway_ ? idle_ : absl::ZeroDuration()});
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
    if (open_) GiveUp(marked ? mark_at_ : at, marked ? End::kMark : End::kBefore, out);
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
    const Received frame = *std::exchange(pending_, std::nullopt);
    out.push_back(Arm{kQuietTimer, absl::ZeroDuration()});
    const bool accepted = Receive(frame, where, out);
    Bound(where, out);
    if (mode_ == Mode::kNeutral) {
      out.push_back(Arm{kReceiverTimer, open_ || midway_ ? idle_ : absl::ZeroDuration()});
    } else if (answer) {
      out.push_back(Reply{std::string(1, accepted ? kAck : kNak), std::string(1, kNak)});
      out.push_back(Arm{kReceiverTimer, idle_});
      late_ = false;
      if (unheard_) out.push_back(Arm{kAnswerTimer, kHeardWithin});
    }
  }

  // Whether the frame is to be acknowledged, were it for us.
  bool Receive(Received frame, End::Where where, Events& out) {
    const bool good = frame.fault == Fault::kNone;
    const std::string hash = good ? Sha256::Of(frame.text) : std::string();
    // Outside a session, a message that was sent twice begins with the same frame twice.
    if (good && frame.number == last_number_ && hash == last_hash_ &&
        (mode_ != Mode::kNeutral || !absl::StartsWith(frame.text, "H"))) {
      return mode_ == Mode::kSession;
    }
    if (mode_ == Mode::kSession) {
      if (good && frame.number != After(last_number_)) frame.fault = Fault::kSequence;
      if (frame.fault == Fault::kNone) {
        held_.reset();
        SayHeard(out);  // the frame before it, that is
        Accept(frame, hash, where, out);
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
      message_->Problem(dims::v1::PROBLEM_TYPE_SEQUENCE, frame.at, SequenceMessage(frame.number));
    }
    Accept(frame, hash, where, out);
    return false;
  }

  // The sender has sent this intact frame after the one that was refused, not that one again.
  bool WentOn(const Received& frame) const {
    if (frame.fault != Fault::kSequence || frame.number < 0) return false;
    const bool known = held_->fault == Fault::kSequence || held_->fault == Fault::kNoLineEnd;  // the number it had
    return frame.number == After(held_->number) || (!known && frame.number == After(After(last_number_)));
  }

  void Hold(Received frame) {
    sendings_ = held_ && held_->number == frame.number ? sendings_ + 1 : 1;
    held_ = std::move(frame);
  }

  // A refused frame that was never repaired.
  void SayRefused(const Received& frame) {
    switch (frame.fault) {
      case Fault::kNone:
        return;
      case Fault::kLineError:
        spoiled_ = true;
        return;
      case Fault::kNoEnd:
        message_->Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, frame.at, "a frame without its end");
        return;
      case Fault::kTooLong:
        message_->Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, frame.at,
                          absl::StrCat("no frame end within ", kMostAstmFrame, " bytes"));
        return;
      case Fault::kChecksum:
        message_->Problem(dims::v1::PROBLEM_TYPE_CHECKSUM, frame.at,
                          "a frame's checksum is not that of its bytes, and it was not repaired");
        return;
      case Fault::kLowerCase:
        message_->Problem(dims::v1::PROBLEM_TYPE_CHECKSUM, frame.at, "a frame's checksum has lower-case digits");
        return;
      case Fault::kNoLineEnd:
        message_->Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "a frame without CR LF after its checksum");
        return;
      case Fault::kSequence:
        message_->Problem(dims::v1::PROBLEM_TYPE_SEQUENCE, frame.at, SequenceMessage(frame.number));
        return;
    }
  }

  std::string SequenceMessage(int number) const {
    if (number < 0) return "a frame without a number from 0 to 7";
    return absl::StrCat("frame ", number, " stands where frame ", After(last_number_), " is due");
  }

  // True where that completed the message, as with Accept.
  bool TakeHeld(End::Where where, Events& out) {
    const Received frame = *std::exchange(held_, std::nullopt);
    unrepaired_ = true;
    SayRefused(frame);
    return Accept(frame, Sha256::Of(frame.text), where, out);
  }

  bool Accept(const Received& frame, const std::string& hash, End::Where where, Events& out) {
    last_number_ = frame.number;
    last_hash_ = hash;
    if (absl::StartsWith(frame.text, "H") && message_->has_records() && !message_->in_record() &&
        mark_at_ == frame.at && IsAstmRecord(frame.text) && frame.at > open_at_) {
      message_->Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, frame.at, "another message begins before this one has ended");
      Close(End::kMark, out);
    }
    if (frame.forbidden) {
      message_->Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at,
                        "a control character that the standard forbids stands in a frame's text");
    }
    if (frame.fault == Fault::kNone && (mode_ == Mode::kSession || midway_)) content_ += frame.text;
    if (mode_ == Mode::kSession && (frame.lower_case || !frame.line_ended)) ++lenient_;
    const bool cut = frame.fault == Fault::kNoEnd || frame.fault == Fault::kTooLong;
    message_->TakeText(frame.text, frame.text_at, frame.last || cut, cut);
    if (!message_->complete()) return false;
    Close(where, out);
    return true;
  }

  // --- reports and sessions

  void Open(uint64_t at, Events& out) {
    if (std::exchange(open_, true)) return;
    out.push_back(Begin{});
    open_at_ = at;
  }

  // Nothing was said since the report was opened.
  bool Silent() const { return !message_->begun() && !held_ && !spoiled_ && noise_ == 0; }

  // The message ends here, whole or not.
  void GiveUp(uint64_t at, End::Where where, Events& out) {
    if (TakeUnrepaired(where, out)) return;
    if (message_->begun()) {
      message_->Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "the message was ended before it was complete");
    } else {
      message_->Problem(dims::v1::PROBLEM_TYPE_NOISE, open_at_, absl::StrCat(noise_, " bytes outside any frame"));
    }
    Close(where, out);
  }

  void Abandon(Ending why, uint64_t at, Events& out) {
    if (Silent()) {
      out.push_back(Pass{});
      Reset(false);
      return;
    }
    if (TakeUnrepaired(End::kThrough, out)) return;
    AddEnding(why, at);
    Close(End::kThrough, out);
  }

  // What grows too long is closed in parts; the session goes on.
  void Bound(End::Where where, Events& out) {
    const std::size_t most = kMostReport - (pending_ ? 2048 : kMostAstmFrame + 4096);
    if (!open_ || (here_ - open_at_ <= most && message_->heap() <= kMostReportHeap)) return;
    if (pending_ && here_ - open_at_ <= most) return;
    suspect_ = 0;
    pending_.reset();
    held_.reset();
    message_->Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, here_, "longer than the driver's limit for one report");
    Close(where, out);
  }

  void AddEnding(Ending why, uint64_t at) {
    dims::v1::Report ending;
    AddEndingProblem(ending, why, at);
    message_->Problem(ending.problems(0).type(), at, ending.problems(0).message());
  }

  // The refused frame that nothing came after: the sender who sent it once may take it for delivered; the one who was
  // refused again and again knows.
  bool TakeUnrepaired(End::Where where, Events& out) {
    if (!held_) return false;
    if (mode_ != Mode::kSession || sendings_ == 1) return TakeHeld(where, out);
    unrepaired_ = true;
    SayRefused(*std::exchange(held_, std::nullopt));
    return false;
  }

  void Close(End::Where where, Events& out) {
    const bool complete = message_->complete();
    dims::v1::Report report = std::move(*message_).Finish();
    if (unrepaired_) report.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
    report.set_lenient_frames(lenient_);
    // Of a message that was cut, only what could be counted twice matters. And who goes on after a refusal repeats
    // nothing.
    if (!(complete || HasResult(content_)) || mode_ == Mode::kOverheard || (bare_ && !midway_)) content_.clear();
    unheard_ = mode_ == Mode::kSession && !content_.empty();
    out.push_back(End{std::move(report), where, !spoiled_, std::move(content_)});
    Reset(where == End::kMark);
    if (open_) open_at_ = mark_at_;
  }

  void Reset(bool open) {
    open_ = open;
    message_.emplace(reading_);
    content_.clear();
    lenient_ = 0;
    spoiled_ = unrepaired_ = bare_ = false;
    noise_ = 0;
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
    last_hash_.clear();
    framed_ = bare_ = false;
    out.push_back(Reply{std::string(1, kAck), std::string(1, kNak)});
    out.push_back(Arm{kReceiverTimer, idle_});
  }

  void GoNeutral(Events& out) {
    ForgetUnheard(out);
    midway_ = false;
    mode_ = Mode::kNeutral;
    last_number_ = -1;
    last_hash_.clear();
    held_.reset();
    framed_ = false;
    out.push_back(Arm{kReceiverTimer, absl::ZeroDuration()});
  }

  const absl::Duration idle_;
  const bool strict_;
  AstmReading reading_;

  Mode mode_ = Mode::kNeutral;
  bool midway_ = true;               // the sender may be in a session that this receiver does not know of
  int last_number_ = -1;             // of the last frame that was taken
  std::string last_hash_;            // of its text
  bool framed_ = false;              // a frame has come in this session
  std::optional<Received> pending_;  // waits for its line end
  std::optional<Received> held_;     // refused, not repaired yet
  int sendings_ = 0;                 // of held_
  char suspect_ = 0;                 // an ENQ or EOT right after a frame without end
  uint64_t suspect_at_ = 0;
  bool cut_line_ = false;  // the last text had no line end

  uint64_t here_ = 0;     // after what is at hand
  bool unheard_ = false;  // nothing shows yet that the sender has heard that the last message was received
  bool late_ = false;     // its answer is long out

  bool open_ = false;  // a report is
  uint64_t open_at_ = 0, mark_at_ = 0;
  std::string content_;   // the text of the frames that the sender may have to send again
  uint32_t lenient_ = 0;  // of them, those that were not quite as the standard asks
  std::optional<AstmMessage> message_;
  bool spoiled_ = false;     // line errors stand in what was taken
  bool unrepaired_ = false;  // a refused frame was
  bool bare_ = false;        // a record came without a frame
  std::size_t noise_ = 0;    // bytes of the open report outside frames
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
     .help = "which component of a result's value is the value, from 1; 0: the last one that is a number"},
    {.name = "sample_number",
     .type = OptionSpec::Type::kChoice,
     .choices = "order|patient_id",
     .default_value = "order",
     .help = "patient_id: where the order names no specimen, the laboratory's id in the patient record is its number"},
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
    .version = "2",
    .line = {},
    .scan = ScanAstm,
    .max_frame = kMostAstmFrame + 1,
    .max_report = kMostReport,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
