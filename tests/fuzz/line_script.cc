#include "tests/fuzz/line_script.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "drivers/catalog.h"

namespace dims {
namespace {

// The values that one byte can choose for a setting; 0 is its default.
std::vector<std::string> Values(const OptionSpec& spec) {
  std::vector<std::string> values = {std::string(spec.default_value)};
  if (spec.type == OptionSpec::Type::kChoice) {
    for (const absl::string_view choice : absl::StrSplit(spec.choices, '|')) values.emplace_back(choice);
  } else if (spec.type == OptionSpec::Type::kBoolean) {
    values.insert(values.end(), {"true", "false"});
  } else if (spec.type == OptionSpec::Type::kInteger && spec.choices.empty()) {
    for (int64_t i = spec.minimum; i <= spec.maximum && values.size() < 100; ++i) values.push_back(absl::StrCat(i));
  }
  return values;
}

absl::Span<const OptionSpec> Rows(const Driver& driver) { return driver.options.subspan(0, LineScript::kOptions); }

void SetChecksums(std::string& stream) {
  constexpr absl::string_view kHex = "0123456789ABCDEF";
  for (std::size_t begin = stream.find('\x02'); begin != std::string::npos; begin = stream.find('\x02', begin + 1)) {
    const std::size_t end = stream.find_first_of("\x02\x03\x17", begin + 1);
    if (end == std::string::npos || end + 2 >= stream.size()) return;
    if (stream[end] == '\x02') continue;
    unsigned sum = 0;
    for (std::size_t i = begin + 1; i <= end; ++i) sum += static_cast<unsigned char>(stream[i]);
    stream[end + 1] = kHex[sum / 16 % 16];
    stream[end + 2] = kHex[sum % 16];
  }
}

}  // namespace

LineScript ReadLineScript(absl::string_view bytes) {
  std::string header(bytes.substr(0, LineScript::kHeader));
  header.resize(LineScript::kHeader, '\0');
  const auto byte = [&](std::size_t i) { return static_cast<uint8_t>(header[i]); };
  LineScript script;
  if (bytes.size() > header.size()) script.stream = std::string(bytes.substr(header.size()));
  script.driver = Catalog()[byte(0) % Catalog().size()];
  script.ending = byte(1) % 2 == 0 ? Ending::kEndOfInput : Ending::kInterrupted;
  script.right_checksums = byte(1) / 2 % 2 == 1;
  if (script.right_checksums) SetChecksums(script.stream);
  std::size_t at = 2;
  for (const OptionSpec& spec : Rows(*script.driver)) {
    const std::vector<std::string> values = Values(spec);
    if (const uint8_t choice = byte(at++); choice % values.size() != 0) {
      script.options.emplace_back(spec.name, values[choice % values.size()]);
    }
  }
  for (at = 2 + LineScript::kOptions; at < header.size(); at += 3) {
    Happening happening;
    happening.kind = static_cast<Happening::Kind>(byte(at) % 8 <= Happening::kOrder ? byte(at) % 8 : 0);
    happening.marks = static_cast<uint8_t>(byte(at) / 8 % 7 + 1);
    happening.at = (byte(at + 1) * 256u + byte(at + 2)) % (script.stream.size() + 1);
    if (happening.kind != Happening::kNothing) script.happenings.push_back(happening);
  }
  std::stable_sort(script.happenings.begin(), script.happenings.end(),
                   [](const Happening& a, const Happening& b) { return a.at < b.at; });
  return script;
}

std::string WriteLineScript(const LineScript& script) {
  std::string header(LineScript::kHeader, '\0');
  header[0] = static_cast<char>(std::find(Catalog().begin(), Catalog().end(), script.driver) - Catalog().begin());
  header[1] = static_cast<char>((script.ending == Ending::kEndOfInput ? 0 : 1) + (script.right_checksums ? 2 : 0));
  std::size_t at = 2;
  for (const OptionSpec& spec : Rows(*script.driver)) {
    const std::vector<std::string> values = Values(spec);
    for (const auto& [name, value] : script.options) {
      const auto chosen = std::find(values.begin(), values.end(), value);
      if (name == spec.name && chosen != values.end()) header[at] = static_cast<char>(chosen - values.begin());
    }
    ++at;
  }
  at = 2 + LineScript::kOptions;
  for (const Happening& happening : script.happenings) {
    if (at == header.size() || happening.at > 0xffff) break;
    header[at++] = static_cast<char>(happening.kind + 8 * (std::max<int>(happening.marks, 1) - 1));
    header[at++] = static_cast<char>(happening.at / 256);
    header[at++] = static_cast<char>(happening.at % 256);
  }
  return header + script.stream;
}

}  // namespace dims
