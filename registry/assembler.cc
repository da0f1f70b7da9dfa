#include "registry/assembler.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

// Far more than a payload within any limit needs: who announces more would send for ever.
constexpr uint32_t kMostParts = 65'536;

}  // namespace

absl::StatusOr<std::optional<ReceivedRecord>> Assembler::Add(v1::Record&& part) {
  if (part.previous_hash().size() != 32) {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", part.number(), ": previous_hash has ", part.previous_hash().size(), " bytes, not 32"));
  }
  const uint32_t parts = part.parts() == 0 ? 1 : part.parts();
  if (part.part() >= parts) {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", part.number(), ": part ", part.part(), " of ", part.parts(), " parts"));
  }
  if (parts > kMostParts) {
    return absl::InvalidArgumentError(absl::StrCat("record ", part.number(), ": it is announced in ", parts,
                                                   " parts; at most ", kMostParts, " are taken"));
  }
  if (record_.has_value()) {
    if (absl::Status status = Continue(part); !status.ok()) return status;
  } else {
    if (part.part() != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("record ", part.number(), ": part ", part.part(), " came where part 0 was due"));
    }
    record_.emplace();
    record_->number = part.number();
    record_->previous_hash = part.previous_hash();
    record_->schema = part.schema();
    size_ = 0;
    parts_ = parts;
    hash_ = BeginRecordHash(part.previous_hash(), part.number(), part.schema());
  }
  next_part_ = part.part() + 1;
  hash_.Update(part.payload());
  size_ += part.payload().size();
  if (absl::Status status = Keep(std::move(part)); !status.ok()) return status;
  if (next_part_ < parts_) return std::nullopt;
  return Finish();
}

absl::Status Assembler::Keep(v1::Record&& part) {
  if (size_ > largest_record_) {
    Drop();
    return absl::OkStatus();
  }
  if (parts_ == 1) {  // it is in memory already
    record_->payload = std::move(*part.mutable_payload());
    return absl::OkStatus();
  }
  if (!all_.Take(part.payload().size())) {
    return absl::ResourceExhaustedError(absl::StrCat("record ", part.number(), ": part ", part.part(),
                                                     " has no room beside what other bridges send; come again"));
  }
  held_ += part.payload().size();
  // All at once: growing by doubling would hold twice as much.
  if (next_part_ == 1) record_->payload.reserve(std::min(largest_record_, parts_ * part.payload().size()));
  record_->payload += part.payload();
  return absl::OkStatus();
}

void Assembler::Drop() {
  std::string().swap(record_->payload);
  all_.Give(std::exchange(held_, 0));
}

absl::Status Assembler::Continue(const v1::Record& part) {
  if (part.number() != record_->number || part.part() != next_part_ || part.parts() != parts_) {
    return absl::InvalidArgumentError(absl::StrCat("record ", part.number(), ", part ", part.part(), " of ",
                                                   part.parts(), " came where record ", record_->number, ", part ",
                                                   next_part_, " of ", parts_, " was due"));
  }
  if (part.previous_hash() != record_->previous_hash || part.schema() != record_->schema) {
    return absl::InvalidArgumentError(
        absl::StrCat("record ", part.number(), ": part ", part.part(), " has another previous_hash or schema"));
  }
  return absl::OkStatus();
}

ReceivedRecord Assembler::Finish() {
  ReceivedRecord record = *std::move(record_);
  record_.reset();
  all_.Give(std::exchange(held_, 0));  // whoever has it now counts it
  record.hash = hash_.Digest();
  if (size_ > largest_record_) {
    record.refusal = v1::REFUSAL_REASON_TOO_LARGE;
    record.refusal_message = absl::StrCat("its payload has ", size_, " bytes, this registry takes ", largest_record_);
  }
  return record;
}

}  // namespace dims
