#include "drivers/amdis/components.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::amdis {
namespace {

constexpr int kMostComponents = 20'000;  // a short one would need far more room than its bytes

bool IsNumbers(absl::string_view text) {
  const WordList words = Words(text);
  return std::all_of(words.begin(), words.end(), IsNumber);
}

struct MassPeak {
  double mass = 0, abundance = 0;
  bool uncertain = false;
};

// Cuts "(55,18 )" or "(54,3 N0.3)" off.
std::optional<MassPeak> CutPeak(absl::string_view& text) {
  const std::size_t end = text.find(')'), comma = text.find(',');
  if (!absl::StartsWith(text, "(") || end == absl::string_view::npos || comma > end) return std::nullopt;
  const absl::string_view mass = absl::StripAsciiWhitespace(text.substr(1, comma - 1));
  absl::string_view abundance = absl::StripAsciiWhitespace(text.substr(comma + 1, end - comma - 1));
  absl::string_view flag;
  if (const std::size_t blank = abundance.find(' '); blank != absl::string_view::npos) {
    flag = absl::StripAsciiWhitespace(abundance.substr(blank));
    abundance = abundance.substr(0, blank);
  }
  MassPeak peak;
  if (!Decimal::Parse(mass) || !Decimal::Parse(abundance) || !absl::SimpleAtod(mass, &peak.mass) ||
      !absl::SimpleAtod(abundance, &peak.abundance) ||
      (!flag.empty() &&
       !(absl::ascii_isupper(static_cast<unsigned char>(flag[0])) && (flag.size() == 1 || IsNumber(flag.substr(1)))))) {
    return std::nullopt;
  }
  peak.uncertain = !flag.empty();
  text.remove_prefix(end + 1);
  return peak;
}

}  // namespace

bool IsComponent(absl::string_view line) {
  return absl::StartsWith(line, "NAME:") && absl::StrContains(line, "|SC") && absl::StrContains(line, "|RT");
}

TextReport::Verdict Components::Take(const TextLine& line) {
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (text.empty()) {
    if (spectrum_ != nullptr && (found_ > 0 || expected_ == 0)) CloseComponent();
    return Verdict::kTaken;
  }
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  absl::string_view count = text;
  int64_t peaks = 0;
  if (absl::StartsWith(text, "NAME:")) {
    TakeName(text, line.at);
  } else if (spectrum_ == nullptr) {
    if (!left_out_) LeaveOut(line.at);
  } else if (expected_ >= 0 && (text == "RE" || absl::StartsWith(text, "NUM PEAKS:"))) {
    // Its head, and the blank line before it, were lost.
    CloseComponent();
    LeaveOut(line.at);
  } else if (expected_ >= 0) {
    if (!TakePeaks(text)) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "no peak where one is due; the line's rest is left out");
    }
  } else if (text == "RE") {
    shape_ = true;
  } else if (absl::ConsumePrefix(&count, "NUM PEAKS:") && absl::SimpleAtoi(count, &peaks) && peaks >= 0) {
    expected_ = peaks;
  } else if (!shape_ || !IsNumbers(text)) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "this line has no place in the component");
  }
  return analysis_->findings_size() > kMostComponents ? Verdict::kFull : Verdict::kTaken;
}

void Components::TakeName(absl::string_view text, uint64_t at) {
  CloseComponent();
  if (analysis_ == nullptr) {
    analysis_ = report().add_analyses();
    analysis_->set_technique(dims::v1::TECHNIQUE_GC_MS);
  }
  dims::v1::Finding finding;
  dims::v1::Peak& peak = *finding.mutable_peak();
  finding.set_role(dims::v1::FINDING_ROLE_UNKNOWN);
  std::string title;
  bool fits = true;
  absl::ConsumePrefix(&text, "NAME:");
  for (const absl::string_view field : absl::StrSplit(text, '|')) {
    const absl::string_view tag = field.substr(0, 2), value = absl::ClippedSubstr(field, 2);
    const auto number = [&] { return (fits &= IsNumber(value), Point(value)); };
    if (tag == "SC" || tag == "CN" || tag == "MP") absl::StrAppend(&title, title.empty() ? "" : "|", field);
    if (tag == "SC") peak.set_max_scan(number());
    if (tag == "RT") finding.set_retention_time(number());
    if (tag == "PC") finding.set_purity(number());
    if (tag == "SN") finding.set_signal_to_noise(number());
    if (tag == "XN") peak.set_area(number());
    if (tag == "RI" && !value.empty()) finding.set_retention_index(number());
    if (tag == "WD") peak.set_width(std::string(value));  // it can be ">5"
  }
  if (!fits || peak.max_scan().empty() || finding.retention_time().empty()) {
    LeaveOut(at);
    return;
  }
  finding.set_spectrum_title(title);
  *analysis_->add_findings() = std::move(finding);
  left_out_ = false;
  spectrum_ = analysis_->add_spectra();
  spectrum_->set_kind(dims::v1::SPECTRUM_KIND_MASS);
  spectrum_->set_title(title);
  spectrum_->set_x_unit("m/z");
  at_ = at;
}

bool Components::TakePeaks(absl::string_view text) {
  while (!text.empty()) {
    const std::optional<MassPeak> peak = CutPeak(text);
    if (!peak) return false;
    const auto point = static_cast<uint32_t>(spectrum_->x_size());
    spectrum_->add_x(peak->mass);
    spectrum_->add_y(peak->abundance);
    if (peak->uncertain) spectrum_->add_uncertain_points(point);
    ++found_;
    text = absl::StripLeadingAsciiWhitespace(text);
  }
  return true;
}

void Components::LeaveOut(uint64_t at) {
  Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "the head of a component is not as such are; it is left out");
  left_out_ = true;
}

void Components::CloseComponent() {
  if (spectrum_ != nullptr) {
    whole_ = expected_ >= 0 && found_ >= expected_;
    spectrum_->set_points(static_cast<uint64_t>(spectrum_->x_size()));
    if (expected_ < 0) {
      Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, "the component does not say how many peaks it has");
    } else if (found_ != expected_) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
              absl::StrCat("the component counts ", expected_, " peaks and has ", found_));
    }
  }
  spectrum_ = nullptr;
  shape_ = false;
  expected_ = -1;
  found_ = 0;
}

void Components::Finish(bool complete) {
  if (complete) {
    CloseComponent();
  } else if (spectrum_ != nullptr) {
    spectrum_->set_points(static_cast<uint64_t>(spectrum_->x_size()));
  }
}

}  // namespace dims::amdis
