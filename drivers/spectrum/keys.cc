#include "drivers/spectrum/keys.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/text.h"

namespace dims::spectrum {
namespace {

constexpr absl::string_view kEnlighten = "ENLIGHTEN Version,";

dims::v1::SpectrumKind KindOf(absl::string_view perkin_elmer_title) {
  absl::ConsumePrefix(&perkin_elmer_title, "PE ");
  if (absl::StartsWith(perkin_elmer_title, "FL")) return dims::v1::SPECTRUM_KIND_FLUORESCENCE;
  if (absl::StartsWith(perkin_elmer_title, "UV")) return dims::v1::SPECTRUM_KIND_UV_VIS;
  if (absl::StartsWith(perkin_elmer_title, "IR")) return dims::v1::SPECTRUM_KIND_INFRARED;
  return dims::v1::SPECTRUM_KIND_UNSPECIFIED;
}

}  // namespace

Layout LayoutOf(absl::string_view line) {
  if (line == "SpectraSuite Data File" || (absl::StartsWith(line, "Data from ") && absl::EndsWith(line, " Node"))) {
    return Layout::kOcean;
  }
  if (absl::StartsWith(line, "File Version;BW")) return Layout::kBwTek;
  if (line == "[WITEC_TRUEMATCH_ASCII_HEADER]") return Layout::kWitec;
  if (absl::StartsWith(line, "PE ") && absl::StrContains(line, "SPECTRUM") && absl::StrContains(line, "PEDS")) {
    return Layout::kPerkinElmer;
  }
  return Layout::kOther;
}

bool BeginsFile(absl::string_view line) {
  return LayoutOf(line) != Layout::kOther || absl::StartsWith(line, kEnlighten);
}

bool IsJascoKey(absl::string_view line, absl::string_view key) {
  return absl::ConsumePrefix(&line, key) && (line.empty() || line[0] == '\t' || line[0] == ',');
}

void Keys::SetKind(dims::v1::SpectrumKind kind) {
  if (kind_ == dims::v1::SPECTRUM_KIND_UNSPECIFIED) kind_ = kind;
}

void Keys::ForgetSpectrum() {
  title_.clear();
  points_ = 0;
}

void Keys::TakeFirst(absl::string_view text, dims::v1::Analysis& analysis) {
  layout_ = LayoutOf(text);
  enlighten_ = absl::StartsWith(text, kEnlighten);
  if (layout_ == Layout::kPerkinElmer) SetKind(KindOf(text));
  if (absl::ConsumePrefix(&text, "Data from ") && absl::ConsumeSuffix(&text, " Node")) {
    analysis.set_data_file(std::string(FileName(text)));
  }
}

void Keys::Take(absl::string_view text, uint64_t number, dims::v1::Analysis& analysis) {
  if (layout_ == Layout::kPerkinElmer) {
    TakePerkinElmer(text, number, analysis);
    return;
  }
  const std::size_t separator = layout_ == Layout::kOther ? text.find_first_of("\t,") : absl::string_view::npos;
  if (separator != absl::string_view::npos) {
    for (const auto& [name, kept] : {std::pair{"TITLE", &Jasco::title},
                                     {"DATA TYPE", &Jasco::type},
                                     {"DATE", &Jasco::date},
                                     {"TIME", &Jasco::time},
                                     {"XUNITS", &Jasco::x_unit},
                                     {"YUNITS", &Jasco::y_unit},
                                     {"NPOINTS", &Jasco::points}}) {
      if (text.substr(0, separator) != name) continue;
      jasco_.*kept = std::string(absl::StripAsciiWhitespace(text.substr(separator + 1)));
    }
  }
  if (enlighten_) TakeEnlighten(text, analysis);
  // LabSpec.
  if (layout_ == Layout::kOther && absl::StartsWith(text, "#Acquired=")) {
    analysis.set_acquired_at_printed(std::string(absl::StripAsciiWhitespace(text.substr(text.find('=') + 1))));
  }
  const std::size_t mark = text.find_first_of(layout_ == Layout::kWitec ? "=" : ":;");
  if (mark == absl::string_view::npos) return;
  const absl::string_view key = absl::StripAsciiWhitespace(text.substr(0, mark));
  const absl::string_view value = absl::StripAsciiWhitespace(text.substr(mark + 1));
  if (key == "Date") {
    analysis.set_acquired_at_printed(std::string(value));
  } else if (absl::StartsWith(key, "Number of Pixels in ") || key == "SpectrumSize") {
    if (!absl::SimpleAtoi(value, &points_)) points_ = 0;
  } else if (key == "XAxis mode" || key == "XDataKind") {
    x_unit_ = std::string(value);
    if (absl::StartsWith(value, "Raman ")) SetKind(dims::v1::SPECTRUM_KIND_RAMAN);
  } else if (layout_ == Layout::kWitec && key == "Title") {
    title_ = std::string(value);
  }
}

void Keys::TakeEnlighten(absl::string_view text, dims::v1::Analysis& analysis) {
  if (absl::ConsumePrefix(&text, "Timestamp,")) {
    analysis.set_acquired_at_printed(std::string(absl::StripAsciiWhitespace(text)));
  } else if (absl::ConsumePrefix(&text, "Technique,")) {
    if (absl::StripAsciiWhitespace(text) == "Raman") SetKind(dims::v1::SPECTRUM_KIND_RAMAN);
  }
}

// Cary says it of each spectrum: of several, the time of the first counts.
void Keys::TakeBelow(absl::string_view text, dims::v1::Analysis& analysis) {
  if (absl::ConsumePrefix(&text, "Collection Time:")) {
    const absl::string_view time = absl::StripAsciiWhitespace(text);
    times_left_out_ |= several_times_ && !time.empty();
    if (several_times_ || time.empty() || !analysis.acquired_at_printed().empty()) return;
    analysis.set_acquired_at_printed(std::string(time));
    time_below_ = true;
  } else if (absl::ConsumePrefix(&text, "Data mode  ")) {
    if (absl::StripAsciiWhitespace(text) != "Fluorescence" || kind_ != dims::v1::SPECTRUM_KIND_UNSPECIFIED) return;
    kind_ = dims::v1::SPECTRUM_KIND_FLUORESCENCE;
    kind_below_ = true;
  }
}

void Keys::TakeBetween(absl::string_view text) {
  static constexpr std::array<absl::string_view, 4> kTimes = {"Date:", "Date;", "Timestamp,", "#Acquired="};
  time_between_ |=
      std::any_of(kTimes.begin(), kTimes.end(), [&](absl::string_view key) { return absl::StartsWith(text, key); });
}

void Keys::EndByRow(bool was_text, dims::v1::Analysis& analysis) {
  if (std::exchange(kind_below_, false)) kind_ = dims::v1::SPECTRUM_KIND_UNSPECIFIED;
  if (std::exchange(time_below_, false)) analysis.clear_acquired_at_printed();
  time_between_ = false;
  several_times_ |= was_text;
}

void Keys::EndByTable(bool apart, dims::v1::Analysis& analysis) {
  times_left_out_ |= apart && (time_between_ || !analysis.acquired_at_printed().empty());
  EndByRow(apart, analysis);
  if (apart) analysis.clear_acquired_at_printed();
}

void Keys::TakeJasco(dims::v1::Analysis& analysis) {
  const Jasco jasco = std::exchange(jasco_, {});
  title_ = jasco.title;
  x_unit_ = jasco.x_unit;
  y_unit_ = jasco.y_unit;
  const bool both = !jasco.date.empty() && !jasco.time.empty();
  if (!jasco.date.empty()) analysis.set_acquired_at_printed(absl::StrCat(jasco.date, both ? " " : "", jasco.time));
  if (!absl::SimpleAtoi(jasco.points, &points_)) points_ = 0;
  if (jasco.type == "INFRARED SPECTRUM") SetKind(dims::v1::SPECTRUM_KIND_INFRARED);
  if (jasco.type == "RAMAN SPECTRUM") SetKind(dims::v1::SPECTRUM_KIND_RAMAN);
}

// Its lines have no keys: the third is the file's name; the first after "#GR" is x's unit, the seventh counts points.
void Keys::TakePerkinElmer(absl::string_view text, uint64_t number, dims::v1::Analysis& analysis) {
  if (number == 2) analysis.set_data_file(std::string(FileName(text)));
  if (text == "#GR") group_ = number;
  if (group_ != 0 && number == group_ + 1) x_unit_ = std::string(text);
  if (group_ != 0 && number == group_ + 7 && !absl::SimpleAtoi(text, &points_)) points_ = 0;
}

}  // namespace dims::spectrum
