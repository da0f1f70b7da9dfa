// `dims-bridge tail`, `status` and `order`: the other end of the control socket.
//
// What: asks a running bridge, and prints what it says: for people (admin_text.h), or one JSON object a line. What else
//   asks it connects in the same way.
// Errors: Unavailable where no bridge serves the socket, PermissionDenied where this user may not; what the bridge
//   answers otherwise. Each says what to do. OK when the output can take no more.
// Threads: one.
// Source: proto/dims/v1/admin.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_
#define DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_

#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dims/v1/admin.grpc.pb.h"

namespace dims {

// Until the bridge ends.
absl::Status PrintTail(const std::string& socket, const dims::v1::TailRequest& request, bool json, std::ostream& out);

// One line, in which nothing can steer a terminal.
std::string JsonLine(const google::protobuf::Message& message);

// NotFound and Unavailable: nobody serves that socket.
absl::StatusOr<std::unique_ptr<dims::v1::AdminService::Stub>> ConnectAdmin(const std::string& socket);

// How a call ended; `answered`: after at least one message of the bridge.
absl::Status AdminResult(const grpc::Status& status, const std::string& socket, bool answered);

// Says on `out` that the instrument is told.
absl::Status SendOrder(const std::string& socket, const dims::v1::OrderRequest& request, std::ostream& out);

absl::Status PrintStatus(const std::string& socket, bool json, std::ostream& out);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ADMIN_CLIENT_H_
