// SHA-256 of raw bytes, and the hash that chains records.
//
// What: the one definition of a record's hash, used by the bridge when it writes, by the registry when it checks.
// Promise: equal bytes, equal hash; the payload is hashed as it is, never parsed.
// Threads: a Sha256 belongs to one thread; the functions are free of state.
// Source: FIPS 180-4 (through OpenSSL); the chain: proto/dims/v1/registry.proto, message Record.
#ifndef DIMS_PROTO_HASH_H_
#define DIMS_PROTO_HASH_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace dims {

// SHA-256 of a stream. Copies continue independently, so a prefix can be kept. One that was moved from can only be
// assigned to.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256& other);
  Sha256& operator=(const Sha256& other);
  Sha256(Sha256&& other) noexcept : context_(std::exchange(other.context_, nullptr)) {}
  Sha256& operator=(Sha256&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~Sha256();

  void Update(absl::string_view bytes);
  // The 32 bytes of the hash of what came so far; more may follow.
  std::string Digest() const;

  static std::string Of(absl::string_view bytes);

 private:
  evp_md_ctx_st* context_;
};

// The previous_hash of a store's first record.
std::string FirstPreviousHash(absl::string_view store_id);

// The hash of a record up to its payload, which is added with Update, whole or in pieces.
Sha256 BeginRecordHash(absl::string_view previous_hash, uint64_t number, uint32_t schema);

std::string RecordHash(absl::string_view previous_hash, uint64_t number, uint32_t schema, absl::string_view payload);

}  // namespace dims

#endif  // DIMS_PROTO_HASH_H_
