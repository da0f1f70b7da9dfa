// What the drivers of balances promise beyond what every driver does: which readings are weighings, how often, and that
//   none is where the line shows damage.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "drivers/decimal.h"
#include "tests/inputs.h"

namespace dims {
namespace {

struct Layout {
  std::string driver;
  std::string stable, same, nearly, another, unstable, zero, overload;  // lines; `nearly` is one digit off
  std::string name = {};  // of the layout, where it is another of the same driver
};

const std::vector<Layout>& Layouts() {
  static const auto* layouts = new std::vector<Layout>{
      {"mt_sics", "S S    25.1304 g\r\n", "S S    25.1304 g\r\n", "S S    25.1305 g\r\n", "S S     8.0417 g\r\n",
       "S D    17.2290 g\r\n", "S S     0.0000 g\r\n", "S +\r\n"},
      {"sartorius_sbi", "+  25.1304 g  \r\n", "+  25.1304 g  \r\n", "+  25.1305 g  \r\n", "+   8.0417 g  \r\n",
       "+  17.2290    \r\n", "+   0.0000 g  \r\n", "      High    \r\n"},
      {"and_balance", "ST,+025.1304  g\r\n", "ST,+025.1304  g\r\n", "ST,+025.1305  g\r\n", "ST,+008.0417  g\r\n",
       "US,+017.2290  g\r\n", "ST,+000.0000  g\r\n", "OL,+9999999E+19\r\n"},
      {"kern", " 25.1304 G S\r\n", " 25.1304 G S\r\n", " 25.1305 G S\r\n", "  8.0417 G S\r\n", " 17.2290 G U\r\n",
       "  0.0000 G S\r\n", "         G E\r\n"},
      {"and_balance", "BAL-0007,No,031,2026/01/14,10:12:56,ST,+025.1304,  g\r\n",
       "BAL-0007,No,032,2026/01/14,10:12:57,ST,+025.1304,  g\r\n",
       "BAL-0007,No,033,2026/01/14,10:12:58,ST,+025.1305,  g\r\n",
       "BAL-0007,No,034,2026/01/14,10:12:59,ST,+008.0417,  g\r\n",
       "BAL-0007,No,035,2026/01/14,10:13:00,US,+017.2290,  g\r\n",
       "BAL-0007,No,036,2026/01/14,10:13:01,ST,+000.0000,  g\r\n",
       "BAL-0007,No,037,2026/01/14,10:13:02,OL,+9999999E+19,  g\r\n", "_csv"},
      {"and_balance", "ST,N,+025.1304,  g\r\n", "ST,N,+025.1304,  g\r\n", "ST,N,+025.1305,  g\r\n",
       "ST,N,+008.0417,  g\r\n", "US,N,+017.2290,  g\r\n", "ST,N,+000.0000,  g\r\n", "OL,N,+9999999E+19,  g\r\n",
       "_net"},
      {"sartorius_sbi", "N     +  25.1304 g  \r\n", "N     +  25.1304 g  \r\n", "N     +  25.1305 g  \r\n",
       "N     +   8.0417 g  \r\n", "N     +  17.2290    \r\n", "N     +   0.0000 g  \r\n", "Stat        HH      \r\n",
       "_net"},
      {"kern", "     25.1304 mg \r\n", "     25.1304 mg \r\n", "     25.1305 mg \r\n", "      8.0417 mg \r\n",
       "     17.2290    \r\n", "      0.0000 mg \r\n", "           Error\r\n", "_long"},
  };
  return *layouts;
}

class Balances : public testing::TestWithParam<Layout> {
 protected:
  const Driver& driver() const { return *FindDriver(GetParam().driver); }

  std::vector<dims::v1::Report> ReportsOf(const std::string& bytes, const std::string& option = "") const {
    std::vector<std::pair<std::string, std::string>> given;
    if (!option.empty()) given.emplace_back(option, option == "poll" ? "1s" : "true");
    std::vector<dims::v1::Report> reports;
    for (const ParserEvent& event : Parse(driver(), *Options::Parse(driver().options, given), bytes).events) {
      if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
    }
    return reports;
  }

  std::vector<std::string> WeightsOf(const std::string& bytes, const std::string& option = "") const {
    std::vector<std::string> weights;
    for (const dims::v1::Report& report : ReportsOf(bytes, option)) {
      for (const dims::v1::Weighing& weighing : report.weighings()) {
        EXPECT_TRUE(weighing.stable());
        EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
        weights.push_back(absl::StrCat(weighing.value(), " ", weighing.unit()));
      }
    }
    return weights;
  }
};

TEST_P(Balances, OnThePrintKeyEachPressIsAWeighing) {
  const Layout& lines = GetParam();
  const std::vector<std::string> weights = WeightsOf(lines.stable + lines.same + lines.nearly + lines.zero);
  ASSERT_EQ(weights.size(), 4u);
  EXPECT_EQ(weights[0], weights[1]);
}

// A&D's and Sartorius' balances can be set to end their lines so.
TEST_P(Balances, ALineThatEndsInCrAloneIsAWeighingOnceNothingFollows) {
  Parser parser(driver(), DefaultOptions(driver()));
  std::size_t weights = 0, noise = 0;
  const auto sink = [&](ParserEvent event) {
    const Said* said = std::get_if<Said>(&event);
    if (said == nullptr) return;
    weights += said->report.weighings_size();
    noise += said->report.weighings_size() == 0 ? 1 : 0;
  };
  for (std::size_t press = 1; press <= 3; ++press) {
    parser.Feed(GetParam().stable.substr(0, GetParam().stable.size() - 1), sink);
    EXPECT_EQ(weights, press - 1);
    EXPECT_EQ(parser.QuietAfter(), absl::Seconds(1));
    parser.Quiet(sink);
    EXPECT_EQ(weights, press);
  }
  EXPECT_EQ(noise, 0u);
  parser.Feed("half a", sink);
  EXPECT_EQ(parser.QuietAfter(), absl::Seconds(10));
}

TEST_P(Balances, AskedAgainAndAgainOrSendingWithoutEndALoadIsAWeighingOnce) {
  const Layout& lines = GetParam();
  for (const std::string option : {"poll", "continuous"}) {
    const auto count = [&](const std::string& bytes) { return WeightsOf(bytes, option).size(); };
    EXPECT_EQ(count(lines.stable + lines.same + lines.nearly + lines.same), 1u) << option;
    EXPECT_EQ(count(lines.stable + lines.another), 2u) << option << ": changed between two readings";
    EXPECT_EQ(count(lines.stable + lines.unstable + lines.same), 2u) << option << ": taken off and put on again";
    EXPECT_EQ(count(lines.stable + lines.zero + lines.same), 2u) << option << ": the pan was empty";
    EXPECT_EQ(count(lines.stable + lines.overload + lines.same), 2u) << option;
    EXPECT_EQ(count(lines.zero + lines.unstable + lines.zero), 0u) << option << ": an empty pan is no load";
  }
}

TEST_P(Balances, OrderedToWeighItIsAskedOnceAndALoadThatWasWeighedIsWeighedAgain) {
  ASSERT_EQ(driver().orders.size(), 1u);
  for (const char* poll : {"0s", "1s"}) {
    SCOPED_TRACE(absl::StrCat("poll=", poll));
    Parser parser(driver(), *Options::Parse(driver().options, {{"poll", poll}}));
    std::size_t weights = 0, questions = 0;
    const auto sink = [&](ParserEvent event) {
      if (const Said* said = std::get_if<Said>(&event)) weights += said->report.weighings_size();
      questions += std::holds_alternative<Reply>(event) ? 1 : 0;
    };
    parser.Open(sink);
    parser.Feed(GetParam().stable, sink);
    const std::size_t asked = std::exchange(questions, 0), weighed = std::exchange(weights, 0);
    EXPECT_EQ(asked, poll == std::string("0s") ? 0u : 1u);
    EXPECT_EQ(weighed, 1u);
    parser.Send(Order{std::string(driver().orders[0].name)}, sink);
    parser.Feed(GetParam().same, sink);
    EXPECT_EQ(questions, 1u);
    EXPECT_EQ(weights, 1u);
  }
}

// A draught, a command that went wrong, a date: the load still lies there.
TEST(MtSics, WhatSaysNothingOfThePanIsNoNewLoad) {
  const Driver& driver = *FindDriver("mt_sics");
  const std::string load = "S S    25.1304 g\r\n";
  const auto weighings = [&](const std::string& between) {
    std::size_t count = 0;
    const Options options = *Options::Parse(driver.options, {{"poll", "1s"}});
    for (const ParserEvent& event : Parse(driver, options, load + between + load).events) {
      if (const Said* said = std::get_if<Said>(&event)) count += said->report.weighings_size();
    }
    return count;
  };
  for (const char* kept : {"S I\r\n", "ET\r\n", "ES\r\n", "D A\r\n", "DAT A 01 02 2026\r\n"}) {
    EXPECT_EQ(weighings(kept), 1u) << kept;
  }
  for (const char* anew : {"S +\r\n", "I4 A \"0123456789\"\r\n", "Z A\r\n", "T I\r\n", "TA A 0.00000 g\r\n"}) {
    EXPECT_EQ(weighings(anew), 2u) << anew;
  }
}

TEST_P(Balances, ADayOfAskingDoesNotFillAStore) {
  const Layout& lines = GetParam();
  std::string day = lines.stable;
  for (int second = 0; second < 86'400; ++second) {
    day += second % 7 == 3 ? lines.nearly : lines.same;
  }
  for (int second = 0; second < 3'600; ++second) day += lines.overload + (second % 2 == 0 ? lines.unstable : "");
  const std::vector<dims::v1::Report> reports = ReportsOf(day, "poll");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].weighings_size(), 1);
  EXPECT_EQ(reports[1].problems(0).type(), dims::v1::PROBLEM_TYPE_INSTRUMENT);
}

TEST_P(Balances, WhatIsNotStableIsNoWeighingHoweverItCame) {
  const Layout& lines = GetParam();
  EXPECT_EQ(WeightsOf(lines.unstable + lines.overload + lines.unstable).size(), 0u);
  // Whoever pressed the print key is told, once.
  const std::vector<dims::v1::Report> reports = ReportsOf(lines.unstable + lines.unstable);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems(0).type(), dims::v1::PROBLEM_TYPE_INSTRUMENT);
  EXPECT_EQ(ReportsOf(lines.unstable + lines.unstable, "poll").size(), 0u);
}

// A line without a checksum hides a changed digit, and nothing else.
TEST_P(Balances, AChangedBitGivesNoOtherWeightUnlessItMadeOneDigitAnother) {
  const std::string line = GetParam().stable;
  const std::string right = WeightsOf(line)[0];
  const Decimal value = *Decimal::Parse(right.substr(0, right.find(' ')));
  int hidden = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = line;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      for (const std::string& weight : WeightsOf(changed)) {
        const Decimal other = *Decimal::Parse(weight.substr(0, weight.find(' ')));
        const bool same = other.units == value.units && other.scale == value.scale &&
                          absl::AsciiStrToLower(weight.substr(weight.find(' '))) ==
                              absl::AsciiStrToLower(right.substr(right.find(' ')));
        const bool digits = absl::ascii_isdigit(line[at]) && absl::ascii_isdigit(changed[at]);
        const bool sign = line[at] == ' ' && changed[at] == '0';  // a leading zero
        EXPECT_TRUE(same || digits || sign) << EscapeBytes(changed) << " as " << weight;
        hidden += same ? 0 : 1;
      }
    }
  }
  EXPECT_GT(hidden, 0) << "digits can be told apart after all: say so in drivers/balance/reading.h";
}

TEST_P(Balances, ALostCharacterGivesNoOtherWeight) {
  for (const std::string& line : {GetParam().stable, GetParam().another}) {
    const std::string right = WeightsOf(line)[0];
    for (std::size_t at = 0; at < line.size(); ++at) {
      for (std::size_t lost = 1; lost <= 3 && at + lost <= line.size(); ++lost) {
        std::string cut = line;
        cut.erase(at, lost);
        for (const std::string& weight : WeightsOf(cut)) EXPECT_EQ(weight, right) << EscapeBytes(cut);
      }
    }
  }
}

TEST_P(Balances, ALineWithALineErrorAnywhereInItIsNoWeighing) {
  const std::string line = GetParam().stable;
  for (std::size_t at = 0; at < line.size(); ++at) {
    for (const LineMark::Kind kind : {LineMark::kParityOrFraming, LineMark::kBreak, LineMark::kOverrun}) {
      Parser parser(driver(), DefaultOptions(driver()));
      int reports = 0;
      const auto sink = [&](ParserEvent event) {
        const Said* said = std::get_if<Said>(&event);
        if (said == nullptr) return;
        ++reports;
        EXPECT_EQ(said->report.weighings_size(), 0);
        ASSERT_EQ(said->report.problems_size(), 1);
        EXPECT_EQ(said->report.problems(0).type(), dims::v1::PROBLEM_TYPE_LINE_ERROR);
      };
      const LineMark mark{kind, at};
      parser.Feed(line, sink, {&mark, 1});
      parser.Finish(Ending::kInterrupted, sink);
      EXPECT_EQ(reports, 1);
    }
  }
}

// Each claims its own lines only, so that a probe can tell them apart.
TEST_P(Balances, WhatOtherInstrumentsSayIsNoiseOrPassedOver) {
  for (const Driver* other : Catalog()) {
    if (other == &driver()) continue;
    for (const Input& input : InputsOf(*other)) {
      // There stand other makers' lines, too.
      if (input.name.find("_damaged") != std::string::npos || input.name == "all in a row") continue;
      for (const dims::v1::Report& report : ReportsOf(input.bytes)) {
        EXPECT_EQ(report.weighings_size(), 0) << other->name << " " << input.name;
        for (const dims::v1::Problem& problem : report.problems()) {
          EXPECT_TRUE(problem.type() == dims::v1::PROBLEM_TYPE_NOISE ||
                      problem.type() == dims::v1::PROBLEM_TYPE_OVERSIZE)
              << other->name << " " << input.name << "\n"
              << report.DebugString();
        }
      }
    }
  }
}

TEST_P(Balances, ABalanceOfAMakerThatIsNotReadHereIsNoise) {
  const std::string ohaus = "     12.34 g ?\r\n    192.21 g\r\n      0.00 g\r\n";
  const std::string radwag = "S A\r\nS     -      8.5 g  \r\nSI ?      18.5 kg \r\n";
  for (const dims::v1::Report& report : ReportsOf(ohaus + radwag)) {
    EXPECT_EQ(report.weighings_size(), 0);
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE) << report.DebugString();
  }
}

TEST_P(Balances, NoiseBeforeAReadingThatIsPassedOverDoesNotGrowByIt) {
  const Layout& lines = GetParam();
  const std::vector<dims::v1::Report> reports = ReportsOf("??\r\n" + lines.zero + lines.zero, "poll");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].raw_size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Makers, Balances, testing::ValuesIn(Layouts()),
                         [](const auto& info) { return info.param.driver + info.param.name; });

}  // namespace
}  // namespace dims
