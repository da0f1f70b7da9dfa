#include "firmware-bridge/store_sums.h"

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "proto/hash.h"

namespace dims::store_db {
namespace {

constexpr int kSumBytes = 8;

void AddNumber(Sha256& hash, uint64_t value) {
  char bytes[8];
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<char>(value & 0xff);
  hash.Update(absl::string_view(bytes, sizeof bytes));
}

absl::string_view BytesOf(sqlite3_value* value) {
  const void* bytes = sqlite3_value_blob(value);  // before its size: it may convert
  const int size = sqlite3_value_bytes(value);
  return bytes == nullptr ? absl::string_view() : absl::string_view(static_cast<const char*>(bytes), size);
}

void RowSum(sqlite3_context* context, int count, sqlite3_value** values) {
  Sha256 hash;
  for (int i = 0; i < count; ++i) {
    const int type = sqlite3_value_type(values[i]);
    const char tag = static_cast<char>(type);
    hash.Update(absl::string_view(&tag, 1));
    if (type == SQLITE_INTEGER) {
      AddNumber(hash, static_cast<uint64_t>(sqlite3_value_int64(values[i])));
    } else if (type != SQLITE_NULL) {
      const absl::string_view bytes = BytesOf(values[i]);
      AddNumber(hash, bytes.size());
      hash.Update(bytes);
    }
  }
  sqlite3_result_blob(context, hash.Digest().data(), kSumBytes, SQLITE_TRANSIENT);
}

void HashOfRecord(sqlite3_context* context, int, sqlite3_value** values) {
  const std::string hash = RecordHash(BytesOf(values[0]), static_cast<uint64_t>(sqlite3_value_int64(values[1])),
                                      static_cast<uint32_t>(sqlite3_value_int64(values[2])), BytesOf(values[3]));
  sqlite3_result_blob(context, hash.data(), static_cast<int>(hash.size()), SQLITE_TRANSIENT);
}

}  // namespace

int AddSums(sqlite3* connection) {
  constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  const int code = sqlite3_create_function(connection, "row_sum", -1, kFlags, nullptr, RowSum, nullptr, nullptr);
  if (code != SQLITE_OK) return code;
  return sqlite3_create_function(connection, "record_hash", 4, kFlags, nullptr, HashOfRecord, nullptr, nullptr);
}

}  // namespace dims::store_db
