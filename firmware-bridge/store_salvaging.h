// The inside of a salvage: see store_salvage.h.
//
// store_salvage.cc takes over what can be read; store_rescue.cc finds rows to which nothing leads; store_mend.cc makes
// up for rows that tell where things stand, which are small, vital, and not as they were written.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_SALVAGING_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_SALVAGING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "firmware-bridge/head_file.h"
#include "firmware-bridge/sqlite.h"

namespace dims::store_db {

// One salvage: `main` is the new database, `old` what is left.
class Salvaging {
 public:
  Salvaging(const std::string& path, const HeadFile::Found& head, absl::Time now, std::function<void()> alive)
      : path_(path), head_(head), now_(now), alive_(std::move(alive)) {}

  absl::Status Run(absl::string_view why);
  std::vector<std::string> notices;

 private:
  absl::Status AttachOld();
  absl::Status MakeScratch(std::size_t replaced);
  absl::StatusOr<int64_t> CopyTable(const std::string& table, const std::string& where);
  absl::StatusOr<int64_t> CopyRange(Statement& copy, int64_t from, int64_t through, int& failures);
  std::pair<int64_t, int64_t> Bounds(const std::string& table);
  absl::Status CopyRecords();
  absl::Status CopyIntake();

  // store_rescue.cc
  // What SQLite no longer finds in tables whose rows prove themselves.
  absl::Status RescueFromPages();

  // store_mend.cc
  absl::Status MendGenerations();
  absl::Status MendLines();
  bool HasLine(const std::string& instrument);
  absl::Status MendLine(int64_t id, const std::string& otherwise,
                        const std::map<std::string, uint64_t>& closed_by_name);
  absl::Status NoteMissing();
  absl::Status MendQuarantine();

  std::string OldHas(const std::string& table, const std::string& column);
  int64_t CountOr(const std::string& sql, int64_t otherwise);
  absl::Status PutMeta(const std::string& key, absl::string_view value);

  const std::string path_;
  const HeadFile::Found head_;
  const absl::Time now_;
  const std::function<void()> alive_;
  std::unique_ptr<Database> db_;
  bool readable_ = false;
  std::vector<std::string> incomplete_;  // tables of which a part could not be read
};

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_SALVAGING_H_
