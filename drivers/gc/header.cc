#include "drivers/gc/header.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

constexpr std::size_t kMostValue = 1024;   // of a value that goes on and on
constexpr std::size_t kMostNameLines = 8;  // so much is compared with other pages
constexpr std::size_t kRightFields = 40;   // they begin at column 44 and later
constexpr std::size_t kContinuation = 10;  // blanks at least; it has 18

// A value that stands on the right, behind another.
constexpr absl::string_view kRightKeys[] = {"Seq. Line", "Location", "Inj", "Inj Volume", "Vial"};
// What may stand on its left.
constexpr absl::string_view kLeftKeys[] = {"Acq. Operator", "Sample Operator", "Acq. Instrument", "Injection Date",
                                           "Sample Name"};

// "Different Inj Volume from Sequence !     Actual Inj Volume : 10.000 ul"
constexpr absl::string_view kDifferentVolume = "Different Inj Volume from Sequence", kVolume = "Actual Inj Volume :";

bool MayHaveRightField(absl::string_view left) {
  if (absl::StripAsciiWhitespace(left).empty()) return true;
  const std::optional<KeyValue> pair = ParseKeyValue(left);
  const bool known = pair && std::any_of(std::begin(kLeftKeys), std::end(kLeftKeys), [&](absl::string_view key) {
                       return key == pair->key || IsSlip(key, pair->key);
                     });
  if (!known) return false;
  return pair->key != "Sample Name" || absl::EndsWith(left, " ");
}

}  // namespace

Header::Header(const DataFile& file, const TextLine& line) : data_file_line_(file.path) {
  values_.set_sample_number(std::string(file.sample));
  named_ = !file.sample.empty();
  if (named_) sample_lines_.emplace_back(file.sample);
  BeginValue("Data File", file.path, line.blank_end);
}

bool Header::IsLine(absl::string_view line) {
  const std::optional<KeyValue> pair = ParseKeyValue(line);
  return pair && pair->key.data() == line.data() && absl::ascii_isalpha(pair->key[0]) && absl::StrContains(line, " :");
}

bool Header::TakeAbove(const TextLine& line) {
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  const std::optional<KeyValue> pair = ParseKeyValue(text);
  if (pair && pair->key == "Sample Name") {
    BeginValue(pair->key, pair->value, line.blank_end);
    sample_lines_.assign(1, std::string(pair->value));
  } else if (const std::optional<Stamp> stamp = ParseStamp(text)) {
    EndValue();
    set_reported_at(stamp->time);
  } else {
    const bool of_sample = key_ == "Sample Name";
    if (!ContinueValue(line)) return false;
    if (of_sample && sample_lines_.size() < kMostNameLines) sample_lines_.emplace_back(text);
  }
  return true;
}

bool Header::Take(const TextLine& line) {
  if (absl::StartsWith(line.text, kDifferentVolume)) return TakeVolumeInjected(line.text);
  const absl::string_view left = TakeRightField(line.text);
  const bool whole = left.size() == line.text.size();
  if (!whole && absl::StripAsciiWhitespace(left).empty()) {
    EndValue();
  } else if (IsLine(left)) {
    const std::optional<KeyValue> pair = ParseKeyValue(left);
    BeginValue(pair->key, pair->value, line.blank_end && whole);
  } else {
    return ContinueValue(line);
  }
  return true;
}

bool Header::TakeVolumeInjected(absl::string_view text) {
  EndValue();
  knows_volume_ = true;  // it is not the one that was asked for
  const std::size_t at = text.find(kVolume);
  values_.set_injection_volume(at == absl::string_view::npos
                                   ? std::string()
                                   : std::string(absl::StripAsciiWhitespace(text.substr(at + kVolume.size()))));
  return !values_.injection_volume().empty();
}

// Takes what stands on the right, and gives back what is left of it.
absl::string_view Header::TakeRightField(absl::string_view text) {
  for (const absl::string_view key : kRightKeys) {
    const std::string field = absl::StrCat(" ", key, " :");
    const std::size_t at = text.find(field, std::min(text.size(), kRightFields));
    if (at == absl::string_view::npos || !MayHaveRightField(text.substr(0, at))) continue;
    const absl::string_view value = absl::StripAsciiWhitespace(text.substr(at + field.size()));
    if (key == "Location" || key == "Vial") values_.set_vial(std::string(VialOf(value)));
    if (key == "Inj Volume" && !knows_volume_) values_.set_injection_volume(std::string(value));
    return text.substr(0, at);
  }
  return text;
}

void Header::BeginValue(absl::string_view key, absl::string_view value, bool blank_end) {
  EndValue();
  key_ = std::string(key);
  value_ = std::string(value);
  blank_end_ = blank_end;
}

// A long value goes on in the next line, at whatever character was the last that had room.
bool Header::ContinueValue(const TextLine& line) {
  if (key_.empty() || Indent(line.text) < kContinuation) return false;
  if (value_.size() < kMostValue) {
    absl::StrAppend(&value_, blank_end_ ? " " : "", absl::StripAsciiWhitespace(line.text));
  }
  blank_end_ = line.blank_end;
  return true;
}

void Header::EndValue() {
  const std::string key = std::exchange(key_, "");
  const absl::string_view value = absl::StripAsciiWhitespace(value_);
  if (key == "Data File") {
    values_.set_data_file(std::string(FileName(value)));
  } else if (key == "Sample Name") {
    values_.set_sample_number(std::string(value));
    named_ = true;
  } else if (key == "Injection Date") {
    values_.set_acquired_at_printed(std::string(value));
    injected_ = true;
  } else if (key == "Analysis Method" || ((key == "Method" || key == "Acq. Method") && values_.method().empty())) {
    values_.set_method(std::string(MethodOf(value)));
  }
}

}  // namespace dims::gc
