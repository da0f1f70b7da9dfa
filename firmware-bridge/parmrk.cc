#include "firmware-bridge/parmrk.h"

namespace dims {

void ParmrkDecoder::Decode(absl::string_view raw, Received& out) {
  constexpr char kMark = '\xff';
  for (const char byte : raw) {
    switch (state_) {
      case State::kData:
        if (byte == kMark) {
          state_ = State::kEscape;
        } else {
          out.bytes += byte;
        }
        break;
      case State::kEscape:
        state_ = byte == '\0' ? State::kMarked : State::kData;
        if (byte == '\0') break;
        if (byte != kMark) out.bytes += kMark;
        out.bytes += byte;
        break;
      case State::kMarked:
        out.marks.push_back({byte == '\0' ? LineMark::kBreak : LineMark::kParityOrFraming, out.bytes.size()});
        out.bytes += byte;
        state_ = State::kData;
        break;
    }
  }
}

}  // namespace dims
