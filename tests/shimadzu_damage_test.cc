// What a line does to an export, and how it shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/shimadzu.h"

namespace dims {
namespace {

std::string Whole() {
  return Head() + SampleInformation() + PeakTable() +
         Spectra("1\t5.050\t1\t2\t1\t1\t2\r\n2\t4.811\t1\t2\t1\t1\t2\r\n", 2) +
         Hits(
             "1\t1\t94\t561 - 27 - 3\tHeroin\tC21H23NO5\t2608\t7\tW9.lib\r\n"
             "2\t1\t91\t94 - 09 - 7\tBenzocaine\tC9H11NO2\t1570\t8\tW9.lib\r\n",
             2) +
         Compound("12.5", "Linear", "0\t0\t4.4e+008\t0") + Chromatogram(5);
}

// Everything that was said, over all reports.
std::string Said(const std::vector<dims::v1::Report>& reports) {
  std::string said;
  for (const dims::v1::Report& report : reports) {
    for (const dims::v1::Analysis& analysis : report.analyses()) absl::StrAppend(&said, analysis.DebugString());
  }
  return said;
}

bool AnyProblem(const std::vector<dims::v1::Report>& reports) {
  for (const dims::v1::Report& report : reports) {
    if (report.problems_size() > 0) return true;
  }
  return false;
}

TEST(ShimadzuDamage, NothingIsWrongWithTheSample) {
  const std::vector<dims::v1::Report> reports = Reports(Whole());
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].analyses(0).findings_size(), 4);
}

TEST(ShimadzuDamage, ALetterOfATitleAKeyOrAColumnThatIsLostOrChangedIsSaidOrChangesNothing) {
  const std::string whole = Whole();
  const std::string expected = Said(Reports(whole));
  int damaged = 0;
  std::size_t line_begin = 0;
  while (line_begin < whole.size()) {
    const std::size_t line_end = whole.find("\r\n", line_begin);
    const std::string line = whole.substr(line_begin, line_end - line_begin);
    const std::size_t key_end = line.find('\t');
    // Titles, keys and the names of columns; rows begin with a digit.
    const bool names = !line.empty() && !absl::ascii_isdigit(line[0]);
    const bool columns = absl::StartsWith(line, "Peak#") || absl::StartsWith(line, "ID#") ||
                         absl::StartsWith(line, "Spectrum#") || line[0] == '[';
    const std::size_t length = columns ? line.size() : std::min(key_end, line.size());
    for (std::size_t i = 0; names && i < length; ++i) {
      if (line[i] == '\t') continue;
      for (const bool lost : {false, true}) {
        std::string bytes = whole;
        lost ? bytes.erase(line_begin + i, 1) : bytes.replace(line_begin + i, 1, "~");
        const std::vector<dims::v1::Report> reports = Reports(bytes);
        EXPECT_TRUE(AnyProblem(reports) || Said(reports) == expected)
            << (lost ? "lost" : "changed") << " letter " << i << " of " << line << "\n"
            << Said(reports);
        ++damaged;
      }
    }
    line_begin = line_end + 2;
  }
  EXPECT_GT(damaged, 500);
}

TEST(ShimadzuDamage, ATitleThatIsNoTextIsSaid) {
  std::string export_text = Whole();
  const std::size_t at = export_text.find("[MC Peak Table]");
  ASSERT_NE(at, std::string::npos);
  export_text.insert(at, "[Peak Table(Detector \x81)]\r\n# of Peaks\t0\r\n\r\n");
  const std::vector<dims::v1::Report> reports = Reports(export_text);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_TRUE(
      std::any_of(reports[0].problems().begin(), reports[0].problems().end(), [&](const dims::v1::Problem& problem) {
        return problem.type() == dims::v1::PROBLEM_TYPE_ENCODING && problem.offset() == at;
      }));
}

TEST(ShimadzuDamage, ALostLineIsSaidOrChangesNothing) {
  const std::string whole = Whole();
  const std::string expected = Said(Reports(whole));
  for (std::size_t begin = 0; begin < whole.size();) {
    const std::size_t end = whole.find("\r\n", begin) + 2;
    const std::string line = whole.substr(begin, end - begin);
    std::string bytes = whole;
    bytes.erase(begin, end - begin);
    const std::vector<dims::v1::Report> reports = Reports(bytes);
    // A whole line of keys, and a hit, are missed by nobody: a version or a spectrum may not have them.
    const bool may_be_missing = begin < whole.find("[MC Peak Table]") || absl::StrContains(line, "W9.lib") ||
                                absl::StartsWith(line, "Mass\tTIC");
    EXPECT_TRUE(may_be_missing || AnyProblem(reports) || Said(reports) == expected) << line << Said(reports);
    begin = end;
  }
}

TEST(ShimadzuDamage, ACutIsSaidWhereverItIsButBetweenSections) {
  const std::string whole = Head() + PeakTable();
  const std::size_t first = whole.find("[MC Peak Table]");
  for (std::size_t end = 1; end < whole.size() - 4; ++end) {
    const std::vector<dims::v1::Report> reports = Reports(whole.substr(0, end), {}, Ending::kInterrupted);
    EXPECT_TRUE(AnyProblem(reports)) << whole.substr(first, end);
  }
}

TEST(ShimadzuDamage, AnAreaOrAHeightThatChangedIsSeenInTheirRatio) {
  const std::string whole = Head() + PeakTable();
  for (const char* number : {"219640", "81350", "418207", "173533", "1873310", "601190"}) {
    const std::size_t at = whole.find(number);
    for (std::size_t i = 0; i < 2; ++i) {
      for (char digit = '0'; digit <= '9'; ++digit) {
        if (digit == number[i]) continue;
        std::string bytes = whole;
        bytes[at + i] = digit;
        const bool two_percent = i == 0 || std::abs(digit - number[i]) * 10 > (number[0] - '0') * 10;
        if (!two_percent) continue;
        EXPECT_EQ(Types(Reports(bytes)[0]), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << number << " " << digit;
      }
    }
    std::string shorter = whole;
    shorter.erase(at, 1);
    EXPECT_EQ(Types(Reports(shorter)[0]), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << number;
  }
}

TEST(ShimadzuDamage, ASampleIsNeverGivenTheResultsOfTheNextOne) {
  const std::string first = Head("S1.qgd") + SampleInformation() + PeakTable();
  const std::string second =
      Replaced(Head("S2.qgd") + SampleInformation() + PeakTable(), "Sample Name\tS1", "Sample Name\tS2");
  for (std::size_t i = 0; i < absl::string_view("[Header]").size(); ++i) {
    std::string bytes = first + second;
    bytes[first.size() + i] = '~';
    const std::vector<dims::v1::Report> reports = Reports(bytes);
    ASSERT_EQ(reports.size(), 2u);
    EXPECT_EQ(reports[0].analyses(0).sample_number(), "S1");
    EXPECT_EQ(reports[1].analyses(0).sample_number(), "S2");
    EXPECT_EQ(reports[0].analyses(0).findings_size(), 3);
    EXPECT_EQ(reports[1].analyses(0).findings_size(), 3);
    EXPECT_GT(reports[0].problems_size(), 0);
    EXPECT_EQ(Types(reports[1]), (Problems{dims::v1::PROBLEM_TYPE_MISSING}));
  }
}

TEST(ShimadzuDamage, CurvesThatHaveMoreOrFewerPointsThanTheySayAreSaid) {
  const std::string head = Head() + PeakTable();
  EXPECT_EQ(Types(Reports(head + Chromatogram(10, 9))[0]), (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
  EXPECT_EQ(Types(Reports(head + Chromatogram(10, 11) + Compound("1", "", "0\t0\t1\t0"))[0]),
            (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
  EXPECT_EQ(Types(Reports(head + Chromatogram(10, 11))[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
}

TEST(ShimadzuDamage, TablesThatHaveMoreOrFewerRowsThanTheySayAreSaidAndKept) {
  for (const char* count : {"# of Peaks\t2", "# of Peaks\t4"}) {
    const dims::v1::Report report = Reports(Replaced(Head() + PeakTable(), "# of Peaks\t3", count))[0];
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH})) << count;
    EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
    EXPECT_EQ(report.analyses(0).findings_size(), 3);
  }
  EXPECT_EQ(Types(Reports(Head() + Hits("3\t1\t94\t\tx\tC\t0\t7\tW9.lib\r\n", 2) + "\r\n")[0]),
            (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
}

TEST(ShimadzuDamage, ANumberThatIsNoneRefusesItsRowAndNoOther) {
  for (const char* bad : {"2l9640", "219 640", "1.2.3", "--5", "1e", "e5", "1,234,567"}) {
    const dims::v1::Report report = Reports(Replaced(Head() + PeakTable(), "219640", bad))[0];
    EXPECT_GE(report.problems_size(), 1) << bad;
    EXPECT_EQ(report.problems(0).type(), dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE) << bad;
    EXPECT_EQ(report.analyses(0).findings_size(), 2) << bad;
  }
}

}  // namespace
}  // namespace dims
