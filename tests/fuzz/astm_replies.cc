#include "tests/fuzz/astm_replies.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"

namespace dims {
namespace {

constexpr absl::string_view kAck = "\x06", kNak = "\x15";
constexpr char kStx = 0x02, kEnq = 0x05;

// `bytes` begin with STX: FN, text, ETB or ETX, and the sum of all that in two digits.
bool HasRightChecksum(absl::string_view bytes) {
  bytes.remove_prefix(1);
  const std::size_t end = bytes.find_first_of("\x03\x17");
  if (end == absl::string_view::npos || bytes.size() < end + 3) return false;
  unsigned sum = 0;
  for (const char c : bytes.substr(0, end + 1)) sum += static_cast<unsigned char>(c);
  return absl::StrFormat("%02X", sum % 256) == absl::AsciiStrToUpper(bytes.substr(end + 1, 2));
}

// Whether something in `bytes` may be acknowledged.
bool AsksForAck(absl::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == kEnq || (bytes[i] == kStx && HasRightChecksum(bytes.substr(i)))) return true;
  }
  return false;
}

}  // namespace

std::string AstmReplies::Check(const Reply& reply, absl::string_view stream, std::size_t fed, bool byte_by_byte) {
  if (reply.bytes != kAck && reply.bytes != kNak) return "a receiver says ACK or NAK";
  if (reply.instead != kNak) return "where the store refuses, the sender hears NAK";
  for (const char c : stream.substr(heard_, fed - heard_)) {
    enquiries_ += c == kEnq ? 1 : 0;
    frames_ += c == kStx ? 1 : 0;
  }
  heard_ = fed;
  if (enquiries_ == 0) return "nothing is answered before an ENQ";
  if (++replies_ > enquiries_ + frames_) return "no more answers than frames and ENQs";
  // A frame may wait for its line end, so that it is answered when the next has come, and a frame without an end is one
  // when the next begins: what is answered begins with the byte that the last reply but one came at, or after it.
  std::size_t since = std::exchange(before_last_, std::exchange(last_, fed));
  if (since > from_) --since;
  if (byte_by_byte && reply.bytes == kAck && !AsksForAck(stream.substr(since, fed - since))) {
    return "an ACK is for an ENQ, or for a frame whose checksum is right";
  }
  return "";
}

}  // namespace dims
