// What a person does about refused records: over the control socket, and with the program, running bridge or not.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

#include "firmware-bridge/admin.h"
#include "firmware-bridge/admin_client.h"
#include "firmware-bridge/admin_text.h"
#include "firmware-bridge/quarantine.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

struct Output {
  int code = 0;
  std::string text;  // both streams
};

class AdminQuarantine : public testing::Test {
 protected:
  AdminQuarantine() {
    options_ = OptionsFor(folder_);
    options_.now = [] { return kStart; };
    store_ = MustOpen(options_);
    std::ofstream(config_) << "laboratory = \"lab-1\"\nbridge = \"bridge-1\"\n[store]\npath = \"" << folder_.path()
                           << "\"\n[registry]\naddress = \"localhost:1\"\nca = \"a\"\ncertificate = \"b\"\nkey = "
                              "\"c\"\n[admin]\nsocket = \""
                           << socket_ << "\"\n";
  }

  // One that the registry has refused and settled.
  void Refuse(const std::string& sample, dims::v1::RefusalReason reason, const std::string& message,
              bool urgent = false) {
    dims::v1::Report report;
    report.mutable_source()->set_instrument("gcms-1");
    report.add_analyses()->set_sample_number(sample);
    report.mutable_analyses(0)->add_findings()->set_label("cocaine");
    Batch batch = BatchOf({report.SerializeAsString()});
    if (urgent) batch.sessions[0].urgent = {0};
    ASSERT_TRUE(store_->Commit(batch).ok());
    const Generation current = store_->Current();
    ASSERT_TRUE(store_->MarkRefused(current.id, current.highest_number, reason, message).ok());
    ASSERT_TRUE(store_->Settle(current.id, current.highest_number).ok());
  }
  void Serve() {
    const TailSources sources{*store_, activity_, [] { return dims::v1::UplinkStatus(); }};
    auto server =
        AdminServer::Start({{socket_, std::nullopt}, "1.2.3", options_.path, {}, sources, [this] { ++recorded_; }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void Stop() {
    server_.reset();
    store_.reset();
  }
  std::unique_ptr<Quarantine> Connect() {
    auto quarantine = QuarantineOverSocket::Connect(socket_);
    EXPECT_TRUE(quarantine.ok()) << quarantine.status();
    return *std::move(quarantine);
  }
  // What the program says.
  Output Run(const std::string& arguments) {
    const std::string command = absl::StrCat("TZ=UTC '", DIMS_BINARY_DIR, "/firmware-bridge/dims-bridge' quarantine ",
                                             arguments, " --config '", config_, "' 2>&1");
    Output output;
    std::FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 4096> part;
    for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), pipe)) > 0;) {
      output.text.append(part.data(), got);
    }
    output.code = WEXITSTATUS(pclose(pipe));
    return output;
  }
  static std::string Me() {
    const passwd* entry = getpwuid(getuid());
    return absl::StrCat(entry != nullptr ? absl::StrCat(entry->pw_name, " (user ", getuid(), ")")
                                         : absl::StrCat("user ", getuid()));
  }

  const StoreFolder folder_;
  const std::string socket_ = folder_.folder() + "/admin.sock", config_ = folder_.folder() + "/bridge.toml";
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  Activity activity_;
  std::atomic<int> recorded_ = 0;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminQuarantine, ListsWhatWaitsForADecision) {
  Refuse("S-1", dims::v1::REFUSAL_REASON_ORIGIN, "SIMULATED: not accepted here");
  Refuse("S-22", dims::v1::REFUSAL_REASON_TOO_LARGE, "it has 9 bytes", true);
  Serve();
  std::vector<dims::v1::QuarantinedRecord> records;
  const absl::Status status = Connect()->List([&](const dims::v1::ListQuarantinedResponse& response) {
    records.push_back(response.record());
    return true;
  });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_THAT(records, SizeIs(2));
  EXPECT_EQ(records[0].store_id(), store_->Current().store_id);
  EXPECT_EQ(records[0].number(), 1u);
  EXPECT_EQ(records[0].hash(), store_->Read(1, 0, 1, 1)->front().hash);
  EXPECT_EQ(records[0].instrument(), "gcms-1");
  EXPECT_THAT(records[0].sample_numbers(), ElementsAre("S-1"));
  EXPECT_EQ(QuarantineTable(records, absl::UTCTimeZone()),
            "NUMBER  REFUSED              INSTRUMENT  SAMPLE  REASON             MESSAGE\n"
            "1       2027-01-15 08:00:00  gcms-1      \"S-1\"   ORIGIN             SIMULATED: not accepted here\n"
            "2       2027-01-15 08:00:00  gcms-1      \"S-22\"  TOO_LARGE, URGENT  it has 9 bytes\n"
            "\n\"dims-bridge quarantine show NUMBER\" has all of one, and what can be done\n");
}

TEST_F(AdminQuarantine, WhoDecidedIsWhatTheKernelSaysAndTheUplinkIsWoken) {
  Refuse("S-1", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Refuse("S-2", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Serve();
  const auto quarantine = Connect();
  dims::v1::ReleaseQuarantinedRequest release;
  release.mutable_record()->set_store_id(store_->Current().store_id);
  release.mutable_record()->set_number(1);
  release.set_why(" \n ");
  EXPECT_TRUE(absl::IsInvalidArgument(quarantine->Release(release).status()));
  EXPECT_EQ(recorded_, 0);
  release.set_why("  they take\n\x1b[2J it now ");
  const auto released = quarantine->Release(release);
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_EQ(released->record().number(), 3u);
  EXPECT_EQ(released->record().store_id(), store_->Current().store_id);
  EXPECT_EQ(recorded_, 1);
  EXPECT_TRUE(absl::IsNotFound(quarantine->Release(release).status()));
  EXPECT_EQ(recorded_, 1);
  dims::v1::DiscardQuarantinedRequest discard;
  *discard.mutable_record() = release.record();
  discard.mutable_record()->set_number(2);
  discard.set_why("a test");
  ASSERT_TRUE(quarantine->Discard(discard).ok());
  std::vector<dims::v1::ListAuditResponse> log;
  const absl::Status status = quarantine->ListAudit([&](const dims::v1::ListAuditResponse& entry) {
    log.push_back(entry);
    return true;
  });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_THAT(log, SizeIs(2));
  EXPECT_EQ(log[0].who(), Me());
  EXPECT_EQ(log[1].who(), Me());
  EXPECT_EQ(log[0].action(), "release");
  EXPECT_EQ(log[1].action(), "discard");
  EXPECT_EQ(log[0].why(), "they take\ufffd\ufffd[2J it now");
  EXPECT_EQ(log[1].why(), "a test");
}

TEST_F(AdminQuarantine, ShowsAReportThatIsLargerThanAMessageUsuallyMayBe) {
  Refuse(std::string(5 << 20, 'S'), dims::v1::REFUSAL_REASON_TOO_LARGE, "no");
  Serve();
  dims::v1::ShowQuarantinedRequest request;
  request.mutable_record()->set_store_id(store_->Current().store_id);
  request.mutable_record()->set_number(1);
  const auto shown = Connect()->Show(request);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->report().analyses(0).sample_number().size(), std::size_t{5} << 20);
}

TEST_F(AdminQuarantine, NothingInItSteersATerminal) {
  Refuse("S\x1b[31m\xc2\x9b", dims::v1::REFUSAL_REASON_ORIGIN, "red \x1b[31m\nNUMBER \xe2\x80\xae");
  Refuse("S-2", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Serve();
  for (const char* command :
       {"list", "list --json", "show 1", "show 1 --json", "discard 1 --why $'\\x1b[31m\\xc2'", "log", "log --json"}) {
    const Output output = Run(command);
    EXPECT_EQ(output.code, 0) << output.text;
    for (const char* harm : {"\x1b", "\xc2\x9b", "\xe2\x80\xae"}) {
      EXPECT_THAT(output.text, Not(HasSubstr(harm))) << command;
    }
  }
}

TEST_F(AdminQuarantine, TheProgramDecidesWithTheRunningBridgeAndWithout) {
  for (int i = 1; i <= 4; ++i) Refuse(absl::StrCat("S-", i), dims::v1::REFUSAL_REASON_WRONG_SOURCE, "another bridge");
  const std::string store_id = store_->Current().store_id;
  Serve();
  for (const bool running : {true, false}) {
    if (!running) Stop();
    const int first = running ? 1 : 3;
    Output output = Run("list");
    EXPECT_EQ(output.code, 0) << output.text;
    EXPECT_THAT(output.text,
                HasSubstr(absl::StrCat("\n", first, "       2027-01-15 08:00:00  gcms-1      \"S-", first)));
    output = Run(absl::StrCat("show ", first));
    EXPECT_THAT(output.text, AllOf(HasSubstr("because  WRONG_SOURCE: another bridge\n"),
                                   HasSubstr("set \"laboratory\" and \"bridge\" in the configuration"),
                                   HasSubstr(absl::StrCat("{\"analyses\":[{\"sampleNumber\":\"S-", first, "\""))));
    output = Run(absl::StrCat("release ", first, " --why 'the certificate is right now'"));
    EXPECT_EQ(output.code, 0) << output.text;
    EXPECT_EQ(output.text,
              absl::StrCat("record ", first, " of store ", store_id, " goes to the registry again, as record ",
                           running ? 5 : 6, " of store ", store_id, "\n"));
    output = Run(absl::StrCat("discard ", first + 1, " --store ", store_id.substr(0, 8), " --why 'a test run'"));
    EXPECT_EQ(output.code, 0) << output.text;
    output = Run(absl::StrCat("discard ", first + 1, " --why again"));
    EXPECT_EQ(output.code, 1);
    EXPECT_THAT(output.text, HasSubstr(absl::StrCat("record ", first + 1, " does not wait for a decision")));
    output = Run("log");
    EXPECT_THAT(output.text, AllOf(HasSubstr(absl::StrCat("release by ", Me())), HasSubstr("why: a test run\n")));
  }
  EXPECT_EQ(Run("list").text, "nothing that the registry refused waits for a decision\n");
  store_ = MustOpen(options_);
  EXPECT_THAT(store_->notices(), IsEmpty()) << "the program leaves the store as it should be";
  EXPECT_EQ(store_->Audit(0, 100)->size(), 4u);
}

TEST_F(AdminQuarantine, TheProgramAsksForTheReason) {
  Refuse("S-1", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Serve();
  for (const char* command : {"release 1", "discard 1"}) {
    EXPECT_EQ(Run(command).code, 2) << command;
    const Output output = Run(absl::StrCat(command, " --why ' '"));
    EXPECT_EQ(output.code, 1) << command;
    EXPECT_THAT(output.text, HasSubstr("--why is empty"));
  }
  EXPECT_EQ(store_->Summary().quarantined, 1u);
}

TEST_F(AdminQuarantine, TheProgramAsksWhichStoreWhereTwoHaveTheNumber) {
  Refuse("S-1", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  const Generation old = store_->Current();
  ASSERT_TRUE(store_->BeginGeneration(old.id, 0, "a test").ok());
  Refuse("S-2", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Stop();
  const Output output = Run("show 1");
  EXPECT_EQ(output.code, 1);
  EXPECT_THAT(output.text, AllOf(HasSubstr("record 1 is of more than one store"), HasSubstr(old.store_id),
                                 HasSubstr("say which with --store")));
  EXPECT_THAT(Run(absl::StrCat("show 1 --store ", old.store_id)).text, HasSubstr("\"S-1\""));
  EXPECT_THAT(Run("list").text, AllOf(HasSubstr("STORE"), HasSubstr(old.store_id)));
}

TEST_F(AdminQuarantine, StatusCountsThemAndNamesTheCommand) {
  dims::v1::StatusResponse status;
  EXPECT_THAT(StatusTable(status, kStart, absl::UTCTimeZone()), Not(HasSubstr("quarantine")));
  status.mutable_store()->set_quarantined(1);
  EXPECT_THAT(StatusTable(status, kStart, absl::UTCTimeZone()),
              HasSubstr("\nREFUSED   1 record waits for a person's decision: dims-bridge quarantine list\n"));
  Refuse("S-1", dims::v1::REFUSAL_REASON_ORIGIN, "no");
  Serve();
  grpc::ClientContext context;
  const auto stub = ConnectAdmin(socket_);
  ASSERT_TRUE(stub.ok()) << stub.status();
  ASSERT_TRUE((*stub)->Status(&context, {}, &status).ok());
  EXPECT_EQ(status.store().quarantined(), 1u);
}

}  // namespace
}  // namespace dims
