// The interface every instrument protocol implements: frames in, events out.
//
// What: a Driver is data (names, line defaults, options, limits) plus one Decoder per line. A Decoder is given whole
//   frames and says, as events, what the instrument said, what to answer and when to be woken.
// Promise: a Decoder is pure. It does no I/O, reads no clock, starts no thread, writes no log, holds no global: the
//   same frames and timers give the same events, in a test as at the bench. It speaks the instrument's own words:
//   numbers as printed, units as printed, local times without zone.
// Units: positions are bytes since the line's first byte ever (Frame::at); times are absl::Duration.
// Errors: a frame that makes no sense is no error; it becomes a Problem in the report, or noise.
// Threads: a Decoder belongs to one thread at a time.
#ifndef DIMS_DRIVERS_DRIVER_H_
#define DIMS_DRIVERS_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dims/v1/report.pb.h"
#include "drivers/options.h"

namespace dims {

// What a FrameScan found at the head of the bytes that wait: not enough yet, a whole frame of `size` bytes, or `size`
// bytes that can belong to no frame. With kMore, `size` is 0, or all that waits, which then is a frame if nothing
// follows for a while: a line that ends in CR alone, where LF may yet come.
struct Scan {
  enum Kind { kMore, kFrame, kNoise } kind;
  std::size_t size;
};

// Looks at the bytes waiting at the head of the stream; `seen` is how far an earlier call has looked in vain, so that
// the work stays linear. Must not depend on how the stream was cut.
using FrameScan = Scan (*)(absl::string_view waiting, std::size_t seen);

// Errors that the line's hardware reported inside some bytes.
struct LineErrorCounts {
  uint32_t parity_or_framing = 0, breaks = 0, overruns = 0;
  bool any() const { return parity_or_framing != 0 || breaks != 0 || overruns != 0; }
};

struct Frame {
  absl::string_view bytes;
  LineErrorCounts line_errors;
  uint64_t at = 0;  // position of its first byte
};

// What a person may tell the instrument to do, as a row of the driver's table: "acquire".
struct OrderSpec {
  absl::string_view name, help;
};

// One of the driver's orders.
struct Order {
  std::string name;
};

// A report begins with the frame at hand. Bytes that no report claims are noise (or padding, where they are blank).
struct Begin {};

// The frame at hand says nothing (a blank line, a printer's setup): outside a report it is padding, not noise. It
// changes nothing for a report that is open.
struct Blank {};

// It may turn out that another report begins with the frame at hand; End{kMark} goes back to it.
struct Mark {};

// The open report is complete, or given up. A report of one frame needs no Begin.
struct End {
  enum Where {
    kThrough,  // the frame at hand is its last
    kBefore,   // it ended before the frame at hand
    kMark,     // it ended before the frame of the last Mark; what came since is a report that is open now
  };
  dims::v1::Report report;  // problem offsets as positions (Frame::at); whoever reads it sees them from its beginning
  Where where = kThrough;
  // What line errors spoiled was sent again, by the protocol's own means: they are counted, and are no problem.
  bool repaired = false;
  // What the message said, free of how the line framed it, where the instrument sends it again, whole, unless it hears
  // that it was received (Heard). Of a message that was cut: its beginning. Empty: the protocol has no such thing.
  std::string content;
};

// The instrument shows that it has heard the acknowledgement of all it sent: it will send none of it again.
struct Heard {};

// The open report turns out to be none: its bytes so far are noise, as if it had not begun.
struct Retract {};

// Outside a report, the frame at hand is the protocol's own traffic (a poll, an end of transmission) and is passed over
// like blank bytes. An open report said nothing, and is passed over up to and with it.
struct Pass {};

// Bytes for the instrument, written once everything before is on disk; `instead`, where the store refuses it.
struct Reply {
  std::string bytes;
  std::string instead;
};

// (Re)starts a timer; a zero duration stops it. Numbers are the decoder's own, from 0.
struct Arm {
  int timer = 0;
  absl::Duration after;
};

using Event = std::variant<Begin, Blank, Mark, End, Retract, Pass, Reply, Arm, Heard>;
using Events = std::vector<Event>;

// Why nothing more comes for the open report.
enum class Ending {
  kInterrupted,  // the line, the bridge or the instrument stopped
  kEndOfInput,   // a file is at its end
  kOversize,     // the report is longer than Driver::max_report
};

class Decoder {
 public:
  virtual ~Decoder() = default;
  // The line came up: initialise, poll, arm.
  virtual void OnOpen(Events&) {}
  // At the end of a file, what is left comes as a last frame: it may be only the beginning of one.
  virtual void OnFrame(const Frame& frame, Events& out) = 0;
  // `at`: how far the stream has come.
  virtual void OnTimer(int /*timer*/, uint64_t /*at*/, Events&) {}
  // One of Driver::orders. `at` as above.
  virtual void OnSend(const Order&, uint64_t /*at*/, Events&) {}
  // What is open must End here. The Parser closes what a decoder leaves open.
  virtual void OnClose(Ending, uint64_t /*at*/, Events&) {}
};

// How a line is set when the configuration says nothing else.
struct Line {
  int baud = 9600;
  int data_bits = 8;
  char parity = 'N';  // N, E, O
  int stop_bits = 1;
  absl::string_view flow = "none";  // none, xonxoff, rtscts
};

// What a driver has that is made of data, not of code of its own (drivers/format/).
class Format {
 public:
  virtual ~Format() = default;
  virtual std::unique_ptr<Decoder> Make(const Options& options) const = 0;
};

struct Driver {
  absl::string_view name;     // the file's name and the configuration's word: "agilent_msd"
  absl::string_view title;    // for people
  absl::string_view version;  // changes whenever the same bytes could give another report
  Line line;
  FrameScan scan;
  std::size_t max_frame;   // bytes; a longer frame is an OVERSIZE problem
  std::size_t max_report;  // bytes; a longer report is closed with an OVERSIZE problem
  absl::Span<const OptionSpec> options;
  absl::Span<const OrderSpec> orders = {};
  std::unique_ptr<Decoder> (*make)(const Options& options) = nullptr;  // absent where there is a `format`
  const Format* format = nullptr;
  absl::string_view evidence;  // Report.evidence of all its reports: "unconfirmed"; empty where there were specimens
  // What makes the instrument say something, and changes nothing; empty where there is no such thing.
  absl::string_view query;
  // What waits for the end of its frame when a timer runs out is a frame: the last line of a file often has no end.
  bool silence_ends_frame = false;
  // A scanner: its reports (Report.scans) name the sample that is measured next at its bench.
  bool says_what_comes_next = false;

  std::unique_ptr<Decoder> Make(const Options& given) const {
    return format != nullptr ? format->Make(given) : make(given);
  }
};

// Adds a problem at a position. A report keeps its first 100; the last of them says that there were more, and takes the
// place and type of one that means an incomplete report.
void AddProblem(dims::v1::Report& report, dims::v1::ProblemType type, uint64_t at, absl::string_view message);

// The problem that an Ending means for a report which was still open.
void AddEndingProblem(dims::v1::Report& report, Ending why, uint64_t at);

}  // namespace dims

#endif  // DIMS_DRIVERS_DRIVER_H_
