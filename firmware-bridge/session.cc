#include "firmware-bridge/session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* stamp) {
  const int64_t nanos = absl::ToUnixNanos(time);
  stamp->set_seconds(nanos / 1'000'000'000);
  stamp->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

}  // namespace

Session::Session(SessionSetup setup, Store& store, absl::Time now)
    : setup_(std::move(setup)), store_(store), last_arrival_(now) {
  Rebuild(now);
  // Whatever the instrument sent while nobody listened is gone: what was open cannot be continued.
  const auto sink = [&](ParserEvent event) { Handle(std::move(event), now, true); };
  if (parser_->pending_from() < parser_->fed()) {
    SPDLOG_WARN("{}: a report was open when the bridge last stopped; it is kept as interrupted", name());
    Enter(IntakeEntry::Kind::kClosed, now, "");
  }
  parser_->Finish(Ending::kInterrupted, sink);
  timers_.clear();
}

void Session::Rebuild(absl::Time now) {
  const IntakePosition position = store_.Position(name());
  batch_ = SessionBatch{name(), {}, position.closed_through, {}};
  replies_.clear();
  timers_.clear();
  times_.clear();
  last_arrival_ = now;
  parser_ = std::make_unique<Parser>(*setup_.driver, setup_.options, position.closed_through);
  Replay(store_.OpenIntake(name()));
}

// The parser comes out as it was when these entries had been committed. Its reports are on disk already, or, if the
// line was still open, not made yet: replies are what must not happen twice.
void Session::Replay(const std::vector<IntakeEntry>& entries) {
  for (const IntakeEntry& entry : entries) {
    const auto sink = [&](ParserEvent event) { Handle(std::move(event), entry.time, true); };
    int timer = 0;
    switch (entry.kind) {
      case IntakeEntry::Kind::kIn:
        Remember(entry.offset, entry.time);
        last_arrival_ = entry.time;
        parser_->Feed(entry.bytes, sink);
        break;
      case IntakeEntry::Kind::kTimer:
        if (absl::SimpleAtoi(entry.bytes, &timer)) parser_->Timer(timer, sink);
        break;
      case IntakeEntry::Kind::kOpened:
        parser_->Open(sink);
        break;
      case IntakeEntry::Kind::kClosed:
        parser_->Finish(Ending::kInterrupted, sink);
        break;
      case IntakeEntry::Kind::kOut:
        break;
    }
  }
}

void Session::Take(const Arrival& arrival) {
  const auto sink = [&](ParserEvent event) { Handle(std::move(event), arrival.time, false); };
  switch (arrival.kind) {
    case Arrival::Kind::kBytes:
      Received(arrival);
      break;
    case Arrival::Kind::kOpened:
      SPDLOG_INFO("{}: the line is open", name());
      Enter(IntakeEntry::Kind::kOpened, arrival.time, "");
      parser_->Open(sink);
      break;
    case Arrival::Kind::kClosed:
      SPDLOG_WARN("{}: the line closed", name());
      Enter(IntakeEntry::Kind::kClosed, arrival.time, "");
      parser_->Finish(Ending::kInterrupted, sink);
      timers_.clear();
      break;
    case Arrival::Kind::kLost:
      // What stands before and after the hole is not one report.
      SPDLOG_ERROR("{}: {} bytes arrived faster than the disk took them and are lost", name(), arrival.lost);
      lost_ += arrival.lost;
      Enter(IntakeEntry::Kind::kClosed, arrival.time, "");
      parser_->Finish(Ending::kInterrupted, sink);
      break;
  }
}

void Session::Received(const Arrival& arrival) {
  const uint64_t offset = parser_->fed();
  Remember(offset, arrival.time);
  last_arrival_ = arrival.time;
  Enter(IntakeEntry::Kind::kIn, arrival.time, arrival.bytes);
  batch_.entries.back().offset = offset;
  parser_->Feed(
      arrival.bytes, [&](ParserEvent event) { Handle(std::move(event), arrival.time, false); }, arrival.marks);
}

void Session::Enter(IntakeEntry::Kind kind, absl::Time time, std::string bytes) {
  // Offsets place every entry among the bytes read, so that a replay meets it in its turn.
  batch_.entries.push_back(IntakeEntry{kind, parser_->fed(), time, std::move(bytes)});
}

void Session::Tick(absl::Time now) {
  while (true) {
    const auto due =
        std::find_if(timers_.begin(), timers_.end(), [&](const auto& timer) { return timer.second <= now; });
    if (due == timers_.end()) return;
    const int timer = due->first;
    timers_.erase(due);
    Enter(IntakeEntry::Kind::kTimer, now, absl::StrCat(timer));
    parser_->Timer(timer, [&](ParserEvent event) { Handle(std::move(event), now, false); });
  }
}

absl::Time Session::NextTimer() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [timer, time] : timers_) next = std::min(next, time);
  return next;
}

void Session::Handle(ParserEvent event, absl::Time now, bool replaying) {
  if (Said* said = std::get_if<Said>(&event)) {
    Append(std::move(*said));
  } else if (const Padding* padding = std::get_if<Padding>(&event)) {
    batch_.closed_through = padding->end;
  } else if (const Arm* arm = std::get_if<Arm>(&event)) {
    if (arm->after > absl::ZeroDuration()) {
      timers_[arm->timer] = now + arm->after;
    } else {
      timers_.erase(arm->timer);
    }
  } else if (!replaying) {
    replies_.push_back(std::get<Reply>(std::move(event)));
  }
}

void Session::Append(Said said) {
  dims::v1::Report& report = said.report;
  report.set_origin(setup_.origin);
  report.set_urgency(dims::v1::URGENCY_ROUTINE);
  dims::v1::Source& source = *report.mutable_source();
  source = setup_.source;
  source.set_intake_begin(said.begin);
  source.set_intake_end(said.end);
  SetTimestamp(TimeOf(said.begin), source.mutable_received_first());
  SetTimestamp(TimeOf(said.end - 1), source.mutable_received_last());
  if (setup_.clock) *source.mutable_clock() = setup_.clock();
  if (lost_ > 0) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_BYTES_LOST, report.raw_size(),
               absl::StrCat(lost_, " bytes after these were lost before they could be kept"));
    lost_ = 0;
  }
  Normalize(setup_.locality, report);
  batch_.payloads.push_back(report.SerializeAsString());
  batch_.closed_through = said.end;
  while (times_.size() > 1 && times_[1].first <= said.end) times_.pop_front();
}

void Session::Remember(uint64_t offset, absl::Time time) {
  // Reads within 50 ms share one time: a report read byte by byte must not cost 16 bytes a byte.
  if (!times_.empty() && time - times_.back().second < absl::Milliseconds(50) && time >= times_.back().second) return;
  times_.emplace_back(offset, time);
}

absl::Time Session::TimeOf(uint64_t offset) const {
  const auto after = std::upper_bound(times_.begin(), times_.end(), offset,
                                      [](uint64_t value, const auto& entry) { return value < entry.first; });
  return after == times_.begin() ? last_arrival_ : std::prev(after)->second;
}

const SessionBatch* Session::Pending(bool all) const {
  // What was sent to the instrument is only evidence: it does not need a commit of its own.
  const bool only_sent = std::all_of(batch_.entries.begin(), batch_.entries.end(),
                                     [](const IntakeEntry& entry) { return entry.kind == IntakeEntry::Kind::kOut; });
  return batch_.payloads.empty() && (batch_.entries.empty() || (only_sent && !all)) ? nullptr : &batch_;
}

void Session::Committed(absl::Time now) {
  batch_.entries.clear();
  batch_.payloads.clear();
  std::vector<Reply> replies = std::exchange(replies_, {});
  for (Reply& reply : replies) {
    if (const absl::Status status = setup_.write(reply.bytes); !status.ok()) {
      SPDLOG_WARN("{}: the reply did not go out: {}", name(), std::string(status.message()));
      continue;
    }
    Enter(IntakeEntry::Kind::kOut, now, std::move(reply.bytes));
  }
}

void Session::Refused(const absl::Status& why, absl::Time now) {
  if (replies_.empty()) {
    // Nobody waits for an answer: the batch stays, and is offered again.
    SPDLOG_ERROR("{}: the store takes nothing more: {}; what arrives is held back", name(), std::string(why.message()));
    return;
  }
  uint64_t bytes = 0;
  for (const IntakeEntry& entry : batch_.entries)
    bytes += entry.kind == IntakeEntry::Kind::kIn ? entry.bytes.size() : 0;
  SPDLOG_ERROR("{}: the store refused {} bytes: {}; the instrument is told so and keeps its result", name(), bytes,
               std::string(why.message()));
  const std::vector<Reply> replies = std::exchange(replies_, {});
  Rebuild(now);
  for (const Reply& reply : replies) {
    if (reply.instead.empty()) continue;
    if (const absl::Status status = setup_.write(reply.instead); !status.ok()) {
      SPDLOG_WARN("{}: the refusal did not go out: {}", name(), std::string(status.message()));
      continue;
    }
    Enter(IntakeEntry::Kind::kOut, now, reply.instead);
  }
}

}  // namespace dims
