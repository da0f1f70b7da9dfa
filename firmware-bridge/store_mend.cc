#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/store_salvage.h"
#include "firmware-bridge/store_salvaging.h"
#include "firmware-bridge/store_sums.h"
#include "proto/hash.h"

namespace dims::store_db {

// A generation's row is small and vital: where it is not as it was written, what the registry has is not known, and its
// store id is believed only if something else bears it out.
absl::Status Salvaging::MendGenerations() {
  const std::string sum = OldHas("generations", "sum");
  if (sum != "NULL") {
    DIMS_RETURN_IF_ERROR(CopyTable("generations", absl::StrCat("sum IS NULL OR sum=", kGenerationSum)).status());
  } else {
    DIMS_RETURN_IF_ERROR(CopyTable("generations", "1").status());
  }
  std::vector<int64_t> wanting;
  {
    absl::StatusOr<Statement> all = db_->Prepare(
        "SELECT DISTINCT generation FROM main.records WHERE generation NOT IN (SELECT id FROM main.generations) "
        "ORDER BY generation");
    DIMS_RETURN_IF_ERROR(all.status());
    Query query(*all);
    while (query.Next()) wanting.push_back(query.Int(0));
    DIMS_RETURN_IF_ERROR(query.status());
  }
  for (const int64_t id : wanting) {
    std::string store_id;
    {
      absl::StatusOr<Statement> row = db_->Prepare("SELECT store_id FROM old.generations WHERE id=?1");
      if (row.ok()) {
        Query query(*row, id);
        if (query.Next()) store_id = query.Bytes(0);
      }
    }
    absl::StatusOr<Statement> hash_at =
        db_->Prepare("SELECT hash, previous_hash FROM main.records WHERE generation=?1 AND number=?2");
    DIMS_RETURN_IF_ERROR(hash_at.status());
    const auto has = [&](uint64_t number, int column, const std::string& hash) {
      Query query(*hash_at, id, number);
      return query.Next() && query.Bytes(column) == hash;
    };
    bool sure =
        head_.state == HeadFile::State::kValid && head_.head.number > 0 && has(head_.head.number, 0, head_.head.hash);
    if (sure) store_id = head_.head.store_id;
    sure = sure || (!store_id.empty() && has(1, 1, FirstPreviousHash(store_id)));
    const bool named_already =
        CountOr(absl::StrCat("SELECT count(*) FROM main.generations WHERE store_id='", sure ? store_id : "", "'"), 0) >
        0;
    if (!sure || named_already) {
      sure = false;
      store_id = absl::StrCat("unknown-", id, "-", absl::ToUnixSeconds(now_));
    }
    absl::StatusOr<Statement> insert = db_->Prepare(
        "INSERT INTO main.generations(id, store_id, began_at, why, settled_through) SELECT ?1, ?2, ?3, "
        "'what was known of it was damaged', min(number)-1 FROM main.records WHERE generation=?1");
    DIMS_RETURN_IF_ERROR(insert.status());
    DIMS_RETURN_IF_ERROR(db_->Run(*insert, id, absl::string_view(store_id), absl::ToUnixNanos(now_)));
    if (sure) {
      notices.push_back(absl::StrCat("what was noted of store ", store_id,
                                     " was damaged; all its records that are kept are sent again"));
    } else {
      DIMS_RETURN_IF_ERROR(PutMeta(absl::StrCat(kUnnamed, id), ""));
      notices.push_back(
          "the name of a generation of records was damaged; all its records that are kept are sent again, under a new "
          "store id");
    }
  }
  return absl::OkStatus();
}

// Where a line stands, from its rows and from the records that name it.
absl::Status Salvaging::MendLines() {
  const std::string sum = OldHas("lines", "sum");
  DIMS_RETURN_IF_ERROR(
      CopyTable("lines", sum == "NULL" ? "1" : absl::StrCat("sum IS NULL OR sum=", kLineSum)).status());
  std::vector<int64_t> wanting;
  {
    absl::StatusOr<Statement> all = db_->Prepare(
        "SELECT DISTINCT line FROM main.intake WHERE line NOT IN (SELECT id FROM main.lines) ORDER BY line");
    DIMS_RETURN_IF_ERROR(all.status());
    Query query(*all);
    while (query.Next()) wanting.push_back(query.Int(0));
    DIMS_RETURN_IF_ERROR(query.status());
  }
  if (wanting.empty()) return absl::OkStatus();
  std::map<std::string, uint64_t> closed_by_name;
  {
    absl::StatusOr<Statement> all = db_->Prepare("SELECT payload FROM main.records");
    DIMS_RETURN_IF_ERROR(all.status());
    Query query(*all);
    while (query.Next()) {
      dims::v1::Report report;
      if (!report.ParseFromString(query.Bytes(0)) || report.source().instrument().empty()) continue;
      uint64_t& closed = closed_by_name[report.source().instrument()];
      closed = std::max<uint64_t>(closed, report.source().intake_end());
    }
    DIMS_RETURN_IF_ERROR(query.status());
  }
  for (const int64_t id : wanting) {
    std::string name;
    uint64_t noted_closed = 0;
    {
      absl::StatusOr<Statement> row =
          db_->Prepare("SELECT instrument, closed_through FROM old.lines WHERE id=?1 AND typeof(instrument)='text'");
      if (row.ok()) {
        Query query(*row, id);
        if (query.Next()) {
          name = query.Bytes(0);
          noted_closed = query.Unsigned(1);
        }
      }
    }
    // A name that no record bears out may be the damaged part; a single instrument without a line must be it.
    absl::StatusOr<Statement> taken = db_->Prepare("SELECT count(*) FROM main.lines WHERE instrument=?1");
    DIMS_RETURN_IF_ERROR(taken.status());
    const auto is_taken = [&](const std::string& candidate) {
      Query query(*taken, absl::string_view(candidate));
      return query.Next() && query.Int(0) > 0;
    };
    if (!closed_by_name.contains(name) || is_taken(name)) {
      std::vector<std::string> free;
      for (const auto& [candidate, closed] : closed_by_name) {
        if (!is_taken(candidate)) free.push_back(candidate);
      }
      if (wanting.size() == 1 && free.size() == 1) name = free[0];
    }
    if (name.empty() || is_taken(name)) name = absl::StrCat("unknown-", id);
    const uint64_t read = static_cast<uint64_t>(CountOr(
        absl::StrCat("SELECT coalesce(max(position+length(bytes)), 0) FROM main.intake WHERE kind=0 AND line=", id),
        0));
    const auto borne_out = closed_by_name.find(name);
    // Without a record to go by: what was noted, if it can be; else nothing is replayed rather than sent twice.
    const uint64_t closed = borne_out != closed_by_name.end() ? borne_out->second : std::min(noted_closed, read);
    absl::StatusOr<Statement> insert = db_->Prepare(absl::StrCat(
        "INSERT INTO main.lines(id, instrument, read_through, closed_through, open_from, sum) SELECT id, instrument, "
        "read_through, closed_through, open_from, ",
        kLineSum,
        " FROM (SELECT ?1 AS id, ?2 AS instrument, ?3 AS read_through, ?4 AS closed_through, coalesce("
        "(SELECT min(id) FROM main.intake WHERE line=?1 AND kind=0 AND position+length(bytes)>?4), "
        "(SELECT max(id)+1 FROM main.intake)) AS open_from)"));
    DIMS_RETURN_IF_ERROR(insert.status());
    DIMS_RETURN_IF_ERROR(db_->Run(*insert, id, absl::string_view(name), std::max(read, closed), closed));
    notices.push_back(absl::StrCat("where instrument ", name, " stood was damaged; by what is kept of it, ",
                                   std::max(read, closed), " bytes were read, of which ", closed, " are in records"));
  }
  return absl::OkStatus();
}

// The end of a chain that is not there any more is known only by the index, for what the head file does not tell.
absl::Status Salvaging::NoteMissing() {
  absl::StatusOr<Statement> ends = db_->Prepare(
      "SELECT store_id, max(settled_through, coalesce((SELECT max(number) FROM main.records WHERE generation=id), 0)), "
      "max(coalesce((SELECT max(number) FROM old.records INDEXED BY records_by_number WHERE generation=id), 0), "
      "    coalesce((SELECT max(number) FROM main.damaged WHERE generation=id), 0)) FROM main.generations");
  if (!ends.ok()) return absl::OkStatus();
  std::vector<std::pair<std::string, std::string>> missing;
  {
    Query query(*ends);
    while (query.Next()) {
      // A number that is damaged itself must not make a gap without end.
      constexpr uint64_t kPlausible = 10'000'000;
      const uint64_t here = query.Unsigned(1), there = query.Unsigned(2);
      if (there <= here || there - here > kPlausible) continue;
      missing.emplace_back(absl::StrCat(kMissing, query.Bytes(0)), absl::StrCat(here + 1, " ", there));
    }
  }
  for (const auto& [key, numbers] : missing) DIMS_RETURN_IF_ERROR(PutMeta(key, numbers));
  return absl::OkStatus();
}

}  // namespace dims::store_db
