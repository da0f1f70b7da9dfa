// What the store does as its budget and its disk fill: what goes, what is said, what is refused, what always works.
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = IntakeEntry::Kind;

constexpr uint64_t kMiB = uint64_t{1} << 20;

class StoreBudget : public testing::Test {
 protected:
  StoreBudget() {
    options_.now = [this] { return now_; };
    options_.budget_bytes = 4 * kMiB;
  }

  void Open() {
    store_.reset();
    store_ = MustOpen(options_);
    ASSERT_NE(store_, nullptr);
  }
  // One record of so many bytes, as a session offers it.
  Batch Routine(std::size_t bytes) const {
    SessionBatch session{"gc", {}, 0, {std::string(bytes, 'r')}};
    session.deferrable = true;
    return {{session}};
  }
  Batch Urgent(std::size_t bytes) const {
    Batch batch = Routine(bytes);
    batch.sessions[0].deferrable = false;
    batch.sessions[0].urgent = {0};
    return batch;
  }
  absl::Status Offer(const Batch& batch) {
    if (absl::Status status = store_->Admits(batch.sessions[0]); !status.ok()) return status;
    return store_->Commit(batch);
  }
  double Used() {
    const StoreSummary summary = store_->Summary();
    return 100.0 * static_cast<double>(summary.used_bytes) / static_cast<double>(summary.budget_bytes);
  }
  void FillTo(double percent) {
    while (Used() < percent) ASSERT_TRUE(store_->Commit(Urgent(2000)).ok()) << Used();
  }
  std::string News() { return absl::StrJoin(store_->TakeNews(), "\n"); }

  const StoreFolder folder_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  StoreOptions options_ = OptionsFor(folder_);
  std::unique_ptr<Store> store_;
};

TEST_F(StoreBudget, WhatIsSettledGoesBeforeItsTimeFromSeventyPerCentOnTheOldestFirst) {
  Open();
  FillTo(69);
  const Generation full = store_->Current();
  const uint64_t settled = full.highest_number * 9 / 10;
  ASSERT_TRUE(store_->Settle(full.id, settled).ok());
  ASSERT_TRUE(store_->Commit(Routine(10)).ok());
  EXPECT_EQ(store_->Summary().generations[0].settled, settled) << "not yet";
  FillTo(70);
  for (uint64_t commits = 1; commits <= 3; ++commits) {
    ASSERT_TRUE(store_->Commit(Routine(450'000)).ok()) << "more than goes, so that it stays above";
    EXPECT_EQ(store_->Summary().generations[0].settled, settled - 100 * commits) << "100 rows a commit";
    EXPECT_EQ(store_->Read(full.id, 0, 1, 1)->front().number, 1 + 100 * commits) << "the oldest first";
  }
  EXPECT_EQ(ReadAll(*store_, full.id, settled)->size(), store_->Current().highest_number - settled);
  EXPECT_LT(Used(), 95);
}

TEST_F(StoreBudget, ClosedIntakeGoesBeforeItsTimeAsItCameWhateverLineItIsOf) {
  Open();
  const auto read = [&](const std::string& line, uint64_t at, uint64_t closed) {
    ASSERT_TRUE(store_->Commit({{{line, {{Kind::kIn, at, now_, std::string(4000, 'i')}}, closed, {}}}}).ok());
  };
  for (uint64_t i = 0; i < 150; ++i) {
    read("aa", i * 4000, i * 4000);
    read("zz", i * 4000, (i + 1) * 4000);
  }
  FillTo(70);
  const auto kept = [&](const std::string& line) {
    for (const auto& entry : store_->Summary().instruments) {
      if (entry.name == line) return entry.bytes_kept / 4000;
    }
    return uint64_t{0};
  };
  ASSERT_EQ(kept("aa") + kept("zz"), 300u);
  ASSERT_TRUE(store_->Commit(Routine(10)).ok());
  EXPECT_EQ(kept("aa"), 100u) << "50 of each: none has to go first because of its name";
  EXPECT_EQ(kept("zz"), 100u);
  FillTo(84);
  EXPECT_EQ(kept("aa"), 1u) << "what is open stays";
  EXPECT_EQ(kept("zz"), 0u);
  EXPECT_EQ(store_->OpenIntake("aa").size(), 1u);
}

TEST_F(StoreBudget, EachThresholdIsSaidOncePerCrossingAndShownWhileItLasts) {
  Open();
  EXPECT_EQ(News(), "");
  FillTo(84);
  EXPECT_EQ(News(), "");
  EXPECT_THAT(store_->Summary().warnings, IsEmpty());
  FillTo(86);
  EXPECT_THAT(News(), HasSubstr("85 % of its budget of 4 MiB"));
  FillTo(90);
  EXPECT_EQ(News(), "") << "said once";
  EXPECT_THAT(store_->Summary().warnings, ElementsAre(HasSubstr("85 %")));
  FillTo(96);
  EXPECT_THAT(News(), HasSubstr("95 % of its budget"));
  EXPECT_EQ(store_->Summary().warnings.size(), 2u);
  Open();
  EXPECT_THAT(News(), HasSubstr("95 %")) << "who starts it anew is told, too";
  ASSERT_TRUE(store_->Settle(store_->Current().id, store_->Current().highest_number).ok());
  for (int i = 0; i < 3; ++i) store_->Tidy(true);
  EXPECT_LT(Used(), 80);
  EXPECT_THAT(store_->Summary().warnings, IsEmpty());
  FillTo(86);
  EXPECT_THAT(News(), HasSubstr("85 %"));
}

TEST_F(StoreBudget, FromNinetyFivePerCentOnWhatCanWaitIsRefusedAndTheRestIsForUrgentRecords) {
  Open();
  FillTo(94);
  ASSERT_TRUE(Offer(Routine(100)).ok());
  FillTo(95);
  const absl::Status refused = Offer(Routine(100));
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("what room is left is for urgent results"));
  EXPECT_TRUE(Offer(Urgent(100)).ok());
  Batch cut = Routine(100);
  cut.sessions[0].deferrable = false;
  EXPECT_TRUE(Offer(cut).ok()) << "nobody can be told to keep it";
  FillTo(97);
  EXPECT_TRUE(absl::IsResourceExhausted(Offer(cut))) << "half of the reserve";
  EXPECT_TRUE(Offer(Urgent(100)).ok());
  ASSERT_TRUE(store_->Settle(store_->Current().id, 600).ok());
  EXPECT_TRUE(Offer(Routine(100)).ok()) << "what is settled makes room at once";
}

TEST_F(StoreBudget, ABatchThatWouldReachIntoTheReserveIsRefusedToo) {
  Open();
  FillTo(90);
  const Batch large = Routine(kMiB / 4);
  EXPECT_TRUE(absl::IsResourceExhausted(Offer(large)));
  EXPECT_TRUE(Offer(Routine(100)).ok());
  EXPECT_TRUE(store_->Commit(large).ok()) << "it would have found room, but only there";
}

// Whatever comes in whatever order: nothing unsettled goes, what was taken can be read, and there is a way out.
TEST_F(StoreBudget, NoMixOfWritesLosesAnythingOrStopsTheStoreForGood) {
  for (const unsigned seed : {1u, 2u, 3u, 4u}) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::filesystem::remove_all(folder_.folder());
    std::filesystem::create_directory(folder_.folder());
    Open();
    std::map<uint64_t, std::string> unsettled;
    uint64_t read = 0, closed = 0, settled = 0;
    int refused = 0, taken_urgent = 0;
    for (int step = 0; step < 2500; ++step) {
      const Generation current = store_->Current();
      const unsigned what = below(1000);
      if (what < 4 && settled < current.highest_number) {
        const uint64_t through = settled + 1 + below(static_cast<unsigned>(current.highest_number - settled));
        ASSERT_TRUE(store_->Settle(current.id, through).ok()) << "a full store settles, too";
        settled = through;
        unsettled.erase(unsettled.begin(), unsettled.upper_bound(through));
      } else if (what < 24) {
        now_ += absl::Hours(below(48));
      } else if (what < 40) {
        store_->Tidy(below(2) == 0);
      } else if (what < 45) {
        Open();
      } else {
        const bool urgent = below(4) == 0;
        const std::string payload(1 + below(urgent ? 2'000 : 30'000), static_cast<char>('a' + below(26)));
        Batch batch = urgent ? Urgent(1) : Routine(1);
        batch.sessions[0].payloads = {payload};
        const std::string bytes(below(3'000), 'i');
        batch.sessions[0].entries = {{Kind::kIn, read, now_, bytes}};
        batch.sessions[0].closed_through = read + bytes.size() - below(static_cast<unsigned>(bytes.size()) / 4 + 1);
        batch.sessions[0].closed_through = std::max(closed, batch.sessions[0].closed_through);
        const double before = Used();
        const absl::Status status = Offer(batch);
        if (!status.ok()) {
          ASSERT_TRUE(absl::IsResourceExhausted(status)) << status;
          ++refused;
          ASSERT_TRUE(!urgent || before >= 97.5) << "an urgent record of 2 kB was refused: " << status;
        } else {
          taken_urgent += urgent && before >= 95 ? 1 : 0;
          read += bytes.size();
          closed = batch.sessions[0].closed_through;
          unsettled[current.highest_number + 1] = payload;
          ASSERT_EQ(store_->Read(current.id, current.highest_number, 1, 1)->front().payload, payload);
        }
        ASSERT_EQ(store_->Position("gc").read_through, read);
      }
      ASSERT_EQ(store_->Current().highest_number - settled, unsettled.size());
    }
    EXPECT_GT(refused, 10) << "it was never full";
    EXPECT_GT(taken_urgent, 0) << "the reserve was never used";
    const auto all = ReadAll(*store_, store_->Current().id, settled);
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(all->size(), unsettled.size());
    for (const StoredRecord& record : *all) ASSERT_EQ(unsettled[record.number], record.payload);
    uint64_t open = 0;
    for (const IntakeEntry& entry : store_->OpenIntake("gc")) open += entry.bytes.size();
    EXPECT_EQ(open, read - closed) << "open intake went";
    EXPECT_LE(std::filesystem::file_size(folder_.path()), options_.budget_bytes);
    ASSERT_TRUE(store_->Settle(store_->Current().id, store_->Current().highest_number).ok());
    EXPECT_TRUE(Offer(Routine(30'000)).ok()) << "all is settled, and it takes nothing";
  }
}

TEST_F(StoreBudget, TheFileGetsSmallerAfterABacklogWhenNothingArrivesAndWhenItIsOpened) {
  options_.budget_bytes = 128 * kMiB;
  for (const bool at_open : {false, true}) {
    Open();
    (void)store_->TakeNews();
    const int64_t id = store_->Current().id;
    const uint64_t first = store_->Current().highest_number;
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(store_->Commit(BatchOf({std::string(kMiB, 'b')})).ok());
    ASSERT_TRUE(store_->Commit(NumberedBatch(1, 100)).ok());
    now_ += absl::Hours(1);
    ASSERT_TRUE(store_->Settle(id, first + 40).ok());
    now_ += absl::Hours(24 * 8);
    store_->Tidy(false);
    store_.reset();
    const uint64_t before = std::filesystem::file_size(folder_.path());
    EXPECT_GT(before, 40 * kMiB);
    Open();
    EXPECT_EQ(std::filesystem::file_size(folder_.path()), before) << "nothing is free in it yet";
    if (at_open) {
      for (int i = 0; i < 4; ++i) ASSERT_TRUE(store_->Commit(BatchOf({"prunes"})).ok());
      Open();
      ASSERT_EQ(store_->notices().size(), 1u);
      EXPECT_THAT(store_->notices()[0], HasSubstr("the file was made smaller: 4"));
    } else {
      store_->Tidy(true);
      EXPECT_THAT(News(), HasSubstr("the file was made smaller: 4"));
    }
    EXPECT_LT(std::filesystem::file_size(folder_.path()), 2 * kMiB) << "the last that is settled stays";
    EXPECT_EQ(ReadAll(*store_, id, first + 40)->front().payload, PayloadOf(1)) << "and what is in it is as it was";
    ASSERT_TRUE(store_->Commit(BatchOf({"goes on"})).ok());
    store_->Tidy(true);
    EXPECT_EQ(News(), "") << "once";
    // The budget holds as before.
    ASSERT_TRUE(store_->Settle(id, store_->Current().highest_number).ok());
  }
  options_.budget_bytes = 4 * kMiB;
  Open();
  while (store_->Commit(Urgent(10'000)).ok()) ASSERT_LE(std::filesystem::file_size(folder_.path()), 4 * kMiB);
}

uint64_t BlocksOf(const std::string& path) {
  struct stat state {};
  return stat(path.c_str(), &state) == 0 ? static_cast<uint64_t>(state.st_blocks) * 512 : 0;
}

TEST_F(StoreBudget, TheBallastIsRealAndNoMoreThanAnEighthOfTheBudget) {
  options_.ballast_bytes = 64 * kMiB;
  Open();
  EXPECT_EQ(std::filesystem::file_size(folder_.file(".ballast")), kMiB / 2);
  EXPECT_GE(BlocksOf(folder_.file(".ballast")), kMiB / 2) << "it is sparse: it holds no room";
  WriteWhole(folder_.file(".ballast"), "cut short");
  Open();
  EXPECT_EQ(std::filesystem::file_size(folder_.file(".ballast")), kMiB / 2);
  EXPECT_EQ(News(), "") << "that is no disk that was full";
}

TEST_F(StoreBudget, OnAFullDiskTheBallastLetsWhatIsSettledGoAndComesBack) {
  if (mount("tmpfs", folder_.folder().c_str(), "tmpfs", 0, "size=64m") != 0) {
    GTEST_SKIP() << "NOT TESTED: a full disk needs a small tmpfs, which only root may mount";
  }
  options_.budget_bytes = 256 * kMiB;
  options_.ballast_bytes = 16 * kMiB;
  Open();
  EXPECT_THAT(News(), HasSubstr("the disk has "));
  EXPECT_EQ(BlocksOf(folder_.file(".ballast")), 16 * kMiB);
  // Somebody else fills the disk, then the store what is left.
  WriteWhole(folder_.folder() + "/other", std::string(24 * kMiB, 'o'));
  uint64_t commits = 0;
  std::string news;
  while (!absl::StrContains(news, "THE DISK IS FULL")) {
    ASSERT_TRUE(Offer(Routine(200'000)).ok()) << "before the ballast was given";
    news = News();
    ASSERT_LT(++commits, 400u);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.file(".ballast")));
  EXPECT_TRUE(absl::IsResourceExhausted(Offer(Routine(100))));
  EXPECT_TRUE(Offer(Urgent(100)).ok());
  const Generation full = store_->Current();
  ASSERT_TRUE(store_->Settle(full.id, full.highest_number).ok());
  EXPECT_EQ(store_->Summary().warnings.size(), 2u);
  Open();
  EXPECT_EQ(store_->Current().store_id, full.store_id);
  ASSERT_TRUE(store_->Commit(Urgent(100)).ok());
  std::filesystem::remove(folder_.folder() + "/other");
  store_->Tidy(false);
  EXPECT_TRUE(Offer(Routine(100)).ok());
  EXPECT_EQ(BlocksOf(folder_.file(".ballast")), 16 * kMiB);
  store_.reset();
  EXPECT_EQ(umount2(folder_.folder().c_str(), MNT_DETACH), 0);
}

}  // namespace
}  // namespace dims
