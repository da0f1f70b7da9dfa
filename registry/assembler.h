// Puts the parts of a record together.
//
// What: takes Records as they arrive on one stream and gives whole ones, each with its hash.
// Promise: at most `largest_record` bytes of payload are held. A larger payload is hashed as it passes, not held, and
//   comes out as a record with the refusal TOO_LARGE.
// Errors: InvalidArgument where the parts do not fit together, naming the record. ResourceExhausted where all streams
//   together hold too much for one more part.
// Threads: one.
// Source: proto/dims/v1/registry.proto, Record.
#ifndef DIMS_REGISTRY_ASSEMBLER_H_
#define DIMS_REGISTRY_ASSEMBLER_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dims/v1/registry.pb.h"
#include "proto/hash.h"
#include "registry/allowance.h"
#include "registry/archive.h"

namespace dims {

class Assembler {
 public:
  Assembler(uint64_t largest_record, Allowance& all) : largest_record_(largest_record), all_(all) {}
  Assembler(const Assembler&) = delete;
  Assembler& operator=(const Assembler&) = delete;
  ~Assembler() { all_.Give(held_); }

  // The record, where this completes one.
  absl::StatusOr<std::optional<ReceivedRecord>> Add(v1::Record&& part);

 private:
  absl::Status Continue(const v1::Record& part);
  absl::Status Keep(v1::Record&& part);
  void Drop();
  ReceivedRecord Finish();

  const uint64_t largest_record_;
  Allowance& all_;
  uint64_t held_ = 0;  // of the allowance
  // The record under way, if any; `hash_` has seen its fields and the parts so far.
  std::optional<ReceivedRecord> record_;
  Sha256 hash_;
  uint64_t size_ = 0;
  uint32_t next_part_ = 0, parts_ = 0;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_ASSEMBLER_H_
