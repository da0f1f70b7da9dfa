#include "drivers/shimadzu/printed_search.h"

#include <algorithm>
#include <iterator>
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
constexpr absl::string_view kSynonym = "$$";  // what another name follows

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

bool HasLabel(absl::string_view text) {
  return std::any_of(std::begin(kLabels), std::end(kLabels),
                     [&](absl::string_view label) { return Value(text, label).has_value(); });
}

// Any other line is of axes, or of a name.
bool BeginsPart(absl::string_view text) {
  constexpr absl::string_view kFirst[] = {"Line#:", "RawMode:", "BG Mode:", "Hit#:", "SI:", "CompName:"};
  return PrintedSearch::IsTarget(text) ||
         std::any_of(std::begin(kFirst), std::end(kFirst), [&](auto label) { return absl::StartsWith(text, label); });
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
    EndName();
    if (state_ == State::kNamed) state_ = State::kRest;
  } else if (TakeLine(text, line.at)) {
    blank_end_ = line.blank_end;
  } else {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
               "a line that this print-out does not have here; it is left out");
    stray_ = true;
  }
}

bool PrintedSearch::TakeLine(absl::string_view text, uint64_t at) {
  if (IsOfAxes(text)) {
    axes_ = true;
    return true;
  }
  if (!BeginsPart(text)) return ContinueName(text);
  EndName();
  if (IsTarget(text)) {
    if (!complete()) AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "the hit before has no name");
    state_ = State::kTarget;
    return true;
  }
  if (absl::StartsWith(text, "Line#:")) return TakeTarget(text, at);
  if (absl::StartsWith(text, "RawMode:") || absl::StartsWith(text, "BG Mode:")) return state_ == State::kDescribed;
  if (absl::StartsWith(text, "Hit#:")) return TakeHit(text, at);
  if (absl::StartsWith(text, "SI:")) return TakeScore(text, at);
  return absl::ConsumePrefix(&text, "CompName:") && TakeName(text, at);
}

bool PrintedSearch::TakeTarget(absl::string_view text, uint64_t at) {
  const std::optional<int64_t> spectrum = SpectrumOf(text);
  const std::optional<Time> time = ParseTime(Value(text, "R.Time:").value_or(""));
  if ((state_ != State::kTarget && !complete()) || !spectrum || !time) return false;
  if (state_ != State::kTarget) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "there is no \"<< Target >>\" before this spectrum");
  }
  state_ = State::kDescribed;
  spectrum_ = *spectrum;
  dims::v1::Finding finding;
  finding.set_retention_time(Point(time->minutes));
  finding.mutable_peak()->set_max_scan(std::string(time->scan));
  BeginFinding(std::move(finding), at);
  return true;
}

void PrintedSearch::BeginFinding(dims::v1::Finding finding, uint64_t at) {
  rank_ = 0;
  stray_ = false;
  finding_ = nullptr;
  if (!Keep(finding, at)) return;
  finding_ = report_.mutable_analyses(0)->add_findings();
  *finding_ = std::move(finding);
}

bool PrintedSearch::TakeHit(absl::string_view text, uint64_t at) {
  uint32_t rank = 0;
  if (!complete() || !absl::SimpleAtoi(ValueOr(text, "Hit#:"), &rank)) return false;
  if (rank <= rank_ || (rank == 1 && stray_)) {
    // Of a spectrum whose lines were lost, or were those that could not be read.
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "hits begin again, and their spectrum is not there");
    BeginFinding({}, at);
  }
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
  name_ = std::string(text);
  name_at_ = at;
  axes_ = false;
  if (absl::StrContains(*name_, kSynonym)) EndName();
  return true;
}

bool PrintedSearch::ContinueName(absl::string_view text) {
  if (state_ != State::kNamed || ++name_lines_ > kMostNameLines) return false;
  if (!name_) return true;  // of its synonyms
  if (absl::StartsWith(text, "<<") || HasLabel(text)) return false;
  if (axes_) {
    // A line of numbers was a part of it, or none.
    name_ = "";
    EndName();
    return true;
  }
  absl::StrAppend(&*name_, blank_end_ ? " " : "", text);
  if (absl::StrContains(*name_, kSynonym)) EndName();
  return true;
}

// The first of the synonyms has come, or no more can.
void PrintedSearch::EndName() {
  if (!name_) return;
  if (name_lines_ > 0 && !absl::StrContains(*name_, kSynonym)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, name_at_,
               absl::StrCat("the name of a hit goes on, and where it ends is not there",
                            name_->empty() ? "; it is left out" : ""));
  }
  hit_.set_label(std::string(FirstName(*name_)));
  name_.reset();
  if (finding_ != nullptr && Keep(hit_, name_at_)) *finding_->add_identifications() = std::move(hit_);
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

End PrintedSearch::Finish(End::Where where) && {
  EndName();
  return End{std::move(report_), where};
}

}  // namespace dims::shimadzu
