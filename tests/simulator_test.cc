// Transcripts and print-outs: what a simulated instrument has to say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "drivers/transcript.h"
#include "simulator/printout.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;
using Kind = TranscriptStep::Kind;

std::vector<std::string> FilesIn(const std::string& folder, const std::string& ending) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat(DIMS_SOURCE_DIR, "/", folder))) {
    if (absl::EndsWith(entry.path().string(), ending)) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool Equal(const TranscriptStep& a, const TranscriptStep& b) {
  return a.kind == b.kind && a.text == b.text && a.name == b.name && a.wait == b.wait && a.size == b.size;
}

// Transcripts

TEST(Transcript, ComesBackAsItWasWrittenWhateverTheBytes) {
  std::mt19937 random(7);
  const std::string frequent = "\r\n\r\n  <>|+#:abc\t\f";
  for (int round = 0; round < 500; ++round) {
    Transcript transcript;
    for (int i = 0; i < 6; ++i) {
      TranscriptStep& step = transcript.steps.emplace_back();
      step.kind = random() % 2 ? Kind::kInstrument : Kind::kBridge;
      const std::size_t size = 1 + random() % (round % 10 == 0 ? 2000 : 40);
      while (step.text.size() < size) step.text += random() % 2 ? frequent[random() % frequent.size()] : char(random());
      TranscriptStep& other = transcript.steps.emplace_back();
      other.kind = std::array{Kind::kWait, Kind::kNoise, Kind::kPadding, Kind::kReport, Kind::kComment}[random() % 5];
      if (other.kind == Kind::kWait) other.wait = absl::Milliseconds(1 + random() % 100000);
      if (other.kind == Kind::kNoise || other.kind == Kind::kPadding) other.size = 1 + random() % 1000;
      if (other.kind == Kind::kReport) other.text = random() % 2 ? "a: 1\n  b { c: \"<x>\" }\n\nd: 2" : "a: 1";
      if (other.kind == Kind::kComment) other.text = random() % 2 ? " indented # text" : "";
    }
    const std::string text = WriteTranscript(transcript);
    const absl::StatusOr<Transcript> read = ParseTranscript("t", text);
    ASSERT_TRUE(read.ok()) << read.status() << "\n" << text;
    ASSERT_TRUE(
        std::equal(transcript.steps.begin(), transcript.steps.end(), read->steps.begin(), read->steps.end(), Equal))
        << text;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      EXPECT_FALSE(absl::EndsWith(line, " ")) << "an editor would cut this blank: " << line;
      EXPECT_LE(line.size(), 120);
    }
  }
}

TEST(Transcript, EveryByteHasAnEscapeThatNamesItAlone) {
  for (int i = 0; i < 256; ++i) {
    const std::string byte(1, static_cast<char>(i));
    EXPECT_EQ(*UnescapeBytes(EscapeBytes(byte)), byte);
    EXPECT_EQ(*UnescapeBytes(absl::StrFormat("<x%02x>", i)), byte);
  }
  EXPECT_EQ(EscapeBytes("\x05\x02"
                        "1H<\r\n\xe9"),
            "<ENQ><STX>1H<lt><CR><LF><xE9>");
}

TEST(Transcript, IsReadStepByStep) {
  const auto transcript = ParseTranscript("t",
                                          "# at the bench\noption: encoding = cp437\n\nbridge: S<CR><LF>\n"
                                          "instrument: S S\n+      1.00 g<CR>\n+ <LF>\n| second\n|\n"
                                          "report: weighings {\n|   value: \"1.00\"\n| }\nwait: 1.5s\nnoise: 2\n");
  ASSERT_TRUE(transcript.ok()) << transcript.status();
  ASSERT_THAT(transcript->steps, SizeIs(7));
  EXPECT_EQ(transcript->steps[1].name, "encoding");
  EXPECT_EQ(transcript->steps[1].text, "cp437");
  EXPECT_EQ(transcript->steps[2].text, "S\r\n");
  EXPECT_EQ(transcript->steps[3].text, "S S     1.00 g\r\nsecond\r\n\r\n");
  EXPECT_EQ(transcript->steps[3].line, 5);
  EXPECT_EQ(transcript->steps[4].text, "weighings {\n  value: \"1.00\"\n}");
  EXPECT_EQ(transcript->steps[5].wait, absl::Milliseconds(1500));
  EXPECT_EQ(transcript->steps[6].size, 2);
}

TEST(Transcript, MistakesNameFileAndLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"# x\ninstrumnt: S\n", "x.transcript:2: \"instrumnt: S\" is no line of a transcript"},
      {"instrument: S<BEEP>\n", "x.transcript:1: unknown escape <BEEP>"},
      {"instrument: a < b\n", "x.transcript:1: the escape \"< b\" has no \">\""},
      {"bridge: S\n\n| more\n", "x.transcript:3: a line that begins with | or + continues"},
      {"report: a: 1\n+ b\n", "x.transcript:2: lines of a report begin with |"},
      {"bridge: S\noption: a=b\n", "x.transcript:2: an option stands before the first bytes"},
      {"option: a\n", "x.transcript:1: an option is written name=value"},
      {"wait: 5\n", "x.transcript:1: \"5\" is no time to wait"},
      {"wait: -5s\n", "x.transcript:1: \"-5s\" is no time to wait"},
      {"noise: few\n", "x.transcript:1: \"few\" is no number of bytes"},
      {"padding: 0\n", "x.transcript:1: \"0\" is no number of bytes"},
      {"# x\n\ninstrument:\nbridge: S\n", "x.transcript:3: nothing is sent here"},
  };
  for (const auto& [text, message] : cases) {
    const auto transcript = ParseTranscript("x.transcript", text);
    ASSERT_FALSE(transcript.ok()) << text;
    EXPECT_THAT(std::string(transcript.status().message()), StartsWith(message));
  }
  EXPECT_THAT(std::string(ReadTranscript("/nowhere/x.transcript").status().message()), HasSubstr("No such file"));
}

TEST(Transcript, ThoseOfTheTreeSurviveBeingWrittenAgain) {
  const std::vector<std::string> files = FilesIn("tests/transcripts", ".transcript");
  EXPECT_GE(files.size(), 6u);
  for (const std::string& file : files) {
    const auto transcript = ReadTranscript(file);
    ASSERT_TRUE(transcript.ok()) << transcript.status();
    const auto again = ParseTranscript("again", WriteTranscript(*transcript));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(
        std::equal(transcript->steps.begin(), transcript->steps.end(), again->steps.begin(), again->steps.end(), Equal))
        << file;
  }
}

// Print-outs

using PrintoutTest = ScratchTest;

Original TextOf(const std::string& text) { return {.file = "x.txt", .text = text}; }

std::string ReportOf(const Printout& printout) {
  return printout.bytes.substr(printout.begin, printout.end - printout.begin);
}

TEST_F(PrintoutTest, TheReportGoesFromTheFirstLineThatIsNotBlankToTheLast) {
  for (const std::string line_end : {"\r\n", "\n", "\r"}) {
    for (const bool form_feed : {false, true}) {
      const auto printout =
          Print(TextOf("\n \n  first\n\n\x0clast  \n \n\n"), 1, {.line_end = line_end, .form_feed = form_feed});
      ASSERT_TRUE(printout.ok()) << printout.status();
      EXPECT_EQ(ReportOf(*printout), absl::StrCat("  first", line_end, line_end, "\x0clast  ", line_end));
      EXPECT_EQ(printout->bytes.substr(0, printout->begin), absl::StrCat(line_end, " ", line_end));
      EXPECT_EQ(printout->bytes.substr(printout->end), absl::StrCat(" ", line_end, line_end, form_feed ? "\x0c" : ""));
    }
  }
  EXPECT_EQ(ReportOf(*Print(TextOf("\x0c  first"), 1, {})), "  first\r\n");
}

TEST_F(PrintoutTest, ANewSampleNumberChangesNothingElse) {
  const Original original = TextOf(
      "  Data File : OLD.D           \n  Sample    : OLD\n  Misc      : OLD\n  Signal     : TIC: OLD.D\\data.ms\n");
  const auto printout = Print(original, 7, {.rename_sample = "DIMS-260114", .line_end = "\n"});
  ASSERT_TRUE(printout.ok()) << printout.status();
  EXPECT_EQ(printout->sample, "DIMS-260114-0007");
  EXPECT_EQ(printout->bytes,
            "  Data File : DIMS-260114-0007.D           \n  Sample    : DIMS-260114-0007\n  Misc      : OLD\n"
            "  Signal     : TIC: DIMS-260114-0007.D\\data.ms\n");
  EXPECT_EQ(Print(TextOf(" Sample :\n"), 12345, {.rename_sample = "A", .line_end = "\n"})->bytes,
            " Sample : A-12345\n");
  EXPECT_THAT(std::string(Print(TextOf("no such line\n"), 1, {.rename_sample = "A"}).status().message()),
              HasSubstr("x.txt: there is no line \"Sample : ...\""));
}

TEST_F(PrintoutTest, EachCodePageHasItsOwnBytes) {
  const std::pair<const char*, const char*> cases[] = {{"cp1252", "\xb5\xb0\xe9"},
                                                       {"latin-1", "\xb5\xb0\xe9"},
                                                       {"cp437", "\xe6\xf8\x82"},
                                                       {"cp850", "\xe6\xf8\x82"},
                                                       {"utf-8", "µ°é"}};
  for (const auto& [name, bytes] : cases) {
    EXPECT_EQ(Print(TextOf("µ°é"), 1, {.line_end = "\n", .code_page = *ParseCodePage(name)})->bytes,
              absl::StrCat(bytes, "\n"))
        << name;
  }
  const auto wide = Print(TextOf("\na\n"), 1, {.code_page = CodePage::kUtf16Le});
  EXPECT_EQ(ReportOf(*wide), std::string("a\0\r\0\n\0", 6));
  EXPECT_FALSE(ParseCodePage("ebcdic").ok());
}

TEST_F(PrintoutTest, ACharacterThatTheCodePageLacksIsAnErrorWithItsLine) {
  const absl::Status status = CheckPrintable(TextOf("a\nb\n10 µL €\n"), {.code_page = CodePage::kLatin1});
  EXPECT_EQ(status.message(), "x.txt:3: the character \"€\" (U+20AC) is not in the code page latin-1 (--codepage)");
  EXPECT_TRUE(CheckPrintable(TextOf("a\nb\n10 µL €\n"), {.code_page = CodePage::kCp1252}).ok());
}

TEST_F(PrintoutTest, FilesAreUtf8OrUtf16) {
  const std::string le("\xff\xfeM\0\xe9\0\r\0\n\0", 10), be("\xfe\xff\0M\0\xe9\0\r\0\n", 10);
  for (const std::string& content : {std::string("Mé\r\n"), std::string("\xef\xbb\xbfMé\n"), le, be}) {
    const auto originals = ReadOriginals(ScratchFile("in.txt", content));
    ASSERT_TRUE(originals.ok()) << originals.status();
    EXPECT_EQ(originals->at(0).text, "Mé\n");
  }
  EXPECT_THAT(std::string(ReadOriginals(ScratchFile("in.txt", "a\nM\xe9 x\n")).status().message()),
              AllOf(HasSubstr("in.txt: line 2"), HasSubstr("0xE9"), HasSubstr("UTF-16 with a byte order mark")));
  EXPECT_FALSE(ReadOriginals(ScratchFile("in.txt", " \n\n")).ok());
}

TEST_F(PrintoutTest, ATranscriptGivesOnePrintOutForEachReport) {
  const auto originals = ReadOriginals(ScratchFile("in.transcript",
                                                   "instrument: <xFE>one<CR><LF>\nnoise: 1\nreport:\nbridge: <ACK>\n"
                                                   "instrument:\n| two <xB5>\nreport:\ninstrument: <FF>\n"));
  ASSERT_TRUE(originals.ok()) << originals.status();
  ASSERT_THAT(*originals, SizeIs(2));
  const auto one = Print(originals->at(0), 1, {}), two = Print(originals->at(1), 2, {});
  EXPECT_EQ(one->bytes, "\xfeone\r\n");
  EXPECT_EQ(ReportOf(*one), "one\r\n");
  EXPECT_EQ(two->bytes, "two \xb5\r\n\f");
  EXPECT_EQ(ReportOf(*two), "two \xb5\r\n");
}

bool IsRow(const std::string& line) { return absl::EndsWith(line, "%") && !absl::StrContains(line, "max."); }

TEST_F(PrintoutTest, PagesHoldEveryLineOnceAndRepeatTheHeader) {
  for (const std::string& file : FilesIn("simulator/reports", ".txt")) {
    const Original original = ReadOriginals(file)->at(0);
    const std::vector<std::string> lines = absl::StrSplit(original.text, '\n');
    const auto rows = std::count_if(lines.begin(), lines.end(), IsRow);
    for (int length = 28; length < 70; ++length) {
      SCOPED_TRACE(absl::StrCat(file, ", pages of ", length));
      const auto printout = Print(original, 1, {.line_end = "\n", .code_page = CodePage::kUtf8, .page_length = length});
      ASSERT_TRUE(printout.ok()) << printout.status();
      EXPECT_EQ(printout->end, printout->bytes.size());
      const std::vector<std::string> pages = absl::StrSplit(printout->bytes, '\f');
      long rows_seen = 0;
      for (std::size_t i = 0; i < pages.size(); ++i) {
        std::vector<std::string> page = absl::StrSplit(absl::StripSuffix(pages[i], "\n"), '\n');
        EXPECT_LE(page.size(), static_cast<std::size_t>(length));
        EXPECT_TRUE(std::equal(lines.begin(), lines.begin() + 21, page.begin())) << "the header, to the ruler";
        EXPECT_THAT(page.back(), testing::EndsWith(absl::StrCat(" 2026   Page: ", i + 1)));
        rows_seen += std::count_if(page.begin(), page.end(), IsRow);
        EXPECT_EQ(absl::StrContains(pages[i], "Sum of corrected areas:"), i + 1 == pages.size());
      }
      EXPECT_EQ(rows_seen, rows);
      EXPECT_TRUE(pages.size() > 1 || rows + 21 <= length);
    }
  }
  EXPECT_EQ(Print(TextOf("1\n2\n3\n"), 1, {.line_end = "\n", .page_length = 2})->bytes, "1\n2\n\f3\n");
  const Original report = ReadOriginals(FilesIn("simulator/reports", ".txt")[0])->at(0);
  EXPECT_THAT(std::string(Print(report, 1, {.page_length = 20}).status().message()),
              AllOf(HasSubstr("a page of 20 lines is too short"), HasSubstr("--page-length")));
}

// hundred * part / whole with so many decimals, half away from zero.
std::string Percent(std::int64_t part, std::int64_t whole, int places) {
  std::int64_t scale = 1;
  for (int i = 0; i < places; ++i) scale *= 10;
  const std::int64_t units = (2 * 100 * scale * part + whole) / (2 * whole);
  return absl::StrFormat("%d.%0*d%%", units / scale, places, units % scale);
}

TEST(Reports, OfTheTreeAgreeWithThemselves) {
  const std::vector<std::string> files = FilesIn("simulator/reports", ".txt");
  EXPECT_GE(files.size(), 6u);
  std::size_t most = 0;
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    std::vector<std::vector<std::string>> rows;
    std::int64_t sum = 0, largest = 0, stated = 0;
    const std::string text = ReadOriginals(file)->at(0).text;
    for (const absl::string_view line : absl::StrSplit(text, '\n')) {
      if (IsRow(std::string(line))) rows.push_back(absl::StrSplit(line, ' ', absl::SkipEmpty()));
      const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
      if (absl::StrContains(line, "Sum of corrected areas:")) {
        ASSERT_TRUE(absl::SimpleAtoi(words.back(), &stated));
      }
    }
    const auto area = [](const std::vector<std::string>& row) { return std::stoll(row[row.size() - 3]); };
    for (const auto& row : rows) {
      sum += area(row);
      largest = std::max<std::int64_t>(largest, area(row));
    }
    EXPECT_EQ(sum, stated);
    for (const auto& row : rows) {
      EXPECT_EQ(row[row.size() - 2], Percent(area(row), largest, 2));
      EXPECT_EQ(row.back(), Percent(area(row), sum, 3));
    }
    most = std::max(most, rows.size());
  }
  EXPECT_EQ(most, 28u);
}

}  // namespace
}  // namespace dims
