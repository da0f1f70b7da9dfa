// The rules of what makes a report urgent, as the configuration has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/config.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// 8 lines; what a test adds begins in line 9.
constexpr absl::string_view kGood = R"(laboratory = "lab-east"
bridge = "bridge-1"
[registry]
address = "registry.example:7443"
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge.key"

)";

absl::StatusOr<Config> Parse(absl::string_view added) {
  return ParseConfig(absl::StrCat(kGood, added), "bridge.toml", {{}, nullptr});
}

std::vector<std::string> Errors(absl::string_view added) {
  return absl::StrSplit(Parse(added).status().message(), '\n', absl::SkipEmpty());
}

TEST(ConfigWatch, ThereIsNoneUnlessOneIsGiven) {
  const auto config = Parse("");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->watches, IsEmpty());
}

TEST(ConfigWatch, HoldsTheRulesInTheOrderOfTheFile) {
  const auto config = Parse(R"([[watch]]
name = "pmma"
substances = ["PMMA", "para-methoxymethamphetamine"]
cas = ["022331-70-0"]
[[watch]]
name = "fentanyls"
cas = ["437-38-7", "59708-52-0"]
tier = "red_candidate"
revision = "2026-11"
)");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->watches.size(), 2u);
  const WatchConfig &first = config->watches[0], &second = config->watches[1];
  EXPECT_EQ(first.name, "pmma");
  EXPECT_THAT(first.substances, ElementsAre("PMMA", "para-methoxymethamphetamine"));
  EXPECT_THAT(first.cas, ElementsAre("22331-70-0")) << "without padding";
  EXPECT_EQ(first.tier, dims::v1::TIER_WARNING) << "unless another is given";
  EXPECT_EQ(first.revision, "");
  EXPECT_THAT(second.substances, IsEmpty());
  EXPECT_THAT(second.cas, ElementsAre("437-38-7", "59708-52-0"));
  EXPECT_EQ(second.tier, dims::v1::TIER_RED_CANDIDATE);
  EXPECT_EQ(second.revision, "2026-11");
}

TEST(ConfigWatch, KnowsEveryTier) {
  for (int i = dims::v1::TIER_INFO; i < dims::v1::Tier_ARRAYSIZE; ++i) {
    const auto tier = static_cast<dims::v1::Tier>(i);
    const std::string word = absl::AsciiStrToLower(dims::v1::Tier_Name(tier).substr(5));
    const auto config = Parse(absl::StrCat("[[watch]]\nname = \"a\"\nsubstances = [\"b\"]\ntier = \"", word, "\"\n"));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->watches[0].tier, tier);
  }
}

TEST(ConfigWatchErrors, NameTheLineTheKeyAndTheNearestRightOne) {
  EXPECT_THAT(
      Errors("[[watch]]\nname = \"pmma\"\nsubstance = [\"PMMA\"]\ncas = [\"22331-70-0\"]\n"),
      ElementsAre("bridge.toml:11: [[watch]] \"pmma\": unknown key \"substance\", did you mean \"substances\"?"));
  EXPECT_THAT(Errors("[[watch]]\nsubstances = [\"PMMA\"]\n"),
              ElementsAre("bridge.toml:9: [[watch]] number 1: missing key \"name\": the rule, in every report that it "
                          "makes urgent"));
  EXPECT_THAT(
      Errors("[[watch]]\nname = \"pmma\"\nsubstances = [\"PMMA\"]\ntier = \"warnign\"\n"),
      ElementsAre(HasSubstr("bridge.toml:12: [[watch]] \"pmma\": \"tier\" must be one of \"info\", \"caution\", "
                            "\"warning\", \"red_candidate\", not \"warnign\", did you mean \"warning\"?")));
  EXPECT_THAT(Errors("[[wacth]]\nname = \"pmma\"\n"),
              ElementsAre(HasSubstr("unknown key \"wacth\", did you mean \"watch\"?")));
}

TEST(ConfigWatchErrors, RefuseARuleThatWatchesForNothing) {
  EXPECT_THAT(
      Errors("[[watch]]\nname = \"pmma\"\n"),
      ElementsAre("bridge.toml:9: [[watch]] \"pmma\": nothing to watch for: give \"substances\", \"cas\" or both"));
  EXPECT_THAT(Errors("[[watch]]\nname = \"pmma\"\nsubstances = []\n"),
              ElementsAre("bridge.toml:11: [[watch]] \"pmma\": \"substances\" must be a list, each entry the name of a "
                          "substance, not an empty list"));
  EXPECT_THAT(
      Errors("[[watch]]\nname = \"pmma\"\nsubstances = [\"PMMA\", \" - \"]\n"),
      ElementsAre("bridge.toml:11: [[watch]] \"pmma\": \"substances\" must be the name of a substance, not \" - \""));
}

TEST(ConfigWatchErrors, RefuseWhatIsNoList) {
  EXPECT_THAT(Errors("[[watch]]\nname = \"pmma\"\nsubstances = \"PMMA\"\n"),
              ElementsAre("bridge.toml:11: [[watch]] \"pmma\": \"substances\" must be a list, each entry the name of a "
                          "substance, not the text \"PMMA\""));
  EXPECT_THAT(Errors("[[watch]]\nname = \"pmma\"\nsubstances = [\"PMMA\",\n 3]\n"),
              ElementsAre("bridge.toml:12: [[watch]] \"pmma\": each of \"substances\" must be the name of a substance, "
                          "not the number 3"));
  EXPECT_THAT(Errors("[watch]\nname = \"pmma\"\n"),
              ElementsAre("bridge.toml:9: \"watch\" must be a table headed [[watch]] for each watch, not a table"));
}

TEST(ConfigWatchErrors, RefuseANumberThatIsNone) {
  for (const char* bad : {"22331-70-1", "22331700", "1000413-72-8", "0-00-0", "PMMA", ""}) {
    EXPECT_THAT(
        Errors(absl::StrCat("[[watch]]\nname = \"pmma\"\ncas = [\"437-38-7\", \"", bad, "\"]\n")),
        ElementsAre(absl::StrCat("bridge.toml:11: [[watch]] \"pmma\": \"cas\" must be a CAS registry number with "
                                 "the right check digit, such as \"22331-70-0\", not \"",
                                 bad, "\"")));
  }
}

TEST(ConfigWatchErrors, RefuseTwoRulesOfOneName) {
  EXPECT_THAT(Errors("[[watch]]\nname = \"a\"\nsubstances = [\"b\"]\n[[watch]]\nname = \"a\"\nsubstances = [\"c\"]\n"),
              ElementsAre("bridge.toml:13: [[watch]] \"a\": the name is already that of the rule in line 10"));
}

TEST(ConfigWatch, TheExampleShowsARuleAndSetsNone) {
  const std::string example = ExampleConfig();
  EXPECT_THAT(example, HasSubstr("\n#[[watch]]\n"));
  EXPECT_THAT(example, HasSubstr("\n#name = \"pmma\"\n"));
  EXPECT_THAT(example, HasSubstr("\n#substances = [\"PMMA\", \"para-methoxymethamphetamine\"]\n"));
  EXPECT_THAT(example, HasSubstr("\n#cas = [\"22331-70-0\"]\n"));
  EXPECT_FALSE(absl::StrContains(example, "\n[[watch]]"));
}

}  // namespace
}  // namespace dims
