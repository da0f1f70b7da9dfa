// The Area Percent Report ("rteres.txt"): integrated peaks, and a line with the sum of their areas.
//
// Rows grow from scan 10000 on, so they are read by their blanks from both ends.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/msd/peaks.h"
#include "drivers/msd/table.h"
#include "drivers/msd/text.h"

namespace dims::msd {
namespace {

using dims::v1::Finding;

constexpr absl::string_view kSum = "Sum of corrected areas:";

bool IsColumnHeader(const WordList& words) {
  return words.size() > 2 && ((words[0] == "peak" && words[1] == "R.T.") || (words[0] == "#" && words[1] == "min"));
}

// Whether the line is exactly a row of the table.
bool IsRow(const WordList& words) {
  if (words.size() < 9 || words.size() > 11) return false;
  const auto tail = absl::MakeConstSpan(words).last(4);
  absl::string_view percent_of_max = tail[2], area_percent = tail[3];
  return absl::ConsumeSuffix(&percent_of_max, "%") && absl::ConsumeSuffix(&area_percent, "%") && IsDigits(words[0]) &&
         IsFixed(words[1], 3) && IsDigits(words[2]) && IsDigits(words[3]) && IsDigits(words[4]) && IsDigits(tail[0]) &&
         IsDigits(tail[1]) && IsFixed(percent_of_max, 2) && IsFixed(area_percent, 3);
}

Finding FindingOf(const WordList& words) {
  const auto tail = absl::MakeConstSpan(words).last(4);
  Finding finding;
  finding.set_retention_time(Point(words[1]));
  dims::v1::Peak* peak = finding.mutable_peak();
  peak->set_number(std::string(words[0]));
  peak->set_first_scan(std::string(words[2]));
  peak->set_max_scan(std::string(words[3]));
  peak->set_last_scan(std::string(words[4]));
  if (words.size() > 9) {
    peak->set_type(absl::StrCat(words[5], words.size() > 10 ? " " : "", words.size() > 10 ? words[6] : ""));
  }
  peak->set_height(std::string(tail[0]));
  peak->set_area(std::string(tail[1]));
  peak->set_percent_of_max(Point(absl::StripSuffix(tail[2], "%")));
  peak->set_area_percent(Point(absl::StripSuffix(tail[3], "%")));
  return finding;
}

class AreaPercentTable final : public Table {
 public:
  bool Take(const TextLine& line, dims::v1::Report& report) override {
    const WordList words = Words(line.text);
    if (IsColumnHeader(words)) return true;
    if (IsRuler(line.text)) {
      if (phase_ == kBefore) phase_ = kWithin;
      return true;
    }
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(line.text), kSum)) {
      TakeSum(words.back(), line.at, report);
      return true;
    }
    if (phase_ != kWithin || !IsRow(words)) return false;
    TakeRow(FindingOf(words), line.at, report);
    return true;
  }

  bool IsBody(absl::string_view text) const override {
    return absl::StrContains(text, kSum) || (phase_ == kWithin && IsRow(Words(text)));
  }

  bool Continues(absl::string_view text) const override {
    if (phase_ != kWithin) return false;
    int64_t number = 0;
    return absl::StrContains(text, kSum) || (absl::SimpleAtoi(Words(text)[0], &number) && number == rows_ + 1);
  }

  bool ShowsItsEnd() const override { return true; }

  void Check(uint64_t at, dims::v1::Report& report) const override {
    if (phase_ == kAfter) return;
    AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at,
               phase_ == kWithin ? "the peak table has no sum line" : "there is no peak table");
  }

 private:
  void TakeRow(Finding row, uint64_t at, dims::v1::Report& report) {
    const dims::v1::Peak& peak = row.peak();
    ++rows_;
    if (Units(peak.number()) != rows_) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
                 absl::StrCat("peak ", peak.number(), " stands where peak ", rows_, " is due"));
      rows_ = static_cast<int64_t>(Units(peak.number()));
    }
    sums_.Add(peak, at, report);
    *report.mutable_analyses(report.analyses_size() - 1)->add_findings() = std::move(row);
  }

  void TakeSum(absl::string_view printed, uint64_t at, dims::v1::Report& report) {
    if (phase_ != kWithin || !IsDigits(printed)) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
                 phase_ != kWithin ? "a sum line without a peak table" : "the sum line holds no number");
      return;
    }
    phase_ = kAfter;
    dims::v1::Analysis& a = *report.mutable_analyses(report.analyses_size() - 1);
    a.set_area_sum(std::string(printed));
    const absl::int128 stated = Units(printed), tolerance = std::max(1, a.findings_size());
    const absl::int128 difference = stated > sums_.sum() ? stated - sums_.sum() : sums_.sum() - stated;
    if (stated < 0 || difference > tolerance) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
                 absl::StrCat("the areas of ", a.findings_size(), " peaks add up to ",
                              static_cast<int64_t>(sums_.sum()), ", the sum line says ", printed));
    }
    sums_.CheckPercents(a, stated, 1, at, report);
  }

  int64_t rows_ = 0;
  PeakSums sums_;
};

}  // namespace

std::unique_ptr<Table> MakeAreaPercentTable() { return std::make_unique<AreaPercentTable>(); }

}  // namespace dims::msd
