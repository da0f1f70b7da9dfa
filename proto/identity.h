// Who a certificate says its holder is.
//
// What: the URI urn:dims:<laboratory>:<role>:<name> in a certificate's subject alternative names.
// Promise: a name that is not wholly of this form is no identity; nothing is trimmed or folded.
// Errors: InvalidArgument naming what is wrong with the URI.
// Source: proto/dims/v1/registry.proto, "Identity".
#ifndef DIMS_PROTO_IDENTITY_H_
#define DIMS_PROTO_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dims {

struct Identity {
  std::string laboratory;  // lower-case letters, digits, hyphens
  std::string role;        // "bridge" or "registry"
  std::string name;
};

absl::StatusOr<Identity> ParseIdentity(absl::string_view uri);

}  // namespace dims

#endif  // DIMS_PROTO_IDENTITY_H_
