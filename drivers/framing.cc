#include "drivers/framing.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"

namespace dims {

Width JudgeWidth(absl::string_view head) {
  if (absl::StartsWith(head, "\xff\xfe")) return Width::kUtf16Le;
  if (absl::StartsWith(head, "\xfe\xff")) return Width::kUtf16Be;
  head = head.substr(0, 64);
  std::size_t zeros[2] = {0, 0};
  for (std::size_t i = 0; i < head.size(); ++i) zeros[i % 2] += head[i] == '\0' ? 1 : 0;
  // More than half of the high bytes: a stray NUL in an 8-bit line does not make it UTF-16.
  if (zeros[1] * 2 > head.size() / 2) return Width::kUtf16Le;
  if (zeros[0] * 2 > (head.size() + 1) / 2) return Width::kUtf16Be;
  return Width::kEightBit;
}

namespace {

bool IsStop(char c) { return c == '\n' || c == '\r' || c == '\f'; }

// The first line end at or after `from`; npos where there is none. Says whether it has passed over a NUL.
std::size_t FindStop(absl::string_view bytes, std::size_t from, bool& has_nul) {
  const char* const data = bytes.data();
  while (from < bytes.size()) {
    // Eight bytes at a time, while none of them is below CR + 1 (Warren, Hacker's Delight, 6-1).
    constexpr uint64_t kEach = 0x0101010101010101;
    for (uint64_t eight; from + 8 <= bytes.size(); from += 8) {
      std::memcpy(&eight, data + from, 8);
      if (((eight - kEach * ('\r' + 1)) & ~eight & (kEach << 7)) != 0) break;
    }
    for (const std::size_t to = std::min(from + 8, bytes.size()); from < to; ++from) {
      if (IsStop(data[from])) return from;
      has_nul |= data[from] == '\0';
    }
  }
  return absl::string_view::npos;
}

}  // namespace

Scan ScanLine(absl::string_view waiting, std::size_t seen) {
  const Scan more{Scan::kMore, 0};
  // Two NULs in a row are no character in any of the encodings: a break, or a device that was switched on.
  if (waiting.size() > 1 && waiting[0] == '\0' && waiting[1] == '\0') return {Scan::kNoise, 1};
  // The last two bytes looked at may have been waiting for their successors.
  bool has_nul = seen > 0;  // a line of 8-bit text has none
  std::size_t i = FindStop(waiting, seen > 2 ? seen - 2 : 0, has_nul);
  for (; i != absl::string_view::npos; i = FindStop(waiting, i + 1, has_nul)) {
    const bool has_next = i + 1 < waiting.size();
    if (!has_next && i == 0) return more;
    const bool zero_follows = has_next && waiting[i + 1] == '\0';
    Width width = i == 0 && zero_follows ? Width::kUtf16Le : Width::kEightBit;
    if (i > 0 && (has_nul || static_cast<unsigned char>(waiting[0]) >= 0xfe)) width = JudgeWidth(waiting.substr(0, i));
    if (!has_next && waiting[i] == '\r') return {Scan::kMore, width == Width::kEightBit ? waiting.size() : 0};
    if (width == Width::kUtf16Le && !has_next) return more;
    if (width == Width::kUtf16Le && !zero_follows) continue;
    if (width == Width::kUtf16Be && waiting[i - 1] != '\0') continue;
    const std::size_t before = width == Width::kUtf16Be ? 1 : 0;  // the high byte that stands before the stop
    const std::size_t after = width == Width::kUtf16Le ? 2 : 1;
    switch (waiting[i]) {
      case '\n':
        return {Scan::kFrame, i + after};
      case '\f':
        return {Scan::kFrame, i == before ? i + after : i - before};
      case '\r':
        if (width != Width::kEightBit || zero_follows) continue;
        return {Scan::kFrame, waiting[i + 1] == '\n' ? i + 2 : i + 1};
    }
  }
  return more;
}

}  // namespace dims
