// What an instrument was told is received is in the intake, and in a record once its message is whole: the bridge is
// killed at every single system call between a read and the reply to it, in turn.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firmware-bridge/bench.h"
#include "firmware-bridge/session.h"
#include "tests/astm_frames.h"
#include "tests/astm_session.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

std::unique_ptr<Session> MakeSession(Store& store, int line) {
  SessionSetup setup = AnalyserSetup([line](absl::string_view bytes) {
    return write(line, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())
               ? absl::OkStatus()
               : absl::UnavailableError("the line is gone");
  });
  return std::make_unique<Session>(std::move(setup), store, ReadClocks());
}

// The bridge's own loop on one line, until the other side closes it.
int ReadAndReply(const StoreFolder& folder, int line) {
  const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(OptionsFor(folder));
  if (!store.ok()) return 1;
  ReceiveBuffer buffer;
  Bench bench(
      **store, ReadClocks, [] {}, [] {}, absl::Seconds(1));
  bench.Add(MakeSession(**store, line), buffer);
  raise(SIGSTOP);  // from here on, every system call is counted
  std::array<char, 512> bytes;
  ssize_t got = 0;
  while ((got = read(line, bytes.data(), bytes.size())) > 0) {
    buffer.Put({Arrival::Kind::kBytes, ReadClocks(), std::string(bytes.data(), static_cast<std::size_t>(got)), {}, 0});
    while (bench.Round()) {
    }
  }
  return 0;
}

// What a sender says: each piece is sent when the one before was acknowledged.
class Sender {
 public:
  explicit Sender(int line) : line_(line) {
    pieces_ = {std::string(1, kEnq)};
    for (const std::string& record : AstmRecords()) {
      pieces_.push_back(FrameOf(static_cast<int>(pieces_.size()), record));
    }
  }

  // Reads what has been answered by now, and says what may be said.
  void Look() {
    char answer = 0;
    while (recv(line_, &answer, 1, MSG_DONTWAIT) == 1) acknowledged_ += answer == kAck ? 1 : 0;
    if (said_ == acknowledged_ && said_ < pieces_.size()) {
      const std::string& piece = pieces_[said_++];
      send(line_, piece.data(), piece.size(), MSG_NOSIGNAL);  // to one that has died, perhaps
    }
  }

  bool done() const { return acknowledged_ == pieces_.size(); }
  std::size_t acknowledged() const { return acknowledged_; }
  std::string acknowledged_bytes() const {
    std::string bytes;
    for (std::size_t i = 0; i < acknowledged_; ++i) bytes += pieces_[i];
    return bytes;
  }

 private:
  const int line_;
  std::vector<std::string> pieces_;
  std::size_t said_ = 0, acknowledged_ = 0;
};

class Line {
 public:
  Line() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_.data()), 0); }
  ~Line() {
    for (const int end : ends_) {
      if (end >= 0) close(end);
    }
  }
  int instrument() const { return ends_[0]; }
  int bridge() const { return ends_[1]; }
  void CloseBridgesEnd() { close(std::exchange(ends_[1], -1)); }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

// One life of the bridge: killed at stop `stop` after the sender has heard `heard` acknowledgements.
class Life {
 public:
  Life(std::size_t heard, std::size_t stop) : sender_(line_.instrument()) {
    child_ = fork();
    if (child_ == 0) {
      close(line_.instrument());
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(kMayNotBeTraced);
      _exit(ReadAndReply(folder_, line_.bridge()));
    }
    line_.CloseBridgesEnd();
    int state = 0;
    EXPECT_EQ(waitpid(child_, &state, 0), child_);
    may_be_traced_ = !WIFEXITED(state) || WEXITSTATUS(state) != kMayNotBeTraced;
    if (!WIFSTOPPED(state)) return;
    sender_.Look();
    while (sender_.acknowledged() < heard && Step()) {
    }
    for (std::size_t i = 0; i < stop && sender_.acknowledged() == heard && Step(); ++i) {
    }
    EXPECT_EQ(kill(child_, SIGKILL), 0);
    EXPECT_EQ(waitpid(child_, &state, 0), child_);
    EXPECT_TRUE(WIFSIGNALED(state)) << "the child ended by itself";
    sender_.Look();  // what it had said before it died
  }

  bool may_be_traced() const { return may_be_traced_; }
  const Sender& sender() const { return sender_; }
  const StoreFolder& folder() const { return folder_; }

 private:
  static constexpr int kMayNotBeTraced = 77;

  // To the child's next system call, or out of it. False when it has ended.
  bool Step() {
    int state = 0;
    if (ptrace(PTRACE_SYSCALL, child_, nullptr, nullptr) != 0) return false;
    EXPECT_EQ(waitpid(child_, &state, 0), child_);
    sender_.Look();
    return WIFSTOPPED(state);
  }

  StoreFolder folder_;
  Line line_;
  Sender sender_;
  pid_t child_ = -1;
  bool may_be_traced_ = true;
};

// Everything that was acknowledged is in the intake, and what it says is in a record.
void ExpectKept(const StoreFolder& folder, const Sender& sender) {
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  const std::string acknowledged = sender.acknowledged_bytes();
  ASSERT_GE(store->Position("analyser-1").read_through, acknowledged.size());
  if (!acknowledged.empty()) {
    ASSERT_EQ(store->ReadIntake("analyser-1", 0, acknowledged.size()).value_or(""), acknowledged);
  }
  // What was open is given up and kept, with every finding.
  const auto session = MakeSession(*store, -1);
  if (const SessionBatch* pending = session->Pending()) {
    ASSERT_TRUE(store->Commit(Batch{{*pending}}).ok());
  }
  const IntakePosition position = store->Position("analyser-1");
  EXPECT_EQ(position.closed_through, position.read_through);
  const auto records = ReadAll(*store, store->Current().id);
  ASSERT_TRUE(records.ok()) << records.status();
  int findings = 0;
  for (const StoredRecord& record : *records) {
    const dims::v1::Report report = ToReport(record);
    for (const dims::v1::Analysis& analysis : report.analyses()) findings += analysis.findings_size();
    EXPECT_TRUE(!sender.done() || report.problems_size() == 0);
  }
  EXPECT_GE(findings, std::min(2, static_cast<int>(sender.acknowledged()) - 3)) << "ENQ, header and order come first";
  EXPECT_LE(records->size(), 1u);
}

TEST(Acknowledged, IsOnDiskWhicheverSystemCallTheBridgeDiesAt) {
  spdlog::set_level(spdlog::level::err);
  std::size_t kills = 0;
  for (std::size_t heard = 0; heard < 6; ++heard) {
    for (std::size_t stop = 0, answered = 0; answered == 0; ++stop, ++kills) {
      SCOPED_TRACE(absl::StrCat("killed at stop ", stop, " after ", heard, " acknowledgements"));
      const Life life(heard, stop);
      if (!life.may_be_traced()) {
        GTEST_SKIP() << "*** SKIPPED: this machine does not let a process be traced, so nothing was proven here ***";
      }
      ASSERT_NO_FATAL_FAILURE(ExpectKept(life.folder(), life.sender()));
      ASSERT_FALSE(HasFailure());
      ASSERT_LT(stop, 1000u) << "the bridge does not answer";
      answered = life.sender().acknowledged() - heard;
    }
  }
  RecordProperty("kills", static_cast<int>(kills));
  std::cout << kills << " kills, at every system call between a read and its reply\n";
}

}  // namespace
}  // namespace dims
