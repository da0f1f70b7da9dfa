// Curves pass, and what is kept has a bound, whatever is sent.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/heap.h"
#include "tests/shimadzu.h"

namespace dims {
namespace {

// Feeds `head`, then `rows` again and again; the highest that the parser's heap was, and whether a report is open.
std::pair<std::size_t, bool> PeakOf(const std::string& head, const std::string& rows, std::size_t size,
                                    const Settings& settings = {}) {
  const Options options = *Options::Parse(ShimadzuDriver().options, settings);
  std::string piece = rows;
  while (piece.size() < 60000) piece += rows;
  const std::size_t before = HeapInUse();
  Parser parser(ShimadzuDriver(), options);
  ResetHeapPeak();
  parser.Feed(head, [](ParserEvent) {});
  for (std::size_t fed = 0; fed < size; fed += piece.size()) parser.Feed(piece, [](ParserEvent) {});
  return {HeapPeak() - before, parser.in_report()};
}

TEST(ShimadzuMemory, CurvesOfAnyLengthTakeNoRoom) {
  const std::string head = Head() + PeakTable() + "[MS Chromatogram]\r\n# of Points\t9\r\nRet.Time\tIntensity\r\n";
  const auto [peak, open] = PeakOf(head, "1.000\t910440\t100.00\r\n", 48 << 20);
  EXPECT_TRUE(open);
  EXPECT_LE(peak, 512u << 10);
}

TEST(ShimadzuMemory, TheCostliestLinesOfEveryKindStayWithin32MiB) {
  const std::string sections = "[MS Chromatogram]\r\n# of Points\t1\r\nRet.Time\tIntensity\r\n1\t1\r\n";
  const std::string target = "<< Target >>\r\nLine#:1 R.Time:4.310(Scan#:39)\r\n";
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"[MC Peak Table]\r\n# of Peaks\t9\r\nPeak#\tRet.Time\tArea\tHeight\r\n", "1\t1\t1\t1\r\n"},
      {"[Peak Table(Ch1)]\r\n# of Peaks\t9\r\nPeak#\tR.Time\tArea\tHeight\tID#\tName\r\n", "1\t1\t1\t1\t1\tx\r\n"},
      {"[MS Quantitative Results]\r\n# of IDs\t9\r\nID#\tName\tRet.Time\tArea\tConc.\r\n", "1\tx\tND\t\t\r\n"},
      {"[Compound Results(Ch1)]\r\n# of IDs\t9\r\nID#\tName\tR.Time\tArea\tConc.\tSI\r\n", "1\tx\t1\t1\t1\t1\r\n"},
      {"[Spectrum Process Table]\r\n# of Spectrum\t9\r\nSpectrum#\tTop\r\n", "1\t1\r\n"},
      {"[MS Similarity Search Results for Spectrum Process Table]\r\n# of Spectrum\t9\r\nSpectrum#\tHit "
       "#\tSI\tName\r\n",
       "1\t1\t1\tx\r\n2\t1\t1\tx\r\n"},
      {"", "[Peak Table(a)]\r\n[Peak Table(b)]\r\n"},
      {"", sections},
      {"[Sample Information]\r\n", absl::StrCat("Sample Name\t", std::string(30000, 'x'), "\r\n")},
      {"", "[x]\r\n"}};
  for (const auto& [head, rows] : kinds) {
    for (const char* keep : {"false", "true"}) {
      const auto [peak, open] = PeakOf(Head() + head, rows, 4 << 20, {{"keep_curves", keep}});
      EXPECT_TRUE(open) << head << rows.substr(0, 60);
      EXPECT_LE(peak, 32u << 20) << head << rows.substr(0, 60);
      std::cerr << (peak >> 10) << " KiB: " << rows.substr(0, rows.find('\r')).substr(0, 60) << "\n";
    }
  }
  const std::string browser = "ID#\t1\r\nName\tx\r\n\tData Filename\tArea\tRet. Time\r\n";
  std::string table;
  for (int i = 1; i <= 1000; ++i) absl::StrAppend(&table, i, "\tx\t1\t1\r\n");
  for (const std::string& rows : {table + "ID#\t2\r\nName\tx\r\n\tData Filename\tArea\tRet. Time\r\n", table,
                                  std::string("ID#\t2\r\n"), std::string("Name\tx\r\n")}) {
    const auto [peak, open] = PeakOf(browser, rows, 4 << 20);
    EXPECT_TRUE(open) << rows.substr(0, 60);
    EXPECT_LE(peak, 32u << 20) << rows.substr(0, 60);
  }
  const auto [peak, open] = PeakOf(target, "Hit#:1\r\nSI:1\r\nCompName:x\r\n", 4 << 20);
  EXPECT_TRUE(open);
  EXPECT_LE(peak, 32u << 20);
}

TEST(ShimadzuMemory, ManyChannelsWithLongNamesStayWithinTheBound) {
  std::string text = Replaced(Head(), "S1.qgd", std::string(200, 'x'));
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&text, "[Peak Table(", i, ")]\r\n# of Peaks\t0\r\n");
  const std::vector<dims::v1::Report> reports = Reports(text);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_LE(reports[0].analyses_size(), 64);
  EXPECT_LE(reports[0].ByteSizeLong(), 1u << 20);
  EXPECT_EQ(reports[0].problems(0).type(), dims::v1::PROBLEM_TYPE_OVERSIZE);
}

TEST(ShimadzuMemory, ResultsBeyondTheBoundAreLeftOutAndSaidOnce) {
  std::string text = Head() + "[MC Peak Table]\r\n# of Peaks\t100000\r\nPeak#\tRet.Time\tArea\tHeight\r\n";
  for (int i = 1; i <= 100000; ++i) absl::StrAppend(&text, i, "\t1.000\t1\t1\r\n");
  const std::vector<dims::v1::Report> reports = Reports(text + "\r\n" + Head() + PeakTable());
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_OVERSIZE}));
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_GT(reports[0].analyses(0).findings_size(), 10000);
  EXPECT_LE(reports[0].ByteSizeLong(), 3u << 20);
  EXPECT_EQ(reports[1].problems_size(), 0) << reports[1].DebugString();
}

}  // namespace
}  // namespace dims
