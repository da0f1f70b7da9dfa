#include "firmware-bridge/urgent_lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <vector>

namespace dims {
namespace {

// Urgent findings are few. A burst is read by this many, so that the memory it takes is bounded.
constexpr std::size_t kMostRecords = 8;
constexpr uint64_t kMostBytes = 256 * 1024;  // under way

}  // namespace

bool UrgentLane::LookForNew() {
  bool found = false;
  const std::vector<Generation> unsettled = store_.Unsettled();
  std::map<int64_t, Progress> known;
  for (const Generation& generation : unsettled) {
    Progress& progress = known[generation.id] = progress_[generation.id];
    progress.seen = std::min(progress.seen, generation.highest_number);  // what moved on came into a later one
    while (true) {
      const absl::StatusOr<std::vector<StoredRecord>> records =
          store_.ReadUrgent(generation.id, progress.seen, kMostRecords);
      if (!records.ok() || records->empty()) break;  // a generation that is gone in between: the next look knows
      progress.seen = records->back().number;
      found = true;
    }
  }
  progress_ = std::move(known);
  // Once for all that come meanwhile: where this lane fails, bulk brings them, and must not wait for ever.
  if (found && !pending_.exchange(true)) Press();
  return found;
}

void UrgentLane::HeardEpoch(const std::string& epoch) {
  {
    const std::lock_guard<std::mutex> lock(epoch_mutex_);
    if (heard_epoch_ == epoch) return;
    heard_epoch_ = epoch;
  }
  Wake();
}

// A registry that was restored has forgotten what it stored ahead.
void UrgentLane::TakeEpoch() {
  const std::lock_guard<std::mutex> lock(epoch_mutex_);
  if (epoch_ == heard_epoch_) return;
  for (auto& [id, progress] : progress_) progress.answered = 0;
  epoch_ = heard_epoch_;
}

void UrgentLane::Press() {
  if (pending_) pressing_until_ns_ = absl::ToInt64Nanoseconds(Uptime() + kBulkGivesWay);
}

void UrgentLane::Relieve() {
  if (!pending_.exchange(false)) return;
  pressing_until_ns_ = 0;
  relieved_();
}

std::optional<Generation> UrgentLane::Oldest() {
  for (const Generation& generation : store_.Unsettled()) {
    const auto at = progress_.find(generation.id);
    if (at != progress_.end() && at->second.seen > std::max(at->second.answered, generation.settled_through)) {
      return generation;
    }
  }
  return std::nullopt;
}

std::optional<Generation> UrgentLane::Wanted() {
  TakeEpoch();
  if (LookForNew()) Hurry();
  const std::optional<Generation> oldest = Oldest();
  if (!oldest) Relieve();
  return oldest;
}

absl::Status UrgentLane::Begin(const Generation& generation, const dims::v1::Welcome& welcome) {
  HeardEpoch(welcome.epoch());
  TakeEpoch();
  most_records_ = std::max<uint64_t>(1, welcome.window_records());
  most_bytes_ = std::min(kMostBytes, welcome.window_bytes());
  under_way_.clear();
  bytes_under_way_ = 0;
  sent_through_ = progress_[generation.id].answered;
  busy_at_ = Uptime();
  return absl::OkStatus();
}

absl::Status UrgentLane::Hear(const RegistryStream::Answers& answers) {
  const auto answered = [this](uint64_t number) {
    const auto at = std::lower_bound(under_way_.begin(), under_way_.end(), number,
                                     [](const Item& item, uint64_t sought) { return item.number < sought; });
    if (at != under_way_.end() && at->number == number) at->answered = true;
  };
  for (const uint64_t number : answers.ahead) answered(number);
  for (const dims::v1::Refusal& refusal : answers.refusals) answered(refusal.number());
  for (; !under_way_.empty() && under_way_.front().answered; under_way_.pop_front()) {
    progress_[generation_.id].answered = under_way_.front().number;
    bytes_under_way_ -= under_way_.front().bytes;
    busy_at_ = Uptime();
  }
  return absl::OkStatus();
}

absl::StatusOr<Lane::Step> UrgentLane::SendSome(RegistryStream& stream) {
  TakeEpoch();
  LookForNew();
  // A link that is not measured: BulkWindow's rate for one.
  const auto patience = [this] {
    return Patience() + absl::Seconds(static_cast<double>(bytes_under_way_) / BulkWindow::kSlowestRate);
  };
  stream.Expect(under_way_.empty() ? absl::InfiniteDuration() : patience());
  if (under_way_.size() >= most_records_ || (!under_way_.empty() && bytes_under_way_ >= most_bytes_)) return Step{};
  Progress& progress = progress_[generation_.id];
  if (progress.seen <= sent_through_) {
    if (!under_way_.empty()) return Step{};
    const std::optional<Generation> oldest = Oldest();
    if (!oldest) Relieve();
    const absl::Duration left = busy_at_ + kIdle - Uptime();
    const bool wait = !oldest && left > absl::ZeroDuration();
    return wait ? Step{Step::Kind::kWait, left} : Step{Step::Kind::kDone};
  }
  absl::StatusOr<std::vector<StoredRecord>> records = store_.ReadUrgent(
      generation_.id, sent_through_, std::min<uint64_t>(kMostRecords, most_records_ - under_way_.size()));
  if (!records.ok()) return records.status();
  if (records->empty()) {
    // They were settled in their turn, or moved on.
    sent_through_ = progress.seen;
    if (under_way_.empty()) progress.answered = progress.seen;
    return Step{Step::Kind::kSent};
  }
  for (const StoredRecord& record : *records) {
    under_way_.push_back({record.number, record.payload.size(), false});
    bytes_under_way_ += record.payload.size();
    sent_through_ = record.number;
  }
  stream.Expect(patience());
  // Where that fails the stream is over: what was heard says why.
  return Step{stream.Send(*std::move(records)) ? Step::Kind::kSent : Step::Kind::kWait};
}

}  // namespace dims
