// The store's tables, and how a database gets them.
//
// Promise: migrations go forward only, one transaction each; payloads are never rewritten. A database newer than this
//   program, or one that is not a store, is refused before anything in it changes. The format is noted twice, in the
//   file's header and in the table `meta`: where they differ, the header is damaged.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "firmware-bridge/sqlite.h"

namespace dims::store_db {

inline constexpr int kSchemaVersion = 3;

// The database's version: 0 where it is empty. FailedPrecondition where it is newer, or not a store at all; DataLoss
// where it is a store whose header is damaged. Takes the lock: Unavailable where another process has it.
absl::StatusOr<int> CheckedVersion(Database& database);

// Brings the database from `version` to kSchemaVersion.
absl::Status Migrate(Database& database, int version);

// Before a migration: leaves a copy, <path>.format-<version>, where there is room and none yet. What is to be said of
// it; the migration goes on without one.
absl::StatusOr<std::string> CopyBeforeMigration(Database& database, int version);
// Deletes the copies that are older than `before`: the newer format has proved itself, and what retention deletes must
// not live on in them.
void ForgetCopies(const std::string& path, absl::Time before);

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_SCHEMA_H_
