#include "firmware-bridge/line_check.h"

#include <bit>
#include <bitset>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"

namespace dims {
namespace {

// Printable, or a control character that print-outs and protocols have. A NUL is half a character of UTF-16.
bool IsTextByte(char c) {
  constexpr absl::string_view kControls("\t\n\v\f\r\x1b\x01\x02\x03\x04\x05\x06\x15\x17\x11\x13\x1d\0", 18);
  return absl::ascii_isprint(static_cast<unsigned char>(c)) || kControls.find(c) != absl::string_view::npos;
}

// Fewer than `percent` of all.
bool IsRare(std::size_t some, std::size_t all, std::size_t percent) { return some * 100 < all * percent; }

LineCheck CheckSevenBits(absl::string_view bytes) {
  constexpr std::size_t kLeast = 8, kLeastKinds = 4;  // fewer could be so by chance
  std::size_t even = 0, set = 0, text = 0;
  std::bitset<128> kinds;
  for (const char c : bytes) {
    const unsigned byte = static_cast<unsigned char>(c);
    even += std::popcount(byte) % 2 == 0 ? 1 : 0;
    set += byte >> 7;
    const char low = static_cast<char>(byte & 0x7F);
    text += IsTextByte(low) && low != '\0' ? 1 : 0;
    if (absl::ascii_isprint(static_cast<unsigned char>(low))) kinds.set(byte & 0x7F);
  }
  const std::size_t all = bytes.size();
  // One byte may be a glitch: of the plug, of the beginning of listening.
  const auto nearly_all = [&](std::size_t some) { return all - some <= 1 + all / 100; };
  if (all < kLeast || kinds.count() < kLeastKinds || set < 2 || !nearly_all(text)) return LineCheck::kNoText;
  if (nearly_all(set)) return LineCheck::kSevenMark;
  if (nearly_all(even)) return LineCheck::kSevenEven;
  return nearly_all(all - even) ? LineCheck::kSevenOdd : LineCheck::kNoText;
}

}  // namespace

LineCheck CheckLine(absl::string_view bytes, absl::Span<const LineMark> marks) {
  // Accents and frames are rare even in languages that have them; a wrong speed makes a third and more of other bytes.
  constexpr std::size_t kOther = 15, kMarked = 5;
  const std::size_t marked = absl::c_count_if(marks, [](LineMark mark) { return mark.kind != LineMark::kOverrun; });
  const std::size_t other = absl::c_count_if(bytes, [](char c) { return !IsTextByte(c); });
  const std::size_t nulls = absl::c_count(bytes, '\0');
  if (bytes.empty()) return LineCheck::kSilent;
  if (marked > 1 && !IsRare(marked, bytes.size(), kMarked)) {
    return (other + nulls) * 50 < bytes.size() ? LineCheck::kEightParity : LineCheck::kWrongSpeed;
  }
  const LineCheck seven = CheckSevenBits(bytes);
  if (seven != LineCheck::kNoText) return seven;
  return nulls < bytes.size() && IsRare(other, bytes.size(), kOther) ? LineCheck::kText : LineCheck::kNoText;
}

absl::string_view Describe(LineCheck check) {
  switch (check) {
    case LineCheck::kSilent:
      return "nothing came";
    case LineCheck::kText:
      return "readable text";
    case LineCheck::kSevenEven:
      return "text with 7 data bits, even parity";
    case LineCheck::kSevenOdd:
      return "text with 7 data bits, odd parity";
    case LineCheck::kSevenMark:
      return "text with 7 data bits and a bit that is always set (mark parity, or 2 stop bits)";
    case LineCheck::kEightParity:
      return "text with missing stop bits: 8 data bits with parity, or nearly the right speed";
    case LineCheck::kWrongSpeed:
      return "no text, and stop bits are missing: wrong baud rate";
    case LineCheck::kNoText:
      return "no text: wrong baud rate, or binary data";
  }
  return "";
}

std::string SevenBits(absl::string_view bytes) {
  std::string text(bytes);
  for (char& c : text) c = static_cast<char>(c & 0x7F);
  return text;
}

Line SetTo(LineCheck check, Line line) {
  line.data_bits = 7;
  line.parity = check == LineCheck::kSevenEven ? 'E' : check == LineCheck::kSevenOdd ? 'O' : 'N';
  line.stop_bits = check == LineCheck::kSevenMark ? 2 : 1;
  return line;
}

}  // namespace dims
