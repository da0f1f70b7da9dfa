// What may be done about the records that the registry refused: looked at, released, discarded, and what was done told.
//
// What: one interface for the two ways to the store: in this process (QuarantineInStore: the service's control socket,
//   and the program while the service is stopped), or over the control socket of the service that has it
//   (QuarantineOverSocket).
// Promise: who decided is never the caller's own claim.
// Errors: those of the store (store.h) in either case; what the control socket adds is in its client (admin_client.h).
// Threads: as the store, or one.
// Source: proto/dims/v1/admin.proto.
#ifndef DIMS_FIRMWARE_BRIDGE_QUARANTINE_H_
#define DIMS_FIRMWARE_BRIDGE_QUARANTINE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dims/v1/admin.grpc.pb.h"
#include "firmware-bridge/store.h"

namespace dims {

class Quarantine {
 public:
  virtual ~Quarantine() = default;

  // Calls `each` for one after the other, until it says false.
  virtual absl::Status List(const std::function<bool(const dims::v1::ListQuarantinedResponse&)>& each) = 0;
  virtual absl::StatusOr<dims::v1::ShowQuarantinedResponse> Show(const dims::v1::ShowQuarantinedRequest& request) = 0;
  virtual absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> Release(
      const dims::v1::ReleaseQuarantinedRequest& request) = 0;
  virtual absl::StatusOr<dims::v1::DiscardQuarantinedResponse> Discard(
      const dims::v1::DiscardQuarantinedRequest& request) = 0;
  virtual absl::Status ListAudit(const std::function<bool(const dims::v1::ListAuditResponse&)>& each) = 0;
};

class QuarantineInStore final : public Quarantine {
 public:
  // `who`: as the audit log shall have it.
  QuarantineInStore(Store& store, std::string who);

  absl::Status List(const std::function<bool(const dims::v1::ListQuarantinedResponse&)>& each) override;
  absl::StatusOr<dims::v1::ShowQuarantinedResponse> Show(const dims::v1::ShowQuarantinedRequest& request) override;
  absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> Release(
      const dims::v1::ReleaseQuarantinedRequest& request) override;
  absl::StatusOr<dims::v1::DiscardQuarantinedResponse> Discard(
      const dims::v1::DiscardQuarantinedRequest& request) override;
  absl::Status ListAudit(const std::function<bool(const dims::v1::ListAuditResponse&)>& each) override;

 private:
  Store& store_;
  const std::string who_;
};

class QuarantineOverSocket final : public Quarantine {
 public:
  static absl::StatusOr<std::unique_ptr<Quarantine>> Connect(const std::string& socket);

  absl::Status List(const std::function<bool(const dims::v1::ListQuarantinedResponse&)>& each) override;
  absl::StatusOr<dims::v1::ShowQuarantinedResponse> Show(const dims::v1::ShowQuarantinedRequest& request) override;
  absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> Release(
      const dims::v1::ReleaseQuarantinedRequest& request) override;
  absl::StatusOr<dims::v1::DiscardQuarantinedResponse> Discard(
      const dims::v1::DiscardQuarantinedRequest& request) override;
  absl::Status ListAudit(const std::function<bool(const dims::v1::ListAuditResponse&)>& each) override;

 private:
  QuarantineOverSocket(std::string socket, std::unique_ptr<dims::v1::AdminService::Stub> stub);

  const std::string socket_;
  const std::unique_ptr<dims::v1::AdminService::Stub> stub_;
};

// What a person can do about such a refusal; empty where only the message tells.
absl::string_view RemedyFor(dims::v1::RefusalReason reason);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_QUARANTINE_H_
