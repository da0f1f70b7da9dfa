// What the registry lets in: records by type, clients by certificate and Hello, its own files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "registry/assembler.h"
#include "registry/grpc_log.h"
#include "registry/screen.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(RegistryAssembler, GivesTheSameRecordHoweverItIsCut) {
  std::mt19937 random(7);
  Allowance all(1 << 20);
  for (int round = 0; round < 200; ++round) {
    std::string payload(random() % 300, '\0');
    for (char& c : payload) c = static_cast<char>(random());
    Chain chain("store-1");
    const v1::Record whole = chain.Add(payload);
    const uint32_t parts = 1 + random() % 9;
    Assembler assembler(200, all);
    std::optional<ReceivedRecord> result;
    for (uint32_t part = 0; part < parts; ++part) {
      ASSERT_FALSE(result.has_value());
      v1::Record piece = whole;
      const std::size_t size = part + 1 == parts ? payload.size() : random() % (payload.size() + 1);
      piece.set_payload(payload.substr(0, size));
      payload.erase(0, size);
      piece.set_part(part);
      piece.set_parts(parts);
      absl::StatusOr<std::optional<ReceivedRecord>> added = assembler.Add(std::move(piece));
      ASSERT_TRUE(added.ok()) << added.status();
      result = *std::move(added);
    }
    ASSERT_TRUE(result.has_value());
    EXPECT_EQ(result->hash, Chain::HashOf(whole));
    const bool too_large = whole.payload().size() > 200;
    EXPECT_EQ(result->payload, too_large ? "" : whole.payload());
    EXPECT_EQ(result->refusal, too_large ? v1::REFUSAL_REASON_TOO_LARGE : v1::REFUSAL_REASON_UNSPECIFIED);
  }
}

TEST(RegistryAssembler, RefusesPartsThatDoNotFitTogether) {
  Allowance all(1 << 20);
  const auto part = [](uint64_t number, uint32_t part, uint32_t parts, char hash = 'h', uint32_t schema = 1) {
    v1::Record record;
    record.set_number(number);
    record.set_previous_hash(std::string(32, hash));
    record.set_schema(schema);
    record.set_part(part);
    record.set_parts(parts);
    return record;
  };
  const std::vector<std::vector<v1::Record>> breaches = {
      {part(1, 1, 2)},                         // begins in the middle
      {part(1, 2, 2)},                         // more parts than it says
      {part(1, 1, 0)},                         // a whole record with a part number
      {part(1, 0, 3), part(1, 2, 3)},          // a part is missing
      {part(1, 0, 2), part(1, 0, 2)},          // a part comes twice
      {part(1, 0, 2), part(2, 1, 2)},          // another record's part
      {part(1, 0, 2), part(2, 0, 0)},          // another record in between
      {part(1, 0, 2), part(1, 1, 3)},          // another number of parts
      {part(1, 0, 2), part(1, 1, 2, 'x')},     // another previous_hash
      {part(1, 0, 2), part(1, 1, 2, 'h', 2)},  // another schema
  };
  for (const std::vector<v1::Record>& parts : breaches) {
    Assembler assembler(1000, all);
    absl::Status status;
    for (v1::Record record : parts) status.Update(assembler.Add(std::move(record)).status());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << parts.back().ShortDebugString();
  }
  EXPECT_EQ(Assembler(1000, all).Add(part(1, 0, 65'537)).status().code(), absl::StatusCode::kInvalidArgument)
      << "it would never end";
  v1::Record short_hash = part(1, 0, 0);
  short_hash.set_previous_hash("short");
  EXPECT_EQ(Assembler(1000, all).Add(std::move(short_hash)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(RegistryAssembler, GivesBackItsPartOfTheAllowanceWhateverHappens) {
  Allowance all(1'000);
  const auto add = [](Assembler& assembler, uint32_t part, uint32_t parts, std::size_t size) {
    v1::Record record;
    record.set_number(1);
    record.set_previous_hash(std::string(32, 'h'));
    record.set_part(part);
    record.set_parts(parts);
    record.set_payload(std::string(size, 'x'));
    return assembler.Add(std::move(record)).status();
  };
  {
    Assembler one(900, all), two(900, all);
    EXPECT_TRUE(add(one, 0, 4, 400).ok());
    EXPECT_TRUE(add(two, 0, 4, 400).ok());
    EXPECT_TRUE(absl::IsResourceExhausted(add(two, 1, 4, 400))) << "not beside the other";
    EXPECT_TRUE(add(one, 1, 4, 200).ok());
    EXPECT_EQ(all.used(), 1'000u);
    EXPECT_TRUE(add(one, 2, 4, 400).ok()) << "too large: counted and hashed, not held";
    EXPECT_EQ(all.used(), 400u);
    EXPECT_TRUE(add(one, 3, 4, 1).ok());
  }
  EXPECT_EQ(all.used(), 0u);
}

// ---- Refusals ----

TEST_F(Registry, RefusesByTypeSettlesAndKeepsATombstone) {
  options_.largest_record = 2'000'000;
  Start();
  const auto simulated = [](v1::Origin origin) {
    v1::Report report = GoodReport(1);
    report.set_origin(origin);
    return report.SerializeAsString();
  };
  v1::Report wrong_source = GoodReport(1, "bench-2"), no_source = GoodReport(1);
  no_source.clear_source();
  Chain chain("store-1");
  std::vector<v1::Record> records = {
      chain.Add(),
      chain.Add("\xff\xff no report"),
      chain.Add(GoodReport(3).SerializeAsString(), 2),
      chain.Add(simulated(v1::ORIGIN_SIMULATED)),
      chain.Add(simulated(v1::ORIGIN_EXERCISE)),
      chain.Add(simulated(v1::ORIGIN_UNSPECIFIED)),
      chain.Add(wrong_source.SerializeAsString()),
      chain.Add(no_source.SerializeAsString()),
  };
  const v1::Record large = chain.Add(std::string(2'000'001, 'x'));
  const v1::Record last = chain.Add();

  const std::unique_ptr<Client> client = Connect(), urgent = Connect();
  urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
  urgent->Send({records[3]});
  ASSERT_TRUE(urgent->ReadUntil([&] { return !urgent->refusals.empty(); }));
  EXPECT_THAT(urgent->ahead, IsEmpty()) << "what was refused is not stored ahead";

  client->Greet(Client::HelloOf("store-1"));
  client->Send(records);
  for (uint32_t part = 0; part < 3; ++part) {
    v1::Record piece = large;
    piece.set_payload(large.payload().substr(part * 1'000'000, 1'000'000));
    piece.set_part(part);
    piece.set_parts(3);
    client->Send({piece});
  }
  client->Send({last});
  ASSERT_TRUE(client->ReadUntilSettled(10)) << client->Finish();
  records.push_back(large);
  const std::array<v1::RefusalReason, 8> reasons = {v1::REFUSAL_REASON_MALFORMED,    v1::REFUSAL_REASON_UNKNOWN_SCHEMA,
                                                    v1::REFUSAL_REASON_ORIGIN,       v1::REFUSAL_REASON_ORIGIN,
                                                    v1::REFUSAL_REASON_ORIGIN,       v1::REFUSAL_REASON_WRONG_SOURCE,
                                                    v1::REFUSAL_REASON_WRONG_SOURCE, v1::REFUSAL_REASON_TOO_LARGE};
  ASSERT_THAT(client->refusals, SizeIs(reasons.size()));
  const std::vector<ArchivedRecord> archived = Archived();
  ASSERT_THAT(archived, SizeIs(10));
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    const v1::Refusal& refusal = client->refusals[i];
    EXPECT_EQ(refusal.number(), i + 2);
    EXPECT_EQ(refusal.reason(), reasons[i]);
    EXPECT_EQ(refusal.hash(), Chain::HashOf(records[i + 1]));
    EXPECT_NE(refusal.message(), "");
    const auto tombstone = std::find_if(archived.begin(), archived.end(),
                                        [&](const ArchivedRecord& record) { return record.number == i + 2; });
    ASSERT_NE(tombstone, archived.end());
    EXPECT_EQ(tombstone->refusal, reasons[i]);
    EXPECT_EQ(tombstone->hash, refusal.hash());
    EXPECT_EQ(tombstone->payload, "");
  }
  // The same again is the same again, refusal included; something else under that number is a conflict.
  client->Send({records[1]});
  EXPECT_TRUE(client->ReadUntil([&] { return client->refusals.size() == reasons.size() + 1; }));
  EXPECT_EQ(client->refusals.back().reason(), v1::REFUSAL_REASON_MALFORMED);
  Chain other("store-1");
  other.Add();
  client->Send({other.Add("another payload")});
  EXPECT_THAT(client->Finish(), HasSubstr("CONFLICT at record 2"));
}

TEST_F(Registry, TakesSimulatedResultsWhereItIsTold) {
  options_.accept_simulated = true;
  Start();
  Chain chain("store-1");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  for (v1::Origin origin : {v1::ORIGIN_SIMULATED, v1::ORIGIN_EXERCISE, v1::ORIGIN_UNSPECIFIED}) {
    v1::Report report = GoodReport(1);
    report.set_origin(origin);
    client->Send({chain.Add(report.SerializeAsString())});
  }
  ASSERT_TRUE(client->ReadUntilSettled(3));
  ASSERT_THAT(client->refusals, SizeIs(1)) << "only the one that does not say its origin";
  EXPECT_EQ(client->refusals[0].number(), 3u);
}

TEST_F(Registry, KeepsWhatANewerBridgeSaysAndItDoesNotKnow) {
  Start();
  // A field and an enum value that no report of today has.
  v1::Report report = GoodReport(1);
  report.GetReflection()->MutableUnknownFields(&report)->AddLengthDelimited(12'345, "of tomorrow");
  report.set_origin(static_cast<v1::Origin>(99));
  Chain chain("store-1");
  const v1::Record record = chain.Add(report.SerializeAsString());
  v1::Hello hello = Client::HelloOf("store-1", static_cast<v1::StreamPurpose>(77));
  hello.GetReflection()->MutableUnknownFields(&hello)->AddVarint(12'345, 7);
  const std::unique_ptr<Client> client = Connect();
  client->Greet(hello);
  v1::ForwardRequest message;
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(12'345, "a kind of message of tomorrow");
  client->Say(message);
  client->Send({record});
  ASSERT_TRUE(client->ReadUntilSettled(1)) << client->Finish();
  EXPECT_THAT(client->refusals, IsEmpty());
  EXPECT_EQ(Archived()[0].payload, record.payload()) << "byte for byte";
  client->Say(v1::ForwardRequest());
  EXPECT_THAT(client->Finish(), HasSubstr("INVALID_ARGUMENT: a message that is neither Hello nor Records"));
}

TEST_F(Registry, RepeatsAfterWelcomeTheRefusalsThatABridgeMayHaveMissed) {
  Start();
  Chain chain("store-1");
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Send({chain.Add(), chain.Add("no report"), chain.Add()});
  for (int i = 0; i < 300; ++i) client->Send({chain.Add("no report")});
  ASSERT_TRUE(client->ReadUntilSettled(303));
  const std::vector<v1::Refusal> first = client->refusals;
  client->Cut();
  client = Connect();
  EXPECT_EQ(client->Greet(Client::HelloOf("store-1")).settled_through(), 303u);
  ASSERT_EQ(first.size(), 301u);
  EXPECT_EQ(client->Close(), "OK: ");
  ASSERT_THAT(client->refusals, SizeIs(301)) << "all that may have been under way, once";
  for (std::size_t i = 0; i < 301; ++i) {
    EXPECT_EQ(client->refusals[i].SerializeAsString(), first[i].SerializeAsString());
  }
}

TEST_F(Registry, TakesALongRecordInPartsAndNothingOfAnUnfinishedOne) {
  Start();
  v1::Report report = GoodReport(1);
  for (int i = 0; i < 700'000; ++i) report.mutable_analyses(0)->add_spectra()->add_x(i);
  Chain chain("store-1");
  const v1::Record record = chain.Add(report.SerializeAsString());
  const uint32_t parts = static_cast<uint32_t>((record.payload().size() + (1 << 20) - 1) >> 20);
  ASSERT_GT(parts, 5u);
  const auto send = [&](Client& client, uint32_t count) {
    for (uint32_t part = 0; part < count; ++part) {
      v1::Record piece = record;
      piece.set_payload(record.payload().substr(std::size_t{part} << 20, 1 << 20));
      piece.set_part(part);
      piece.set_parts(parts);
      client.Send({piece});
    }
  };
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  send(*client, parts - 1);
  EXPECT_EQ(client->Close(), "OK: ");
  EXPECT_THAT(Archived(), IsEmpty());
  client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  send(*client, parts);
  ASSERT_TRUE(client->ReadUntilSettled(1));
  EXPECT_EQ(Archived()[0].payload, record.payload());
}

TEST(RegistryScreen, JudgesGapsAndContradictionsByTheirOwnRules) {
  const Identity sender{"lab-a", "bridge", "bench-1"};
  const auto judge = [&](const v1::Report& report) {
    return Screen(1, report.SerializeAsString(), sender, false).reason;
  };
  EXPECT_EQ(judge(GoodReport(1)), v1::REFUSAL_REASON_UNSPECIFIED);
  v1::Report gap;
  gap.mutable_gap()->set_from(3);
  gap.mutable_gap()->set_through(7);
  EXPECT_EQ(judge(gap), v1::REFUSAL_REASON_UNSPECIFIED) << "it may lack source and origin";
  gap.mutable_source()->set_laboratory("lab-b");
  EXPECT_EQ(judge(gap), v1::REFUSAL_REASON_WRONG_SOURCE);
  gap.clear_source();
  gap.mutable_gap()->set_through(2);
  EXPECT_EQ(judge(gap), v1::REFUSAL_REASON_MALFORMED);
  v1::Report report = GoodReport(1);
  report.mutable_gap()->set_from(1);
  report.mutable_gap()->set_through(1);
  EXPECT_EQ(judge(report), v1::REFUSAL_REASON_MALFORMED) << "a gap has no content";
  report = GoodReport(1);
  report.set_raw_sha256("short");
  EXPECT_EQ(judge(report), v1::REFUSAL_REASON_MALFORMED);
  report = GoodReport(1);
  report.mutable_source()->set_laboratory("lab-b");
  EXPECT_EQ(judge(report), v1::REFUSAL_REASON_WRONG_SOURCE);
}

// The message travels back to the bridge, and into two logs.
TEST(RegistryScreen, WhatAReportSaysOfItselfIsShortAndOnOneLineInTheMessage) {
  v1::Report report = GoodReport(1);
  report.mutable_source()->set_laboratory(std::string(5'000'000, 'x'));
  report.mutable_source()->set_bridge("b\n[error] forged\x1b[2J\u00e9");
  const Verdict verdict = Screen(1, report.SerializeAsString(), {"lab-a", "bridge", "bench-1"}, false);
  EXPECT_EQ(verdict.reason, v1::REFUSAL_REASON_WRONG_SOURCE);
  EXPECT_LT(verdict.message.size(), 500u);
  EXPECT_TRUE(std::all_of(verdict.message.begin(), verdict.message.end(), [](char c) { return c >= ' ' && c < 127; }))
      << verdict.message;
}

// ---- Who may speak ----

TEST_F(Registry, LetsOnlyBridgesOfItsAuthorityReachTheService) {
  CapturedLog log;
  LogGrpcMessages();
  Start();
  const test::CertificateAuthority stranger("another authority");
  const test::Validity past{absl::Now() - absl::Hours(5), absl::Now() - absl::Hours(1)};
  const test::Validity future{absl::Now() + absl::Hours(1), absl::Now() + absl::Hours(5)};
  const std::string& ca = authority_.certificate();
  for (const std::unique_ptr<Client>& client :
       {ConnectWith(ca, stranger.Bridge("lab-a", "bench-1")),
        ConnectWith(ca, authority_.Bridge("lab-a", "bench-1", past)),
        ConnectWith(ca, authority_.Bridge("lab-a", "bench-1", future)), ConnectWith(ca, {}),
        std::make_unique<Client>(server_->port(), grpc::InsecureChannelCredentials())}) {
    client->Say(Client::HelloOf("store-1"));
    EXPECT_THAT(client->Finish(), HasSubstr("UNAVAILABLE"));
  }
  server_.reset();
  EXPECT_THAT(Archived(), IsEmpty());
  std::vector<std::string> refused;
  for (absl::string_view line : absl::StrSplit(log.text(), '\n')) {
    EXPECT_THAT(std::string(line), Not(HasSubstr("stream"))) << "the service was reached";
    if (absl::StrContains(line, "refused a connection")) refused.emplace_back(line);
  }
  for (const char* why : {"unable to get local issuer certificate", "certificate has expired",
                          "certificate is not yet valid", "showed no certificate", "does not speak TLS"}) {
    EXPECT_THAT(refused, Contains(AllOf(HasSubstr("warning"), HasSubstr(why))));
  }
  EXPECT_THAT(refused, SizeIs(5)) << "one line each";
}

TEST_F(Registry, TellsAClientWithoutABridgesIdentityWhatItsCertificateLacks) {
  Start();
  const std::string& ca = authority_.certificate();
  for (const auto& [uri, answer] :
       {std::pair<const char*, const char*>{"", "UNAUTHENTICATED: the client's certificate"},
        {"urn:dims:lab-a:clerk:x", "UNAUTHENTICATED: role \"clerk\""},
        {"urn:dims:Lab-A:bridge:x", "UNAUTHENTICATED"},
        {"urn:dims:lab-a:registry:x", "PERMISSION_DENIED"},
        {"urn:other:x", "UNAUTHENTICATED"}}) {
    const std::unique_ptr<Client> client = ConnectWith(ca, authority_.WithUri(uri));
    client->Say(Client::HelloOf("store-1"));
    EXPECT_THAT(client->Finish(), HasSubstr(answer)) << uri;
  }
}

TEST_F(Registry, LetsABridgeSpeakOnlyForItself) {
  CapturedLog log;
  Start();
  v1::Hello laboratory = Client::HelloOf("store-1"), bridge = Client::HelloOf("store-1");
  laboratory.set_laboratory("lab-b\nsecond line");
  bridge.set_bridge("bench-2");
  for (const v1::Hello& hello : {laboratory, bridge}) {
    const std::unique_ptr<Client> client = Connect();
    client->Say(hello);
    EXPECT_THAT(client->Finish(), AllOf(HasSubstr("PERMISSION_DENIED: Hello says laboratory"),
                                        HasSubstr("the certificate says laboratory \"lab-a\", bridge \"bench-1\"")));
  }
  server_.reset();
  EXPECT_THAT(log.text(), AllOf(HasSubstr("warning: stream of bridge lab-a/bench-1 at ipv4:127.0.0.1:"),
                                HasSubstr("Hello says laboratory \"lab-b\\nsecond line\"")));
}

TEST_F(Registry, EndsAStreamThatBreaksTheContractWithItsStatus) {
  options_.hello_timeout = absl::Milliseconds(100);
  Start();
  std::unique_ptr<Client> client = Connect();
  EXPECT_THAT(client->Finish(), HasSubstr("DEADLINE_EXCEEDED: no Hello came"));
  options_.hello_timeout = absl::Seconds(20);
  Start();
  client = Connect();
  v1::Hello hello = Client::HelloOf("store-1");
  hello.set_contract(2);
  client->Say(hello);
  EXPECT_THAT(client->Finish(), HasSubstr("FAILED_PRECONDITION: the bridge speaks contract 2, this registry speaks 1"));
  client = Connect();
  client->Send(Chain("store-1").Add(1));
  EXPECT_THAT(client->Finish(), HasSubstr("INVALID_ARGUMENT: records came before Hello"));
  client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Say(Client::HelloOf("store-1"));
  EXPECT_THAT(client->Finish(), HasSubstr("INVALID_ARGUMENT: a second Hello"));
  client = Connect();
  client->Say(Client::HelloOf("store \"one\""));
  EXPECT_THAT(client->Finish(), HasSubstr("INVALID_ARGUMENT: store id"));
  client = Connect();
  EXPECT_THAT(client->Close(), HasSubstr("INVALID_ARGUMENT: the stream ended before its Hello"));
  client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  EXPECT_EQ(client->Close(), "OK: ");
}

TEST_F(Registry, SaysAtTheStartWhatIsWrongWithItsFiles) {
  const auto start = [](const RegistryServerOptions& options) {
    return std::string(RegistryServer::Start(options).status().message());
  };
  RegistryServerOptions options = options_;
  options.key = folder_ / "none.pem";
  EXPECT_THAT(start(options), AllOf(HasSubstr("none.pem"), HasSubstr("does the file exist")));
  const auto with = [&](const test::Certificate& certificate) {
    const test::CertificateFiles files = test::WriteCertificates(folder_.path(), "other-", authority_, certificate);
    RegistryServerOptions other = options_;
    other.certificate = files.certificate;
    other.key = files.key;
    return other;
  };
  options = with(authority_.Registry("lab-z", "central"));
  options.key = options_.key;
  EXPECT_THAT(start(options), HasSubstr("is not the key of the certificate in"));
  EXPECT_THAT(start(with(bridge_)), HasSubstr("is the certificate of a bridge"));
  EXPECT_THAT(start(with(authority_.Registry("lab-z", "central",
                                             {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)}))),
              HasSubstr("has expired on"));
  options = options_;
  options.database = folder_ / "no/such/folder/registry.db";
  EXPECT_THAT(start(options), HasSubstr("does the folder exist"));
  options = options_;
  options.listen = "127.0.0.1";
  EXPECT_THAT(start(options), HasSubstr("is not host:port"));
  Start();
  options = options_;
  EXPECT_THAT(start(options), HasSubstr("another dims-registry is serving this database"));
  options.database = folder_ / "second.db";
  options.listen = server_->address();
  EXPECT_THAT(start(options), HasSubstr("another program has it"));
}

TEST(RegistryLog, PassesErrorsOfGrpcOnAndKeepsWhatOpenSslSaid) {
  EXPECT_EQ(LineFor(2, "a/b.cc", "something broke").text, "gRPC: something broke (b.cc)");
  EXPECT_EQ(LineFor(2, "a/b.cc", "something broke").level, spdlog::level::err);
  EXPECT_EQ(LineFor(1, "a/b.cc", "by the way").level, spdlog::level::off);
  const LogLine alert = LineFor(0, "x/chttp2_server.cc",
                                "Handshaking failed: UNKNOWN:Tls handshake failed: SSL_ERROR_SSL: error:0A000418:SSL "
                                "routines::tlsv1 alert unknown ca {tsi_code:10}");
  EXPECT_EQ(alert.text,
            "refused a connection: the client does not trust this registry's certificate (tlsv1 alert unknown ca)");
  const LogLine closed = LineFor(0, "x/chttp2_server.cc",
                                 "Handshaking failed: UNKNOWN:Handshake read failed {children:[INTERNAL:Socket closed "
                                 "{target_address:\"ipv4:10.0.0.7:59358\", fd:9}]}");
  EXPECT_THAT(closed.text, HasSubstr("refused a connection from ipv4:10.0.0.7:59358: the client closed it"));
}

}  // namespace
}  // namespace dims
