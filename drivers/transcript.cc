#include "drivers/transcript.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

using Kind = TranscriptStep::Kind;

struct Escape {
  absl::string_view name;
  char byte;
};

constexpr Escape kEscapes[] = {{"CR", '\r'},    {"LF", '\n'},    {"FF", '\f'},    {"NUL", '\0'},    {"STX", '\x02'},
                               {"ETX", '\x03'}, {"ETB", '\x17'}, {"ENQ", '\x05'}, {"ACK", '\x06'},  {"NAK", '\x15'},
                               {"EOT", '\x04'}, {"ESC", '\x1b'}, {"XON", '\x11'}, {"XOFF", '\x13'}, {"lt", '<'}};

struct Word {
  absl::string_view name;
  Kind kind;
};

constexpr Word kWords[] = {
    {"option", Kind::kOption}, {"instrument", Kind::kInstrument}, {"bridge", Kind::kBridge},  {"report", Kind::kReport},
    {"wait", Kind::kWait},     {"noise", Kind::kNoise},           {"padding", Kind::kPadding}};

// Longer lines are no longer read as a dialogue, so the writer breaks them.
constexpr std::size_t kLongestLine = 110;

bool HasBytes(Kind kind) { return kind == Kind::kInstrument || kind == Kind::kBridge; }

std::string EscapeByte(char byte) {
  for (const Escape& escape : kEscapes) {
    if (escape.byte == byte) return absl::StrCat("<", escape.name, ">");
  }
  if (byte >= 0x20 && byte < 0x7f) return std::string(1, byte);
  return absl::StrFormat("<x%02X>", static_cast<unsigned char>(byte));
}

// "| " or "+ " and the text behind it; one blank after the sign belongs to the sign.
absl::string_view Continuation(absl::string_view line) {
  line.remove_prefix(1);
  absl::ConsumePrefix(&line, " ");
  return line;
}

class TranscriptParser {
 public:
  explicit TranscriptParser(absl::string_view file) { transcript_.file = std::string(file); }

  absl::Status AddLine(absl::string_view line) {
    ++line_;
    while (absl::ConsumeSuffix(&line, "\r")) {  // a CR that is said is written <CR>
    }
    if (!line.empty() && (line[0] == '|' || line[0] == '+')) return AddContinuation(line);
    open_ = false;
    if (line.find_first_not_of(" \t") == absl::string_view::npos) return absl::OkStatus();
    if (line[0] == '#') {
      line.remove_prefix(1);
      absl::ConsumePrefix(&line, " ");
      Begin(Kind::kComment).text = std::string(line);
      return absl::OkStatus();
    }
    const std::size_t colon = line.find(':');
    const absl::string_view word = line.substr(0, colon);
    for (const Word& known : kWords) {
      if (colon == absl::string_view::npos || word != known.name) continue;
      absl::string_view text = line.substr(colon + 1);
      absl::ConsumePrefix(&text, " ");
      return AddStep(known.kind, text);
    }
    return Error(absl::StrCat(
        "\"", absl::CHexEscape(line.substr(0, 40)), "\" is no line of a transcript: it begins with ",
        absl::StrJoin(kWords, ", ", [](std::string* out, const Word& w) { absl::StrAppend(out, w.name, ":"); }),
        " or #, | or +"));
  }

  absl::StatusOr<Transcript> Finish() {
    for (const TranscriptStep& step : transcript_.steps) {
      if (!HasBytes(step.kind) || !step.text.empty()) continue;
      line_ = step.line;
      return Error("nothing is sent here: write TEXT behind the colon, or lines that begin with | or +");
    }
    return std::move(transcript_);
  }

 private:
  absl::Status Error(absl::string_view message) const {
    return absl::InvalidArgumentError(absl::StrCat(transcript_.file, ":", line_, ": ", message));
  }

  TranscriptStep& Begin(Kind kind) {
    TranscriptStep& step = transcript_.steps.emplace_back();
    step.kind = kind;
    step.line = line_;
    return step;
  }

  absl::Status AddStep(Kind kind, absl::string_view text) {
    TranscriptStep& step = Begin(kind);
    const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
    switch (kind) {
      case Kind::kComment:
        break;
      case Kind::kOption: {
        if (has_bytes_) return Error("an option stands before the first bytes, because the driver starts with it");
        const std::size_t equals = trimmed.find('=');
        if (equals == 0 || equals == absl::string_view::npos) return Error("an option is written name=value");
        step.name = std::string(absl::StripAsciiWhitespace(trimmed.substr(0, equals)));
        step.text = std::string(absl::StripAsciiWhitespace(trimmed.substr(equals + 1)));
        break;
      }
      case Kind::kInstrument:
      case Kind::kBridge:
        open_ = has_bytes_ = true;
        return AppendBytes(step, text, "");
      case Kind::kReport:
        open_ = true;
        step.text = std::string(text);
        break;
      case Kind::kWait:
        if (!absl::ParseDuration(std::string(trimmed), &step.wait) || step.wait <= absl::ZeroDuration()) {
          return Error(absl::StrCat("\"", trimmed, "\" is no time to wait: write it like 300ms or 30s"));
        }
        break;
      case Kind::kNoise:
      case Kind::kPadding:
        if (!absl::SimpleAtoi(trimmed, &step.size) || step.size == 0) {
          return Error(absl::StrCat("\"", trimmed, "\" is no number of bytes"));
        }
        break;
    }
    return absl::OkStatus();
  }

  absl::Status AddContinuation(absl::string_view line) {
    if (!open_) return Error("a line that begins with | or + continues instrument:, bridge: or report: right above it");
    TranscriptStep& step = transcript_.steps.back();
    if (HasBytes(step.kind)) return AppendBytes(step, Continuation(line), line[0] == '|' ? "\r\n" : "");
    if (line[0] == '+') return Error("lines of a report begin with |");
    if (!step.text.empty()) step.text += '\n';
    absl::StrAppend(&step.text, Continuation(line));
    return absl::OkStatus();
  }

  absl::Status AppendBytes(TranscriptStep& step, absl::string_view text, absl::string_view line_end) {
    absl::StatusOr<std::string> bytes = UnescapeBytes(text);
    if (!bytes.ok()) return Error(bytes.status().message());
    absl::StrAppend(&step.text, *bytes, line_end);
    return absl::OkStatus();
  }

  Transcript transcript_;
  int line_ = 0;
  bool open_ = false;  // the last step may be continued
  bool has_bytes_ = false;
};

// Blanks at the end of a line are easily lost in an editor.
std::string Shown(absl::string_view escaped) {
  if (!escaped.empty() && escaped.back() == ' ') return absl::StrCat(escaped.substr(0, escaped.size() - 1), "<x20>");
  return std::string(escaped);
}

void WriteBytes(absl::string_view word, absl::string_view bytes, std::string& out) {
  const std::string all = EscapeBytes(bytes);
  if (all.size() <= kLongestLine - 20 && bytes.find('\n') >= bytes.size() - 1) {
    absl::StrAppend(&out, word, ": ", Shown(all), "\n");
    return;
  }
  absl::StrAppend(&out, word, ":\n");
  while (!bytes.empty()) {
    std::string line;
    std::size_t used = 0;
    bool ended = false;
    while (used < bytes.size() && !ended && line.size() < kLongestLine - 10) {
      ended = bytes.substr(used, 2) == "\r\n";
      if (!ended) line += EscapeByte(bytes[used]);
      if (!ended && bytes[used] == '\n') {
        ++used;
        break;
      }
      used += ended ? 2 : 1;
    }
    absl::StrAppend(&out, ended ? "|" : "+", line.empty() ? "" : " ", Shown(line), "\n");
    bytes.remove_prefix(used);
  }
}

}  // namespace

std::string EscapeBytes(absl::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += EscapeByte(byte);
  return text;
}

absl::StatusOr<std::string> UnescapeBytes(absl::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    if (text[0] != '<') {
      bytes += text[0];
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('>');
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("the escape \"", absl::CHexEscape(text.substr(0, 10)),
                                                     "\" has no \">\"; a \"<\" itself is written <lt>"));
    }
    const absl::string_view name = text.substr(1, end - 1);
    bool found = false;
    for (const Escape& escape : kEscapes) {
      if (name != escape.name) continue;
      bytes += escape.byte;
      found = true;
    }
    if (!found && name.size() == 3 && name[0] == 'x' && absl::ascii_isxdigit(name[1]) &&
        absl::ascii_isxdigit(name[2])) {
      bytes += absl::HexStringToBytes(name.substr(1));
      found = true;
    }
    if (!found) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown escape <", absl::CHexEscape(name.substr(0, 20)), ">; there are ",
                       absl::StrJoin(kEscapes, " ",
                                     [](std::string* out, const Escape& e) { absl::StrAppend(out, "<", e.name, ">"); }),
                       " and <xHH>; a \"<\" itself is written <lt>"));
    }
    text.remove_prefix(end + 1);
  }
  return bytes;
}

absl::StatusOr<Transcript> ParseTranscript(absl::string_view file, absl::string_view text) {
  TranscriptParser parser(file);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::Status status = parser.AddLine(line); !status.ok()) return status;
  }
  return parser.Finish();
}

absl::StatusOr<Transcript> ReadTranscript(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the transcript \"", path, "\""));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the transcript \"", path, "\""));
  return ParseTranscript(path, text);
}

std::string WriteTranscript(const Transcript& transcript) {
  std::string out;
  for (const TranscriptStep& step : transcript.steps) {
    switch (step.kind) {
      case Kind::kComment:
        absl::StrAppend(&out, "#", step.text.empty() ? "" : " ", step.text, "\n");
        break;
      case Kind::kOption:
        absl::StrAppend(&out, "option: ", step.name, "=", step.text, "\n");
        break;
      case Kind::kInstrument:
        WriteBytes("instrument", step.text, out);
        break;
      case Kind::kBridge:
        WriteBytes("bridge", step.text, out);
        break;
      case Kind::kReport:
        if (step.text.find('\n') == std::string::npos) {
          absl::StrAppend(&out, "report:", step.text.empty() ? "" : " ", step.text, "\n");
        } else {
          out += "report:\n";
          for (const absl::string_view line : absl::StrSplit(step.text, '\n')) {
            absl::StrAppend(&out, "|", line.empty() ? "" : " ", line, "\n");
          }
        }
        break;
      case Kind::kWait:
        absl::StrAppend(&out, "wait: ", absl::FormatDuration(step.wait), "\n");
        break;
      case Kind::kNoise:
        absl::StrAppend(&out, "noise: ", step.size, "\n");
        break;
      case Kind::kPadding:
        absl::StrAppend(&out, "padding: ", step.size, "\n");
        break;
    }
  }
  return out;
}

}  // namespace dims
