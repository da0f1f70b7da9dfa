#include "drivers/masslynx/table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::masslynx {
namespace {

struct Named {
  absl::string_view name;
  Column column;
};
constexpr std::array<Named, 21> kColumns = {{{"Name", Column::kName},
                                             {"ID", Column::kSampleId},
                                             {"Vial", Column::kVial},
                                             {"Acq.Date", Column::kDate},
                                             {"Acq.Time", Column::kTime},
                                             {"Cal.Date", Column::kCalibrationDate},
                                             {"Cal.Time", Column::kCalibrationTime},
                                             {"Trace", Column::kTrace},
                                             {"RT", Column::kRetentionTime},
                                             {"Scan", Column::kScan},
                                             {"Area", Column::kArea},
                                             {"Height", Column::kHeight},
                                             {"Peak Start Time", Column::kStart},
                                             {"Peak End Time", Column::kEnd},
                                             {"Response", Column::kResponse},
                                             {"Conc.", Column::kAmount},
                                             {"CAS", Column::kCas},
                                             {"S/N", Column::kSignalToNoise},
                                             {"Detection Flags", Column::kFlags},
                                             {"Primary Flags", Column::kFlags},
                                             {"1\u00ba Det. Flags", Column::kFlags}}};

// Of units of concentration, in lower case, "u" for the Greek letter.
constexpr absl::string_view kAmounts[] = {"kg",   "g",    "mg",   "ug",   "mcg",  "ng", "pg", "fg",  "mol",
                                          "mmol", "umol", "nmol", "pmol", "fmol", "u",  "mu", "miu", "iu"};
constexpr absl::string_view kPer[] = {"l", "dl", "ml", "ul", "nl", "kg", "g", "mg", "ug", "m3", "dm3", "cm3", "cm2"};
constexpr absl::string_view kMolar[] = {"mM", "uM", "nM", "pM", "fM"};
constexpr absl::string_view kParts[] = {"ppm", "ppb", "ppt", "ppq"};
// Could be a unit, and something else: a molarity or a length, an amount or the sample's weight.
constexpr absl::string_view kDoubtful[] = {"mm", "um", "nm", "mg", "ug", "ng", "pg", "fg"};
// Of ratios that other columns are named after.
constexpr absl::string_view kNoUnits[] = {"s",        "n",    "a",    "h",  "area", "height",
                                          "response", "resp", "conc", "rt", "is",   "yes"};

template <typename List>
bool Has(const List& list, absl::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

bool IsShortWord(absl::string_view text) {
  return !text.empty() && text.size() <= 8 && absl::ascii_isalpha(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); });
}

// "pguL", "pg per uL", "ng mL-1": what it means is plain to a reader, and that it is a unit is not.
bool IsRatioWithoutSlash(absl::string_view lower) {
  const std::string joined =
      absl::StrReplaceAll(lower, {{"per", ""}, {"^-1", ""}, {"-1", ""}, {" ", ""}, {"_", ""}, {".", ""}});
  return std::any_of(std::begin(kAmounts), std::end(kAmounts), [&](absl::string_view amount) {
    absl::string_view rest = joined;
    return amount.size() > 1 && absl::ConsumePrefix(&rest, amount) && Has(kPer, rest);
  });
}

enum class Unit { kNone, kDoubtful, kKnown };

Unit UnitOf(absl::string_view name) {
  constexpr std::size_t kLongest = 24;
  if (name.size() > kLongest) return Unit::kNone;
  const std::string plain = absl::StrReplaceAll(name, {{"\u00b5", "u"}, {"\u03bc", "u"}});
  const std::string lower = absl::AsciiStrToLower(plain);
  if (Has(kMolar, plain) || Has(kParts, lower)) return Unit::kKnown;
  if (Has(kDoubtful, lower) || (lower.size() == 3 && absl::StartsWith(lower, "pp"))) return Unit::kDoubtful;
  const std::size_t slash = lower.find('/');
  if (slash == std::string::npos) return IsRatioWithoutSlash(lower) ? Unit::kDoubtful : Unit::kNone;
  const absl::string_view amount = absl::string_view(lower).substr(0, slash),
                          per = absl::string_view(lower).substr(slash + 1);
  if (Has(kAmounts, amount) && Has(kPer, per)) return Unit::kKnown;
  const bool shaped = IsShortWord(amount) && IsShortWord(per) && !Has(kNoUnits, amount) && !Has(kNoUnits, per);
  return shaped ? Unit::kDoubtful : Unit::kNone;
}

}  // namespace

bool Header::NamesAColumn() const {
  return std::any_of(columns.begin(), columns.end(), [](Column column) { return column != Column::kIgnored; });
}

Header ParseHeader(const std::vector<absl::string_view>& names) {
  Header header;
  bool second_amounts = false;
  for (const absl::string_view name : names) {
    const auto* const known =
        std::find_if(kColumns.begin(), kColumns.end(), [&](const Named& column) { return column.name == name; });
    const Unit unit = known == kColumns.end() ? UnitOf(name) : Unit::kNone;
    Column column = known != kColumns.end() ? known->column : unit == Unit::kKnown ? Column::kAmount : Column::kIgnored;
    const bool again = std::find(header.columns.begin(), header.columns.end(), column) != header.columns.end();
    header.heads.emplace_back(column == Column::kAmount || unit != Unit::kNone ? absl::string_view() : name);
    if (again && column == Column::kAmount) second_amounts = true;
    if ((unit == Unit::kDoubtful || second_amounts) && header.doubtful.empty()) header.doubtful = std::string(name);
    if (again && column != Column::kFlags) column = Column::kIgnored;
    if (column == Column::kAmount && unit == Unit::kKnown) header.unit = std::string(name);
    header.columns.push_back(column);
  }
  if (second_amounts) std::replace(header.columns.begin(), header.columns.end(), Column::kAmount, Column::kIgnored);
  return header;
}

std::optional<Row> ParseRow(const std::vector<absl::string_view>& fields, const Header& header) {
  Row row;
  std::optional<Cas> cas;
  bool fits = true;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const absl::string_view field = fields[i];
    if (field.empty()) continue;
    const auto number = [&] { return (fits &= Decimal::Parse(field).has_value(), Point(field)); };
    const auto with = [&](std::string& before) { absl::StrAppend(&before, before.empty() ? "" : " ", field); };
    switch (header.columns[i]) {
      case Column::kIgnored:
        break;
      case Column::kName:
        row.name = std::string(field);
        break;
      case Column::kSampleId:
        row.sample_id = std::string(field);
        break;
      case Column::kVial:
        row.vial = std::string(field);
        break;
      case Column::kDate:
      case Column::kTime:
        with(row.acquired);
        break;
      case Column::kCalibrationDate:
      case Column::kCalibrationTime:
        with(row.calibrated);
        break;
      case Column::kTrace:
        row.finding.set_quantitation_ion(std::string(field));
        break;
      case Column::kRetentionTime:
        row.finding.set_retention_time(number());
        break;
      case Column::kScan:
        row.finding.mutable_peak()->set_max_scan(number());
        break;
      case Column::kArea:
        row.finding.mutable_peak()->set_area(number());
        break;
      case Column::kHeight:
        row.finding.mutable_peak()->set_height(number());
        break;
      case Column::kStart:
        row.finding.mutable_peak()->set_start_time(number());
        break;
      case Column::kEnd:
        row.finding.mutable_peak()->set_end_time(number());
        break;
      case Column::kResponse:
        row.finding.set_response(number());
        break;
      case Column::kAmount: {
        // "Below RL" is no number, and what it means depends on the method.
        dims::v1::Amount& amount = *row.finding.mutable_amount();
        if (Decimal::Parse(field)) {
          amount.set_value(Point(field));
          amount.set_qualifier(dims::v1::AMOUNT_QUALIFIER_EQUAL);
          amount.set_unit(header.unit);
        } else {
          amount.set_printed(std::string(field));
        }
        break;
      }
      case Column::kCas:
        cas = ParseCas(field);
        if (cas && cas->kind != Cas::kAbsent) row.finding.set_cas(cas->number);
        fits &= cas.has_value();
        break;
      case Column::kSignalToNoise:
        row.finding.set_signal_to_noise(number());
        break;
      case Column::kFlags:
        row.finding.add_flags(std::string(field));
        break;
    }
  }
  return fits ? std::optional(std::move(row)) : std::nullopt;
}

}  // namespace dims::masslynx
