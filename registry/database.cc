#include "registry/database.h"

#include <spdlog/spdlog.h>
#include <sqlite3.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace dims::archive_db {

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(database_, other.database_);
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  return *this;
}

Statement& Statement::Integer(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_, parameter, value);
  return *this;
}

Statement& Statement::Text(int parameter, absl::string_view value) {
  sqlite3_bind_text64(statement_, parameter, value.data() != nullptr ? value.data() : "", value.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::Blob(int parameter, absl::string_view value) {
  sqlite3_bind_blob64(statement_, parameter, value.data() != nullptr ? value.data() : "", value.size(),
                      SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::Null(int parameter) {
  sqlite3_bind_null(statement_, parameter);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_->Check(code);
}

absl::Status Statement::Run() { return Step().status(); }

int64_t Statement::IntegerAt(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::BytesAt(int column) const {
  const void* bytes = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
}

bool Statement::NullAt(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode) {
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(path, handle));
  if (handle == nullptr) return absl::ResourceExhaustedError(absl::StrCat(path, ": no memory to open it"));
  if (absl::Status status = database->Check(code); !status.ok()) return status;
  sqlite3_busy_timeout(handle, 5000);
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (absl::Status status = Check(code); !status.ok()) return status;
  return Statement(this, statement);
}

absl::Status Database::Execute(const std::string& sql) const {
  return Check(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr));
}

absl::Status Database::Check(int code) const {
  if (code == SQLITE_OK) return absl::OkStatus();
  const std::string message =
      absl::StrCat(path_, ": ", sqlite3_errmsg(handle_), " (SQLite error ", sqlite3_extended_errcode(handle_), ")");
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(absl::StrCat(message, "; make room on this disk"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message);
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      if (!trusted_) {
        return absl::PermissionDeniedError(
            absl::StrCat(message, "; does the folder exist, and may this user read and write there?"));
      }
      break;
    case SQLITE_NOTADB:
      if (!trusted_) return absl::FailedPreconditionError(absl::StrCat(message, "; is this the right file?"));
      break;
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
      if (!trusted_) return absl::DataLossError(absl::StrCat(message, "; check the disk"));
      break;
    default:
      return absl::InternalError(message);
  }
  spdlog::critical("{}; the disk cannot be trusted: ending at once, nothing unsettled is lost; check the disk",
                   message);
  spdlog::default_logger()->flush();
  _exit(70);
}

}  // namespace dims::archive_db
