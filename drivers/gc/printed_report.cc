#include "drivers/gc/printed_report.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

using dims::v1::Analysis;

constexpr int kMostAnalyses = 64;  // each repeats the header's values
constexpr int kMostRemarks = 64;
constexpr std::size_t kMostWaiting = 3;
constexpr int kNoAnalysis = -1;

bool IsKey(absl::string_view key) { return absl::ascii_isalpha(key[0]); }

// Sentences that say how the results were made, or that there are none.
bool IsSentence(absl::string_view text) {
  constexpr absl::string_view kBegins[] = {"Use Multiplier & Dilution", "Do not use Multiplier & Dilution",
                                           "Results obtained with",     "Signal has been modified",
                                           "Sample ISTD Information",   "No "};
  text = text.substr(std::min(text.find_first_not_of("* "), text.size()));
  return std::any_of(std::begin(kBegins), std::end(kBegins),
                     [&](absl::string_view begin) { return absl::StartsWith(text, begin); });
}

// "Key  :   value" of a part, or of a remark; its key may have a colon of its own ("Multiplier:    : 1.0000").
std::optional<KeyValue> ParseParameter(absl::string_view text) {
  std::optional<KeyValue> pair = ParseKeyValue(text);
  if (!pair || !IsKey(pair->key)) return std::nullopt;
  absl::ConsumePrefix(&pair->value, ":");
  pair->value = absl::StripAsciiWhitespace(pair->value);
  return pair;
}

}  // namespace

PrintedReport::PrintedReport(const DataFile& file, const TextLine& line) : at_(line.at), header_(file, line) {
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, at_, "bytes that are no text in this encoding");
  if (file.stray) Problem(dims::v1::PROBLEM_TYPE_NOISE, at_, "bytes before the first line");
}

bool PrintedReport::Take(const TextLine& line) {
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (line.form_feed) between_pages_ = new_page_ = true;
  if (text.empty()) {
    gap_ = true;
    remark_goes_on_ = false;
    return false;
  }
  if (IsEnd(text)) {
    header_.EndValue();
    EndPart(line.at);
    return true;
  }
  if (IsRule(text)) {
    TakeRule(line.at);
    return false;
  }
  if (const std::optional<Stamp> stamp = ParseStamp(text); stamp && (stamp->page || part_ > Part::kHeader)) {
    if (header_.values().reported_at_printed().empty()) header_.set_reported_at(stamp->time);
    if (stamp->page) between_pages_ = new_page_ = true;
    return false;
  }
  // The head of a table is closed up, unless a page ends within.
  if (gap_ && !between_pages_) RefuseWaiting();
  if (part_ == Part::kPreamble && Header::IsLine(line.text) && !absl::StartsWith(text, "Sample Name")) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, line.at, "there is no rule before the header");
    part_ = Part::kHeader;
  }
  if (part_ == Part::kTitle && (Header::IsLine(line.text) || ParseSignal(text))) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, line.at, "a part of the report has no title");
    part_ = Part::kBody;
  }
  if (part_ == Part::kUnderTitle) part_ = known_ ? Part::kBody : Part::kLeftOut;
  switch (part_) {
    case Part::kPreamble:
      if (header_.TakeAbove(line)) break;
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "this line has no place before the header");
      break;
    case Part::kHeader:
      if (header_.Take(line)) break;
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "this line has no place in the header");
      break;
    case Part::kTitle:
      TakeTitle(line, text);
      break;
    case Part::kBody:
      TakeBody(line, text);
      break;
    case Part::kUnderTitle:
    case Part::kLeftOut:
      break;
  }
  gap_ = between_pages_ = false;
  return false;
}

void PrintedReport::TakeRule(uint64_t at) {
  header_.EndValue();
  switch (part_) {
    case Part::kPreamble:
      part_ = Part::kHeader;
      break;
    case Part::kUnderTitle:
      part_ = known_ ? Part::kBody : Part::kLeftOut;
      break;
    case Part::kTitle:
    case Part::kHeader:
    case Part::kBody:
    case Part::kLeftOut:
      EndPart(at);
      part_ = Part::kTitle;
      break;
  }
}

void PrintedReport::TakeTitle(const TextLine& line, absl::string_view text) {
  titled_ = true;
  title_ = std::string(text);
  part_ = Part::kUnderTitle;
  summed_ = absl::StrContains(text, "Summed Peaks");
  totals_are_due_ = absl::StrContains(text, "Percent Report") || absl::StrContains(text, "Standard Report");
  known_ = absl::StrContains(text, "Report");
  if (known_) return;
  Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "a part of this kind is not known; its lines are left out");
}

void PrintedReport::TakeBody(const TextLine& line, absl::string_view text) {
  if (const std::optional<Signal> signal = ParseSignal(text)) {
    TakeSignal(*signal, line.at);
    return;
  }
  if (IsRuler(text)) {
    TakeRuler(line);
    return;
  }
  if (absl::StartsWith(text, "Totals")) {
    RefuseWaiting();
    if (TakeTotals(line.text, line.at)) return;
  } else if (table_ && table_->lists_standards() && table_->IsStandardsRow(line.text)) {
    return;
  } else if (table_ && !table_->lists_standards()) {
    std::optional<Table::Taken> taken = table_->TakeRow(line.text);
    if (taken && sums_.GoesBack(taken->row)) {
      EndTable(line.at);
      Problem(dims::v1::PROBLEM_TYPE_MISSING, line.at,
              "a peak's number goes back: the head of another table was lost; its rows are left out");
      return;
    }
    if (taken) {
      RefuseWaiting();
      TakeRow(*std::move(taken), line.at);
      return;
    }
  }
  if (TakeRemark(line)) return;
  remark_goes_on_ = false;
  if (const std::optional<KeyValue> pair = ParseKeyValue(text); pair && ResemblesSignal(pair->key)) {
    EndTable(line.at);
    has_table_ = true;  // what follows need not be of the trace above
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "a line that names a trace was damaged");
    return;
  }
  const bool within = (table_ && !table_->lists_standards()) || absl::StartsWith(text, "Totals");
  if (!within && (IsSentence(text) || TakeParameter(text))) {
    RefuseWaiting();
    return;
  }
  if (waiting_.size() == kMostWaiting) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, waiting_.front().at, "this line has no place in its part");
    waiting_.erase(waiting_.begin());
  }
  waiting_.push_back({line.text, line.at});
}

bool PrintedReport::TakeParameter(absl::string_view text) {
  const std::optional<KeyValue> pair = ParseParameter(text);
  if (!pair) return false;
  if (pair->key == "Multiplier") {
    multiplier_ = std::string(pair->value);
  } else if (pair->key == "Dilution") {
    dilution_ = std::string(pair->value);
  } else if (pair->key == "Calib. Data Modified") {
    header_.set_calibrated_at(pair->value);
  } else if (pair->key == "Uncalibrated Peaks") {
    has_table_ = false;  // they may have one of their own, below that of the others
  }
  return true;
}

// "1 Warnings or Errors :", then so many lines that begin with "Warning :" or "Error :".
bool PrintedReport::TakeRemark(const TextLine& line) {
  absl::string_view text = absl::StripAsciiWhitespace(line.text);
  const WordList words = Words(text);
  if (words.size() > 3 && words[1] == "Warnings" && words[2] == "or" && absl::SimpleAtoi(words[0], &remarks_due_)) {
    RefuseWaiting();
    remarks_ = 0;
    return true;
  }
  const bool error = absl::ConsumePrefix(&text, "Error :"), begins = error || absl::ConsumePrefix(&text, "Warning :");
  if (!begins && (!remark_goes_on_ || Indent(line.text) == 0)) return false;
  RefuseWaiting();
  if (error) {
    Problem(dims::v1::PROBLEM_TYPE_INSTRUMENT, line.at,
            "the data system reports an error (its words are among the remarks)");
  }
  text = absl::StripAsciiWhitespace(text);
  remark_goes_on_ = true;
  if (begins) {
    ++remarks_;
    // One that names a file may name its folder.
    remark_is_carried_ = !absl::StrContains(text, '\\') && report_.remarks_size() < kMostRemarks;
    if (remark_is_carried_) report_.add_remarks(std::string(text));
  } else if (remark_is_carried_ && !absl::StrContains(text, '\\')) {
    absl::StrAppend(report_.mutable_remarks(report_.remarks_size() - 1), " ", text);
  }
  return true;
}

void PrintedReport::TakeSignal(const Signal& signal, uint64_t at) {
  EndTable(at);
  has_table_ = false;
  // A report of sums lists the traces it was made from, whether or not it says something on them.
  if (summed_) return;
  signals_.emplace_back(signal.number, NewAnalysis(SignalName(signal.text), at));
}

void PrintedReport::TakeRuler(const TextLine& line) {
  // What stands above the names is no head.
  const auto first = std::find_if(waiting_.begin(), waiting_.end(),
                                  [](const Waiting& waiting) { return Table::NamesColumns(waiting.text); });
  std::vector<std::string> head;
  for (auto waiting = first; waiting != waiting_.end(); ++waiting) head.push_back(std::move(waiting->text));
  waiting_.erase(first, waiting_.end());
  RefuseWaiting();
  Table table(line.text, head);
  if (head.empty()) {
    EndTable(line.at);
    Problem(dims::v1::PROBLEM_TYPE_MISSING, line.at, "a table has no column names; its rows are left out");
    return;
  }
  if (table_ && *table_ == table && new_page_) return;  // which repeats the head
  EndTable(line.at);
  if (table.has(Column::kTime) && std::exchange(has_table_, true) && !table.has(Column::kSignal)) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at, "a second table for one trace; which this is of is not said");
    signals_.emplace_back(0, NewAnalysis("", line.at));
  }
  for (const std::string& name : table.unknown()) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
            absl::StrCat("the column \"", name, "\" is not known; its values are left out"));
  }
  table_.emplace(std::move(table));
  sums_ = Sums();
  of_sums_.reset();
}

void PrintedReport::TakeRow(Table::Taken taken, uint64_t at) {
  if (!taken.aligned) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, "the columns of this row do not stand where they are due");
  }
  new_page_ = false;
  sums_.Add(taken.row, at, report_);
  Analysis* analysis = AnalysisOf(taken.row.signal, at);
  if (analysis == nullptr) return;
  if (table_->has(Column::kArea)) analysis->set_area_unit(std::string(table_->unit(Column::kArea)));
  if (table_->has(Column::kHeight)) analysis->set_height_unit(std::string(table_->unit(Column::kHeight)));
  *analysis->add_findings() = std::move(taken.row.finding);
}

bool PrintedReport::TakeTotals(absl::string_view text, uint64_t at) {
  const std::size_t colon = text.find(':');
  if (!table_ || table_->lists_standards() || colon == absl::string_view::npos) return false;
  const bool without_standards = absl::StrContains(text.substr(0, colon), "without ISTD");
  const bool one_trace = !table_->has(Column::kSignal);
  Analysis* analysis = AnalysisOf(0, at);
  Number area = sums_.area();
  for (const Table::Total& total : table_->TotalsIn(text, colon)) {
    if (!sums_.CheckTotal(total.column, total.number, without_standards, at, report_)) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "the line of totals holds what is no number");
      continue;
    }
    if (total.column != Column::kArea) continue;
    area = *Number::Parse(total.number);
    if (one_trace && analysis != nullptr) analysis->set_area_sum(Point(total.number));
  }
  if (one_trace && analysis != nullptr) sums_.CheckPercents(*analysis, area, at, report_);
  table_.reset();
  return true;
}

// The table has no more rows.
void PrintedReport::EndTable(uint64_t at) {
  RefuseWaiting();
  if (table_ && table_->has(Column::kTime) && totals_are_due_ && sums_.rows() > 0) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "the table before this line has no line of totals");
  }
  table_.reset();
}

void PrintedReport::EndPart(uint64_t at) {
  EndTable(at);
  if (remarks_due_ >= 0 && remarks_ != remarks_due_) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat(remarks_due_, " warnings or errors are due, ", remarks_, " are there"));
  }
  remarks_due_ = -1;
  remarks_ = 0;
  remark_goes_on_ = false;
  has_table_ = false;
  title_.clear();
  summed_ = totals_are_due_ = false;
  multiplier_.clear();
  dilution_.clear();
  signals_.clear();
}

void PrintedReport::RefuseWaiting() {
  for (const Waiting& waiting : waiting_) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, waiting.at,
            table_ && !table_->lists_standards() ? "this line is no row of the table"
                                                 : "this line has no place in its part");
  }
  if (!waiting_.empty()) new_page_ = false;  // what follows need not be more of the same
  waiting_.clear();
}

// Returns its place in the report.
int PrintedReport::NewAnalysis(absl::string_view signal, uint64_t at) {
  if (report_.analyses_size() >= kMostAnalyses) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "one trace more than such a report has; its rows are left out");
    return kNoAnalysis;
  }
  Analysis* analysis = report_.add_analyses();
  *analysis = header_.values();
  analysis->set_report_title(title_);
  analysis->set_signal(std::string(signal));
  analysis->set_technique(TechniqueOf(signal));
  analysis->set_sample_multiplier(FactorOf(multiplier_, dilution_));
  return report_.analyses_size() - 1;
}

// The analysis that a row belongs to; `signal` 0: the last trace's.
Analysis* PrintedReport::AnalysisOf(int signal, uint64_t at) {
  int analysis = kNoAnalysis;
  if (!table_->has(Column::kTime)) {
    // Sums over peaks, which are no peaks of the trace above them.
    if (!of_sums_) of_sums_ = NewAnalysis("", at);
    analysis = *of_sums_;
  } else {
    if (signals_.empty() && signal == 0) signals_.emplace_back(0, NewAnalysis("", at));
    auto found = signal == 0 ? std::prev(signals_.end())
                             : std::find_if(signals_.begin(), signals_.end(),
                                            [&](const auto& known) { return known.first == signal; });
    if (found == signals_.end()) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("there is no signal ", signal));
      signals_.emplace_back(signal, NewAnalysis("", at));
      found = std::prev(signals_.end());
    }
    analysis = found->second;
  }
  return analysis == kNoAnalysis ? nullptr : report_.mutable_analyses(analysis);
}

End PrintedReport::Finish(End::Where where, bool complete) && {
  RefuseWaiting();
  if (report_.analyses_size() == 0) *report_.add_analyses() = header_.values();
  for (Analysis& analysis : *report_.mutable_analyses()) {
    // What the last page's footer says, where the first has no such line.
    if (analysis.reported_at_printed().empty())
      analysis.set_reported_at_printed(header_.values().reported_at_printed());
  }
  if (complete) {
    if (!header_.named()) Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, "the report has no \"Sample Name\"");
    if (!header_.injected()) Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, "the header has no \"Injection Date\"");
    if (!titled_) Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, "no part of the report has a title");
  }
  return End{std::move(report_), where};
}

void PrintedReport::Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  AddProblem(report_, type, at, message);
}

}  // namespace dims::gc
