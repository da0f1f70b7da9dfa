#include "firmware-bridge/store.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "firmware-bridge/store_salvage.h"
#include "proto/failpoint.h"
#include "proto/hash.h"

namespace dims {

using store_db::Blob;
using store_db::Null;
using store_db::Query;
using store_db::Transaction;

namespace {

constexpr std::size_t kMarkSize = 5;  // as WriteMarks has them
// Machines whose clock has no battery begin at 1970, or at the date of their system's making.
const absl::Time kNoClockBefore = absl::FromUnixSeconds(1'577'836'800);  // 2020-01-01

std::vector<LineMark> ReadMarks(absl::string_view blob) {
  std::vector<LineMark> marks;
  for (; blob.size() >= kMarkSize; blob.remove_prefix(kMarkSize)) {
    std::size_t offset = 0;
    for (std::size_t i = kMarkSize - 1; i > 0; --i) offset = offset << 8 | static_cast<unsigned char>(blob[i]);
    marks.push_back({static_cast<LineMark::Kind>(blob[0]), offset});
  }
  return marks;
}

}  // namespace

Store::Impl::~Impl() {
  if (db_ == nullptr) return;
  if (opened_) {
    // On a full disk the log cannot be moved: the next start does it.
    absl::Status moved = db_->Checkpoint(true);
    if (absl::IsResourceExhausted(moved) && GiveBallast()) moved = db_->Checkpoint(true);
    if (!absl::IsResourceExhausted(moved)) Must(moved);
    if (moved.ok()) db_->AllowLogRemoval();
  } else if (leaves_no_trace_) {
    db_->AllowLogRemoval();  // the empty one that reading made
  }
}

IntakePosition Store::Impl::Position(absl::string_view instrument) {
  const std::lock_guard lock(mutex_);
  const auto line = lines_.find(instrument);
  return line == lines_.end() ? IntakePosition() : line->second.position;
}

std::vector<IntakeEntry> Store::Impl::OpenIntake(absl::string_view instrument) {
  const std::lock_guard lock(mutex_);
  std::vector<IntakeEntry> entries;
  const auto found = lines_.find(instrument);
  if (found == lines_.end()) return entries;
  const Line& line = found->second;
  const uint64_t closed = line.position.closed_through;
  Query query(open_intake_, line.id, line.open_from);
  while (query.Next()) {
    IntakeEntry entry{static_cast<IntakeEntry::Kind>(query.Int(0)), query.Unsigned(1),
                      absl::FromUnixNanos(query.Int(2)), query.Bytes(3), ReadMarks(query.Bytes(4))};
    if (entry.kind == IntakeEntry::Kind::kIn && entry.offset < closed) {
      if (entry.offset + entry.bytes.size() <= closed) continue;
      const std::size_t gone = closed - entry.offset;
      entry.bytes.erase(0, gone);
      std::erase_if(entry.marks, [&](const LineMark& mark) { return mark.offset < gone; });
      for (LineMark& mark : entry.marks) mark.offset -= gone;
      entry.offset = closed;
    }
    if (query.Int(5) != 1)
      Must(absl::DataLossError(absl::StrCat("what ", instrument, " sent is not as it was written")));
    entries.push_back(std::move(entry));
  }
  Must(query.status());
  return entries;
}

std::vector<UnheardRecord> Store::Impl::AllUnheard(absl::string_view instrument) {
  const std::lock_guard lock(mutex_);
  std::vector<UnheardRecord> found;
  const auto line = lines_.find(instrument);
  if (line == lines_.end() || !line->second.unheard) return found;
  Query query(get_unheard_, line->second.id);
  while (query.Next()) found.push_back({query.Bytes(0), query.Bytes(2), query.Unsigned(1)});
  Must(query.status());
  return found;
}

absl::StatusOr<std::string> Store::Impl::ReadIntake(absl::string_view instrument, uint64_t begin, uint64_t end) {
  const std::lock_guard lock(mutex_);
  const auto missing = [&](uint64_t at) {
    return absl::NotFoundError(absl::StrCat("instrument ", instrument, ": byte ", at, " is not kept (any more)"));
  };
  if (begin > end) return absl::InvalidArgumentError(absl::StrCat("a range from ", begin, " back to ", end));
  const auto found = lines_.find(instrument);
  if (found == lines_.end() || end > found->second.position.read_through) return missing(end);
  uint64_t from = begin;
  {
    // The row that holds `begin` may have begun before it; its position bounds the search.
    Query query(row_at_, found->second.id, begin);
    if (query.Next()) from = query.Unsigned(2);
    DIMS_RETURN_IF_ERROR(query.status());
  }
  std::string bytes;
  uint64_t at = begin;
  Query query(intake_between_, found->second.id, from, end);
  while (at < end && query.Next()) {
    const uint64_t offset = query.Unsigned(0);
    const std::string row = query.Bytes(1);
    if (offset + row.size() <= at) continue;
    if (offset > at) return missing(at);
    if (query.Int(2) != 1) {
      return absl::DataLossError(absl::StrCat("instrument ", instrument, ": the bytes from ", offset,
                                              " on are no longer as they were written"));
    }
    const uint64_t size = std::min<uint64_t>(end - at, offset + row.size() - at);
    bytes.append(row, at - offset, size);
    at += size;
  }
  DIMS_RETURN_IF_ERROR(query.status());
  if (at < end) return missing(at);
  return bytes;
}

Generation Store::Impl::OldestUnsettled() {
  const std::lock_guard lock(mutex_);
  for (const Chain& chain : chains_) {
    if (chain.generation.settled_through < chain.generation.highest_number) return chain.generation;
  }
  return chains_.back().generation;
}

Generation Store::Impl::Current() {
  const std::lock_guard lock(mutex_);
  return chains_.back().generation;
}

std::vector<Generation> Store::Impl::Unsettled() {
  const std::lock_guard lock(mutex_);
  std::vector<Generation> unsettled;
  for (const Chain& chain : chains_) {
    if (chain.generation.settled_through < chain.generation.highest_number) unsettled.push_back(chain.generation);
  }
  return unsettled;
}

std::vector<Generation> Store::Impl::Kept() {
  const std::lock_guard lock(mutex_);
  std::vector<Generation> kept;
  for (const Chain& chain : chains_) {
    if (chain.lowest <= chain.generation.highest_number) kept.push_back(chain.generation);
  }
  return kept;
}

absl::StatusOr<std::vector<StoredRecord>> Store::Impl::Read(int64_t generation_id, uint64_t after,
                                                            std::size_t most_records, std::size_t most_bytes) {
  const std::lock_guard lock(mutex_);
  const Chain* chain = Find(generation_id);
  if (chain == nullptr) return absl::NotFoundError(absl::StrCat("the store has no generation ", generation_id));
  const Generation& generation = chain->generation;
  std::vector<StoredRecord> records;
  after = std::max(after, chain->lowest - 1);
  if (after >= generation.highest_number || most_records == 0) return records;
  std::optional<std::string> previous;
  if (after == 0) {
    previous = FirstPreviousHash(generation.store_id);
  } else {
    absl::StatusOr<std::optional<std::string>> hash = HashOf(generation_id, after);
    DIMS_RETURN_IF_ERROR(hash.status());
    previous = *std::move(hash);
  }
  uint64_t expected = after + 1;
  std::size_t bytes = 0;
  absl::string_view damage;
  const std::size_t most = std::min<std::size_t>(most_records, generation.highest_number - after);
  Query query(records_after_, generation_id, after, static_cast<uint64_t>(most));
  while (records.size() < most) {
    if (!query.Next()) {
      damage = "it is not in the database any more";
      break;
    }
    StoredRecord record{query.Unsigned(0), query.Bytes(1), query.Bytes(2), query.Bytes(4),
                        static_cast<uint32_t>(query.Int(3))};
    if (record.number != expected) {
      damage = "it is not in the database any more";
    } else if (RecordHash(record.previous_hash, record.number, record.schema, record.payload) != record.hash) {
      damage = "its bytes do not have its hash";
    } else if (previous && record.previous_hash != *previous) {
      damage = "it does not follow on the record before it";
    }
    if (!damage.empty()) break;
    bytes += record.payload.size();
    if (!records.empty() && bytes > most_bytes) break;
    previous = record.hash;
    ++expected;
    records.push_back(std::move(record));
  }
  DIMS_RETURN_IF_ERROR(query.status());
  if (damage.empty() || !records.empty()) return records;
  return absl::DataLossError(absl::StrCat("record ", expected, " of store ", generation.store_id, " in \"",
                                          options_.path, "\" is damaged: ", damage));
}

absl::StatusOr<std::vector<StoredRecord>> Store::Impl::ReadUrgent(int64_t generation_id, uint64_t after,
                                                                  std::size_t most_records) {
  const std::lock_guard lock(mutex_);
  const Chain* chain = Find(generation_id);
  if (chain == nullptr) return absl::NotFoundError(absl::StrCat("the store has no generation ", generation_id));
  std::vector<StoredRecord> records;
  Query query(urgent_after_, generation_id, std::max(after, chain->generation.settled_through),
              static_cast<uint64_t>(most_records));
  while (query.Next()) {
    StoredRecord record{query.Unsigned(0), query.Bytes(1), query.Bytes(2), query.Bytes(4),
                        static_cast<uint32_t>(query.Int(3))};
    if (RecordHash(record.previous_hash, record.number, record.schema, record.payload) != record.hash) continue;
    records.push_back(std::move(record));
  }
  DIMS_RETURN_IF_ERROR(query.status());
  return records;
}

absl::Status Store::Impl::Settle(int64_t generation_id, uint64_t through) {
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  Chain* chain = Find(generation_id);
  if (chain == nullptr) return absl::NotFoundError(absl::StrCat("the store has no generation ", generation_id));
  Generation& generation = chain->generation;
  if (through > generation.highest_number) {
    if (chain == &chains_.back()) {
      return absl::OutOfRangeError(absl::StrCat("settled through ", through, ", but store ", generation.store_id,
                                                " has only ", generation.highest_number, " records"));
    }
    through = generation.highest_number;  // records that were lost here
  }
  if (through <= generation.settled_through) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> hash = HashOf(generation_id, through);
  DIMS_RETURN_IF_ERROR(hash.status());
  const WholeBudget whole(*this);
  Transaction transaction(*db_);
  DIMS_RETURN_IF_ERROR(transaction.Begin());
  DIMS_RETURN_IF_ERROR(*hash ? db_->Run(settle_, generation_id, through, Blob{**hash})
                             : db_->Run(settle_, generation_id, through, Null{}));
  DIMS_RETURN_IF_ERROR(NoteSettlement(generation_id, through));
  DIMS_RETURN_IF_ERROR(
      db_->Run(forget_settlements_, generation_id, absl::ToUnixNanos(options_.now() - options_.keep_settled)));
  if (DIMS_FAILPOINT("store.settle.before")) EndAfterDiskFailure(options_.path, "failpoint");
  DIMS_RETURN_IF_ERROR(transaction.Commit());
  if (DIMS_FAILPOINT("store.settle.after")) EndAfterDiskFailure(options_.path, "failpoint");
  generation.settled_through = through;
  CheckpointWhenLong();
  return absl::OkStatus();
}

// Retention by age begins here: a clock that is behind must not make it end once the clock is set. What was settled
// while it stood before all time is noted with the first settlement after; no time of noting goes back.
absl::Status Store::Impl::NoteSettlement(int64_t generation_id, uint64_t through) {
  if (options_.now() < kNoClockBefore) return absl::OkStatus();
  constexpr int64_t kHour = int64_t{3600} * 1'000'000'000;
  // A year ahead is no clock that was right: it must not keep everything for so long.
  const int64_t no_clock_after = absl::ToUnixNanos(options_.now() + absl::Hours(24 * 366));
  DIMS_RETURN_IF_ERROR(db_->Execute(absl::StrCat("DELETE FROM settlements WHERE at>", no_clock_after)));
  const absl::StatusOr<int64_t> latest = db_->AskInt("SELECT coalesce(max(at), 0) FROM settlements");
  DIMS_RETURN_IF_ERROR(latest.status());
  return db_->Run(add_settlement_, generation_id, std::max((Now() / kHour + 1) * kHour, *latest), through);
}

std::string Store::Impl::RegistryEpoch() {
  const std::lock_guard lock(mutex_);
  Query query(get_meta_, "registry_epoch");
  std::string epoch = query.Next() ? query.Bytes(0) : "";
  Must(query.status());
  return epoch;
}

absl::Status Store::Impl::SetRegistryEpoch(absl::string_view epoch) {
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  const WholeBudget whole(*this);
  if (DIMS_FAILPOINT("store.epoch.before")) EndAfterDiskFailure(options_.path, "failpoint");
  DIMS_RETURN_IF_ERROR(db_->Run(put_meta_, "registry_epoch", epoch));
  if (DIMS_FAILPOINT("store.epoch.after")) EndAfterDiskFailure(options_.path, "failpoint");
  return absl::OkStatus();
}

StoreSummary Store::Impl::Summary() {
  const std::lock_guard lock(mutex_);
  StoreSummary summary;
  for (const Chain& chain : chains_) {
    const Generation& generation = chain.generation;
    StoreSummary::PerGeneration& entry = summary.generations.emplace_back();
    entry.generation = generation;
    entry.queued = generation.highest_number - generation.settled_through;
    entry.settled = generation.settled_through - std::min(generation.settled_through, chain.lowest - 1);
    Query refused(count_refused_, generation.id);
    if (refused.Next()) entry.refused = refused.Unsigned(0);
    Must(refused.status());
  }
  for (const auto& [name, line] : lines_) {
    StoreSummary::Instrument& entry = summary.instruments.emplace_back();
    entry.name = name;
    entry.position = line.position;
    Query oldest(row_after_, line.id, int64_t{-1});
    if (oldest.Next()) entry.bytes_kept = line.position.read_through - oldest.Unsigned(1);
    Must(oldest.status());
  }
  const absl::StatusOr<uint64_t> quarantined = CountQuarantined();
  Must(quarantined.status());
  summary.quarantined = *quarantined;
  summary.file_bytes = FileBytes(options_.path) + FileBytes(options_.path + "-wal");
  summary.used_bytes = (file_pages_ - free_pages_) * page_bytes_;
  summary.budget_bytes = options_.budget_bytes;
  summary.disk_free_bytes = DiskFreeBytes(options_.path);
  for (const Warning* warning : {&nearly_full_, &reserved_, &disk_low_, &disk_failed_}) {
    if (warning->on) summary.warnings.push_back(warning->text);
  }
  return summary;
}

Store::Impl::Chain* Store::Impl::Find(int64_t generation) {
  for (Chain& chain : chains_) {
    if (chain.generation.id == generation) return &chain;
  }
  return nullptr;
}

absl::StatusOr<std::optional<std::string>> Store::Impl::HashOf(int64_t generation, uint64_t number) {
  Query query(record_hash_, generation, number);
  if (query.Next()) return query.Bytes(0);
  DIMS_RETURN_IF_ERROR(query.status());
  return std::nullopt;
}

void Store::Impl::Must(const absl::Status& status) const {
  if (absl::IsDataLoss(status)) MarkSuspect(options_.path, status.message());
  if (!status.ok()) EndAfterDiskFailure(options_.path, status.message());
}

absl::Status Store::Impl::CheckWritable() const {
  if (!options_.read_only) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("store \"", options_.path, "\" was opened for looking only"));
}

absl::StatusOr<std::unique_ptr<Store>> Store::OpenOnce(const StoreOptions& options, std::vector<std::string>& notices) {
  // What a salvage made, and could not be opened: another would make the same, and a file more at each start.
  const std::string unsaved = options.path + ".unsaved";
  auto impl = std::make_unique<Impl>(options, notices);
  absl::Status status = impl->Open();
  if (absl::IsDataLoss(status) && !options.read_only && !FileExists(unsaved)) {
    impl.reset();  // it holds the lock
    absl::StatusOr<store_db::HeadFile::Found> head = store_db::HeadFile::Load(options.path + ".head");
    DIMS_RETURN_IF_ERROR(head.status());
    absl::StatusOr<std::vector<std::string>> saved =
        store_db::Salvage(options.path, status.message(), *head, options.now(), options.alive);
    DIMS_RETURN_IF_ERROR(saved.status());
    notices.insert(notices.end(), saved->begin(), saved->end());
    impl = std::make_unique<Impl>(options, notices);
    status = impl->Open();
    if (absl::IsDataLoss(status)) LeaveMark(unsaved, status.message());
  }
  if (absl::IsDataLoss(status) && !options.read_only) {
    return absl::DataLossError(absl::StrCat(
        "store \"", options.path, "\" is damaged (", status.message(),
        "), and it is what was saved of a damaged one: it is not set aside again. Move it, its .head and \"", unsaved,
        "\" to another folder: the bridge then begins a new store. Keep them, and its .damaged- files"));
  }
  if (absl::IsDataLoss(status)) {
    return absl::DataLossError(absl::StrCat("store \"", options.path, "\" is damaged: ", status.message(),
                                            FileExists(unsaved) ? "; it is what was saved of a damaged one, and the "
                                                                  "bridge says what to do when it starts"
                                                                : "; the bridge sets it aside when it starts, and "
                                                                  "goes on with what can be saved"));
  }
  DIMS_RETURN_IF_ERROR(status);
  if (!options.read_only) std::remove(unsaved.c_str());
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

// What would give the ballast back while running does not run yet.
absl::StatusOr<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  std::vector<std::string> notices;
  absl::StatusOr<std::unique_ptr<Store>> store = OpenOnce(options, notices);
  const std::string ballast = options.path + ".ballast";
  if (options.read_only || !absl::IsResourceExhausted(store.status()) || FileBytes(ballast) == 0) return store;
  // At most: what is whole of a damaged one is copied.
  constexpr uint64_t kSpare = uint64_t{16} << 20;
  if (DiskFreeBytes(options.path) >= FileBytes(options.path) + FileBytes(options.path + "-wal") + kSpare) return store;
  const uint64_t given = FileBytes(ballast);
  if (std::remove(ballast.c_str()) != 0) return store;
  notices.push_back(absl::StrCat("THE DISK IS FULL: the ballast of ", given >> 20,
                                 " MiB was given back, so that the bridge can start; make room on the disk of \"",
                                 options.path, "\""));
  return OpenOnce(options, notices);
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::~Store() = default;

const std::vector<std::string>& Store::notices() const { return impl_->notices(); }
absl::Status Store::Commit(const Batch& batch) { return impl_->Commit(batch); }
absl::Status Store::Admits(const SessionBatch& session) { return impl_->Admits(session); }
void Store::Tidy(bool idle) { impl_->Tidy(idle); }
std::vector<std::string> Store::TakeNews() { return impl_->TakeNews(); }
IntakePosition Store::Position(absl::string_view instrument) { return impl_->Position(instrument); }
std::vector<IntakeEntry> Store::OpenIntake(absl::string_view instrument) { return impl_->OpenIntake(instrument); }
std::vector<UnheardRecord> Store::AllUnheard(absl::string_view instrument) { return impl_->AllUnheard(instrument); }
absl::StatusOr<std::string> Store::ReadIntake(absl::string_view instrument, uint64_t begin, uint64_t end) {
  return impl_->ReadIntake(instrument, begin, end);
}
Generation Store::OldestUnsettled() { return impl_->OldestUnsettled(); }
Generation Store::Current() { return impl_->Current(); }
std::vector<Generation> Store::Unsettled() { return impl_->Unsettled(); }
std::vector<Generation> Store::Kept() { return impl_->Kept(); }
absl::StatusOr<std::vector<StoredRecord>> Store::Read(int64_t generation, uint64_t after, std::size_t most_records,
                                                      std::size_t most_bytes) {
  return impl_->Read(generation, after, most_records, most_bytes);
}
absl::StatusOr<std::vector<StoredRecord>> Store::ReadUrgent(int64_t generation, uint64_t after,
                                                            std::size_t most_records) {
  return impl_->ReadUrgent(generation, after, most_records);
}
absl::Status Store::Settle(int64_t generation, uint64_t through) {
  return impl_->WithBallast([&] { return impl_->Settle(generation, through); });
}
absl::Status Store::MarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                                absl::string_view message, bool* news) {
  return impl_->WithBallast([&] { return impl_->MarkRefused(generation, number, reason, message, news); });
}
absl::StatusOr<std::vector<QuarantinedRecord>> Store::Quarantined(int64_t after, std::size_t most_records,
                                                                  std::size_t most_bytes) {
  return impl_->Quarantined(after, most_records, most_bytes);
}
absl::StatusOr<QuarantinedRecord> Store::Quarantined(absl::string_view store_id, uint64_t number) {
  return impl_->Quarantined(store_id, number);
}
absl::StatusOr<Generation> Store::Release(absl::string_view store_id, uint64_t number, absl::string_view who,
                                          absl::string_view why) {
  return impl_->WithBallast([&] { return impl_->Release(store_id, number, who, why); });
}
absl::Status Store::Discard(absl::string_view store_id, uint64_t number, absl::string_view who, absl::string_view why) {
  return impl_->WithBallast([&] { return impl_->Discard(store_id, number, who, why); });
}
absl::StatusOr<std::vector<AuditEntry>> Store::Audit(int64_t after, std::size_t most) {
  return impl_->Audit(after, most);
}
absl::StatusOr<Generation> Store::BeginGeneration(int64_t from, uint64_t first, absl::string_view why, Carry carry) {
  return impl_->WithBallast([&] { return impl_->BeginGeneration(from, first, why, carry); });
}
std::string Store::RegistryEpoch() { return impl_->RegistryEpoch(); }
absl::Status Store::SetRegistryEpoch(absl::string_view epoch) {
  return impl_->WithBallast([&] { return impl_->SetRegistryEpoch(epoch); });
}
StoreSummary Store::Summary() { return impl_->Summary(); }

}  // namespace dims
