#include "firmware-bridge/normalize.h"

#include <gtest/gtest.h>

namespace dims {
namespace {

Locality Amsterdam(std::string order = "") {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone("Europe/Amsterdam", &zone));
  return {zone, std::move(order)};
}

dims::v1::Report AcquiredAt(const std::string& printed, const Locality& locality) {
  dims::v1::Report report;
  report.add_analyses()->set_acquired_at_printed(printed);
  Normalize(locality, report);
  return report;
}

TEST(Normalize, ResolvesWhatDataSystemsPrint) {
  const absl::CivilSecond expected(2024, 6, 6, 17, 27, 0);
  EXPECT_EQ(ParsePrintedTime("06 Jun 2024  17:27", ""), expected);
  EXPECT_EQ(ParsePrintedTime("Thu Jun 06 17:27:00 2024", ""), expected);
  EXPECT_EQ(ParsePrintedTime("Jun 06 17:27:00 2024", ""), expected);
  EXPECT_EQ(ParsePrintedTime("6 Jun 2024 05:27 pm", ""), expected);
  EXPECT_EQ(ParsePrintedTime("6/6/2024 5:27:00 PM", "mdy"), expected);
  EXPECT_EQ(ParsePrintedTime("06.06.2024 17:27", "dmy"), expected);
  EXPECT_EQ(ParsePrintedTime("2024-06-06 17:27", "ymd"), expected);
  EXPECT_EQ(ParsePrintedTime("6.6.2024. 17:27:00", "dmy"), expected);
  EXPECT_EQ(ParsePrintedTime("06/06/2024 17:27:00", "dmy"), expected);
  EXPECT_EQ(ParsePrintedTime("11/20/2018 8:15:09 PM", "mdy"), absl::CivilSecond(2018, 11, 20, 20, 15, 9));
  EXPECT_EQ(ParsePrintedTime("20240606172700", ""), expected);
  EXPECT_EQ(ParsePrintedTime("6 Jun 2024 12:05 am", ""), absl::CivilSecond(2024, 6, 6, 0, 5, 0));
}

TEST(Normalize, GuessesNoDate) {
  EXPECT_FALSE(ParsePrintedTime("06.06.2024 17:27", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("20122024172700", "").has_value());  // 20 Dec 2024
  EXPECT_FALSE(ParsePrintedTime("240606172700", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("20240606", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("31 Feb 2024 17:27", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("06 Jun 24 17:27", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("06 Juin 2024 17:27", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("06 Jun 2024 25:27", "").has_value());
  EXPECT_FALSE(ParsePrintedTime("06.06.24 17:27", "dmy").has_value());
  EXPECT_FALSE(ParsePrintedTime("6.6.2024.. 17:27", "dmy").has_value());
  EXPECT_FALSE(ParsePrintedTime("11/20/2018 8:15:09 PM", "dmy").has_value());
}

TEST(Normalize, GivesUtcOnlyWhereTheZoneIsKnown) {
  const dims::v1::Report known = AcquiredAt("06 Jun 2024  17:27", Amsterdam());
  EXPECT_EQ(known.analyses(0).acquired_at().seconds(), 1717687620);
  EXPECT_EQ(known.problems_size(), 0);
  const dims::v1::Report unknown = AcquiredAt("06 Jun 2024  17:27", {});
  EXPECT_FALSE(unknown.analyses(0).has_acquired_at());
  EXPECT_EQ(unknown.problems_size(), 0);
}

TEST(Normalize, AnHourThatHappensTwiceOrNeverIsAProblem) {
  for (const char* printed : {"27 Oct 2024  02:30", "31 Mar 2024  02:30"}) {
    const dims::v1::Report report = AcquiredAt(printed, Amsterdam());
    EXPECT_FALSE(report.analyses(0).has_acquired_at());
    ASSERT_EQ(report.problems_size(), 1) << printed;
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_TIME_AMBIGUOUS);
  }
}

TEST(Normalize, MapsBothMicroSignsAndNoUnknownUnit) {
  EXPECT_EQ(UcumOf("\u00b5g/mL"), "ug/mL");
  EXPECT_EQ(UcumOf("\u03bcg/mL"), "ug/mL");
  EXPECT_EQ(UcumOf("\ufffdg/mL"), "");
  EXPECT_EQ(UcumOf("G"), "g");  // a balance of KERN
  EXPECT_EQ(UcumOf("gn"), "[gr]");
  EXPECT_EQ(UcumOf("ozt"), "[oz_tr]");
  EXPECT_EQ(UcumOf("t"), "");  // tonne, or tola
  dims::v1::Report report;
  report.add_weighings()->set_unit("stone");
  Normalize({}, report);
  EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN);
}

}  // namespace
}  // namespace dims
