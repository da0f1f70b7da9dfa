#include "firmware-bridge/receiver.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"

namespace dims {

Receiver::Receiver(std::string instrument, std::string path, Line line, bool real, ReceiveBuffer& buffer,
                   std::function<void()> wake)
    : instrument_(std::move(instrument)),
      path_(std::move(path)),
      line_(line),
      real_(real),
      buffer_(buffer),
      wake_(std::move(wake)),
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
    absl::StatusOr<std::unique_ptr<Port>> opened = OpenPort(path_, line_);
    if (opened.ok() && real_ && IsPseudoTerminal(path_)) {
      opened = absl::FailedPreconditionError(absl::StrCat(
          path_,
          " is a pseudo-terminal: a simulated result must not pass for a real one; say in the configuration "
          "what it is (origin)"));
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
      Put(Arrival::Kind::kOpened, "");
      ReadUntilHangUp(*port);
      // After a stop the port stays: what had been read may still be answered.
      if (stop_.HasBeenNotified()) return;
      {
        absl::MutexLock lock(&mutex_);
        port_.reset();
      }
      Put(Arrival::Kind::kClosed, "");
      if (ReadClocks().uptime - since >= kShort) {
        wait = kFirstWait;
        continue;
      }
    } else if (std::string error(opened.status().message()); error != last_error) {
      SPDLOG_WARN("{}: {}; will keep trying", instrument_, error);
      last_error = error;
    }
    stop_.WaitForNotificationWithTimeout(wait);
    wait = std::min(wait * 2, kLongestWait);
  }
}

void Receiver::Put(Arrival::Kind kind, std::string bytes) {
  buffer_.Put({kind, ReadClocks(), std::move(bytes), {}, 0});
  wake_();
}

void Receiver::ReadUntilHangUp(Port& port) {
  std::array<char, 4096> bytes;
  constexpr absl::Duration kLook = absl::Milliseconds(100);  // for Stop
  while (!stop_.HasBeenNotified()) {
    if (port.HoldsBack() && !buffer_.AwaitRoom(bytes.size(), kLook)) continue;
    const absl::StatusOr<std::size_t> got = port.Read(bytes.data(), bytes.size(), kLook);
    if (!got.ok()) {
      SPDLOG_WARN("{}: {}", instrument_, std::string(got.status().message()));
      return;
    }
    if (*got == 0) continue;
    Put(Arrival::Kind::kBytes, std::string(bytes.data(), *got));
  }
}

absl::Status Receiver::Write(absl::string_view bytes) {
  absl::MutexLock lock(&mutex_);
  if (port_ == nullptr) return absl::UnavailableError(absl::StrCat(path_, " is not open"));
  return port_->Write(bytes);
}

}  // namespace dims
