#include "firmware-bridge/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_sums.h"
#include "proto/failpoint.h"

namespace dims::store_db {

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Query::~Query() {
  sqlite3_reset(statement_.statement_);
  sqlite3_clear_bindings(statement_.statement_);
}

bool Query::Next() {
  if (!status_.ok()) return false;
  const int code = sqlite3_step(statement_.statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) status_ = statement_.database_->ToStatus(code);
  return false;
}

int64_t Query::Int(int column) const { return sqlite3_column_int64(statement_.statement_, column); }

std::string Query::Bytes(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.statement_, column);
  const int size = sqlite3_column_bytes(statement_.statement_, column);
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

bool Query::IsNull(int column) const { return sqlite3_column_type(statement_.statement_, column) == SQLITE_NULL; }

void Query::Bind(int column, int64_t value) {
  status_.Update(statement_.database_->ToStatus(sqlite3_bind_int64(statement_.statement_, column, value)));
}

void Query::Bind(int column, absl::string_view text) {
  status_.Update(statement_.database_->ToStatus(sqlite3_bind_text64(
      statement_.statement_, column, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8)));
}

void Query::Bind(int column, Blob blob) {
  status_.Update(statement_.database_->ToStatus(sqlite3_bind_blob64(
      statement_.statement_, column, blob.bytes.empty() ? "" : blob.bytes.data(), blob.bytes.size(), SQLITE_STATIC)));
}

void Query::Bind(int column, Null) {
  status_.Update(statement_.database_->ToStatus(sqlite3_bind_null(statement_.statement_, column)));
}

void Query::Bind(int column, const Value& value) {
  switch (value.type) {
    case Value::Type::kNull:
      return Bind(column, Null{});
    case Value::Type::kInteger:
      return Bind(column, value.number);
    case Value::Type::kText:
      return Bind(column, absl::string_view(value.bytes));
    case Value::Type::kBlob:
      return Bind(column, Blob{value.bytes});
  }
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, bool create) {
  std::unique_ptr<Database> database(new Database(path));
  const int code = sqlite3_open_v2(
      path.c_str(), &database->connection_,
      SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  const bool unwritable = code != SQLITE_OK || sqlite3_db_readonly(database->connection_, "main") == 1;
  if (unwritable && IsOnReadOnlyDisk(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat("store \"", path,
                     "\" is on a file system that is mounted read-only. Linux does that by itself when the disk "
                     "fails (dmesg says so): check the disk, then mount it for writing. Outside of the service's own "
                     "folder, systemd "
                     "does it: name the store's folder in ReadWritePaths="));
  }
  if (code != SQLITE_OK) {
    const int error = database->connection_ == nullptr ? 0 : sqlite3_system_errno(database->connection_);
    return absl::ErrnoToStatus(error == 0 ? ENOENT : error,
                               absl::StrCat("cannot open store \"", path, "\" (", sqlite3_errstr(code),
                                            "): its folder must exist, and this user must be allowed to write there"));
  }
  if (unwritable) {
    return absl::PermissionDeniedError(
        absl::StrCat("store \"", path, "\": this user may not write to it, which even looking needs (for its lock)"));
  }
  // Else a connection that gives up half-way would still move the log into the database.
  DIMS_RETURN_IF_ERROR(
      database->ToStatus(sqlite3_db_config(database->connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr)));
  DIMS_RETURN_IF_ERROR(database->ToStatus(AddSums(database->connection_)));
  return database;
}

Database::~Database() { sqlite3_close_v2(connection_); }

void Database::AllowLogRemoval() { sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }

void Database::CountLogPages() { sqlite3_wal_hook(connection_, &Database::OnCommit, this); }

int Database::OnCommit(void* self, sqlite3*, const char*, int pages) {
  static_cast<Database*>(self)->log_pages_ = pages;
  return SQLITE_OK;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  Statement statement;
  statement.database_ = this;
  DIMS_RETURN_IF_ERROR(ToStatus(sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                                   SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr)));
  return statement;
}

absl::Status Database::Execute(const std::string& sql) {
  return ToStatus(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr));
}

absl::StatusOr<std::string> Database::Ask(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  DIMS_RETURN_IF_ERROR(statement.status());
  Query query(*statement);
  std::string answer = query.Next() ? query.Bytes(0) : "";
  // To its end: what a statement changes is on disk, or has failed, only there.
  while (query.Next()) {
  }
  DIMS_RETURN_IF_ERROR(query.status());
  return answer;
}

absl::StatusOr<int64_t> Database::AskInt(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  DIMS_RETURN_IF_ERROR(statement.status());
  Query query(*statement);
  if (query.Next()) return query.Int(0);
  DIMS_RETURN_IF_ERROR(query.status());
  return absl::InternalError(absl::StrCat("store \"", path_, "\": no answer to ", sql));
}

absl::Status Database::Expect(absl::string_view sql, absl::string_view answer) {
  absl::StatusOr<std::string> got = Ask(sql);
  DIMS_RETURN_IF_ERROR(got.status());
  if (*got == answer) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("store \"", path_, "\": SQLite answered \"", *got, "\" to ", sql,
                                                    ", not \"", answer, "\"; this build of SQLite cannot be used"));
}

absl::Status Database::Checkpoint(bool truncate) {
  int pages = 0, moved = 0;
  if (DIMS_FAILPOINT("store.checkpoint.before")) EndAfterDiskFailure(path_, "failpoint");
  DIMS_RETURN_IF_ERROR(ToStatus(sqlite3_wal_checkpoint_v2(
      connection_, "main", truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &pages, &moved)));
  if (DIMS_FAILPOINT("store.checkpoint.after")) EndAfterDiskFailure(path_, "failpoint");
  log_pages_ = pages - moved;
  if (truncate && pages != moved) {
    return absl::InternalError(
        absl::StrCat("store \"", path_, "\": only ", moved, " of ", pages, " log pages could be moved"));
  }
  return absl::OkStatus();
}

int64_t Database::changes() const { return sqlite3_changes64(connection_); }

void Database::set_alive(std::function<void()> alive) {
  alive_ = std::move(alive);
  constexpr int kSteps = 5000;
  sqlite3_progress_handler(connection_, alive_ ? kSteps : 0, alive_ ? &Database::OnProgress : nullptr, this);
}

int Database::OnProgress(void* self) {
  static_cast<Database*>(self)->alive_();
  return 0;
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }

absl::Status Database::ToStatus(int code) {
  const auto what = [&] {
    return absl::StrCat(sqlite3_errmsg(connection_), " (", sqlite3_errstr(code), ", code ", code, ")");
  };
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat("store \"", path_, "\" is full: ", what()));
    case SQLITE_BUSY:
      return absl::UnavailableError(absl::StrCat("store \"", path_, "\" is in use by another process (the bridge?)"));
    case SQLITE_IOERR: {
      // The second is what SQLite calls a failed read of a sector.
      const bool unreadable = code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS;
      if (unreadable && unreadable_is_damage_ && !corruption_is_final_) return absl::DataLossError(what());
      EndAfterDiskFailure(path_, absl::StrCat(unreadable ? kUnreadable : "", what()));
    }
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      if (corruption_is_final_) {
        MarkSuspect(path_, what());
        EndAfterDiskFailure(path_, what());
      }
      return absl::DataLossError(what());
    default:
      return absl::InternalError(absl::StrCat("store \"", path_, "\": ", what()));
  }
}

Transaction::~Transaction() {
  if (!database_.in_transaction()) return;
  // A rollback that fails leaves a connection of which nothing is known.
  if (absl::Status status = database_.Execute("ROLLBACK"); !status.ok()) {
    EndAfterDiskFailure(database_.path(), status.message());
  }
}

absl::Status Transaction::Begin() { return database_.Execute("BEGIN IMMEDIATE"); }

absl::Status Transaction::Commit() { return database_.Execute("COMMIT"); }

}  // namespace dims::store_db
