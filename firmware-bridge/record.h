// `dims-bridge record`: a transcript from a live line.
//
// What: opens a port and writes down what happens on it, until stopped.
// Promise: what is written can be committed as a test (tests/transcripts) and read by every tool that reads those.
//   Nothing is stored: with a driver, an instrument is told "received" for what only the transcript has. For the bench.
// Errors: the port's; Unavailable when the line hangs up (what was recorded is written), DataLoss where the output
//   cannot be written.
// Threads: one.
#ifndef DIMS_FIRMWARE_BRIDGE_RECORD_H_
#define DIMS_FIRMWARE_BRIDGE_RECORD_H_

#include <ostream>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "drivers/driver.h"
#include "firmware-bridge/recorder.h"

namespace dims {

struct RecordRequest {
  std::string port;
  Line line;
  RecordedDriver driver;
  absl::Duration length = absl::InfiniteDuration();
};

// `stopped` is asked ten times a second.
absl::Status Record(const RecordRequest& request, absl::FunctionRef<bool()> stopped, std::ostream& out);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECORD_H_
