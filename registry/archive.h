// The registry's records, on disk.
//
// What: one SQLite database (WAL, synchronous=FULL): every record that a bridge sent, or the tombstone of one that was
//   refused, in the order stored, and for every store how far its records are settled. A record beyond that was stored
//   ahead of its turn; when its turn comes it is already there, and only `settled_through` moves.
//   Beside it, `<path>.high` says how far each store was ever settled (high_water.h): a database that is older gets a
//   new epoch by itself.
// Promise: what Append and StoreAhead report is on disk when they return. A record is stored once and never changed.
//   A report that comes under a second name, because its bridge began a new store after it was stored ahead, is kept
//   under both (each is a link of its store's chain) and marked: readers take the first alone for a result.
//   Settled records of a store are numbered from 1 without gaps, each holding the hash of the one before.
// Errors: InvalidArgument and Aborted end the sender's stream; ResourceExhausted when the disk is full (nothing was
//   stored). A failing disk ends the process, see database.h.
// Threads: any thread may call any method; they take turns, and a turn lasts until the disk has it.
// Source: proto/dims/v1/registry.proto; sqlite.org/wal.html.
#ifndef DIMS_REGISTRY_ARCHIVE_H_
#define DIMS_REGISTRY_ARCHIVE_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dims/v1/registry.pb.h"

namespace dims {

// Whose numbers they are.
struct StoreName {
  std::string laboratory, bridge, store_id;
  auto operator<=>(const StoreName&) const = default;  // NOLINT(modernize-use-nullptr): it means the compiler's own 0
};

// "bridge lab-a/ws-1, store 1234", for people.
std::string Who(const StoreName& store);

// A record as it arrived, whole. Where `refusal` is set, hash and reason are kept, the payload is not.
struct ReceivedRecord {
  uint64_t number = 0;
  std::string previous_hash;
  std::string hash;  // computed here, never taken from the sender
  uint32_t schema = 0;
  std::string payload;
  v1::RefusalReason refusal = v1::REFUSAL_REASON_UNSPECIFIED;
  std::string refusal_message;
};

struct StorePosition {
  uint64_t settled_through = 0;
  std::string settled_hash;  // empty while nothing is settled
  // Of Position: how far it was ever settled. More than settled_through where the database was set back since.
  uint64_t once_settled_through = 0;
};

// What one commit did, in the words of the contract.
struct StoreResult {
  StorePosition position;             // after the commit
  uint64_t settled = 0;               // Append: the last record of this call that is settled with these very bytes
  std::vector<v1::Refusal> refusals;  // of records in this call, new or known
  std::vector<uint64_t> ahead;        // StoreAhead: on disk and not refused, new or known
  std::optional<v1::Conflict> conflict;
  absl::Status status;  // not OK: the record at which the stream must end; those before it are stored
};

struct ArchiveOptions {
  std::string path;
  std::string registry;  // the name that a new database is made for
  std::function<absl::Time()> now = [] { return absl::Now(); };
};

class Archive {
 public:
  // Opens or creates. One process at a time: FailedPrecondition while another holds it, or where the file was made by a
  // newer version.
  static absl::StatusOr<std::unique_ptr<Archive>> Open(ArchiveOptions options);
  ~Archive();

  // Made with the database, and new after it was restored from a backup (NewEpoch).
  std::string epoch();
  // The registry for which the database was made.
  std::string registry();
  absl::Status NewEpoch();

  // For the operator's log: what Open found. Empty where all is as it was left.
  const std::vector<std::string>& notices() const;
  // Open found the database older than it was, or could not tell, and made a new epoch.
  bool set_back() const;

  absl::StatusOr<StorePosition> Position(const StoreName& store);
  // The hash of a record, empty where there is none.
  absl::StatusOr<std::string> Hash(const StoreName& store, uint64_t number);
  // Of the records that lie within the last so many settled: the latest that were refused, at most so many, in order.
  absl::StatusOr<std::vector<v1::Refusal>> LatestRefusals(const StoreName& store, uint64_t within, int most);
  // Records in their turn, one transaction.
  StoreResult Append(const StoreName& store, absl::Span<const ReceivedRecord> records);
  // Records ahead of their turn, one transaction.
  StoreResult StoreAhead(const StoreName& store, absl::Span<const ReceivedRecord> records);

 private:
  class Impl;
  explicit Archive(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_ARCHIVE_H_
