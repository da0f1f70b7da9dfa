#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/quarantine.h"

namespace dims {
namespace {

using Stub = dims::v1::AdminService::Stub;

constexpr std::chrono::seconds kLongestCall(30);

// One question, one answer.
template <class Request, class Response>
absl::StatusOr<Response> Ask(Stub& stub, const std::string& socket, const Request& request,
                             grpc::Status (Stub::*call)(grpc::ClientContext*, const Request&, Response*)) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kLongestCall);
  Response response;
  absl::Status status = AdminResult((stub.*call)(&context, request, &response), socket, false);
  if (!status.ok()) return status;
  return response;
}

template <class Response>
absl::Status ReadAll(grpc::ClientContext& context, grpc::ClientReader<Response>& reader, const std::string& socket,
                     const std::function<bool(const Response&)>& each) {
  Response response;
  bool answered = false, wanted = true;
  while (wanted && reader.Read(&response)) {
    answered = true;
    wanted = each(response);
  }
  if (!wanted) context.TryCancel();
  const grpc::Status status = reader.Finish();
  return wanted ? AdminResult(status, socket, answered) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Quarantine>> QuarantineOverSocket::Connect(const std::string& socket) {
  absl::StatusOr<std::unique_ptr<Stub>> stub = ConnectAdmin(socket);
  if (!stub.ok()) return stub.status();
  return std::unique_ptr<Quarantine>(new QuarantineOverSocket(socket, *std::move(stub)));
}

QuarantineOverSocket::QuarantineOverSocket(std::string socket, std::unique_ptr<Stub> stub)
    : socket_(std::move(socket)), stub_(std::move(stub)) {}

absl::Status QuarantineOverSocket::List(const std::function<bool(const dims::v1::ListQuarantinedResponse&)>& each) {
  grpc::ClientContext context;
  return ReadAll(context, *stub_->ListQuarantined(&context, {}), socket_, each);
}

absl::StatusOr<dims::v1::ShowQuarantinedResponse> QuarantineOverSocket::Show(
    const dims::v1::ShowQuarantinedRequest& request) {
  return Ask(*stub_, socket_, request, &Stub::ShowQuarantined);
}

absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> QuarantineOverSocket::Release(
    const dims::v1::ReleaseQuarantinedRequest& request) {
  return Ask(*stub_, socket_, request, &Stub::ReleaseQuarantined);
}

absl::StatusOr<dims::v1::DiscardQuarantinedResponse> QuarantineOverSocket::Discard(
    const dims::v1::DiscardQuarantinedRequest& request) {
  return Ask(*stub_, socket_, request, &Stub::DiscardQuarantined);
}

absl::Status QuarantineOverSocket::ListAudit(const std::function<bool(const dims::v1::ListAuditResponse&)>& each) {
  grpc::ClientContext context;
  return ReadAll(context, *stub_->ListAudit(&context, {}), socket_, each);
}

}  // namespace dims
