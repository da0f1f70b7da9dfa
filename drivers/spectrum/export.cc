#include "drivers/spectrum/export.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/driver.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kLeastRows = 32;  // of a table without words that tell what it is
constexpr std::size_t kLeastMapRows = 2;
constexpr std::size_t kLeastLostRows = 2;
constexpr uint64_t kMostHeadLines = 256;
constexpr std::size_t kMostUnclear = 4096;
constexpr std::size_t kMostPoints = 500'000;  // of 16 bytes each in a record
constexpr uint64_t kMostBytes = 4'000'000;

// ">>>>>Begin Processed Spectral Data<<<<<", ">>>>> Comienza Data<<<<< Espectral Procesado Del EL"
bool IsMarker(absl::string_view text) { return absl::StartsWith(text, ">>>>>") && absl::StrContains(text, "<<<<<"); }

bool IsQuoted(absl::string_view text) { return text.size() > 1 && text.front() == '"' && text.back() == '"'; }

dims::v1::Technique TechniqueOf(dims::v1::SpectrumKind kind) {
  if (kind == dims::v1::SPECTRUM_KIND_RAMAN) return dims::v1::TECHNIQUE_RAMAN;
  if (kind == dims::v1::SPECTRUM_KIND_UV_VIS) return dims::v1::TECHNIQUE_UV_VIS;
  return dims::v1::TECHNIQUE_UNSPECIFIED;
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
  } else if (BeginsAnother(text)) {
    return Verdict::kOther;
  }
  ended_ |= EndsJasco(text);
  damaged_ = line.damaged && (ended_ || !below_.TakeDamage(line.at, below_.is_text() || BeginsText(text)));
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

// Another file.
bool Export::BeginsAnother(absl::string_view text) {
  const bool again = table_ && text == first_;
  if (BeginsFile(text) || (IsJascoKey(text, "TITLE") && (jasco_ || IsJascoKey(first_, "TITLE"))) ||
      (map_ && text == first_) || (table_ && absl::StartsWith(text, "##TITLE=")) ||
      (head_lines_ > 0 && again && !BeginsLog(text)) || (table_ && head_lines_ == 0 && table_->RepeatsFirst(text)) ||
      (after_first_ && NamesItsColumns(text))) {
    return true;
  }
  after_first_ = again;
  return false;
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
  if (form.kind == RowKind::kRow) TakeLostRow(at);
  keys_.Take(text, lines_, *analysis_);
  before_ = std::exchange(last_, Line{std::string(row), at});
  only_comments_ &= absl::StartsWith(text, "#") && !absl::StartsWith(text, "##");
  only_quoted_ &= IsQuoted(text);
  ++head_lines_;
  return Verdict::kTaken;
}

// A row in the head is that of no table. One may be a setting; with more of them there was a table, and what stands
// above it is not of the next.
void Export::TakeLostRow(uint64_t at) {
  if (lost_rows_++ == 0) lost_at_ = at;
  if (lost_rows_ != kLeastLostRows || keys_.layout() != Layout::kOther) return;
  keys_ = Keys(settings_.kind);
  analysis_->clear_acquired_at_printed();
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
  if (const std::size_t lost = std::exchange(lost_rows_, 0); lost >= kLeastLostRows) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, lost_at_,
            absl::StrCat(lost, " rows of numbers above the table that are of none"));
  }
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
  if (jasco_ && BeginsBelowJasco(row, at)) return Verdict::kOther;
  if (ended_) return Verdict::kTaken;
  if (marked_ && IsMarker(text)) return Verdict::kLast;
  if (keys_.layout() == Layout::kWitec && text == "[SpectrumHeader]") return NextSpectrum(at);
  const bool may_go_on = !marked_ && certain();
  if (may_go_on && !below_.empty()) {
    if (const std::optional<Verdict> verdict = TakeNextTable(row, at)) return *verdict;
  }
  const absl::string_view cells = indented_ ? text : row;
  const bool is_name = (below_.is_text() || BeginsText(text)) && NamesASpectrum(text);
  Table::Row taken = is_name ? Table::Row::kNone : table_->Take(cells, may_go_on);
  if (taken == Table::Row::kAgain) {
    if (analysis_->spectra_size() >= kMostSpectra) return Verdict::kFull;
    sure_ = true;
    points_ += table_->points();
    points_ += table_->BeginAgain(*analysis_) / sizeof(double);
    taken = table_->Take(cells, false);
  }
  if (taken != Table::Row::kTaken && !certain() && ++bad_rows_ > 1) return Verdict::kOther;
  if (taken == Table::Row::kNone || taken == Table::Row::kUnclear) {
    TakeBelow(row, at, taken == Table::Row::kUnclear);
  } else {
    spaced_ |= after_blank_ && rows() > 1;
    EndByRow();
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

// Witec writes one spectrum behind the other.
Export::Verdict Export::NextSpectrum(uint64_t at) {
  below_.End();
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
  TellHeld();
  below_.End();
  if (keys_.times_left_out()) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at_, "it is not clear which tables a time is of; none is taken");
  }
  if (complete) CheckCount(at_);
  if (unclear_rows_ > 0) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, unclear_at_,
            absl::StrCat(unclear_rows_, " rows whose commas may be decimal marks or not; the option decimal tells"));
  }
}

}  // namespace dims::spectrum
