#include "firmware-bridge/noise_quota.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kSayWithin = absl::Hours(1);

}  // namespace

bool IsNoise(const dims::v1::Report& report) {
  return report.analyses_size() == 0 && report.weighings_size() == 0 && report.problems_size() > 0 &&
         report.problems(0).type() == dims::v1::PROBLEM_TYPE_NOISE;
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
    withheld_.emplace();
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
