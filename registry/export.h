// The archive as text: one line per record, in the order stored.
//
// What: as JSON, {"position", "bridge", "laboratory", "store", "number", "hash", "receivedAt", and "report" or
//   "refused"}. `report` is the payload in proto3 JSON; `refused` is the reason of a record that was refused. Or as a
//   row of a table for a person: position, instrument, sample, findings, the largest peak (or weight, spectrum, scan),
//   problems.
// Promise: reads beside a running registry; what is there when it ends was exported. Records stored ahead of their turn
//   are among them, once.
// Source: proto/dims/v1/registry.proto; developers.google.com/protocol-buffers/docs/proto3#json.
#ifndef DIMS_REGISTRY_EXPORT_H_
#define DIMS_REGISTRY_EXPORT_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "registry/archive_reader.h"

namespace dims {

enum class ExportForm { kJson, kTable };

// `after`: the position of the last record that is left out; a table that begins at the beginning has a header.
absl::Status Export(const std::string& database, int64_t after, ExportForm form, std::ostream& out);

}  // namespace dims

#endif  // DIMS_REGISTRY_EXPORT_H_
