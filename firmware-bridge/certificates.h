// A look at the certificates before the bridge relies on them.
//
// What: the checks that TLS will make, made at the start and told in words a technician can act on: files, key, issuer,
//   dates, and that the certificate names this bridge.
// Promise: what passes here passes the registry's checks of the same CA; what fails names the file and the remedy.
//   Nothing is changed, nothing is sent.
// Errors: NotFound, PermissionDenied: a file cannot be read. FailedPrecondition: a date (expired, not valid yet), and
//   nothing else; a computer whose clock is not set yet may try again later. InvalidArgument: anything else.
// Threads: free of state.
// Source: RFC 5280 (paths, subject alternative names); proto/dims/v1/registry.proto, "Identity".
#ifndef DIMS_FIRMWARE_BRIDGE_CERTIFICATES_H_
#define DIMS_FIRMWARE_BRIDGE_CERTIFICATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/identity.h"

namespace dims {

// PEM files. The certificate's file may go on with intermediate certificates; the CA's may hold several.
struct CertificateFiles {
  std::string ca, certificate, key;
};

struct CertificateFacts {
  Identity identity;                  // equal to the expected one
  absl::Time not_after;               // the earliest end among the certificate and its issuers
  std::vector<std::string> warnings;  // for the log: soon to expire, key readable by others
};

// `expected` is who the configuration says the holder is; its role also decides what the certificate must be good for:
// "bridge" as a TLS client, "registry" as a server.
absl::StatusOr<CertificateFacts> CheckCertificates(const CertificateFiles& files, const Identity& expected,
                                                   absl::Time now);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_CERTIFICATES_H_
