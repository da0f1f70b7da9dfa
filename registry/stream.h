// One Forward stream of one bridge.
//
// What: a thread that reads, judges and hashes what the bridge sends, and a thread (the one that gRPC gave) that
//   commits what has arrived and answers.
// Promise: Settled and StoredAhead are sent after the commit, never before. A stream ends with the status that
//   registry.proto gives for it, with one line in the log.
// Memory: the inbox (window_bytes), one record under assembly (largest_record) and one message of gRPC's 4 MiB. Inboxes
//   and records in parts of all streams together: the allowance, and one record for each.
// Threads: Run belongs to gRPC's thread; End may be called from any.
// Source: proto/dims/v1/registry.proto.
#ifndef DIMS_REGISTRY_STREAM_H_
#define DIMS_REGISTRY_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dims/v1/registry.grpc.pb.h"
#include "proto/identity.h"
#include "registry/archive.h"
#include "registry/inbox.h"
#include "registry/live_streams.h"

namespace dims {

// What all streams of a registry share.
struct StreamSettings {
  std::string registry;  // its name in its certificate
  std::string epoch;
  bool accept_simulated = false;
  uint64_t largest_record = uint64_t{16} << 20;
  uint32_t window_records = 4096;
  uint64_t window_bytes = uint64_t{8} << 20;
  absl::Duration hello_timeout = absl::Seconds(10);
  // After a Conflict the bridge may end the stream itself, so that the message is not lost to the status behind it.
  absl::Duration conflict_grace = absl::Seconds(2);
};

class ForwardStream {
 public:
  using Transport = grpc::ServerReaderWriter<v1::ForwardResponse, v1::ForwardRequest>;

  ForwardStream(const StreamSettings& settings, Archive& archive, LiveStreams& live, Allowance& allowance,
                grpc::ServerContext& context, Transport& transport);

  // From the first message to the last.
  grpc::Status Run();

  // Ends the stream with this status, whatever it is doing.
  void End(const absl::Status& status);

 private:
  absl::Status Identify();
  void Read();
  absl::Status Receive(v1::ForwardRequest&& request, bool& greeted, class Assembler& assembler);
  absl::Status Serve();
  absl::Status Check(const v1::Hello& hello);
  absl::Status SendWelcome(const StoreName& store, const v1::Hello& hello, bool took_over);
  absl::Status CompareWithHello(const StoreName& store, const v1::Hello& hello, const StorePosition& position);
  absl::Status RepeatRefusals(const StoreName& store);
  absl::Status Answer(const StoreResult& result);
  absl::Status Send(const v1::ForwardResponse& response);
  void Log(const absl::Status& status);

  const StreamSettings& settings_;
  Archive& archive_;
  LiveStreams& live_;
  Allowance& allowance_;
  grpc::ServerContext& context_;
  const std::string peer_;  // address; gRPC forgets it when a stream is cut
  Transport& transport_;
  Identity sender_;
  Inbox inbox_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_STREAM_H_
