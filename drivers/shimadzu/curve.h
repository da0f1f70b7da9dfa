// A chromatogram, a trace of the instrument's state, or a mass spectrum in an export.
//
// What: one such section while it is being read: keys, a line that names the columns, points. They are most of an
//   export's bytes (a gas chromatogram of an hour: 1 MB), and are counted as they pass; they are kept only if asked
//   for.
// Promise: a curve is kept whole or not at all. Unkept, it takes no room however long it is.
// Units: as printed; y is multiplied by what the section calls its intensity multiplier.
// Errors: as problems in the report.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SHIMADZU_CURVE_H_
#define DIMS_DRIVERS_SHIMADZU_CURVE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::shimadzu {

class Curve {
 public:
  // `keep`: at most `most_points` of it.
  Curve(dims::v1::SpectrumKind kind, std::string title, uint64_t at, bool keep, std::size_t most_points)
      : title_(std::move(title)), at_(at), keep_(keep), most_points_(most_points) {
    spectrum_.set_kind(kind);
    spectrum_.set_title(title_);
  }

  // False where a curve has no such line. Blank lines never come here.
  bool Take(absl::string_view text, char separator);
  // A section may go on with another curve: a mass spectrum's profile, or a trace that has no title of its own.
  static bool BeginsAnother(absl::string_view text);

  // It has as many points as it says.
  bool complete() const { return count_ >= 0 && points_ >= count_; }
  // It has ended.
  void Close(dims::v1::Report& report) const;
  // Without its points where they are more than may be kept.
  dims::v1::Spectrum Release() && { return std::move(spectrum_); }

 private:
  bool TakeKey(absl::string_view key, absl::string_view value);
  bool TakePoint(absl::string_view x, absl::string_view y);

  const std::string title_;
  const uint64_t at_;
  const bool keep_;
  const std::size_t most_points_;
  dims::v1::Spectrum spectrum_;
  double multiplier_ = 1;
  bool columns_ = false, overflown_ = false;
  int64_t count_ = -1, points_ = 0;
};

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_CURVE_H_
