// A simulated balance on its pseudo-terminal, in real time: the test is the reader at the other end.
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/balance.h"
#include "simulator/verify.h"
#include "spdlog/spdlog.h"
#include "tests/simulator_reader.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using google::protobuf::Struct;

class BalanceTest : public ScratchTest {
 protected:
  BalanceTest() { spdlog::set_level(spdlog::level::err); }
  ~BalanceTest() override {
    eventfd_write(stop_, 1);
    if (thread_.joinable()) thread_.join();
    close(stop_);
  }

  void Start(const BalanceOptions& balance, bool wait_for_reader) {
    options_ = {.name = "balance-1", .paced = false, .wait_for_reader = wait_for_reader};
    auto line = PtyLine::Open(link_, 9600, stop_);
    auto journal = Journal::Open(log_);
    ASSERT_TRUE(line.ok()) << line.status();
    ASSERT_TRUE(journal.ok()) << journal.status();
    thread_ = std::thread([this, balance, line = *std::move(line), journal = *std::move(journal)]() mutable {
      status_ = RunBalance(options_, balance, *line, *journal);
      line.reset();
      done_ = true;
    });
  }
  void Join() {
    ASSERT_TRUE(Eventually([&] { return done_.load(); })) << "the balance does not end";
    thread_.join();
    EXPECT_TRUE(status_.ok()) << status_;
  }

  static BalanceOptions Quick(std::uint64_t loads) {
    return {.settle = absl::Milliseconds(10),
            .hold = absl::Milliseconds(20),
            .gap = absl::Milliseconds(10),
            .count = loads};
  }
  static std::string ReadLine(Reader& reader) {
    std::string line;
    while (!absl::EndsWith(line, "\r\n")) {
      const std::string c = reader.Read(1);
      if (c.empty()) break;
      line += c;
    }
    return line;
  }
  static std::string HashOf(const std::string& line) { return absl::BytesToHexString(Sha256::Of(line)); }

  const std::string link_ = folder_ / "balance-1", log_ = folder_ / "balance-1.log";
  const int stop_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  InstrumentOptions options_;
  std::thread thread_;
  std::atomic<bool> done_{false};
  absl::Status status_;
};

TEST_F(BalanceTest, WhatIsPrintedIsWhatTheLogSaysAndCanBeVerified) {
  Start(Quick(3), true);
  std::vector<std::string> lines;
  {
    Reader reader(link_);
    EXPECT_EQ(ReadLine(reader), "I4 A \"0012345678\"\r\n");
    for (int i = 0; i < 3; ++i) lines.push_back(ReadLine(reader));
    Join();
  }
  const std::vector<Struct> sent = EventsOf(log_, "sent");
  ASSERT_EQ(sent.size(), 3u);
  std::string records;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(Number(sent[i], "sequence"), i + 1);
    EXPECT_EQ(Number(sent[i], "discarded"), 0u);
    EXPECT_EQ(Text(sent[i], "sha256"), HashOf(lines[i]));
    absl::StrAppend(&records, "{\"bridge\":\"ws-1\",\"store\":\"s\",\"number\":", i + 1,
                    ",\"report\":{\"source\":{\"instrument\":\"balance-1\"},\"rawSha256\":\"",
                    absl::Base64Escape(Sha256::Of(lines[i])), "\"}}\n");
  }
  const absl::StatusOr<Verification> verdict = Verify({log_}, {ScratchFile("records.jsonl", records)});
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->Summary(), "sent 3, stored 3, interrupted 0, repeated 0, lost 0, doubled 0");
}

TEST_F(BalanceTest, WhatItSaysToNobodyIsDiscarded) {
  Start(Quick(2), false);
  Join();
  const std::vector<Struct> sent = EventsOf(log_, "sent");
  ASSERT_EQ(sent.size(), 2u);
  for (const Struct& line : sent) EXPECT_EQ(Number(line, "discarded"), Number(line, "size"));
}

TEST_F(BalanceTest, OnRequestOnlyTheFirstStableAnswerForALoadIsInTheLog) {
  BalanceOptions options = Quick(2);
  options.protocol = BalanceProtocol::kKern;
  options.print_key = false;
  options.hold = absl::Milliseconds(500);
  Start(options, true);
  std::vector<std::string> lines;
  {
    Reader reader(link_);
    // Asked for the stable reading, it answers only when there is one; the empty pan is one, too.
    while (!done_ && lines.size() < 2) {
      reader.Write("s");
      const std::string line = ReadLine(reader);
      EXPECT_TRUE(absl::EndsWith(line, "G S\r\n")) << line;
      if (!absl::StrContains(line, " 0.0000 ") && (lines.empty() || lines.back() != line)) lines.push_back(line);
    }
    Join();
  }
  const std::vector<Struct> sent = EventsOf(log_, "sent");
  ASSERT_GE(sent.size(), 1u);
  ASSERT_EQ(sent.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(Text(sent[i], "sha256"), HashOf(lines[i]));
}

TEST(Balance, RefusesWhatItDoesNotKnowAsItsMakerDoes) {
  const std::pair<BalanceProtocol, const char*> cases[] = {{BalanceProtocol::kMtSics, "ES\r\n"},
                                                           {BalanceProtocol::kAnd, "EC,E01\r\n"}};
  for (const auto& [protocol, answer] : cases) {
    BalanceOptions options;
    options.protocol = protocol;
    Balance balance(options);
    if (protocol == BalanceProtocol::kMtSics) balance.Say();  // that it was switched on
    balance.Hear("XYZ\r\n");
    EXPECT_EQ(balance.Say()->bytes, answer);
    EXPECT_FALSE(balance.Say().has_value());
  }
}

}  // namespace
}  // namespace dims
