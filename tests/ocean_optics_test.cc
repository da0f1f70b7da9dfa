// The driver of Ocean Optics spectrometers: what it takes for a spectrum, and how it deals with a device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/ocean_line.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr char kAck[] = "\x06", kNak[] = "\x15", kStx[] = "\x02";

std::string Words(const std::vector<int>& words) {
  std::string bytes;
  for (const int word : words) bytes += {static_cast<char>(word >> 8), static_cast<char>(word & 0xFF)};
  return bytes;
}

// As a USB2000+ sends it, with a checksum.
std::string Spectrum(const std::vector<int>& pixels, const std::vector<int>& mode, int integration_time = 100) {
  int sum = 0;
  for (const int pixel : pixels) sum += pixel;
  return absl::StrCat(Words({0xFFFF, 0, 1, integration_time, 0, 1480}), Words(mode), Words(pixels), Words({0xFFFD}),
                      Words({sum & 0xFFFF}));
}

const OceanSettings kMeasuring = {{"interval", "60s"}, {"integration_time", "100"}, {"scans", "1"},
                                  {"pixel_step", "1"}, {"first_pixel", "7"},        {"last_pixel", "12"}};
const std::vector<int> kMode = {3, 7, 12, 1}, kPixels = {1210, 1333, 40000, 39000, 1400, 1207};

std::vector<double> Counts(const v1::Report& report) {
  const auto& y = report.analyses(0).spectra(0).y();
  return {y.begin(), y.end()};
}

TEST(OceanOptics, ALongSpectrumIsCountedWhateverItsPixelsAre) {
  for (const std::vector<int>& values : {std::vector<int>{0xFFFF}, {0xFFFD}, {0xFFFD, 0xFFFF}, {0x0206, 0x02FF}}) {
    OceanLine line(OceanSettings{{"interval", "60s"}});
    line.SetUp();
    std::vector<int> pixels;
    for (int i = 0; i < 2048; ++i) pixels.push_back(values[i % values.size()]);
    line.Feed(kStx + Spectrum(pixels, {0}));
    ASSERT_EQ(line.reports().size(), 1u);
    EXPECT_EQ(line.reports()[0].problems_size(), 0) << line.reports()[0].problems(0).message();
    EXPECT_THAT(Counts(line.reports()[0]), ElementsAreArray(pixels));
    EXPECT_EQ(line.noise(), 0u);
  }
}

TEST(OceanOptics, EachChangedBitIsSeen) {
  const std::string frame = Spectrum(kPixels, kMode);
  int seen = 0;
  for (std::size_t bit = 0; bit < 8 * frame.size(); ++bit) {
    SCOPED_TRACE(absl::StrCat("bit ", bit % 8, " of byte ", bit / 8));
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    OceanLine line(kMeasuring);
    line.SetUp();
    line.Feed(kStx + damaged);
    const bool baseline = bit / 8 >= 8 && bit / 8 < 12;  // of no consequence, and nobody knows what it should be
    if (baseline) {
      ASSERT_EQ(line.reports().size(), 1u);
      EXPECT_THAT(Counts(line.reports()[0]), ElementsAreArray(kPixels));
      continue;
    }
    EXPECT_EQ(line.NextSaid(), absl::StrCat("O", Words({1})));
    EXPECT_THAT(line.reports(), testing::IsEmpty());
    line.Feed(absl::StrCat(kAck, kStx, frame));
    ASSERT_EQ(line.reports().size(), 1u);
    EXPECT_EQ(line.reports()[0].problems_size(), 0);
    EXPECT_THAT(Counts(line.reports()[0]), ElementsAreArray(kPixels));
    ++seen;
  }
  EXPECT_EQ(seen, 8 * (static_cast<int>(frame.size()) - 4));
}

TEST(OceanOptics, EachLostOrDoubledByteIsSeen) {
  const std::string frame = Spectrum(kPixels, kMode);
  for (const bool lost : {true, false}) {
    for (std::size_t at = 0; at < frame.size(); ++at) {
      SCOPED_TRACE(absl::StrCat(lost ? "lost " : "doubled ", at));
      std::string damaged = frame;
      lost ? damaged.erase(at, 1) : damaged.insert(at, 1, frame[at]);
      if (damaged.substr(0, frame.size()) == frame) continue;  // the last byte, said twice
      OceanLine line(kMeasuring);
      line.SetUp();
      line.Feed(kStx + damaged);
      EXPECT_EQ(line.NextSaid(), absl::StrCat("O", Words({1})));
      EXPECT_THAT(line.reports(), testing::IsEmpty());
    }
  }
}

TEST(OceanOptics, WhatIsNotInPlaceIsNoSpectrum) {
  OceanLine line(kMeasuring);
  line.SetUp();
  std::string shifted = Spectrum(kPixels, kMode);
  shifted.erase(20, 1);
  line.Feed(absl::StrCat(kStx, shifted, "\x33"));
  for (int i = 0; i < 2; ++i) line.Feed(absl::StrCat(kAck, kStx, shifted, "\x33"));
  ASSERT_EQ(line.reports().size(), 1u);
  const v1::Report& report = line.reports()[0];
  ASSERT_EQ(report.problems_size(), 1);
  EXPECT_EQ(report.problems(0).type(), v1::PROBLEM_TYPE_COUNT_MISMATCH);
  EXPECT_EQ(report.problems(0).offset(), 2u * (36 + 2) + 32) << "of the third sending's end word";
  EXPECT_THAT(report.problems(0).message(), HasSubstr("after 6 pixels stands 0xFD48, not the end word 0xFFFD"));
  EXPECT_EQ(report.analyses_size(), 0);
}

TEST(OceanOptics, AHeaderThatSaysAnotherThanWasOrderedIsTold) {
  OceanLine line(kMeasuring);
  line.SetUp();
  const std::string other = Spectrum(kPixels, kMode, 356);
  line.Feed(kStx + other);
  for (int i = 0; i < 2; ++i) line.Feed(absl::StrCat(kAck, kStx, other));
  ASSERT_EQ(line.reports().size(), 1u);
  const v1::Report& report = line.reports()[0];
  ASSERT_EQ(report.problems_size(), 1);
  EXPECT_EQ(report.problems(0).type(), v1::PROBLEM_TYPE_INCONSISTENT);
  EXPECT_EQ(report.problems(0).message(), "its header has integration time 356, ordered was 100");
  EXPECT_THAT(Counts(report), ElementsAreArray(kPixels));
  EXPECT_EQ(report.analyses(0).spectra(0).integration_time(), "356");
}

TEST(OceanOptics, LineErrorsAreAskedForAgainAndAreNoProblemThen) {
  const std::string frame = kStx + Spectrum(kPixels, kMode);
  for (const bool repaired : {true, false}) {
    const LineMark mark[] = {{LineMark::kOverrun, repaired ? 1u : 17u}};
    OceanLine line(kMeasuring);
    line.SetUp();
    line.Feed(frame, mark);
    const LineMark later[] = {{LineMark::kOverrun, 18}};
    for (int i = 0; i < 2; ++i) {
      if (line.reports().empty()) line.Feed(kAck + frame, repaired ? absl::Span<const LineMark>() : later);
    }
    ASSERT_EQ(line.reports().size(), 1u);
    const v1::Report& report = line.reports()[0];
    EXPECT_EQ(report.line_errors().overruns(), repaired ? 1u : 3u);
    EXPECT_EQ(report.problems_size(), repaired ? 0 : 1);
    EXPECT_THAT(Counts(report), ElementsAreArray(kPixels));
  }
}

TEST(OceanOptics, AnotherSpectrumAfterADamagedOneIsNotItsRepetition) {
  std::string damaged = Spectrum(kPixels, kMode);
  damaged[20] ^= 4;
  OceanLine line(kMeasuring);
  line.SetUp();
  // A capture of somebody who does not ask again.
  line.Feed(absl::StrCat(kStx, damaged, kStx, Spectrum(kPixels, kMode)));
  ASSERT_EQ(line.reports().size(), 2u);
  ASSERT_EQ(line.reports()[0].problems_size(), 1);
  EXPECT_EQ(line.reports()[0].problems(0).type(), v1::PROBLEM_TYPE_CHECKSUM);
  EXPECT_EQ(line.reports()[1].problems_size(), 0);
}

TEST(OceanOptics, ASpectrumThatIsCutOffByHangUpIsInterrupted) {
  const std::string frame = kStx + Spectrum(kPixels, kMode);
  for (std::size_t size = 2; size < frame.size(); ++size) {
    OceanLine line(kMeasuring);
    line.SetUp();
    line.Feed(frame.substr(0, size));
    line.Finish();
    ASSERT_EQ(line.reports().size(), 1u);
    const bool only_checksum = size == frame.size() - 2;
    EXPECT_EQ(line.reports()[0].problems(0).type(),
              only_checksum ? v1::PROBLEM_TYPE_MISSING : v1::PROBLEM_TYPE_INTERRUPTED);
    EXPECT_EQ(line.reports()[0].analyses_size(), only_checksum ? 1 : 0);
    EXPECT_EQ(line.reports()[0].raw_size(), size - 1);
  }
}

TEST(OceanOptics, ADeviceThatHasForgottenItsChecksumIsToldAgain) {
  std::string frame = kStx + Spectrum(kPixels, kMode);
  frame.resize(frame.size() - 2);
  OceanLine line(kMeasuring);
  line.SetUp();
  line.Feed(frame);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(line.NextSaid(), absl::StrCat("O", Words({1})));
    line.Feed(kAck + frame);
  }
  EXPECT_EQ(line.NextSaid(), "bB");
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.reports()[0].problems(0).type(), v1::PROBLEM_TYPE_MISSING);
  EXPECT_THAT(Counts(line.reports()[0]), ElementsAreArray(kPixels));
}

TEST(OceanOptics, ADeviceThatStopsAnsweringIsReportedAndSetUpAgain) {
  OceanLine line(kMeasuring);
  line.SetUp();
  line.Feed((kStx + Spectrum(kPixels, kMode)).substr(0, 25));
  line.Advance(absl::Seconds(20));  // and O1 is answered by nothing
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.reports()[0].problems(0).type(), v1::PROBLEM_TYPE_INTERRUPTED);
  EXPECT_EQ(line.reports()[0].problems(0).message(), "the line fell silent after 2 of 6 pixels");
  const std::string again = absl::StrCat("O", Words({1}));
  EXPECT_EQ(line.TakeSaid(), absl::StrCat(again, again, "bB", "bB", "bB"));
}

TEST(OceanOptics, ADeviceThatDoesNotAnswerIsTriedForEver) {
  OceanLine line(kMeasuring);
  line.Advance(absl::Seconds(10));
  EXPECT_EQ(line.TakeSaid(), "bBbBbB");
  line.Advance(absl::Minutes(10));
  EXPECT_GE(line.TakeSaid().size(), 2u * 3 * 15);
  EXPECT_EQ(line.NextSaid(), "bB");
  line.Feed(kAck);
  EXPECT_EQ(line.TakeSaid(), absl::StrCat("I", Words({100})));
  EXPECT_THAT(line.reports(), testing::IsEmpty());
}

TEST(OceanOptics, TheRestOfACommandThatWasTakenApartIsNoAnswerToTheNext) {
  OceanLine line(OceanSettings{});
  // "bB" lost its first letter: each letter that is none of a command's is refused.
  line.Feed(absl::StrCat(kNak, kNak, kNak));
  EXPECT_EQ(line.TakeSaid(), "bB");
  EXPECT_EQ(line.NextSaid(), "bB");
  line.Feed(kAck);
  EXPECT_EQ(line.TakeSaid(), absl::StrCat("B", Words({0})));
  EXPECT_THAT(line.reports(), testing::IsEmpty());
}

TEST(OceanOptics, ACoefficientCountsOnceItWasSaidTwice) {
  const auto x_of = [](const std::vector<std::string>& answers) {
    OceanLine line(kMeasuring);
    std::size_t asked = 0;
    for (std::string said = line.TakeSaid(); said != "S"; said = line.TakeSaid()) {
      const bool first = said == absl::StrCat("?x", Words({1}));
      if (said[0] != '?') {
        line.Feed(kAck);
      } else {
        line.Feed(absl::StrCat(kAck, first ? answers[std::min(asked, answers.size() - 1)] : "0.25", "\r\n"));
        asked += first ? 1 : 0;
      }
    }
    line.Feed(kStx + Spectrum(kPixels, kMode));
    EXPECT_EQ(line.reports().size(), 1u);
    EXPECT_EQ(line.noise(), 0u);
    const v1::Spectrum spectrum = line.reports()[0].analyses(0).spectra(0);
    return absl::StrCat(spectrum.x_unit(), " ", spectrum.x(0));
  };
  const std::string at_seven = absl::StrCat("nm ", 300 + 0.25 * (7 + 49 + 343));
  EXPECT_EQ(x_of({"300"}), at_seven);
  EXPECT_EQ(x_of({"3.0E+02"}), at_seven);
  EXPECT_EQ(x_of({"309", "300", "300"}), at_seven);
  EXPECT_EQ(x_of({"300", "30", "300"}), at_seven) << "the third answer and the fourth";
  EXPECT_EQ(x_of({"300", "301", "302", "303"}), "pixel 7");
  EXPECT_EQ(x_of({"300,5"}), "pixel 7");
  EXPECT_EQ(x_of({"nan"}), "pixel 7");
  EXPECT_EQ(x_of({"\x01\x2c"}), "pixel 7");
}

TEST(OceanOptics, ACoefficientMayEndWithSilence) {
  OceanLine line(kMeasuring);
  for (std::string said = line.TakeSaid(); said != "S"; said = line.TakeSaid()) {
    line.Feed(said[0] == '?' ? absl::StrCat(kAck, "2") : kAck);
    line.Advance(absl::Seconds(2));
  }
  line.Feed(kStx + Spectrum(kPixels, kMode));
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.reports()[0].analyses(0).spectra(0).x(0), 2 * (1 + 7 + 49 + 343));
}

TEST(OceanOptics, MeasuresWhenOrderedTo) {
  const Driver& driver = *FindDriver("ocean_optics");
  const std::unique_ptr<Decoder> decoder = driver.make(*Options::Parse(driver.options, {{"model", "s2000"}}));
  Events events;
  decoder->OnOpen(events);
  uint64_t at = 0;
  std::vector<std::string> said;
  const auto take = [&] {
    for (const Event& event : std::exchange(events, {})) {
      if (const Reply* reply = std::get_if<Reply>(&event)) said.push_back(reply->bytes);
    }
  };
  for (int i = 0; i < 5; ++i) {
    decoder->OnFrame({kAck, {}, at++}, events);
    if (i == 1) decoder->OnSend(Order{"acquire"}, at, events);  // in the middle of being set up
    take();
  }
  EXPECT_THAT(said, ElementsAre("bB", "B" + Words({0}), "G" + Words({0}), "k" + Words({1}), "T" + Words({0}), "S"));
  said.clear();
  for (const char byte : absl::StrCat(kStx, Words({0xFFFF, 0, 1, 0, 5, 1, 4, 1, 9, 700, 0xFFFD, 700}))) {
    decoder->OnFrame({absl::string_view(&byte, 1), {}, at++}, events);
  }
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [](const Event& event) {
    const End* end = std::get_if<End>(&event);
    return end != nullptr && end->report.analyses_size() == 1;
  }));
  take();
  EXPECT_THAT(said, testing::IsEmpty());
  decoder->OnSend(Order{"acquire"}, at, events);
  take();
  EXPECT_THAT(said, ElementsAre("S"));
}

TEST(OceanOptics, ThatADeviceCannotMeasureIsToldOnceUntilItCan) {
  OceanLine line(kMeasuring);
  const auto refuse = [&] {
    for (int i = 0; i < 3; ++i) {
      line.SetUp();
      line.Feed(kNak);
    }
  };
  for (int i = 0; i < 3; ++i) refuse();
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.reports()[0].problems(0).type(), v1::PROBLEM_TYPE_INSTRUMENT);
  EXPECT_EQ(line.reports()[0].problems(0).message(), "the spectrometer refuses S (acquire)");
  line.SetUp();
  line.Feed(kStx + Spectrum(kPixels, kMode));
  ASSERT_EQ(line.reports().size(), 2u);
  EXPECT_EQ(line.reports()[1].problems_size(), 0);
  refuse();
  EXPECT_EQ(line.reports().size(), 3u);
}

TEST(OceanOptics, ATriggerMayTakeHoursAndALostCommandMinutes) {
  OceanLine line(OceanSettings{{"trigger", "4"}, {"scans", "1"}});
  line.SetUp();
  line.Advance(absl::Minutes(31));
  EXPECT_EQ(line.TakeSaid(), "SSS");
  line.Feed(kStx + Spectrum({5, 6}, {4, 2, 100, 200}));
  EXPECT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.TakeSaid(), "S");
  // Its STX is damaged, and what looks like one comes later.
  line.Feed("\x42" + Spectrum({5, 6}, {4, 2, 100, 200}));
  EXPECT_EQ(line.NextSaid(), absl::StrCat("O", Words({1})));
  line.Feed(absl::StrCat(kAck, kStx, Spectrum({5, 6}, {4, 2, 100, 200})));
  EXPECT_EQ(line.reports().size(), 2u);
  EXPECT_EQ(line.TakeSaid(), "S");
  line.Feed("\x42");
  EXPECT_EQ(line.NextSaid(), "S");
}

TEST(OceanOptics, SumsAreNoLargerThanTheirScans) {
  OceanLine line(OceanSettings{{"interval", "60s"}, {"checksum", "false"}});
  line.SetUp();
  line.Feed(kStx + Words({0xFFFF, 1, 3, 100, 0, 1480, 4, 1, 9, 4, 700, 0xFFFD}));
  EXPECT_EQ(line.TakeSaid(), absl::StrCat("O", Words({1})));
  line.Feed(absl::StrCat(kAck, kStx, Words({0xFFFF, 1, 3, 100, 0, 1480, 4, 1, 9, 2, 700, 0xFFFD})));
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_THAT(Counts(line.reports()[0]), ElementsAre(2 * 65536 + 700));
}

TEST(OceanOptics, ForeignTextIsNoise) {
  OceanLine line(OceanSettings{});
  const std::string text =
      "H|\\^&|||READER\r\n\x02"
      "1R|1|^^^FEN|7.41\r\x03"
      "A6\r\n##TITLE=x\r\n##XYDATA=(X++(Y..Y))\r\n400 1 2 3\r\n";
  std::string much;
  for (int i = 0; i < 100; ++i) much += text;
  line.Feed(much);
  line.Finish();
  EXPECT_THAT(line.reports(), testing::IsEmpty());
  EXPECT_EQ(line.noise(), much.size());
}

TEST(OceanOptics, WhatOnlyBeginsLikeASpectrumIsNoiseWhereNobodyAskedForOne) {
  for (const std::string& bytes : {absl::StrCat(kStx, "\xFFx"), absl::StrCat(kStx, Words({0xFFFF, 9})),
                                   absl::StrCat(kStx, Words({0xFFFF, 0, 1, 100, 0, 0, 77})),
                                   absl::StrCat(kStx, Words({0xFFFF, 0, 1, 100, 0, 0, 3, 12, 11, 1})),
                                   absl::StrCat(kStx, Words({0xFFFF, 0, 1, 100, 0, 0, 3, 0, 2048, 1})),
                                   absl::StrCat(kStx, Words({0xFFFF, 0, 1, 100, 0, 0, 1, 0})),
                                   absl::StrCat(kStx, Words({0xFFFF, 0, 1, 100, 0, 0, 5, 2, 0, 2047, 0, 2047}))}) {
    OceanLine line(OceanSettings{});
    line.SetUp();
    line.Feed(bytes);
    EXPECT_THAT(line.reports(), testing::IsEmpty());
    EXPECT_EQ(line.noise(), bytes.size() - 1) << "the STX is an answer";
  }
}

}  // namespace
}  // namespace dims
