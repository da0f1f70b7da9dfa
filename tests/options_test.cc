#include "drivers/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace dims {
namespace {

using Type = OptionSpec::Type;

constexpr OptionSpec kTimeout = {.name = "idle_timeout",
                                 .type = Type::kDuration,
                                 .minimum = 500,
                                 .maximum = 3'600'000,
                                 .default_value = "2m",
                                 .help = "silence that ends a report"};
constexpr OptionSpec kAddress = {.name = "bus_address",
                                 .type = Type::kInteger,
                                 .unit = "address",
                                 .minimum = 0,
                                 .maximum = 31,
                                 .default_value = "7",
                                 .help = "address on the bus"};
constexpr OptionSpec kStrict = {
    .name = "strict", .type = Type::kBoolean, .default_value = "true", .help = "refuse what the manual lacks"};
constexpr OptionSpec kEncoding = {.name = "encoding",
                                  .type = Type::kChoice,
                                  .choices = "auto|utf-8|cp1252",
                                  .default_value = "auto",
                                  .help = "code page"};
constexpr OptionSpec kGreeting = {.name = "greeting", .help = "text sent when the line comes up"};
constexpr OptionSpec kTable[] = {kTimeout, kAddress, kStrict, kEncoding, kGreeting};

std::string ErrorOf(const OptionSpec& spec, absl::string_view value) {
  return std::string(CheckOption(spec, value).status().message());
}

std::string ParseError(const std::vector<std::pair<std::string, std::string>>& given) {
  const absl::StatusOr<Options> options = Options::Parse(kTable, given);
  EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(options.status().message());
}

TEST(Options, HoldsTheDefaultsWhereNothingIsGiven) {
  const absl::StatusOr<Options> options = Options::Parse(kTable, {});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Duration("idle_timeout"), absl::Minutes(2));
  EXPECT_EQ(options->Integer("bus_address"), 7);
  EXPECT_TRUE(options->Boolean("strict"));
  EXPECT_EQ(options->Text("encoding"), "auto");
  EXPECT_EQ(options->Text("greeting"), "");
}

TEST(Options, HoldsWhatIsGivenInCanonicalText) {
  const absl::StatusOr<Options> options = Options::Parse(kTable, {{"idle_timeout", "120000ms"},
                                                                  {"bus_address", "+012"},
                                                                  {"strict", "false"},
                                                                  {"encoding", "cp1252"},
                                                                  {"greeting", " Hello "}});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->Text("idle_timeout"), "2m");
  EXPECT_EQ(options->Text("bus_address"), "12");
  EXPECT_FALSE(options->Boolean("strict"));
  EXPECT_EQ(options->Text("encoding"), "cp1252");
  EXPECT_EQ(options->Text("greeting"), " Hello ");
}

TEST(Options, NamesTheNearestForAnUnknownOne) {
  EXPECT_EQ(ParseError({{"idel_timeout", "3s"}}), "unknown option \"idel_timeout\", did you mean \"idle_timeout\"?");
  EXPECT_EQ(ParseError({{"colour", "red"}}),
            "unknown option \"colour\"; there are: idle_timeout, bus_address, strict, encoding, greeting");
  EXPECT_EQ(Options::Parse({}, {{"x", "1"}}).status().message(), "unknown option \"x\"; there are none");
}

TEST(Options, RefusesAnOptionGivenTwice) {
  EXPECT_EQ(ParseError({{"strict", "true"}, {"strict", "false"}}), "option \"strict\" is given twice");
}

TEST(Options, RefusesATableWhoseDefaultItDoesNotAllowItself) {
  OptionSpec wrong = kAddress;
  wrong.default_value = "32";
  EXPECT_EQ(Options::Parse({wrong}, {}).status().message(),
            "\"bus_address\" must be a whole number from 0 to 31 (address), not 32");
}

TEST(OptionsDeathTest, EndsTheProgramForANameThatIsNotInTheTable) {
  const absl::StatusOr<Options> options = Options::Parse(kTable, {});
  ASSERT_TRUE(options.ok());
  EXPECT_DEATH((void)options->Text("no_such_option"), "");
  EXPECT_DEATH((void)options->Integer("encoding"), "");
}

TEST(CheckOption, AllowsExactlyTheRange) {
  for (int64_t value = -5; value <= 40; ++value) {
    EXPECT_EQ(CheckOption(kAddress, std::to_string(value)).ok(), value >= 0 && value <= 31) << value;
  }
  EXPECT_FALSE(CheckOption(kTimeout, "499ms").ok());
  EXPECT_TRUE(CheckOption(kTimeout, "500ms").ok());
  EXPECT_TRUE(CheckOption(kTimeout, "1h").ok());
  EXPECT_FALSE(CheckOption(kTimeout, "3601s").ok());
}

TEST(CheckOption, SaysWhatIsAllowedAndWhatWasGiven) {
  EXPECT_EQ(ErrorOf(kAddress, "32"), "\"bus_address\" must be a whole number from 0 to 31 (address), not 32");
  EXPECT_EQ(ErrorOf(kAddress, "seven"), "\"bus_address\" must be a whole number from 0 to 31 (address), not \"seven\"");
  EXPECT_EQ(ErrorOf(kTimeout, "2"), "\"idle_timeout\" must be a duration from 500ms to 1h such as \"2m\", not \"2\"");
  EXPECT_EQ(ErrorOf(kStrict, "yes"), "\"strict\" must be true or false, not \"yes\"");
  EXPECT_EQ(ErrorOf(kEncoding, "utf8"),
            "\"encoding\" must be one of \"auto\", \"utf-8\", \"cp1252\", not \"utf8\", did you mean \"utf-8\"?");
  EXPECT_EQ(ErrorOf(kEncoding, "klingon"),
            "\"encoding\" must be one of \"auto\", \"utf-8\", \"cp1252\", not \"klingon\"");
}

TEST(CheckOption, RefusesNumbersThatAreOnlyPartlyNumbers) {
  for (const char* text : {"", " 7", "7 ", "7.0", "0x7", "7a", "--7", "99999999999999999999"}) {
    EXPECT_FALSE(CheckOption(kAddress, text).ok()) << text;
  }
}

TEST(CheckOption, TakesAnyNumberWhereThereIsNoRangeAndNoUpperBoundWhereItIsOpen) {
  OptionSpec spec = {.name = "n", .type = Type::kInteger, .default_value = "1"};
  EXPECT_TRUE(CheckOption(spec, "-9223372036854775808").ok());
  spec.minimum = 1;
  spec.maximum = std::numeric_limits<int64_t>::max();
  EXPECT_TRUE(CheckOption(spec, "9223372036854775807").ok());
  EXPECT_EQ(ErrorOf(spec, "0"), "\"n\" must be a whole number of at least 1, not 0");
}

TEST(CheckOption, IsIdempotentOnItsOwnResult) {
  const std::vector<std::pair<const OptionSpec*, absl::string_view>> cases = {
      {&kTimeout, "90s"}, {&kTimeout, "60000ms"}, {&kAddress, "+07"}, {&kStrict, "true"}, {&kEncoding, "auto"}};
  for (const auto& [spec, value] : cases) {
    const absl::StatusOr<std::string> once = CheckOption(*spec, value);
    ASSERT_TRUE(once.ok()) << once.status();
    EXPECT_EQ(CheckOption(*spec, *once).value(), *once);
  }
}

TEST(Duration, IsReadBackAsItWasWritten) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const int64_t unit[] = {1, 1000, 60'000, 3'600'000, 86'400'000};
    const absl::Duration duration = absl::Milliseconds(int64_t(random() % 10'000) * unit[random() % 5]);
    EXPECT_EQ(ReadDuration(WriteDuration(duration)).value(), duration) << duration;
  }
}

TEST(Duration, IsWrittenInItsLargestWholeUnit) {
  EXPECT_EQ(WriteDuration(absl::ZeroDuration()), "0s");
  EXPECT_EQ(WriteDuration(absl::Milliseconds(1500)), "1500ms");
  EXPECT_EQ(WriteDuration(absl::Seconds(300)), "5m");
  EXPECT_EQ(WriteDuration(absl::Seconds(90)), "90s");
  EXPECT_EQ(WriteDuration(absl::Hours(168)), "7d");
}

TEST(Duration, NeedsAWholeNumberAndAUnit) {
  for (const char* text : {"", "15", "s", "-1s", "1.5s", "15 s", " 15s", "1h30m", "15S", "15sec", "1w",
                           "9223372036854775807d", "99999999999999999999ms", "36601d"}) {
    EXPECT_FALSE(ReadDuration(text).ok()) << text;
  }
  EXPECT_EQ(ReadDuration("15").status().message(),
            "\"15\" is not a duration: a whole number with its unit, ms, s, m, h or d, such as \"15s\"");
}

TEST(NearestName, IsTheNameItselfForEveryName) {
  const std::vector<absl::string_view> names = {"idle_timeout", "bus_address", "strict", "encoding", "baud", "ca"};
  for (const absl::string_view name : names) EXPECT_EQ(NearestName(name, names), name);
}

TEST(NearestName, ForgivesOneSlipInEveryName) {
  const std::vector<absl::string_view> names = {"baud", "parity", "stop_bits", "time_zone"};
  for (const absl::string_view name : names) {
    for (std::size_t i = 0; i < name.size(); ++i) {
      std::string dropped(name), doubled(name), replaced(name), swapped(name);
      dropped.erase(i, 1);
      doubled.insert(i, 1, name[i]);
      replaced[i] = '#';
      if (i > 0) std::swap(swapped[i], swapped[i - 1]);
      for (const std::string& slip : {dropped, doubled, replaced, swapped})
        EXPECT_EQ(NearestName(slip, names), name) << slip;
    }
  }
}

TEST(NearestName, DoesNotMindDashesCaseAndMissingEnds) {
  const std::vector<absl::string_view> names = {"stop_bits", "time_zone", "instrument"};
  EXPECT_EQ(NearestName("stop-bits", names), "stop_bits");
  EXPECT_EQ(NearestName("STOP_BITS", names), "stop_bits");
  EXPECT_EQ(NearestName("stopbits", names), "stop_bits");
  EXPECT_EQ(NearestName("instr", names), "instrument");
  EXPECT_EQ(NearestName("instruments", names), "instrument");
}

TEST(NearestName, IsEmptyWhereNoneIsNear) {
  EXPECT_EQ(NearestName("colour", {"baud", "parity"}), "");
  EXPECT_EQ(NearestName("x", {"ca"}), "");
  EXPECT_EQ(NearestName("", {"ca", "key"}), "");
  EXPECT_EQ(NearestName("baud", {}), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'a'), {"baud"}), "");
}

}  // namespace
}  // namespace dims
