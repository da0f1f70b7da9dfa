#include "drivers/jcamp/block.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dims::jcamp {
namespace {

// What a curve takes in a record beside its points and texts.
constexpr std::size_t kCurve = 128;

bool IsTable(absl::string_view label) {
  return label == "XYDATA" || label == "XYPOINTS" || label == "PEAKTABLE" || label == "PEAKASSIGNMENTS" ||
         label == "ASSIGNMENTS" || label == "RADATA";
}

}  // namespace

void Block::Take(const Record& record, uint64_t at, OpenReport& out) {
  CloseTable(at, out);
  place_ = kSkipped;
  const std::string& label = record.label;
  if (absl::StartsWith(label, "END")) {  // END NTUPLES, and what programs write for it
    if (tuples_) CloseTuples(at, out);
    place_ = kNothing;
  } else if (!record.assigned) {
    out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a record without \"=\"");
  } else if (label == "NTUPLES") {
    if (tuples_) CloseTuples(at, out);
    tuples_ = true;
    begun_.clear();
    header_.ClearTuples();
  } else if (label == "PAGE" && tuples_) {
    page_ = Value(record.value, at, out);
    ++pages_;
    header_.Set(Label::kPoints, "");
  } else if (label == "SCANNUMBER" && !tuples_) {
    scan_ = Value(record.value, at, out);
  } else if (label == "RETENTIONTIME" && !tuples_) {
    retention_time_ = Value(record.value, at, out);
  } else if (IsTable(label) || (label == "DATATABLE" && tuples_)) {
    const absl::string_view list = record.value;
    if (list.empty()) {
      place_ = kVariableList;
    } else {
      OpenTable(list, at + record.value_at, out);
    }
  } else if (const std::optional<Label> kept = LabelOf(label)) {
    if (*kept == Label::kFirst) begun_.clear();
    std::string value = Value(record.value, at, out);
    if (value.empty()) {
      place_ = kValue;
      label_ = *kept;
    } else {
      header_.Set(*kept, std::move(value));
    }
  }
}

void Block::Take(absl::string_view line, uint64_t at, OpenReport& out) {
  if (table_) {
    if (!IsAtEnd(line.data(), line.data() + line.size())) table_->Take(line, at, out);
    return;
  }
  const absl::string_view text = WithoutComment(line);
  if (text.empty()) return;
  switch (place_) {
    case kTable:
    case kSkipped:
      return;
    case kValue:
      header_.Set(label_, Value(text, at, out));
      place_ = kSkipped;
      return;
    case kVariableList:
      OpenTable(text, at, out);
      return;
    case kNothing:
      out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a line that belongs to no record");
      return;
  }
}

std::string Block::Value(absl::string_view raw, uint64_t at, OpenReport& out) const {
  Text text = ToUtf8(raw, reading_.encoding);
  const bool has_controls =
      std::any_of(text.utf8.begin(), text.utf8.end(), [](char c) { return absl::ascii_iscntrl(c) && c != '\t'; });
  if (text.damaged || has_controls) {
    out.Add(dims::v1::PROBLEM_TYPE_ENCODING, at, "a value with bytes that are no text");
  }
  return std::move(text.utf8);
}

void Block::OpenTable(absl::string_view list, uint64_t at, OpenReport& out) {
  has_table_ = true;
  place_ = kTable;
  std::string scan = TakeScan();
  const std::optional<Form> form =
      ParseForm(list, tuples_ ? Parts(header_[Label::kSymbol]) : std::vector<absl::string_view>());
  if (!form) {
    out.Add(dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, at, "a table whose variable list is none that is known; not read");
    return;
  }
  if (!out.HoldText(kCurve, at)) return;
  spectrum_.Clear();
  if (tuples_) {
    header_.DescribeTuple(*form, spectrum_);
    spectrum_.set_page(page_);
  } else {
    header_.DescribeBlock(spectrum_);
    spectrum_.set_page(std::move(scan));
  }
  if (!out.HoldText(spectrum_.ByteSizeLong(), at)) return;
  Axes axes = tuples_ ? header_.AxesOfTuple(*form) : header_.AxesOfBlock();
  // The first y is that of one page, the number of points that of one table.
  if (tuples_ && axes.first_y && !begun_.insert(form->y).second) axes.first_y.reset();
  if (!tuples_) header_.Set(Label::kPoints, "");
  table_.emplace(form->profile ? MakeProfile(axes) : MakePairs(axes, form->columns), axes);
  if (!form->data.empty())
    table_->Take(form->data, at + static_cast<std::size_t>(form->data.data() - list.data()), out);
}

// What tells the tables of one block apart, where a program writes a scan after the other.
std::string Block::TakeScan() {
  const std::string scan = std::exchange(scan_, ""), time = std::exchange(retention_time_, "");
  return absl::StrCat(scan.empty() ? "" : "SCAN_NUMBER= ", scan, scan.empty() || time.empty() ? "" : ", ",
                      time.empty() ? "" : "RETENTION_TIME= ", time);
}

void Block::CloseTable(uint64_t at, OpenReport& out) {
  if (!table_) return;
  Points points = table_->Finish(at, out);
  table_.reset();
  spectrum_.set_points(points.y.size());
  spectrum_.mutable_x()->Swap(&points.x);
  spectrum_.mutable_y()->Swap(&points.y);
  if (analysis_ < 0) {
    analysis_ = out.report().analyses_size();
    out.report().add_analyses();
  }
  out.report().mutable_analyses(analysis_)->add_spectra()->Swap(&spectrum_);
}

void Block::CloseTuples(uint64_t at, OpenReport& out) {
  tuples_ = false;
  page_.clear();
  // Where the variable of the pages has a dimension, it is their number.
  const std::vector<absl::string_view> types = Parts(header_[Label::kVarType]),
                                       dimensions = Parts(header_[Label::kVarDim]);
  for (std::size_t i = 0; i < types.size() && i < dimensions.size(); ++i) {
    const std::optional<Number> pages = ParseNumber(dimensions[i]);
    if (absl::EqualsIgnoreCase(types[i], "PAGE") && pages && pages->value != pages_) {
      out.Add(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("said to have ", Printed(pages->value), " pages, there are ", pages_));
    }
  }
  pages_ = 0;
}

void Block::Close(uint64_t at, OpenReport& out) {
  CloseTable(at, out);
  if (tuples_) CloseTuples(at, out);
  if (header_.is_link()) {
    const std::optional<Number> parts = ParseNumber(header_[Label::kBlocks]);
    if (parts && parts->value != parts_) {
      out.Add(dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, at,
              absl::StrCat("said to have ", Printed(parts->value), " blocks, there are ", parts_));
    }
  } else if (!has_table_ && header_[Label::kStructure].empty()) {
    out.Add(dims::v1::PROBLEM_TYPE_MISSING, at, "a block without a table");
  }
  if (analysis_ < 0) return;
  dims::v1::Analysis described;
  header_.Describe(reading_.title_is_sample, at, out, described);
  if (!out.HoldText(described.ByteSizeLong(), at)) return;
  dims::v1::Analysis& analysis = *out.report().mutable_analyses(analysis_);
  described.mutable_spectra()->Swap(analysis.mutable_spectra());
  analysis = std::move(described);
}

}  // namespace dims::jcamp
