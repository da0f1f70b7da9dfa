// The store's tables, and how a database gets them.
//
// Promise: migrations go forward only, one transaction each; payloads are never rewritten. A database newer than this
//   program, or one that is not a store, is refused before anything in it changes.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firmware-bridge/sqlite.h"

namespace dims::store_db {

inline constexpr int kSchemaVersion = 3;

// The database's version: 0 where it is empty. FailedPrecondition where it is newer, or not a store at all. Takes the
// lock: Unavailable where another process has it.
absl::StatusOr<int> CheckedVersion(Database& database);

// Brings the database from `version` to kSchemaVersion.
absl::Status Migrate(Database& database, int version);

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_
