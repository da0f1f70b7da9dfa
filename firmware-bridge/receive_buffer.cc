#include "firmware-bridge/receive_buffer.h"

#include "proto/failpoint.h"

namespace dims {

void ReceiveBuffer::Put(Arrival arrival) {
  absl::MutexLock lock(&mutex_);
  Arrival* last = waiting_.empty() ? nullptr : &waiting_.back();
  if (arrival.kind == Arrival::Kind::kBytes &&
      (bytes_ + arrival.bytes.size() > capacity_ || DIMS_FAILPOINT("receive.put"))) {
    arrival = Arrival{Arrival::Kind::kLost, arrival.at, {}, {}, arrival.bytes.size()};
  }
  if (seen_) seen_(arrival);
  if (arrival.kind == Arrival::Kind::kLost && last != nullptr && last->kind == Arrival::Kind::kLost) {
    last->lost += arrival.lost;
    return;
  }
  // Single bytes of a slow line share one entry as long as nobody has come for them.
  if (arrival.kind == Arrival::Kind::kBytes && last != nullptr && last->kind == Arrival::Kind::kBytes &&
      arrival.marks.empty() && last->bytes.size() < 4096 &&
      arrival.at.uptime - last->at.uptime < absl::Milliseconds(10)) {
    bytes_ += arrival.bytes.size();
    last->bytes += arrival.bytes;
    return;
  }
  bytes_ += arrival.bytes.size();
  waiting_.push_back(std::move(arrival));
}

bool ReceiveBuffer::AwaitRoom(std::size_t size, absl::Duration most) {
  absl::MutexLock lock(&mutex_);
  const auto room = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return bytes_ + size <= capacity_; };
  return mutex_.AwaitWithTimeout(absl::Condition(&room), most);
}

std::vector<Arrival> ReceiveBuffer::Take(std::size_t most) {
  absl::MutexLock lock(&mutex_);
  std::vector<Arrival> taken;
  for (std::size_t bytes = 0; !waiting_.empty() && bytes < most; waiting_.pop_front()) {
    bytes += waiting_.front().bytes.size();
    bytes_ -= waiting_.front().bytes.size();
    taken.push_back(std::move(waiting_.front()));
  }
  return taken;
}

}  // namespace dims
