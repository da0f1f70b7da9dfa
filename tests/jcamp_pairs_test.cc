// Tables of pairs and assignments: what stands in which column, however it is written.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/jcamp.h"

namespace dims {
namespace {

using ::dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE;

dims::v1::Report ReportOf(const std::string& list, const std::string& table) {
  return JcampReport("##TITLE= t\n##PEAK TABLE= " + list + "\n" + table + "##END=\n");
}

// x and y in turn; a y that is missing is -1.
std::vector<double> PointsOf(const dims::v1::Report& report) {
  const dims::v1::Spectrum& spectrum = report.analyses(0).spectra(0);
  EXPECT_EQ(spectrum.x_size(), spectrum.y_size());
  std::vector<double> points;
  for (int i = 0; i < spectrum.x_size(); ++i) {
    points.insert(points.end(), {spectrum.x(i), std::isnan(spectrum.y(i)) ? -1 : spectrum.y(i)});
  }
  return points;
}

// Of a table that has no problem.
std::vector<double> PointsOf(const std::string& list, const std::string& table) {
  const dims::v1::Report report = ReportOf(list, table);
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  return PointsOf(report);
}

// Of a table whose line `at` is not wholly read.
std::vector<double> PointsOf(const std::string& list, const std::string& table, const std::string& at) {
  const std::string file = "##TITLE= t\n##PEAK TABLE= " + list + "\n";
  const dims::v1::Report report = ReportOf(list, table);
  EXPECT_TRUE(HasProblem(report, PROBLEM_TYPE_UNEXPECTED_LINE)) << report.DebugString();
  EXPECT_EQ(report.problems(0).offset(), file.size() + table.find(at)) << report.DebugString();
  return PointsOf(report);
}

using Points = std::vector<double>;

TEST(JcampPairs, AreReadHoweverTheyAreSeparated) {
  const std::vector<double> expected = {14, 30, 15.5, -4, 16, 100};
  EXPECT_EQ(PointsOf("(XY..XY)", "14   30\n15.5\t-4\n16 1E2\n"), expected);
  EXPECT_EQ(PointsOf("(XY..XY)", "14, 30; 15.5, -4; 16, 100\n"), expected);
  EXPECT_EQ(PointsOf("(XY..XY)", "14,30 15.5,-4\n16,100\n"), expected);
  EXPECT_EQ(PointsOf("(XY..XY)", "(14,30) (15.5,-4)\n(16, 1.0e+002)\n"), expected);
  EXPECT_EQ(PointsOf("(XYW..XYW)", "14,30,1 15.5,-4,1\n16,100,2\n"), expected);
  EXPECT_EQ(PointsOf("(XYM..XYM)", "14,30,S 15.5,-4,dd\n16,100,2\n"), expected);
  EXPECT_EQ(PointsOf("(XYA)", "(14,30,<a>)(15.5,-4,<b, (c)>)\n(16, 100, <d\ne>)\n"), expected);
  EXPECT_EQ(PointsOf("(XYMA)", "(14,30,,<a>)\n(15.5,-4,S,<b>)\n(16,100, ,<c>)\n"), expected);
  EXPECT_EQ(PointsOf("(XYWA)", "14 30 -1 <a>\n15.5 -4 -1 <b>\n16 100 -1 <c>\n"), expected);
}

TEST(JcampPairs, TwoCommasWithNothingBetweenAreAValueThatIsMissing) {
  EXPECT_EQ(PointsOf("(XY..XY)", "100,,200, ,300,7\n"), (Points{100, -1, 200, -1, 300, 7}));
  EXPECT_EQ(PointsOf("(XY..XY)", "100;;200;5\n"), (Points{100, -1, 200, 5}));
  EXPECT_EQ(PointsOf("(XY..XY)", "100,,200,\n", "\n"), (Points{100, -1})) << "there may be more to come";
  EXPECT_EQ(PointsOf("(XY..XY)", "100,5,,200,6\n101,7\n", ",200"), (Points{100, 5, 101, 7})) << "no x";
  EXPECT_EQ(PointsOf("(XYMA)", "(7.25,,2,<H1>)\n(8,1,,<H2>)\n"), (Points{7.25, -1, 8, 1}));
  EXPECT_EQ(PointsOf("(XYM..XYM)", "100,5,,200,6,d\n"), (Points{100, 5, 200, 6}));
  EXPECT_EQ(PointsOf("(XYM..XYM)", "100,5,\n200,6\n(300,7,),(400,8,t)\n"), (Points{100, 5, 200, 6, 300, 7, 400, 8}))
      << "what is missing at the end is not carried";
}

TEST(JcampPairs, AMultiplicityIsNoY) {
  EXPECT_EQ(PointsOf("(XMA)", "(7.25,2,<H1>)\n(8, d, <H2>)\n"), (Points{7.25, -1, 8, -1}));
  EXPECT_EQ(PointsOf("(XA)", "(7.25,<H1>)\n(8,<H2\nand more>)(9,<>)\n"), (Points{7.25, -1, 8, -1, 9, -1}));
  EXPECT_EQ(PointsOf("(XW..XW)", "7,0.5 8,0.25\n"), (Points{7, -1, 8, -1}));
}

TEST(JcampPairs, VariableListsAreReadAsProgramsWriteThem) {
  const Points expected = {41, 100, 43, 200};
  for (const char* list :
       {"(XY)", "( X Y )", "XY..XY", "(XY..XY", "(xy..xy), PEAKS", "(XY..XY), PEAK TABLE", "(X,Y..X,Y)"}) {
    EXPECT_EQ(PointsOf(list, "41,100 43,200\n"), expected) << list;
  }
  EXPECT_EQ(PointsOf("(XYA..XYA)", "(41,100,<a>) (43,200,<b>)\n"), expected);
  for (const char* list : {"X++(Y..Y)", "X++(Y..Y), XYDATA", "(X++(Y..Y)", "(X++(Y..Y))"}) {
    const dims::v1::Report report = JcampReport(
        absl::StrCat("##TITLE= t\n##FIRSTX= 1\n##LASTX= 3\n##NPOINTS= 3\n##XYDATA= ", list, "\n1 5 6 7\n##END=\n"));
    EXPECT_EQ(report.problems_size(), 0) << list << report.DebugString();
    EXPECT_EQ(PointsOf(report), (Points{1, 5, 2, 6, 3, 7}));
  }
}

TEST(JcampPairs, DataMayBeginBehindTheVariableList) {
  EXPECT_EQ(PointsOf("(XY..XY) 41,100 43,200", "45,12\n"), (Points{41, 100, 43, 200, 45, 12}));
  EXPECT_EQ(PointsOf("(XYA) (41,100,<a>)", "(45,12,<b>)\n"), (Points{41, 100, 45, 12}));
  const dims::v1::Report report = ReportOf("(XY..XY) 41,1x0 43,200", "45,12\n");
  ASSERT_EQ(report.problems_size(), 1) << report.DebugString();
  EXPECT_EQ(report.problems(0).offset(), std::string("##TITLE= t\n##PEAK TABLE= (XY..XY) 41,1").size());
}

TEST(JcampPairs, AGroupThatIsBrokenMovesNoOther) {
  EXPECT_EQ(PointsOf("(XY..XY)", "100 5 101 6 102\n 7 103 8\n104 9\n", "\n"), (Points{100, 5, 101, 6, 104, 9}));
  EXPECT_EQ(PointsOf("(XY..XY)", "100 5 101 6 102\n103 8\n104 9\n", "\n"), (Points{100, 5, 101, 6, 103, 8, 104, 9}))
      << "its y was lost";
  EXPECT_EQ(PointsOf("(XYA)", "(x1,5,<a>)(2,6,<b>)\n(3,7,<c>)\n", "x1"), (Points{2, 6, 3, 7}));
}

TEST(JcampPairs, NaNIsAValueThatIsMissing) {
  EXPECT_EQ(PointsOf("(XY..XY)", "4000.12 NaN\n4001,nan 4002,?\n4003 5\n"),
            (Points{4000.12, -1, 4001, -1, 4002, -1, 4003, 5}));
  EXPECT_EQ(PointsOf("(XY..XY)", "4000 NaNo\n4003 5\n", "o\n"), (Points{4003, 5}));
}

}  // namespace
}  // namespace dims
