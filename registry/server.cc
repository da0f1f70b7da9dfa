#include "registry/server.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "registry/certificate.h"
#include "registry/stream.h"

namespace dims {
namespace {

constexpr unsigned kLookForCertificatesSeconds = 10;
constexpr int kSpareThreads = 64;

std::shared_ptr<grpc::ServerCredentials> Credentials(const RegistryServerOptions& options) {
  grpc::experimental::TlsServerCredentialsOptions tls(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(options.key, options.certificate, options.ca,
                                                                           kLookForCertificatesSeconds));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  // gRPC tells why it refused a certificate only where it also looks for revocation lists. There are none here, which
  // it accepts; a folder that cannot exist makes sure that none, and no further authority, is found by accident.
  tls.set_crl_directory("/dev/null/none");
  return grpc::experimental::TlsServerCredentials(tls);
}

}  // namespace

class RegistryServer::Impl final : private v1::RegistryService::Service {
 public:
  explicit Impl(RegistryServerOptions options)
      : options_(std::move(options)),
        live_(options_.most_streams, options_.most_streams_of_bridge, options_.now),
        allowance_(options_.memory) {}
  ~Impl() override { Stop(); }

  absl::Status Start() {
    const std::size_t colon = options_.listen.rfind(':');
    if (colon == std::string::npos || colon == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen address \"", options_.listen, "\" is not host:port, e.g. 0.0.0.0:7443"));
    }
    absl::StatusOr<Identity> identity =
        CheckRegistryCertificate(options_.ca, options_.certificate, options_.key, absl::Now());
    if (!identity.ok()) return identity.status();
    absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({options_.database, identity->name, options_.now});
    if (!archive.ok()) return archive.status();
    archive_ = *std::move(archive);
    if (archive_->registry() != identity->name) {
      spdlog::warn("{} was made for the registry \"{}\", the certificate names \"{}\"", options_.database,
                   archive_->registry(), identity->name);
    }
    for (const std::string& notice : archive_->notices()) spdlog::critical("{}", notice);
    if (options_.restored && !archive_->set_back()) {
      if (absl::Status status = archive_->NewEpoch(); !status.ok()) return status;
    }
    settings_.registry = identity->name;
    settings_.epoch = archive_->epoch();
    settings_.accept_simulated = options_.accept_simulated;
    settings_.largest_record = options_.largest_record;
    settings_.hello_timeout = options_.hello_timeout;
    settings_.conflict_grace = options_.conflict_grace;

    grpc::ServerBuilder builder;
    builder.AddListeningPort(options_.listen, Credentials(options_), &port_);
    builder.RegisterService(this);
    builder.SetMaxReceiveMessageSize(4 << 20);
    grpc::ResourceQuota quota("registry");
    quota.Resize(options_.memory);
    // Beyond them a stream is refused by gRPC itself; those that LiveStreams refuses need one for a moment.
    quota.SetMaxThreads(static_cast<int>(options_.most_streams) + kSpareThreads);
    builder.SetResourceQuota(quota);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(options_.most_streams_of_bridge));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, 60'000);  // connections that carry no stream
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);              // a second registry on this port is an error
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port_ == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options_.listen,
                                                 ": the address is not this computer's, or another program has it"));
    }
    return absl::OkStatus();
  }

  void Stop() {
    if (server_ == nullptr) return;
    live_.Stop();
    // Connections that never became a stream are cut after this.
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(5));
    server_->Wait();
    server_.reset();
  }

  int port() const { return port_; }
  std::string address() const {
    return absl::StrCat(options_.listen.substr(0, options_.listen.rfind(':')), ":", port_);
  }
  Archive& archive() { return *archive_; }

 private:
  grpc::Status Forward(grpc::ServerContext* context, ForwardStream::Transport* transport) override {
    return ForwardStream(settings_, *archive_, live_, allowance_, *context, *transport).Run();
  }

  const RegistryServerOptions options_;
  StreamSettings settings_;
  std::unique_ptr<Archive> archive_;
  LiveStreams live_;
  Allowance allowance_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

RegistryServer::RegistryServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RegistryServer::~RegistryServer() = default;

absl::StatusOr<std::unique_ptr<RegistryServer>> RegistryServer::Start(RegistryServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(impl)));
}

int RegistryServer::port() const { return impl_->port(); }
std::string RegistryServer::address() const { return impl_->address(); }
Archive& RegistryServer::archive() { return impl_->archive(); }
void RegistryServer::Stop() { impl_->Stop(); }

}  // namespace dims
