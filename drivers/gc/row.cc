#include "drivers/gc/row.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

using dims::v1::Finding;

constexpr absl::string_view kNotFound = "-";
constexpr Number kHundred{1000000000000, 10};

std::string PeakName(const Finding& finding) {
  return finding.peak().number().empty() ? absl::StrCat("the peak at ", finding.retention_time())
                                         : absl::StrCat("peak ", finding.peak().number());
}

// A compound of the method that was not found, in a report that has zeros for it: no peak is without width.
bool IsOfNoPeak(const Finding& finding) {
  const dims::v1::Peak& peak = finding.peak();
  return !finding.label().empty() && finding.role() != dims::v1::FINDING_ROLE_INTERNAL_STANDARD &&
         peak.type().empty() && IsZero(peak.width()) && IsZero(peak.area()) &&
         (peak.height().empty() || IsZero(peak.height())) &&
         (finding.amount().value().empty() || IsZero(finding.amount().value()));
}

}  // namespace

Column ColumnOf(absl::string_view name, absl::string_view unit) {
  struct Name {
    absl::string_view name;
    Column column;
  };
  static constexpr Name kNames[] = {
      {"peak", Column::kNumber},
      {"peak#", Column::kNumber},
      {"peaknumber", Column::kNumber},
      {"#", Column::kNumber},
      {"rettime", Column::kTime},
      {"rettime.", Column::kTime},
      {"retentiontime", Column::kTime},
      {"measrettime", Column::kTime},
      {"sig", Column::kSignal},
      {"signal", Column::kSignal},
      {"type", Column::kType},
      {"peaktype", Column::kType},
      {"istd", Column::kStandard},
      {"istdused", Column::kStandard},
      {"width", Column::kWidth},
      {"peakwidth", Column::kWidth},
      {"area", Column::kArea},
      {"totalarea", Column::kArea},
      {"area%", Column::kAreaPercent},
      {"height", Column::kHeight},
      {"amount", Column::kAmount},
      {"totalamount", Column::kAmount},
      {"norm", Column::kAmount},
      {"start", Column::kStart},
      {"end", Column::kEnd},
      {"name", Column::kName},
      {"compound", Column::kName},
      {"compoundname", Column::kName},
      {"peakname", Column::kName},
      {"amt/area", Column::kLeftOut},
      {"amt/arearatio", Column::kLeftOut},
      {"amt/height", Column::kLeftOut},
      {"amt/heightratio", Column::kLeftOut},
      {"amount/area", Column::kLeftOut},
      {"grp", Column::kLeftOut},
      {"group", Column::kLeftOut},
      {"groupid", Column::kLeftOut},
      {"groupname", Column::kName},
      {"useistd", Column::kLeftOut},
      {"height%", Column::kLeftOut},
      {"symm", Column::kLeftOut},
      {"symmetry", Column::kLeftOut},
      {"peaksymmetry", Column::kLeftOut},
      {"tailing", Column::kLeftOut},
      {"k'", Column::kLeftOut},
      {"plates", Column::kLeftOut},
      {"resol", Column::kLeftOut},
      {"resolution", Column::kLeftOut},
      {"select", Column::kLeftOut},
      {"selectivity", Column::kLeftOut},
      {"exprettime", Column::kLeftOut},
      {"istdamount", Column::kLeftOut},
      {"istd#", Column::kLeftOut},
  };
  std::string plain = absl::StrReplaceAll(absl::AsciiStrToLower(name), {{" ", ""}, {"\t", ""}, {".", ""}});
  if (unit == "%" && (plain == "area" || plain == "height")) plain += '%';
  const auto* found =
      std::find_if(std::begin(kNames), std::end(kNames), [&](const Name& n) { return n.name == plain; });
  return found == std::end(kNames) ? Column::kUnknown : found->column;
}

bool Put(Column column, absl::string_view cell, absl::string_view unit, Row& row) {
  Finding& finding = row.finding;
  const auto number = [&](std::string* field) {
    if (cell == kNotFound || cell.empty()) return true;
    if (!Number::Parse(cell)) return false;
    *field = Point(cell);
    return true;
  };
  switch (column) {
    case Column::kNumber:
      if (!IsDigits(cell)) return false;
      row.number = std::string(cell);
      finding.mutable_peak()->set_number(row.number);
      return true;
    case Column::kTime:
      return !cell.empty() && number(finding.mutable_retention_time());
    case Column::kSignal:
      if (cell.empty() || cell == kNotFound) return true;
      if (!IsDigits(cell) || cell.size() > 3) return false;
      row.signal = static_cast<int>(Decimal::Parse(cell)->units);
      return true;
    case Column::kType:
      if (cell.empty()) return true;
      *finding.mutable_peak()->mutable_type() = std::string(cell);
      absl::RemoveExtraAsciiWhitespace(finding.mutable_peak()->mutable_type());
      return cell.size() <= 8;
    case Column::kStandard:
      return cell.empty() || cell == kNotFound || IsDigits(cell);
    case Column::kWidth:
      return number(finding.mutable_peak()->mutable_width());
    case Column::kArea:
      return number(finding.mutable_peak()->mutable_area());
    case Column::kHeight:
      return number(finding.mutable_peak()->mutable_height());
    case Column::kAreaPercent:
      return number(finding.mutable_peak()->mutable_area_percent());
    case Column::kAmount:
      finding.mutable_amount()->set_unit(std::string(unit));
      return number(finding.mutable_amount()->mutable_value());
    case Column::kStart:
      return number(finding.mutable_peak()->mutable_start_time());
    case Column::kEnd:
      return number(finding.mutable_peak()->mutable_end_time());
    case Column::kName:
      finding.set_label(std::string(cell));
      return true;
    case Column::kLeftOut:
    case Column::kUnknown:
      return true;
  }
  return false;
}

bool Complete(bool marks_standards, Row& row) {
  Finding& finding = row.finding;
  const bool quantified = finding.has_amount();
  if (finding.retention_time().empty() && finding.label().empty() && finding.peak().number().empty()) return false;
  if (finding.label() == "?") {
    finding.clear_label();
    finding.set_role(dims::v1::FINDING_ROLE_UNKNOWN);
  } else if (quantified && !finding.label().empty()) {
    finding.set_role(dims::v1::FINDING_ROLE_TARGET);
  }
  if (marks_standards && finding.has_peak()) {
    // "FM   I" is a peak of type FM, and an internal standard.
    std::string& type = *finding.mutable_peak()->mutable_type();
    if (type == "I" || (type.size() > 2 && type.compare(type.size() - 2, 2, " I") == 0)) {
      type.resize(type.size() == 1 ? 0 : type.size() - 2);
      finding.set_role(dims::v1::FINDING_ROLE_INTERNAL_STANDARD);
    }
  }
  if (finding.peak().ByteSizeLong() == 0) finding.clear_peak();
  if (IsOfNoPeak(finding)) {
    finding.clear_peak();
    finding.mutable_amount()->clear_value();
    finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
    return true;
  }
  if (!quantified) return true;
  dims::v1::Amount& amount = *finding.mutable_amount();
  if (!amount.value().empty()) {
    amount.set_qualifier(dims::v1::AMOUNT_QUALIFIER_EQUAL);
  } else if (finding.peak().area().empty() && !finding.label().empty()) {
    amount.set_qualifier(dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  } else {
    finding.clear_amount();
  }
  return true;
}

void Sums::Add(const Row& row, uint64_t at, dims::v1::Report& report) {
  const Finding& finding = row.finding;
  ++rows_;
  if (const std::optional<Decimal> number = Decimal::Parse(row.number)) {
    if (number->units != number_ + 1) {
      AddProblem(
          report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
          absl::StrCat("peak ", row.number, " stands where peak ", static_cast<int64_t>(number_ + 1), " is due"));
    }
    number_ = number->units;
  }
  time_ = Number::Parse(finding.retention_time()).value_or(time_);
  const auto add = [](Sum& sum, const std::string& printed) {
    if (const std::optional<Number> number = Number::Parse(printed)) sum.Add(*number);
  };
  add(area_, finding.peak().area());
  add(height_, finding.peak().height());
  add(percent_, finding.peak().area_percent());
  add(amount_, finding.amount().value());
  if (finding.role() != dims::v1::FINDING_ROLE_INTERNAL_STANDARD) {
    add(amount_without_standards_, finding.amount().value());
  }
}

bool Sums::GoesBack(const Row& row) const {
  const std::optional<Decimal> number = Decimal::Parse(row.number);
  const std::optional<Number> time = Number::Parse(row.finding.retention_time());
  if (rows_ == 0 || !number || number->units > number_) return false;
  return number->units < number_ || (time && (IsLess(*time, time_) || IsLess(time_, *time)));
}

bool Sums::IsOfAnotherTable(const Row& row) const {
  if (rows_ == 0) return false;
  const std::optional<Decimal> number = Decimal::Parse(row.number);
  const std::optional<Number> time = Number::Parse(row.finding.retention_time());
  return (number && number->units <= number_) || (time && IsLess(*time, time_));
}

bool Sums::CheckTotal(Column column, absl::string_view printed, bool without_standards, uint64_t at,
                      dims::v1::Report& report) const {
  struct Total {
    absl::string_view what;
    const Sum& sum;
  };
  const Total total = column == Column::kArea          ? Total{"areas", area_}
                      : column == Column::kHeight      ? Total{"heights", height_}
                      : column == Column::kAreaPercent ? Total{"percentages", percent_}
                      : without_standards              ? Total{"amounts without standards", amount_without_standards_}
                                                       : Total{"amounts", amount_};
  const std::optional<Number> stated = Number::Parse(printed);
  if (!stated) return false;
  if (!total.sum.CanBe(*stated)) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
               absl::StrCat("the ", total.what, " of ", total.sum.count(), " rows add up to ",
                            total.sum.Text(stated->scale), ", the total says ", printed));
  }
  return true;
}

void Sums::CheckPercents(const dims::v1::Analysis& analysis, const Number& total, uint64_t at,
                         dims::v1::Report& report) const {
  for (int i = std::max(0, analysis.findings_size() - rows_); i < analysis.findings_size(); ++i) {
    const Finding& finding = analysis.findings(i);
    const std::optional<Number> percent = Number::Parse(finding.peak().area_percent());
    const std::optional<Number> area = Number::Parse(finding.peak().area());
    if (!percent || !area || CanBePercent(*percent, *area, total)) continue;
    AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
               absl::StrCat(PeakName(finding), ": area ", finding.peak().area(), " is not ",
                            finding.peak().area_percent(), " % of the total"));
  }
  if (percent_.count() > 0 && total.units != 0 && !percent_.CanBe(kHundred)) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
               absl::StrCat("the percentages of ", percent_.count(), " peaks add up to ", percent_.Text(3)));
  }
}

}  // namespace dims::gc
