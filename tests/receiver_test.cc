// The receiver: keeps a port open, whatever becomes of it.
#include "firmware-bridge/receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "tests/pty.h"
#include "tests/terminal_server.h"

namespace dims {
namespace {

using Kind = Arrival::Kind;
constexpr auto kAny = Receiver::Expected::kAny, kReal = Receiver::Expected::kReal,
               kSimulated = Receiver::Expected::kSimulated;

// What the receiver puts, awaited one after the other.
class Arrivals {
 public:
  void Wake() {
    absl::MutexLock lock(&mutex_);
    for (Arrival& arrival : buffer_.Take(1 << 20)) arrived_.push_back(std::move(arrival));
  }
  // The next one; bytes up to the next event of another kind are one.
  Arrival Next() {
    absl::MutexLock lock(&mutex_);
    const auto some = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return !arrived_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&some), kDeadline)) {
      ADD_FAILURE() << "nothing arrived";
      return {Kind::kLost};
    }
    Arrival next = std::move(arrived_.front());
    arrived_.pop_front();
    return next;
  }
  std::string NextBytes(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) {
      const Arrival next = Next();
      EXPECT_EQ(next.kind, Kind::kBytes);
      if (next.kind != Kind::kBytes) break;
      bytes += next.bytes;
    }
    return bytes;
  }
  bool empty() {
    absl::MutexLock lock(&mutex_);
    return arrived_.empty();
  }
  ReceiveBuffer& buffer() { return buffer_; }

 private:
  ReceiveBuffer buffer_;
  absl::Mutex mutex_;
  std::deque<Arrival> arrived_ ABSL_GUARDED_BY(mutex_);
};

std::string Scratch(const std::string& name) {
  const std::string path = testing::TempDir() + absl::StrCat("/dims-receiver-", getpid(), "-", name);
  std::filesystem::remove(path);
  return path;
}

// As udev does it.
void Point(const std::string& link, const std::string& to) {
  std::filesystem::remove(link + ".new");
  std::filesystem::create_symlink(to, link + ".new");
  std::filesystem::rename(link + ".new", link);
}

TEST(Receiver, OpensAgainAfterAHangUpUnderANewNumberBehindTheSameLink) {
  const std::string link = Scratch("line");
  auto first = std::make_unique<Pty>();
  Point(link, first->path());
  Arrivals arrivals;
  Receiver receiver("balance-1", link, Line(), kAny, arrivals.buffer(), [&] { arrivals.Wake(); });
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  first->Say("one");
  EXPECT_EQ(arrivals.NextBytes(3), "one");
  Pty second;
  ASSERT_NE(second.path(), first->path());
  first->HangUp();
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
  Point(link, second.path());
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  second.Say("two");
  EXPECT_EQ(arrivals.NextBytes(3), "two");
  EXPECT_TRUE(receiver.Write("\x06").ok());
  EXPECT_EQ(second.Hear(1), "\x06");
  std::filesystem::remove(link);
}

TEST(Receiver, ConnectsAgainAfterATerminalServerHasClosed) {
  TerminalServer server;
  Arrivals arrivals;
  Receiver receiver("balance-1", server.name(), Line(), kAny, arrivals.buffer(), [&] { arrivals.Wake(); });
  for (const char* text : {"one", "two"}) {
    server.Accept();
    EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
    server.Say(text);
    EXPECT_EQ(arrivals.NextBytes(3), text);
    EXPECT_TRUE(receiver.Write("\x06").ok());
    EXPECT_EQ(server.Hear(1), "\x06");
    server.HangUp();
    EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
  }
}

TEST(Receiver, WaitsForADeviceThatIsNotThereYet) {
  const std::string link = Scratch("later");
  Arrivals arrivals;
  absl::Notification tried;
  Receiver receiver(
      "balance-1", link, Line(), kAny, arrivals.buffer(), [&] { arrivals.Wake(); },
      [&](const std::string& name, const Line& line, absl::FunctionRef<bool()> stopped) {
        auto port = OpenPort(name, line, stopped);
        if (!port.ok() && !tried.HasBeenNotified()) tried.Notify();
        return port;
      });
  ASSERT_TRUE(tried.WaitForNotificationWithTimeout(kDeadline));
  EXPECT_TRUE(absl::IsUnavailable(receiver.Write("x")));
  Pty pty;
  Point(link, pty.path());
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  std::filesystem::remove(link);
}

// What is logged meanwhile, and nothing else.
class CapturedLog {
 public:
  CapturedLog() : lines_(std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(100)), before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("captured", lines_);
    logger->set_pattern("%v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~CapturedLog() { spdlog::set_default_logger(before_); }
  std::string text() const { return absl::StrJoin(lines_->last_formatted(), ""); }

 private:
  const std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_;
  const std::shared_ptr<spdlog::logger> before_;
};

// A port whose every opening is a test's.
Receiver::Opener Opening(std::function<absl::StatusOr<std::unique_ptr<Port>>()> open) {
  return [open](const std::string&, const Line&, absl::FunctionRef<bool()>) { return open(); };
}

TEST(Receiver, TriesLessAndLessOften) {
  Arrivals arrivals;
  absl::Mutex mutex;
  std::vector<absl::Duration> tries;
  Receiver receiver(
      "balance-1", "/dev/nowhere", Line(), kAny, arrivals.buffer(), [] {}, Opening([&] {
        absl::MutexLock lock(&mutex);
        tries.push_back(ReadClocks().uptime);
        return absl::NotFoundError("not there");
      }));
  absl::MutexLock lock(&mutex);
  const auto enough = [&] { return tries.size() >= 4; };
  ASSERT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&enough), kDeadline));
  EXPECT_GE(tries[1] - tries[0], absl::Milliseconds(200));
  EXPECT_GE(tries[2] - tries[1], absl::Milliseconds(400));
  EXPECT_GE(tries[3] - tries[2], absl::Milliseconds(800));
}

class OneRead final : public Port {
 public:
  OneRead(Received received, bool simulated) : received_(std::move(received)), simulated_(simulated) {}
  absl::StatusOr<Received> Read(absl::Duration) override {
    if (read_) return absl::UnavailableError("hung up");
    read_ = true;
    return received_;
  }
  absl::Status Write(absl::string_view) override { return absl::OkStatus(); }
  bool HoldsBack() const override { return false; }
  bool IsSimulated() const override { return simulated_; }

 private:
  const Received received_;
  const bool simulated_;
  bool read_ = false;
};

TEST(Receiver, PassesTheMarksOfTheLineOn) {
  Arrivals arrivals;
  const Received received = {"abc", {{LineMark::kOverrun, 0}, {LineMark::kParityOrFraming, 2}}};
  Receiver receiver(
      "balance-1", "/dev/ttyS9", Line(), kReal, arrivals.buffer(), [&] { arrivals.Wake(); },
      Opening([&] { return std::make_unique<OneRead>(received, false); }));
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  const Arrival arrival = arrivals.Next();
  EXPECT_EQ(arrival.bytes, "abc");
  ASSERT_EQ(arrival.marks.size(), 2u);
  EXPECT_EQ(arrival.marks[0].kind, LineMark::kOverrun);
  EXPECT_EQ(arrival.marks[1].kind, LineMark::kParityOrFraming);
  EXPECT_EQ(arrival.marks[1].offset, 2u);
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
}

TEST(Receiver, TakesNoSimulatedLineForARealOneNorARealOneForSimulated) {
  for (const bool is_simulated : {true, false}) {
    Arrivals arrivals;
    absl::BlockingCounter opened(2);
    std::atomic<int> left = 2;
    Receiver receiver(
        "balance-1", "/srv/line", Line(), is_simulated ? kReal : kSimulated, arrivals.buffer(),
        [&] { arrivals.Wake(); }, Opening([&] {
          if (left-- > 0) opened.DecrementCount();
          return std::make_unique<OneRead>(Received{"abc", {}}, is_simulated);
        }));
    opened.Wait();  // the first one was refused: it is tried again, and nothing was put
    EXPECT_TRUE(arrivals.empty()) << is_simulated;
  }
}

// Accepts, and hangs up at once.
class HungUp final : public Port {
 public:
  absl::StatusOr<Received> Read(absl::Duration) override { return absl::UnavailableError("hung up"); }
  absl::Status Write(absl::string_view) override { return absl::UnavailableError("hung up"); }
  bool HoldsBack() const override { return true; }
  bool IsSimulated() const override { return false; }
};

// Open, and nothing comes.
class Silent final : public Port {
 public:
  explicit Silent(absl::Notification& hang_up) : hang_up_(hang_up) {}
  absl::StatusOr<Received> Read(absl::Duration wait) override {
    if (hang_up_.WaitForNotificationWithTimeout(wait)) return absl::UnavailableError("hung up");
    return Received();
  }
  absl::Status Write(absl::string_view) override { return absl::OkStatus(); }
  bool HoldsBack() const override { return true; }
  bool IsSimulated() const override { return false; }

 private:
  absl::Notification& hang_up_;
};

TEST(Receiver, TellsOfAServerThatAcceptsAndHangsUpOnceAndOfItsFirstBytesInOrder) {
  CapturedLog log;
  Arrivals arrivals;
  std::atomic<int> tries = 0;
  absl::Notification never;
  Receiver receiver(
      "balance-1", "tcp://moxa:4001", Line(), kAny, arrivals.buffer(), [&] { arrivals.Wake(); },
      Opening([&]() -> absl::StatusOr<std::unique_ptr<Port>> {
        const int number = ++tries;
        if (number <= 3) return std::make_unique<HungUp>();
        if (number == 4) return std::make_unique<OneRead>(Received{"abc", {}}, false);
        return std::make_unique<Silent>(never);
      }));
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
  // Nothing of the second and the third.
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  EXPECT_EQ(arrivals.NextBytes(3), "abc");
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
  EXPECT_EQ(tries, 4);
  receiver.StopReading();
  EXPECT_EQ(log.text(), "balance-1: hung up; will keep trying\n");
}

TEST(Receiver, TellsOfALineThatStaysOpenThoughNothingComesForSomeDriversSpeakFirst) {
  Arrivals arrivals;
  std::atomic<int> tries = 0;
  absl::Notification hang_up;
  Receiver receiver(
      "balance-1", "tcp://moxa:4001", Line(), kAny, arrivals.buffer(), [&] { arrivals.Wake(); },
      Opening([&]() -> absl::StatusOr<std::unique_ptr<Port>> {
        if (++tries == 1) return std::make_unique<HungUp>();
        return std::make_unique<Silent>(hang_up);
      }));
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
  EXPECT_EQ(arrivals.Next().kind, Kind::kOpened);
  EXPECT_EQ(tries, 2);
  EXPECT_TRUE(receiver.Write("poll").ok());
  hang_up.Notify();
  EXPECT_EQ(arrivals.Next().kind, Kind::kClosed);
}

}  // namespace
}  // namespace dims
