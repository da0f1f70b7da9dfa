#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"
#include "firmware-bridge/store_salvage.h"

namespace dims {

using store_db::HeadFile;
using store_db::Query;
using store_db::Transaction;

namespace {

constexpr uint64_t kSmall = uint64_t{64} << 20, kExaminable = uint64_t{512} << 20;
constexpr absl::Duration kDiskFailureWindow = absl::Minutes(10);

}  // namespace

// SQLite follows a damaged page wherever it points. A small database is looked through at every start, with its
// indexes; a larger one, without, where the last run did not end in order. The ports open after this.
absl::Status Store::Impl::Examine() {
  const uint64_t bytes = FileBytes(options_.path);
  const bool small = bytes <= kSmall;
  if (!small && !unreadable_ && (log_bytes_ == 0 || bytes > kExaminable)) return absl::OkStatus();
  options_.alive();
  const absl::StatusOr<std::string> found = db_->Ask(small ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)");
  DIMS_RETURN_IF_ERROR(found.status());
  if (*found == "ok") return absl::OkStatus();
  return absl::DataLossError(absl::StrReplaceAll(*found, {{"*** in database main ***\n", ""}, {"\n", "; "}}));
}

// The log ends, for SQLite, where its first damaged frame is: what stands behind would be gone with the checkpoint.
absl::Status Store::Impl::SetLogAside() {
  if (log_bytes_ == 0) return absl::OkStatus();
  const std::string aside = store_db::AsideName(options_.path, options_.now()) + "-wal";
  std::error_code error;
  std::filesystem::copy_file(options_.path + "-wal", aside, error);  // never over another
  notices_.push_back(error
                         ? absl::StrCat("its log could not be copied to \"", aside, "\": ", error.message())
                         : absl::StrCat("its log was copied to \"", aside, "\"; ", store_db::CountAside(options_.path),
                                        " damaged files of this store lie there now"));
  return error ? absl::OkStatus() : SyncFolderOf(aside);
}

absl::Status Store::Impl::SetHeadFileAside() {
  if (found_head_.state == HeadFile::State::kMissing || !found_head_.damaged) return absl::OkStatus();
  const std::string head = options_.path + ".head", aside = store_db::AsideName(head, options_.now());
  std::error_code error;
  std::filesystem::copy_file(head, aside, error);
  notices_.push_back(absl::StrCat(
      found_head_.state == HeadFile::State::kValid ? "one of the two entries of its head file was damaged; "
                                                   : "its head file was damaged; ",
      error ? absl::StrCat("it could not be copied to \"", aside, "\": ", error.message())
            : absl::StrCat("it was copied to \"", aside, "\"; ", store_db::CountAside(options_.path),
                           " damaged files of this store lie there now")));
  return error ? absl::OkStatus() : SyncFolderOf(aside);
}

// What a salvage has left to be reported: see store_salvage.h.
absl::Status Store::Impl::BeginAfterSalvage(Generation& next, const std::optional<Loss>& loss) {
  std::vector<std::pair<std::string, std::string>> left;
  {
    absl::StatusOr<store_db::Statement> all =
        db_->Prepare(absl::StrCat("SELECT key, value FROM meta WHERE key='", store_db::kSalvaged, "' OR key LIKE '",
                                  store_db::kMissing, "%' OR key LIKE '", store_db::kUnnamed, "%' ORDER BY key"));
    DIMS_RETURN_IF_ERROR(all.status());
    Query query(*all);
    while (query.Next()) left.emplace_back(query.Bytes(0), query.Bytes(1));
    DIMS_RETURN_IF_ERROR(query.status());
  }
  for (const auto& [key, value] : left) {
    absl::string_view rest = key;
    if (absl::ConsumePrefix(&rest, store_db::kMissing)) {
      const std::pair<absl::string_view, absl::string_view> range = absl::StrSplit(value, absl::MaxSplits(' ', 1));
      Loss gap{std::string(rest), 0, 0, "damaged on disk"};
      const bool numbers = absl::SimpleAtoi(range.first, &gap.from) && absl::SimpleAtoi(range.second, &gap.through);
      const bool told = loss && loss->store_id == gap.store_id && loss->through >= gap.through;
      if (!numbers || told) continue;
      notices_.push_back(
          absl::StrCat("records ", gap.from, " to ", gap.through, " of store ", gap.store_id, " are reported missing"));
      DIMS_RETURN_IF_ERROR(AppendGap(next, gap));
    } else if (int64_t id = 0; absl::ConsumePrefix(&rest, store_db::kUnnamed) && absl::SimpleAtoi(rest, &id)) {
      if (const Chain* chain = Find(id); chain != nullptr) {
        DIMS_RETURN_IF_ERROR(MoveRecords(chain->generation, chain->lowest, Store::Carry::kUnsettled, next));
      }
    }
  }
  for (const auto& [key, value] : left) DIMS_RETURN_IF_ERROR(db_->Run(delete_meta_, absl::string_view(key)));
  return absl::OkStatus();
}

// Bytes that were acknowledged, and are not what was written: they must not become a report. What is known of them
// goes to the registry as one that was cut; what is whole of them stays in the intake.
absl::Status Store::Impl::CloseDamagedIntake() {
  for (auto& [name, line] : lines_) {
    const uint64_t begin = line.position.closed_through, end = line.position.read_through;
    uint64_t at = begin, whole = 0;
    bool damaged = false;
    {
      Query query(open_intake_, line.id, line.open_from);
      while (query.Next()) {
        if (query.Int(5) != 1) {
          damaged = true;
          continue;
        }
        if (query.Int(0) != static_cast<int>(IntakeEntry::Kind::kIn)) continue;
        const uint64_t from = std::max(query.Unsigned(1), begin), to = query.Unsigned(1) + query.Bytes(3).size();
        if (to <= from) continue;
        damaged = damaged || from > at;
        whole += to - from;
        at = std::max(at, to);
      }
      DIMS_RETURN_IF_ERROR(query.status());
    }
    if (!damaged && at >= end) continue;
    const std::string what = absl::StrCat(end - begin - std::min(whole, end - begin), " of the ", end - begin,
                                          " bytes that were in no record yet were damaged on disk");
    notices_.push_back(absl::StrCat("instrument ", name, ": ", what, "; they are reported as an interrupted report"));
    const WholeBudget all(*this);
    Transaction transaction(*db_);
    DIMS_RETURN_IF_ERROR(transaction.Begin());
    Generation head = chains_.back().generation;
    if (end > begin) {
      dims::v1::Report report;
      report.set_origin(dims::v1::ORIGIN_REAL);
      report.set_status(dims::v1::REPORT_STATUS_PRELIMINARY);
      report.set_raw_size(end - begin);
      dims::v1::Source& source = *report.mutable_source();
      source.set_laboratory(options_.laboratory);
      source.set_bridge(options_.bridge);
      source.set_instrument(name);
      source.set_intake_begin(begin);
      source.set_intake_end(end);
      for (const auto type : {dims::v1::PROBLEM_TYPE_INTERRUPTED, dims::v1::PROBLEM_TYPE_BYTES_LOST}) {
        dims::v1::Problem& problem = *report.add_problems();
        problem.set_type(type);
        problem.set_message(what);
      }
      DIMS_RETURN_IF_ERROR(Append(head, report.SerializeAsString()));
    }
    Line closed = line;
    closed.position.closed_through = end;
    closed.open_from = next_intake_;
    DIMS_RETURN_IF_ERROR(PutLine(name, closed));
    DIMS_RETURN_IF_ERROR(transaction.Commit());
    line = closed;
    chains_.back().generation = std::move(head);
    WriteHead();
  }
  return absl::OkStatus();
}

// The wall clock may have stepped since, by itself or because the machine has none that runs without power: a failure
// in the future counts as one of just now, so that no step makes the wait longer than ten minutes.
void Store::Impl::LoadFailures() {
  const std::vector<DiskFailure> failures = NotedFailures(options_.path);
  if (failures.empty()) return;
  const absl::Time now = options_.now(), last = std::min(failures.back().at, now);
  refusing_as_of_ = now;
  if (now - last >= kDiskFailureWindow) {
    ForgetFailures(options_.path);
    return;
  }
  unreadable_ = absl::StartsWith(failures.back().cause, kUnreadable);
  notices_.push_back(absl::StrCat("the disk failed: ", failures.back().cause));
  if (failures.size() < 2 || last - failures[failures.size() - 2].at >= kDiskFailureWindow) return;
  refusing_ = kDiskFailureWindow - (now - last);
  const std::string until = absl::FormatTime("%H:%M", now + refusing_, absl::UTCTimeZone());
  notices_.push_back(
      absl::StrCat("that was the second time within ten minutes: nothing is accepted until ", until, " UTC"));
  disk_failed_ = {true, absl::StrCat("the disk failed twice within ten minutes: nothing is accepted until ", until,
                                     " UTC; check the disk")};
}

// Only what passes counts: a clock that is set back takes nothing away and adds nothing.
absl::Status Store::Impl::CheckDisk() {
  if (refusing_ <= absl::ZeroDuration()) return absl::OkStatus();
  const absl::Time now = options_.now();
  refusing_ -= std::max(absl::ZeroDuration(), now - refusing_as_of_);
  refusing_as_of_ = now;
  if (refusing_ <= absl::ZeroDuration()) {
    ForgetFailures(options_.path);
    disk_failed_.on = false;
    news_.push_back("ten minutes have passed since the disk failed: results are accepted again");
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "store \"", options_.path, "\": the disk failed twice within ten minutes; nothing is accepted until ",
      absl::FormatTime("%H:%M", now + refusing_, absl::UTCTimeZone()),
      " UTC, what is stored goes on to the registry. Check the disk"));
}

}  // namespace dims
