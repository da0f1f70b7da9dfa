#include "firmware-bridge/tail.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "dims/v1/report.pb.h"

namespace dims {
namespace {

using dims::v1::TailResponse;

constexpr std::size_t kLongestLine = 256;                         // of bytes shown at once
constexpr absl::Duration kPause = absl::Milliseconds(300);        // ends what is no line
constexpr std::size_t kRecordsAtOnce = 64, kBytesAtOnce = 65536;  // of the store's time

TailResponse Response(absl::Time at, const std::string& instrument) {
  TailResponse response;
  SetTime(at, response.mutable_at());
  response.set_instrument(instrument);
  return response;
}

void AddNotShown(absl::Time at, uint64_t events, std::vector<TailResponse>& out) {
  if (events == 0) return;
  out.push_back(Response(at, ""));
  out.back().mutable_not_shown()->set_events(events);
}

void Describe(const dims::v1::Report& report, TailResponse::RecordStored& stored) {
  stored.set_driver(report.driver());
  uint32_t findings = 0;
  for (const dims::v1::Analysis& analysis : report.analyses()) {
    findings += static_cast<uint32_t>(analysis.findings_size());
    if (!analysis.sample_number().empty()) stored.add_sample_numbers(analysis.sample_number());
  }
  for (const dims::v1::Weighing& weighing : report.weighings()) {
    if (!weighing.sample_number().empty()) stored.add_sample_numbers(weighing.sample_number());
  }
  for (const dims::v1::Scan& scan : report.scans()) stored.add_sample_numbers(scan.code());
  stored.set_findings(findings);
  stored.set_weighings(static_cast<uint32_t>(report.weighings_size()));
  *stored.mutable_problems() = report.problems();
  stored.set_status(report.status());
  stored.set_origin(report.origin());
  if (report.has_repeat_of()) *stored.mutable_repeat_of() = report.repeat_of();
  *stored.mutable_replaces_parts() = report.replaces_parts();
  stored.set_raw_size(report.raw_size());
  stored.set_urgency(report.urgency());
  *stored.mutable_rule_hits() = report.rule_hits();
}

}  // namespace

void SetTime(absl::Time time, google::protobuf::Timestamp* stamp) {
  const int64_t nanos = absl::ToUnixNanos(time);
  stamp->set_seconds(nanos / 1'000'000'000);
  stamp->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
}

Tail::Tail(const TailSources& sources, const dims::v1::TailRequest& request)
    : sources_(sources),
      instrument_(request.instrument()),
      listener_(sources.activity, request.instrument(), request.bytes()) {}

std::vector<TailResponse> Tail::Next(absl::Duration most) {
  Responses out;
  if (!std::exchange(begun_, true)) {
    const absl::Time now = absl::Now();
    const Generation current = sources_.store.Current(), oldest = sources_.store.OldestUnsettled();
    settled_generation_ = oldest.id;
    settled_through_ = oldest.settled_through;
    Begin(now, current, current.highest_number, out);
    Look(now, out);
    return out;
  }
  auto happening = listener_.Next(unfinished_.empty() ? most : std::min(most, kPause));
  if (!happening) FlushOlderThan(absl::InfiniteFuture(), out);
  while (happening) {
    Take(*happening, out);
    FlushOlderThan(happening->at - kPause, out);
    if (!out.empty()) break;
    happening = listener_.Next(absl::ZeroDuration());
  }
  return out;
}

void Tail::Take(const Happening& happening, Responses& out) {
  using Kind = Happening::Kind;
  if (happening.kind == Kind::kReceived) return Collect(happening, out);
  Flush(happening.instrument, out);
  switch (happening.kind) {
    case Kind::kReceived:
      break;
    case Kind::kOpened:
      out.push_back(Response(happening.at, happening.instrument));
      out.back().mutable_line_opened();
      break;
    case Kind::kClosed:
      out.push_back(Response(happening.at, happening.instrument));
      out.back().mutable_line_closed();
      break;
    case Kind::kLost:
      out.push_back(Response(happening.at, happening.instrument));
      out.back().mutable_bytes_lost()->set_bytes(happening.size);
      break;
    case Kind::kSent:
      LookForRecords(happening.at, out);  // what these bytes may acknowledge
      out.push_back(Response(happening.at, happening.instrument));
      out.back().mutable_sent()->set_bytes(happening.bytes);
      break;
    case Kind::kNotShown:
      AddNotShown(happening.at, happening.size, out);
      Look(happening.at, out);
      break;
    case Kind::kChanged:
      Look(happening.at, out);
      break;
  }
}

// A serial line brings a few bytes at a time; a person reads lines.
void Tail::Collect(const Happening& happening, Responses& out) {
  Unfinished& unfinished = unfinished_[happening.instrument];
  unfinished.at = happening.at;
  unfinished.bytes += happening.bytes;
  absl::string_view rest = unfinished.bytes;
  while (!rest.empty()) {
    const std::size_t feed = rest.substr(0, kLongestLine).find('\n');
    if (feed == absl::string_view::npos && rest.size() < kLongestLine) break;
    const absl::string_view line = rest.substr(0, feed == absl::string_view::npos ? kLongestLine : feed + 1);
    out.push_back(Response(happening.at, happening.instrument));
    out.back().mutable_received()->set_bytes(std::string(line));
    rest.remove_prefix(line.size());
  }
  unfinished.bytes.erase(0, unfinished.bytes.size() - rest.size());
  if (unfinished.bytes.empty()) unfinished_.erase(happening.instrument);
}

void Tail::Flush(const std::string& instrument, Responses& out) {
  const auto entry = unfinished_.find(instrument);
  if (entry == unfinished_.end()) return;
  out.push_back(Response(entry->second.at, instrument));
  out.back().mutable_received()->set_bytes(std::move(entry->second.bytes));
  unfinished_.erase(entry);
}

void Tail::FlushOlderThan(absl::Time time, Responses& out) {
  std::vector<std::string> old;
  for (const auto& [instrument, unfinished] : unfinished_) {
    if (unfinished.at < time) old.push_back(instrument);
  }
  for (const std::string& instrument : old) Flush(instrument, out);
}

void Tail::Begin(absl::Time at, const Generation& generation, uint64_t after, Responses& out) {
  generation_ = generation.id;
  shown_through_ = after;
  out.push_back(Response(at, ""));
  TailResponse::Began& began = *out.back().mutable_began();
  began.set_store_id(generation.store_id);
  began.set_highest_number(after);
  began.set_settled_through(std::min(after, generation.settled_through));
}

void Tail::LookForRecords(absl::Time at, Responses& out) {
  const Generation current = sources_.store.Current();
  if (current.id == generation_) return ShowRecords(at, current, out);
  // What is left of the one shown so far, and then all of the next: what moved there has a new name.
  for (const StoreSummary::PerGeneration& entry : sources_.store.Summary().generations) {
    if (entry.generation.id < generation_) continue;
    if (entry.generation.id > generation_) Begin(at, entry.generation, 0, out);
    ShowRecords(at, entry.generation, out);
  }
}

void Tail::ShowRecords(absl::Time at, const Generation& generation, Responses& out) {
  const uint64_t last = generation.highest_number;
  uint64_t not_shown = 0;
  const auto skip_to = [&](uint64_t number) {
    not_shown += number - shown_through_;
    shown_through_ = number;
  };
  if (last > shown_through_ + kMostRecords) skip_to(last - kMostRecords);
  while (shown_through_ < last) {
    const auto read = sources_.store.Read(generation.id, shown_through_, kRecordsAtOnce, kBytesAtOnce);
    if (!read.ok() || read->empty()) {
      skip_to(last);
      break;
    }
    for (const StoredRecord& record : *read) {
      if (record.number > shown_through_ + 1) skip_to(record.number - 1);
      shown_through_ = record.number;
      dims::v1::Report report;
      if (!report.ParseFromString(record.payload)) {
        ++not_shown;
        continue;
      }
      const std::string& instrument = report.source().instrument();
      if (!instrument_.empty() && instrument_ != instrument) continue;
      Flush(instrument, out);
      out.push_back(Response(at, instrument));
      TailResponse::RecordStored& stored = *out.back().mutable_record_stored();
      stored.set_store_id(generation.store_id);
      stored.set_number(record.number);
      Describe(report, stored);
    }
  }
  AddNotShown(at, not_shown, out);
}

void Tail::Look(absl::Time at, Responses& out) {
  LookForRecords(at, out);
  const Generation oldest = sources_.store.OldestUnsettled();
  if (oldest.id != settled_generation_ || oldest.settled_through != settled_through_) {
    settled_generation_ = oldest.id;
    settled_through_ = oldest.settled_through;
    out.push_back(Response(at, ""));
    TailResponse::Settled& settled = *out.back().mutable_settled();
    settled.set_store_id(oldest.store_id);
    settled.set_through(oldest.settled_through);
    settled.set_queued(oldest.highest_number - oldest.settled_through);
  }
  dims::v1::UplinkStatus uplink = sources_.uplink();
  // It changes with every message; what is settled is told.
  uplink.clear_records_under_way();
  uplink.clear_bytes_under_way();
  if (std::string as_text = uplink.SerializeAsString(); as_text != uplink_) {
    uplink_ = std::move(as_text);
    out.push_back(Response(at, ""));
    *out.back().mutable_uplink() = uplink;
  }
}

}  // namespace dims
