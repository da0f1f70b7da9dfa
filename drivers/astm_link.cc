#include "drivers/astm_link.h"

#include <algorithm>
#include <bit>

#include "absl/strings/ascii.h"

namespace dims {
namespace {

constexpr std::size_t kMostNoise = 1024;  // bytes of no record are passed on in pieces of this size
constexpr absl::string_view kHex = "0123456789ABCDEF";

bool IsUpperHex(char c) { return kHex.find(c) != absl::string_view::npos; }

bool IsOneBitFromAnEnd(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::has_single_bit(static_cast<unsigned>(byte ^ kEtx)) ||
         std::has_single_bit(static_cast<unsigned>(byte ^ kEtb));
}

// Whether these bytes, which stand before a line feed, end like a frame whose ETX or ETB lost one bit. Where that made
// it a letter, only a record's end before it tells it from text.
bool IsDamagedEnd(absl::string_view bytes) {
  if (bytes.size() < 4 || bytes.back() != '\r') return false;
  const absl::string_view tail = bytes.substr(bytes.size() - 4);
  if (!IsUpperHex(tail[1]) || !IsUpperHex(tail[2]) || !IsOneBitFromAnEnd(tail[0])) return false;
  return !absl::ascii_isprint(tail[0]) || (bytes.size() > 4 && bytes[bytes.size() - 5] == '\r');
}

Scan ScanFrame(absl::string_view waiting, std::size_t seen) {
  constexpr absl::string_view kStops("\x02\x03\x04\x05\x17\n", 6);
  const bool full = waiting.size() == kMostAstmFrame;
  const Scan more = full ? Scan{Scan::kFrame, waiting.size()} : Scan{Scan::kMore, 0};
  // An ETX among the last two bytes looked at may have been waiting for its checksum.
  std::size_t i = waiting.find_first_of(kStops, seen > 3 ? seen - 2 : 1);
  for (; i != absl::string_view::npos; i = waiting.find_first_of(kStops, i + 1)) {
    if (waiting[i] == '\n') {
      if (IsDamagedEnd(waiting.substr(0, i))) return {Scan::kFrame, i + 1};
    } else if (waiting[i] == kEtx || waiting[i] == kEtb) {
      for (std::size_t end = i + 1; end <= i + 2; ++end) {
        if (end == waiting.size()) return more;
        if (absl::ascii_iscntrl(waiting[end])) return {Scan::kFrame, end};  // there is no checksum
      }
      return {Scan::kFrame, i + 3};
    } else {
      return {Scan::kFrame, i};
    }
  }
  return more;
}

Scan ScanText(absl::string_view waiting, std::size_t seen) {
  const std::size_t most = IsAstmRecord(waiting) ? kMostAstmFrame : kMostNoise;
  const std::size_t i = waiting.find_first_of("\r\n\x02\x04\x05\x06\x15", seen);
  if (i == absl::string_view::npos || i >= most) {
    return waiting.size() < most ? Scan{Scan::kMore, 0} : Scan{Scan::kFrame, most};
  }
  return {Scan::kFrame, waiting[i] == '\r' || waiting[i] == '\n' ? i + 1 : i};
}

}  // namespace

Scan ScanAstm(absl::string_view waiting, std::size_t seen) {
  waiting = waiting.substr(0, kMostAstmFrame);
  switch (waiting[0]) {
    case '\0':  // a break, or a device that was switched on
      return {Scan::kNoise, 1};
    case kEnq:
    case kEot:
    case kAck:
    case kNak:
      return {Scan::kFrame, 1};
    case kStx:
      return ScanFrame(waiting, seen);
    default:
      return ScanText(waiting, seen);
  }
}

AstmFrame ReadAstmFrame(absl::string_view bytes) {
  AstmFrame frame;
  absl::string_view body = bytes.substr(1);
  if (const std::size_t end = body.find_first_of("\x03\x17"); end != absl::string_view::npos) {
    frame.ended = true;
    frame.last = body[end] == kEtx;
    const absl::string_view printed = body.substr(end + 1);
    if (printed.size() == 2) {
      unsigned sum = 0;
      for (const char c : body.substr(0, end + 1)) sum += static_cast<unsigned char>(c);
      const char right[] = {kHex[sum / 16 % 16], kHex[sum % 16]};
      const char given[] = {absl::ascii_toupper(printed[0]), absl::ascii_toupper(printed[1])};
      frame.sum = !std::equal(right, right + 2, given)        ? AstmFrame::Sum::kWrong
                  : std::equal(right, right + 2, &printed[0]) ? AstmFrame::Sum::kRight
                                                              : AstmFrame::Sum::kLowerCase;
    }
    body = body.substr(0, end);
  }
  if (!body.empty() && absl::ascii_isdigit(body[0])) {
    frame.number = body[0] <= '7' ? body[0] - '0' : -1;
    body.remove_prefix(1);
  }
  frame.text = body;
  constexpr absl::string_view kForbidden("\x01\x06\x10\x11\x12\x13\x14\x15\x16", 9);
  frame.forbidden = body.find_first_of(kForbidden) != absl::string_view::npos;
  return frame;
}

bool IsAstmRecord(absl::string_view text) {
  constexpr absl::string_view kTypes = "HPORCQMSL";
  return !text.empty() && kTypes.find(text[0]) != absl::string_view::npos &&
         (text.size() == 1 || absl::ascii_ispunct(text[1]));
}

}  // namespace dims
