#include "drivers/options.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace dims {
namespace {

struct DurationUnit {
  absl::string_view name;
  int64_t milliseconds;
};
// Largest first, so that WriteDuration finds the shortest text.
constexpr DurationUnit kUnits[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}};
constexpr int64_t kLongest = int64_t{100} * 366 * 86'400'000;

bool ReadInteger(absl::string_view text, int64_t* value) {
  // SimpleAtoi also takes blanks around the number, which no one writes on purpose.
  return !text.empty() && !absl::ascii_isspace(text.front()) && !absl::ascii_isspace(text.back()) &&
         absl::SimpleAtoi(text, value);
}

std::string Bound(const OptionSpec& spec, int64_t value) {
  return spec.type == OptionSpec::Type::kDuration ? WriteDuration(absl::Milliseconds(value)) : absl::StrCat(value);
}

bool HasRange(const OptionSpec& spec) { return spec.minimum != 0 || spec.maximum != 0; }

bool InRange(const OptionSpec& spec, int64_t value) {
  return !HasRange(spec) || (value >= spec.minimum && value <= spec.maximum);
}

std::string Range(const OptionSpec& spec) {
  if (!HasRange(spec)) return "";
  if (spec.maximum == std::numeric_limits<int64_t>::max()) {
    return absl::StrCat(" of at least ", Bound(spec, spec.minimum));
  }
  return absl::StrCat(" from ", Bound(spec, spec.minimum), " to ", Bound(spec, spec.maximum));
}

bool IsChoice(const OptionSpec& spec, absl::string_view value) {
  const std::vector<absl::string_view> choices = absl::StrSplit(spec.choices, '|');
  return std::find(choices.begin(), choices.end(), value) != choices.end();
}

absl::Status Refuse(const OptionSpec& spec, absl::string_view value) {
  int64_t number;
  const bool bare = spec.type == OptionSpec::Type::kInteger && ReadInteger(value, &number);
  const absl::string_view quote = bare ? "" : "\"";
  return absl::InvalidArgumentError(
      absl::StrCat("\"", spec.name, "\" must be ", Requirement(spec), ", not ", quote, value, quote));
}

// Case and the two dashes do not count: people confuse them, and no two names of a table differ in them alone.
char Folded(char c) { return c == '_' ? '-' : absl::ascii_tolower(c); }

// Optimal string alignment: insertions, deletions, replacements and swapped neighbours.
std::size_t Distance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = Folded(a[i - 1]) == Folded(b[j - 1]);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && Folded(a[i - 1]) == Folded(b[j - 2]) && Folded(a[i - 2]) == Folded(b[j - 1])) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

absl::StatusOr<absl::Duration> ReadDuration(absl::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t number;
  for (const DurationUnit& unit : kUnits) {
    if (text.substr(digits) != unit.name) continue;
    if (!absl::SimpleAtoi(text.substr(0, digits), &number) || number > kLongest / unit.milliseconds) break;
    return absl::Milliseconds(number * unit.milliseconds);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is not a duration: a whole number with its unit, ms, s, m, h or d, such as \"15s\""));
}

std::string WriteDuration(absl::Duration duration) {
  const int64_t milliseconds = std::max<int64_t>(absl::ToInt64Milliseconds(duration), 0);
  if (milliseconds == 0) return "0s";
  for (const DurationUnit& unit : kUnits) {
    if (milliseconds % unit.milliseconds == 0) return absl::StrCat(milliseconds / unit.milliseconds, unit.name);
  }
  std::abort();  // the last unit divides everything
}

std::string Requirement(const OptionSpec& spec) {
  const std::string unit = spec.unit.empty() ? "" : absl::StrCat(" (", spec.unit, ")");
  switch (spec.type) {
    case OptionSpec::Type::kText:
      return absl::StrCat("text", unit);
    case OptionSpec::Type::kInteger:
      if (!spec.choices.empty()) return absl::StrCat("one of ", absl::StrReplaceAll(spec.choices, {{"|", ", "}}), unit);
      return absl::StrCat("a whole number", Range(spec), unit);
    case OptionSpec::Type::kBoolean:
      return "true or false";
    case OptionSpec::Type::kDuration:
      return absl::StrCat("a duration", Range(spec), " such as \"",
                          spec.default_value.empty() ? "15s" : spec.default_value, "\"");
    case OptionSpec::Type::kChoice:
      return absl::StrCat(
          "one of ", absl::StrJoin(absl::StrSplit(spec.choices, '|'), ", ",
                                   [](std::string* out, absl::string_view c) { absl::StrAppend(out, "\"", c, "\""); }));
  }
  std::abort();
}

absl::StatusOr<std::string> CheckOption(const OptionSpec& spec, absl::string_view value) {
  switch (spec.type) {
    case OptionSpec::Type::kText:
      return std::string(value);
    case OptionSpec::Type::kInteger: {
      int64_t number;
      if (!ReadInteger(value, &number)) return Refuse(spec, value);
      if (spec.choices.empty() ? !InRange(spec, number) : !IsChoice(spec, absl::StrCat(number))) {
        return Refuse(spec, value);
      }
      return absl::StrCat(number);
    }
    case OptionSpec::Type::kBoolean:
      if (value != "true" && value != "false") return Refuse(spec, value);
      return std::string(value);
    case OptionSpec::Type::kDuration: {
      const absl::StatusOr<absl::Duration> duration = ReadDuration(value);
      if (!duration.ok() || !InRange(spec, absl::ToInt64Milliseconds(*duration))) return Refuse(spec, value);
      return WriteDuration(*duration);
    }
    case OptionSpec::Type::kChoice: {
      if (IsChoice(spec, value)) return std::string(value);
      const std::string nearest = NearestName(value, absl::StrSplit(spec.choices, '|'));
      const absl::Status refused = Refuse(spec, value);
      if (nearest.empty()) return refused;
      return absl::InvalidArgumentError(absl::StrCat(refused.message(), ", did you mean \"", nearest, "\"?"));
    }
  }
  std::abort();
}

std::string NearestName(absl::string_view given, const std::vector<absl::string_view>& names) {
  constexpr std::size_t kLongestName = 64;  // the work is the product of both lengths
  absl::string_view nearest;
  std::size_t best = std::numeric_limits<std::size_t>::max();
  if (given.size() > kLongestName) return "";
  for (const absl::string_view name : names) {
    if (name.empty() || name.size() > kLongestName) continue;
    std::size_t distance = Distance(given, name);
    // A third may be wrong; a beginning of three letters counts as one slip.
    if (given.size() >= 3 && name.size() > given.size() && Distance(given, name.substr(0, given.size())) == 0) {
      distance = std::min<std::size_t>(distance, 1);
    }
    if (distance <= std::max<std::size_t>(1, given.size() / 3) && distance < given.size() && distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return std::string(nearest);
}

std::string NameHint(absl::string_view given, const std::vector<absl::string_view>& names) {
  const std::string nearest = NearestName(given, names);
  if (!nearest.empty()) return absl::StrCat(", did you mean \"", nearest, "\"?");
  if (names.empty()) return "; there are none";
  return absl::StrCat("; there are: ", absl::StrJoin(names, ", "));
}

absl::StatusOr<Options> Options::Parse(absl::Span<const OptionSpec> specs,
                                       const std::vector<std::pair<std::string, std::string>>& given) {
  Options options;
  std::vector<absl::string_view> names;
  for (const OptionSpec& spec : specs) {
    absl::StatusOr<std::string> value = CheckOption(spec, spec.default_value);
    if (!value.ok()) return value.status();
    options.values_[std::string(spec.name)] = *std::move(value);
    names.push_back(spec.name);
  }
  std::vector<absl::string_view> seen;
  for (const auto& [name, text] : given) {
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&name = name](const OptionSpec& s) { return s.name == name; });
    if (spec == specs.end()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown option \"", name, "\"", NameHint(name, names)));
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return absl::InvalidArgumentError(absl::StrCat("option \"", name, "\" is given twice"));
    }
    seen.push_back(name);
    absl::StatusOr<std::string> value = CheckOption(*spec, text);
    if (!value.ok()) return value.status();
    options.values_[name] = *std::move(value);
  }
  return options;
}

const std::string& Options::Text(absl::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) std::abort();
  return found->second;
}

int64_t Options::Integer(absl::string_view name) const {
  int64_t value;
  if (!absl::SimpleAtoi(Text(name), &value)) std::abort();
  return value;
}

bool Options::Boolean(absl::string_view name) const {
  const std::string& text = Text(name);
  if (text != "true" && text != "false") std::abort();
  return text == "true";
}

absl::Duration Options::Duration(absl::string_view name) const {
  const absl::StatusOr<absl::Duration> duration = ReadDuration(Text(name));
  if (!duration.ok()) std::abort();
  return *duration;
}

}  // namespace dims
