// From the bytes an instrument prints to UTF-8, line by line.
//
// What: the code pages of data systems and printers (UTF-8, cp1252, Latin-1, cp437, cp850, cp932, GBK, UTF-16 with and
//   without byte order mark), and the stage that stands between framing and a decoder of text.
// Promise: what comes out is valid UTF-8, always. A byte that the encoding does not have becomes U+FFFD, and the line
//   says so; it is never dropped or replaced by a likely letter.
// Notes: "auto" takes UTF-16 where a line shows it, UTF-8 where the line is valid UTF-8, else cp1252, the page of the
//   Windows systems that print. A line that becomes four different characters beyond ASCII in a row by the latter was
//   written in another script: it is damaged. cp932 and GBK are as the C library has them; a system without its tables
//   has no character of them beyond ASCII. Printer control sequences (ESC ...), overstrikes by backspace and NULs
//   before a line are taken out; any other control character is damage.
// Errors: ParseEncoding: InvalidArgument naming the encodings there are.
// Threads: pure functions; a TextDecoder belongs to one thread.
// Source: Unicode's mapping files CP1252, CP437, CP850; iconv(3); PCL 5 Printer Language Technical Reference, ch. 2.
#ifndef DIMS_DRIVERS_ENCODING_H_
#define DIMS_DRIVERS_ENCODING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "drivers/driver.h"

namespace dims {

enum class Encoding { kAuto, kUtf8, kCp1252, kLatin1, kCp437, kCp850, kCp932, kGbk, kUtf16Le, kUtf16Be };

// The option row that every driver of text has, and its reading.
inline constexpr OptionSpec kEncodingOption = {
    .name = "encoding",
    .type = OptionSpec::Type::kChoice,
    .choices = "auto|utf-8|cp1252|latin-1|cp437|cp850|cp932|gbk|utf-16le|utf-16be",
    .default_value = "auto",
    .help = "code page the instrument prints in"};
Encoding EncodingOf(const Options& options);

struct Text {
  std::string utf8;
  bool damaged = false;  // some bytes were no text in this encoding
  bool foreign = false;  // all were, but it is hardly the one they were written in
};
Text ToUtf8(absl::string_view bytes, Encoding encoding);

// One line as a decoder of text sees it.
struct TextLine {
  std::string text;               // without line end, printer controls and trailing blanks
  std::size_t trailing_tabs = 0;  // among the blanks at its end: empty cells of a table
  bool form_feed = false;
  bool byte_order_mark = false;  // it begins with one: a file's first line
  bool blank_end = false;        // a blank was taken from its end
  bool damaged = false;
  bool ended = true;  // it has a line end: the last line of a file that was cut has none
  LineErrorCounts line_errors;
  uint64_t at = 0;
};

// What stands between its tabs, without surrounding blanks; empty fields at its end, too.
std::vector<absl::string_view> TabFields(const TextLine& line);

// A Decoder whose frames are lines (ScanLine).
class TextDecoder : public Decoder {
 public:
  explicit TextDecoder(Encoding encoding) : encoding_(encoding) {}
  void OnFrame(const Frame& frame, Events& out) final;

 protected:
  virtual void OnLine(const TextLine& line, Events& out) = 0;

 private:
  const Encoding encoding_;
  TextLine line_;  // kept for its memory
};

}  // namespace dims

#endif  // DIMS_DRIVERS_ENCODING_H_
