// A transcript: a readable dialogue between an instrument and the bridge.
//
// What: parser and writer of *.transcript files, which are golden test, simulator script, fuzz seed and documentation
//   in one. A file is made of lines:
//
//     # text                  a comment
//     option: name=value      an option of the driver; stands before the first bytes
//     instrument: TEXT        what the instrument sends
//     bridge: TEXT            what the bridge must send
//     report: TEXT            a Report in protobuf text format; must be contained in the report that comes next
//     wait: 300ms             time passes
//     noise: 12               so many bytes, next in the stream, belong to no report and are reported as noise
//     padding: 3              so many bytes, next in the stream, belong to no report and are passed over
//
//   After instrument:, bridge: and report: more lines may follow, which begin in the first column:
//
//     | TEXT                  one more line: TEXT, then <CR><LF> (in a report: a line of it)
//     + TEXT                  more bytes: TEXT as it is, nothing added (not in a report)
//
//   In bytes, <CR> <LF> <FF> <NUL> <STX> <ETX> <ETB> <ENQ> <ACK> <NAK> <EOT> <ESC> <XON> <XOFF> and <xHH> stand for
//   one byte each, <lt> for "<". All else stands for itself, blanks at the end of a line included. Nothing is escaped
//   in a report.
// Promise: ParseTranscript(WriteTranscript(t)) has the steps of t, whatever the bytes.
// Errors: InvalidArgument beginning with "file:line: ".
// Threads: free of state.
#ifndef DIMS_DRIVERS_TRANSCRIPT_H_
#define DIMS_DRIVERS_TRANSCRIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dims {

struct TranscriptStep {
  enum class Kind { kComment, kOption, kInstrument, kBridge, kReport, kWait, kNoise, kPadding };
  Kind kind = Kind::kComment;
  // kInstrument, kBridge: the bytes. kReport: protobuf text format, lines separated by '\n'. kComment: what follows
  // "# ". kOption: the value.
  std::string text;
  std::string name;        // kOption
  absl::Duration wait;     // kWait
  std::uint64_t size = 0;  // kNoise, kPadding: bytes
  int line = 0;            // where it begins in the file, from 1; 0 if it was not read from one
};

struct Transcript {
  std::string file;  // as given, for error messages
  std::vector<TranscriptStep> steps;
};

absl::StatusOr<Transcript> ParseTranscript(absl::string_view file, absl::string_view text);

// NotFound and the like, with the system's reason, where the file cannot be read.
absl::StatusOr<Transcript> ReadTranscript(const std::string& path);

// Text of comments must be one line, text of reports must not hold '\r'.
std::string WriteTranscript(const Transcript& transcript);

// Bytes as TEXT of one line, and back. UnescapeBytes names the escape it does not know.
std::string EscapeBytes(absl::string_view bytes);
absl::StatusOr<std::string> UnescapeBytes(absl::string_view text);

}  // namespace dims

#endif  // DIMS_DRIVERS_TRANSCRIPT_H_
