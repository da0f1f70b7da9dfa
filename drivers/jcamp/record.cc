#include "drivers/jcamp/record.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace dims::jcamp {

std::optional<Record> ParseRecord(absl::string_view line) {
  const char* const begin = line.data();
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::StartsWith(line, "##")) return std::nullopt;
  line.remove_prefix(2);
  const std::size_t equals = line.find('=');
  const std::size_t comment = line.find("$$");
  Record record;
  record.assigned = equals < comment;
  const absl::string_view label = line.substr(0, record.assigned ? equals : comment);
  for (const char c : label) {
    if (!absl::ascii_isspace(c) && c != '-' && c != '/' && c != '_') record.label += absl::ascii_toupper(c);
  }
  if (record.assigned) {
    record.value = WithoutComment(line.substr(equals + 1));
    record.value_at = static_cast<std::size_t>(record.value.data() - begin);
  }
  return record;
}

absl::string_view WithoutComment(absl::string_view line) {
  return absl::StripAsciiWhitespace(line.substr(0, line.find("$$")));
}

std::vector<absl::string_view> Parts(absl::string_view list) {
  std::vector<absl::string_view> parts = absl::StrSplit(list, ',');
  for (absl::string_view& part : parts) part = absl::StripAsciiWhitespace(part);
  return parts;
}

}  // namespace dims::jcamp
