// `dims-bridge probe` as a person runs it: what it prints, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "firmware-bridge/config.h"
#include "tests/inputs.h"
#include "tests/pty.h"

namespace dims {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// One run of the program.
class Program {
 public:
  explicit Program(const std::string& arguments)
      : pipe_(popen(
            absl::StrCat("echo $$; exec " DIMS_BINARY_DIR "/firmware-bridge/dims-bridge probe ", arguments, " 2>&1")
                .c_str(),
            "r")) {
    EXPECT_TRUE(absl::SimpleAtoi(Line(), &process_));
  }
  ~Program() { End(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  std::string Line() {
    std::string line;
    for (int c = std::fgetc(pipe_); c != EOF && c != '\n'; c = std::fgetc(pipe_)) line += static_cast<char>(c);
    return line;
  }
  std::string Rest() {
    std::string text;
    for (int c = std::fgetc(pipe_); c != EOF; c = std::fgetc(pipe_)) text += static_cast<char>(c);
    return text;
  }
  void Signal(int signal) const { kill(process_, signal); }
  int End() {
    if (pipe_ != nullptr) status_ = pclose(std::exchange(pipe_, nullptr));
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1;
  }

 private:
  std::FILE* pipe_;
  pid_t process_ = 0;
  int status_ = 0;
};

// The instrument side of a transcript in a file of its own.
class File {
 public:
  explicit File(const std::string& bytes) {
    std::string name = testing::TempDir() + "/dims-probe-XXXXXX";
    close(mkstemp(name.data()));
    path_ = name;
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~File() { std::filesystem::remove(path_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string PrintOut() {
  for (const Transcript& each : TranscriptsOf(*FindDriver("agilent_msd"))) {
    if (absl::EndsWith(each.file, "agilent_msd_area_percent.transcript")) {
      return InputOf(*FindDriver("agilent_msd"), each).bytes;
    }
  }
  return "";
}

TEST(ProbeProgram, NamesTheDriverOfAFileInTheFirstLine) {
  const File file(PrintOut());
  Program program(file.path());
  EXPECT_THAT(program.Line(), StartsWith("agilent_msd: 1 report, 0 problems, 100 % of "));
  EXPECT_THAT(program.Rest(), HasSubstr(absl::StrCat("dims-bridge decode agilent_msd ", file.path(), "\n")));
  EXPECT_EQ(program.End(), 0);
}

TEST(ProbeProgram, SaysThatNoDriverFitsAFile) {
  const File file("Dear colleague,\r\n\r\nthe results will follow by post.\r\n");
  Program program(file.path());
  EXPECT_EQ(program.Line(), "no driver fits: readable text");
  EXPECT_EQ(program.End(), 1);
}

TEST(ProbeProgram, LooksAtTheBeginningOfALargeFile) {
  const std::string text = PrintOut();
  std::string large;
  while (large.size() <= (9u << 20)) large += text;
  const File file(large);
  Program program(file.path());
  EXPECT_THAT(program.Line(), HasSubstr("only the first 8 MiB are looked at"));
  EXPECT_THAT(program.Line(), StartsWith("agilent_msd: "));
  program.Rest();
  EXPECT_EQ(program.End(), 0);
}

TEST(ProbeProgram, PrintsATableThatTheConfigurationTakes) {
  Pty pty;
  Program program(pty.path());
  ASSERT_EQ(program.Line(), "listening at 9600 8N1");
  pty.Say(PrintOut());
  EXPECT_THAT(program.Line(), testing::AllOf(StartsWith("agilent_msd: 1 report, 0 problems, "),
                                             testing::EndsWith(" explained, at 9600 8N1")));
  const std::string table = program.Rest();
  EXPECT_EQ(program.End(), 0);
  DriverFacts facts;
  facts.names = {"agilent_msd"};
  facts.options = [](absl::string_view) { return absl::Span<const OptionSpec>(); };
  const absl::StatusOr<Config> config =
      ParseConfig(absl::StrCat("laboratory = \"l\"\nbridge = \"b\"\n[registry]\naddress = \"localhost:1\"\nca = \"c\"\n"
                               "certificate = \"c\"\nkey = \"k\"\n",
                               table.substr(table.find("[["))),
                  "probe.toml", facts);
  ASSERT_TRUE(config.ok()) << config.status() << "\n" << table;
  ASSERT_EQ(config->instruments.size(), 1u);
  const InstrumentConfig& instrument = config->instruments.front();
  EXPECT_EQ(instrument.name, "agilent-msd-1");
  EXPECT_EQ(instrument.driver, "agilent_msd");
  EXPECT_EQ(instrument.port, pty.path());
  EXPECT_EQ(instrument.baud, 9600);
  EXPECT_EQ(instrument.data_bits, 8);
  EXPECT_EQ(instrument.parity, 'N');
  EXPECT_EQ(instrument.stop_bits, 1);
}

TEST(ProbeProgram, EndsAtASignalWithWhatItKnows) {
  Pty pty;
  Program program(pty.path() + " --for 1h");
  ASSERT_EQ(program.Line(), "listening at 9600 8N1");
  program.Signal(SIGINT);
  EXPECT_EQ(program.Line(), "no driver fits: nothing came");
  EXPECT_THAT(program.Rest(), HasSubstr("--ask"));
  EXPECT_EQ(program.End(), 1);
}

TEST(ProbeProgram, NamesWhatIsWrongOnItsCommandLine) {
  for (const auto& [arguments, message] :
       {std::pair("/nowhere/at/all", "/nowhere/at/all"), std::pair("/dev/null --for soon", "--for: "),
        std::pair("/dev/console", "console")}) {
    Program program(arguments);
    EXPECT_THAT(program.Rest(), HasSubstr(message));
    EXPECT_EQ(program.End(), 2) << arguments;
  }
}

}  // namespace
}  // namespace dims
