// Both ends of ASTM E1381 on a bad line and a clock that only moves when told: the simulator's sender with the
// standard's times, and the bridge's session on a real store, which dies at random moments. Frames are damaged,
// characters and answers get lost, noise comes between; whatever happens, what the sender was acknowledged is stored,
// whole, and once.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "firmware-bridge/session.h"
#include "proto/hash.h"
#include "simulator/astm_sender.h"
#include "spdlog/spdlog.h"
#include "tests/astm_session.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

// How bad: each is the number of times out of a thousand.
struct Weather {
  int flipped = 0;      // a bit of what the instrument says at a time
  int dropped = 0;      // a character of it
  int noise = 0;        // a character before it
  int answer_lost = 0;  // of what the bridge says at a time
  int death = 0;        // of the bridge, at each commit: before it, or after it and before the answer
};

class BothEnds {
 public:
  BothEnds(const AstmSenderOptions& options, const Weather& weather, unsigned seed)
      : sender_(options), weather_(weather), random_(seed) {
    spdlog::set_level(spdlog::level::err);  // each death is worth a warning, and there are thousands
    Start();
  }

  void Add(const std::string& text) {
    texts_.push_back(text);
    sender_.Add(texts_.size() - 1, text);
  }

  // Until the sender has nothing left.
  void Run() {
    for (int steps = 0; !sender_.idle(); ++steps) {
      ASSERT_LT(steps, 100000) << "the messages do not get through";
      sender_.Pass(now_.uptime);
      const std::string bytes = sender_.Say();
      if (!bytes.empty()) {
        Carry(bytes);
        sender_.Said(now_.uptime);
      } else {
        const absl::Duration most =
            sender_.due() == absl::InfiniteDuration() ? absl::Seconds(5) : sender_.due() - now_.uptime;
        Advance(std::max(absl::Milliseconds(1), std::min(most, absl::Milliseconds(100 + random_() % 900))));
      }
      Answer();
      for (const AstmEvent& event : sender_.TakeEvents()) {
        if (event.kind == AstmEvent::Kind::kAcknowledged) acknowledged_.push_back(event.message);
      }
    }
    Advance(absl::Seconds(31));  // the receiver's own timer
  }

  void Judge() {
    struct Found {
      int first = 0, repeats = 0;
    };
    std::map<std::string, Found> found;  // by hash
    ExpectNothingCountsTwice();
    for (const v1::Report& report : Records()) {
      bool whole = true;
      for (const v1::Problem& problem : report.problems()) {
        whole = whole && problem.type() != v1::PROBLEM_TYPE_TRUNCATED && problem.type() != v1::PROBLEM_TYPE_INTERRUPTED;
      }
      if (!whole) continue;
      Found& message = found[report.content_sha256()];
      ++(report.has_repeat_of() ? message.repeats : message.first);
    }
    for (std::size_t i = 0; i < texts_.size(); ++i) {
      EXPECT_EQ(found[Sha256::Of(texts_[i])].first, 1) << "message " << i;
      repeats_ += found[Sha256::Of(texts_[i])].repeats;
    }
    for (std::size_t i = 0; i < acknowledged_.size(); ++i) EXPECT_EQ(acknowledged_[i], i) << "out of order";
    EXPECT_EQ(acknowledged_.size(), texts_.size());
  }

  // What no other record repeats or replaces is a message that was sent. Only damage leaves parts, and they say so.
  void ExpectNothingCountsTwice() {
    const std::vector<v1::Report> records = Records();
    std::set<uint64_t> replaced;
    for (const v1::Report& report : records) {
      for (const v1::RecordName& part : report.replaces_parts()) replaced.insert(part.number());
    }
    std::set<std::string> sent;
    for (const std::string& text : texts_) sent.insert(Sha256::Of(text));
    const bool damage = weather_.flipped + weather_.dropped + weather_.noise > 0;
    for (uint64_t number = 1; const v1::Report& report : records) {
      const bool says = std::any_of(report.analyses().begin(), report.analyses().end(),
                                    [](const v1::Analysis& analysis) { return analysis.findings_size() > 0; });
      const bool counts = says && !report.has_repeat_of() && replaced.count(number) == 0;
      if (counts && (report.status() == v1::REPORT_STATUS_FINAL || !damage)) {
        EXPECT_EQ(sent.count(report.content_sha256()), 1u) << "record " << number << "\n" << report.DebugString();
      }
      ++number;
    }
  }

  int deaths() const { return deaths_; }
  int repeats() const { return repeats_; }

 private:
  void Start() {
    session_.reset();
    store_.reset();
    answers_.clear();  // what it would have said died with it
    store_ = MustOpen(OptionsFor(folder_));
    ASSERT_NE(store_, nullptr);
    SessionSetup setup = AnalyserSetup([this](absl::string_view bytes) {
      absl::StrAppend(&answers_, bytes);
      return absl::OkStatus();
    });
    session_ = std::make_unique<Session>(std::move(setup), *store_, now_);
  }

  bool Happens(int of_a_thousand) { return static_cast<int>(random_() % 1000) < of_a_thousand; }

  void Carry(std::string bytes) {
    // Never both: one time in 256 a sum would not see that.
    if (Happens(weather_.flipped)) {
      bytes[random_() % bytes.size()] ^= static_cast<char>(1 << random_() % 8);
    } else if (Happens(weather_.dropped)) {
      bytes.erase(random_() % bytes.size(), 1);
    }
    if (Happens(weather_.noise)) bytes.insert(0, 1, "x\xff\r{"[random_() % 4]);
    while (!bytes.empty()) {
      const std::size_t size = 1 + random_() % bytes.size();
      session_->Take({Arrival::Kind::kBytes, now_, bytes.substr(0, size), {}, 0});
      bytes.erase(0, size);
      session_->Tick(now_);
      Commit();
    }
  }

  void Advance(absl::Duration time) {
    now_ = {now_.wall + time, now_.uptime + time};
    session_->Tick(now_);
    Commit();
  }

  void Commit() {
    const SessionBatch* pending = session_->Pending();
    if (pending == nullptr) return;
    const bool dies = Happens(weather_.death), before = dies && random_() % 2 == 0;
    if (!before) {
      ASSERT_TRUE(store_->Commit(Batch{{*pending}}).ok());
    }
    if (!dies) return session_->Committed(now_);
    ++deaths_;
    Start();
  }

  void Answer() {
    if (answers_.empty()) return;
    const std::string said = std::exchange(answers_, "");
    if (!Happens(weather_.answer_lost)) sender_.Hear(said, now_.uptime);
  }

  std::vector<v1::Report> Records() {
    std::vector<v1::Report> reports;
    const auto read = store_->Read(store_->Current().id, 0, 10000, 64 << 20);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) EXPECT_TRUE(reports.emplace_back().ParseFromString(record.payload));
    return reports;
  }

  const StoreFolder folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
  AstmSender sender_;
  const Weather weather_;
  std::mt19937 random_;
  std::string answers_;
  Moment now_ = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};
  std::vector<std::string> texts_;
  std::vector<std::uint64_t> acknowledged_;
  int deaths_ = 0, repeats_ = 0;
};

std::string MessageNumber(int n, int results) {
  std::string text = absl::StrCat("H|\\^&|", n, "||READER|||||||P|LIS2-A2|20260114101500\rO|1|S", n, "||^^^FEN|R\r");
  for (int i = 1; i <= results; ++i) absl::StrAppend(&text, "R|", i, "|^^^FEN|7.41|ng/mL|0-1|N||F||op|||R1\r");
  return text + "L|1|N\r";
}

// All weathers, each with every way to cut and to end frames.
void RunAll(const Weather& weather, int seeds, int* deaths, int* repeats) {
  for (int seed = 0; seed < seeds; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    AstmSenderOptions options;
    options.frame_text = seed % 3 == 0 ? 40 : seed % 3 == 1 ? 240 : kMostAstmText;
    options.record_frames = seed % 2 == 0;
    options.session_messages = 1 + seed % 4;
    BothEnds line(options, weather, seed);
    for (int n = 1; n <= 5; ++n) line.Add(MessageNumber(n, seed % 7));
    line.Run();
    line.Judge();
    *deaths += line.deaths();
    *repeats += line.repeats();
    if (testing::Test::HasFailure()) return;
  }
}

TEST(AstmBothEnds, OnAGoodLineEveryMessageIsStoredOnceAndNoneRepeats) {
  int deaths = 0, repeats = 0;
  RunAll({}, 24, &deaths, &repeats);
  EXPECT_EQ(repeats, 0);
}

TEST(AstmBothEnds, ADamagedLineLosesNothing) {
  int deaths = 0, repeats = 0;
  RunAll({.flipped = 50, .dropped = 30, .noise = 30}, 240, &deaths, &repeats);
}

TEST(AstmBothEnds, WhatIsRepeatedAfterALostAnswerSaysSo) {
  int deaths = 0, repeats = 0;
  RunAll({.answer_lost = 100}, 240, &deaths, &repeats);
  EXPECT_GT(repeats, 0);
}

TEST(AstmBothEnds, ABridgeThatDiesAtAnyCommitLosesNothing) {
  int deaths = 0, repeats = 0;
  RunAll({.death = 40}, 240, &deaths, &repeats);
  EXPECT_GT(deaths, 50);
  EXPECT_GT(repeats, 0);
}

TEST(AstmBothEnds, NorDoesAllOfItAtOnce) {
  int deaths = 0, repeats = 0;
  RunAll({.flipped = 30, .dropped = 20, .noise = 20, .answer_lost = 40, .death = 15}, 240, &deaths, &repeats);
  EXPECT_GT(deaths, 20);
  EXPECT_GT(repeats, 0);
}

}  // namespace
}  // namespace dims
