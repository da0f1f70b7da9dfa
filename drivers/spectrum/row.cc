#include "drivers/spectrum/row.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kLongestNumber = 64;

char SeparatorOf(absl::string_view line) {
  for (const char separator : {'\t', ';'}) {
    if (absl::StrContains(line, separator)) return separator;
  }
  // A blank between digits separates, and commas beside it do not.
  for (std::size_t at = line.find(' '); at != absl::string_view::npos; at = line.find(' ', at + 1)) {
    if (at > 0 && line[at - 1] != ' ' && line[at - 1] != ',') return ' ';
  }
  return absl::StrContains(line, ',') ? ',' : ' ';
}

// What its comma is: a thousand has three digits after it, and one to three before it of which the first is no zero.
bool CouldBeThousand(absl::string_view number) {
  absl::ConsumePrefix(&number, "-");
  const std::size_t comma = number.find(',');
  const absl::string_view before = number.substr(0, comma), after = number.substr(comma + 1);
  return after.size() == 3 && IsDigits(after) && IsDigits(before) && before.size() <= 3 && before[0] != '0';
}

bool IsQuoted(absl::string_view field) { return field.size() > 1 && field.front() == '"' && field.back() == '"'; }

absl::string_view WithoutMarks(absl::string_view field) {
  return IsQuoted(field) ? absl::StripAsciiWhitespace(field.substr(1, field.size() - 2)) : field;
}

// A separator between quotation marks is part of the field, where the marks are around all of it.
std::size_t EndOfField(absl::string_view line, std::size_t begin, char separator) {
  const std::size_t end = std::min(line.find(separator, begin), line.size());
  const std::size_t open = line.find_first_not_of(" ", begin);
  if (open >= end || line[open] != '"') return end;
  const std::size_t close = line.find('"', open + 1);
  if (close == absl::string_view::npos || close < end) return end;
  const std::size_t after = line.find_first_not_of(" ", close + 1);
  return after == absl::string_view::npos ? line.size() : line[after] == separator ? after : end;
}

}  // namespace

void Split(absl::string_view line, char separator, std::vector<absl::string_view>& fields) {
  fields.clear();
  if (separator == ' ') {
    for (std::size_t begin = 0, end = 0; end <= line.size(); ++end) {
      if (end < line.size() && line[end] != ' ' && line[end] != '\t') continue;
      if (end > begin) fields.push_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
    return;
  }
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = EndOfField(line, begin, separator);
    fields.push_back(WithoutMarks(absl::StripAsciiWhitespace(line.substr(begin, end - begin))));
    begin = end + 1;
  }
}

bool IsNoValue(absl::string_view text) {
  if (text.empty()) return true;
  if (text[0] == '-' || text[0] == '+') text.remove_prefix(1);
  return absl::EqualsIgnoreCase(text, "nan") || absl::EqualsIgnoreCase(text, "inf") ||
         absl::EqualsIgnoreCase(text, "infinity");
}

std::optional<double> ParseNumber(absl::string_view text, char decimal) {
  absl::ConsumePrefix(&text, "+");
  std::array<char, kLongestNumber> number;
  if (text.empty() || text.size() > number.size() ||
      (text[0] != '-' && text[0] != '.' && text[0] != ',' &&
       !absl::ascii_isdigit(static_cast<unsigned char>(text[0])))) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' || c == ',') {
      if (c != decimal) return std::nullopt;
      number[i] = '.';
    } else if (absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-' || c == '+' || c == 'e' || c == 'E') {
      number[i] = c;
    } else {
      return std::nullopt;
    }
  }
  double value = 0;
  const char* const end = number.data() + text.size();
  const auto [at, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

RowForm FormOf(absl::string_view line, char decimal) {
  RowForm form;
  if (line.find_first_of("0123456789") == absl::string_view::npos) return form;
  form.dialect.separator = SeparatorOf(line);
  std::vector<absl::string_view> fields;
  Split(line, form.dialect.separator, fields);
  form.open_end = !fields.empty() && fields.back().empty();
  if (form.open_end) fields.pop_back();
  const auto have = [&](char mark) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](absl::string_view field) { return absl::StrContains(field, mark); });
  };
  const bool points = have('.'), commas = have(',');
  if (fields.size() < 2 || (points && commas)) return form;
  form.dialect.decimal = points ? '.' : commas ? ',' : '\0';
  if (decimal != 0 && form.dialect.decimal != 0 && form.dialect.decimal != decimal) return form;
  form.quoted = absl::StrContains(line, '"');
  bool unclear = form.dialect.separator == ',' && !points && !form.quoted && decimal != '.';
  bool thousands = commas && decimal == 0;
  std::size_t numbers = 0;
  for (const absl::string_view field : fields) {
    if (IsNoValue(field)) continue;
    if (!ParseNumber(field, form.dialect.decimal)) return form;
    ++numbers;
    thousands &= !absl::StrContains(field, ',') || CouldBeThousand(field);
  }
  if (numbers < 2) return form;
  unclear |= thousands;
  form.fields = fields.size();
  form.kind = unclear ? RowKind::kUnclear : RowKind::kRow;
  return form;
}

}  // namespace dims::spectrum
