#include "firmware-bridge/admin.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "dims/v1/admin.grpc.pb.h"
#include "drivers/options.h"
#include "firmware-bridge/clock.h"
#include "firmware-bridge/quarantine.h"

namespace dims {
namespace {

using dims::v1::TailResponse;

constexpr absl::Duration kLook = absl::Milliseconds(200);  // for the listener's leaving, and for a stop

void DescribeStore(const StoreSummary& summary, const std::string& path, dims::v1::StoreStatus& status) {
  status.set_path(path);
  status.set_file_bytes(summary.file_bytes);
  status.set_used_bytes(summary.used_bytes);
  status.set_budget_bytes(summary.budget_bytes);
  status.set_disk_free_bytes(summary.disk_free_bytes);
  for (const std::string& warning : summary.warnings) status.add_warnings(warning);
  uint64_t queued = 0, refused = 0;
  for (const StoreSummary::PerGeneration& entry : summary.generations) {
    queued += entry.queued;
    refused += entry.refused;
  }
  status.set_quarantined(summary.quarantined);
  status.set_queued(queued);
  status.set_refused(refused);
  if (summary.generations.empty()) return;
  const Generation& current = summary.generations.back().generation;
  status.set_store_id(current.store_id);
  status.set_highest_number(current.highest_number);
  status.set_settled_through(current.settled_through);
}

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

// Who calls. gRPC names a connection by its descriptor, and keeps that open while a call of it lasts: the number is
// still this connection's.
absl::StatusOr<std::string> CallerOf(const grpc::ServerContext& context) {
  const std::string name = context.peer();
  absl::string_view number = name;
  int fd = -1;
  if (!absl::ConsumePrefix(&number, "fd:") || !absl::SimpleAtoi(number, &fd)) {
    return absl::InternalError(absl::StrCat("the connection \"", name, "\" does not tell who calls"));
  }
  const absl::StatusOr<Peer> peer = PeerOf(fd);
  if (!peer.ok()) return peer.status();
  return NameOfUser(peer->uid);
}

// The connections that were given away to gRPC, which does not tell when it closes one.
class Connections {
 public:
  void Add(int fd) { given_.push_back({fd, SocketBehind(fd)}); }
  // How many are open still. The number of a closed one may be another file's by now; a socket's own number is not.
  std::size_t Count() {
    given_.erase(std::remove_if(given_.begin(), given_.end(),
                                [](const Given& given) { return SocketBehind(given.fd) != given.socket; }),
                 given_.end());
    return given_.size();
  }

 private:
  struct Given {
    int fd;
    ino_t socket;
  };
  // Zero: none.
  static ino_t SocketBehind(int fd) {
    struct stat file {};
    return fstat(fd, &file) == 0 && S_ISSOCK(file.st_mode) ? file.st_ino : 0;
  }

  std::vector<Given> given_;
};

}  // namespace

dims::v1::UplinkStatus DescribeUplink(const UplinkState& state) {
  dims::v1::UplinkStatus status;
  status.set_address(state.address);
  status.set_connected(state.connected);
  status.set_registry(state.registry);
  if (state.since != absl::InfinitePast()) SetTime(state.since, status.mutable_since());
  status.set_last_error(state.last_error);
  status.set_urgent_connected(state.urgent_connected);
  if (state.paused_until > absl::Now()) SetTime(state.paused_until, status.mutable_paused_until());
  status.set_records_under_way(state.records_under_way);
  status.set_bytes_under_way(state.bytes_under_way);
  return status;
}

class AdminServer::Impl final : public dims::v1::AdminService::Service {
 public:
  explicit Impl(AdminSetup setup) : setup_(std::move(setup)), started_at_(absl::Now()) {}

  ~Impl() override {
    if (server_ == nullptr) return;
    stopping_.Notify();
    socket_->Wake();
    accepting_.join();
    // Time to say why; a listener that does not read is cut.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
  }

  absl::Status Start() {
    absl::StatusOr<std::unique_ptr<LocalSocket>> socket =
        LocalSocket::Listen(setup_.config.socket, setup_.config.group);
    if (!socket.ok()) return socket.status();
    socket_ = *std::move(socket);
    grpc::ResourceQuota quota;
    quota.SetMaxThreads(kMostTails + 8);
    grpc::ServerBuilder builder;
    builder.SetResourceQuota(quota);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
    // Without a call under way, that is; also one that never says a word.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS,
                               static_cast<int>(absl::ToInt64Milliseconds(setup_.idle)));
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return absl::InternalError("gRPC does not start");
    accepting_ = std::thread([this] { AcceptAll(); });
    return absl::OkStatus();
  }

 private:
  void AcceptAll() {
    Connections connections;
    while (true) {
      const absl::StatusOr<AcceptedPeer> accepted = socket_->Accept();
      if (absl::IsCancelled(accepted.status())) return;
      if (!accepted.ok()) {
        SPDLOG_WARN("admin: {}", std::string(accepted.status().message()));
        if (stopping_.WaitForNotificationWithTimeout(absl::Seconds(1))) return;
        continue;
      }
      const Peer& peer = accepted->peer;
      if (setup_.allows ? setup_.allows(peer) : socket_->Allows(peer)) {
        if (connections.Count() >= kMostConnections) {
          SPDLOG_WARN("admin: turned process {} of user {} away: {} connections are open", peer.pid, peer.uid,
                      kMostConnections);
          close(accepted->fd);
          continue;
        }
        connections.Add(accepted->fd);
        grpc::AddInsecureChannelFromFd(server_.get(), accepted->fd);
      } else {
        SPDLOG_WARN(
            "admin: refused user {} (process {}): only root, the service's own user{} may connect", peer.uid, peer.pid,
            setup_.config.group ? absl::StrCat(" and the group \"", *setup_.config.group, "\"") : std::string());
        close(accepted->fd);
      }
    }
  }

  absl::Status CheckName(const std::string& name) const {
    std::vector<absl::string_view> names;
    for (const InstrumentConfig& instrument : setup_.instruments) names.push_back(instrument.name);
    if (std::find(names.begin(), names.end(), name) != names.end()) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("there is no instrument \"", name, "\"", NameHint(name, names)));
  }

  grpc::Status Tail(grpc::ServerContext* context, const dims::v1::TailRequest* request,
                    grpc::ServerWriter<TailResponse>* writer) override {
    if (const std::string& name = request->instrument(); !name.empty()) {
      if (const absl::Status known = CheckName(name); !known.ok()) return ToGrpc(known);
    }
    const Counted counted(tails_);
    if (counted.before >= kMostTails) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, absl::StrCat(kMostTails, " listen already; end one of them")};
    }
    dims::Tail tail(setup_.sources, *request);
    while (!context->IsCancelled()) {
      if (stopping_.HasBeenNotified()) return {grpc::StatusCode::UNAVAILABLE, "the bridge is stopping"};
      for (const TailResponse& response : tail.Next(kLook)) {
        if (!writer->Write(response)) return grpc::Status::OK;
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status Status(grpc::ServerContext*, const dims::v1::StatusRequest*,
                      dims::v1::StatusResponse* response) override {
    response->set_version(setup_.version);
    SetTime(started_at_, response->mutable_started_at());
    *response->mutable_clock() = ReadClockState();
    const StoreSummary summary = setup_.sources.store.Summary();
    for (const InstrumentConfig& instrument : setup_.instruments) {
      dims::v1::InstrumentStatus& status = *response->add_instruments();
      status.set_name(instrument.name);
      status.set_driver(instrument.driver);
      status.set_port(instrument.port);
      const Activity::Line line = setup_.sources.activity.LineOf(instrument.name);
      status.set_line_open(line.open);
      if (line.since != absl::InfinitePast()) SetTime(line.since, status.mutable_line_since());
      if (line.last_arrival != absl::InfinitePast()) SetTime(line.last_arrival, status.mutable_last_arrival());
      for (const StoreSummary::Instrument& stored : summary.instruments) {
        if (stored.name != instrument.name) continue;
        status.set_bytes_read(stored.position.read_through);
        status.set_open_bytes(stored.position.read_through - stored.position.closed_through);
      }
    }
    DescribeStore(summary, setup_.store_path, *response->mutable_store());
    *response->mutable_uplink() = setup_.sources.uplink();
    return grpc::Status::OK;
  }

  grpc::Status Order(grpc::ServerContext* context, const dims::v1::OrderRequest* request,
                     dims::v1::OrderResponse*) override {
    const absl::StatusOr<std::string> who = CallerOf(*context);
    if (!who.ok()) return ToGrpc(who.status());
    if (const absl::Status known = CheckName(request->instrument()); !known.ok()) return ToGrpc(known);
    if (!setup_.order) return {grpc::StatusCode::UNIMPLEMENTED, "this bridge takes no orders"};
    const absl::Status status = setup_.order(request->instrument(), request->order());
    if (status.ok()) SPDLOG_INFO("{}: {} orders \"{}\"", request->instrument(), *who, request->order());
    return ToGrpc(status);
  }

  // Runs a call on the store's quarantine, in the caller's name.
  template <class Request, class Response>
  grpc::Status Decide(const grpc::ServerContext& context, const Request& request, Response& response,
                      absl::StatusOr<Response> (Quarantine::*call)(const Request&)) {
    const absl::StatusOr<std::string> who = CallerOf(context);
    if (!who.ok()) return ToGrpc(who.status());
    QuarantineInStore quarantine(setup_.sources.store, *who);
    absl::StatusOr<Response> done = (quarantine.*call)(request);
    if (!done.ok()) return ToGrpc(done.status());
    response = *std::move(done);
    return grpc::Status::OK;
  }

  grpc::Status ListQuarantined(grpc::ServerContext*, const dims::v1::ListQuarantinedRequest*,
                               grpc::ServerWriter<dims::v1::ListQuarantinedResponse>* writer) override {
    return ToGrpc(
        QuarantineInStore(setup_.sources.store, "").List([&](const auto& each) { return writer->Write(each); }));
  }

  grpc::Status ShowQuarantined(grpc::ServerContext* context, const dims::v1::ShowQuarantinedRequest* request,
                               dims::v1::ShowQuarantinedResponse* response) override {
    return Decide(*context, *request, *response, &Quarantine::Show);
  }

  grpc::Status ReleaseQuarantined(grpc::ServerContext* context, const dims::v1::ReleaseQuarantinedRequest* request,
                                  dims::v1::ReleaseQuarantinedResponse* response) override {
    const grpc::Status status = Decide(*context, *request, *response, &Quarantine::Release);
    if (status.ok()) setup_.recorded();
    return status;
  }

  grpc::Status DiscardQuarantined(grpc::ServerContext* context, const dims::v1::DiscardQuarantinedRequest* request,
                                  dims::v1::DiscardQuarantinedResponse* response) override {
    return Decide(*context, *request, *response, &Quarantine::Discard);
  }

  grpc::Status ListAudit(grpc::ServerContext*, const dims::v1::ListAuditRequest*,
                         grpc::ServerWriter<dims::v1::ListAuditResponse>* writer) override {
    return ToGrpc(
        QuarantineInStore(setup_.sources.store, "").ListAudit([&](const auto& each) { return writer->Write(each); }));
  }

  struct Counted {
    explicit Counted(std::atomic<int>& count) : count(count), before(count.fetch_add(1)) {}
    ~Counted() { count.fetch_sub(1); }
    std::atomic<int>& count;
    const int before;
  };

  const AdminSetup setup_;
  const absl::Time started_at_;
  absl::Notification stopping_;
  std::atomic<int> tails_ = 0;
  std::unique_ptr<LocalSocket> socket_;
  std::unique_ptr<grpc::Server> server_;
  std::thread accepting_;
};

AdminServer::AdminServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(AdminSetup setup) {
  auto impl = std::make_unique<Impl>(std::move(setup));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace dims
