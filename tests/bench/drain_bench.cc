// Records a second from a full store to a registry that settles them, both in this process, over mutual TLS; beside a
// bare gRPC stream that carries the same messages under the same window, and beside the archive's commits alone.
//
// What Drain does and BareStream does not: the store is read and its hashes checked, the registry checks and commits
// each batch to disk before it settles it, and the bridge notes on disk what is settled.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dims/v1/registry.grpc.pb.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/store.h"
#include "firmware-bridge/uplink.h"
#include "proto/hash.h"
#include "registry/server.h"
#include "tests/certificates.h"

namespace dims {
namespace {

constexpr uint64_t kRecords = 20'480;
constexpr uint64_t kBatch = 256;    // records in a message, as the uplink and the archive have it
constexpr uint64_t kWindow = 2048;  // records under way: about what the uplink's 1 MiB holds

class Folder {
 public:
  Folder() {
    name_ = std::filesystem::temp_directory_path() / "dims-bench-XXXXXX";
    if (mkdtemp(name_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name_); }
  const std::string& path() const { return name_; }

 private:
  std::string name_;
};

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

// An authority, and files of it for both ends.
struct Ends {
  explicit Ends(const Folder& folder)
      : bridge_certificate(authority.Bridge("lab-a", "bench-1")),
        registry_certificate(authority.Registry("lab-z", "central")),
        bridge(test::WriteCertificates(folder.path(), "bridge-", authority, bridge_certificate)),
        registry(test::WriteCertificates(folder.path(), "registry-", authority, registry_certificate)) {}
  const test::CertificateAuthority authority;
  const test::Certificate bridge_certificate, registry_certificate;
  const test::CertificateFiles bridge, registry;
};

void Count(benchmark::State& state) {
  state.counters["records/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * kRecords), benchmark::Counter::kIsRate);
}

double Seconds(absl::Time since) { return absl::ToDoubleSeconds(absl::Now() - since); }

void Drain(benchmark::State& state) {
  spdlog::set_level(spdlog::level::err);
  absl::Mutex none;
  for (auto _ : state) {
    const Folder folder;
    const Ends ends(folder);
    StoreOptions options;
    options.path = folder.path() + "/bridge.db";
    options.laboratory = "lab-a";
    options.bridge = "bench-1";
    const auto store = Store::Open(options);
    if (!store.ok()) return state.SkipWithError("the store does not open");
    for (uint64_t i = 0; i < kRecords / kBatch; ++i) {
      Batch batch;
      batch.sessions.push_back({"gcms-1", {}, 0, std::vector<std::string>(kBatch, Payload())});
      if (!(*store)->Commit(batch).ok()) return state.SkipWithError("the store does not commit");
    }
    RegistryServerOptions registry;
    registry.database = folder.path() + "/registry.db";
    registry.ca = ends.registry.ca;
    registry.certificate = ends.registry.certificate;
    registry.key = ends.registry.key;
    const auto server = RegistryServer::Start(registry);
    if (!server.ok()) return state.SkipWithError("the registry does not start");
    Uplink uplink({.address = (*server)->address(),
                   .ca = ends.bridge.ca,
                   .certificate = ends.bridge.certificate,
                   .key = ends.bridge.key,
                   .laboratory = "lab-a",
                   .bridge = "bench-1",
                   .software = "bench"},
                  **store);
    const absl::Time began = absl::Now();
    std::thread thread([&] { uplink.Run(); });
    const auto drained = [&] { return (*store)->OldestUnsettled().settled_through == kRecords; };
    // Looks once a millisecond: the store tells nobody that it is empty.
    for (absl::MutexLock lock(&none); !drained();) {
      const auto never = [] { return false; };
      none.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(1));
    }
    state.SetIterationTime(Seconds(began));
    uplink.Stop();
    thread.join();
  }
  Count(state);
}

// Settles every message at once.
class Settler final : public v1::RegistryService::Service {
  grpc::Status Forward(grpc::ServerContext*,
                       grpc::ServerReaderWriter<v1::ForwardResponse, v1::ForwardRequest>* stream) override {
    v1::ForwardRequest request;
    v1::ForwardResponse response;
    while (stream->Read(&request)) {
      response.mutable_settled()->set_through(request.records().records().rbegin()->number());
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

void BareStream(benchmark::State& state) {
  const Folder folder;
  const Ends ends(folder);
  grpc::SslServerCredentialsOptions server_tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  server_tls.pem_root_certs = ends.authority.certificate();
  server_tls.pem_key_cert_pairs.push_back({ends.registry_certificate.key, ends.registry_certificate.certificate});
  Settler settler;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(server_tls), &port);
  builder.RegisterService(&settler);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = ends.authority.certificate();
  tls.pem_cert_chain = ends.bridge_certificate.certificate;
  tls.pem_private_key = ends.bridge_certificate.key;
  for (auto _ : state) {
    const auto stub =
        v1::RegistryService::NewStub(grpc::CreateChannel(absl::StrCat("127.0.0.1:", port), grpc::SslCredentials(tls)));
    const absl::Time began = absl::Now();
    grpc::ClientContext context;
    const auto stream = stub->Forward(&context);
    std::mutex mutex;
    std::condition_variable changed;
    uint64_t settled = 0;
    std::thread listener([&] {
      v1::ForwardResponse response;
      while (stream->Read(&response)) {
        const std::lock_guard<std::mutex> lock(mutex);
        settled = response.settled().through();
        changed.notify_one();
      }
    });
    const std::string payload = Payload(), hash(32, 'h');
    for (uint64_t sent = 0; sent < kRecords;) {
      v1::ForwardRequest request;
      for (uint64_t i = 0; i < kBatch; ++i) {
        v1::Record& record = *request.mutable_records()->add_records();
        record.set_number(++sent);
        record.set_previous_hash(hash);
        record.set_schema(1);
        record.set_payload(payload);
      }
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return sent - settled <= kWindow; });
      lock.unlock();
      stream->Write(request);
    }
    stream->WritesDone();
    listener.join();
    if (!stream->Finish().ok() || settled != kRecords) return state.SkipWithError("the stream broke");
    state.SetIterationTime(Seconds(began));
  }
  server->Shutdown();
  Count(state);
}

void ArchiveCommits(benchmark::State& state) {
  for (auto _ : state) {
    const Folder folder;
    auto archive = Archive::Open({folder.path() + "/registry.db", "central"});
    if (!archive.ok()) return state.SkipWithError("the archive does not open");
    const StoreName store{"lab-a", "bench-1", "bench"};
    const std::string payload = Payload();
    std::string hash = FirstPreviousHash(store.store_id);
    std::vector<ReceivedRecord> records;
    for (uint64_t number = 1; number <= kRecords; ++number) {
      ReceivedRecord& record = records.emplace_back();
      record.number = number;
      record.previous_hash = hash;
      record.schema = 1;
      record.payload = payload;
      record.hash = hash = RecordHash(record.previous_hash, number, 1, payload);
    }
    const absl::Time began = absl::Now();
    for (uint64_t i = 0; i < kRecords; i += kBatch) {
      if (!(*archive)->Append(store, absl::MakeSpan(records).subspan(i, kBatch)).status.ok()) {
        return state.SkipWithError("the archive does not commit");
      }
    }
    state.SetIterationTime(Seconds(began));
  }
  Count(state);
}

BENCHMARK(Drain)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(BareStream)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(ArchiveCommits)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace dims

BENCHMARK_MAIN();
