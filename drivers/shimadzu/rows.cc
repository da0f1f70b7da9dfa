#include "drivers/shimadzu/rows.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/numeric/int128.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/shimadzu/text.h"
#include "drivers/text.h"

namespace dims::shimadzu {
namespace {

using dims::v1::Finding;

// Reads the cells of one row, and remembers whether each had its form.
class Cells {
 public:
  explicit Cells(const Table& row) : row_(row) {}

  // As printed; empty where there is no value.
  std::string Number(Column column) {
    const absl::string_view text = row_[column];
    if (text.empty() || IsDashes(text)) return "";
    fit_ &= IsNumber(text);
    return Point(text);
  }
  std::string Whole(Column column) {
    const absl::string_view text = row_[column];
    fit_ &= text.empty() || IsDigits(text);
    return std::string(text);
  }
  // Where it must not be empty.
  void Need(const std::string& value, Column column) { fit_ &= !value.empty() || !row_.Has(column); }
  void Refuse() { fit_ = false; }
  bool fit() const { return fit_; }

 private:
  const Table& row_;
  bool fit_ = true;
};

// "0" is how an unknown retention index is printed.
std::string Index(const std::string& printed) { return IsZero(printed) ? "" : printed; }

// A/H is rounded to hundredths, area and height to whole numbers, by some versions to more.
bool AgreesWith(absl::string_view ratio, absl::string_view area, absl::string_view height) {
  const auto r = Micro(ratio), a = Micro(area), h = Micro(height);
  const absl::int128 kOne = 1000000, kLargest = kOne * kOne * kOne;
  if (!r || !a || !h || *r <= 0 || *a <= 0 || *h <= 0 || *r > kLargest || *a > kLargest || *h > kLargest) return true;
  const absl::int128 difference = *a * kOne - *r * *h;
  const absl::int128 tolerance = 5001 * (*h + kOne) + (*r + kOne) * kOne / 2;
  return difference <= tolerance && -difference <= tolerance;
}

void CheckGeometry(const Finding& finding, absl::string_view ratio, uint64_t at, dims::v1::Report& report) {
  const dims::v1::Peak& peak = finding.peak();
  const auto from = Micro(peak.start_time()), to = Micro(peak.end_time()), top = Micro(finding.retention_time());
  if (from && to && top && (*top < *from || *to < *top)) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("a peak at ", finding.retention_time(), " is not between its beginning ", peak.start_time(),
                            " and its end ", peak.end_time()));
  }
  if (!AgreesWith(ratio, peak.area(), peak.height())) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("an area of ", peak.area(), " over a height of ", peak.height(), " is not ", ratio));
  }
}

// "194.00", "304.20>182.10"; none for a trace of all ions ("TIC").
std::string IonOf(const Table& row) {
  const absl::string_view mass = row[Column::kMass];
  return mass.empty() || !absl::ascii_isdigit(mass[0]) ? "" : Point(mass);
}

// Where it was found, and how large: what all tables of peaks have.
void ReadPeak(const Table& row, Cells& cells, Finding& finding) {
  finding.set_retention_time(cells.Number(Column::kTime));
  dims::v1::Peak& peak = *finding.mutable_peak();
  peak.set_number(cells.Whole(Column::kNumber));
  peak.set_start_time(cells.Number(Column::kFrom));
  peak.set_end_time(cells.Number(Column::kTo));
  peak.set_area(cells.Number(Column::kArea));
  peak.set_height(cells.Number(Column::kHeight));
  peak.set_area_percent(cells.Number(Column::kAreaPercent));
  peak.set_type(std::string(row[Column::kMark]));
  finding.set_retention_index(Index(cells.Number(Column::kIndex)));
  finding.set_signal_to_noise(cells.Number(Column::kSignalToNoise));
  cells.Need(finding.retention_time(), Column::kTime);
  cells.Need(peak.area(), Column::kArea);
  cells.Need(peak.height(), Column::kHeight);
}

// What it was taken for: by the spectrum, where the table has a similarity.
void ReadName(const Table& row, Cells& cells, uint64_t at, dims::v1::Report& report, Finding& finding) {
  finding.set_label(std::string(FirstName(row[Column::kName])));
  finding.set_cas(LibraryCas(row[Column::kCas], at, report));
  const std::string score = cells.Number(Column::kScore);
  if (score.empty() || finding.label().empty()) return;
  dims::v1::Identification& hit = *finding.add_identifications();
  hit.set_rank(1);
  hit.set_label(finding.label());
  hit.set_cas(finding.cas());
  hit.set_score(score);
  hit.set_score_kind(dims::v1::SCORE_KIND_SIMILARITY_INDEX);
}

dims::v1::FindingRole RoleOf(absl::string_view type) {
  if (absl::EqualsIgnoreCase(type, "ISTD")) return dims::v1::FINDING_ROLE_INTERNAL_STANDARD;
  if (absl::EqualsIgnoreCase(type, "Surrogate")) return dims::v1::FINDING_ROLE_SURROGATE;
  // LabSolutions' tables of compounds have no such column: they hold the method's targets.
  return type.empty() || absl::EqualsIgnoreCase(type, "Target") ? dims::v1::FINDING_ROLE_TARGET
                                                                : dims::v1::FINDING_ROLE_UNSPECIFIED;
}

bool IsCalibrated(const Table& row) {
  // Only these curves are polynomials; others have no coefficients to show.
  static constexpr absl::string_view kPolynomials[] = {"", "Default", "Linear", "Quadratic", "Cubic"};
  const absl::string_view curve = row[Column::kCurve];
  if (!row.Has(Column::kFirst) || std::none_of(std::begin(kPolynomials), std::end(kPolynomials),
                                               [&](auto name) { return absl::EqualsIgnoreCase(name, curve); })) {
    return true;
  }
  for (const Column column : {Column::kThird, Column::kSecond, Column::kFirst, Column::kConstant}) {
    const absl::string_view cell = row[column];
    if (!cell.empty() && !IsDashes(cell) && !IsZero(cell)) return true;
  }
  return false;
}

void ReadAmount(const Table& row, bool found, Cells& cells, Finding& finding) {
  const absl::string_view printed = row[Column::kConc];
  if (!found || IsNotDetected(printed)) {
    // An amount of no peak: which of the two is so is not known. That of a standard is what was added.
    const bool standard = finding.role() == dims::v1::FINDING_ROLE_INTERNAL_STANDARD;
    if (!found && !standard && IsNumber(printed) && !IsZero(printed)) return cells.Refuse();
    finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
    return;
  }
  absl::string_view value = printed;
  const dims::v1::AmountQualifier qualifier = TakeSign(value);
  if (value.empty() || IsDashes(value)) return;
  if (!IsNumber(value)) return cells.Refuse();
  if (finding.role() == dims::v1::FINDING_ROLE_INTERNAL_STANDARD) return;
  dims::v1::Amount& amount = *finding.mutable_amount();
  if (!IsCalibrated(row)) {
    amount.set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_CALIBRATED);
    amount.set_printed(std::string(printed));
    return;
  }
  amount.set_qualifier(qualifier);
  amount.set_value(Point(value));
  amount.set_unit(std::string(row[Column::kUnit]));
}

}  // namespace

std::optional<Finding> ToPeak(const Table& row, uint64_t at, dims::v1::Report& report) {
  Cells cells(row);
  Finding finding;
  ReadPeak(row, cells, finding);
  finding.set_quantitation_ion(IonOf(row));
  if (!cells.fit()) return std::nullopt;
  ReadName(row, cells, at, report, finding);
  if (!cells.fit()) return std::nullopt;
  CheckGeometry(finding, row[Column::kRatio], at, report);
  return finding;
}

std::optional<Finding> ToCompound(const Table& row, uint64_t at, dims::v1::Report& report) {
  Cells cells(row);
  Finding finding;
  const absl::string_view time = row[Column::kTime];
  // LabSolutions prints zeros where there is no peak.
  const bool no_peak =
      IsZero(time) && IsZero(row[Column::kArea]) && (!row.Has(Column::kHeight) || IsZero(row[Column::kHeight]));
  const bool found = !no_peak && !IsNotDetected(time) && !IsDashes(time);
  finding.set_role(RoleOf(row[Column::kType]));
  finding.set_quantitation_ion(IonOf(row));
  if (found && !time.empty()) ReadPeak(row, cells, finding);
  ReadAmount(row, found, cells, finding);
  if (const absl::string_view mode = row[Column::kMode]; found && !mode.empty() && mode != "Auto") {
    finding.add_flags(std::string(mode));
  }
  if (!cells.fit()) return std::nullopt;
  ReadName(row, cells, at, report, finding);
  if (!cells.fit() || finding.label().empty()) return std::nullopt;
  if (finding.has_peak()) CheckGeometry(finding, row[Column::kRatio], at, report);
  return finding;
}

std::optional<dims::v1::Identification> ToHit(const Table& row, uint64_t at, dims::v1::Report& report) {
  Cells cells(row);
  dims::v1::Identification hit;
  uint32_t rank = 0;
  if (!absl::SimpleAtoi(row[Column::kHit], &rank) || rank == 0) return std::nullopt;
  hit.set_rank(rank);
  hit.set_score(cells.Number(Column::kScore));
  hit.set_score_kind(dims::v1::SCORE_KIND_SIMILARITY_INDEX);
  hit.set_label(std::string(FirstName(row[Column::kName])));
  hit.set_formula(std::string(row[Column::kFormula]));
  hit.set_retention_index(Index(cells.Number(Column::kIndex)));
  hit.set_reference(std::string(row[Column::kSerial]));
  hit.set_library(std::string(FileName(row[Column::kLibrary])));
  cells.Need(hit.score(), Column::kScore);
  if (!cells.fit()) return std::nullopt;
  hit.set_cas(LibraryCas(row[Column::kCas], at, report));
  if (const auto score = Micro(hit.score()); score && (*score < 0 || *score > 100 * absl::int128(1000000))) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("a similarity of ", hit.score(), " is not between 0 and 100"));
  }
  return hit;
}

}  // namespace dims::shimadzu
