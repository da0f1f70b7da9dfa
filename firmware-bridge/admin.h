// The bridge's local control socket.
//
// What: serves AdminService (admin.proto) to people on this computer, over a LocalSocket: looking, ordering, and
//   deciding about what the registry refused.
// Promise: who decided something is what the kernel says of the connection. A peer that may not is closed before a byte
//   of it is read, and logged with its user. What listeners cost is bounded: kMostTails of them, each with its own
//   bounded queue; none holds up an instrument, the store or a stop.
//   kMostConnections are open at once, so none takes the descriptors that ports and store need; a newcomer beyond is
//   closed, and logged.
// Errors: those of LocalSocket. The service goes on without.
// Threads: one accepts; gRPC has its own for the calls. Start and the destructor in one thread.
// Source: proto/dims/v1/admin.proto; grpcpp/server_posix.h.
#ifndef DIMS_FIRMWARE_BRIDGE_ADMIN_H_
#define DIMS_FIRMWARE_BRIDGE_ADMIN_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dims/v1/admin.pb.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/local_socket.h"
#include "firmware-bridge/tail.h"

namespace dims {

struct AdminSetup {
  AdminConfig config;
  std::string version, store_path;
  std::vector<InstrumentConfig> instruments;
  TailSources sources;
  // A record was added.
  std::function<void()> recorded = [] {};
  // Tells an instrument something (an order of its driver's). Absent: nobody can.
  std::function<absl::Status(const std::string& instrument, const std::string& order)> order = nullptr;
  // Who may connect; without it, whom the socket allows.
  std::function<bool(const Peer&)> allows;
  // A connection without a call is closed after this time.
  absl::Duration idle = absl::Seconds(30);
};

class AdminServer {
 public:
  static constexpr int kMostTails = 8;
  static constexpr std::size_t kMostConnections = 16;

  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(AdminSetup setup);
  // Ends every call.
  ~AdminServer();

 private:
  class Impl;
  explicit AdminServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// As Status says it.
dims::v1::UplinkStatus DescribeUplink(const UplinkState& state);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ADMIN_H_
