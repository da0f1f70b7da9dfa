// Export: what stands below the rows.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/spectrum/export.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kMostHeld = 32;
constexpr absl::string_view kJascoEnd = "#####";  // begins the first line below its rows, where there is one

}  // namespace

// `unclear`: a row, but for its commas.
void Export::TakeBelow(absl::string_view row, uint64_t at, bool unclear) {
  const absl::string_view text = absl::StripAsciiWhitespace(row);
  const bool like = IsLikeARow(text, table_->separator(), table_->fields()) && !NamesASpectrum(text);
  if (!unclear && BeginsText(text)) below_.BeginText(at);
  const bool is_text = below_.is_text() && !unclear && !like;
  if (is_text) TakeText(text);
  keys_.TakeBetween(text);
  const Below::As as = unclear   ? Below::As::kUnclear
                       : is_text ? Below::As::kText
                       : like    ? Below::As::kLikeARow
                                 : Below::As::kLine;
  below_.Add(row, at, as, rows() + 1, damaged_);
}

// What follows a blank line below the rows, where these do not follow blank lines themselves, and is like none of them;
// of JASCO only if there are as many as the head counts.
bool Export::BeginsText(absl::string_view text) const {
  return table_ && rows() > 0 && after_blank_ && !spaced_ && below_.empty() && keys_.layout() == Layout::kOther &&
         (!marked_ || (jasco_ && keys_.points() != 0 && rows() >= keys_.points())) &&
         (NamesASpectrum(text) || !IsLikeARow(text, table_->separator(), table_->fields()));
}

// Cary names each spectrum again above what it says of it: "Sample 1," stands first in the file of one, too. If columns
// are named in the next line it was the next file.
bool Export::BeginsLog(absl::string_view text) const {
  return head_lines_ == 2 && text.find(table_->separator()) == text.size() - 1 && BeginsText(text);
}

// "1,": whatever Cary's log calls a spectrum stood above its columns.
bool Export::NamesASpectrum(absl::string_view text) const {
  const char separator = table_->separator();
  if (!text.empty() && text.back() == separator) text.remove_suffix(1);
  if (head_lines_ != 2 || text.empty()) return false;
  std::vector<absl::string_view> names;
  Split(first_, separator, names);
  return std::find(names.begin(), names.end(), text) != names.end();
}

bool Export::NamesItsColumns(absl::string_view text) const {
  RowForm form;
  form.dialect.separator = table_->separator();
  form.fields = table_->fields();
  const std::optional<Header> header = ParseHeader(text, form);
  return header && NamesItsAxis(*header);
}

void Export::TakeText(absl::string_view text) {
  const dims::v1::SpectrumKind before = keys_.kind();
  keys_.TakeBelow(text, *analysis_);
  SetKinds(before, keys_.kind());
}

// Of the spectra above the text.
void Export::SetKinds(dims::v1::SpectrumKind before, dims::v1::SpectrumKind kind) {
  for (int i = first_below_; before != kind && i < analysis_->spectra_size(); ++i) {
    if (analysis_->spectra(i).kind() == before) analysis_->mutable_spectra(i)->set_kind(kind);
  }
}

// A row of the same table: there was no text above it.
void Export::EndByRow() {
  if (below_.empty()) return;
  const dims::v1::SpectrumKind kind = keys_.kind();
  keys_.EndByRow(below_.is_text(), *analysis_);
  SetKinds(kind, keys_.kind());
  below_.EndByRow(rows());
}

// kNone where the lines before are no head of a table of which this is a row.
RowForm Export::FormBelowNames(absl::string_view row) {
  last_ = below_.line(0);
  before_.reset();
  if (below_.size() > 1) before_ = below_.line(1);
  const RowForm form = FormAfterHead(row);
  RowForm named = form;
  const bool is_row = form.kind == RowKind::kRow || (form.kind == RowKind::kUnclear && form.dialect.separator == ',');
  return is_row && NamesItsAxis(HeaderOf(named)) ? form : RowForm();
}

// What is to be done with a row of the next table. In text that is one only if it has enough of them: there are lists
// of peaks in some.
std::optional<Export::Verdict> Export::TakeNextTable(absl::string_view row, uint64_t at) {
  const RowForm form = FormBelowNames(row);
  const bool whole = form.kind != RowKind::kNone;
  if (!whole && held_.empty()) return std::nullopt;
  if (held_.empty()) held_form_ = form;
  if (!whole && (held_.size() == kMostHeld ||
                 !IsLikeARow(absl::StripAsciiWhitespace(row), held_form_.dialect.separator, held_form_.fields))) {
    TellHeld();
    return std::nullopt;
  }
  held_.push_back({std::string(row), at});
  held_whole_ += whole ? 1 : 0;
  if (below_.is_text() && held_whole_ < kLeastNamedRows) return Verdict::kTaken;
  return BeginNextTable();
}

Export::Verdict Export::BeginNextTable() {
  sure_ = true;
  points_ += table_->points();
  RowForm named = held_form_;
  const std::size_t names = HeaderOf(named).units.empty() ? 1 : 2;
  const bool apart = below_.size() > names;
  if (apart) first_below_ = analysis_->spectra_size();
  keys_.EndByTable(apart, *analysis_);
  below_.EndByTable(names, lines_above_);
  const std::vector<Line> rows = std::exchange(held_, {});
  held_whole_ = 0;
  damaged_ = after_blank_ = false;
  BeginTable(held_form_, rows[0].text, rows[0].at);
  if (analysis_->spectra_size() > kMostSpectra) return Verdict::kFull;
  Verdict verdict = Verdict::kTaken;
  for (const Line& line : rows) verdict = std::max(verdict, TakeRow(line.text, line.at));
  return verdict;
}

void Export::TellHeld() {
  if (held_.empty()) return;
  Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, held_[0].at,
          absl::StrCat(held_.size(), " rows in the text below the table; so few are no spectrum"));
  held_.clear();
  held_whole_ = 0;
}

// Its own mark, or a section ("[Comments]", in any language) that follows a blank line below the rows.
bool Export::EndsJasco(absl::string_view text) const {
  if (!jasco_ || !table_ || ended_) return false;
  return absl::StartsWith(text, kJascoEnd) || (after_blank_ && text.front() == '[' && text.back() == ']');
}

// Another of its files that has lost its first line, or below its rows those of another table. What stands above them
// has passed as text.
bool Export::BeginsBelowJasco(absl::string_view row, uint64_t at) {
  const absl::string_view text = absl::StripAsciiWhitespace(row);
  bool begins = text == kJascoRows || IsJascoKey(text, "DATA TYPE");
  if (!begins && ended_) {
    RowForm form = FormAfterHead(row);
    const bool is_row = form.kind != RowKind::kNone;
    begins = is_row && NamesItsAxis(HeaderOf(form));
    if (is_row && !begins) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a row of numbers in the text below the table");
    }
    before_ = std::exchange(last_, Line{std::string(row), at});
  } else if (!begins && below_.is_text()) {
    begins = FormBelowNames(row).kind != RowKind::kNone;
  }
  if (begins) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "another table begins here, without its first lines");
  }
  return begins;
}

}  // namespace dims::spectrum
