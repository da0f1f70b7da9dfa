#include "drivers/shimadzu/quant_browser.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {
namespace {

using dims::v1::Analysis;
using dims::v1::Finding;

constexpr std::size_t kMostKept = 3 << 20;
constexpr std::size_t kRowKept = 192;  // what a message takes beside its fields, and the row in the set of its table's
constexpr std::size_t kMostColumns = 256;
constexpr std::size_t kLongestName = 256;  // of a compound: every row repeats it

// As Normal gives them.
constexpr absl::string_view kStatistics[] = {"average", "%rsd",     "rsd", "maximum",           "minimum",
                                             "sd",      "std.dev.", "max", "standarddeviation", "min"};
// One letter away from a column that is carried, and columns all the same.
constexpr absl::string_view kOthers[] = {"conc.%", "area%", "height%"};

std::optional<int64_t> NumberOf(absl::string_view cell) {
  int64_t number = 0;
  if (!IsDigits(cell) || cell.size() > 9 || !absl::SimpleAtoi(cell, &number)) return std::nullopt;
  return number;
}

bool IsAbsent(absl::string_view cell) { return cell.empty() || IsDashes(cell); }

// Where both say which.
bool IsSame(const Analysis& a, const Analysis& b) {
  const auto same = [](const std::string& x, const std::string& y) { return x.empty() || y.empty() || x == y; };
  return same(a.data_file(), b.data_file()) && same(a.sample_number(), b.sample_number()) && same(a.vial(), b.vial()) &&
         same(a.acquired_at_printed(), b.acquired_at_printed());
}

// The value of "ID#<TAB>1" and "Name<TAB>Caffeine"; nullopt for another key, and for a line of more cells.
std::optional<absl::string_view> ValueOf(absl::string_view line, absl::string_view key) {
  if (line.empty() || absl::ascii_isdigit(line[0])) return std::nullopt;  // most lines of an injection
  const std::size_t tab = line.find('\t');
  if (tab == absl::string_view::npos || Normal(line.substr(0, tab)) != key) return std::nullopt;
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(tab));
  return absl::StrContains(value, '\t') ? std::nullopt : std::optional(value);
}

std::optional<int64_t> IdOf(absl::string_view line) {
  const std::optional<absl::string_view> id = ValueOf(line, "id#");
  return id ? NumberOf(*id) : std::nullopt;
}

}  // namespace

bool QuantBrowser::Begins(absl::string_view line) { return IdOf(line).has_value(); }

bool QuantBrowser::HasName(absl::string_view line) { return ValueOf(line, "name").has_value(); }

bool QuantBrowser::BeginsAnother(absl::string_view line) const {
  const std::optional<int64_t> id = IdOf(line);
  return id && (ids_.count(*id) > 0 || (!known_ && *id < last_id_));
}

bool QuantBrowser::complete() const {
  const bool in_table = due_ == Due::kRow || due_ == Due::kStatistics;
  const bool all = rows_.size() + unread_ >= std::max<std::size_t>(first_rows_, 1);
  return known_ && (full_ || (in_table && all && !row_is_cut_ && (statistics_ || !first_statistics_)));
}

void QuantBrowser::Take(const TextLine& line) {
  const std::vector<absl::string_view> cells = TabFields(line);
  if (std::all_of(cells.begin(), cells.end(), [](absl::string_view cell) { return cell.empty(); })) {
    if (due_ == Due::kRow && !line.form_feed && rows_.size() + unread_ > 0) due_ = Due::kStatistics;
    return;
  }
  row_is_cut_ = false;
  if (line.damaged) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  }
  if (const std::optional<int64_t> id = IdOf(line.text)) {
    TakeId(*id, line.at);
  } else if (const std::optional<absl::string_view> name = ValueOf(line.text, "name")) {
    TakeName(*name, line.at);
  } else if (cells[0].empty() && std::any_of(cells.begin(), cells.end(),
                                             [](absl::string_view cell) { return Normal(cell) == "datafilename"; })) {
    TakeColumns(cells, line.at);
  } else if (absl::ascii_isdigit(static_cast<unsigned char>(line.text[0]))) {
    TakeRow(cells, line.at);
    row_is_cut_ = !line.ended;
  } else if (known_ && cells[0].empty() &&
             std::find(std::begin(kStatistics), std::end(kStatistics), Normal(cells[1])) != std::end(kStatistics)) {
    TakeStatistics(cells, line.at);
  } else {
    Unexpected(line.at, "a line that such an export does not have; it is left out");
  }
}

void QuantBrowser::TakeId(int64_t id, uint64_t at) {
  CloseTable();
  const bool none_lost = std::exchange(presumed_, false) && id == last_id_;
  if (!none_lost && id != ++last_id_) {
    // What was lost may have begun within the table above, even between its name and its rows.
    AddProblem(report_, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
               absl::StrCat("compound ", id, " stands where compound ", last_id_, " is due",
                            found_in_.empty() ? "" : "; the rows above may be of either, and are left out"));
    LeaveOutTable();
    last_id_ = id;
  }
  if (Keep(0, at)) ids_.insert(id);
  found_in_.clear();
  table_at_ = at;
  due_ = Due::kName;
}

void QuantBrowser::TakeName(absl::string_view name, uint64_t at) {
  if (due_ != Due::kName) {
    CloseTable();
    ++last_id_;
    found_in_.clear();
    table_at_ = at;
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "a compound's name without a number above it");
  }
  if (name.empty() || name.size() > kLongestName) {
    Unexpected(at, "no name of a compound; the rows below it are left out");
    name = "";
    said_ = true;
  }
  name_ = std::string(name);
  due_ = Due::kColumns;
}

QuantBrowser::Column QuantBrowser::ColumnOf(absl::string_view normal) const {
  struct Name {
    absl::string_view normal;
    Column column;
  };
  static constexpr Name kNames[] = {
      {"datafilename", Column::kFile},
      {"ret.time", Column::kTime},
      {"r.time", Column::kTime},
      {"area", Column::kArea},
      {"height", Column::kHeight},
      {"conc.", Column::kConc},
      {"unit", Column::kUnit},
      {"units", Column::kUnit},
      {"conc.unit", Column::kUnit},
      {"s/n", Column::kSignalToNoise},
      {"m/z", Column::kMass},
      {"mark", Column::kMark},
      {"qccheckresults", Column::kChecks},
      {"vial#", Column::kVial},
      {"dateacquired", Column::kAcquired},
      {"dilutionfactor", Column::kDilution},
      {"dil.factor", Column::kDilution},
      {"methodfile", Column::kMethod},
  };
  if (normal == sample_number_) return Column::kSampleNumber;
  const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [&](Name n) { return n.normal == normal; });
  return name == std::end(kNames) ? Column::kNotCarried : name->column;
}

void QuantBrowser::TakeColumns(const std::vector<absl::string_view>& names, uint64_t at) {
  if (names.size() > kMostColumns) return Unexpected(at, "more columns than a table may have");
  known_ = true;
  if (due_ != Due::kColumns) {
    if (due_ == Due::kName) {
      due_ = Due::kId;  // one problem will do
    } else {
      ++last_id_;
    }
    CloseTable();
    table_at_ = at;
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at,
               "a table whose compound has no name; its rows are left out");
    said_ = true;
  }
  due_ = Due::kRow;
  found_in_.clear();
  std::vector<std::string> names_before = std::exchange(names_, {});
  for (const absl::string_view name : names) {
    const std::string normal = Normal(name);
    names_.push_back(normal);
    Column column = ColumnOf(normal);
    const bool other = std::find(std::begin(kOthers), std::end(kOthers), normal) != std::end(kOthers);
    for (const absl::string_view carried :
         {"ret.time", "area", "height", "conc.", "s/n", "unit", sample_number_.c_str()}) {
      if (column != Column::kNotCarried || other || !IsSlip(normal, carried)) continue;
      AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
                 absl::StrCat("a column's name is one letter off \"", carried, "\"; its values are left out"));
    }
    // Of two columns of one name nothing tells which counts: the first does, as in the other tables.
    if (Has(column)) column = Column::kNotCarried;
    columns_.push_back(column);
  }
  if (!names_before.empty() && names_ != names_before) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_INCONSISTENT, at, "other columns than those of the table before");
  }
}

void QuantBrowser::TakeRow(const std::vector<absl::string_view>& cells, uint64_t at) {
  if (!known_) return Unexpected(at, "a row above any table; it is left out");
  const std::optional<int64_t> number = NumberOf(cells[0]);
  const bool fits = number && cells.size() == columns_.size();
  if (due_ != Due::kRow || (fits && rows_.count(*number) > 0)) {
    // Of another table, whose head was lost.
    if (!said_ || due_ == Due::kRow) {
      AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "rows of a table whose head was lost; they are left out");
    }
    if (due_ == Due::kRow || due_ == Due::kStatistics) {
      ++last_id_;
      presumed_ = true;
    }
    if (due_ == Due::kName || due_ == Due::kColumns) due_ = Due::kId;
    CloseTable();
    said_ = true;
    due_ = Due::kId;
    return;
  }
  if (!fits) {
    ++unread_;
    return Unexpected(at, absl::StrCat("a row of ", cells.size(), " cells under ", columns_.size(), " columns"));
  }
  Analysis sample;
  Finding finding;
  finding.set_label(name_);
  const Reading reading = Read(cells, sample, finding);
  if (!Keep(finding.ByteSizeLong(), at)) return;
  if (rows_.empty() && unread_ == 0) begins_with_ = *number;
  rows_.insert(*number);
  if (reading == Reading::kUnread) {
    unsummed_ = true;
    return Unexpected(at, "a cell has not the form of its column; the row is left out");
  }
  for (std::size_t i = 0; i < averages_.size(); ++i) averages_[i].Add(CellOf(cells, kAveraged[i]));
  if (reading == Reading::kInconsistent) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               "an amount that is not zero, and no peak; the row is left out");
    return;
  }
  if (name_.empty()) return;
  const auto [place, is_new] = places_.try_emplace(*number, report_.analyses_size());
  if (is_new) {
    if (!Keep(2 * sample.ByteSizeLong(), at)) {
      places_.erase(place);
      return;
    }
    *report_.add_analyses() = std::move(sample);
  } else if (Analysis& known = *report_.mutable_analyses(place->second); IsSame(known, sample)) {
    if (known.sample_number().empty()) known.set_sample_number(sample.sample_number());
    if (known.vial().empty()) known.set_vial(sample.vial());
  } else {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("row ", *number,
                            " is of another file, sample, vial or time than in a table before; it is left out"));
    return;
  }
  *report_.mutable_analyses(place->second)->add_findings() = std::move(finding);
  found_in_.push_back(place->second);
}

absl::string_view QuantBrowser::CellOf(const std::vector<absl::string_view>& cells, Column column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  return found == columns_.end() ? absl::string_view() : cells[static_cast<std::size_t>(found - columns_.begin())];
}

QuantBrowser::Reading QuantBrowser::Read(const std::vector<absl::string_view>& cells, Analysis& analysis,
                                         Finding& finding) const {
  const auto cell = [&](Column column) {
    const absl::string_view text = CellOf(cells, column);
    return IsAbsent(text) ? absl::string_view() : text;
  };
  bool fits = true;
  const auto checked = [&](absl::string_view text) {
    if (IsNotDetected(text)) return std::string();
    fits &= text.empty() || IsNumber(text);
    return Point(text);
  };
  const auto number = [&](Column column) { return checked(cell(column)); };
  analysis.set_data_file(std::string(FileName(cell(Column::kFile))));
  analysis.set_sample_number(std::string(cell(Column::kSampleNumber)));
  analysis.set_vial(std::string(cell(Column::kVial)));
  analysis.set_acquired_at_printed(std::string(cell(Column::kAcquired)));
  analysis.set_sample_multiplier(number(Column::kDilution));
  analysis.set_method(std::string(FileName(cell(Column::kMethod))));
  if (absl::EndsWithIgnoreCase(analysis.data_file(), ".qgd")) analysis.set_technique(dims::v1::TECHNIQUE_GC_MS);
  // Files of a liquid chromatograph do not show whether there is a mass spectrometer.
  if (absl::EndsWithIgnoreCase(analysis.data_file(), ".lcd") && Has(Column::kMass)) {
    analysis.set_technique(dims::v1::TECHNIQUE_LC_MS);
  }
  if (absl::EndsWithIgnoreCase(analysis.data_file(), ".gcd")) analysis.set_technique(dims::v1::TECHNIQUE_GC);

  finding.set_quantitation_ion(Point(cell(Column::kMass)));
  // The checks of the method ("Quant.Range(High)") are made on what the calibration gives.
  if (const absl::string_view check = cell(Column::kChecks); !check.empty()) finding.add_flags(std::string(check));
  const std::string time = number(Column::kTime), area = number(Column::kArea), height = number(Column::kHeight);
  absl::string_view printed = cell(Column::kConc);
  const dims::v1::AmountQualifier qualifier = TakeSign(printed);
  const std::string amount = checked(printed);
  const auto is_none = [](const std::string& value) { return value.empty() || IsZero(value); };
  // Zeros say so together; dashes by themselves, whichever columns there are.
  const bool zeros = (Has(Column::kTime) || Has(Column::kArea)) && is_none(time) && is_none(area) && is_none(height);
  bool dashes = false, others = false;
  for (const Column column : {Column::kTime, Column::kArea, Column::kHeight, Column::kConc}) {
    if (const absl::string_view text = CellOf(cells, column); !text.empty()) (IsDashes(text) ? dashes : others) = true;
  }
  if (zeros || (dashes && !others) || IsNotDetected(cell(Column::kTime))) {
    finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
    if (!fits) return Reading::kUnread;
    return is_none(amount) ? Reading::kRead : Reading::kInconsistent;
  }
  finding.set_retention_time(time);
  finding.set_signal_to_noise(number(Column::kSignalToNoise));
  dims::v1::Peak& peak = *finding.mutable_peak();
  peak.set_area(area);
  peak.set_height(height);
  peak.set_type(std::string(cell(Column::kMark)));
  if (peak.ByteSizeLong() == 0) finding.clear_peak();
  if (IsNotDetected(printed)) {
    finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  } else if (!amount.empty()) {
    finding.mutable_amount()->set_value(amount);
    finding.mutable_amount()->set_qualifier(qualifier);
    finding.mutable_amount()->set_unit(std::string(cell(Column::kUnit)));
  }
  return fits ? Reading::kRead : Reading::kUnread;
}

bool QuantBrowser::Has(Column column) const {
  return column != Column::kNotCarried && std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

void QuantBrowser::CloseTable() {
  const std::size_t rows = rows_.size() + unread_;
  if (due_ == Due::kName || due_ == Due::kColumns || (due_ != Due::kId && rows == 0 && !full_)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, table_at_, "a compound without results");
  } else if (due_ != Due::kId && !full_) {
    CheckBeginning();
    CheckRows(rows);
  }
  name_.clear();
  columns_.clear();
  rows_.clear();
  unread_ = 0;
  said_ = unsummed_ = statistics_ = averaged_ = false;
  averages_ = {};
  begins_with_ = 0;
}

void QuantBrowser::Unexpected(uint64_t at, absl::string_view what) {
  if (!known_) ++foreign_lines_;
  AddProblem(report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, what);
}

bool QuantBrowser::Keep(std::size_t size, uint64_t at) {
  if (kept_ + kRowKept + size <= kMostKept) {
    kept_ += kRowKept + size;
    return true;
  }
  if (!std::exchange(full_, true)) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_OVERSIZE, at,
               absl::StrCat("more than ", kMostKept >> 20, " MiB of results; what came after them is left out"));
  }
  return false;
}

End QuantBrowser::Finish(End::Where where, bool complete) && {
  if (complete) {
    CloseTable();
  } else if (due_ == Due::kRow || due_ == Due::kStatistics) {
    CheckBeginning();
  }
  return End{std::move(report_), where};
}

}  // namespace dims::shimadzu
