// What the tests of a session with an analyser share: how it is set up.
#ifndef DIMS_TESTS_ASTM_SESSION_H_
#define DIMS_TESTS_ASTM_SESSION_H_

#include <functional>
#include <utility>

#include "drivers/catalog.h"
#include "firmware-bridge/session.h"

namespace dims {

// "analyser-1" of bridge "bridge-1" (StoreFolder's), whose answers go to `write`.
inline SessionSetup AnalyserSetup(std::function<absl::Status(absl::string_view)> write) {
  SessionSetup setup;
  setup.driver = FindDriver("astm");
  setup.options = *Options::Parse(setup.driver->options, {});
  setup.source.set_bridge("bridge-1");
  setup.source.set_instrument("analyser-1");
  setup.origin = dims::v1::ORIGIN_REAL;
  setup.write = std::move(write);
  return setup;
}

}  // namespace dims

#endif  // DIMS_TESTS_ASTM_SESSION_H_
