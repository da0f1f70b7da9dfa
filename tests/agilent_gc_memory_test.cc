// What the promises feed a driver is made of reports; this is made to cost as much room for its bytes as it can.
#include <gtest/gtest.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/agilent_gc.h"
#include "tests/heap.h"

namespace dims {
namespace {

TEST(AgilentGcMemory, TheCostliestLinesOfEveryKindStayWithinTheBound) {
  const std::string rule(30, '='), name(8000, 'x');
  const std::string head =
      absl::StrCat("Data File X.D\nSample Name: ", name, "\n", rule, "\n", rule, "\nArea Percent Report\n", rule, "\n");
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {absl::StrCat(head, "# RetTime Type Area End Norm Name\n-|-------|----|----|---|----|----\n"),
       "1       1 B       1   1    1 x\n"},
      {absl::StrCat(head, "Norm Name\n----|----\n"), "   1 x\n"},
      {head, "Signal 1: FID1 A\n"},
      {absl::StrCat(head, "Signal 1: ", name, "\n"), absl::StrCat("Signal 1: ", name, "\n")},
      {head, "Warning : x\n"},
      {head, absl::StrCat("Warning : ", name, "\n")},
      {head, "x\n"},
      {absl::StrCat("Data File X.D\n", rule, "\nMethod          : x\n"),
       absl::StrCat(std::string(18, ' '), name, "\n")},
      {"", "1,1,\"B\",1,1,1,1\n2,1,\"B\",1,1,1,1\n"},
      {absl::StrCat("\"Sample Name\",\"\",\"\"\n\"Column 1\",\"Peak Type\",\"\"\n\"Column 2\",\"Area\",\"\"\n",
                    "\"Column 3\",\"Amount\",\"\"\n\"Column 4\",\"Name\",\"\"\n"),
       "B,1,1,x\n"},
      {absl::StrCat("\"Sample Name\",\"", name, "\",\"\"\n"), "\"Signal 1\",\"x\",\"\"\n"},
  };
  for (const auto& [begin, row] : kinds) {
    std::string rows = row;
    while (rows.size() < 60000) rows += row;
    const Options options = DefaultOptions(Gc());
    const std::size_t bound = 16 * Gc().max_report + 2 * Gc().max_frame + 64 * 1024;
    const std::size_t before = HeapInUse();
    bool began = false;
    Parser parser(Gc(), options);
    parser.Feed(begin, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * Gc().max_report; fed += rows.size()) {
      parser.Feed(rows, [&](ParserEvent event) { began |= std::holds_alternative<Arm>(event); });
    }
    EXPECT_TRUE(began) << row.substr(0, 40);
    EXPECT_LE(HeapPeak() - before, bound) << row.substr(0, 40);
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound: " << row.substr(0, 40) << "\n";
  }
}

TEST(AgilentGcMemory, AReportOfMoreLinesThanAnyIsEndedAndTheNextIsRead) {
  std::string text = GcTranscript("area_percent");
  const std::size_t end = text.find("Totals");
  const std::string next = text;
  const std::string row = "   2   4.866 BV    0.0655 1204.18834  288.91023  1.42583\r\n";
  text.resize(end);
  for (int i = 0; i < 16000; ++i) text += row;
  const std::vector<dims::v1::Report> reports = GcReports(text + next);
  ASSERT_GE(reports.size(), 3u);
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_LT(reports[0].raw_size(), text.size());
  EXPECT_EQ(reports[1].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(reports.back().problems_size(), 0) << reports.back().DebugString();
}

}  // namespace
}  // namespace dims
