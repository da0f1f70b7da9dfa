#include "firmware-bridge/registry_credentials.h"

#include <grpcpp/security/credentials.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/hash.h"

namespace dims {

RegistryCredentials::RegistryCredentials(CertificateFiles files, Identity self)
    : files_(std::move(files)), self_(std::move(self)) {}

absl::StatusOr<RegistryCredentials::Contents> RegistryCredentials::Read() const {
  Contents contents;
  for (const auto& [path, text] :
       {std::pair{&files_.ca, &contents.ca}, std::pair{&files_.certificate, &contents.certificate},
        std::pair{&files_.key, &contents.key}}) {
    std::ifstream file(*path, std::ios::binary);
    text->assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    if (!file && text->empty()) return absl::NotFoundError(absl::StrCat("cannot read ", *path));
  }
  return contents;
}

absl::Status RegistryCredentials::Look() {
  const std::lock_guard<std::mutex> lock(mutex_);
  absl::StatusOr<Contents> found = Read();
  if (version_ == 0) {
    // The first are used as they are: nothing is better, and both sides of TLS say what is wrong with them.
    if (!found.ok()) return found.status();
    contents_ = *std::move(found);
    version_ = 1;
    return absl::OkStatus();
  }
  if (found.ok() && *found == contents_) {
    rejected_hash_.clear();
    return absl::OkStatus();
  }
  absl::Status status = found.status();
  if (status.ok()) status = CheckCertificates(files_, self_, absl::Now()).status();
  if (status.ok()) {
    const absl::StatusOr<Contents> again = Read();
    // What was checked must be what is used; the next look sees it settled.
    if (!again.ok() || !(*again == *found)) return absl::OkStatus();
    contents_ = *std::move(found);
    ++version_;
    rejected_hash_.clear();
    SPDLOG_INFO("the certificate files have changed and are in use from now on: {}", files_.certificate);
    return absl::OkStatus();
  }
  const std::string hash =
      Sha256::Of(found.ok() ? absl::StrCat(found->ca, found->certificate, found->key) : std::string(status.message()));
  if (hash != rejected_hash_) {
    SPDLOG_WARN("the certificate files have changed, but cannot be used: {}; the earlier ones stay in use",
                std::string(status.message()));
    rejected_hash_ = hash;
  }
  return absl::OkStatus();
}

uint64_t RegistryCredentials::version() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return version_;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> RegistryCredentials::Open(const std::string& address) const {
  grpc::SslCredentialsOptions tls;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (version_ == 0) return absl::FailedPreconditionError("no certificate has been read");
    tls.pem_root_certs = contents_.ca;
    tls.pem_private_key = contents_.key;
    tls.pem_cert_chain = contents_.certificate;
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A shared connection would keep old certificates, its own back-off, and urgent records behind bulk.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(tls), arguments);
}

absl::Status CheckIsRegistry(const grpc::AuthContext& auth) {
  for (const grpc::string_ref& uri : auth.FindPropertyValues("peer_uri")) {
    const absl::StatusOr<Identity> identity = ParseIdentity(absl::string_view(uri.data(), uri.size()));
    if (identity.ok() && identity->role == "registry") return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      "the certificate at that address is no registry's: it has no name urn:dims:<laboratory>:registry:<name>");
}

}  // namespace dims
