#include "simulator/fault_proxy.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "simulator/journal.h"
#include "simulator/link.h"
#include "simulator/tcp.h"

namespace dims {
namespace {

absl::Duration SteadyUptime() { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }

}  // namespace

// Everything but the orders belongs to the thread of Run, once it is there.
class FaultProxy::Impl {
 public:
  explicit Impl(FaultProxyOptions options)
      : options_(std::move(options)), faults_(options_.seed, options_.every, options_.kinds) {
    if (!options_.uptime) options_.uptime = SteadyUptime;
  }
  ~Impl() {
    if (!thread_.joinable()) return;
    Order([this] { stopping_ = true; });
    thread_.join();
    link_->ResetAll("the proxy ended");
  }

  absl::Status Start();
  std::string address() const { return address_.ToText(); }

  // Runs `order` in the loop; returns when the loop has also carried what may be carried then.
  void Order(const std::function<void()>& order);

  // Orders.
  void Begin(const Fault& fault) { link_->Begin(fault); }
  void Heal() { link_->Heal(); }
  void Calm() {
    next_at_ = end_at_ = absl::InfiniteDuration();
    link_->Heal();
  }
  FaultProxyState State() const { return link_->Summary(); }

 private:
  void Run();
  void MakeRandomFaults();
  void Listen();
  void Accept();
  void Wait();
  void Log(const JournalLine& line);

  FaultProxyOptions options_;
  TcpAddress address_;
  std::unique_ptr<Journal> journal_;
  Socket wake_, holder_, listener_;
  std::unique_ptr<Link> link_;
  RandomFaults faults_;
  RandomFaults::Next next_;
  absl::Duration next_at_ = absl::InfiniteDuration(), end_at_ = absl::InfiniteDuration();  // one of them is
  absl::Duration now_;
  std::vector<pollfd> polled_;
  bool stopping_ = false;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable answered_changed_;
  std::vector<std::function<void()>> orders_;
  std::uint64_t asked_ = 0, answered_ = 0;
};

absl::Status FaultProxy::Impl::Start() {
  LinkState normal;
  for (const Fault& fault : options_.always) {
    if (fault.kind != Fault::Kind::kDelay && fault.kind != Fault::Kind::kThrottle) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", ToText(fault), "\" is no property of a link; only delay and throttle are"));
    }
    normal.Set(fault);
  }
  const absl::StatusOr<TcpAddress> listen = TcpAddress::Resolve(options_.listen);
  if (!listen.ok()) return listen.status();
  const absl::StatusOr<TcpAddress> to = TcpAddress::Resolve(options_.to);
  if (!to.ok()) return to.status();
  absl::StatusOr<Socket> holder = HoldAddress(*listen);
  if (!holder.ok()) return holder.status();
  holder_ = *std::move(holder);
  address_ = TcpAddress::Of(holder_);
  absl::StatusOr<Socket> listener = ListenAt(address_);
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(options_.log);
  if (!journal.ok()) return journal.status();
  journal_ = *std::move(journal);
  wake_ = Socket(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake_.open()) return absl::ErrnoToStatus(errno, "cannot make a descriptor to be woken by");
  Log(JournalLine("listening", absl::Now()).Text("address", address()).Text("to", to->ToText()));
  link_ = std::make_unique<Link>(*to, normal, options_.seed, [this](const JournalLine& line) { Log(line); });
  listener_.SetReceiveBuffer(link_->ReceiveBuffer(Way::kUp));
  if (options_.every > absl::ZeroDuration()) {
    next_ = faults_.Draw();
    next_at_ = options_.uptime() + next_.after;
  }
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

void FaultProxy::Impl::Order(const std::function<void()>& order) {
  std::unique_lock lock(mutex_);
  orders_.push_back(order);
  const std::uint64_t ticket = ++asked_;
  eventfd_write(wake_.fd(), 1);
  answered_changed_.wait(lock, [&] { return answered_ >= ticket; });
}

void FaultProxy::Impl::Run() {
  while (!stopping_) {
    eventfd_t value = 0;
    eventfd_read(wake_.fd(), &value);
    std::vector<std::function<void()>> orders;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
    }
    now_ = options_.uptime();
    MakeRandomFaults();
    for (const std::function<void()>& order : orders) order();
    Listen();
    Accept();
    link_->Carry(now_);
    {
      const std::lock_guard lock(mutex_);
      answered_ += orders.size();
      answered_changed_.notify_all();
    }
    if (!stopping_) Wait();
  }
}

void FaultProxy::Impl::MakeRandomFaults() {
  if (now_ >= end_at_) {
    link_->End(next_.fault);
    next_ = faults_.Draw();
    next_at_ = end_at_ + next_.after;
    end_at_ = absl::InfiniteDuration();
  }
  if (now_ >= next_at_) {
    link_->Begin(next_.fault);
    end_at_ = now_ + next_.lasts;
    next_at_ = absl::InfiniteDuration();
  }
}

void FaultProxy::Impl::Listen() {
  if (link_->state().refused) {
    listener_.Close();
  } else if (!listener_.open()) {
    absl::StatusOr<Socket> listener = ListenAt(address_);
    if (listener.ok()) {
      listener_ = *std::move(listener);
    } else {
      SPDLOG_ERROR("{}; trying again", std::string(listener.status().message()));
    }
  }
  if (listener_.open()) listener_.SetReceiveBuffer(link_->ReceiveBuffer(Way::kUp));
}

void FaultProxy::Impl::Accept() {
  while (listener_.open()) {
    TcpAddress peer;
    peer.size = sizeof peer.storage;
    Socket client(
        accept4(listener_.fd(), reinterpret_cast<sockaddr*>(&peer.storage), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.open()) return;
    SendAtOnce(client);
    link_->Add(std::move(client), peer.ToText());
  }
}

void FaultProxy::Impl::Wait() {
  polled_.assign({pollfd{wake_.fd(), POLLIN, 0}});
  if (listener_.open()) polled_.push_back({listener_.fd(), POLLIN, 0});
  const absl::Duration carry = link_->Poll(polled_);
  const absl::Duration most =
      std::clamp(std::min({carry, next_at_ - now_, end_at_ - now_}), absl::ZeroDuration(),
                 listener_.open() || link_->state().refused ? absl::Hours(1) : absl::Seconds(1));
  poll(polled_.data(), polled_.size(),
       static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(most, absl::Milliseconds(1)))));
}

void FaultProxy::Impl::Log(const JournalLine& line) {
  if (journal_ == nullptr) return;
  if (const absl::Status status = journal_->Write(line); !status.ok()) {
    SPDLOG_ERROR("{}; it ends here", std::string(status.message()));
    journal_.reset();
  }
}

FaultProxy::FaultProxy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FaultProxy::~FaultProxy() = default;

absl::StatusOr<std::unique_ptr<FaultProxy>> FaultProxy::Start(FaultProxyOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<FaultProxy>(new FaultProxy(std::move(impl)));
}

std::string FaultProxy::address() const { return impl_->address(); }

void FaultProxy::Begin(const Fault& fault) {
  impl_->Order([&] { impl_->Begin(fault); });
}
void FaultProxy::Heal() {
  impl_->Order([&] { impl_->Heal(); });
}
void FaultProxy::Calm() {
  impl_->Order([&] { impl_->Calm(); });
}
void FaultProxy::Wake() {
  impl_->Order([] {});
}
FaultProxyState FaultProxy::State() const {
  FaultProxyState state;
  impl_->Order([&] { state = impl_->State(); });
  return state;
}

absl::StatusOr<std::string> FaultProxy::Do(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line == "status") {
    const FaultProxyState state = State();
    JournalLine json("status", absl::Now());
    json.Number("connections", state.connections)
        .Number("connected", state.connected)
        .Number("up", state.carried_up)
        .Number("down", state.carried_down)
        .Number("held_up", state.held_up)
        .Number("held_down", state.held_down)
        .Text("faults", absl::StrJoin(state.faults, ", "));
    return std::string(absl::StripSuffix(json.Json(), "\n"));
  }
  if (line == "heal") {
    Heal();
  } else if (line == "calm") {
    Calm();
  } else {
    const absl::StatusOr<Fault> fault = ParseFault(line);
    if (!fault.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(fault.status().message(), "; or heal, calm or status"));
    }
    Begin(*fault);
  }
  return "ok";
}

}  // namespace dims
