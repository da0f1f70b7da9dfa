#include "firmware-bridge/clock.h"

#include <sys/timex.h>

#include <ctime>
#include <fstream>
#include <string>

#include "absl/time/clock.h"

namespace dims {

Moment ReadClocks() {
  timespec since{};
  clock_gettime(CLOCK_BOOTTIME, &since);
  return {absl::Now(), absl::DurationFromTimespec(since)};
}

dims::v1::ClockState ReadClockState() {
  dims::v1::ClockState state;
  timex query{};
  const int answer = adjtimex(&query);
  state.set_synchronized(answer >= 0 && answer != TIME_ERROR && (query.status & STA_UNSYNC) == 0);
  std::string boot_id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot_id);
  state.set_boot_id(boot_id);
  state.set_boottime_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(ReadClocks().uptime)));
  return state;
}

}  // namespace dims
