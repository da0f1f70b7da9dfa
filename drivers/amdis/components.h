// What AMDIS takes apart: the components of a run, each with its spectrum (".ELU").
//
//   NAME: |SC4|CN1|MP1-MODN:91(%64.2)|PC63|SN151|WD>5|RT6.0142|...
//   RE
//   118204 204411 377120
//   NUM PEAKS: 61
//   (51,22 )(63,41 )(52,4 N0.3)(78,7 B0.2)...
//
// What: each record is a finding of one analysis, and a mass spectrum whose title is the finding's: the scan, the
//   number and the model of the component, as printed. The area is XN, that of the component with its extensions. The
//   peak's shape (after RE) and tags that have no place here are left out.
// Promise: a record has as many peaks as it counts, or it is said how many it has. A blank line below its peaks ends
//   it: of a record without its head, all is left out.
// Notes: nothing marks the end, nor how many components there are.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: the layout of real files; the meaning of the tags as independent readers have it.
#ifndef DIMS_DRIVERS_AMDIS_COMPONENTS_H_
#define DIMS_DRIVERS_AMDIS_COMPONENTS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"
#include "drivers/silence.h"

namespace dims::amdis {

// The first line of a component.
bool IsComponent(absl::string_view line);

class Components final : public TextReport {
 public:
  Verdict Take(const TextLine& line) override;
  bool whole() const override {
    return spectrum_ == nullptr ? whole_ && !left_out_ : expected_ >= 0 && found_ >= expected_;
  }
  void Finish(bool complete) override;

 private:
  void TakeName(absl::string_view text, uint64_t at);
  bool TakePeaks(absl::string_view text);
  void LeaveOut(uint64_t at);
  void CloseComponent();

  dims::v1::Analysis* analysis_ = nullptr;  // the report's only one
  // Of the component at hand.
  dims::v1::Spectrum* spectrum_ = nullptr;
  uint64_t at_ = 0;
  bool shape_ = false;                 // "RE" has come
  int64_t expected_ = -1, found_ = 0;  // peaks; -1: their number has not come
  bool left_out_ = false;              // there is no component at hand, and it was said that one is left out
  bool whole_ = false;                 // the last one that ended
};

}  // namespace dims::amdis

#endif  // DIMS_DRIVERS_AMDIS_COMPONENTS_H_
