#include "firmware-bridge/bench.h"

#include <algorithm>
#include <utility>

namespace dims {
namespace {

constexpr std::size_t kMostBytes = 32 * 1024;  // of one instrument in one round
constexpr absl::Duration kOfferAgain = absl::Seconds(1);

}  // namespace

Bench::Bench(Store& store, std::function<Moment()> clock, std::function<void()> recorded, std::function<void()> alive,
             absl::Duration pulse)
    : store_(store),
      clock_(std::move(clock)),
      recorded_(std::move(recorded)),
      alive_(std::move(alive)),
      pulse_(pulse) {}

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

absl::Duration Bench::NextTimer() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const Place& place : places_) next = std::min(next, place.refused ? offer_again_ : place.session->NextTimer());
  return next;
}

void Bench::Run() {
  while (true) {
    const bool busy = Round();
    alive_();
    const absl::Duration wait = std::min(NextTimer() - clock_().uptime, pulse_);
    absl::MutexLock lock(&mutex_);
    const auto due = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return woken_ || stopped_; };
    if (!busy) mutex_.AwaitWithTimeout(absl::Condition(&due), wait);
    woken_ = false;
    if (stopped_) break;
  }
  // What had been read by now; bounded all the same.
  for (std::size_t taken = 0; taken < 2 * ReceiveBuffer::kCapacity && Round(true); taken += kMostBytes) {
  }
}

bool Bench::Round(bool all) {
  const Moment now = clock_();
  Batch batch;
  std::vector<Place*> in_batch;
  bool records = false;
  for (Place& place : places_) {
    if (place.refused && now.uptime < offer_again_ && !all) continue;
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
  const Moment done = clock_();
  for (Place* place : in_batch) {
    if (status.ok()) {
      place->session->Committed(done);
    } else {
      place->session->Refused(status, done);
      offer_again_ = done.uptime + kOfferAgain;
    }
    place->refused = !status.ok() && place->session->Pending() != nullptr;
  }
  if (status.ok() && records) recorded_();
  return status.ok();
}

}  // namespace dims
