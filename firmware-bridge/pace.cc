#include "firmware-bridge/pace.h"

#include <algorithm>
#include <limits>

namespace dims {

Route::Attempt Route::Next() const {
  const auto first = std::min_element(addresses_.begin(), addresses_.end(),
                                      [](const Address& a, const Address& b) { return a.at < b.at; });
  return {static_cast<std::size_t>(first - addresses_.begin()), std::max(first->at, held_until_)};
}

void Route::Answered(std::size_t address) { addresses_[address] = {first_wait_}; }

void Route::Failed(std::size_t address, absl::Duration now, double random) {
  Address& failed = addresses_[address];
  failed.at = now + failed.wait * (1 - random / 2);
  failed.wait = std::min(failed.wait * 2, longest_wait_);
}

void Route::Hurry(absl::Duration now) {
  held_until_ = -absl::InfiniteDuration();
  for (Address& address : addresses_) address = {first_wait_, std::min(address.at, now + first_wait_)};
}

void Route::HurryTo(std::size_t address, absl::Duration now) {
  addresses_[address].at = std::min(addresses_[address].at, now);
}

BulkWindow::BulkWindow(uint64_t most_records, uint64_t most_bytes)
    : most_records_(std::max<uint64_t>(1, most_records)),
      most_bytes_(std::clamp<uint64_t>(most_bytes, 1, kMostBytes)),
      least_bytes_(std::min(kLeastBytes, most_bytes_)),
      window_(least_bytes_) {}

BulkWindow::Room BulkWindow::Next() const {
  const std::size_t message = std::clamp<uint64_t>(window_ / 4, 1, kMostInMessage);
  const std::size_t more =
      std::min<uint64_t>(kMostRecordsInMessage, most_records_ - std::min(records(), most_records_));
  if (more == 0) return {};
  if (empty()) return {more, message};
  // Less than half a message is not worth one: they would become ever smaller.
  const std::size_t room = window_ - std::min(bytes_, window_);
  if (room < std::max<std::size_t>(1, message / 2)) return {};
  return {more, std::min(message, room)};
}

void BulkWindow::Sent(uint64_t number, uint64_t bytes, absl::Duration now) {
  if (under_way_.empty()) settled_at_ = now;
  under_way_.push_back({number, bytes, now, settled_, settled_at_, dry_});
  bytes_ += bytes;
  if (Next().records == 0) dry_ = false;
}

bool BulkWindow::Settled(uint64_t through, absl::Duration now) {
  if (under_way_.empty() || under_way_.front().number > through) return false;
  Item newest{};
  for (; !under_way_.empty() && under_way_.front().number <= through; under_way_.pop_front()) {
    newest = under_way_.front();
    bytes_ -= newest.bytes;
    settled_ += newest.bytes;
    settled_since_growth_ += newest.bytes;
  }
  settled_at_ = now;
  Measure(newest, now);
  return true;
}

void BulkWindow::Measure(const Item& newest, absl::Duration now) {
  latency_ = std::min(latency_, now - newest.sent_at);
  const double seconds = std::max(absl::ToDoubleSeconds(now - newest.settled_before_at), 1e-6);
  const double rate = static_cast<double>(settled_ - newest.settled_before) / seconds;
  if (newest.dry && rate <= rate_) return;
  rate_ = rate_ == 0 ? rate : rate_ + (rate - rate_) / 4;
  // What waits on the link, instead of the rate alone: over a long way the rate is what the window makes it.
  const absl::Duration waited = now - newest.sent_at - latency_;
  double bytes = rate_ * absl::ToDoubleSeconds(kHorizon + latency_);
  if (!newest.dry && waited <= kHorizon) {
    bytes = static_cast<double>(window_) + rate_ * absl::ToDoubleSeconds(kHorizon - waited);
    if (waited <= kHorizon / 4) bytes = std::max(bytes, 2.0 * static_cast<double>(window_));  // slow start
  }
  const uint64_t target =
      std::max(least_bytes_, bytes < static_cast<double>(most_bytes_) ? static_cast<uint64_t>(bytes) : most_bytes_);
  if (target <= window_) {
    window_ = target;
  } else if (settled_since_growth_ >= window_) {
    window_ = std::min(target, 2 * window_);
    settled_since_growth_ = 0;
  }
}

absl::Duration BulkWindow::Patience() const {
  constexpr double kMargin = 4;  // links have bad moments
  return absl::Seconds(kMargin * static_cast<double>(bytes_) / std::max(rate_, kSlowestRate));
}

std::size_t DrainLimit::MostBytes() const {
  return rate_ == 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(std::max(rate_ / 4, 1.0));
}

void DrainLimit::Sent(uint64_t bytes, absl::Duration now) {
  if (rate_ > 0) ready_at_ = std::max(ready_at_, now) + absl::Seconds(static_cast<double>(bytes) / rate_);
}

bool Repeats::IsNews(const std::string& line, absl::Duration now) {
  for (auto it = said_.begin(); it != said_.end();) it = now - it->second > kAgain ? said_.erase(it) : std::next(it);
  constexpr std::size_t kMost = 64;
  if (said_.size() >= kMost) return said_.count(line) == 0;
  return said_.emplace(line, now).second;
}

}  // namespace dims
