#include "drivers/msd/results_csv.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/msd/text.h"

namespace dims::msd {
namespace {

constexpr int kMostSections = 64;  // each repeats the name of the data file

// A trace is named after its data file; a name with a folder before it is not carried.
absl::string_view WithoutFolder(absl::string_view signal) {
  const bool folder =
      absl::StrContains(signal, ":\\") || absl::StrContains(signal, ":/") || absl::StrContains(signal, "\\\\");
  return folder ? absl::string_view() : signal;
}

// "TIC: S1.D\\data.ms", "FID1A.ch: S1.D\\FID1A.ch", "Signal: S1.D\\FID1A.ch": a channel of another detector is a file
// of its own, named after the detector.
dims::v1::Technique TechniqueOf(absl::string_view signal) {
  const std::string file =
      absl::AsciiStrToUpper(absl::StripAsciiWhitespace(signal.substr(signal.find_last_of("\\:") + 1)));
  const bool flame =
      absl::StartsWith(file, "FID") || (absl::StartsWith(signal, "FID") && absl::StrContains(signal, ':'));
  if (absl::EndsWith(file, ".CH")) return flame ? dims::v1::TECHNIQUE_GC_FID : dims::v1::TECHNIQUE_GC;
  // Data files may be named after a detector, too.
  const bool of_spectrometer = absl::EndsWith(file, ".MS") || absl::EndsWith(file, ".D");
  return flame && !of_spectrometer ? dims::v1::TECHNIQUE_GC_FID : dims::v1::TECHNIQUE_GC_MS;
}

bool IsDecimal(absl::string_view text) { return Decimal::Parse(text).has_value(); }

}  // namespace

bool IsContents(absl::string_view line) {
  return absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(line), "[contents]");
}

void ResultsCsv::Take(const TextLine& line) {
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  absl::string_view text = absl::StripAsciiWhitespace(line.text);
  if (text.empty() || IsContents(text)) return;
  if (absl::ConsumePrefix(&text, "[") && absl::ConsumeSuffix(&text, "]")) {
    TakeSection(absl::StripAsciiWhitespace(text), line.at);
    return;
  }
  if (part_ == Part::kUnknown) return;
  const std::size_t equals = text.find('=');
  bool taken = false;
  if (equals != absl::string_view::npos) {
    const absl::string_view key = absl::StripAsciiWhitespace(text.substr(0, equals));
    absl::string_view value = text.substr(equals + 1);
    absl::ConsumePrefix(&value, ",");
    taken =
        part_ == Part::kContents ? TakeContents(key, absl::StripAsciiWhitespace(value)) : TakeKey(key, value, line.at);
  }
  if (!taken) Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, "this line has no place in its section");
}

bool ResultsCsv::TakeContents(absl::string_view key, absl::string_view value) {
  if (key == "count") return count_ < 0 && absl::SimpleAtoi(value, &count_) && count_ >= 0;
  if (key == "Name") {
    data_file_ = std::string(FileName(value));
    return true;
  }
  int number = 0;
  if (!absl::SimpleAtoi(key, &number) || number != listed_ + 1) return false;
  ++listed_;
  return true;
}

void ResultsCsv::TakeSection(absl::string_view title, uint64_t at) {
  CloseSection();
  ++sections_;
  section_at_ = at;
  rows_ = 0;
  sums_ = PeakSums();
  percents_ = false;
  const bool room = report_.analyses_size() < kMostSections;
  if (room && absl::ConsumePrefix(&title, "INT ")) {
    part_ = Part::kPeaks;
    columns_ = {Column::kNumber, Column::kTime,   Column::kFirst, Column::kMax,          Column::kLast,
                Column::kType,   Column::kHeight, Column::kArea,  Column::kPercentOfMax, Column::kAreaPercent};
  } else if (room && absl::ConsumePrefix(&title, "PBM ")) {
    part_ = Part::kHits;
    columns_ = {Column::kNumber,    Column::kTime, Column::kAreaPercent, Column::kName,
                Column::kReference, Column::kCas,  Column::kQuality};
    absl::ConsumePrefix(&title, "Apex");
  } else {
    part_ = Part::kUnknown;
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at,
            room ? "a section of this kind is not known; its lines are left out"
                 : "one section more than such a file has; its lines are left out");
    return;
  }
  dims::v1::Analysis& analysis = *report_.add_analyses();
  title = absl::StripAsciiWhitespace(title);
  analysis.set_data_file(data_file_);
  analysis.set_technique(TechniqueOf(title));
  title = WithoutFolder(title);
  analysis.set_signal(std::string(title));
}

bool ResultsCsv::TakeKey(absl::string_view key, absl::string_view value, uint64_t at) {
  if (key == "Time") {
    const absl::string_view time = absl::StripAsciiWhitespace(value);
    report_.mutable_analyses(report_.analyses_size() - 1)->set_reported_at_printed(std::string(time));
    return true;
  }
  const std::optional<Fields> fields = SplitFields(value);
  if (!fields) return false;
  if (key == "Header" && rows_ == 0) {
    struct Name {
      absl::string_view name;
      Column column;
    };
    constexpr std::array<Name, 24> kNames = {{{"peak", Column::kNumber},
                                              {"pk", Column::kNumber},
                                              {"pk#", Column::kNumber},
                                              {"r.t.", Column::kTime},
                                              {"rt", Column::kTime},
                                              {"first", Column::kFirst},
                                              {"max", Column::kMax},
                                              {"last", Column::kLast},
                                              {"start", Column::kStart},
                                              {"end", Column::kEnd},
                                              {"pk ty", Column::kType},
                                              {"height", Column::kHeight},
                                              {"area", Column::kArea},
                                              {"pct max", Column::kPercentOfMax},
                                              {"pct total", Column::kAreaPercent},
                                              {"area pct", Column::kAreaPercent},
                                              {"area%", Column::kAreaPercent},
                                              {"library/id", Column::kName},
                                              {"ref", Column::kReference},
                                              {"ref#", Column::kReference},
                                              {"cas", Column::kCas},
                                              {"cas#", Column::kCas},
                                              {"qual", Column::kQuality},
                                              {"quality", Column::kQuality}}};
    columns_.clear();
    bool all_known = true;
    for (std::string field : *fields) {
      absl::AsciiStrToLower(&field);
      absl::RemoveExtraAsciiWhitespace(&field);
      const auto* known = std::find_if(kNames.begin(), kNames.end(), [&](const Name& n) { return n.name == field; });
      columns_.push_back(known == kNames.end() ? Column::kUnknown : known->column);
      all_known &= known != kNames.end();
    }
    if (!all_known) {
      Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a column is not known; its values are left out");
    }
    return true;
  }
  if (!IsDigits(key) || !TakeRow(*fields, at)) return false;
  if (Units(key) != ++rows_) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat("row ", key, " stands where row ", rows_, " is due"));
    rows_ = static_cast<int64_t>(Units(key));
  }
  return true;
}

bool ResultsCsv::TakeRow(const Fields& fields, uint64_t at) {
  if (fields.size() != columns_.size()) return false;
  dims::v1::Finding row;
  dims::v1::Identification hit;
  dims::v1::Peak& peak = *row.mutable_peak();
  std::optional<Cas> cas;
  bool fits = true;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string& text = fields[i];
    const auto number = [&](bool form) { return (fits &= form, Point(text)); };
    switch (columns_[i]) {
      case Column::kNumber:
        peak.set_number(number(IsDigits(text)));
        break;
      case Column::kTime:
        row.set_retention_time(number(IsFixed(text, 3) || IsFixed(text, 2)));
        break;
      case Column::kFirst:
        peak.set_first_scan(number(IsDigits(text)));
        break;
      case Column::kMax:
        peak.set_max_scan(number(IsDigits(text)));
        break;
      case Column::kLast:
        peak.set_last_scan(number(IsDigits(text)));
        break;
      case Column::kStart:
        peak.set_start_time(number(IsDecimal(text)));
        break;
      case Column::kEnd:
        peak.set_end_time(number(IsDecimal(text)));
        break;
      case Column::kType:
        peak.set_type(text);
        absl::RemoveExtraAsciiWhitespace(peak.mutable_type());
        break;
      case Column::kHeight:
        peak.set_height(number(IsDecimal(text)));
        break;
      case Column::kArea:
        peak.set_area(number(IsDecimal(text)));
        break;
      case Column::kPercentOfMax:
        peak.set_percent_of_max(number(IsFixed(text, 2)));
        break;
      case Column::kAreaPercent:
        peak.set_area_percent(number(part_ == Part::kPeaks ? IsFixed(text, 3) : IsDecimal(text)));
        break;
      case Column::kName:
        hit.set_label(text);
        break;
      case Column::kReference:
        hit.set_reference(number(text.empty() || IsDigits(text)));
        break;
      case Column::kCas:
        cas = ParseCas(text);
        fits &= cas.has_value() || text.empty();
        break;
      case Column::kQuality:
        hit.set_score(number(text.empty() || IsDigits(text)));
        break;
      case Column::kUnknown:
        break;
    }
  }
  if (!fits || row.retention_time().empty()) return false;
  dims::v1::Analysis& analysis = *report_.mutable_analyses(report_.analyses_size() - 1);
  if (part_ == Part::kPeaks) {
    percents_ = IsDigits(peak.area()) && !peak.area_percent().empty() && !peak.percent_of_max().empty() &&
                (percents_ || analysis.findings_size() == 0);
    sums_.Add(peak, at, report_);
    *analysis.add_findings() = std::move(row);
    return true;
  }
  if (cas) hit.set_cas(cas->number);
  if (cas && cas->kind == Cas::kWrongCheckDigit) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("the check digit of CAS ", cas->number, " is wrong"));
  }
  return TakeHit(row, hit, at);
}

// Further hits of a peak come as rows that repeat its number and time.
bool ResultsCsv::TakeHit(const dims::v1::Finding& row, const dims::v1::Identification& hit, uint64_t at) {
  if (!hit.score().empty() && Units(hit.score()) > 100) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, absl::StrCat("a quality of ", hit.score(), " is above 100"));
  }
  dims::v1::Analysis& analysis = *report_.mutable_analyses(report_.analyses_size() - 1);
  dims::v1::Finding* finding =
      analysis.findings_size() == 0 ? nullptr : analysis.mutable_findings(analysis.findings_size() - 1);
  if (finding == nullptr || finding->peak().number() != row.peak().number() ||
      finding->retention_time() != row.retention_time()) {
    finding = analysis.add_findings();
    *finding = row;
  }
  if (hit.label().empty()) return true;  // a peak without a hit
  dims::v1::Identification& identification = *finding->add_identifications();
  identification = hit;
  identification.set_rank(static_cast<uint32_t>(finding->identifications_size()));
  identification.set_score_kind(dims::v1::SCORE_KIND_PBM_QUALITY);
  return true;
}

void ResultsCsv::CloseSection() {
  if (part_ != Part::kPeaks || !percents_) return;
  const dims::v1::Analysis& analysis = report_.analyses(report_.analyses_size() - 1);
  sums_.CheckPercents(analysis, sums_.sum(), std::max(1, analysis.findings_size()), section_at_, report_);
}

Whole ResultsCsv::whole() const {
  return count_ >= 0 && sections_ >= std::max(count_, listed_) ? Whole::kUnlessMore : Whole::kNo;
}

End ResultsCsv::Finish(End::Where where, bool complete) && {
  if (complete) {
    CloseSection();
    if (data_file_.empty()) Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, "[contents] has no \"Name\" line");
    if (count_ != listed_ || count_ != sections_) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
              absl::StrCat("[contents] counts ", count_, " sections and lists ", listed_, "; there are ", sections_));
    }
  }
  return End{std::move(report_), where};
}

void ResultsCsv::Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  AddProblem(report_, type, at, message);
}

}  // namespace dims::msd
