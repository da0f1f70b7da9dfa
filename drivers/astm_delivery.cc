#include "drivers/astm_delivery.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

using Fault = AstmReceivedFrame::Fault;

Fault FaultOf(const Frame& part, const AstmFrame& read, bool strict) {
  if (part.line_errors.any()) return Fault::kLineError;
  if (!read.ended) return part.bytes.size() == kMostAstmFrame ? Fault::kTooLong : Fault::kNoEnd;
  if (read.sum == AstmFrame::Sum::kLowerCase) return strict ? Fault::kLowerCase : Fault::kNone;
  return read.sum == AstmFrame::Sum::kRight ? Fault::kNone : Fault::kChecksum;
}

// A result record begins in this text.
bool HasResult(absl::string_view text) {
  return absl::StartsWith(text, "R") || absl::StrContains(text, "\rR") || absl::StrContains(text, "\nR");
}

}  // namespace

AstmReceivedFrame JudgeAstmFrame(const Frame& part, const AstmFrame& read, bool strict) {
  AstmReceivedFrame frame;
  frame.number = read.number;
  frame.text = std::string(read.text);
  frame.last = read.last;
  frame.fault = FaultOf(part, read, strict);
  frame.forbidden = read.forbidden;
  frame.lower_case = read.sum == AstmFrame::Sum::kLowerCase;
  frame.unsummed = read.ended && read.sum == AstmFrame::Sum::kMissing;
  frame.at = part.at;
  frame.text_at = part.at + (read.text.data() - part.bytes.data());
  return frame;
}

std::string AstmSequenceMessage(int number, int due) {
  if (number < 0) return "a frame without a number from 0 to 7";
  return absl::StrCat("frame ", number, " stands where frame ", due, " is due");
}

void AstmDelivery::Open(uint64_t at, Events& out) {
  if (std::exchange(open_, true)) return;
  out.push_back(Begin{});
  begin_ = at;
}

void AstmDelivery::Take(const AstmReceivedFrame& frame, bool repeatable, bool ours) {
  if (frame.forbidden) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at,
            "a control character that the standard forbids stands in a frame's text");
  }
  if (repeatable && frame.fault == Fault::kNone) content_ += frame.text;
  if (ours && (frame.lower_case || !frame.line_ended)) ++lenient_;
  const bool cut = frame.fault == Fault::kNoEnd || frame.fault == Fault::kTooLong;
  message_->TakeText(frame.text, frame.text_at, frame.last || cut, cut);
}

void AstmDelivery::TakeBare(absl::string_view record, uint64_t at, bool cut, bool repeatable) {
  if (repeatable) absl::StrAppend(&content_, record, cut ? "" : "\r");
  message_->TakeRecord(record, at, cut);
}

void AstmDelivery::SayUnrepaired(const AstmReceivedFrame& frame, int due) {
  unrepaired_ = true;
  switch (frame.fault) {
    case Fault::kNone:
      return;
    case Fault::kLineError:
      spoiled_ = true;
      return;
    case Fault::kNoEnd:
      Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, frame.at, "a frame without its end");
      return;
    case Fault::kTooLong:
      Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, frame.at,
              absl::StrCat("no frame end within ", kMostAstmFrame, " bytes"));
      return;
    case Fault::kChecksum:
      Problem(dims::v1::PROBLEM_TYPE_CHECKSUM, frame.at,
              "a frame's checksum is not that of its bytes, and it was not repaired");
      return;
    case Fault::kLowerCase:
      Problem(dims::v1::PROBLEM_TYPE_CHECKSUM, frame.at, "a frame's checksum has lower-case digits");
      return;
    case Fault::kNoLineEnd:
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "a frame without CR LF after its checksum");
      return;
    case Fault::kSequence:
      Problem(dims::v1::PROBLEM_TYPE_SEQUENCE, frame.at, AstmSequenceMessage(frame.number, due));
      return;
  }
}

void AstmDelivery::SayNoise() {
  Problem(dims::v1::PROBLEM_TYPE_NOISE, begin_, absl::StrCat(noise_, " bytes outside any frame"));
}

bool AstmDelivery::Close(End::Where where, uint64_t mark_at, bool repeats, Events& out) {
  // Of a message that was cut, only what could be counted twice matters.
  if (!repeats || !(message_->complete() || HasResult(content_))) content_.clear();
  const bool repeatable = !content_.empty();
  dims::v1::Report report = std::move(*message_).Finish();
  if (unrepaired_) report.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
  report.set_lenient_frames(lenient_);
  out.push_back(End{std::move(report), where, !spoiled_, std::move(content_)});
  Drop();
  open_ = where == End::kMark;
  if (open_) begin_ = mark_at;
  return repeatable;
}

void AstmDelivery::Drop() {
  open_ = false;
  message_.emplace(reading_);
  content_.clear();
  lenient_ = 0;
  spoiled_ = unrepaired_ = bare_ = false;
  noise_ = 0;
}

}  // namespace dims
