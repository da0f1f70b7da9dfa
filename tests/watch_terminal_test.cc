// `dims-registry watch` as a person has it: the program on a terminal, an archive that grows meanwhile.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dims/v1/report.pb.h"
#include "proto/hash.h"
#include "registry/archive.h"

namespace dims {
namespace {

class WatchOnATerminal : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/dims-watch-XXXXXX";
    folder_ = mkdtemp(name);
    absl::StatusOr<std::unique_ptr<Archive>> archive = Archive::Open({folder_ + "/registry.db", "central"});
    ASSERT_TRUE(archive.ok()) << archive.status();
    archive_ = *std::move(archive);
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (terminal_ >= 0) close(terminal_);
    archive_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Store(const std::string& compound) {
    v1::Report report;
    v1::Analysis& analysis = *report.add_analyses();
    analysis.set_sample_number("S-7");
    analysis.add_findings()->set_label(compound);
    ReceivedRecord record;
    record.number = ++number_;
    record.previous_hash = hash_;
    record.schema = 1;
    record.payload = report.SerializeAsString();
    record.hash = hash_ = RecordHash(record.previous_hash, record.number, record.schema, record.payload);
    ASSERT_TRUE(archive_->Append({"lab-a", "bench-1", "the-store"}, {record}).status.ok());
  }
  void Watch(unsigned short lines, unsigned short columns) {
    const winsize size = {lines, columns, 0, 0};
    pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
    ASSERT_GE(pid_, 0);
    if (pid_ > 0) return;
    execl(DIMS_BINARY_DIR "/registry/dims-registry", "dims-registry", "watch", "--database",
          (folder_ + "/registry.db").c_str(), nullptr);
    _exit(127);
  }
  // Reads what is drawn until it has `text`; returns all of it. Until the end where `text` is empty.
  std::string ReadUntil(const std::string& text) {
    std::string read_so_far;
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (absl::Now() < until && (text.empty() || !absl::StrContains(read_so_far, text))) {
      pollfd waiting = {terminal_, POLLIN, 0};
      if (poll(&waiting, 1, 1000) <= 0) continue;
      char bytes[4096];
      const ssize_t got = read(terminal_, bytes, sizeof bytes);
      if (got <= 0) break;  // the program is gone
      read_so_far.append(bytes, static_cast<std::size_t>(got));
    }
    EXPECT_TRUE(absl::StrContains(read_so_far, text)) << text << " is not in\n" << read_so_far;
    return read_so_far;
  }
  // The program ends well at this key, and leaves the terminal as it was.
  void ExpectEndsAt(const char* key) {
    ASSERT_EQ(write(terminal_, key, 1), 1);
    int status = 0;
    ASSERT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    EXPECT_TRUE(absl::EndsWith(ReadUntil(""), "\x1b[?25h\x1b[?1049l"));
    EXPECT_TRUE(Echoes());
  }
  bool Echoes() const {
    termios settings{};
    tcgetattr(terminal_, &settings);
    return (settings.c_lflag & ECHO) != 0;
  }

  std::string folder_;
  std::unique_ptr<Archive> archive_;
  uint64_t number_ = 0;
  std::string hash_ = FirstPreviousHash("the-store");
  pid_t pid_ = -1;
  int terminal_ = -1;
};

TEST_F(WatchOnATerminal, ShowsWhatComesFollowsTheWindowAndLeavesEverythingAsItWas) {
  Store("Cocaine");
  Watch(10, 100);
  const std::string first = ReadUntil("records in the archive: 1");
  EXPECT_TRUE(absl::StrContains(first, "\x1b[?1049h")) << "a screen of its own";
  EXPECT_TRUE(absl::StrContains(first, "Cocaine"));
  EXPECT_TRUE(absl::StrContains(first, "BRIDGE"));
  EXPECT_FALSE(Echoes());

  Store("Levamisole \x1b[31m");
  const std::string second = ReadUntil("records in the archive: 2");
  EXPECT_TRUE(absl::StrContains(second, "Levamisole"));
  EXPECT_FALSE(absl::StrContains(second, "\x1b[31m"));

  const winsize narrow = {8, 40, 0, 0};
  ASSERT_EQ(ioctl(terminal_, TIOCSWINSZ, &narrow), 0);
  const std::string third = ReadUntil("records in the archive: 2");
  EXPECT_FALSE(absl::StrContains(third, "BRIDGE")) << third;
  EXPECT_TRUE(absl::StrContains(third, "Cocaine"));

  ExpectEndsAt("\x03");  // Ctrl-C
}

TEST_F(WatchOnATerminal, LeavesEverythingAsItWasAfterAnyKeyThatEnds) {
  Store("Cocaine");
  Watch(10, 100);
  ReadUntil("records in the archive: 1");
  ASSERT_FALSE(Echoes());
  ExpectEndsAt("\x1c");  // Ctrl-backslash
}

TEST_F(WatchOnATerminal, GivesTheTerminalBackWhileItIsSuspended) {
  Store("Cocaine");
  Watch(10, 100);
  ReadUntil("records in the archive: 1");
  // To the process alone: a shell without job control would not let Ctrl-Z stop it.
  ASSERT_EQ(kill(pid_, SIGTSTP), 0);
  int status = 0;
  ASSERT_EQ(waitpid(pid_, &status, WUNTRACED), pid_);
  ASSERT_TRUE(WIFSTOPPED(status));
  ReadUntil("\x1b[?25h\x1b[?1049l");
  EXPECT_TRUE(Echoes());
  ASSERT_EQ(kill(pid_, SIGCONT), 0);
  EXPECT_TRUE(absl::StrContains(ReadUntil("records in the archive: 1"), "\x1b[?1049h"));
  EXPECT_FALSE(Echoes());
}

}  // namespace
}  // namespace dims
