// What the bridge shows the registry, and how it gets to it: certificates and connections.
//
// What: reads the three PEM files, opens channels with them, and notices when the files become others.
// Promise: a change is told by what is in the files, not by their times. Files that do not fit together (a key written,
//   its certificate not yet) are never used while there is something better: what was read before stays in use.
// Errors: NotFound where a file cannot be read and nothing was read before. What is wrong with changed files is one
//   warning.
// Threads: all methods from any thread.
// Source: grpc/doc/keepalive.md; certificates.h for what is checked.
#ifndef DIMS_FIRMWARE_BRIDGE_REGISTRY_CREDENTIALS_H_
#define DIMS_FIRMWARE_BRIDGE_REGISTRY_CREDENTIALS_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "firmware-bridge/certificates.h"
#include "proto/identity.h"

namespace dims {

class RegistryCredentials {
 public:
  RegistryCredentials(CertificateFiles files, Identity self);

  // Looks at the files. Taken where they are the first, or others than before and pass CheckCertificates.
  absl::Status Look();
  // How often other files were taken: a connection of an earlier version is to be made anew.
  uint64_t version() const;

  // A connection of its own for each channel.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Open(const std::string& address) const;

 private:
  struct Contents {
    std::string ca, certificate, key;
    bool operator==(const Contents&) const = default;
  };
  absl::StatusOr<Contents> Read() const;

  const CertificateFiles files_;
  const Identity self_;
  mutable std::mutex mutex_;
  uint64_t version_ = 0;
  Contents contents_;          // in use
  std::string rejected_hash_;  // of what was warned about
};

// PermissionDenied where the certificate of the other side is no registry's.
absl::Status CheckIsRegistry(const grpc::AuthContext& auth);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_REGISTRY_CREDENTIALS_H_
