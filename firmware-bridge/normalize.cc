#include "firmware-bridge/normalize.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"

namespace dims {
namespace {

std::optional<int> Number(absl::string_view text) {
  int value = 0;
  if (!IsDigits(text) || text.size() > 4 || !absl::SimpleAtoi(text, &value)) return std::nullopt;
  return value;
}

std::optional<int> Month(absl::string_view name) {
  static constexpr absl::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::string lower = absl::AsciiStrToLower(name);
  for (int i = 0; i < 12; ++i) {
    if (lower == kMonths[i]) return i + 1;
  }
  return std::nullopt;
}

bool IsDayName(absl::string_view word) {
  static constexpr absl::string_view kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  return std::find(std::begin(kDays), std::end(kDays), absl::AsciiStrToLower(word)) != std::end(kDays);
}

struct Clock {
  int hour, minute, second;
};
std::optional<Clock> ParseClock(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const std::optional<int> hour = Number(parts[0]), minute = Number(parts[1]);
  const std::optional<int> second = parts.size() == 3 ? Number(parts[2]) : 0;
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  return Clock{*hour, *minute, *second};
}

// Civil types roll over ("31 Feb" becomes March); a printed date must not.
std::optional<absl::CivilSecond> Exact(int year, int month, int day, Clock clock) {
  const absl::CivilSecond civil(year, month, day, clock.hour, clock.minute, clock.second);
  if (year < 1970 || civil.month() != month || civil.day() != day) return std::nullopt;
  return civil;
}

std::optional<absl::CivilSecond> FromNumeric(absl::string_view date, Clock clock, absl::string_view order) {
  absl::ConsumeSuffix(&date, ".");  // "6.6.2024." is how some countries write it
  const std::vector<absl::string_view> parts = absl::StrSplit(date, absl::ByAnyChar("./-"));
  if (parts.size() != 3 || order.size() != 3) return std::nullopt;
  int year = 0, month = 0, day = 0;
  for (int i = 0; i < 3; ++i) {
    const std::optional<int> value = Number(parts[i]);
    if (!value) return std::nullopt;
    (order[i] == 'y' ? year : order[i] == 'm' ? month : day) = *value;
    if (order[i] == 'y' && parts[i].size() != 4) return std::nullopt;
  }
  return Exact(year, month, day, clock);
}

void ResolveTime(const Locality& locality, absl::string_view what, const std::string& printed,
                 google::protobuf::Timestamp* (dims::v1::Analysis::*mutable_field)(), dims::v1::Analysis& analysis,
                 dims::v1::Report& report) {
  if (printed.empty() || !locality.zone) return;
  const std::optional<absl::CivilSecond> civil = ParsePrintedTime(printed, locality.date_order);
  if (!civil) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_TIME_AMBIGUOUS, 0,
               absl::StrCat(what, " \"", printed, "\" is no time this bridge can read",
                            locality.date_order.empty() ? " (numeric dates need date_order)" : ""));
    return;
  }
  const absl::TimeZone::TimeInfo info = locality.zone->At(*civil);
  if (info.kind != absl::TimeZone::TimeInfo::UNIQUE) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_TIME_AMBIGUOUS, 0,
               absl::StrCat(what, " \"", printed, "\" ",
                            info.kind == absl::TimeZone::TimeInfo::REPEATED ? "happened twice" : "never happened",
                            " in ", locality.zone->name()));
    return;
  }
  (analysis.*mutable_field)()->set_seconds(absl::ToUnixSeconds(info.pre));
}

}  // namespace

std::optional<absl::CivilSecond> ParsePrintedTime(absl::string_view printed, absl::string_view date_order) {
  std::vector<absl::string_view> words = absl::StrSplit(printed, ' ', absl::SkipEmpty());
  if (!words.empty() && IsDayName(words[0])) words.erase(words.begin());
  int add_hours = 0;
  bool twelve_hours = false;
  if (!words.empty()) {
    const std::string last = absl::AsciiStrToLower(words.back());
    twelve_hours = last == "am" || last == "pm";
    add_hours = last == "pm" ? 12 : 0;
    if (twelve_hours) words.pop_back();
  }
  const auto clock_of = [&](absl::string_view text) -> std::optional<Clock> {
    std::optional<Clock> clock = ParseClock(text);
    if (!clock || !twelve_hours) return clock;
    if (clock->hour < 1 || clock->hour > 12) return std::nullopt;
    clock->hour = clock->hour % 12 + add_hours;
    return clock;
  };
  if (words.size() == 4) {
    const bool day_first = Number(words[0]).has_value();                  // "06 Jun 2024 17:27"
    const absl::string_view year_word = day_first ? words[2] : words[3];  // "Jun 06 18:09:06 2024"
    const absl::string_view clock_word = day_first ? words[3] : words[2];
    const std::optional<int> day = Number(words[day_first ? 0 : 1]), month = Month(words[day_first ? 1 : 0]);
    const std::optional<Clock> clock = clock_of(clock_word);
    const std::optional<int> year = Number(year_word);
    if (!day || !month || !clock || !year) return std::nullopt;
    return Exact(*year, *month, *day, *clock);
  }
  // "20240912070343", the form of ASTM and HL7; days and months before the year give no month in its place.
  if (words.size() == 1 && IsDigits(words[0]) && words[0].size() == 14) {
    const auto part = [&](std::size_t at, std::size_t size) { return *Number(words[0].substr(at, size)); };
    const Clock clock{part(8, 2), part(10, 2), part(12, 2)};
    if (clock.hour > 23 || clock.minute > 59 || clock.second > 59) return std::nullopt;
    return Exact(part(0, 4), part(4, 2), part(6, 2), clock);
  }
  if (words.size() == 2 && !date_order.empty()) {
    const std::optional<Clock> clock = clock_of(words[1]);
    return clock ? FromNumeric(words[0], *clock, date_order) : std::nullopt;
  }
  return std::nullopt;
}

absl::string_view UcumOf(absl::string_view unit) {
  static constexpr std::pair<absl::string_view, absl::string_view> kUnits[] = {
      {"g", "g"},
      {"mg", "mg"},
      {"kg", "kg"},
      {"ug", "ug"},
      {"\u00b5g", "ug"},
      {"\u03bcg", "ug"},
      {"ng", "ng"},
      {"ct", "[car_m]"},
      {"lb", "[lb_av]"},
      {"oz", "[oz_av]"},
      {"ozt", "[oz_tr]"},
      {"dwt", "[pwt_tr]"},
      {"GN", "[gr]"},
      {"gn", "[gr]"},
      // KERN's balances print capital letters.
      {"G", "g"},
      {"KG", "kg"},
      {"CT", "[car_m]"},
      {"LB", "[lb_av]"},
      {"OZ", "[oz_av]"},
      {"OT", "[oz_tr]"},
      {"DW", "[pwt_tr]"},
      {"GR", "[gr]"},
      {"%", "%"},
      {"g/L", "g/L"},
      {"mg/L", "mg/L"},
      {"ug/L", "ug/L"},
      {"\u00b5g/L", "ug/L"},
      {"\u03bcg/L", "ug/L"},
      {"ng/L", "ng/L"},
      {"g/l", "g/L"},
      {"mg/l", "mg/L"},
      {"ug/l", "ug/L"},
      {"\u00b5g/l", "ug/L"},
      {"\u03bcg/l", "ug/L"},
      {"ng/l", "ng/L"},
      {"mg/mL", "mg/mL"},
      {"mg/ml", "mg/mL"},
      {"ug/mL", "ug/mL"},
      {"ug/ml", "ug/mL"},
      {"\u00b5g/mL", "ug/mL"},
      {"\u03bcg/mL", "ug/mL"},
      {"\u00b5g/ml", "ug/mL"},
      {"\u03bcg/ml", "ug/mL"},
      {"ng/mL", "ng/mL"},
      {"ng/ml", "ng/mL"},
      {"ng/ul", "ng/uL"},
      {"ng/uL", "ng/uL"},
      {"ng/\u00b5l", "ng/uL"},
      {"ng/\u03bcl", "ng/uL"},
      {"ug/ul", "ug/uL"},
      {"mg/g", "mg/g"},
      {"ug/g", "ug/g"},
      {"ng/g", "ng/g"},
      {"mg/kg", "mg/kg"},
      {"mmol/L", "mmol/L"},
      {"ppm", "[ppm]"},
      {"ppb", "[ppb]"},
      {"mM", "mmol/L"},
      {"uM", "umol/L"},
      {"nM", "nmol/L"},
      {"pg/uL", "pg/uL"},
      {"ug/kg", "ug/kg"},
  };
  for (const auto& [printed, ucum] : kUnits) {
    if (printed == unit) return ucum;
  }
  return {};
}

void Normalize(const Locality& locality, dims::v1::Report& report) {
  for (dims::v1::Analysis& analysis : *report.mutable_analyses()) {
    ResolveTime(locality, "the acquisition time", analysis.acquired_at_printed(),
                &dims::v1::Analysis::mutable_acquired_at, analysis, report);
    ResolveTime(locality, "the time of the report", analysis.reported_at_printed(),
                &dims::v1::Analysis::mutable_reported_at, analysis, report);
    for (dims::v1::Finding& finding : *analysis.mutable_findings()) {
      if (!finding.has_amount() || finding.amount().unit().empty()) continue;
      const absl::string_view ucum = UcumOf(finding.amount().unit());
      finding.mutable_amount()->set_ucum(std::string(ucum));
      if (ucum.empty()) {
        AddProblem(report, dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN, 0,
                   absl::StrCat("the unit \"", finding.amount().unit(), "\" has no UCUM code here"));
      }
    }
  }
  for (dims::v1::Weighing& weighing : *report.mutable_weighings()) {
    weighing.set_ucum(std::string(UcumOf(weighing.unit())));
    if (!weighing.unit().empty() && weighing.ucum().empty()) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN, 0,
                 absl::StrCat("the unit \"", weighing.unit(), "\" has no UCUM code here"));
    }
  }
}

}  // namespace dims
