#include "drivers/framing.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "drivers/decimal.h"
#include "drivers/encoding.h"

namespace dims {
namespace {

using namespace std::string_literals;  // clang-tidy 14 sees no use of a using-declaration for an operator""

// The frames of `bytes`, each found as soon as it can be, with one more byte at a time.
std::vector<std::string> Lines(const std::string& bytes) {
  std::vector<std::string> lines;
  std::size_t from = 0, seen = 0;
  for (std::size_t end = 1; end <= bytes.size(); ++end) {
    while (from < end) {
      const Scan scan = ScanLine(absl::string_view(bytes).substr(from, end - from), seen);
      if (scan.kind == Scan::kMore) {
        seen = end - from;
        break;
      }
      lines.push_back(bytes.substr(from, scan.size));
      from += scan.size;
      seen = 0;
    }
  }
  if (from < bytes.size()) lines.push_back("rest: " + bytes.substr(from));
  return lines;
}

std::string Utf16(const std::string& ascii, bool big_endian) {
  std::string out;
  for (const char c : ascii) out += big_endian ? "\0"s + c : c + "\0"s;
  return out;
}

using List = std::vector<std::string>;

TEST(ScanLine, EndsALineAtCrLfAtLfAndAtCrAlone) {
  EXPECT_EQ(Lines("ab\r\ncd\nef\rgh\n"), (List{"ab\r\n", "cd\n", "ef\r", "gh\n"}));
}

TEST(ScanLine, WaitsAtACrForItsLf) { EXPECT_EQ(Lines("ab\r"), (List{"rest: ab\r"})); }

TEST(ScanLine, SaysThatACrHasEndedTheLineIfNothingFollows) {
  EXPECT_EQ(ScanLine("ab\r", 0).size, 3u);
  EXPECT_EQ(ScanLine("ab\r", 2).size, 3u);
  EXPECT_EQ(ScanLine("ab", 0).size, 0u);
  EXPECT_EQ(ScanLine("a\0b\0\r"s, 0).size, 0u) << "half a character";
}

TEST(ScanLine, GivesBlankLinesOneByOne) {
  EXPECT_EQ(Lines("\r\n \r\n\n\nx\n"), (List{"\r\n", " \r\n", "\n", "\n", "x\n"}));
}

TEST(ScanLine, GivesAFormFeedAloneWhereverItStands) {
  EXPECT_EQ(Lines("\fab\fcd\r\n\f\n"), (List{"\f", "ab", "\f", "cd\r\n", "\f", "rest: \n"}));
}

TEST(ScanLine, ReadsUtf16OfBothOrdersWithAndWithoutAByteOrderMark) {
  const std::string text = "Data\r\n\r\n5.4\r\n\fx\r\n";
  for (const bool big_endian : {false, true}) {
    const auto u = [&](const std::string& s) { return Utf16(s, big_endian); };
    const std::string mark = big_endian ? "\xfe\xff" : "\xff\xfe";
    EXPECT_EQ(Lines(u(text)), (List{u("Data\r\n"), u("\r\n"), u("5.4\r\n"), u("\f"), u("x\r\n")})) << big_endian;
    EXPECT_EQ(Lines(mark + u(text)), (List{mark + u("Data\r\n"), u("\r\n"), u("5.4\r\n"), u("\f"), u("x\r\n")}));
  }
}

TEST(ScanLine, AStrayNulDoesNotMakeALineUtf16) {
  EXPECT_EQ(Lines("1 6.055\0 12\r\nx\n"s), (List{"1 6.055\0 12\r\n"s, "x\n"}));
}

TEST(ScanLine, FindsTheNextUtf16LineAfterALostByte) {
  std::string bytes = Utf16("first line\r\nsecond line\r\nthird line\r\n", false);
  bytes.erase(3, 1);
  const std::vector<std::string> lines = Lines(bytes);
  ASSERT_EQ(lines.size(), 4u);  // the rest is the half character at the end
  EXPECT_EQ(ToUtf8(lines[2], Encoding::kAuto).utf8, "third line\r\n");
}

TEST(Encoding, GivesValidUtf8ForEveryByteOfEveryPage) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (const Encoding encoding :
       {Encoding::kAuto, Encoding::kUtf8, Encoding::kCp1252, Encoding::kLatin1, Encoding::kCp437, Encoding::kCp850,
        Encoding::kCp932, Encoding::kGbk, Encoding::kUtf16Le, Encoding::kUtf16Be}) {
    const Text text = ToUtf8(all, encoding);
    EXPECT_FALSE(ToUtf8(text.utf8, Encoding::kUtf8).damaged);
  }
}

TEST(Encoding, KnowsTheMicroSignAndTheDegreeOfEveryPage) {
  EXPECT_EQ(ToUtf8("\xb5g \xb0", Encoding::kCp1252).utf8, "µg °");
  EXPECT_EQ(ToUtf8("\xb5g \xb0", Encoding::kLatin1).utf8, "µg °");
  EXPECT_EQ(ToUtf8("\xe6g \xf8", Encoding::kCp437).utf8, "µg °");
  EXPECT_EQ(ToUtf8("\xe6g \xf8", Encoding::kCp850).utf8, "µg °");
  EXPECT_EQ(ToUtf8("\xb5\x00g\x00"s, Encoding::kUtf16Le).utf8, "µg");
  EXPECT_EQ(ToUtf8("\x00\xb5\x00g"s, Encoding::kUtf16Be).utf8, "µg");
  EXPECT_EQ(ToUtf8("\xd8\x3d\xde\x00"s, Encoding::kUtf16Be).utf8, "\xf0\x9f\x98\x80");
}

TEST(Encoding, SaysThatABytesHasNoCharacter) {
  EXPECT_EQ(ToUtf8("a\x81z", Encoding::kCp1252).utf8, "a\xef\xbf\xbdz");
  EXPECT_TRUE(ToUtf8("a\x81z", Encoding::kCp1252).damaged);
  EXPECT_FALSE(ToUtf8("a\x81z", Encoding::kCp437).damaged);
  EXPECT_TRUE(ToUtf8("\xc0\xaf", Encoding::kUtf8).damaged) << "an overlong form";
  EXPECT_TRUE(ToUtf8("\xed\xa0\x80", Encoding::kUtf8).damaged) << "a surrogate";
  EXPECT_TRUE(ToUtf8("a\x00z"s, Encoding::kUtf16Le).damaged) << "half a character";
  EXPECT_TRUE(ToUtf8("\x3d\xd8z\x00"s, Encoding::kUtf16Le).damaged) << "half a surrogate pair";
}

TEST(Encoding, AutoTakesUtf8WhereItIsValidElseTheWindowsPage) {
  EXPECT_EQ(ToUtf8("\xc3\xa9", Encoding::kAuto).utf8, "é");
  EXPECT_EQ(ToUtf8("\xe9t\xe9", Encoding::kAuto).utf8, "été");
}

TEST(Encoding, ReadsTheTwoBytePagesOfTheFarEast) {
  EXPECT_EQ(ToUtf8("\xd1\xf9\xc6\xb7 S1\t\xbf\xa7\xb7\xc8\xd2\xf2", Encoding::kGbk).utf8, "样品 S1\t咖啡因");
  EXPECT_EQ(ToUtf8("\x83\x4a\x83\x74\x83\x46\x83\x43\x83\x93 \xb6", Encoding::kCp932).utf8, "カフェイン ｶ");
  EXPECT_EQ(ToUtf8("C:\\a~b|c", Encoding::kCp932).utf8, "C:\\a~b|c");
  for (const Encoding encoding : {Encoding::kCp932, Encoding::kGbk}) {
    // A byte that lost its second takes nothing else with it.
    for (const std::string rest : {"\t1.5", "", "\r\n"}) {
      const Text text = ToUtf8("a\x85" + rest, encoding);
      EXPECT_TRUE(text.damaged) << rest;
      EXPECT_TRUE(absl::EndsWith(text.utf8, "\xef\xbf\xbd" + rest)) << rest;
    }
    for (int lead = 0x80; lead < 0x100; ++lead) {
      std::string bytes;
      for (int trail = 0; trail < 0x100; ++trail) bytes += {static_cast<char>(lead), static_cast<char>(trail)};
      const Text text = ToUtf8(bytes, encoding);
      ASSERT_FALSE(ToUtf8(text.utf8, Encoding::kUtf8).damaged) << lead;
    }
  }
}

class OneLine final : public TextDecoder {
 public:
  OneLine() : TextDecoder(Encoding::kAuto) {}
  TextLine line;

 protected:
  void OnLine(const TextLine& given, Events&) override { line = given; }
};

TextLine Decoded(const std::string& bytes) {
  OneLine decoder;
  Events events;
  decoder.OnFrame(Frame{bytes, {}, 0}, events);
  return decoder.line;
}

std::string Printed(const std::string& bytes) { return Decoded(bytes).text; }

TEST(TextDecoder, SaysThatALineIsInNoWesternScript) {
  for (const char* bytes : {"\xd1\xf9\xc6\xb7\r\n", "1\t\xbf\xa7\xb7\xc8\xd2\xf2\t5\r\n", "\xcf\xf0\xee\xe1\xe0\r\n",
                            "ab\xb6\xcc\xaa\xb2\xdd\r\n"}) {
    EXPECT_TRUE(Decoded(bytes).damaged) << bytes;
  }
  for (const char* bytes : {"\xe9t\xe9 \xc4\xd6\xdc\r\n", "\x96\x96\x96\x96\x96\x96\r\n",
                            "a \xb7\xb7\xb7\xb7\xb7 5\r\n", "\xe6\xa0\xb7\xe5\x93\x81\r\n", "\xab\xa0\xb5\r\n"}) {
    EXPECT_FALSE(Decoded(bytes).damaged) << bytes;
  }
}

TEST(TextDecoder, KnowsTheFirstLineOfAFileByItsByteOrderMark) {
  EXPECT_TRUE(Decoded("\xef\xbb\xbf"
                      "1\r\n")
                  .byte_order_mark);
  EXPECT_TRUE(Decoded(std::string("\xff\xfe"
                                  "1\0\r\0\n\0",
                                  8))
                  .byte_order_mark);
  EXPECT_TRUE(Decoded(std::string("\xfe\xff\0"
                                  "1\0\r\0\n",
                                  8))
                  .byte_order_mark);
  EXPECT_FALSE(Decoded("1\r\n").byte_order_mark);
  EXPECT_FALSE(Decoded(std::string("1\0\r\0\n\0", 6)).byte_order_mark);
}

TEST(TextDecoder, TakesOutWhatOnlyThePrinterUnderstands) {
  EXPECT_EQ(Printed("\x1b"
                    "E\x1b&l0O\x1b(s10HPeak\r\n"),
            "Peak");
  EXPECT_EQ(Printed("P\bPe\bea\bak\bk"), "Peak");
  EXPECT_EQ(Printed("a\b_b\b_"), "ab");
  EXPECT_EQ(Printed("  7.5  \r\n"), "  7.5");
  EXPECT_EQ(Printed("a\x1b\xc3\xa9z"), "a\x1b\u00e9z") << "half a character would be no UTF-8";
}

TEST(Decimal, TakesNumbersOnlyAndTakesThemExactly) {
  EXPECT_EQ(Decimal::Parse("38.003")->units, 38003);
  EXPECT_EQ(Decimal::Parse("38,003")->scale, 3);
  EXPECT_EQ(Decimal::Parse("-0.35")->units, -35);
  EXPECT_EQ(Decimal::Parse(".5")->units, 5);
  for (const char* text : {"", "-", ".", "1.2.3", "<5", "12 ", "0x1", "1e5", "N.D.", "1234567890123456789"}) {
    EXPECT_FALSE(Decimal::Parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace dims
