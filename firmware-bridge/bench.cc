#include "firmware-bridge/bench.h"

#include <algorithm>
#include <utility>

namespace dims {
namespace {

constexpr std::size_t kMostBytes = 32 * 1024;  // of one instrument in one round
constexpr absl::Duration kOfferAgain = absl::Seconds(1);

}  // namespace

Bench::Bench(Store& store, std::function<void()> recorded, std::function<void()> alive, absl::Duration pulse)
    : store_(store), recorded_(std::move(recorded)), alive_(std::move(alive)), pulse_(pulse) {}

void Bench::Add(std::unique_ptr<Session> session, ReceiveBuffer& buffer) {
  places_.push_back({std::move(session), &buffer});
}

void Bench::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void Bench::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
}

absl::Time Bench::NextTimer() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Place& place : places_) next = std::min(next, place.refused ? offer_again_ : place.session->NextTimer());
  return next;
}

void Bench::Run() {
  while (true) {
    while (Round(absl::Now())) alive_();
    alive_();
    const absl::Time until = std::min(NextTimer(), absl::Now() + pulse_);
    absl::MutexLock lock(&mutex_);
    const auto due = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return woken_ || stopped_; };
    mutex_.AwaitWithDeadline(absl::Condition(&due), until);
    woken_ = false;
    if (stopped_) break;
  }
  // What had been read by now; bounded, as instruments do not stop printing because we stop.
  for (std::size_t taken = 0; taken < 2 * ReceiveBuffer::kCapacity && Round(absl::Now(), true); taken += kMostBytes) {
  }
}

bool Bench::Round(absl::Time now, bool all) {
  Batch batch;
  std::vector<Place*> in_batch;
  bool records = false;
  for (Place& place : places_) {
    if (place.refused && now < offer_again_ && !all) continue;
    if (!place.refused) {
      for (const Arrival& arrival : place.buffer->Take(kMostBytes)) place.session->Take(arrival);
      place.session->Tick(now);
    }
    if (const SessionBatch* pending = place.session->Pending(all)) {
      records |= !pending->payloads.empty();
      batch.sessions.push_back(*pending);
      in_batch.push_back(&place);
    }
  }
  if (batch.empty()) return false;
  const absl::Status status = store_.Commit(batch);
  for (Place* place : in_batch) {
    if (status.ok()) {
      place->session->Committed(now);
    } else {
      place->session->Refused(status, now);
      offer_again_ = now + kOfferAgain;
    }
    place->refused = !status.ok() && place->session->Pending() != nullptr;
  }
  if (status.ok() && records) recorded_();
  return status.ok();
}

}  // namespace dims
