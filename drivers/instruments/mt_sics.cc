// Mettler Toledo balances that speak MT-SICS: XP, XS, XPR, XSR, MS, ML, AB-S, PB-S, weigh modules.
//
// A weight is "S S     100.00 g": command, status (S stable, D dynamic), the net weight right-aligned in ten columns, a
// blank, the unit. "S I" is no answer (busy, or nothing stable in time), "S +" and "S -" are over- and underload; ES,
// ET and EL answer what was no command. Everything else that the command set has is traffic: answers to other commands,
// and `I4 A "..."`, which the balance sends by itself when it is switched on.
// Source: Mettler Toledo, Reference Manual MT-SICS Interface Commands, 2 and "S", "SI", "T", "@".
#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/balance/scale.h"
#include "drivers/decimal.h"

namespace dims {
namespace {

using balance::Damaged;
using balance::NewBeginning;
using balance::Reading;
using balance::Refusal;
using balance::State;
using balance::Traffic;

constexpr std::size_t kNumber = 4, kUnit = 15;  // columns; the number ends before the blank before the unit

// "I4", "M21", "C3", "A10", or one that is a word.
bool IsCommand(absl::string_view word) {
  static constexpr absl::string_view kWords[] = {"@",  "D",   "DW", "DAT", "K",  "PW",  "PWR", "SIR", "SNR", "SR", "ST",
                                                 "SU", "SIU", "T",  "TA",  "TI", "TAC", "TIM", "UPD", "Z",   "ZI"};
  if (std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords)) return true;
  return !word.empty() && absl::StrContains("ACIM", word[0]) && word.size() <= 3 && IsDigits(word.substr(1));
}

// A reset or power-up (the balance then says I4 by itself), a tare, a zero.
bool MovesZero(absl::string_view command) {
  static constexpr absl::string_view kWords[] = {"@", "I4", "T", "TA", "TAC", "TI", "Z", "ZI"};
  return std::find(std::begin(kWords), std::end(kWords), command) != std::end(kWords);
}

// "S S Error 10b": a weight command's answer where the weighing module has failed.
bool IsError(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "Error ")) return false;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return digits > 0 && digits <= 3 && text.size() <= digits + 1;
}

Reading ReadWeight(absl::string_view line, dims::v1::WeighingKind kind) {
  const absl::string_view text = line.substr(kNumber);
  if (IsError(text)) return State(absl::StrCat("the weighing module reports error ", text.substr(6)));
  const absl::string_view field = text.substr(0, kUnit - 1 - kNumber);
  const std::optional<std::string> value = balance::NumberIn(field);
  if (!value || line.size() <= kUnit || line[kUnit - 1] != ' ' || line[kUnit] == ' ') {
    return Damaged("a weight whose number does not fill its columns 5 to 14");
  }
  return balance::Weighed(line[2] == 'S', *value, absl::StripTrailingAsciiWhitespace(line.substr(kUnit)), kind);
}

// The answers to S, SI, SIR, SR and SNR.
std::optional<Reading> ReadAnswer(absl::string_view line) {
  if (line.size() > kNumber && (line[2] == 'S' || line[2] == 'D') && line[3] == ' ') {
    const char next = line[kNumber];
    const bool weight = next == ' ' || next == '-' || absl::ascii_isdigit(next) || IsError(line.substr(kNumber));
    return weight ? std::optional(ReadWeight(line, dims::v1::WEIGHING_KIND_NET)) : std::nullopt;
  }
  if (line == "S I") return Traffic();
  if (line == "S +") return State("the load is above the weighing range (S +)");
  if (line == "S -") return State("the load is below the weighing range (S -)");
  if (line == "S L") return Refusal("the balance does not take the question as it was put (S L)");
  return std::nullopt;
}

std::optional<Reading> ReadSics(absl::string_view line) {
  if (line == "ES") return Refusal("the balance does not know a command (ES)");
  if (line == "ET") return Refusal("the balance received a command damaged (ET)");
  if (line == "EL") return Refusal("the balance cannot carry out a command (EL)");
  if (absl::StartsWith(line, "S ")) return ReadAnswer(line);
  // The weight that was tared, as it was just measured; a layout that differs here is no harm.
  if (absl::StartsWith(line, "T S ")) {
    Reading tare = ReadWeight(line, dims::v1::WEIGHING_KIND_TARE);
    return tare.kind == Reading::Kind::kStable ? tare : NewBeginning();
  }
  const std::size_t blank = line.find(' ');
  const absl::string_view command = line.substr(0, blank);
  if (blank == absl::string_view::npos || !IsCommand(command)) return std::nullopt;
  const absl::string_view status = line.substr(blank + 1);
  const bool answer =
      !status.empty() && absl::StrContains("ABCILSD+-", status[0]) && (status.size() == 1 || status[1] == ' ');
  if (!answer) return std::nullopt;
  return MovesZero(command) ? NewBeginning() : Traffic();
}

constexpr OptionSpec kOptions[] = {balance::kPollOption, balance::kCommandOption, balance::kContinuousOption,
                                   balance::kSameLoadOption, kEncodingOption};

std::unique_ptr<Decoder> Make(const Options& options) {
  const bool waits = options.Text("command") == "stable";
  return std::make_unique<balance::Scale>(options, ReadSics, balance::Question{waits ? "S\r\n" : "SI\r\n", waits});
}

}  // namespace

extern const Driver mt_sics_driver;
const Driver mt_sics_driver = {
    .name = "mt_sics",
    .title = "Mettler Toledo balances that speak MT-SICS: stable net weights, asked for or on the print key",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = balance::kMostLine,
    .max_report = balance::kMostLine,
    .options = kOptions,
    .orders = balance::kOrders,
    .make = Make,
    .query = "SI\r\n",
};

}  // namespace dims
