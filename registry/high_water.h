// How far the records of each store were ever settled, outside the database.
//
// What: `<database>.high`: for each store two slots of one line of text, written alternately, each with a sequence
//   number and a checksum over its line. A database that is behind it was restored from a backup, whether or not
//   anybody said so, or lost its log.
// Promise: marks only rise. They are written after the commit that they tell of and are not synced: a mark that is
//   behind the database says nothing, and to be ahead of a backup it need not be of the last second. A torn page spoils
//   one slot of a mark, not both.
// Errors: a file that cannot be written is told once in the log and then left alone; records are not at stake.
// Threads: one at a time.
#ifndef DIMS_REGISTRY_HIGH_WATER_H_
#define DIMS_REGISTRY_HIGH_WATER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "registry/archive.h"

namespace dims {

class HighWater {
 public:
  struct Mark {
    StoreName store;
    uint64_t settled_through = 0;
    std::string settled_hash;  // 32 bytes
    std::string told;          // the epoch that was made because the database was behind this mark, if it was
    bool operator==(const Mark&) const = default;
  };
  // A mark, and where it stands in the file.
  struct Cell {
    Mark mark;
    uint64_t place = 0, sequence = 0;
  };
  struct Found {
    bool whole = false;  // the file is there, and every mark in it can be read
    std::vector<Cell> cells;
    uint64_t places = 0;  // marks that the file has room for
  };

  // Looks at the file; changes nothing.
  static absl::StatusOr<Found> Load(const std::string& path);
  // Opens it for writing, or makes it; what Load could not read is written anew as marks rise.
  static absl::StatusOr<std::unique_ptr<HighWater>> Open(const std::string& path, const Found& found);

  HighWater(const HighWater&) = delete;
  HighWater& operator=(const HighWater&) = delete;
  ~HighWater();

  // Nothing happens where the store's mark is as high already, and of the same record.
  void Raise(const Mark& mark);
  // The database is behind the store's mark, and has this epoch for it.
  void Tell(const StoreName& store, const std::string& epoch);
  // Zero where there is no mark.
  uint64_t SettledThrough(const StoreName& store) const;

 private:
  HighWater(std::string path, int fd, const Found& found);
  void Write(Cell& cell);

  const std::string path_;
  int fd_;  // negative: writing has failed
  std::map<StoreName, Cell> cells_;
  uint64_t next_place_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_HIGH_WATER_H_
