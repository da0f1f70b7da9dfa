// A registry to speak to as a bridge does: over mutual TLS, on a port of this machine.
//
// What: the fixture `Registry` (a temporary folder, an authority, a server), `Client` (one stream on a connection of
//   its own), `Chain` (a bridge's store: numbers and hashes), and a log that can be read.
// Errors: a call that waits gives up after 30 s, and the test fails.
// Threads: one.
#ifndef DIMS_TESTS_REGISTRY_FIXTURE_H_
#define DIMS_TESTS_REGISTRY_FIXTURE_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dims/v1/registry.grpc.pb.h"
#include "dims/v1/report.pb.h"
#include "proto/hash.h"
#include "registry/archive_reader.h"
#include "registry/server.h"
#include "tests/certificates.h"

namespace dims {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "dims-registry-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(absl::string_view name) const { return absl::StrCat(path_, "/", name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What spdlog was told while this lives.
class CapturedLog {
 public:
  CapturedLog() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_, true);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("captured", sink));
    spdlog::set_pattern("%l: %v");
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  // Only while nothing logs any more.
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_;
};

inline v1::Report GoodReport(uint64_t number, absl::string_view bridge = "bench-1") {
  v1::Report report;
  report.set_driver("test");
  report.set_origin(v1::ORIGIN_REAL);
  report.mutable_source()->set_laboratory("lab-a");
  report.mutable_source()->set_bridge(std::string(bridge));
  report.add_analyses()->set_sample_number(absl::StrCat("S-", number));
  return report;
}

// A store of a bridge: numbers and chains what it is given.
class Chain {
 public:
  explicit Chain(absl::string_view store_id) : store_id_(store_id), hash_(FirstPreviousHash(store_id)) {}

  v1::Record Add(std::string payload, uint32_t schema = 1) {
    v1::Record record;
    record.set_number(++number_);
    record.set_previous_hash(hash_);
    record.set_schema(schema);
    record.set_payload(std::move(payload));
    hash_ = HashOf(record);
    return record;
  }
  v1::Record Add() { return Add(GoodReport(number_ + 1).SerializeAsString()); }
  std::vector<v1::Record> Add(int count) {
    std::vector<v1::Record> records;
    for (int i = 0; i < count; ++i) records.push_back(Add());
    return records;
  }
  static std::string HashOf(const v1::Record& record) {
    return RecordHash(record.previous_hash(), record.number(), record.schema(), record.payload());
  }
  const std::string& store_id() const { return store_id_; }

 private:
  std::string store_id_, hash_;
  uint64_t number_ = 0;
};

class Client {
 public:
  Client(int port, std::shared_ptr<grpc::ChannelCredentials> credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
    stub_ = v1::RegistryService::NewStub(
        grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port), credentials, arguments));
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stream_ = stub_->Forward(&context_);
  }

  static v1::Hello HelloOf(absl::string_view store_id, v1::StreamPurpose purpose = v1::STREAM_PURPOSE_IN_ORDER) {
    v1::Hello hello;
    hello.set_contract(1);
    hello.set_software("test 1.0");
    hello.set_laboratory("lab-a");
    hello.set_bridge("bench-1");
    hello.set_store_id(std::string(store_id));
    hello.set_purpose(purpose);
    return hello;
  }
  void Say(const v1::Hello& hello) {
    v1::ForwardRequest request;
    *request.mutable_hello() = hello;
    stream_->Write(request);
  }
  bool Say(const v1::ForwardRequest& request) { return stream_->Write(request); }
  // Hello, and the Welcome that answers it.
  v1::Welcome Greet(const v1::Hello& hello) {
    Say(hello);
    v1::ForwardResponse response;
    if (!stream_->Read(&response) || !response.has_welcome()) ADD_FAILURE() << "no Welcome: " << Finish();
    return response.welcome();
  }
  bool Send(const std::vector<v1::Record>& records) {
    v1::ForwardRequest request;
    for (const v1::Record& record : records) *request.mutable_records()->add_records() = record;
    return stream_->Write(request);
  }
  // Reads answers into the fields below until `done`; false where the stream ends before.
  template <typename Done>
  bool ReadUntil(Done done) {
    v1::ForwardResponse response;
    while (!done()) {
      if (!stream_->Read(&response)) return false;
      if (response.has_settled()) settled = response.settled().through();
      if (response.has_refusal()) refusals.push_back(response.refusal());
      if (response.has_conflict()) conflicts.push_back(response.conflict());
      for (uint64_t number : response.stored_ahead().numbers()) ahead.push_back(number);
    }
    return true;
  }
  bool ReadUntilSettled(uint64_t through) {
    return ReadUntil([&] { return settled >= through; });
  }
  bool ReadUntilAhead(std::size_t count) {
    return ReadUntil([&] { return ahead.size() >= count; });
  }
  // What the registry says when it ends the stream: "<code>: <message>".
  std::string Finish() {
    if (!end_.empty()) return end_;
    ReadUntil([] { return false; });
    const grpc::Status status = stream_->Finish();
    end_ = absl::StrCat(absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())), ": ",
                        status.error_message());
    return end_;
  }
  std::string Close() {
    stream_->WritesDone();
    return Finish();
  }
  void Cut() {
    context_.TryCancel();
    stream_->Finish();
  }

  uint64_t settled = 0;
  std::vector<v1::Refusal> refusals;
  std::vector<v1::Conflict> conflicts;
  std::vector<uint64_t> ahead;

 private:
  std::unique_ptr<v1::RegistryService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ForwardRequest, v1::ForwardResponse>> stream_;
  std::string end_;  // what Finish said
};

class Registry : public ::testing::Test {
 protected:
  void SetUp() override {
    const test::CertificateFiles files =
        test::WriteCertificates(folder_.path(), "registry-", authority_, authority_.Registry("lab-z", "central"));
    options_.database = folder_ / "registry.db";
    options_.ca = files.ca;
    options_.certificate = files.certificate;
    options_.key = files.key;
    options_.conflict_grace = absl::Milliseconds(200);
  }
  void Start() {
    server_.reset();
    absl::StatusOr<std::unique_ptr<RegistryServer>> server = RegistryServer::Start(options_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<Client> ConnectWith(const std::string& ca, const test::Certificate& certificate) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = ca;
    tls.pem_cert_chain = certificate.certificate;
    tls.pem_private_key = certificate.key;
    return std::make_unique<Client>(server_->port(), grpc::SslCredentials(tls));
  }
  std::unique_ptr<Client> Connect() { return ConnectWith(authority_.certificate(), bridge_); }
  std::vector<ArchivedRecord> Archived() {
    absl::StatusOr<std::unique_ptr<ArchiveReader>> reader = ArchiveReader::Open(options_.database);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return reader.ok() ? (*reader)->Read(0, 100'000).value() : std::vector<ArchivedRecord>();
  }
  std::vector<uint64_t> ArchivedNumbers() {
    std::vector<uint64_t> numbers;
    for (const ArchivedRecord& record : Archived()) numbers.push_back(record.number);
    return numbers;
  }

  TestFolder folder_;
  test::CertificateAuthority authority_;
  test::Certificate bridge_ = authority_.Bridge("lab-a", "bench-1");
  RegistryServerOptions options_;
  std::unique_ptr<RegistryServer> server_;
};

}  // namespace dims

#endif  // DIMS_TESTS_REGISTRY_FIXTURE_H_
