// The bridge's clocks.
//
// What: wall-clock time, which stamps and may step, and time since boot, which runs evenly and drives every timer; and
//   what the former is worth: the kernel's word on synchronisation, the boot id.
// Promise: reading them changes nothing. Order never depends on them: records are ordered by number.
// Units: absl::Time; nanoseconds since boot, sleep included.
// Threads: pure functions of the system.
// Source: Linux adjtimex(2) (STA_UNSYNC), proc_sys_kernel(5) (random/boot_id), clock_gettime(2) (CLOCK_BOOTTIME).
#ifndef DIMS_FIRMWARE_BRIDGE_CLOCK_H_
#define DIMS_FIRMWARE_BRIDGE_CLOCK_H_

#include "absl/time/time.h"
#include "dims/v1/report.pb.h"

namespace dims {

// One instant on both clocks.
struct Moment {
  absl::Time wall;
  absl::Duration uptime;
};
Moment ReadClocks();

dims::v1::ClockState ReadClockState();

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_CLOCK_H_
