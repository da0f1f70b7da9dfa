// The Quantitation Report ("quant.txt", "epatemp.txt"): compounds of the method, section after section, between two
// rules.
//
// The line of column names tells where name, retention time and ion stand (in most versions name 8-33, time 33-41, ion
// 41-46); versions differ. What follows the ion is read by its blanks: response, concentration or words in its place,
// unit, marks, and a last column that is a deviation in minutes or a Q value, as the section says.
//
// A compound that was not found may have zeros for time and response. The line under a surrogate has its recovery.
//
// The lines of a spiked amount, the mark "d" (taken out by hand), and the column names on the line of a section
// (HPCHEM) are recall, not seen: they are taken, and nothing is refused for their absence.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/gc/number.h"
#include "drivers/msd/table.h"
#include "drivers/msd/text.h"

namespace dims::msd {
namespace {

using dims::v1::Finding;

constexpr std::size_t kTimeWidth = 8;
constexpr int kMostMarks = 4;  // "m", "#", "+", "d"

struct Section {
  absl::string_view title;
  dims::v1::FindingRole role;
};
constexpr std::array<Section, 5> kSections = {{
    {"Internal Standards", dims::v1::FINDING_ROLE_INTERNAL_STANDARD},
    {"System Monitoring Compounds", dims::v1::FINDING_ROLE_SURROGATE},
    {"Surrogates", dims::v1::FINDING_ROLE_SURROGATE},
    {"Target Compounds", dims::v1::FINDING_ROLE_TARGET},
    {"SemiQuant Compounds", dims::v1::FINDING_ROLE_TARGET},
}};
const Section* SectionOf(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  for (const Section& section : kSections) {
    if (absl::StartsWith(text, section.title)) return &section;
  }
  return nullptr;
}

bool IsColumnHeader(absl::string_view text) {
  return absl::StrContains(text, "R.T.") && absl::StrContains(text, "Response") && absl::StrContains(text, "Conc");
}

bool IsFootnote(absl::string_view text) {
  return absl::StrContains(text, "= qualifier out of range") || absl::StrContains(text, "= manual integration") ||
         absl::StrContains(text, "= signals summed");
}

// "Spiked Amount     50.000  Range  70 - 130  Recovery   =   96.78%#": what stands in the place of these; a range
// without limits, and a recovery that has no room ("*****"), are not there.
struct Recovery {
  absl::string_view spiked;
  std::string range;
  std::string percent;
  bool marked = false;
};
std::optional<Recovery> ParseRecovery(absl::string_view text) {
  Recovery recovery;
  const std::size_t at = text.find("Recovery");
  absl::string_view percent = absl::StripAsciiWhitespace(text.substr(at + 8));
  if (!absl::ConsumePrefix(&percent, "=")) return std::nullopt;
  recovery.marked = absl::ConsumeSuffix(&percent, "#");
  percent = absl::StripAsciiWhitespace(percent);
  if (!absl::ConsumeSuffix(&percent, "%")) return std::nullopt;
  percent = absl::StripAsciiWhitespace(percent);
  const bool no_room = !percent.empty() && percent.find_first_not_of('*') == absl::string_view::npos;
  if (!no_room && !Decimal::Parse(percent)) return std::nullopt;
  if (!no_room) recovery.percent = Point(percent);
  absl::string_view before = text.substr(0, at);
  if (const std::size_t begin = before.find("Range"); begin != absl::string_view::npos) {
    const absl::string_view range = absl::StripAsciiWhitespace(before.substr(begin + 5));
    before = before.substr(0, begin);
    const std::size_t dash = range.find('-', 1);
    if (!range.empty() && range != "-") {
      if (dash == absl::string_view::npos || !Decimal::Parse(absl::StripAsciiWhitespace(range.substr(0, dash))) ||
          !Decimal::Parse(absl::StripAsciiWhitespace(range.substr(dash + 1)))) {
        return std::nullopt;
      }
      recovery.range = Point(range);
      absl::RemoveExtraAsciiWhitespace(&recovery.range);
    }
  }
  const WordList words = Words(before);
  if (words.size() > 2) recovery.spiked = words[2];
  return recovery;
}

// Whether it is that of the surrogate: what was found of what was added.
bool IsRecoveryOf(const Finding& surrogate, const Recovery& recovery) {
  const bool none = surrogate.amount().qualifier() == dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED;
  const std::optional<gc::Number> percent = gc::Number::Parse(recovery.percent),
                                  spiked = gc::Number::Parse(recovery.spiked),
                                  found = gc::Number::Parse(surrogate.amount().value());
  if (!percent) return true;
  if (none) return IsZero(recovery.percent);
  return !spiked || spiked->units == 0 || !found || gc::CanBePercent(*percent, *found, *spiked);
}

// False where the line has not that form.
bool TakeRecovery(absl::string_view text, uint64_t at, dims::v1::Report& report, Finding& surrogate) {
  const std::optional<Recovery> recovery = ParseRecovery(text);
  if (!recovery) return false;
  if (!IsRecoveryOf(surrogate, *recovery)) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               "a recovery that is not that of the surrogate above it; it is left out");
    return true;
  }
  surrogate.set_recovery(recovery->percent);
  surrogate.set_recovery_range(recovery->range);
  if (recovery->marked) surrogate.add_flags("#");
  return true;
}

bool IsSpikedAmount(absl::string_view text) {
  return absl::StartsWith(absl::StripLeadingAsciiWhitespace(text), "Spiked Amount") &&
         absl::StrContains(text, "Recovery");
}

// "    10) Caffeine": the number before the parenthesis.
std::optional<absl::string_view> IndexOf(absl::string_view text) {
  const std::size_t end = text.find(')');
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view index = absl::StripLeadingAsciiWhitespace(text.substr(0, end));
  return IsDigits(index) && index.size() <= 4 ? std::optional(index) : std::nullopt;
}

std::size_t NumberOf(absl::string_view index) { return static_cast<std::size_t>(Units(index)); }

bool IsSignedNumber(absl::string_view word) { return Decimal::Parse(word).has_value(); }

bool IsMark(absl::string_view word) {
  return !word.empty() && word.size() <= 4 && word.find_first_not_of("#+md") == absl::string_view::npos;
}

// "N.D.", "Below Cal", "No Calib" stand in the place of a concentration. Takes them off the words.
std::optional<dims::v1::AmountQualifier> TakeQualifier(absl::Span<const absl::string_view>& words) {
  struct Phrase {
    absl::string_view first, second;
    dims::v1::AmountQualifier qualifier;
  };
  constexpr std::array<Phrase, 3> kPhrases = {{
      {"N.D.", "", dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED},
      {"Below", "Cal", dims::v1::AMOUNT_QUALIFIER_BELOW_CALIBRATION},
      {"No", "Calib", dims::v1::AMOUNT_QUALIFIER_NOT_CALIBRATED},
  }};
  for (const Phrase& phrase : kPhrases) {
    const std::size_t size = phrase.second.empty() ? 1 : 2;
    if (words.size() < size || words[0] != phrase.first || (size == 2 && words[1] != phrase.second)) continue;
    words.remove_prefix(size);
    return phrase.qualifier;
  }
  return std::nullopt;
}

// Where name, retention time and ion end, in characters.
struct Edges {
  std::size_t time_end = 41, ion_end = 46;
};

// What one row says; `last` is what stands in the last column.
struct Row {
  Finding finding;
  absl::string_view last;
};

std::optional<Row> ParseRow(absl::string_view text, Edges edges) {
  const std::optional<absl::string_view> index = IndexOf(text);
  const absl::string_view head = Columns(text, 0, edges.time_end - kTimeWidth);
  const std::size_t parenthesis = text.find(')');
  if (!index || parenthesis >= head.size()) return std::nullopt;
  const absl::string_view name = absl::StripAsciiWhitespace(head.substr(parenthesis + 1));
  const absl::string_view time_field = Columns(text, edges.time_end - kTimeWidth, edges.time_end);
  const absl::string_view ion_field = Columns(text, edges.time_end, edges.ion_end);
  const absl::string_view time = absl::StripAsciiWhitespace(time_field), ion = absl::StripAsciiWhitespace(ion_field);
  // Right-aligned: a lost or added byte shows here.
  const bool aligned =
      (time.empty() || absl::EndsWith(time_field, time)) && (ion.empty() || absl::EndsWith(ion_field, ion));
  if (name.empty() || !aligned || !(time.empty() || IsFixed(time, 3) || IsFixed(time, 2)) ||
      !(ion.empty() || ion == "TIC" || IsDigits(ion))) {
    return std::nullopt;
  }
  const WordList all = Words(Columns(text, edges.ion_end));
  absl::Span<const absl::string_view> words = all;
  Row row;
  Finding& finding = row.finding;
  finding.set_label(std::string(name));
  finding.set_retention_time(Point(time));
  finding.set_quantitation_ion(std::string(ion));
  if (!words.empty()) {
    absl::string_view response = words[0];
    const bool by_hand = absl::ConsumeSuffix(&response, "m");
    if (IsDigits(response)) {
      finding.set_response(std::string(response));
      if (by_hand) finding.add_flags("m");
      words.remove_prefix(1);
    }
  }
  dims::v1::Amount& amount = *finding.mutable_amount();
  if (const std::optional<dims::v1::AmountQualifier> qualifier = TakeQualifier(words)) {
    amount.set_qualifier(*qualifier);
    if (*qualifier == dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED && IsZero(time)) {
      finding.clear_retention_time();
      if (IsZero(finding.response())) finding.clear_response();
    }
  } else if (!words.empty() && IsSignedNumber(words[0]) && !time.empty() && !finding.response().empty()) {
    amount.set_value(Point(words[0]));
    amount.set_qualifier(dims::v1::AMOUNT_QUALIFIER_EQUAL);
    words.remove_prefix(1);
  } else {
    return std::nullopt;
  }
  if (!words.empty() && !IsMark(words[0]) && !IsSignedNumber(words[0])) {
    // A unit of five letters touches the mark.
    absl::string_view unit = words[0];
    const std::size_t mark = unit.find_last_not_of("#+") + 1;
    amount.set_unit(std::string(unit.substr(0, mark)));
    for (const char c : unit.substr(mark)) finding.add_flags(std::string(1, c));
    words.remove_prefix(1);
  }
  while (!words.empty() && IsMark(words[0])) {
    for (const char mark : words[0]) finding.add_flags(std::string(1, mark));
    words.remove_prefix(1);
  }
  if (!words.empty() && IsSignedNumber(words[0])) {
    row.last = words[0];
    words.remove_prefix(1);
  }
  const bool ended = words.empty() && finding.flags_size() <= kMostMarks;
  return ended ? std::optional(std::move(row)) : std::nullopt;
}

// By how many columns a row stands off, going by its retention time; 0 where it has none.
int ShiftOf(absl::string_view text, Edges edges) {
  for (const absl::string_view word : Words(text)) {
    const auto at = static_cast<std::size_t>(word.data() - text.data());
    if (at < 2 || text.substr(at - 2, 2) != "  " || !(IsFixed(word, 3) || IsFixed(word, 2))) continue;
    const int shift =
        static_cast<int>(CountCharacters(text.substr(0, at + word.size()))) - static_cast<int>(edges.time_end);
    return shift < -static_cast<int>(kTimeWidth) ? 0 : shift;
  }
  return 0;
}

class QuantitationTable final : public Table {
 public:
  bool Take(const TextLine& line, dims::v1::Report& report) override {
    const absl::string_view text = line.text;
    if (phase_ == kAfter) return IsFootnote(text);
    if (IsColumnHeader(text)) {
      edges_.time_end = CountCharacters(text.substr(0, text.find("R.T."))) + 4;
      // A trace that is no mass trace has no ion.
      const std::size_t ion = text.find("QIon");
      edges_.ion_end = ion == absl::string_view::npos ? edges_.time_end : CountCharacters(text.substr(0, ion)) + 4;
      if (edges_.time_end < 2 * kTimeWidth || edges_.ion_end < edges_.time_end) edges_ = Edges();
      rule_is_due_ = true;
      if (const Section* section = SectionOf(text)) TakeSection(*section, text);
      return true;
    }
    if (IsRuler(text)) {
      phase_ = phase_ == kBefore || rule_is_due_ ? kWithin : kAfter;
      rule_is_due_ = false;
      return true;
    }
    if (phase_ == kBefore) return false;
    if (const Section* section = SectionOf(text)) {
      TakeSection(*section, text);
      return true;
    }
    dims::v1::Analysis& analysis = *report.mutable_analyses(report.analyses_size() - 1);
    if (IsSpikedAmount(text)) {
      if (!after_surrogate_) return false;
      after_surrogate_ = false;
      return TakeRecovery(text, line.at, report, *analysis.mutable_findings(analysis.findings_size() - 1));
    }
    std::optional<Row> row = ParseRow(text, edges_);
    if (const int shift = row ? 0 : ShiftOf(text, edges_); shift != 0) {
      // Bytes were lost or added before the retention time; what follows reads all the same.
      row = ParseRow(text, {edges_.time_end + shift, edges_.ion_end + shift});
      if (row) {
        AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, line.at,
                   absl::StrCat("compound ", *IndexOf(text), ": its columns do not stand where they are due"));
      }
    }
    if (!row) {
      // It may have been the next surrogate.
      if (!text.empty()) after_surrogate_ = false;
      return IsFootnote(text);
    }
    TakeRow(*std::move(row), *IndexOf(text), line.at, analysis, report);
    return true;
  }

  bool IsBody(absl::string_view text) const override {
    if (phase_ != kWithin || IsColumnHeader(text)) return false;
    return IndexOf(text).has_value() || IsSpikedAmount(text) || (IsRuler(text) && !rule_is_due_);
  }

  // Numbers are in no order, but none comes twice: a report printed again begins with one that has been.
  bool Continues(absl::string_view text) const override {
    if (phase_ != kWithin) return false;
    if (const std::optional<absl::string_view> index = IndexOf(text)) return !Seen(*index);
    return IsRuler(text) || after_surrogate_;
  }

  void TakeOver(const Table& page) override {
    const auto& other = static_cast<const QuantitationTable&>(page);
    edges_ = other.edges_;
    if (!other.said_section_) return;
    role_ = other.role_;
    last_is_ = other.last_is_;
  }

  bool ShowsItsEnd() const override { return true; }
  bool EndsReport() const override { return phase_ == kAfter; }

  void Check(uint64_t at, dims::v1::Report& report) const override {
    if (phase_ == kAfter) return;
    AddProblem(report, dims::v1::PROBLEM_TYPE_MISSING, at,
               phase_ == kWithin ? "the table of compounds has no second rule" : "there is no table of compounds");
  }

 private:
  enum class Last { kAsItLooks, kDeviation, kQValue };

  void TakeSection(const Section& section, absl::string_view text) {
    role_ = section.role;
    said_section_ = true;
    after_surrogate_ = false;
    last_is_ = Last::kAsItLooks;
    if (role_ != dims::v1::FINDING_ROLE_TARGET) last_is_ = Last::kDeviation;
    if (absl::EndsWith(text, "Qvalue")) last_is_ = Last::kQValue;
  }

  bool Seen(absl::string_view index) const {
    const std::size_t i = NumberOf(index);
    return i < seen_.size() && seen_[i];
  }

  void TakeRow(Row row, absl::string_view index, uint64_t at, dims::v1::Analysis& analysis, dims::v1::Report& report) {
    if (Seen(index)) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at, absl::StrCat("compound ", index, " comes twice"));
    }
    if (NumberOf(index) >= seen_.size()) seen_.resize(NumberOf(index) + 1);
    seen_[NumberOf(index)] = true;
    row.finding.set_role(role_);
    TakeLast(row, index, at, report);
    after_surrogate_ = role_ == dims::v1::FINDING_ROLE_SURROGATE;
    *analysis.add_findings() = std::move(row.finding);
  }

  // A deviation has a point, a Q value has none; where a section says which is due, the other is damage.
  void TakeLast(Row& row, absl::string_view index, uint64_t at, dims::v1::Report& report) const {
    if (row.last.empty()) return;
    const bool is_q_value = IsDigits(row.last);
    if ((is_q_value && last_is_ == Last::kDeviation) || (!is_q_value && last_is_ == Last::kQValue) ||
        (is_q_value && Units(row.last) > 100)) {
      AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
                 absl::StrCat("compound ", index, ": \"", row.last, "\" is no ",
                              last_is_ == Last::kDeviation ? "deviation in minutes" : "Q value"));
      return;
    }
    if (!is_q_value) {
      row.finding.set_retention_time_deviation(Point(row.last));
      return;
    }
    dims::v1::Identification& identification = *row.finding.add_identifications();
    identification.set_rank(1);
    identification.set_label(row.finding.label());
    identification.set_score(std::string(row.last));
    identification.set_score_kind(dims::v1::SCORE_KIND_Q_VALUE);
  }

  Edges edges_;
  bool rule_is_due_ = false;  // the next rule opens the table, or a page of it
  bool said_section_ = false;
  bool after_surrogate_ = false;
  dims::v1::FindingRole role_ = dims::v1::FINDING_ROLE_UNSPECIFIED;
  Last last_is_ = Last::kAsItLooks;
  std::vector<bool> seen_;  // by number of compound
};

}  // namespace

std::unique_ptr<Table> MakeQuantitationTable() { return std::make_unique<QuantitationTable>(); }

}  // namespace dims::msd
