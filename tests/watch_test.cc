#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dims/v1/report.pb.h"
#include "proto/terminal_text.h"
#include "registry/watch_table.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Report Quantified() {
  v1::Report report;
  report.set_origin(v1::ORIGIN_REAL);
  report.set_status(v1::REPORT_STATUS_FINAL);
  report.mutable_source()->set_instrument("gcms-1");
  v1::Analysis& analysis = *report.add_analyses();
  analysis.set_sample_number("S-7");
  v1::Finding& first = *analysis.add_findings();
  first.set_label("Cocaine");
  first.set_cas("50-36-2");
  first.mutable_amount()->set_value("5.40");
  first.mutable_amount()->set_unit("mg/L");
  v1::Finding& second = *analysis.add_findings();
  second.set_label("Levamisole");
  second.mutable_amount()->set_value("0.05");
  second.mutable_amount()->set_unit("mg/L");
  second.mutable_amount()->set_qualifier(v1::AMOUNT_QUALIFIER_LESS_THAN);
  return report;
}

ArchivedRecord Record(const v1::Report& report, int64_t position = 1) {
  ArchivedRecord record;
  record.position = position;
  record.store = {"lab-east", "bench-1", "id"};
  record.payload = report.SerializeAsString();
  record.received_at = absl::FromUnixSeconds(1'800'000'000);
  return record;
}

std::deque<WatchRow> Rows(const v1::Report& report, int64_t position = 1) {
  const std::vector<WatchRow> rows = WatchRowsOf(Record(report, position), absl::UTCTimeZone());
  return {rows.begin(), rows.end()};
}

std::vector<std::string> Lines(const std::deque<WatchRow>& rows, std::size_t width, std::size_t height) {
  return absl::StrSplit(WatchPage(rows, "the footer", width, height), '\n');
}

TEST(Watch, HasARowForEachFindingWithTheAmountAsPrinted) {
  const std::deque<WatchRow> rows = Rows(Quantified());
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_THAT(rows[0].cells,
              ElementsAre("08:00:00", "lab-east", "bench-1", "gcms-1", "S-7", "Cocaine", "50-36-2", "5.40 mg/L", ""));
  EXPECT_EQ(rows[1].cells[kWatchAmount], "<0.05 mg/L");
}

TEST(Watch, NeverShowsAProposalOrAPeakAsAnIdentification) {
  v1::Report report;
  v1::Analysis& analysis = *report.add_analyses();
  v1::Identification& best = *analysis.add_findings()->add_identifications();
  best.set_label("Cocaine");
  best.set_score("96");
  v1::Finding& peak = *analysis.add_findings();
  peak.set_retention_time("7.118");
  peak.mutable_peak()->set_area_percent("41.20");
  const std::deque<WatchRow> rows = Rows(report);
  EXPECT_EQ(rows[0].cells[kWatchCompound], "Cocaine? (96)");
  EXPECT_EQ(rows[1].cells[kWatchCompound], "peak at 7.118 min");
  EXPECT_EQ(rows[1].cells[kWatchAmount], "41.20 % area");
}

TEST(Watch, SaysInWordsWhatIsNoNumber) {
  v1::Report report = Quantified();
  v1::Amount& amount = *report.mutable_analyses(0)->mutable_findings(0)->mutable_amount();
  amount.Clear();
  amount.set_qualifier(v1::AMOUNT_QUALIFIER_NOT_DETECTED);
  EXPECT_EQ(Rows(report)[0].cells[kWatchAmount], "not detected");
  amount.set_value("812.5");
  amount.set_unit("mg/L");
  amount.set_qualifier(v1::AMOUNT_QUALIFIER_ABOVE_RANGE);
  EXPECT_EQ(Rows(report)[0].cells[kWatchAmount], "812.5 mg/L (above range)");
}

TEST(Watch, MarksAllThatAPlainResultDoesNotHave) {
  v1::Report report = Quantified();
  report.set_status(v1::REPORT_STATUS_PRELIMINARY);
  report.set_origin(v1::ORIGIN_SIMULATED);
  report.mutable_repeat_of()->set_number(12);
  report.add_replaces_parts()->set_number(11);
  report.add_problems()->set_type(v1::PROBLEM_TYPE_SUM_MISMATCH);
  report.add_problems()->set_type(v1::PROBLEM_TYPE_SUM_MISMATCH);
  EXPECT_EQ(Rows(report)[1].cells[kWatchMarks], "PRELIMINARY, SIMULATED, repeat of 12, replaces 11, SUM MISMATCH");
}

TEST(Watch, AnUrgentReportSaysSoFirstAndByWhichRules) {
  v1::Report report = Quantified();
  report.set_origin(v1::ORIGIN_SIMULATED);
  report.add_rule_hits()->set_rule_id("pmma");
  report.add_rule_hits()->set_rule_id("levamisole");
  EXPECT_EQ(Rows(report)[1].cells[kWatchMarks], "hits: pmma levamisole, SIMULATED");
  report.set_urgency(v1::URGENCY_URGENT);
  EXPECT_EQ(Rows(report)[1].cells[kWatchMarks], "URGENT: pmma levamisole, SIMULATED");
}

TEST(Watch, HasARowForWhatHasNoFindings) {
  v1::Report noise;
  noise.add_problems()->set_type(v1::PROBLEM_TYPE_NOISE);
  ASSERT_EQ(Rows(noise).size(), 1u);
  EXPECT_EQ(Rows(noise)[0].cells[kWatchMarks], "NOISE");

  v1::Report weighing;
  weighing.add_weighings()->set_value("100.00");
  weighing.mutable_weighings(0)->set_unit("g");
  EXPECT_EQ(Rows(weighing)[0].cells[kWatchCompound], "weighing, not stable");
  EXPECT_EQ(Rows(weighing)[0].cells[kWatchAmount], "100.00 g");

  v1::Report gap;
  gap.mutable_gap()->set_store_id("0c9f8e0a-1b2c-4d3e-8f90-a1b2c3d4e5f6");
  gap.mutable_gap()->set_from(3);
  gap.mutable_gap()->set_through(7);
  EXPECT_EQ(Rows(gap)[0].cells[kWatchMarks], "LOST: records 3 to 7 of store 0c9f8e0a");

  ArchivedRecord refused = Record(Quantified());
  refused.refusal = v1::REFUSAL_REASON_ORIGIN;
  refused.refusal_message = "SIMULATED: not accepted here";
  EXPECT_EQ(WatchRowsOf(refused, absl::UTCTimeZone())[0].cells[kWatchMarks], "refused: SIMULATED: not accepted here");

  ArchivedRecord broken = Record(Quantified());
  broken.payload = "\xFF";
  EXPECT_EQ(WatchRowsOf(broken, absl::UTCTimeZone())[0].cells[kWatchMarks], "cannot be read");
}

TEST(Watch, ShowsWhatARecordsRowsHaveInCommonOnce) {
  const std::vector<std::string> lines = Lines(Rows(Quantified()), 120, 6);
  EXPECT_THAT(lines[1], HasSubstr("08:00:00  lab-east    bench-1  gcms-1      S-7     Cocaine     50-36-2  5.40 mg/L"));
  EXPECT_EQ(lines[2].find("Levamisole"), lines[1].find("Cocaine")) << "columns align";
  EXPECT_EQ(lines[2].find("S-7"), std::string::npos);
}

TEST(Watch, ShowsItAllAgainAtTheTopOfThePage) {
  const std::vector<std::string> lines = Lines(Rows(Quantified()), 120, 3);
  EXPECT_THAT(lines[1], HasSubstr("S-7     Levamisole")) << "the row above is off the page";
}

TEST(Watch, KeepsTwoRecordsApartThatLookAlike) {
  std::deque<WatchRow> rows = Rows(Quantified(), 1);
  for (const WatchRow& row : Rows(Quantified(), 2)) rows.push_back(row);
  const std::vector<std::string> lines = Lines(rows, 120, 10);
  EXPECT_EQ(lines[3], lines[1]);
}

TEST(Watch, FitsAnyTerminalWithColumnsThatAlign) {
  std::deque<WatchRow> rows;
  for (int64_t position = 1; position <= 20; ++position) {
    v1::Report report = Quantified();
    report.mutable_analyses(0)->set_sample_number(std::string(static_cast<std::size_t>(position) * 3, '7'));
    report.mutable_analyses(0)->mutable_findings(0)->set_label(
        position % 2 == 0 ? "3,4-methylenedioxymethamphetamine hydrochloride" : "试样");
    for (const WatchRow& row : Rows(report, position)) rows.push_back(row);
  }
  for (const std::size_t width : {1, 2, 7, 20, 40, 60, 80, 100, 132, 250}) {
    for (const std::size_t height : {1, 2, 3, 10, 24, 80}) {
      const std::vector<std::string> lines = Lines(rows, width, height);
      EXPECT_EQ(lines.size(), height) << width << " x " << height;
      for (const std::string& line : lines) EXPECT_EQ(Columns(line), width) << line;
    }
  }
}

TEST(Watch, KeepsWhatMattersMostOnANarrowTerminal) {
  const std::vector<std::string> lines = Lines(Rows(Quantified()), 80, 6);
  for (const char* part : {"S-7", "Cocaine", "5.40 mg/L", "MARKS"}) {
    EXPECT_THAT(absl::StrCat(lines[0], lines[1]), HasSubstr(part));
  }
  const std::vector<std::string> tiny = Lines(Rows(Quantified()), 36, 6);
  EXPECT_THAT(tiny[1], HasSubstr("Cocaine"));
  EXPECT_THAT(tiny[0], testing::Not(HasSubstr("BRIDGE")));
}

TEST(Watch, ShowsTheNewestAtTheBottomAboveTheFooter) {
  std::deque<WatchRow> rows;
  for (int64_t position = 1; position <= 30; ++position) {
    v1::Report report = Quantified();
    report.mutable_analyses(0)->mutable_findings(1)->set_label(absl::StrCat("substance ", position));
    for (const WatchRow& row : Rows(report, position)) rows.push_back(row);
  }
  const std::vector<std::string> lines = Lines(rows, 120, 10);
  EXPECT_THAT(lines[8], HasSubstr("substance 30"));
  EXPECT_THAT(lines[6], HasSubstr("substance 29"));
  EXPECT_THAT(lines[9], HasSubstr("the footer"));
}

TEST(Watch, LetsNothingThroughThatSteersTheTerminal) {
  v1::Report report = Quantified();
  report.mutable_source()->set_instrument("\x1b[31m");
  report.mutable_analyses(0)->set_sample_number("a\r\nb\tc\x7F");
  report.mutable_analyses(0)->mutable_findings(0)->set_label(
      "\xC2\x9B"
      "2J\xE2\x80\xAE"
      "enicoc");
  report.mutable_analyses(0)->mutable_findings(0)->mutable_amount()->set_unit("\x1b]0;x\x07");
  const std::deque<WatchRow> rows = Rows(report);
  const std::string page = WatchPage(rows, "\x1b[5m", 100, 5);
  for (const absl::string_view line : absl::StrSplit(page, '\n')) EXPECT_EQ(Printable(line), line);
  EXPECT_EQ(Printable(WatchLine(rows[0])), WatchLine(rows[0]));
  EXPECT_EQ(std::count(page.begin(), page.end(), '\n'), 4);
}

TEST(Watch, PlainLinesAlignWithTheirHeaderAndCutNothing) {
  const std::deque<WatchRow> rows = Rows(Quantified());
  EXPECT_EQ(WatchHeader().find("AMOUNT"), WatchLine(rows[0]).find("5.40 mg/L"));
  v1::Report report = Quantified();
  const std::string name(200, 'x');
  report.mutable_analyses(0)->mutable_findings(0)->set_label(name);
  EXPECT_THAT(WatchLine(Rows(report)[0]), HasSubstr(name));
}

}  // namespace
}  // namespace dims
