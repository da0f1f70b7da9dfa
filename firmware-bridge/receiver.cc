#include "firmware-bridge/receiver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dims {

Receiver::Receiver(std::string instrument, std::string port, Line line, bool real, ReceiveBuffer& buffer,
                   std::function<void()> wake, Opener open)
    : instrument_(std::move(instrument)),
      name_(std::move(port)),
      line_(line),
      real_(real),
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
  constexpr absl::Duration kShort = absl::Seconds(1);  // an opening that lasts less is no success
  absl::Duration wait = kFirstWait;
  std::string last_error;
  while (!stop_.HasBeenNotified()) {
    absl::StatusOr<std::unique_ptr<Port>> opened = open_(name_, line_, [this] { return stop_.HasBeenNotified(); });
    if (opened.ok() && real_ && (*opened)->IsSimulated()) {
      opened = absl::FailedPreconditionError(absl::StrCat(
          name_,
          " is a pseudo-terminal, or on this machine: a simulated result must not pass for a real one; say in the "
          "configuration what it is (origin)"));
    }
    if (opened.ok()) {
      last_error.clear();
      Port* port = nullptr;
      {
        absl::MutexLock lock(&mutex_);
        port_ = *std::move(opened);
        port = port_.get();
      }
      const absl::Duration since = ReadClocks().uptime;
      Put(Arrival::Kind::kOpened);
      ReadUntilHangUp(*port);
      // After a stop the port stays: what had been read may still be answered.
      if (stop_.HasBeenNotified()) return;
      {
        absl::MutexLock lock(&mutex_);
        port_.reset();
      }
      Put(Arrival::Kind::kClosed);
      if (ReadClocks().uptime - since >= kShort) {
        wait = kFirstWait;
        continue;
      }
    } else if (std::string error(opened.status().message());
               error != last_error && !absl::IsCancelled(opened.status())) {
      SPDLOG_WARN("{}: {}; will keep trying", instrument_, error);
      last_error = error;
    }
    stop_.WaitForNotificationWithTimeout(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

void Receiver::Put(Arrival::Kind kind, Received received) {
  buffer_.Put({kind, ReadClocks(), std::move(received.bytes), std::move(received.marks), 0});
  wake_();
}

void Receiver::ReadUntilHangUp(Port& port) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);  // for Stop
  while (!stop_.HasBeenNotified()) {
    if (port.HoldsBack() && !buffer_.AwaitRoom(Port::kMostRead, kLook)) continue;
    absl::StatusOr<Received> received = port.Read(kLook);
    if (!received.ok()) {
      SPDLOG_WARN("{}: {}", instrument_, std::string(received.status().message()));
      return;
    }
    if (received->bytes.empty()) continue;
    Put(Arrival::Kind::kBytes, *std::move(received));
  }
}

absl::Status Receiver::Write(absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  if (port_ == nullptr) return absl::UnavailableError(absl::StrCat(name_, " is not open"));
  return port_->Write(bytes);
}

}  // namespace dims
