// What the probe makes of bytes: of every transcript and real file there is, and of what a wrongly set line makes of
//   them.
#include "firmware-bridge/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"
#include "tests/uart.h"

namespace dims {
namespace {

Examined OfBytes(std::string bytes) { return Examine({std::move(bytes), {}, {.baud = 0}}, Catalog()); }

// "astm" where that is named; all that was found, for messages.
std::string Named(const Examined& examined) {
  return examined.Fits() ? std::string(examined.candidates.front().driver->name) : "";
}
std::string Told(const Examined& examined) {
  std::string text = absl::StrCat(Describe(examined.check), ":");
  for (const Candidate& candidate : examined.candidates) absl::StrAppend(&text, "\n  ", candidate.Evidence());
  return text;
}

// Transcripts that are not named after their driver, and why that is right: all others must be.
const std::map<std::string, std::string>& Confusions() {
  static const auto* why = new std::map<std::string, std::string>{
      {"barcode_damaged.transcript", "most of it is no code"},
      {"barcode_framed.transcript", "its codes stand in a frame that only the options describe"},
      {"barcode_only_samples.transcript", "its codes hold blanks, which only the options allow"},
      {"kern_damaged.transcript", "most of it is damage"},
      {"mt_sics_damaged.transcript", "most of it is damage"},
      {"ocean_optics_compressed.transcript", "how it is compressed is said in the options only"},
      {"sartorius_sbi_damaged.transcript", "most of it is damage"},
  };
  return *why;
}

bool SaysSomethingClean(const Outcome& outcome) {
  return absl::c_any_of(outcome.events, [](const ParserEvent& event) {
    const Said* said = std::get_if<Said>(&event);
    return said != nullptr && said->report.problems_size() == 0;
  });
}

class Probing : public testing::TestWithParam<const Driver*> {
 protected:
  const Driver& driver() const { return *GetParam(); }
  // Transcripts by which it must be known.
  std::vector<Input> Known() const {
    std::vector<Input> known;
    for (const Transcript& transcript : TranscriptsOf(driver())) {
      Input input = InputOf(driver(), transcript);
      if (Confusions().contains(input.name)) continue;
      if (SaysSomethingClean(Parse(driver(), input.options, input.bytes))) known.push_back(std::move(input));
    }
    return known;
  }
};

TEST_P(Probing, NamesTheDriverOfEveryTranscriptWithACleanReport) {
  EXPECT_FALSE(Known().empty()) << "no transcript by which it is known";
  for (const Input& input : Known()) {
    const Examined examined = OfBytes(input.bytes);
    EXPECT_EQ(Named(examined), driver().name) << input.name << ": " << Told(examined);
  }
}

TEST_P(Probing, NamesTheDriverOfEveryRealFile) {
  for (const Input& input : CorpusInputsOf(driver())) {
    const Examined examined = OfBytes(input.bytes);
    EXPECT_EQ(Named(examined), driver().name) << input.name << ": " << Told(examined);
  }
}

TEST_P(Probing, DoesNotDependOnTheOrderOfTheCatalog) {
  std::vector<const Driver*> drivers(Catalog().begin(), Catalog().end());
  std::reverse(drivers.begin(), drivers.end());
  for (const Input& input : Known()) {
    EXPECT_EQ(Named(Examine({input.bytes, {}, {}}, drivers)), driver().name) << input.name;
  }
}

// Sevens bits hold no other letters than those of ASCII, and no curve.
bool IsAscii(absl::string_view bytes) {
  return absl::c_all_of(bytes, [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)) && c != '\0'; });
}

TEST_P(Probing, RecognisesSevenBitsInWhatEightShow) {
  for (const Input& input : Known()) {
    if (!IsAscii(input.bytes) || input.bytes.size() < 20) continue;
    SCOPED_TRACE(input.name);
    const std::string bytes = input.bytes.substr(0, 4000);
    const std::string before = Named(OfBytes(bytes));
    for (const char parity : {'E', 'O'}) {
      const Line line{4800, 7, parity};
      const Received received = OverTheWire(bytes, line, {4800, 8, 'N'});
      const Examined examined = Examine({received.bytes, received.marks, {4800, 8, 'N'}}, Catalog());
      EXPECT_EQ(WriteLine(examined.line), WriteLine(line)) << Told(examined);
      EXPECT_EQ(examined.check, parity == 'E' ? LineCheck::kSevenEven : LineCheck::kSevenOdd);
      EXPECT_EQ(Named(examined), before) << Told(examined);
    }
    const Received two_stops = OverTheWire(bytes, {4800, 7, 'N', 2}, {4800, 8, 'N'});
    const Examined examined = Examine({two_stops.bytes, two_stops.marks, {4800, 8, 'N'}}, Catalog());
    EXPECT_EQ(WriteLine(examined.line), "4800 7N2");
    EXPECT_EQ(Named(examined), before) << Told(examined);
  }
}

constexpr int kBauds[] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};

// Every speed against every other: whatever comes out is no driver's, and no text.
TEST_P(Probing, AWrongSpeedIsToldAndIsNoDriver) {
  for (const Input& input : Known()) {
    if (!IsAscii(input.bytes)) continue;
    SCOPED_TRACE(input.name);
    const std::string bytes = input.bytes.substr(0, 400);
    for (const int from : kBauds) {
      for (const int to : kBauds) {
        const Received received = OverTheWire(bytes, {from}, {to});
        const Examined examined = Examine({received.bytes, received.marks, {to}}, Catalog());
        if (from == to) {
          EXPECT_EQ(received.bytes, bytes);
          EXPECT_EQ(examined.check, LineCheck::kText) << Told(examined);
          continue;
        }
        EXPECT_EQ(Named(examined), "") << from << " read at " << to << ": " << Told(examined);
        // Of a few characters at a far higher speed hardly anything arrives.
        if (received.bytes.size() < 16) continue;
        EXPECT_THAT(examined.check, testing::AnyOf(LineCheck::kWrongSpeed, LineCheck::kNoText))
            << from << " read at " << to << ": " << Told(examined);
        // A pseudo-terminal and a terminal server mark nothing.
        EXPECT_EQ(Named(Examine({received.bytes, {}, {to}}, Catalog())), "") << from << " read at " << to;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, Probing, testing::ValuesIn(Catalog().begin(), Catalog().end()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Probe, IsNotNamedAnExceptionWithoutNeed) {
  std::size_t seen = 0;
  for (const Driver* driver : Catalog()) {
    for (const Transcript& transcript : TranscriptsOf(*driver)) {
      const Input input = InputOf(*driver, transcript);
      if (!Confusions().contains(input.name)) continue;
      ++seen;
      EXPECT_NE(Named(OfBytes(input.bytes)), driver->name) << input.name << " needs no exception any more";
    }
  }
  EXPECT_EQ(seen, Confusions().size()) << "an exception for a transcript that there is not";
}

// A balance is switched on, asked, tared and overloaded before something is weighed.
TEST(Probe, StatesAndTrafficBesideOneReadingAreKnownAndAloneAreNothing) {
  const std::string traffic =
      "I4 A \"0099901234\"\r\nI2 A \"XYZ204 220.0009 g\"\r\nZ A\r\nT S     12.0417 g\r\nS I\r\nS +\r\nS -\r\nES\r\n";
  EXPECT_EQ(Named(OfBytes(traffic + "S S     3.0170 g\r\n")), "mt_sics");
  EXPECT_EQ(Named(OfBytes(traffic)), "");
}

// To a balance, a number alone may be a load that has not settled.
TEST(Probe, ALineThatLooksLikeAReadingDoesNotMakeReadingsOfTheOthers) {
  std::string log = "PRESSURE LOG\r\n";
  for (int i = 0; i < 40; ++i) log += absl::StrFormat("%12.2f    \r\n", 900 + i * 1.5);
  EXPECT_EQ(Named(OfBytes(log)), "");
  EXPECT_EQ(Named(OfBytes(log + "        1.00 t  \r\n")), "");
  std::string codes;
  for (int i = 0; i < 20; ++i) codes += absl::StrCat("ABC1203", i, "-100-DR\r\n");
  EXPECT_NE(Named(OfBytes(codes + "N     +  22.5104 g  \r\n")), "sartorius_sbi");
}

TEST(Probe, NamesNothingWhereThereIsNothing) {
  EXPECT_EQ(OfBytes("").check, LineCheck::kSilent);
  for (const char* text : {"", "\r\n\r\n", "hello, is anybody there?\r\n", "login: \r\nPassword: \r\n"}) {
    EXPECT_EQ(Named(OfBytes(text)), "") << text;
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 50; ++i) {
    std::string bytes(4096, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    const Examined examined = OfBytes(bytes);
    ASSERT_EQ(Named(examined), "") << Told(examined);
    ASSERT_EQ(examined.check, LineCheck::kNoText);
  }
}

// Two made-up drivers of lines: one takes whatever stands there, one only what it knows.
template <bool picky>
class Taker final : public Decoder {
 public:
  void OnFrame(const Frame& frame, Events& out) override {
    if (picky && !absl::StartsWith(frame.bytes, "W: ")) return;
    End end;
    end.report.add_weighings()->set_value(std::string(frame.bytes.substr(0, 5)));
    out.push_back(std::move(end));
  }
};

Scan ScanToNewline(absl::string_view waiting, std::size_t seen) {
  const std::size_t end = waiting.find('\n', seen);
  return end == absl::string_view::npos ? Scan{Scan::kMore, 0} : Scan{Scan::kFrame, end + 1};
}

// It understands nothing before it has asked.
class Polling final : public Decoder {
 public:
  void OnOpen(Events& out) override {
    asked_ = true;
    out.push_back(Reply{"Q\r\n", ""});
  }
  void OnFrame(const Frame& frame, Events& out) override {
    if (asked_) taker_.OnFrame(frame, out);
  }

 private:
  Taker<true> taker_;
  bool asked_ = false;
};

template <bool picky>
Driver TakerOf(absl::string_view name, Line line = {}) {
  return {.name = name,
          .title = "made up",
          .version = "1",
          .line = line,
          .scan = ScanToNewline,
          .max_frame = 256,
          .max_report = 256,
          .options = {},
          .make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Taker<picky>>(); }};
}

TEST(Probe, WhoTakesAnythingStandsBehindWhoKnowsTheText) {
  const Driver any = TakerOf<false>("any"), knows = TakerOf<true>("knows");
  const std::vector<const Driver*> drivers = {&any, &knows};
  const Examined known = Examine({"W: 1.0\nW: 2.0\nW: 3.0\nanother line\n", {}, {}}, drivers);
  ASSERT_EQ(known.candidates.size(), 2u);
  EXPECT_EQ(known.candidates[0].driver, &knows);
  EXPECT_TRUE(known.candidates[0].IsSpecific());
  EXPECT_FALSE(known.candidates[1].IsSpecific());
  EXPECT_THAT(known.candidates[1].Evidence(), testing::HasSubstr("takes any text"));
  const Examined unknown = Examine({"one\ntwo\nthree\n", {}, {}}, drivers);
  EXPECT_EQ(Named(unknown), "any");
}

TEST(Probe, WhatAnswersADriversQueryIsKnownByIt) {
  Driver polling = TakerOf<true>("polling");
  polling.make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Polling>(); };
  const Driver* const drivers[] = {&polling};
  EXPECT_EQ(Named(Examine({"W: 1.0\nW: 2.0\n", {}, {}}, drivers)), "polling");
}

TEST(Probe, OfTwoThatKnowTheTextTheOneWhoseInstrumentsAreSetSoIsFirst) {
  const Driver first = TakerOf<true>("first", {1200, 7, 'O'}), second = TakerOf<true>("second", {4800, 8, 'N'});
  const std::vector<const Driver*> drivers = {&first, &second};
  EXPECT_EQ(Named(Examine({"W: 1.0\nW: 2.0\n", {}, {4800}}, drivers)), "second");
  const Received odd = OverTheWire("W: 1.0\nW: 2.0\nW: 3.75\n", {1200, 7, 'O'}, {1200});
  EXPECT_EQ(Named(Examine({odd.bytes, odd.marks, {1200}}, drivers)), "first");
}

TEST(Probe, EightBitsWithParityAreToldFromAWrongSpeed) {
  const std::string text = "The quick brown fox jumps over the lazy dog, 1234567890 times.\r\n";
  for (const char parity : {'E', 'O'}) {
    const Received received = OverTheWire(text, {9600, 8, parity}, {9600, 8, 'N'});
    EXPECT_THAT(CheckLine(received.bytes, received.marks), testing::Ne(LineCheck::kText)) << parity;
    const Received right = OverTheWire(text, {9600, 8, parity}, {9600, 8, parity});
    EXPECT_EQ(right.bytes, text);
    EXPECT_EQ(CheckLine(right.bytes, right.marks), LineCheck::kText);
    const Received other = OverTheWire(text, {9600, 8, parity}, {9600, 8, parity == 'E' ? 'O' : 'E'});
    EXPECT_EQ(CheckLine(other.bytes, other.marks), LineCheck::kEightParity);
  }
}

TEST(Probe, AFewWrongBytesDoNotHideSevenBits) {
  std::string bytes = OverTheWire("A line of text, long enough.\r\n", {9600, 7, 'E'}, {9600}).bytes;
  EXPECT_EQ(CheckLine(bytes, {}), LineCheck::kSevenEven);
  EXPECT_EQ(CheckLine(absl::StrCat("\xff", bytes), {}), LineCheck::kSevenEven);
  EXPECT_EQ(CheckLine("plain text of seven bits\r\n", {}), LineCheck::kText);
  EXPECT_EQ(CheckLine("caf\xe9 au lait, cr\xe8me br\xfbl\xe9"
                      "e\r\n",
                      {}),
            LineCheck::kText);
  EXPECT_EQ(CheckLine("ab\r\n", {}), LineCheck::kText) << "too short for more";
}

}  // namespace
}  // namespace dims
