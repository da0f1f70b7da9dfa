// Shimadzu GCMSsolution and LabSolutions: the ASCII export of injections, that of the Quant Browser, and the library
// search as it is printed.
//
// An export has no end marker (drivers/shimadzu/injection.h): "[Header]" begins the next injection and ends the one
// before, silence or the end of the input ends the last. Other data systems have a "[Header]" too: what follows tells.
// So it is with the Quant Browser's (drivers/shimadzu/quant_browser.h), which begins with "ID#" and a number; within an
// injection that is not complete only where "Name" follows. The printed search
// (drivers/shimadzu/printed_search.h) begins with "<< Target >>". Here is what tells where one ends and another begins.
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/shimadzu/injection.h"
#include "drivers/shimadzu/printed_search.h"
#include "drivers/shimadzu/quant_browser.h"
#include "drivers/shimadzu/sections.h"
#include "drivers/shimadzu/text.h"
#include "drivers/silence.h"

namespace dims {
namespace {

using shimadzu::Injection;
using shimadzu::PrintedSearch;
using shimadzu::QuantBrowser;

constexpr int kIdleTimer = 0;

class Shimadzu final : public TextDecoder {
 public:
  explicit Shimadzu(const Options& options)
      : TextDecoder(EncodingOf(options)),
        idle_(options.Duration("idle_timeout")),
        end_(options.Duration("end_timeout")),
        settings_{shimadzu::Normal(options.Text("sample_number")), options.Boolean("keep_curves")} {}

  void OnTimer(int, uint64_t at, Events& out) override { Close(Ending::kInterrupted, at, true, out); }

  void OnClose(Ending why, uint64_t at, Events& out) override { Close(why, at, why == Ending::kEndOfInput, out); }

 protected:
  void OnLine(const TextLine& line, Events& out) override {
    if (held_ && QuantBrowser::HasName(line.text)) {
      // The injection was cut, and this is another export.
      AddProblem(report(), dims::v1::PROBLEM_TYPE_TRUNCATED, held_->at,
                 "another report begins before this one has ended");
      const TextLine first = *std::exchange(held_, std::nullopt);
      Finish(End::kMark, false, out);
      BeginBrowser(first);
    } else {
      TakeHeld();
    }
    const std::optional<shimadzu::Section> section = shimadzu::ParseSection(line.text);
    if (section && shimadzu::IsHeader(*section)) {
      EndBefore(line.at, out);
      BeginWith(Injection(settings_), line.at, out);
    } else if (QuantBrowser::Begins(line.text) && MayBegin(line.text)) {
      EndBefore(line.at, out);
      out.push_back(Begin{});
      BeginBrowser(line);
    } else if (injection_ && QuantBrowser::Begins(line.text)) {
      out.push_back(Mark{});
      held_ = line;
    } else if (injection_) {
      if (section && injection_->HasHad(*section)) {
        Injection next = injection_->Next(line.at);
        EndBefore(line.at, out);
        BeginWith(std::move(next), line.at, out);
      }
      injection_->Take(line);
      if (injection_->IsForeign()) Finish(End::kThrough, false, out);
    } else if (browser_ && !PrintedSearch::IsTarget(line.text)) {
      browser_->Take(line);
      if (browser_->IsForeign()) Finish(End::kThrough, false, out);
    } else {
      if (browser_) EndBefore(line.at, out);
      TakePrinted(line, out);
    }
    if (is_open()) out.push_back(Arm{kIdleTimer, complete() ? end_ : idle_});
  }

 private:
  void BeginWith(Injection injection, uint64_t at, Events& out) {
    out.push_back(Begin{});
    begin_ = at;
    injection_.emplace(std::move(injection));
  }

  void BeginBrowser(const TextLine& line) {
    begin_ = line.at;
    browser_.emplace(settings_.sample_number);
    browser_->Take(line);
  }

  // It was the injection's.
  void TakeHeld() {
    if (injection_ && held_) injection_->Take(*held_);
    held_.reset();
  }

  // An export of the Quant Browser, with this line.
  bool MayBegin(absl::string_view line) const {
    if (injection_) return injection_->complete();
    return !browser_ || browser_->BeginsAnother(line);
  }

  void TakePrinted(const TextLine& line, Events& out) {
    const bool target = PrintedSearch::IsTarget(line.text);
    if (!printed_) {
      if (!target) return;
      out.push_back(Begin{});
      printed_.emplace();
      after_target_ = false;
      return;
    }
    if (target) {
      out.push_back(Mark{});
      after_target_ = true;
    } else if (after_target_ && printed_->Starts(line.text)) {
      // Its first "<< Target >>" was not one more of the print-out before.
      out.push_back(std::move(*printed_).Finish(End::kMark));
      printed_.emplace();
    } else if (!after_target_ && printed_->complete() && printed_->Starts(line.text)) {
      // So it is where that was damaged.
      Finish(End::kBefore, true, out);
      out.push_back(Begin{});
      printed_.emplace();
      AddProblem(report(), dims::v1::PROBLEM_TYPE_MISSING, line.at,
                 "there is no \"<< Target >>\" before this spectrum");
    }
    printed_->Take(line);
    if (!target && !line.text.empty()) after_target_ = false;
  }

  // Another report begins at `at`.
  void EndBefore(uint64_t at, Events& out) {
    if (!is_open()) return;
    const bool whole = complete();
    if (!whole) {
      AddProblem(report(), dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another report begins before this one has ended");
    }
    Finish(End::kBefore, whole, out);
  }

  // `all_came`: what was sent has come, there was nothing more.
  void Close(Ending why, uint64_t at, bool all_came, Events& out) {
    if (!is_open()) return;
    TakeHeld();
    const bool whole = why != Ending::kOversize && complete() && all_came;
    if (!whole) AddEndingProblem(report(), why, at);
    Finish(End::kThrough, whole, out);
  }

  void Finish(End::Where where, bool whole, Events& out) {
    if ((injection_ && !injection_->IsKnown()) || (browser_ && !browser_->IsKnown())) {
      // Of another format, or cut before it told: noise, like all of a format that is not this one.
      End end{{}, where};
      AddProblem(end.report, dims::v1::PROBLEM_TYPE_NOISE, begin_,
                 injection_ ? "a [Header], and nothing that shows whose" : "an ID#, and no table of a compound");
      out.push_back(std::move(end));
    } else if (injection_) {
      out.push_back(std::move(*injection_).Finish(where, whole));
    } else {
      out.push_back(browser_ ? std::move(*browser_).Finish(where, whole) : std::move(*printed_).Finish(where));
    }
    out.push_back(Arm{kIdleTimer, absl::ZeroDuration()});
    injection_.reset();
    browser_.reset();
    printed_.reset();
  }

  bool is_open() const { return injection_ || browser_ || printed_; }
  // Of the open report.
  bool complete() const {
    return injection_ ? injection_->complete() : browser_ ? browser_->complete() : printed_->complete();
  }
  dims::v1::Report& report() {
    return injection_ ? injection_->report() : browser_ ? browser_->report() : printed_->report();
  }

  const absl::Duration idle_, end_;
  const Injection::Settings settings_;
  // One of these is the open report.
  std::optional<Injection> injection_;
  std::optional<QuantBrowser> browser_;
  std::optional<PrintedSearch> printed_;
  uint64_t begin_ = 0;  // of injection_ or browser_
  // A line that begins another export where a name follows, and is of injection_ where none does.
  std::optional<TextLine> held_;
  bool after_target_ = false;  // the last line of printed_ was "<< Target >>", and not its first
};

constexpr OptionSpec kOptions[] = {
    kEncodingOption,
    {.name = "sample_number",
     .type = OptionSpec::Type::kChoice,
     .choices = "Sample Name|Sample ID|Bar Code",
     .default_value = "Sample Name",
     .help = "which of an export's fields holds the sample's number"},
    {.name = "keep_curves",
     .type = OptionSpec::Type::kBoolean,
     .default_value = "false",
     .help = "keep chromatograms and mass spectra too"},
    kIdleTimeoutOption,
    kEndTimeoutOption,
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<Shimadzu>(options); }

}  // namespace

// The longest lines are those of a diode array: a thousand wavelengths. The longest exports hold such an array's hour;
// its lines pass, and of a report only what is kept takes room (injection.h).
extern const Driver shimadzu_driver;
const Driver shimadzu_driver = {
    .name = "shimadzu",
    .title =
        "Shimadzu GCMSsolution and LabSolutions: ASCII export (GC, LC, GC/MS, LC/MS), Quant Browser, printed search",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = 32 * 1024,
    .max_report = std::size_t{128} << 20,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
