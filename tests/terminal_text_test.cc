#include "proto/terminal_text.h"

#include <gtest/gtest.h>

#include <string>

namespace dims {
namespace {

TEST(TerminalText, LeavesOrdinaryTextAsItIs) {
  for (const char* text : {"", "Cocaine", "3,4-methylenedioxy", "Zürich", "Ø 5 µg/mL", "试样 7"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(TerminalText, LetsNoByteThatATerminalObeysThrough) {
  for (int byte = 0; byte < 256; ++byte) {
    for (const std::string& text : {std::string(1, static_cast<char>(byte)), std::string("a") + char(byte) + "[2Jb"}) {
      for (const unsigned char c : Printable(text)) {
        EXPECT_GE(c, 0x20) << byte;
        EXPECT_NE(c, 0x7F) << byte;
      }
    }
  }
  EXPECT_EQ(Printable("\x1B[31mred"), "\xEF\xBF\xBD[31mred");
}

TEST(TerminalText, KnowsControlsThatAreWrittenInUtf8) {
  EXPECT_EQ(Printable("\xC2\x9B"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m")
      << "CSI as one code point";
  EXPECT_EQ(Printable("\xE2\x80\xAE"), "\xEF\xBF\xBD") << "right-to-left override";
  EXPECT_EQ(Printable("\xE2\x80\xA8"), "\xEF\xBF\xBD") << "line separator";
}

TEST(TerminalText, EscapesWhatIsHarmfulWhereAProgramReadsItToo) {
  EXPECT_EQ(Escaped("Z\xC3\xBCrich: \"a\"\nb: \"\xC2\x9B"
                    "1\xE2\x80\xAE\x1B\x80\""),
            "Z\xC3\xBCrich: \"a\"\nb: \"\\302\\2331\\342\\200\\256\\033\\200\"");
}

TEST(TerminalText, ReplacesWhatIsNoUtf8) {
  for (const char* bad : {"\x80", "\xC0\xAF", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82"}) {
    const std::string out = Printable(bad);
    EXPECT_EQ(out.find("\xEF\xBF\xBD"), 0u) << out;
    EXPECT_EQ(out.size() % 3, 0u) << "something else than U+FFFD came out";
  }
  EXPECT_EQ(Printable("a\xE2z"), "a\xEF\xBF\xBDz") << "what follows a broken sequence stays";
}

TEST(TerminalText, CountsColumnsNotBytes) {
  EXPECT_EQ(Columns("abc"), 3u);
  EXPECT_EQ(Columns("Zürich"), 6u);
  EXPECT_EQ(Columns("试样"), 4u);
  EXPECT_EQ(Columns("e\xCC\x81"), 1u) << "a combining acute accent";
}

TEST(TerminalText, FitsAnyTextIntoAnyWidth) {
  for (const char* text : {"", "a", "Cocaine hydrochloride", "试样七号", "e\xCC\x81te\xCC\x81", "x试y试z"}) {
    for (std::size_t columns = 0; columns < 25; ++columns) {
      EXPECT_EQ(Columns(Fit(text, columns)), columns) << text;
      EXPECT_EQ(Printable(Fit(text, columns)), Fit(text, columns)) << "cut inside a letter";
    }
  }
  EXPECT_EQ(Fit("Cocaine", 9), "Cocaine  ");
  EXPECT_EQ(Fit("Cocaine", 5), "Coca…");
}

}  // namespace
}  // namespace dims
