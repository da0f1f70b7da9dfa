#include "firmware-bridge/uplink.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "firmware-bridge/bulk_lane.h"
#include "firmware-bridge/registry_credentials.h"
#include "firmware-bridge/urgent_lane.h"
#include "firmware-bridge/verdicts.h"

namespace dims {
namespace {

constexpr absl::Duration kLookAtCertificates = absl::Minutes(1);

std::vector<std::string> AddressesOf(const UplinkOptions& options) {
  std::vector<std::string> addresses = {options.address};
  addresses.insert(addresses.end(), options.more_addresses.begin(), options.more_addresses.end());
  return addresses;
}

}  // namespace

class Uplink::Impl {
 public:
  Impl(UplinkOptions options, Store& store)
      : options_(std::move(options)),
        credentials_({options_.ca, options_.certificate, options_.key},
                     {options_.laboratory, "bridge", options_.bridge}),
        verdicts_(store),
        bulk_(
            SetupOf(store), options_.drain_limit, [this] { return urgent_.pressing_until(); },
            [this](const std::string& epoch) { urgent_.HeardEpoch(epoch); }),
        urgent_(SetupOf(store), [this] { bulk_.Wake(); }) {
    bulk_.OnConnected([this](std::size_t address) {
      urgent_.Press();
      urgent_.HurryTo(address);
    });
    urgent_.OnConnected([this](std::size_t address) { bulk_.HurryTo(address); });
  }

  void Run() {
    std::thread bulk([this] { bulk_.Run(); });
    std::thread urgent([this] { urgent_.Run(); });
    Watch();
    bulk.join();
    urgent.join();
  }

  void Stop() {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }

  void Wake() {
    urgent_.Wake();
    bulk_.Wake();
  }

  UplinkState State() const {
    const LaneState lane = bulk_.State();
    const BulkLane::Flow flow = bulk_.flow();
    UplinkState state;
    state.connected = lane.connected;
    state.registry = lane.registry;
    state.since = lane.since;
    state.last_error = lane.last_error;
    state.address = lane.address;
    state.urgent_connected = urgent_.State().connected;
    state.all_urgent_answered = !urgent_.pending();
    state.paused_until = flow.paused_until;
    state.records_under_way = flow.records_under_way;
    state.bytes_under_way = flow.bytes_under_way;
    return state;
  }

 private:
  LaneSetup SetupOf(Store& store) {
    dims::v1::Hello hello;
    hello.set_contract(kContract);
    hello.set_software(options_.software);
    hello.set_laboratory(options_.laboratory);
    hello.set_bridge(options_.bridge);
    return {AddressesOf(options_), std::move(hello), options_.answer_deadline, options_.first_wait,
            options_.longest_wait, options_.clock,   options_.changed,         store,
            credentials_,          verdicts_};
  }

  // What time brings: answers that do not come, certificates that do; in the end, lanes that do not end by themselves.
  void Watch() {
    const absl::Duration pulse = std::clamp(options_.answer_deadline / 4, absl::Milliseconds(10), absl::Seconds(1));
    absl::Duration looked_at = options_.clock().uptime;
    while (!AwaitStop(pulse)) {
      bulk_.Look();
      urgent_.Look();
      const absl::Duration now = options_.clock().uptime;
      if (now - looked_at < kLookAtCertificates) continue;
      looked_at = now;
      const uint64_t before = credentials_.version();
      credentials_.Look().IgnoreError();  // a lane that has none says so
      if (credentials_.version() != before) Wake();
    }
    for (Lane* lane : {static_cast<Lane*>(&bulk_), static_cast<Lane*>(&urgent_)}) lane->Stop();
    for (Lane* lane : {static_cast<Lane*>(&bulk_), static_cast<Lane*>(&urgent_)}) {
      while (!lane->AwaitEnd(pulse)) lane->Look();
    }
  }

  bool AwaitStop(absl::Duration most) {
    absl::MutexLock lock(&mutex_);
    return mutex_.AwaitWithTimeout(absl::Condition(&stopped_), most);
  }

  const UplinkOptions options_;
  RegistryCredentials credentials_;
  Verdicts verdicts_;
  BulkLane bulk_;
  UrgentLane urgent_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

Uplink::Uplink(UplinkOptions options, Store& store) : impl_(std::make_unique<Impl>(std::move(options), store)) {}
Uplink::~Uplink() = default;

void Uplink::Run() { impl_->Run(); }
void Uplink::Stop() { impl_->Stop(); }
void Uplink::Wake() { impl_->Wake(); }
UplinkState Uplink::State() const { return impl_->State(); }

}  // namespace dims
