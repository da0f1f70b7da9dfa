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

#include "drivers/catalog.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/session.h"
#include "tests/astm_frames.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

std::unique_ptr<Session> MakeSession(Store& store, int line) {
  SessionSetup setup;
  setup.driver = FindDriver("astm");
  setup.options = *Options::Parse(setup.driver->options, {});
  setup.source.set_instrument("analyser-1");
  setup.source.set_bridge("bridge-1");
  setup.write = [line](absl::string_view bytes) {
    return write(line, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size())
               ? absl::OkStatus()
               : absl::UnavailableError("the line is gone");
  };
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
      ASSERT_EQ(send(line_, piece.data(), piece.size(), MSG_NOSIGNAL), static_cast<ssize_t>(piece.size()));
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

// Lets the child run to its next system call, or out of it. False when it has ended.
bool Step(pid_t child) {
  int state = 0;
  if (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0) return false;
  EXPECT_EQ(waitpid(child, &state, 0), child);
  return WIFSTOPPED(state);
}

TEST(Acknowledged, IsOnDiskWhicheverSystemCallTheBridgeDiesAt) {
  spdlog::set_level(spdlog::level::err);
  std::size_t records_seen = 0, steps_in_all = 0, kills = 0;
  std::vector<std::size_t> kills_with_so_many_acknowledged;
  for (std::size_t most_steps = 1;; ++most_steps) {
    SCOPED_TRACE(absl::StrCat("killed at stop ", most_steps));
    const StoreFolder folder;
    Line line;
    const pid_t child = fork();
    if (child == 0) {
      close(line.instrument());
      if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(77);
      _exit(ReadAndReply(folder, line.bridge()));
    }
    line.CloseBridgesEnd();
    int state = 0;
    ASSERT_EQ(waitpid(child, &state, 0), child);
    if (WIFEXITED(state) && WEXITSTATUS(state) == 77) {
      GTEST_SKIP() << "*** SKIPPED: this machine does not let a process be traced, so nothing was proven here ***";
    }
    ASSERT_TRUE(WIFSTOPPED(state)) << "the child ended by itself";

    Sender sender(line.instrument());
    std::size_t steps = 0;
    sender.Look();
    while (!sender.done() && steps < most_steps) {
      ASSERT_TRUE(Step(child)) << "the child ended by itself";
      ++steps;
      ASSERT_NO_FATAL_FAILURE(sender.Look());
    }
    const bool done = sender.done();
    ASSERT_EQ(kill(child, SIGKILL), 0);
    ASSERT_EQ(waitpid(child, &state, 0), child);
    ASSERT_NO_FATAL_FAILURE(sender.Look());  // what it had said before it died

    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    const std::string acknowledged = sender.acknowledged_bytes();
    ASSERT_GE(store->Position("analyser-1").read_through, acknowledged.size());
    if (!acknowledged.empty()) {
      ASSERT_EQ(store->ReadIntake("analyser-1", 0, acknowledged.size()).value_or(""), acknowledged);
    }
    if (sender.done()) {
      ++records_seen;
      const auto records = ReadAll(*store, store->Current().id);
      ASSERT_TRUE(records.ok()) << records.status();
      ASSERT_EQ(records->size(), 1u);
      EXPECT_EQ(ToReport(records->front()).analyses(0).findings_size(), 2);
      EXPECT_EQ(ToReport(records->front()).problems_size(), 0);
    } else {
      // What was open is given up and kept, with every finding that was acknowledged.
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
      }
      EXPECT_GE(findings, static_cast<int>(sender.acknowledged()) - 3) << "ENQ, header and order come first";
    }
    kills_with_so_many_acknowledged.resize(std::max(kills_with_so_many_acknowledged.size(), sender.acknowledged() + 1));
    ++kills_with_so_many_acknowledged[sender.acknowledged()];
    ++kills;
    steps_in_all = std::max(steps_in_all, steps);
    if (done && steps < most_steps) break;  // there was nothing left to kill it at
  }
  EXPECT_GT(records_seen, 0u);
  ASSERT_EQ(kills_with_so_many_acknowledged.size(), 7u);
  for (const std::size_t count : kills_with_so_many_acknowledged) EXPECT_GT(count, 0u);
  RecordProperty("kills", static_cast<int>(kills));
  RecordProperty("system_call_stops", static_cast<int>(steps_in_all));
  std::cout << kills << " kills, at each of " << steps_in_all << " stops\n";
}

}  // namespace
}  // namespace dims
