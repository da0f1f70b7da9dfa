#include "firmware-bridge/bulk_lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"

namespace dims {

BulkLane::BulkLane(LaneSetup setup, uint64_t drain_limit, std::function<absl::Duration()> give_way,
                   std::function<void(const std::string& epoch)> heard_epoch)
    : Lane(std::move(setup), dims::v1::STREAM_PURPOSE_IN_ORDER),
      limit_(drain_limit),
      give_way_(std::move(give_way)),
      heard_epoch_(std::move(heard_epoch)) {}

BulkLane::Flow BulkLane::flow() const {
  absl::MutexLock lock(&flow_mutex_);
  return flow_;
}

void BulkLane::ShowFlow() {
  absl::MutexLock lock(&flow_mutex_);
  flow_.records_under_way = window_ ? window_->records() : 0;
  flow_.bytes_under_way = window_ ? window_->bytes() : 0;
}

// Connected also where nothing waits: so it is known that all is well, and what comes leaves at once.
std::optional<Generation> BulkLane::Wanted() {
  const Generation oldest = store_.OldestUnsettled();
  if (oldest.settled_through < oldest.highest_number && compared_last_) return oldest;
  for (const Generation& generation : store_.Kept()) {
    if (compared_.count(generation.id) == 0) return generation;
  }
  return oldest;
}

void BulkLane::Chosen(const Generation& generation) {
  compared_last_ = generation.settled_through >= generation.highest_number;
}

absl::Status BulkLane::Begin(const Generation&, const dims::v1::Welcome& welcome) {
  if (absl::Status status = TakeEpoch(welcome.epoch()); !status.ok()) return status;
  if (absl::Status status = TakePosition(welcome); !status.ok()) return status;
  window_.emplace(welcome.window_records(), welcome.window_bytes());
  return absl::OkStatus();
}

void BulkLane::End() {
  window_.reset();
  ShowFlow();
}

absl::Status BulkLane::TakeEpoch(const std::string& epoch) {
  if (const std::string before = store_.RegistryEpoch(); before != epoch) {
    if (!before.empty()) {
      SPDLOG_WARN("registry {}: its epoch changed: it was set up anew or restored from a backup", address_);
    }
    compared_.clear();
    if (absl::Status status = store_.SetRegistryEpoch(epoch); !status.ok()) return status;
  }
  heard_epoch_(epoch);
  return absl::OkStatus();
}

absl::Status BulkLane::TakePosition(const dims::v1::Welcome& welcome) {
  const uint64_t has = sent_through_ = welcome.settled_through();
  if (has > generation_.highest_number) {
    // An earlier one: records of it were lost here, or went on under another store id.
    if (generation_.id == store_.Current().id) {
      SPDLOG_CRITICAL(
          "registry {}: it has more of store {} than this bridge: the store was set back; going on under a "
          "new store id",
          address_, generation_.store_id);
      absl::StatusOr<Generation> next = store_.BeginGeneration(generation_.id, 0, "the store was set back");
      if (!next.ok()) return next.status();
    }
    sent_through_ = generation_.settled_through;  // what is here is compared there, number by number
  } else if (has < generation_.settled_through) {
    SPDLOG_WARN("registry {}: it lost records of store {} that it had settled; sending again from {}", address_,
                generation_.store_id, has + 1);
    compared_.clear();  // and of which others?
    if (Differs(has, welcome.settled_hash())) sent_through_ = BeforeKept();
    return absl::OkStatus();
  } else if (Differs(has, welcome.settled_hash())) {
    sent_through_ = BeforeKept();  // the conflict shows, at the first that differs
    return absl::OkStatus();
  } else {
    if (absl::Status status = store_.Settle(generation_.id, has); !status.ok()) return status;
    setup_.changed();
  }
  compared_.insert(generation_.id);
  return absl::OkStatus();
}

bool BulkLane::Differs(uint64_t number, const std::string& hash) {
  if (number == 0) return false;
  const absl::StatusOr<std::vector<StoredRecord>> at =
      store_.Read(generation_.id, number - 1, 1, BulkWindow::kMostInMessage);
  return at.ok() && !at->empty() && at->front().number == number && at->front().hash != hash;
}

uint64_t BulkLane::BeforeKept() {
  const absl::StatusOr<std::vector<StoredRecord>> at = store_.Read(generation_.id, 0, 1, BulkWindow::kMostInMessage);
  return at.ok() && !at->empty() ? at->front().number - 1 : generation_.settled_through;
}

absl::Status BulkLane::Hear(const RegistryStream::Answers& answers) {
  if (answers.pause) TakePause(*answers.pause);
  const uint64_t settled = std::min(answers.settled_through, sent_through_);
  if (!window_->Settled(settled, Uptime())) return absl::OkStatus();
  if (absl::Status status = store_.Settle(generation_.id, settled); !status.ok()) return status;
  if (settled >= generation_.settled_through) compared_.insert(generation_.id);
  ShowFlow();
  setup_.changed();
  return absl::OkStatus();
}

void BulkLane::TakePause(const dims::v1::Pause& pause) {
  SPDLOG_INFO("registry {}: asks for a pause of {} s: {}", address_, pause.duration().seconds(),
              absl::Utf8SafeCEscape(pause.reason()));
  const absl::Duration asked = std::max(
      absl::Seconds(pause.duration().seconds()) + absl::Nanoseconds(pause.duration().nanos()), absl::ZeroDuration());
  const Moment now = setup_.clock();
  paused_until_ = now.uptime + asked;
  {
    absl::MutexLock lock(&flow_mutex_);
    flow_.paused_until = now.wall + asked;
  }
  setup_.changed();
}

absl::StatusOr<std::vector<StoredRecord>> BulkLane::Read(BulkWindow::Room room) {
  absl::StatusOr<std::vector<StoredRecord>> records =
      store_.Read(generation_.id, sent_through_, room.records, std::min(room.bytes, limit_.MostBytes()));
  if (records.ok() && !records->empty() && DIMS_FAILPOINT("uplink.read")) records = absl::DataLossError("failpoint");
  if (absl::IsDataLoss(records.status())) {
    SPDLOG_CRITICAL("store: {}; what is whole goes on under a new store id", std::string(records.status().message()));
    absl::StatusOr<Generation> next =
        store_.BeginGeneration(generation_.id, sent_through_ + 1, "damaged on disk", Store::Carry::kKept);
    if (!next.ok()) return next.status();
    return std::vector<StoredRecord>();
  }
  if (!records.ok() || records->empty() || records->front().number == sent_through_ + 1) return records;
  SPDLOG_CRITICAL("registry {}: records {} to {} of store {} are no longer kept here; going on under a new store id",
                  address_, sent_through_ + 1, records->front().number - 1, generation_.store_id);
  absl::StatusOr<Generation> next = store_.BeginGeneration(generation_.id, sent_through_ + 1,
                                                           "the registry asks for what is gone", Store::Carry::kKept);
  return next.ok() ? absl::DataLossError("it asks for records that are no longer kept") : next.status();
}

absl::StatusOr<Lane::Step> BulkLane::SendSome(RegistryStream& stream) {
  const absl::Duration now = Uptime();
  const auto patience = [this] { return Patience() + window_->Patience(); };
  stream.Expect(window_->empty() ? absl::InfiniteDuration() : patience());
  if (const absl::Duration wait = std::max({paused_until_, limit_.ReadyAt(), give_way_()}) - now;
      wait > absl::ZeroDuration()) {
    window_->RanDry();
    return Step{Step::Kind::kWait, wait};
  }
  const BulkWindow::Room room = window_->Next();
  if (room.records == 0) return Step{};
  absl::StatusOr<std::vector<StoredRecord>> records = Read(room);
  if (!records.ok()) return records.status();
  if (records->empty()) {
    window_->RanDry();
    const bool over = window_->empty() && Wanted()->id != generation_.id;
    return Step{over ? Step::Kind::kDone : Step::Kind::kWait};
  }
  uint64_t bytes = 0;
  for (const StoredRecord& record : *records) {
    window_->Sent(record.number, record.payload.size(), now);
    bytes += record.payload.size();
  }
  sent_through_ = records->back().number;
  limit_.Sent(bytes, now);
  ShowFlow();
  stream.Expect(patience());
  // Where that fails the stream is over: what was heard says why.
  return Step{stream.Send(*std::move(records)) ? Step::Kind::kSent : Step::Kind::kWait};
}

}  // namespace dims
