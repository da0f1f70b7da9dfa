#include "firmware-bridge/session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"

namespace dims {
namespace {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* stamp) {
  const int64_t nanos = absl::ToUnixNanos(time);
  stamp->set_seconds(nanos / 1'000'000'000);
  stamp->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

constexpr int kQuietTimer = -1;                     // the session's own; a decoder's timers count from 0
constexpr std::size_t kMostUndecided = 128 * 1024;  // more than any parser waits for to tell noise

// What only says that bytes are missing, or that they were cut off: nobody would send that again.
bool IsWhole(const dims::v1::Report& report) {
  return std::none_of(report.problems().begin(), report.problems().end(), [](const dims::v1::Problem& problem) {
    return problem.type() == dims::v1::PROBLEM_TYPE_INTERRUPTED || problem.type() == dims::v1::PROBLEM_TYPE_TRUNCATED ||
           problem.type() == dims::v1::PROBLEM_TYPE_NOISE;
  });
}

}  // namespace

Session::Session(SessionSetup setup, Store& store, Moment now)
    : setup_(std::move(setup)), store_(store), quota_(setup_.noise_quota), last_arrival_(now) {
  Rebuild(now);
  // Whatever the instrument sent while nobody listened is gone: what was open cannot be continued.
  if (parser_->pending_from() < parser_->fed()) {
    SPDLOG_WARN("{}: a report was open when the bridge last stopped; it is kept as interrupted", name());
    Closed(now);
  }
  timers_.clear();
}

void Session::Rebuild(Moment now) {
  const IntakePosition position = store_.Position(name());
  batch_ = SessionBatch{name(), {}, position.closed_through, {}};
  replies_.clear();
  whole_ = false;
  timers_.clear();
  times_.clear();
  last_arrival_ = now;
  parser_ = std::make_unique<Parser>(*setup_.driver, setup_.options, position.closed_through);
  Replay(store_.OpenIntake(name()), now);
}

// The parser comes out as it was when these entries had been committed. What it says on the way is on disk already;
// replies are what must not happen twice.
void Session::Replay(const std::vector<IntakeEntry>& entries, Moment now) {
  const auto sink = [&](ParserEvent event) { Handle(std::move(event), now, true); };
  for (const IntakeEntry& entry : entries) {
    int timer = 0;
    switch (entry.kind) {
      case IntakeEntry::Kind::kIn:
        last_arrival_ = {entry.time, absl::InfiniteDuration()};
        Remember(entry.offset, last_arrival_);
        parser_->Feed(entry.bytes, sink, entry.marks);
        break;
      case IntakeEntry::Kind::kTimer:
        if (absl::SimpleAtoi(entry.bytes, &timer)) Run(timer, sink);
        break;
      case IntakeEntry::Kind::kOpened:
        parser_->Open(sink);
        break;
      case IntakeEntry::Kind::kClosed:
        parser_->Finish(Ending::kInterrupted, sink);
        break;
      case IntakeEntry::Kind::kOrder:
        parser_->Send(Order{entry.bytes}, sink);
        break;
      case IntakeEntry::Kind::kOut:
        break;
    }
  }
  WatchForQuiet(now);
}

void Session::Take(const Arrival& arrival) {
  WatchQuota(arrival.at);
  switch (arrival.kind) {
    case Arrival::Kind::kBytes:
      Received(arrival);
      break;
    case Arrival::Kind::kOpened:
      SPDLOG_INFO("{}: the line is open", name());
      Opened(arrival.at);
      break;
    case Arrival::Kind::kClosed:
      SPDLOG_WARN("{}: the line closed", name());
      Closed(arrival.at);
      break;
    case Arrival::Kind::kOrder:
      SPDLOG_INFO("{}: ordered to {}", name(), arrival.bytes);
      Ordered(arrival.bytes, arrival.at);
      break;
    case Arrival::Kind::kLost:
      // What stands before and after the hole is not one report.
      SPDLOG_ERROR("{}: {} bytes arrived faster than the disk took them and are lost", name(), arrival.lost);
      lost_ += arrival.lost;
      lost_after_ = parser_->fed();
      Closed(arrival.at);
      Opened(arrival.at);
      break;
  }
}

void Session::Opened(Moment now) {
  Enter(IntakeEntry::Kind::kOpened, now.wall, "");
  parser_->Open([&](ParserEvent event) { Handle(std::move(event), now, false); });
}

void Session::Ordered(const std::string& order, Moment now) {
  Enter(IntakeEntry::Kind::kOrder, now.wall, order);
  parser_->Send(Order{order}, [&](ParserEvent event) { Handle(std::move(event), now, false); });
}

void Session::Closed(Moment now) {
  Enter(IntakeEntry::Kind::kClosed, now.wall, "");
  parser_->Finish(Ending::kInterrupted, [&](ParserEvent event) { Handle(std::move(event), now, false); });
  SayWithheld();
  timers_.clear();
  // What is scanned while nobody listens is lost, and the scan before it is no longer the last one.
  if (scans() != nullptr) scans()->Forget(now.uptime);
  WatchForQuiet(now);
}

void Session::Received(const Arrival& arrival) {
  (void)DIMS_FAILPOINT("session.take");
  const uint64_t offset = parser_->fed();
  Remember(offset, arrival.at);
  last_arrival_ = arrival.at;
  Enter(IntakeEntry::Kind::kIn, arrival.at.wall, arrival.bytes);
  batch_.entries.back().marks = arrival.marks;
  parser_->Feed(
      arrival.bytes, [&](ParserEvent event) { Handle(std::move(event), arrival.at, false); }, arrival.marks);
  WatchForQuiet(arrival.at);
}

// Noise and unfinished frames are reported once nothing has come for a while.
void Session::WatchForQuiet(Moment now) {
  const bool pending = parser_->pending_from() < parser_->fed();
  if (scans() != nullptr) scans()->Await(name(), pending ? now.uptime : absl::InfiniteDuration());
  if (pending) {
    timers_[kQuietTimer] = now.uptime + parser_->QuietAfter();
  } else {
    timers_.erase(kQuietTimer);
  }
}

void Session::Run(int timer, ParserSink sink) {
  if (timer == kQuietTimer) {
    parser_->Quiet(sink);
  } else {
    parser_->Timer(timer, sink);
  }
}

void Session::Enter(IntakeEntry::Kind kind, absl::Time time, std::string bytes) {
  // Offsets place every entry among the bytes read, so that a replay meets it in its turn.
  batch_.entries.push_back(IntakeEntry{kind, parser_->fed(), time, std::move(bytes), {}});
}

void Session::Tick(Moment now) {
  WatchQuota(now);
  while (true) {
    const auto due =
        std::find_if(timers_.begin(), timers_.end(), [&](const auto& timer) { return timer.second <= now.uptime; });
    if (due == timers_.end()) return;
    const int timer = due->first;
    timers_.erase(due);
    Enter(IntakeEntry::Kind::kTimer, now.wall, absl::StrCat(timer));
    Run(timer, [&](ParserEvent event) { Handle(std::move(event), now, false); });
    // A report that has just ended may leave bytes that only the quiet tells to be nothing.
    if (timer != kQuietTimer && !timers_.contains(kQuietTimer) && !parser_->in_report()) WatchForQuiet(now);
  }
}

absl::Duration Session::NextTimer() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [timer, uptime] : timers_) next = std::min(next, uptime);
  return next;
}

void Session::Handle(ParserEvent event, Moment now, bool replaying) {
  if (Said* said = std::get_if<Said>(&event)) {
    const bool noise = IsNoise(said->report);
    if (!replaying && scans() != nullptr) TellScans(*said, std::min(TimeOf(said->begin).uptime, now.uptime));
    if (noise && !replaying && quota_.Exceeds(said->end - said->begin, now.uptime)) {
      Withhold(said->begin, said->end, said->report.line_errors(), now);
    } else {
      if (!noise) SayWithheld();
      const Moment first = TimeOf(said->begin), last = TimeOf(said->end - 1);
      Append(std::move(*said), first, last);
    }
  } else if (const Padding* padding = std::get_if<Padding>(&event)) {
    if (!replaying && quota_.Exceeds(padding->end - padding->begin, now.uptime)) {
      Withhold(padding->begin, padding->end, {}, now);
    }
    batch_.closed_through = padding->end;
    Forget(padding->end);
  } else if (const Arm* arm = std::get_if<Arm>(&event)) {
    if (arm->after > absl::ZeroDuration()) {
      timers_[arm->timer] = now.uptime + arm->after;
    } else {
      timers_.erase(arm->timer);
    }
  } else if (std::holds_alternative<Heard>(event)) {
    // It cannot have heard what had not been said when this came.
    if (batch_.unheard.empty() && now.uptime >= replied_ && !unsaid_) batch_.heard = true;
  } else {
    Reply& reply = std::get<Reply>(event);
    answered_ |= !reply.instead.empty();
    if (!replaying) replies_.push_back(std::move(reply));
  }
  batch_.deferrable = IsDeferrable();
}

// Whether this batch can be refused without losing what nobody sends again. Bytes without a report are not: only the
// end of a message tells what it is. Nor is what was cut: its instrument has been told that the bytes before were
// received, and goes on when it is in a record.
bool Session::IsDeferrable() const {
  if (batch_.payloads.empty() || !batch_.urgent.empty()) return false;
  if (!answered_) return true;  // it waits in memory
  return whole_ &&
         std::any_of(replies_.begin(), replies_.end(), [](const Reply& reply) { return !reply.instead.empty(); });
}

// Beyond the quota nothing is kept before it is known to be no noise.
bool Session::IsUndecided() const {
  return quota_.used_up() && batch_.payloads.empty() && replies_.empty() && !parser_->in_report() &&
         std::all_of(batch_.entries.begin(), batch_.entries.end(),
                     [](const IntakeEntry& entry) {
                       return entry.kind == IntakeEntry::Kind::kIn || entry.kind == IntakeEntry::Kind::kTimer;
                     }) &&
         Waiting() < kMostUndecided;
}

std::size_t Session::Waiting() const {
  std::size_t bytes = 0;
  for (const IntakeEntry& entry : batch_.entries) bytes += entry.bytes.size();
  for (const std::string& payload : batch_.payloads) bytes += payload.size();
  return bytes;
}

void Session::WatchQuota(Moment now) {
  const bool renewed = quota_.Renewed(now.uptime);
  if (renewed) flood_said_ = false;
  if (renewed) SPDLOG_WARN("{}: a day is over since its noise began; noise is kept again", name());
  if (renewed || quota_.IsDue(now.uptime)) SayWithheld();
}

// These bytes go out of the batch, and have no record of their own; those that are on disk already stay there.
void Session::Withhold(uint64_t begin, uint64_t end, const dims::v1::LineErrors& errors, Moment now) {
  if (!std::exchange(flood_said_, true)) {
    SPDLOG_WARN(
        "{}: more than {} bytes outside any report within a day: what comes beyond is counted, not kept, until a day "
        "has passed; look at the line, its settings and its cable",
        name(), quota_.most());
  }
  NoiseQuota::Withheld& sum = quota_.Sum(begin, TimeOf(begin).wall, now.uptime);
  sum.last = TimeOf(end - 1).wall;
  sum.line_errors.set_parity_or_framing(sum.line_errors.parity_or_framing() + errors.parity_or_framing());
  sum.line_errors.set_breaks(sum.line_errors.breaks() + errors.breaks());
  sum.line_errors.set_overruns(sum.line_errors.overruns() + errors.overruns());
  const std::string quiet = absl::StrCat(kQuietTimer);
  std::erase_if(batch_.entries, [&](const IntakeEntry& entry) {
    return entry.kind == IntakeEntry::Kind::kTimer && entry.bytes == quiet && entry.offset >= begin &&
           entry.offset <= end;
  });
  sum.Drop(begin, end, now.wall, batch_.entries);
  batch_.closed_through = end;
  Forget(end);
}

void Session::SayWithheld() {
  std::optional<NoiseQuota::Withheld> withheld = quota_.Take();
  if (!withheld) return;
  // Where the session had to go back to what is on disk, positions were given out anew.
  withheld->end = std::min(withheld->end, parser_->pending_from());
  withheld->begin = std::min(withheld->begin, withheld->end);
  Said said{quota_.Describe(*withheld), withheld->begin, withheld->end, ""};
  said.report.set_driver(std::string(setup_.driver->name));
  said.report.set_driver_version(std::string(setup_.driver->version));
  said.report.set_evidence(std::string(setup_.driver->evidence));
  constexpr absl::Duration kUnknown = absl::InfiniteDuration();
  Append(std::move(said), {withheld->first, kUnknown}, {withheld->last, kUnknown});
}

void Session::Append(Said said, Moment first, Moment last) {
  dims::v1::Report& report = said.report;
  // An instrument may say that a result is no patient's or user's (a control sample), never that a simulation is real.
  if (report.origin() == dims::v1::ORIGIN_UNSPECIFIED || setup_.origin != dims::v1::ORIGIN_REAL) {
    report.set_origin(setup_.origin);
  }
  report.set_urgency(dims::v1::URGENCY_ROUTINE);
  dims::v1::Source& source = *report.mutable_source();
  source = setup_.source;
  source.set_intake_begin(said.begin);
  source.set_intake_end(said.end);
  SetTimestamp(first.wall, source.mutable_received_first());
  SetTimestamp(last.wall, source.mutable_received_last());
  if (setup_.clock) *source.mutable_clock() = setup_.clock();
  if (lost_ > 0) {
    const bool after = lost_after_ == said.end;
    AddProblem(
        report, dims::v1::PROBLEM_TYPE_BYTES_LOST, after ? report.raw_size() : 0,
        absl::StrCat(lost_, " bytes ", after ? "after" : "before", " these were lost before they could be kept"));
    lost_ = 0;
  }
  Normalize(setup_.locality, report);
  if (!is_scanner() && setup_.scans != nullptr) NameSample(*setup_.scans, first.uptime, setup_.origin, report);
  if (!said.content.empty()) MarkRepeat(said.content, report);
  whole_ |= IsWhole(report);
  if (setup_.assess) setup_.assess(report);
  if (report.urgency() == dims::v1::URGENCY_URGENT) batch_.urgent.push_back(batch_.payloads.size());
  batch_.payloads.push_back(report.SerializeAsString());
  batch_.closed_through = said.end;
  batch_.deferrable = IsDeferrable();
  Forget(said.end);
}

// A report of a scanner that is no clean scan may have been one: whatever was scanned before, it is not the last.
void Session::TellScans(const Said& said, absl::Duration at) {
  if (said.report.scans_size() != 1 || said.report.problems_size() > 0) return scans()->Forget(at);
  scans()->Read(name(), at, setup_.scan_window,
                {said.report.scans(0).code(), absl::StrCat("scan:", name(), ":", said.begin),
                 setup_.origin == dims::v1::ORIGIN_SIMULATED});
}

// What the instrument may not know to be received, it sends again from the beginning. Only such a message is a repeat:
// one that it knew to be received, and sends again, it sends on purpose.
void Session::MarkRepeat(absl::string_view content, dims::v1::Report& report) {
  const auto fill = [&](const UnheardRecord& earlier, dims::v1::RecordName& name) {
    name.set_bridge(setup_.source.bridge());
    name.set_store_id(earlier.store_id);
    name.set_number(earlier.number);
  };
  // What is not on disk has not been acknowledged: nothing of this batch is repeated in it.
  const std::vector<UnheardRecord> before = batch_.heard ? std::vector<UnheardRecord>() : store_.AllUnheard(name());
  for (const UnheardRecord& earlier : before) {
    if (!absl::StrContains(earlier.content, content)) continue;
    fill(earlier, *report.mutable_repeat_of());
    return;
  }
  for (const UnheardRecord& earlier : before) {
    if (absl::StrContains(content, earlier.content)) fill(earlier, *report.add_replaces_parts());
  }
  batch_.unheard.push_back({batch_.payloads.size(), std::string(content)});
}

void Session::Forget(uint64_t end) {
  while (times_.size() > 1 && times_[1].first <= end) times_.pop_front();
}

void Session::Remember(uint64_t offset, Moment time) {
  // Reads within 50 ms share one time: a report read byte by byte must not cost 32 bytes a byte.
  if (!times_.empty()) {
    const absl::Time before = times_.back().second.wall;
    if (time.wall >= before && time.wall - before < absl::Milliseconds(50)) return;
  }
  times_.emplace_back(offset, time);
}

Moment Session::TimeOf(uint64_t offset) const {
  const auto after = std::upper_bound(times_.begin(), times_.end(), offset,
                                      [](uint64_t value, const auto& entry) { return value < entry.first; });
  return after == times_.begin() ? last_arrival_ : std::prev(after)->second;
}

const SessionBatch* Session::Pending(bool all) const {
  // What was sent to the instrument is only evidence: it does not need a commit of its own.
  const bool only_sent = std::all_of(batch_.entries.begin(), batch_.entries.end(),
                                     [](const IntakeEntry& entry) { return entry.kind == IntakeEntry::Kind::kOut; });
  if (batch_.payloads.empty() && (batch_.entries.empty() || (only_sent && !all))) return nullptr;
  return IsUndecided() && !all ? nullptr : &batch_;
}

void Session::Committed(Moment now) {
  held_back_ = false;
  whole_ = false;
  if (scans() != nullptr) scans()->Keep(name());
  batch_ = SessionBatch{name(), {}, batch_.closed_through, {}};
  std::vector<Reply> replies = std::exchange(replies_, {});
  for (Reply& reply : replies) {
    const absl::Status status = setup_.write(reply.bytes);
    unsaid_ = !status.ok();
    if (unsaid_) {
      SPDLOG_WARN("{}: the reply did not go out: {}", name(), std::string(status.message()));
      continue;
    }
    Enter(IntakeEntry::Kind::kOut, now.wall, std::move(reply.bytes));
    replied_ = now.uptime;
  }
}

void Session::Refused(const absl::Status& why, Moment now) {
  const bool can_be_told =
      std::any_of(replies_.begin(), replies_.end(), [](const Reply& reply) { return !reply.instead.empty(); });
  if (!can_be_told) {
    // Nobody would send it again: the batch stays, with what follows it, and is offered again.
    if (!std::exchange(held_back_, true)) {
      SPDLOG_ERROR("{}: the store takes nothing more: {}; what arrives is held back", name(),
                   std::string(why.message()));
    }
    return;
  }
  uint64_t bytes = 0;
  for (const IntakeEntry& entry : batch_.entries) {
    bytes += entry.kind == IntakeEntry::Kind::kIn ? entry.bytes.size() : 0;
  }
  SPDLOG_ERROR("{}: the store refused {} bytes: {}; the instrument is told so and keeps its result", name(), bytes,
               std::string(why.message()));
  const std::vector<Reply> replies = std::exchange(replies_, {});
  const std::vector<IntakeEntry> refused = std::exchange(batch_.entries, {});
  Rebuild(now);
  // The bytes come again; that the line closed and opened does not, nor what a person ordered.
  for (const IntakeEntry& entry : refused) {
    if (entry.kind == IntakeEntry::Kind::kClosed) Closed(now);
    if (entry.kind == IntakeEntry::Kind::kOpened) Opened(now);
    if (entry.kind == IntakeEntry::Kind::kOrder) Ordered(entry.bytes, now);
  }
  for (const Reply& reply : replies) {
    if (reply.instead.empty()) continue;
    if (const absl::Status status = setup_.write(reply.instead); !status.ok()) {
      SPDLOG_WARN("{}: the refusal did not go out: {}", name(), std::string(status.message()));
      continue;
    }
    Enter(IntakeEntry::Kind::kOut, now.wall, reply.instead);
  }
}

}  // namespace dims
