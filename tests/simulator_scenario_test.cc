// Scenarios: several instruments from one file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "simulator/scenario.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

class ScenarioTest : public ScratchTest {
 protected:
  ScenarioTest() {
    ScratchFile("a.txt", "x\n");
    ScratchFile("b.txt", "x\n");
  }
  absl::StatusOr<std::vector<InstrumentCommand>> Read(const std::string& text) {
    return ReadScenario(ScratchFile("lab.toml", text), "/links");
  }
  // The message of the first mistake, without the path before "lab.toml".
  std::string Mistake(const std::string& text) {
    const auto commands = Read(text);
    EXPECT_FALSE(commands.ok()) << text;
    const std::string message(commands.status().message());
    return message.substr(std::min(message.size(), message.find("lab.toml")));
  }
};

TEST_F(ScenarioTest, ItsKeysAreTheOptionsOfTheCommandLine) {
  const auto commands = Read(
      "[[instrument]]\nname = \"gcms-1\"\nbaud = 115200\ncount = 14\nform-feed = true\nunpaced = false\n"
      "pause-every = 2\npause = \"80ms\"\nfiles = [\"*.txt\", \"a.txt\"]\n"
      "[[instrument]]\nname = \"reader-1\"\nlink = \"/dev/x\"\nlog = \"r.log\"\nprotocol = \"astm\"\nframe-size = 100\n"
      "answer-timeout = \"2s\"\nfiles = [\"b.txt\"]\n"
      "[[instrument]]\nname = \"flame-1\"\nprotocol = \"ocean-optics\"\ncoefficients = \"340.2,0.37,0,0\"\nspoil-every "
      "= 9\n");
  ASSERT_TRUE(commands.ok()) << commands.status();
  ASSERT_THAT(*commands, SizeIs(3));
  const InstrumentCommand &one = commands->at(0), &two = commands->at(1);
  EXPECT_EQ(one.options.name, "gcms-1");
  EXPECT_EQ(one.options.baud, 115200);
  EXPECT_EQ(one.count, 14u);
  EXPECT_TRUE(one.form_feed);
  EXPECT_FALSE(one.unpaced);
  EXPECT_EQ(one.pause, "80ms");
  EXPECT_EQ(one.link, "/links/gcms-1");
  EXPECT_EQ(one.log, "/links/gcms-1.jsonl");
  EXPECT_THAT(one.files, ElementsAre(folder_ / "a.txt", folder_ / "b.txt", folder_ / "a.txt"));
  EXPECT_EQ(two.link, "/dev/x");
  EXPECT_EQ(two.log, "/links/r.log");
  EXPECT_EQ(two.protocol, "astm");
  EXPECT_EQ(two.analyser.sender.frame_text, 100u);
  EXPECT_EQ(two.answer_timeout, "2s");
  EXPECT_THAT(commands->at(2).files, testing::IsEmpty());
  EXPECT_THAT(commands->at(2).spectrometer.coefficients, ElementsAre("340.2", "0.37", "0", "0"));
}

TEST_F(ScenarioTest, MistakesNameFileLineAndKeyAndTheNearestRightOne) {
  const std::string top = "[[instrument]]\nname = \"x\"\nfiles = [\"a.txt\"]\n";
  const std::pair<std::string, const char*> cases[] = {
      {top + "buad = 9600\n", "lab.toml:4: [[instrument]] \"x\": unknown key \"buad\", did you mean \"baud\"?"},
      {top + "pause_every = 2\n",
       "lab.toml:4: [[instrument]] \"x\": unknown key \"pause_every\", did you mean \"pause-every\"?"},
      {top + "baud = 9\n", "lab.toml:4: [[instrument]] \"x\": \"baud\": Value 9 not in range 50 to 4000000"},
      {top + "gap = 300\n", "lab.toml:4: [[instrument]] \"x\": \"gap\": \"300\" is no time"},
      {top + "unpaced = \"yes\"\n", "lab.toml:4: [[instrument]] \"x\": \"unpaced\" must be true or false"},
      {top + "baud = 1.5\n", "lab.toml:4: [[instrument]] \"x\": \"baud\" must be a text or a whole number"},
      {top + "answer-timeout = \"16s\"\n",
       "lab.toml:4: [[instrument]] \"x\": \"answer-timeout\": \"16s\" must be more than 0 and at most the standard's "
       "15s"},
      {top + "pause-every = 2\n", "lab.toml:1: [[instrument]] \"x\": --pause-every requires --pause"},
      {top + "frame-size = 100\n",
       "lab.toml:1: [[instrument]] \"x\": --frame-size: means nothing with --protocol print"},
      {top + "form-feed = true\nprotocol = \"astm\"\n",
       "lab.toml:1: [[instrument]] \"x\": --form-feed: means nothing with --protocol astm"},
      {top + "count = 1\nrepeat = 2\n", "lab.toml:1: [[instrument]] \"x\": --repeat excludes --count"},
      {top + top, "lab.toml:4: [[instrument]] \"x\": the name \"x\" is already that of the instrument in line 1"},
      {top + "[[instrument]]\nname = \"y\"\nlink = \"x\"\nfiles = [\"a.txt\"]\n",
       "lab.toml:4: [[instrument]] \"y\": the link \"/links/x\" is already that of the instrument in line 1"},
      {top + "protocol = \"kern\"\n", "lab.toml:1: [[instrument]] \"x\": files: means nothing with --protocol kern"},
      {"[[instrument]]\nname = \"x\"\nprotocol = \"and\"\nform-feed = true\n",
       "lab.toml:1: [[instrument]] \"x\": --form-feed: means nothing with --protocol and"},
      {top + "hold = \"1s\"\n", "lab.toml:1: [[instrument]] \"x\": --hold: means nothing with --protocol print"},
      {"[[instrument]]\nname = \"x\"\n", "lab.toml:1: [[instrument]] \"x\": missing key \"files\""},
      {top + "protocol = \"ocean-optics\"\n", "lab.toml:1: [[instrument]] \"x\": files: means nothing with"},
      {"[[instrument]]\nfiles = [\"a.txt\"]\n", "lab.toml:1: [[instrument]] number 1: missing key \"name\""},
      {"[[instrument]]\nname = \"x\"\nfiles = \"a.txt\"\n",
       "lab.toml:3: [[instrument]] \"x\": \"files\" must be a list of paths"},
      {"[[instrument]]\nname = \"x\"\nfiles = [\"c*.txt\"]\n", "lab.toml:3: [[instrument]] \"x\": no file is named"},
      {"[[instruments]]\nname = \"x\"\n", "lab.toml:1: unknown key \"instruments\", did you mean \"instrument\"?"},
      {"[instrument]\nname = \"x\"\n", "lab.toml:1: each instrument must be a table headed [[instrument]]"},
      {"# nothing\n", "lab.toml:1: there is no [[instrument]] in it"},
      {"[[instrument]]\nname = \n", "lab.toml:2: this is not TOML: "},
  };
  for (const auto& [text, message] : cases) EXPECT_THAT(Mistake(text), StartsWith(message)) << text;
  EXPECT_THAT(std::string(ReadScenario("/nowhere/lab.toml", "").status().message()),
              HasSubstr("\"/nowhere/lab.toml\" cannot be read"));
}

TEST_F(ScenarioTest, AllMistakesAreToldInTheOrderOfTheFile) {
  const std::string told = Mistake("[[instrument]]\nbuad = 1\nname = \"x\"\ngap = \"x\"\nfiles = [\"none\"]\n");
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(told, '\n')),
              ElementsAre(StartsWith("lab.toml:2: "), HasSubstr("lab.toml:4: "), HasSubstr("lab.toml:5: ")));
}

TEST_F(ScenarioTest, ABalanceNeedsNoFiles) {
  const auto commands =
      Read("[[instrument]]\nname = \"x\"\nprotocol = \"mt-sics\"\non-request = true\nhold = \"4s\"\n");
  ASSERT_TRUE(commands.ok()) << commands.status();
  EXPECT_TRUE((*commands)[0].on_request);
  EXPECT_EQ((*commands)[0].hold, "4s");
}

TEST(Scenario, OfTheTreeIsRightAndItsInstrumentsCanBeMade) {
  const std::string folder = testing::TempDir();
  auto commands = ReadScenario(DIMS_SOURCE_DIR "/simulator/lab.toml", folder);
  ASSERT_TRUE(commands.ok()) << commands.status();
  EXPECT_GE(commands->size(), 3u);
  for (InstrumentCommand& command : *commands) {
    command.link = command.log = "";
    EXPECT_TRUE(SimulatedInstrument::Make(command, -1).ok()) << command.options.name;
  }
}

}  // namespace
}  // namespace dims
