// The ASCII export of one injection, by GCMSsolution or LabSolutions (GC, LC, GC/MS, LC/MS).
//
// What: one export while it is being read, from "[Header]" on: sections of keys, of tables, of curves. It becomes one
//   Report. All that the mass spectrometer found is one Analysis; each channel of other detectors is one of its own.
// Promise: a section that is not known is said to be so and left out, and so is a line that its section does not have.
//   Operators' names, folders and descriptions that people typed are not carried.
// Notes: there is no end marker. A section ends with a blank line or with the next; most say how long they are. Which
//   of day and month comes first in a date depends on the workstation: times are carried as printed. The separator is
//   the one in the header's first line. A section that is there once per injection and comes again shows that a header
//   was lost between (HasHad). Bounds: tables and curves that are kept take 3 MiB; what does not fit is left out, and
//   said (OVERSIZE).
// Errors: as problems in the report.
// Threads: one at a time.
// Source: exports of GCMSsolution, and of LabSolutions 5.82 to 5.120.
#ifndef DIMS_DRIVERS_SHIMADZU_INJECTION_H_
#define DIMS_DRIVERS_SHIMADZU_INJECTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/shimadzu/curve.h"
#include "drivers/shimadzu/hits.h"
#include "drivers/shimadzu/sections.h"
#include "drivers/shimadzu/table.h"

namespace dims::shimadzu {

class Injection {
 public:
  struct Settings {
    std::string sample_number;  // the key that holds it, as Normal gives it: "samplename"
    bool keep_curves = false;
  };

  explicit Injection(Settings settings) : settings_(std::move(settings)) {}
  // The one after this, whose header was lost.
  Injection Next(uint64_t at) const;

  // Every line after "[Header]", or, where the header was lost, the title of the first section and every line after it.
  void Take(const TextLine& line);

  // Other formats have a "[Header]" too. Known: this is none of them. Foreign: it is.
  bool IsKnown() const { return known_; }
  bool IsForeign() const { return foreign_ || (!known_ && foreign_lines_ > 4); }
  bool HasHad(const Section& section) const;
  // There is a result, and nothing more is due.
  bool complete() const;
  dims::v1::Report& report() { return report_; }
  // `complete`: nothing more is due.
  End Finish(End::Where where, bool complete) &&;

 private:
  // One detector's channel.
  struct Channel {
    std::string name;
    bool mass_spectrometer = false;
    std::map<std::string, int> peaks;  // by ID# and time, as a table of compounds refers to them
  };
  struct PeakPlace {
    std::size_t channel;
    int finding;
  };
  enum class Reading { kNothing, kStray, kHeader, kKeys, kTable, kCurve, kPassed };

  void OpenSection(const Section& section, uint64_t at);
  void CloseSection();
  bool IsCarried(absl::string_view text) const;
  void TakeHeader(absl::string_view text, uint64_t at);
  void TakeKey(absl::string_view text, uint64_t at);
  void TakeRow(uint64_t at);
  bool TakePeak(uint64_t at);
  bool TakeCompound(uint64_t at);
  std::optional<PeakPlace> TakePeakOf(const std::string& id, const dims::v1::Finding& compound);
  std::size_t ChannelOf(const std::string& name, bool mass_spectrometer);
  std::size_t Room() const;
  bool Keep(std::size_t size);
  dims::v1::Technique TechniqueOf(const Channel& channel, const std::string& data_file) const;
  void Unexpected(uint64_t at, absl::string_view what);
  void Undecodable(uint64_t at);

  const Settings settings_;
  dims::v1::Report report_;
  bool known_ = false, foreign_ = false, has_results_ = false, full_ = false;
  int foreign_lines_ = 0;
  char separator_ = '\t';
  std::map<std::string, std::string> keys_;  // of the sections of keys, by their normal names
  std::vector<std::string> had_;             // titles of the sections that come once
  std::vector<Channel> channels_;            // each with the analysis at its place
  std::map<std::string, int> compounds_;     // the mass spectrometer's, by ID#
  Hits hits_;
  std::size_t kept_ = 0;

  Reading reading_ = Reading::kHeader;
  const SectionKind* kind_ = nullptr;
  Section section_;
  uint64_t section_at_ = 0;
  std::size_t channel_ = 0;
  std::optional<Table> table_;
  int64_t last_peak_ = 0;
  std::optional<Curve> curve_;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_INJECTION_H_
