// Agilent GC and LC ChemStation, OpenLab CDS ChemStation Edition: what a workstation prints, or copies to a line.
//
// Report.TXT runs from "Data File <path>" to "*** End of Report ***" (drivers/gc/printed_report.h); Report00.CSV and
// REPORTnn.CSV have no end marker (drivers/gc/report_csv.h). Here is what tells where one ends and another begins:
// first lines, pages, and silence. Each printed page begins with data file and sample again, so a first line inside a
// report may be that of its next page: a header after it, between rules, makes it a report of its own.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/gc/header.h"
#include "drivers/gc/lines.h"
#include "drivers/gc/printed_report.h"
#include "drivers/gc/report_csv.h"
#include "drivers/silence.h"
#include "drivers/text.h"

namespace dims {
namespace {

using gc::PrintedReport;
using gc::ReportCsv;

constexpr int kIdleTimer = 0;

// Rows of a few characters would need far more room than their bytes. Real ones have 60 and more, so that a report
// reaches max_report first.
constexpr int kMostLines = 12000;

// Lines that a page's head has, at most: data file, sample, a stamp, a rule, each perhaps wrapped.
constexpr std::size_t kMostPageLines = 8;

class AgilentGc final : public TextDecoder {
 public:
  explicit AgilentGc(const Options& options)
      : TextDecoder(EncodingOf(options)),
        idle_(options.Duration("idle_timeout")),
        end_(options.Duration("end_timeout")) {}

  void OnTimer(int, uint64_t at, Events& out) override { Close(Ending::kInterrupted, at, true, out); }

  void OnClose(Ending why, uint64_t at, Events& out) override { Close(why, at, why == Ending::kEndOfInput, out); }

 protected:
  void OnLine(const TextLine& line, Events& out) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (const std::optional<gc::DataFile> file = gc::ParseDataFile(text)) {
      TakeDataFile(*file, line, out);
    } else if (ReportCsv::IsHeader(text)) {
      BeginCsv(line, out);
    } else if (!page_.empty()) {
      TakePageLine(line, out);
    } else if (printed_) {
      Feed(line, out);
    } else if (const auto row = ReportCsv::ParseBareRow(text); row && (!csv_ || csv_->IsRowOfAnother(*row, line))) {
      BeginCsv(line, out);
    } else if (csv_) {
      csv_->Take(line);
    } else if (!text.empty()) {
      // What stands below the end of a printed report is its last page's footer.
      ended_ = ended_ && gc::ParseStamp(text).has_value();
      if (ended_) out.push_back(Blank{});
    }
    if (!printed_ && !csv_) return;
    if (!text.empty() && ++lines_ > kMostLines) Close(Ending::kOversize, line.at, false, out);
    if (printed_ || csv_) out.push_back(Arm{kIdleTimer, csv_ && csv_->IsWhole() ? end_ : idle_});
  }

 private:
  void TakeDataFile(const gc::DataFile& file, const TextLine& line, Events& out) {
    if (!page_.empty() && gc::IsRule(page_.back().text)) Promote(out);
    if (printed_ && printed_->IsOfThisRun(file)) {
      // A page before it that has only its head was empty.
      out.push_back(Mark{});
      page_ = {line};
      sample_lines_ = 0;
      page_gap_ = false;
      return;
    }
    EndBefore(line.at, out);
    out.push_back(Begin{});
    printed_.emplace(file, line);
    lines_ = 0;
  }

  void BeginCsv(const TextLine& line, Events& out) {
    EndBefore(line.at, out);
    out.push_back(Begin{});
    csv_.emplace(line.at);
    csv_->Take(line);
    lines_ = 0;
  }

  // A line below the name of the open report's data file: what follows the rule decides, or that there is none.
  void TakePageLine(const TextLine& line, Events& out) {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (text.empty()) {
      page_gap_ = true;
      return;
    }
    const bool goes_on = !page_gap_ && Indent(line.text) > 9;
    const bool ruled = gc::IsRule(page_.back().text);
    const std::optional<KeyValue> pair = ParseKeyValue(text);
    const bool sample = pair && pair->key == "Sample Name";
    const bool more_of_sample = sample_lines_ > 0 && goes_on && printed_->HasSample(text, sample_lines_);
    if (ruled ? gc::Header::IsLine(line.text) : sample && !printed_->HasSample(pair->value, 0)) {
      Promote(out);
      Feed(line, out);
    } else if (!ruled && page_.size() < kMostPageLines &&
               (sample || more_of_sample || gc::IsRule(text) || gc::ParseStamp(text) ||
                (page_.size() == 1 && goes_on))) {
      page_.push_back(line);
      sample_lines_ = sample ? 1 : more_of_sample ? sample_lines_ + 1 : 0;
    } else {
      // The next page of the same report. Its head says nothing new; a rule is the report's own.
      const std::vector<TextLine> head = std::exchange(page_, {});
      printed_->TakePageHead();
      if (ruled) Feed(head.back(), out);
      Feed(line, out);
    }
  }

  // What looked like a page of the open report is a report of its own.
  void Promote(Events& out) {
    const std::vector<TextLine> head = std::exchange(page_, {});
    SayTruncated(printed_->report(), head.front().at);
    out.push_back(std::move(*printed_).Finish(End::kMark, false));
    printed_.emplace(*gc::ParseDataFile(absl::StripAsciiWhitespace(head.front().text)), head.front());
    for (std::size_t i = 1; i < head.size(); ++i) printed_->Take(head[i]);
    lines_ = static_cast<int>(head.size());
  }

  void Feed(const TextLine& line, Events& out) {
    if (!printed_->Take(line)) return;
    Finish(End::kThrough, true, out);
    ended_ = true;
  }

  // Another report begins at `at`.
  void EndBefore(uint64_t at, Events& out) {
    ended_ = false;
    if (!page_.empty()) Promote(out);
    if (!printed_ && !csv_) return;
    const bool complete = csv_ && csv_->IsWhole();
    if (!complete) SayTruncated(report(), at);
    Finish(End::kBefore, complete, out);
  }

  // `all_came`: what was sent has come, there was nothing more.
  void Close(Ending why, uint64_t at, bool all_came, Events& out) {
    ended_ = false;
    page_.clear();
    if (!printed_ && !csv_) return;
    const bool complete = why != Ending::kOversize && csv_ && csv_->IsWhole() && all_came;
    if (!complete) AddEndingProblem(report(), why, at);
    Finish(End::kThrough, complete, out);
  }

  void Finish(End::Where where, bool complete, Events& out) {
    out.push_back(printed_ ? std::move(*printed_).Finish(where, complete) : std::move(*csv_).Finish(where, complete));
    out.push_back(Arm{kIdleTimer, absl::ZeroDuration()});
    printed_.reset();
    csv_.reset();
  }

  static void SayTruncated(dims::v1::Report& report, uint64_t at) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another report begins before this one has ended");
  }

  dims::v1::Report& report() { return printed_ ? printed_->report() : csv_->report(); }

  const absl::Duration idle_, end_;
  // One of these is the open report.
  std::optional<PrintedReport> printed_;
  std::optional<ReportCsv> csv_;
  int lines_ = 0;                 // of the open report
  std::vector<TextLine> page_;    // the head of what may be a page of printed_, or another report
  std::size_t sample_lines_ = 0;  // of the sample's name, at its end
  bool page_gap_ = false;         // a blank line came after it began
  bool ended_ = false;            // a printed report has ended, and nothing else has come
};

constexpr OptionSpec kOptions[] = {kEncodingOption, kIdleTimeoutOption, kEndTimeoutOption};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<AgilentGc>(options); }

}  // namespace

extern const Driver agilent_gc_driver;
const Driver agilent_gc_driver = {
    .name = "agilent_gc",
    .title =
        "Agilent GC and LC ChemStation, OpenLab: Area Percent, Internal and External Standard Reports (Report.TXT), "
        "REPORTnn.CSV",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = 8192,
    .max_report = 1024 * 1024,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
