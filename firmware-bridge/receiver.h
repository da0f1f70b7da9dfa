// Keeps one instrument's port open and reads it, always.
//
// What: a thread that opens the port, puts what it reads into a ReceiveBuffer, and opens again after a hang-up.
// Promise: an absent device never blocks anything; the thread never waits for the disk, except on a line where the
//   other side waits meanwhile. A hang-up is an Arrival of its own, so what came before and after is never one report.
//   The name is looked up anew for each opening: a device that comes back under another number is found behind its
//   link.
// Units: tries again after 200 ms, doubling to 2 s: what an instrument prints while nobody listens is lost.
// Errors: logged once per cause, not once per try. After an opening that ended within a second without a byte (a server
//   that accepts and hangs up), the next is an Arrival only once bytes come or it has lasted a second.
// Threads: Write may be called from any thread.
#ifndef DIMS_FIRMWARE_BRIDGE_RECEIVER_H_
#define DIMS_FIRMWARE_BRIDGE_RECEIVER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "drivers/driver.h"
#include "firmware-bridge/port.h"
#include "firmware-bridge/receive_buffer.h"

namespace dims {

class Receiver {
 public:
  using Opener = std::function<absl::StatusOr<std::unique_ptr<Port>>(const std::string& name, const Line& line,
                                                                     absl::FunctionRef<bool()> stopped)>;

  // What the port must turn out to be, where its results count as that by its name alone.
  enum class Expected { kAny, kReal, kSimulated };

  // `wake` is called after each Put.
  Receiver(std::string instrument, std::string port, Line line, Expected expected, ReceiveBuffer& buffer,
           std::function<void()> wake, Opener open = OpenPort);
  ~Receiver();  // stops reading and closes the port

  // Ends the thread; the port stays open for replies.
  void StopReading();

  absl::Status Write(absl::string_view bytes);

 private:
  void Run();
  void Put(Arrival::Kind kind, Received received = {});
  absl::Status CheckOrigin(const Port& port) const;
  // One opening, as far as it went.
  struct Opening {
    bool told = false;   // as an Arrival
    bool heard = false;  // bytes
    bool lasted = false;
    absl::Status end;
  };
  Opening ReadUntilHangUp(Port& port, bool tell_at_once);

  const std::string instrument_, name_;  // of the port
  const Line line_;
  const Expected expected_;
  ReceiveBuffer& buffer_;
  const std::function<void()> wake_;
  const Opener open_;
  absl::Notification stop_;
  absl::Mutex mutex_;
  std::unique_ptr<Port> port_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECEIVER_H_
