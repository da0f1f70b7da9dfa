#include <fcntl.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"
#include "registry/archive_impl.h"

namespace dims {

using archive_db::Database;
using archive_db::Statement;

namespace {

constexpr int kSchemaVersion = 1;
constexpr std::size_t kMostNotices = 100;

// Unlike the bridge's store this database keeps the normal locking mode, so that `dims-registry export` can read while
// the registry runs. The known race of two connections resetting one WAL needs two that write or checkpoint: readers
// here do neither, and the lock file keeps a second writer out.
constexpr char kPragmas[] = "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL;";

constexpr char kTables[] = R"(
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE store(
  id INTEGER PRIMARY KEY,
  laboratory TEXT NOT NULL, bridge TEXT NOT NULL, store_id TEXT NOT NULL,
  settled_through INTEGER NOT NULL, settled_hash BLOB NOT NULL,
  UNIQUE(laboratory, bridge, store_id));
-- Beyond store.settled_through: stored ahead of its turn. With a refusal: a tombstone, payload null.
CREATE TABLE record(
  position INTEGER PRIMARY KEY,
  store INTEGER NOT NULL REFERENCES store(id), number INTEGER NOT NULL,
  previous_hash BLOB NOT NULL, hash BLOB NOT NULL, schema INTEGER NOT NULL, payload BLOB,
  refusal INTEGER NOT NULL, refusal_message TEXT NOT NULL, received_at_us INTEGER NOT NULL,
  UNIQUE(store, number));
)";

std::string NewUuid() {
  unsigned char bytes[16];
  if (RAND_bytes(bytes, sizeof bytes) != 1) std::abort();
  bytes[6] = (bytes[6] & 0x0f) | 0x40;  // RFC 4122, version 4
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const std::string hex = absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(bytes), sizeof bytes));
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

}  // namespace

Archive::Impl::~Impl() {
  find_store_ = {}, insert_store_ = {}, settle_ = {}, find_ = {}, insert_ = {}, refusals_ = {}, same_left_ = {},
  same_lately_ = {}, insert_again_ = {};
  database_.reset();
  if (lock_ >= 0) close(lock_);
}

absl::Status Archive::Impl::Lock() {
  // A file of its own: closing any descriptor of the database itself would drop SQLite's locks.
  const std::string path = options_.path + ".lock";
  lock_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_ < 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, ": ", std::strerror(errno), "; does the folder exist, and may this user write there?"));
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.path, ": another dims-registry is serving this database; stop it first"));
  }
  return absl::OkStatus();
}

absl::Status Archive::Impl::CreateOrCheck() {
  absl::StatusOr<Statement> tables = database_->Prepare("SELECT count(*) FROM sqlite_schema WHERE name='meta'");
  if (!tables.ok()) return tables.status();
  if (absl::StatusOr<bool> row = tables->Step(); !row.ok()) return row.status();
  const bool exists = tables->IntegerAt(0) != 0;
  tables->Reset();
  if (!exists) {
    if (absl::Status status = database_->Execute(absl::StrCat("BEGIN IMMEDIATE;", kTables)); !status.ok()) {
      return status;
    }
    for (const auto& [name, value] : {std::pair<absl::string_view, std::string>{"schema", absl::StrCat(kSchemaVersion)},
                                      {"registry", options_.registry},
                                      {"epoch", NewUuid()}}) {
      if (absl::Status status = SetMeta(name, value); !status.ok()) return status;
    }
    if (DIMS_FAILPOINT("registry.create.before")) return database_->Check(SQLITE_IOERR);
    if (absl::Status status = database_->Execute("COMMIT"); !status.ok()) return status;
    if (DIMS_FAILPOINT("registry.create.after")) return database_->Check(SQLITE_IOERR);
  }
  absl::StatusOr<std::string> version = Meta("schema");
  if (!version.ok()) return version.status();
  if (*version != absl::StrCat(kSchemaVersion)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.path, ": made by another version of dims-registry (its schema is ", *version,
                     ", this program's is ", kSchemaVersion, "); nothing was changed, use that version"));
  }
  // Not part of the schema: a version without them can use the database all the same.
  return database_->Execute(
      "CREATE INDEX IF NOT EXISTS refused ON record(store, number) WHERE refusal<>0;"
      // Records that are in the archive twice, and where the same is that came first; see Archive.
      "CREATE TABLE IF NOT EXISTS again(position INTEGER PRIMARY KEY, first INTEGER NOT NULL)");
}

absl::Status Archive::Impl::Open() {
  if (absl::Status status = Lock(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(options_.path, Database::Mode::kReadWrite);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  if (absl::Status status = database_->Execute(kPragmas); !status.ok()) return status;
  {
    absl::StatusOr<Statement> mode = database_->Prepare("PRAGMA journal_mode");
    if (!mode.ok()) return mode.status();
    if (absl::StatusOr<bool> row = mode->Step(); !row.ok()) return row.status();
    if (mode->BytesAt(0) != "wal") {
      return absl::FailedPreconditionError(
          absl::StrCat(options_.path, ": this file system does not carry a write-ahead log; use a local disk"));
    }
  }
  if (absl::Status status = CreateOrCheck(); !status.ok()) return status;
  {
    // After an unclean end the log may be in the page cache only: nothing is settled before it is on disk.
    absl::StatusOr<Statement> checkpoint = database_->Prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    if (!checkpoint.ok()) return checkpoint.status();
    if (absl::StatusOr<bool> row = checkpoint->Step(); !row.ok()) return row.status();
    if (checkpoint->IntegerAt(0) != 0) {
      return absl::UnavailableError(
          absl::StrCat(options_.path, ": something else is reading the database; let it end, then start again"));
    }
  }
  if (absl::Status status = Prepare(); !status.ok()) return status;
  if (absl::Status status = CompareWithHighWater(); !status.ok()) return status;
  database_->Trust();
  return absl::OkStatus();
}

absl::Status Archive::Impl::Prepare() {
  for (const auto& [statement, sql] : std::initializer_list<std::pair<Statement*, absl::string_view>>{
           {&find_store_,
            "SELECT id, settled_through, settled_hash FROM store WHERE laboratory=?1 AND bridge=?2 AND store_id=?3"},
           {&insert_store_,
            "INSERT INTO store(laboratory, bridge, store_id, settled_through, settled_hash) VALUES(?1, ?2, ?3, 0, x'')"
            " RETURNING id"},
           {&settle_, "UPDATE store SET settled_through=?2, settled_hash=?3 WHERE id=?1"},
           {&find_, "SELECT hash, refusal, refusal_message FROM record WHERE store=?1 AND number=?2"},
           {&insert_,
            "INSERT INTO record(store, number, previous_hash, hash, schema, payload, refusal, refusal_message, "
            "received_at_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"},
           {&refusals_,
            "SELECT number, hash, refusal, refusal_message FROM record WHERE store=?1 AND number BETWEEN ?2 AND ?3 AND "
            "refusal<>0 ORDER BY number DESC LIMIT ?4"},
           {&same_left_,
            "SELECT position FROM store JOIN record ON record.store=store.id AND number>settled_through WHERE "
            "laboratory=?1 AND bridge=?2 AND store_id<>?3 AND (?4 IS NULL OR payload=?4) LIMIT 1"},
           {&same_lately_,
            "SELECT position FROM record JOIN store ON record.store=store.id WHERE position>(SELECT max(position) FROM "
            "record)-?5 AND laboratory=?1 AND bridge=?2 AND store_id<>?3 AND payload=?4 LIMIT 1"},
           {&insert_again_, "INSERT INTO again(position, first) VALUES(last_insert_rowid(), ?1)"}}) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status Archive::Impl::CompareWithHighWater() {
  absl::StatusOr<std::string> epoch = Meta("epoch");
  if (!epoch.ok()) return epoch.status();
  epoch_ = *std::move(epoch);
  const std::string path = options_.path + ".high";
  absl::StatusOr<HighWater::Found> found = HighWater::Load(path);
  if (!found.ok()) return found.status();
  bool any = false;
  {
    absl::StatusOr<Statement> record = database_->Prepare("SELECT EXISTS(SELECT 1 FROM record)");
    if (!record.ok()) return record.status();
    if (absl::StatusOr<bool> row = record->Step(); !row.ok()) return row.status();
    any = record->IntegerAt(0) != 0;
  }
  bool untold = false;
  if (any && !found->whole) {
    notices_.push_back(absl::StrCat(path, ": missing or damaged, so nobody can tell whether ", options_.path,
                                    " was restored from a backup; taken as restored"));
    untold = true;
  }
  std::vector<StoreName> behind;
  for (const auto& [mark, place, sequence] : found->cells) {
    absl::StatusOr<StorePosition> position = Position(mark.store);
    if (!position.ok()) return position.status();
    std::string lost;
    if (position->settled_through < mark.settled_through) {
      lost = absl::StrCat("records ", position->settled_through + 1, " to ", mark.settled_through,
                          " were settled once and are not in the database");
    } else {
      absl::StatusOr<std::string> hash = Hash(mark.store, mark.settled_through);
      if (!hash.ok()) return hash.status();
      if (*hash != mark.settled_hash) {
        lost = absl::StrCat("record ", mark.settled_through, " is not the one that was settled once");
      }
    }
    if (lost.empty()) continue;
    untold = untold || mark.told != epoch_;
    behind.push_back(mark.store);
    if (behind.size() <= kMostNotices) {
      notices_.push_back(absl::StrCat(options_.path, " is older than it was: ", Who(mark.store), ": ", lost));
    }
  }
  if (behind.size() > kMostNotices) {
    notices_.push_back(
        absl::StrCat(options_.path, " is older than it was: ", behind.size() - kMostNotices, " more stores"));
  }
  if (untold) {
    if (absl::Status status = NewEpoch(); !status.ok()) return status;
    notices_.push_back(absl::StrCat(options_.path, ": new epoch ", epoch_,
                                    ": the bridges send again what they still keep, and a Gap for what they do not"));
    set_back_ = true;
  }
  absl::StatusOr<std::unique_ptr<HighWater>> opened = HighWater::Open(path, *found);
  if (!opened.ok()) return opened.status();
  high_water_ = *std::move(opened);
  behind_ = std::move(behind);
  for (const StoreName& store : behind_) high_water_->Tell(store, epoch_);
  // Of stores whose mark is missing, or was of another history.
  absl::StatusOr<Statement> stores = database_->Prepare(
      "SELECT laboratory, bridge, store_id, settled_through, settled_hash FROM store WHERE settled_through>0");
  if (!stores.ok()) return stores.status();
  while (true) {
    absl::StatusOr<bool> row = stores->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    high_water_->Raise({{stores->BytesAt(0), stores->BytesAt(1), stores->BytesAt(2)},
                        static_cast<uint64_t>(stores->IntegerAt(3)),
                        stores->BytesAt(4)});
  }
}

absl::Status Archive::Impl::NewEpoch() {
  const std::string epoch = NewUuid();
  if (absl::Status status = SetMeta("epoch", epoch); !status.ok()) return status;
  epoch_ = epoch;
  if (high_water_ != nullptr) {
    for (const StoreName& store : behind_) high_water_->Tell(store, epoch_);
  }
  return absl::OkStatus();
}

absl::Status Archive::Impl::SetMeta(absl::string_view name, absl::string_view value) {
  absl::StatusOr<Statement> set = database_->Prepare("INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)");
  if (!set.ok()) return set.status();
  return set->Text(1, name).Text(2, value).Run();
}

absl::StatusOr<std::string> Archive::Impl::Meta(absl::string_view name) {
  absl::StatusOr<Statement> get = database_->Prepare("SELECT value FROM meta WHERE name=?1");
  if (!get.ok()) return get.status();
  absl::StatusOr<bool> row = get->Text(1, name).Step();
  if (!row.ok()) return row.status();
  return *row ? get->BytesAt(0) : "";
}

}  // namespace dims
