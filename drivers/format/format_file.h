// A format file: a driver for an instrument that only prints, as a text that is read when the program starts.
//
// What: "<name>.format.toml" holds what a driver's C++ file would. CONTRIBUTING.md has an example; what it may hold:
//
//     title, version                what "dims-bridge drivers" shows; the version changes whenever the same bytes could
//                                   give another report (the beginning of the file's own hash is added to it)
//     evidence                      "unconfirmed": nobody has seen a specimen; all its reports say so
//     [line]                        baud, data_bits, parity, stop_bits, flow: as the instrument leaves the factory
//     [report]
//       start, end                  patterns (pattern.h) of the first and the last line. Without `end`, a report ends
//                                   where the next begins, or with silence; with `start` alone, each is one line
//       lines                       patterns of what stands in between. One with fields of a finding or a weighing
//                                   makes a new one
//       continuation                patterns of lines that say more of the last finding or weighing
//       between                     patterns of what is printed outside of reports and says nothing
//       set                         what is known and not printed: set = { technique = "gc" }
//       sums                        what must add up: sums = { "peak.area" = "area_sum", "peak.area_percent" = 100 }
//       required                    fields that a complete report has
//       decimal                     "point" (the default) or "comma": what parts the digits of a number. The other one
//                                   is of no number: it could part the thousands
//       idle_timeout                silence that ends a report (or, before `end`, interrupts it)
//     [[table]]                     a table; each row makes a finding
//       columns                     known by their names: columns = { "RT" = "retention_time", ... }, in any order;
//                                   those that the print-out has count
//       ruler                       or by dashes above the rows: the fields from left to right
//       optional                    columns that may be empty (in a table with a ruler: their fields)
//       wraps                       columns whose text may go on in the next line
//       set                         as above, for each row: set = { "amount.unit" = "mg/L" }
//
//   Blank lines and rulers say nothing. Patterns are one text or a list of them. In place of a pattern, { pattern =
//   "...", set = {...} } says what else a line means. The first pattern that reads a line counts.
// Units: a line of up to 1 KiB, a report of up to 256 KiB and 2000 lines; more is an OVERSIZE problem.
// Promise: what is accepted can be carried out; a key that does not exist is an error, never ignored.
// Errors: InvalidArgument with one line for each mistake, in the order of the file:
//   hp_3396.format.toml:12: [report] lines: unknown field "peak.aera", did you mean "peak.area"?
// Threads: immutable once read.
// Source: toml.io/en/v1.0.0
#ifndef DIMS_DRIVERS_FORMAT_FORMAT_FILE_H_
#define DIMS_DRIVERS_FORMAT_FORMAT_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "drivers/driver.h"
#include "drivers/format/layout.h"

namespace dims {

inline constexpr absl::string_view kFormatEnding = ".format.toml";

class FormatDriver final : public Format {
 public:
  // The driver's name is the file's.
  static absl::StatusOr<std::unique_ptr<const FormatDriver>> Parse(absl::string_view text, const std::string& path);
  // NotFound where there is no such file.
  static absl::StatusOr<std::unique_ptr<const FormatDriver>> ReadFile(const std::string& path);

  FormatDriver(const FormatDriver&) = delete;
  FormatDriver& operator=(const FormatDriver&) = delete;

  const Driver& driver() const { return driver_; }
  std::unique_ptr<Decoder> Make(const Options& options) const override;

 private:
  class Reader;
  FormatDriver() = default;

  // What the driver's views look at.
  std::string name_, title_, version_, evidence_, idle_timeout_;
  OptionSpec options_[2];
  format::Layout layout_;
  Driver driver_;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_FORMAT_FORMAT_FILE_H_
