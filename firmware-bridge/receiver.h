// Keeps one instrument's port open and reads it, always.
//
// What: a thread that opens the port, puts what it reads into a ReceiveBuffer, and opens again after a hang-up.
// Promise: an absent device never blocks anything; the thread never waits for the disk, except on a line where the
//   other side waits meanwhile. A hang-up is an Arrival of its
//   own, so what came before and after is never one report.
// Units: tries again after 200 ms, doubling to 2 s: what an instrument prints while nobody listens is lost.
// Errors: logged once per cause, not once per try.
// Threads: Write may be called from any thread.
#ifndef DIMS_FIRMWARE_BRIDGE_RECEIVER_H_
#define DIMS_FIRMWARE_BRIDGE_RECEIVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "drivers/driver.h"
#include "firmware-bridge/port.h"
#include "firmware-bridge/receive_buffer.h"

namespace dims {

class Receiver {
 public:
  // `wake` is called after each Put. `real`: its results count as real, so it must not turn out to be a
  // pseudo-terminal.
  Receiver(std::string instrument, std::string path, Line line, bool real, ReceiveBuffer& buffer,
           std::function<void()> wake);
  ~Receiver();  // stops reading and closes the port

  // Ends the thread; the port stays open for replies.
  void StopReading();

  absl::Status Write(absl::string_view bytes);

 private:
  void Run();
  void Put(Arrival::Kind kind, std::string bytes);
  void ReadUntilHangUp(Port& port);

  const std::string instrument_, path_;
  const Line line_;
  const bool real_;
  ReceiveBuffer& buffer_;
  const std::function<void()> wake_;
  absl::Notification stop_;
  absl::Mutex mutex_;
  std::unique_ptr<Port> port_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECEIVER_H_
