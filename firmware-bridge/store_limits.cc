#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/store_impl.h"

namespace dims {

using store_db::Query;

namespace {

// Per cent of the budget. A warning that was said is said again only after it was this much better in between.
constexpr uint64_t kTight = 70, kNearlyFull = 85, kReserved = 95, kBetter = 5;
// What is neither urgent nor can be kept by its instrument may take half of the reserve.
constexpr uint64_t kHalfReserved = 97, kHalf = 50, kAll = 100;
constexpr uint64_t kMiB = uint64_t{1} << 20;
// With less on the disk, what SQLite could not write is taken to be for want of it: a commit and its log fit in here.
constexpr uint64_t kDiskIsFull = 16 * kMiB;
// A file is worth making smaller from so many free bytes on, and only if what is in it is copied in a second or two,
// also by a disk that writes 20 MB/s: nobody commits meanwhile.
constexpr uint64_t kWorthShrinking = 16 * kMiB, kMostCopied = 32 * kMiB;
constexpr absl::Duration kShrinkAgain = absl::Hours(1);

absl::StatusOr<uint64_t> Count(store_db::Statement& statement) {
  Query query(statement);
  const uint64_t count = query.Next() ? query.Unsigned(0) : 0;
  DIMS_RETURN_IF_ERROR(query.status());
  return count;
}

}  // namespace

void Store::Impl::Measure() {
  const absl::StatusOr<uint64_t> pages = Count(page_count_), free = Count(free_count_);
  Must(pages.status());
  Must(free.status());
  file_pages_ = *pages;
  free_pages_ = *free;
  const uint64_t used = (file_pages_ - free_pages_) * 100;
  const auto above = [&](uint64_t percent) { return used >= all_pages_ * percent; };
  const std::string budget = absl::StrCat(" % of its budget of ", options_.budget_bytes / kMiB, " MiB are in use; ");
  Warn(nearly_full_, above(kNearlyFull), !above(kNearlyFull - kBetter),
       absl::StrCat(kNearlyFull, budget,
                    "what waits must reach the registry, or the budget ([store] budget) be raised: from ", kReserved,
                    " % on only urgent results are taken"));
  Warn(reserved_, above(kReserved) || IsDiskReserved(), !above(kReserved - kBetter) && !IsDiskReserved(),
       IsDiskReserved()
           ? absl::StrCat("the disk is full: its last ", ballast_->bytes() / kMiB,
                          " MiB are for urgent results and for what is settled, instruments are told to keep all else; "
                          "make room on the disk")
           : absl::StrCat(kReserved, budget, "only urgent results are taken, instruments are told to keep all else"));
}

void Store::Impl::Warn(Warning& warning, bool begins, bool ends, const std::string& text) {
  if (warning.on && ends) warning.on = false;
  if (warning.on || !begins) return;
  warning = {true, text};
  news_.push_back(text);
}

bool Store::Impl::IsTight() const {
  return (file_pages_ - free_pages_) * 100 >= all_pages_ * kTight || IsDiskReserved();
}

bool Store::Impl::IsBeyond(uint64_t percent, uint64_t percent_of_ballast, uint64_t more_bytes) const {
  const uint64_t used = file_pages_ - free_pages_ + more_bytes / page_bytes_;
  return used * 100 >= all_pages_ * percent || IsDiskReserved(percent_of_ballast);
}

// What was, or should be, the ballast is all there is.
bool Store::Impl::IsDiskReserved(uint64_t percent_of_ballast) const {
  return ballast_ && ballast_->bytes() > 0 && !ballast_->there() &&
         DiskFreeBytes(options_.path) < ballast_->bytes() / 100 * percent_of_ballast;
}

absl::Status Store::Impl::Admits(const SessionBatch& session) {
  if (session.payloads.empty() || !session.urgent.empty()) return absl::OkStatus();
  const std::lock_guard lock(mutex_);
  DIMS_RETURN_IF_ERROR(CheckWritable());
  uint64_t bytes = 0;
  for (const IntakeEntry& entry : session.entries) bytes += entry.bytes.size();
  for (const std::string& payload : session.payloads) bytes += payload.size();
  const uint64_t percent = session.deferrable ? kReserved : kHalfReserved, ballast = session.deferrable ? kAll : kHalf;
  for (int prunings = 0; IsBeyond(percent, ballast, bytes); ++prunings) {
    const absl::StatusOr<int> gone = prunings < kMostPrunings ? PruneAlone(true) : 0;
    if (!gone.ok() || *gone == 0) {
      return WhyFull(absl::StrCat("store \"", options_.path, "\": what room is left is for urgent results"));
    }
  }
  return absl::OkStatus();
}

void Store::Impl::Tidy(bool idle) {
  const std::lock_guard lock(mutex_);
  if (options_.read_only) return;
  CheckDisk().IgnoreError();  // also where nothing comes in, the end of its refusing is said
  MakeBallast();
  if (idle) {
    for (int i = 0; i < kMostPrunings; ++i) {
      const absl::StatusOr<int> gone = PruneAlone(IsTight());
      if (!gone.ok() || *gone == 0) break;
    }
    if (std::string smaller = Shrink(); !smaller.empty()) news_.push_back(std::move(smaller));
  }
  Measure();
}

std::vector<std::string> Store::Impl::TakeNews() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

bool Store::Impl::GiveBallastLocked() {
  const std::lock_guard lock(mutex_);
  return GiveBallast();
}

bool Store::Impl::GiveBallast() {
  if (!ballast_ || !ballast_->there() || DiskFreeBytes(options_.path) >= kDiskIsFull || !ballast_->Give()) return false;
  ballast_given_ = true;
  news_.push_back(absl::StrCat("THE DISK IS FULL: the ballast of ", ballast_->bytes() / kMiB,
                               " MiB was given back, so that what is settled can go; make room on the disk of \"",
                               options_.path, "\""));
  return true;
}

void Store::Impl::MakeBallast() {
  const bool missing = ballast_->bytes() > 0 && !ballast_->there();
  const absl::Status made = ballast_->Make();
  if (missing && made.ok() && std::exchange(ballast_given_, false)) {
    news_.push_back("there is room on the disk again, and the ballast is back in its place");
  }
  const uint64_t free = DiskFreeBytes(options_.path), file = FileBytes(options_.path);
  const uint64_t to_come = options_.budget_bytes - std::min(options_.budget_bytes, file);
  const bool low = free < to_come;
  Warn(disk_low_, low || !made.ok(), made.ok() && (!low || free / 100 * (100 - kBetter) >= to_come),
       absl::StrCat("the disk has ", free / kMiB, " MiB free, and the store may still grow by ", to_come / kMiB, " MiB",
                    made.ok() ? "" : absl::StrCat("; ", made.message()),
                    ": make room, or lower the budget ([store] budget)"));
}

std::string Store::Impl::Shrink() {
  const absl::StatusOr<uint64_t> pages = Count(page_count_), free = Count(free_count_);
  Must(pages.status());
  Must(free.status());
  const uint64_t in_use = (*pages - *free) * page_bytes_;
  if (*free * 2 < *pages || *free * page_bytes_ < kWorthShrinking || in_use > kMostCopied) return "";
  // SQLite copies what is in use to a file of its own, then into the log.
  const absl::Time now = options_.now();
  if (now < no_shrinking_until_ || DiskFreeBytes(options_.path) < 2 * in_use + kDiskIsFull) return "";
  no_shrinking_until_ = now + kShrinkAgain;
  // First, and last: neither the log before nor the one after comes on top of the copy for long.
  absl::Status status = db_->Checkpoint(true);
  if (status.ok()) status = db_->Execute("VACUUM");
  if (status.ok()) status = db_->Checkpoint(true);
  LimitPages(commit_pages_);  // a file that was larger than its budget is held to it from now on
  if (!status.ok()) {
    return absl::StrCat("the file could not be made smaller: ", status.message(), "; that does no harm");
  }
  no_shrinking_until_ = absl::InfinitePast();
  return absl::StrCat("the file was made smaller: ", *pages * page_bytes_ / kMiB, " MiB before, ",
                      FileBytes(options_.path) / kMiB, " MiB now");
}

absl::Status Store::Impl::WhyFull(absl::string_view full) const {
  uint64_t queued = 0;
  for (const Chain& chain : chains_) queued += chain.generation.highest_number - chain.generation.settled_through;
  return absl::ResourceExhaustedError(
      absl::StrCat(full, "; budget ", options_.budget_bytes / kMiB, " MiB, free on the disk ",
                   DiskFreeBytes(options_.path) / kMiB, " MiB, ", queued,
                   " records wait for the registry. There is room again once they are sent, or the budget is raised"));
}

}  // namespace dims
