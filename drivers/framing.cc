#include "drivers/framing.h"

#include <algorithm>

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

Scan ScanLine(absl::string_view waiting, std::size_t seen) {
  constexpr absl::string_view kStops("\n\r\f", 3);
  const Scan more{Scan::kMore, 0};
  // Two NULs in a row are no character in any of the encodings: a break, or a device that was switched on.
  if (waiting.size() > 1 && waiting[0] == '\0' && waiting[1] == '\0') return {Scan::kNoise, 1};
  // The last two bytes looked at may have been waiting for their successors.
  std::size_t i = waiting.find_first_of(kStops, seen > 2 ? seen - 2 : 0);
  for (; i != absl::string_view::npos; i = waiting.find_first_of(kStops, i + 1)) {
    const bool has_next = i + 1 < waiting.size();
    if (!has_next && (i == 0 || waiting[i] == '\r')) return more;
    const bool zero_follows = has_next && waiting[i + 1] == '\0';
    const Width width = i == 0 ? (zero_follows ? Width::kUtf16Le : Width::kEightBit) : JudgeWidth(waiting.substr(0, i));
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
