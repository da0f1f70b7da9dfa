// The control socket as a person meets it: a real Unix socket, a store on a disk, and what a session would do.
#include "firmware-bridge/admin.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dims/v1/admin.grpc.pb.h"
#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/admin_text.h"

namespace dims {
namespace {

using dims::v1::TailResponse;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

class Admin : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/dims-admin-XXXXXX";
    folder_ = mkdtemp(name);
    StoreOptions options;
    options.path = folder_ + "/store.db";
    options.laboratory = "lab";
    options.bridge = "ws-1";
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    setup_ =
        std::make_unique<AdminSetup>(AdminSetup{{socket_path(), std::nullopt}, "1.2.3", options.path, {}, Sources()});
    for (const char* instrument : {"gcms-1", "gcms-2"}) {
      setup_->instruments.emplace_back().name = instrument;
      setup_->instruments.back().driver = "agilent_msd";
      setup_->instruments.back().port = "/dev/ttyS9";
    }
  }
  void TearDown() override {
    server_.reset();
    setup_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  TailSources Sources() {
    return {*store_, activity_, [this] { return DescribeUplink(uplink_); }};
  }
  std::string socket_path() const { return folder_ + "/admin.sock"; }
  void Start() {
    server_.reset();
    auto server = AdminServer::Start(*setup_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<dims::v1::AdminService::Stub> Connect() {
    const auto fd = ConnectLocalSocket(socket_path());
    EXPECT_TRUE(fd.ok()) << fd.status();
    return dims::v1::AdminService::NewStub(grpc::CreateInsecureChannelFromFd("test", *fd));
  }
  // One report of gcms-1 on disk, as the bench does it.
  void Record(const std::string& sample, const std::string& instrument = "gcms-1") {
    dims::v1::Report report;
    report.set_driver("agilent_msd");
    report.mutable_source()->set_instrument(instrument);
    report.add_analyses()->set_sample_number(sample);
    report.mutable_analyses(0)->add_findings()->set_label("cocaine");
    const uint64_t begin = store_->Position(instrument).read_through;
    const std::string bytes = "report " + sample;
    const SessionBatch batch{instrument,
                             {{IntakeEntry::Kind::kIn, begin, kStart, bytes}},
                             begin + bytes.size(),
                             {report.SerializeAsString()}};
    ASSERT_TRUE(store_->Commit(Batch{{batch}}).ok());
    activity_.Changed(kStart);
  }
  void Receive(const std::string& bytes, absl::Duration after = absl::ZeroDuration()) {
    activity_.Arrived("gcms-1", {Arrival::Kind::kBytes, {kStart + after, {}}, bytes, {}, 0});
  }
  static std::string Text(const TailResponse& event) { return TailLine(event, absl::UTCTimeZone()).substr(14); }
  // All that a tail says now.
  static std::vector<std::string> Said(Tail& tail) {
    std::vector<std::string> lines;
    for (auto events = tail.Next(absl::ZeroDuration()); !events.empty(); events = tail.Next(absl::ZeroDuration())) {
      for (const TailResponse& event : events) lines.push_back(Text(event));
    }
    return lines;
  }
  Tail Listen(bool bytes = true, const std::string& instrument = "") {
    dims::v1::TailRequest request;
    request.set_bytes(bytes);
    request.set_instrument(instrument);
    return Tail(Sources(), request);
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
  Activity activity_;
  UplinkState uplink_{.address = "registry.example:7443"};
  std::unique_ptr<AdminSetup> setup_;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(Admin, TailTellsARecordBeforeTheBytesThatAcknowledgeIt) {
  Tail tail = Listen();
  EXPECT_THAT(Said(tail), ElementsAre(HasSubstr("listening from record 1 of store "), HasSubstr("not connected to")));
  activity_.Arrived("gcms-1", {Arrival::Kind::kOpened, {kStart, {}}, "", {}, 0});
  Receive(
      "\x02"
      "1H|\\^&\r");
  Receive(
      "\x03"
      "5A\r\n");
  Record("S-7");
  activity_.Sent("gcms-1", kStart, "\x06");
  EXPECT_THAT(Said(tail),
              ElementsAre("gcms-1        line opened", "gcms-1        > <STX>1H|\\^&<CR><ETX>5A<CR><LF>",
                          "gcms-1        record 1: agilent_msd, sample \"S-7\", 1 finding", "gcms-1        < <ACK>"));
}

TEST_F(Admin, TailTellsTheAcknowledgedRecordFirstThoughItsOwnNoticeComesLater) {
  Tail tail = Listen();
  Said(tail);
  Record("S-1");
  Said(tail);
  // The bench replies before it says that there are new records.
  const SessionBatch batch{
      "gcms-1", {}, store_->Position("gcms-1").closed_through, {dims::v1::Report().SerializeAsString()}};
  ASSERT_TRUE(store_->Commit(Batch{{batch}}).ok());
  activity_.Sent("gcms-1", kStart, "\x06");
  const std::vector<std::string> said = Said(tail);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_THAT(said[0], HasSubstr("record 2: "));
  EXPECT_THAT(said[1], HasSubstr("< <ACK>"));
}

TEST_F(Admin, TailShowsWhatIsUrgentAndWhy) {
  Tail tail = Listen(false);
  Said(tail);
  dims::v1::Report report;
  report.set_driver("agilent_msd");
  report.mutable_source()->set_instrument("gcms-1");
  report.set_urgency(dims::v1::URGENCY_URGENT);
  report.add_rule_hits()->set_rule_id("pmma");
  report.mutable_rule_hits(0)->set_tier(dims::v1::TIER_RED_CANDIDATE);
  const std::string urgent = report.SerializeAsString();
  report.set_urgency(dims::v1::URGENCY_ROUTINE);
  report.mutable_rule_hits(0)->set_tier(dims::v1::TIER_INFO);
  ASSERT_TRUE(store_->Commit(Batch{{{"gcms-1", {}, 0, {urgent, report.SerializeAsString()}}}}).ok());
  activity_.Changed(kStart);
  EXPECT_THAT(Said(tail),
              ElementsAre("gcms-1        record 1: URGENT, agilent_msd, 0 findings, hits pmma (RED_CANDIDATE)",
                          "gcms-1        record 2: agilent_msd, 0 findings, hits pmma (INFO)"));
}

TEST_F(Admin, TailMakesLinesOfBytesThatComeOneByOne) {
  Tail tail = Listen();
  Said(tail);
  for (const char c : std::string("one\r\ntwo\r\n\x05")) Receive(std::string(1, c));
  Receive(std::string(600, 'x') + "\nend", absl::Milliseconds(100));
  activity_.Arrived("gcms-1", {Arrival::Kind::kClosed, {kStart, {}}, "", {}, 0});
  const std::vector<std::string> said = Said(tail);
  ASSERT_EQ(said.size(), 7u) << absl::StrJoin(said, "\n");
  EXPECT_EQ(said[0], "gcms-1        > one<CR><LF>");
  EXPECT_EQ(said[1], "gcms-1        > two<CR><LF>");
  EXPECT_EQ(said[2], "gcms-1        > <ENQ>" + std::string(255, 'x'));
  EXPECT_EQ(said[4], "gcms-1        > " + std::string(89, 'x') + "<LF>");
  EXPECT_EQ(said[5], "gcms-1        > end") << "what is no line is told before what comes after it";
  EXPECT_EQ(said[6], "gcms-1        line closed");
}

TEST_F(Admin, TailTellsBytesWithoutALineEndOnceNothingFollows) {
  Tail tail = Listen();
  Said(tail);
  Receive("\x05");
  EXPECT_EQ(tail.Next(absl::Hours(1)).size(), 0u) << "taken, not a line yet";
  const auto events = tail.Next(absl::Hours(1));
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].received().bytes(), "\x05");
}

TEST_F(Admin, TailTellsWhatIsSettledAndHowTheUplinkStands) {
  Record("S-1");
  Record("S-2");
  Tail tail = Listen(false);
  Said(tail);
  uplink_ = {true, "central", kStart, "", "registry.example:7443"};
  ASSERT_TRUE(store_->Settle(store_->Current().id, 1).ok());
  activity_.Changed(kStart);
  EXPECT_THAT(Said(tail), ElementsAre("registry      settled through record 1, 1 queued",
                                      "registry      connected to \"central\" at registry.example:7443"));
  uplink_ = {false, "central", kStart, "Connection refused", "registry.example:7443"};
  activity_.Changed(kStart);
  activity_.Changed(kStart);
  EXPECT_THAT(Said(tail), ElementsAre("registry      not connected to registry.example:7443: Connection refused"));
}

TEST_F(Admin, APauseAndTheUrgentConnectionAreSeenAndWhatIsUnderWayFloodsNoTail) {
  Tail tail = Listen(false);
  Said(tail);
  uplink_ = {true, "central", kStart, "", "registry.example:7443"};
  uplink_.urgent_connected = true;
  uplink_.paused_until = absl::FromCivil(absl::CivilSecond(2100, 1, 2, 3, 4, 5), absl::UTCTimeZone());
  activity_.Changed(kStart);
  EXPECT_THAT(Said(tail),
              ElementsAre("registry      connected to \"central\" at registry.example:7443, urgent records on "
                          "a connection of their own, paused by the registry until 2100-01-02 03:04:05"));
  uplink_.records_under_way = 7;
  activity_.Changed(kStart);
  EXPECT_THAT(Said(tail), ElementsAre());
  dims::v1::StatusResponse status;
  *status.mutable_uplink() = DescribeUplink(uplink_);
  EXPECT_THAT(StatusTable(status, kStart, absl::UTCTimeZone()), HasSubstr("03:04:05, 7 records under way\n"));
}

TEST_F(Admin, TailOfOneInstrumentLeavesTheOthersOut) {
  Tail tail = Listen(true, "gcms-2");
  Said(tail);
  Receive("bytes\n");
  Record("of the first");
  Record("of the second", "gcms-2");
  EXPECT_THAT(Said(tail), ElementsAre("gcms-2        record 2: agilent_msd, sample \"of the second\", 1 finding"));
}

TEST_F(Admin, TailThatFellFarBehindSaysHowManyRecordsItDidNotShow) {
  Tail tail = Listen(false);
  Said(tail);
  const uint64_t more = 37;
  for (uint64_t i = 0; i < Tail::kMostRecords + more; ++i) Record(absl::StrCat("S-", i));
  const std::vector<std::string> said = Said(tail);
  ASSERT_EQ(said.size(), Tail::kMostRecords + 1);
  EXPECT_THAT(said.front(), HasSubstr(absl::StrCat("record ", more + 1, ": ")));
  EXPECT_THAT(said.back(), HasSubstr("37 events were not shown"));
}

TEST_F(Admin, TailCountsARecordThatItCannotRead) {
  Tail tail = Listen(false);
  Said(tail);
  const SessionBatch batch{"gcms-1", {}, 0, {"no report"}};
  ASSERT_TRUE(store_->Commit(Batch{{batch}}).ok());
  Record("S-2");
  EXPECT_THAT(Said(tail), ElementsAre(HasSubstr("record 2: "), HasSubstr("1 event was not shown")));
}

TEST_F(Admin, TailLeavesNoRecordOutWhereTheStoreGoesOnUnderANewId) {
  Tail tail = Listen(false);
  Said(tail);
  Record("S-1");
  const Generation old = store_->Current();
  ASSERT_TRUE(store_->Settle(old.id, 1).ok());
  Record("S-2");
  const auto next = store_->BeginGeneration(old.id, 2, "a test");
  ASSERT_TRUE(next.ok()) << next.status();
  Record("S-3");
  EXPECT_THAT(Said(tail),
              ElementsAre(HasSubstr("record 1: agilent_msd, sample \"S-1\""),
                          HasSubstr(absl::StrCat("listening from record 1 of store ", next->store_id)),
                          HasSubstr("record 1: agilent_msd, sample \"S-2\""),
                          HasSubstr("record 2: agilent_msd, sample \"S-3\""), HasSubstr("settled through record 0")));
}

TEST_F(Admin, NothingThatAnInstrumentPrintedSteersTheTerminal) {
  TailResponse event;
  event.mutable_record_stored()->add_sample_numbers("\x1b[2J\xC2\x9Bx\nS");
  dims::v1::Problem& problem = *event.mutable_record_stored()->add_problems();
  problem.set_type(dims::v1::PROBLEM_TYPE_NOISE);
  problem.set_message("\x1b]0;title\x07");
  const std::string line = TailLine(event, absl::UTCTimeZone());
  EXPECT_THAT(line, HasSubstr("\xEF\xBF\xBD[2J\xEF\xBF\xBDx\xEF\xBF\xBDS"));
  for (const char c : line) EXPECT_FALSE(absl::ascii_iscntrl(c)) << line;
}

TEST_F(Admin, StreamsToAPeerWhoMayAndSaysWhoItIs) {
  Peer seen;
  setup_->allows = [&](const Peer& peer) {
    seen = peer;
    return true;
  };
  Start();
  const auto stub = Connect();
  grpc::ClientContext context;
  dims::v1::TailRequest request;
  request.set_bytes(true);
  const auto reader = stub->Tail(&context, request);
  TailResponse event;
  ASSERT_TRUE(reader->Read(&event) && event.has_began());
  ASSERT_TRUE(reader->Read(&event) && event.has_uplink());
  EXPECT_EQ(seen.uid, geteuid());
  EXPECT_EQ(seen.pid, getpid());
  Receive("hello\n");
  Record("S-1");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.received().bytes(), "hello\n");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.record_stored().number(), 1u);
  server_.reset();
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(reader->Finish().error_message(), "the bridge is stopping");
}

TEST_F(Admin, ClosesAPeerWhoMayNot) {
  setup_->allows = [](const Peer&) { return false; };
  Start();
  std::ostringstream out;
  const absl::Status status = PrintStatus(socket_path(), false, out);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("run it as root or as the service's user"));
  EXPECT_EQ(out.str(), "");
}

TEST_F(Admin, AListenerThatDoesNotReadHoldsUpNeitherTheStoreNorAStop) {
  Start();
  const auto stub = Connect();
  grpc::ClientContext context;
  dims::v1::TailRequest request;
  request.set_bytes(true);
  const auto reader = stub->Tail(&context, request);
  TailResponse event;
  ASSERT_TRUE(reader->Read(&event));
  // Far more than the queue and gRPC's own buffers hold.
  const std::string bytes(4096, 'x');
  for (int i = 0; i < 32768; ++i) Receive(bytes);
  Record("S-1");
  EXPECT_EQ(store_->Current().highest_number, 1u);
  server_.reset();
  context.TryCancel();
  reader->Finish();
}

TEST_F(Admin, SaysThatEventsWereNotShownToAListenerThatReadsLate) {
  Start();
  const auto stub = Connect();
  grpc::ClientContext context;
  dims::v1::TailRequest request;
  request.set_bytes(true);
  const auto reader = stub->Tail(&context, request);
  TailResponse event;
  ASSERT_TRUE(reader->Read(&event));
  const std::string bytes(256, 'x');
  constexpr int kSent = 65536;  // 16 MiB
  for (int i = 0; i < kSent; ++i) Receive(bytes);
  uint64_t shown = 0, not_shown = 0;
  while (shown + not_shown < kSent && reader->Read(&event)) {
    shown += event.has_received() ? 1 : 0;
    not_shown += event.not_shown().events();
  }
  EXPECT_EQ(shown + not_shown, static_cast<uint64_t>(kSent));
  EXPECT_GT(not_shown, 0u);
  context.TryCancel();
  reader->Finish();
}

TEST_F(Admin, LetsSoManyListenAndNoMore) {
  Start();
  const auto stub = Connect();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<TailResponse>>> readers;
  TailResponse event;
  for (int i = 0; i < AdminServer::kMostTails; ++i) {
    readers.push_back(stub->Tail(contexts.emplace_back(std::make_unique<grpc::ClientContext>()).get(), {}));
    ASSERT_TRUE(readers.back()->Read(&event));
  }
  grpc::ClientContext one_more;
  const auto reader = stub->Tail(&one_more, {});
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(reader->Finish().error_message(), "8 listen already; end one of them");
  std::ostringstream out;
  EXPECT_TRUE(PrintStatus(socket_path(), false, out).ok()) << "who only asks how it stands is not turned away";
  server_.reset();
  for (auto& each : readers) {
    while (each->Read(&event)) {
    }
    each->Finish();
  }
}

// Whether the bridge closes a connection over which nothing is said.
bool IsClosed(int fd) {
  pollfd waiting = {fd, POLLIN, 0};
  const absl::Time until = absl::Now() + absl::Seconds(30);
  char bytes[256];
  // A bridge that keeps it speaks first: its settings.
  while (absl::Now() < until && poll(&waiting, 1, 1000) >= 0) {
    const ssize_t got = read(fd, bytes, sizeof bytes);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return true;
    if (got > 0) return false;
  }
  return false;
}

TEST_F(Admin, KeepsSoManyConnectionsAndNoMore) {
  Start();
  std::vector<int> kept;
  for (std::size_t i = 0; i < AdminServer::kMostConnections; ++i) {
    const auto fd = ConnectLocalSocket(socket_path());
    ASSERT_TRUE(fd.ok()) << fd.status();
    kept.push_back(*fd);
    EXPECT_FALSE(IsClosed(*fd)) << i;
  }
  const auto one_more = ConnectLocalSocket(socket_path());
  ASSERT_TRUE(one_more.ok()) << one_more.status();
  EXPECT_TRUE(IsClosed(*one_more));
  close(*one_more);
  close(kept.back());
  kept.pop_back();
  // There is room again once the bridge has seen that one go.
  absl::Status status;
  for (const absl::Time until = absl::Now() + absl::Seconds(30); absl::Now() < until;) {
    std::ostringstream out;
    status = PrintStatus(socket_path(), false, out);
    if (status.ok()) break;
  }
  EXPECT_TRUE(status.ok()) << status;
  for (const int fd : kept) close(fd);
}

TEST_F(Admin, ClosesAConnectionThatAsksNothing) {
  setup_->idle = absl::Milliseconds(50);
  Start();
  const auto fd = ConnectLocalSocket(socket_path());
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_FALSE(IsClosed(*fd));  // its settings
  const absl::Time until = absl::Now() + absl::Seconds(30);
  bool closed = false;
  while (!closed && absl::Now() < until) closed = IsClosed(*fd);
  EXPECT_TRUE(closed);
  close(*fd);
}

TEST_F(Admin, NamesTheNearestInstrumentForOneThatIsNot) {
  Start();
  std::ostringstream out;
  dims::v1::TailRequest request;
  request.set_instrument("gcms-3");
  const absl::Status status = PrintTail(socket_path(), request, false, out);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(std::string(status.message()), "there is no instrument \"gcms-3\", did you mean \"gcms-1\"?");
}

TEST_F(Admin, CarriesAnOrderToTheInstrumentThatIsNamed) {
  std::vector<std::string> orders;
  setup_->order = [&](const std::string& instrument, const std::string& order) {
    if (order != "acquire") return absl::NotFoundError("no such order");
    orders.push_back(absl::StrCat(instrument, " ", order));
    return absl::OkStatus();
  };
  Start();
  std::ostringstream out;
  const auto send = [&](const std::string& instrument, const std::string& order) {
    dims::v1::OrderRequest request;
    request.set_instrument(instrument);
    request.set_order(order);
    return SendOrder(socket_path(), request, out);
  };
  EXPECT_TRUE(send("gcms-2", "acquire").ok());
  EXPECT_THAT(out.str(), HasSubstr("gcms-2: told to acquire"));
  EXPECT_EQ(send("gcms-2", "acquit").message(), "no such order");
  EXPECT_EQ(send("gcms-3", "acquire").message(), "there is no instrument \"gcms-3\", did you mean \"gcms-1\"?");
  EXPECT_THAT(orders, ElementsAre("gcms-2 acquire"));
  setup_->order = nullptr;
  Start();
  EXPECT_EQ(send("gcms-2", "acquire").code(), absl::StatusCode::kUnimplemented);
}

TEST_F(Admin, StatusSaysHowEverythingStands) {
  activity_.Arrived("gcms-1", {Arrival::Kind::kOpened, {kStart, {}}, "", {}, 0});
  Receive("x", absl::Seconds(5));
  Record("S-1");
  const SessionBatch open{"gcms-1", {{IntakeEntry::Kind::kIn, 10, kStart, "open"}}, 10, {}};
  ASSERT_TRUE(store_->Commit(Batch{{open}}).ok());
  uplink_ = {true, "central", kStart, "", "registry.example:7443"};
  Start();
  dims::v1::StatusResponse response;
  grpc::ClientContext context;
  ASSERT_TRUE(Connect()->Status(&context, {}, &response).ok());
  EXPECT_EQ(response.version(), "1.2.3");
  ASSERT_EQ(response.instruments_size(), 2);
  const dims::v1::InstrumentStatus& first = response.instruments(0);
  EXPECT_EQ(first.driver(), "agilent_msd");
  EXPECT_TRUE(first.line_open());
  EXPECT_EQ(first.line_since().seconds(), absl::ToUnixSeconds(kStart));
  EXPECT_EQ(first.last_arrival().seconds(), absl::ToUnixSeconds(kStart) + 5);
  EXPECT_EQ(first.bytes_read(), 14u);
  EXPECT_EQ(first.open_bytes(), 4u);
  EXPECT_FALSE(response.instruments(1).line_open());
  EXPECT_FALSE(response.instruments(1).has_line_since());
  EXPECT_EQ(response.store().store_id(), store_->Current().store_id);
  EXPECT_EQ(response.store().highest_number(), 1u);
  EXPECT_EQ(response.store().queued(), 1u);
  EXPECT_EQ(response.uplink().registry(), "central");

  const std::string table = StatusTable(response, kStart + absl::Seconds(70), absl::UTCTimeZone());
  EXPECT_THAT(table, HasSubstr("records   highest 1, settled through 0, 1 queued, 0 refused\n"));
  EXPECT_THAT(table,
              HasSubstr("registry  connected to \"central\" at registry.example:7443, since 08:00:00 (1m10s ago)"));
  EXPECT_THAT(table, HasSubstr("INSTRUMENT  DRIVER       PORT        LINE                             LAST ARRIVAL"));
  EXPECT_THAT(table, HasSubstr("gcms-1      agilent_msd  /dev/ttyS9  open since 08:00:00 (1m10s ago)  08:00:05 (1m5s "
                               "ago)  14          4\n"));
  EXPECT_THAT(table, HasSubstr("gcms-2      agilent_msd  /dev/ttyS9  closed                           none yet"));
}

TEST_F(Admin, WhatALivingProcessServesIsLeftAndItsProcessNamed) {
  Start();
  const auto second = LocalSocket::Listen(socket_path(), std::nullopt);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists) << second.status();
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(absl::StrCat("in use by process ", getpid(), " (")));
  std::ostringstream out;
  EXPECT_TRUE(PrintStatus(socket_path(), true, out).ok()) << "the first serves on";
  EXPECT_THAT(out.str(), HasSubstr("\"version\":\"1.2.3\""));
}

TEST_F(Admin, TheFileGoesWithTheServer) {
  Start();
  EXPECT_TRUE(std::filesystem::exists(socket_path()));
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(socket_path()));
  std::ostringstream out;
  const absl::Status status = PrintStatus(socket_path(), false, out);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is the bridge running (systemctl status dims-bridge)"));
}

}  // namespace
}  // namespace dims
