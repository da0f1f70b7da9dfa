// Of the Quant Browser's tables: what shows that lines were lost, and which rows are left out for it.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "drivers/driver.h"
#include "drivers/shimadzu/average.h"
#include "drivers/shimadzu/quant_browser.h"
#include "drivers/shimadzu/text.h"

namespace dims::shimadzu {

// Where its first rows are lost, the others may be of another compound than the name above them.
void QuantBrowser::CheckBeginning() {
  if (rows_.empty() || unread_ > 0) return;
  const bool due =
      first_rows_ == 0 ? *rows_.begin() <= 1 : first_begins_with_ == 0 || begins_with_ == first_begins_with_;
  if (due) return;
  AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, table_at_,
             "a table's first row is not there; those below may be of another compound, and are left out");
  LeaveOutTable();
}

void QuantBrowser::CheckRows(std::size_t rows) {
  if (first_rows_ == 0) {
    first_rows_ = rows;
    first_statistics_ = statistics_;
    first_begins_with_ = begins_with_;
    if (unread_ == 0) first_numbers_ = rows_;
  } else if (rows != first_rows_) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH, table_at_,
               absl::StrCat("a table of ", rows, " rows; the first one has ", first_rows_));
  } else if (unread_ == 0 && !first_numbers_.empty() && rows_ != first_numbers_) {
    AddProblem(report_, dims::v1::PROBLEM_TYPE_INCONSISTENT, table_at_,
               "a table with rows of other numbers than the first one");
  }
}

void QuantBrowser::TakeStatistics(const std::vector<absl::string_view>& cells, uint64_t at) {
  if (Normal(cells[1]) == "average") {
    if (due_ == Due::kStatistics && averaged_) {
      ++last_id_;
      AddProblem(report_, dims::v1::PROBLEM_TYPE_MISSING, at, "averages of a table that was lost");
    }
    if (due_ == Due::kRow) CheckAverages(cells, at);
    averaged_ = true;
  }
  if (due_ == Due::kRow) due_ = Due::kStatistics;
  statistics_ |= due_ == Due::kStatistics;
}

// Where lines were lost, the rows at the end of a table, and what is below them, are of another compound.
void QuantBrowser::CheckAverages(const std::vector<absl::string_view>& cells, uint64_t at) {
  const bool gaps = !rows_.empty() && (*rows_.begin() != 1 || *rows_.rbegin() != static_cast<int64_t>(rows_.size()));
  // Rows that no table has may have been averaged all the same.
  const bool hidden = gaps && first_rows_ > 0 && rows_ == first_numbers_;
  if (full_ || unread_ > 0 || unsummed_ || hidden || cells.size() != columns_.size()) return;
  int agree = 0, disagree = 0;
  for (std::size_t i = 0; i < averages_.size(); ++i) {
    const Average::Verdict verdict = averages_[i].Check(CellOf(cells, kAveraged[i]));
    if (verdict == Average::Verdict::kAgrees) ++agree;
    if (verdict == Average::Verdict::kDisagrees) ++disagree;
  }
  if (disagree == 0) return;
  AddProblem(report_, dims::v1::PROBLEM_TYPE_SUM_MISMATCH, at,
             agree > 0 ? "an average is not that of the rows above it"
                       : "the averages are not those of the rows above them, which are left out");
  if (agree == 0) LeaveOutTable();
}

void QuantBrowser::LeaveOutTable() {
  for (const int analysis : found_in_) report_.mutable_analyses(analysis)->mutable_findings()->RemoveLast();
  found_in_.clear();
}

}  // namespace dims::shimadzu
