#include "firmware-bridge/receiver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"

namespace dims {

Receiver::Receiver(std::string instrument, std::string port, Line line, Expected expected, ReceiveBuffer& buffer,
                   std::function<void()> wake, Opener open)
    : instrument_(std::move(instrument)),
      name_(std::move(port)),
      line_(line),
      expected_(expected),
      buffer_(buffer),
      wake_(std::move(wake)),
      open_(std::move(open)),
      thread_([this] { Run(); }) {}

Receiver::~Receiver() { StopReading(); }

void Receiver::StopReading() {
  if (!stop_.HasBeenNotified()) stop_.Notify();
  if (thread_.joinable()) thread_.join();
}

void Receiver::Run() {
  constexpr absl::Duration kFirstWait = absl::Milliseconds(200), kLongestWait = absl::Seconds(2);
  absl::Duration wait = kFirstWait;
  bool in_vain = false;  // the last opening was
  std::string last_error;
  const auto fail = [&](const absl::Status& error) {
    if (error.message() == last_error) return;
    last_error = std::string(error.message());
    SPDLOG_WARN("{}: {}; will keep trying", instrument_, last_error);
  };
  while (!stop_.HasBeenNotified()) {
    absl::StatusOr<std::unique_ptr<Port>> opened = open_(name_, line_, [this] { return stop_.HasBeenNotified(); });
    if (opened.ok()) {
      if (absl::Status status = CheckOrigin(**opened); !status.ok()) opened = status;
    }
    if (opened.ok()) {
      Port* port = nullptr;
      {
        absl::MutexLock lock(&mutex_);
        port_ = *std::move(opened);
        port = port_.get();
      }
      const Opening opening = ReadUntilHangUp(*port, !in_vain);
      // After a stop the port stays: what had been read may still be answered.
      if (stop_.HasBeenNotified()) return;
      {
        absl::MutexLock lock(&mutex_);
        port_.reset();
      }
      in_vain = !opening.lasted && !opening.heard;
      if (opening.lasted) last_error.clear();
      fail(opening.end);
      if (opening.told) Put(Arrival::Kind::kClosed);
      if (opening.lasted) {
        wait = kFirstWait;
        continue;
      }
    } else if (!absl::IsCancelled(opened.status())) {
      fail(opened.status());
    }
    stop_.WaitForNotificationWithTimeout(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

absl::Status Receiver::CheckOrigin(const Port& port) const {
  constexpr absl::string_view kRemedy = "; say in the configuration what it is (origin)";
  if (expected_ == Expected::kReal && port.IsSimulated()) {
    return absl::FailedPreconditionError(absl::StrCat(
        name_, " is a pseudo-terminal, or on this machine: a simulated result must not pass for a real one", kRemedy));
  }
  if (expected_ == Expected::kSimulated && !port.IsSimulated()) {
    return absl::FailedPreconditionError(
        absl::StrCat(name_,
                     " is an instrument's line, but was none when the bridge started, so its results would be marked "
                     "SIMULATED",
                     kRemedy, ", or start the bridge anew"));
  }
  return absl::OkStatus();
}

void Receiver::Put(Arrival::Kind kind, Received received) {
  buffer_.Put({kind, ReadClocks(), std::move(received.bytes), std::move(received.marks), 0});
  wake_();
}

Receiver::Opening Receiver::ReadUntilHangUp(Port& port, bool tell_at_once) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);  // for Stop
  constexpr absl::Duration kShort = absl::Seconds(1);        // an opening that lasts less is no success
  const absl::Duration since = ReadClocks().uptime;
  Opening opening;
  const auto tell = [&] {
    if (!std::exchange(opening.told, true)) Put(Arrival::Kind::kOpened);
  };
  if (tell_at_once) tell();
  while (!stop_.HasBeenNotified()) {
    // Not only at the first bytes: on some lines it is this side that speaks first.
    if (ReadClocks().uptime - since >= kShort) tell();
    if (port.HoldsBack() && !buffer_.AwaitRoom(Port::kMostRead, kLook)) continue;
    absl::StatusOr<Received> received = port.Read(kLook);
    if (!received.ok()) {
      opening.end = received.status();
      break;
    }
    if (received->bytes.empty()) continue;
    if (DIMS_FAILPOINT("port.read")) {
      opening.end = absl::UnavailableError(absl::StrCat(name_, " hung up"));
      break;
    }
    tell();
    opening.heard = true;
    Put(Arrival::Kind::kBytes, *std::move(received));
  }
  opening.lasted = ReadClocks().uptime - since >= kShort;
  return opening;
}

absl::Status Receiver::Write(absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  if (port_ == nullptr) return absl::UnavailableError(absl::StrCat(name_, " is not open"));
  if (DIMS_FAILPOINT("port.write.before")) return absl::UnavailableError(absl::StrCat(name_, " hung up"));
  absl::Status status = port_->Write(bytes);
  if (DIMS_FAILPOINT("port.write.after")) return absl::UnavailableError(absl::StrCat(name_, " hung up"));
  return status;
}

}  // namespace dims
