#include "firmware-bridge/store_schema.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "proto/failpoint.h"

namespace dims::store_db {
namespace {

constexpr int kApplicationId = 0x44494d53;  // "DIMS", in the file's header

// Times are nanoseconds since 1970, UTC.
constexpr std::array<const char*, kSchemaVersion> kMigrations = {R"sql(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

  -- The one with the highest id is current. settled_hash is the hash of record settled_through: a damaged number shows.
  -- final_number and final_hash: the last record it is known to have had when it was closed.
  CREATE TABLE generations(
    id INTEGER PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, began_at INTEGER NOT NULL, why TEXT NOT NULL,
    settled_through INTEGER NOT NULL DEFAULT 0, settled_hash BLOB, final_number INTEGER, final_hash BLOB);

  -- At `at`, everything through `through` had been settled. Rounded up to the hour, one row an hour.
  CREATE TABLE settlements(
    generation INTEGER NOT NULL, at INTEGER NOT NULL, through INTEGER NOT NULL,
    PRIMARY KEY(generation, at)) WITHOUT ROWID;

  CREATE TABLE records(
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, number INTEGER NOT NULL, previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL, schema INTEGER NOT NULL, payload BLOB NOT NULL, stored_at INTEGER NOT NULL, refused TEXT);
  CREATE UNIQUE INDEX records_by_number ON records(generation, number);
  CREATE INDEX records_refused ON records(generation) WHERE refused IS NOT NULL;

  -- Records whose bytes no longer had their hash when they should have moved. A Gap stands in their place.
  CREATE TABLE damaged(
    generation INTEGER NOT NULL, number INTEGER NOT NULL, previous_hash BLOB, hash BLOB, schema INTEGER, payload BLOB,
    found_at INTEGER NOT NULL);

  -- open_from: the first intake row that a crash would replay.
  CREATE TABLE lines(
    id INTEGER PRIMARY KEY, instrument TEXT NOT NULL UNIQUE, read_through INTEGER NOT NULL,
    closed_through INTEGER NOT NULL, open_from INTEGER NOT NULL);

  -- position: bytes read from the line before this. kind: 0 in, 1 out, 2 timer, 3 opened, 4 closed.
  CREATE TABLE intake(
    id INTEGER PRIMARY KEY, line INTEGER NOT NULL, kind INTEGER NOT NULL, position INTEGER NOT NULL,
    time INTEGER NOT NULL, bytes BLOB NOT NULL);
  CREATE INDEX intake_by_position ON intake(line, position);
)sql",
                                                                 R"sql(
  -- Errors that the hardware reported in the bytes: each a kind (drivers/line_mark.h) and an offset of four bytes.
  ALTER TABLE intake ADD COLUMN marks BLOB NOT NULL DEFAULT x'';

  -- Messages (records.id) of which it is not known whether their instrument has heard that they were received.
  CREATE TABLE unheard(record INTEGER PRIMARY KEY, line INTEGER NOT NULL, content BLOB NOT NULL);
)sql",
                                                                 R"sql(
  -- 1: sent ahead of its turn while it is not settled.
  ALTER TABLE records ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX records_urgent ON records(generation, number) WHERE urgent=1;

  -- Of the row's other columns; see RowSum. NULL in rows that are older than this column.
  ALTER TABLE intake ADD COLUMN sum BLOB;
  ALTER TABLE lines ADD COLUMN sum BLOB;
  ALTER TABLE generations ADD COLUMN sum BLOB;

  -- Records that the registry refused, as they were, until a person has released or discarded them.
  CREATE TABLE quarantine(
    id INTEGER PRIMARY KEY, store_id TEXT NOT NULL, number INTEGER NOT NULL, previous_hash BLOB NOT NULL,
    hash BLOB NOT NULL, schema INTEGER NOT NULL, payload BLOB NOT NULL, urgent INTEGER NOT NULL, reason INTEGER NOT NULL,
    message TEXT NOT NULL, refused_at INTEGER NOT NULL, UNIQUE(store_id, number));
  INSERT INTO quarantine(store_id, number, previous_hash, hash, schema, payload, urgent, reason, message, refused_at)
    SELECT store_id, number, previous_hash, hash, schema, payload, 0, 0, refused, stored_at
    FROM records JOIN generations ON generations.id=generation WHERE refused IS NOT NULL;

  -- What people did to the store. Never pruned.
  CREATE TABLE audit(
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, what TEXT NOT NULL,
    why TEXT NOT NULL);
)sql"};

// The format as the table has it; 0 where it does not say: before format 3, and in another application's database.
absl::StatusOr<int> NotedFormat(Database& database) {
  const absl::StatusOr<int64_t> tables = database.AskInt(
      "SELECT count(*) FROM sqlite_master WHERE type='table' AND name IN ('meta', 'generations', 'intake')");
  DIMS_RETURN_IF_ERROR(tables.status());
  if (*tables != 3) return 0;
  const absl::StatusOr<std::string> noted = database.Ask("SELECT value FROM meta WHERE key='format'");
  DIMS_RETURN_IF_ERROR(noted.status());
  int format = 0;
  return absl::SimpleAtoi(*noted, &format) ? format : 0;
}

std::string CopyName(const std::string& path, int version) { return absl::StrCat(path, ".format-", version); }

}  // namespace

absl::StatusOr<int> CheckedVersion(Database& database) {
  const absl::StatusOr<int64_t> version = database.AskInt("PRAGMA user_version");
  DIMS_RETURN_IF_ERROR(version.status());
  const absl::StatusOr<int64_t> application = database.AskInt("PRAGMA application_id");
  DIMS_RETURN_IF_ERROR(application.status());
  const absl::StatusOr<int64_t> tables = database.AskInt("SELECT count(*) FROM sqlite_master");
  DIMS_RETURN_IF_ERROR(tables.status());
  if (*version == 0 && *application == 0 && *tables == 0) return 0;
  const absl::StatusOr<int> noted = NotedFormat(database);
  DIMS_RETURN_IF_ERROR(noted.status());
  if (*noted > 0 && (*noted != *version || *application != kApplicationId)) {
    return absl::DataLossError(absl::StrCat("its header says format ", *version, " of application ", *application,
                                            ", its table format ", *noted));
  }
  if (*application != kApplicationId || *version < 1) {
    return absl::FailedPreconditionError(absl::StrCat("\"", database.path(),
                                                      "\" is a database, but not a store of the bridge; name another "
                                                      "file in the configuration, [store] path"));
  }
  if (*version > kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("store \"", database.path(), "\" has format ", *version, ", this program knows formats up to ",
                     kSchemaVersion, "; nothing was changed. Install the newer version of the bridge that wrote it"));
  }
  return static_cast<int>(*version);
}

absl::Status Migrate(Database& database, int version) {
  for (; version < kSchemaVersion; ++version) {
    Transaction transaction(database);
    DIMS_RETURN_IF_ERROR(transaction.Begin());
    DIMS_RETURN_IF_ERROR(database.Execute(kMigrations[version]));
    DIMS_RETURN_IF_ERROR(database.Execute(
        absl::StrCat("PRAGMA application_id=", kApplicationId, "; PRAGMA user_version=", version + 1,
                     "; INSERT OR REPLACE INTO meta(key, value) VALUES('format', '", version + 1, "')")));
    if (DIMS_FAILPOINT("store.migrate.before")) EndAfterDiskFailure(database.path(), "failpoint");
    DIMS_RETURN_IF_ERROR(transaction.Commit());
    if (DIMS_FAILPOINT("store.migrate.after")) EndAfterDiskFailure(database.path(), "failpoint");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CopyBeforeMigration(Database& database, int version) {
  const std::string copy = CopyName(database.path(), version), fresh = copy + ".new";
  if (FileExists(copy)) return std::string();
  unlink(fresh.c_str());  // of a start that was cut off
  const uint64_t needed = FileBytes(database.path()) + FileBytes(database.path() + "-wal");
  constexpr uint64_t kLeftFree = uint64_t{64} << 20;  // for the migration itself, and for what comes in
  if (DiskFreeBytes(database.path()) < needed + kLeftFree) {
    return absl::StrCat("no room for a copy of the store as it was in format ", version, " (", needed,
                        " bytes, and 64 MiB to spare); it is brought up to date without one");
  }
  absl::StatusOr<Statement> vacuum = database.Prepare("VACUUM INTO ?1");
  DIMS_RETURN_IF_ERROR(vacuum.status());
  const absl::Status copied = database.Run(*vacuum, absl::string_view(fresh));
  if (absl::IsResourceExhausted(copied)) {
    unlink(fresh.c_str());
    return absl::StrCat("no room for a copy of the store as it was in format ", version,
                        "; it is brought up to date without one");
  }
  DIMS_RETURN_IF_ERROR(copied);
  const int fd = open(fresh.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) EndAfterDiskFailure(database.path(), absl::StrCat("fsync of ", fresh));
  close(fd);
  if (rename(fresh.c_str(), copy.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot rename \"", fresh, "\" to \"", copy, "\""));
  }
  DIMS_RETURN_IF_ERROR(SyncFolderOf(copy));
  return absl::StrCat("the store as it was in format ", version, " is kept as \"", copy, "\" for now");
}

void ForgetCopies(const std::string& path, absl::Time before) {
  for (int version = 1; version < kSchemaVersion; ++version) {
    struct stat state;
    const std::string copy = CopyName(path, version);
    if (stat(copy.c_str(), &state) == 0 && absl::TimeFromTimespec(state.st_mtim) < before) unlink(copy.c_str());
  }
}

}  // namespace dims::store_db
