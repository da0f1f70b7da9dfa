#include "firmware-bridge/noise_quota.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kSayWithin = absl::Hours(1);

// Bytes [begin, end) of the line, all of them in the entry.
IntakeEntry PartOf(const IntakeEntry& entry, uint64_t begin, uint64_t end) {
  IntakeEntry part{entry.kind, begin, entry.time, entry.bytes.substr(begin - entry.offset, end - begin), {}};
  for (const LineMark& mark : entry.marks) {
    const uint64_t at = entry.offset + mark.offset;
    if (at >= begin && at < end) part.marks.push_back({mark.kind, static_cast<decltype(mark.offset)>(at - begin)});
  }
  return part;
}

}  // namespace

bool IsNoise(const dims::v1::Report& report) {
  return report.analyses_size() == 0 && report.weighings_size() == 0 && report.scans_size() == 0 &&
         report.problems_size() > 0 && report.problems(0).type() == dims::v1::PROBLEM_TYPE_NOISE;
}

void NoiseQuota::Withheld::Drop(uint64_t from, uint64_t through, absl::Time now, std::vector<IntakeEntry>& entries) {
  end = through;
  noise += through - from;
  std::vector<IntakeEntry> kept;
  bool goes_on = false;  // bytes after these are here
  for (IntakeEntry& entry : entries) {
    const bool in = entry.kind == IntakeEntry::Kind::kIn;
    const uint64_t entry_end = entry.offset + entry.bytes.size();
    if (in && entry.bytes.empty() && entry.offset >= from && entry.offset <= through)
      continue;  // an earlier hole's end
    goes_on |= in && entry_end > through;
    if (!in || entry_end <= from || entry.offset >= through) {
      kept.push_back(std::move(entry));
      continue;
    }
    const uint64_t first = std::max(from, entry.offset), last = std::min(through, entry_end);
    if (entry.offset < first) kept.push_back(PartOf(entry, entry.offset, first));
    hash.Update(absl::string_view(entry.bytes).substr(first - entry.offset, last - first));
    dropped += last - first;
    if (last < entry_end) kept.push_back(PartOf(entry, last, entry_end));
  }
  // Positions count on over the hole.
  if (!goes_on) kept.push_back(IntakeEntry{IntakeEntry::Kind::kIn, through, now, "", {}});
  entries = std::move(kept);
}

bool NoiseQuota::Exceeds(uint64_t bytes, absl::Duration uptime) {
  if (uptime - began_ >= kDay) {
    began_ = uptime;
    used_ = 0;
  }
  used_ += bytes;
  flooded_ |= used_ > most_;
  return flooded_;
}

bool NoiseQuota::Renewed(absl::Duration uptime) {
  if (!flooded_ || uptime - began_ < kDay) return false;
  flooded_ = false;
  return true;
}

NoiseQuota::Withheld& NoiseQuota::Sum(uint64_t begin, absl::Time first, absl::Duration uptime) {
  if (!withheld_) {
    withheld_.emplace(Withheld{});
    withheld_->begin = begin;
    withheld_->first = first;
    withheld_->since = uptime;
  }
  return *withheld_;
}

bool NoiseQuota::IsDue(absl::Duration uptime) const { return withheld_ && uptime - withheld_->since >= kSayWithin; }

dims::v1::Report NoiseQuota::Describe(const Withheld& withheld) const {
  dims::v1::Report report;
  const std::string hash = withheld.hash.Digest();
  AddProblem(report, dims::v1::PROBLEM_TYPE_NOISE, 0,
             absl::StrCat(withheld.noise, " bytes outside any report from position ", withheld.begin, " on; ",
                          withheld.dropped, " of them not kept: quota of ", most_,
                          " bytes in 24 h; their SHA-256: ", absl::BytesToHexString(hash)));
  if (withheld.line_errors.ByteSizeLong() > 0) *report.mutable_line_errors() = withheld.line_errors;
  report.set_raw_size(withheld.dropped);
  report.set_raw_sha256(hash);
  return report;
}

}  // namespace dims
