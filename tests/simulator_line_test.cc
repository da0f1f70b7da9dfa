// A simulated instrument on its pseudo-terminal: the test is the reader at the other end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/instrument.h"
#include "simulator/journal.h"
#include "simulator/line.h"
#include "spdlog/spdlog.h"
#include "tests/simulator_reader.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using google::protobuf::Struct;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Report number n: a text of its own, about `lines` lines of 60 bytes.
Printout TextNumber(std::uint64_t n, int lines) {
  Original original{.file = "x.txt", .text = "  Report\n  Sample    : OLD\n"};
  for (int i = 0; i < lines; ++i)
    absl::StrAppend(&original.text, "  row ", i, std::string(48, 'a' + (n + i) % 26), "\n");
  return *Print(original, n, {.rename_sample = "S"});
}

class Bench : public ScratchTest {
 protected:
  Bench() { spdlog::set_level(spdlog::level::err); }
  ~Bench() override {
    Stop();
    if (thread_.joinable()) thread_.join();
    close(stop_);
  }

  void Start(const InstrumentOptions& options, int lines = 40) {
    options_ = options;
    auto line = PtyLine::Open(link_, options_.baud, stop_);
    auto journal = Journal::Open(log_);
    ASSERT_TRUE(line.ok()) << line.status();
    ASSERT_TRUE(journal.ok()) << journal.status();
    thread_ = std::thread([this, lines, line = *std::move(line), journal = *std::move(journal)]() mutable {
      status_ = RunInstrument(
          options_, [&](std::uint64_t n) { return TextNumber(n, lines); }, *line, *journal);
      line.reset();
      done_ = true;
    });
  }
  void Stop() { eventfd_write(stop_, 1); }
  void Join() {
    ASSERT_TRUE(Eventually([&] { return done_.load(); })) << "the instrument does not end";
    thread_.join();
    EXPECT_TRUE(status_.ok()) << status_;
  }

  std::vector<Struct> Events(const std::string& event) const { return EventsOf(log_, event); }
  bool EventuallyEvents(const std::string& event, std::size_t count) const {
    return Eventually([&] { return Events(event).size() >= count; });
  }
  std::uint64_t Sum(const std::string& event, const std::string& name) const {
    std::uint64_t sum = 0;
    for (const Struct& object : Events(event)) sum += Number(object, name);
    return sum;
  }
  // Bytes of reports that have left the instrument, and those of them that went nowhere.
  std::uint64_t Said() const { return Sum("sent", "size") + Sum("stopped", "said"); }
  std::uint64_t Discarded() const {
    return Sum("sent", "discarded") + Sum("discarded", "size") + Sum("stopped", "discarded");
  }

  const std::string link_ = folder_ / "gcms-1", log_ = folder_ / "gcms-1.log";
  const int stop_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  InstrumentOptions options_;
  std::thread thread_;
  std::atomic<bool> done_{false};
  absl::Status status_;
};

TEST_F(Bench, WhatIsReadIsWhatTheLogSays) {
  Start({.paced = false, .count = 20, .wait_for_reader = true});
  std::string expected;
  for (int n = 1; n <= 20; ++n) expected += TextNumber(n, 40).bytes;
  Reader reader(link_);
  EXPECT_EQ(reader.Read(expected.size()), expected);
  Join();
  const std::vector<Struct> sent = Events("sent");
  ASSERT_EQ(sent.size(), 20u);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const Printout printout = TextNumber(i + 1, 40);
    const std::string report = printout.bytes.substr(printout.begin, printout.end - printout.begin);
    EXPECT_EQ(Number(sent[i], "sequence"), i + 1);
    EXPECT_EQ(sent[i].fields().at("sample").string_value(), absl::StrCat("S-00", i + 1 < 10 ? "0" : "", i + 1));
    EXPECT_EQ(Number(sent[i], "size"), report.size());
    EXPECT_EQ(sent[i].fields().at("sha256").string_value(), absl::BytesToHexString(Sha256::Of(report)));
    EXPECT_EQ(Number(sent[i], "discarded"), 0u);
  }
  EXPECT_EQ(Events("sending").size(), 20u);
  EXPECT_FALSE(std::filesystem::is_symlink(link_)) << "the link stays behind";
}

TEST_F(Bench, WhatIsSaidWhileNobodyListensGoesNowhere) {
  Start({.paced = false, .count = 3, .linger = true});
  ASSERT_TRUE(EventuallyEvents("sent", 3));
  for (const Struct& sent : Events("sent")) EXPECT_EQ(Number(sent, "discarded"), Number(sent, "size"));
  Reader reader(link_);
  ASSERT_TRUE(EventuallyEvents("opened", 1));
  EXPECT_EQ(reader.Waiting(), 0u);
  Stop();
  Join();
}

TEST_F(Bench, EveryByteIsReadOrCountedAsDiscarded) {
  std::mt19937 random(11);
  Start({.baud = 1000000, .count = 0});
  std::uint64_t read = 0;
  for (std::size_t round = 1; round <= 12; ++round) {
    {
      Reader reader(link_);
      ASSERT_TRUE(EventuallyEvents("opened", round));
      read += reader.Read(1 + random() % 12000).size();
      ASSERT_TRUE(Eventually([&] { return reader.Waiting() > 200; })) << "it closes with bytes unread";
    }
    // Every other time the next reader comes so fast that it finds what this one left.
    ASSERT_TRUE(round % 2 == 1 || EventuallyEvents("closed", round));
  }
  Stop();
  Join();
  EXPECT_EQ(read + Discarded(), Said());
  EXPECT_GT(Discarded(), 0u);
}

TEST_F(Bench, AStalledReaderLosesNothing) {
  Start({.paced = false, .count = 120, .wait_for_reader = true});
  Reader reader(link_);
  // The line fills up, and the instrument stands still.
  ASSERT_TRUE(Eventually([&] { return reader.Waiting() >= 4000; }));
  std::string expected;
  for (int n = 1; n <= 120; ++n) expected += TextNumber(n, 40).bytes;
  ASSERT_GT(expected.size(), 250000u) << "more than a line holds";
  const std::string head = reader.Read(10000);
  EXPECT_LT(Events("sent").size(), 120u);
  EXPECT_EQ(head + reader.Read(expected.size() - head.size()), expected);
  Join();
  EXPECT_EQ(Discarded(), 0u);
}

TEST_F(Bench, BytesLeftUnreadCountAsDiscardedAlsoAfterTheReportWasSent) {
  Start({.paced = false, .count = 2, .wait_for_reader = true, .linger = true});
  std::uint64_t size = 0;
  {
    Reader reader(link_);
    ASSERT_TRUE(EventuallyEvents("sent", 2));
    size = Sum("sent", "size");
    EXPECT_EQ(reader.Read(100).size(), 100u);
  }
  ASSERT_TRUE(EventuallyEvents("closed", 1));
  EXPECT_EQ(Events("discarded").size(), 2u);
  EXPECT_EQ(Discarded(), size - 100);
  EXPECT_EQ(Sum("closed", "left_unread"), size - 100);
  Reader next(link_);
  ASSERT_TRUE(EventuallyEvents("opened", 2));
  EXPECT_EQ(next.Waiting(), 0u) << "the next reader gets what the last one left";
  Stop();
  Join();
}

TEST_F(Bench, AReaderThatComesBackAtOnceIsSeen) {
  Start({.count = 1, .wait_for_reader = true, .linger = true});
  { Reader first(link_); }
  Reader second(link_);
  EXPECT_TRUE(EventuallyEvents("opened", 1));
  for (int i = 0; i < 20; ++i) {
    const std::size_t opened = Events("opened").size();
    { Reader brief(link_); }  // its closing is seen although `second` has the line open all the time
    EXPECT_TRUE(EventuallyEvents("opened", opened + 1));
  }
  EXPECT_EQ(Events("closed").size() + 1, Events("opened").size());
  EXPECT_EQ(second.Read(TextNumber(1, 40).bytes.size()).size(), TextNumber(1, 40).bytes.size());
  Stop();
  Join();
}

TEST_F(Bench, SaysNothingBeforeTheFirstReaderIfAsked) {
  Start({.paced = false, .count = 1, .wait_for_reader = true});
  ASSERT_TRUE(EventuallyEvents("started", 1));
  EXPECT_TRUE(Events("sending").empty());
  Reader reader(link_);
  const std::string bytes = TextNumber(1, 40).bytes;
  EXPECT_EQ(reader.Read(bytes.size()), bytes);
  Join();
  EXPECT_LE(Events("opened")[0].fields().at("t").number_value(), Events("sending")[0].fields().at("t").number_value());
}

TEST_F(Bench, EndsOnlyWhenEverythingWasTaken) {
  Start({.paced = false, .count = 1, .wait_for_reader = true});
  Reader reader(link_);
  ASSERT_TRUE(EventuallyEvents("sent", 1));
  const auto ended = [&] { return done_ || !Events("stopped").empty(); };
  const std::string bytes = TextNumber(1, 40).bytes;
  EXPECT_EQ(reader.Read(bytes.size() - 1), bytes.substr(0, bytes.size() - 1));
  EXPECT_FALSE(Eventually(ended, milliseconds(600))) << "one byte has not been taken yet";
  EXPECT_EQ(reader.Read(1), bytes.substr(bytes.size() - 1));
  Join();
  EXPECT_EQ(Events("stopped").size(), 1u);
}

TEST_F(Bench, TakesAsLongAsTheLineWouldWhetherAnybodyListensOrNot) {
  for (const bool listens : {true, false}) {
    Start({.baud = 38400, .count = 1, .wait_for_reader = listens}, 25);
    const std::size_t size = TextNumber(1, 25).bytes.size();
    {
      std::optional<Reader> reader;
      if (listens) reader.emplace(link_);
      EXPECT_EQ(reader ? reader->Read(size).size() : size, size);
      Join();
    }
    const Struct sent = Events("sent").back();
    const double took = sent.fields().at("end").number_value() - sent.fields().at("begin").number_value();
    EXPECT_GE(took, size * 10 / 38400.0 - 0.06);
    EXPECT_EQ(Number(sent, "discarded"), listens ? 0 : size);
    done_ = false;
  }
}

TEST_F(Bench, PausesInTheMiddleOfAReport) {
  Start({.paced = false, .count = 4, .pause_every = 2, .pause = absl::Milliseconds(300), .wait_for_reader = true});
  Reader reader(link_);
  for (int n = 1; n <= 4; ++n) reader.Read(TextNumber(n, 40).bytes.size());
  Join();
  const std::vector<Struct> sent = Events("sent");
  for (const int i : {1, 3}) {
    EXPECT_GE(sent[i].fields().at("end").number_value() - sent[i].fields().at("begin").number_value(), 0.299);
  }
}

TEST_F(Bench, StopsInTheMiddleAndSaysSo) {
  Start({.baud = 1200, .count = 0});
  Reader reader(link_);
  reader.Read(20);
  Stop();
  Join();
  const Struct stopped = Events("stopped").at(0);
  EXPECT_EQ(Number(stopped, "unfinished"), 1u);
  EXPECT_EQ(Events("sending").size(), 1u);
  EXPECT_TRUE(Events("sent").empty());
  EXPECT_FALSE(std::filesystem::is_symlink(link_));
}

TEST_F(Bench, StopsAlsoWhenTheReaderIsStalled) {
  Start({.paced = false, .count = 0, .wait_for_reader = true});
  Reader reader(link_);
  ASSERT_TRUE(Eventually([&] { return reader.Waiting() >= 4000; }));
  const std::uint64_t read = reader.Read(3000).size();
  Stop();
  Join();
  // What the reader can no longer have is counted, of the unfinished report and of those that were sent before.
  EXPECT_GT(Events("discarded").size(), 0u);
  EXPECT_EQ(read + Discarded(), Said());
}

TEST_F(Bench, LogsWhatTheReaderSets) {
  Start({.baud = 19200, .count = 1, .wait_for_reader = true, .linger = true});
  Reader reader(link_);
  ASSERT_TRUE(EventuallyEvents("opened", 1));
  EXPECT_EQ(Number(Events("opened")[0], "baud"), 19200u);
  EXPECT_EQ(Events("opened")[0].fields().at("flow").string_value(), "none");
  termios t{};
  ASSERT_EQ(tcgetattr(reader.fd(), &t), 0);
  cfsetspeed(&t, B2400);
  t.c_cflag |= CSTOPB | CRTSCTS;
  ASSERT_EQ(tcsetattr(reader.fd(), TCSANOW, &t), 0);
  ASSERT_TRUE(EventuallyEvents("settings", 1));
  const Struct settings = Events("settings")[0];
  EXPECT_EQ(Number(settings, "baud"), 2400u);
  EXPECT_EQ(Number(settings, "stop"), 2u);
  EXPECT_EQ(Number(settings, "bits"), 8u);
  EXPECT_EQ(settings.fields().at("parity").string_value(), "none");
  EXPECT_EQ(settings.fields().at("flow").string_value(), "rts-cts");
  Stop();
  Join();
}

TEST_F(Bench, ANewLineTakesOverTheLinkAndRemovesOnlyItsOwn) {
  std::filesystem::create_symlink("/nowhere", link_);
  auto first = PtyLine::Open(link_, 9600, -1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(std::filesystem::read_symlink(link_), (*first)->slave_path());
  auto second = PtyLine::Open(link_, 9600, -1);
  ASSERT_TRUE(second.ok()) << second.status();
  first->reset();
  EXPECT_EQ(std::filesystem::read_symlink(link_), (*second)->slave_path());
  second->reset();
  EXPECT_FALSE(std::filesystem::is_symlink(link_));

  std::ofstream(link_) << "a person's file";
  const auto refused = PtyLine::Open(link_, 9600, -1);
  EXPECT_THAT(std::string(refused.status().message()), testing::HasSubstr("exists and is no symbolic link"));
  EXPECT_TRUE(std::filesystem::is_regular_file(link_));
}

}  // namespace
}  // namespace dims
