// The promises of the readers of text that a person or an instrument writes: the configuration, transcripts, printed
// numbers, durations, the code pages, and formats. The first byte says which.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dims/v1/report.pb.h"
#include "drivers/catalog.h"
#include "drivers/decimal.h"
#include "drivers/encoding.h"
#include "drivers/format/format_file.h"
#include "drivers/parser.h"
#include "drivers/transcript.h"
#include "firmware-bridge/config.h"
#include "tests/fuzz/text_kind.h"

namespace dims {
namespace {

void Require(bool kept, absl::string_view promise) {
  if (kept) return;
  std::fprintf(stderr, "broken: %s\n", std::string(promise).c_str());
  std::abort();
}

// Every error names file and line; what is accepted has only what the tables allow.
void CheckConfig(absl::string_view text) {
  DriverFacts facts;
  for (const Driver* driver : Catalog()) facts.names.push_back(driver->name);
  facts.options = [](absl::string_view name) { return FindDriver(name)->options; };
  const absl::StatusOr<Config> config = ParseConfig(text, "/etc/dims-bridge/bridge.toml", facts);
  if (!config.ok()) {
    Require(!config.status().message().empty(), "an error has words");
    for (const absl::string_view line : absl::StrSplit(config.status().message(), '\n')) {
      Require(absl::StartsWith(line, "/etc/dims-bridge/bridge.toml:"),
              absl::StrCat("an error names its place: ", line));
    }
    return;
  }
  Require(!config->laboratory.empty() && !config->bridge.empty(), "a configuration names its bridge");
  Require(absl::StartsWith(config->store.path, "/"), "paths are absolute");
  for (const InstrumentConfig& instrument : config->instruments) {
    const Driver* driver = FindDriver(instrument.driver);
    Require(driver != nullptr, "an instrument's driver is in the catalog");
    Require(Options::Parse(driver->options, instrument.options).ok(), "options are those of the driver's table");
    LineOf(instrument, driver->line);
  }
}

void CheckTranscript(absl::string_view text) {
  const absl::StatusOr<Transcript> read = ParseTranscript("x", text);
  if (!read.ok()) {
    Require(absl::StartsWith(read.status().message(), "x:"), "an error names its place");
    return;
  }
  const absl::StatusOr<Transcript> again = ParseTranscript("x", WriteTranscript(*read));
  Require(again.ok(), absl::StrCat("what is written can be read: ", again.status().ToString()));
  Require(again->steps.size() == read->steps.size(), "what is written has the same steps");
  for (std::size_t i = 0; i < read->steps.size(); ++i) {
    const TranscriptStep &a = read->steps[i], &b = again->steps[i];
    Require(a.kind == b.kind && a.text == b.text && a.name == b.name && a.wait == b.wait && a.size == b.size,
            "what is written has the same steps");
  }
}

// Put together again from units and scale, it is what stood there.
void CheckDecimal(absl::string_view text) {
  const std::optional<Decimal> decimal = Decimal::Parse(text);
  if (!decimal) return;
  Require(decimal->scale >= 0 && decimal->scale <= 18, "a scale is a number of digits");
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9') digits += c;
  }
  absl::int128 units = 0;
  for (const char c : digits) units = units * 10 + (c - '0');
  Require(!digits.empty() && digits.size() <= 18, "a number is of at most 18 digits");
  Require((text[0] == '-' ? -units : units) == decimal->units, "a number is exact");
  const std::size_t point = text.find_first_of(".,");
  const std::size_t places = point == absl::string_view::npos ? 0 : text.size() - point - 1;
  Require(places == static_cast<std::size_t>(decimal->scale), "a number has its digits after the point");
}

void CheckDuration(absl::string_view text) {
  const absl::StatusOr<absl::Duration> duration = ReadDuration(text);
  if (!duration.ok()) return;
  Require(*duration >= absl::ZeroDuration() && *duration <= absl::Hours(100 * 366 * 24), "a duration is in its range");
  const absl::StatusOr<absl::Duration> again = ReadDuration(WriteDuration(*duration));
  Require(again.ok() && *again == *duration, "a duration that is written is the same");
}

// protobuf's own reader is the judge of valid UTF-8.
void CheckEncoded(absl::string_view bytes) {
  for (const Encoding encoding :
       {Encoding::kAuto, Encoding::kUtf8, Encoding::kCp1252, Encoding::kLatin1, Encoding::kCp437, Encoding::kCp850,
        Encoding::kCp932, Encoding::kGbk, Encoding::kUtf16Le, Encoding::kUtf16Be}) {
    const Text text = ToUtf8(bytes, encoding);
    dims::v1::Problem message, read;
    message.set_message(text.utf8);
    Require(read.ParseFromString(message.SerializeAsString()), "what was decoded is valid UTF-8");
  }
}

// Every error names file and line, or what is missing; what is accepted reads its own text as any driver does.
void CheckFormat(absl::string_view text) {
  const auto format = FormatDriver::Parse(text, "x.format.toml");
  if (!format.ok()) {
    for (const absl::string_view line : absl::StrSplit(format.status().message(), '\n')) {
      Require(absl::StartsWith(line, "x.format.toml:"), absl::StrCat("an error names its place: ", line));
    }
    return;
  }
  const Driver& driver = (*format)->driver();
  const absl::StatusOr<Options> options = Options::Parse(driver.options, {});
  Require(options.ok(), "a format's own options are right");
  uint64_t at = 0;
  const auto check = [&](ParserEvent event) {
    const Said* said = std::get_if<Said>(&event);
    const Padding* padding = std::get_if<Padding>(&event);
    if (said == nullptr && padding == nullptr) return;
    Require((said != nullptr ? said->begin : padding->begin) == at, "no byte is lost");
    at = said != nullptr ? said->end : padding->end;
    dims::v1::Report read;
    Require(said == nullptr || read.ParseFromString(said->report.SerializeAsString()), "a report can be read");
  };
  Parser parser(driver, *options);
  parser.Feed(text, check);
  parser.Finish(Ending::kEndOfInput, check);
  Require(at == text.size(), "no byte is lost");
}

}  // namespace
}  // namespace dims

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using dims::TextKind;
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<TextKind>(data[0] % static_cast<uint8_t>(TextKind::kCount))) {
    case TextKind::kConfig:
      dims::CheckConfig(text);
      break;
    case TextKind::kTranscript:
      dims::CheckTranscript(text);
      break;
    case TextKind::kDecimal:
      dims::CheckDecimal(text);
      break;
    case TextKind::kDuration:
      dims::CheckDuration(text);
      break;
    case TextKind::kEncoded:
      dims::CheckEncoded(text);
      break;
    case TextKind::kFormat:
      dims::CheckFormat(text);
      break;
    case TextKind::kCount:
      break;
  }
  return 0;
}
