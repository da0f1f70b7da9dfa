#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "proto/failpoint.h"

namespace dims {

using store_db::Blob;
using store_db::Query;
using store_db::Transaction;

namespace {

constexpr int kMostPruned = 100;  // rows of each table in one commit
// After Welcome the registry tells its refusals once more, as far back as these: they are kept for the quarantine.
constexpr uint64_t kVerdictRecords = 4096, kVerdictBytes = uint64_t{4} << 20;
constexpr int kMostUnheard = 16;              // messages of one line
constexpr int kLongLog = 1000;                // pages; SQLite's own default for a checkpoint
constexpr uint64_t kEnd = uint64_t{1} << 62;  // no line sends more

// Each mark: its kind, then its offset in four bytes, the low one first.
std::string WriteMarks(const std::vector<LineMark>& marks) {
  std::string blob;
  for (const LineMark& mark : marks) {
    blob.push_back(mark.kind);
    for (int shift = 0; shift < 32; shift += 8) blob.push_back(static_cast<char>(mark.offset >> shift & 0xff));
  }
  return blob;
}

}  // namespace

absl::Status Store::Impl::Commit(const Batch& batch) {
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  if (batch.empty()) return absl::OkStatus();
  DIMS_RETURN_IF_ERROR(CheckDisk());
  for (int prunings = 0;; ++prunings) {
    const absl::Status status = TryCommit(batch);
    if (!absl::IsResourceExhausted(status)) return status;
    if (prunings >= kMostPrunings) return WhyFull(status.message());  // it is offered again
    // What rode in the failed transaction came back with it. Alone, the pruning can make room.
    const absl::StatusOr<int> gone = PruneAlone(true);
    if (gone.ok() && *gone > 0) continue;
    if (!GiveBallast()) return WhyFull(status.message());
  }
}

absl::Status Store::Impl::TryCommit(const Batch& batch) {
  if (DIMS_FAILPOINT("store.commit.begin")) return absl::ResourceExhaustedError("the store is full: failpoint");
  Transaction transaction(*db_);
  DIMS_RETURN_IF_ERROR(transaction.Begin());
  const absl::StatusOr<Pruned> pruned = Prune(IsTight());  // first: this very transaction can use the room
  DIMS_RETURN_IF_ERROR(pruned.status());
  Lines changed;
  int64_t next_intake = next_intake_, next_line = next_line_;
  Generation head = chains_.back().generation;
  for (const SessionBatch& session : batch.sessions) {
    if (session.instrument.empty()) return absl::InvalidArgumentError("a batch without the name of its instrument");
    auto [line, added] = changed.try_emplace(session.instrument);
    if (added) {
      const auto known = lines_.find(session.instrument);
      line->second = known != lines_.end() ? known->second : Line{.id = next_line++, .open_from = next_intake};
    }
    DIMS_RETURN_IF_ERROR(CommitSession(session, line->second, next_intake));
    for (std::size_t i = 0; i < session.payloads.size(); ++i) {
      const bool urgent = std::find(session.urgent.begin(), session.urgent.end(), i) != session.urgent.end();
      DIMS_RETURN_IF_ERROR(Append(head, session.payloads[i], urgent));
    }
    DIMS_RETURN_IF_ERROR(CommitUnheard(session, line->second, head));
  }
  DIMS_RETURN_IF_ERROR(db_->Run(put_meta_, "commits", absl::string_view(absl::StrCat(commits_ + 1))));
  if (DIMS_FAILPOINT("store.commit.before")) EndAfterDiskFailure(options_.path, "failpoint");
  DIMS_RETURN_IF_ERROR(transaction.Commit());
  ++commits_;
  if (DIMS_FAILPOINT("store.commit.after")) EndAfterDiskFailure(options_.path, "failpoint");

  for (auto& [name, line] : changed) lines_[name] = line;
  next_intake_ = next_intake;
  next_line_ = next_line;
  Apply(*pruned);
  const bool records_added = head.highest_number != chains_.back().generation.highest_number;
  chains_.back().generation = std::move(head);
  records_added ? WriteHead() : NoteCommits();
  CheckpointWhenLong();
  Measure();
  return absl::OkStatus();
}

absl::Status Store::Impl::CommitSession(const SessionBatch& session, Line& line, int64_t& next_intake) {
  const Line before = line;
  for (const IntakeEntry& entry : session.entries) {
    if (entry.offset > kEnd) return absl::InvalidArgumentError("an offset beyond what a line can send");
    if (entry.kind == IntakeEntry::Kind::kIn) {
      if (entry.offset < line.position.read_through) {
        return absl::InvalidArgumentError(absl::StrCat("instrument ", session.instrument, ": bytes from ", entry.offset,
                                                       " on, but those before ", line.position.read_through,
                                                       " are in the store already"));
      }
      line.position.read_through = entry.offset + entry.bytes.size();
    }
    DIMS_RETURN_IF_ERROR(db_->Run(insert_intake_, next_intake++, line.id, static_cast<int>(entry.kind), entry.offset,
                                  absl::ToUnixNanos(entry.time), Blob{entry.bytes}, Blob{WriteMarks(entry.marks)}));
  }
  line.position.closed_through = std::max(line.position.closed_through, session.closed_through);
  if (line.position.closed_through > line.position.read_through) {
    return absl::InvalidArgumentError(absl::StrCat("instrument ", session.instrument, ": closed through ",
                                                   line.position.closed_through, ", but only ",
                                                   line.position.read_through, " bytes were read"));
  }
  const absl::StatusOr<int64_t> open_from = FirstOpenRow(session, before, line, next_intake);
  DIMS_RETURN_IF_ERROR(open_from.status());
  line.open_from = *open_from;
  return PutLine(session.instrument, line);
}

// Two instruments under one number would have their bytes taken for each other's.
absl::Status Store::Impl::PutLine(absl::string_view instrument, const Line& line) {
  DIMS_RETURN_IF_ERROR(db_->Run(put_line_, line.id, instrument, line.position.read_through,
                                line.position.closed_through, line.open_from));
  if (db_->changes() == 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("store \"", options_.path, "\": line ", line.id, " is not ", instrument,
                                          "'s; stop the bridge and keep the store's files for its makers"));
}

// `head`: after the batch's payloads, which are the last of the chain.
absl::Status Store::Impl::CommitUnheard(const SessionBatch& session, Line& line, const Generation& head) {
  if (session.heard && line.unheard) {
    line.unheard = false;
    DIMS_RETURN_IF_ERROR(db_->Run(delete_unheard_, line.id));
  }
  for (const Unheard& message : session.unheard) {
    if (message.payload >= session.payloads.size()) {
      return absl::InvalidArgumentError("a batch whose unheard message is none of its payloads");
    }
    line.unheard = true;
    const uint64_t number = head.highest_number - (session.payloads.size() - 1 - message.payload);
    DIMS_RETURN_IF_ERROR(db_->Run(put_unheard_, line.id, head.id, number, Blob{message.content}));
  }
  return session.unheard.empty() ? absl::OkStatus() : db_->Run(bound_unheard_, line.id, kMostUnheard);
}

// The open intake begins with the last opening of the line since which nothing was closed, or else with the first byte
// that is in no record. Entries of the batch that closes go with what it closed.
absl::StatusOr<int64_t> Store::Impl::FirstOpenRow(const SessionBatch& session, const Line& before, const Line& line,
                                                  int64_t next_intake) {
  const bool closed_more = line.position.closed_through > before.position.closed_through;
  const bool opened = std::any_of(session.entries.begin(), session.entries.end(),
                                  [](const IntakeEntry& entry) { return entry.kind == IntakeEntry::Kind::kOpened; });
  if (!closed_more && !opened) return before.open_from;
  int64_t first = next_intake;
  if (line.position.closed_through < line.position.read_through) {
    const absl::StatusOr<int64_t> open = FirstRowPast(line, first);
    DIMS_RETURN_IF_ERROR(open.status());
    first = *open;
  }
  Query last_opened(last_opened_, line.id, line.position.closed_through, first);
  if (last_opened.Next() && !last_opened.IsNull(0)) return last_opened.Int(0);
  DIMS_RETURN_IF_ERROR(last_opened.status());
  return closed_more ? first : before.open_from;
}

// The row with the first byte after what is closed; `none` where there is none.
absl::StatusOr<int64_t> Store::Impl::FirstRowPast(const Line& line, int64_t none) {
  {
    Query at(row_at_, line.id, line.position.closed_through);
    if (at.Next() && at.Unsigned(1) > line.position.closed_through) return at.Int(0);
    DIMS_RETURN_IF_ERROR(at.status());
  }
  Query after(row_after_, line.id, line.position.closed_through);
  if (after.Next()) return after.Int(0);
  DIMS_RETURN_IF_ERROR(after.status());
  return none;
}

// `early`: also what has not been kept for its time yet, the oldest first.
absl::StatusOr<Store::Impl::Pruned> Store::Impl::Prune(bool early, Heard heard) {
  Pruned pruned;
  DIMS_RETURN_IF_ERROR(PruneRecords(early, heard, pruned));
  DIMS_RETURN_IF_ERROR(PruneIntake(early, pruned));
  if (pruned.rows > 0 && DIMS_FAILPOINT("store.prune")) EndAfterDiskFailure(options_.path, "failpoint");
  return pruned;
}

// Only numbers below settled_through: it is the anchor of the chain after it, and the highest is never below.
absl::Status Store::Impl::PruneRecords(bool early, Heard heard, Pruned& pruned) {
  const int64_t settled_by = absl::ToUnixNanos(options_.now() - options_.keep_settled);
  int left = kMostPruned;
  for (Chain& chain : chains_) {
    const Generation& generation = chain.generation;
    if (left == 0 || chain.lowest >= generation.settled_through) continue;
    uint64_t expired = 0;
    {
      Query query(expired_settlement_, generation.id, settled_by);
      if (query.Next()) expired = query.Unsigned(0);
      DIMS_RETURN_IF_ERROR(query.status());
    }
    if (early && expired < generation.settled_through) {
      const absl::StatusOr<uint64_t> from = heard.generation == generation.id ? heard.below : VerdictsFrom(chain);
      DIMS_RETURN_IF_ERROR(from.status());
      expired = std::max(expired, *from);
    }
    const uint64_t end = std::min({expired, generation.settled_through, chain.lowest + left});
    if (chain.lowest >= end) continue;
    DIMS_RETURN_IF_ERROR(db_->Run(delete_records_, generation.id, chain.lowest, end));
    pruned.lowest[generation.id] = end;
    left -= static_cast<int>(end - chain.lowest);
    pruned.rows += static_cast<int>(end - chain.lowest);
  }
  return absl::OkStatus();
}

// So many below settled_through as may have been under way at once, but no more than an 8th of the budget: a store of
// settled records must always take more.
absl::StatusOr<uint64_t> Store::Impl::VerdictsFrom(Chain& chain) {
  const uint64_t through = chain.generation.settled_through;
  if (chain.verdicts_of == through) return chain.verdicts_from;
  absl::StatusOr<store_db::Statement> sizes = db_->Prepare(
      "SELECT number, length(payload) FROM records WHERE generation=?1 AND number<=?2 ORDER BY number DESC LIMIT ?3");
  DIMS_RETURN_IF_ERROR(sizes.status());
  const uint64_t most = std::min(kVerdictBytes, options_.budget_bytes / 8);
  uint64_t from = through, bytes = 0;
  Query query(*sizes, chain.generation.id, through, kVerdictRecords);
  while (bytes < most && query.Next()) {
    from = query.Unsigned(0);
    bytes += query.Unsigned(1);
  }
  DIMS_RETURN_IF_ERROR(query.status());
  chain.verdicts_of = through;
  return chain.verdicts_from = from;
}

absl::Status Store::Impl::PruneIntake(bool early, Pruned& pruned) {
  const absl::Time now = options_.now();
  std::vector<int64_t> rows;
  for (const auto& [name, line] : lines_) {
    if (!early && now < line.nothing_to_prune_until) continue;
    Query oldest(oldest_intake_, line.id, kMostPruned);
    for (bool first = true; oldest.Next(); first = false) {
      const absl::Time due = absl::FromUnixNanos(oldest.Int(1)) + options_.keep_intake;
      if (due > now && !early) {
        if (first) pruned.quiet[line.id] = due;
        break;
      }
      const bool bytes = oldest.Int(2) == static_cast<int>(IntakeEntry::Kind::kIn);
      const bool idle = line.position.closed_through == line.position.read_through;
      if (oldest.Int(0) >= line.open_from && (bytes || !idle || due > now)) break;
      rows.push_back(oldest.Int(0));
    }
    DIMS_RETURN_IF_ERROR(oldest.status());
  }
  std::sort(rows.begin(), rows.end());  // as they came, whatever line they are of
  if (rows.size() > kMostPruned) rows.resize(kMostPruned);
  for (const int64_t row : rows) DIMS_RETURN_IF_ERROR(db_->Run(delete_intake_, row));
  pruned.rows += static_cast<int>(rows.size());
  return absl::OkStatus();
}

absl::StatusOr<int> Store::Impl::PruneAlone(bool early, Heard heard) {
  const WholeBudget whole(*this);
  Transaction transaction(*db_);
  DIMS_RETURN_IF_ERROR(transaction.Begin());
  const absl::StatusOr<Pruned> pruned = Prune(early, heard);
  DIMS_RETURN_IF_ERROR(pruned.status());
  if (pruned->rows == 0) return 0;
  DIMS_RETURN_IF_ERROR(transaction.Commit());
  Apply(*pruned);
  CheckpointWhenLong();
  Measure();
  return pruned->rows;
}

void Store::Impl::Apply(const Pruned& pruned) {
  for (const auto& [generation, lowest] : pruned.lowest) Find(generation)->lowest = lowest;
  for (auto& [name, line] : lines_) {
    if (const auto quiet = pruned.quiet.find(line.id); quiet != pruned.quiet.end()) {
      line.nothing_to_prune_until = quiet->second;
    }
  }
}

void Store::Impl::CheckpointWhenLong() {
  if (db_->log_pages() < kLongLog) return;
  // On a full disk the log stays as it is, and the commits say that the disk is full.
  absl::Status status = db_->Checkpoint(false);
  if (absl::IsResourceExhausted(status) && GiveBallast()) status = db_->Checkpoint(false);
  if (!absl::IsResourceExhausted(status)) Must(status);
}

}  // namespace dims
