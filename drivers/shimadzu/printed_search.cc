#include "drivers/shimadzu/printed_search.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {
namespace {

constexpr std::size_t kMostKept = 2 << 20, kHitKept = 128;
constexpr int kMostNameLines = 16;

constexpr absl::string_view kLabels[] = {
    "Line#:",   "R.Time:", "MassPeaks:", "RawMode:", "BasePeak:",  "BG Mode:",  "Hit#:",    "Entry:",
    "Library:", "SI:",     "Formula:",   "CAS:",     "MolWeight:", "RetIndex:", "CompName:"};

// "Hit#:1 Entry:40211 Library:NIST17.lib": the value of one label, up to the next; nullopt where it is not there.
std::optional<absl::string_view> Value(absl::string_view line, absl::string_view label) {
  std::size_t begin = 0;
  if (!absl::StartsWith(line, label)) {
    begin = line.find(absl::StrCat(" ", label));
    if (begin == absl::string_view::npos) return std::nullopt;
    ++begin;
  }
  line = line.substr(begin + label.size());
  std::size_t end = line.size();
  for (const absl::string_view next : kLabels) end = std::min(end, line.find(absl::StrCat(" ", next)));
  return absl::StripAsciiWhitespace(line.substr(0, end));
}

std::string ValueOr(absl::string_view line, absl::string_view label) {
  return std::string(Value(line, label).value_or(""));
}

// "4.310(Scan#:39)"
struct Time {
  absl::string_view minutes, scan;
};
std::optional<Time> ParseTime(absl::string_view text) {
  const std::size_t bracket = text.find("(Scan#:");
  if (bracket == absl::string_view::npos || !absl::ConsumeSuffix(&text, ")")) return std::nullopt;
  const Time time{text.substr(0, bracket), text.substr(bracket + 7)};
  return IsNumber(time.minutes) && IsDigits(time.scan) ? std::optional(time) : std::nullopt;
}

bool IsOfAxes(absl::string_view text) {
  return absl::StartsWith(text, "m/z") || text.find_first_not_of("0123456789., %") == absl::string_view::npos;
}

std::optional<int64_t> SpectrumOf(absl::string_view text) {
  int64_t number = 0;
  const std::optional<absl::string_view> printed = Value(text, "Line#:");
  return printed && absl::StartsWith(text, "Line#:") && absl::SimpleAtoi(*printed, &number) ? std::optional(number)
                                                                                            : std::nullopt;
}

}  // namespace

bool PrintedSearch::IsTarget(absl::string_view line) {
  const WordList words = Words(line);
  return words.size() == 3 && words[0] == "<<" && words[1] == "Target" && words[2] == ">>";
}

PrintedSearch::PrintedSearch() { report_.add_analyses()->set_technique(dims::v1::TECHNIQUE_MS); }

bool PrintedSearch::Starts(absl::string_view line) const {
  const std::optional<int64_t> spectrum = SpectrumOf(absl::StripAsciiWhitespace(line));
  return spectrum && *spectrum <= spectrum_;
}

void PrintedSearch::Take(const TextLine& line) {
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (line.damaged) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  }
  if (text.empty()) {
    if (state_ == State::kNamed) state_ = State::kRest;
  } else if (!TakeLine(text, line.at)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
               "a line that this print-out does not have here; it is left out");
  }
}

bool PrintedSearch::TakeLine(absl::string_view text, uint64_t at) {
  if (IsTarget(text)) {
    if (!complete()) AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "the hit before has no name");
    state_ = State::kTarget;
    return true;
  }
  if (absl::StartsWith(text, "Line#:")) return TakeTarget(text, at);
  if (absl::StartsWith(text, "RawMode:") || absl::StartsWith(text, "BG Mode:")) return state_ == State::kDescribed;
  if (absl::StartsWith(text, "Hit#:")) return TakeHit(text, at);
  if (absl::StartsWith(text, "SI:")) return TakeScore(text, at);
  if (absl::ConsumePrefix(&text, "CompName:")) return TakeName(text, at);
  return IsOfAxes(text) || (state_ == State::kNamed && ++name_lines_ <= kMostNameLines);
}

bool PrintedSearch::TakeTarget(absl::string_view text, uint64_t at) {
  const std::optional<int64_t> spectrum = SpectrumOf(text);
  const std::optional<Time> time = ParseTime(Value(text, "R.Time:").value_or(""));
  if (state_ != State::kTarget || !spectrum || !time) return false;
  state_ = State::kDescribed;
  spectrum_ = *spectrum;
  rank_ = 0;
  dims::v1::Finding finding;
  finding.set_retention_time(Point(time->minutes));
  finding.mutable_peak()->set_max_scan(std::string(time->scan));
  finding_ = nullptr;
  if (!Keep(finding, at)) return true;
  finding_ = report_.mutable_analyses(0)->add_findings();
  *finding_ = std::move(finding);
  return true;
}

bool PrintedSearch::TakeHit(absl::string_view text, uint64_t at) {
  uint32_t rank = 0;
  if (!complete() || !absl::SimpleAtoi(ValueOr(text, "Hit#:"), &rank)) return false;
  if (rank != rank_ + 1) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
               absl::StrCat("hit ", rank, " stands where hit ", rank_ + 1, " is due"));
  }
  state_ = State::kHit;
  rank_ = rank;
  hit_.Clear();
  hit_.set_rank(rank);
  hit_.set_reference(ValueOr(text, "Entry:"));
  hit_.set_library(std::string(FileName(ValueOr(text, "Library:"))));
  return true;
}

bool PrintedSearch::TakeScore(absl::string_view text, uint64_t at) {
  const std::string score = ValueOr(text, "SI:"), index = ValueOr(text, "RetIndex:");
  if (state_ != State::kHit || !IsNumber(score)) return false;
  state_ = State::kScored;
  hit_.set_score(Point(score));
  hit_.set_score_kind(dims::v1::SCORE_KIND_SIMILARITY_INDEX);
  hit_.set_formula(ValueOr(text, "Formula:"));
  hit_.set_cas(LibraryCas(ValueOr(text, "CAS:"), at, report_));
  if (IsNumber(index) && !IsZero(index)) hit_.set_retention_index(Point(index));
  return true;
}

bool PrintedSearch::TakeName(absl::string_view text, uint64_t at) {
  if (state_ != State::kScored) return false;
  state_ = State::kNamed;
  name_lines_ = 0;
  hit_.set_label(std::string(FirstName(text)));
  if (finding_ != nullptr && Keep(hit_, at)) *finding_->add_identifications() = std::move(hit_);
  return true;
}

bool PrintedSearch::Keep(const google::protobuf::Message& message, uint64_t at) {
  const std::size_t size = message.ByteSizeLong() + kHitKept;
  if (size <= kMostKept - kept_) {
    kept_ += size;
    return true;
  }
  if (!std::exchange(full_, true)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_OVERSIZE, at,
               absl::StrCat("more than ", kMostKept >> 20, " MiB of results; what came after them is left out"));
  }
  return false;
}

End PrintedSearch::Finish(End::Where where) && { return End{std::move(report_), where}; }

}  // namespace dims::shimadzu
