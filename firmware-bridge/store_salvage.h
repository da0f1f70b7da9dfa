// What becomes of a store that is damaged: set aside, and what can be read of it taken over into a new database.
//
// What: Salvage reads what is left, row by row where it must, into a new database, then puts the damaged files aside
//   under `<path>.damaged-<UTC>` (the log: `<path>.damaged-<UTC>-wal`) and the new one in their place.
// Promise: nothing is deleted or overwritten. Only rows that are as they were written are taken over, verbatim: records
//   with their generation, number and hash. Interrupted at any moment, the next start finds the damaged store as it
//   was, or finishes. The new database says in its table `meta` what the store must still report (kSalvaged, ...).
// Errors: ResourceExhausted where there is no room for the new database; the damaged one is then left where it is.
// Source: sqlite.org/fileformat2.html.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_SALVAGE_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_SALVAGE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "firmware-bridge/head_file.h"

namespace dims::store_db {

// Keys of `meta` in a salvaged database, until the store has begun a new generation because of them.
inline constexpr char kSalvaged[] = "salvaged";  // why
// "missing <store id>": "<from> <through>", numbers at the end of a chain of which only the index is left.
inline constexpr char kMissing[] = "missing ";
// "unnamed <generation>": its store id cannot be trusted; what is not settled of it must go under another.
inline constexpr char kUnnamed[] = "unnamed ";

// `alive` is called again and again meanwhile. For the operator: one line each on what was found, where it was put,
// what was saved, what was not.
absl::StatusOr<std::vector<std::string>> Salvage(const std::string& path, absl::string_view why,
                                                 const HeadFile::Found& head, absl::Time now,
                                                 const std::function<void()>& alive);

// Finishes what a crash left half-way; nothing otherwise.
absl::Status FinishSalvage(const std::string& path);

// A free name to set `path` aside under.
std::string AsideName(const std::string& path, absl::Time now);
// How many damaged files of this store lie in its folder.
int CountAside(const std::string& path);

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_SALVAGE_H_
