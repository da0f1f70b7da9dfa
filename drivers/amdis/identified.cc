#include "drivers/amdis/identified.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::amdis {
namespace {

using dims::v1::Finding;
using dims::v1::Identification;

constexpr int kMostRows = 20'000;  // a short one would need far more room than its bytes

}  // namespace

bool IsHeader(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, '\t');
  constexpr absl::string_view kNeeded[] = {"FileName", "CAS", "Name", "RT", "Net"};
  return std::all_of(std::begin(kNeeded), std::end(kNeeded), [&](absl::string_view name) {
    return std::find(fields.begin(), fields.end(), name) != fields.end();
  });
}

MarkedName ParseName(absl::string_view printed) {
  MarkedName marked;
  absl::string_view name = absl::StripAsciiWhitespace(printed);
  const std::size_t signs = std::min(name.find_first_not_of(">?"), name.size());
  if (signs > 0) marked.marks.emplace_back(name.substr(0, signs));
  name = absl::StripLeadingAsciiWhitespace(name.substr(signs));
  if (absl::ConsumeSuffix(&name, " #")) marked.marks.emplace_back("#");
  if (const std::size_t end = name.find("] "); absl::StartsWith(name, "[") && end != absl::string_view::npos) {
    marked.marks.emplace_back(name.substr(0, end + 1));
    name.remove_prefix(end + 2);
  }
  if (const std::size_t begin = name.rfind(" ["); absl::EndsWith(name, "]") && begin != absl::string_view::npos) {
    marked.marks.emplace_back(name.substr(begin + 1));
    name = name.substr(0, begin);
  }
  marked.name = std::string(absl::StripAsciiWhitespace(name));
  return marked;
}

TextReport::Verdict Identified::Take(const TextLine& line) {
  if (line.text.empty()) return Verdict::kTaken;
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  if (columns_.empty()) {
    for (const absl::string_view name : TabFields(line)) columns_.emplace_back(name);
    return Verdict::kTaken;
  }
  if (IsHeader(line.text)) return Verdict::kOther;
  TakeRow(line);
  return ++rows_ > kMostRows ? Verdict::kFull : Verdict::kTaken;
}

void Identified::TakeRow(const TextLine& line) {
  const std::vector<absl::string_view> fields = TabFields(line);
  whole_ = fields.size() == columns_.size();
  if (!whole_) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
            absl::StrCat("a row of ", fields.size(), " fields under a header of ", columns_.size()));
    return;
  }
  Finding finding;
  Identification hit;
  dims::v1::Peak& peak = *finding.mutable_peak();
  std::string file;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    absl::string_view field = fields[i];
    const absl::string_view column = columns_[i];
    if (field.empty()) continue;
    const auto number = [&]() -> std::string {
      absl::ConsumeSuffix(&field, "%");
      if (IsNumber(field)) return Point(field);
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at,
              absl::StrCat("a cell of column ", i + 1, " is no number; it is left out"));
      return "";
    };
    if (column == "FileName") {
      file = std::string(FileName(field));
    } else if (column == "CAS") {
      const std::optional<Cas> cas = ParseCas(field);
      if (cas) hit.set_cas(cas->number);
      if (cas && cas->kind == Cas::kWrongCheckDigit) {
        Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
                absl::StrCat("the check digit of CAS ", cas->number, " is wrong"));
      }
    } else if (column == "Name") {
      MarkedName marked = ParseName(field);
      hit.set_label(std::move(marked.name));
      for (std::string& mark : marked.marks) hit.add_flags(std::move(mark));
    } else if (column == "RT") {
      finding.set_retention_time(number());
    } else if (column == "RI") {
      finding.set_retention_index(number());
    } else if (column == "RT-RT(lib)") {
      finding.set_retention_time_deviation(number());
    } else if (column == "Width") {
      peak.set_width(std::string(field));
    } else if (column == "Purity") {
      finding.set_purity(number());
    } else if (column == "Scan") {
      peak.set_max_scan(number());
    } else if (column == "Area") {
      peak.set_area(number());
    } else if (column == "S/N (total)") {
      finding.set_signal_to_noise(number());
    } else if (column == "Net") {
      hit.set_score(number());
      hit.set_score_kind(dims::v1::SCORE_KIND_AMDIS_NET);
    } else if (column == "Reverse") {
      hit.set_reverse_match(number());
    } else if (column == "Conc.") {
      const std::string amount = number();
      if (amount.empty()) continue;
      finding.mutable_amount()->set_value(amount);
      finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_EQUAL);
    }
  }
  if (finding.retention_time().empty()) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "a row without a time; it is left out");
    return;
  }
  if (report().analyses_size() == 0 || file != file_) {
    dims::v1::Analysis& analysis = *report().add_analyses();
    analysis.set_data_file(file);
    analysis.set_technique(dims::v1::TECHNIQUE_GC_MS);
    file_ = std::move(file);
    component_.clear();
  }
  dims::v1::Analysis& analysis = *report().mutable_analyses(report().analyses_size() - 1);
  std::string component = absl::StrCat(finding.retention_time(), " ", peak.max_scan());
  if (component != component_) first_of_component_ = analysis.findings_size();
  // An amount, and how far off the library's time is, are of one compound and no other.
  int place = first_of_component_;
  if (component != component_ || finding.has_amount() ||
      finding.retention_time_deviation() != analysis.findings(place).retention_time_deviation()) {
    place = analysis.findings_size();
    *analysis.add_findings() = std::move(finding);
  }
  component_ = std::move(component);
  *analysis.mutable_findings(place)->add_identifications() = std::move(hit);
}

}  // namespace dims::amdis
