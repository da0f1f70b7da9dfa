#include "firmware-bridge/sample_scans.h"

#include <algorithm>
#include <utility>

namespace dims {
namespace {

// A report is asked for when it is complete, about the time when it began. What was forgotten by then gives no number.
constexpr std::size_t kMostEntries = 256;

}  // namespace

void SampleScans::Read(absl::string_view scanner, absl::Duration at, absl::Duration window, ScannedSample sample) {
  Add({at, at + window, std::string(scanner), std::move(sample)});
}

void SampleScans::Forget(absl::Duration at) { Add({at, absl::InfiniteDuration(), "", {}}); }

void SampleScans::Add(Entry entry) {
  const auto later = std::upper_bound(entries_.begin(), entries_.end(), entry.from,
                                      [](absl::Duration from, const Entry& other) { return from < other.from; });
  entries_.insert(later, std::move(entry));
  if (entries_.size() > kMostEntries) entries_.pop_front();
}

void SampleScans::Keep(absl::string_view scanner) {
  for (Entry& entry : entries_) entry.kept |= entry.scanner == scanner;
}

void SampleScans::Await(absl::string_view scanner, absl::Duration since) {
  if (since == absl::InfiniteDuration()) {
    awaited_.erase(std::string(scanner));
  } else {
    awaited_.try_emplace(std::string(scanner), since);
  }
}

std::optional<ScannedSample> SampleScans::At(absl::Duration when) const {
  if (when == absl::InfiniteDuration()) return std::nullopt;
  for (const auto& [scanner, since] : awaited_) {
    if (since <= when) return std::nullopt;
  }
  const auto later = std::upper_bound(entries_.begin(), entries_.end(), when,
                                      [](absl::Duration time, const Entry& entry) { return time < entry.from; });
  if (later == entries_.begin()) return std::nullopt;
  const Entry& last = *std::prev(later);
  if (!last.kept || last.sample.number.empty() || when > last.until) return std::nullopt;
  return last.sample;
}

}  // namespace dims
