// What the registry promises to a bridge: order, exactly once, conflict, durability.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "registry/archive.h"
#include "registry/export.h"
#include "registry/inbox.h"
#include "tests/registry_fixture.h"

namespace dims {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// ---- Invariants ----

TEST_F(Registry, KeepsEveryRecordExactlyOnceHoweverStreamsAreCutRepeatedAndSentAhead) {
  std::mt19937 random(20231);
  const auto below = [&](uint64_t n) { return std::uniform_int_distribution<uint64_t>(0, n - 1)(random); };
  Chain chain("store-1");
  const std::vector<v1::Record> records = chain.Add(600);
  Start();
  uint64_t settled = 0;
  for (int round = 0; settled < records.size(); ++round) {
    ASSERT_LT(round, 2'000);
    if (round % 40 == 39) Start();  // the registry stops and starts, in the middle of it all
    if (below(3) == 0) {
      const std::unique_ptr<Client> urgent = Connect();
      urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
      urgent->Send({records[below(records.size())]});
      if (below(2) == 0) {
        ASSERT_TRUE(urgent->ReadUntilAhead(1)) << urgent->Finish();
      }
      urgent->Cut();
    }
    const std::unique_ptr<Client> client = Connect();
    const v1::Welcome welcome = client->Greet(Client::HelloOf("store-1"));
    ASSERT_GE(welcome.settled_through(), settled) << "what was settled stays settled";
    settled = welcome.settled_through();
    ASSERT_EQ(welcome.settled_hash(), settled == 0 ? "" : Chain::HashOf(records[settled - 1]));
    // From here or from further back, as after a registry's restoring.
    uint64_t next = settled - below(std::min<uint64_t>(settled, 20) + 1);
    for (uint64_t messages = below(6); messages > 0 && next < records.size(); --messages) {
      const uint64_t count = std::min<uint64_t>(1 + below(30), records.size() - next);
      client->Send({records.begin() + next, records.begin() + next + count});
      next += count;
    }
    if (below(2) == 0 && next > settled) {
      ASSERT_TRUE(client->ReadUntilSettled(next)) << client->Finish();
      ASSERT_EQ(client->settled, next);
      settled = next;
    }
    client->Cut();
  }
  std::vector<std::string> stored(records.size());
  for (const ArchivedRecord& record : Archived()) {
    ASSERT_LE(record.number, records.size());
    EXPECT_EQ(stored[record.number - 1], "") << "record " << record.number << " is there twice";
    stored[record.number - 1] = record.payload;
    EXPECT_EQ(record.hash, Chain::HashOf(records[record.number - 1]));
  }
  for (const v1::Record& record : records) EXPECT_EQ(stored[record.number() - 1], record.payload());
}

TEST_F(Registry, SettlesOnlyWhatASecondConnectionCanRead) {
  Start();
  Chain chain("store-1");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  const std::vector<v1::Record> records = chain.Add(50);
  for (const v1::Record& record : records) {
    ASSERT_TRUE(client->Send({record}));
    ASSERT_TRUE(client->ReadUntilSettled(record.number()));
    ASSERT_EQ(Archived().size(), record.number());
  }
}

TEST_F(Registry, KeepsEverythingOverARestart) {
  Start();
  Chain chain("store-1");
  std::vector<v1::Record> records = chain.Add(5);
  std::unique_ptr<Client> client = Connect();
  const std::string epoch = client->Greet(Client::HelloOf("store-1")).epoch();
  client->Send(records);
  ASSERT_TRUE(client->ReadUntilSettled(5));
  const std::unique_ptr<Client> urgent = Connect();
  urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
  records.push_back(chain.Add());
  records.push_back(chain.Add());
  urgent->Send({records[6]});
  ASSERT_TRUE(urgent->ReadUntilAhead(1));

  server_->Stop();
  EXPECT_THAT(client->Finish(), HasSubstr("UNAVAILABLE: the registry is stopping"));
  Start();
  client = Connect();
  const v1::Welcome welcome = client->Greet(Client::HelloOf("store-1"));
  EXPECT_EQ(welcome.registry(), "central");
  EXPECT_EQ(welcome.epoch(), epoch);
  EXPECT_EQ(welcome.contract(), 1u);
  EXPECT_EQ(welcome.largest_record(), 16u << 20);
  EXPECT_EQ(welcome.window_records(), 4096u);
  EXPECT_EQ(welcome.window_bytes(), 8u << 20);
  EXPECT_EQ(welcome.settled_through(), 5u);
  EXPECT_EQ(welcome.settled_hash(), Chain::HashOf(records[4]));
  client->Send({records[5], records[6]});
  ASSERT_TRUE(client->ReadUntilSettled(7));
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(1, 2, 3, 4, 5, 7, 6));
}

TEST_F(Registry, KnowsNothingOfAStoreItNeverHeardOf) {
  Start();
  const v1::Welcome welcome = Connect()->Greet(Client::HelloOf("store-9"));
  EXPECT_EQ(welcome.settled_through(), 0u);
  EXPECT_EQ(welcome.settled_hash(), "");
}

TEST_F(Registry, HasANewEpochAfterItWasRestored) {
  Start();
  const std::string epoch = server_->archive().epoch();
  EXPECT_THAT(epoch, SizeIs(36));
  options_.restored = true;
  Start();
  EXPECT_NE(server_->archive().epoch(), epoch);
  EXPECT_THAT(server_->archive().epoch(), SizeIs(36));
}

// ---- Order and conflict ----

TEST_F(Registry, NeverSettlesAGap) {
  Start();
  Chain chain("store-1");
  const std::vector<v1::Record> records = chain.Add(5);
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Send({records[0], records[1], records[3], records[4]});
  EXPECT_THAT(client->Finish(),
              AllOf(HasSubstr("INVALID_ARGUMENT"), HasSubstr("record 4 came where record 3 was due")));
  EXPECT_LE(client->settled, 2u);
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(1, 2));
  EXPECT_EQ(Connect()->Greet(Client::HelloOf("store-1")).settled_through(), 2u);
}

TEST_F(Registry, ARecordThatFollowsAnotherThanTheRegistryHasIsAConflictThere) {
  Start();
  Chain chain("store-1"), other("store-2");
  const v1::Record first = chain.Add(), strange = other.Add();
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Send({first, other.Add()});
  EXPECT_THAT(client->Finish(), AllOf(HasSubstr("ABORTED"), HasSubstr("CONFLICT at record 1"),
                                      HasSubstr("record 2 does not continue the chain")));
  ASSERT_THAT(client->conflicts, SizeIs(1)) << "the bridge must learn that it goes on under a new store id";
  EXPECT_EQ(client->conflicts[0].number(), 1u);
  EXPECT_EQ(client->conflicts[0].registry_hash(), Chain::HashOf(first));
  EXPECT_EQ(client->conflicts[0].received_hash(), Chain::HashOf(strange));
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(1));
  // The first record's predecessor is the store id.
  client = Connect();
  client->Greet(Client::HelloOf("store-3"));
  client->Send({Chain("store-2").Add()});
  EXPECT_THAT(client->Finish(), HasSubstr("INVALID_ARGUMENT"));
  // Ahead of its turn, where the record before is known.
  client = Connect();
  client->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
  Chain wrong("store-2");
  client->Send({wrong.Add(2)[1]});
  EXPECT_THAT(client->Finish(), HasSubstr("CONFLICT at record 1"));
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(1));
}

TEST_F(Registry, TellsAConflictLoudlyAndOverwritesNothing) {
  CapturedLog log;
  Start();
  Chain chain("store-1"), twin("store-1");
  const std::vector<v1::Record> records = chain.Add(3);
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Send(records);
  ASSERT_TRUE(client->ReadUntilSettled(3));
  client->Close();

  twin.Add();
  const v1::Record different = twin.Add(GoodReport(99).SerializeAsString());
  client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  client->Send({different});
  const std::string status = client->Finish();
  EXPECT_THAT(status, HasSubstr("ABORTED"));
  ASSERT_THAT(client->conflicts, SizeIs(1));
  EXPECT_EQ(client->conflicts[0].number(), 2u);
  EXPECT_EQ(client->conflicts[0].registry_hash(), Chain::HashOf(records[1]));
  EXPECT_EQ(client->conflicts[0].received_hash(), Chain::HashOf(different));
  EXPECT_EQ(Archived()[1].payload, records[1].payload());
  server_.reset();
  EXPECT_THAT(log.text(), HasSubstr(absl::StrCat("error: stream of bridge lab-a/bench-1")));
  for (const std::string& fact :
       {std::string("lab-a/bench-1, store store-1: CONFLICT at record 2"),
        absl::BytesToHexString(Chain::HashOf(records[1])), absl::BytesToHexString(Chain::HashOf(different))}) {
    EXPECT_THAT(log.text(), HasSubstr(fact));
    EXPECT_THAT(status, HasSubstr(fact));
  }
}

TEST_F(Registry, SettlesWhatCameBeforeAConflict) {
  Start();
  Chain chain("store-1"), twin("store-1");
  std::unique_ptr<Client> urgent = Connect();
  urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
  const std::vector<v1::Record> records = chain.Add(3);
  urgent->Send({records[2]});
  ASSERT_TRUE(urgent->ReadUntilAhead(1));
  std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  twin.Add(2);
  client->Send({records[0], records[1], twin.Add(GoodReport(99).SerializeAsString())});
  EXPECT_THAT(client->Finish(), HasSubstr("ABORTED"));
  EXPECT_THAT(client->conflicts, SizeIs(1));
  EXPECT_EQ(Connect()->Greet(Client::HelloOf("store-1")).settled_through(), 2u);
  // And on the urgent stream.
  Chain third("store-1");
  urgent->Send({third.Add(GoodReport(98).SerializeAsString())});
  EXPECT_THAT(urgent->Finish(), HasSubstr("CONFLICT at record 1"));
  EXPECT_THAT(urgent->conflicts, SizeIs(1));
}

TEST_F(Registry, StoresUrgentRecordsAheadOnceAndSettlesThemInTheirTurn) {
  Start();
  Chain chain("store-1");
  const std::vector<v1::Record> records = chain.Add(6);
  const std::unique_ptr<Client> urgent = Connect(), client = Connect();
  urgent->Greet(Client::HelloOf("store-1", v1::STREAM_PURPOSE_URGENT));
  EXPECT_EQ(client->Greet(Client::HelloOf("store-1")).settled_through(), 0u) << "both streams live side by side";
  urgent->Send({records[4], records[1]});
  ASSERT_TRUE(urgent->ReadUntilAhead(2));
  EXPECT_THAT(urgent->ahead, ElementsAre(5, 2));
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(5, 2)) << "export shows them at once";
  client->Send(records);
  ASSERT_TRUE(client->ReadUntilSettled(6));
  EXPECT_THAT(ArchivedNumbers(), ElementsAre(5, 2, 1, 3, 4, 6));
  // Urgent again, now settled: still an answer, still once.
  urgent->Send({records[4]});
  ASSERT_TRUE(urgent->ReadUntilAhead(3));
  EXPECT_THAT(Archived(), SizeIs(6));
  EXPECT_EQ(urgent->settled, 0u) << "an urgent stream settles nothing";
}

TEST_F(Registry, KeepsBridgesAndStoresApart) {
  Start();
  const std::unique_ptr<Client> one = Connect(),
                                two = ConnectWith(authority_.certificate(), authority_.Bridge("lab-a", "bench-2"));
  one->Greet(Client::HelloOf("store-1"));
  v1::Hello hello = Client::HelloOf("store-1");
  hello.set_bridge("bench-2");
  two->Greet(hello);
  Chain chain("store-1"), other("store-1");
  one->Send(chain.Add(2));
  two->Send({other.Add(GoodReport(1, "bench-2").SerializeAsString())});
  EXPECT_TRUE(one->ReadUntilSettled(2));
  EXPECT_TRUE(two->ReadUntilSettled(1));
  EXPECT_THAT(Archived(), SizeIs(3));
}

TEST_F(Registry, LetsTheNewerStreamOfABridgeWin) {
  Start();
  Chain chain("store-1");
  for (v1::StreamPurpose purpose : {v1::STREAM_PURPOSE_IN_ORDER, v1::STREAM_PURPOSE_URGENT}) {
    const std::unique_ptr<Client> older = Connect(), newer = Connect();
    older->Greet(Client::HelloOf("store-1", purpose));
    newer->Greet(Client::HelloOf("store-1", purpose));
    EXPECT_THAT(older->Finish(), AllOf(HasSubstr("ABORTED"), HasSubstr("a newer stream")));
    const v1::Record record = chain.Add();
    newer->Send({record});
    EXPECT_TRUE(newer->ReadUntil([&] { return newer->settled > 0 || !newer->ahead.empty(); }));
  }
}

// ---- The archive's file ----

void AppendBeyondWhatTheDiskTakes(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({path, "central"});
  spdlog::set_default_logger(spdlog::stderr_logger_mt("disk"));
  // From here on the file system refuses to write beyond 64 KiB, which SQLite sees as a failed write.
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{64 << 10, 64 << 10};
  setrlimit(RLIMIT_FSIZE, &limit);
  const ReceivedRecord record{1, FirstPreviousHash("s"), std::string(32, 'h'), 1, std::string(1 << 20, 'x')};
  (*archive)->Append({"lab-a", "bench-1", "s"}, {record});
  std::_Exit(0);
}

TEST(RegistryArchiveDeathTest, EndsTheProcessWhenTheDiskFails) {
  const TestFolder folder;
  EXPECT_EXIT(AppendBeyondWhatTheDiskTakes(folder / "registry.db"), ::testing::ExitedWithCode(70),
              "the disk cannot be trusted");
}

TEST(RegistryArchive, LeavesTheFileOfANewerVersionAlone) {
  const TestFolder folder;
  const std::string path = folder / "registry.db";
  ASSERT_TRUE(Archive::Open({path, "central"}).ok());
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "UPDATE meta SET value='2' WHERE name='schema'", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(database);
  const absl::Status status = Archive::Open({path, "central"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("another version of dims-registry"));
}

TEST_F(Registry, ItsTableShowsUrgencyAndRepeatsAndNothingThatSteersATerminal) {
  Start();
  Chain chain("store-1");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  v1::Report report = GoodReport(1);
  report.mutable_analyses(0)->set_sample_number("S\x1b[2J\n9");
  report.mutable_repeat_of()->set_number(7);
  report.add_replaces_parts()->set_number(5);
  report.set_urgency(v1::URGENCY_URGENT);
  report.add_rule_hits()->set_rule_id("pmma");
  client->Send({chain.Add(report.SerializeAsString())});
  ASSERT_TRUE(client->ReadUntilSettled(1));
  std::ostringstream table;
  ASSERT_TRUE(Export(options_.database, 0, ExportForm::kTable, table).ok());
  EXPECT_THAT(table.str(), AllOf(HasSubstr("S\xef\xbf\xbd[2J\xef\xbf\xbd"
                                           "9"),
                                 HasSubstr("URGENT: pmma, repeat of 7, replaces 5")));
  EXPECT_THAT(table.str(), Not(HasSubstr("\x1b")));
}

TEST_F(Registry, ATableSaysWhatEachKindOfReportHasToSay) {
  Start();
  Chain chain("store-1");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  v1::Report peaks = GoodReport(1), weighing = peaks, spectrum = peaks, scan = peaks;
  v1::Finding* finding = peaks.mutable_analyses(0)->add_findings();
  finding->set_retention_time("7.118");
  finding->mutable_peak()->set_area_percent("41.20");
  weighing.clear_analyses();
  weighing.add_weighings()->set_value("0.25134");
  weighing.mutable_weighings(0)->set_unit("g");
  weighing.mutable_weighings(0)->set_sample_number("D-7");
  spectrum.mutable_analyses(0)->add_spectra()->set_points(2048);
  scan.clear_analyses();
  scan.add_scans()->set_code("D-7");
  for (const v1::Report& report : {peaks, weighing, spectrum, scan}) {
    client->Send({chain.Add(report.SerializeAsString())});
  }
  ASSERT_TRUE(client->ReadUntilSettled(4));
  std::ostringstream table;
  ASSERT_TRUE(Export(options_.database, 0, ExportForm::kTable, table).ok());
  const std::vector<std::string> lines = absl::StrSplit(table.str(), '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(5));
  EXPECT_THAT(lines[1], HasSubstr("41.20 % at 7.118 min"));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("0.25134 g"), HasSubstr("D-7")));
  EXPECT_THAT(lines[3], HasSubstr("spectrum of 2048 points"));
  EXPECT_THAT(lines[4], HasSubstr("scan of D-7"));
}

TEST_F(Registry, ExportsWhileItServes) {
  Start();
  Chain chain("store-1");
  const std::unique_ptr<Client> client = Connect();
  client->Greet(Client::HelloOf("store-1"));
  const v1::Record first = chain.Add();
  client->Send({first, chain.Add("no report")});
  client->Send(chain.Add(40));
  ASSERT_TRUE(client->ReadUntilSettled(42));
  std::ostringstream all, rest;
  ASSERT_TRUE(Export(options_.database, 0, ExportForm::kJson, all).ok());
  ASSERT_TRUE(Export(options_.database, 40, ExportForm::kJson, rest).ok());
  const std::vector<std::string> lines = absl::StrSplit(all.str(), '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(42));
  EXPECT_EQ(rest.str(), absl::StrCat(lines[40], "\n", lines[41], "\n"));
  EXPECT_THAT(
      lines[0],
      AllOf(HasSubstr(R"({"position":1,"bridge":"bench-1","laboratory":"lab-a","store":"store-1","number":1,"hash":")" +
                      absl::BytesToHexString(Chain::HashOf(first)) + R"(","receivedAt":"20)"),
            HasSubstr(R"(,"report":{"driver":"test","analyses":[{"sampleNumber":"S-1"}],)")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr(R"("refused":"REFUSAL_REASON_MALFORMED"})"), Not(HasSubstr("report"))));
}

TEST(RegistryInbox, TakesWhatHasArrivedInOrderWithinTheBoundsOfACommit) {
  Allowance all(uint64_t{1} << 30);
  Inbox inbox(1 << 20, all);
  for (uint64_t number = 1; number <= 10; ++number) {
    ReceivedRecord record;
    record.number = number;
    record.payload.resize(number == 6 ? 5'000 : 100);
    inbox.Push(std::move(record));
  }
  inbox.Finish(absl::AbortedError("over"));
  const auto take = [&] {
    std::vector<uint64_t> numbers;
    for (const ReceivedRecord& record : inbox.Take(4, 300)) numbers.push_back(record.number);
    return numbers;
  };
  EXPECT_THAT(take(), ElementsAre(1, 2, 3)) << "300 bytes";
  EXPECT_THAT(take(), ElementsAre(4, 5));
  EXPECT_THAT(take(), ElementsAre(6)) << "at least one";
  EXPECT_THAT(inbox.Take(4, 5'000), SizeIs(4)) << "four records";
  EXPECT_THAT(take(), ElementsAre()) << "the end comes after the records";
  EXPECT_EQ(inbox.status().message(), "over");
}

TEST(RegistryInbox, HoldsNoMoreThanItsBound) {
  Allowance all(uint64_t{1} << 30);
  Inbox inbox(1'000, all);  // room for one of these records
  std::thread reader([&] {
    for (uint64_t number = 1; number <= 200; ++number) {
      ReceivedRecord record;
      record.number = number;
      record.payload.resize(500);
      inbox.Push(std::move(record));
    }
    inbox.Finish(absl::OkStatus());
  });
  uint64_t seen = 0;
  while (true) {
    const std::vector<ReceivedRecord> taken = inbox.Take(100, 1 << 20);
    if (taken.empty()) break;
    EXPECT_THAT(taken, SizeIs(1));
    EXPECT_EQ(taken[0].number, ++seen);
  }
  EXPECT_EQ(seen, 200u);
  reader.join();
}

// Runs a shell script; its output, then "exit <code>".
std::string Shell(const std::string& script) {
  FILE* pipe = popen(script.c_str(), "r");
  std::string output(1 << 16, '\0');
  output.resize(fread(output.data(), 1, output.size(), pipe));
  return absl::StrCat(output, "exit ", WEXITSTATUS(pclose(pipe)));
}

TEST_F(Registry, IsAProgramThatScriptsCanRun) {
  const std::string program = DIMS_BINARY_DIR "/registry/dims-registry";
  EXPECT_THAT(Shell(program + " --help"),
              AllOf(HasSubstr("serve"), HasSubstr("export"), HasSubstr("verify"), HasSubstr("exit 0")));
  EXPECT_THAT(Shell(program + " serve --help"), AllOf(HasSubstr("--accept-simulated"), HasSubstr("exit 0")));
  EXPECT_EQ(Shell(program + " 2>/dev/null"), "exit 2");
  EXPECT_EQ(Shell(program + " serve --listen 127.0.0.1:0 2>/dev/null"), "exit 2");
  EXPECT_EQ(Shell(absl::StrCat(program, " export --database ", folder_ / "none.db", " 2>/dev/null")), "exit 1");
  EXPECT_EQ(Shell(absl::StrCat(program, " verify --database ", folder_ / "none.db", " 2>/dev/null")), "exit 2");
  const std::string serve = absl::StrCat(program, " serve --listen 127.0.0.1:0 --database ", options_.database,
                                         " --certificate ", options_.certificate, " --key ", options_.key, " --ca ");
  EXPECT_THAT(Shell(serve + "/none 2>&1"), AllOf(HasSubstr("/none: No such file"), HasSubstr("exit 1")));
  const std::string out = folder_ / "out";
  const std::string session =
      Shell(absl::StrCat("timeout 30 sh -c '", serve, options_.ca, " >", out, " 2>/dev/null & until [ -s ", out,
                         " ]; do :; done; ", program, " export --database ", options_.database,
                         "; echo exported $?; kill -TERM $!; wait $!; echo ended $?; cat ", out, "'"));
  EXPECT_THAT(session, ::testing::MatchesRegex("exported 0\nended 0\ndims-registry: listening on 127.0.0.1:[0-9]+\n"
                                               "exit 0"));
  const std::string verify = absl::StrCat(program, " verify --database ", options_.database);
  EXPECT_THAT(Shell(verify), AllOf(HasSubstr("sound: 0 records of 0 stores"), HasSubstr("exit 0")));
  EXPECT_THAT(Shell(verify + " --store none 2>/dev/null"), HasSubstr("exit 2"));
}

}  // namespace
}  // namespace dims
