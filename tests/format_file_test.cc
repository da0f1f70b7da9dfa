// Format files: what they make of print-outs, and what is said of mistakes in them.
#include "drivers/format/format_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "drivers/parser.h"
#include "tests/heap.h"
#include "tests/inputs.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::string_view kHead = "title = \"A printer\"\nversion = \"1\"\n";

std::unique_ptr<const FormatDriver> Format(absl::string_view text) {
  auto format = FormatDriver::Parse(absl::StrCat(kHead, text), "lab/printer.format.toml");
  EXPECT_TRUE(format.ok()) << format.status().message();
  return format.ok() ? *std::move(format) : nullptr;
}

// One for each mistake, without the file's name.
std::vector<std::string> Errors(absl::string_view text, const std::string& path = "lab/printer.format.toml") {
  const absl::Status status = FormatDriver::Parse(text, path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  std::vector<std::string> errors;
  for (absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    EXPECT_TRUE(absl::ConsumePrefix(&line, absl::StrCat(path, ":"))) << line;
    errors.emplace_back(line);
  }
  return errors;
}

std::vector<dims::v1::Report> Reports(const FormatDriver& format, absl::string_view lines,
                                      Ending why = Ending::kEndOfInput) {
  std::vector<dims::v1::Report> reports;
  const Driver& driver = format.driver();
  for (const ParserEvent& event :
       Parse(driver, DefaultOptions(driver), absl::StrReplaceAll(lines, {{"\n", "\r\n"}}), {}, why).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

std::vector<std::string> Messages(const dims::v1::Report& report) {
  std::vector<std::string> messages;
  for (const dims::v1::Problem& problem : report.problems()) {
    messages.push_back(absl::StrCat(dims::v1::ProblemType_Name(problem.type()).substr(sizeof("PROBLEM_TYPE_") - 1), " ",
                                    problem.offset(), ": ", problem.message()));
  }
  return messages;
}

TEST(FormatFile, WithARulerReadsRowsWrappedNamesAndContinuationLines) {
  const auto format = Format(R"(
[report]
start = "PEAK REPORT {run_number}"
lines = ["Sample: {sample_number}   Method: {method}", "No. Time Name Conc.", "min mg/L"]
continuation = ["CAS# {cas}   Q {identifications.score} {identifications.label}"]
end = "{count} peaks"
[[table]]
ruler = ["peak.number", "retention_time", "label", "amount.value"]
wraps = ["label"]
set = { "amount.unit" = "mg/L" }
)");
  ASSERT_NE(format, nullptr);
  const std::vector<dims::v1::Report> reports = Reports(*format, R"(
PEAK REPORT 0012
Sample: A 7   Method: C:\somebody\SCREEN.M
  No.  Time   Name             Conc.
       min                     mg/L
  --- -----  ---------------  -------
    1  2.345  Caffeine           12.5
       CAS# 58-08-2   Q 97 Caffeine, anhydrous
       CAS# 58-08-3   Q 11 Another
    2 11.020  Methylenedioxy-  <0.05
              amphetamine
2 peaks
)");
  ASSERT_EQ(reports.size(), 1u);
  const dims::v1::Report& report = reports[0];
  EXPECT_THAT(Messages(report), ElementsAre("INCONSISTENT 263: the check digit of CAS 58-08-3 is wrong"));
  const dims::v1::Analysis& a = report.analyses(0);
  EXPECT_EQ(a.run_number(), "0012");
  EXPECT_EQ(a.sample_number(), "A 7");
  EXPECT_EQ(a.method(), "SCREEN.M") << "folders are named after people";
  ASSERT_EQ(a.findings_size(), 2);
  EXPECT_EQ(a.findings(0).retention_time(), "2.345");
  EXPECT_EQ(a.findings(0).cas(), "58-08-2") << "what was said first";
  ASSERT_EQ(a.findings(0).identifications_size(), 2);
  EXPECT_EQ(a.findings(0).identifications(1).score(), "11");
  EXPECT_EQ(a.findings(1).label(), "Methylenedioxy- amphetamine");
  EXPECT_EQ(a.findings(1).amount().value(), "0.05");
  EXPECT_EQ(a.findings(1).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(a.findings(1).amount().unit(), "mg/L");
}

constexpr absl::string_view kStrips = R"(
[report]
start = "TEST {sample_number}"
lines = [
  "{label:word} {amount.value} {amount.unit} {flags}",
  { pattern = "{label:word} N.D.", set = { "amount.qualifier" = "not_detected" } },
]
set = { technique = "immunoassay" }
)";

TEST(FormatFile, WithoutAnEndHasReportsThatEndWhereTheNextBegins) {
  const auto format = Format(kStrips);
  ASSERT_NE(format, nullptr);
  const std::vector<dims::v1::Report> reports =
      Reports(*format, "TEST 1\nCOC >300 ng/mL POS\nTHC N.D.\nTEST 2\nAMP 12\n");
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_THAT(Messages(reports[0]), IsEmpty());
  const dims::v1::Analysis& a = reports[0].analyses(0);
  EXPECT_EQ(a.technique(), dims::v1::TECHNIQUE_IMMUNOASSAY);
  ASSERT_EQ(a.findings_size(), 2);
  EXPECT_EQ(a.findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_GREATER_THAN);
  EXPECT_EQ(a.findings(0).flags(0), "POS");
  EXPECT_EQ(a.findings(1).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  EXPECT_THAT(Messages(reports[1]), ElementsAre("UNEXPECTED_LINE 8: the format has no such line"));
  EXPECT_THAT(Messages(Reports(*format, "TEST 1\n", Ending::kInterrupted)[0]),
              ElementsAre(HasSubstr("INTERRUPTED 8: ")));
}

TEST(FormatFile, OfOneLineMakesEachLineAReport) {
  const auto format = Format(R"(
[report]
start = [
  { pattern = "N {weighing.value} {weighing.unit}", set = { "weighing.stable" = true, "weighing.kind" = "net" } },
  { pattern = "N {weighing.value}", set = { "weighing.stable" = false } },
]
)");
  ASSERT_NE(format, nullptr);
  const std::vector<dims::v1::Report> reports = Reports(*format, "N  +  1\nN  -0.1250 g\nN +0.13\n");
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_THAT(Messages(reports[1]), IsEmpty());
  EXPECT_EQ(reports[1].analyses_size(), 0);
  ASSERT_EQ(reports[1].weighings_size(), 1);
  EXPECT_EQ(reports[1].weighings(0).value(), "-0.1250");
  EXPECT_TRUE(reports[1].weighings(0).stable());
  EXPECT_EQ(reports[1].weighings(0).kind(), dims::v1::WEIGHING_KIND_NET);
  EXPECT_FALSE(reports[2].weighings(0).stable());
}

TEST(FormatFile, TakesACommaForTheDecimalSignOnlyWhereItIsSaidToBe) {
  constexpr absl::string_view kRows = "RUN 1\nTIME AREA\n1.0 1,234\nEND\n",
                              kComma = "RUN 1\nTIME AREA\n1,0 1,234\nEND\n";
  const auto text = [](absl::string_view decimal) {
    return absl::StrCat("[report]\nstart = \"RUN {run_number}\"\nend = \"END\"\n", decimal,
                        "[[table]]\ncolumns = { \"TIME\" = \"retention_time\", \"AREA\" = \"peak.area\" }\n");
  };
  const auto point = Format(text("")), comma = Format(text("decimal = \"comma\"\n"));
  ASSERT_NE(point, nullptr);
  ASSERT_NE(comma, nullptr);
  EXPECT_THAT(Messages(Reports(*point, kRows).at(0)), ElementsAre(HasSubstr("UNEXPECTED_LINE")));
  EXPECT_THAT(Messages(Reports(*comma, kRows).at(0)), ElementsAre(HasSubstr("UNEXPECTED_LINE")));
  const dims::v1::Report report = Reports(*comma, kComma).at(0);
  EXPECT_THAT(Messages(report), IsEmpty());
  EXPECT_EQ(report.analyses(0).findings(0).peak().area(), "1.234");
}

TEST(FormatFile, ARulerBelowTheNamesOfColumnsBelongsToThem) {
  const auto format = Format(R"(
[report]
start = "RUN {run_number}"
end = "END"
[[table]]
ruler = ["retention_time", "amount.value"]
[[table]]
columns = { "Time" = "retention_time", "Area" = "peak.area" }
)");
  ASSERT_NE(format, nullptr);
  const dims::v1::Report report = Reports(*format, "RUN 1\nTime   Area\n-----  -----\n1.0    500\nEND\n").at(0);
  EXPECT_THAT(Messages(report), IsEmpty());
  EXPECT_EQ(report.analyses(0).findings(0).peak().area(), "500");
}

TEST(FormatFile, SaysWhereAnAmountOrACountDoesNotAgreeWithItself) {
  const auto format = Format(R"(
[report]
start = "RUN {run_number}"
lines = ["COC {amount.value}", "N {count}"]
continuation = "AGAIN {amount.value}"
end = "END"
)");
  ASSERT_NE(format, nullptr);
  const auto report = [&](absl::string_view lines) {
    return Reports(*format, absl::StrCat("RUN 1\n", lines, "END\n")).at(0);
  };
  const dims::v1::Report less = report("COC <5\nAGAIN 5\n");
  EXPECT_THAT(Messages(less), ElementsAre(HasSubstr("INCONSISTENT")));
  EXPECT_EQ(less.analyses(0).findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_THAT(Messages(report("COC <5\nAGAIN <5\n")), IsEmpty());
  EXPECT_THAT(Messages(report("COC 5\nN 1\nN 2\n")), ElementsAre(HasSubstr("count is said twice")));
  EXPECT_THAT(Messages(report("COC 5\nN 99999999999999999999\n")), ElementsAre(HasSubstr("count is no number")));
}

TEST(FormatFile, ALineThatEndsInCrAloneIsALineOnceNothingFollows) {
  const auto format = Format("[report]\nstart = \"W {weighing.value} {weighing.unit}\"\n");
  ASSERT_NE(format, nullptr);
  Parser parser(format->driver(), *Options::Parse(format->driver().options, {}));
  std::vector<dims::v1::Report> reports;
  const auto sink = [&](ParserEvent event) {
    if (Said* said = std::get_if<Said>(&event)) reports.push_back(std::move(said->report));
  };
  parser.Feed("W 1.25 g\r", sink);
  EXPECT_THAT(reports, IsEmpty());
  parser.Quiet(sink);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].weighings_size(), 1);
  parser.Feed("W 1.2", sink);
  parser.Quiet(sink);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[1].weighings_size(), 0) << "a number that is not all there";
}

TEST(FormatFile, ChecksWhatAReportSaysAgainstItself) {
  const auto format = Format(R"(
[report]
start = "RUN {run_number}"
lines = ["SAMPLE {sample_number}", "PEAKS {count}", "TOTAL {area_sum}"]
end = "END"
sums = { "peak.area" = "area_sum" }
required = ["sample_number"]
[[table]]
columns = { "TIME" = "retention_time", "AREA" = "peak.area" }
)");
  ASSERT_NE(format, nullptr);
  const auto messages = [&](absl::string_view text) { return Messages(Reports(*format, text).at(0)); };
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\nPEAKS 2\nTIME AREA\n1.0 10.5\n2.0 1.25E1\nTOTAL 23.0\nEND\n"), IsEmpty());
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\nTIME AREA\n1.0 10.5\n2.0 1.25E1\nTOTAL 26\nEND\n"),
              ElementsAre("SUM_MISMATCH 0: the 2 values of peak.area do not add up to 26"));
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\nTIME AREA\n1.0 1E30\nTOTAL 0.001\nEND\n"),
              ElementsAre(HasSubstr("too far apart")));
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\nPEAKS 3\nTIME AREA\n1.0 10.5\nEND\n"),
              ElementsAre("COUNT_MISMATCH 0: the report says 3, and has 1 rows"));
  EXPECT_THAT(messages("RUN 1\nEND\n"), ElementsAre("MISSING 0: there is no sample_number"));
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\nSAMPLE 2\nEND\n"),
              ElementsAre("INCONSISTENT 17: sample_number is said twice, and not the same"));
  EXPECT_THAT(messages("RUN 1\nSAMPLE 1\n1.0 10.5\nEND\n"),
              ElementsAre("UNEXPECTED_LINE 17: the format has no such line"));
}

TEST(FormatFile, IsStrictInsideAReportAndSilentAboutForeignText) {
  const auto format = Format(kStrips);
  ASSERT_NE(format, nullptr);
  for (const dims::v1::Report& report : Reports(*format, "Dear colleague,\nyours TEST\n12.5 g\n")) {
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  }
}

// What has most parts for its bytes: a row of single digits, a flag a line, a name that never ends.
TEST(FormatFile, NeedsNoMoreMemoryThanAnyDriver) {
  const auto format = Format(R"(
[report]
start = "A"
end = "B"
continuation = "F {flags}"
[[table]]
columns = { "a" = "peak.area", "b" = "peak.height", "c" = "peak.number", "d" = "peak.width", "e" = "retention_time", "f" = "response", "g" = "amount.value", "h" = "label", "i" = "peak.start_time", "j" = "peak.end_time" }
optional = ["h"]
wraps = ["h"]
set = { "amount.unit" = "mg/L", role = "target" }
)");
  ASSERT_NE(format, nullptr);
  const Driver& driver = format->driver();
  const Options options = DefaultOptions(driver);
  for (const std::string more : {"1 1 1 1 1 1 1 x 1 1\n", "F x\n", "              x\n", "1 1 1 1 1 1 1 1 1\n"}) {
    const std::size_t before = HeapInUse();
    Parser parser(driver, options);
    parser.Feed("A\na b c d e f g h i j\n1 1 1 1 1 1 1 x 1 1\n", [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < (1u << 20); fed += more.size()) parser.Feed(more, [](ParserEvent) {});
    EXPECT_LE(HeapPeak() - before, 2 * driver.max_frame + 64 * 1024 + 16 * driver.max_report) << more;
  }
}

TEST(FormatFile, NamesEveryMistakeWithItsLine) {
  EXPECT_THAT(
      Errors("titel = \"x\"\nversion = \"1\"\n[report]\nstart = \"A {peak.aera}\"\nends = \"B\"\n"),
      ElementsAre("1: unknown key \"titel\", did you mean \"title\"?",
                  "4: [report] start: unknown field \"peak.aera\", did you mean \"peak.area\"?",
                  "5: [report]: unknown key \"ends\", did you mean \"end\"?", HasSubstr(" missing key \"title\"")));
  EXPECT_THAT(
      Errors(absl::StrCat(kHead, "[report]\nstart = \"A\"\nlines = [\n\"B {sample_number}\",\n7,\n\"{label}\",\n]\n")),
      ElementsAre("7: [report] lines: a pattern must be text, not the number 7",
                  HasSubstr("8: [report] lines: this pattern would read any line")));
  EXPECT_THAT(
      Errors(absl::StrCat(kHead, "[line]\nbaud = \"fast\"\nparity = \"evn\"\n[report]\nstart = \"A\"\n")),
      ElementsAre(
          HasSubstr("4: [line]: \"baud\" must be a whole number"),
          HasSubstr("5: [line]: \"parity\" must be one of \"none\", \"even\", \"odd\", not \"evn\", did you mean")));
  EXPECT_THAT(Errors(absl::StrCat(kHead,
                                  "[report]\nstart = \"A\"\nset = { technique = \"gcms\", area_sum = \"5\" }\n"
                                  "sums = { \"peak.area\" = \"area_sum\" }\nrequired = [\"vial\"]\n")),
              ElementsAre(HasSubstr("5: [report]: set: \"area_sum\" is only ever read"),
                          HasSubstr("5: [report]: set: \"technique\" is one of gc_ms,"),
                          HasSubstr("6: [report] sums: nothing reads a field \"peak.area\" here"),
                          HasSubstr("7: [report] required: nothing reads a field \"vial\" here")));
  EXPECT_THAT(
      Errors(absl::StrCat(kHead,
                          "[report]\nstart = \"A\"\n[[table]]\ncolumns = { RT = \"retention_time\", N = \"label\" }\n"
                          "optional = [\"NN\", \"RT\"]\nwraps = [\"RT\"]\n")),
      ElementsAre(HasSubstr("5: [[table]] number 1: \"RT\" does not hold text"),
                  HasSubstr("6: [[table]] number 1: any line would be a row"),
                  HasSubstr("7: [[table]] number 1: optional: there is no column \"NN\"")));
  EXPECT_THAT(
      Errors(absl::StrCat(
          kHead,
          "[report]\nstart = \"A {label:word} {label:word}\"\ncontinuation = \"B {vial}\"\nbetween = \"C {vial}\"\n")),
      ElementsAre(HasSubstr("4: [report] start: \"label\" stands there twice"),
                  HasSubstr("5: [report] continuation: \"vial\": "), HasSubstr("6: [report] between: \"vial\": ")));
  EXPECT_THAT(Errors("title = \"x\"\n[repo"), ElementsAre(HasSubstr("this is not TOML")));
  EXPECT_THAT(Errors(absl::StrCat(kHead, "[report]\nstart = \"A\"\n"), "lab/My Printer.format.toml"),
              ElementsAre(HasSubstr("the file's name must be <name>.format.toml")));
  EXPECT_THAT(Errors(kHead), ElementsAre(HasSubstr("missing table [report]")));
}

TEST(FormatFile, SaysWhatTheDriverIs) {
  const auto format = Format(
      "evidence = \"unconfirmed\"\n[line]\nbaud = 1200\ndata_bits = 7\nparity = \"odd\"\nflow = \"rtscts\"\n"
      "[report]\nstart = \"A\"\nend = \"B\"\nidle_timeout = \"5m\"\n");
  ASSERT_NE(format, nullptr);
  const Driver& driver = format->driver();
  EXPECT_EQ(driver.name, "printer");
  EXPECT_EQ(driver.title, "A printer");
  EXPECT_EQ(driver.version.substr(0, 2), "1+");
  EXPECT_NE(driver.version, Format("[report]\nstart = \"A\"\n")->driver().version) << "another file, another version";
  EXPECT_EQ(driver.line.baud, 1200);
  EXPECT_EQ(driver.line.parity, 'O');
  EXPECT_EQ(driver.line.flow, "rtscts");
  EXPECT_EQ(DefaultOptions(driver).Duration("idle_timeout"), absl::Minutes(5));
  EXPECT_EQ(Reports(*format, "A\nB\n").at(0).evidence(), "unconfirmed");
}

}  // namespace
}  // namespace dims
