// One Forward stream of one bridge.
//
// What: a thread that reads, judges and hashes what the bridge sends, and a thread (the one that gRPC gave) that
//   commits what has arrived and answers. LiveStreams knows them all: it ends the older of two streams of one bridge
//   and purpose, and all of them when the registry stops.
// Promise: Settled and StoredAhead are sent after the commit, never before. A stream ends with the status that
//   registry.proto gives for it, with one line in the log.
// Memory: the inbox (window_bytes), one record under assembly (largest_record) and one message of gRPC's 4 MiB.
// Threads: Run belongs to gRPC's thread; End may be called from any.
// Source: proto/dims/v1/registry.proto.
#ifndef DIMS_REGISTRY_STREAM_H_
#define DIMS_REGISTRY_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dims/v1/registry.grpc.pb.h"
#include "proto/identity.h"
#include "registry/archive.h"
#include "registry/inbox.h"

namespace dims {

class ForwardStream;

class LiveStreams {
 public:
  // False: the registry is stopping.
  bool Join(ForwardStream* stream);
  void Leave(ForwardStream* stream);
  // From now on `stream` is the one for `purpose`; the one before it ends with ABORTED.
  void TakeOver(const std::string& purpose, ForwardStream* stream);
  // Ends all, and lets none join.
  void Stop();

 private:
  std::mutex mutex_;
  bool stopping_ = false;
  std::set<ForwardStream*> streams_;
  std::map<std::string, ForwardStream*> by_purpose_;
};

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

  ForwardStream(const StreamSettings& settings, Archive& archive, LiveStreams& live, grpc::ServerContext& context,
                Transport& transport);

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
  absl::Status SendWelcome(const StoreName& store, const v1::Hello& hello);
  absl::Status Answer(const StoreResult& result);
  absl::Status Send(const v1::ForwardResponse& response);
  void Log(const absl::Status& status);

  const StreamSettings& settings_;
  Archive& archive_;
  LiveStreams& live_;
  grpc::ServerContext& context_;
  const std::string peer_;  // address; gRPC forgets it when a stream is cut
  Transport& transport_;
  Identity sender_;
  Inbox inbox_;
};

}  // namespace dims

#endif  // DIMS_REGISTRY_STREAM_H_
