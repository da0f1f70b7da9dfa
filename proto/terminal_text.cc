#include "proto/terminal_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims {
namespace {

struct Range {
  uint32_t first, last;
};

// Controls, and what reorders or hides other text.
constexpr Range kHarmful[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0x61C, 0x61C},   {0x200B, 0x200F},  {0x2028, 0x202E},
                              {0x2060, 0x2069}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE0FFF}};

constexpr Range kNoColumn[] = {{0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},   {0x610, 0x61A},
                               {0x64B, 0x65F},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},
                               {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};

constexpr Range kTwoColumns[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0x4DBF},   {0x4E00, 0xA4CF},
                                 {0xA960, 0xA97F},   {0xAC00, 0xD7A3},  {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
                                 {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF},
                                 {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};

template <std::size_t size>
bool In(const Range (&ranges)[size], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

struct CodePoint {
  uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The one at the head of `text`, which is not empty.
CodePoint Head(absl::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < bytes) return {};
  uint32_t code = first & (0xFF >> (bytes + 1));
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return {};
    code = code << 6 | (byte(at) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast[bytes] || surrogate || code > 0x10FFFF) return {};
  return {code, bytes, true};
}

std::size_t ColumnsOf(const CodePoint& point) {
  if (In(kNoColumn, point.code)) return 0;
  return In(kTwoColumns, point.code) ? 2 : 1;
}

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD", kCut = "\xE2\x80\xA6";

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  for (CodePoint point; !text.empty(); text.remove_prefix(point.bytes)) {
    point = Head(text);
    const bool harmless = point.valid && !In(kHarmful, point.code);
    absl::StrAppend(&out, harmless ? text.substr(0, point.bytes) : kReplacement);
  }
  return out;
}

std::string Escaped(absl::string_view text) {
  std::string out;
  for (CodePoint point; !text.empty(); text.remove_prefix(point.bytes)) {
    point = Head(text);
    const absl::string_view bytes = text.substr(0, point.bytes);
    const bool harmless = point.valid && (point.code == '\n' || !In(kHarmful, point.code));
    for (const char byte : bytes) {
      if (harmless) {
        out += byte;
      } else {
        absl::StrAppendFormat(&out, "\\%03o", static_cast<unsigned char>(byte));
      }
    }
  }
  return out;
}

std::size_t Columns(absl::string_view text) {
  std::size_t columns = 0;
  for (CodePoint point; !text.empty(); text.remove_prefix(point.bytes)) {
    point = Head(text);
    columns += ColumnsOf(point);
  }
  return columns;
}

std::string Fit(absl::string_view text, std::size_t columns) {
  const std::size_t all = Columns(text);
  if (all <= columns) return std::string(text) + std::string(columns - all, ' ');
  if (columns == 0) return "";
  std::string out;
  std::size_t used = 0;
  for (CodePoint point; !text.empty(); text.remove_prefix(point.bytes)) {
    point = Head(text);
    if (used + ColumnsOf(point) > columns - 1) break;
    used += ColumnsOf(point);
    absl::StrAppend(&out, text.substr(0, point.bytes));
  }
  return absl::StrCat(out, kCut, std::string(columns - 1 - used, ' '));
}

}  // namespace dims
