// Both ends of four balances' protocols on a clock that only moves when told: the simulator's balance, and the bridge's
// parser. Every stable load that was printed, or answered, becomes one weighing with its value, and nothing else does.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "drivers/parser.h"
#include "simulator/balance.h"

namespace dims {
namespace {

struct Pair {
  BalanceProtocol protocol;
  std::string driver;
};

// How bad the line is: times out of a thousand characters.
struct Weather {
  int lost = 0;
  int flipped = 0;  // and the line's parity shows it
};

using Weights = std::vector<std::string>;

class BothEnds {
 public:
  BothEnds(const Pair& pair, const BalanceOptions& options,
           const std::vector<std::pair<std::string, std::string>>& settings, Weather weather = {}, unsigned seed = 1)
      : balance_(options),
        parser_(*FindDriver(pair.driver), *Options::Parse(FindDriver(pair.driver)->options, settings)),
        weather_(weather),
        random_(seed) {}

  void Run() {
    const auto sink = [this](ParserEvent event) { Keep(std::move(event)); };
    parser_.Open(sink);
    while (!balance_.done()) {
      const absl::Duration timer = timer_.value_or(absl::InfiniteDuration());
      now_ = std::max(now_, std::min(balance_.due(), timer));
      balance_.Pass(now_);
      if (timer_ && *timer_ <= now_) {
        timer_.reset();
        parser_.Timer(0, sink);
        balance_.Pass(now_);
      }
      while (const std::optional<BalanceLine> line = balance_.Say()) {
        if (line->load > 0) said_.push_back(absl::StrCat(line->value, " ", line->unit));
        Carry(line->bytes, sink);
      }
    }
    parser_.Finish(Ending::kInterrupted, sink);
  }

  const Weights& said() const { return said_; }
  const Weights& heard() const { return heard_; }
  const std::vector<dims::v1::Problem>& problems() const { return problems_; }
  int damaged() const { return damaged_; }

 private:
  void Keep(ParserEvent event) {
    if (const Said* said = std::get_if<Said>(&event)) {
      for (const dims::v1::Weighing& weighing : said->report.weighings()) {
        heard_.push_back(absl::StrCat(weighing.value(), " ", weighing.unit()));
      }
      problems_.insert(problems_.end(), said->report.problems().begin(), said->report.problems().end());
    } else if (const Reply* reply = std::get_if<Reply>(&event)) {
      balance_.Hear(reply->bytes);
    } else if (const Arm* arm = std::get_if<Arm>(&event)) {
      timer_ = now_ + arm->after;
    }
  }

  bool Happens(int of_a_thousand) { return static_cast<int>(random_() % 1000) < of_a_thousand; }

  void Carry(const std::string& bytes, ParserSink sink) {
    for (const char c : bytes) {
      const bool lost = Happens(weather_.lost), flipped = Happens(weather_.flipped);
      damaged_ += lost || flipped ? 1 : 0;
      if (lost) continue;
      const char arrived = flipped ? static_cast<char>(c ^ (1 << random_() % 7)) : c;
      const LineMark mark{LineMark::kParityOrFraming, 0};
      parser_.Feed(absl::string_view(&arrived, 1), sink,
                   flipped ? absl::MakeConstSpan(&mark, 1) : absl::Span<const LineMark>());
    }
  }

  Balance balance_;
  Parser parser_;
  const Weather weather_;
  std::mt19937_64 random_;
  absl::Duration now_;
  std::optional<absl::Duration> timer_;
  Weights said_, heard_;
  std::vector<dims::v1::Problem> problems_;
  int damaged_ = 0;
};

class BalancesBothEnds : public testing::TestWithParam<Pair> {
 protected:
  BalanceOptions With(bool print_key, std::uint64_t count, std::uint64_t seed = 1) const {
    BalanceOptions options;
    options.protocol = GetParam().protocol;
    options.print_key = print_key;
    options.count = count;
    options.seed = seed;
    return options;
  }
  bool HasCommand() const { return GetParam().protocol != BalanceProtocol::kSartoriusSbi; }
};

TEST_P(BalancesBothEnds, EveryPressOfThePrintKeyIsOneWeighing) {
  BothEnds ends(GetParam(), With(true, 500), {});
  ends.Run();
  EXPECT_EQ(ends.said().size(), 500u);
  EXPECT_EQ(ends.heard(), ends.said());
  EXPECT_TRUE(ends.problems().empty()) << ends.problems()[0].DebugString();
}

TEST_P(BalancesBothEnds, PolledEveryStableLoadIsOneWeighing) {
  for (const std::string command : {"immediate", "stable"}) {
    if (command == "stable" && !HasCommand()) continue;
    for (const std::string poll : {"100ms", "700ms", "2s"}) {
      std::vector<std::pair<std::string, std::string>> settings = {{"poll", poll}};
      if (HasCommand()) settings.emplace_back("command", command);
      BothEnds ends(GetParam(), With(false, 200), settings);
      ends.Run();
      EXPECT_EQ(ends.said().size(), 200u) << command << " " << poll;
      EXPECT_EQ(ends.heard(), ends.said()) << command << " " << poll;
      EXPECT_TRUE(ends.problems().empty()) << ends.problems()[0].DebugString();
    }
  }
}

TEST_P(BalancesBothEnds, EachOverloadIsToldOnceAndCostsNoWeighing) {
  BalanceOptions options = With(false, 90);
  options.overload_every = 3;
  BothEnds ends(GetParam(), options, {{"poll", "500ms"}});
  ends.Run();
  EXPECT_EQ(ends.heard(), ends.said());
  ASSERT_EQ(ends.problems().size(), 30u);
  for (const dims::v1::Problem& problem : ends.problems()) {
    EXPECT_EQ(problem.type(), dims::v1::PROBLEM_TYPE_INSTRUMENT);
  }
}

// What was heard is what was said, with holes.
void ExpectNothingWrong(const BothEnds& ends, unsigned seed) {
  std::size_t at = 0;
  for (const std::string& weight : ends.heard()) {
    while (at < ends.said().size() && ends.said()[at] != weight) ++at;
    ASSERT_LT(at, ends.said().size()) << weight << " was never said (seed " << seed << ")";
    ++at;
  }
}

TEST_P(BalancesBothEnds, LostCharactersMakeNoWeightThatWasNotThere) {
  int damaged = 0;
  std::size_t said = 0, heard = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    BothEnds ends(GetParam(), With(true, 200, seed), {}, {.lost = 10}, seed);
    ends.Run();
    ASSERT_NO_FATAL_FAILURE(ExpectNothingWrong(ends, seed));
    damaged += ends.damaged();
    said += ends.said().size();
    heard += ends.heard().size();
    // What is missing left a trace.
    EXPECT_TRUE(heard == said || !ends.problems().empty());
  }
  EXPECT_GT(damaged, 100);
  EXPECT_GT(heard, said / 2);
}

TEST_P(BalancesBothEnds, ChangedCharactersThatParityShowsMakeNoWeightThatWasNotThere) {
  int damaged = 0;
  std::size_t said = 0, heard = 0;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    BothEnds ends(GetParam(), With(true, 200, seed), {}, {.lost = 3, .flipped = 10}, seed);
    ends.Run();
    ASSERT_NO_FATAL_FAILURE(ExpectNothingWrong(ends, seed));
    damaged += ends.damaged();
    said += ends.said().size();
    heard += ends.heard().size();
  }
  EXPECT_GT(damaged, 100);
  EXPECT_GT(heard, said / 2);
}

TEST_P(BalancesBothEnds, PolledOnABadLineALoadIsStillOnlyWhatItWas) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    BothEnds ends(GetParam(), With(false, 100, seed), {{"poll", "500ms"}}, {.lost = 5, .flipped = 5}, seed);
    ends.Run();
    const std::map<std::string, int> said = [&] {
      std::map<std::string, int> counts;
      for (const std::string& weight : ends.said()) ++counts[weight];
      return counts;
    }();
    for (const std::string& weight : ends.heard()) EXPECT_EQ(said.count(weight), 1u) << weight << " seed " << seed;
    // It is asked until a line comes through, so that none is missed.
    std::map<std::string, int> heard;
    for (const std::string& weight : ends.heard()) ++heard[weight];
    for (const auto& [weight, count] : said) EXPECT_GE(heard[weight], 1) << weight << " seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Makers, BalancesBothEnds,
                         testing::Values(Pair{BalanceProtocol::kMtSics, "mt_sics"},
                                         Pair{BalanceProtocol::kSartoriusSbi, "sartorius_sbi"},
                                         Pair{BalanceProtocol::kAnd, "and_balance"},
                                         Pair{BalanceProtocol::kKern, "kern"}),
                         [](const auto& info) { return info.param.driver; });

}  // namespace
}  // namespace dims
