#include "drivers/spectrum/below.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/driver.h"
#include "drivers/spectrum/row.h"

namespace dims::spectrum {
namespace {

constexpr std::size_t kMostBetween = 32;
constexpr absl::string_view kDigits = "0123456789";

bool HasDigit(absl::string_view text) { return text.find_first_of(kDigits) != absl::string_view::npos; }

bool IsNumber(absl::string_view cell) { return ParseNumber(cell, '.') || ParseNumber(cell, ','); }

// As many cells as the table has columns: one a number, the others what a damaged one may look like.
bool HasItsCells(absl::string_view text, char separator, std::size_t fields) {
  std::vector<absl::string_view> cells;
  Split(text, separator, cells);
  if (cells.size() == fields + 1 && cells.back().empty()) cells.pop_back();
  return cells.size() == fields && std::any_of(cells.begin(), cells.end(), IsNumber) &&
         std::all_of(cells.begin(), cells.end(),
                     [](absl::string_view cell) { return cell.size() <= 2 || HasDigit(cell) || IsNoValue(cell); });
}

}  // namespace

bool IsLikeARow(absl::string_view text, char separator, std::size_t fields) {
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StrContains(text, separator) && text.find_first_of("0123456789+-.,\"") == 0) return true;
  if (!HasDigit(text)) return false;
  return text.find_first_not_of("0123456789+-.,eE;\"\t ") == absl::string_view::npos ||
         FormOf(text, 0).kind != RowKind::kNone || HasItsCells(text, separator, fields);
}

void Below::Add(absl::string_view row, uint64_t at, As as, std::size_t due, bool damaged) {
  if (lines_.size() == kMostBetween) Tell(1);
  lines_.push_back({{std::string(row), at}, as, due, damaged});
}

void Below::BeginText(uint64_t at) {
  text_ = true;
  text_at_ = at;
}

bool Below::TakeDamage(uint64_t at, bool in_text) {
  if (in_text && text_damaged_) return false;
  text_damaged_ |= in_text;
  AddProblem(report_, dims::v1::PROBLEM_TYPE_ENCODING, at, "bytes that are no text in this encoding");
  return true;
}

void Below::EndByRow(std::size_t rows) {
  if (text_left_ > 0) {
    AddProblem(
        report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, text_at_,
        absl::StrCat(text_left_, " lines that are no rows of the table, and more below; row ", rows, " follows"));
  }
  for (Between& line : lines_) line.as = line.as == As::kText ? As::kLine : line.as;
  Tell(lines_.size());
  Reset();
}

void Below::EndByTable(std::size_t names, std::size_t most) {
  while (lines_.size() > names) {
    if (lines_.size() - names > most || (lines_.front().as != As::kLine && lines_.front().as != As::kText)) {
      Tell(1);
    } else {
      if (lines_.front().damaged) TakeDamage(lines_.front().line.at, false);
      lines_.erase(lines_.begin());
    }
  }
  for (const Between& line : lines_) {
    if (line.damaged) TakeDamage(line.line.at, false);
  }
  lines_.clear();
  Reset();
}

// The first ones were no head of a table.
void Below::Tell(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Between& line = lines_[i];
    text_left_ += line.as == As::kText ? 1 : 0;
    if (line.as == As::kText) continue;
    AddProblem(
        report_, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, line.line.at,
        absl::StrCat(line.as == As::kUnclear ? "commas that may be decimal marks or not, as the option decimal tells"
                                             : "no row of the table",
                     "; row ", line.due, " would be due"));
  }
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(count));
}

void Below::Reset() {
  text_ = text_damaged_ = false;
  text_left_ = 0;
}

}  // namespace dims::spectrum
