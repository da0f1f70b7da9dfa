// What the library searches of an export belong to.
//
// What: the hits of spectra and of compounds, until the export has ended and all peaks are known.
// Promise: nothing is joined by guessing. Hits of a compound go to the finding of that number; hits of a spectrum to
//   the one peak whose integration, from beginning to end, holds the time at which the spectrum was taken. Spectra and
//   peaks are numbered independently: who adds or removes one by hand shifts one numbering and not the other. Where
//   there is no such peak, or there are two, the hits are a finding of their own at the spectrum's time. Work: n log n.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SHIMADZU_HITS_H_
#define DIMS_DRIVERS_SHIMADZU_HITS_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dims/v1/report.pb.h"

namespace dims::shimadzu {

class Hits {
 public:
  // A row of the Spectrum Process Table: the retention time of a spectrum, as printed.
  void AddSpectrum(std::string number, std::string top) { tops_[std::move(number)] = std::move(top); }
  void AddOfSpectrum(const std::string& number, dims::v1::Identification hit) { Add(spectra_, number, std::move(hit)); }
  void AddOfCompound(const std::string& number, dims::v1::Identification hit) {
    Add(compounds_, number, std::move(hit));
  }

  bool empty() const { return spectra_.empty() && compounds_.empty(); }
  // `compounds`: which finding has which ID#.
  void JoinTo(const std::map<std::string, int>& compounds, dims::v1::Analysis& analysis) &&;

 private:
  // In the order in which they came, so that a report is always the same.
  struct Group {
    std::string number;
    google::protobuf::RepeatedPtrField<dims::v1::Identification> hits;
  };
  static void Add(std::vector<Group>& groups, const std::string& number, dims::v1::Identification hit);

  std::map<std::string, std::string> tops_;
  std::vector<Group> spectra_, compounds_;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_HITS_H_
