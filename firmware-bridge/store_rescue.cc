#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/store_pages.h"
#include "firmware-bridge/store_salvaging.h"

namespace dims::store_db {

absl::Status Salvaging::RescueFromPages() {
  const bool wanting = std::any_of(incomplete_.begin(), incomplete_.end(), [](const std::string& table) {
    return table == "records" || table == "intake" || table == "lines" || table == "generations" ||
           table == "quarantine";
  });
  if (!wanting) return absl::OkStatus();
  // Each takes the row's number and ten columns after the first, which is that number again.
  const std::pair<const char*, std::string> tables[] = {
      {"records",
       "INSERT OR IGNORE INTO main.records(id, generation, number, previous_hash, hash, schema, payload, stored_at, "
       "refused, urgent) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, coalesce(?10, 0) WHERE record_hash(?4, ?3, ?6, "
       "?7)=?5 AND typeof(?2)='integer' AND typeof(?3)='integer' AND typeof(?7)='blob'"},
      {"pieces of what instruments sent",
       "INSERT OR IGNORE INTO main.intake(id, line, kind, position, time, bytes, marks, sum) SELECT ?1, ?2, ?3, ?4, "
       "?5, "
       "?6, ?7, ?8 WHERE row_sum('intake', ?1, ?2, ?3, ?4, ?5, ?6, ?7)=?8"},
      {"lines",
       "INSERT OR IGNORE INTO main.lines(id, instrument, read_through, closed_through, open_from, sum) SELECT ?1, ?2, "
       "?3, ?4, ?5, ?6 WHERE row_sum('lines', ?1, ?2, ?3, ?4, ?5)=?6"},
      {"generations",
       "INSERT OR IGNORE INTO main.generations(id, store_id, began_at, why, settled_through, settled_hash, "
       "final_number, final_hash, sum) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE row_sum('generations', ?1, ?2, "
       "?3, ?4, ?5, ?6, ?7, ?8)=?9"},
      {"refused records",
       "INSERT OR IGNORE INTO main.quarantine(id, store_id, number, previous_hash, hash, schema, payload, urgent, "
       "reason, message, refused_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 WHERE record_hash(?4, ?3, ?6, "
       "?7)=?5 AND typeof(?2)='text' AND typeof(?3)='integer' AND typeof(?7)='blob' AND typeof(?10)='text'"},
  };
  struct Rescue {
    Statement insert;
    int64_t rows = 0;
  };
  std::vector<Rescue> rescues;
  for (const auto& [name, sql] : tables) {
    absl::StatusOr<Statement> insert = db_->Prepare(absl::StrCat(sql, " AND (?11 IS NULL OR TRUE)"));
    DIMS_RETURN_IF_ERROR(insert.status());
    rescues.push_back({*std::move(insert)});
  }
  absl::Status status;
  const auto take = [&](int64_t row, const std::vector<Value>& columns) {
    if (columns.size() < 6) return;
    const Value none;
    const auto at = [&](std::size_t column) -> const Value& {
      return column < columns.size() ? columns[column] : none;
    };
    for (Rescue& rescue : rescues) {
      if (!status.ok()) return;
      status = db_->Run(rescue.insert, row, at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9), at(10));
      if (status.ok()) rescue.rows += db_->changes();
    }
  };
  ForEachRowInPages(path_, path_ + "-wal", take, alive_);
  DIMS_RETURN_IF_ERROR(status);
  for (std::size_t i = 0; i < rescues.size(); ++i) {
    if (rescues[i].rows == 0) continue;
    notices.push_back(absl::StrCat(rescues[i].rows, " more ", tables[i].first,
                                   " were found in pages to which nothing leads any more"));
  }
  return absl::OkStatus();
}

}  // namespace dims::store_db
