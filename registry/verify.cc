#include "registry/verify.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dims/v1/report.pb.h"
#include "proto/hash.h"
#include "proto/terminal_text.h"
#include "registry/archive.h"
#include "registry/database.h"
#include "registry/high_water.h"

namespace dims {
namespace {

using archive_db::Database;
using archive_db::Statement;

constexpr int kRecordsAtOnce = 64;  // a long read would keep the registry's log from being reused
constexpr std::size_t kMostTold = 20;
constexpr char kRow[] = "%-16s %-16s %-36s %10s %8s %8s %6s  %s\n";
constexpr char kRemedy[] =
    "check the disk, restore the database from a backup and start it: the bridges send again what they keep";

// The first few lines of a kind, and how many there were.
struct Lines {
  void Add(std::string line) {
    if (++count <= kMostTold) told.push_back(std::move(line));
  }
  std::vector<std::string> told;
  uint64_t count = 0;
};

struct StoreRow {
  int64_t id = 0;
  StoreName name;
  StorePosition position;
  int64_t last_position = 0;  // of the records at that moment
};

// One store, record by record in the order of their numbers.
class StoreCheck {
 public:
  explicit StoreCheck(const StoreRow& store) : store_(store) {}

  // `row`: number, position, previous_hash, hash, schema, payload, refusal.
  void Record(const Statement& row) {
    const auto number = static_cast<uint64_t>(row.IntegerAt(0));
    const std::string place = absl::StrCat("record ", number, " (position ", row.IntegerAt(1), ")");
    ++records;
    const uint64_t expected = number_ + 1, settled = store_.position.settled_through;
    if (number != expected && expected <= settled) {
      findings.Add(
          absl::StrCat("records ", expected, " to ", std::min(number - 1, settled), " are settled and missing"));
    }
    const bool follows = number == expected;
    const std::string previous_hash = row.BytesAt(2), hash = row.BytesAt(3);
    const std::string before = number == 1 ? FirstPreviousHash(store_.name.store_id) : follows ? hash_ : "";
    if (!before.empty() && previous_hash != before) {
      findings.Add(absl::StrCat(place,
                                ": does not continue the chain: either its previous_hash or the record before is "
                                "damaged"));
    }
    if (row.IntegerAt(6) == v1::REFUSAL_REASON_UNSPECIFIED) {
      Payload(row, place, previous_hash, hash);
    } else {
      ++refused;
      if (!row.NullAt(5)) findings.Add(absl::StrCat(place, ": is refused, but has a payload"));
      if (!v1::RefusalReason_IsValid(static_cast<int>(row.IntegerAt(6)))) {
        findings.Add(absl::StrCat(place, ": its reason of refusal, ", row.IntegerAt(6), ", is none"));
      }
      if (hash.size() != 32) findings.Add(absl::StrCat(place, ": its hash has ", hash.size(), " bytes, not 32"));
    }
    if (number > settled) ++ahead;
    if (number == settled && hash != store_.position.settled_hash) {
      findings.Add(absl::StrCat(place, ": is the last settled one, but not the one that its store's row names"));
    }
    number_ = number;
    hash_ = hash;
  }

  void End(const std::optional<HighWater::Mark>& mark) {
    const uint64_t settled = store_.position.settled_through;
    if (number_ < settled)
      findings.Add(absl::StrCat("records ", number_ + 1, " to ", settled, " are settled and missing"));
    if (settled == 0 && !store_.position.settled_hash.empty()) {
      findings.Add("its row names a settled record's hash, but no number");
    }
    if (mark.has_value() && mark->settled_through > settled) {
      findings.Add(absl::StrCat("records ", settled + 1, " to ", mark->settled_through,
                                " were settled once and are not here: the database is older than it was"));
    }
  }

  uint64_t records = 0, refused = 0, ahead = 0;
  Lines gaps, findings;

 private:
  void Payload(const Statement& row, const std::string& place, const std::string& previous_hash,
               const std::string& hash) {
    if (row.NullAt(5)) return findings.Add(absl::StrCat(place, ": has no payload and is not refused"));
    const std::string payload = row.BytesAt(5);
    const auto schema = static_cast<uint32_t>(row.IntegerAt(4));
    if (RecordHash(previous_hash, static_cast<uint64_t>(row.IntegerAt(0)), schema, payload) != hash) {
      return findings.Add(absl::StrCat(place, ": what is on disk does not have its hash"));
    }
    v1::Report report;
    if (schema != 1 || !report.ParseFromString(payload)) {
      return findings.Add(absl::StrCat(place, ": has its hash, but cannot be read as a report"));
    }
    if (!report.has_gap()) return;
    const v1::Gap& gap = report.gap();
    gaps.Add(absl::StrCat("record ", row.IntegerAt(0), " stands for records ", gap.from(), " to ", gap.through(),
                          " of store ", gap.store_id(), ", which are lost: ", gap.reason()));
  }

  const StoreRow& store_;
  uint64_t number_ = 0;  // of the record before
  std::string hash_;     // its
};

class Verifier {
 public:
  Verifier(const Database& database, std::ostream& out) : database_(database), out_(out) {}

  // The store with the lowest id above; none left: nullopt. In one transaction with the last position, so that what
  // lies beyond `settled_through` and not beyond that position was stored ahead.
  absl::StatusOr<std::optional<StoreRow>> NextStore(int64_t after) {
    if (absl::Status status = database_.Execute("BEGIN"); !status.ok()) return status;
    absl::StatusOr<std::optional<StoreRow>> row = ReadStore(after);
    if (absl::Status status = database_.Execute("COMMIT"); !status.ok()) return status;
    return row;
  }

  void Store(const StoreRow& store, const std::optional<HighWater::Mark>& mark) {
    StoreCheck check(store);
    absl::Status status = Records(store, check);
    if (!status.ok()) check.findings.Add(absl::StrCat("cannot be read to its end: ", std::string(status.message())));
    if (status.ok()) check.End(mark);
    Row(store.name, absl::StrCat(store.position.settled_through), absl::StrCat(check.ahead),
        absl::StrCat(check.refused), absl::StrCat(check.gaps.count), check.findings.count);
    Tell("gap", check.gaps);
    Tell("DAMAGED", check.findings);
    result.stores += 1;
    result.records += check.records;
    result.findings += check.findings.count;
  }

  // A store of which only the mark is left.
  void Lost(const HighWater::Mark& mark) {
    Lines lines;
    lines.Add(absl::StrCat("records 1 to ", mark.settled_through,
                           " were settled once and are not here: the database is older than it was"));
    Row(mark.store, "-", "-", "-", "-", 1);
    Tell("DAMAGED", lines);
    result.findings += 1;
  }

  // What concerns no single store.
  void Whole() {
    Lines lines;
    for (const auto& [sql, text] : std::initializer_list<std::pair<absl::string_view, absl::string_view>>{
             {"SELECT position+1 FROM record AS one WHERE NOT EXISTS (SELECT 1 FROM record WHERE "
              "position=one.position+1) "
              "AND position<(SELECT max(position) FROM record)",
              "no record has position "},
             {"SELECT DISTINCT store FROM record WHERE store NOT IN (SELECT id FROM store)",
              "there are records of a store without a row: "},
             {"PRAGMA integrity_check(20)", "SQLite: "}}) {
      absl::StatusOr<Statement> rows = database_.Prepare(sql);
      while (rows.ok()) {
        absl::StatusOr<bool> row = rows->Step();
        if (!row.ok()) rows = row.status();
        if (!rows.ok() || !*row) break;
        if (const std::string value = rows->BytesAt(0); value != "ok") lines.Add(absl::StrCat(text, value));
      }
      if (!rows.ok()) lines.Add(std::string(rows.status().message()));
    }
    Tell("DAMAGED", lines);
    result.findings += lines.count;
  }

  void Header() {
    out_ << absl::StrFormat(kRow, "LABORATORY", "BRIDGE", "STORE", "SETTLED", "AHEAD", "REFUSED", "GAPS", "STATE");
  }

  Verification result;

 private:
  absl::StatusOr<std::optional<StoreRow>> ReadStore(int64_t after) {
    absl::StatusOr<Statement> next = database_.Prepare(
        "SELECT id, laboratory, bridge, store_id, settled_through, settled_hash, (SELECT max(position) FROM record) "
        "FROM store WHERE id>?1 ORDER BY id LIMIT 1");
    if (!next.ok()) return next.status();
    absl::StatusOr<bool> row = next->Integer(1, after).Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    return StoreRow{next->IntegerAt(0),
                    {next->BytesAt(1), next->BytesAt(2), next->BytesAt(3)},
                    {static_cast<uint64_t>(next->IntegerAt(4)), next->BytesAt(5)},
                    next->IntegerAt(6)};
  }

  absl::Status Records(const StoreRow& store, StoreCheck& check) {
    absl::StatusOr<Statement> read = database_.Prepare(
        "SELECT number, position, previous_hash, hash, schema, payload, refusal FROM record WHERE store=?1 AND "
        "number>?2 AND position<=?3 ORDER BY number LIMIT ?4");
    if (!read.ok()) return read.status();
    int64_t after = 0;
    for (int got = kRecordsAtOnce; got == kRecordsAtOnce;) {
      read->Reset().Integer(1, store.id).Integer(2, after).Integer(3, store.last_position).Integer(4, kRecordsAtOnce);
      got = 0;
      while (true) {
        absl::StatusOr<bool> row = read->Step();
        if (!row.ok()) return row.status();
        if (!*row) break;
        check.Record(*read);
        after = read->IntegerAt(0);
        ++got;
      }
    }
    return absl::OkStatus();
  }

  void Row(const StoreName& name, const std::string& settled, const std::string& ahead, const std::string& refused,
           const std::string& gaps, uint64_t findings) {
    out_ << absl::StrFormat(kRow, Printable(name.laboratory), Printable(name.bridge), Printable(name.store_id), settled,
                            ahead, refused, gaps, findings == 0 ? "sound" : "DAMAGED");
  }

  void Tell(absl::string_view what, const Lines& lines) {
    for (const std::string& line : lines.told) out_ << "  " << what << ": " << Printable(line) << "\n";
    if (lines.count > lines.told.size()) out_ << "  and " << lines.count - lines.told.size() << " more\n";
  }

  const Database& database_;
  std::ostream& out_;
};

}  // namespace

absl::StatusOr<Verification> Verify(const std::string& database, const std::string& store_id, std::ostream& out) {
  if (std::error_code error; !std::filesystem::exists(database, error)) {
    return absl::NotFoundError(absl::StrCat("there is no database \"", database, "\""));
  }
  absl::StatusOr<std::unique_ptr<Database>> opened = Database::Open(database, Database::Mode::kReadOnly);
  if (!opened.ok()) return opened.status();
  // First: a mark that is read before its store's row cannot be ahead of it.
  absl::StatusOr<HighWater::Found> high = HighWater::Load(database + ".high");
  if (!high.ok()) return high.status();
  std::map<StoreName, HighWater::Mark> marks;
  for (HighWater::Cell& cell : high->cells) marks[cell.mark.store] = std::move(cell.mark);
  Verifier verifier(**opened, out);
  verifier.Header();
  for (int64_t after = 0;;) {
    absl::StatusOr<std::optional<StoreRow>> store = verifier.NextStore(after);
    if (!store.ok()) return store.status();
    if (!store->has_value()) break;
    after = (*store)->id;
    std::optional<HighWater::Mark> mark;
    if (const auto known = marks.extract((*store)->name); !known.empty()) mark = known.mapped();
    if (!store_id.empty() && (*store)->name.store_id != store_id) continue;
    verifier.Store(**store, mark);
  }
  for (const auto& [name, mark] : marks) {
    if (store_id.empty() || name.store_id == store_id) verifier.Lost(mark);
  }
  const Verification& result = verifier.result;
  if (!store_id.empty() && result.stores == 0 && result.findings == 0) {
    return absl::NotFoundError(absl::StrCat(database, " has no store \"", store_id, "\""));
  }
  verifier.Whole();
  out << (result.findings == 0 ? "sound: " : "DAMAGED: ") << result.records << " records of " << result.stores
      << " stores";
  if (result.findings > 0) out << ", " << result.findings << " findings; " << kRemedy;
  out << "\n";
  out.flush();
  if (!out) return absl::DataLossError("the output could not be written");
  return result;
}

}  // namespace dims
