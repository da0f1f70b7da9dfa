#include "drivers/gc/report_csv.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/gc/lines.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

using dims::v1::Analysis;

constexpr std::size_t kMostSignals = 64;  // and tables: each repeats the header's values
constexpr std::size_t kMostColumns = 24;

constexpr Column kAreaPercent[] = {Column::kNumber, Column::kTime,   Column::kType,       Column::kWidth,
                                   Column::kArea,   Column::kHeight, Column::kAreaPercent};

// "Signal 2", "Column 11": the number behind the word.
std::optional<std::size_t> NumberBehind(absl::string_view key, absl::string_view word) {
  std::size_t number = 0;
  if (!absl::ConsumePrefix(&key, word) || !IsDigits(key) || key.size() > 3 || !absl::SimpleAtoi(key, &number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

bool ReportCsv::IsHeader(absl::string_view line) { return absl::StartsWith(line, "\"Sample Name\","); }

std::optional<Row> ReportCsv::ParseBareRow(absl::string_view line) {
  if (line.empty() || !absl::ascii_isdigit(line[0]) || !absl::StrContains(line, ",\"")) return std::nullopt;
  const std::optional<Fields> fields = SplitFields(line);
  if (!fields || fields->size() != std::size(kAreaPercent)) return std::nullopt;
  Row row;
  for (std::size_t i = 0; i < fields->size(); ++i) {
    if ((*fields)[i].empty() || !Put(kAreaPercent[i], (*fields)[i], "", row)) return std::nullopt;
  }
  const std::string& type = row.finding.peak().type();
  const bool is_type =
      std::all_of(type.begin(), type.end(), [](char c) { return absl::ascii_isalpha(c) || c == ' ' || c == '+'; });
  return is_type ? std::optional(std::move(row)) : std::nullopt;
}

bool ReportCsv::IsRowOfAnother(const Row& row, const TextLine& line) const {
  return BeginsTable(row, line) && tables_ >= std::max<std::size_t>(1, signals_.size());
}

bool ReportCsv::BeginsTable(const Row& row, const TextLine& line) const {
  return tables_ == 0 || (sums_.rows() > 0 && (line.byte_order_mark || sums_.IsOfAnotherTable(row)));
}

void ReportCsv::Take(const TextLine& line) {
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  if (absl::StripAsciiWhitespace(line.text).empty()) return;
  const std::optional<Fields> fields = SplitFields(line.text);
  // A header's lines are all of a key, a value and what belongs to it.
  const bool header = fields && tables_ == 0 && fields->size() == 3 && absl::StartsWith(line.text, "\"");
  if (!fields || !(header ? TakeHeader(*fields, line.at) : TakeRow(*fields, line))) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "this line has no place in the header or its table");
  }
}

bool ReportCsv::TakeHeader(const Fields& fields, uint64_t at) {
  has_header_ = true;
  const std::string &key = fields[0], &value = fields[1], &more = fields[2];
  const auto file = [&] { return std::string(FileName(more.empty() ? value : more)); };
  if (key == "Sample Name") {
    run_.set_sample_number(value);
  } else if (key == "Data File") {
    run_.set_data_file(file());
  } else if (key == "Analysis Method" || ((key == "Method" || key == "Acq. Method") && run_.method().empty())) {
    run_.set_method(file());
  } else if (key == "Results Created") {
    run_.set_reported_at_printed(value);
  } else if (key == "Injection Date") {
    run_.set_acquired_at_printed(value);
  } else if (key == "Calib. Data Modified") {
    run_.set_calibrated_at_printed(value);
  } else if (key == "Location") {
    // That of a tray with several plates is printed as a number whose last digits are rounded away.
    const bool rounded = IsNumber(value) && (absl::StrContains(value, "e+") || absl::StrContains(value, "E+"));
    if (!rounded) run_.set_vial(std::string(VialOf(value)));
  } else if (key == "Inj Volume" || (key == "Actual Inj Volume" && Number::Parse(value))) {
    run_.set_injection_volume(absl::StrCat(value, more.empty() ? "" : " ", more));
  } else if (key == "Report Title") {
    run_.set_report_title(value);
  } else if (key == "Multiplier") {
    multiplier_ = value;
  } else if (key == "Dilution") {
    dilution_ = value;
  } else if (key == "Number of Signals") {
    return absl::SimpleAtoi(value, &signals_due_);
  } else if (key == "Number of Columns") {
    return absl::SimpleAtoi(value, &columns_due_);
  } else if (const std::optional<std::size_t> signal = NumberBehind(key, "Signal ")) {
    if (*signal != signals_.size() + 1 || signals_.size() == kMostSignals) return false;
    signals_.emplace_back(SignalName(value));
  } else if (const std::optional<std::size_t> column = NumberBehind(key, "Column ")) {
    if (*column != columns_.size() + 1 || columns_.size() == kMostColumns) return false;
    columns_.push_back({ColumnOf(value, more), more});
    if (columns_.back().column == Column::kUnknown) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
              absl::StrCat("the column \"", value, "\" is not known; its values are left out"));
    }
  }
  return true;
}

bool ReportCsv::TakeRow(const Fields& fields, const TextLine& line) {
  if (columns_.empty() && !has_header_) {
    for (const Column column : kAreaPercent) columns_.push_back({column, ""});
  }
  if (fields.size() != columns_.size()) return false;
  Row row;
  bool marks_standards = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!Put(columns_[i].column, fields[i], columns_[i].unit, row)) return false;
    marks_standards |= columns_[i].column == Column::kStandard;
  }
  if (!Complete(marks_standards, row) || full_) return false;
  if (BeginsTable(row, line)) {
    full_ |= tables_ == kMostSignals;
    if (full_) return false;
    EndTable();
    BeginTable();
    table_at_ = line.at;
  }
  sums_.Add(row, line.at, report_);
  *report_.mutable_analyses(report_.analyses_size() - 1)->add_findings() = std::move(row.finding);
  return true;
}

void ReportCsv::BeginTable() {
  AddAnalysis();
  ++tables_;
  sums_ = Sums();
}

void ReportCsv::AddAnalysis() {
  const auto trace = static_cast<std::size_t>(report_.analyses_size());
  Analysis& analysis = *report_.add_analyses();
  analysis = run_;
  analysis.set_sample_multiplier(FactorOf(multiplier_, dilution_));
  if (trace < signals_.size()) analysis.set_signal(signals_[trace]);
  for (const Field& field : columns_) {
    if (field.column == Column::kArea) analysis.set_area_unit(field.unit);
    if (field.column == Column::kHeight) analysis.set_height_unit(field.unit);
  }
  analysis.set_technique(TechniqueOf(analysis.signal()));
}

void ReportCsv::EndTable() {
  if (sums_.rows() == 0) return;
  sums_.CheckPercents(report_.analyses(report_.analyses_size() - 1), sums_.area(), table_at_, report_);
  sums_ = Sums();
}

bool ReportCsv::IsWhole() const {
  return !has_header_ || tables_ > 0 || (columns_due_ > 0 && columns_.size() >= columns_due_);
}

End ReportCsv::Finish(End::Where where, bool complete) && {
  if (complete) {
    EndTable();
    if (has_header_ && (signals_.size() != signals_due_ || columns_.size() != columns_due_)) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
              absl::StrCat("the header counts ", signals_due_, " signals and ", columns_due_, " columns; it has ",
                           signals_.size(), " and ", columns_.size()));
    }
  }
  if (tables_ > 0 && has_header_ && tables_ != signals_.size()) {
    // A trace without peaks has no table, or an empty one.
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
            absl::StrCat("the header names ", signals_.size(), " traces, and there are ", tables_,
                         " tables; which table is of which trace is not said"));
    for (Analysis& analysis : *report_.mutable_analyses()) {
      analysis.clear_signal();
      analysis.clear_technique();
    }
  }
  // Traces whose tables are in files of their own.
  while (has_header_ && tables_ == 0 && report_.analyses_size() < static_cast<int>(signals_.size())) AddAnalysis();
  if (has_header_ && report_.analyses_size() == 0) AddAnalysis();
  return End{std::move(report_), where};
}

void ReportCsv::Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  AddProblem(report_, type, at, message);
}

}  // namespace dims::gc
