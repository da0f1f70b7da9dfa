#include "drivers/msd/printed_report.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dims::msd {
namespace {

using dims::v1::Analysis;

constexpr int kMostTraces = 16;  // each repeats the header's values

constexpr std::array<absl::string_view, 3> kTitles = {"Area Percent Report", "Library Search Report",
                                                      "Quantitation Report"};

std::unique_ptr<Table> MakeTable(Title::Kind kind) {
  switch (kind) {
    case Title::kAreaPercent:
      return MakeAreaPercentTable();
    case Title::kLibrarySearch:
      return MakeLibrarySearchTable();
    case Title::kQuantitation:
      return MakeQuantitationTable();
  }
  return nullptr;
}

// A header line that printing repeats on every page.
bool IsHeaderKey(absl::string_view key) {
  constexpr std::array<absl::string_view, 26> kKeys = {"Data Path",
                                                       "Data File",
                                                       "Acq On",
                                                       "Operator",
                                                       "Sample",
                                                       "Misc",
                                                       "ALS Vial",
                                                       "Vial",
                                                       "Method",
                                                       "Title",
                                                       "Signal",
                                                       "Integrator",
                                                       "Integration Parameters",
                                                       "Integration Params",
                                                       "Integration Events",
                                                       "Search Libraries",
                                                       "Unknown Spectrum",
                                                       "Quant Time",
                                                       "Quant Method",
                                                       "Quant Title",
                                                       "QLast Update",
                                                       "Last Update",
                                                       "Response via",
                                                       "DataAcq Meth",
                                                       "Sample Amount",
                                                       "MS Integration Params"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

// The fields of `pair` that an Analysis has.
void Fill(const KeyValue& pair, Analysis& a) {
  const absl::string_view key = pair.key;
  absl::string_view value = pair.value;
  if (key == "Data File") {
    if (const absl::string_view vial = CutField(value, "Vial"); !vial.empty()) a.set_vial(std::string(vial));
    a.set_data_file(std::string(FileName(value)));
  } else if (key == "Acq On") {
    CutField(value, "Operator");
    a.set_acquired_at_printed(std::string(value));
  } else if (key == "Sample") {
    CutField(value, "Inst");
    a.set_sample_number(std::string(value));
  } else if (key == "ALS Vial" || key == "Vial") {
    if (const absl::string_view factor = CutField(value, "Sample Multiplier"); !factor.empty()) {
      a.set_sample_multiplier(Point(factor));
    }
    a.set_vial(std::string(value));
  } else if (key == "Misc") {
    if (const absl::string_view factor = CutField(value, "Multiplr"); !factor.empty()) {
      a.set_sample_multiplier(Point(factor));
    }
  } else if (key == "Method") {
    a.set_method(std::string(value));
  } else if (key == "Quant Method") {
    // "...\XTC.M (RTE Integrator)"
    const std::size_t integrator = value.rfind(" (");
    if (integrator != absl::string_view::npos && absl::EndsWith(value, " Integrator)")) {
      a.set_integrator(std::string(absl::StripSuffix(value.substr(integrator + 2), ")")));
      value = absl::StripAsciiWhitespace(value.substr(0, integrator));
    }
    a.set_method(std::string(value));
  } else if (key == "Title" || key == "Quant Title") {
    a.set_method_title(std::string(value));
  } else if (key == "Signal") {
    a.set_signal(std::string(value));
  } else if (key == "Integrator") {
    a.set_integrator(std::string(value));
  } else if (key == "Integration Parameters" || key == "Integration Params" || key == "MS Integration Params") {
    a.set_integration_parameters(std::string(value));
  } else if (key == "Integration Events") {
    // "ChemStation Integrator - autoint1.e"
    const std::size_t dash = value.find(" - ");
    a.set_integrator(std::string(value.substr(0, dash)));
    if (dash != absl::string_view::npos) a.set_integration_parameters(std::string(value.substr(dash + 3)));
  } else if (key == "QLast Update" || key == "Last Update") {
    a.set_calibrated_at_printed(std::string(value));
  }
}

}  // namespace

std::optional<Title> ParseTitle(absl::string_view line) {
  if (!absl::StrContains(line, "Report")) return std::nullopt;
  line = absl::StripAsciiWhitespace(line);
  std::size_t kind = 0, at = absl::string_view::npos;
  for (; kind < kTitles.size() && at == absl::string_view::npos; ++kind) at = line.rfind(kTitles[kind]);
  if (at == absl::string_view::npos) return std::nullopt;
  --kind;
  const absl::string_view before = line.substr(0, at);
  if (absl::StrContains(before, ":")) return std::nullopt;  // a value that somebody typed
  Title title{static_cast<Title::Kind>(kind)};
  title.stray = !before.empty();
  const absl::string_view words = absl::StripAsciiWhitespace(line.substr(at + kTitles[kind].size()));
  if (words.empty()) return title;
  if (kind != Title::kQuantitation || !absl::StartsWith(words, "(") || !absl::EndsWith(words, ")")) return std::nullopt;
  if (words == "(Not Reviewed)") {
    title.review_state = dims::v1::REVIEW_STATE_NOT_REVIEWED;
  } else if (words == "(Reviewed)") {
    title.review_state = dims::v1::REVIEW_STATE_REVIEWED;
  } else if (words == "(QT Reviewed)") {
    title.review_state = dims::v1::REVIEW_STATE_QT_REVIEWED;
  } else {
    title.odd = true;
  }
  return title;
}

PrintedReport::PrintedReport(const Title& title, uint64_t at) : title_(title), at_(at) {
  NewAnalysis();
  if (title.stray) Problem(dims::v1::PROBLEM_TYPE_NOISE, at, "bytes before the title");
  if (title.odd) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "the title has a state of review that is not known");
  }
}

void PrintedReport::NewAnalysis() {
  Analysis next;
  if (report_.analyses_size() > 0) {
    next = report_.analyses(report_.analyses_size() - 1);
    next.clear_findings();
    next.clear_area_sum();
  }
  next.set_technique(dims::v1::TECHNIQUE_GC_MS);
  next.set_review_state(title_.review_state);
  *report_.add_analyses() = std::move(next);
  table_ = MakeTable(title_.kind);
}

bool PrintedReport::Take(const TextLine& line) {
  const absl::string_view text = line.text;
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  if (absl::StripAsciiWhitespace(text).empty()) return false;
  if (const std::optional<Trailer> trailer = ParseTrailer(text)) return TakeTrailer(*trailer);
  const std::optional<KeyValue> pair = ParseKeyValue(text);
  // After a page break, the header may be repeated without the title.
  if (page_break_ && table_->phase() == Table::kWithin && pair && IsHeaderKey(pair->key)) return false;
  if (table_->Take(line, report_)) {
    if (table_->IsBody(text)) page_break_ = footer_ = false;
  } else if (pair && table_->phase() != Table::kWithin) {
    TakeHeader(*pair, line.at);
  } else if (table_->phase() != Table::kBefore || !TakeContinuation(text)) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
            table_->phase() == Table::kBefore   ? "this line has no place in the header"
            : table_->phase() == Table::kWithin ? "this line is no row of the table"
                                                : "this line has no place after the table");
  }
  return false;
}

void PrintedReport::TakeHeader(const KeyValue& pair, uint64_t at) {
  page_break_ = footer_ = false;
  if (table_->phase() == Table::kAfter) {
    if (title_.kind != Title::kAreaPercent || pair.key != "Signal" || report_.analyses_size() >= kMostTraces) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "this line has no place after the table");
      return;
    }
    NewAnalysis();  // a second trace of the same run
  }
  if (keys_.size() < 64) keys_.emplace_back(pair.key);
  Fill(pair, *report_.mutable_analyses(report_.analyses_size() - 1));
}

// Long values wrap. Only those that may be long; the text of Misc is not carried.
bool PrintedReport::TakeContinuation(absl::string_view text) {
  if (keys_.empty()) return false;
  const absl::string_view more = absl::StripAsciiWhitespace(text), key = keys_.back();
  Analysis& a = *report_.mutable_analyses(report_.analyses_size() - 1);
  if (key == "Title" || key == "Quant Title") {
    absl::StrAppend(a.mutable_method_title(), " ", more);
  } else if (key == "Method" || key == "Quant Method") {
    absl::StrAppend(a.mutable_method(), more);
  } else if (key != "Misc") {
    return false;
  }
  return true;
}

bool PrintedReport::TakeTrailer(const Trailer& trailer) {
  printed_time_ = trailer.printed_time;
  if (!trailer.page || table_->phase() == Table::kAfter) return true;
  page_break_ = footer_ = true;  // a page's footer, perhaps not the report's end
  return false;
}

bool PrintedReport::MayGoOnWith(const Title& title) const {
  return page_break_ && title.kind == title_.kind && table_->phase() != Table::kAfter;
}

bool PrintedReport::DecidedBy(absl::string_view line) const {
  return !absl::StripAsciiWhitespace(line).empty() && (ParseTrailer(line).has_value() || table_->IsBody(line));
}

bool PrintedReport::IsSameRun(const PrintedReport& page) const {
  const Analysis &a = report_.analyses(report_.analyses_size() - 1), &b = page.report_.analyses(0);
  return a.data_file() == b.data_file() && a.sample_number() == b.sample_number() &&
         a.acquired_at_printed() == b.acquired_at_printed();
}

bool PrintedReport::IsContinuedBy(const PrintedReport& page, absl::string_view line) const {
  return IsSameRun(page) && table_->phase() == Table::kWithin &&
         (ParseTrailer(line).has_value() || table_->Continues(line));
}

void PrintedReport::TakeOver(PrintedReport page) {
  for (const dims::v1::Problem& problem : page.report_.problems()) {
    Problem(problem.type(), problem.offset(), problem.message());
  }
  table_->TakeOver(*page.table_);
  footer_ = false;
}

bool PrintedReport::IsOverprintedBy(const Title& title) const {
  return title.kind == title_.kind && keys_.empty() && table_->phase() == Table::kBefore;
}

Whole PrintedReport::whole() const {
  if (table_->EndsReport()) return Whole::kYes;
  return footer_ && !table_->ShowsItsEnd() ? Whole::kUnlessMore : Whole::kNo;
}

End PrintedReport::Finish(End::Where where, bool complete) && {
  if (complete) {
    for (const absl::string_view key : {"Data File", "Acq On", "Sample"}) {
      if (std::find(keys_.begin(), keys_.end(), key) == keys_.end()) {
        Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, absl::StrCat("the header has no \"", key, "\" line"));
      }
    }
    table_->Check(at_, report_);
    for (Analysis& a : *report_.mutable_analyses()) a.set_reported_at_printed(printed_time_);
  }
  return End{std::move(report_), where};
}

void PrintedReport::Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  AddProblem(report_, type, at, message);
}

}  // namespace dims::msd
