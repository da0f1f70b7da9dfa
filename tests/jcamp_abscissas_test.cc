// Where the points of (X++(Y..Y)) stand, when header and lines are at odds: where the lines say, and the report says
// so.
#include <gtest/gtest.h>

#include "tests/jcamp.h"

namespace dims {
namespace {

using ::dims::v1::PROBLEM_TYPE_COUNT_MISMATCH;
using ::dims::v1::PROBLEM_TYPE_INCONSISTENT;

// A table behind its header, both as lines.
dims::v1::Report ReportOf(const std::string& header, const std::string& table) {
  return JcampReport("##TITLE= t\n" + header + "##XYDATA= (X++(Y..Y))\n" + table + "##END=\n");
}

std::vector<double> XOf(const dims::v1::Report& report) {
  const auto& x = report.analyses(0).spectra(0).x();
  return std::vector<double>(x.begin(), x.end());
}

std::vector<double> Grid(double first, double step, int points) {
  std::vector<double> x;
  for (int i = 0; i < points; ++i) x.push_back(first + i * step);
  return x;
}

// One problem, of that type.
void ExpectProblem(const dims::v1::Report& report, dims::v1::ProblemType type) {
  EXPECT_EQ(report.problems_size(), 1) << report.DebugString();
  EXPECT_TRUE(HasProblem(report, type)) << report.DebugString();
}

TEST(JcampAbscissas, OnePointAUnitIsNoCountOfPoints) {
  dims::v1::Report report =
      ReportOf("##FIRSTX= 200\n##LASTX= 209\n##DELTAX= -1\n##NPOINTS= 10\n", "209 1 2 3 4 5\n204 6 7 8 9 10\n");
  EXPECT_EQ(XOf(report), Grid(209, -1, 10)) << "the header has its ends the wrong way round";
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT));

  const std::string lines = "405 1 2 3 4 5\n410 6 7 8 9 10\n415 11 12 13 14 15\n";
  report = ReportOf("##FIRSTX= 400\n##LASTX= 414\n##NPOINTS= 15\n", lines);
  EXPECT_EQ(XOf(report), Grid(405, 1, 15));
  ASSERT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT));
  EXPECT_EQ(report.problems(0).offset(), 74u) << "where the table begins elsewhere";
  report = ReportOf("##FIRSTX= 800\n##LASTX= 419\n##NPOINTS= 15\n", lines);
  EXPECT_EQ(XOf(report), Grid(405, 1, 15));
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT));
}

TEST(JcampAbscissas, ATableOfOneLineBeginsWhereItSays) {
  const dims::v1::Report report = ReportOf("##FIRSTX= 400\n##LASTX= 403\n##NPOINTS= 4\n", "403 1 2 3 4\n");
  EXPECT_EQ(XOf(report), Grid(403, 1, 4));
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT));
  EXPECT_EQ(ReportOf("##FIRSTX= 400\n##LASTX= 403\n##NPOINTS= 4\n", "400 1 2 3 4\n").problems_size(), 0);
}

TEST(JcampAbscissas, PointsMayBeCountedFromEitherEnd) {
  const std::string header = "##FIRSTX= 500\n##LASTX= 491\n##XFACTOR= 2.25\n##DELTAX= -2.25\n##NPOINTS= 5\n";
  for (const char* table :
       {"0 1 2 3\n3 4 5\n", "1 1 2 3\n4 4 5\n", "4 1 2 3\n1 4 5\n", "5 1 2 3\n2 4 5\n", "0 1 2 3 4 5\n"}) {
    const dims::v1::Report report = ReportOf(header, table);
    EXPECT_EQ(report.problems_size(), 0) << table << report.DebugString();
    EXPECT_EQ(XOf(report), Grid(500, -2.25, 5)) << table;
  }
  EXPECT_TRUE(HasProblem(ReportOf(header, "7 1 2 3\n4 4 5\n"), PROBLEM_TYPE_INCONSISTENT)) << "counts from nothing";
}

TEST(JcampAbscissas, AHeaderIsNotTrustedAgainstTheLinesThoughItHasAllPoints) {
  const std::string lines = "400 1 2 3 4 5\n410 1 2 3 4 5\n420 1 2 3 4 5\n430 1 2 3 4 5\n";
  for (const char* delta : {"", "##DELTAX= 2\n"}) {
    const dims::v1::Report report =
        ReportOf(absl::StrCat("##FIRSTX= 400\n##LASTX= 9438\n", delta, "##NPOINTS= 20\n"), lines);
    EXPECT_EQ(XOf(report), Grid(400, 2, 20));
    EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT)) << report.DebugString();
  }
  const dims::v1::Report report =
      ReportOf("##FIRSTX= 4,000\n##LASTX= 400\n##DELTAX= -400\n##NPOINTS= 10\n", "4000 1 2 3 4 5\n2000 1 2 3 4 5\n");
  EXPECT_EQ(XOf(report), Grid(4000, -400, 10));
  ExpectProblem(report, PROBLEM_TYPE_INCONSISTENT);
}

TEST(JcampAbscissas, AStepThatIsALittleOffIsSeenOverTheWholeTable) {
  std::vector<int64_t> y(400, 7);
  std::string file = JcampFile(y.size(), JcampTable(y, JcampForm::kAffn));
  file.replace(file.find("##LASTX= 799"), 12, "##LASTX= 809");
  const dims::v1::Report report = JcampReport(file);
  ExpectProblem(report, PROBLEM_TYPE_INCONSISTENT);
  EXPECT_EQ(XOf(report), Grid(400, 1, 400));
}

TEST(JcampAbscissas, ADamagedFirstLabelMovesNoPoint) {
  for (const char* first : {"900", "0", "-400"}) {
    const dims::v1::Report report =
        ReportOf("##FIRSTX= 400\n##LASTX= 438\n##NPOINTS= 20\n",
                 absl::StrCat(first, " 1 2 3 4 5\n410 1 2 3 4 5\n420 1 2 3 4 5\n430 1 2 3 4 5\n"));
    EXPECT_EQ(XOf(report), Grid(400, 2, 20)) << first;
    EXPECT_GT(report.problems_size(), 0) << first;
  }
}

TEST(JcampAbscissas, ALostFirstLineShiftsNothing) {
  const std::string header = "##FIRSTX= 400\n##LASTX= 438\n##NPOINTS= 20\n";
  const dims::v1::Report report = ReportOf(header, "410 1 2 3 4 5\n420 1 2 3 4 5\n430 1 2 3 4 5\n");
  EXPECT_EQ(XOf(report), Grid(410, 2, 15));
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_INCONSISTENT));
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_COUNT_MISMATCH));
  EXPECT_EQ(
      XOf(ReportOf("##FIRSTX= 400\n##LASTX= 419\n##NPOINTS= 20\n", "405 1 2 3 4 5\n410 1 2 3 4 5\n415 1 2 3 4 5\n")),
      Grid(405, 1, 15));
  // Labels that are rounded stand on the grid again.
  EXPECT_EQ(XOf(ReportOf("##FIRSTX= 400.25\n##LASTX= 438.25\n##NPOINTS= 20\n",
                         "410 1 2 3 4 5\n420 1 2 3 4 5\n430 1 2 3 4 5\n")),
            Grid(410.25, 2, 15));
}

TEST(JcampAbscissas, LabelsWithoutTheirFactorAreAbscissas) {
  const std::string header = "##FIRSTX= 400\n##LASTX= 418\n##XFACTOR= 0.5\n##NPOINTS= 10\n";
  for (const char* table : {"400 1 2 3 4 5\n410 1 2 3 4 5\n", "800 1 2 3 4 5\n820 1 2 3 4 5\n"}) {
    const dims::v1::Report report = ReportOf(header, table);
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(XOf(report), Grid(400, 2, 10));
  }
  EXPECT_EQ(XOf(ReportOf(header, "410 1 2 3 4 5\n420 1 2 3 4 5\n")), Grid(410, 2, 10));
}

}  // namespace
}  // namespace dims
