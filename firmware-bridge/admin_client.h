// `dims-bridge tail` and `dims-bridge status`: the other end of the control socket.
//
// What: asks a running bridge, and prints what it says: for people (admin_text.h), or one JSON object a line.
// Errors: Unavailable where no bridge serves the socket, PermissionDenied where this user may not; what the bridge
//   answers otherwise. Each says what to do. OK when the output can take no more.
// Threads: one.
// Source: proto/dims/v1/admin.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_
#define DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "dims/v1/admin.pb.h"

namespace dims {

// Until the bridge ends.
absl::Status PrintTail(const std::string& socket, const dims::v1::TailRequest& request, bool json, std::ostream& out);

absl::Status PrintStatus(const std::string& socket, bool json, std::ostream& out);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_
