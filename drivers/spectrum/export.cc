#include "drivers/spectrum/export.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/driver.h"
#include "drivers/text.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kLeastRows = 32;      // of a table without words that tell what it is
constexpr std::size_t kLeastNamedRows = 8;  // of one whose columns are named
constexpr uint64_t kMostHeadLines = 256;
constexpr std::size_t kMostUnclear = 256;
constexpr std::size_t kMostPoints = 500'000;  // of 16 bytes each in a record
constexpr int kMostSpectra = 512;
constexpr uint64_t kMostBytes = 4'000'000;

// ">>>>>Begin Processed Spectral Data<<<<<", ">>>>> Comienza Data<<<<< Espectral Procesado Del EL"
bool IsMarker(absl::string_view text) { return absl::StartsWith(text, ">>>>>") && absl::StrContains(text, "<<<<<"); }

dims::v1::SpectrumKind KindOf(absl::string_view perkin_elmer_title) {
  absl::ConsumePrefix(&perkin_elmer_title, "PE ");
  if (absl::StartsWith(perkin_elmer_title, "FL")) return dims::v1::SPECTRUM_KIND_FLUORESCENCE;
  if (absl::StartsWith(perkin_elmer_title, "UV")) return dims::v1::SPECTRUM_KIND_UV_VIS;
  if (absl::StartsWith(perkin_elmer_title, "IR")) return dims::v1::SPECTRUM_KIND_INFRARED;
  return dims::v1::SPECTRUM_KIND_UNSPECIFIED;
}

dims::v1::Technique TechniqueOf(dims::v1::SpectrumKind kind) {
  if (kind == dims::v1::SPECTRUM_KIND_RAMAN) return dims::v1::TECHNIQUE_RAMAN;
  if (kind == dims::v1::SPECTRUM_KIND_UV_VIS) return dims::v1::TECHNIQUE_UV_VIS;
  return dims::v1::TECHNIQUE_UNSPECIFIED;
}

}  // namespace

Layout LayoutOf(absl::string_view line) {
  if (line == "SpectraSuite Data File" || (absl::StartsWith(line, "Data from ") && absl::EndsWith(line, " Node"))) {
    return Layout::kOcean;
  }
  if (absl::StartsWith(line, "File Version;BW")) return Layout::kBwTek;
  if (line == "[WITEC_TRUEMATCH_ASCII_HEADER]") return Layout::kWitec;
  if (absl::StartsWith(line, "PE ") && absl::StrContains(line, "SPECTRUM") && absl::StrContains(line, "PEDS")) {
    return Layout::kPerkinElmer;
  }
  return Layout::kOther;
}

Export::Verdict Export::Take(const TextLine& line) {
  const absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (text.empty()) {
    ++lines_;
    return Verdict::kTaken;
  }
  if (analysis_ == nullptr) {
    TakeFirst(text, line.at);
  } else if (LayoutOf(text) != Layout::kOther || (table_ && head_lines_ > 0 && text == first_) ||
             (table_ && head_lines_ == 0 && table_->RepeatsFirst(text))) {
    return Verdict::kOther;
  }
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  const Verdict verdict = table_ ? TakeRow(text, line.at) : TakeHead(text, line.at);
  ++lines_;
  return verdict == Verdict::kTaken && line.at - at_ > kMostBytes ? Verdict::kFull : verdict;
}

void Export::TakeFirst(absl::string_view text, uint64_t at) {
  analysis_ = report().add_analyses();
  at_ = at;
  first_ = std::string(text);
  layout_ = LayoutOf(text);
  if (layout_ == Layout::kPerkinElmer && settings_.kind == dims::v1::SPECTRUM_KIND_UNSPECIFIED) kind_ = KindOf(text);
  if (absl::ConsumePrefix(&text, "Data from ") && absl::ConsumeSuffix(&text, " Node")) {
    analysis_->set_data_file(std::string(FileName(text)));
  }
}

Export::Verdict Export::TakeHead(absl::string_view text, uint64_t at) {
  if (!certain() && lines_ >= kMostHeadLines) return Verdict::kOther;
  if (ready_ && IsMarker(text)) return Verdict::kLast;  // an empty table
  if (IsMarker(text) || (layout_ == Layout::kWitec && text == "[SpectrumData]") ||
      (layout_ == Layout::kPerkinElmer && text == "#DATA")) {
    marked_ = ready_ = true;
    last_.reset();
    before_.reset();
    ++head_lines_;
    return Verdict::kTaken;
  }
  // Where tables are marked, nothing else is one.
  const bool may_begin = ready_ || layout_ == Layout::kOther || layout_ == Layout::kBwTek;
  const RowForm form = may_begin ? FormOf(text, settings_.decimal) : RowForm();
  if (form.kind == RowKind::kRow && BeginTable(form)) {
    if (unclear_rows_ == unclear_.size()) {
      unclear_rows_ = 0;
      for (const Line& row : std::exchange(unclear_, {})) TakeRow(row.text, row.at);
    }
    return TakeRow(text, at);
  }
  if (form.kind == RowKind::kUnclear) {
    // As many names as numbers, between commas: these separate.
    if (form.dialect.separator == ',' && last_ && ParseHeader(last_->text, ',', form.fields) && BeginTable(form)) {
      return TakeRow(text, at);
    }
    WaitForClearRow(text, at);
    return Verdict::kTaken;
  }
  if (ready_ && last_) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "no row of numbers where the table begins");
  }
  TakeKey(text);
  before_ = std::exchange(last_, Line{std::string(text), at});
  only_comments_ &= absl::StartsWith(text, "#") && !absl::StartsWith(text, "##");
  ++head_lines_;
  return Verdict::kTaken;
}

void Export::TakeKey(absl::string_view text) {
  if (layout_ == Layout::kPerkinElmer) {
    TakePerkinElmer(text);
    return;
  }
  const std::size_t mark = text.find_first_of(layout_ == Layout::kWitec ? "=" : ":;");
  if (mark == absl::string_view::npos) return;
  const absl::string_view key = absl::StripAsciiWhitespace(text.substr(0, mark));
  const absl::string_view value = absl::StripAsciiWhitespace(text.substr(mark + 1));
  if (key == "Date") {
    analysis_->set_acquired_at_printed(std::string(value));
  } else if (absl::StartsWith(key, "Number of Pixels in ") || key == "SpectrumSize") {
    if (!absl::SimpleAtoi(value, &expected_)) expected_ = 0;
  } else if (key == "XAxis mode" || key == "XDataKind") {
    x_unit_ = std::string(value);
  } else if (layout_ == Layout::kWitec && key == "Title") {
    title_ = std::string(value);
  }
}

// Its lines have no keys: the third is the file's name; the first after "#GR" is x's unit, the seventh counts points.
void Export::TakePerkinElmer(absl::string_view text) {
  if (lines_ == 2) analysis_->set_data_file(std::string(FileName(text)));
  if (text == "#GR") group_ = lines_;
  if (group_ != 0 && lines_ == group_ + 1) x_unit_ = std::string(text);
  if (group_ != 0 && lines_ == group_ + 7 && !absl::SimpleAtoi(text, &expected_)) expected_ = 0;
}

void Export::WaitForClearRow(absl::string_view text, uint64_t at) {
  if (unclear_rows_++ == 0) unclear_at_ = at;
  if (unclear_.size() < kMostUnclear) unclear_.push_back(Line{std::string(text), at});
}

// Whether a table may begin with a row of this form, after the head as it is.
bool Export::BeginTable(const RowForm& form) {
  Header header;
  const bool units = last_ && IsUnits(last_->text, form.dialect.separator, form.fields);
  if (const std::optional<Line>& names = units ? before_ : last_) {
    std::optional<Header> found = ParseHeader(names->text, form.dialect.separator, form.fields);
    if (found) header = *std::move(found);
    if (units) header.units = UnitsIn(last_->text, form.dialect.separator);
  }
  named_ = !header.names.empty() && NamesAnAxis(header);
  const bool bare = head_lines_ == 0 || only_comments_ || (head_lines_ == 1 && !header.names.empty());
  if (!ready_ && !named_ && !(layout_ == Layout::kOther && bare)) return false;
  table_.emplace(form, header, kind_, title_, x_unit_, *analysis_);
  ready_ = false;
  const dims::v1::SpectrumKind kind = analysis_->spectra(analysis_->spectra_size() - 1).kind();
  if (TechniqueOf(kind) != dims::v1::TECHNIQUE_UNSPECIFIED) analysis_->set_technique(TechniqueOf(kind));
  return true;
}

Export::Verdict Export::TakeRow(absl::string_view text, uint64_t at) {
  if (marked_ && IsMarker(text)) return Verdict::kLast;
  if (layout_ == Layout::kWitec && text == "[SpectrumHeader]") return NextSpectrum(at);
  const Table::Row row = table_->Take(text);
  if (row != Table::Row::kTaken && !certain() && ++bad_rows_ > 1) return Verdict::kOther;
  if (row == Table::Row::kNone) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
            absl::StrCat("no row of the table; row ", rows() + 1, " would be due"));
  } else if (row == Table::Row::kBackward) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("x turns back in row ", rows(), " of the table"));
  }
  return points_ + table_->points() > kMostPoints ? Verdict::kFull : Verdict::kTaken;
}

// Witec writes one spectrum behind the other.
Export::Verdict Export::NextSpectrum(uint64_t at) {
  CheckCount(at);
  points_ += table_->points();
  table_.reset();
  expected_ = 0;
  title_.clear();
  return analysis_->spectra_size() >= kMostSpectra ? Verdict::kFull : Verdict::kTaken;
}

void Export::CheckCount(uint64_t at) {
  const std::size_t found = rows() + unclear_rows_;
  if (found == 0) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "the table has no rows");
  } else if (expected_ != 0 && found != expected_) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat("the head counts ", expected_, " points, the table has ", found, " rows"));
  }
}

bool Export::whole() const {
  const std::size_t found = rows() + unclear_rows_;
  return found > 0 && found >= expected_;
}

bool Export::certain() const {
  return layout_ != Layout::kOther || marked_ || rows() >= (named_ ? kLeastNamedRows : kLeastRows);
}

void Export::Finish(bool complete) {
  if (complete) CheckCount(at_);
  if (unclear_rows_ > 0) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, unclear_at_,
            absl::StrCat(unclear_rows_, " rows whose commas may be decimal marks or not; the option decimal tells"));
  }
}

}  // namespace dims::spectrum
