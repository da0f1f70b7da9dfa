// Tells the thread sanitizer what absl::Mutex orders.
//
// The distribution's Abseil is not built for the sanitizer, and its mutex does not sit on pthread's, so every use of
// one would look like a race. These stand before the library's own in every program of a DIMS_SANITIZE=thread build:
// what was done before an Unlock or a wait happens before the next Lock. Conditions are evaluated inside the library,
// on any thread, with the mutex held; the reads they make there are not judged.
#include <dlfcn.h>

#include <cstdlib>

#include "absl/synchronization/mutex.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

template <typename Function>
Function* Next(const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  if (found == nullptr) std::abort();
  return reinterpret_cast<Function*>(found);
}

class ReadsNotJudged {
 public:
  ReadsNotJudged() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~ReadsNotJudged() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  static auto* const next = Next<void(Mutex*)>("_ZN4absl7debian35Mutex4LockEv");
  {
    const ReadsNotJudged ignore;
    next(this);
  }
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  static auto* const next = Next<void(Mutex*)>("_ZN4absl7debian35Mutex6UnlockEv");
  __tsan_release(this);
  const ReadsNotJudged ignore;
  next(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const next = Next<bool(Mutex*, const Condition&, Duration)>(
      "_ZN4absl7debian35Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  __tsan_release(this);
  bool holds = false;
  {
    const ReadsNotJudged ignore;
    holds = next(this, condition, timeout);
  }
  __tsan_acquire(this);
  return holds;
}

ABSL_NAMESPACE_END
}  // namespace absl
