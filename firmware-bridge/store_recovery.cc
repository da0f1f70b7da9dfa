#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "firmware-bridge/store_salvage.h"
#include "firmware-bridge/store_schema.h"
#include "firmware-bridge/store_sums.h"
#include "proto/failpoint.h"
#include "proto/hash.h"

namespace dims {

using store_db::Blob;
using store_db::Head;
using store_db::HeadFile;
using store_db::Null;
using store_db::Query;
using store_db::Sound;
using store_db::Transaction;

namespace {

constexpr uint64_t kLeastBudget = uint64_t{1} << 20;

}  // namespace

absl::Status Store::Impl::Open() {
  const std::lock_guard lock(mutex_);
  if (!options_.read_only) {
    DIMS_RETURN_IF_ERROR(store_db::FinishSalvage(options_.path));
    LoadFailures();
  }
  DIMS_RETURN_IF_ERROR(OpenDatabase());
  DIMS_RETURN_IF_ERROR(Prepare());
  DIMS_RETURN_IF_ERROR(LoadLines());
  DIMS_RETURN_IF_ERROR(LoadChains());
  std::string why;
  const absl::StatusOr<std::optional<Loss>> loss = CompareWithHead(why);
  DIMS_RETURN_IF_ERROR(loss.status());
  if (!options_.read_only) {
    if (!why.empty()) DIMS_RETURN_IF_ERROR(SetLogAside());
    DIMS_RETURN_IF_ERROR(TakeOverLog());
  }
  DIMS_RETURN_IF_ERROR(CheckSettled());
  DIMS_RETURN_IF_ERROR(Recover(why, *loss));
  if (!options_.read_only) DIMS_RETURN_IF_ERROR(CloseDamagedIntake());
  // SQLite has made its log by now, and does not look whether the folder could be synced.
  if (!options_.read_only) DIMS_RETURN_IF_ERROR(SyncFolderOf(options_.path));
  db_->set_corruption_is_final();
  if (!options_.read_only) {
    if (const std::string smaller = Shrink(); !smaller.empty()) notices_.push_back(smaller);
    MakeBallast();
  }
  db_->set_alive(nullptr);
  Measure();
  opened_ = !options_.read_only;
  (void)DIMS_FAILPOINT("store.opened");
  return absl::OkStatus();
}

absl::Status Store::Impl::OpenDatabase() {
  const std::string log = options_.path + "-wal";
  log_bytes_ = FileBytes(log);
  if (options_.read_only) {
    if (!FileExists(options_.path)) {
      return absl::NotFoundError(absl::StrCat("there is no store \"", options_.path, "\""));
    }
    if (FileBytes(options_.path + "-journal") > 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "store \"", options_.path, "\" was cut off while it was made; start the bridge once, it finishes that"));
    }
  } else if (options_.budget_bytes < kLeastBudget) {
    return absl::InvalidArgumentError(absl::StrCat("store \"", options_.path, "\": a budget below 1 MiB"));
  } else if (FileExists(options_.path + ".suspect")) {
    return absl::DataLossError("the last run met damage in it");
  } else if (FileBytes(options_.path) == 0 && log_bytes_ > 0) {
    return absl::DataLossError("there is its log, but no database");  // SQLite would delete the log
  }
  leaves_no_trace_ = !FileExists(log);
  absl::StatusOr<std::unique_ptr<store_db::Database>> database =
      store_db::Database::Open(options_.path, !options_.read_only);
  DIMS_RETURN_IF_ERROR(database.status());
  db_ = *std::move(database);
  db_->set_alive(options_.alive);
  // Once, a read may fail by accident. Twice, it is damage: what can be read is saved.
  if (unreadable_) db_->set_unreadable_is_damage();
  // Before anything is read: so no -shm file is made, and no second process gets in.
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA locking_mode=EXCLUSIVE", "exclusive"));
  const absl::StatusOr<int> version = store_db::CheckedVersion(*db_);
  DIMS_RETURN_IF_ERROR(version.status());
  absl::StatusOr<HeadFile::Found> found = HeadFile::Load(options_.path + ".head");
  DIMS_RETURN_IF_ERROR(found.status());
  found_head_ = *std::move(found);
  if (options_.read_only) {
    if (*version != store_db::kSchemaVersion) {
      return absl::FailedPreconditionError(absl::StrCat("store \"", options_.path, "\" is ",
                                                        *version == 0 ? "empty" : "of an older format",
                                                        "; start the bridge once, it brings it up to date"));
    }
    DIMS_RETURN_IF_ERROR(KnowBudget());
    return db_->Execute("PRAGMA query_only=ON");
  }
  DIMS_RETURN_IF_ERROR(Examine());
  leaves_no_trace_ = false;
  DIMS_RETURN_IF_ERROR(Configure());
  ballast_.emplace(options_.path + ".ballast", std::min(options_.ballast_bytes, options_.budget_bytes / 8));
  return BringUpToDate(*version);
}

absl::Status Store::Impl::TakeOverLog() {
  if (log_bytes_ == 0) return absl::OkStatus();
  options_.alive();
  if (DIMS_FAILPOINT("store.recover.before")) EndAfterDiskFailure(options_.path, "failpoint");
  absl::Status moved = db_->Checkpoint(true);
  if (absl::IsResourceExhausted(moved) && GiveBallast()) moved = db_->Checkpoint(true);
  if (absl::IsResourceExhausted(moved)) {
    return absl::ResourceExhaustedError(absl::StrCat("store \"", options_.path, "\": the disk is full, so its log of ",
                                                     log_bytes_, " bytes cannot be taken over; make room for as much"));
  }
  DIMS_RETURN_IF_ERROR(moved);
  if (DIMS_FAILPOINT("store.recover.after")) EndAfterDiskFailure(options_.path, "failpoint");
  notices_.push_back(
      absl::StrCat("the bridge was not stopped cleanly; ", log_bytes_, " bytes of the store's log were taken over"));
  log_bytes_ = 0;
  return absl::OkStatus();
}

absl::Status Store::Impl::BringUpToDate(int version) {
  if (version == store_db::kSchemaVersion) {
    store_db::ForgetCopies(options_.path, options_.now() - options_.keep_settled);
    return absl::OkStatus();
  }
  DIMS_RETURN_IF_ERROR(TakeOverLog());
  if (version > 0) {
    const absl::StatusOr<std::string> copied = store_db::CopyBeforeMigration(*db_, version);
    DIMS_RETURN_IF_ERROR(copied.status());
    if (!copied->empty()) notices_.push_back(*copied);
  }
  return store_db::Migrate(*db_, version);
}

absl::Status Store::Impl::Configure() {
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA journal_mode=WAL", "wal"));
  DIMS_RETURN_IF_ERROR(db_->Execute("PRAGMA synchronous=FULL"));
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA synchronous", "2"));
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA mmap_size=0", "0"));
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA auto_vacuum", "0"));
  // Reports print operators' names. What retention deletes is to be gone from the file, not only from the tables; that
  // costs writes where rows are deleted, and nowhere else.
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA secure_delete=ON", "1"));
  DIMS_RETURN_IF_ERROR(db_->Execute("PRAGMA cell_size_check=ON"));
  // SQLite's own checkpoints swallow a failed fsync: ours do not.
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA wal_autocheckpoint=0", "0"));
  DIMS_RETURN_IF_ERROR(db_->Expect("PRAGMA journal_size_limit=8388608", "8388608"));
  db_->CountLogPages();
  DIMS_RETURN_IF_ERROR(KnowBudget());
  commit_pages_ = all_pages_ - std::max<uint64_t>(16, all_pages_ / 64);
  const absl::StatusOr<int64_t> used = db_->AskInt("PRAGMA page_count");
  DIMS_RETURN_IF_ERROR(used.status());
  // SQLite does not take a limit below what there is; the answer is then what there is.
  const uint64_t limit = std::max(commit_pages_, static_cast<uint64_t>(*used));
  return db_->Expect(absl::StrCat("PRAGMA max_page_count=", commit_pages_), absl::StrCat(limit));
}

absl::Status Store::Impl::KnowBudget() {
  const absl::StatusOr<int64_t> page = db_->AskInt("PRAGMA page_size");
  DIMS_RETURN_IF_ERROR(page.status());
  page_bytes_ = *page;
  all_pages_ = std::min<uint64_t>(options_.budget_bytes / *page, 0xfffffffe);
  return absl::OkStatus();
}

void Store::Impl::LimitPages(uint64_t pages) { Must(db_->Execute(absl::StrCat("PRAGMA max_page_count=", pages))); }

absl::Status Store::Impl::Prepare() {
  const std::string sound = Sound(store_db::kIntakeSum);
  const std::string open_intake = absl::StrCat("SELECT kind, position, time, bytes, marks, ", sound,
                                               " FROM intake WHERE +line=?1 AND id>=?2 ORDER BY id");
  const std::string intake_between =
      absl::StrCat("SELECT position, bytes, ", sound,
                   " FROM intake WHERE line=?1 AND position>=?2 AND position<?3 AND kind=0 ORDER BY position, id");
  const std::pair<store_db::Statement*, absl::string_view> statements[] = {
      {&insert_record_,
       "INSERT INTO records(generation, number, previous_hash, hash, schema, payload, stored_at, urgent) "
       "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&move_record_,
       "UPDATE records SET generation=?2, number=?3, previous_hash=?4, hash=?5, refused=NULL WHERE id=?1"},
      {&records_after_,
       "SELECT number, previous_hash, hash, schema, payload, id, urgent, refused IS NOT NULL FROM records "
       "WHERE generation=?1 AND number>?2 ORDER BY number LIMIT ?3"},
      {&urgent_after_,
       "SELECT number, previous_hash, hash, schema, payload FROM records WHERE generation=?1 AND number>?2 AND "
       "urgent=1 "
       "ORDER BY number LIMIT ?3"},
      {&record_hash_, "SELECT hash FROM records WHERE generation=?1 AND number=?2"},
      {&delete_records_, "DELETE FROM records WHERE generation=?1 AND number>=?2 AND number<?3"},
      {&expired_settlement_, "SELECT max(through) FROM settlements WHERE generation=?1 AND at<=?2"},
      {&refuse_, "UPDATE records SET refused=?3 WHERE generation=?1 AND number=?2 AND refused IS NULL"},
      {&put_quarantined_,
       "INSERT INTO quarantine(store_id, number, previous_hash, hash, schema, payload, urgent, reason, message, "
       "refused_at) SELECT ?3, number, previous_hash, hash, schema, payload, urgent, ?4, ?5, ?6 FROM records "
       "WHERE generation=?1 AND number=?2"},
      {&delete_quarantined_, "DELETE FROM quarantine WHERE store_id=?1 AND number=?2"},
      {&count_quarantined_, "SELECT count(*) FROM quarantine"},
      {&insert_generation_,
       "INSERT INTO generations(id, store_id, began_at, why, final_number, final_hash, sum) "
       "SELECT next, ?1, ?2, ?3, ?4, ?5, row_sum('generations', next, ?1, ?2, ?3, 0, NULL, ?4, ?5) "
       "FROM (SELECT coalesce(max(id), 0)+1 AS next FROM generations) RETURNING id"},
      {&close_generation_,
       "UPDATE generations SET final_number=?2, final_hash=?3, sum=row_sum('generations', id, store_id, began_at, why, "
       "settled_through, settled_hash, ?2, ?3) WHERE id=?1"},
      {&settle_,
       "UPDATE generations SET settled_through=?2, settled_hash=?3, sum=row_sum('generations', id, store_id, began_at, "
       "why, ?2, ?3, final_number, final_hash) WHERE id=?1"},
      {&add_settlement_,
       "INSERT INTO settlements(generation, at, through) VALUES(?1, ?2, ?3) "
       "ON CONFLICT(generation, at) DO UPDATE SET through=excluded.through"},
      {&forget_settlements_,
       "DELETE FROM settlements WHERE generation=?1 AND at<(SELECT max(at) FROM settlements WHERE generation=?1 AND "
       "at<=?2)"},
      {&set_aside_,
       "INSERT INTO damaged(generation, number, previous_hash, hash, schema, payload, found_at) "
       "SELECT generation, number, previous_hash, hash, schema, payload, ?2 FROM records WHERE id=?1"},
      {&delete_record_, "DELETE FROM records WHERE id=?1"},
      {&put_line_,
       "INSERT INTO lines(id, instrument, read_through, closed_through, open_from, sum) "
       "VALUES(?1, ?2, ?3, ?4, ?5, row_sum('lines', ?1, ?2, ?3, ?4, ?5)) "
       "ON CONFLICT(id) DO UPDATE SET read_through=?3, closed_through=?4, open_from=?5, sum=excluded.sum "
       "WHERE instrument=excluded.instrument"},
      {&insert_intake_,
       "INSERT INTO intake(id, line, kind, position, time, bytes, marks, sum) "
       "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, row_sum('intake', ?1, ?2, ?3, ?4, ?5, ?6, ?7))"},
      {&row_at_,
       "SELECT id, position+length(bytes), position FROM intake WHERE line=?1 AND position<=?2 AND kind=0 "
       "ORDER BY position DESC, id DESC LIMIT 1"},
      {&row_after_,
       "SELECT id, position FROM intake WHERE line=?1 AND position>?2 AND kind=0 ORDER BY position, id LIMIT 1"},
      {&last_opened_, "SELECT max(id) FROM intake WHERE line=?1 AND position>=?2 AND kind=3 AND id<?3"},
      {&oldest_intake_, "SELECT id, time, kind FROM intake WHERE line=?1 ORDER BY position, id LIMIT ?2"},
      {&delete_intake_, "DELETE FROM intake WHERE id=?1"},
      // By row, not by the index of the line: that would sort all that is kept of it.
      {&open_intake_, open_intake},
      {&intake_between_, intake_between},
      {&count_refused_, "SELECT count(*) FROM records WHERE generation=?1 AND refused IS NOT NULL"},
      {&get_unheard_,
       "SELECT store_id, number, content FROM unheard JOIN records ON records.id=record "
       "JOIN generations ON generations.id=generation WHERE line=?1 ORDER BY record"},
      {&put_unheard_,
       "INSERT OR REPLACE INTO unheard(line, record, content) "
       "SELECT ?1, id, ?4 FROM records WHERE generation=?2 AND number=?3"},
      {&bound_unheard_,
       "DELETE FROM unheard WHERE line=?1 AND record NOT IN "
       "(SELECT record FROM unheard WHERE line=?1 ORDER BY record DESC LIMIT ?2)"},
      {&delete_unheard_, "DELETE FROM unheard WHERE line=?1"},
      {&forget_unheard_, "DELETE FROM unheard WHERE record=?1"},
      {&page_count_, "PRAGMA page_count"},
      {&free_count_, "PRAGMA freelist_count"},
      {&delete_meta_, "DELETE FROM meta WHERE key=?1"},
      {&get_meta_, "SELECT value FROM meta WHERE key=?1"},
      {&put_meta_, "INSERT INTO meta(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value=?2"},
  };
  for (const auto& [statement, sql] : statements) {
    absl::StatusOr<store_db::Statement> prepared = db_->Prepare(sql);
    DIMS_RETURN_IF_ERROR(prepared.status());
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Store::Impl::Loss>> Store::Impl::CompareWithHead(std::string& why) {
  const Head& head = found_head_.head;
  {
    Query salvaged(get_meta_, store_db::kSalvaged);
    if (salvaged.Next()) why = absl::StrCat("the database was damaged (", salvaged.Bytes(0), ")");
    DIMS_RETURN_IF_ERROR(salvaged.status());
  }
  const bool salvaged = !why.empty();
  if (found_head_.state != HeadFile::State::kValid) {
    // Nothing shows that a record is missing, so nothing is reported missing. But numbers beyond the highest may have
    // been given away and acknowledged: under a new store id none of them can come twice.
    if (salvaged) return std::nullopt;
    const bool never_used = chains_.empty() || (chains_.size() == 1 && chains_[0].generation.highest_number == 0);
    if (!never_used) {
      why = absl::StrCat("its head file was ", found_head_.state == HeadFile::State::kMissing ? "missing" : "damaged",
                         ", so it cannot be shown that the database is the latest");
    }
    return std::nullopt;
  }
  const auto chain = std::find_if(chains_.begin(), chains_.end(), [&](const Chain& candidate) {
    return candidate.generation.store_id == head.store_id;
  });
  if (chain == chains_.end()) {
    if (!salvaged) {
      why = chains_.empty() ? "the database was missing" : "the database is not the one that its head file belongs to";
    }
    if (head.number == 0) return std::nullopt;
    return Loss{head.store_id, 1, head.number, why};
  }
  const Generation& generation = chain->generation;
  const Head last = chain->last.value_or(Head{generation.store_id, generation.highest_number, generation.highest_hash});
  // What the registry has settled is not missing.
  const uint64_t known = std::max(last.number, chain->sealed ? generation.settled_through : 0);
  if (head.number > last.number) {
    if (!salvaged) why = "the database was set back to an earlier state, or its log was damaged";
    if (known >= head.number) return std::nullopt;
    return Loss{head.store_id, known + 1, head.number, why};
  }
  absl::StatusOr<std::optional<std::string>> hash{std::optional<std::string>(last.hash)};
  if (head.number < last.number) hash = HashOf(generation.id, head.number);
  DIMS_RETURN_IF_ERROR(hash.status());
  if (head.number == 0 || !hash->has_value() || **hash == head.hash) {
    const std::optional<store_db::CommitCount>& count = found_head_.count;
    if (!salvaged && count && count->store_id == chains_.back().generation.store_id && count->commits > commits_) {
      why = absl::StrCat("the last ", count->commits - commits_,
                         " batches that it took are not in it: its log was damaged, or it was set back; what "
                         "instruments sent in them is lost, also where they were told that it was received");
    }
    return std::nullopt;
  }
  why = absl::StrCat("record ", head.number, " is not the one that was acknowledged under this number");
  return Loss{head.store_id, head.number, head.number, why};
}

absl::Status Store::Impl::Recover(absl::string_view why, const std::optional<Loss>& loss) {
  if (!why.empty()) {
    notices_.push_back(absl::StrCat("store \"", options_.path, "\": ", why, "; ",
                                    options_.read_only ? "the bridge will go on" : "going on", " under a new store id",
                                    loss ? absl::StrCat(", and records ", loss->from, " to ", loss->through,
                                                        " of store ", loss->store_id, " are reported missing")
                                         : ""));
  }
  if (options_.read_only) return absl::OkStatus();
  if (chains_.empty() || !why.empty()) {
    const WholeBudget whole(*this);
    Transaction transaction(*db_);
    DIMS_RETURN_IF_ERROR(transaction.Begin());
    std::optional<Head> last;
    if (loss) {
      last = found_head_.head;
      const bool known = std::any_of(chains_.begin(), chains_.end(),
                                     [&](const Chain& chain) { return chain.generation.store_id == last->store_id; });
      // With a row of its own a lost store is reported once, also where the process ends before the head is written.
      if (!known) {
        DIMS_RETURN_IF_ERROR(db_->Run(insert_generation_, last->store_id, Now(), why, last->number, Blob{last->hash}));
      }
    }
    absl::StatusOr<Chain> next = AddGeneration(why.empty() ? "the store was made" : why, last);
    DIMS_RETURN_IF_ERROR(next.status());
    if (loss) DIMS_RETURN_IF_ERROR(AppendGap(next->generation, *loss));
    DIMS_RETURN_IF_ERROR(BeginAfterSalvage(next->generation, loss));
    if (DIMS_FAILPOINT("store.recover.generation.before")) EndAfterDiskFailure(options_.path, "failpoint");
    DIMS_RETURN_IF_ERROR(transaction.Commit());
    if (DIMS_FAILPOINT("store.recover.generation.after")) EndAfterDiskFailure(options_.path, "failpoint");
    DIMS_RETURN_IF_ERROR(LoadChains());
  }
  DIMS_RETURN_IF_ERROR(SetHeadFileAside());
  const Generation& current = chains_.back().generation;
  absl::StatusOr<std::unique_ptr<HeadFile>> file = HeadFile::Open(
      options_.path + ".head", found_head_, Head{current.store_id, current.highest_number, current.highest_hash});
  DIMS_RETURN_IF_ERROR(file.status());
  head_file_ = *std::move(file);
  NoteCommits();
  return absl::OkStatus();
}

}  // namespace dims
