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
    EXPECT_EQ(PointsOf(list, "41, 100; 43, 200\n"), expected) << list;
  }
  EXPECT_EQ(PointsOf("(XYA..XYA)", "(41,100,<a>) (43, 200,<b>)\n"), expected);
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

dims::v1::Report WithHeader(const std::string& header, const std::string& table) {
  return JcampReport("##TITLE= t\n" + header + table + "##END=\n");
}

TEST(JcampPairs, ACommaIsAPointWhereLessSpeaksAgainstIt) {
  const Points expected = {100.5, 0.125, 101.5, 0.25};
  const std::string pairs = "##XYPOINTS= (XY..XY)\n100,5 0,125\n101,5 0,25\n";
  for (const char* header : {"##NPOINTS= 2\n", "##MAXX= 101,5\n", "##YFACTOR= 1,0\n", "##LASTX= 101.5\n",
                             "##FIRSTX= 100,5\n", "##NPOINTS= 2\n##FIRSTX= 100.5\n##XFACTOR= 1.0\n"}) {
    const dims::v1::Report report = WithHeader(header, pairs);
    EXPECT_EQ(report.problems_size(), 0) << header << report.DebugString();
    EXPECT_EQ(PointsOf(report), expected) << header;
  }
  for (const char* header : {"##NPOINTS= 4\n", "##FIRSTX= 100\n", "##FIRSTX= 100\n##LASTX= 0\n"}) {
    EXPECT_EQ(PointsOf(WithHeader(header, pairs)), (Points{100, 5, 0, 125, 101, 5, 0, 25})) << header;
  }
  EXPECT_EQ(PointsOf(WithHeader("", "##XYPOINTS= (XY..XY)\n178, 401,5\n179,25, 402,5\n")),
            (Points{178, 401.5, 179.25, 402.5}));
  EXPECT_EQ(PointsOf(WithHeader("", "##XYPOINTS= (XY..XY)\n12,20 24,140\n37,230\n")),
            (Points{12, 20, 24, 140, 37, 230}));
  const dims::v1::Report profile =
      WithHeader("##FIRSTX= 400\n##LASTX= 401\n##NPOINTS= 2\n", "##XYDATA= (X++(Y..Y))\n400 0,125 0,25\n");
  EXPECT_EQ(profile.problems_size(), 0) << profile.DebugString();
  EXPECT_EQ(PointsOf(profile), (Points{400, 0.125, 401, 0.25}));
}

TEST(JcampPairs, WhereNothingSaysWhatACommaIsThereAreNoPoints) {
  for (const char* header : {"", "##FIRSTX= 400.0\n", "##MAXX= 4,000\n"}) {
    const std::string begin = absl::StrCat(header, "##XYPOINTS= (XY..XY)\n");
    const dims::v1::Report report = WithHeader(begin, "399 7\n400,00 0,5\n401,00 0,75\n");
    ASSERT_EQ(report.problems_size(), 1) << report.DebugString();
    EXPECT_EQ(report.problems(0).type(), PROBLEM_TYPE_UNEXPECTED_LINE);
    EXPECT_EQ(report.problems(0).offset(), 11 + begin.size() + 6);
    EXPECT_EQ(report.analyses(0).spectra(0).points(), 0u);
  }
  EXPECT_TRUE(HasProblem(WithHeader("##DELTAX= 1\n", "##XYDATA= (X++(Y..Y))\n400 0,123 0,124\n"),
                         PROBLEM_TYPE_UNEXPECTED_LINE));
}

TEST(JcampPairs, ADamagedFirstLineDoesNotSayWhatACommaIs) {
  const std::string header = "##FIRSTX= 176,36\n##LASTX= 178,36\n##NPOINTS= 3\n##XYPOINTS= (XY..XY)\n";
  for (const char* first : {"1x6,36, 1,5\n", "176.36, 1,5\n", "176, 1,5\n"}) {
    const dims::v1::Report report = WithHeader(header, absl::StrCat(first, "177,36, 2,5\n178,36, 3,5\n"));
    const dims::v1::Spectrum& spectrum = report.analyses(0).spectra(0);
    ASSERT_GE(spectrum.y_size(), 2) << report.DebugString();
    EXPECT_EQ(spectrum.x(spectrum.x_size() - 2), 177.36);
    EXPECT_EQ(spectrum.y(spectrum.y_size() - 1), 3.5);
  }
}

TEST(JcampPairs, ALongTableIsUnderstoodBeforeItsEnd) {
  std::string points = "##XYPOINTS= (XY..XY)\n", plain = points;
  for (int i = 0; i < 20000; ++i) {
    absl::StrAppend(&points, 100 + i, ",5, ", i % 7, i % 3 == 0 ? "\n" : ",25\n");
    absl::StrAppend(&plain, 100 + i, ",", i % 7, "\n");
  }
  const dims::v1::Report report = WithHeader("", points), other = WithHeader("", plain);
  EXPECT_EQ(report.problems_size() + other.problems_size(), 0) << report.DebugString() << other.DebugString();
  ASSERT_EQ(report.analyses(0).spectra(0).x_size(), 20000);
  EXPECT_EQ(report.analyses(0).spectra(0).x(19999), 20099.5);
  ASSERT_EQ(other.analyses(0).spectra(0).x_size(), 20000);
  EXPECT_EQ(other.analyses(0).spectra(0).x(19999), 20099);
}

TEST(JcampPairs, NaNIsAValueThatIsMissing) {
  EXPECT_EQ(PointsOf("(XY..XY)", "4000.12 NaN\n4001,nan 4002,?\n4003 5\n"),
            (Points{4000.12, -1, 4001, -1, 4002, -1, 4003, 5}));
  EXPECT_EQ(PointsOf("(XY..XY)", "4000 NaNo\n4003 5\n", "o\n"), (Points{4003, 5}));
}

}  // namespace
}  // namespace dims
