// `dims-bridge decode`: runs a driver's own Parser over a file.
//
// What: one line of proto3 JSON on `out` for each report (noise included), in the order of the file.
// Promise: the same Parser, framing and decoder as on a live line; the size of the pieces it is fed changes nothing.
// Errors: NotFound for an unreadable file, InvalidArgument for a wrong option.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_DECODE_H_
#define DIMS_FIRMWARE_BRIDGE_DECODE_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "drivers/driver.h"

namespace dims {

struct DecodeRequest {
  const Driver* driver = nullptr;
  std::string path;          // "-": standard input
  std::size_t read = 65536;  // bytes fed at a time
  std::vector<std::pair<std::string, std::string>> options;
};

struct DecodeCount {
  int reports = 0, with_problems = 0;
};

absl::StatusOr<DecodeCount> Decode(const DecodeRequest& request, std::ostream& out);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_DECODE_H_
