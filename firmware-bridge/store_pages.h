// Rows that stand in a database's pages, whatever is left of the trees that should lead to them.
//
// What: goes through the file page by page, as the log's committed frames have them where they are newer, and takes
// each
//   for a leaf of some table. Nothing it says is certain: whoever asks checks each row by its sum or its hash.
// Promise: reads only within the files; work is bounded by their size.
// Source: sqlite.org/fileformat2.html, sections 1.6, 2.1 and 4.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_PAGES_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_PAGES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "firmware-bridge/sqlite.h"

namespace dims::store_db {

inline constexpr std::size_t kPageBytes = 4096;  // SQLite's default, which the store keeps

using TakeRow = std::function<void(int64_t rowid, const std::vector<Value>& columns)>;

// `alive` is called every 256 pages.
void ForEachRowInPages(const std::string& database, const std::string& log, const TakeRow& take,
                       const std::function<void()>& alive);

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_PAGES_H_
