#include "firmware-bridge/activity.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/receive_buffer.h"

namespace dims {
namespace {

using Kind = Happening::Kind;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

Arrival Bytes(std::string bytes) { return {Arrival::Kind::kBytes, {kStart, {}}, std::move(bytes), {}, 0}; }
Arrival Line(Arrival::Kind kind, absl::Time at = kStart) { return {kind, {at, {}}, "", {}, 0}; }

// "gcms-1 received abc", until there is no more.
std::vector<std::string> Heard(Activity::Listener& listener) {
  static constexpr absl::string_view kWords[] = {"opened", "closed",  "received", "sent",
                                                 "lost",   "changed", "not shown"};
  std::vector<std::string> heard;
  while (const auto next = listener.Next(absl::ZeroDuration())) {
    heard.push_back(absl::StrCat(next->instrument, " ", kWords[static_cast<int>(next->kind)], " ", next->bytes,
                                 next->size > 0 ? absl::StrCat(next->size) : ""));
  }
  return heard;
}
using Words = std::vector<std::string>;

TEST(Activity, TellsEveryListenerWhatHappensInOrder) {
  Activity activity;
  Activity::Listener one(activity, "", true), other(activity, "", true);
  activity.Arrived("gcms-1", Line(Arrival::Kind::kOpened));
  activity.Arrived("gcms-1", Bytes("abc"));
  activity.Sent("gcms-1", kStart, "\x06");
  activity.Changed(kStart);
  activity.Arrived("gcms-1", {Arrival::Kind::kLost, {kStart, {}}, "", {}, 12});
  activity.Arrived("gcms-1", Line(Arrival::Kind::kClosed));
  const Words expected = {"gcms-1 opened ", "gcms-1 received abc", "gcms-1 sent \x06",
                          " changed ",      "gcms-1 lost 12",      "gcms-1 closed "};
  EXPECT_EQ(Heard(one), expected);
  EXPECT_EQ(Heard(other), expected);
}

TEST(Activity, TellsOnlyWhatAListenerAskedFor) {
  Activity activity;
  Activity::Listener without_bytes(activity, "", false), of_one(activity, "gcms-2", true);
  for (const char* name : {"gcms-1", "gcms-2"}) {
    activity.Arrived(name, Line(Arrival::Kind::kOpened));
    activity.Arrived(name, Bytes("x"));
  }
  activity.Changed(kStart);
  EXPECT_EQ(Heard(without_bytes), (Words{"gcms-1 opened ", "gcms-2 opened ", " changed "}));
  EXPECT_EQ(Heard(of_one), (Words{"gcms-2 opened ", "gcms-2 received x", " changed "}));
}

TEST(Activity, TellsNothingFromBeforeAListenerBegan) {
  Activity activity;
  activity.Arrived("gcms-1", Bytes("before"));
  Activity::Listener listener(activity, "", true);
  activity.Arrived("gcms-1", Bytes("after"));
  EXPECT_EQ(Heard(listener), Words{"gcms-1 received after"});
}

TEST(Activity, CountsWhatASlowListenerHasNoRoomForWhereItWouldHaveStood) {
  Activity activity;
  Activity::Listener slow(activity, "", true), quick(activity, "", true);
  const int more = 37, all = static_cast<int>(Activity::kMostHappenings) + more;
  for (int i = 0; i < all; ++i) {
    activity.Arrived("gcms-1", Bytes("x"));
    EXPECT_EQ(Heard(quick), Words{"gcms-1 received x"}) << "one listener holds up another";
  }
  Words heard = Heard(slow);
  ASSERT_EQ(heard.size(), Activity::kMostHappenings + 1);
  EXPECT_EQ(heard.back(), " not shown 37");
  activity.Arrived("gcms-1", Bytes("y"));
  EXPECT_EQ(Heard(slow), Words{"gcms-1 received y"}) << "there is room again";
}

TEST(Activity, KeepsNoMoreBytesThanItMay) {
  Activity activity;
  Activity::Listener slow(activity, "", true);
  const std::size_t each = 4096;
  for (std::size_t bytes = 0; bytes < 3 * Activity::kMostBytes; bytes += each) {
    activity.Arrived("gcms-1", Bytes(std::string(each, 'x')));
  }
  std::size_t kept = 0;
  uint64_t not_shown = 0;
  while (const auto next = slow.Next(absl::ZeroDuration())) {
    kept += next->bytes.size();
    not_shown += next->kind == Kind::kNotShown ? next->size : 0;
  }
  EXPECT_EQ(kept, Activity::kMostBytes);
  EXPECT_EQ(kept + not_shown * each, 3 * Activity::kMostBytes) << "every happening is shown or counted";
}

TEST(Activity, NeverForgetsThatTheStoreChangedEvenWhereThereIsNoRoom) {
  Activity activity;
  Activity::Listener slow(activity, "", true);
  for (std::size_t i = 0; i < Activity::kMostHappenings; ++i) activity.Arrived("gcms-1", Bytes("x"));
  activity.Changed(kStart);
  EXPECT_EQ(Heard(slow).back(), " not shown ") << "nothing is missing, but there is something to look for";
  for (int i = 0; i < 1000; ++i) activity.Changed(kStart);
  EXPECT_EQ(Heard(slow), Words{" changed "}) << "to look once is enough";
}

TEST(Activity, RemembersHowALineStands) {
  Activity activity;
  EXPECT_FALSE(activity.LineOf("gcms-1").open);
  EXPECT_EQ(activity.LineOf("gcms-1").since, absl::InfinitePast());
  activity.Arrived("gcms-1", Line(Arrival::Kind::kOpened, kStart + absl::Seconds(1)));
  activity.Arrived("gcms-1", Bytes("x"));
  EXPECT_TRUE(activity.LineOf("gcms-1").open);
  EXPECT_EQ(activity.LineOf("gcms-1").since, kStart + absl::Seconds(1));
  EXPECT_EQ(activity.LineOf("gcms-1").last_arrival, kStart);
  activity.Arrived("gcms-1", Line(Arrival::Kind::kClosed, kStart + absl::Seconds(2)));
  EXPECT_FALSE(activity.LineOf("gcms-1").open);
  EXPECT_EQ(activity.LineOf("gcms-1").since, kStart + absl::Seconds(2));
}

TEST(Activity, ServesThreadsThatTellWhileListenersComeAndGo) {
  Activity activity;
  constexpr int kEach = 500;
  std::vector<std::thread> tellers;
  for (const char* name : {"gcms-1", "gcms-2"}) {
    tellers.emplace_back([&activity, name] {
      for (int i = 0; i < kEach; ++i) activity.Arrived(name, Bytes("x"));
    });
  }
  Activity::Listener lasting(activity, "", false);
  for (int i = 0; i < 50; ++i) Activity::Listener(activity, "", true).Next(absl::ZeroDuration());
  for (std::thread& teller : tellers) teller.join();
  activity.Changed(kStart);
  EXPECT_EQ(Heard(lasting), Words{" changed "});
}

TEST(Activity, HearsFromAReceiveBufferWhatIsPutThereAndWhatFindsNoRoom) {
  Activity activity;
  Activity::Listener listener(activity, "", true);
  ReceiveBuffer buffer(4, [&](const Arrival& arrival) { activity.Arrived("gcms-1", arrival); });
  buffer.Put(Line(Arrival::Kind::kOpened));
  buffer.Put(Bytes("abc"));
  buffer.Put(Bytes("de"));
  EXPECT_EQ(Heard(listener), (Words{"gcms-1 opened ", "gcms-1 received abc", "gcms-1 lost 2"}));
}

}  // namespace
}  // namespace dims
