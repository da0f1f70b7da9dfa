// Which sample lies on a bench: what its bar code scanners read, for the instruments that do not know it themselves.
//
// What: takes what the scanners of one bench read, and says which sample number was the last at a given time.
// Promise: a number is never given where it may be another's. A scan counts from the moment it was read, once it is on
//   disk, and until the next one, the end of its window, or anything that may have been another scan: bytes that are no
//   code, a code that is not complete, a line that closed. For the same reason it does not outlive the bridge: while
//   the bridge was away, something else may have been scanned.
// Units: uptime. A time that is not known is infinite, and no scan counts then.
// Threads: one at a time (the Bench's).
#ifndef DIMS_FIRMWARE_BRIDGE_SAMPLE_SCANS_H_
#define DIMS_FIRMWARE_BRIDGE_SAMPLE_SCANS_H_

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dims/v1/report.pb.h"

namespace dims {

struct ScannedSample {
  std::string number;
  std::string source;      // as in Weighing.sample_number_source
  bool simulated = false;  // names nothing that is not simulated itself
};

class SampleScans {
 public:
  // A scanner read this; it is not on disk yet.
  void Read(absl::string_view scanner, absl::Duration at, absl::Duration window, ScannedSample sample);
  // All that this scanner read is on disk.
  void Keep(absl::string_view scanner);
  // What lies on the bench from then on is not known.
  void Forget(absl::Duration at);
  // A scanner has begun to say something that is not understood yet; infinite: no longer.
  void Await(absl::string_view scanner, absl::Duration since);

  // The sample that lay there at that time.
  std::optional<ScannedSample> At(absl::Duration when) const;

 private:
  struct Entry {
    absl::Duration from, until;
    std::string scanner;
    ScannedSample sample;  // no number: nobody knows
    bool kept = false;
  };
  void Add(Entry entry);

  std::deque<Entry> entries_;  // by `from`; of equal ones the latest told is the last
  std::map<std::string, absl::Duration, std::less<>> awaited_;
};

// Names what was measured at `when` while a sample lay there: the one weighing or the one spectrum of a report of a
// line of `origin`. What the instrument says itself stays. What a chromatograph prints was injected long before, of
// many things in one report not all are the sample's, a control is nobody's, and what was damaged may have had a number
// of its own: these get none.
void NameSample(const SampleScans& scans, absl::Duration when, dims::v1::Origin origin, dims::v1::Report& report);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_SAMPLE_SCANS_H_
