// A bar code scanner: every code it reads is one line, and one report.
//
// A scanner sends the code as it is, between what it was set up to put around it: a prefix, a suffix, an AIM identifier
// of the symbology, a line end. It has no checksum, so only what cannot be taken for anything else is a scan: printable
// ASCII, other letters in UTF-8, and the GS that stands for FNC1 in GS1 codes. Blanks are not expected unless the
// configuration says so: the banner that many scanners print when they are switched on is no code.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"

namespace dims {
namespace {

// What scanners can be set to end a code with. A lone CR is the usual one: a code must not wait for what follows it.
constexpr absl::string_view kLineEnds = "\t\n\v\f\r\x03\x04";
constexpr absl::string_view kUsualEnds = "\r\n";
constexpr char kGroupSeparator = '\x1d';

Scan ScanCode(absl::string_view waiting, std::size_t seen) {
  if (waiting[0] == '\0') return {Scan::kNoise, 1};  // a device that was plugged in
  const std::size_t end = waiting.find_first_of(kLineEnds, seen);
  return end == absl::string_view::npos ? Scan{Scan::kMore, 0} : Scan{Scan::kFrame, end + 1};
}

absl::string_view WithoutLineEnd(absl::string_view text) {
  const std::size_t last = text.find_last_not_of(kLineEnds);
  return text.substr(0, last == absl::string_view::npos ? 0 : last + 1);
}

// ISO/IEC 15424: "]", a letter for the symbology, a modifier.
bool HasSymbology(absl::string_view code) {
  return code.size() > 3 && code[0] == ']' && absl::ascii_isalpha(code[1]) && absl::ascii_isalnum(code[2]);
}

class Barcode final : public Decoder {
 public:
  explicit Barcode(const Options& options)
      : prefix_(options.Text("prefix")),
        suffix_(WithoutLineEnd(options.Text("suffix"))),
        ends_(options.Text("suffix").size() > suffix_.size() ? options.Text("suffix").substr(suffix_.size())
                                                             : std::string(kUsualEnds)),
        symbology_(options.Text("symbology")),
        only_(absl::StrSplit(options.Text("only"), '|', absl::SkipEmpty())),
        blanks_(options.Boolean("blanks")) {}

  void OnFrame(const Frame& frame, Events& out) override {
    absl::string_view code = WithoutLineEnd(frame.bytes);
    // Between two codes: the second character of a CR LF.
    if (code.empty()) return out.push_back(Blank{});
    if (code.size() < frame.bytes.size() && !absl::StrContains(ends_, frame.bytes.back())) return;
    if (!absl::ConsumePrefix(&code, prefix_) || !absl::ConsumeSuffix(&code, suffix_)) return;
    dims::v1::Scan scan;
    const bool has_symbology = symbology_ != "absent" && HasSymbology(code);
    if (symbology_ == "present" && !has_symbology) return;
    if (has_symbology) {
      scan.set_symbology(std::string(code.substr(0, 3)));
      code.remove_prefix(3);
    }
    if (!IsCode(code)) return;
    if (!only_.empty() && absl::c_none_of(only_, [&](const auto& start) { return absl::StartsWith(code, start); })) {
      return out.push_back(Pass{});
    }
    scan.set_code(std::string(code));
    End end;
    *end.report.add_scans() = std::move(scan);
    out.push_back(std::move(end));
  }

 private:
  bool IsCode(absl::string_view code) const {
    // A line that begins or ends with a blank, or has two in a row, is part of a text.
    if (code.empty() || code.front() == ' ' || code.back() == ' ' || absl::StrContains(code, "  ")) return false;
    return !ToUtf8(code, Encoding::kUtf8).damaged && absl::c_all_of(code, [this](char c) {
      return c == ' ' ? blanks_ : c == kGroupSeparator || !absl::ascii_iscntrl(c);
    });
  }

  const std::string prefix_, suffix_, ends_, symbology_;
  const std::vector<std::string> only_;
  const bool blanks_;
};

constexpr OptionSpec kOptions[] = {
    {.name = "prefix", .help = "what the scanner puts before each code; a line without it is no scan"},
    {.name = "suffix",
     .help =
         "what the scanner puts after each code; a line without it is no scan; its line end is CR, LF or both unless "
         "the suffix ends with TAB, VT, FF, ETX or EOT"},
    {.name = "symbology",
     .type = OptionSpec::Type::kChoice,
     .choices = "auto|present|absent",
     .default_value = "auto",
     .help =
         "whether the scanner sends the AIM identifier (\"]C0\") before each code; auto: where a code begins with one"},
    {.name = "only",
     .help = "what the laboratory's sample numbers begin with (\"D-|TOX\"); other codes are passed over, and are not "
             "carried; empty: every code is a sample's"},
    {.name = "blanks", .type = OptionSpec::Type::kBoolean, .default_value = "false", .help = "codes may hold blanks"},
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<Barcode>(options); }

}  // namespace

extern const Driver barcode_driver;
const Driver barcode_driver = {
    .name = "barcode",
    .title = "Bar code scanner on a serial line: the sample number for what is measured next at its bench",
    .version = "1",
    .line = {},
    .scan = ScanCode,
    .max_frame = 8192,  // the largest QR code holds 7089 digits
    .max_report = 8192,
    .options = kOptions,
    .make = Make,
    .says_what_comes_next = true,
};

}  // namespace dims
