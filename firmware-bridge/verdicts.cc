#include "firmware-bridge/verdicts.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/quarantine.h"

namespace dims {
namespace {

constexpr std::size_t kMostGone = 4096;

}  // namespace

absl::Status Verdicts::CheckWelcome(const dims::v1::Welcome& welcome) {
  if (welcome.contract() != kContract) {
    return absl::FailedPreconditionError(
        absl::StrCat("it speaks version ", welcome.contract(), " of the contract, this bridge version ", kContract));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  if (registry_.empty()) registry_ = welcome.registry();
  if (registry_ == welcome.registry()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("ANOTHER REGISTRY: \"", absl::Utf8SafeCEscape(welcome.registry()),
                   "\" answers there, but the first that answered is \"", absl::Utf8SafeCEscape(registry_),
                   "\"; nothing was sent. All of address and more_addresses in [registry] must lead to "
                   "one registry: correct them, or start the bridge anew where the registry was renamed"));
}

absl::Status Verdicts::TakeRefusal(const std::string& address, const Generation& generation,
                                   const dims::v1::Refusal& refusal) {
  const std::string remedy(RemedyFor(refusal.reason()));
  const std::lock_guard<std::mutex> lock(mutex_);
  bool news = false;
  const absl::Status status =
      store_.MarkRefused(generation.id, refusal.number(), refusal.reason(), refusal.message(), &news);
  if (news) {
    SPDLOG_ERROR(
        "registry {}: refused record {} for good: {} ({}); it is kept until somebody decides (dims-bridge quarantine "
        "list){}",
        address, refusal.number(), absl::Utf8SafeCEscape(refusal.message().substr(0, 500)),
        dims::v1::RefusalReason_Name(refusal.reason()), remedy.empty() ? "" : absl::StrCat(": ", remedy));
  }
  if (!absl::IsNotFound(status)) return status;
  // It was settled long ago and deleted since. The registry tells that after each Welcome: once is enough here.
  if (gone_.size() < kMostGone && gone_.insert({generation.id, refusal.number()}).second) {
    SPDLOG_ERROR(
        "store: record {} of store {} was refused, and its copy here is gone ({}): it is not in the quarantine; "
        "measure again, or look for it in the registry's log of refusals",
        refusal.number(), generation.store_id, std::string(status.message()));
  }
  return absl::OkStatus();
}

absl::Status Verdicts::TakeConflict(const std::string& address, const Generation& generation,
                                    const dims::v1::Conflict& conflict) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const absl::Status ended = absl::AbortedError(absl::StrCat("conflict at record ", conflict.number()));
  // What the other lane has moved already is not there any more.
  const std::vector<Generation> kept = store_.Kept();
  const auto now =
      std::find_if(kept.begin(), kept.end(), [&](const Generation& other) { return other.id == generation.id; });
  if (generation.id != store_.Current().id && (now == kept.end() || now->highest_number < conflict.number())) {
    return ended;
  }
  SPDLOG_CRITICAL(
      "registry {}: CONFLICT: record {} of store {} is known there with other bytes ({} there, {} here); going on "
      "under a new store id",
      address, conflict.number(), generation.store_id, absl::BytesToHexString(conflict.registry_hash()),
      absl::BytesToHexString(conflict.received_hash()));
  const absl::Status began =
      store_.BeginGeneration(generation.id, conflict.number(), "conflict with the registry", Store::Carry::kKept)
          .status();
  return began.ok() ? ended : began;
}

bool Verdicts::IsNews(const std::string& line, absl::Duration now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return repeats_.IsNews(line, now);
}

}  // namespace dims
