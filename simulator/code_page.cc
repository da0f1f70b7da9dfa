#include "simulator/code_page.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace dims {
namespace {

struct Row {
  CodePage page;
  absl::string_view name;
  const char* iconv_name;
};

constexpr Row kPages[] = {{CodePage::kUtf8, "utf-8", "UTF-8"},      {CodePage::kCp1252, "cp1252", "CP1252"},
                          {CodePage::kLatin1, "latin-1", "LATIN1"}, {CodePage::kCp437, "cp437", "CP437"},
                          {CodePage::kCp850, "cp850", "CP850"},     {CodePage::kUtf16Le, "utf-16le", "UTF-16LE"}};

// Converts as far as it can; `rest` is what it could not.
absl::StatusOr<std::string> Convert(absl::string_view text, const char* from, const char* to, absl::string_view* rest) {
  const iconv_t conversion = iconv_open(to, from);
  if (conversion == reinterpret_cast<iconv_t>(-1)) {  // NOLINT(performance-no-int-to-ptr): iconv's way
    return absl::ErrnoToStatus(errno, absl::StrCat("this system cannot convert ", from, " to ", to));
  }
  std::string out(text.size() * 4, '\0');
  char* in = const_cast<char*>(text.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): it is not written to
  std::size_t in_left = text.size();
  char* at = out.data();
  std::size_t out_left = out.size();
  if (!text.empty()) iconv(conversion, &in, &in_left, &at, &out_left);
  iconv_close(conversion);
  out.resize(out.size() - out_left);
  *rest = text.substr(text.size() - in_left);
  return out;
}

}  // namespace

absl::StatusOr<CodePage> ParseCodePage(absl::string_view name) {
  for (const Row& row : kPages) {
    if (row.name == name) return row.page;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown code page \"", name, "\"; there are ",
      absl::StrJoin(kPages, ", ", [](std::string* out, const Row& row) { absl::StrAppend(out, row.name); })));
}

absl::StatusOr<std::string> ToCodePage(absl::string_view utf8, CodePage page) {
  const Row& row = *std::find_if(std::begin(kPages), std::end(kPages), [&](const Row& r) { return r.page == page; });
  absl::string_view rest;
  absl::StatusOr<std::string> out = Convert(utf8, "UTF-8", row.iconv_name, &rest);
  if (!out.ok() || rest.empty()) return out;
  absl::string_view ignored;
  const unsigned char lead = rest[0];
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const absl::string_view character = rest.substr(0, length);
  const absl::StatusOr<std::string> code = Convert(character, "UTF-8", "UTF-32BE", &ignored);
  if (!code.ok() || code->size() != 4) {
    return absl::InvalidArgumentError(absl::StrFormat("the byte 0x%02X is no UTF-8", lead));
  }
  unsigned value = 0;
  for (const unsigned char byte : *code) value = value << 8 | byte;
  return absl::InvalidArgumentError(
      absl::StrFormat("the character \"%s\" (U+%04X) is not in the code page %s", character, value, row.name));
}

absl::StatusOr<std::string> FileToUtf8(absl::string_view bytes) {
  const char* from = "UTF-8";
  if (absl::StartsWith(bytes, "\xff\xfe")) from = "UTF-16LE";
  if (absl::StartsWith(bytes, "\xfe\xff")) from = "UTF-16BE";
  if (from[4] == '1') bytes.remove_prefix(2);
  if (absl::StartsWith(bytes, "\xef\xbb\xbf")) bytes.remove_prefix(3);
  absl::string_view rest;
  absl::StatusOr<std::string> out = Convert(bytes, from, "UTF-8", &rest);
  if (!out.ok() || rest.empty()) return out;
  const auto line = std::count(out->begin(), out->end(), '\n') + 1;
  return absl::InvalidArgumentError(absl::StrFormat(
      "line %d holds a byte (0x%02X) that is no %s; a file to print is UTF-8, or UTF-16 with a byte order mark", line,
      static_cast<unsigned char>(rest[0]), from));
}

}  // namespace dims
