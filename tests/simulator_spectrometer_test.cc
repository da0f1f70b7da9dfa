// A simulated spectrometer on its pseudo-terminal, in real time: the test is the computer at the other end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/spectrometer.h"
#include "simulator/verify.h"
#include "spdlog/spdlog.h"
#include "tests/simulator_reader.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using google::protobuf::Struct;
using testing::SizeIs;

const std::string kAck = "\x06", kNak = "\x15", kStx = "\x02";

std::string Command(const std::string& letter, int word) {
  return absl::StrCat(letter, std::string{static_cast<char>(word >> 8), static_cast<char>(word & 0xFF)});
}

class SpectrometerTest : public ScratchTest {
 protected:
  SpectrometerTest() { spdlog::set_level(spdlog::level::err); }
  ~SpectrometerTest() override {
    eventfd_write(stop_, 1);
    if (thread_.joinable()) thread_.join();
    close(stop_);
  }

  void Start(std::uint64_t count, const SpectrometerOptions& spectrometer) {
    options_ = {.name = "flame-1", .paced = false, .count = count};
    spectrometer_ = spectrometer;
    auto line = PtyLine::Open(link_, 9600, stop_);
    auto journal = Journal::Open(log_);
    ASSERT_TRUE(line.ok()) << line.status();
    ASSERT_TRUE(journal.ok()) << journal.status();
    thread_ = std::thread([this, line = *std::move(line), journal = *std::move(journal)]() mutable {
      EXPECT_TRUE(RunSpectrometer(options_, spectrometer_, *line, *journal).ok());
      line.reset();
      done_ = true;
    });
  }
  std::vector<Struct> Events(const std::string& event) const { return EventsOf(log_, event); }

  const std::string link_ = folder_ / "flame-1", log_ = folder_ / "flame-1.log";
  const int stop_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  InstrumentOptions options_;
  SpectrometerOptions spectrometer_;
  std::thread thread_;
  std::atomic<bool> done_{false};
};

TEST_F(SpectrometerTest, ItsLedgerHasAllThatWasSaidOfEachSpectrum) {
  Start(2, {.pixels = 16, .coefficients = {"340.25", "0.5", "0", "0"}, .spoil_every = 2});
  Reader reader(link_);
  const auto ask = [&](const std::string& command, std::size_t size) {
    reader.Write(command);
    return reader.Read(size);
  };
  const std::size_t frame = 7 * 2 + 16 * 2 + 2 + 2;
  EXPECT_EQ(ask("bB", 1), kAck);
  EXPECT_EQ(ask(Command("I", 1), 1), kAck);
  EXPECT_EQ(ask(Command("I", 0), 1), kNak);
  EXPECT_EQ(ask(Command("k", 1), 1), kAck);
  EXPECT_EQ(ask("!", 1), kNak);
  EXPECT_EQ(ask(Command("?x", 1), 8), kAck + "340.25\r");
  EXPECT_EQ(ask(Command("?x", 5), 1), kNak);
  EXPECT_EQ(ask(Command("O", 1), 1), kNak) << "there is none to send again";
  const std::string first = ask("S", 1 + frame);
  EXPECT_EQ(first.substr(0, 5), kStx + std::string("\xFF\xFF\0\0", 4));
  EXPECT_EQ(first.substr(frame - 3, 2), "\xFF\xFD");
  const std::string spoiled = ask("S", 1 + frame), again = ask(Command("O", 1), 2 + frame);
  EXPECT_EQ(spoiled.substr(frame - 3, 2), "\xFF\xBD");
  EXPECT_EQ(again.substr(frame - 2, 2), "\xFF\xFD");
  EXPECT_NE(again.substr(2), first.substr(1)) << "each is different";
  reader.Write("bB");
  ASSERT_TRUE(Eventually([&] { return done_.load(); }));
  const std::vector<Struct> sent = Events("sent");
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(Text(sent[0], "sha256"), absl::BytesToHexString(Sha256::Of(first.substr(1))));
  EXPECT_EQ(Text(sent[1], "sha256"), absl::BytesToHexString(Sha256::Of(spoiled.substr(1) + again)));
  EXPECT_EQ(Number(sent[1], "size"), 2 * frame + 2);
  EXPECT_EQ(Number(sent[1], "discarded"), 0u);
  EXPECT_EQ(Number(Events("spectrum")[1], "spoiled"), 1u);
  const auto verdict = Verify({log_}, {ScratchFile("export.jsonl", "")});
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_EQ(verdict->sent, 2u);
}

TEST_F(SpectrometerTest, WhatNobodyHearsIsDiscarded) {
  Start(0, {.pixels = 16});
  {
    Reader reader(link_);
    reader.Write(Command("I", 200) + "S");
    EXPECT_EQ(reader.Read(1), kAck);
  }
  ASSERT_TRUE(Eventually([&] { return Events("spectrum").size() == 1; }));
  Reader reader(link_);
  reader.Write("bB");
  ASSERT_TRUE(Eventually([&] { return Events("sent").size() == 1; }));
  const bool heard = reader.Read(1) == kStx;  // it was measured after the line was open again
  EXPECT_EQ(Number(Events("sent")[0], "discarded"), heard ? 0 : Number(Events("sent")[0], "size"));
}

}  // namespace
}  // namespace dims
