// What a simulated analyser has to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "simulator/astm_message.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

const absl::Time kTime = absl::FromCivil(absl::CivilSecond(2026, 1, 14, 10, 15, 0), absl::UTCTimeZone());

class MessageTest : public ScratchTest {
 protected:
  AstmText Composed(const std::string& file, AstmOptions options = {}, std::uint64_t number = 7) {
    options.time_zone = absl::UTCTimeZone();
    const auto originals = ReadAstmOriginals(ScratchFile("m.astm", file));
    EXPECT_TRUE(originals.ok()) << originals.status();
    if (!originals.ok()) return {};
    const auto text = Compose(originals->at(0), number, kTime, options);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : AstmText{};
  }
};

TEST_F(MessageTest, HasItsOwnControlIdAndTimeAndIsElseAsItsFileSays) {
  const AstmText text = Composed(
      "# a remark\n\nH|\\^&|old||A^1||||| ||P|1394-97|19990101\r\nP|1\nO|1| S-1 ^2||^^^FEN\nR|1|^^^FEN|7,41\nL|1|N\n");
  EXPECT_EQ(text.text,
            "H|\\^&|7||A^1||||| ||P|1394-97|20260114101500\rP|1\rO|1| S-1 ^2||^^^FEN\rR|1|^^^FEN|7,41\rL|1|N\r");
  EXPECT_EQ(text.sample, "S-1");
  EXPECT_EQ(Composed("H|\\^&\nL|1\n").text, "H|\\^&|7|||||||||||20260114101500\rL|1\r");
}

TEST_F(MessageTest, ANewSampleNumberChangesNothingElseOfTheOrder) {
  const AstmText text = Composed("H|@^\\|\nO|1|OLD^A^07|x|t\nO|2||OLD\nL|1\n", {.rename_sample = "D"}, 12);
  EXPECT_THAT(text.text, HasSubstr("\rO|1|D-0012^A^07|x|t\rO|2|D-0012-2|OLD\rL|1\r"));
  EXPECT_EQ(text.sample, "D-0012");
}

TEST_F(MessageTest, TheSampleNumberStandsInTheOrdersFourthFieldWhereTheThirdIsEmpty) {
  EXPECT_EQ(Composed("H|\\^&\nO|1||S-2^1\nO|2|S-3\nL|1\n").sample, "S-2");
}

TEST_F(MessageTest, ItsTextIsInTheAnalysersCodePage) {
  EXPECT_THAT(Composed("H|\\^&\nR|1||0,3|µg\nL|1\n", {.code_page = *ParseCodePage("cp437")}).text,
              HasSubstr("|\xe6g\r"));
  const auto originals = ReadAstmOriginals(ScratchFile("m.astm", "H|\\^&\nR|1||0,3|€\nL|1\n"));
  EXPECT_THAT(std::string(Compose(originals->at(0), 1, kTime, {.code_page = CodePage::kLatin1}).status().message()),
              HasSubstr("m.astm:1: in this message: the character \"€\" (U+20AC) is not in the code page latin-1"));
}

TEST_F(MessageTest, AFileMayHoldSeveral) {
  const auto originals = ReadAstmOriginals(ScratchFile("m.astm", "H|\\^&\nL|1\n# next\nH|\\^&\nR|1\nL|1\n"));
  ASSERT_TRUE(originals.ok()) << originals.status();
  ASSERT_THAT(*originals, SizeIs(2));
  EXPECT_EQ(originals->at(1).line, 4);
  EXPECT_THAT(originals->at(1).records, SizeIs(3));
}

TEST_F(MessageTest, MistakesNameFileAndLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"# x\nO|1|S\nL|1\n", "m.astm:2: a message begins with H"},
      {"H|\\^&\nO|1|S\nH|\\^&\nL|1\n", "m.astm:3: another message begins before this one has ended"},
      {"H|\\^&\nL|1\nH|\\^&\nO|1\n", "m.astm:3: this message has no end (L)"},
      {"H|\\^&\nX|1\nL|1\n", "m.astm:2: no record: it must begin with one of"},
      {"H|\\^&\nR^1\nL|1\n", "m.astm:2: no record: it must begin with one of"},
      {"H|\\\\^&|\nL|1\n", "m.astm:1: H must define four delimiters"},
      {"H|\\^\nL|1\n", "m.astm:1: H must define four delimiters"},
      {"H|\\^&\nR|1|a\x02z\nL|1\n", "m.astm:2: a character that the standard forbids in frames"},
      {"# nothing\n", "m.astm: there is no message in it"},
  };
  for (const auto& [file, message] : cases) {
    const auto originals = ReadAstmOriginals(ScratchFile("m.astm", file));
    ASSERT_FALSE(originals.ok()) << file;
    EXPECT_THAT(std::string(originals.status().message()), HasSubstr(message));
  }
  EXPECT_THAT(std::string(ReadAstmOriginals("/nowhere/m.astm").status().message()), HasSubstr("No such file"));
}

TEST(Messages, OfTheTreeCanBeSentUnderAnyNumberAndOneIsLong) {
  std::size_t longest = 0, files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DIMS_SOURCE_DIR "/simulator/messages")) {
    const auto originals = ReadAstmOriginals(entry.path());
    ASSERT_TRUE(originals.ok()) << originals.status();
    ++files;
    for (const AstmOriginal& original : *originals) {
      const auto one = Compose(original, 1, kTime, {.rename_sample = "A"});
      const auto two = Compose(original, 2, kTime, {.rename_sample = "A"});
      ASSERT_TRUE(one.ok()) << one.status();
      EXPECT_EQ(one->sample, "A-0001");
      EXPECT_NE(one->text, two->text);
      longest = std::max(longest, one->text.size());
    }
  }
  EXPECT_GE(files, 5u);
  EXPECT_GT(longest, 10 * 240u);
}

}  // namespace
}  // namespace dims
