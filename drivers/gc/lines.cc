#include "drivers/gc/lines.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

bool IsPath(absl::string_view text) {
  if (absl::StartsWith(text, "\\\\")) return true;
  if (text.size() > 2 && absl::ascii_isalpha(text[0]) && text[1] == ':' && (text[2] == '\\' || text[2] == '/')) {
    return true;
  }
  return !absl::StrContains(text, ':') && absl::EndsWithIgnoreCase(text, ".D");
}

// "1/15/2026", "15-Jan-26,", "2026.01.15"
bool IsDate(absl::string_view word) {
  absl::ConsumeSuffix(&word, ",");
  const auto is_mark = [](char c) { return c == '/' || c == '-' || c == '.'; };
  return word.size() >= 6 && absl::ascii_isdigit(word[0]) && std::count_if(word.begin(), word.end(), is_mark) >= 2 &&
         std::all_of(word.begin(), word.end(), [&](char c) { return is_mark(c) || absl::ascii_isalnum(c); });
}

bool IsClock(absl::string_view word) {
  if (word.size() > 8 || word.empty() || !absl::ascii_isdigit(word[0])) return false;  // most words
  const std::vector<absl::string_view> parts = absl::StrSplit(word, ':');
  return (parts.size() == 3 || parts.size() == 2) &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view p) { return p.size() <= 2 && IsDigits(p); });
}

// "24", "24.", "24,"
bool IsDay(absl::string_view word) {
  if (!absl::ConsumeSuffix(&word, ",")) absl::ConsumeSuffix(&word, ".");
  return IsDigits(word) && word.size() <= 2;
}

// "2023", "2023,", "2023."
bool IsYear(absl::string_view word) {
  if (!absl::ConsumeSuffix(&word, ",")) absl::ConsumeSuffix(&word, ".");
  return IsDigits(word) && word.size() == 4 && (word[0] == '1' || word[0] == '2');
}

// "juillet", "Jul.", in any alphabet
bool IsMonth(absl::string_view word) {
  absl::ConsumeSuffix(&word, ".");
  return word.size() >= 3 && std::all_of(word.begin(), word.end(), [](char c) {
           return absl::ascii_isalpha(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
         });
}

// Where the date before a time begins that has its month's name; `clock` where there is none.
const absl::string_view* SpelledDate(const absl::string_view* begin, const absl::string_view* clock) {
  // "24 de julio de 2023", "24 juli 2023 kl. 21:49"
  constexpr absl::string_view kBetween[] = {"de", "del", "kl.", "um", "at", "\u00e0"};
  const absl::string_view* words[3];  // the last first
  std::size_t size = 0;
  for (const absl::string_view* word = clock; word != begin && size < 3;) {
    --word;
    if (std::find(std::begin(kBetween), std::end(kBetween), *word) == std::end(kBetween)) words[size++] = word;
  }
  if (size < 3) return clock;
  const absl::string_view first = *words[2], second = *words[1], third = *words[0];
  const bool is_date = (IsDay(first) && IsMonth(second) && IsYear(third)) ||
                       (IsMonth(first) && IsDay(second) && IsYear(third)) ||
                       (IsYear(first) && IsMonth(second) && IsDay(third));
  return is_date ? words[2] : clock;
}

// "1", "1.0000"
bool IsOne(absl::string_view factor) {
  if (!absl::ConsumePrefix(&factor, "1")) return false;
  return factor.empty() ||
         ((factor[0] == '.' || factor[0] == ',') && factor.find_first_not_of('0', 1) == absl::string_view::npos);
}

}  // namespace

std::optional<DataFile> ParseDataFile(absl::string_view line) {
  constexpr absl::string_view kKey = "Data File ", kSample = " Sample Name:";
  const std::size_t at = line.find(kKey);
  if (at == absl::string_view::npos || CountCharacters(line.substr(0, at)) > 16) return std::nullopt;
  DataFile file;
  file.stray = !absl::StripAsciiWhitespace(line.substr(0, at)).empty();
  file.path = line.substr(at + kKey.size());
  if (const std::size_t sample = file.path.find(kSample); sample != absl::string_view::npos) {
    file.sample = absl::StripAsciiWhitespace(file.path.substr(sample + kSample.size()));
    file.path = file.path.substr(0, sample);
  }
  file.path = absl::StripAsciiWhitespace(file.path);
  if (!IsPath(file.path)) return std::nullopt;
  return file;
}

bool IsEnd(absl::string_view line) { return absl::StripAsciiWhitespace(line) == "*** End of Report ***"; }

bool IsRule(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  return line.size() >= 20 && line.find_first_not_of('=') == absl::string_view::npos;
}

bool IsRuler(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  return absl::StartsWith(line, "-") && absl::StrContains(line, '|') &&
         line.find_first_not_of("-|") == absl::string_view::npos;
}

std::optional<Stamp> ParseStamp(absl::string_view line) {
  // Most lines of a report can be told without a look at their words.
  if (!absl::StrContains(line, ':') && !absl::StrContains(line, "Page")) return std::nullopt;
  WordList words = Words(line);
  Stamp stamp;
  const std::size_t size = words.size();
  if (size >= 4 && words[size - 4] == "Page" && IsDigits(words[size - 3]) && words[size - 2] == "of" &&
      IsDigits(words[size - 1])) {
    stamp.page = true;
    words.resize(size - 4);
    if (words.empty()) return stamp;
  }
  const absl::string_view* date = std::find_if(words.begin(), words.end(), IsDate);
  const absl::string_view* clock = std::find_if(words.begin(), words.end(), IsClock);
  if (date == words.end() && clock != words.end()) date = SpelledDate(words.begin(), clock);
  // Some countries' versions have a word between date and clock. A colon elsewhere makes it the value of a key.
  const bool spelled = date < clock && !IsDate(*date);
  const bool dated = clock != words.end() && date < clock && (spelled || clock - date <= 2) &&
                     std::none_of(words.begin(), words.end(), [&](const absl::string_view& word) {
                       return absl::StrContains(word, ':') && &word != &*clock;
                     });
  if (!dated) return stamp.page ? std::optional(stamp) : std::nullopt;
  auto last = clock;
  if (last + 1 != words.end() && (absl::EqualsIgnoreCase(last[1], "AM") || absl::EqualsIgnoreCase(last[1], "PM"))) {
    ++last;
  }
  const auto begin = static_cast<std::size_t>(date->data() - line.data());
  stamp.time = line.substr(begin, static_cast<std::size_t>(last->data() - line.data()) + last->size() - begin);
  return stamp;
}

std::optional<Signal> ParseSignal(absl::string_view line) {
  Signal signal;
  if (!absl::ConsumePrefix(&line, "Signal ")) return std::nullopt;
  const std::size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const absl::string_view number = absl::StripAsciiWhitespace(line.substr(0, colon));
  if (!IsDigits(number) || number.size() > 3 || !absl::SimpleAtoi(number, &signal.number)) return std::nullopt;
  signal.text = line.substr(colon + 1);
  return signal;
}

bool ResemblesSignal(absl::string_view key) {
  std::string letters;
  for (const char c : key) {
    if (absl::ascii_isalpha(c)) letters += c;
  }
  return letters.size() < key.size() && (letters == "Signal" || IsSlip(letters, "Signal"));
}

absl::string_view SignalName(absl::string_view text) {
  if (const std::size_t file = text.find(" ("); file != absl::string_view::npos && absl::StrContains(text, '\\')) {
    text = text.substr(0, file);
  }
  text = absl::StripAsciiWhitespace(text);
  absl::ConsumeSuffix(&text, ",");
  return absl::StripAsciiWhitespace(text);
}

dims::v1::Technique TechniqueOf(absl::string_view signal) {
  struct Detector {
    absl::string_view name;
    dims::v1::Technique technique;
  };
  static constexpr Detector kDetectors[] = {
      {"FID", dims::v1::TECHNIQUE_GC_FID}, {"TCD", dims::v1::TECHNIQUE_GC}, {"ECD", dims::v1::TECHNIQUE_GC},
      {"NPD", dims::v1::TECHNIQUE_GC},     {"FPD", dims::v1::TECHNIQUE_GC}, {"DAD", dims::v1::TECHNIQUE_LC_DAD},
      {"MWD", dims::v1::TECHNIQUE_LC},     {"VWD", dims::v1::TECHNIQUE_LC}, {"RID", dims::v1::TECHNIQUE_LC},
      {"FLD", dims::v1::TECHNIQUE_LC},     {"ELS", dims::v1::TECHNIQUE_LC}, {"ELSD", dims::v1::TECHNIQUE_LC},
  };
  const absl::string_view name = signal.substr(0, signal.find_first_of("0123456789 ,"));
  for (const Detector& detector : kDetectors) {
    if (detector.name == name) return detector.technique;
  }
  return dims::v1::TECHNIQUE_UNSPECIFIED;
}

absl::string_view VialOf(absl::string_view location) {
  location = absl::StripAsciiWhitespace(location);
  absl::string_view number = location;
  return absl::ConsumePrefix(&number, "Vial ") && IsDigits(number) ? number : location;
}

absl::string_view MethodOf(absl::string_view value) {
  value = absl::StripAsciiWhitespace(value);
  if (const std::size_t remark = value.rfind('('); remark != absl::string_view::npos && absl::EndsWith(value, ")")) {
    const absl::string_view file = absl::StripAsciiWhitespace(value.substr(0, remark));
    if (absl::EndsWithIgnoreCase(file, ".M")) value = file;  // a file's own name may hold parentheses, too
  }
  return FileName(value);
}

std::string FactorOf(absl::string_view multiplier, absl::string_view dilution) {
  if (dilution.empty() || IsOne(dilution)) return Point(multiplier);
  if (multiplier.empty() || IsOne(multiplier)) return Point(dilution);
  return {};
}

}  // namespace dims::gc
