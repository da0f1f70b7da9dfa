#include <algorithm>
#include <map>
#include <set>
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

// Where a line stands, from its rows and from the records that name it. One that has no rows left must not begin anew
// either: what it sends next would have the positions of what it sent before.
absl::Status Salvaging::MendLines() {
  std::set<int64_t> wanting;
  const auto want = [&](const std::string& table, const std::string& column) {
    absl::StatusOr<Statement> all = db_->Prepare(
        absl::StrCat("SELECT DISTINCT ", column, " FROM ", table, " WHERE typeof(", column, ")='integer' AND ", column,
                     ">0 AND ", column, " NOT IN (SELECT id FROM main.lines)"));
    if (!all.ok()) return all.status();
    Query query(*all);
    while (query.Next()) wanting.insert(query.Int(0));
    return query.status();
  };
  DIMS_RETURN_IF_ERROR(want("main.intake", "line"));
  if (readable_) want("old.lines", "id").IgnoreError();  // what cannot be read of it, the records may still name
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
  std::vector<std::string> free;  // named by records, without a line
  {
    absl::StatusOr<Statement> taken = db_->Prepare("SELECT instrument FROM main.lines");
    DIMS_RETURN_IF_ERROR(taken.status());
    std::set<std::string> names;
    Query query(*taken);
    while (query.Next()) names.insert(query.Bytes(0));
    DIMS_RETURN_IF_ERROR(query.status());
    for (const auto& [name, closed] : closed_by_name) {
      if (!names.contains(name)) free.push_back(name);
    }
  }
  const bool must_be_it = wanting.size() == 1 && free.size() == 1;
  for (const int64_t id : wanting) DIMS_RETURN_IF_ERROR(MendLine(id, must_be_it ? free[0] : "", closed_by_name));
  for (const std::string& name : free) {
    const int64_t next = CountOr(
        "SELECT 1+max(coalesce((SELECT max(id) FROM main.lines), 0), coalesce((SELECT max(line) FROM main.unheard), "
        "0))",
        0);
    if (!HasLine(name)) DIMS_RETURN_IF_ERROR(MendLine(next, name, closed_by_name));
  }
  return absl::OkStatus();
}

bool Salvaging::HasLine(const std::string& instrument) {
  absl::StatusOr<Statement> taken = db_->Prepare("SELECT count(*) FROM main.lines WHERE instrument=?1");
  if (!taken.ok()) return false;
  Query query(*taken, absl::string_view(instrument));
  return query.Next() && query.Int(0) > 0;
}

// `otherwise`: its name where what was noted is not borne out.
absl::Status Salvaging::MendLine(int64_t id, const std::string& otherwise,
                                 const std::map<std::string, uint64_t>& closed_by_name) {
  std::string name;
  uint64_t noted_read = 0, noted_closed = 0;
  if (readable_) {
    absl::StatusOr<Statement> row = db_->Prepare(
        "SELECT instrument, read_through, closed_through FROM old.lines WHERE id=?1 AND typeof(instrument)='text'");
    if (row.ok()) {
      Query query(*row, id);
      if (query.Next()) {
        name = query.Bytes(0);
        noted_read = query.Unsigned(1);
        noted_closed = query.Unsigned(2);
      }
    }
  }
  // A name that no record bears out may be the damaged part; a single instrument without a line must be it.
  if ((!closed_by_name.contains(name) || HasLine(name)) && !otherwise.empty()) name = otherwise;
  if (name.empty() || HasLine(name)) name = absl::StrCat("unknown-", id);
  uint64_t read = static_cast<uint64_t>(CountOr(
      absl::StrCat("SELECT coalesce(max(position+length(bytes)), 0) FROM main.intake WHERE kind=0 AND line=", id), 0));
  const bool kept = read > 0;
  if (!kept) {
    // All that it sent was in records and past its time. One of the two may be the damaged number: too high a position
    // leaves a hole, too low a one would be used twice; but no line has sent so much.
    constexpr uint64_t kPlausible = uint64_t{1} << 48;
    read = noted_closed =
        std::max(noted_read < kPlausible ? noted_read : 0, noted_closed < kPlausible ? noted_closed : 0);
  }
  const auto borne_out = closed_by_name.find(name);
  // Without a record to go by: what was noted, if it can be; else nothing is replayed rather than sent twice.
  uint64_t closed = std::min(noted_closed, read);
  // What is kept after the last of its records is replayed: rather a report twice than bytes that were in none.
  if (borne_out != closed_by_name.end()) closed = kept ? borne_out->second : std::max(read, borne_out->second);
  absl::StatusOr<Statement> insert = db_->Prepare(absl::StrCat(
      "INSERT INTO main.lines(id, instrument, read_through, closed_through, open_from, sum) SELECT id, instrument, "
      "read_through, closed_through, open_from, ",
      kLineSum,
      " FROM (SELECT ?1 AS id, ?2 AS instrument, ?3 AS read_through, ?4 AS closed_through, coalesce("
      "(SELECT min(id) FROM main.intake WHERE line=?1 AND kind=0 AND position+length(bytes)>?4), "
      "(SELECT max(id)+1 FROM main.intake), 1) AS open_from)"));
  DIMS_RETURN_IF_ERROR(insert.status());
  DIMS_RETURN_IF_ERROR(db_->Run(*insert, id, absl::string_view(name), std::max(read, closed), closed));
  notices.push_back(absl::StrCat("where instrument ", name, " stood was damaged; by what is kept of it, ",
                                 std::max(read, closed), " bytes were read, of which ", closed, " are in records"));
  return absl::OkStatus();
}

// A refused record that is marked so is not put there again when the registry repeats itself. Where it is not known
// what was decided, a released one must not come back.
absl::Status Salvaging::MendQuarantine() {
  const auto incomplete = [this](const char* table) {
    return std::find(incomplete_.begin(), incomplete_.end(), table) != incomplete_.end();
  };
  if (!incomplete("quarantine") || incomplete("audit")) return absl::OkStatus();
  DIMS_RETURN_IF_ERROR(db_->Execute(
      "INSERT OR IGNORE INTO main.quarantine(store_id, number, previous_hash, hash, schema, payload, urgent, reason, "
      "message, refused_at) SELECT store_id, number, previous_hash, hash, schema, payload, urgent, 0, refused, "
      "stored_at FROM main.records JOIN main.generations ON generations.id=generation WHERE refused IS NOT NULL AND "
      "NOT EXISTS("
      "SELECT 1 FROM main.audit WHERE what LIKE 'record '||number||' of store '||store_id||' (%') "
      "ORDER BY records.id"));
  if (db_->changes() > 0) {
    notices.push_back(absl::StrCat(db_->changes(), " refused records were put back into the quarantine"));
  }
  return absl::OkStatus();
}

// The end of a chain that is not there any more is known only by the index, for what the head file does not tell.
absl::Status Salvaging::NoteMissing() {
  struct End {
    int64_t id = 0;
    std::string store_id;
    int64_t settled = 0;
  };
  std::vector<End> ends;
  {
    absl::StatusOr<Statement> all = db_->Prepare("SELECT id, store_id, settled_through FROM main.generations");
    DIMS_RETURN_IF_ERROR(all.status());
    Query query(*all);
    while (query.Next()) ends.push_back({query.Int(0), query.Bytes(1), query.Int(2)});
    DIMS_RETURN_IF_ERROR(query.status());
  }
  for (const End& end : ends) {
    // Each by itself: of the old tables any may be unreadable.
    const auto highest = [&](const char* table) {
      return CountOr(absl::StrCat("SELECT coalesce(max(number), 0) FROM ", table, " WHERE generation=", end.id), 0);
    };
    // A number that is damaged itself must not make a gap without end.
    constexpr int64_t kPlausible = 10'000'000;
    const int64_t here = std::max(end.settled, highest("main.records"));
    const int64_t there =
        std::max(readable_ ? highest("old.records INDEXED BY records_by_number") : 0, highest("main.damaged"));
    if (there <= here || there - here > kPlausible) continue;
    DIMS_RETURN_IF_ERROR(PutMeta(absl::StrCat(kMissing, end.store_id), absl::StrCat(here + 1, " ", there)));
  }
  return absl::OkStatus();
}

}  // namespace dims::store_db
