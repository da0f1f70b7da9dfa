// gRPC's own messages, in our log.
//
// What: turns each refused TLS handshake into one line that a laboratory's technician can act on, and passes gRPC's
//   other errors on.
// Promise: one line for one refused connection; what OpenSSL said of it is in the line.
// Threads: LineFor is free of state; gRPC may log from any thread.
// Source: the texts of gRPC 1.51 (ssl_transport_security.cc, chttp2_server.cc); X509_V_ERR_* of OpenSSL.
#ifndef DIMS_REGISTRY_GRPC_LOG_H_
#define DIMS_REGISTRY_GRPC_LOG_H_

#include <spdlog/common.h>

#include <string>

#include "absl/strings/string_view.h"

namespace dims {

struct LogLine {
  spdlog::level::level_enum level = spdlog::level::off;  // off: nothing to say
  std::string text;
};

// What becomes of one message of gRPC. `severity` as in grpc/support/log.h: 0 debug, 1 info, 2 error.
LogLine LineFor(int severity, absl::string_view file, absl::string_view message);

// From now on gRPC's messages go to spdlog's default logger. For a process that is a registry and no gRPC client: a
// client's failed handshakes have the same texts.
void LogGrpcMessages();

}  // namespace dims

#endif  // DIMS_REGISTRY_GRPC_LOG_H_
