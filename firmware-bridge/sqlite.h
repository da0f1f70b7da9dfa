// SQLite, as the store uses it: one connection, prepared statements, transactions that end themselves.
//
// Promise: a Query resets its statement when it goes, a Transaction that was not committed rolls back when it goes.
// Errors: every result code passes Database::ToStatus. SQLITE_FULL is ResourceExhausted (roll back, go on), SQLITE_BUSY
//   is Unavailable (another process holds the file), SQLITE_CORRUPT and SQLITE_NOTADB are DataLoss until
//   `set_corruption_is_final`. SQLITE_IOERR, and from then on corruption, end the process (disk.h); corruption leaves a
//   mark beside the file, so that the next start does not trust it. `set_unreadable_is_damage`: a failed read is
//   DataLoss.
// Threads: one at a time; the owner takes care of that.
// Source: sqlite.org/c3ref/intro.html, sqlite.org/rescode.html.
#ifndef DIMS_FIRMWARE_BRIDGE_SQLITE_H_
#define DIMS_FIRMWARE_BRIDGE_SQLITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

#define DIMS_RETURN_IF_ERROR(expression)                      \
  do {                                                        \
    if (absl::Status status_ = (expression); !status_.ok()) { \
      return status_;                                         \
    }                                                         \
  } while (false)

namespace dims::store_db {

class Database;

// Bytes for a BLOB column; a string_view is TEXT.
struct Blob {
  absl::string_view bytes;
};
struct Null {};
// Whatever a column held.
struct Value {
  enum class Type { kNull, kInteger, kText, kBlob };
  Type type = Type::kNull;
  int64_t number = 0;
  std::string bytes;
};

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

 private:
  friend class Database;
  friend class Query;
  Database* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
};

// One run of a statement. What is bound must outlive it.
class Query {
 public:
  template <typename... Values>
  explicit Query(Statement& statement, const Values&... values) : statement_(statement) {
    int column = 0;
    (Bind(++column, values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  // Moves to the next row. False after the last one, and after an error: then `status` tells.
  bool Next();
  const absl::Status& status() const { return status_; }

  int64_t Int(int column) const;
  uint64_t Unsigned(int column) const { return static_cast<uint64_t>(Int(column)); }
  std::string Bytes(int column) const;
  bool IsNull(int column) const;

 private:
  void Bind(int column, int64_t value);
  void Bind(int column, uint64_t value) { Bind(column, static_cast<int64_t>(value)); }
  void Bind(int column, int value) { Bind(column, static_cast<int64_t>(value)); }
  void Bind(int column, absl::string_view text);
  void Bind(int column, Blob blob);
  void Bind(int column, Null);
  void Bind(int column, const Value& value);

  Statement& statement_;
  absl::Status status_;
};

class Database {
 public:
  // Opens the file for reading and writing; `create` makes a missing one. Nothing is read or locked yet. Closing never
  // checkpoints, so that an Open that fails leaves everything as it was, until `Close` says otherwise.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, bool create);
  ~Database();

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  absl::Status Execute(const std::string& sql);
  // The first column of the first row, as text; empty where there is no row.
  absl::StatusOr<std::string> Ask(absl::string_view sql);
  absl::StatusOr<int64_t> AskInt(absl::string_view sql);
  // FailedPrecondition where the answer is another: an option that SQLite did not take.
  absl::Status Expect(absl::string_view sql, absl::string_view answer);

  // Runs a statement that has no rows to show.
  template <typename... Values>
  absl::Status Run(Statement& statement, const Values&... values) {
    Query query(statement, values...);
    while (query.Next()) {
    }
    return query.status();
  }

  // Moves the log into the database; with `truncate`, also empties the log file and demands that all of it was moved.
  absl::Status Checkpoint(bool truncate);
  // From now on `log_pages` tells how long the log was after the last commit. Takes the place of SQLite's own
  // checkpoints, which swallow a failed fsync.
  void CountLogPages();
  int log_pages() const { return log_pages_; }
  int64_t changes() const;  // rows of the last INSERT, UPDATE or DELETE
  bool in_transaction() const;

  // At the next destruction SQLite may delete the log, which must be empty by now.
  void AllowLogRemoval();
  // Called every few thousand steps of what takes long; nothing: no more. Steps inside of a single page walk, or of a
  // checkpoint, are none.
  void set_alive(std::function<void()> alive);
  void set_corruption_is_final() { corruption_is_final_ = true; }
  void set_unreadable_is_damage() { unreadable_is_damage_ = true; }

  absl::Status ToStatus(int code);
  const std::string& path() const { return path_; }

 private:
  explicit Database(std::string path) : path_(std::move(path)) {}
  static int OnProgress(void* self);
  static int OnCommit(void* self, sqlite3* connection, const char* name, int pages);

  std::string path_;
  sqlite3* connection_ = nullptr;
  int log_pages_ = 0;
  std::function<void()> alive_;
  bool corruption_is_final_ = false;
  bool unreadable_is_damage_ = false;
};

class Transaction {
 public:
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  absl::Status Begin();
  absl::Status Commit();

 private:
  Database& database_;
};

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_SQLITE_H_
