// The Library Search Report ("LIBRPT.TXT"): what the probability based matching (PBM) proposes for each peak.
//
// Columns, from 0: peak head 0-3 number, 4-10 retention time, 11-16 percent of area, 17 the library's path. Hit 17-51
// name, 52-58 number in the library, 59-70 CAS, 71-74 quality. A name of more than 34 characters goes on in the next
// line at column 17, cut anywhere; older versions print it whole and shift the rest to the right. So a hit is read from
// its end, and where its CAS ends tells whether bytes were lost. No rule means that no peaks were detected.
//
// "No matches found", the change of library inside a peak, and lines that say there are no peaks are recall, not seen:
// they are taken, and nothing is refused for their absence.
#include <optional>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/msd/table.h"
#include "drivers/msd/text.h"

namespace dims::msd {
namespace {

constexpr std::size_t kNameColumn = 17, kNameWidth = 34, kCasEnd = 70;
constexpr std::size_t kLongestLibrary = 128;  // each hit repeats its name

bool IsColumnHeader(absl::string_view text) {
  return absl::StrContains(text, "Pk#") && absl::StrContains(text, "Library/ID");
}

bool IsRule(absl::string_view text) {
  return absl::StrContains(text, "________") && text.find_first_not_of("_ ") == absl::string_view::npos;
}

bool IsNoMatch(absl::string_view text) {
  return absl::StartsWithIgnoreCase(absl::StripAsciiWhitespace(text), "no matches found");
}

bool IsNoPeaks(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  return absl::StartsWith(lower, "no ") && absl::StrContains(lower, "peak");
}

bool IsLibraryPath(absl::string_view text) {
  return text.find_first_of("\\/") != absl::string_view::npos && absl::EndsWithIgnoreCase(text, ".L") &&
         FileName(text).size() <= kLongestLibrary;
}

// "  7  13.379 48.28 X:/GC/NIST05a.L"
struct Head {
  absl::string_view number, retention_time, area_percent, rest;
};
std::optional<Head> ParseHead(absl::string_view text) {
  const WordList words = Words(text);
  if (words.size() < 4 || Indent(text) >= kNameColumn) return std::nullopt;
  const absl::string_view rest = text.substr(static_cast<std::size_t>(words[3].data() - text.data()));
  if (FileName(rest).size() > kLongestLibrary || !IsDigits(words[0]) ||
      !(IsFixed(words[1], 3) || IsFixed(words[1], 2)) || !Decimal::Parse(words[2]) ||
      !(IsNoMatch(rest) || absl::EndsWithIgnoreCase(rest, ".L") ||
        rest.find_first_of("\\/") != absl::string_view::npos)) {
    return std::nullopt;
  }
  return Head{words[0], words[1], words[2], rest};
}

// "1,3-Benzenedicarboxylic acid, diet  72447 000636-53-3 96". Number and CAS touch where the CAS has seven digits
// first.
struct Hit {
  absl::string_view name, reference, quality;
  Cas cas;
  bool in_columns = false;
};
std::optional<Hit> ParseHit(absl::string_view text) {
  const std::size_t quality = text.find_last_not_of("0123456789") + 1;
  const std::size_t cas_end = text.find_last_not_of(' ', quality - 1) + 1;
  if (quality == 0 || quality == text.size() || text.size() - quality > 3 || cas_end == quality || cas_end == 0) {
    return std::nullopt;
  }
  std::size_t cas = text.find_last_not_of("0123456789-", cas_end - 1) + 1;
  const std::size_t dash = text.find('-', cas);
  if (dash >= cas_end) return std::nullopt;
  std::size_t reference = cas, reference_end = cas;
  if (dash - cas > 7) {
    cas = reference_end = dash - 7;
  } else {
    reference_end = cas == 0 ? 0 : text.find_last_not_of(' ', cas - 1) + 1;
    if (reference_end == 0) return std::nullopt;
    reference = text.find_last_not_of("0123456789", reference_end - 1) + 1;
  }
  std::optional<Cas> number = ParseCas(text.substr(cas, cas_end - cas));
  const absl::string_view printed_name = Columns(text.substr(0, reference), kNameColumn);
  const absl::string_view name = absl::StripTrailingAsciiWhitespace(printed_name);
  if (!number || reference == reference_end || name.empty() || name.size() == printed_name.size()) return std::nullopt;
  Hit hit{name, text.substr(reference, reference_end - reference), text.substr(quality), *std::move(number)};
  const std::size_t width = CountCharacters(name), ends = CountCharacters(text.substr(0, cas_end));
  const std::size_t due = kCasEnd + (width > kNameWidth ? width - kNameWidth : 0);
  hit.in_columns =
      Indent(text) == kNameColumn && (ends == due || (dash - cas == 7 && text[cas] != '0' && ends == due + 1));
  return hit;
}

class LibrarySearchTable final : public Table {
 public:
  bool Take(const TextLine& line, dims::v1::Report& report) override {
    const absl::string_view text = line.text;
    if (IsColumnHeader(text)) return true;
    if (IsRule(text)) {
      phase_ = kWithin;
      return true;
    }
    if (phase_ == kBefore) return IsNoPeaks(text) || absl::StrContains(text, "Minimum Quality:");
    dims::v1::Analysis& analysis = *report.mutable_analyses(report.analyses_size() - 1);
    if (IsNoMatch(text)) {
      if (!in_peak_ || answered_) return false;
      answered_ = true;
      return true;
    }
    if (Indent(text) < kNameColumn) {
      // Where a head cannot be read, the hits that follow are not the last peak's.
      CheckAnswered(line.at, report);
      in_peak_ = false;
      const std::optional<Head> head = ParseHead(text);
      if (head) TakeHead(*head, line.at, analysis, report);
      return head.has_value();
    }
    if (!in_peak_) return false;
    dims::v1::Finding& finding = *analysis.mutable_findings(analysis.findings_size() - 1);
    if (const std::optional<Hit> hit = ParseHit(text)) {
      TakeHit(*hit, line, finding, report);
      return true;
    }
    if (room_ == 0 && IsLibraryPath(text)) {
      library_ = std::string(FileName(text));
      return true;
    }
    return TakeRestOfName(text, finding);
  }

  bool IsBody(absl::string_view text) const override {
    return phase_ == kWithin && !IsColumnHeader(text) && !IsRule(text);
  }

  // A report begins with a peak's head; so a page that begins with anything else goes on.
  bool Continues(absl::string_view text) const override {
    if (phase_ != kWithin) return false;
    const std::optional<Head> head = ParseHead(text);
    return head ? Units(head->number) > last_ : in_peak_;
  }

  bool ShowsItsEnd() const override { return false; }

  void Check(uint64_t at, dims::v1::Report& report) const override {
    CheckAnswered(at, report);
    if (phase_ == kWithin && last_ < 0) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at, "the table of hits is empty");
    }
  }

 private:
  void CheckAnswered(uint64_t at, dims::v1::Report& report) const {
    if (in_peak_ && !answered_) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at,
                 absl::StrCat("peak ", static_cast<int64_t>(last_), " has no hit"));
    }
  }

  void TakeHead(const Head& head, uint64_t at, dims::v1::Analysis& analysis, dims::v1::Report& report) {
    const absl::int128 number = Units(head.number);
    if (number <= last_) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
                 absl::StrCat("peak ", head.number, " stands after peak ", static_cast<int64_t>(last_)));
    }
    last_ = number;
    in_peak_ = true;
    answered_ = IsNoMatch(head.rest);
    library_ = answered_ ? "" : std::string(FileName(head.rest));
    room_ = 0;
    dims::v1::Finding& finding = *analysis.add_findings();
    finding.set_retention_time(Point(head.retention_time));
    finding.mutable_peak()->set_number(std::string(head.number));
    finding.mutable_peak()->set_area_percent(Point(head.area_percent));
  }

  void TakeHit(const Hit& hit, const TextLine& line, dims::v1::Finding& finding, dims::v1::Report& report) {
    answered_ = true;
    dims::v1::Identification& identification = *finding.add_identifications();
    const std::string where =
        absl::StrCat("peak ", finding.peak().number(), ", hit ", finding.identifications_size(), ": ");
    identification.set_rank(static_cast<uint32_t>(finding.identifications_size()));
    identification.set_label(std::string(hit.name));
    identification.set_cas(hit.cas.number);
    identification.set_reference(std::string(hit.reference));
    identification.set_score(std::string(hit.quality));
    identification.set_score_kind(dims::v1::SCORE_KIND_PBM_QUALITY);
    identification.set_library(library_);
    if (hit.cas.kind == Cas::kWrongCheckDigit) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
                 absl::StrCat(where, "the check digit of CAS ", hit.cas.number, " is wrong"));
    }
    if (Units(hit.quality) > 100) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
                 absl::StrCat(where, "a quality of ", hit.quality, " is above 100"));
    }
    if (!hit.in_columns) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
                 absl::StrCat(where, "its columns do not stand where they are due"));
    }
    // A name can only go on where it filled its columns; its last character may be a blank.
    const std::size_t width = CountCharacters(hit.name);
    room_ = 0;
    if (width + 1 == kNameWidth || width == kNameWidth) room_ = kNameWidth - width + 1;
  }

  bool TakeRestOfName(absl::string_view text, dims::v1::Finding& finding) {
    const absl::string_view rest = Columns(text, kNameColumn);
    const std::size_t width = CountCharacters(rest);
    if (room_ == 0 || width == 0 || width > kNameWidth || Indent(text) > kNameColumn + 1) return false;
    std::string& name = *finding.mutable_identifications(finding.identifications_size() - 1)->mutable_label();
    absl::StrAppend(&name, room_ == 2 ? " " : "", rest);
    room_ = width + 1 >= kNameWidth ? kNameWidth - width + 1 : 0;
    return true;
  }

  absl::int128 last_ = -1;  // the last peak's number
  bool in_peak_ = false;    // hits are of the last finding
  bool answered_ = false;   // it has a hit, or the report says that there is none
  std::size_t room_ = 0;    // 0: the last name has ended; 1: it may go on; 2: after a blank
  std::string library_;
};

}  // namespace

std::unique_ptr<Table> MakeLibrarySearchTable() { return std::make_unique<LibrarySearchTable>(); }

}  // namespace dims::msd
