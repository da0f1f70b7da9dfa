// What every driver promises, over everything we have to feed it. A driver enters by being in the catalog.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/heap.h"
#include "tests/inputs.h"

namespace dims {
namespace {

// Of random cuts and damages of one input of so many bytes. The address sanitizer takes ten times as long: there the
// long ones have fewer, and fuzzing does more.
int TimesFor(std::size_t size) {
#ifdef __SANITIZE_ADDRESS__
  return static_cast<int>(std::clamp<std::size_t>(400'000 / (size + 1), 100, 1000));
#else
  (void)size;
  return 1000;
#endif
}

class Promises : public testing::TestWithParam<const Driver*> {
 protected:
  const Driver& driver() const { return *GetParam(); }
  std::size_t IdleBound() const { return 2 * driver().max_frame + 64 * 1024; }
  std::size_t OpenBound() const { return IdleBound() + 16 * driver().max_report; }
};

// Reports, noise and padding follow one another without a hole or an overlap, from the first byte to the last.
void ExpectEveryByteAccountedFor(const Outcome& outcome, std::size_t size) {
  uint64_t at = 0;
  for (const ParserEvent& event : outcome.events) {
    uint64_t begin = at, end = at;
    if (const Said* said = std::get_if<Said>(&event)) {
      begin = said->begin;
      end = said->end;
      ASSERT_EQ(said->report.raw_size(), end - begin);
      for (const dims::v1::Problem& problem : said->report.problems()) ASSERT_LE(problem.offset(), end - begin);
    } else if (const Padding* padding = std::get_if<Padding>(&event)) {
      begin = padding->begin;
      end = padding->end;
    }
    ASSERT_EQ(begin, at) << "bytes between two events, or in both";
    ASSERT_LE(begin, end);
    at = end;
  }
  ASSERT_EQ(at, size);
}

void ExpectHashesOfTheirBytes(const Outcome& outcome, const std::string& bytes) {
  for (const ParserEvent& event : outcome.events) {
    if (const Said* said = std::get_if<Said>(&event)) {
      ASSERT_EQ(said->report.raw_sha256(),
                Sha256::Of(absl::string_view(bytes).substr(said->begin, said->end - said->begin)));
    }
  }
}

// protobuf writes invalid UTF-8 but refuses to read it.
void ExpectReadableReports(const Outcome& outcome) {
  for (const ParserEvent& event : outcome.events) {
    if (const Said* said = std::get_if<Said>(&event)) {
      dims::v1::Report read;
      ASSERT_TRUE(read.ParseFromString(said->report.SerializeAsString()));
    }
  }
}

std::vector<std::size_t> RandomCuts(std::size_t size, std::mt19937_64& random) {
  std::vector<std::size_t> cuts(std::uniform_int_distribution<std::size_t>(0, std::min<std::size_t>(size, 64))(random));
  for (std::size_t& cut : cuts) cut = std::uniform_int_distribution<std::size_t>(0, size)(random);
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

TEST_P(Promises, HowTheStreamIsCutDoesNotMatter) {
  std::mt19937_64 random(1);
  for (const Input& input : InputsOf(driver())) {
    SCOPED_TRACE(input.name);
    const Outcome whole = Parse(driver(), input.options, input.bytes);
    ASSERT_EQ(whole.text, Parse(driver(), input.options, input.bytes, EveryByte(input.bytes.size())).text);
    const int times = input.bytes.size() <= 16 * 1024 ? TimesFor(input.bytes.size()) : 20;
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(whole.text, Parse(driver(), input.options, input.bytes, RandomCuts(input.bytes.size(), random)).text);
    }
  }
}

TEST_P(Promises, NoByteIsLost) {
  for (const Input& input : InputsOf(driver())) {
    SCOPED_TRACE(input.name);
    for (const Ending why : {Ending::kEndOfInput, Ending::kInterrupted}) {
      const Outcome outcome = Parse(driver(), input.options, input.bytes, {}, why);
      ExpectEveryByteAccountedFor(outcome, input.bytes.size());
      ExpectHashesOfTheirBytes(outcome, input.bytes);
    }
  }
}

TEST_P(Promises, NoByteIsLostWhereverTheInputEnds) {
  for (const Input& input : InputsOf(driver())) {
    if (input.bytes.size() > 16 * 1024) continue;
    SCOPED_TRACE(input.name);
    for (std::size_t end = 0; end <= input.bytes.size(); end += 1 + end / 200) {
      const std::string cut = input.bytes.substr(0, end);
      const Outcome outcome = Parse(driver(), input.options, cut, {}, Ending::kInterrupted);
      ASSERT_NO_FATAL_FAILURE(ExpectEveryByteAccountedFor(outcome, cut.size()));
    }
  }
}

TEST_P(Promises, DamageIsBoundedAndNoDamagedByteIsLost) {
  std::mt19937_64 random(2);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (const Input& input : InputsOf(driver())) {
    if (input.bytes.empty() || input.bytes.size() > 64 * 1024) continue;
    SCOPED_TRACE(input.name);
    const int times = TimesFor(input.bytes.size());
    for (int i = 0; i < times; ++i) {
      std::string bytes = input.bytes;
      const std::size_t at = below(bytes.size()), length = 1 + below(64);
      switch (i % 7) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 1:
          bytes.erase(at, length);
          break;
        case 2:
          for (std::size_t k = 0; k < length; ++k) bytes.insert(bytes.begin() + at, static_cast<char>(below(256)));
          break;
        case 3:
          bytes.resize(at);
          break;
        case 4:
          std::swap(bytes[at], bytes[below(bytes.size())]);
          break;
        case 5:
          bytes.insert(at, bytes.substr(below(bytes.size()), 200 + length));
          break;
        case 6:  // a text far longer than it should be, that cannot be cut anywhere
          for (std::size_t k = 0; k < 8 * length; ++k) bytes.insert(at, "\xc2\xb5");
          break;
      }
      const Outcome whole = Parse(driver(), input.options, bytes);
      ASSERT_NO_FATAL_FAILURE(ExpectEveryByteAccountedFor(whole, bytes.size()));
      ASSERT_NO_FATAL_FAILURE(ExpectHashesOfTheirBytes(whole, bytes));
      ASSERT_NO_FATAL_FAILURE(ExpectReadableReports(whole));
      ASSERT_EQ(whole.text, Parse(driver(), input.options, bytes, RandomCuts(bytes.size(), random)).text);
    }
  }
}

TEST_P(Promises, RandomBytesAreNoiseAndBounded) {
  std::mt19937_64 random(3);
  std::string bytes(1'500'000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  const Outcome outcome = Parse(driver(), DefaultOptions(driver()), bytes);
  ExpectEveryByteAccountedFor(outcome, bytes.size());
  ExpectReadableReports(outcome);
}

// Feeds a stream made by `next` until `size` bytes; returns the parser's peak heap.
template <typename Next>
std::size_t PeakOf(const Driver& driver, std::size_t size, Next next) {
  const Options options = DefaultOptions(driver);
  const std::size_t before = HeapInUse();
  Parser parser(driver, options);
  const std::string piece = next();
  ResetHeapPeak();
  const std::size_t fixed = HeapInUse() - before;  // the parser itself, and the piece
  for (std::size_t fed = 0; fed < size; fed += piece.size()) parser.Feed(piece, [](ParserEvent) {});
  const std::size_t peak = HeapPeak() - before;
  parser.Finish(Ending::kInterrupted, [](ParserEvent) {});
  return peak - std::min(peak, fixed);
}

TEST_P(Promises, MemoryStaysBoundedWhateverArrives) {
  std::mt19937_64 random(4);
  const auto noise = [&] {
    std::string bytes(1 << 16, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    return bytes;
  };
  EXPECT_LE(PeakOf(driver(), 4 << 20, noise), IdleBound()) << "noise";
  EXPECT_LE(PeakOf(driver(), 13 << 20, [] { return std::string(1 << 16, 'x'); }), IdleBound()) << "an endless frame";
  EXPECT_LE(PeakOf(driver(), 1 << 20, [] { return std::string("\r\n"); }), IdleBound()) << "blank lines";
  for (const Input& input : InputsOf(driver())) {
    if (input.bytes.empty()) continue;
    EXPECT_LE(PeakOf(driver(), 4 << 20, [&] { return input.bytes; }), OpenBound()) << input.name;
    // A report that never ends: its first half, then its middle again and again.
    const std::string half = input.bytes.substr(0, input.bytes.size() / 2);
    const std::string middle = input.bytes.substr(input.bytes.size() / 2, 70);
    const Options options = DefaultOptions(driver());
    const std::size_t before = HeapInUse();
    Parser parser(driver(), options);
    parser.Feed(half, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < (4u << 20); fed += 70) parser.Feed(middle, [](ParserEvent) {});
    EXPECT_LE(HeapPeak() - before, OpenBound()) << input.name << " without end";
  }
}

TEST_P(Promises, AnUndamagedReportHasNoProblem) {
  for (const Transcript& transcript : TranscriptsOf(driver())) {
    const bool says_problem = std::any_of(transcript.steps.begin(), transcript.steps.end(), [](const auto& step) {
      return step.kind == TranscriptStep::Kind::kNoise ||
             (step.kind == TranscriptStep::Kind::kReport && step.text.find("problems") != std::string::npos);
    });
    if (says_problem) continue;
    for (const Input& input : InputsOf(driver())) {
      if (!transcript.file.ends_with(input.name)) continue;
      // Alone, after what belongs to no report, and after itself.
      for (const std::string& before :
           {std::string(), std::string("\r\n\f\r\n"), std::string(9000, '\0'), input.bytes}) {
        for (const ParserEvent& event : Parse(driver(), input.options, before + input.bytes).events) {
          if (const Said* said = std::get_if<Said>(&event)) {
            EXPECT_EQ(said->report.problems_size(), 0) << transcript.file << " after " << before.size() << " bytes\n"
                                                       << said->report.DebugString();
          }
        }
      }
    }
  }
}

TEST_P(Promises, ADriverSaysWhoItIs) {
  EXPECT_FALSE(driver().title.empty());
  EXPECT_FALSE(driver().version.empty());
  EXPECT_EQ(FindDriver(driver().name), &driver());
  EXPECT_FALSE(TranscriptsOf(driver()).empty());
}

INSTANTIATE_TEST_SUITE_P(Catalog, Promises, testing::ValuesIn(Catalog().begin(), Catalog().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace dims
