// Agilent/HP MSD ChemStation, MassHunter GC/MS: what a GC-MS workstation prints, or copies to a line.
//
// Area Percent, Library Search and Quantitation Reports run from their title to the line "<method>.M <date>"
// (drivers/msd/printed_report.h); RESULTS.CSV from "[contents]" to its last row (drivers/msd/results_csv.h). Here is
// what tells where one ends and another begins: titles, page breaks, and silence. Printing adds form feeds, page
// footers ("Page: 1") and repeated headers, so a title after a page break may be that of the next page: what follows
// the header decides.
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/msd/printed_report.h"
#include "drivers/msd/results_csv.h"
#include "drivers/silence.h"

namespace dims {
namespace {

using msd::PrintedReport;
using msd::ResultsCsv;
using msd::Whole;

constexpr int kIdleTimer = 0;

// Rows of one character a field would need far more room than their bytes. Real ones have 60 and more, so that a report
// reaches max_report first.
constexpr int kMostLines = 4500;

class AgilentMsd final : public TextDecoder {
 public:
  explicit AgilentMsd(const Options& options)
      : TextDecoder(EncodingOf(options)),
        idle_(options.Duration("idle_timeout")),
        end_(options.Duration("end_timeout")) {}

  void OnTimer(int, uint64_t at, Events& out) override { Close(Ending::kInterrupted, at, true, out); }

  void OnClose(Ending why, uint64_t at, Events& out) override { Close(why, at, why == Ending::kEndOfInput, out); }

 protected:
  void OnLine(const TextLine& line, Events& out) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    // A title between rules is that of a GC or LC ChemStation, which has an Area Percent Report of its own.
    const bool ruled = std::exchange(ruled_, absl::StartsWith(text, "=========="));
    if (const std::optional<msd::Title> title = ruled ? std::nullopt : msd::ParseTitle(text)) {
      TakeTitle(*title, line.at, out);
    } else if (msd::IsContents(text)) {
      EndBefore(line.at, out);
      out.push_back(Begin{});
      csv_.emplace(line.at);
      lines_ = 0;
    } else if (line.form_feed && text.empty()) {
      if (printed_) printed_->BreakPage();
    } else if (page_) {
      TakePageLine(line, out);
    } else if (csv_) {
      csv_->Take(line);
    } else if (printed_ && printed_->Take(line)) {
      Finish(End::kThrough, true, out);
    }
    if ((printed_ || csv_) && !text.empty() && ++lines_ > kMostLines) Close(Ending::kOversize, line.at, false, out);
    if (printed_ || csv_) out.push_back(Arm{kIdleTimer, whole() == Whole::kNo ? idle_ : end_});
  }

 private:
  void TakeTitle(const msd::Title& title, uint64_t at, Events& out) {
    if (!page_ && printed_ && printed_->IsOverprintedBy(title)) return;
    if (page_) Promote(out);
    if (printed_ && printed_->MayGoOnWith(title)) {
      out.push_back(Mark{});
      page_.emplace(title, at);
      return;
    }
    EndBefore(at, out);
    out.push_back(Begin{});
    printed_.emplace(title, at);
    lines_ = 0;
  }

  // A line after a title that followed a page break: a header line says nothing yet, any other decides.
  void TakePageLine(const TextLine& line, Events& out) {
    if (!page_->DecidedBy(line.text)) {
      page_->Take(line);
      return;
    }
    if (printed_->IsContinuedBy(*page_, line.text)) {
      printed_->TakeOver(*std::move(page_));
      page_.reset();
    } else {
      Promote(out);
    }
    if (printed_->Take(line)) Finish(End::kThrough, true, out);
  }

  // What looked like a page of the open report is a report of its own.
  void Promote(Events& out) {
    const bool complete = printed_->whole() != Whole::kNo;
    if (!complete) SayTruncated(printed_->report(), page_->at());
    out.push_back(std::move(*printed_).Finish(End::kMark, complete));
    printed_ = std::move(page_);
    page_.reset();
    lines_ = 0;
  }

  // Another report begins at `at`.
  void EndBefore(uint64_t at, Events& out) {
    if (page_) Promote(out);
    if (!printed_ && !csv_) return;
    const bool complete = whole() != Whole::kNo;
    if (!complete) SayTruncated(report(), at);
    Finish(End::kBefore, complete, out);
  }

  // `all_came`: what was sent has come, there was nothing more.
  void Close(Ending why, uint64_t at, bool all_came, Events& out) {
    if (page_ && !printed_->IsSameRun(*page_)) Promote(out);
    if (!printed_ && !csv_) return;
    const bool complete =
        why != Ending::kOversize && !page_ && (whole() == Whole::kYes || (whole() == Whole::kUnlessMore && all_came));
    if (!complete) AddEndingProblem(report(), why, at);
    Finish(End::kThrough, complete, out);
  }

  void Finish(End::Where where, bool complete, Events& out) {
    out.push_back(printed_ ? std::move(*printed_).Finish(where, complete) : std::move(*csv_).Finish(where, complete));
    out.push_back(Arm{kIdleTimer, absl::ZeroDuration()});
    printed_.reset();
    page_.reset();
    csv_.reset();
  }

  static void SayTruncated(dims::v1::Report& report, uint64_t at) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another report begins before this one has ended");
  }

  // Of the open report.
  Whole whole() const {
    if (page_) return Whole::kNo;
    return printed_ ? printed_->whole() : csv_->whole();
  }
  dims::v1::Report& report() { return printed_ ? printed_->report() : csv_->report(); }

  const absl::Duration idle_, end_;
  // One of these is the open report.
  std::optional<PrintedReport> printed_;
  std::optional<ResultsCsv> csv_;
  int lines_ = 0;                      // of the open report
  bool ruled_ = false;                 // the line before was a rule of "="
  std::optional<PrintedReport> page_;  // what began with a title after a page break of printed_
};

constexpr OptionSpec kOptions[] = {kEncodingOption, kIdleTimeoutOption, kEndTimeoutOption};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<AgilentMsd>(options); }

}  // namespace

extern const Driver agilent_msd_driver;
const Driver agilent_msd_driver = {
    .name = "agilent_msd",
    .title =
        "Agilent/HP MSD ChemStation and MassHunter GC/MS: Area Percent, Library Search and Quantitation Reports, "
        "RESULTS.CSV",
    .version = "5",
    .line = {},
    .scan = ScanLine,
    .max_frame = 8192,
    .max_report = 256 * 1024,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
