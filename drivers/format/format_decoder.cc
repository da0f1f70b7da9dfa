#include "drivers/format/format_decoder.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/encoding.h"
#include "drivers/format/sums.h"

namespace dims::format {
namespace {

using dims::v1::Analysis;
using dims::v1::Finding;
using google::protobuf::Message;

constexpr int kIdleTimer = 0;

bool Says(const Rule& rule, Field::Of of) {
  return absl::c_any_of(rule.pattern.slots(), [&](const Slot& s) { return s.field != nullptr && s.field->of == of; }) ||
         absl::c_any_of(rule.set, [&](const Constant& c) { return c.field->of == of; });
}

// One report while it is being read.
class OpenReport {
 public:
  OpenReport(const Layout& layout, uint64_t at) : layout_(layout), at_(at) {}

  void Take(const TextLine& line, absl::string_view text);
  void TakeStart(const Rule& rule, Pattern::Fit fit, const std::vector<absl::string_view>& values, uint64_t at);
  bool has_ended() const { return has_ended_; }
  int lines() const { return lines_; }
  dims::v1::Report& report() { return report_; }
  End Finish(End::Where where, bool complete) &&;

 private:
  const Rule* Find(absl::string_view text, const std::vector<Rule>& rules);
  bool TakeByRules(absl::string_view text, uint64_t at);
  bool TakeByTables(absl::string_view text, uint64_t at);
  void TakeCells(const std::vector<PrintedTable::Cell>& cells, uint64_t at);
  void TakeRest(const std::vector<PrintedTable::Cell>& cells);
  void Apply(const Rule& rule, bool continues, uint64_t at);
  void Set(const Field& field, absl::string_view value, uint64_t at);
  void SetConstants(const std::vector<Constant>& constants, uint64_t at);
  std::string WhyNot(absl::string_view text) const;
  Message* Owner(Field::Of of);
  Analysis& analysis();
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
    AddProblem(report_, type, at, message);
  }

  const Layout& layout_;
  const uint64_t at_;
  dims::v1::Report report_;
  const TableRule* table_rule_ = nullptr;  // of table_
  std::optional<PrintedTable> table_;
  bool below_head_ = false;                // the line at hand is the one below the names of table_'s columns
  std::vector<absl::string_view> values_;  // of the last pattern that was read
  bool two_ways_ = false;                  // some pattern draws the line at hand in two ways
  std::optional<int64_t> count_;
  bool has_ended_ = false;
  int lines_ = 0;
};

void OpenReport::TakeStart(const Rule& rule, Pattern::Fit fit, const std::vector<absl::string_view>& values,
                           uint64_t at) {
  if (fit == Pattern::Fit::kTwoWays) {
    Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "the first line can be read in two ways");
    return;
  }
  values_ = values;
  Apply(rule, false, at);
}

void OpenReport::Take(const TextLine& line, absl::string_view text) {
  if (line.damaged) Problem(dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
  ++lines_;
  two_ways_ = false;
  if (TakeByRules(text, line.at)) {
    below_head_ = false;
    return;
  }
  if (TakeByTables(text, line.at)) return;
  Problem(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.at, WhyNot(text));
}

const Rule* OpenReport::Find(absl::string_view text, const std::vector<Rule>& rules) {
  for (const Rule& rule : rules) {
    const Pattern::Fit fit = rule.pattern.Read(text, values_);
    if (fit == Pattern::Fit::kYes) return &rule;
    two_ways_ = two_ways_ || fit == Pattern::Fit::kTwoWays;
  }
  return nullptr;
}

bool OpenReport::TakeByRules(absl::string_view text, uint64_t at) {
  if (const Rule* rule = Find(text, layout_.end)) {
    Apply(*rule, false, at);
    has_ended_ = true;
    return true;
  }
  if (const Rule* rule = Find(text, layout_.lines)) {
    Apply(*rule, false, at);
    return true;
  }
  if (const Rule* rule = Find(text, layout_.continuation)) {
    const bool has_finding = report_.analyses_size() > 0 && analysis().findings_size() > 0;
    if ((Says(*rule, Field::Of::kFinding) && !has_finding) ||
        (Says(*rule, Field::Of::kWeighing) && report_.weighings_size() == 0)) {
      return false;  // there is nothing yet that it could go on with
    }
    Apply(*rule, true, at);
    return true;
  }
  return Find(text, layout_.between) != nullptr;
}

bool OpenReport::TakeByTables(absl::string_view text, uint64_t at) {
  if (std::exchange(below_head_, false) && IsRuler(text)) {
    table_->Measure(text);
    return true;
  }
  for (const TableRule& rule : layout_.tables) {
    std::optional<PrintedTable> table =
        rule.ruled ? PrintedTable::Ruled(rule.columns, text) : PrintedTable::Named(rule.columns, text);
    if (!table) continue;
    table_ = *std::move(table);
    table_rule_ = &rule;
    below_head_ = !rule.ruled;
    return true;
  }
  if (IsRuler(text)) {
    if (table_) table_->Measure(text);
    return true;
  }
  if (!table_) return false;
  if (const std::optional<std::vector<PrintedTable::Cell>> cells = table_->ReadRow(text)) {
    TakeCells(*cells, at);
    return true;
  }
  if (report_.analyses_size() == 0 || analysis().findings_size() == 0) return false;
  if (const std::optional<std::vector<PrintedTable::Cell>> cells = table_->ReadRest(text)) {
    TakeRest(*cells);
    return true;
  }
  return false;
}

void OpenReport::TakeCells(const std::vector<PrintedTable::Cell>& cells, uint64_t at) {
  analysis().add_findings();
  for (const auto& [column, text] : cells) {
    if (column->slot.field != nullptr) Set(*column->slot.field, text, at);
  }
  SetConstants(table_rule_->set, at);
}

void OpenReport::TakeRest(const std::vector<PrintedTable::Cell>& cells) {
  Finding& finding = *analysis().mutable_findings(analysis().findings_size() - 1);
  for (const auto& [column, text] : cells) {
    if (column->slot.field != nullptr) Append(*column->slot.field, text, finding);
  }
}

void OpenReport::Apply(const Rule& rule, bool continues, uint64_t at) {
  if (!continues && Says(rule, Field::Of::kFinding)) analysis().add_findings();
  if (!continues && Says(rule, Field::Of::kWeighing)) report_.add_weighings();
  const bool identifies = absl::c_any_of(rule.pattern.slots(), [](const Slot& slot) {
    return slot.field != nullptr && absl::StartsWith(slot.field->path, "identifications.");
  });
  if (identifies) analysis().mutable_findings(analysis().findings_size() - 1)->add_identifications();
  if (Says(rule, Field::Of::kAnalysis)) analysis();
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Slot& slot = rule.pattern.slots()[i];
    if (slot.field != nullptr) Set(*slot.field, values_[i], at);
  }
  SetConstants(rule.set, at);
}

void OpenReport::Set(const Field& field, absl::string_view value, uint64_t at) {
  if (field.of == Field::Of::kCount) {
    int64_t count = 0;
    const bool known = absl::SimpleAtoi(value, &count);
    if (!known || (count_ && *count_ != count)) {
      Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
              known ? "count is said twice, and not the same" : "count is no number that can be");
      return;
    }
    count_ = count;
    return;
  }
  const std::string wrong = Put(field, value, *Owner(field.of));
  if (!wrong.empty()) Problem(dims::v1::PROBLEM_TYPE_INCONSISTENT, at, wrong);
}

void OpenReport::SetConstants(const std::vector<Constant>& constants, uint64_t at) {
  for (const Constant& constant : constants) {
    // A unit alone is no amount.
    const bool of_amount = absl::StartsWith(constant.field->name, "amount.");
    if (of_amount && constant.field->name != "amount.qualifier" &&
        !static_cast<const Finding*>(Owner(Field::Of::kFinding))->has_amount()) {
      continue;
    }
    Set(*constant.field, constant.value, at);
  }
}

// The last of its kind.
Message* OpenReport::Owner(Field::Of of) {
  switch (of) {
    case Field::Of::kFinding:
      return analysis().mutable_findings(analysis().findings_size() - 1);
    case Field::Of::kWeighing:
      return report_.mutable_weighings(report_.weighings_size() - 1);
    case Field::Of::kAnalysis:
    case Field::Of::kCount:
      break;
  }
  return &analysis();
}

Analysis& OpenReport::analysis() {
  if (report_.analyses_size() == 0) {
    report_.add_analyses();
    SetConstants(layout_.set, at_);
  }
  return *report_.mutable_analyses(0);
}

std::string OpenReport::WhyNot(absl::string_view text) const {
  if (two_ways_) return "this line can be read in two ways";
  for (const std::vector<Rule>* rules : {&layout_.end, &layout_.lines, &layout_.continuation}) {
    for (const Rule& rule : *rules) {
      const std::string why = rule.pattern.WhyNot(text);
      if (!why.empty()) return absl::StrCat("not as \"", rule.pattern.text(), "\": ", why);
    }
  }
  return table_ ? "this line is no row of the table, and nothing else that the format has"
                : "the format has no such line";
}

End OpenReport::Finish(End::Where where, bool complete) && {
  if (complete) {
    for (const Field* field : layout_.required) {
      if (report_.analyses_size() == 0 || Get(*field, analysis()).empty()) {
        Problem(dims::v1::PROBLEM_TYPE_MISSING, at_, absl::StrCat("there is no ", field->name));
      }
    }
    if (report_.analyses_size() > 0) CheckSums(layout_.sums, analysis(), at_, report_);
    const int found = report_.weighings_size() + (report_.analyses_size() > 0 ? analysis().findings_size() : 0);
    if (count_ && *count_ != found) {
      Problem(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at_,
              absl::StrCat("the report says ", *count_, ", and has ", found, " rows"));
    }
  }
  return End{std::move(report_), where};
}

class FormatDecoder final : public TextDecoder {
 public:
  FormatDecoder(const Layout& layout, const Options& options)
      : TextDecoder(EncodingOf(options)), layout_(layout), idle_(options.Duration("idle_timeout")) {}

  void OnTimer(int, uint64_t at, Events& out) override { Close(Ending::kInterrupted, at, true, out); }
  void OnClose(Ending why, uint64_t at, Events& out) override { Close(why, at, why == Ending::kEndOfInput, out); }

 protected:
  void OnLine(const TextLine& line, Events& out) override {
    const absl::string_view text = absl::StripPrefix(line.text, "\f");
    if (text.empty()) return;
    if (Starts(text)) {
      TakeStart(line, out);
    } else if (open_) {
      open_->Take(line, text);
    } else {
      if (IsBetween(text)) out.push_back(Blank{});
      return;
    }
    if (open_->has_ended() || layout_.is_one_line()) {
      Finish(End::kThrough, true, out);
    } else if (open_->lines() > kMostLines) {
      Close(Ending::kOversize, line.at, false, out);
    } else {
      out.push_back(Arm{kIdleTimer, idle_});
    }
  }

 private:
  bool Starts(absl::string_view text) {
    for (const Rule& rule : layout_.start) {
      fit_ = rule.pattern.Read(text, values_);
      start_ = &rule;
      if (fit_ != Pattern::Fit::kNo) return true;
    }
    return false;
  }

  bool IsBetween(absl::string_view text) {
    return absl::c_any_of(layout_.between,
                          [&](const Rule& rule) { return rule.pattern.Read(text, values_) == Pattern::Fit::kYes; });
  }

  void TakeStart(const TextLine& line, Events& out) {
    if (open_) {
      const bool complete = layout_.end.empty();
      if (!complete) {
        AddProblem(open_->report(), dims::v1::PROBLEM_TYPE_TRUNCATED, line.at,
                   "another report begins before this one has ended");
      }
      Finish(End::kBefore, complete, out);
    }
    out.push_back(Begin{});
    open_.emplace(layout_, line.at);
    if (line.damaged) {
      AddProblem(open_->report(), dims::v1::PROBLEM_TYPE_ENCODING, line.at, "bytes that are no text in this encoding");
    }
    open_->TakeStart(*start_, fit_, values_, line.at);
  }

  // `all_came`: what was sent has come, there was nothing more.
  void Close(Ending why, uint64_t at, bool all_came, Events& out) {
    if (!open_) return;
    const bool complete = all_came && layout_.end.empty();
    if (!complete) AddEndingProblem(open_->report(), why, at);
    Finish(End::kThrough, complete, out);
  }

  void Finish(End::Where where, bool complete, Events& out) {
    out.push_back(std::move(*open_).Finish(where, complete));
    out.push_back(Arm{kIdleTimer, absl::ZeroDuration()});
    open_.reset();
  }

  const Layout& layout_;
  const absl::Duration idle_;
  std::optional<OpenReport> open_;
  // What Starts found.
  const Rule* start_ = nullptr;
  Pattern::Fit fit_ = Pattern::Fit::kNo;
  std::vector<absl::string_view> values_;
};

}  // namespace

std::unique_ptr<Decoder> MakeDecoder(const Layout& layout, const Options& options) {
  return std::make_unique<FormatDecoder>(layout, options);
}

}  // namespace dims::format
