#include "drivers/spectrum/export.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/driver.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kLeastRows = 32;      // of a table without words that tell what it is
constexpr std::size_t kLeastNamedRows = 8;  // of one whose columns are named
constexpr std::size_t kLeastMapRows = 2;
constexpr uint64_t kMostHeadLines = 256;
constexpr std::size_t kMostUnclear = 4096;
constexpr std::size_t kMostPoints = 500'000;  // of 16 bytes each in a record
constexpr int kMostSpectra = 512;
constexpr std::size_t kMostBetween = 32;
constexpr uint64_t kMostBytes = 4'000'000;

// ">>>>>Begin Processed Spectral Data<<<<<", ">>>>> Comienza Data<<<<< Espectral Procesado Del EL"
bool IsMarker(absl::string_view text) { return absl::StartsWith(text, ">>>>>") && absl::StrContains(text, "<<<<<"); }

// JASCO: the line above its rows, and what begins the first line after them, where there is one.
constexpr absl::string_view kJascoRows = "XYDATA", kJascoEnd = "#####";

// "TITLE<TAB>Sample 1": the first line of a file of JASCO.
bool BeginsJasco(absl::string_view text) {
  return absl::ConsumePrefix(&text, "TITLE") && (text.empty() || text[0] == '\t' || text[0] == ',');
}

bool IsQuoted(absl::string_view text) { return text.size() > 1 && text.front() == '"' && text.back() == '"'; }

dims::v1::Technique TechniqueOf(dims::v1::SpectrumKind kind) {
  if (kind == dims::v1::SPECTRUM_KIND_RAMAN) return dims::v1::TECHNIQUE_RAMAN;
  if (kind == dims::v1::SPECTRUM_KIND_UV_VIS) return dims::v1::TECHNIQUE_UV_VIS;
  return dims::v1::TECHNIQUE_UNSPECIFIED;
}

// A damaged row, which is no line above a header, and no text.
bool IsLikeARow(absl::string_view text, char separator) {
  text = absl::StripLeadingAsciiWhitespace(text);
  return absl::StrContains(text, separator) && text.find_first_of("0123456789+-.,\"") == 0;
}

}  // namespace

Export::Verdict Export::Take(const TextLine& line) {
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (text.empty()) {
    ++lines_;
    after_blank_ = true;
    return Verdict::kTaken;
  }
  if (analysis_ == nullptr) {
    TakeFirst(text, line.at);
  } else if (LayoutOf(text) != Layout::kOther || (map_ && text == first_) || (jasco_ && BeginsJasco(text)) ||
             (table_ && head_lines_ > 0 && text == first_ && !BeginsLog(text)) ||
             (table_ && head_lines_ == 0 && table_->RepeatsFirst(text))) {
    return Verdict::kOther;
  }
  ended_ |= EndsJasco(text);
  if (line.damaged && !ended_ && !text_ && !BeginsText(text)) {
    Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  }
  // Tabs at its ends are empty cells, if it has cells.
  absl::string_view row = absl::StripLeadingAsciiWhitespace(line.text);
  if (const std::size_t tab = line.text.find('\t'); tab < line.text.size() - row.size())
    row = absl::string_view(line.text).substr(tab);
  if (line.trailing_tabs > 0 && (absl::StrContains(row, '\t') || (table_ && table_->separator() == '\t'))) {
    with_cells_ = absl::StrCat(row, std::string(line.trailing_tabs, '\t'));
    row = with_cells_;
  }
  const Verdict verdict = table_ ? TakeRow(row, line.at) : map_ ? TakeMapRow(row, line.at) : TakeHead(row, line.at);
  ++lines_;
  after_blank_ = false;
  return verdict == Verdict::kTaken && line.at - at_ > kMostBytes ? Verdict::kFull : verdict;
}

void Export::TakeFirst(absl::string_view text, uint64_t at) {
  analysis_ = report().add_analyses();
  at_ = at;
  first_ = std::string(text);
  keys_.TakeFirst(text, *analysis_);
}

// `row` has what stands at its ends.
Export::Verdict Export::TakeHead(absl::string_view row, uint64_t at) {
  const absl::string_view text = absl::StripAsciiWhitespace(row);
  if (!certain() && lines_ >= kMostHeadLines) return Verdict::kOther;
  if (ready_ && IsMarker(text)) return Verdict::kLast;  // an empty table
  if (IsMarker(text) || (keys_.layout() == Layout::kWitec && text == "[SpectrumData]") ||
      (keys_.layout() == Layout::kPerkinElmer && text == "#DATA") ||
      (keys_.layout() == Layout::kOther && text == kJascoRows)) {
    jasco_ = text == kJascoRows;
    if (jasco_) keys_.TakeJasco(*analysis_);
    marked_ = ready_ = true;
    last_.reset();
    before_.reset();
    ++head_lines_;
    return Verdict::kTaken;
  }
  if (row[0] == '\t' && keys_.layout() == Layout::kOther && !ready_ && (head_lines_ == 0 || only_comments_) &&
      unclear_rows_ == 0) {
    map_ = Map::Begin(row, settings_.decimal);
    if (map_) return Verdict::kTaken;
  }
  // Where tables are marked, nothing else is one.
  const bool may_begin = ready_ || keys_.layout() == Layout::kOther || keys_.layout() == Layout::kBwTek;
  const RowForm form = may_begin ? FormAfterHead(row) : RowForm();
  if (form.kind == RowKind::kRow && BeginTable(form, row, at)) {
    if (unclear_rows_ == unclear_.size()) {
      unclear_rows_ = 0;
      for (const Line& waiting : std::exchange(unclear_, {})) TakeRow(waiting.text, waiting.at);
    }
    return TakeRow(row, at);
  }
  if (form.kind == RowKind::kUnclear) {
    // As many names as numbers, between commas: these separate.
    RowForm named = form;
    if (form.dialect.separator == ',' && last_ && ParseHeader(last_->text, named) && BeginTable(form, row, at)) {
      return TakeRow(row, at);
    }
    WaitForClearRow(form, row, at);
    return Verdict::kTaken;
  }
  if (ready_ && last_) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "no row of numbers where the table begins");
  }
  keys_.Take(text, lines_, *analysis_);
  before_ = std::exchange(last_, Line{std::string(row), at});
  only_comments_ &= absl::StartsWith(text, "#") && !absl::StartsWith(text, "##");
  only_quoted_ &= IsQuoted(text);
  ++head_lines_;
  return Verdict::kTaken;
}

// A tab before the first cell belongs to the table where its header has none.
RowForm Export::FormAfterHead(absl::string_view row) const {
  if (row[0] == '\t' && last_ && last_->text[0] != '\t') {
    RowForm form = FormOf(row, settings_.decimal), named = form;
    if (form.kind != RowKind::kNone && ParseHeader(last_->text, named)) return form;
  }
  return FormOf(absl::StripLeadingAsciiWhitespace(row), settings_.decimal);
}

void Export::WaitForClearRow(const RowForm& form, absl::string_view row, uint64_t at) {
  if (unclear_rows_++ == 0) {
    unclear_at_ = at;
    RowForm fitting = form;
    const Header header = HeaderOf(fitting);
    unclear_needed_ = !MayBegin(header) ? 0 : NamesItsAxis(header) ? kLeastNamedRows : kLeastRows;
  }
  // Whatever the commas are, x goes one way if what stands before the first of them does.
  std::vector<absl::string_view> fields;
  Split(absl::StripLeadingAsciiWhitespace(row), form.dialect.separator, fields);
  const std::optional<double> x = ParseNumber(fields[0].substr(0, fields[0].find(',')), '.');
  const int direction = !x || *x == unclear_x_ ? 0 : *x > unclear_x_ ? 1 : -1;
  if (unclear_rows_ > 1 && (!x || direction * unclear_direction_ < 0)) unclear_needed_ = 0;
  if (unclear_rows_ > 1 && direction != 0) unclear_direction_ = direction;
  if (x) unclear_x_ = *x;
  if (unclear_.size() < kMostUnclear) unclear_.push_back(Line{std::string(row), at});
}

// What the head says of the columns of such a row.
Header Export::HeaderOf(RowForm& form) const {
  Header header;
  const bool units = last_ && IsUnits(last_->text, form);
  if (const std::optional<Line>& names = units ? before_ : last_) {
    std::optional<Header> found = ParseHeader(names->text, form);
    if (found) header = *std::move(found);
    if (units) header.units = UnitsIn(last_->text, form.dialect.separator);
  }
  return header;
}

bool Export::NamesItsAxis(const Header& header) { return !header.names.empty() && NamesAnAxis(header); }

bool Export::MayBegin(const Header& header) const {
  if (ready_ || NamesItsAxis(header)) return true;
  if (keys_.layout() != Layout::kOther) return false;
  const bool unnamed = header.names.empty();
  return head_lines_ == 0 || only_comments_ || (head_lines_ == 1 && !unnamed) || (unnamed && only_quoted_);
}

// Whether a table may begin with this row, after the head as it is.
bool Export::BeginTable(RowForm form, absl::string_view row, uint64_t at) {
  const bool indented = row[0] == '\t' && FormOf(row, settings_.decimal).fields != form.fields;
  const Header header = HeaderOf(form);
  if (!MayBegin(header)) return false;
  indented_ = indented;
  named_ = NamesItsAxis(header);
  const std::size_t names = header.names.empty() ? 0 : header.units.empty() ? 1 : 2;
  if (!sure_) lines_above_ = std::max(head_lines_, names) - names;
  const About about{keys_.kind(),   keys_.title(),     keys_.x_unit(),
                    keys_.y_unit(), settings_.decimal, before_ && header.units.empty() ? before_->text : ""};
  table_.emplace(form, header, about, *analysis_);
  ready_ = false;
  switch (table_->left_out()) {
    case Table::LeftOut::kNothing:
      break;
    case Table::LeftOut::kTooMany:
      Problem(dims::v1::PROBLEM_TYPE_OVERSIZE, at,
              absl::StrCat("a table of ", form.fields, " columns; the last ones are left out"));
      break;
    case Table::LeftOut::kNoX:
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
              "columns whose x is not known, as several are; they are left out");
      break;
  }
  if (analysis_->spectra_size() == 0) return true;
  const dims::v1::SpectrumKind kind = analysis_->spectra(analysis_->spectra_size() - 1).kind();
  if (TechniqueOf(kind) != dims::v1::TECHNIQUE_UNSPECIFIED) analysis_->set_technique(TechniqueOf(kind));
  return true;
}

Export::Verdict Export::TakeRow(absl::string_view row, uint64_t at) {
  const absl::string_view text = absl::StripAsciiWhitespace(row);
  if (ended_) return Verdict::kTaken;
  if (marked_ && IsMarker(text)) return Verdict::kLast;
  if (keys_.layout() == Layout::kWitec && text == "[SpectrumHeader]") return NextSpectrum(at);
  const bool may_go_on = !marked_ && certain();
  if (may_go_on && BeginsNextTable(row, at) && analysis_->spectra_size() > kMostSpectra) return Verdict::kFull;
  const absl::string_view cells = indented_ ? text : row;
  Table::Row taken = table_->Take(cells, may_go_on);
  if (taken == Table::Row::kAgain) {
    if (analysis_->spectra_size() >= kMostSpectra) return Verdict::kFull;
    sure_ = true;
    points_ += table_->points();
    points_ += table_->BeginAgain(*analysis_) / sizeof(double);
    taken = table_->Take(cells, false);
  }
  if (taken != Table::Row::kTaken && !certain() && ++bad_rows_ > 1) return Verdict::kOther;
  if (taken == Table::Row::kNone || taken == Table::Row::kUnclear) {
    if (taken == Table::Row::kNone && BeginsText(text)) {
      text_ = true;
      text_at_ = at;
      text_left_ = 0;
    }
    const bool is_text = text_ && taken == Table::Row::kNone && !IsLikeARow(text, table_->separator());
    if (is_text) TakeText(text);
    if (between_.size() == kMostBetween) TellBetween(1);
    between_.push_back({Line{std::string(row), at}, taken == Table::Row::kUnclear, is_text, rows() + 1});
  } else {
    EndText();
    TellBetween(between_.size());
  }
  if (taken == Table::Row::kBackward) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("x turns back in row ", rows(), " of the table"));
  }
  return points_ + table_->points() > kMostPoints ? Verdict::kFull : Verdict::kTaken;
}

Export::Verdict Export::TakeMapRow(absl::string_view row, uint64_t at) {
  if (analysis_->spectra_size() >= kMostSpectra) return Verdict::kFull;
  if (!map_->Take(row, keys_.kind(), *analysis_)) {
    if (!certain()) return Verdict::kOther;
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
            absl::StrCat("no row of the map; row ", rows() + 1, " would be due"));
  }
  if (TechniqueOf(keys_.kind()) != dims::v1::TECHNIQUE_UNSPECIFIED) analysis_->set_technique(TechniqueOf(keys_.kind()));
  return map_->points() > kMostPoints ? Verdict::kFull : Verdict::kTaken;
}

// The lines before were the header of a table, and what stands above it: this is the first of its rows.
bool Export::BeginsNextTable(absl::string_view row, uint64_t at) {
  if (between_.empty()) return false;
  std::optional<Line> last = std::exchange(last_, between_.back().line), before = std::exchange(before_, std::nullopt);
  if (between_.size() > 1) before_ = between_[between_.size() - 2].line;
  const RowForm form = FormAfterHead(row);
  RowForm named = form;
  const bool is_row = form.kind == RowKind::kRow || (form.kind == RowKind::kUnclear && form.dialect.separator == ',');
  const Header header = is_row ? HeaderOf(named) : Header();
  if (!NamesItsAxis(header)) {
    last_ = std::move(last);
    before_ = std::move(before);
    return false;
  }
  sure_ = true;
  points_ += table_->points();
  const std::size_t names = header.units.empty() ? 1 : 2;
  for (std::size_t above = between_.size() - names; above > 0; --above) {
    if (above > lines_above_ || IsLikeARow(between_.front().line.text, table_->separator())) {
      TellBetween(1);
    } else {
      between_.erase(between_.begin());
    }
  }
  between_.clear();
  if (std::exchange(text_, false)) keys_.EndBelow(*analysis_);
  return BeginTable(form, row, at);
}

// What follows a blank line below the rows: a section ("[Comments]", in any language), or, once there are as many rows
// as the head counts, whatever is like none.
bool Export::EndsJasco(absl::string_view text) const {
  if (!jasco_ || !table_ || ended_) return false;
  if (absl::StartsWith(text, kJascoEnd)) return true;
  if (!after_blank_) return false;
  const bool section = text.front() == '[' && text.back() == ']';
  const bool all = keys_.points() != 0 && table_->rows() >= keys_.points();
  return section || (all && !IsLikeARow(text, table_->separator()));
}

// What follows a blank line below the rows, and is none. Rows that follow show that it was none either.
bool Export::BeginsText(absl::string_view text) const {
  return table_ && table_->rows() > 0 && after_blank_ && between_.empty() && !marked_ &&
         keys_.layout() == Layout::kOther && !IsLikeARow(text, table_->separator());
}

// Cary names each spectrum again above what it says of it: "Sample 1," stands first in the file of one, too.
bool Export::BeginsLog(absl::string_view text) const {
  return head_lines_ == 2 && text.back() == table_->separator() && BeginsText(text);
}

void Export::TakeText(absl::string_view text) {
  const dims::v1::SpectrumKind before = keys_.kind();
  keys_.TakeBelow(text, *analysis_);
  if (keys_.kind() == before) return;
  for (dims::v1::Spectrum& spectrum : *analysis_->mutable_spectra()) {
    if (spectrum.kind() == before) spectrum.set_kind(keys_.kind());
  }
}

// More rows of the table: it was no text.
void Export::EndText() {
  if (!std::exchange(text_, false)) return;
  keys_.EndBelow(*analysis_);
  if (text_left_ > 0) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, text_at_,
            absl::StrCat(text_left_, " lines that are no rows of the table, and more below; row ", rows(), " follows"));
  }
  for (Between& line : between_) line.text = false;
}

// They were no head of a table.
void Export::TellBetween(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Between& line = between_[i];
    text_left_ += line.text ? 1 : 0;
    if (line.text) continue;
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.line.at,
            absl::StrCat(line.unclear ? "commas that may be decimal marks or not, as the option decimal tells"
                                      : "no row of the table",
                         "; row ", line.due, " would be due"));
  }
  between_.erase(between_.begin(), between_.begin() + static_cast<std::ptrdiff_t>(count));
}

// Witec writes one spectrum behind the other.
Export::Verdict Export::NextSpectrum(uint64_t at) {
  TellBetween(between_.size());
  CheckCount(at);
  points_ += table_->points();
  table_.reset();
  keys_.ForgetSpectrum();
  return analysis_->spectra_size() >= kMostSpectra ? Verdict::kFull : Verdict::kTaken;
}

void Export::CheckCount(uint64_t at) {
  const std::size_t found = rows() + unclear_rows_;
  if (found == 0) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "the table has no rows");
  } else if (keys_.points() != 0 && found != keys_.points()) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat("the head counts ", keys_.points(), " points, the table has ", found, " rows"));
  }
}

bool Export::whole() const {
  const std::size_t found = rows() + unclear_rows_;
  return found > 0 && (ended_ || found >= keys_.points());
}

bool Export::certain() const {
  if (map_) return rows() >= kLeastMapRows;
  return keys_.layout() != Layout::kOther || marked_ || sure_ || rows() >= (named_ ? kLeastNamedRows : kLeastRows) ||
         (unclear_needed_ != 0 && unclear_direction_ != 0 && unclear_rows_ >= unclear_needed_);
}

void Export::Finish(bool complete) {
  TellBetween(between_.size());
  if (complete) CheckCount(at_);
  if (unclear_rows_ > 0) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, unclear_at_,
            absl::StrCat(unclear_rows_, " rows whose commas may be decimal marks or not; the option decimal tells"));
  }
}

}  // namespace dims::spectrum
