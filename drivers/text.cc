#include "drivers/text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"

namespace dims {
namespace {

std::size_t Offset(absl::string_view utf8, std::size_t column) {
  std::size_t i = 0;
  for (; i < utf8.size(); ++i) {
    if ((utf8[i] & 0xC0) != 0x80 && column-- == 0) break;
  }
  return i;
}

}  // namespace

WordList Words(absl::string_view text) {
  // StrSplit builds a table of its delimiters for each blank it meets, and a print-out is mostly blanks.
  WordList words;
  std::size_t begin = 0;
  for (std::size_t end = 0; end <= text.size(); ++end) {
    if (end < text.size() && text[end] != ' ' && text[end] != '\t') continue;
    if (end > begin) words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::optional<KeyValue> ParseKeyValue(absl::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const absl::string_view key = absl::StripAsciiWhitespace(line.substr(0, colon));
  if (key.empty() || key.size() > 32) return std::nullopt;
  return KeyValue{key, absl::StripAsciiWhitespace(line.substr(colon + 1))};
}

std::optional<std::vector<std::string>> SplitFields(absl::string_view text, char separator) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      fields.back() += text[i++];
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == separator && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += text[i];
    }
  }
  for (std::string& field : fields) absl::StripAsciiWhitespace(&field);
  return quoted ? std::nullopt : std::optional(std::move(fields));
}

bool IsSlip(absl::string_view a, absl::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() < 3 || b.size() - a.size() > 1 || a == b) return false;
  while (!a.empty() && a.front() == b.front()) {
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  while (!a.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
  }
  return b.size() == 1;
}

absl::string_view FileName(absl::string_view path) { return path.substr(path.find_last_of("\\/") + 1); }

std::string Point(absl::string_view number) {
  std::string point(number);
  std::replace(point.begin(), point.end(), ',', '.');
  return point;
}

std::size_t CountCharacters(absl::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

absl::string_view Columns(absl::string_view utf8, std::size_t from, std::size_t to) {
  utf8.remove_prefix(Offset(utf8, from));
  return to == absl::string_view::npos ? utf8 : utf8.substr(0, Offset(utf8, to - from));
}

std::size_t Indent(absl::string_view text) { return std::min(text.find_first_not_of(" \t"), text.size()); }

}  // namespace dims
