// A look at the registry's own certificate before it is used.
//
// What: reads the three files, checks that they belong together and are in force, and says who the certificate names.
// Errors: name the file and the remedy.
// Threads: free of state.
// Source: RFC 5280; proto/dims/v1/registry.proto, "Identity".
#ifndef DIMS_REGISTRY_CERTIFICATE_H_
#define DIMS_REGISTRY_CERTIFICATE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/identity.h"

namespace dims {

// PEM files: the authority that signs the bridges' certificates, the registry's certificate (its chain may follow in
// the same file), its key.
absl::StatusOr<Identity> CheckRegistryCertificate(const std::string& ca, const std::string& certificate,
                                                  const std::string& key, absl::Time now);

}  // namespace dims

#endif  // DIMS_REGISTRY_CERTIFICATE_H_
