// `dims-registry verify`: is what is on disk what was settled?
//
// What: reads the whole archive and checks each record against its hash, each chain from the store id to what is
//   settled, tombstones, records that were stored ahead, positions, the database's own structure, and the marks of
//   `<database>.high`.
// Promise: opened for reading only, works beside a running registry: it looks at what was there when it came to a
// store.
//   What is sound is told per store, what is damaged with its place and the remedy. Memory does not grow with the
//   archive; of each store the first few findings and gaps are told, the others counted.
// Errors: a database that cannot be opened, or has no such store. Damage is no error but the result.
// Threads: one.
// Source: proto/dims/v1/registry.proto, Record; sqlite.org/pragma.html#pragma_integrity_check.
#ifndef DIMS_REGISTRY_VERIFY_H_
#define DIMS_REGISTRY_VERIFY_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"

namespace dims {

struct Verification {
  uint64_t stores = 0, records = 0;
  uint64_t findings = 0;  // zero: all is sound
};

// Writes a table for people to `out`. `store_id`: only that store; empty: all.
absl::StatusOr<Verification> Verify(const std::string& database, const std::string& store_id, std::ostream& out);

}  // namespace dims

#endif  // DIMS_REGISTRY_VERIFY_H_
