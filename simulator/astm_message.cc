#include "simulator/astm_message.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

struct Delimiters {
  char field = '|', component = '^';
};

Delimiters DelimitersOf(absl::string_view header) { return {header[1], header[3]}; }

std::vector<std::string> Fields(absl::string_view record, char delimiter) { return absl::StrSplit(record, delimiter); }

// Fields and components are numbered from 1, as in the standard.
absl::string_view Part(const std::vector<std::string>& parts, std::size_t number) {
  return number <= parts.size() ? absl::StripAsciiWhitespace(parts[number - 1]) : absl::string_view();
}

void SetPart(std::vector<std::string>& parts, std::size_t number, std::string value) {
  parts.resize(std::max(parts.size(), number));
  parts[number - 1] = std::move(value);
}

std::string FirstComponent(absl::string_view field, char delimiter) {
  return std::string(absl::StripAsciiWhitespace(field.substr(0, field.find(delimiter))));
}

// The delimiters of H are themselves its second field, so splitting at them keeps H's numbering only by chance.
struct Header {
  std::string head;                 // "H|\^&"
  std::vector<std::string> fields;  // from the third on
};

Header ReadHeader(absl::string_view record) {
  const char field = record[1];
  const std::size_t end = std::min(record.find(field, 2), record.size());
  Header header{std::string(record.substr(0, end)), {}};
  if (end < record.size()) header.fields = Fields(record.substr(end + 1), field);
  return header;
}

std::string WriteHeader(const Header& header) {
  const std::string field(1, header.head[1]);
  return absl::StrCat(header.head, field, absl::StrJoin(header.fields, field));
}

bool IsForbidden(char c) {
  constexpr absl::string_view kForbidden("\x01\x02\x03\x04\x05\x06\x10\x15\x16\x17\n\x11\x12\x13\x14", 15);
  return absl::StrContains(kForbidden, absl::string_view(&c, 1));
}

// Why `record` cannot stand here; empty if it can. `header` is that of its message, empty before one.
std::string WhyNot(absl::string_view record, absl::string_view header) {
  if (std::any_of(record.begin(), record.end(), IsForbidden)) return "a character that the standard forbids in frames";
  if (record[0] == 'H') {
    if (!header.empty()) return "another message begins before this one has ended; end it with L";
    const std::string defined(record.substr(1, 4));
    const bool defines = defined.size() == 4 && std::all_of(defined.begin(), defined.end(), absl::ascii_ispunct) &&
                         std::set<char>(defined.begin(), defined.end()).size() == 4 &&
                         (record.size() == 5 || record[5] == record[1]);
    return defines ? "" : "H must define four delimiters, like H|\\^&|";
  }
  if (header.empty()) return "a message begins with H";
  if (!absl::StrContains("POCRQMSL", record.substr(0, 1)) || (record.size() > 1 && record[1] != header[1]))
    return absl::StrCat("no record: it must begin with one of P, O, C, R, Q, M, S, L and \"", header.substr(1, 1),
                        "\"");
  return "";
}

}  // namespace

absl::StatusOr<std::vector<AstmOriginal>> ReadAstmOriginals(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  absl::StatusOr<std::string> text = FileToUtf8(bytes);
  if (!text.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", text.status().message()));
  std::vector<AstmOriginal> originals;
  bool open = false;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (absl::StripAsciiWhitespace(line).empty() || line[0] == '#') continue;
    const std::string why = WhyNot(line, open ? originals.back().records[0] : absl::string_view());
    if (!why.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", why));
    if (!open) originals.push_back({path, number, {}});
    originals.back().records.emplace_back(line);
    open = line[0] != 'L';
  }
  if (open) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", originals.back().line, ": this message has no end (L)"));
  }
  if (originals.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": there is no message in it"));
  return originals;
}

absl::StatusOr<AstmText> Compose(const AstmOriginal& original, std::uint64_t number, absl::Time time,
                                 const AstmOptions& options) {
  AstmText message{.file = original.file};
  const Delimiters delimiters = DelimitersOf(original.records[0]);
  const std::string field(1, delimiters.field);
  std::string text;
  int orders = 0;
  for (std::string record : original.records) {
    if (record[0] == 'H') {
      Header header = ReadHeader(record);
      SetPart(header.fields, 1, absl::StrCat(number));                                        // H 3
      SetPart(header.fields, 12, absl::FormatTime("%Y%m%d%H%M%S", time, options.time_zone));  // H 14
      record = WriteHeader(header);
    } else if (record[0] == 'O') {
      std::vector<std::string> fields = Fields(record, delimiters.field);
      ++orders;
      if (!options.rename_sample.empty()) {
        const absl::string_view old = Part(fields, 3);
        const std::size_t rest = std::min(old.find(delimiters.component), old.size());
        SetPart(fields, 3,
                absl::StrFormat("%s-%04d%s%s", options.rename_sample, number,
                                orders > 1 ? absl::StrCat("-", orders) : "", old.substr(rest)));
        record = absl::StrJoin(fields, field);
      }
      for (const std::size_t place : {3, 4}) {
        if (orders == 1 && message.sample.empty())
          message.sample = FirstComponent(Part(fields, place), delimiters.component);
      }
    }
    absl::StrAppend(&text, record, "\r");
  }
  absl::StatusOr<std::string> bytes = ToCodePage(text, options.code_page);
  if (!bytes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(original.file, ":", original.line, ": in this message: ", bytes.status().message()));
  }
  message.text = *std::move(bytes);
  return message;
}

}  // namespace dims
