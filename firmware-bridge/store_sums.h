// SQL functions that tell whether a row is as it was written: SQLite itself does not notice bit rot.
//
// What: row_sum(table, column...), the first 8 bytes of SHA-256 over the table's name and the columns, each with its
//   type and length; record_hash(previous_hash, number, schema, payload), as proto/hash.h has it. In SQL, so that a
//   statement that writes or reads a row has its check beside it, and columns are never listed twice.
// Promise: equal values of equal type, equal sum, on every machine.
// Threads: as the connection.
// Source: sqlite.org/appfunc.html.
#ifndef DIMS_FIRMWARE_BRIDGE_STORE_SUMS_H_
#define DIMS_FIRMWARE_BRIDGE_STORE_SUMS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

struct sqlite3;

namespace dims::store_db {

// Makes the functions known to a connection; SQLite's result code.
int AddSums(sqlite3* connection);

// What the sum of a row is made of, as SQL: in one place, because what writes and what reads must agree.
inline constexpr char kIntakeSum[] = "row_sum('intake', id, line, kind, position, time, bytes, marks)";
inline constexpr char kLineSum[] = "row_sum('lines', id, instrument, read_through, closed_through, open_from)";
inline constexpr char kGenerationSum[] =
    "row_sum('generations', id, store_id, began_at, why, settled_through, settled_hash, final_number, final_hash)";

// A condition: the row is as it was written, or older than sums.
inline std::string Sound(absl::string_view sum) { return absl::StrCat("(sum IS NULL OR sum=", sum, ")"); }

}  // namespace dims::store_db

#endif  // DIMS_FIRMWARE_BRIDGE_STORE_SUMS_H_
