// An ASTM E1381 / CLSI LIS01-A sender: the instrument's side of the line, without a line and without a clock.
//
// What: a state machine. It is given messages, what is heard and what time it is; it gives what to say, when it wants
// to
//   be told the time again, and events. Its owner does this for ever:
//     Pass(now); while Say() has bytes: put them on the line, and when the last has left: Said(now);
//     Hear(bytes, now) of what comes; wait until due().
// Promise:
//   - ENQ; the answer is waited for at most `answer`, then EOT. ACK: the frames follow. NAK: busy, the next ENQ is not
//     before `busy`. ENQ: contention, the next ENQ is not before `contention`. All else is ignored.
//   - A frame is said again after NAK or any other character that is neither ACK nor EOT, six times in all, then EOT;
//     after silence for `answer`, EOT at once. The next ENQ is then not before `busy`.
//   - EOT for an answer is an ACK and a wish: the session is ended and the next ENQ is not before `interrupt`.
//   - A message is acknowledged when its last frame was, and only then is it forgotten. A message that was not is sent
//     again, whole, from its first frame, before any other. Messages keep their order, and share no frame.
//   - What is heard while it speaks answers nothing that it has said, and is passed over; so is what follows an answer.
//   - ENQ outside a session is answered with NAK: it takes no orders.
// Units: `now` and due() are times since one fixed moment, by a clock that does not go back.
// Errors: none; text must be free of the control characters that the standard forbids.
// Threads: one at a time.
// Source: ASTM E1381-95, 6; CLSI LIS01-A2, 6.
#ifndef DIMS_SIMULATOR_ASTM_SENDER_H_
#define DIMS_SIMULATOR_ASTM_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

// As the standard has them.
struct AstmTimes {
  absl::Duration answer = absl::Seconds(15);     // the longest wait for any answer
  absl::Duration busy = absl::Seconds(10);       // the shortest wait after a refusal
  absl::Duration contention = absl::Seconds(1);  // the shortest wait after ENQ was answered by ENQ
  absl::Duration interrupt = absl::Seconds(15);  // the shortest wait after the receiver asked to stop
};

inline constexpr std::size_t kMostAstmText = 63993;  // of a frame, LIS01; E1381-95 has 240
inline constexpr int kMostAstmSends = 6;             // of one frame

struct AstmSenderOptions {
  AstmTimes times;
  std::size_t frame_text = 240;      // characters of text in a frame; what is longer goes on in the next one
  bool record_frames = false;        // every record ends its frame, as in E1381-95; else only the message does
  std::size_t session_messages = 1;  // so many messages at most between ENQ and EOT
  bool obey_interrupt = true;        // else a receiver's wish to stop is an ACK and nothing more
};

struct AstmEvent {
  enum class Kind {
    kBegun,         // the first frame of an attempt is about to be said
    kFrame,         // `frame` was acknowledged
    kAcknowledged,  // the whole message was
    kBrokenOff,     // the attempt ended before: `why`
    kUnanswered,    // no session began: `why`; `attempt` is that of the last one that did
  };
  Kind kind = Kind::kBegun;
  std::uint64_t message = 0;
  std::uint64_t attempt = 0;          // from 1
  std::size_t frame = 0, frames = 0;  // from 1; how many this message has
  std::string why;
};

class AstmSender {
 public:
  explicit AstmSender(const AstmSenderOptions& options) : options_(options) {}

  // Puts a message at the end of the queue: all records, each with its CR. `message` names it in events.
  void Add(std::uint64_t message, absl::string_view text);

  // What to say now; empty: nothing. Not called again before Said.
  std::string Say();
  void Said(absl::Duration now);
  void Hear(absl::string_view bytes, absl::Duration now);
  void Pass(absl::Duration now);
  // When Pass is due; absl::InfiniteDuration() where nothing is waited for but Said, Hear or Add.
  absl::Duration due() const;

  // What happened since the last call, in order.
  std::vector<AstmEvent> TakeEvents();

  std::size_t waiting() const { return queue_.size(); }  // messages not yet acknowledged
  // All of a message has been said, and the answer to its last frame has not been heard.
  bool awaits_last_answer() const {
    return state_ == State::kInFrame && !speaking_ && frame_ + 1 == queue_.front().frames.size();
  }
  // Neutral, nothing to send, nothing to say.
  bool idle() const { return state_ == State::kNeutral && queue_.empty() && !speaking_; }

 private:
  enum class State { kNeutral, kAsked, kInFrame };
  struct Frame {
    std::string text;
    bool last;  // ETX
  };
  struct Message {
    std::uint64_t name;
    std::vector<Frame> frames;
    std::uint64_t attempts = 0;
  };

  std::vector<Frame> Cut(absl::string_view text) const;
  void Speak(std::string bytes);
  void BeginMessage();
  void SpeakFrame();
  void TakeAcknowledgement(bool asked_to_stop);
  void EndSession(absl::Duration silence);
  void Note(AstmEvent::Kind kind, std::string why = "");

  const AstmSenderOptions options_;
  std::deque<Message> queue_;  // the first one is being sent
  State state_ = State::kNeutral;
  std::string to_say_;
  bool speaking_ = false;      // from Speak to Said
  absl::Duration deadline_;    // not neutral: of the answer
  absl::Duration not_before_;  // neutral: of the next ENQ
  absl::Duration silence_;     // how long after EOT has left
  bool contention_ = false;    // in neutral, because both asked
  int number_ = 0;             // FN of the frame being sent
  std::size_t frame_ = 0;      // its place in the message
  int sends_ = 0;              // of it
  std::size_t sent_ = 0;       // messages acknowledged in this session
  std::vector<AstmEvent> events_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_ASTM_SENDER_H_
