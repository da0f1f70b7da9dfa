#include "drivers/shimadzu/hits.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/numeric/int128.h"
#include "drivers/shimadzu/text.h"

namespace dims::shimadzu {
namespace {

using dims::v1::Finding;

// The integrations of all peaks, by their beginning.
class Windows {
 public:
  explicit Windows(const dims::v1::Analysis& analysis) {
    for (int i = 0; i < analysis.findings_size(); ++i) {
      const Finding& finding = analysis.findings(i);
      if (finding.role() != dims::v1::FINDING_ROLE_UNSPECIFIED) continue;  // compounds are seen in traces of their own
      const auto from = Micro(finding.peak().start_time()), to = Micro(finding.peak().end_time());
      if (from && to) windows_.push_back({*from, *to, i, -1});
    }
    std::stable_sort(windows_.begin(), windows_.end(),
                     [](const Window& a, const Window& b) { return a.from < b.from; });
    for (std::size_t i = 1; i < windows_.size(); ++i) {
      windows_[i].others_to = std::max(windows_[i - 1].others_to, windows_[i - 1].to);
    }
  }

  // The finding of the only peak that holds this time.
  std::optional<int> OnlyAt(absl::int128 time) const {
    const auto after = std::upper_bound(windows_.begin(), windows_.end(), time,
                                        [](absl::int128 t, const Window& w) { return t < w.from; });
    if (after == windows_.begin()) return std::nullopt;
    const Window& last = *std::prev(after);
    return last.to < time || time <= last.others_to ? std::nullopt : std::optional(last.finding);
  }

 private:
  struct Window {
    absl::int128 from, to;
    int finding;
    absl::int128 others_to;  // where the last of those that began before it ends
  };
  std::vector<Window> windows_;
};

}  // namespace

void Hits::Add(std::vector<Group>& groups, const std::string& number, dims::v1::Identification hit) {
  if (groups.empty() || groups.back().number != number) groups.push_back({number, {}});
  *groups.back().hits.Add() = std::move(hit);
}

void Hits::JoinTo(const std::map<std::string, int>& compounds, dims::v1::Analysis& analysis) && {
  const Windows windows(analysis);
  std::set<int> taken;
  for (Group& group : spectra_) {
    const auto top = tops_.find(group.number);
    const auto time = top == tops_.end() ? std::nullopt : Micro(top->second);
    std::optional<int> peak = time ? windows.OnlyAt(*time) : std::nullopt;
    if (peak && !taken.insert(*peak).second) peak.reset();  // a second spectrum of one peak
    Finding* finding = peak ? analysis.mutable_findings(*peak) : analysis.add_findings();
    if (!peak && top != tops_.end()) finding->set_retention_time(top->second);
    // The peak's own row may name the best of them.
    finding->mutable_identifications()->Swap(&group.hits);
  }
  for (Group& group : compounds_) {
    const auto found = compounds.find(group.number);
    Finding* finding = found == compounds.end() ? analysis.add_findings() : analysis.mutable_findings(found->second);
    finding->mutable_identifications()->MergeFrom(group.hits);
  }
}

}  // namespace dims::shimadzu
