// The fault proxy between a plain client and a plain server: each of them sees the fault that was asked for, and
// nothing else.
#include "simulator/fault_proxy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bitset>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "simulator/proxy_command.h"
#include "simulator/throttle.h"
#include "tests/simulator_scratch.h"
#include "tests/tcp_peer.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string RandomBytes(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

template <typename Condition>
bool Eventually(Condition condition) {
  absl::Notification never;
  for (const absl::Time until = absl::Now() + absl::Seconds(10); absl::Now() < until;) {
    if (condition()) return true;
    never.WaitForNotificationWithTimeout(absl::Milliseconds(2));
  }
  return condition();
}

class FaultProxyTest : public ScratchTest {
 protected:
  void Start(FaultProxyOptions options = {}) {
    options.to = server_.address();
    auto proxy = FaultProxy::Start(std::move(options));
    ASSERT_TRUE(proxy.ok()) << proxy.status();
    proxy_ = *std::move(proxy);
  }
  // Time is what the test says.
  void StartWithClock(FaultProxyOptions options = {}) {
    options.uptime = [this] { return absl::Nanoseconds(now_.load()); };
    Start(std::move(options));
  }
  void GoOn(absl::Duration time) {
    now_ += absl::ToInt64Nanoseconds(time);
    proxy_->Wake();
  }
  struct Pair {
    Peer client, server;
  };
  Pair Connect() {
    Peer client = Peer::ConnectTo(proxy_->address());
    Peer server = server_.Accept();
    client.Send("?");
    EXPECT_EQ(server.Receive(1), "?");
    server.Send("!");
    EXPECT_EQ(client.Receive(1), "!");
    return {std::move(client), std::move(server)};
  }
  void Do(const std::string& line) {
    const auto answer = proxy_->Do(line);
    EXPECT_TRUE(answer.ok()) << answer.status();
  }

  PeerServer server_;
  std::atomic<std::int64_t> now_ = 1'000'000'000;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_F(FaultProxyTest, WithoutAFaultEveryByteIsCarriedOnceAndInOrderBothWays) {
  Start();
  Pair pair = Connect();
  const std::string up = RandomBytes(3'000'000, 1), down = RandomBytes(2'000'000, 2);
  std::thread client_says([&] {
    pair.client.Send(up);
    pair.client.SayEnd();
  });
  std::thread server_says([&] { pair.server.Send(down); });
  std::string heard_down;
  std::thread client_hears([&] { heard_down = pair.client.Receive(down.size()); });
  EXPECT_TRUE(pair.server.ReceiveAll() == up) << "and the end after its last byte";
  for (std::thread* thread : {&client_says, &server_says, &client_hears}) thread->join();
  EXPECT_TRUE(heard_down == down);
  pair.server.Send("after the end of the other way");
  pair.server.SayEnd();
  EXPECT_EQ(pair.client.ReceiveAll(), "after the end of the other way");
  EXPECT_EQ(pair.client.end(), Peer::End::kClosed);
  EXPECT_TRUE(Eventually([&] { return proxy_->State().connections == 0; }));
  EXPECT_EQ(proxy_->State().carried_up, up.size() + 1);
}

TEST_F(FaultProxyTest, AResetOfEitherSideReachesTheOther) {
  Start();
  Pair first = Connect(), second = Connect();
  first.client.socket().Reset();
  EXPECT_EQ(first.server.AwaitEnd(), Peer::End::kReset);
  second.server.socket().Reset();
  EXPECT_EQ(second.client.AwaitEnd(), Peer::End::kReset);
}

TEST_F(FaultProxyTest, ACutResetsBothSidesOfEveryConnectionAndNewOnesAreCarried) {
  Start();
  Pair first = Connect(), second = Connect();
  Do("cut");
  for (Peer* peer : {&first.client, &first.server, &second.client, &second.server}) {
    EXPECT_EQ(peer->AwaitEnd(), Peer::End::kReset);
  }
  Connect();
}

TEST_F(FaultProxyTest, ACutComesRightAfterTheByteThatWasNamed) {
  Start();
  const std::string bytes = RandomBytes(300'000, 3);
  for (const bool up : {true, false}) {
    for (const std::size_t size : {1, 7, 16'384, 16'385, 100'000}) {
      Pair pair = Connect();
      Do(absl::StrCat("cut after ", size, up ? " up" : " down"));
      EXPECT_THAT(proxy_->State().faults, ElementsAre(absl::StrCat("cut after ", size, up ? " up" : " down")));
      Peer &sender = up ? pair.client : pair.server, &receiver = up ? pair.server : pair.client;
      std::thread says([&] { sender.Send(bytes); });
      EXPECT_TRUE(receiver.ReceiveAll() == bytes.substr(0, size)) << size;
      EXPECT_EQ(receiver.end(), Peer::End::kReset);
      says.join();
      EXPECT_EQ(sender.AwaitEnd(), Peer::End::kReset);
      EXPECT_THAT(proxy_->State().faults, IsEmpty()) << "it happens once";
    }
  }
}

TEST_F(FaultProxyTest, AStallCarriesNothingAndLosesNothing) {
  Start();
  for (const std::string way : {"", " up", " down"}) {
    Pair pair = Connect();
    Do("stall" + way);
    pair.client.Send("said by the client");
    pair.server.Send("said by the server");
    struct {
      Peer& hears;
      std::string said;
      bool stalled;
    } const sides[] = {{pair.server, "said by the client", way != " down"},
                       {pair.client, "said by the server", way != " up"}};
    for (const auto& side : sides) {
      if (!side.stalled) {
        EXPECT_EQ(side.hears.Receive(18), side.said);
      }
    }
    proxy_->Wake();
    for (const auto& side : sides) {
      if (side.stalled) {
        EXPECT_EQ(side.hears.ReceiveNow(), "");
      }
    }
    Do("heal");
    for (const auto& side : sides) {
      if (side.stalled) {
        EXPECT_EQ(side.hears.Receive(18), side.said);
      }
    }
  }
}

TEST_F(FaultProxyTest, NobodyHearsOfAnEndDuringAStall) {
  Start();
  Pair closed = Connect(), reset = Connect();
  Do("stall");
  closed.client.SayEnd();
  reset.client.socket().Reset();
  Peer late = Peer::ConnectTo(proxy_->address());
  late.Send("late");
  Peer late_server = server_.Accept();
  for (Peer* server : {&closed.server, &reset.server, &late_server}) EXPECT_EQ(server->end(), Peer::End::kOpen);
  Do("heal");
  EXPECT_EQ(closed.server.AwaitEnd(), Peer::End::kClosed);
  EXPECT_EQ(reset.server.AwaitEnd(), Peer::End::kReset);
  EXPECT_EQ(late_server.Receive(4), "late");
}

TEST_F(FaultProxyTest, AHalfOpenConnectionIsGoneForTheServerAndSilentForTheClientUntilHealed) {
  Start();
  Pair pair = Connect();
  Do("half-open");
  EXPECT_EQ(pair.server.AwaitEnd(), Peer::End::kReset);
  pair.client.Send("is anybody there?");
  Pair next = Connect();  // a new connection finds its way
  EXPECT_EQ(pair.client.end(), Peer::End::kOpen);
  Do("heal");
  EXPECT_EQ(pair.client.AwaitEnd(), Peer::End::kReset);
  next.client.Send("go on");
  EXPECT_EQ(next.server.Receive(5), "go on");
}

TEST_F(FaultProxyTest, AHalfOpenConnectionThatItsClientGivesUpIsForgotten) {
  Start();
  Pair pair = Connect();
  Do("half-open");
  EXPECT_EQ(proxy_->State().connections, 1u);
  pair.client.socket().Close();
  EXPECT_TRUE(Eventually([&] { return proxy_->State().connections == 0; }));
}

TEST_F(FaultProxyTest, WhereNobodyListensConnectingIsRefusedAndWhatIsConnectedGoesOn) {
  Start();
  Pair pair = Connect();
  const std::string address = proxy_->address();
  Do("refuse");
  bool refused = false;
  Peer::ConnectTo(address, &refused);
  EXPECT_TRUE(refused);
  pair.client.Send("still here");
  EXPECT_EQ(pair.server.Receive(10), "still here");
  Do("heal");
  EXPECT_EQ(proxy_->address(), address);
  Connect();
}

TEST_F(FaultProxyTest, WhatIsRejectedIsAcceptedAndReset) {
  Start();
  Do("reject");
  EXPECT_EQ(Peer::ConnectTo(proxy_->address()).AwaitEnd(), Peer::End::kReset);
  Do("heal");
  Connect();
}

TEST_F(FaultProxyTest, AServerThatIsNotThereResetsTheClientAndTheLogSaysWhy) {
  FaultProxyOptions options;
  options.to = server_.address();
  options.log = folder_ / "log";
  auto proxy = FaultProxy::Start([&] {
    server_ = PeerServer();  // elsewhere
    return options;
  }());
  ASSERT_TRUE(proxy.ok()) << proxy.status();
  EXPECT_EQ(Peer::ConnectTo((*proxy)->address()).AwaitEnd(), Peer::End::kReset);
  proxy->reset();
  std::ifstream log(options.log);
  EXPECT_THAT(std::string(std::istreambuf_iterator<char>(log), {}), HasSubstr("the server: Connection refused"));
}

TEST_F(FaultProxyTest, GarbageIsPutIntoOneWayAndTheOtherIsAsItWas) {
  Start();
  Pair pair = Connect();
  Do("garbage down");
  pair.server.Send("sense");
  pair.client.Send("sense");
  EXPECT_EQ(pair.server.Receive(5), "sense");
  std::string heard;
  while (heard.find("sense") == std::string::npos) {
    const std::string more = pair.client.Receive(1);
    ASSERT_FALSE(more.empty()) << "the sense is lost";
    heard += more;
  }
  EXPECT_GT(heard.size(), 5u);
  Do("heal");
  pair.server.Send("sense");
  EXPECT_EQ(pair.client.Receive(5), "sense");
}

TEST_F(FaultProxyTest, AFlipChangesOneBitOfEachPiece) {
  Start();
  Pair pair = Connect();
  const std::string sent = RandomBytes(1'000, 4);
  Do("flip up");
  for (int piece = 0; piece < 10; ++piece) {
    pair.client.Send(sent);
    const std::string heard = pair.server.Receive(sent.size());
    ASSERT_EQ(heard.size(), sent.size());
    std::size_t bits = 0;
    for (std::size_t i = 0; i < sent.size(); ++i) {
      bits += std::bitset<8>(static_cast<unsigned char>(sent[i] ^ heard[i])).count();
    }
    EXPECT_GE(bits, 1u);
    EXPECT_LE(bits, 3u) << "a piece may have come in several";
  }
}

TEST_F(FaultProxyTest, WhatIsDelayedArrivesInOrderNeitherBeforeItsTimeNorMuchLater) {
  StartWithClock();
  Pair pair = Connect();
  Do("delay 2s up");
  pair.client.Send("first,");
  ASSERT_TRUE(Eventually([&] { return proxy_->State().held_up == 6; }));
  GoOn(absl::Seconds(1));
  pair.client.Send("second");
  ASSERT_TRUE(Eventually([&] { return proxy_->State().held_up == 12; }));
  pair.server.Send("at once");
  EXPECT_EQ(pair.client.Receive(7), "at once");
  GoOn(absl::Milliseconds(999));
  EXPECT_EQ(pair.server.ReceiveNow(), "");
  GoOn(absl::Milliseconds(1));
  EXPECT_EQ(pair.server.Receive(6), "first,");
  EXPECT_EQ(pair.server.ReceiveNow(), "");
  GoOn(absl::Seconds(1));
  EXPECT_EQ(pair.server.Receive(6), "second");
}

TEST_F(FaultProxyTest, AThrottledLinkIsSharedFairlyAndCarriesNoMoreThanItsRate) {
  StartWithClock();
  Pair one = Connect(), other = Connect();
  Do("throttle 1mbit up");
  const std::uint64_t before = proxy_->State().carried_up;
  const std::string bulk(100'000, 'b');
  for (Pair* pair : {&one, &other}) {
    pair->client.socket().SetSendBuffer(2 * bulk.size());
    ASSERT_EQ(pair->client.Offer(bulk), bulk.size()) << "the system sends it from now on";
  }
  std::string heard_one, heard_other;
  const std::int64_t started = now_;
  for (int steps = 0; steps < 10'000 && proxy_->State().carried_up - before < 100'000; ++steps) {
    GoOn(absl::Milliseconds(2));
    heard_one += one.server.ReceiveNow();
    heard_other += other.server.ReceiveNow();
    const double seconds = static_cast<double>(now_ - started) / 1e9;
    EXPECT_LE(static_cast<double>(proxy_->State().carried_up - before), 125'000 * seconds + kSegment + 2'500);
  }
  EXPECT_GE(proxy_->State().carried_up - before, 100'000u);
  EXPECT_NEAR(static_cast<double>(heard_one.size()), static_cast<double>(heard_other.size()), 10'000);
  Do("heal");
  heard_one += one.server.Receive(bulk.size() - heard_one.size());
  heard_other += other.server.Receive(bulk.size() - heard_other.size());
  EXPECT_TRUE(heard_one == bulk && heard_other == bulk);
}

// The rule for urgent records rests on it: what has a connection of its own waits for a segment or two, not for a
// queue.
TEST_F(FaultProxyTest, OnASlowLinkALittleOnAnotherConnectionDoesNotWaitBehindMuch) {
  StartWithClock();
  Pair bulk = Connect(), urgent = Connect();
  Do("throttle 1mbit up");
  bulk.client.socket().SetSendBuffer(200'000);
  ASSERT_EQ(bulk.client.Offer(std::string(100'000, 'b')), 100'000u);
  for (int i = 0; i < 20; ++i) GoOn(absl::Milliseconds(10));
  urgent.client.Send(std::string(500, 'u'));
  const std::int64_t sent_at = now_;
  std::string heard;
  for (int steps = 0; steps < 1'000 && heard.size() < 500; ++steps) {
    GoOn(absl::Milliseconds(2));
    heard += urgent.server.ReceiveNow();
    bulk.server.ReceiveNow();
  }
  EXPECT_EQ(heard.size(), 500u);
  EXPECT_LE(absl::Nanoseconds(now_ - sent_at), absl::Milliseconds(50));
}

TEST_F(FaultProxyTest, ASlowLinkPushesBackInsteadOfTakingMuch) {
  FaultProxyOptions options;
  options.always = {ParseFault("throttle 64kbit").value()};
  StartWithClock(options);
  Peer client = Peer::ConnectTo(proxy_->address());
  Peer server = server_.Accept();
  client.socket().SetSendBuffer(4'096);
  std::size_t taken = 0;
  const std::string bytes(1'000, 'b');
  for (int tries = 0; tries < 1'000; ++tries) {
    taken += client.Offer(bytes);
    GoOn(absl::ZeroDuration());
  }
  EXPECT_LE(taken, 20'000u) << "the system's least buffers, and two segments";
  EXPECT_LE(proxy_->State().held_up, 2 * kSegment);
}

TEST(Throttle, GrantsTheRateToWhoTakesAllOfIt) {
  for (const std::uint64_t rate : {100u, 1'200u, 8'000u, 125'000u, 12'500'000u}) {
    Throttle throttle;
    throttle.SetRate(rate, absl::ZeroDuration());
    std::uint64_t taken = 0;
    absl::Duration now;
    int turns = 0;
    for (; now < absl::Seconds(100); ++turns) {
      const std::size_t granted = throttle.Grant(now);
      throttle.Take(granted);
      taken += granted;
      now += std::max(throttle.Wait(), absl::Microseconds(100));
    }
    EXPECT_NEAR(static_cast<double>(taken) / 100, static_cast<double>(rate), static_cast<double>(rate) * 0.01);
  }
}

TEST_F(FaultProxyTest, TheLogSaysWhatHappenedAndHowMuchWasCarried) {
  FaultProxyOptions options;
  options.log = folder_ / "log";
  Start(options);
  Pair pair = Connect();
  pair.client.Send("0123456789");
  pair.server.Receive(10);
  Do("stall up");
  Do("heal");
  Do("cut");
  proxy_.reset();
  std::ifstream file(options.log);
  const std::string log(std::istreambuf_iterator<char>(file), {});
  const std::vector<std::string> lines = absl::StrSplit(log, '\n', absl::SkipEmpty());
  EXPECT_THAT(lines, ElementsAre(StartsWith(R"({"event":"listening",)"), StartsWith(R"({"event":"connected",)"),
                                 HasSubstr(R"("fault":"stall up","connections":1,"up":11,"down":1})"),
                                 StartsWith(R"({"event":"healed",)"),
                                 HasSubstr(R"("connection":1,"up":11,"down":1,"why":"cut"})"),
                                 HasSubstr(R"("fault":"cut","connections":0,"up":11,"down":1})")));
}

TEST_F(FaultProxyTest, RandomFaultsComeAndGoUntilCalm) {
  FaultProxyOptions options;
  options.every = absl::Seconds(1);
  options.kinds = {Fault::Kind::kStall, Fault::Kind::kRefuse};
  StartWithClock(options);
  int in_force = 0, none = 0;
  for (int i = 0; i < 200; ++i) {
    GoOn(absl::Milliseconds(100));
    (proxy_->State().faults.empty() ? none : in_force) += 1;
  }
  EXPECT_GT(in_force, 20);
  EXPECT_GT(none, 20);
  Do("calm");
  for (int i = 0; i < 50; ++i) {
    GoOn(absl::Milliseconds(100));
    EXPECT_THAT(proxy_->State().faults, IsEmpty());
  }
  Connect();
}

TEST_F(FaultProxyTest, ManySeedsOfRandomFaultsLeaveALinkThatCarries) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    FaultProxyOptions options;
    options.seed = seed;
    options.every = absl::Milliseconds(50);
    StartWithClock(options);
    std::vector<Peer> peers;
    for (int i = 0; i < 100; ++i) {
      GoOn(absl::Milliseconds(10));
      bool refused = false;
      if (i % 5 == 0) peers.push_back(Peer::ConnectTo(proxy_->address(), &refused));
      for (Peer& peer : peers) peer.Offer("something to carry");
    }
    Do("calm");
    peers.clear();
    server_ = PeerServer();  // the one before ends what it has not taken
    ASSERT_TRUE(Eventually([&] { return proxy_->State().connections == 0; })) << seed;
    proxy_.reset();
    Start();
    Connect();
  }
}

TEST(Fault, IsReadAsItIsWritten) {
  for (const char* text : {"cut", "cut after 1000 up", "cut after 1 down", "stall", "stall up", "stall down",
                           "half-open", "refuse", "reject", "garbage", "garbage down", "flip up", "delay 2s",
                           "delay 1.5s down", "throttle 1mbit", "throttle 64kbit up", "throttle 9600bit"}) {
    const absl::StatusOr<Fault> fault = ParseFault(text);
    ASSERT_TRUE(fault.ok()) << fault.status();
    EXPECT_EQ(ToText(*fault), text);
  }
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RandomFaults random(seed, absl::Seconds(2), {}), again(seed, absl::Seconds(2), {});
    for (int i = 0; i < 200; ++i) {
      const RandomFaults::Next next = random.Draw();
      const absl::StatusOr<Fault> read = ParseFault(ToText(next.fault));
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(ToText(*read), ToText(next.fault));
      EXPECT_EQ(again.Draw().fault, next.fault) << "the same seed";
      EXPECT_GT(next.lasts, absl::ZeroDuration());
    }
  }
}

TEST(Fault, AMistakeIsToldWithWhatCouldBeThere) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"", "is no fault; there are cut, stall"},
      {"stal", "\"stal\" is no fault; there are cut, stall"},
      {"stall sideways", "\"sideways\" means nothing here; a way is up or down"},
      {"refuse up", "refuse: \"up\" means nothing here"},
      {"cut 100", "cut: \"100\" means nothing here"},
      {"cut after", "write how many bytes"},
      {"cut after 0 up", "at least 1"},
      {"cut after 100 both", "which way, up or down?"},
      {"delay", "\"\" is no time; write it like 300ms"},
      {"delay -1s", "is no time"},
      {"throttle 1", "is no rate; write it like 9600bit"},
      {"throttle 1bit", "at least 8bit"},
      {"throttle 99999999999999mbit", "is no rate"},
  };
  for (const auto& [text, told] : mistakes) {
    EXPECT_THAT(std::string(ParseFault(text).status().message()), HasSubstr(told)) << text;
  }
  EXPECT_THAT(std::string(ParseFaultKinds("cut,stal").status().message()), HasSubstr("\"stal\" is no fault"));
}

TEST(FaultProxy, SaysWhyItCannotStart) {
  const auto told = [](const std::string& listen, const std::string& to) {
    FaultProxyOptions options;
    options.listen = listen;
    options.to = to;
    return std::string(FaultProxy::Start(options).status().message());
  };
  const PeerServer taken;
  EXPECT_THAT(told("127.0.0.1:0", "127.0.0.1"), HasSubstr("is not host:port"));
  EXPECT_THAT(told("127.0.0.1:x", "127.0.0.1:1"), HasSubstr("127.0.0.1:x"));
  EXPECT_THAT(told(taken.address(), "127.0.0.1:1"), HasSubstr("another program has it"));
  EXPECT_THAT(told("192.0.2.1:0", "127.0.0.1:1"), HasSubstr("not this computer's address"));
}

// Counts what was flushed: a line each.
class CountedLines : public std::stringbuf {
 public:
  int lines() const { return lines_; }

 private:
  int sync() override { return ++lines_, 0; }
  std::atomic<int> lines_ = 0;
};

TEST_F(FaultProxyTest, LinesOfTextSteerItAndEachIsAnswered) {
  ProxyCommand command;
  command.options.to = server_.address();
  command.throttle = "1mbit";
  int input[2], stop[2];
  ASSERT_EQ(pipe(input), 0);
  ASSERT_EQ(pipe(stop), 0);
  CountedLines buffer;
  std::ostream output(&buffer);
  const std::string lines = "stall up\n\nstatus\nstal\nheal";  // the last one without its end
  ASSERT_EQ(write(input[1], lines.data(), lines.size()), static_cast<ssize_t>(lines.size()));
  close(input[1]);
  std::thread stops([&] {
    EXPECT_TRUE(Eventually([&] { return buffer.lines() == 5; }));  // and the end of its input has not ended it
    EXPECT_EQ(write(stop[1], "x", 1), 1);
  });
  EXPECT_TRUE(RunProxy(command, input[0], output, stop[0]).ok());
  stops.join();
  const std::vector<std::string> said = absl::StrSplit(buffer.str(), '\n', absl::SkipEmpty());
  EXPECT_THAT(said, ElementsAre(StartsWith("dims-sim: listening on 127.0.0.1:"), "ok",
                                HasSubstr(R"("faults":"stall up, throttle 1mbit")"),
                                StartsWith("error: \"stal\" is no fault"), "ok"));
  for (const int fd : {input[0], stop[0], stop[1]}) close(fd);
}

}  // namespace
}  // namespace dims
