// Bytes that all streams of a registry may hold together.
//
// What: a count with a bound. Each stream bounds itself; this bounds their sum.
// Threads: any.
#ifndef DIMS_REGISTRY_ALLOWANCE_H_
#define DIMS_REGISTRY_ALLOWANCE_H_

#include <atomic>
#include <cstdint>

namespace dims {

class Allowance {
 public:
  explicit Allowance(uint64_t most) : most_(most) {}

  // False: there is not so much left, and nothing was taken.
  bool Take(uint64_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= most_) return true;
    used_.fetch_sub(bytes);
    return false;
  }
  // For what must be held whatever the others hold. True.
  bool TakeAnyway(uint64_t bytes) {
    used_.fetch_add(bytes);
    return true;
  }
  void Give(uint64_t bytes) { used_.fetch_sub(bytes); }
  uint64_t used() const { return used_.load(); }

 private:
  const uint64_t most_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace dims

#endif  // DIMS_REGISTRY_ALLOWANCE_H_
