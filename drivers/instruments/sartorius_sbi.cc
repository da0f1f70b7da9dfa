// Sartorius balances that speak SBI: Entris, Secura, Quintix, Practum, Cubis, CPA, BP, MC, LP.
//
// A line has 14 characters before its line end: a sign, the number right-aligned in nine, a blank, the unit in three.
// The unit is blank while the reading is not stable. With a label of six characters before it a line has 20: N net, G
// gross, T tare, Qnt a count. Where a legal balance marks a digit that is not verified, "[6]" takes the blank before
// the unit. Some firmware has two columns more for the number. Instead of a number stand a state (High, Low, Cal.Int.)
// or an error (Err 54), which has the label Stat where there are labels, or nothing at all. What the balance is (model,
// serial number, versions) may be printed between readings, and is passed over.
// Source: Sartorius operating instructions BP/MC/Master, FB, "Data Output"; Entris II, "Data Output Format".
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/balance/scale.h"
#include "drivers/decimal.h"

namespace dims {
namespace {

using balance::Reading;
using balance::State;
using balance::Traffic;

constexpr std::size_t kLabel = 6, kUnit = 3;

struct Label {
  absl::string_view name;
  dims::v1::WeighingKind kind;
};
constexpr Label kLabels[] = {
    {"", dims::v1::WEIGHING_KIND_UNSPECIFIED},    {"N", dims::v1::WEIGHING_KIND_NET},
    {"N1", dims::v1::WEIGHING_KIND_NET},          {"G", dims::v1::WEIGHING_KIND_GROSS},
    {"G#", dims::v1::WEIGHING_KIND_GROSS},        {"T", dims::v1::WEIGHING_KIND_TARE},
    {"T1", dims::v1::WEIGHING_KIND_TARE},         {"T2", dims::v1::WEIGHING_KIND_TARE},
    {"Qnt", dims::v1::WEIGHING_KIND_UNSPECIFIED},
};

constexpr std::pair<absl::string_view, absl::string_view> kStates[] = {
    {"High", "the load is above the weighing range (High)"},
    {"H", "the load is above the weighing range (H)"},
    {"HH", "the load is above the limits of checkweighing (HH)"},
    {"Low", "the load is below the weighing range (Low)"},
    {"L", "the load is below the weighing range (L)"},
    {"LL", "the load is below the limits of checkweighing (LL)"},
    {"Cal.Int.", "the balance adjusts itself (Cal.Int.)"},
    {"Cal.Ext.", "the balance is being adjusted (Cal.Ext.)"},
    {"Cal.Run.", "the balance is being adjusted (Cal.Run.)"},
    {"Cal.", "the balance is being adjusted (Cal.)"},
    {"C", "the balance is being adjusted (C)"},
    {"--", "the balance shows no weight (--)"},
    {"- -", "the balance shows no weight (- -)"},
    {"APP.ERR", "the balance reports an error (APP.ERR)"},
    {"DIS.ERR", "the balance reports an error (DIS.ERR)"},
    {"PRT.ERR", "the balance reports an error (PRT.ERR)"},
};

// "      High", "Stat       Cal.Int.", "   Err 54". Where there are no labels, a state begins in their place.
std::optional<Reading> ReadState(absl::string_view line) {
  const bool labelled = line == "Stat" || absl::StartsWith(line, "Stat ");
  if (labelled) line.remove_prefix(4);
  const bool in_place = labelled || line.find_first_not_of(' ') >= kLabel;
  absl::string_view text = absl::StripAsciiWhitespace(line);
  for (const auto& [name, meaning] : kStates) {
    if (text == name && in_place) return State(meaning);
  }
  if (text.empty() && labelled) return Traffic();
  absl::string_view number = text;
  if ((absl::ConsumePrefix(&number, "Err ") || absl::ConsumePrefix(&number, "ERR ")) &&
      IsDigits(absl::StripLeadingAsciiWhitespace(number)) && text.size() <= 8) {
    return State(absl::StrCat("the balance reports error ", absl::StripLeadingAsciiWhitespace(number)));
  }
  return std::nullopt;
}

// "MSE1203S-100-DR     ": in 20 columns letters, three digits or more, perhaps letters, and one or two words behind a
// hyphen. A sample's number may look so, but it has no blanks behind it.
bool IsModel(absl::string_view line) {
  constexpr std::size_t kColumns = 20;
  absl::string_view text = absl::StripTrailingAsciiWhitespace(line);
  const auto skip = [&](bool (*is)(unsigned char)) {
    std::size_t count = 0;
    while (count < text.size() && is(static_cast<unsigned char>(text[count]))) ++count;
    text.remove_prefix(count);
    return count;
  };
  if (line.size() != kColumns || text.size() == kColumns || skip(absl::ascii_isupper) < 2 ||
      skip(absl::ascii_isdigit) < 3)
    return false;
  skip(absl::ascii_isupper);
  std::size_t words = 0;
  while (absl::ConsumePrefix(&text, "-")) {
    if (skip(absl::ascii_isalnum) == 0) return false;
    ++words;
  }
  return text.empty() && (words == 1 || words == 2);
}

// "SerNo.    0031801165", "BAC:        00-39-21".
bool IsIdentity(absl::string_view line) {
  for (const absl::string_view key : {"Mod.", "SerNo.", "Ser.no.", "Ver.no.", "BAC:", "APC:"}) {
    absl::string_view value = line;
    if (!absl::ConsumePrefix(&value, key)) continue;
    const absl::string_view word = absl::StripAsciiWhitespace(value);
    return !word.empty() && value[0] == ' ' &&
           std::all_of(word.begin(), word.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '.'; });
  }
  return IsModel(line);
}

// What stands before the unit: a number and a blank, or "12.3[4]" up to the unit itself.
std::optional<std::string> Number(absl::string_view field) {
  if (field.back() == ' ') return balance::NumberIn(field.substr(0, field.size() - 1));
  const std::size_t mark = field.find('[');
  if (field.back() != ']' || mark == absl::string_view::npos || mark + 2 >= field.size()) return std::nullopt;
  return balance::NumberIn(absl::StrCat(field.substr(0, mark), field.substr(mark + 1, field.size() - mark - 2)));
}

// A line of `width` columns, `labelled` or not.
std::optional<Reading> ReadColumns(absl::string_view line, std::size_t width, bool labelled) {
  const std::optional<std::string> full = balance::InFull(line, width);
  if (!full) return std::nullopt;
  absl::string_view text = *full;
  const absl::string_view label = absl::StripTrailingAsciiWhitespace(text.substr(0, labelled ? kLabel : 0));
  text.remove_prefix(labelled ? kLabel : 0);
  const std::size_t end = width - (labelled ? kLabel : 0) - kUnit;  // where the unit begins
  const char sign = text[0];
  const std::optional<std::string> value =
      sign == '+' || sign == '-' || sign == ' ' ? Number(text.substr(0, end)) : std::nullopt;
  if (!value) return std::nullopt;
  // Only zero may be without a sign, and in full: what other makers' balances print looks like it.
  const bool bare = absl::ascii_isdigit((*value)[0]);
  if (bare ? line.size() < width || value->find_first_not_of("0.") != std::string::npos : sign == ' ') {
    return std::nullopt;
  }
  const absl::string_view unit = absl::StripTrailingAsciiWhitespace(text.substr(end));
  const auto known =
      std::find_if(std::begin(kLabels), std::end(kLabels), [&](const Label& known) { return known.name == label; });
  if (known == std::end(kLabels) || labelled == label.empty()) return std::nullopt;
  return balance::Weighed(!unit.empty(), *value, unit, known->kind);
}

std::optional<Reading> ReadSbi(absl::string_view line) {
  if (std::optional<Reading> state = ReadState(line)) return state;
  if (IsIdentity(line)) return Traffic();
  for (const std::size_t width : {14, 16}) {
    if (std::optional<Reading> reading = ReadColumns(line, width, false)) return reading;
    if (std::optional<Reading> reading = ReadColumns(line, kLabel + width, true)) return reading;
  }
  return std::nullopt;
}

constexpr OptionSpec kOptions[] = {balance::kPollOption, balance::kContinuousOption, balance::kSameLoadOption,
                                   kEncodingOption};

std::unique_ptr<Decoder> Make(const Options& options) {
  return std::make_unique<balance::Scale>(options, ReadSbi, balance::Question{"\x1bP\r\n"});
}

}  // namespace

extern const Driver sartorius_sbi_driver;
const Driver sartorius_sbi_driver = {
    .name = "sartorius_sbi",
    .title = "Sartorius balances that speak SBI: lines of 16 and 22 characters, asked for or on the print key",
    .version = "2",
    .line = {.data_bits = 7, .parity = 'O'},
    .scan = ScanLine,
    .max_frame = balance::kMostLine,
    .max_report = balance::kMostLine,
    .options = kOptions,
    .orders = balance::kOrders,
    .make = Make,
    .query = "\x1bP\r\n",
};

}  // namespace dims
