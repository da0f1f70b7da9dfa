#include "firmware-bridge/store_salvage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/sqlite.h"
#include "firmware-bridge/store_pages.h"
#include "firmware-bridge/store_salvaging.h"
#include "firmware-bridge/store_schema.h"
#include "firmware-bridge/store_sums.h"

namespace dims::store_db {
namespace {

constexpr std::size_t kHeaderBytes = 100;
constexpr int kMostFailures = 50'000;  // ranges that cannot be read, before the rest of a table is given up

std::string FreshName(const std::string& path) { return path + ".salvage.new"; }
std::string ReadyName(const std::string& path) { return path + ".salvage"; }
std::string ScratchName(const std::string& path) { return path + ".salvage.source"; }

void RemoveWithLog(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-journal"}) unlink((path + suffix).c_str());
}

absl::Status Renamed(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot rename \"", from, "\" to \"", to, "\""));
}

// A piece at a time, as a disk that fails may take its time over each. Of none, an empty one.
std::error_code CopyFile(const std::string& from, const std::string& to, const std::function<void()>& alive) {
  const auto failed = [] { return std::error_code(errno, std::generic_category()); };
  const int out = open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (out < 0) return failed();
  const int in = open(from.c_str(), O_RDONLY | O_CLOEXEC);
  std::error_code error;
  if (in < 0 && errno != ENOENT) error = failed();
  std::string piece(in < 0 ? 0 : std::size_t{1} << 20, '\0');
  while (in >= 0 && !error) {
    alive();
    const ssize_t got = read(in, piece.data(), piece.size());
    if (got < 0) error = failed();
    if (got <= 0) break;
    for (ssize_t at = 0; at < got && !error;) {
      const ssize_t put = write(out, piece.data() + at, static_cast<std::size_t>(got - at));
      put < 0 ? static_cast<void>(error = failed()) : static_cast<void>(at += put);
    }
  }
  if (in >= 0) close(in);
  close(out);
  return error;
}

bool AnyAside(const std::string& name) {
  return FileExists(name) || FileExists(name + "-wal") || FileExists(name + "-journal");
}

}  // namespace

absl::Status Salvaging::Run(absl::string_view why) {
  const std::string fresh = FreshName(path_);
  RemoveWithLog(fresh);
  RemoveWithLog(ScratchName(path_));
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(fresh, true);
  DIMS_RETURN_IF_ERROR(database.status());
  db_ = *std::move(database);
  db_->set_unreadable_is_damage();
  db_->set_alive(alive_);
  // The file counts only once it is whole and synced: until then a crash begins again.
  DIMS_RETURN_IF_ERROR(db_->Execute(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cell_size_check=ON"));
  DIMS_RETURN_IF_ERROR(Migrate(*db_, 0));
  DIMS_RETURN_IF_ERROR(AttachOld());
  if (readable_) {
    DIMS_RETURN_IF_ERROR(
        CopyTable("meta", absl::StrCat("key<>'format' AND key<>'", kSalvaged,
                                       "' AND (key<>'commits' OR (value<>'' AND length(value)<20 AND value "
                                       "NOT GLOB '*[^0-9]*'))"))
            .status());
    DIMS_RETURN_IF_ERROR(CopyTable("settlements", "1").status());
    DIMS_RETURN_IF_ERROR(CopyRecords());
    DIMS_RETURN_IF_ERROR(CopyIntake());
    for (const auto& [table, sum] : {std::pair{"generations", kGenerationSum}, std::pair{"lines", kLineSum}}) {
      const bool has_sums = OldHas(table, "sum") != "NULL";
      DIMS_RETURN_IF_ERROR(CopyTable(table, has_sums ? Sound(sum) : "1").status());
    }
    // Also what later formats add: every table that both have.
    absl::StatusOr<std::string> others = db_->Ask(
        "SELECT group_concat(name) FROM main.sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' AND name "
        "NOT "
        "IN ('meta', 'settlements', 'records', 'intake', 'lines', 'generations', 'damaged')");
    DIMS_RETURN_IF_ERROR(others.status());
    for (const absl::string_view table : absl::StrSplit(*others, ',', absl::SkipEmpty())) {
      // Where the list of tables itself was lost, another table may stand in this one's place.
      const std::map<absl::string_view, std::string> conditions = {
          {"unheard", "typeof(content)='blob' AND record IN (SELECT id FROM main.records)"},
          {"quarantine", "typeof(store_id)='text' AND typeof(payload)='blob' AND length(hash)=32"},
          {"audit", "typeof(who)='text' AND typeof(action)='text' AND typeof(what)='text'"}};
      const auto condition = conditions.find(table);
      const absl::StatusOr<int64_t> rows =
          CopyTable(std::string(table), condition == conditions.end() ? "1" : condition->second);
      DIMS_RETURN_IF_ERROR(rows.status());
      if (*rows > 0) notices.push_back(absl::StrCat("of its table ", table, ", ", *rows, " rows were saved"));
    }
  } else {
    incomplete_ = {"records", "intake", "lines", "generations", "quarantine", "audit", "unheard"};
  }
  DIMS_RETURN_IF_ERROR(RescueFromPages());
  DIMS_RETURN_IF_ERROR(MendGenerations());
  DIMS_RETURN_IF_ERROR(MendLines());
  DIMS_RETURN_IF_ERROR(MendQuarantine());
  DIMS_RETURN_IF_ERROR(NoteMissing());
  if (!incomplete_.empty()) {
    notices.push_back(absl::StrCat("not all of its tables ", absl::StrJoin(incomplete_, ", "),
                                   " could be read; what is not saved is in what was set aside alone"));
  }
  DIMS_RETURN_IF_ERROR(PutMeta(kSalvaged, why));
  db_.reset();
  RemoveWithLog(ScratchName(path_));
  return absl::OkStatus();
}

absl::Status Salvaging::AttachOld() {
  const auto attach = [&](const std::string& file) {
    absl::StatusOr<Statement> statement = db_->Prepare("ATTACH ?1 AS old");
    DIMS_RETURN_IF_ERROR(statement.status());
    DIMS_RETURN_IF_ERROR(db_->Run(*statement, absl::string_view(file)));
    // The schema must be there, and be a store's.
    const absl::StatusOr<int64_t> tables = db_->AskInt(
        "SELECT count(*) FROM old.sqlite_master WHERE type='table' AND name IN ('records', 'intake', 'generations')");
    DIMS_RETURN_IF_ERROR(tables.status());
    return *tables == 3 ? absl::OkStatus() : absl::DataLossError("it has not a store's tables");
  };
  if (FileBytes(path_) > 0) {
    const absl::Status status = attach(path_);
    readable_ = status.ok();
    if (readable_ || absl::IsUnavailable(status)) return readable_ ? absl::OkStatus() : status;
    db_->Execute("DETACH old").IgnoreError();
  }
  if (FileBytes(path_) + FileBytes(path_ + "-wal") < 2 * kPageBytes) return absl::OkStatus();
  // The first page holds the file's header and the list of tables: without them nothing else is found. Tables are made
  // in one order, so that the first page of a new store leads to those of an old one.
  for (const std::size_t replaced : {kHeaderBytes, kPageBytes}) {
    DIMS_RETURN_IF_ERROR(MakeScratch(replaced));
    readable_ = attach(ScratchName(path_)).ok();
    if (readable_) return absl::OkStatus();
    db_->Execute("DETACH old").IgnoreError();
  }
  return absl::OkStatus();
}

// A copy of what is left, with so many bytes at its beginning as they are in a new store.
absl::Status Salvaging::MakeScratch(std::size_t replaced) {
  const std::string scratch = ScratchName(path_), fresh = FreshName(path_);
  RemoveWithLog(scratch);
  std::error_code error = CopyFile(path_, scratch, alive_);
  if (!error && FileExists(path_ + "-wal")) error = CopyFile(path_ + "-wal", scratch + "-wal", alive_);
  if (error == std::errc::no_space_on_device) return absl::ResourceExhaustedError("a copy of it did not fit");
  if (error) return absl::OkStatus();  // it cannot be read: attaching says so
  std::string page(kPageBytes, '\0'), header(kHeaderBytes, '\0');
  std::ifstream(fresh, std::ios::binary).read(page.data(), kPageBytes);
  std::ifstream(scratch, std::ios::binary).read(header.data(), kHeaderBytes);
  page[18] = page[19] = 2;                                // a log is read with it
  std::fill(page.begin() + 32, page.begin() + 40, '\0');  // no free pages
  // The number of pages counts only where these two counters agree: else SQLite asks for the file's size.
  page[27] = 1;
  page[95] = 2;
  // Where the end was cut off, tables that begin there are empty, and no reason to refuse the others.
  uint64_t pages = (std::max(FileBytes(scratch), FileBytes(fresh)) + kPageBytes - 1) / kPageBytes, noted = 0;
  for (int i = 28; i < 32; ++i) noted = noted << 8 | static_cast<unsigned char>(header[i]);
  if (constexpr uint64_t kPlausible = uint64_t{1} << 20; noted < kPlausible) pages = std::max(pages, noted);
  std::filesystem::resize_file(scratch, pages * kPageBytes, error);
  std::fstream(scratch, std::ios::binary | std::ios::in | std::ios::out)
      .write(page.data(), static_cast<std::streamsize>(replaced));
  return absl::OkStatus();
}

// A column of the old table, or of none.
std::string Salvaging::OldHas(const std::string& table, const std::string& column) {
  const absl::StatusOr<int64_t> found = db_->AskInt(
      absl::StrCat("SELECT count(*) FROM pragma_table_info('", table, "', 'old') WHERE name='", column, "'"));
  return found.ok() && *found > 0 ? column : "NULL";
}

int64_t Salvaging::CountOr(const std::string& sql, int64_t otherwise) {
  const absl::StatusOr<int64_t> answer = db_->AskInt(sql);
  return answer.ok() ? *answer : otherwise;
}

// The rows where `where` holds, the columns that both have. What cannot be read is left out.
absl::StatusOr<int64_t> Salvaging::CopyTable(const std::string& table, const std::string& where) {
  if (!readable_) return 0;
  const std::string info = absl::StrCat("('", table, "'");
  const absl::StatusOr<std::string> columns =
      db_->Ask(absl::StrCat("SELECT group_concat(name) FROM (SELECT name FROM pragma_table_info", info,
                            ", 'main') INTERSECT SELECT name FROM pragma_table_info", info, ", 'old'))"));
  DIMS_RETURN_IF_ERROR(columns.status());
  if (columns->empty()) {  // a format that had no such table, or the list of tables has lost it
    if (CountOr("PRAGMA old.user_version", kSchemaVersion) >= kSchemaVersion) incomplete_.push_back(table);
    return 0;
  }
  const bool by_key = table == "meta" || table == "settlements";  // without a rowid
  absl::StatusOr<Statement> copy = db_->Prepare(absl::StrCat("INSERT OR IGNORE INTO main.", table, "(", *columns,
                                                             ") SELECT ", *columns, " FROM old.", table, " WHERE (",
                                                             where, by_key ? ")" : ") AND rowid BETWEEN ?1 AND ?2"));
  if (!copy.ok()) {
    incomplete_.push_back(table);
    return 0;
  }
  int failures = 0;
  absl::StatusOr<int64_t> copied = 0;
  if (by_key) {
    const absl::Status status = db_->Run(*copy);
    if (absl::IsResourceExhausted(status)) return status;
    failures = status.ok() ? 0 : 1;
    if (status.ok()) copied = db_->changes();
  } else {
    const auto [from, through] = Bounds(table);
    copied = CopyRange(*copy, from, through, failures);
    DIMS_RETURN_IF_ERROR(copied.status());
  }
  if (failures > 0) incomplete_.push_back(table);
  return copied;
}

// A statement that fails takes back what it did: so in halves, until only the rows are left out that cannot be read.
absl::StatusOr<int64_t> Salvaging::CopyRange(Statement& copy, int64_t from, int64_t through, int& failures) {
  if (from > through || failures >= kMostFailures) return 0;
  const absl::Status status = db_->Run(copy, from, through);
  if (status.ok()) return db_->changes();
  if (absl::IsResourceExhausted(status)) return status;
  ++failures;
  if (from == through) return 0;
  const int64_t middle = from + (through - from) / 2;
  const absl::StatusOr<int64_t> first = CopyRange(copy, from, middle, failures);
  DIMS_RETURN_IF_ERROR(first.status());
  const absl::StatusOr<int64_t> second = CopyRange(copy, middle + 1, through, failures);
  DIMS_RETURN_IF_ERROR(second.status());
  return *first + *second;
}

// The lowest and the highest row; where that is what cannot be read, as an index has it, or as the file has room.
std::pair<int64_t, int64_t> Salvaging::Bounds(const std::string& table) {
  const std::map<std::string, std::string> indexed = {{"records", "records_by_number WHERE generation>=0"},
                                                      {"intake", "intake_by_position WHERE line>=0"}};
  const auto index = indexed.find(table);
  const auto bound = [&](const char* which, int64_t last_resort) {
    const absl::StatusOr<int64_t> own =
        db_->AskInt(absl::StrCat("SELECT coalesce(", which, "(rowid), 0) FROM old.", table));
    if (own.ok()) return *own;
    if (index == indexed.end()) return last_resort;
    return CountOr(absl::StrCat("SELECT ", which, "(row) FROM (SELECT rowid AS row FROM old.", table, " INDEXED BY ",
                                index->second, ")"),
                   last_resort);
  };
  const int64_t low = std::max<int64_t>(0, bound("min", 0));
  const int64_t room = static_cast<int64_t>((FileBytes(path_) + FileBytes(path_ + "-wal")) / 16);
  // A damaged number must not make the search endless.
  const int64_t high = bound("max", room);
  return {low, std::min(high, low + (int64_t{1} << 40))};
}

absl::Status Salvaging::CopyRecords() {
  constexpr char kWhole[] = "record_hash(previous_hash, number, schema, payload)=hash";
  const absl::StatusOr<int64_t> whole = CopyTable("records", kWhole);
  DIMS_RETURN_IF_ERROR(whole.status());
  absl::StatusOr<Statement> aside = db_->Prepare(absl::StrCat(
      "INSERT INTO main.damaged(generation, number, previous_hash, hash, schema, payload, found_at) SELECT generation, "
      "number, previous_hash, hash, schema, payload, ",
      absl::ToUnixNanos(now_), " FROM old.records WHERE (", kWhole,
      ") IS NOT TRUE AND typeof(generation)='integer' AND typeof(number)='integer' AND rowid BETWEEN ?1 AND ?2"));
  int64_t damaged = 0;
  if (aside.ok()) {
    const auto [from, through] = Bounds("records");
    int failures = 0;
    const absl::StatusOr<int64_t> rows = CopyRange(*aside, from, through, failures);
    DIMS_RETURN_IF_ERROR(rows.status());
    damaged = *rows;
  }
  DIMS_RETURN_IF_ERROR(CopyTable("damaged", "1").status());
  notices.push_back(
      absl::StrCat(*whole, " records were saved as they were",
                   damaged > 0 ? absl::StrCat("; ", damaged, " did not have their hash and are kept apart") : ""));
  return absl::OkStatus();
}

absl::Status Salvaging::CopyIntake() {
  const std::string sum = OldHas("intake", "sum");
  const absl::StatusOr<int64_t> rows =
      CopyTable("intake", sum == "NULL" ? "1" : absl::StrCat("sum IS NULL OR sum=", kIntakeSum));
  DIMS_RETURN_IF_ERROR(rows.status());
  notices.push_back(absl::StrCat(*rows, " pieces of what instruments sent were saved"));
  return absl::OkStatus();
}

absl::Status Salvaging::PutMeta(const std::string& key, absl::string_view value) {
  absl::StatusOr<Statement> put = db_->Prepare("INSERT OR REPLACE INTO main.meta(key, value) VALUES(?1, ?2)");
  DIMS_RETURN_IF_ERROR(put.status());
  return db_->Run(*put, absl::string_view(key), value);
}

namespace {

// The name is in the file's time, so that a finish after a crash puts the log beside its database.
absl::Status MakeReady(const std::string& path, absl::Time now) {
  const std::string fresh = FreshName(path);
  while (AnyAside(AsideName(path, now))) now += absl::Seconds(1);
  const timespec times[2] = {absl::ToTimespec(now), absl::ToTimespec(now)};
  const int fd = open(fresh.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open \"", fresh, "\""));
  const bool timed = futimens(fd, times) == 0;
  const bool synced = fsync(fd) == 0;
  close(fd);
  if (!timed || !synced) EndAfterDiskFailure(path, absl::StrCat("fsync of ", fresh));
  DIMS_RETURN_IF_ERROR(Renamed(fresh, ReadyName(path)));
  return SyncFolderOf(path);
}

}  // namespace

std::string AsideName(const std::string& path, absl::Time now) {
  return absl::StrCat(path, ".damaged-", absl::FormatTime("%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()));
}

int CountAside(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string begin = file.filename().string() + ".";
  int count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(
           file.has_parent_path() ? file.parent_path() : std::filesystem::path("."), error)) {
    const std::string name = entry.path().filename();
    count += absl::StartsWith(name, begin) && absl::StrContains(name, ".damaged-") ? 1 : 0;
  }
  return count;
}

absl::Status FinishSalvage(const std::string& path) {
  struct stat state;
  if (stat(ReadyName(path).c_str(), &state) != 0) return absl::OkStatus();
  const std::string aside = AsideName(path, absl::TimeFromTimespec(state.st_mtim));
  // The log first: SQLite must never find it beside another database.
  for (const char* suffix : {"-wal", "-journal", ""}) {
    if (FileBytes(path + suffix) > 0) {
      DIMS_RETURN_IF_ERROR(Renamed(path + suffix, aside + suffix));
    } else {
      unlink((path + suffix).c_str());  // reading it made an empty log
    }
  }
  DIMS_RETURN_IF_ERROR(SyncFolderOf(path));
  DIMS_RETURN_IF_ERROR(Renamed(ReadyName(path), path));
  unlink((path + ".suspect").c_str());
  return SyncFolderOf(path);
}

absl::StatusOr<std::vector<std::string>> Salvage(const std::string& path, absl::string_view why,
                                                 const HeadFile::Found& head, absl::Time now,
                                                 const std::function<void()>& alive) {
  Salvaging salvaging(path, head, now, alive);
  const absl::Status status = salvaging.Run(why);
  if (absl::IsResourceExhausted(status)) {
    RemoveWithLog(FreshName(path));
    RemoveWithLog(ScratchName(path));
    return absl::ResourceExhaustedError(absl::StrCat(
        "store \"", path, "\" is damaged (", why, "), and there is no room to save what is whole: ", status.message(),
        "; make room for ", FileBytes(path) + FileBytes(path + "-wal"), " bytes"));
  }
  DIMS_RETURN_IF_ERROR(status);
  DIMS_RETURN_IF_ERROR(MakeReady(path, now));
  struct stat state;
  stat(ReadyName(path).c_str(), &state);
  const std::string aside = AsideName(path, absl::TimeFromTimespec(state.st_mtim));
  DIMS_RETURN_IF_ERROR(FinishSalvage(path));
  std::vector<std::string> notices = {
      absl::StrCat("store \"", path, "\" was damaged (", why, ")"),
      absl::StrCat("it was set aside as \"", aside, "\"; ", CountAside(path),
                   " damaged files of this store lie there now, and none is ever deleted by itself")};
  notices.insert(notices.end(), salvaging.notices.begin(), salvaging.notices.end());
  return notices;
}

}  // namespace dims::store_db
