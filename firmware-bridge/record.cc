#include "firmware-bridge/record.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/clock.h"

namespace dims {
namespace {

std::string TitleOf(const RecordRequest& request, absl::Time now) {
  const Line& line = request.line;
  const std::string set = IsTcpName(request.port)
                              ? ""
                              : absl::StrCat(" (", line.baud, " baud ", line.data_bits, std::string(1, line.parity),
                                             line.stop_bits, ", flow control ", line.flow, ")");
  return absl::StrCat("Recorded from ", request.port, set, ", ",
                      absl::FormatTime("%Y-%m-%d %H:%M", now, absl::LocalTimeZone()));
}

}  // namespace

absl::Status Record(const RecordRequest& request, absl::FunctionRef<bool()> stopped, std::ostream& out) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  if (request.driver.driver != nullptr) {
    const auto options = Options::Parse(request.driver.driver->options, request.driver.settings);
    if (!options.ok()) return options.status();
  }
  const absl::StatusOr<std::unique_ptr<Port>> port = OpenPort(request.port, request.line, stopped);
  if (!port.ok()) return port.status();
  const Moment start = ReadClocks();
  Recorder recorder(
      request.driver, TitleOf(request, start.wall), out, [&](absl::string_view bytes) { return (*port)->Write(bytes); },
      start.uptime);
  while (out && !stopped()) {
    const absl::Duration left = start.uptime + request.length - ReadClocks().uptime;
    if (left <= absl::ZeroDuration()) break;
    const absl::StatusOr<Received> received = (*port)->Read(std::min(left, kLook));
    const absl::Duration now = ReadClocks().uptime;
    if (!received.ok()) {
      recorder.Finish(received.status().message());
      return received.status();
    }
    if (!received->bytes.empty()) recorder.Take(*received, now);
    recorder.Tick(now);
  }
  recorder.Finish("the recording ends here");
  return out ? absl::OkStatus() : absl::DataLossError("the transcript could not be written");
}

}  // namespace dims
