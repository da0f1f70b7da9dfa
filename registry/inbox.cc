#include "registry/inbox.h"

#include <utility>

namespace dims {
namespace {

// What a record takes in memory, about: an empty payload is not free.
std::size_t Weight(const ReceivedRecord& record) { return record.payload.size() + 256; }

}  // namespace

void Inbox::PutHello(v1::Hello hello) {
  const std::lock_guard<std::mutex> lock(mutex_);
  hello_ = std::move(hello);
  changed_.notify_all();
}

void Inbox::Push(ReceivedRecord record) {
  std::unique_lock<std::mutex> lock(mutex_);
  const std::size_t size = Weight(record);
  changed_.wait(lock, [&] {
    if (discarding_ || ended_.has_value()) return true;
    // With a record here the committing side is at work, and wakes this one when it is done.
    if (records_.empty()) return all_.TakeAnyway(size);
    return bytes_ + size <= most_bytes_ && all_.Take(size);
  });
  if (discarding_ || ended_.has_value()) return;
  bytes_ += size;
  records_.push_back(std::move(record));
  changed_.notify_all();
}

void Inbox::Finish(absl::Status status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_ = std::move(status);
  changed_.notify_all();
}

absl::StatusOr<v1::Hello> Inbox::AwaitHello(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                    [&] { return hello_.has_value() || finished_.has_value() || ended_.has_value(); });
  if (ended_.has_value()) return *ended_;
  if (hello_.has_value()) return *hello_;
  if (finished_.has_value() && !finished_->ok()) return *finished_;
  if (finished_.has_value()) return absl::InvalidArgumentError("the stream ended before its Hello");
  return absl::DeadlineExceededError("no Hello came; a stream begins with it");
}

std::vector<ReceivedRecord> Inbox::Take(std::size_t most_records, std::size_t most_bytes) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return !records_.empty() || finished_.has_value() || ended_.has_value(); });
  std::vector<ReceivedRecord> taken;
  if (ended_.has_value()) return taken;
  std::size_t bytes = 0;
  while (!records_.empty() && taken.size() < most_records) {
    bytes += records_.front().payload.size();
    if (!taken.empty() && bytes > most_bytes) break;
    bytes_ -= Weight(records_.front());
    all_.Give(Weight(records_.front()));
    taken.push_back(std::move(records_.front()));
    records_.pop_front();
  }
  changed_.notify_all();
  return taken;
}

void Inbox::Discard() {
  const std::lock_guard<std::mutex> lock(mutex_);
  discarding_ = true;
  records_.clear();
  all_.Give(bytes_);
  bytes_ = 0;
  changed_.notify_all();
}

bool Inbox::AwaitFinish(absl::Duration timeout) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout),
                           [&] { return finished_.has_value() || ended_.has_value(); });
}

absl::Status Inbox::status() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ended_.has_value()) return *ended_;
  return finished_.value_or(absl::OkStatus());
}

void Inbox::End(absl::Status status) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!ended_.has_value()) ended_ = std::move(status);
  changed_.notify_all();
}

}  // namespace dims
