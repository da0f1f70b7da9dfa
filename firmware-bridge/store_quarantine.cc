#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "proto/failpoint.h"
#include "proto/hash.h"

namespace dims {

using store_db::Query;
using store_db::Statement;
using store_db::Transaction;

namespace {

constexpr int kMostSamples = 16;  // named in the audit log; a report can hold hundreds

// A person asks for these now and then: they are prepared when they are needed.
constexpr absl::string_view kColumns =
    "id, store_id, number, hash, payload, urgent, reason, message, refused_at, previous_hash, schema";

QuarantinedRecord ReadRow(const Query& query) {
  return {query.Int(0),
          query.Bytes(1),
          query.Unsigned(2),
          query.Bytes(3),
          query.Bytes(4),
          query.Int(5) != 0,
          static_cast<dims::v1::RefusalReason>(query.Int(6)),
          query.Bytes(7),
          absl::FromUnixNanos(query.Int(8))};
}

// For the audit log, which outlives the record.
std::string Describe(const QuarantinedRecord& record) {
  std::string text = absl::StrCat("record ", record.number, " of store ", record.store_id, " (hash ",
                                  absl::BytesToHexString(record.hash), ", ", record.payload.size(), " bytes");
  dims::v1::Report report;
  if (!report.ParseFromString(record.payload)) return absl::StrCat(text, ", not readable)");
  std::vector<std::string> samples;
  for (const auto& analysis : report.analyses()) {
    if (!analysis.sample_number().empty()) samples.push_back(absl::StrCat("\"", analysis.sample_number(), "\""));
  }
  for (const auto& weighing : report.weighings()) {
    if (!weighing.sample_number().empty()) samples.push_back(absl::StrCat("\"", weighing.sample_number(), "\""));
  }
  if (!report.source().instrument().empty()) absl::StrAppend(&text, ", instrument ", report.source().instrument());
  if (!samples.empty()) {
    const std::size_t more = samples.size() > kMostSamples ? samples.size() - kMostSamples : 0;
    samples.resize(samples.size() - more);
    absl::StrAppend(&text, ", sample ", absl::StrJoin(samples, " "),
                    more > 0 ? absl::StrCat(" and ", more, " more") : "");
  }
  return absl::StrCat(text, ")");
}

}  // namespace

struct Store::Impl::Decision {
  QuarantinedRecord record;
  std::string previous_hash;
  uint32_t schema = 0;
  absl::string_view who, why;
};

absl::Status Store::Impl::MarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                                      absl::string_view message, bool* news) {
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  while (true) {
    const absl::Status status = TryMarkRefused(generation, number, reason, message, news);
    if (!absl::IsResourceExhausted(status)) return status;
    // The copy needs room. The queue must go on, or nothing ever makes any.
    const Chain* chain = Find(generation);
    const bool settled = chain != nullptr && number <= chain->generation.settled_through;
    const absl::StatusOr<int> gone = PruneAlone(true, settled ? Heard{generation, number} : Heard{});
    if (!gone.ok() || *gone == 0) return WhyFull(status.message());
  }
}

absl::Status Store::Impl::TryMarkRefused(int64_t generation, uint64_t number, dims::v1::RefusalReason reason,
                                         absl::string_view message, bool* news) {
  const Chain* chain = Find(generation);
  const absl::StatusOr<std::optional<std::string>> hash = HashOf(generation, number);
  DIMS_RETURN_IF_ERROR(hash.status());
  if (chain == nullptr || !hash->has_value()) {
    if (chain != nullptr && WasRefused(*chain, number)) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("no record ", number, " in generation ", generation, " of the store"));
  }
  const WholeBudget whole(*this);
  Transaction transaction(*db_);
  DIMS_RETURN_IF_ERROR(transaction.Begin());
  DIMS_RETURN_IF_ERROR(db_->Run(refuse_, generation, number, message));
  // Marked before: it is in the quarantine, or somebody has decided about it.
  if (db_->changes() == 0) return absl::OkStatus();
  DIMS_RETURN_IF_ERROR(db_->Run(put_quarantined_, generation, number, chain->generation.store_id,
                                static_cast<int>(reason), message, Now()));
  if (DIMS_FAILPOINT("store.refuse.before")) EndAfterDiskFailure(options_.path, "failpoint");
  DIMS_RETURN_IF_ERROR(transaction.Commit());
  if (DIMS_FAILPOINT("store.refuse.after")) EndAfterDiskFailure(options_.path, "failpoint");
  if (news != nullptr) *news = true;
  CheckpointWhenLong();
  return absl::OkStatus();
}

// Of a record that is not here any more: it waits for a decision or had one, or it moved on and is judged there.
bool Store::Impl::WasRefused(const Chain& chain, uint64_t number) {
  const Generation& generation = chain.generation;
  if (number > generation.highest_number && generation.id != chains_.back().generation.id) return true;
  absl::StatusOr<Statement> select = db_->Prepare(
      "SELECT EXISTS(SELECT 1 FROM quarantine WHERE store_id=?1 AND number=?2) "
      "OR EXISTS(SELECT 1 FROM audit WHERE what LIKE 'record '||?2||' of store '||?1||' (%')");
  if (!select.ok()) return false;
  Query query(*select, absl::string_view(generation.store_id), number);
  return query.Next() && query.Int(0) != 0;
}

absl::StatusOr<std::vector<QuarantinedRecord>> Store::Impl::Quarantined(int64_t after, std::size_t most_records,
                                                                        std::size_t most_bytes) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> select =
      db_->Prepare(absl::StrCat("SELECT ", kColumns, " FROM quarantine WHERE id>?1 ORDER BY id LIMIT ?2"));
  DIMS_RETURN_IF_ERROR(select.status());
  std::vector<QuarantinedRecord> records;
  std::size_t bytes = 0;
  Query query(*select, after, static_cast<uint64_t>(most_records));
  while (query.Next()) {
    QuarantinedRecord record = ReadRow(query);
    bytes += record.payload.size();
    if (!records.empty() && bytes > most_bytes) return records;
    records.push_back(std::move(record));
  }
  DIMS_RETURN_IF_ERROR(query.status());
  return records;
}

absl::StatusOr<QuarantinedRecord> Store::Impl::Quarantined(absl::string_view store_id, uint64_t number) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Decision> found = FindQuarantined(store_id, number);
  DIMS_RETURN_IF_ERROR(found.status());
  return std::move(found->record);
}

absl::StatusOr<Store::Impl::Decision> Store::Impl::FindQuarantined(absl::string_view store_id, uint64_t number) {
  absl::StatusOr<Statement> select =
      db_->Prepare(absl::StrCat("SELECT ", kColumns, " FROM quarantine WHERE store_id=?1 AND number=?2"));
  DIMS_RETURN_IF_ERROR(select.status());
  Query query(*select, store_id, number);
  if (query.Next()) return Decision{ReadRow(query), query.Bytes(9), static_cast<uint32_t>(query.Int(10)), "", ""};
  DIMS_RETURN_IF_ERROR(query.status());
  return absl::NotFoundError(absl::StrCat("record ", number, " of store ", store_id,
                                          " is not in the quarantine; the audit log tells who released or discarded "
                                          "one (dims-bridge quarantine log)"));
}

absl::StatusOr<Store::Impl::Decision> Store::Impl::BeginDecision(absl::string_view store_id, uint64_t number,
                                                                 absl::string_view who, absl::string_view why) {
  DIMS_RETURN_IF_ERROR(CheckWritable());
  if (absl::StripAsciiWhitespace(who).empty() || absl::StripAsciiWhitespace(why).empty()) {
    return absl::InvalidArgumentError("a decision about a refused record needs who decides, and why");
  }
  absl::StatusOr<Decision> decision = FindQuarantined(store_id, number);
  DIMS_RETURN_IF_ERROR(decision.status());
  for (const Chain& chain : chains_) {
    // What moved on under another store id, the registry was asked about before.
    if (chain.generation.store_id != store_id || number <= chain.generation.settled_through ||
        number > chain.generation.highest_number) {
      continue;
    }
    return absl::FailedPreconditionError(absl::StrCat("record ", number, " of store ", store_id,
                                                      " was refused, but the registry has not settled it ",
                                                      "yet (it has settled through ", chain.generation.settled_through,
                                                      "); decide once it has, dims-bridge status shows it"));
  }
  decision->who = who;
  decision->why = why;
  return decision;
}

absl::Status Store::Impl::WriteAudit(const Decision& decision, absl::string_view action, absl::string_view outcome) {
  absl::StatusOr<Statement> insert =
      db_->Prepare("INSERT INTO audit(at, who, action, what, why) VALUES(?1, ?2, ?3, ?4, ?5)");
  DIMS_RETURN_IF_ERROR(insert.status());
  return db_->Run(*insert, Now(), decision.who, action, absl::StrCat(Describe(decision.record), outcome), decision.why);
}

absl::StatusOr<Generation> Store::Impl::Release(absl::string_view store_id, uint64_t number, absl::string_view who,
                                                absl::string_view why) {
  const std::lock_guard lock(mutex_);
  const absl::StatusOr<Decision> decision = BeginDecision(store_id, number, who, why);
  DIMS_RETURN_IF_ERROR(decision.status());
  const QuarantinedRecord& record = decision->record;
  // A new hash would make it look sound.
  if (RecordHash(decision->previous_hash, number, decision->schema, record.payload) != record.hash) {
    return absl::DataLossError(absl::StrCat("record ", number, " of store ", store_id,
                                            " was damaged in the quarantine: its bytes do not have its hash; it can "
                                            "only be discarded"));
  }
  Generation head = chains_.back().generation;
  {
    const WholeBudget whole(*this);
    Transaction transaction(*db_);
    DIMS_RETURN_IF_ERROR(transaction.Begin());
    // First: the new record can use its room.
    DIMS_RETURN_IF_ERROR(db_->Run(delete_quarantined_, store_id, number));
    DIMS_RETURN_IF_ERROR(Append(head, record.payload, record.urgent));
    DIMS_RETURN_IF_ERROR(WriteAudit(*decision, "release",
                                    absl::StrCat(" as record ", head.highest_number, " of store ", head.store_id)));
    DIMS_RETURN_IF_ERROR(transaction.Commit());
  }
  chains_.back().generation = std::move(head);
  WriteHead();
  CheckpointWhenLong();
  return chains_.back().generation;
}

absl::Status Store::Impl::Discard(absl::string_view store_id, uint64_t number, absl::string_view who,
                                  absl::string_view why) {
  const std::lock_guard lock(mutex_);
  const absl::StatusOr<Decision> decision = BeginDecision(store_id, number, who, why);
  DIMS_RETURN_IF_ERROR(decision.status());
  const WholeBudget whole(*this);
  Transaction transaction(*db_);
  DIMS_RETURN_IF_ERROR(transaction.Begin());
  DIMS_RETURN_IF_ERROR(db_->Run(delete_quarantined_, store_id, number));
  DIMS_RETURN_IF_ERROR(WriteAudit(*decision, "discard", ""));
  DIMS_RETURN_IF_ERROR(transaction.Commit());
  CheckpointWhenLong();
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AuditEntry>> Store::Impl::Audit(int64_t after, std::size_t most) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> select =
      db_->Prepare("SELECT id, at, who, action, what, why FROM audit WHERE id>?1 ORDER BY id LIMIT ?2");
  DIMS_RETURN_IF_ERROR(select.status());
  std::vector<AuditEntry> entries;
  Query query(*select, after, static_cast<uint64_t>(most));
  while (query.Next()) {
    entries.push_back({query.Int(0), absl::FromUnixNanos(query.Int(1)), query.Bytes(2), query.Bytes(3), query.Bytes(4),
                       query.Bytes(5)});
  }
  DIMS_RETURN_IF_ERROR(query.status());
  return entries;
}

absl::StatusOr<uint64_t> Store::Impl::CountQuarantined() {
  Query query(count_quarantined_);
  const uint64_t count = query.Next() ? query.Unsigned(0) : 0;
  DIMS_RETURN_IF_ERROR(query.status());
  return count;
}

}  // namespace dims
