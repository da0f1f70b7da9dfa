#include "registry/archive_reader.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "registry/database.h"

namespace dims {

using archive_db::Database;
using archive_db::Statement;

ArchiveReader::ArchiveReader(std::unique_ptr<Database> database) : database_(std::move(database)) {}
ArchiveReader::~ArchiveReader() = default;

absl::StatusOr<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(const std::string& path) {
  if (std::error_code error; !std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat("there is no database \"", path, "\""));
  }
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path, Database::Mode::kReadOnly);
  if (!database.ok()) return database.status();
  return std::unique_ptr<ArchiveReader>(new ArchiveReader(*std::move(database)));
}

absl::StatusOr<std::vector<ArchivedRecord>> ArchiveReader::Read(int64_t after, int most_records) {
  const absl::StatusOr<bool> marked = HasMarks();
  if (!marked.ok()) return marked.status();
  absl::StatusOr<Statement> read = database_->Prepare(absl::StrCat(
      "SELECT position, laboratory, bridge, store_id, number, hash, schema, payload, refusal, refusal_message, "
      "received_at_us, ",
      *marked ? "coalesce((SELECT first FROM again WHERE again.position=record.position), 0)" : "0",
      " FROM record CROSS JOIN store ON store.id = record.store WHERE position > ?1 ORDER BY position LIMIT ?2"));
  if (!read.ok()) return read.status();
  read->Integer(1, after).Integer(2, most_records);
  std::vector<ArchivedRecord> records;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return records;
    ArchivedRecord& record = records.emplace_back();
    record.position = read->IntegerAt(0);
    record.store = {read->BytesAt(1), read->BytesAt(2), read->BytesAt(3)};
    record.number = static_cast<uint64_t>(read->IntegerAt(4));
    record.hash = read->BytesAt(5);
    record.schema = static_cast<uint32_t>(read->IntegerAt(6));
    record.payload = read->BytesAt(7);
    record.refusal = static_cast<v1::RefusalReason>(read->IntegerAt(8));
    record.refusal_message = read->BytesAt(9);
    record.received_at = absl::FromUnixMicros(read->IntegerAt(10));
    record.again = read->IntegerAt(11);
  }
}

// A database that only an older version has served has none.
absl::StatusOr<bool> ArchiveReader::HasMarks() {
  absl::StatusOr<Statement> tables = database_->Prepare("SELECT count(*) FROM sqlite_schema WHERE name='again'");
  if (!tables.ok()) return tables.status();
  if (absl::StatusOr<bool> row = tables->Step(); !row.ok()) return row.status();
  return tables->IntegerAt(0) != 0;
}

absl::StatusOr<int64_t> ArchiveReader::LastPosition() {
  absl::StatusOr<Statement> last = database_->Prepare("SELECT max(position) FROM record");
  if (!last.ok()) return last.status();
  if (absl::StatusOr<bool> row = last->Step(); !row.ok()) return row.status();
  return last->IntegerAt(0);
}

}  // namespace dims
