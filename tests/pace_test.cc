// The arithmetic of the uplink, on a clock that only these tests move.
#include "firmware-bridge/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr absl::Duration kLate = absl::Hours(1);

TEST(Route, WaitsTwiceAsLongAfterEachFailureUpToHalfAMinute) {
  Route route(1);
  EXPECT_LT(route.Next().at, absl::ZeroDuration()) << "the first attempt waits for nothing";
  absl::Duration now, expected = Route::kFirstWait;
  for (int failure = 0; failure < 1000; ++failure) {
    route.Failed(0, now, 0.0);
    EXPECT_EQ(route.Next().at - now, expected) << failure;
    now = route.Next().at;
    expected = std::min(expected * 2, absl::Seconds(30));
  }
  EXPECT_EQ(expected, absl::Seconds(30));
}

TEST(Route, TakesUpToAHalfOffAtRandomAndNeverMore) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> fraction(0, 1);
  absl::Duration shortest = absl::InfiniteDuration(), longest;
  Route route(1);
  for (int i = 0; i < 20; ++i) route.Failed(0, absl::ZeroDuration(), 0);
  for (int i = 0; i < 10'000; ++i) {
    route.Failed(0, absl::ZeroDuration(), fraction(random));
    shortest = std::min(shortest, route.Next().at);
    longest = std::max(longest, route.Next().at);
  }
  EXPECT_GE(shortest, absl::Seconds(15));
  EXPECT_LT(shortest, absl::Seconds(15.1));
  EXPECT_LE(longest, absl::Seconds(30));
  EXPECT_GT(longest, absl::Seconds(29.9));
}

TEST(Route, TriesTheNextAddressAtOnceAndEachInTurn) {
  Route route(3);
  absl::Duration now = kLate;
  for (std::size_t expected : {0, 1, 2}) {
    EXPECT_EQ(route.Next().address, expected);
    EXPECT_LE(route.Next().at, now);
    route.Failed(expected, now, 0);
  }
  EXPECT_EQ(route.Next().address, 0u);
  EXPECT_EQ(route.Next().at, now + absl::Milliseconds(200)) << "all have failed";
}

TEST(Route, StaysWithTheAddressThatAnsweredUntilItFails) {
  Route route(2);
  route.Failed(0, kLate, 0);
  route.Answered(1);
  EXPECT_EQ(route.Next().address, 1u) << "the certificate was renewed: the same again";
  route.Failed(1, kLate + absl::Hours(1), 0);
  EXPECT_EQ(route.Next().address, 0u);
}

TEST(Route, AnUrgentRecordEndsEveryLongWait) {
  Route route(2);
  for (int i = 0; i < 20; ++i) {
    route.Failed(0, kLate, 0);
    route.Failed(1, kLate, 0);
  }
  route.Hold(kLate + absl::Minutes(1));
  ASSERT_EQ(route.Next().at, kLate + absl::Minutes(1));
  route.Hurry(kLate);
  EXPECT_EQ(route.Next().at, kLate + absl::Milliseconds(200));
  route.Failed(0, kLate, 0);
  EXPECT_EQ(route.Next().at, kLate + absl::Milliseconds(200)) << "it starts again with the shortest wait";
}

TEST(Route, ALaneThatGotThroughShowsTheWayButEndsNoTruce) {
  Route route(2);
  for (int i = 0; i < 20; ++i) {
    route.Failed(0, kLate, 0);
    route.Failed(1, kLate, 0);
  }
  route.HurryTo(1, kLate + absl::Seconds(1));
  EXPECT_EQ(route.Next().address, 1u);
  EXPECT_EQ(route.Next().at, kLate + absl::Seconds(1));
  route.Hold(kLate + absl::Minutes(1));
  route.HurryTo(1, kLate + absl::Seconds(2));
  EXPECT_EQ(route.Next().at, kLate + absl::Minutes(1));
}

// A link that carries so many bytes a second with so much latency, at whose end everything is settled at once.
class Link {
 public:
  Link(double rate, absl::Duration latency) : rate_(rate), latency_(latency) {}

  // Sends records of `size` as fast as the window allows; returns the bytes settled.
  uint64_t Run(BulkWindow& window, absl::Duration time, uint64_t size = 500) {
    uint64_t settled = 0;
    for (const absl::Duration until = now_ + time; now_ < until;) {
      for (BulkWindow::Room room = window.Next(); room.records > 0; room = window.Next()) {
        uint64_t bytes = 0;
        for (std::size_t i = 0; i < room.records && (bytes == 0 || bytes + size <= room.bytes); ++i, bytes += size) {
          window.Sent(++number_, size, now_);
        }
        free_at_ = std::max(free_at_, now_) + absl::Seconds(static_cast<double>(bytes) / rate_);
        answers_.push_back({free_at_ + latency_, number_, bytes});
        longest_queue_ = std::max(longest_queue_, free_at_ - now_);
        most_under_way_ = std::max(most_under_way_, window.bytes());
      }
      now_ = answers_.front().at;
      settled += answers_.front().bytes;
      EXPECT_TRUE(window.Settled(answers_.front().number, now_));
      answers_.pop_front();
    }
    return settled;
  }
  void Drain(BulkWindow& window) {
    for (const Answer& answer : answers_) window.Settled(answer.number, now_ = answer.at);
    answers_.clear();
  }
  // The longest that something else would have had to wait for the link, since the last call.
  absl::Duration LongestQueue() { return std::exchange(longest_queue_, absl::ZeroDuration()); }
  uint64_t most_under_way() const { return most_under_way_; }
  void SetRate(double rate) { rate_ = rate; }

 private:
  struct Answer {
    absl::Duration at;
    uint64_t number, bytes;
  };
  double rate_;
  absl::Duration latency_, now_ = kLate, free_at_, longest_queue_;
  std::deque<Answer> answers_;
  uint64_t number_ = 0, most_under_way_ = 0;
};

BulkWindow Wide() { return BulkWindow(4096, 8 << 20); }

TEST(BulkWindow, ASlowLinkIsNeverBusyForMuchMoreThanHalfASecondAndNeverIdle) {
  for (const double rate : {64e3, 125e3, 500e3}) {
    for (const absl::Duration latency : {absl::Milliseconds(1), absl::Milliseconds(30), absl::Milliseconds(300)}) {
      BulkWindow window = Wide();
      Link link(rate, latency);
      link.Run(window, absl::Seconds(10));
      const absl::Duration at_first = link.LongestQueue();
      const uint64_t settled = link.Run(window, absl::Seconds(60));
      const std::string which = absl::StrCat(rate, " bytes/s, ", absl::FormatDuration(latency));
      EXPECT_LE(at_first, absl::Milliseconds(750)) << which;
      EXPECT_LE(link.LongestQueue(), absl::Milliseconds(750)) << which;
      EXPECT_GE(static_cast<double>(settled), 0.98 * 60 * rate) << which;
    }
  }
}

TEST(BulkWindow, AVerySlowLinkCarriesTheLeastWindow) {
  BulkWindow window = Wide();
  Link link(8e3, absl::Milliseconds(100));
  link.Run(window, absl::Minutes(2));
  EXPECT_LE(link.most_under_way(), BulkWindow::kLeastBytes);
}

TEST(BulkWindow, LatencyAloneDoesNotThrottleALink) {
  for (const absl::Duration latency : {absl::Milliseconds(20), absl::Milliseconds(200), absl::Milliseconds(700)}) {
    BulkWindow window = Wide();
    Link link(12.5e6, latency);  // 100 Mbit/s
    link.Run(window, absl::Seconds(20));
    EXPECT_EQ(window.window(), BulkWindow::kMostBytes) << absl::FormatDuration(latency);
    const double rate = static_cast<double>(link.Run(window, absl::Seconds(20))) / 20;
    // Half a second of what a window of 256 KiB settles would be less than 256 KiB from half a second on.
    EXPECT_GE(rate, 0.85 * std::min(12.5e6, 1048576 / absl::ToDoubleSeconds(latency))) << absl::FormatDuration(latency);
  }
}

TEST(BulkWindow, ALongRoundTripDoesNotCloseIt) {
  for (const absl::Duration latency : {absl::Seconds(1.5), absl::Seconds(2.4), absl::Seconds(4), absl::Seconds(8)}) {
    BulkWindow window = Wide();
    Link link(125e3, latency);            // 1 Mbit/s
    link.Run(window, absl::Minutes(10));  // it opens by half a second of the rate in each round trip
    const double rate = static_cast<double>(link.Run(window, absl::Minutes(2))) / 120;
    EXPECT_GE(rate, std::min(0.85 * 125e3, 6 * BulkWindow::kLeastBytes / absl::ToDoubleSeconds(latency)))
        << absl::FormatDuration(latency);
  }
}

TEST(BulkWindow, AFastLinkIsAtItsFullWidthAfterTwoMegabytes) {
  BulkWindow window = Wide();
  Link link(50e6, absl::Microseconds(500));
  EXPECT_LE(link.Run(window, absl::Milliseconds(40)), 2'100'000u);
  EXPECT_EQ(window.window(), BulkWindow::kMostBytes);
}

TEST(BulkWindow, ALinkThatBecomesSlowIsNotFloodedFromThenOn) {
  BulkWindow window = Wide();
  Link link(12.5e6, absl::Milliseconds(10));
  link.Run(window, absl::Seconds(5));
  link.SetRate(125e3);
  link.Run(window, absl::Seconds(20));
  link.LongestQueue();
  link.Run(window, absl::Seconds(60));
  EXPECT_LE(link.LongestQueue(), absl::Milliseconds(750));
  link.SetRate(12.5e6);
  link.Run(window, absl::Seconds(20));
  EXPECT_EQ(window.window(), BulkWindow::kMostBytes) << "and it opens again";
}

TEST(BulkWindow, WhatComesSlowlySaysNothingOfTheLink) {
  BulkWindow window = Wide();
  Link link(12.5e6, absl::Milliseconds(10));
  link.Run(window, absl::Seconds(5));
  absl::Duration now = kLate + absl::Hours(1);
  for (uint64_t number = 10'000'000; number < 10'000'500; ++number, now += absl::Seconds(1)) {
    window.RanDry();
    window.Sent(number, 500, now);
    window.Settled(number, now + absl::Milliseconds(10));
  }
  EXPECT_EQ(window.window(), BulkWindow::kMostBytes);
}

TEST(BulkWindow, KeepsTheRegistrysBoundsAndItsOwn) {
  std::mt19937 random(3);
  for (const auto& [records, bytes] : {std::pair<uint64_t, uint64_t>{1, 1}, {7, 3000}, {4096, 8 << 20}, {0, 0}}) {
    BulkWindow window(records, bytes);
    absl::Duration now = kLate;
    uint64_t sent = 0, settled = 0;
    for (int i = 0; i < 5000; ++i, now += absl::Milliseconds(random() % 50)) {
      const BulkWindow::Room room = window.Next();
      EXPECT_TRUE(room.records > 0 || !window.empty()) << "one record is always taken";
      uint64_t taken = 0;
      for (std::size_t k = 0; k < room.records; ++k) {
        const uint64_t size = 1 + random() % 2000;
        if (k > 0 && taken + size > room.bytes) break;
        window.Sent(++sent, size, now);
        taken += size;
      }
      ASSERT_LE(window.records(), std::max<uint64_t>(1, records));
      ASSERT_LE(window.records(), sent - settled);
      if (window.records() > 1) {
        ASSERT_LE(window.bytes(), std::min<uint64_t>(bytes, BulkWindow::kMostBytes) + 2000);
      }
      if (sent > settled && random() % 2 == 0) {
        settled += 1 + random() % (sent - settled);
        EXPECT_TRUE(window.Settled(settled, now));
        EXPECT_FALSE(window.Settled(settled, now)) << "the same again is no news";
      }
      ASSERT_EQ(window.records(), sent - settled);
    }
  }
}

TEST(BulkWindow, MessagesGrowWithTheWindow) {
  BulkWindow window = Wide();
  EXPECT_EQ(window.Next().bytes, BulkWindow::kLeastBytes / 4);
  Link link(50e6, absl::Microseconds(500));
  link.Run(window, absl::Seconds(1));
  link.Drain(window);
  EXPECT_EQ(window.Next().bytes, BulkWindow::kMostInMessage);
  EXPECT_EQ(window.Next().records, BulkWindow::kMostRecordsInMessage);
}

TEST(BulkWindow, HasPatienceWithALargeRecordOnASlowLink) {
  BulkWindow window = Wide();
  window.Sent(1, 16 << 20, kLate);
  EXPECT_GE(window.Patience(), absl::Minutes(30)) << "a link of 8 KiB/s needs that long";
  BulkWindow fast = Wide();
  Link link(50e6, absl::Microseconds(500));
  link.Run(fast, absl::Seconds(1));
  EXPECT_LE(fast.Patience(), absl::Seconds(1));
}

TEST(DrainLimit, IsExactInTheLongRunWhateverTheRecords) {
  std::mt19937 random(5);
  DrainLimit limit(100'000);
  EXPECT_EQ(limit.MostBytes(), 25'000u);
  absl::Duration now = kLate;
  uint64_t sent = 0;
  while (now < kLate + absl::Minutes(10)) {
    const uint64_t bytes = 1 + random() % (random() % 20 == 0 ? 500'000 : 25'000);
    limit.Sent(bytes, now);
    sent += bytes;
    EXPECT_GT(limit.ReadyAt(), now);
    now = limit.ReadyAt();
  }
  EXPECT_NEAR(static_cast<double>(sent), 100'000 * absl::ToDoubleSeconds(now - kLate), 1);
}

TEST(DrainLimit, ZeroIsNone) {
  DrainLimit none(0);
  none.Sent(uint64_t{1} << 40, kLate);
  EXPECT_LT(none.ReadyAt(), kLate);
}

TEST(DrainLimit, WhatWasNotUsedIsNotSavedUp) {
  DrainLimit limit(1000);
  limit.Sent(1000, kLate);
  limit.Sent(1000, kLate + absl::Hours(1));
  EXPECT_EQ(limit.ReadyAt(), kLate + absl::Hours(1) + absl::Seconds(1));
}

TEST(Repeats, TheSameLineIsNewsAgainAfterTenMinutes) {
  Repeats repeats;
  EXPECT_TRUE(repeats.IsNews("refused", kLate));
  EXPECT_TRUE(repeats.IsNews("hung", kLate));
  EXPECT_FALSE(repeats.IsNews("refused", kLate + absl::Minutes(10)));
  EXPECT_TRUE(repeats.IsNews("refused", kLate + absl::Minutes(11)));
}

}  // namespace
}  // namespace dims
