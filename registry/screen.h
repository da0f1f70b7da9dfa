// What the registry refuses for good.
//
// What: looks at one payload and says whether the registry takes it; a refusal has a type and a sentence.
// Promise: the payload is judged, never changed. In doubt it is taken: a refused record is lost to the registry.
// Threads: free of state.
// Source: proto/dims/v1/registry.proto, RefusalReason; proto/dims/v1/report.proto, the rules for its fields.
#ifndef DIMS_REGISTRY_SCREEN_H_
#define DIMS_REGISTRY_SCREEN_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/registry.pb.h"
#include "proto/identity.h"

namespace dims {

struct Verdict {
  v1::RefusalReason reason = v1::REFUSAL_REASON_UNSPECIFIED;  // UNSPECIFIED: taken
  std::string message;
};

// What a bridge says of itself, for a log or a message: on one line, in ASCII, and not too much of it.
std::string Quoted(absl::string_view text);

// `sender` is what its certificate says. TOO_LARGE is decided where the parts of a record are put together.
Verdict Screen(uint32_t schema, absl::string_view payload, const Identity& sender, bool accept_simulated);

}  // namespace dims

#endif  // DIMS_REGISTRY_SCREEN_H_
