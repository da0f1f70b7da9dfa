// Commits a second: the store beside a bare SQLite loop with the same pragmas, on the disk of $TMPDIR.
//
// The store does what the bare loop does not: it chains and indexes the records, keeps the line's position, writes the
// bytes twice (intake and record), and syncs the head file, so two flushes a commit where the loop has one.
#include <benchmark/benchmark.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "firmware-bridge/store.h"

namespace dims {
namespace {

const std::string kPayload(500, 'x');

class Folder {
 public:
  Folder() {
    name_ = std::filesystem::temp_directory_path() / "dims-bench-XXXXXX";
    if (mkdtemp(name_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name_); }
  std::string path() const { return name_ + "/store.db"; }

 private:
  std::string name_;
};

void Count(benchmark::State& state) {
  state.counters["commits/s"] = benchmark::Counter(state.iterations(), benchmark::Counter::kIsRate);
  state.counters["records/s"] = benchmark::Counter(state.iterations() * state.range(0), benchmark::Counter::kIsRate);
}

// As a session commits: the bytes that came, and the reports made of them.
void StoreCommit(benchmark::State& state) {
  const Folder folder;
  StoreOptions options;
  options.path = folder.path();
  const auto store = Store::Open(options);
  if (!store.ok()) return state.SkipWithError("the store does not open");
  Batch batch;
  SessionBatch& session = batch.sessions.emplace_back();
  session.instrument = "gcms-1";
  session.payloads.assign(state.range(0), kPayload);
  session.entries.resize(state.range(0));
  uint64_t read = 0;
  for (auto _ : state) {
    for (IntakeEntry& entry : session.entries) {
      entry = {IntakeEntry::Kind::kIn, read, absl::Now(), kPayload};
      read += kPayload.size();
    }
    session.closed_through = read;
    if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
  }
  Count(state);
}

// As an analyser's frame is committed before it is acknowledged: bytes, and no record of them yet.
void StoreCommitIntakeOnly(benchmark::State& state) {
  const Folder folder;
  StoreOptions options;
  options.path = folder.path();
  const auto store = Store::Open(options);
  if (!store.ok()) return state.SkipWithError("the store does not open");
  Batch batch;
  SessionBatch& session = batch.sessions.emplace_back();
  session.instrument = "astm-1";
  session.entries.resize(state.range(0));
  uint64_t read = 0;
  for (auto _ : state) {
    session.closed_through = read;
    for (IntakeEntry& entry : session.entries) {
      entry = {IntakeEntry::Kind::kIn, read, absl::Now(), kPayload};
      read += kPayload.size();
    }
    if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
  }
  Count(state);
}

// The ports open after this.
void StoreOpen(benchmark::State& state) {
  const Folder folder;
  StoreOptions options;
  options.path = folder.path();
  {
    const auto store = Store::Open(options);
    if (!store.ok()) return state.SkipWithError("the store does not open");
    uint64_t read = 0;
    for (int64_t i = 0; i < state.range(0); i += 100) {
      Batch batch;
      batch.sessions.push_back({"gcms-1", {}, 0, std::vector<std::string>(100, kPayload)});
      for (int entry = 0; entry < 100; ++entry) {
        batch.sessions[0].entries.push_back({IntakeEntry::Kind::kIn, read, absl::Now(), kPayload});
        read += kPayload.size();
      }
      batch.sessions[0].closed_through = read;
      if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
    }
  }
  for (auto _ : state) {
    if (!Store::Open(options).ok()) return state.SkipWithError("the store does not open");
  }
}

// The same records without intake, nearer to what the bare loop writes.
void StoreCommitRecordsOnly(benchmark::State& state) {
  const Folder folder;
  StoreOptions options;
  options.path = folder.path();
  const auto store = Store::Open(options);
  if (!store.ok()) return state.SkipWithError("the store does not open");
  Batch batch;
  batch.sessions.push_back({"gcms-1", {}, 0, std::vector<std::string>(state.range(0), kPayload)});
  for (auto _ : state) {
    if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
  }
  Count(state);
}

void BareSqlite(benchmark::State& state) {
  const Folder folder;
  sqlite3* database = nullptr;
  sqlite3_open(folder.path().c_str(), &database);
  const auto run = [&](const char* sql) {
    if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK) state.SkipWithError("SQLite");
  };
  run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
      "CREATE TABLE records(id INTEGER PRIMARY KEY, payload BLOB)");
  sqlite3_stmt* insert = nullptr;
  sqlite3_prepare_v2(database, "INSERT INTO records(payload) VALUES(?1)", -1, &insert, nullptr);
  for (auto _ : state) {
    run("BEGIN IMMEDIATE");
    for (int64_t i = 0; i < state.range(0); ++i) {
      sqlite3_bind_blob(insert, 1, kPayload.data(), static_cast<int>(kPayload.size()), SQLITE_STATIC);
      sqlite3_step(insert);
      sqlite3_reset(insert);
    }
    run("COMMIT");
  }
  sqlite3_finalize(insert);
  sqlite3_close(database);
  Count(state);
}

// The queue as the uplink reads it, hashes checked.
void StoreRead(benchmark::State& state) {
  const Folder folder;
  StoreOptions options;
  options.path = folder.path();
  const auto store = Store::Open(options);
  if (!store.ok()) return state.SkipWithError("the store does not open");
  constexpr uint64_t kRecords = 25'600;
  for (uint64_t i = 0; i < kRecords / 256; ++i) {
    Batch batch;
    batch.sessions.push_back({"gcms-1", {}, 0, std::vector<std::string>(256, kPayload)});
    if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
  }
  const int64_t generation = (*store)->Current().id;
  uint64_t after = 0;
  for (auto _ : state) {
    const auto records = (*store)->Read(generation, after, state.range(0), 1 << 20);
    if (!records.ok()) return state.SkipWithError("the store does not read");
    after = records->empty() || records->back().number == kRecords ? 0 : records->back().number;
  }
  state.counters["records/s"] = benchmark::Counter(state.iterations() * state.range(0), benchmark::Counter::kIsRate);
}

BENCHMARK(StoreCommit)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(StoreCommitIntakeOnly)->Arg(1)->Arg(16)->UseRealTime();
BENCHMARK(StoreOpen)->Arg(10'000)->Arg(40'000)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(StoreCommitRecordsOnly)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(BareSqlite)->Arg(1)->Arg(16)->Arg(256)->UseRealTime();
BENCHMARK(StoreRead)->Arg(256);

}  // namespace
}  // namespace dims

BENCHMARK_MAIN();
