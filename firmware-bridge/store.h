// The store: every byte an instrument said, and the numbered records made from it, on one disk.
//
// What: one SQLite database (WAL, synchronous=FULL, one connection, locking_mode=EXCLUSIVE) and beside it a small file
//   with the highest number and its hash (<path>.head). Two tables carry the promise: the intake (bytes of both
//   directions, timers) and the records, hash-chained per generation; those not settled yet are the queue.
// Promise: when Commit returns OK, all of the batch is on disk, in the database and in the head file; when it returns
//   an error, none of it is. Order is by number only. An unsettled record is never dropped. A number is never given to
//   two records: where that cannot be ruled out, the store goes on under a new store id.
// Errors: ResourceExhausted when the disk or the budget is full (nothing of the batch is kept; tell the instrument "not
//   received"). A failed write, read or fsync of the disk (SQLITE_IOERR; SQLITE_CORRUPT while running) is final: one
//   line on stderr, then _exit(70) with the database left as it is. After such an error SQLite's own view cannot be
//   trusted.
// Threads: every method may be called from any thread; they take turns. Commit holds the turn during the fsync.
// Source: sqlite.org/wal.html, sqlite.org/pragma.html (synchronous, locking_mode, max_page_count).
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dims/v1/registry.pb.h"
#include "drivers/line_mark.h"

namespace dims {

// One piece of what passed on an instrument's line.
struct IntakeEntry {
  enum class Kind { kIn = 0, kOut = 1, kTimer = 2, kOpened = 3, kClosed = 4, kOrder = 5 };
  Kind kind = Kind::kIn;
  uint64_t offset = 0;  // position among the bytes read from this instrument (kIn: of its first byte)
  absl::Time time;
  std::string bytes;            // kIn, kOut: the bytes. kTimer: the timer's number as decimal text. kOrder: its name
  std::vector<LineMark> marks;  // kIn: errors the hardware reported in them
};

// A message that its instrument sends again, whole, unless it has heard that it was received.
struct Unheard {
  std::size_t payload = 0;  // which of the batch's payloads holds it
  std::string content;      // what it said (End::content)
};

// The same, as it is on disk.
struct UnheardRecord {
  std::string store_id, content;
  uint64_t number = 0;
};

// What one instrument adds in one commit.
struct SessionBatch {
  std::string instrument;
  std::vector<IntakeEntry> entries;
  // Position up to which the bytes are in records (or are padding between reports). What is after it is open: a crash
  // replays it. Never goes back: a lower one is taken as "no more than before".
  uint64_t closed_through = 0;
  std::vector<std::string> payloads;  // serialised Reports, in order
  std::vector<std::size_t> urgent;    // which of the payloads are sent ahead of their turn
  // The instrument has heard all acknowledgements before; then sent these, of which that is not known yet.
  bool heard = false;
  std::vector<Unheard> unheard;
  // Its instrument can be told to keep it, or it can wait in memory: the store's reserve is not for it.
  bool deferrable = false;
};

struct Batch {
  std::vector<SessionBatch> sessions;
  bool empty() const { return sessions.empty(); }
};

// A record as it is on disk.
struct StoredRecord {
  uint64_t number = 0;
  std::string previous_hash, hash, payload;
  uint32_t schema = 0;
};

// A record that the registry refused for good, as it was. It counts as settled, but is kept until a person has decided.
struct QuarantinedRecord {
  int64_t id = 0;  // orders them by their refusal; local to this database
  std::string store_id;
  uint64_t number = 0;
  std::string hash, payload;
  bool urgent = false;
  dims::v1::RefusalReason reason = dims::v1::REFUSAL_REASON_UNSPECIFIED;
  std::string message;  // the registry's
  absl::Time refused_at;
};

// What a person did to the store.
struct AuditEntry {
  int64_t id = 0;
  absl::Time at;
  std::string who, action, what, why;
};

// Numbers belong to a generation. A store begins a new one whenever numbers could otherwise be used twice.
struct Generation {
  int64_t id = 0;  // orders generations; local to this database
  std::string store_id;
  uint64_t highest_number = 0;  // of the records that are here
  std::string highest_hash;     // FirstPreviousHash(store_id) while empty
  uint64_t settled_through = 0;
};

// Where an instrument's intake stands.
struct IntakePosition {
  uint64_t read_through = 0;    // bytes read from it, ever
  uint64_t closed_through = 0;  // of these, how many are in records
};

// What is on disk, by state.
struct StoreSummary {
  struct Instrument {
    std::string name;
    IntakePosition position;
    uint64_t bytes_kept = 0;  // the latest so many of the bytes read
  };
  struct PerGeneration {
    Generation generation;
    uint64_t queued = 0, settled = 0;  // kept here, by state
    uint64_t refused = 0;              // of these, how many the registry refused
  };
  std::vector<PerGeneration> generations;
  std::vector<Instrument> instruments;
  uint64_t quarantined = 0;
  uint64_t file_bytes = 0;
  uint64_t used_bytes = 0, budget_bytes = 0;  // of the database: what is not free in it, and what it may be
  uint64_t disk_free_bytes = 0;
  std::vector<std::string> warnings;  // what a person should do something about
};

struct StoreOptions {
  std::string path;
  // As in the bridge's certificate. A Gap names them: the registry refuses one that does not.
  std::string laboratory, bridge;
  // The database file never grows beyond; at least 1 MiB. Its log comes on top: some MiB, and the largest commit. A
  // 64th is left to settling and to closing generations, so that a full store can empty itself.
  uint64_t budget_bytes = uint64_t{4} << 30;
  // Room held on the disk, in <path>.ballast, and given back when the disk is full. Never more than an 8th of the
  // budget; 0: none.
  uint64_t ballast_bytes = 0;
  // Settled records stay so long after they were settled (rounded up to the hour), for a registry that is set back.
  absl::Duration keep_settled = absl::Hours(24 * 7);
  absl::Duration keep_intake = absl::Hours(24 * 30);  // closed intake stays so long after it came
  // Both go before their time, oldest first, while 70 % of the budget is in use; not so the last settled records (4096,
  // 4 MiB, an 8th of the budget), as the registry may still tell that it refused them.
  // For `dims-bridge store`: nothing is created or changed. Commit and all else that writes is FailedPrecondition.
  bool read_only = false;
  std::function<absl::Time()> now = [] { return absl::Now(); };
  // Called again and again, from the caller's thread, while Open is at work on what may take long: to look through the
  // database, to save what is whole of a damaged one, to copy it before a migration, to make it smaller.
  std::function<void()> alive = [] {};
};

class Store {
 public:
  // Opens, or creates, the store. Recovers after an unclean end (a WAL checkpoint must succeed) before it returns.
  // A database that is behind its head file lost records: it goes on in a new generation whose first record is a Gap,
  // and `notices()` says so. Where the head file is missing or damaged nothing can be shown to be lost: a new
  // generation without a Gap. Unsettled records of the old generation stay queued under its store id. Where the count
  // of commits shows that intake was lost, the same. A damaged database, or a file that is none, is set aside as
  // <path>.damaged-<UTC>, and what is whole of it goes on in a new generation. Where the disk failed twice within ten
  // minutes, Commit is ResourceExhausted until ten have passed. Unavailable: another process has it open.
  // FailedPrecondition: written by a newer version, or another application's database; it is left untouched.
  // DataLoss also where what was just saved of a damaged one is damaged: it is left there, and <path>.unsaved says so.
  // ResourceExhausted, once the ballast was given back in vain: no room to save what is whole of a damaged one, or to
  // take over its log. NotFound: read_only and not there. DataLoss: read_only and damaged; nothing is changed.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const StoreOptions& options);
  ~Store();

  // For the operator's log: what Open found and did. Empty after a clean start.
  const std::vector<std::string>& notices() const;

  // Puts the batch on disk in one transaction. Settled records and closed intake past their time go in the same
  // transaction, at most 100 rows of each.
  absl::Status Commit(const Batch& batch);

  // Whether it should be committed as things stand. ResourceExhausted, with the reason, for records that can wait
  // (SessionBatch::deferrable) while only the reserve is left: the last 20th of the budget, or, on a full disk, the
  // room that was the ballast's; for records that cannot wait and are not urgent while less than about half of the
  // reserve is left. First deletes what may go.
  absl::Status Admits(const SessionBatch& session);

  // To be called every few seconds. Makes the ballast again where there is room; when `idle` (nothing has come for a
  // while), deletes what is due and makes the file smaller where at least half of it is free.
  void Tidy(bool idle);

  // For the operator's log: what has happened since this was last asked. A threshold is said once, when it is passed.
  std::vector<std::string> TakeNews();

  IntakePosition Position(absl::string_view instrument);
  // The open intake: what was read after `closed_through`, in order, timers and openings included. Where the line was
  // opened since and nothing closed after that, it begins with the last such opening. Entries of the batch that closed
  // belong to what it closed.
  std::vector<IntakeEntry> OpenIntake(absl::string_view instrument);
  // The messages of which it is not known whether the instrument heard their acknowledgement, oldest first; of more
  // than 16 the latest, and only those whose record is still kept.
  std::vector<UnheardRecord> AllUnheard(absl::string_view instrument);
  // The bytes [begin, end) of an instrument; NotFound where any of them is no longer kept, DataLoss where they are no
  // longer as they were written.
  absl::StatusOr<std::string> ReadIntake(absl::string_view instrument, uint64_t begin, uint64_t end);

  // The oldest generation that has unsettled records, else the current one.
  Generation OldestUnsettled();
  Generation Current();
  // All that have unsettled records, oldest first.
  std::vector<Generation> Unsettled();
  // All of which any record is here, settled or not, oldest first.
  std::vector<Generation> Kept();

  // Records of a generation after `after`, at most `most_records` and `most_bytes` (but at least one). The first is
  // number `after` + 1, or, where that was settled and is no longer kept, the lowest that is. Each one's hash is
  // checked against its bytes and its predecessor. What stands before a damaged or vanished record is returned;
  // DataLoss is always about the first that was to come. BeginGeneration from there puts a Gap in its place.
  absl::StatusOr<std::vector<StoredRecord>> Read(int64_t generation, uint64_t after, std::size_t most_records,
                                                 std::size_t most_bytes);

  // Unsettled urgent records of a generation after `after`, in order, each with its hash checked against its bytes;
  // damaged ones are left to Read.
  absl::StatusOr<std::vector<StoredRecord>> ReadUrgent(int64_t generation, uint64_t after, std::size_t most_records);

  // The registry has everything up to `through`. Idempotent; never goes back. OutOfRange where the current generation
  // has no such number yet: numbers of records to come must not count as settled. A full store still takes it.
  absl::Status Settle(int64_t generation, uint64_t through);
  // The registry refused this record for good. It counts as queued until it is settled; a copy of it goes into the
  // quarantine, once, however often that is told: also where somebody has decided about it since.
  // `news`: set to true where it had not been told before.
  absl::Status MarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                           absl::string_view message, bool* news = nullptr);

  // The quarantine after row `after`, in the order of refusal, at most `most_records` and `most_bytes` (but at least
  // one).
  absl::StatusOr<std::vector<QuarantinedRecord>> Quarantined(int64_t after, std::size_t most_records,
                                                             std::size_t most_bytes);
  // NotFound where it is not in the quarantine (any more).
  absl::StatusOr<QuarantinedRecord> Quarantined(absl::string_view store_id, uint64_t number);
  // Its payload becomes a new record at the end of the current chain, verbatim, urgent as it was, and it leaves the
  // quarantine; the audit log says who and why. Returns the current generation, whose highest is the new record.
  // FailedPrecondition while the refused one still waits to be settled: it might yet be offered again under another
  // name. DataLoss where its bytes no longer have its hash. A full store still takes it.
  absl::StatusOr<Generation> Release(absl::string_view store_id, uint64_t number, absl::string_view who,
                                     absl::string_view why);
  // It leaves the quarantine for good; what it was stays in the audit log. FailedPrecondition as with Release.
  absl::Status Discard(absl::string_view store_id, uint64_t number, absl::string_view who, absl::string_view why);
  // The audit log after row `after`, in order, at most `most` entries.
  absl::StatusOr<std::vector<AuditEntry>> Audit(int64_t after, std::size_t most);

  // Begins a new generation. Unsettled records of `from` numbered `first` and up move into it, payloads verbatim, under
  // new numbers and a new chain (first = 0: none moves). A damaged one is put aside, and a Gap moves in its place.
  // kKept: for a registry that lost what it had settled. Settled records from `first` on move before them, with a Gap
  // for those that are no longer kept; not those that were refused, about which a person decides. None of them stays
  // in `from`: compared with the registry once more, it would be carried on twice.
  enum class Carry { kUnsettled, kKept };
  absl::StatusOr<Generation> BeginGeneration(int64_t from, uint64_t first, absl::string_view why,
                                             Carry carry = Carry::kUnsettled);

  // The registry's epoch as last seen; empty at first.
  std::string RegistryEpoch();
  absl::Status SetRegistryEpoch(absl::string_view epoch);

  StoreSummary Summary();

 private:
  class Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  static absl::StatusOr<std::unique_ptr<Store>> OpenOnce(const StoreOptions& options,
                                                         std::vector<std::string>& notices);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_H_
