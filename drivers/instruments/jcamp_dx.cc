// JCAMP-DX 4.24 to 6.0: what spectrometers and their data systems export, as a file or copied to a line.
//
// A report is an outermost block, from "##TITLE=" to its "##END=" (drivers/jcamp/block.h). A LINK has blocks within,
// and those of a LINK again. A block that another title follows has lost its end: so much of it is a TRUNCATED report,
// or part of one. How many blocks a LINK announces does not say where it ends: programs write what they like there, so
// that a LINK without its end has all that follows.
//
// Checks (problem types): the format's own of ordinates and abscissas (CHECKSUM, drivers/jcamp/profile.cc); announced
//   numbers of points, pages and blocks (COUNT_MISMATCH); first and last x, and first y, of (X++(Y..Y)) as announced
//   (INCONSISTENT).
//
// A report's points are at most some 980 000, because a record is (drivers/jcamp/table.h); what is more is left out,
// and an OVERSIZE problem says so.
//
// Lines are read from the bytes as they are, where they are 8-bit: a table's have nothing to decode.
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/jcamp/block.h"
#include "drivers/jcamp/record.h"
#include "drivers/jcamp/table.h"

namespace dims {
namespace {

using jcamp::Block;
using jcamp::OpenReport;
using jcamp::ParseRecord;
using jcamp::Record;

constexpr int kIdleTimer = 0;
constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kDeepest = 16;  // LINKs in LINKs

bool IsBlank(char c) { return absl::ascii_isspace(c) || c == '\0'; }

// Ends of files: a Ctrl-Z, and the bytes that fill a sector.
bool IsFill(absl::string_view line) { return line.find_first_not_of("\x1a\xff \t\r\n") == absl::string_view::npos; }

absl::string_view Strip(absl::string_view line) {
  while (!line.empty() && IsBlank(line.back())) line.remove_suffix(1);
  while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
  return line;
}

// A timer, or the end of a file, ends a frame that is no whole line.
bool HasEnd(absl::string_view bytes) {
  const auto is_end = [](char c) { return c == '\n' || c == '\r' || c == '\f'; };
  if (!bytes.empty() && bytes.back() == '\0') bytes.remove_suffix(1);
  return !bytes.empty() && is_end(bytes.back());
}

// Whatever may have been cut off, it says the same.
bool IsEnd(absl::string_view line) {
  const std::optional<Record> record = ParseRecord(line);
  return record && record->assigned && record->label == "END";
}

class JcampDx final : public Decoder {
 public:
  explicit JcampDx(const Options& options)
      : reading_{EncodingOf(options), options.Text("sample_number") == "title"},
        idle_(options.Duration("idle_timeout")) {}

  void OnFrame(const Frame& frame, Events& out) override {
    here_ = frame.at + frame.bytes.size();
    if (rest_.empty()) return TakeLine(frame.bytes, frame.at, out);
    rest_.append(frame.bytes.data(), frame.bytes.size());
    const std::string line = std::exchange(rest_, "");
    TakeLine(line, rest_at_, out);
  }

  // A timer a line would cost as much as the line: there is one a report, and it runs again while bytes come.
  void OnTimer(int, uint64_t at, Events& out) override {
    if (at == armed_at_) return Close(Ending::kInterrupted, at, out);
    here_ = at;
    Arm(out);
  }
  void OnClose(Ending why, uint64_t at, Events& out) override { Close(why, at, out); }

 private:
  void TakeLine(absl::string_view bytes, uint64_t bytes_at, Events& out) {
    std::string decoded;
    absl::string_view line = bytes;
    if (IsWide(line)) {
      decoded = ToUtf8(line, reading_.encoding).utf8;
      line = decoded;
    }
    line = Strip(line);
    const uint64_t at = bytes_at + (decoded.empty() ? line.data() - bytes.data() : 0);
    if (blocks_.empty()) {
      TakeOutside(absl::StripPrefix(line, kByteOrderMark), at, out);
    } else if (!HasEnd(bytes) && !IsEnd(line)) {
      rest_.assign(bytes.data(), bytes.size());
      rest_at_ = bytes_at;
    } else if (!absl::StartsWith(line, "##")) {
      if (!line.empty()) blocks_.back().Take(line, at, *open_);
    } else {
      TakeRecord(*ParseRecord(line), at, out);
    }
  }

  // UTF-16, or what is configured so.
  bool IsWide(absl::string_view line) const {
    if (reading_.encoding == Encoding::kUtf16Le || reading_.encoding == Encoding::kUtf16Be) return true;
    if (reading_.encoding != Encoding::kAuto || line.size() < 2) return false;
    return (line[0] == '\0' || line[1] == '\0' || line[0] == '\xff' || line[0] == '\xfe') &&
           JudgeWidth(line) != Width::kEightBit;
  }

  void TakeOutside(absl::string_view line, uint64_t at, Events& out) {
    const std::optional<Record> record = ParseRecord(line);
    if (record && record->assigned && record->label == "TITLE") {
      Begin(*record, at, out);
    } else if (absl::StartsWith(line, "$$") || IsFill(line)) {
      out.push_back(Blank{});
    }
  }

  void TakeRecord(const Record& record, uint64_t at, Events& out) {
    if (record.label == "TITLE") {
      const bool within = blocks_.back().header().is_link();
      if (!within) {
        open_->Add(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another block begins before this one has ended");
        CloseBlock(at);
      } else if (blocks_.size() == kDeepest) {
        open_->Add(dims::v1::PROBLEM_TYPE_OVERSIZE, at, absl::StrCat("blocks deeper than ", kDeepest));
        while (!blocks_.empty()) CloseBlock(at);
      }
      if (blocks_.empty()) {
        Finish(End::kBefore, out);
        Begin(record, at, out);
      } else {
        Push(record, at);
      }
    } else if (record.label == "END") {
      CloseBlock(at);
      if (blocks_.empty()) Finish(End::kThrough, out);
    } else {
      blocks_.back().Take(record, at, *open_);
    }
  }

  void Begin(const Record& record, uint64_t at, Events& out) {
    out.push_back(dims::Begin{});
    open_.emplace();
    Push(record, at);
    Arm(out);
  }

  void Push(const Record& record, uint64_t at) {
    blocks_.emplace_back(reading_, blocks_.empty() ? nullptr : &blocks_.back().header());
    blocks_.back().Take(record, at, *open_);
  }

  void CloseBlock(uint64_t at) {
    blocks_.back().Close(at, *open_);
    blocks_.pop_back();
    if (!blocks_.empty()) blocks_.back().CountPart();
  }

  void Close(Ending why, uint64_t at, Events& out) {
    if (blocks_.empty()) return;
    if (!Strip(std::exchange(rest_, "")).empty()) {
      open_->Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, rest_at_, "a line without its end; not read");
    }
    if (why == Ending::kEndOfInput) {
      open_->Add(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "the file ends before ##END=");
    } else {
      AddEndingProblem(open_->report(), why, at);
    }
    while (!blocks_.empty()) CloseBlock(at);
    Finish(End::kThrough, out);
  }

  void Finish(End::Where where, Events& out) {
    End end;
    end.report = std::move(open_->report());
    end.where = where;
    out.push_back(std::move(end));
    out.push_back(dims::Arm{kIdleTimer, absl::ZeroDuration()});
    open_.reset();
  }

  void Arm(Events& out) {
    armed_at_ = here_;
    out.push_back(dims::Arm{kIdleTimer, idle_});
  }

  const jcamp::Reading reading_;
  const absl::Duration idle_;
  std::optional<OpenReport> open_;
  std::deque<Block> blocks_;  // the open ones, the outermost first
  std::string rest_;          // of a line whose end has not come yet
  uint64_t rest_at_ = 0;
  uint64_t here_ = 0;      // the stream has come so far
  uint64_t armed_at_ = 0;  // and had when the timer began
};

constexpr OptionSpec kOptions[] = {
    kEncodingOption,
    {.name = "idle_timeout",
     .type = OptionSpec::Type::kDuration,
     .minimum = 10000,
     .maximum = 3600000,
     .default_value = "60s",
     .help = "a report that stops for so long, at most for twice as long, is given up as interrupted"},
    {.name = "sample_number",
     .type = OptionSpec::Type::kChoice,
     .choices = "none|title",
     .default_value = "none",
     .help = "\"title\": the laboratory writes the sample's number, and nothing else, into TITLE"},
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<JcampDx>(options); }

}  // namespace

extern const Driver jcamp_dx_driver;
const Driver jcamp_dx_driver = {
    .name = "jcamp_dx",
    .title = "JCAMP-DX 4.24 to 6.0: spectra, chromatograms and peak tables of any instrument",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = 64 * 1024,
    .max_report = 16 * 1024 * 1024,
    .options = kOptions,
    .make = Make,
    .silence_ends_frame = true,
};

}  // namespace dims
