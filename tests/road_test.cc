// The whole road with the programs themselves: dims-sim prints on a pseudo-terminal, dims-bridge reads and keeps,
// dims-registry archives. What arrives is compared with what was printed, and, for real files, with the data system's
// own table of the same run.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "tests/corpus.h"
#include "tests/registry_fixture.h"

extern char** environ;

namespace dims {
namespace {

// A program of this build; killed when it goes out of scope.
class Program {
 public:
  Program(const std::string& name, std::vector<std::string> arguments, const std::string& log) {
    arguments.insert(arguments.begin(), std::string(DIMS_BINARY_DIR "/") + name);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_addopen(&files, fd, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0) << argv[0];
    posix_spawn_file_actions_destroy(&files);
  }
  ~Program() { Kill(); }
  void Kill() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
  }
  int Wait() {
    int status = -1;
    if (pid_ > 0) waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

class Road : public Registry {
 protected:
  void SetUp() override {
    Registry::SetUp();
    options_.accept_simulated = true;
    Start();
    const auto certificate = test::WriteCertificates(folder_.path(), "bridge-", authority_, bridge_);
    std::ofstream config(folder_ / "bridge.toml");
    config << "laboratory = \"lab-a\"\nbridge = \"bench-1\"\n[store]\npath = \"store.db\"\n[registry]\naddress = \""
           << server_->address() << "\"\nca = \"" << certificate.ca << "\"\ncertificate = \"" << certificate.certificate
           << "\"\nkey = \"" << certificate.key
           << "\"\n[admin]\nsocket = \"admin.sock\"\n[[instrument]]\nname = \"gcms-1\"\ndriver = \"agilent_msd\"\nport "
              "= \""
           << (folder_ / "gcms-1") << "\"\n";
  }

  // Returns when it listens: the line is not there yet, and must not pass for a real one because of that.
  std::unique_ptr<Program> StartBridge() {
    std::filesystem::remove(folder_ / "bridge.log");
    auto bridge = std::make_unique<Program>("firmware-bridge/dims-bridge",
                                            std::vector<std::string>{"run", "--config", folder_ / "bridge.toml"},
                                            folder_ / "bridge.log");
    Await("bridge.log", "listening to");
    return bridge;
  }
  // Returns when the file has the text, and where.
  std::size_t Await(const std::string& file, const std::string& text) {
    absl::Notification never;
    std::size_t at = std::string::npos;
    for (const absl::Time until = absl::Now() + absl::Seconds(30); absl::Now() < until;) {
      at = FileBytes(folder_ / file).find(text);
      if (at != std::string::npos) break;
      never.WaitForNotificationWithTimeout(absl::Milliseconds(10));
    }
    return at;
  }
  // Runs `dims-bridge COMMAND --config ...`; its output goes to <command>.log.
  std::unique_ptr<Program> Ask(const std::string& command, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {command, "--config", folder_ / "bridge.toml"});
    return std::make_unique<Program>("firmware-bridge/dims-bridge", arguments, folder_ / (command + ".log"));
  }
  // Prints the files once each; returns when the reader has taken everything.
  int Print(const std::vector<std::string>& files) {
    std::vector<std::string> arguments = {
        "instrument",          "--name",    "gcms-1",           "--link", folder_ / "gcms-1", "--log",
        folder_ / "sim.jsonl", "--unpaced", "--wait-for-reader"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    return Program("simulator/dims-sim", arguments, folder_ / "sim.log").Wait();
  }
  std::vector<v1::Report> Arrived(std::size_t count) {
    absl::Notification never;
    std::vector<v1::Report> reports;
    for (const absl::Time until = absl::Now() + absl::Seconds(30); absl::Now() < until;) {
      reports.clear();
      for (const ArchivedRecord& record : Archived()) reports.emplace_back().ParseFromString(record.payload);
      if (reports.size() >= count) break;
      never.WaitForNotificationWithTimeout(absl::Milliseconds(20));
    }
    return reports;
  }
};

TEST_F(Road, RealReportsArriveEqualToTheDataSystemsOwnTable) {
  const auto files = CorpusFiles("agilent_chemstation/area_percent_msd", ".rteres.txt");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  const auto bridge = StartBridge();
  std::vector<std::string> names(files.begin(), files.end());
  ASSERT_EQ(Print(names), 0) << FileBytes(folder_ / "sim.log");
  const std::vector<v1::Report> reports = Arrived(files.size());
  ASSERT_EQ(reports.size(), files.size()) << FileBytes(folder_ / "bridge.log");
  int peaks = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    SCOPED_TRACE(files[i].filename());
    EXPECT_EQ(reports[i].problems_size(), 0);
    EXPECT_EQ(reports[i].raw_sha256(), Sha256::Of(FileBytes(files[i]))) << "not the bytes of the file";
    const std::string twin = absl::StrReplaceAll(files[i].filename().string(), {{".rteres.txt", ".RESULTS.CSV"}});
    const std::string csv = FileBytes(files[i].parent_path().parent_path() / "results_csv" / twin);
    int row = 0;
    for (const absl::string_view line : absl::StrSplit(csv, '\n')) {
      const std::vector<absl::string_view> fields = absl::StrSplit(line, ',');
      if (fields.size() != 11 || !absl::ascii_isdigit(fields[0][0])) continue;
      const v1::Finding& finding = reports[i].analyses(0).findings(row++);
      EXPECT_EQ(finding.retention_time(), absl::StripAsciiWhitespace(fields[2]));
      EXPECT_EQ(finding.peak().area(), absl::StripAsciiWhitespace(fields[8]));
      ++peaks;
    }
    EXPECT_GT(row, 0);
    EXPECT_EQ(row, reports[i].analyses(0).findings_size());
  }
  std::cerr << peaks << " peaks of " << files.size() << " real reports compared at the end of the road\n";
}

TEST_F(Road, OurOwnReportsArriveOnceEvenWhenTheBridgeIsKilledBetweenThem) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/simulator/reports")) {
    files.push_back(entry.path());
  }
  ASSERT_FALSE(files.empty());
  std::size_t expected = 0;
  for (int round = 0; round < 3; ++round) {
    const auto bridge = StartBridge();
    ASSERT_EQ(Print(files), 0) << FileBytes(folder_ / "sim.log");
    expected += files.size();
    ASSERT_EQ(Arrived(expected).size(), expected) << FileBytes(folder_ / "bridge.log");
  }
  const std::vector<v1::Report> reports = Arrived(expected);
  uint64_t at = 0;
  for (const v1::Report& report : reports) {
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(report.origin(), v1::ORIGIN_SIMULATED) << "a pseudo-terminal is no instrument";
    EXPECT_EQ(report.source().instrument(), "gcms-1");
    EXPECT_GE(report.source().intake_begin(), at);
    at = report.source().intake_end();
  }
}

TEST_F(Road, TailShowsAReportFromItsFirstLineUntilTheRegistryHasIt) {
  auto bridge = StartBridge();
  const auto tail = Ask("tail", {"--instrument", "gcms-1", "--bytes"});
  ASSERT_NE(Await("tail.log", "listening from record 1 of store"), std::string::npos)
      << FileBytes(folder_ / "tail.log");
  ASSERT_EQ(Print({DIMS_SOURCE_DIR "/simulator/reports/chemstation-2006-28-peaks.txt"}), 0)
      << FileBytes(folder_ / "sim.log");
  std::size_t at = 0;
  for (const char* what : {"line opened", "Area Percent Report<CR><LF>", "record 1: agilent_msd, sample \"",
                           "registry      settled through record 1, 0 queued"}) {
    const std::size_t found = Await("tail.log", what);
    ASSERT_NE(found, std::string::npos) << what << "\n" << FileBytes(folder_ / "tail.log");
    EXPECT_GT(found, at) << what;
    at = found;
  }
  EXPECT_EQ(Ask("status")->Wait(), 0);
  EXPECT_NE(Await("status.log", "highest 1, settled through 1, 0 queued, 0 refused"), std::string::npos);

  // A killed bridge leaves its socket behind; the next takes the place.
  bridge->Kill();
  EXPECT_EQ(tail->Wait(), 1) << "it must not wait for a bridge that is gone";
  EXPECT_EQ(Ask("status")->Wait(), 1);
  bridge = StartBridge();
  EXPECT_EQ(Ask("status")->Wait(), 0) << FileBytes(folder_ / "status.log") << FileBytes(folder_ / "bridge.log");
}

}  // namespace
}  // namespace dims
