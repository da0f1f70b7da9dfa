// KERN balances: EW, 440, 572, PCB, FKB, KDE, DS and their kin. Those that speak MT-SICS (KCP) are mt_sics.
//
// Two layouts. The short one is a number in eight columns (nine on finer balances) with its sign first, a unit in two,
// a letter of the limits (L, G, H), and the state: S stable, U not, E over or under the range; 14 or 15 bytes with the
// line end. The long one is M where the value is in the memory, a minus, the number in ten columns, a blank, the unit
// in three; 18 bytes. There the unit is blank, or cut off with the line, while the reading is not stable, and "Error"
// stands for the number. The commands are letters without a line end.
// Source: libsigrok src/scale/kern.c (short); KERN operating instructions PCB, FKB, KDE-T, "RS232" (long).
#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/balance/scale.h"

namespace dims {
namespace {

using balance::Reading;
using balance::State;

constexpr auto kKind = dims::v1::WEIGHING_KIND_UNSPECIFIED;  // no layout says it
constexpr char kOutOfRange[] = "the load is above or below the weighing range, or the balance has an error";

std::optional<Reading> ReadShort(absl::string_view full, std::size_t digits) {
  const absl::string_view field = full.substr(0, digits), unit = full.substr(digits, 2);
  const char limits = full[digits + 2], state = full[digits + 3];
  if (!absl::StrContains("LGH ", limits) || !absl::StrContains("SUE ", state) || unit[1] == ' ' ||
      !absl::StrContains("+- ", field[0])) {
    return std::nullopt;
  }
  const absl::string_view name = absl::StripLeadingAsciiWhitespace(unit);
  if (name != "to" && std::any_of(name.begin(), name.end(), absl::ascii_islower)) return std::nullopt;
  const std::optional<std::string> value = balance::NumberIn(field);
  const bool blank = field.find_first_not_of("+-. ") == absl::string_view::npos;
  Reading reading = balance::Weighed(state == 'S', value.value_or(""), name, kKind);
  // Without its last letter, or with one that says no weight, such a line has too little of its own to be claimed in
  // another unit.
  if (reading.kind == Reading::Kind::kDamaged && state != 'S' && value) return std::nullopt;
  if (!value && !(blank && state == 'E')) return std::nullopt;
  return state == 'E' ? State(kOutOfRange) : reading;
}

std::optional<Reading> ReadLong(absl::string_view full, bool cut) {
  const absl::string_view head = full.substr(0, 2);
  const bool minus = head[1] == '-';  // in its own column, wherever the digits begin
  if (head != "  " && head != "M " && head != " M" && head != " -" && head != "M-") return std::nullopt;
  const std::optional<std::string> value = balance::NumberIn(minus ? full.substr(1, 11) : full.substr(2, 10));
  const absl::string_view unit = absl::StripTrailingAsciiWhitespace(full.substr(13));
  if (!value || full[12] != ' ' || absl::StartsWith(unit, " ") || (unit.empty() && cut)) return std::nullopt;
  Reading reading = balance::Weighed(!unit.empty(), *value, unit, kKind);
  // In another unit only a line in full is claimed, and only where the unit is a word.
  const bool word = std::all_of(unit.begin(), unit.end(), absl::ascii_isalpha);
  if (reading.kind == Reading::Kind::kDamaged && (cut || !word)) return std::nullopt;
  return reading;
}

std::optional<Reading> ReadKern(absl::string_view line) {
  for (const std::size_t digits : {8, 9}) {
    if (line.size() != digits + 4) continue;
    if (std::optional<Reading> reading = ReadShort(line, digits)) return reading;
  }
  if (line == "       Error" || line == "           Error") return State("the balance reports Error");
  if (line.size() == 13 && line.back() == ' ') return ReadLong(absl::StrCat(line, "   "), false);
  if (const std::optional<std::string> full = balance::InFull(line, 16)) return ReadLong(*full, line.size() < 16);
  return std::nullopt;
}

constexpr OptionSpec kOptions[] = {balance::kPollOption, balance::kCommandOption, balance::kContinuousOption,
                                   balance::kSameLoadOption, kEncodingOption};

std::unique_ptr<Decoder> Make(const Options& options) {
  const bool waits = options.Text("command") == "stable";
  return std::make_unique<balance::Scale>(options, ReadKern, balance::Question{waits ? "s" : "w", waits});
}

}  // namespace

extern const Driver kern_driver;
const Driver kern_driver = {
    .name = "kern",
    .title = "KERN balances: lines of 14, 15 and 18 bytes, asked for or on the print key",
    .version = "2",
    .line = {},
    .scan = ScanLine,
    .max_frame = balance::kMostLine,
    .max_report = balance::kMostLine,
    .options = kOptions,
    .orders = balance::kOrders,
    .make = Make,
    .query = "w",
};

}  // namespace dims
