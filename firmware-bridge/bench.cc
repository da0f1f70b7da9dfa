#include "firmware-bridge/bench.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "drivers/options.h"

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

absl::Status Bench::Order(absl::string_view instrument, const std::string& order) {
  const auto place = std::find_if(places_.begin(), places_.end(),
                                  [&](const Place& place) { return place.session->name() == instrument; });
  if (place == places_.end()) return absl::NotFoundError(absl::StrCat("there is no instrument \"", instrument, "\""));
  std::vector<absl::string_view> names;
  for (const OrderSpec& known : place->session->orders()) names.push_back(known.name);
  if (names.empty()) return absl::NotFoundError(absl::StrCat(instrument, ": its driver takes no orders"));
  if (std::find(names.begin(), names.end(), order) == names.end()) {
    return absl::NotFoundError(
        absl::StrCat(instrument, ": its driver has no order \"", order, "\"", NameHint(order, names)));
  }
  if (!place->buffer->AwaitRoom(order.size(), absl::ZeroDuration())) {
    return absl::ResourceExhaustedError(
        absl::StrCat(instrument, ": what it said still waits for the disk; nothing was ordered"));
  }
  place->buffer->Put({Arrival::Kind::kOrder, clock_(), order, {}, 0});
  Wake();
  return absl::OkStatus();
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
    if (place.broken) continue;
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
  for (Place& place : places_) {
    const SessionBatch* left = place.session->Pending();
    uint64_t bytes = left == nullptr ? 0 : place.session->Waiting();
    for (const Arrival& arrival : place.buffer->Take(2 * ReceiveBuffer::kCapacity)) bytes += arrival.bytes.size();
    if (left == nullptr && bytes == 0) continue;
    SPDLOG_CRITICAL("{}: LOST: {} bytes of it, {} results among them, {} before the stop", place.session->name(), bytes,
                    left == nullptr ? 0 : left->payloads.size(),
                    place.broken ? "could not be stored" : "found no room in the store");
  }
}

bool Bench::Round(bool all) {
  const Moment now = clock_();
  // In this order: a scan that is collected later than a weighing has come later, or is no harm.
  Collect(false, all);
  Collect(true, all);
  bool took = Take(true, all, now);
  took |= Take(false, all, now);
  Tidy(now.uptime);
  return took;
}

// It holds back as much as a line may.
bool Bench::IsFull(const Place& place) { return place.refused && place.session->Waiting() >= kMostHeldBack; }

void Bench::Collect(bool scanners, bool all) {
  for (Place& place : places_) {
    if (place.session->is_scanner() != scanners || (place.broken && !all)) continue;
    if (IsFull(place)) continue;
    place.arrived = place.buffer->Take(scanners ? kMostHeldBack : kMostBytes);
  }
}

bool Bench::Take(bool scanners, bool all, Moment now) {
  std::vector<Place*> offered;
  bool took = false;
  for (Place& place : places_) {
    if (place.session->is_scanner() != scanners || (place.broken && !all)) continue;
    const bool full = IsFull(place);
    for (const Arrival& arrival : std::exchange(place.arrived, {})) {
      place.session->Take(arrival);
      took = true;
    }
    if (!full) place.session->Tick(now);
    const SessionBatch* pending = place.session->Pending(all);
    if (pending == nullptr) continue;
    if (place.refused && now.uptime < place.offer_again && pending->urgent.size() <= place.urgent && !all) continue;
    // At the end all that is in memory goes to the disk, if there is any room.
    if (const absl::Status admitted = all ? absl::OkStatus() : store_.Admits(*pending); !admitted.ok()) {
      Refuse(place, admitted);
      continue;
    }
    offered.push_back(&place);
  }
  if (!offered.empty()) took |= Commit(offered, all);
  return took;
}

bool Bench::Commit(const std::vector<Place*>& places, bool all) {
  Batch batch;
  bool records = false;
  for (const Place* place : places) {
    batch.sessions.push_back(*place->session->Pending(all));
    records |= !batch.sessions.back().payloads.empty();
  }
  const absl::Status status = store_.Commit(batch);
  if (!status.ok() && places.size() > 1) return CommitEach(places, all);
  const Moment done = clock_();
  last_commit_ = done.uptime;
  if (!status.ok()) {
    Refuse(*places.front(), status);
    return false;
  }
  for (Place* place : places) {
    place->session->Committed(done);
    place->refused = place->broken = false;
  }
  if (records) recorded_();
  return true;
}

// One that does not fit, or is not as it should be, takes no other with it.
bool Bench::CommitEach(std::vector<Place*> places, bool all) {
  std::stable_sort(places.begin(), places.end(), [all](const Place* a, const Place* b) {
    const bool urgent = !a->session->Pending(all)->urgent.empty(), other = !b->session->Pending(all)->urgent.empty();
    return urgent != other ? urgent : a->session->Waiting() < b->session->Waiting();
  });
  bool took = false;
  for (Place* place : places) took |= Commit({place}, all);
  return took;
}

void Bench::Refuse(Place& place, const absl::Status& why) {
  const Moment now = clock_();
  place.session->Refused(why, now);
  const SessionBatch* left = place.session->Pending();
  place.refused = left != nullptr;
  place.urgent = left == nullptr ? 0 : left->urgent.size();
  place.offer_again = now.uptime + kOfferAgain;
  // What the store finds wrong with the batch itself is wrong for good; all else may pass.
  const bool for_good = absl::IsInvalidArgument(why) || absl::IsDataLoss(why);
  if (left == nullptr || !for_good || std::exchange(place.broken, true)) return;
  SPDLOG_CRITICAL(
      "{}: THIS LINE STANDS STILL: the store cannot take what it said, nor will it later: {}; {} bytes of it are held "
      "in memory. All other lines go on. Keep this log, it shows a defect; restarting the bridge opens the line again, "
      "without them",
      place.session->name(), std::string(why.message()), place.session->Waiting());
}

void Bench::Tidy(absl::Duration uptime) {
  if (uptime >= tidy_at_) {
    store_.Tidy(uptime - last_commit_ >= kIdle);
    tidy_at_ = uptime + kTidyEvery;
  }
  for (const std::string& news : store_.TakeNews()) SPDLOG_WARN("store: {}", news);
}

}  // namespace dims
