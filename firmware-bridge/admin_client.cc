#include "firmware-bridge/admin_client.h"

#include <google/protobuf/util/json_util.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dims/v1/admin.grpc.pb.h"
#include "firmware-bridge/admin_text.h"
#include "firmware-bridge/local_socket.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

constexpr int kLargestMessage = 64 << 20;  // a report with its spectra
constexpr absl::string_view kWhoMay =
    "; run it as root or as the service's user, or as a member of the configuration's [admin] group";

}  // namespace

absl::StatusOr<std::unique_ptr<dims::v1::AdminService::Stub>> ConnectAdmin(const std::string& socket) {
  // Our own connect says what is wrong in the system's words.
  const absl::StatusOr<int> fd = ConnectLocalSocket(socket);
  if (fd.ok()) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(kLargestMessage);
    return dims::v1::AdminService::NewStub(grpc::CreateCustomInsecureChannelFromFd("dims-bridge", *fd, arguments));
  }
  const std::string message(fd.status().message());
  if (absl::IsPermissionDenied(fd.status())) {
    return absl::PermissionDeniedError(absl::StrCat(message, kWhoMay));
  }
  return absl::Status(fd.status().code(),
                      absl::StrCat(message,
                                   "; is the bridge running (systemctl status dims-bridge), and is this its "
                                   "[admin] socket?"));
}

absl::Status AdminResult(const grpc::Status& status, const std::string& socket, bool answered) {
  if (status.ok()) return absl::OkStatus();
  // A connection that ends before any answer is how a refusal looks from here.
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && !answered) {
    return absl::PermissionDeniedError(
        absl::StrCat(socket,
                     ": the bridge closed the connection; its log says whether it refused this user, or has too many "
                     "connections",
                     kWhoMay));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

std::string JsonLine(const google::protobuf::Message& message) {
  std::string text;
  (void)google::protobuf::util::MessageToJsonString(message, &text);  // cannot fail without an Any
  return Printable(text) + "\n";
}

absl::Status PrintTail(const std::string& socket, const dims::v1::TailRequest& request, bool json, std::ostream& out) {
  const auto stub = ConnectAdmin(socket);
  if (!stub.ok()) return stub.status();
  grpc::ClientContext context;
  const auto reader = (*stub)->Tail(&context, request);
  dims::v1::TailResponse event;
  bool answered = false;
  while (out && reader->Read(&event)) {
    answered = true;
    out << (json ? JsonLine(event) : TailLine(event, absl::LocalTimeZone()) + "\n") << std::flush;
  }
  const bool taken = static_cast<bool>(out);
  if (!taken) context.TryCancel();
  const grpc::Status status = reader->Finish();
  return taken ? AdminResult(status, socket, answered) : absl::OkStatus();
}

absl::Status SendOrder(const std::string& socket, const dims::v1::OrderRequest& request, std::ostream& out) {
  const auto stub = ConnectAdmin(socket);
  if (!stub.ok()) return stub.status();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  dims::v1::OrderResponse response;
  const grpc::Status status = (*stub)->Order(&context, request, &response);
  if (!status.ok()) return AdminResult(status, socket, false);
  out << Printable(absl::StrCat(request.instrument(), ": told to ", request.order(),
                                "; what comes of it, `dims-bridge tail` shows"))
      << "\n";
  return absl::OkStatus();
}

absl::Status PrintStatus(const std::string& socket, bool json, std::ostream& out) {
  const auto stub = ConnectAdmin(socket);
  if (!stub.ok()) return stub.status();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  dims::v1::StatusResponse response;
  const grpc::Status status = (*stub)->Status(&context, dims::v1::StatusRequest(), &response);
  if (!status.ok()) return AdminResult(status, socket, false);
  out << (json ? JsonLine(response) : StatusTable(response, absl::Now(), absl::LocalTimeZone())) << std::flush;
  return absl::OkStatus();
}

}  // namespace dims
