#include "drivers/shimadzu/table.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {
namespace {

constexpr std::size_t kMostColumns = 256;

struct Name {
  absl::string_view normal;
  Column column;
};

// GCMSsolution's and LabSolutions' names. Of the "Top" of a spectrum and of its background, the first counts.
constexpr Name kNames[] = {
    {"peak#", Column::kNumber},
    {"id#", Column::kId},
    {"spectrum#", Column::kSpectrum},
    {"hit#", Column::kHit},
    {"ret.time", Column::kTime},
    {"r.time", Column::kTime},
    {"proc.from", Column::kFrom},
    {"i.time", Column::kFrom},
    {"starttime", Column::kFrom},
    {"proc.to", Column::kTo},
    {"f.time", Column::kTo},
    {"endtime", Column::kTo},
    {"top", Column::kTop},
    {"area", Column::kArea},
    {"height", Column::kHeight},
    {"a/h", Column::kRatio},
    {"area%", Column::kAreaPercent},
    {"mark", Column::kMark},
    {"name", Column::kName},
    {"cas#", Column::kCas},
    {"si", Column::kScore},
    {"ret.index", Column::kIndex},
    {"retentionindex", Column::kIndex},
    {"s/n", Column::kSignalToNoise},
    {"type", Column::kType},
    {"mass", Column::kMass},
    {"m/z", Column::kMass},
    {"mode", Column::kMode},
    {"conc.", Column::kConc},
    {"unit", Column::kUnit},
    {"units", Column::kUnit},
    {"calibrationcurve", Column::kCurve},
    {"curve", Column::kCurve},
    {"3rd", Column::kThird},
    {"2nd", Column::kSecond},
    {"1st", Column::kFirst},
    {"constant", Column::kConstant},
    {"mol.form", Column::kFormula},
    {"serial#", Column::kSerial},
    {"libraryname", Column::kLibrary},
};

// One letter away from a name above, and names all the same.
constexpr absl::string_view kOthers[] = {"height%", "conc.%", "std.ret.time", "start", "end"};

absl::string_view NameOf(Column column) {
  const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [&](Name n) { return n.column == column; });
  return name == std::end(kNames) ? "" : name->normal;
}

std::vector<Column> Required(Table::Kind kind) {
  switch (kind) {
    case Table::Kind::kPeaks:
      return {Column::kNumber, Column::kTime, Column::kArea, Column::kHeight};
    case Table::Kind::kCompounds:
      return {Column::kId, Column::kName, Column::kTime, Column::kArea, Column::kConc};
    case Table::Kind::kSpectra:
      return {Column::kSpectrum, Column::kTop};
    case Table::Kind::kHits:
      return {Column::kHit, Column::kName, Column::kScore};
  }
  return {};
}

}  // namespace

Table::Line Table::Take(const TextLine& line, char separator, dims::v1::Report& report) {
  std::optional<std::vector<std::string>> cells = SplitCells(line.text, separator);
  if (!cells || cells->size() > kMostColumns) return Line::kNothing;
  if (separator == '\t') cells->resize(cells->size() + std::min(line.trailing_tabs, kMostColumns));
  const std::string first = Normal((*cells)[0]);
  if (absl::StartsWith(first, "#of") && columns_.empty()) {
    return cells->size() > 1 && (*cells)[1].size() < 10 && absl::SimpleAtoi((*cells)[1], &count_) && count_ >= 0
               ? Line::kPart
               : Line::kNothing;
  }
  if (columns_.empty()) {
    if (first == "mass" && cells->size() > 1) {
      mass_ = (*cells)[1];
      return Line::kPart;
    }
    if (first.empty()) return Line::kPart;  // a line above the columns, over several of them: "Raw Spectrum"
    if (!absl::EndsWith(first, "#")) return Line::kNothing;
    cells_ = *std::move(cells);
    TakeColumns(line.at, report);
    return Line::kPart;
  }
  if (cells->size() == columns_.size() + 1 && cells->back().empty()) cells->pop_back();
  if (cells->size() != columns_.size() || !IsDigits(first)) return Line::kNothing;
  cells_ = *std::move(cells);
  ++rows_;
  if (int64_t spectrum = 0; absl::SimpleAtoi((*this)[Column::kSpectrum], &spectrum)) last_spectrum_ = spectrum;
  return Line::kRow;
}

void Table::TakeColumns(uint64_t at, dims::v1::Report& report) {
  std::vector<std::string> unknown;
  for (const std::string& cell : cells_) {
    const std::string normal = Normal(cell);
    const auto* name = std::find_if(std::begin(kNames), std::end(kNames), [&](Name n) { return n.normal == normal; });
    columns_.push_back(name == std::end(kNames) || Has(name->column) ? Column::kNotCarried : name->column);
    if (name == std::end(kNames) && std::find(std::begin(kOthers), std::end(kOthers), normal) == std::end(kOthers)) {
      unknown.push_back(normal);
    }
  }
  std::vector<Column> missing = Required(kind_);
  for (const Name& name : kNames) {
    const bool slipped =
        std::any_of(unknown.begin(), unknown.end(), [&](const std::string& u) { return IsSlip(u, name.normal); });
    if (!slipped) continue;
    AddProblem(report, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
               absl::StrCat("a column's name is one letter off \"", name.normal, "\"; its values are left out"));
    missing.erase(std::remove(missing.begin(), missing.end(), name.column), missing.end());
  }
  for (const Column column : missing) {
    if (Has(column)) continue;
    AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at,
               absl::StrCat("the table has no column \"", NameOf(column), "\""));
  }
}

void Table::Close(dims::v1::Report& report) const {
  if (count_ < 0) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at_,
               absl::StrCat("[", title_, "] does not say how many rows it has; there are ", rows_));
  } else if (kind_ == Kind::kHits) {
    if (last_spectrum_ <= count_) return;
    AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
               absl::StrCat("[", title_, "] counts ", count_, " spectra; there is spectrum ", last_spectrum_));
  } else if (rows_ != count_) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
               absl::StrCat("[", title_, "] counts ", count_, " rows; there are ", rows_));
  }
}

absl::string_view Table::operator[](Column column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  return found == columns_.end() ? "" : absl::string_view(cells_[static_cast<std::size_t>(found - columns_.begin())]);
}

bool Table::Has(Column column) const { return std::find(columns_.begin(), columns_.end(), column) != columns_.end(); }

}  // namespace dims::shimadzu
