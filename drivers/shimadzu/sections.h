// The sections of an export: "[MC Peak Table]", "[Peak Table(Detector A-Ch1)]", "[Chromatogram (Ch1)]".
//
// What: their titles, and of those that are known, what they hold.
// Promise: a section is known to the letter, or not at all.
// Errors: nullopt and nullptr for what is none, and for one that is not known.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_SHIMADZU_SECTIONS_H_
#define DIMS_DRIVERS_SHIMADZU_SECTIONS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::shimadzu {

struct Section {
  std::string name, channel;

  std::string Title() const;
};
std::optional<Section> ParseSection(absl::string_view line);

// "[Header]": an injection begins.
bool IsHeader(const Section& section);

struct SectionKind {
  enum What {
    kKeys,
    kPeaks,
    kCompounds,
    kSpectra,
    kHits,
    kCurve,
    kTrace,       // a curve of the instrument's state: counted, never kept
    kOtherTable,  // ends with a blank line, and holds nothing that a registry needs
    kText,        // may have blank lines
  };
  absl::string_view name;
  What what;
  bool mass_spectrometer = false;
  dims::v1::SpectrumKind curve = dims::v1::SPECTRUM_KIND_UNSPECIFIED;
  absl::string_view detector = "";  // what stands before the channel's name in this detector's other sections

  // It is there once for an injection (and its channel).
  bool ComesOnce() const { return what != kCurve && what != kTrace && what != kText; }
};
const SectionKind* KindOf(const Section& section);

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_SECTIONS_H_
