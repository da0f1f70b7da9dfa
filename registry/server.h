// The registry as a server: the gateway of registry.proto in front of an archive.
//
// What: listens with mutual TLS, serves every bridge's streams.
// Promise: who has no certificate of the authority in `ca`, in force, never reaches the service. Renewed certificate
//   files are taken within ten seconds; replace key and certificate by renaming.
// Memory: bounded by `memory`, and by one record and one message for each of `most_streams`.
// Errors: Start's name the file or the address, and the remedy. Afterwards errors belong to streams, or end the process
//   (database.h).
// Threads: Start and Stop belong to one thread; two threads serve each stream.
// Source: proto/dims/v1/registry.proto; grpc_security.h of gRPC 1.51.
#ifndef DIMS_REGISTRY_SERVER_H_
#define DIMS_REGISTRY_SERVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "registry/archive.h"

namespace dims {

struct RegistryServerOptions {
  std::string listen = "127.0.0.1:0";  // host:port; port 0 is any that is free
  std::string database;                // path
  std::string ca, certificate, key;    // paths, PEM
  bool accept_simulated = false;       // SIMULATED and EXERCISE are taken too
  bool restored = false;               // the database is from a backup: it gets a new epoch
  uint64_t largest_record = uint64_t{16} << 20;
  // Bytes that all streams may hold between wire and disk; as much again for gRPC's own buffers.
  uint64_t memory = uint64_t{256} << 20;
  std::size_t most_streams = 256, most_streams_of_bridge = 8;
  absl::Duration hello_timeout = absl::Seconds(10);
  absl::Duration conflict_grace = absl::Seconds(2);  // see StreamSettings
  std::function<absl::Time()> now = [] { return absl::Now(); };
};

class RegistryServer {
 public:
  static absl::StatusOr<std::unique_ptr<RegistryServer>> Start(RegistryServerOptions options);
  // Stops.
  ~RegistryServer();

  int port() const;
  // As in `listen`, with the port that it got.
  std::string address() const;
  Archive& archive();

  // Ends every stream with UNAVAILABLE and returns when all are gone.
  void Stop();

 private:
  class Impl;
  explicit RegistryServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_SERVER_H_
