#include "registry/archive.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"
#include "proto/hash.h"
#include "registry/archive_impl.h"

namespace dims {

using archive_db::Statement;

namespace {

v1::Refusal ToRefusal(uint64_t number, std::string hash, v1::RefusalReason reason, std::string message) {
  v1::Refusal refusal;
  refusal.set_number(number);
  refusal.set_hash(std::move(hash));
  refusal.set_reason(reason);
  refusal.set_message(std::move(message));
  return refusal;
}

void Conflict(const StoreName& name, uint64_t number, const std::string& here, const std::string& received,
              absl::string_view why, StoreResult& result) {
  result.conflict.emplace();
  result.conflict->set_number(number);
  result.conflict->set_registry_hash(here);
  result.conflict->set_received_hash(received);
  result.status =
      absl::AbortedError(absl::StrCat(Who(name), ": CONFLICT at record ", number, ": the registry has hash ",
                                      absl::BytesToHexString(here), ", received was ", absl::BytesToHexString(received),
                                      why, "; nothing was overwritten, the bridge must go on under a new store id"));
}

}  // namespace

std::string Who(const StoreName& store) {
  return absl::StrCat("bridge ", store.laboratory, "/", store.bridge, ", store ", store.store_id);
}

absl::StatusOr<Archive::Impl::StoreRow> Archive::Impl::FindStore(const StoreName& name) {
  find_store_.Reset().Text(1, name.laboratory).Text(2, name.bridge).Text(3, name.store_id);
  absl::StatusOr<bool> found = find_store_.Step();
  if (!found.ok()) return found.status();
  StoreRow row;
  if (*found) {
    row.id = find_store_.IntegerAt(0);
    row.position.settled_through = static_cast<uint64_t>(find_store_.IntegerAt(1));
    row.position.settled_hash = find_store_.BytesAt(2);
  }
  find_store_.Reset();
  return row;
}

absl::StatusOr<StorePosition> Archive::Impl::Position(const StoreName& store) {
  absl::StatusOr<StoreRow> row = FindStore(store);
  if (!row.ok()) return row.status();
  row->position.once_settled_through = row->position.settled_through;
  if (high_water_ != nullptr) {
    row->position.once_settled_through = std::max(row->position.settled_through, high_water_->SettledThrough(store));
  }
  return row->position;
}

absl::StatusOr<std::string> Archive::Impl::Hash(const StoreName& store, uint64_t number) {
  absl::StatusOr<StoreRow> row = FindStore(store);
  if (!row.ok()) return row.status();
  absl::StatusOr<std::optional<Known>> known = Find(row->id, number);
  if (!known.ok()) return known.status();
  return known->has_value() ? (*known)->hash : "";
}

absl::StatusOr<std::vector<v1::Refusal>> Archive::Impl::LatestRefusals(const StoreName& store, uint64_t within,
                                                                       int most) {
  absl::StatusOr<StoreRow> row = FindStore(store);
  if (!row.ok()) return row.status();
  const uint64_t through = row->position.settled_through;
  refusals_.Reset()
      .Integer(1, row->id)
      .Integer(2, static_cast<int64_t>(through - std::min(through, within) + 1))
      .Integer(3, static_cast<int64_t>(through))
      .Integer(4, most);
  std::vector<v1::Refusal> refusals;
  while (true) {
    absl::StatusOr<bool> found = refusals_.Step();
    if (!found.ok()) return found.status();
    if (!*found) break;
    refusals.push_back(ToRefusal(static_cast<uint64_t>(refusals_.IntegerAt(0)), refusals_.BytesAt(1),
                                 static_cast<v1::RefusalReason>(refusals_.IntegerAt(2)), refusals_.BytesAt(3)));
  }
  refusals_.Reset();
  std::reverse(refusals.begin(), refusals.end());
  return refusals;
}

absl::StatusOr<std::optional<Archive::Impl::Known>> Archive::Impl::Find(int64_t store, uint64_t number) {
  if (store == 0) return std::nullopt;
  find_.Reset().Integer(1, store).Integer(2, static_cast<int64_t>(number));
  absl::StatusOr<bool> found = find_.Step();
  if (!found.ok()) return found.status();
  std::optional<Known> known;
  if (*found) {
    known = Known{find_.BytesAt(0), static_cast<v1::RefusalReason>(find_.IntegerAt(1)), find_.BytesAt(2)};
  }
  find_.Reset();
  return known;
}

absl::Status Archive::Impl::Insert(const StoreName& name, StoreRow& row, const ReceivedRecord& record) {
  if (row.id == 0) {
    insert_store_.Reset().Text(1, name.laboratory).Text(2, name.bridge).Text(3, name.store_id);
    if (absl::StatusOr<bool> inserted = insert_store_.Step(); !inserted.ok()) return inserted.status();
    row.id = insert_store_.IntegerAt(0);
    insert_store_.Reset();
  }
  insert_.Reset()
      .Integer(1, row.id)
      .Integer(2, static_cast<int64_t>(record.number))
      .Blob(3, record.previous_hash)
      .Blob(4, record.hash)
      .Integer(5, record.schema)
      .Integer(7, record.refusal)
      .Text(8, record.refusal_message)
      .Integer(9, absl::ToUnixMicros(options_.now()));
  if (record.refusal == v1::REFUSAL_REASON_UNSPECIFIED) insert_.Blob(6, record.payload);
  const absl::Status status = insert_.Run();
  insert_.Reset();
  return status;
}

absl::StatusOr<int64_t> Archive::Impl::FindSame(Statement& find, const StoreName& name) {
  find.Text(1, name.laboratory).Text(2, name.bridge).Text(3, name.store_id);
  absl::StatusOr<bool> found = find.Step();
  if (!found.ok()) return found.status();
  const int64_t position = *found ? find.IntegerAt(0) : 0;
  find.Reset();
  return position;
}

// A report that was stored ahead comes once more, under another name, where its bridge has begun a new store before its
// turn came. Payloads are moved verbatim, and no two reports have the same: each names its place in all that its
// instrument ever sent.
absl::Status Archive::Impl::MarkAgain(const StoreName& name, const StoreRow& row, const ReceivedRecord& record,
                                      bool ahead) {
  constexpr int kLately = 4096;  // what a stream of the old store may still bring after one of the new has begun
  if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) return absl::OkStatus();
  int64_t first = 0;
  if (row.others_left) {
    absl::StatusOr<int64_t> same = FindSame(same_left_.Reset().Blob(4, record.payload), name);
    if (!same.ok()) return same.status();
    first = *same;
  }
  if (first == 0 && ahead) {
    absl::StatusOr<int64_t> same = FindSame(same_lately_.Reset().Blob(4, record.payload).Integer(5, kLately), name);
    if (!same.ok()) return same.status();
    first = *same;
  }
  if (first == 0) return absl::OkStatus();
  const absl::Status status = insert_again_.Reset().Integer(1, first).Run();
  insert_again_.Reset();
  return status;
}

absl::Status Archive::Impl::StoreOne(const StoreName& name, StoreRow& row, const ReceivedRecord& record, bool ahead,
                                     StoreResult& result) {
  StorePosition& position = row.position;
  const uint64_t number = record.number;
  const uint64_t next = position.settled_through + 1;
  if (number == 0 || number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    result.status = absl::InvalidArgumentError(absl::StrCat(Who(name), ": ", number, " is not a record's number"));
    return absl::OkStatus();
  }
  if (!ahead && number > next) {
    result.status = absl::InvalidArgumentError(
        absl::StrCat(Who(name), ": record ", number, " came where record ", next,
                     " was due; records come in order without gaps, start again after what Welcome says"));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Known>> known = Find(row.id, number);
  if (!known.ok()) return known.status();
  if (known->has_value() && (*known)->hash != record.hash) {
    Conflict(name, number, (*known)->hash, record.hash, "", result);
    return absl::OkStatus();
  }
  if (number <= position.settled_through && !known->has_value()) {
    return absl::DataLossError(absl::StrCat(Who(name), ": record ", number, " is settled and not in the archive"));
  }

  // The hash of the record before, where it is known. A settled record's own hash has proved it already.
  std::string previous;
  if (number <= position.settled_through) {
    previous = record.previous_hash;
  } else if (number == 1) {
    previous = FirstPreviousHash(name.store_id);
  } else if (number == next) {
    previous = position.settled_hash;
  } else {
    absl::StatusOr<std::optional<Known>> before = Find(row.id, number - 1);
    if (!before.ok()) return before.status();
    if (before->has_value()) previous = (*before)->hash;
  }
  if (!previous.empty() && record.previous_hash != previous) {
    if (number == 1) {
      result.status = absl::InvalidArgumentError(
          absl::StrCat(Who(name), ": record 1 does not continue the chain: its previous_hash is ",
                       absl::BytesToHexString(record.previous_hash), ", that of the store id is ",
                       absl::BytesToHexString(previous)));
    } else {
      // Whoever sends it has another record before it. As a breach of the order it would be sent again for ever.
      Conflict(name, number - 1, previous, record.previous_hash,
               absl::StrCat("; record ", number, " does not continue the chain"), result);
    }
    return absl::OkStatus();
  }

  if (!known->has_value()) {
    if (absl::Status status = Insert(name, row, record); !status.ok()) return status;
    if (absl::Status status = MarkAgain(name, row, record, ahead); !status.ok()) return status;
    *known = Known{record.hash, record.refusal, record.refusal_message};
  }
  if ((*known)->refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
    result.refusals.push_back(ToRefusal(number, (*known)->hash, (*known)->refusal, (*known)->refusal_message));
  } else if (ahead) {
    result.ahead.push_back(number);
  }
  if (!ahead && number == next) {
    position.settled_through = number;
    position.settled_hash = record.hash;
  }
  if (!ahead) result.settled = number;
  return absl::OkStatus();
}

absl::Status Archive::Impl::StoreAll(const StoreName& name, absl::Span<const ReceivedRecord> records, bool ahead,
                                     StoreResult& result) {
  if (DIMS_FAILPOINT("registry.commit.begin")) return database_->Check(SQLITE_FULL);
  if (absl::Status status = database_->Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  absl::StatusOr<StoreRow> row = FindStore(name);
  if (!row.ok()) return row.status();
  const uint64_t settled_before = row->position.settled_through;
  absl::StatusOr<int64_t> left = FindSame(same_left_.Reset().Null(4), name);
  if (!left.ok()) return left.status();
  row->others_left = *left != 0;
  for (const ReceivedRecord& record : records) {
    if (absl::Status status = StoreOne(name, *row, record, ahead, result); !status.ok()) return status;
    if (!result.status.ok()) break;
  }
  result.position = row->position;
  if (row->position.settled_through != settled_before) {
    settle_.Reset()
        .Integer(1, row->id)
        .Integer(2, static_cast<int64_t>(row->position.settled_through))
        .Blob(3, row->position.settled_hash);
    if (absl::Status status = settle_.Run(); !status.ok()) return status;
    settle_.Reset();
  }
  if (DIMS_FAILPOINT("registry.commit.before")) return database_->Check(SQLITE_IOERR);
  if (absl::Status status = database_->Execute("COMMIT"); !status.ok()) return status;
  if (DIMS_FAILPOINT("registry.commit.after")) return database_->Check(SQLITE_IOERR);
  return absl::OkStatus();
}

StoreResult Archive::Impl::Store(const StoreName& store, absl::Span<const ReceivedRecord> records, bool ahead) {
  StoreResult result;
  const absl::Status status = StoreAll(store, records, ahead, result);
  if (status.ok()) {
    // After the commit: a mark that is behind is harmless, one that is ahead would be a false alarm.
    const StorePosition& position = result.position;
    if (position.settled_through > 0) {
      high_water_->Raise({store, position.settled_through, position.settled_hash});
    }
    return result;
  }
  for (Statement* statement : {&find_store_, &insert_store_, &settle_, &find_, &insert_, &refusals_}) {
    statement->Reset();
  }
  // SQLite has often rolled back by itself, and then says that there is nothing to roll back.
  database_->Execute("ROLLBACK").IgnoreError();
  StoreResult failed;
  failed.status = status;
  return failed;
}

Archive::Archive(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Archive::~Archive() = default;

absl::StatusOr<std::unique_ptr<Archive>> Archive::Open(ArchiveOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Open(); !status.ok()) return status;
  return std::unique_ptr<Archive>(new Archive(std::move(impl)));
}

std::string Archive::epoch() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Meta("epoch").value_or("");
}

std::string Archive::registry() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Meta("registry").value_or("");
}

absl::Status Archive::NewEpoch() {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->NewEpoch();
}

absl::StatusOr<StorePosition> Archive::Position(const StoreName& store) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Position(store);
}

const std::vector<std::string>& Archive::notices() const { return impl_->notices(); }

bool Archive::set_back() const { return impl_->set_back(); }

absl::StatusOr<std::string> Archive::Hash(const StoreName& store, uint64_t number) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Hash(store, number);
}

absl::StatusOr<std::vector<v1::Refusal>> Archive::LatestRefusals(const StoreName& store, uint64_t within, int most) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->LatestRefusals(store, within, most);
}

StoreResult Archive::Append(const StoreName& store, absl::Span<const ReceivedRecord> records) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Store(store, records, false);
}

StoreResult Archive::StoreAhead(const StoreName& store, absl::Span<const ReceivedRecord> records) {
  const std::lock_guard<std::mutex> turn(impl_->mutex_);
  return impl_->Store(store, records, true);
}

}  // namespace dims
