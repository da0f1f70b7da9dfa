// A&D balances and indicators: GX, GF, FX, FZ, GR, GH, HR, EJ, EK, GC, AD-44xx.
//
// A line is "ST,+00123.45  g": a header (ST stable, US not stable, QT a stable count, OL out of range), a comma, the
// number with its sign and leading zeros in nine columns (ten or eleven on fine balances), the unit in three. After the
// header may stand what a comparator says (HI, OK, LO, --), or what the number is (G gross, N net, T tare, PT preset
// tare), which indicators say in other letters (GS, NT, TR), with a number of eight and a unit of two. In the CSV
// format a comma stands before the unit, too, and the balance's own number, that of the reading ("No,012"), date and
// time may stand before the header, with a blank behind each comma or without; with a decimal comma the separators are
// semicolons. In the standard format these stand before the reading in lines of their own, which are passed over, but
// for the balance's own number: it may be any word, and is noise.
//
// Source: A&D instruction manuals GX/GF, GX-A/GF-A, FX-i, EJ, EK-L, GC, AD-4212, BA-T, "Data format"; AD-4401
// (indicators).
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/balance/scale.h"
#include "drivers/decimal.h"

namespace dims {
namespace {

using balance::Damaged;
using balance::Reading;
using balance::Refusal;
using balance::State;
using balance::Traffic;

constexpr absl::string_view kHeaders[] = {"ST", "US", "QT", "OL"};
constexpr absl::string_view kComparisons[] = {"HI", "OK", "LO", "--"};

struct Kind {
  absl::string_view header;
  dims::v1::WeighingKind kind;
};
constexpr Kind kIndicators[] = {
    {"GS", dims::v1::WEIGHING_KIND_GROSS}, {"NT", dims::v1::WEIGHING_KIND_NET}, {"TR", dims::v1::WEIGHING_KIND_TARE}};
constexpr Kind kKinds[] = {{"G", dims::v1::WEIGHING_KIND_GROSS},
                           {"N", dims::v1::WEIGHING_KIND_NET},
                           {"T", dims::v1::WEIGHING_KIND_TARE},
                           {"PT", dims::v1::WEIGHING_KIND_TARE}};

template <std::size_t n>
std::optional<dims::v1::WeighingKind> KindIn(const Kind (&kinds)[n], absl::string_view header) {
  for (const Kind& known : kinds) {
    if (known.header == header) return known.kind;
  }
  return std::nullopt;
}

constexpr std::pair<absl::string_view, absl::string_view> kErrors[] = {{"E00", "communication error"},
                                                                       {"E01", "undefined command"},
                                                                       {"E02", "not ready"},
                                                                       {"E03", "time out"},
                                                                       {"E04", "excess characters"},
                                                                       {"E06", "format error"},
                                                                       {"E07", "parameter out of range"},
                                                                       {"E11", "nothing stable in time"},
                                                                       {"E17", "out of range"},
                                                                       {"E20", "calibration weight too heavy"},
                                                                       {"E21", "calibration weight too light"}};

bool IsHeader(absl::string_view text) {
  return text.size() > 3 && (text[2] == ',' || text[2] == ';') &&
         std::find(std::begin(kHeaders), std::end(kHeaders), text.substr(0, 2)) != std::end(kHeaders);
}

// "2015/09/01", "12:34:56", "01:34:56 PM": printed before a reading where the balance is set so.
bool IsDateOrTime(absl::string_view line) {
  if (absl::EndsWith(line, "AM") || absl::EndsWith(line, "PM")) {
    line = absl::StripTrailingAsciiWhitespace(line.substr(0, line.size() - 2));
  }
  const char separator = absl::StrContains(line, ':') ? ':' : '/';
  int digits = 0, separators = 0;
  for (const char c : line) {
    if (c == separator) {
      ++separators;
    } else if (absl::ascii_isdigit(c)) {
      ++digits;
    } else {
      return false;
    }
  }
  return separators == 2 && digits == (separator == ':' ? 6 : 8);
}

// "BAL-0007,No,012,2015/09/01,12:34:56": the balance's own number, the reading's, date and time, each if it is set so.
bool MayStandBefore(absl::string_view text, char separator) {
  std::vector<absl::string_view> fields = absl::StrSplit(text, separator);
  for (absl::string_view& field : fields) field = absl::StripAsciiWhitespace(field);
  while (!fields.empty() && IsDateOrTime(fields.back())) fields.pop_back();
  if (fields.size() > 1 && fields[fields.size() - 2] == "No" && IsDigits(fields.back()))
    fields.resize(fields.size() - 2);
  return fields.size() <= 1;
}

// "No.012": the reading's, printed before it where the balance is set so.
bool IsNumberOfReading(absl::string_view line) {
  return absl::ConsumePrefix(&line, "No.") && line.size() == 3 && IsDigits(line);
}

std::optional<Reading> ReadError(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "EC,E") || line.size() != 2 || !IsDigits(line)) return std::nullopt;
  for (const auto& [code, meaning] : kErrors) {
    if (code.substr(1) == line) return Refusal(absl::StrCat("the balance answers ", meaning, " (", code, ")"));
  }
  return State(absl::StrCat("the balance answers with error E", line));
}

// `line` begins with a header.
std::optional<Reading> ReadData(absl::string_view line) {
  const absl::string_view header = line.substr(0, 2);
  const char separator = line[2], point = separator == ';' ? ',' : '.';
  absl::string_view text = line.substr(3);
  dims::v1::WeighingKind kind = dims::v1::WEIGHING_KIND_UNSPECIFIED;
  bool indicator = false;
  if (const std::size_t end = text.find(separator); end == 1 || end == 2) {
    const absl::string_view second = text.substr(0, end);
    const std::optional<dims::v1::WeighingKind> on_indicator = KindIn(kIndicators, second);
    const std::optional<dims::v1::WeighingKind> on_balance = KindIn(kKinds, second);
    indicator = on_indicator.has_value();
    if (!indicator && !on_balance &&
        std::find(std::begin(kComparisons), std::end(kComparisons), second) == std::end(kComparisons)) {
      return std::nullopt;
    }
    kind = on_indicator.value_or(on_balance.value_or(kind));
    text.remove_prefix(end + 1);
  }
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  if (header == "OL") {
    return text[0] == '+' ? State("the load is above the weighing range (OL,+)")
                          : State("the load is below the weighing range (OL,-)");
  }
  const auto end =
      std::find_if(text.begin() + 1, text.end(), [&](char c) { return !absl::ascii_isdigit(c) && c != point; });
  const absl::string_view field = text.substr(0, end - text.begin());
  absl::string_view unit = text.substr(field.size());
  if (!unit.empty() && unit[0] == separator) unit.remove_prefix(1);
  const std::optional<std::string> value = balance::NumberIn(field);
  const bool fits = (field.size() >= 9 && field.size() <= 11 && unit.size() == 3) ||
                    (indicator && field.size() == 8 && unit.size() == 2);
  if (!value || !fits) return Damaged("a reading whose number or unit does not fill its columns");
  const absl::string_view name = absl::StripAsciiWhitespace(unit);
  if (header == "QT") return State(absl::StrCat(*value, " ", name, ": a count of pieces, no weight"));
  return balance::Weighed(header == "ST", *value, name, kind);
}

std::optional<Reading> ReadLine(absl::string_view line) {
  if (IsHeader(line)) return ReadData(line);
  if (line == "\x06" || IsDateOrTime(line) || IsNumberOfReading(line)) return Traffic();
  if (std::optional<Reading> error = ReadError(line)) return error;
  for (std::size_t at = line.find_first_of(",;"); at != absl::string_view::npos;
       at = line.find_first_of(",;", at + 1)) {
    absl::string_view rest = line.substr(at + 1);
    const bool blank = absl::ConsumePrefix(&rest, " ");
    if (IsHeader(rest) && (blank || MayStandBefore(line.substr(0, at), line[at]))) return ReadData(rest);
  }
  return std::nullopt;
}

constexpr OptionSpec kOptions[] = {balance::kPollOption, balance::kCommandOption, balance::kContinuousOption,
                                   balance::kSameLoadOption, kEncodingOption};

std::unique_ptr<Decoder> Make(const Options& options) {
  const bool waits = options.Text("command") == "stable";
  return std::make_unique<balance::Scale>(options, ReadLine, balance::Question{waits ? "S\r\n" : "Q\r\n", waits});
}

}  // namespace

extern const Driver and_balance_driver;
const Driver and_balance_driver = {
    .name = "and_balance",
    .title = "A&D balances and indicators: standard and CSV format, asked for or on the print key",
    .version = "3",
    .line = {.baud = 2400, .data_bits = 7, .parity = 'E'},
    .scan = ScanLine,
    .max_frame = balance::kMostLine,
    .max_report = balance::kMostLine,
    .options = kOptions,
    .orders = balance::kOrders,
    .make = Make,
    .query = "Q\r\n",
};

}  // namespace dims
