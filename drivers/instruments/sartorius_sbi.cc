// Sartorius balances that speak SBI: Entris, Secura, Quintix, Practum, Cubis, CPA, BP, MC, LP.
//
// A line has 14 characters before its line end: a sign, the number right-aligned in nine, a blank, the unit in three.
// The unit is blank while the reading is not stable. With a label of six characters before it a line has 20: N net, G
// gross, T tare, Qnt a count. Where a legal balance marks a digit that is not verified, "[6]" takes the blank before
// the unit. Some firmware has two columns more for the number. Instead of a number stand a state (High, Low, Cal.Int.)
// or an error (Err 54), which has the label Stat where there are labels.
// Source: Sartorius operating instructions BP/MC/Master, "Data Output"; Entris II, "Data Output Format".
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/balance/scale.h"
#include "drivers/decimal.h"

namespace dims {
namespace {

using balance::Reading;
using balance::State;

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
    {"Low", "the load is below the weighing range (Low)"},
    {"L", "the load is below the weighing range (L)"},
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
  const bool labelled = absl::ConsumePrefix(&line, "Stat ");
  const bool in_place = labelled || line.find_first_not_of(' ') >= kLabel;
  absl::string_view text = absl::StripAsciiWhitespace(line);
  for (const auto& [name, meaning] : kStates) {
    if (text == name && in_place) return State(meaning);
  }
  absl::string_view number = text;
  if ((absl::ConsumePrefix(&number, "Err ") || absl::ConsumePrefix(&number, "ERR ")) &&
      IsDigits(absl::StripLeadingAsciiWhitespace(number)) && text.size() <= 8) {
    return State(absl::StrCat("the balance reports error ", absl::StripLeadingAsciiWhitespace(number)));
  }
  return std::nullopt;
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
    .version = "1",
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
