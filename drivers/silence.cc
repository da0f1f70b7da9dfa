#include "drivers/silence.h"

#include <utility>

namespace dims {
namespace {

constexpr int kTimer = 0;

}  // namespace

void SilenceDecoder::OnLine(const TextLine& line, Events& out) {
  if (open_) {
    Take(line, out);
  } else if (!line.text.empty()) {
    open_ = Recognize(line);
    if (open_) {
      out.push_back(Begin{});
      Take(line, out);
    } else {
      out.push_back(Arm{kTimer, end_});
    }
  }
}

void SilenceDecoder::Take(const TextLine& line, Events& out) {
  switch (open_->Take(line)) {
    case TextReport::Verdict::kTaken:
      out.push_back(Arm{kTimer, open_->whole() || !open_->certain() ? end_ : idle_});
      break;
    case TextReport::Verdict::kLast:
      Close(End::kThrough, true, out);
      break;
    case TextReport::Verdict::kFull:
      AddEndingProblem(open_->report(), Ending::kOversize, line.at);
      Close(End::kThrough, false, out);
      OnGivenUp();
      break;
    case TextReport::Verdict::kOther: {
      const bool complete = open_->whole();
      if (!complete) {
        AddProblem(open_->report(), dims::v1::PROBLEM_TYPE_TRUNCATED, line.at,
                   "something else begins before this report has ended");
      }
      Close(End::kBefore, complete, out);
      OnLine(line, out);
      break;
    }
  }
}

void SilenceDecoder::OnTimer(int, uint64_t at, Events& out) {
  if (!open_) {
    OnSilence();
    return;
  }
  const bool complete = open_->whole();
  if (!complete) AddEndingProblem(open_->report(), Ending::kInterrupted, at);
  Close(End::kThrough, complete, out);
  OnSilence();
}

void SilenceDecoder::OnClose(Ending why, uint64_t at, Events& out) {
  if (!open_) return;
  const bool complete = why == Ending::kEndOfInput && open_->whole();
  if (!complete) AddEndingProblem(open_->report(), why, at);
  Close(End::kThrough, complete, out);
}

void SilenceDecoder::Close(End::Where where, bool complete, Events& out) {
  const std::unique_ptr<TextReport> closed = std::exchange(open_, nullptr);
  out.push_back(Arm{kTimer, absl::ZeroDuration()});
  if (!closed->certain()) {
    OnGivenUp();
    out.push_back(Retract{});
    return;
  }
  closed->Finish(complete);
  out.push_back(End{std::move(closed->report()), where});
}

}  // namespace dims
