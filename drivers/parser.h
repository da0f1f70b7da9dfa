// A driver at work on one line: cuts the stream into frames, gives them to the decoder, accounts for every byte.
//
// What: bytes in, ParserEvents out. Every byte ends up in exactly one of: a report, a noise report, padding (blank
//   bytes between reports), or what is pending.
// Promise: how the bytes are cut into Feeds changes nothing. Heap: at most 2 x max_frame + 64 KiB, and for the report
//   that is open at most 16 x max_report. Work is linear in the bytes.
// Units: positions count from the line's first byte ever; a problem's offset from its report's first byte.
// Errors: none; what makes no sense is reported as such.
// Threads: one at a time. The sink is called during Open, Feed, Timer, Send, Quiet and Finish only.
#ifndef DIMS_DRIVERS_PARSER_H_
#define DIMS_DRIVERS_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/driver.h"
#include "drivers/line_mark.h"
#include "proto/hash.h"

namespace dims {

// A report and where its bytes stand, [begin, end). Noise is one, too.
struct Said {
  dims::v1::Report report;
  uint64_t begin = 0, end = 0;
  std::string content;  // End::content
};

// Bytes between reports that are accounted for and say nothing: blank ones, and a protocol's own traffic (Pass).
struct Padding {
  uint64_t begin = 0, end = 0;
};

using ParserEvent = std::variant<Said, Padding, Reply, Arm, Heard>;
using ParserSink = absl::FunctionRef<void(ParserEvent)>;

class Parser {
 public:
  // `start`: position of the first byte that will be fed. The driver must outlive the parser.
  Parser(const Driver& driver, const Options& options, uint64_t start = 0);

  void Open(ParserSink sink);
  void Feed(absl::string_view bytes, ParserSink sink, absl::Span<const LineMark> marks = {});
  // A timer that an Arm event asked for has run out.
  void Timer(int timer, ParserSink sink);
  void Send(const Order& order, ParserSink sink);
  // Nothing has come for a while. With no report open, noise is reported, and so is an unfinished frame: it must not
  // spoil what comes next.
  void Quiet(ParserSink sink);
  // Nothing more comes. Everything pending is reported: with kEndOfInput, bytes without a line end are a last frame;
  // with kInterrupted they belong to the open report but are not interpreted. The parser is as new afterwards.
  void Finish(Ending why, ParserSink sink);

  // Position after the last byte fed, and of the first byte that is in no event yet.
  uint64_t fed() const { return base_ + (buffer_.size() - head_); }
  uint64_t pending_from() const;
  // How long nothing must have come before Quiet is called: not long where all that could still come is an LF.
  absl::Duration QuietAfter() const { return IsWholeIfQuiet() ? absl::Seconds(1) : absl::Seconds(10); }
  // A report is open: what is pending is no noise.
  bool in_report() const { return open_.has_value(); }

 private:
  // A stretch of claimed bytes with its running hash, which lags behind: many lines are hashed at once.
  struct Stretch {
    explicit Stretch(uint64_t at) : begin(at), hashed(at) {}
    uint64_t begin;
    uint64_t hashed;  // so far
    Sha256 hash;
    LineErrorCounts errors;
  };
  struct Lost {  // an over-long frame that no decoder saw
    uint64_t at;
  };

  // What waits is a frame if nothing follows it (Scan::kMore).
  bool IsWholeIfQuiet() const { return whole_if_quiet_ && !skipping_ && head_ < buffer_.size(); }
  void Frames(ParserSink sink);
  void Deliver(absl::string_view bytes, ParserSink sink);
  void DeliverWhole(ParserSink sink);
  void Skip(std::size_t size, ParserSink sink);
  void Carry(Events& events, absl::string_view bytes, const LineErrorCounts& errors, ParserSink sink);
  void Claim(absl::string_view bytes, const LineErrorCounts& errors, bool blank, ParserSink sink);
  void ClaimHead(std::size_t size, ParserSink sink);
  void ClaimRest(ParserSink sink);
  void CloseReport(End end, uint64_t end_at, Stretch&& stretch, ParserSink sink);
  void CloseDecoder(Ending why, ParserSink sink);
  void FlushNoise(uint64_t end_at, ParserSink sink);
  void HashUpTo(uint64_t at, Stretch& stretch) const;
  void DropConsumed();
  void Consume(std::size_t size);
  LineErrorCounts ErrorsIn(std::size_t size) const;

  const Driver& driver_;
  const Options options_;
  std::unique_ptr<Decoder> decoder_;
  std::string buffer_;  // bytes not yet consumed from head_ on
  std::string flags_;   // their LineMark kinds; shorter where the rest has none
  std::size_t head_ = 0;
  std::size_t seen_ = 0;   // how far the scan has looked in vain
  uint64_t base_ = 0;      // position of buffer_[head_]
  bool skipping_ = false;  // inside an over-long frame
  bool whole_if_quiet_ = false;
  std::optional<Stretch> open_, noise_;
  std::optional<Stretch> before_mark_, since_mark_;  // what open_ was at the last Mark, and what came since
  std::vector<Lost> lost_;
  Events events_;  // of the frame at hand; kept for its memory
};

}  // namespace dims

#endif  // DIMS_DRIVERS_PARSER_H_
