#include "firmware-bridge/activity.h"

#include <algorithm>
#include <utility>

namespace dims {

Activity::Listener::Listener(Activity& activity, std::string instrument, bool bytes)
    : activity_(activity), instrument_(std::move(instrument)), bytes_(bytes) {
  const std::lock_guard lock(activity_.mutex_);
  activity_.listeners_.push_back(this);
}

Activity::Listener::~Listener() {
  const std::lock_guard lock(activity_.mutex_);
  activity_.listeners_.erase(std::find(activity_.listeners_.begin(), activity_.listeners_.end(), this));
}

bool Activity::Listener::Wants(Happening::Kind kind, absl::string_view instrument) const {
  const bool is_bytes = kind == Happening::Kind::kReceived || kind == Happening::Kind::kSent;
  return (bytes_ || !is_bytes) && (instrument_.empty() || instrument.empty() || instrument_ == instrument);
}

void Activity::Listener::Put(Happening happening) {
  Happening* last = waiting_.empty() ? nullptr : &waiting_.back();
  const bool look_only = happening.kind == Happening::Kind::kChanged;
  if (look_only && last != nullptr && last->kind == Happening::Kind::kChanged) return;
  if (waiting_.size() >= kMostHappenings || waiting_bytes_ + happening.bytes.size() > kMostBytes) {
    if (last == nullptr || last->kind != Happening::Kind::kNotShown) {
      last = &waiting_.emplace_back(Happening{Happening::Kind::kNotShown, "", happening.at, "", 0});
    }
    last->size += look_only ? 0 : 1;
    return;
  }
  waiting_bytes_ += happening.bytes.size();
  waiting_.push_back(std::move(happening));
}

std::optional<Happening> Activity::Listener::Next(absl::Duration most) {
  std::unique_lock lock(activity_.mutex_);
  if (!activity_.told_.wait_for(lock, absl::ToChronoNanoseconds(most), [this] { return !waiting_.empty(); })) {
    return std::nullopt;
  }
  Happening next = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= next.bytes.size();
  return next;
}

void Activity::Tell(Happening::Kind kind, const std::string& instrument, absl::Time at, absl::string_view bytes,
                    uint64_t size) {
  for (Listener* listener : listeners_) {
    if (listener->Wants(kind, instrument)) listener->Put({kind, instrument, at, std::string(bytes), size});
  }
  if (!listeners_.empty()) told_.notify_all();
}

void Activity::Arrived(const std::string& instrument, const Arrival& arrival) {
  const std::lock_guard lock(mutex_);
  Line& line = lines_[instrument];
  switch (arrival.kind) {
    case Arrival::Kind::kOpened:
    case Arrival::Kind::kClosed:
      line.open = arrival.kind == Arrival::Kind::kOpened;
      line.since = arrival.at.wall;
      Tell(line.open ? Happening::Kind::kOpened : Happening::Kind::kClosed, instrument, arrival.at.wall, "", 0);
      break;
    case Arrival::Kind::kBytes:
      line.last_arrival = arrival.at.wall;
      Tell(Happening::Kind::kReceived, instrument, arrival.at.wall, arrival.bytes, 0);
      break;
    case Arrival::Kind::kOrder:
      break;
    case Arrival::Kind::kLost:
      line.last_arrival = arrival.at.wall;
      Tell(Happening::Kind::kLost, instrument, arrival.at.wall, "", arrival.lost);
      break;
  }
}

void Activity::Sent(const std::string& instrument, absl::Time at, absl::string_view bytes) {
  const std::lock_guard lock(mutex_);
  Tell(Happening::Kind::kSent, instrument, at, bytes, 0);
}

void Activity::Changed(absl::Time at) {
  const std::lock_guard lock(mutex_);
  Tell(Happening::Kind::kChanged, "", at, "", 0);
}

Activity::Line Activity::LineOf(const std::string& instrument) const {
  const std::lock_guard lock(mutex_);
  const auto line = lines_.find(instrument);
  return line == lines_.end() ? Line{} : line->second;
}

}  // namespace dims
