#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "proto/failpoint.h"
#include "proto/hash.h"

namespace dims {

using store_db::Blob;
using store_db::Head;
using store_db::Null;
using store_db::Query;
using store_db::Transaction;

namespace {

constexpr int kMovedAtOnce = 16;

// A UUID of version 4 (RFC 4122).
absl::StatusOr<std::string> NewStoreId() {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return absl::InternalError("no random numbers from the system");
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const std::string hex =
      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  const absl::string_view text = hex;
  return absl::StrCat(text.substr(0, 8), "-", text.substr(8, 4), "-", text.substr(12, 4), "-", text.substr(16, 4), "-",
                      text.substr(20));
}

}  // namespace

absl::StatusOr<Store::Impl::Chain> Store::Impl::AddGeneration(absl::string_view why, const std::optional<Head>& last) {
  for (const Chain& chain : chains_) {
    const Generation& generation = chain.generation;
    const Head known =
        chain.last.value_or(Head{generation.store_id, generation.highest_number, generation.highest_hash});
    const bool lost_more = last && last->store_id == generation.store_id && last->number >= known.number;
    if (chain.last && !lost_more) continue;
    const Head& final = lost_more ? *last : known;
    DIMS_RETURN_IF_ERROR(db_->Run(close_generation_, generation.id, final.number, Blob{final.hash}));
  }
  absl::StatusOr<std::string> store_id = NewStoreId();
  DIMS_RETURN_IF_ERROR(store_id.status());
  Chain chain;
  chain.generation.store_id = *std::move(store_id);
  chain.generation.highest_hash = FirstPreviousHash(chain.generation.store_id);
  Query query(insert_generation_, chain.generation.store_id, Now(), why, Null{}, Null{});
  while (query.Next()) chain.generation.id = query.Int(0);
  DIMS_RETURN_IF_ERROR(query.status());
  return chain;
}

absl::Status Store::Impl::Append(Generation& generation, absl::string_view payload, bool urgent) {
  const uint64_t number = generation.highest_number + 1;
  std::string hash = RecordHash(generation.highest_hash, number, kReportSchema, payload);
  DIMS_RETURN_IF_ERROR(db_->Run(insert_record_, generation.id, number, Blob{generation.highest_hash}, Blob{hash},
                                static_cast<int64_t>(kReportSchema), Blob{payload}, Now(), urgent ? 1 : 0));
  generation.highest_number = number;
  generation.highest_hash = std::move(hash);
  return absl::OkStatus();
}

absl::Status Store::Impl::AppendGap(Generation& generation, const Loss& loss) {
  dims::v1::Report report;
  report.set_origin(dims::v1::ORIGIN_REAL);
  report.set_status(dims::v1::REPORT_STATUS_FINAL);
  report.mutable_source()->set_laboratory(options_.laboratory);
  report.mutable_source()->set_bridge(options_.bridge);
  dims::v1::Gap& gap = *report.mutable_gap();
  gap.set_store_id(loss.store_id);
  gap.set_from(loss.from);
  gap.set_through(loss.through);
  gap.set_reason(loss.reason);
  return Append(generation, report.SerializeAsString());
}

absl::StatusOr<Generation> Store::Impl::BeginGeneration(int64_t from, uint64_t first, absl::string_view why,
                                                        Store::Carry carry) {
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  const Chain* source = Find(from);
  if (source == nullptr) return absl::NotFoundError(absl::StrCat("the store has no generation ", from));
  {
    const WholeBudget whole(*this);
    Transaction transaction(*db_);
    DIMS_RETURN_IF_ERROR(transaction.Begin());
    absl::StatusOr<Chain> next = AddGeneration(why, std::nullopt);
    DIMS_RETURN_IF_ERROR(next.status());
    if (first > 0) DIMS_RETURN_IF_ERROR(MoveRecords(source->generation, first, carry, next->generation));
    if (DIMS_FAILPOINT("store.generation.before")) EndAfterDiskFailure(options_.path, "failpoint");
    DIMS_RETURN_IF_ERROR(transaction.Commit());
    if (DIMS_FAILPOINT("store.generation.after")) EndAfterDiskFailure(options_.path, "failpoint");
  }
  Must(LoadChains());
  WriteHead();
  Measure();
  CheckpointWhenLong();
  return chains_.back().generation;
}

// A record whose bytes are no longer what its hash says must not get a new hash that makes it look sound: a Gap stands
// in its place, as for one that is not there.
absl::Status Store::Impl::MoveRecords(const Generation& from, uint64_t first, Store::Carry carry, Generation& to) {
  uint64_t expected = carry == Store::Carry::kKept ? first : std::max(first, from.settled_through + 1);
  struct Row {
    int64_t id;
    bool refused;
    StoredRecord record;
  };
  while (expected <= from.highest_number) {
    std::vector<Row> rows;
    {
      Query query(records_after_, from.id, expected - 1, kMovedAtOnce);
      while (query.Next()) {
        rows.push_back(
            {query.Int(5),
             query.Int(7) != 0,
             {query.Unsigned(0), query.Bytes(1), query.Bytes(2), query.Bytes(4), static_cast<uint32_t>(query.Int(3))}});
      }
      DIMS_RETURN_IF_ERROR(query.status());
    }
    const uint64_t next = rows.empty() ? from.highest_number + 1 : rows.front().record.number;
    if (next > expected) {
      DIMS_RETURN_IF_ERROR(AppendGap(to, {from.store_id, expected, next - 1, "not in the database any more"}));
    }
    expected = next;
    for (const auto& [id, refused, record] : rows) {
      if (record.number != expected) break;
      ++expected;
      if (refused && record.number <= from.settled_through) {  // in the quarantine, or decided about
        DIMS_RETURN_IF_ERROR(db_->Run(forget_unheard_, id));
        DIMS_RETURN_IF_ERROR(db_->Run(delete_record_, id));
        continue;
      }
      const bool whole = RecordHash(record.previous_hash, record.number, record.schema, record.payload) == record.hash;
      if (!whole) {
        DIMS_RETURN_IF_ERROR(
            AppendGap(to, {from.store_id, record.number, record.number, "its bytes in the database were damaged"}));
        DIMS_RETURN_IF_ERROR(db_->Run(set_aside_, id, Now()));
        DIMS_RETURN_IF_ERROR(db_->Run(forget_unheard_, id));
        DIMS_RETURN_IF_ERROR(db_->Run(delete_record_, id));
        continue;
      }
      // The registry is asked anew: a second copy could reach it, too.
      if (refused) DIMS_RETURN_IF_ERROR(db_->Run(delete_quarantined_, from.store_id, record.number));
      std::string hash = RecordHash(to.highest_hash, to.highest_number + 1, record.schema, record.payload);
      DIMS_RETURN_IF_ERROR(db_->Run(move_record_, id, to.id, to.highest_number + 1, Blob{to.highest_hash}, Blob{hash}));
      ++to.highest_number;
      to.highest_hash = std::move(hash);
    }
  }
  if (carry == Store::Carry::kUnsettled || first > from.settled_through) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> left = HashOf(from.id, first - 1);
  DIMS_RETURN_IF_ERROR(left.status());
  return *left ? db_->Run(settle_, from.id, first - 1, Blob{**left}) : db_->Run(settle_, from.id, 0, Null{});
}

void Store::Impl::WriteHead() {
  NoteCommits();  // first: the same flush takes it along
  const Generation& current = chains_.back().generation;
  head_file_->Write(Head{current.store_id, current.highest_number, current.highest_hash});
}

void Store::Impl::NoteCommits() { head_file_->Note({chains_.back().generation.store_id, commits_}); }

}  // namespace dims
