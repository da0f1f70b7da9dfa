#include "firmware-bridge/sample_scans.h"

#include <algorithm>
#include <utility>

namespace dims {
namespace {

// What was cut or damaged may have said a sample number of its own.
bool MayHideANumber(const dims::v1::Report& report) {
  return std::any_of(report.problems().begin(), report.problems().end(), [](const dims::v1::Problem& problem) {
    switch (problem.type()) {
      case dims::v1::PROBLEM_TYPE_INTERRUPTED:
      case dims::v1::PROBLEM_TYPE_TRUNCATED:
      case dims::v1::PROBLEM_TYPE_NOISE:
      case dims::v1::PROBLEM_TYPE_OVERSIZE:
      case dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE:
      case dims::v1::PROBLEM_TYPE_ENCODING:
      case dims::v1::PROBLEM_TYPE_LINE_ERROR:
      case dims::v1::PROBLEM_TYPE_BYTES_LOST:
        return true;
      default:
        return false;
    }
  });
}

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

void NameSample(const SampleScans& scans, absl::Duration when, dims::v1::Origin origin, dims::v1::Report& report) {
  const bool one = report.weighings_size() + report.analyses_size() == 1;
  if (!one || report.origin() != origin || MayHideANumber(report)) return;
  const std::optional<ScannedSample> sample = scans.At(when);
  if (!sample || (sample->simulated && origin != dims::v1::ORIGIN_SIMULATED)) return;
  const auto name = [&](auto& measured) {
    if (!measured.sample_number().empty()) return;
    measured.set_sample_number(sample->number);
    measured.set_sample_number_source(sample->source);
  };
  for (dims::v1::Weighing& weighing : *report.mutable_weighings()) name(weighing);
  for (dims::v1::Analysis& analysis : *report.mutable_analyses()) {
    if (analysis.spectra_size() > 0) name(analysis);
  }
}

}  // namespace dims
