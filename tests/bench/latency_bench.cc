// How long a single record takes, with nothing else to do: from the last byte of a report, as the session hands it to
// the store, until the bridge knows that the registry has it on disk.
//
// Beside it what cannot be saved: the bridge's commit alone and the registry's commit alone, each of the same record on
// the disk of $TMPDIR, and a bare message with its answer. The bound is twice both commits, and a millisecond. Prints a
// table and whether the bound is kept; exit code 1 where it is not.
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "dims/v1/registry.grpc.pb.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/uplink.h"
#include "proto/hash.h"
#include "registry/archive.h"
#include "registry/server.h"
#include "tests/certificates.h"

namespace dims {
namespace {

constexpr int kRecords = 300, kWarmUp = 20;
constexpr absl::Duration kPause = absl::Milliseconds(5);  // between records: the road is idle

class Folder {
 public:
  Folder() {
    name_ = std::filesystem::temp_directory_path() / "dims-bench-XXXXXX";
    if (mkdtemp(name_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name_); }
  std::string operator/(const char* name) const { return absl::StrCat(name_, "/", name); }
  const std::string& path() const { return name_; }

 private:
  std::string name_;
};

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "latency_bench: %s\n", why.c_str());
  std::exit(2);
}

// About 500 bytes, which the registry accepts.
std::string Payload() {
  v1::Report report;
  report.set_driver("bench");
  report.set_origin(v1::ORIGIN_REAL);
  report.mutable_source()->set_laboratory("lab-a");
  report.mutable_source()->set_bridge("bench-1");
  report.set_evidence(std::string(460, 'x'));
  return report.SerializeAsString();
}

std::unique_ptr<Store> OpenStore(const Folder& folder) {
  StoreOptions options;
  options.path = folder / "store.db";
  options.laboratory = "lab-a";
  options.bridge = "bench-1";
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options);
  if (!store.ok()) Fail(store.status().ToString());
  return *std::move(store);
}

// As a session commits: the bytes that came, and the report made of them.
void Commit(Store& store, uint64_t& read) {
  const std::string payload = Payload();
  SessionBatch session;
  session.instrument = "gcms-1";
  session.entries.push_back({IntakeEntry::Kind::kIn, read, absl::Now(), payload, {}});
  session.closed_through = read += payload.size();
  session.payloads.push_back(payload);
  Batch batch;
  batch.sessions.push_back(std::move(session));
  if (const absl::Status status = store.Commit(batch); !status.ok()) Fail(status.ToString());
}

struct Times {
  double median_ms, p99_ms;
};

// `one` is what is measured.
template <typename One>
Times Measure(One one) {
  std::vector<absl::Duration> times;
  for (int i = 0; i < kWarmUp + kRecords; ++i) {
    absl::SleepFor(kPause);
    const absl::Time began = absl::Now();
    one();
    if (i >= kWarmUp) times.push_back(absl::Now() - began);
  }
  std::sort(times.begin(), times.end());
  return {absl::ToDoubleMilliseconds(times[kRecords / 2]), absl::ToDoubleMilliseconds(times[kRecords * 99 / 100])};
}

Times BridgeCommits() {
  const Folder folder;
  const std::unique_ptr<Store> store = OpenStore(folder);
  uint64_t read = 0;
  return Measure([&] { Commit(*store, read); });
}

Times RegistryCommits() {
  const Folder folder;
  const auto archive = Archive::Open({folder / "registry.db", "central"});
  if (!archive.ok()) Fail(archive.status().ToString());
  const StoreName store{"lab-a", "bench-1", "bench"};
  ReceivedRecord record;
  record.schema = 1;
  record.payload = Payload();
  record.hash = FirstPreviousHash(store.store_id);
  return Measure([&] {
    record.previous_hash = record.hash;
    record.hash = RecordHash(record.previous_hash, ++record.number, 1, record.payload);
    const StoreResult result = (*archive)->Append(store, {record});
    if (!result.status.ok()) Fail(result.status.ToString());
  });
}

// Answers every message at once.
class Echo final : public v1::RegistryService::Service {
  grpc::Status Forward(grpc::ServerContext*,
                       grpc::ServerReaderWriter<v1::ForwardResponse, v1::ForwardRequest>* stream) override {
    v1::ForwardRequest request;
    v1::ForwardResponse response;
    while (stream->Read(&request)) {
      response.mutable_settled()->set_through(1);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

// A message there and an answer back, and nothing else: what of the road is gRPC's, and this machine's today.
Times BareMessage() {
  const test::CertificateAuthority authority;
  const test::Certificate registry = authority.Registry("lab-z", "central"), bridge = authority.Bridge("lab-a", "b");
  grpc::SslServerCredentialsOptions server_tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  server_tls.pem_root_certs = authority.certificate();
  server_tls.pem_key_cert_pairs.push_back({registry.key, registry.certificate});
  Echo echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(server_tls), &port);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority.certificate();
  tls.pem_cert_chain = bridge.certificate;
  tls.pem_private_key = bridge.key;
  const auto stub =
      v1::RegistryService::NewStub(grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::SslCredentials(tls)));
  grpc::ClientContext context;
  const auto stream = stub->Forward(&context);
  v1::ForwardRequest request;
  request.mutable_records()->add_records()->set_payload(Payload());
  v1::ForwardResponse response;
  const Times times = Measure([&] {
    if (!stream->Write(request) || !stream->Read(&response)) Fail("the bare stream broke");
  });
  stream->WritesDone();
  stream->Finish();
  server->Shutdown();
  return times;
}

Times WholeRoad() {
  const Folder folder;
  const test::CertificateAuthority authority;
  const test::CertificateFiles bridge =
      test::WriteCertificates(folder.path(), "bridge-", authority, authority.Bridge("lab-a", "bench-1"));
  const test::CertificateFiles registry =
      test::WriteCertificates(folder.path(), "registry-", authority, authority.Registry("lab-z", "central"));
  RegistryServerOptions server_options;
  server_options.database = folder / "registry.db";
  server_options.ca = registry.ca;
  server_options.certificate = registry.certificate;
  server_options.key = registry.key;
  const auto server = RegistryServer::Start(server_options);
  if (!server.ok()) Fail(server.status().ToString());
  const std::unique_ptr<Store> store = OpenStore(folder);
  std::mutex mutex;
  std::condition_variable changed;
  UplinkOptions options;
  options.address = (*server)->address();
  options.ca = bridge.ca;
  options.certificate = bridge.certificate;
  options.key = bridge.key;
  options.laboratory = "lab-a";
  options.bridge = "bench-1";
  options.software = "bench";
  options.changed = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    changed.notify_all();
  };
  Uplink uplink(options, *store);
  std::thread thread([&] { uplink.Run(); });
  uint64_t read = 0, records = 0;
  const Times times = Measure([&] {
    Commit(*store, read);
    ++records;
    uplink.Wake();
    std::unique_lock<std::mutex> lock(mutex);
    const bool settled =
        changed.wait_for(lock, std::chrono::seconds(30), [&] { return store->Current().settled_through >= records; });
    if (!settled) Fail("a record was not settled within 30 s");
  });
  uplink.Stop();
  thread.join();
  return times;
}

int Run() {
  spdlog::set_level(spdlog::level::err);
  const Times bridge = BridgeCommits(), registry = RegistryCommits(), bare = BareMessage(), road = WholeRoad();
  const double median = 2 * (bridge.median_ms + registry.median_ms) + 1;
  const double p99 = 2 * (bridge.p99_ms + registry.p99_ms) + 1;
  std::printf("%-44s %10s %10s\n", "ms, 300 single records of 500 bytes", "median", "p99");
  std::printf("%-44s %10.3f %10.3f\n", "commit at the bridge", bridge.median_ms, bridge.p99_ms);
  std::printf("%-44s %10.3f %10.3f\n", "commit at the registry", registry.median_ms, registry.p99_ms);
  std::printf("%-44s %10.3f %10.3f\n", "a bare message and its answer", bare.median_ms, bare.p99_ms);
  std::printf("%-44s %10.3f %10.3f\n", "last byte to settled, mutual TLS on loopback", road.median_ms, road.p99_ms);
  std::printf("%-44s %10.3f %10.3f\n", "bound: twice both commits, and 1 ms", median, p99);
  const bool kept = road.median_ms <= median && road.p99_ms <= p99;
  std::printf("%s\n", kept ? "pass" : "FAIL");
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace dims

int main() { return dims::Run(); }
