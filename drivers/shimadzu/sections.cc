#include "drivers/shimadzu/sections.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dims::shimadzu {
namespace {

constexpr std::size_t kLongestTitle = 200;

// Groups are sums over compounds that are carried themselves.
constexpr SectionKind kSections[] = {
    {"File Information", SectionKind::kKeys},
    {"Sample Information", SectionKind::kKeys},
    {"Original Files", SectionKind::kKeys},
    {"Configuration", SectionKind::kKeys},
    {"File Description", SectionKind::kText},
    {"MC Peak Table", SectionKind::kPeaks, true},
    {"MS Peak Table", SectionKind::kPeaks, true},
    {"Peak Table", SectionKind::kPeaks},
    {"MS Quantitative Results", SectionKind::kCompounds, true},
    {"Compound Results", SectionKind::kCompounds},
    {"Spectrum Process Table", SectionKind::kSpectra, true},
    {"MS Similarity Search Results for Spectrum Process Table", SectionKind::kHits, true},
    {"MS Similarity Search Results for Identified Results", SectionKind::kHits, true},
    {"MS Column Performance Table", SectionKind::kOtherTable},
    {"MS Group Results", SectionKind::kOtherTable},
    {"Group Results", SectionKind::kOtherTable},
    {"Slice Data", SectionKind::kOtherTable},
    {"Average Molecular Weight Table", SectionKind::kOtherTable},
    {"Fraction Collection Report", SectionKind::kOtherTable},
    {"FractionCollectionReport", SectionKind::kOtherTable},
    {"MS Chromatogram", SectionKind::kCurve, true, dims::v1::SPECTRUM_KIND_CHROMATOGRAM},
    {"MS Spectrum", SectionKind::kCurve, true, dims::v1::SPECTRUM_KIND_MASS},
    {"Chromatogram", SectionKind::kCurve, false, dims::v1::SPECTRUM_KIND_CHROMATOGRAM},
    {"LC Chromatogram", SectionKind::kCurve, false, dims::v1::SPECTRUM_KIND_CHROMATOGRAM},
    {"PDA Multi Chromatogram", SectionKind::kCurve, false, dims::v1::SPECTRUM_KIND_CHROMATOGRAM, "PDA-"},
    {"LC Status Trace", SectionKind::kTrace},
    {"GC Status Trace", SectionKind::kTrace},
    {"Status Trace", SectionKind::kTrace},
    {"PDA 3D", SectionKind::kText},
};

}  // namespace

std::string Section::Title() const { return channel.empty() ? name : absl::StrCat(name, "(", channel, ")"); }

std::optional<Section> ParseSection(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "[")) return std::nullopt;
  // Spreadsheets fill every line up with separators.
  line = line.substr(0, line.find_last_not_of("\t,; ") + 1);
  if (line.size() > kLongestTitle || !absl::ConsumeSuffix(&line, "]")) return std::nullopt;
  Section section;
  const std::size_t bracket = line.find('(');
  if (bracket != absl::string_view::npos && absl::ConsumeSuffix(&line, ")")) {
    section.channel = std::string(absl::StripAsciiWhitespace(line.substr(bracket + 1)));
    line = line.substr(0, bracket);
  }
  section.name = std::string(absl::StripAsciiWhitespace(line));
  if (section.name.empty()) return std::nullopt;
  return section;
}

bool IsHeader(const Section& section) { return section.name == "Header" && section.channel.empty(); }

const SectionKind* KindOf(const Section& section) {
  const auto* kind = std::find_if(std::begin(kSections), std::end(kSections),
                                  [&](const SectionKind& k) { return k.name == section.name; });
  return kind == std::end(kSections) ? nullptr : kind;
}

}  // namespace dims::shimadzu
