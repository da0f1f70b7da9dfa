// A message of ASTM E1394 on its way: the frames that bring it, and the report that it becomes.
//
// What: AstmReceivedFrame is one frame as a receiver judges it. AstmDelivery gathers what was taken of one message -
//   from frames, from records without frames, and from what stood between them - until the message is complete or given
//   up, and then says End.
// Promise: at most one report is open. What the sender would send again, were it not to hear that the message was
//   received, is kept as End::content, free of how the link framed it. A frame that was taken although it was not
//   intact has left its problem in the report, which is PRELIMINARY then.
// Units: positions as in Frame::at; bytes.
// Errors: what was wrong is a Problem at its position.
// Threads: one at a time; pure.
// Source: ASTM E1381-95, 6.3 and 6.5; CLSI LIS01-A2, 6.3 and 6.5.
#ifndef DIMS_DRIVERS_ASTM_DELIVERY_H_
#define DIMS_DRIVERS_ASTM_DELIVERY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "drivers/astm_link.h"
#include "drivers/astm_records.h"
#include "drivers/driver.h"

namespace dims {

struct AstmReceivedFrame {
  // Why it is refused.
  enum class Fault { kNone, kLineError, kNoEnd, kTooLong, kChecksum, kLowerCase, kNoLineEnd, kSequence };

  int number = -1;
  std::string text;
  bool last = false;
  Fault fault = Fault::kNone;
  bool forbidden = false;
  bool lower_case = false, line_ended = false;
  bool unsummed = false;  // it has its end, but not all of its checksum
  uint64_t at = 0, text_at = 0;
  bool followed = false;  // by bytes that are no line end
};

// `read` is what ReadAstmFrame made of the part. `strict`: lower-case digits in the checksum are a fault.
AstmReceivedFrame JudgeAstmFrame(const Frame& part, const AstmFrame& read, bool strict);

std::string AstmSequenceMessage(int number, int due);

class AstmDelivery {
 public:
  explicit AstmDelivery(const AstmReading& reading) : reading_(reading) { message_.emplace(reading_); }

  // Says Begin where no report is open yet.
  void Open(uint64_t at, Events& out);
  bool open() const { return open_; }
  uint64_t begin() const { return begin_; }
  const AstmMessage& message() const { return *message_; }
  // Nothing was said since the report was opened.
  bool Silent() const { return !message_->begun() && !spoiled_ && noise_ == 0; }
  bool bare() const { return bare_; }

  // A frame's text. `repeatable`: it comes again unless the sender hears that the message was received. `ours`: it was
  // sent to this receiver, so leniency counts.
  void Take(const AstmReceivedFrame& frame, bool repeatable, bool ours);
  // A record without a frame; `cut`: without its end.
  void TakeBare(absl::string_view record, uint64_t at, bool cut, bool repeatable);
  void set_bare(bool bare) { bare_ = bare; }
  // What is wrong with a refused frame that was never repaired; `due`: the number that should have come.
  void SayUnrepaired(const AstmReceivedFrame& frame, int due);
  void SayNoise();
  void CountNoise(std::size_t bytes) { noise_ += bytes; }
  void Spoil() { spoiled_ = true; }
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
    message_->Problem(type, at, message);
  }

  // Says End; at a mark, the next report is open from there. `repeats`: the sender repeats what it does not hear to be
  // received. True where it may repeat something of this.
  bool Close(End::Where where, uint64_t mark_at, bool repeats, Events& out);
  // Forgets what was gathered, without a word.
  void Drop();

 private:
  const AstmReading reading_;
  bool open_ = false;  // a report is
  uint64_t begin_ = 0;
  std::optional<AstmMessage> message_;
  std::string content_;      // the text of the frames that the sender may have to send again
  uint32_t lenient_ = 0;     // of them, those that were not quite as the standard asks
  bool spoiled_ = false;     // line errors stand in what was taken
  bool unrepaired_ = false;  // a refused frame was
  bool bare_ = false;        // a record came without a frame
  std::size_t noise_ = 0;    // bytes of the open report outside frames
};

}  // namespace dims

#endif  // DIMS_DRIVERS_ASTM_DELIVERY_H_
