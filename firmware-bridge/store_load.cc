#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/store_impl.h"
#include "firmware-bridge/store_sums.h"
#include "proto/hash.h"

namespace dims {

using store_db::Head;
using store_db::Null;
using store_db::Query;
using store_db::Sound;

absl::Status Store::Impl::LoadLines() {
  absl::StatusOr<store_db::Statement> all =
      db_->Prepare(absl::StrCat("SELECT instrument, id, read_through, closed_through, open_from, "
                                "id IN (SELECT line FROM unheard), ",
                                Sound(store_db::kLineSum), " FROM lines"));
  DIMS_RETURN_IF_ERROR(all.status());
  Query query(*all);
  while (query.Next()) {
    if (query.Int(6) != 1) return absl::DataLossError("where an instrument stands is not as it was written");
    Line& line = lines_[query.Bytes(0)];
    line.id = query.Int(1);
    line.position = {query.Unsigned(2), query.Unsigned(3)};
    line.open_from = query.Int(4);
    line.unheard = query.Int(5) != 0;
    // Rows that were pruned had lower numbers: those must not come again.
    next_intake_ = std::max(next_intake_, line.open_from);
  }
  DIMS_RETURN_IF_ERROR(query.status());
  const absl::StatusOr<int64_t> highest = db_->AskInt("SELECT coalesce(max(id), 0) FROM intake");
  DIMS_RETURN_IF_ERROR(highest.status());
  next_intake_ = std::max(next_intake_, *highest + 1);
  // A line that is lost leaves a hole, and what is left of it must not become another's.
  const absl::StatusOr<int64_t> line = db_->AskInt(
      "SELECT max(coalesce((SELECT max(id) FROM lines), 0), coalesce((SELECT max(line) FROM intake), 0), "
      "coalesce((SELECT max(line) FROM unheard), 0))");
  DIMS_RETURN_IF_ERROR(line.status());
  next_line_ = *line + 1;
  Query commits(get_meta_, "commits");
  if (commits.Next() && !absl::SimpleAtoi(commits.Bytes(0), &commits_)) {
    return absl::DataLossError("its count of commits is not as it was written");
  }
  return commits.status();
}

absl::Status Store::Impl::LoadChains() {
  std::vector<Chain> chains;
  absl::StatusOr<store_db::Statement> all =
      db_->Prepare(absl::StrCat("SELECT id, store_id, settled_through, final_number, final_hash, "
                                "(SELECT min(number) FROM records WHERE generation=generations.id), "
                                "(SELECT max(number) FROM records WHERE generation=generations.id), ",
                                Sound(store_db::kGenerationSum), ", sum IS NOT NULL FROM generations ORDER BY id"));
  DIMS_RETURN_IF_ERROR(all.status());
  Query query(*all);
  while (query.Next()) {
    if (query.Int(7) != 1) return absl::DataLossError("what is noted of a generation is not as it was written");
    Chain chain;
    chain.sealed = query.Int(8) != 0;
    Generation& generation = chain.generation;
    generation.id = query.Int(0);
    generation.store_id = query.Bytes(1);
    generation.settled_through = query.Unsigned(2);
    generation.highest_hash = FirstPreviousHash(generation.store_id);
    if (!query.IsNull(3)) chain.last = Head{generation.store_id, query.Unsigned(3), query.Bytes(4)};
    if (!query.IsNull(6)) {
      chain.lowest = query.Unsigned(5);
      generation.highest_number = query.Unsigned(6);
      absl::StatusOr<std::optional<std::string>> hash = HashOf(generation.id, generation.highest_number);
      DIMS_RETURN_IF_ERROR(hash.status());
      generation.highest_hash = hash->value_or("");
    }
    chains.push_back(std::move(chain));
  }
  DIMS_RETURN_IF_ERROR(query.status());
  chains_ = std::move(chains);
  return absl::OkStatus();
}

// A flipped bit in settled_through would make unsettled records look settled, and retention would delete them.
absl::Status Store::Impl::CheckSettled() {
  for (Chain& chain : chains_) {
    Generation& generation = chain.generation;
    if (generation.settled_through == 0) continue;
    if (chain.sealed && generation.settled_through > generation.highest_number) {
      generation.settled_through = generation.highest_number;  // the registry has more than is left here
      continue;
    }
    const absl::StatusOr<std::string> noted =
        db_->Ask(absl::StrCat("SELECT coalesce(settled_hash, 'unknown') FROM generations WHERE id=", generation.id));
    DIMS_RETURN_IF_ERROR(noted.status());
    const absl::StatusOr<std::optional<std::string>> hash = HashOf(generation.id, generation.settled_through);
    DIMS_RETURN_IF_ERROR(hash.status());
    const bool possible = generation.settled_through <= generation.highest_number;
    if (possible && (*noted == "unknown" || *hash == *noted)) continue;
    const uint64_t sure = std::min(chain.lowest - 1, generation.settled_through);
    notices_.push_back(absl::StrCat("what the registry has of store ", generation.store_id, " was noted as ",
                                    generation.settled_through, ", which the records do not bear out; all after ", sure,
                                    " are sent again"));
    generation.settled_through = sure;
    if (!options_.read_only) DIMS_RETURN_IF_ERROR(db_->Run(settle_, generation.id, sure, Null{}));
  }
  return absl::OkStatus();
}

}  // namespace dims
