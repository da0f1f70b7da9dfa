// Where what was read waits for the disk.
//
// What: a bounded queue from one receiving thread, and people who order something, to the bench.
// Promise: Put never waits: the port is read at all times, whatever the disk does. Order is kept. What finds no room is
//   counted, and the count stands in the queue where the bytes would have stood.
// Units: capacity in bytes; 1 MiB holds 90 s of a 115200 baud line.
// Threads: any puts, one takes. Only the receiving one waits for room.
#ifndef DIMS_FIRMWARE_BRIDGE_RECEIVE_BUFFER_H_
#define DIMS_FIRMWARE_BRIDGE_RECEIVE_BUFFER_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firmware-bridge/session.h"

namespace dims {

class ReceiveBuffer {
 public:
  static constexpr std::size_t kCapacity = std::size_t{1} << 20;

  // `seen` is told each arrival as it is put, in order; it must be quick, and must not call back.
  explicit ReceiveBuffer(std::size_t capacity = kCapacity, std::function<void(const Arrival&)> seen = nullptr)
      : capacity_(capacity), seen_(std::move(seen)) {}

  void Put(Arrival arrival);
  // Waits for room for `size` bytes; false if there was none in time. For lines that hold back what is not read.
  bool AwaitRoom(std::size_t size, absl::Duration most);
  // Up to about `most` bytes, in order.
  std::vector<Arrival> Take(std::size_t most);

 private:
  const std::size_t capacity_;
  const std::function<void(const Arrival&)> seen_;
  absl::Mutex mutex_;
  std::deque<Arrival> waiting_ ABSL_GUARDED_BY(mutex_);
  std::size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_RECEIVE_BUFFER_H_
