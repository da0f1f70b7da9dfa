// A simulated analyser on its pseudo-terminal, in real time: the test is the receiver at the other end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/analyser.h"
#include "spdlog/spdlog.h"
#include "tests/simulator_reader.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using google::protobuf::Struct;
using testing::IsEmpty;

constexpr char kEnq = 0x05, kEot = 0x04, kStx = 0x02;
const std::string kAck = "\x06", kNak = "\x15";

// Message number n: `results` records of 52 characters, and four more.
AstmText MessageNumber(std::uint64_t n, int results) {
  AstmText message{.file = "m.astm", .sample = absl::StrCat("S-", n)};
  message.text = absl::StrCat("H|\\^&|", n, "\rP|1\rO|1|S-", n, "\r");
  for (int i = 1; i <= results; ++i) {
    absl::StrAppend(&message.text, "R|", i, "|^^^FEN|7,41|ng/mL|0-1|H||F||op1||20260114101200|R1\r");
  }
  message.text += "L|1|N\r";
  return message;
}

class AnalyserTest : public ScratchTest {
 protected:
  AnalyserTest() { spdlog::set_level(spdlog::level::err); }
  ~AnalyserTest() override {
    Stop();
    if (thread_.joinable()) thread_.join();
    close(stop_);
  }

  // Times are short, but for `answer`, which a busy machine must not miss.
  void Start(std::uint64_t count, int results, absl::Duration answer = absl::Seconds(10), int baud = 0) {
    options_ = {.name = "reader-1", .paced = baud > 0, .count = count};
    if (baud > 0) options_.baud = baud;
    analyser_.sender.times = {.answer = answer, .busy = absl::Milliseconds(20), .interrupt = absl::Milliseconds(20)};
    auto line = PtyLine::Open(link_, 9600, stop_);
    auto journal = Journal::Open(log_);
    ASSERT_TRUE(line.ok()) << line.status();
    ASSERT_TRUE(journal.ok()) << journal.status();
    thread_ = std::thread([this, results, line = *std::move(line), journal = *std::move(journal)]() mutable {
      status_ = RunAnalyser(
          options_, analyser_, [&](std::uint64_t n) { return MessageNumber(n, results); }, *line, *journal);
      line.reset();
      done_ = true;
    });
  }
  void Stop() { eventfd_write(stop_, 1); }
  void Join() {
    ASSERT_TRUE(Eventually([&] { return done_.load(); })) << "the analyser does not end";
    thread_.join();
    EXPECT_TRUE(status_.ok()) << status_;
  }

  // Reads until ENQ; what was left of an earlier session is passed over.
  static void TakeEnq(Reader& reader) {
    for (std::string c; c != std::string(1, kEnq);) {
      c = reader.Read(1);
      ASSERT_NE(c, "") << "nobody asks";
    }
  }
  // The text of the next frame; empty at EOT.
  static std::string TakeFrame(Reader& reader) {
    std::string frame;
    do {
      const std::string c = reader.Read(1);
      if (c.empty() || c[0] == kEot) return "";
      frame += c;
    } while (frame.back() != '\n');
    EXPECT_EQ(frame[0], kStx);
    return frame.substr(2, frame.size() - 7);
  }
  // Everything of one session, each frame acknowledged.
  static std::string TakeSession(Reader& reader) {
    TakeEnq(reader);
    reader.Write(kAck);
    std::string text;
    for (std::string frame; !(frame = TakeFrame(reader)).empty(); reader.Write(kAck)) text += frame;
    return text;
  }
  std::vector<Struct> Events(const std::string& event) const { return EventsOf(log_, event); }

  const std::string link_ = folder_ / "reader-1", log_ = folder_ / "reader-1.log";
  const int stop_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  InstrumentOptions options_;
  AnalyserOptions analyser_;
  std::thread thread_;
  std::atomic<bool> done_{false};
  absl::Status status_;
};

TEST_F(AnalyserTest, WhatIsAcknowledgedIsWhatTheLogSays) {
  Start(5, 20);
  Reader reader(link_);
  for (int n = 1; n <= 5; ++n) EXPECT_EQ(TakeSession(reader), MessageNumber(n, 20).text);
  Join();
  const std::vector<Struct> acknowledged = Events("acknowledged");
  ASSERT_EQ(acknowledged.size(), 5u);
  for (int n = 1; n <= 5; ++n) {
    const Struct& line = acknowledged[n - 1];
    EXPECT_EQ(Number(line, "sequence"), static_cast<std::uint64_t>(n));
    EXPECT_EQ(Text(line, "sample"), absl::StrCat("S-", n));
    EXPECT_EQ(Number(line, "size"), MessageNumber(n, 20).text.size());
    EXPECT_EQ(Text(line, "content_sha256"), absl::BytesToHexString(Sha256::Of(MessageNumber(n, 20).text)));
    EXPECT_EQ(Number(line, "attempt"), 1u);
  }
  EXPECT_EQ(Events("sending").size(), 5u);
  EXPECT_EQ(Events("frame").size(), 5 * Number(Events("sending")[0], "frames"));
  EXPECT_GT(Number(Events("sending")[0], "frames"), 4u);
}

TEST_F(AnalyserTest, AReaderThatComesBackGetsTheWholeMessageAgain) {
  Start(2, 20, absl::Milliseconds(500));
  {
    Reader reader(link_);
    TakeEnq(reader);
    reader.Write(kAck);
    for (int i = 0; i < 3; ++i) {
      TakeFrame(reader);
      reader.Write(kAck);
    }
    TakeFrame(reader);
  }  // the fourth frame was read, but not acknowledged
  ASSERT_TRUE(Eventually([&] { return !Events("broken off").empty(); }));
  Reader reader(link_);
  EXPECT_EQ(TakeSession(reader), MessageNumber(1, 20).text);
  EXPECT_EQ(TakeSession(reader), MessageNumber(2, 20).text);
  Join();
  EXPECT_EQ(Number(Events("broken off")[0], "frame"), 4u);
  const std::vector<Struct> sending = Events("sending"), acknowledged = Events("acknowledged");
  ASSERT_EQ(sending.size(), 3u);
  ASSERT_EQ(acknowledged.size(), 2u);
  EXPECT_EQ(Number(acknowledged[0], "attempt"), 2u);
  EXPECT_EQ(Text(sending[0], "content_sha256"), Text(acknowledged[0], "content_sha256"));
}

TEST_F(AnalyserTest, AnAcknowledgementGivenJustBeforeTheLineWasClosedCounts) {
  Start(1, 1);
  {
    Reader reader(link_);
    TakeEnq(reader);
    reader.Write(kAck);
    TakeFrame(reader);
    reader.Write(kAck);
  }
  Join();
  EXPECT_EQ(Events("acknowledged").size(), 1u);
}

TEST_F(AnalyserTest, GoesOnAskingWhileNobodyHasTheLineOpen) {
  Start(1, 1, absl::Milliseconds(100));
  ASSERT_TRUE(Eventually([&] { return Events("unanswered").size() >= 2; }));
  EXPECT_THAT(Events("sending"), IsEmpty()) << "nothing was sent: nobody said that it may";
  Reader reader(link_);
  EXPECT_EQ(TakeSession(reader), MessageNumber(1, 1).text);
  Join();
}

TEST_F(AnalyserTest, AFrameThatWasRefusedIsSentAgainAndTheMessageIsOneAttempt) {
  Start(1, 1);
  Reader reader(link_);
  TakeEnq(reader);
  reader.Write(kAck);
  const std::string frame = TakeFrame(reader);
  reader.Write(kNak);
  EXPECT_EQ(TakeFrame(reader), frame);
  reader.Write(kAck);
  EXPECT_EQ(TakeFrame(reader), "");
  Join();
  EXPECT_EQ(Events("sending").size(), 1u);
  EXPECT_EQ(Events("acknowledged").size(), 1u);
}

TEST_F(AnalyserTest, AMessageWhoseAcknowledgementWasLostIsSentAgain) {
  analyser_.lose_ack_every = 2;
  Start(2, 1, absl::Milliseconds(500));
  Reader reader(link_);
  for (const int n : {1, 2, 2}) EXPECT_EQ(TakeSession(reader), MessageNumber(n, 1).text);
  Join();
  EXPECT_EQ(Events("acknowledgement lost").size(), 1u);
  EXPECT_EQ(Events("sending").size(), 3u);
  ASSERT_EQ(Events("acknowledged").size(), 2u);
  EXPECT_EQ(Number(Events("acknowledged")[1], "attempt"), 2u);
}

TEST_F(AnalyserTest, TheWaitForAnAnswerBeginsWhenTheFrameHasLeftTheLine) {
  // A frame of some 300 characters takes a second at 3000 baud, and an answer is waited for half of that.
  analyser_.sender.frame_text = 1000;
  Start(1, 5, absl::Milliseconds(500), 3000);
  Reader reader(link_);
  EXPECT_EQ(TakeSession(reader), MessageNumber(1, 5).text);
  Join();
  EXPECT_THAT(Events("broken off"), IsEmpty());
}

TEST_F(AnalyserTest, MeasuresNoMoreThanItCanKeep) {
  Start(0, 1);
  Reader reader(link_);
  TakeEnq(reader);
  reader.Write(kNak);
  Stop();
  Join();
  ASSERT_EQ(Events("stopped").size(), 1u);
  EXPECT_EQ(Number(Events("stopped")[0], "waiting"), kMostWaitingMessages);
  EXPECT_THAT(Events("acknowledged"), IsEmpty());
}

}  // namespace
}  // namespace dims
