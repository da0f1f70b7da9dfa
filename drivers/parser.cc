#include "drivers/parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr std::size_t kSlice = 4096;        // taken from a Feed at a time, so that the buffer stays small
constexpr std::size_t kNoiseReport = 4096;  // a stretch of noise this long is reported
constexpr std::size_t kMostLost = 16;

void Add(LineErrorCounts more, LineErrorCounts& sum) {
  sum.parity_or_framing += more.parity_or_framing;
  sum.breaks += more.breaks;
  sum.overruns += more.overruns;
}

bool IsBlank(absl::string_view bytes) {
  return bytes.find_first_not_of(absl::string_view(" \t\r\n\f\v\0", 7)) == absl::string_view::npos;
}

// For a report that its decoder left open.
End Abandoned(Ending why, uint64_t at) {
  End end;
  AddEndingProblem(end.report, why, at);
  return end;
}

}  // namespace

Parser::Parser(const Driver& driver, const Options& options, uint64_t start)
    : driver_(driver), options_(options), decoder_(driver.Make(options)), base_(start) {}

uint64_t Parser::pending_from() const {
  if (open_) return open_->begin;
  return noise_ ? noise_->begin : base_;
}

void Parser::Open(ParserSink sink) {
  Events events;
  decoder_->OnOpen(events);
  Carry(events, {}, {}, sink);
}

void Parser::Feed(absl::string_view bytes, ParserSink sink, absl::Span<const LineMark> marks) {
  std::size_t offset = 0;
  while (!bytes.empty()) {
    const absl::string_view slice = bytes.substr(0, kSlice);
    buffer_.append(slice.data(), slice.size());
    for (; !marks.empty() && marks.front().offset < offset + slice.size(); marks.remove_prefix(1)) {
      flags_.resize(buffer_.size(), 0);
      flags_[buffer_.size() - slice.size() + (marks.front().offset - offset)] |= marks.front().kind;
    }
    offset += slice.size();
    bytes.remove_prefix(slice.size());
    Frames(sink);
    DropConsumed();
  }
}

void Parser::DropConsumed() {
  for (std::optional<Stretch>* stretch : {&open_, &noise_, &since_mark_}) {
    if (*stretch) HashUpTo(base_, **stretch);
  }
  buffer_.erase(0, head_);
  flags_.erase(0, std::min(head_, flags_.size()));
  head_ = 0;
}

// What is not hashed yet has not been dropped from the buffer either.
void Parser::HashUpTo(uint64_t at, Stretch& stretch) const {
  if (at == stretch.hashed) return;
  const uint64_t buffered_from = base_ - head_;
  stretch.hash.Update(absl::string_view(buffer_).substr(stretch.hashed - buffered_from, at - stretch.hashed));
  stretch.hashed = at;
}

void Parser::Frames(ParserSink sink) {
  while (head_ < buffer_.size()) {
    const absl::string_view waiting = absl::string_view(buffer_).substr(head_, driver_.max_frame);
    const Scan scan = driver_.scan(waiting, seen_);
    whole_if_quiet_ = scan.kind == Scan::kMore && scan.size > 0;
    if (scan.kind == Scan::kMore && waiting.size() < driver_.max_frame) {
      seen_ = waiting.size();
      return;
    }
    seen_ = 0;
    if (scan.kind == Scan::kMore) {
      Skip(waiting.size(), sink);
      skipping_ = true;
    } else if (scan.kind == Scan::kNoise || skipping_) {
      // The end of an over-long frame is no frame: a piece of a line could pass for a line.
      skipping_ = skipping_ && scan.kind == Scan::kNoise;
      ClaimHead(scan.size, sink);
    } else {
      Deliver(waiting.substr(0, scan.size), sink);
    }
  }
}

void Parser::Deliver(absl::string_view bytes, ParserSink sink) {
  Frame frame{bytes, {}, base_};
  if (head_ < flags_.size()) frame.line_errors = ErrorsIn(bytes.size());
  decoder_->OnFrame(frame, events_);
  // Most lines only belong to the report that is open.
  if (!events_.empty() || !open_ || frame.line_errors.any()) Carry(events_, bytes, frame.line_errors, sink);
  events_.clear();
  Consume(bytes.size());
  if (open_ && base_ - open_->begin > driver_.max_report) CloseDecoder(Ending::kOversize, sink);
}

void Parser::Skip(std::size_t size, ParserSink sink) {
  const uint64_t at = base_;
  const bool first = !skipping_;
  ClaimHead(size, sink);
  if (first && (open_ || noise_) && lost_.size() < kMostLost) lost_.push_back({at});
  if (open_ && base_ - open_->begin > driver_.max_report) CloseDecoder(Ending::kOversize, sink);
}

// Carries out the events of one frame (or of none) in order; the frame's bytes go where the events say.
void Parser::Carry(Events& events, absl::string_view bytes, const LineErrorCounts& errors, ParserSink sink) {
  bool claimed = false, blank = false;
  for (Event& event : events) {
    if (std::holds_alternative<Begin>(event)) {
      FlushNoise(base_, sink);
      if (open_) CloseReport(Abandoned(Ending::kInterrupted, base_), base_, *std::exchange(open_, std::nullopt), sink);
      open_.emplace(base_);
    } else if (std::holds_alternative<Blank>(event)) {
      blank = true;
    } else if (std::holds_alternative<Mark>(event)) {
      if (open_) HashUpTo(base_, *open_);
      before_mark_ = open_;
      since_mark_.emplace(base_);
    } else if (End* end = std::get_if<End>(&event)) {
      if (!open_) {
        FlushNoise(base_, sink);
        open_.emplace(base_);
      }
      if (end->where == End::kMark && since_mark_) {
        open_ = since_mark_;
        CloseReport(std::move(*end), open_->begin, *std::move(before_mark_), sink);
      } else {
        uint64_t end_at = base_;
        if (end->where == End::kThrough && !claimed) {
          Add(errors, open_->errors);
          claimed = true;
          end_at += bytes.size();
        }
        CloseReport(std::move(*end), end_at, *std::exchange(open_, std::nullopt), sink);
      }
      since_mark_.reset();
      before_mark_.reset();
    } else if (std::holds_alternative<Retract>(event)) {
      if (open_) noise_ = std::exchange(open_, std::nullopt);
      since_mark_.reset();
      before_mark_.reset();
    } else if (std::holds_alternative<Pass>(event)) {
      if (open_ || (!noise_ && !bytes.empty() && !claimed)) {
        sink(Padding{open_ ? open_->begin : base_, base_ + bytes.size()});
        claimed = true;
        open_.reset();
        since_mark_.reset();
        before_mark_.reset();
      }
    } else if (Reply* reply = std::get_if<Reply>(&event)) {
      sink(std::move(*reply));
    } else if (std::holds_alternative<Heard>(event)) {
      sink(Heard{});
    } else {
      sink(std::get<Arm>(event));
    }
  }
  if (!claimed) Claim(bytes, errors, blank, sink);
}

// The bytes are hashed later (HashUpTo).
void Parser::Claim(absl::string_view bytes, const LineErrorCounts& errors, bool blank, ParserSink sink) {
  if (bytes.empty()) return;
  if (open_) {
    Add(errors, open_->errors);
    if (since_mark_) Add(errors, since_mark_->errors);
    return;
  }
  if (!noise_ && !errors.any() && (blank || IsBlank(bytes))) {
    sink(Padding{base_, base_ + bytes.size()});
    return;
  }
  if (!noise_) noise_.emplace(base_);
  Add(errors, noise_->errors);
  if (base_ + bytes.size() - noise_->begin >= kNoiseReport) FlushNoise(base_ + bytes.size(), sink);
}

void Parser::FlushNoise(uint64_t end_at, ParserSink sink) {
  if (!noise_) return;
  End end;
  AddProblem(end.report, dims::v1::PROBLEM_TYPE_NOISE, noise_->begin,
             absl::StrCat(end_at - noise_->begin, " bytes outside any report"));
  CloseReport(std::move(end), end_at, *std::exchange(noise_, std::nullopt), sink);
}

void Parser::CloseReport(End end, uint64_t end_at, Stretch&& stretch, ParserSink sink) {
  HashUpTo(end_at, stretch);
  dims::v1::Report& report = end.report;
  const auto later = std::partition(lost_.begin(), lost_.end(), [&](Lost lost) { return lost.at < end_at; });
  for (auto it = lost_.begin(); it != later; ++it) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_OVERSIZE, it->at,
               absl::StrCat("no line end within ", driver_.max_frame, " bytes; not interpreted"));
  }
  lost_.erase(lost_.begin(), later);
  if (stretch.errors.any()) {
    dims::v1::LineErrors* errors = report.mutable_line_errors();
    errors->set_parity_or_framing(stretch.errors.parity_or_framing);
    errors->set_breaks(stretch.errors.breaks);
    errors->set_overruns(stretch.errors.overruns);
    if (!end.repaired) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_LINE_ERROR, stretch.begin,
                 absl::StrCat("the line reported ", stretch.errors.parity_or_framing, " parity or framing errors, ",
                              stretch.errors.breaks, " breaks, ", stretch.errors.overruns, " overruns"));
    }
  }
  bool incomplete = false;
  for (dims::v1::Problem& problem : *report.mutable_problems()) {
    problem.set_offset(std::clamp(problem.offset(), stretch.begin, end_at) - stretch.begin);
    incomplete |= problem.type() == dims::v1::PROBLEM_TYPE_TRUNCATED ||
                  problem.type() == dims::v1::PROBLEM_TYPE_INTERRUPTED ||
                  problem.type() == dims::v1::PROBLEM_TYPE_OVERSIZE;
  }
  const bool says_something = report.analyses_size() > 0 || report.weighings_size() > 0 || report.scans_size() > 0;
  if (report.status() == dims::v1::REPORT_STATUS_UNSPECIFIED && (says_something || incomplete)) {
    report.set_status(incomplete ? dims::v1::REPORT_STATUS_PRELIMINARY : dims::v1::REPORT_STATUS_FINAL);
  }
  report.set_driver(std::string(driver_.name));
  report.set_driver_version(std::string(driver_.version));
  report.set_evidence(std::string(driver_.evidence));
  report.set_raw_size(end_at - stretch.begin);
  report.set_raw_sha256(stretch.hash.Digest());
  if (!end.content.empty()) report.set_content_sha256(Sha256::Of(end.content));
  sink(Said{std::move(report), stretch.begin, end_at, std::move(end.content)});
}

void Parser::DeliverWhole(ParserSink sink) {
  if (!IsWholeIfQuiet()) return;
  seen_ = 0;
  Deliver(absl::string_view(buffer_).substr(head_), sink);
}

void Parser::Quiet(ParserSink sink) {
  if (open_) return;
  DeliverWhole(sink);
  if (open_) return;
  ClaimRest(sink);
  FlushNoise(base_, sink);
}

void Parser::Timer(int timer, ParserSink sink) {
  if (driver_.silence_ends_frame && open_ && !skipping_ && head_ < buffer_.size()) {
    seen_ = 0;
    Deliver(absl::string_view(buffer_).substr(head_), sink);
  } else if (open_) {
    DeliverWhole(sink);
  }
  Events events;
  decoder_->OnTimer(timer, base_, events);
  Carry(events, {}, {}, sink);
}

void Parser::Send(const Order& order, ParserSink sink) {
  Events events;
  decoder_->OnSend(order, base_, events);
  Carry(events, {}, {}, sink);
}

// Closes what is open in the decoder, and makes a new one: whatever the old one believed is over.
void Parser::CloseDecoder(Ending why, ParserSink sink) {
  Events events;
  decoder_->OnClose(why, base_, events);
  Carry(events, {}, {}, sink);
  if (open_) CloseReport(Abandoned(why, base_), base_, *std::exchange(open_, std::nullopt), sink);
  since_mark_.reset();
  before_mark_.reset();
  decoder_ = driver_.Make(options_);
}

void Parser::Finish(Ending why, ParserSink sink) {
  if (why == Ending::kEndOfInput && !skipping_ && head_ < buffer_.size()) {
    Deliver(absl::string_view(buffer_).substr(head_), sink);
  }
  ClaimRest(sink);
  CloseDecoder(why, sink);
  FlushNoise(base_, sink);
}

// The unfinished frame, uninterpreted.
void Parser::ClaimRest(ParserSink sink) {
  const std::size_t size = buffer_.size() - head_;
  if (size > 0) ClaimHead(size, sink);
  DropConsumed();
  flags_.clear();
  seen_ = 0;
  skipping_ = false;
}

void Parser::ClaimHead(std::size_t size, ParserSink sink) {
  const absl::string_view bytes = absl::string_view(buffer_).substr(head_, size);
  Claim(bytes, ErrorsIn(size), false, sink);
  Consume(size);
}

void Parser::Consume(std::size_t size) {
  head_ += size;
  base_ += size;
}

LineErrorCounts Parser::ErrorsIn(std::size_t size) const {
  LineErrorCounts counts;
  if (head_ >= flags_.size()) return counts;
  for (const char flag : absl::string_view(flags_).substr(head_, size)) {
    counts.parity_or_framing += flag & LineMark::kParityOrFraming ? 1 : 0;
    counts.breaks += flag & LineMark::kBreak ? 1 : 0;
    counts.overruns += flag & LineMark::kOverrun ? 1 : 0;
  }
  return counts;
}

}  // namespace dims
