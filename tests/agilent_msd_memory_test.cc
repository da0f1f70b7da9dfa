// What the promises feed a driver is made of reports; this is made to cost as much room for its bytes as it can.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/agilent_msd.h"
#include "tests/heap.h"

namespace dims {
namespace {

TEST(AgilentMsdMemory, TheCostliestLinesOfEveryKindStayWithinTheBound) {
  const std::string name(8000, 'x');
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"Area Percent Report\n---\n", "1 1.000 1 1 1 1 1 1.00% 1.000%\n"},
      {absl::StrCat("Area Percent Report\nMethod:", name, "\n"), "---\nSum of corrected areas: 0\nSignal:\n"},
      {"Library Search Report\n________\n1 1.000 1 /\n", "                 x 1 58-08-2 1\n"},
      {absl::StrCat("Library Search Report\n________\n1 1.000 1 /", std::string(100, 'x'), "\n"),
       "                 x 1 58-08-2 1\n"},
      {absl::StrCat("Library Search Report\n________\n1 1.000 1 /", name, "\n"), "                 x 1 58-08-2 1\n"},
      {"Library Search Report\n________\n", "1 1.00 1 /\n"},
      {"Quantitation Report\n            R.T. QIon Response Conc\n---\n", "1)x         1.00    1 1 1 x #+ 1\n"},
      {"Quantitation Report\n            R.T. QIon Response Conc\nTarget Compounds Qvalue\n---\n",
       "1)x         1.00    1 1 1 x 1\n"},
      {"[contents]\ncount=1\nName=,x\n1=,x\n[INT TIC: x]\n", "1=,1,1.00,1,1,1,x,1,1,1.00,1.000\n"},
      {"[contents]\ncount=1\nName=,x\n1=,x\n[PBM Apex]\n", "1=,1,1.00,1,x,1,58-08-2,1\n1=,2,1.00,1,x,1,58-08-2,1\n"},
      {absl::StrCat("[contents]\ncount=1\nName=,", name, "\n"), "[INT ]\n"}};
  for (const auto& [head, row] : kinds) {
    std::string rows = row;
    while (rows.size() < 60000) rows += row;
    const Options options = DefaultOptions(Msd());
    const std::size_t bound = 16 * Msd().max_report + 2 * Msd().max_frame + 64 * 1024;
    const std::size_t before = HeapInUse();
    bool began = false;
    Parser parser(Msd(), options);
    parser.Feed(head, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * Msd().max_report; fed += rows.size()) {
      parser.Feed(rows, [&](ParserEvent event) { began |= std::holds_alternative<Arm>(event); });
    }
    EXPECT_TRUE(began) << head.substr(0, 60) << row;
    EXPECT_LE(HeapPeak() - before, bound) << head.substr(0, 60) << row;
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound: " << row.substr(0, row.find('\n')) << "\n";
  }
}

TEST(AgilentMsdMemory, AReportOfMoreLinesThanAnyIsEndedAndTheNextIsRead) {
  std::string text = "Area Percent Report\n---\n";
  for (int i = 0; i < 6000; ++i) text += "1 1.000 1 1 1 1 1 1.00% 1.000%\n";
  const std::size_t size = text.size();
  text += "[contents]\ncount=0\nName=,x.D\n";
  const std::vector<dims::v1::Report> reports = Reports(text);
  ASSERT_GE(reports.size(), 3u);
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_LT(reports[0].raw_size(), size);
  EXPECT_EQ(reports[1].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(reports.back().problems_size(), 0) << reports.back().DebugString();
}

}  // namespace
}  // namespace dims
