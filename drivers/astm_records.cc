#include "drivers/astm_records.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/astm_link.h"
#include "drivers/astm_value.h"

namespace dims {
namespace {

using dims::v1::Amount;
using dims::v1::Analysis;
using dims::v1::Finding;

constexpr std::size_t kHeapOfFinding = sizeof(Finding) + sizeof(Amount) + 16 * sizeof(std::string);
constexpr std::size_t kHeapOfFlag = 2 * sizeof(std::string);
constexpr int kMostParts = 40;  // of a record or a field; no record of the standard has more

// Fields and components are numbered from 1, as in the standard; one that is not there is empty.
absl::string_view Part(const std::vector<absl::string_view>& parts, std::size_t number) {
  return number <= parts.size() ? absl::StripAsciiWhitespace(parts[number - 1]) : absl::string_view();
}

// Times have six digits or more, and what stands between them. Anything else in a time's place is not carried: where a
// maker shifts fields, it may be a name or a number.
bool IsTime(absl::string_view text) {
  return !text.empty() && absl::ascii_isdigit(text[0]) &&
         text.find_first_not_of("0123456789-+:./T ") == absl::string_view::npos &&
         std::count_if(text.begin(), text.end(), absl::ascii_isdigit) >= 6;
}

}  // namespace

void AstmMessage::Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
  AddProblem(report_, type, at, message);
}

void AstmMessage::TakeText(absl::string_view text, uint64_t at, bool last, bool cut) {
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    const bool whole = end != absl::string_view::npos || last;
    const absl::string_view piece = text.substr(0, end);
    if (rest_.empty()) rest_at_ = at;
    if (!whole) {
      rest_.append(piece.data(), piece.size());
      break;
    }
    if (rest_.empty()) {
      TakeRecord(piece, at, cut && end == absl::string_view::npos);
    } else {
      std::string joined = std::exchange(rest_, std::string());
      joined.append(piece.data(), piece.size());
      TakeRecord(joined, rest_at_, cut && end == absl::string_view::npos);
    }
    const std::size_t used = end == absl::string_view::npos ? text.size() : end + 1;
    text.remove_prefix(used);
    at += used;
  }
  if (last && !rest_.empty()) TakeRecord(std::exchange(rest_, std::string()), rest_at_, cut);
}

void AstmMessage::TakeRecord(absl::string_view record, uint64_t at, bool cut) {
  if (absl::StripAsciiWhitespace(record).empty()) return;
  ++records_;
  const char type = record[0];
  if (!IsAstmRecord(record) || (type != 'H' && record.size() > 1 && record[1] != field_)) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "this line is no record");
    return;
  }
  if (type == 'H') {
    TakeHeader(record, at);
    return;
  }
  if (ended_) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a record between a message's end and the next one's header");
  } else if (!header_ && !std::exchange(headless_, true)) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "the message does not begin with a header record");
  }
  if (type == 'P') {
    TakePatient(record);
    if (reading_.sample.record != 'P') return;  // then nothing of it is even decoded
  } else if (type != 'O' && type != 'R' && type != 'L') {
    return;
  }
  Text text = ToUtf8(record, reading_.encoding);
  if (doubled_) text.utf8 = absl::StrReplaceAll(text.utf8, {{"\\\\", "\\"}});
  if (text.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, at, "bytes that are no text in this encoding");
  Fields fields = absl::StrSplit(text.utf8, absl::MaxSplits(field_, kMostParts));
  if (cut && fields.size() > 1) fields.pop_back();
  switch (type) {
    case 'P':
      patient_sample_ = Unescape(PartAt(fields, reading_.sample));
      break;
    case 'O':
      TakeOrder(fields, at);
      break;
    case 'R':
      TakeResult(fields, at);
      heap_ += text.utf8.size();
      break;
    case 'L':
      TakeEnd(fields, at);
      break;
  }
  if (std::exchange(escape_damaged_, false)) {
    Problem(dims::v1::PROBLEM_TYPE_ENCODING, at, "escaped bytes (&X..&) that are no text in this encoding");
  }
}

void AstmMessage::TakeHeader(absl::string_view record, uint64_t at) {
  if (header_ && !ended_) {
    Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, at, "another message begins before this one has ended");
  } else if (ended_) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, "two messages share a frame");
  }
  const bool again = std::exchange(header_, true);
  ended_ = order_ = false;
  results_ = orders_ = 0;
  counts_on_ = false;
  patient_sample_.clear();
  patient_has_id_ = false;
  field_ = record.size() > 1 ? record[1] : '|';
  const std::size_t second = record.size() > 2 ? record.find(field_, 2) : absl::string_view::npos;
  absl::string_view defined = record.size() > 2 ? record.substr(2, second - 2) : absl::string_view();
  std::string single;
  doubled_ = defined.size() == 4 && absl::StrContains(defined, "\\\\");
  if (doubled_) defined = single = absl::StrReplaceAll(defined, {{"\\\\", "\\"}});
  if (defined.size() != 3 || !std::all_of(defined.begin(), defined.end(), absl::ascii_ispunct) ||
      defined[0] == defined[1] || defined[1] == defined[2] || defined[0] == defined[2]) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, "the header does not define three delimiters; read as \\^&");
    defined = "\\^&";
  }
  repeat_ = defined[0];
  component_ = defined[1];
  escape_ = defined[2];
  const Fields fields = absl::StrSplit(record, absl::MaxSplits(field_, kMostParts));
  const absl::string_view processing = Part(fields, 12);
  dims::v1::Origin origin = dims::v1::ORIGIN_UNSPECIFIED;
  if (processing == "Q" || processing == "QR") origin = dims::v1::ORIGIN_QC_STANDARD;
  if (processing == "T") origin = dims::v1::ORIGIN_EXERCISE;
  // Of two messages that share a frame neither may hide the other: a sample's finding may be urgent.
  report_.set_origin(!again || origin == report_.origin() ? origin : dims::v1::ORIGIN_UNSPECIFIED);
  sent_at_ = IsTime(Part(fields, 14)) ? std::string(Part(fields, 14)) : "";
}

Analysis& AstmMessage::AddAnalysis() {
  Analysis& analysis = *report_.add_analyses();
  analysis.set_technique(reading_.technique);
  if (!sent_at_.empty()) analysis.set_reported_at_printed(sent_at_);
  order_ = true;
  measured_at_ = false;
  order_results_ = 0;
  heap_ += 2 * sizeof(Analysis);
  return analysis;
}

void AstmMessage::TakePatient(absl::string_view record) {
  order_ = false;
  orders_ = 0;
  patient_sample_.clear();
  const Fields fields = absl::StrSplit(record, absl::MaxSplits(field_, kMostParts));
  patient_has_id_ = !Part(fields, 3).empty() || !Part(fields, 4).empty();
}

absl::string_view AstmMessage::PartAt(const Fields& fields, const AstmReading::Place& place) const {
  const absl::string_view field = Part(fields, static_cast<std::size_t>(place.field));
  return place.component == 0 ? field : Part(Components(field), static_cast<std::size_t>(place.component));
}

std::string AstmMessage::SampleNumber(const Fields& order, Analysis& analysis) {
  const AstmReading::Place& place = reading_.sample;
  std::string sample;
  if (reading_.by_standard) {
    // Behind it stand places in rack and sampler, which every maker orders in his own way.
    for (const std::size_t number : {3, 4}) {
      if (sample.empty()) sample = Unescape(Part(Components(Part(order, number)), 1));
    }
  } else if (place.record == 'O') {
    sample = Unescape(PartAt(order, place));
  }
  if (sample.empty() && place.record == 'P' && !patient_sample_.empty()) {
    sample = patient_sample_;
    analysis.set_sample_number_source(
        absl::StrCat("patient record, field ", place.field,
                     place.component > 0 ? absl::StrCat(", component ", place.component) : std::string()));
  }
  return sample;
}

void AstmMessage::TakeOrder(const Fields& fields, uint64_t at) {
  Analysis& analysis = AddAnalysis();
  int64_t number = 0;
  bool patient_lost = false;
  if (absl::SimpleAtoi(Part(fields, 2), &number)) {
    if (report_.analyses_size() == 1) counts_on_ = number > 1;
    patient_lost = orders_ > 0 && number <= orders_;
    orders_ = number;
  }
  std::string sample = SampleNumber(fields, analysis);
  if (patient_lost && !analysis.sample_number_source().empty()) {
    analysis.clear_sample_number_source();
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at,
            "the patient record before this order, which names its specimen, was lost");
  } else if (!sample.empty()) {
    analysis.set_sample_number(std::move(sample));
  } else {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at,
            patient_has_id_ || !IsBlank(Part(fields, 3)) || !IsBlank(Part(fields, 4))
                ? "the order names no specimen; where this instrument writes its number elsewhere, set sample_number"
                : "the order names no specimen");
  }
  const bool control = Part(fields, 12) == "Q";
  if (report_.analyses_size() > 1 && control != (controls_ > 0) && !mixed_at_) mixed_at_ = at;
  if (control) ++controls_;
  if (const absl::string_view ordered = Part(fields, 7); IsTime(ordered)) {
    analysis.set_acquired_at_printed(std::string(ordered));
  }
  if (const absl::string_view reported = Part(fields, 23); IsTime(reported)) {
    analysis.set_reported_at_printed(std::string(reported));
  }
  heap_ += analysis.SpaceUsedLong();
}

void AstmMessage::CheckRunningNumber(absl::string_view printed, uint64_t at) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(printed, &number) || number < 0) return;
  if (number > results_ + 1 && !(counts_on_ && results_ == 0)) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat("result ", number, " stands where result ", results_ + 1, " is due"));
  } else if (order_results_ > 0 && number <= order_results_) {
    Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
            absl::StrCat("result ", number, " stands behind result ", order_results_, ": the order between was lost"));
    AddAnalysis();
  }
  results_ = order_results_ = number;
}

void AstmMessage::TakeResult(const Fields& fields, uint64_t at) {
  if (!order_) {
    Problem(dims::v1::PROBLEM_TYPE_MISSING, at, "a result without an order");
    AddAnalysis();
  }
  CheckRunningNumber(Part(fields, 2), at);
  Analysis& analysis = *report_.mutable_analyses(report_.analyses_size() - 1);
  Finding& finding = *analysis.add_findings();
  TakeTest(Part(fields, 3), finding);
  Amount amount;
  if (TakeAmount(Part(fields, 4), Part(fields, 5), at, amount)) *finding.mutable_amount() = std::move(amount);
  if (const absl::string_view range = Part(fields, 6); !IsBlank(range)) finding.set_reference_range(Unescape(range));
  for (const absl::string_view flag : Repeats(Part(fields, 7))) {
    finding.add_flags(Unescape(flag));
    // Off the instrument's scale: the number is none that was measured.
    if (finding.amount().qualifier() != dims::v1::AMOUNT_QUALIFIER_EQUAL) continue;
    if (flag == "<") finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_BELOW_CALIBRATION);
    if (flag == ">") finding.mutable_amount()->set_qualifier(dims::v1::AMOUNT_QUALIFIER_ABOVE_RANGE);
  }
  if (const absl::string_view status = Part(fields, 9); !status.empty()) {
    finding.set_result_status(Unescape(status));
    if (absl::c_linear_search(Repeats(status), "P")) report_.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
  }
  const absl::string_view ended = Part(fields, 13), measured = IsTime(ended) ? ended : Part(fields, 12);
  if (IsTime(measured) && !std::exchange(measured_at_, true)) analysis.set_acquired_at_printed(std::string(measured));
  heap_ += kHeapOfFinding + static_cast<std::size_t>(finding.flags_size()) * kHeapOfFlag;
}

void AstmMessage::TakeTest(absl::string_view test, Finding& finding) {
  absl::string_view label = Part(Components(test), reading_.label_component), whole = test;
  while (absl::ConsumePrefix(&whole, {&component_, 1})) continue;
  while (absl::ConsumeSuffix(&whole, {&component_, 1})) continue;
  const bool single = !whole.empty() && !absl::StrContains(whole, component_);
  if (label.empty()) label = single ? whole : test;
  if (!label.empty()) finding.set_label(Unescape(label));
  // What else the id says may be all that tells two results apart: the dose from the index, a gene from another.
  if (label != test && label != whole) finding.set_test_id(Unescape(test));
}

// False where nothing was measured.
bool AstmMessage::TakeAmount(absl::string_view value, absl::string_view unit, uint64_t at, Amount& amount) {
  if (IsBlank(value)) return false;
  std::vector<absl::string_view> parts = Components(value);
  if (reading_.value_component > 0) parts = {Part(parts, reading_.value_component)};
  const AstmValue read = ReadAstmValue(parts);
  if (read.unclear) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
            "a value of several numbers, so none is taken; value_component says which one is the value");
  }
  if (!read.number.empty()) amount.set_value(absl::StrReplaceAll(read.number, {{",", "."}}));
  amount.set_qualifier(read.qualifier);
  if (read.number.size() != value.size()) amount.set_printed(Unescape(value));
  if (!unit.empty()) amount.set_unit(Unescape(unit));
  return true;
}

void AstmMessage::TakeEnd(const Fields& fields, uint64_t at) {
  ended_ = true;
  const absl::string_view why = Part(fields, 3);
  if (why == "T" || why == "R") {
    Problem(dims::v1::PROBLEM_TYPE_TRUNCATED, at, absl::StrCat("the message was broken off (", why, ")"));
  } else if (why == "E" || why == "Q") {
    Problem(dims::v1::PROBLEM_TYPE_INSTRUMENT, at, absl::StrCat("the instrument reports an error (", why, ")"));
  }
}

bool AstmMessage::IsBlank(absl::string_view field) const {
  return std::all_of(field.begin(), field.end(),
                     [this](char c) { return c == component_ || c == repeat_ || absl::ascii_isspace(c); });
}

std::vector<absl::string_view> AstmMessage::Repeats(absl::string_view field) const {
  return absl::StrSplit(field, absl::MaxSplits(repeat_, kMostParts), absl::SkipEmpty());
}

std::vector<absl::string_view> AstmMessage::Components(absl::string_view field) const {
  return absl::StrSplit(field, absl::MaxSplits(component_, kMostParts));
}

// "&F&" is the field delimiter, and so on; "&X0D&" are bytes. What is no such sequence stays as it is.
std::string AstmMessage::Unescape(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t start = text.find(escape_);
    const std::size_t end = start == absl::string_view::npos ? start : text.find(escape_, start + 1);
    if (end == absl::string_view::npos) break;
    const absl::string_view name = text.substr(start + 1, end - start - 1);
    std::string meant;
    if (name == "F") {
      meant = field_;
    } else if (name == "S") {
      meant = component_;
    } else if (name == "R") {
      meant = repeat_;
    } else if (name == "E") {
      meant = escape_;
    } else if (name.size() >= 3 && name.size() % 2 == 1 && name[0] == 'X' &&
               std::all_of(name.begin() + 1, name.end(), absl::ascii_isxdigit)) {
      Text bytes = ToUtf8(absl::HexStringToBytes(name.substr(1)), reading_.encoding);
      escape_damaged_ |= bytes.damaged;
      meant = std::move(bytes.utf8);
    }
    absl::StrAppend(&out, text.substr(0, start), meant.empty() ? text.substr(start, end - start) : meant);
    text.remove_prefix(meant.empty() ? end : end + 1);
  }
  absl::StrAppend(&out, text);
  return out;
}

dims::v1::Report AstmMessage::Finish() && {
  if (!rest_.empty()) TakeRecord(std::exchange(rest_, std::string()), rest_at_, true);
  if (headless_) report_.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
  const bool all = controls_ > 0 && controls_ == report_.analyses_size();
  if (all && report_.origin() == dims::v1::ORIGIN_UNSPECIFIED) report_.set_origin(dims::v1::ORIGIN_QC_STANDARD);
  if (mixed_at_) {
    Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, *mixed_at_,
            "quality control and samples share a message; read as samples");
  }
  return std::move(report_);
}

}  // namespace dims
