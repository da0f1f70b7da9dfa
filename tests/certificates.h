// Certificates for tests: made when the test runs, worth nothing afterwards.
//
// What: an authority with a fresh P-256 key, and what it signs: a registry's certificate (for localhost and 127.0.0.1)
//   and bridges' certificates, with any identity and any time of validity.
// Promise: nothing is written to disk unless WriteCertificates is called; every authority has a key of its own.
// Errors: a failure of the library ends the test with a line on stderr: there is nothing to test without certificates.
// Threads: an authority belongs to one thread.
// Source: RFC 5280; proto/dims/v1/registry.proto, "Identity".
#ifndef DIMS_TESTS_CERTIFICATES_H_
#define DIMS_TESTS_CERTIFICATES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace dims::test {

// A certificate and its private key, both PEM.
struct Certificate {
  std::string certificate;
  std::string key;
};

struct Validity {
  absl::Time from = absl::Now() - absl::Hours(1);
  absl::Time until = absl::Now() + absl::Hours(24);
};

class CertificateAuthority {
 public:
  explicit CertificateAuthority(absl::string_view name = "DIMS test authority");

  const std::string& certificate() const { return self_.certificate; }

  // For a server on this machine: localhost, 127.0.0.1 and urn:dims:<laboratory>:registry:<name>.
  Certificate Registry(absl::string_view laboratory, absl::string_view name, Validity validity = {}) const;
  // For a client: urn:dims:<laboratory>:bridge:<name>.
  Certificate Bridge(absl::string_view laboratory, absl::string_view name, Validity validity = {}) const;
  // For any URI, or none where it is empty.
  Certificate WithUri(absl::string_view uri, Validity validity = {}) const;

 private:
  Certificate Issue(absl::string_view common_name, const std::string& alternative_names, Validity validity) const;

  std::string name_;
  Certificate self_;
};

// Paths of ca.pem, certificate.pem and key.pem, as dims-registry and dims-bridge take them.
struct CertificateFiles {
  std::string ca, certificate, key;
};

// Writes the three into `directory`, which exists, as <prefix>ca.pem and so on; the key is readable by its owner only.
CertificateFiles WriteCertificates(absl::string_view directory, absl::string_view prefix,
                                   const CertificateAuthority& authority, const Certificate& certificate);

}  // namespace dims::test

#endif  // DIMS_TESTS_CERTIFICATES_H_
