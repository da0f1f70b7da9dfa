// Agilent/HP MSD ChemStation, MassHunter GC/MS: the reports a GC-MS workstation prints.
//
// Area Percent Report ("rteres.txt"). A report runs from its title to the line "<method>.M <date>". The title's indent
// differs between versions, rows grow from scan 10000 on, some versions put a line with one blank after every five
// rows, and printing adds form feeds, page footers ("Page: 1") and repeated headers. So lines are told apart by what
// they say, and rows are read by their blanks from both ends.
//
// The operator, the folder of the data file and the Misc line are not carried: they hold names and free text.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"

namespace dims {
namespace {

using dims::v1::Analysis;
using dims::v1::Finding;

constexpr int kIdleTimer = 0;
constexpr absl::string_view kTitle = "Area Percent Report";
constexpr absl::string_view kSum = "Sum of corrected areas:";

std::vector<absl::string_view> Words(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
}

// "  Acq On    : 06 Jun 2024  17:27": the key, and the value without surrounding blanks.
struct KeyValue {
  absl::string_view key, value;
};
std::optional<KeyValue> ParseKeyValue(absl::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const absl::string_view key = absl::StripAsciiWhitespace(line.substr(0, colon));
  if (key.empty() || key.size() > 32) return std::nullopt;
  return KeyValue{key, absl::StripAsciiWhitespace(line.substr(colon + 1))};
}

// Older versions print a second field on the line of the first ("... 10:33 am    Operator: xy"). Returns the second
// field's value and cuts it off.
absl::string_view CutField(absl::string_view& value, absl::string_view key) {
  const std::size_t at = value.find(key);
  if (at == absl::string_view::npos || (at > 0 && value[at - 1] != ' ')) return {};
  absl::string_view rest = absl::StripLeadingAsciiWhitespace(value.substr(at + key.size()));
  if (!absl::ConsumePrefix(&rest, ":")) return {};
  const absl::string_view field = absl::StripAsciiWhitespace(rest);
  value = absl::StripAsciiWhitespace(value.substr(0, at));
  return field;
}

absl::string_view FileName(absl::string_view path) { return path.substr(path.find_last_of("\\/") + 1); }

bool IsRuler(absl::string_view line) {
  return absl::StrContains(line, "---") && line.find_first_not_of("- ") == absl::string_view::npos;
}

bool IsColumnHeader(const std::vector<absl::string_view>& words) {
  return words.size() > 2 && ((words[0] == "peak" && words[1] == "R.T.") || (words[0] == "#" && words[1] == "min"));
}

// "Janis12min.M Thu Jun 06 18:09:06 2024      Page: 1"
struct Trailer {
  std::string printed_time;
  bool page = false;
};
std::optional<Trailer> ParseTrailer(const std::vector<absl::string_view>& all) {
  absl::Span<const absl::string_view> words = all;
  Trailer trailer;
  if (words.size() > 2 && words[words.size() - 2] == "Page:" && IsDigits(words.back())) {
    trailer.page = true;
    words.remove_suffix(2);
  }
  if (words.size() < 6) return std::nullopt;
  const auto time = words.last(5);
  constexpr std::array<absl::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const std::vector<absl::string_view> clock = absl::StrSplit(time[3], ':');
  if (std::find(kDays.begin(), kDays.end(), time[0]) == kDays.end() || time[1].size() != 3 || !IsDigits(time[2]) ||
      clock.size() != 3 || !std::all_of(clock.begin(), clock.end(), IsDigits) || time[4].size() != 4 ||
      !IsDigits(time[4]) || !absl::EndsWithIgnoreCase(words[words.size() - 6], ".M")) {
    return std::nullopt;
  }
  trailer.printed_time = absl::StrCat(time[0], " ", time[1], " ", time[2], " ", time[3], " ", time[4]);
  return trailer;
}

std::string Point(absl::string_view number) { return absl::StrReplaceAll(number, {{",", "."}}); }

// A row of the table; nullopt where the line is not exactly one.
std::optional<Finding> ParseRow(const std::vector<absl::string_view>& words) {
  if (words.size() < 9 || words.size() > 11) return std::nullopt;
  const auto tail = absl::MakeConstSpan(words).last(4);
  absl::string_view percent_of_max = tail[2], area_percent = tail[3];
  if (!absl::ConsumeSuffix(&percent_of_max, "%") || !absl::ConsumeSuffix(&area_percent, "%")) return std::nullopt;
  const bool well_formed = IsDigits(words[0]) && IsFixed(words[1], 3) && IsDigits(words[2]) && IsDigits(words[3]) &&
                           IsDigits(words[4]) && IsDigits(tail[0]) && IsDigits(tail[1]) && IsFixed(percent_of_max, 2) &&
                           IsFixed(area_percent, 3);
  if (!well_formed) return std::nullopt;
  Finding finding;
  finding.set_retention_time(Point(words[1]));
  dims::v1::Peak* peak = finding.mutable_peak();
  peak->set_number(std::string(words[0]));
  peak->set_first_scan(std::string(words[2]));
  peak->set_max_scan(std::string(words[3]));
  peak->set_last_scan(std::string(words[4]));
  if (words.size() > 9) {
    peak->set_type(absl::StrCat(words[5], words.size() > 10 ? " " : "", words.size() > 10 ? words[6] : ""));
  }
  peak->set_height(std::string(tail[0]));
  peak->set_area(std::string(tail[1]));
  peak->set_percent_of_max(Point(percent_of_max));
  peak->set_area_percent(Point(area_percent));
  return finding;
}

absl::int128 Units(absl::string_view number) {
  const std::optional<Decimal> value = Decimal::Parse(number);
  return value ? value->units : absl::int128(-1);
}

// Whether `percent` (units of 10^-places) can be 100 * part / whole, where both were rounded to whole counts, within
// one unit of its last place.
bool IsPercent(absl::int128 percent, absl::int128 part, absl::int128 whole, int places) {
  absl::int128 hundred = 100;
  for (int i = 0; i < places; ++i) hundred *= 10;
  // Doubled, so that half a count is whole: part +- 0.5 is 2 * part +- 1.
  const absl::int128 low = hundred * (2 * part - 1), high = hundred * (2 * part + 1);
  return (percent + 1) * (2 * whole + 1) >= low && (percent - 1) * (2 * whole - 1) <= high;
}

// One report while it is being read.
class Draft {
 public:
  explicit Draft(uint64_t at) : at_(at) { NewAnalysis(); }

  bool SameRun(const Draft& other) const {
    const Analysis &a = analysis(), &b = other.analysis();
    return a.data_file() == b.data_file() && a.sample_number() == b.sample_number() &&
           a.acquired_at_printed() == b.acquired_at_printed();
  }
  // The table of `page`, which repeats this report's header, goes on with this row.
  bool ContinuesWith(absl::string_view row_number) const {
    int64_t number = 0;
    return absl::SimpleAtoi(row_number, &number) && number == rows_ + 1 && state_ == kTable;
  }
  uint64_t at() const { return at_; }
  bool only_title() const { return state_ == kHeader && keys_.empty(); }
  bool in_table() const { return state_ == kTable; }
  bool has_sum() const { return state_ == kSummed; }

  // Returns true when the line was the report's last.
  bool Take(const TextLine& line) {
    const absl::string_view text = line.text;
    if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
    const std::vector<absl::string_view> words = Words(text);
    if (words.empty()) return false;
    if (const std::optional<Trailer> trailer = ParseTrailer(words)) return TakeTrailer(*trailer, line.at);
    if (IsColumnHeader(words)) return false;
    if (IsRuler(text)) {
      if (state_ == kHeader) state_ = kTable;
      return false;
    }
    if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), kSum)) {
      TakeSum(words.back(), line.at);
    } else if (std::optional<KeyValue> pair = ParseKeyValue(text); pair && state_ != kTable) {
      TakeHeader(*pair, line.at);
    } else if (std::optional<Finding> row = state_ == kTable ? ParseRow(words) : std::nullopt) {
      TakeRow(*std::move(row), line.at);
    } else if (state_ == kHeader && TakeContinuation(text)) {
    } else if (!(pair && page_break_)) {  // after a page break, the header may be repeated without the title
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
              state_ == kTable ? "this line is no row of the peak table" : "this line has no place in the header");
    }
    return false;
  }

  void BreakPage() { page_break_ = true; }
  bool page_break() const { return page_break_; }

  End Finish(End::Where where) && {
    if (complete_) {
      for (const absl::string_view key : {"Data File", "Acq On", "Sample"}) {
        if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) {
          Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, absl::StrCat("the header has no \"", key, "\" line"));
        }
      }
      if (state_ != kSummed) {
        Problem(dims::v1::PROBLEM_TYPE_MISSING, at_,
                state_ == kTable ? "the peak table has no sum line" : "there is no peak table");
      }
    }
    return End{std::move(report_), where};
  }

  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
    AddProblem(report_, type, at, message);
  }
  dims::v1::Report& report() { return report_; }

 private:
  enum State { kHeader, kTable, kSummed };

  const Analysis& analysis() const { return report_.analyses(report_.analyses_size() - 1); }
  Analysis& analysis() { return *report_.mutable_analyses(report_.analyses_size() - 1); }

  void NewAnalysis() {
    Analysis next;
    if (report_.analyses_size() > 0) {
      next = analysis();
      next.clear_findings();
      next.clear_area_sum();
    }
    next.set_technique(dims::v1::TECHNIQUE_GC_MS);
    *report_.add_analyses() = std::move(next);
    rows_ = 0;
    sum_ = 0;
    largest_ = 0;
    state_ = kHeader;
  }

  void TakeHeader(KeyValue pair, uint64_t at) {
    page_break_ = false;
    if (state_ == kSummed) {
      if (pair.key != "Signal") {
        Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "this line has no place after the sum line");
        return;
      }
      NewAnalysis();  // a second trace of the same run
    }
    if (keys_.size() < 64) keys_.emplace_back(pair.key);
    Analysis& a = analysis();
    absl::string_view value = pair.value;
    if (pair.key == "Data File") {
      if (const absl::string_view vial = CutField(value, "Vial"); !vial.empty()) a.set_vial(std::string(vial));
      a.set_data_file(std::string(FileName(value)));
    } else if (pair.key == "Acq On") {
      CutField(value, "Operator");
      a.set_acquired_at_printed(std::string(value));
    } else if (pair.key == "Sample") {
      CutField(value, "Inst");
      a.set_sample_number(std::string(value));
    } else if (pair.key == "ALS Vial" || pair.key == "Vial") {
      if (const absl::string_view factor = CutField(value, "Sample Multiplier"); !factor.empty()) {
        a.set_sample_multiplier(Point(factor));
      }
      a.set_vial(std::string(value));
    } else if (pair.key == "Misc") {
      if (const absl::string_view factor = CutField(value, "Multiplr"); !factor.empty()) {
        a.set_sample_multiplier(Point(factor));
      }
    } else if (pair.key == "Method") {
      a.set_method(std::string(value));
    } else if (pair.key == "Title") {
      a.set_method_title(std::string(value));
    } else if (pair.key == "Signal") {
      a.set_signal(std::string(value));
    } else if (pair.key == "Integrator") {
      a.set_integrator(std::string(value));
    } else if (pair.key == "Integration Parameters" || pair.key == "Integration Params") {
      a.set_integration_parameters(std::string(value));
    }
  }

  // Long values wrap. Only those that may be long; the text of Misc is not carried.
  bool TakeContinuation(absl::string_view text) {
    if (keys_.empty()) return false;
    const absl::string_view more = absl::StripAsciiWhitespace(text), key = keys_.back();
    if (key == "Title") {
      absl::StrAppend(analysis().mutable_method_title(), " ", more);
    } else if (key == "Method") {
      absl::StrAppend(analysis().mutable_method(), more);
    } else if (key != "Misc") {
      return false;
    }
    return true;
  }

  void TakeRow(Finding row, uint64_t at) {
    page_break_ = false;
    const dims::v1::Peak& peak = row.peak();
    ++rows_;
    if (Units(peak.number()) != rows_) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("peak ", peak.number(), " stands where peak ", rows_, " is due"));
      rows_ = static_cast<int64_t>(Units(peak.number()));
    }
    if (!(Units(peak.first_scan()) <= Units(peak.max_scan()) && Units(peak.max_scan()) <= Units(peak.last_scan()))) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
              absl::StrCat("peak ", peak.number(), ": scans ", peak.first_scan(), ", ", peak.max_scan(), ", ",
                           peak.last_scan(), " are not in order"));
    }
    sum_ += Units(peak.area());
    largest_ = std::max(largest_, Units(peak.area()));
    *analysis().add_findings() = std::move(row);
  }

  void TakeSum(absl::string_view printed, uint64_t at) {
    page_break_ = false;
    if (state_ != kTable || !IsDigits(printed)) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
              state_ != kTable ? "a sum line without a peak table" : "the sum line holds no number");
      return;
    }
    state_ = kSummed;
    Analysis& a = analysis();
    a.set_area_sum(std::string(printed));
    const absl::int128 stated = Units(printed), tolerance = std::max(1, a.findings_size());
    const absl::int128 difference = stated > sum_ ? stated - sum_ : sum_ - stated;
    if (stated < 0 || difference > tolerance) {
      Problem(dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
              absl::StrCat("the areas of ", a.findings_size(), " peaks add up to ", static_cast<int64_t>(sum_),
                           ", the sum line says ", printed));
    }
    CheckPercents(stated, at);
  }

  void CheckPercents(absl::int128 stated, uint64_t at) {
    absl::int128 total = 0;
    const Analysis& a = analysis();
    for (const Finding& finding : a.findings()) {
      const dims::v1::Peak& peak = finding.peak();
      const absl::int128 area = Units(peak.area());
      total += Units(peak.area_percent());
      if (stated > 0 && !IsPercent(Units(peak.area_percent()), area, stated, 3)) {
        Problem(dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
                absl::StrCat("peak ", peak.number(), ": area ", peak.area(), " is not ", peak.area_percent(),
                             " % of the total"));
      }
      if (largest_ > 0 && !IsPercent(Units(peak.percent_of_max()), area, largest_, 2)) {
        Problem(dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
                absl::StrCat("peak ", peak.number(), ": area ", peak.area(), " is not ", peak.percent_of_max(),
                             " % of the largest"));
      }
    }
    const absl::int128 off = total > 100000 ? total - 100000 : 100000 - total;
    if (a.findings_size() > 0 && off > a.findings_size()) {
      Problem(dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
              absl::StrCat("the percentages of ", a.findings_size(), " peaks do not add up to 100"));
    }
  }

  bool TakeTrailer(const Trailer& trailer, uint64_t) {
    if (trailer.page && state_ != kSummed) {
      page_break_ = true;  // a page's footer, not the report's end
      return false;
    }
    for (Analysis& a : *report_.mutable_analyses()) a.set_reported_at_printed(trailer.printed_time);
    complete_ = true;
    return true;
  }

  uint64_t at_;
  dims::v1::Report report_;
  State state_ = kHeader;
  std::vector<std::string> keys_;
  bool page_break_ = false, complete_ = false;
  int64_t rows_ = 0;
  absl::int128 sum_ = 0, largest_ = 0;
};

class AgilentMsd final : public TextDecoder {
 public:
  explicit AgilentMsd(const Options& options)
      : TextDecoder(EncodingOf(options)), idle_(options.Duration("idle_timeout")) {}

  void OnTimer(int, uint64_t at, Events& out) override { OnClose(Ending::kInterrupted, at, out); }

  void OnClose(Ending why, uint64_t at, Events& out) override {
    if (!open_) return;
    if (page_ && !page_->SameRun(*open_)) Promote(out);
    AddEndingProblem(open_->report(), why, at);
    Finish(End::kThrough, out);
  }

 protected:
  void OnLine(const TextLine& line, Events& out) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    // What a plugged-in adapter or a cut line left may stand before the title, on its line.
    const bool is_title = absl::EndsWith(text, kTitle) && !absl::StrContains(text, ":");
    if (is_title && open_ && open_->only_title()) {
      // Printed twice over itself, to look bold.
    } else if (is_title) {
      TakeTitle(line.at, out);
      if (text.size() > kTitle.size()) {
        (page_ ? *page_ : *open_).Problem(dims::v1::PROBLEM_TYPE_NOISE, line.at, "bytes before the title");
      }
    } else if (open_ && line.form_feed && text.empty()) {
      open_->BreakPage();
    } else if (page_) {
      TakePageLine(line, out);
    } else if (open_ && open_->Take(line)) {
      Finish(End::kThrough, out);
    }
    if (open_) out.push_back(Arm{kIdleTimer, idle_});
  }

 private:
  void TakeTitle(uint64_t at, Events& out) {
    if (open_ && page_) Promote(out);
    if (open_ && open_->page_break() && !open_->has_sum()) {
      // The header of the next page, or another report: what follows the header will tell.
      out.push_back(Mark{});
      page_.emplace(at);
      return;
    }
    if (open_) {
      open_->Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another report begins before this one has ended");
      Finish(End::kBefore, out);
    }
    out.push_back(Begin{});
    open_.emplace(at);
  }

  // A line after a title that followed a page break: a header line says nothing yet, any other decides.
  void TakePageLine(const TextLine& line, Events& out) {
    const std::vector<absl::string_view> words = Words(line.text);
    const bool is_row = page_->in_table() && ParseRow(words).has_value();
    const bool is_end = ParseTrailer(words).has_value() || absl::StrContains(line.text, kSum);
    if (!is_row && !is_end) {
      page_->Take(line);
      return;
    }
    const bool same = page_->SameRun(*open_) && open_->in_table() && (is_end || open_->ContinuesWith(words[0]));
    if (same) {
      page_.reset();
    } else {
      Promote(out);
    }
    if (open_->Take(line)) Finish(End::kThrough, out);
  }

  // What looked like a page of the open report is a report of its own.
  void Promote(Events& out) {
    open_->Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, page_->at(), "another report begins before this one has ended");
    out.push_back(std::move(*open_).Finish(End::kMark));
    open_ = std::move(page_);
    page_.reset();
  }

  void Finish(End::Where where, Events& out) {
    out.push_back(std::move(*open_).Finish(where));
    out.push_back(Arm{kIdleTimer, absl::ZeroDuration()});
    open_.reset();
    page_.reset();
  }

  const absl::Duration idle_;
  std::optional<Draft> open_;
  std::optional<Draft> page_;  // what began with a title after a page break of open_
};

constexpr OptionSpec kOptions[] = {
    kEncodingOption,
    {.name = "idle_timeout",
     .type = OptionSpec::Type::kDuration,
     .minimum = 1000,
     .maximum = 3600000,
     .default_value = "300s",
     .help = "a report that stops for so long is given up as interrupted"},
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<AgilentMsd>(options); }

}  // namespace

extern const Driver agilent_msd_driver;
const Driver agilent_msd_driver = {
    .name = "agilent_msd",
    .title = "Agilent/HP MSD ChemStation and MassHunter GC/MS reports (Area Percent)",
    .version = "1",
    .line = {},
    .scan = ScanLine,
    .max_frame = 8192,
    .max_report = 256 * 1024,
    .options = kOptions,
    .make = Make,
};

}  // namespace dims
