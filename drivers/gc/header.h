// What stands above the first part of a printed report, and is on its first page only.
//
// What: data file, sample and the line that says who printed the report when, then lines of keys and values between
//   rules. They are what all analyses of the report have in common.
// Promise: values that wrap are put together again before they are read; folders, operators and what was typed about
// the
//   sample are not carried. A value on the right is only taken behind keys that nothing is typed for, so that typed
//   text is never one. The volume is what was injected, where that differs from what was asked for.
// Errors: false for a line that has no place here.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_GC_HEADER_H_
#define DIMS_DRIVERS_GC_HEADER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"
#include "drivers/gc/lines.h"

namespace dims::gc {

class Header {
 public:
  // `line` is the one that ParseDataFile read.
  Header(const DataFile& file, const TextLine& line);

  // "Key   : value" from the line's beginning on.
  static bool IsLine(absl::string_view line);

  // A line above the first rule, and one below. Neither is blank.
  bool TakeAbove(const TextLine& line);
  bool Take(const TextLine& line);
  // The last value does not go on.
  void EndValue();

  const dims::v1::Analysis& values() const { return values_; }
  void set_reported_at(absl::string_view time) { values_.set_reported_at_printed(std::string(time)); }
  void set_calibrated_at(absl::string_view time) { values_.set_calibrated_at_printed(std::string(time)); }
  bool named() const { return named_; }
  bool injected() const { return injected_; }

  // The data file as its line says it, which may be the beginning only; so is each page's.
  absl::string_view data_file_line() const { return data_file_line_; }
  // Line `i` of the sample's name, as each page repeats it; empty where it has no more.
  absl::string_view sample_line(std::size_t i) const {
    return i < sample_lines_.size() ? absl::string_view(sample_lines_[i]) : absl::string_view();
  }

 private:
  bool TakeVolumeInjected(absl::string_view text);
  absl::string_view TakeRightField(absl::string_view text);
  void BeginValue(absl::string_view key, absl::string_view value, bool blank_end);
  bool ContinueValue(const TextLine& line);

  dims::v1::Analysis values_;
  bool named_ = false, injected_ = false;  // it was said what, and when
  bool knows_volume_ = false;              // that was injected
  std::string data_file_line_;
  std::vector<std::string> sample_lines_;

  std::string key_, value_;  // while it may go on
  bool blank_end_ = false;   // of value_
};

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_HEADER_H_
