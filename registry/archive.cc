#include "registry/archive.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <mutex>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"
#include "proto/hash.h"
#include "registry/database.h"

namespace dims {
namespace {

using archive_db::Database;
using archive_db::Statement;

constexpr int kSchemaVersion = 1;

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

std::string Who(const StoreName& store) {
  return absl::StrCat("bridge ", store.laboratory, "/", store.bridge, ", store ", store.store_id);
}

// A record that the archive knows.
struct Known {
  std::string hash;
  v1::RefusalReason refusal;
  std::string refusal_message;
};

struct StoreRow {
  int64_t id = 0;  // zero: not on disk yet
  StorePosition position;
};

}  // namespace

class Archive::Impl {
 public:
  explicit Impl(ArchiveOptions options) : options_(std::move(options)) {}
  ~Impl() {
    find_store_ = {}, insert_store_ = {}, settle_ = {}, find_ = {}, insert_ = {};
    database_.reset();
    if (lock_ >= 0) close(lock_);
  }

  absl::Status Open();
  absl::StatusOr<StorePosition> Position(const StoreName& store);
  StoreResult Store(const StoreName& store, absl::Span<const ReceivedRecord> records, bool ahead);
  absl::Status SetMeta(absl::string_view name, absl::string_view value);
  absl::StatusOr<std::string> Meta(absl::string_view name);

  std::mutex mutex_;

 private:
  absl::Status Lock();
  absl::Status CreateOrCheck();
  absl::StatusOr<StoreRow> FindStore(const StoreName& name);
  absl::StatusOr<std::optional<Known>> Find(int64_t store, uint64_t number);
  absl::Status Insert(const StoreName& name, StoreRow& row, const ReceivedRecord& record);
  // One record into `result`, whose status it sets where the stream must end. An error of its own: roll back.
  absl::Status StoreOne(const StoreName& name, StoreRow& row, const ReceivedRecord& record, bool ahead,
                        StoreResult& result);
  absl::Status StoreAll(const StoreName& name, absl::Span<const ReceivedRecord> records, bool ahead,
                        StoreResult& result);

  const ArchiveOptions options_;
  int lock_ = -1;
  std::unique_ptr<Database> database_;
  Statement find_store_, insert_store_, settle_, find_, insert_;
};

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
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> version = Meta("schema");
  if (!version.ok()) return version.status();
  if (*version != absl::StrCat(kSchemaVersion)) {
    return absl::FailedPreconditionError(
        absl::StrCat(options_.path, ": made by another version of dims-registry (its schema is ", *version,
                     ", this program's is ", kSchemaVersion, "); nothing was changed, use that version"));
  }
  return absl::OkStatus();
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
            "received_at_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"}}) {
    absl::StatusOr<Statement> prepared = database_->Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  database_->Trust();
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

absl::StatusOr<StoreRow> Archive::Impl::FindStore(const StoreName& name) {
  find_store_.Reset().Text(1, name.laboratory).Text(2, name.bridge).Text(3, name.store_id);
  absl::StatusOr<bool> found = find_store_.Step();
  if (!found.ok()) return found.status();
  StoreRow row;
  if (*found) {
    row.id = find_store_.IntegerAt(0);
    row.position.settled_through = static_cast<uint64_t>(find_store_.IntegerAt(1));
    row.position.settled_hash = find_store_.BytesAt(2);
  }
  find_store_.Reset();
  return row;
}

absl::StatusOr<StorePosition> Archive::Impl::Position(const StoreName& store) {
  absl::StatusOr<StoreRow> row = FindStore(store);
  if (!row.ok()) return row.status();
  return row->position;
}

absl::StatusOr<std::optional<Known>> Archive::Impl::Find(int64_t store, uint64_t number) {
  if (store == 0) return std::nullopt;
  find_.Reset().Integer(1, store).Integer(2, static_cast<int64_t>(number));
  absl::StatusOr<bool> found = find_.Step();
  if (!found.ok()) return found.status();
  std::optional<Known> known;
  if (*found) {
    known = Known{find_.BytesAt(0), static_cast<v1::RefusalReason>(find_.IntegerAt(1)), find_.BytesAt(2)};
  }
  find_.Reset();
  return known;
}

absl::Status Archive::Impl::Insert(const StoreName& name, StoreRow& row, const ReceivedRecord& record) {
  if (row.id == 0) {
    insert_store_.Reset().Text(1, name.laboratory).Text(2, name.bridge).Text(3, name.store_id);
    if (absl::StatusOr<bool> inserted = insert_store_.Step(); !inserted.ok()) return inserted.status();
    row.id = insert_store_.IntegerAt(0);
    insert_store_.Reset();
  }
  insert_.Reset()
      .Integer(1, row.id)
      .Integer(2, static_cast<int64_t>(record.number))
      .Blob(3, record.previous_hash)
      .Blob(4, record.hash)
      .Integer(5, record.schema)
      .Integer(7, record.refusal)
      .Text(8, record.refusal_message)
      .Integer(9, absl::ToUnixMicros(options_.now()));
  if (record.refusal == v1::REFUSAL_REASON_UNSPECIFIED) insert_.Blob(6, record.payload);
  const absl::Status status = insert_.Run();
  insert_.Reset();
  return status;
}

absl::Status Archive::Impl::StoreOne(const StoreName& name, StoreRow& row, const ReceivedRecord& record, bool ahead,
                                     StoreResult& result) {
  StorePosition& position = row.position;
  const uint64_t number = record.number;
  const uint64_t next = position.settled_through + 1;
  if (number == 0 || number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    result.status = absl::InvalidArgumentError(absl::StrCat(Who(name), ": ", number, " is not a record's number"));
    return absl::OkStatus();
  }
  if (!ahead && number > next) {
    result.status = absl::InvalidArgumentError(
        absl::StrCat(Who(name), ": record ", number, " came where record ", next,
                     " was due; records come in order without gaps, start again after what Welcome says"));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Known>> known = Find(row.id, number);
  if (!known.ok()) return known.status();
  if (known->has_value() && (*known)->hash != record.hash) {
    result.conflict.emplace();
    result.conflict->set_number(number);
    result.conflict->set_registry_hash((*known)->hash);
    result.conflict->set_received_hash(record.hash);
    result.status = absl::AbortedError(
        absl::StrCat(Who(name), ": CONFLICT at record ", number, ": the registry has hash ",
                     absl::BytesToHexString((*known)->hash), ", received was ", absl::BytesToHexString(record.hash),
                     "; nothing was overwritten, the bridge must go on under a new store id"));
    return absl::OkStatus();
  }
  if (number <= position.settled_through && !known->has_value()) {
    return absl::DataLossError(absl::StrCat(Who(name), ": record ", number, " is settled and not in the archive"));
  }

  // The hash of the record before, where it is known. A settled record's own hash has proved it already.
  std::string previous;
  if (number <= position.settled_through) {
    previous = record.previous_hash;
  } else if (number == 1) {
    previous = FirstPreviousHash(name.store_id);
  } else if (number == next) {
    previous = position.settled_hash;
  } else {
    absl::StatusOr<std::optional<Known>> before = Find(row.id, number - 1);
    if (!before.ok()) return before.status();
    if (before->has_value()) previous = (*before)->hash;
  }
  if (!previous.empty() && record.previous_hash != previous) {
    result.status = absl::InvalidArgumentError(
        absl::StrCat(Who(name), ": record ", number, " does not continue the chain: its previous_hash is ",
                     absl::BytesToHexString(record.previous_hash), ", the hash of the record before is ",
                     absl::BytesToHexString(previous)));
    return absl::OkStatus();
  }

  if (!known->has_value()) {
    if (absl::Status status = Insert(name, row, record); !status.ok()) return status;
    *known = Known{record.hash, record.refusal, record.refusal_message};
  }
  if ((*known)->refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
    v1::Refusal& refusal = result.refusals.emplace_back();
    refusal.set_number(number);
    refusal.set_hash((*known)->hash);
    refusal.set_reason((*known)->refusal);
    refusal.set_message((*known)->refusal_message);
  } else if (ahead) {
    result.ahead.push_back(number);
  }
  if (!ahead && number == next) position = {number, record.hash};
  if (!ahead) result.settled = number;
  return absl::OkStatus();
}

absl::Status Archive::Impl::StoreAll(const StoreName& name, absl::Span<const ReceivedRecord> records, bool ahead,
                                     StoreResult& result) {
  if (DIMS_FAILPOINT("registry.commit.begin")) return database_->Check(SQLITE_FULL);
  if (absl::Status status = database_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  absl::StatusOr<StoreRow> row = FindStore(name);
  if (!row.ok()) return row.status();
  const uint64_t settled_before = row->position.settled_through;
  for (const ReceivedRecord& record : records) {
    if (absl::Status status = StoreOne(name, *row, record, ahead, result); !status.ok()) return status;
    if (!result.status.ok()) break;
  }
  result.position = row->position;
  if (row->position.settled_through != settled_before) {
    settle_.Reset()
        .Integer(1, row->id)
        .Integer(2, static_cast<int64_t>(row->position.settled_through))
        .Blob(3, row->position.settled_hash);
    if (absl::Status status = settle_.Run(); !status.ok()) return status;
    settle_.Reset();
  }
  if (DIMS_FAILPOINT("registry.commit.before")) return database_->Check(SQLITE_IOERR);
  if (absl::Status status = database_->Execute("COMMIT"); !status.ok()) return status;
  if (DIMS_FAILPOINT("registry.commit.after")) return database_->Check(SQLITE_IOERR);
  return absl::OkStatus();
}

StoreResult Archive::Impl::Store(const StoreName& store, absl::Span<const ReceivedRecord> records, bool ahead) {
  StoreResult result;
  const absl::Status status = StoreAll(store, records, ahead, result);
  if (status.ok()) return result;
  for (Statement* statement : {&find_store_, &insert_store_, &settle_, &find_, &insert_}) statement->Reset();
  // SQLite has often rolled back by itself, and then says that there is nothing to roll back.
  database_->Execute("ROLLBACK").IgnoreError();
  StoreResult failed;
  failed.status = status;
  return failed;
}

Archive::Archive(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Archive::~Archive() = default;

absl::StatusOr<std::unique_ptr<Archive>> Archive::Open(ArchiveOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Open(); !status.ok()) return status;
  return std::unique_ptr<Archive>(new Archive(std::move(impl)));
}

std::string Archive::epoch() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Meta("epoch").value_or("");
}

std::string Archive::registry() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Meta("registry").value_or("");
}

absl::Status Archive::NewEpoch() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->SetMeta("epoch", NewUuid());
}

absl::StatusOr<StorePosition> Archive::Position(const StoreName& store) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Position(store);
}

StoreResult Archive::Append(const StoreName& store, absl::Span<const ReceivedRecord> records) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Store(store, records, false);
}

StoreResult Archive::StoreAhead(const StoreName& store, absl::Span<const ReceivedRecord> records) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Store(store, records, true);
}

}  // namespace dims
