// One description of a setting, for drivers' options and for the configuration file.
//
// What: a table row says everything about a setting: name, type, unit, range, default and a line of help. Reading,
//   checking, the example configuration and the manual come from these rows and nothing else.
// Promise: Options holds only values that its table allows; a name that the table does not have is never ignored.
// Units: durations are a whole number with its unit ("500ms", "300s", "2m", "12h", "7d"); a range of them is in
//   milliseconds.
// Errors: InvalidArgument that names the setting, what was given and what is allowed, with the nearest right name for
//   an unknown one ("unknown option \"idel_timeout\", did you mean \"idle_timeout\"?").
// Threads: immutable after Parse.
#ifndef DIMS_DRIVERS_OPTIONS_H_
#define DIMS_DRIVERS_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace dims {

struct OptionSpec {
  enum class Type { kText, kInteger, kBoolean, kDuration, kChoice };
  absl::string_view name;
  Type type = Type::kText;
  absl::string_view unit;           // for people: "baud", "MiB"; empty where it has none
  int64_t minimum = 0;              // kInteger: the number; kDuration: milliseconds
  int64_t maximum = 0;              // both zero: any value of the type
  absl::string_view choices;        // kChoice: "none|even|odd"; kInteger: "9600|19200", instead of a range
  absl::string_view default_value;  // as it would be written, without quotes; only text may be empty
  absl::string_view help;           // one line
};

// Checks one value against its row; returns it in canonical text: integers without leading zeros or plus sign,
// durations in their largest unit that is whole.
absl::StatusOr<std::string> CheckOption(const OptionSpec& spec, absl::string_view value);

// What a value must be, to complete "must be ...": "a whole number from 50 to 4000000 (baud)".
std::string Requirement(const OptionSpec& spec);

// The name in `names` that a person most likely meant; empty if none is near. Hyphen and underscore, upper and lower
// case are near; so is a name that begins with what was given.
std::string NearestName(absl::string_view given, const std::vector<absl::string_view>& names);

// ", did you mean \"baud\"?", or "; there are: ..." where no name is near, or "; there are none".
std::string NameHint(absl::string_view given, const std::vector<absl::string_view>& names);

// A whole number, not negative, with one of the units ms, s, m, h, d. At most 100 years.
absl::StatusOr<absl::Duration> ReadDuration(absl::string_view text);

// The shortest text that ReadDuration reads as this duration; fractions of a millisecond are cut off.
std::string WriteDuration(absl::Duration duration);

class Options {
 public:
  // All defaults of `specs`, then `given` over them. A name given twice is an error.
  static absl::StatusOr<Options> Parse(absl::Span<const OptionSpec> specs,
                                       const std::vector<std::pair<std::string, std::string>>& given);

  // The name must be in the table and of that type, else the program ends here.
  const std::string& Text(absl::string_view name) const;  // of any type: as canonical text
  int64_t Integer(absl::string_view name) const;
  bool Boolean(absl::string_view name) const;
  absl::Duration Duration(absl::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_OPTIONS_H_
