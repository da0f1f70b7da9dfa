// `dims-bridge run`: the service.
//
// What: opens the store, starts a receiver for each instrument, the bench and the uplink, and serves until SIGTERM or
//   SIGINT.
// Promise: ready (sd_notify) as soon as it listens; neither an absent instrument nor an unreachable registry, nor a
//   wrong certificate keeps it from collecting. A stop at any moment loses nothing that was acknowledged.
// Errors: returned before READY: a store that cannot be opened. A disk that fails later ends the process (store.h).
// Threads: SIGTERM and SIGINT must be blocked in the whole process before the first thread starts.
// Source: systemd sd_notify(3), sd_watchdog_enabled(3).
#ifndef DIMS_FIRMWARE_BRIDGE_SERVICE_H_
#define DIMS_FIRMWARE_BRIDGE_SERVICE_H_

#include <signal.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "drivers/drivers.h"
#include "firmware-bridge/certificates.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/store.h"

namespace dims {

// The signals that end the service, for pthread_sigmask at the start of main.
sigset_t StopSignals();

StoreOptions StoreOptionsOf(const Config& config);

absl::StatusOr<CertificateFacts> CheckOwnCertificates(const Config& config);

// Benches at which no scanner could name anything. `drivers` as below.
std::vector<std::string> BenchWarnings(const Config& config, const Drivers& drivers);

// `drivers` has those that the configuration names.
absl::Status RunService(const Config& config, const Drivers& drivers, absl::string_view version);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_SERVICE_H_
