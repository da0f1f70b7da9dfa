#include "firmware-bridge/bench.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

namespace dims {
namespace {

constexpr std::size_t kMostBytes = 32 * 1024;       // of one instrument in one round
constexpr std::size_t kMostHeldBack = 1024 * 1024;  // of one instrument, in memory
constexpr absl::Duration kOfferAgain = absl::Seconds(1);
constexpr absl::Duration kTidyEvery = absl::Seconds(10);
constexpr absl::Duration kIdle = absl::Seconds(5);  // without a commit

}  // namespace

Bench::Bench(Store& store, std::function<Moment()> clock, std::function<void()> recorded, std::function<void()> alive,
             absl::Duration pulse)
    : store_(store),
      clock_(std::move(clock)),
      recorded_(std::move(recorded)),
      alive_(std::move(alive)),
      pulse_(pulse),
      last_commit_(clock_().uptime),
      tidy_at_(last_commit_ + kTidyEvery) {}

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
  for (const Place& place : places_) {
    next = std::min(next, place.refused ? place.offer_again : place.session->NextTimer());
  }
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
  for (Place& place : places_) place.session->Finish();
  Round(true);
}

bool Bench::Round(bool all) {
  const Moment now = clock_();
  Batch batch;
  std::vector<Place*> in_batch;
  bool records = false, took = false;
  for (Place& place : places_) {
    if (!place.refused || place.session->Waiting() < kMostHeldBack) {
      for (const Arrival& arrival : place.buffer->Take(kMostBytes)) {
        place.session->Take(arrival);
        took = true;
      }
      place.session->Tick(now);
    }
    const SessionBatch* pending = place.session->Pending(all);
    if (pending == nullptr) continue;
    if (place.refused && now.uptime < place.offer_again && pending->urgent.size() <= place.urgent && !all) continue;
    // At the end all that is in memory goes to the disk, if there is any room.
    if (const absl::Status admitted = all ? absl::OkStatus() : store_.Admits(*pending); !admitted.ok()) {
      Refuse(place, admitted);
      continue;
    }
    records |= !pending->payloads.empty();
    batch.sessions.push_back(*pending);
    in_batch.push_back(&place);
  }
  if (!batch.empty()) {
    const absl::Status status = store_.Commit(batch);
    const Moment done = clock_();
    last_commit_ = done.uptime;
    for (Place* place : in_batch) {
      if (!status.ok()) {
        Refuse(*place, status);
        continue;
      }
      place->session->Committed(done);
      place->refused = false;
    }
    if (status.ok() && records) recorded_();
    took = status.ok();
  }
  Tidy(now.uptime);
  return took;
}

void Bench::Refuse(Place& place, const absl::Status& why) {
  const Moment now = clock_();
  place.session->Refused(why, now);
  const SessionBatch* left = place.session->Pending();
  place.refused = left != nullptr;
  place.urgent = left == nullptr ? 0 : left->urgent.size();
  place.offer_again = now.uptime + kOfferAgain;
}

void Bench::Tidy(absl::Duration uptime) {
  if (uptime >= tidy_at_) {
    store_.Tidy(uptime - last_commit_ >= kIdle);
    tidy_at_ = uptime + kTidyEvery;
  }
  for (const std::string& news : store_.TakeNews()) SPDLOG_WARN("store: {}", news);
}

}  // namespace dims
