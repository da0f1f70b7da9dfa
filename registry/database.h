// SQLite, as little of it as the archive needs.
//
// What: a connection and its prepared statements.
// Promise: text and bytes go in and come out as they are; a Statement is reset before it is used again.
// Errors: while opening, every error is a Status that names the file. Afterwards a failed read, write or fsync of the
//   disk is final (SQLITE_IOERR, SQLITE_CORRUPT, SQLITE_NOTADB): one line in the log, then _exit(70) with the database
//   left as it is. After a failed fsync SQLite goes on, and what it called failed can be there after a restart, so its
//   view cannot be trusted any more. A full disk is ResourceExhausted, a locked database Unavailable.
// Threads: one at a time.
// Source: sqlite.org/c3ref, sqlite.org/rescode.html.
#ifndef DIMS_REGISTRY_DATABASE_H_
#define DIMS_REGISTRY_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace dims::archive_db {

class Database;

// A prepared statement. Parameters count from 1, columns from 0, as in SQLite.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Forgets the last run and its parameters.
  Statement& Reset();
  Statement& Integer(int parameter, int64_t value);
  Statement& Text(int parameter, absl::string_view value);
  Statement& Blob(int parameter, absl::string_view value);
  Statement& Null(int parameter);

  // True: there is a row, and the columns are its. False: done.
  absl::StatusOr<bool> Step();
  // For statements that have no rows.
  absl::Status Run();

  int64_t IntegerAt(int column) const;
  std::string BytesAt(int column) const;
  bool NullAt(int column) const;

 private:
  friend class Database;
  Statement(const Database* database, sqlite3_stmt* statement) : database_(database), statement_(statement) {}

  const Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

class Database {
 public:
  enum class Mode { kReadWrite, kReadOnly };

  // kReadWrite creates the file where there is none.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, Mode mode);
  // Statements must be gone.
  ~Database();

  absl::StatusOr<Statement> Prepare(absl::string_view sql) const;
  // One or more statements; rows are dropped.
  absl::Status Execute(const std::string& sql) const;

  // From now on, errors of the disk end the process.
  void Trust() { trusted_ = true; }

  // What SQLite's result code means here; OK for SQLITE_OK.
  absl::Status Check(int code) const;

 private:
  Database(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  const std::string path_;
  sqlite3* const handle_;
  bool trusted_ = false;
};

}  // namespace dims::archive_db

#endif  // DIMS_REGISTRY_DATABASE_H_
