// The forms of ordinates and the numbers in them: what is written in any of them is read, and what is damaged is seen.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <random>

#include "absl/strings/str_format.h"
#include "drivers/jcamp/number.h"
#include "tests/jcamp.h"

namespace dims {
namespace {

constexpr JcampForm kForms[] = {JcampForm::kAffn, JcampForm::kPac, JcampForm::kSqz, JcampForm::kDif,
                                JcampForm::kDifDup};

// A curve that has flat stretches, slopes, jumps and both signs.
std::vector<int64_t> RandomCurve(std::size_t points, std::mt19937_64& random) {
  std::vector<int64_t> y;
  int64_t value = static_cast<int64_t>(random() % 200) - 100, slope = 0;
  while (y.size() < points) {
    if (random() % 4 == 0) slope = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 2001) - 1000;
    if (random() % 50 == 0) value = static_cast<int64_t>(random() % 2'000'000'000) - 1'000'000'000;
    y.push_back(value += slope);
  }
  return y;
}

TEST(JcampForms, EveryFormOfACurveIsTheSameCurve) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    const std::vector<int64_t> y = RandomCurve(1 + random() % 400, random);
    const int64_t first = static_cast<int64_t>(random() % 8000) - 4000;
    const int64_t step = random() % 2 == 0 ? 2 : -3;
    for (const JcampForm form : kForms) {
      const std::string file = JcampFile(y.size(), JcampTable(y, form, first, step, 20 + random() % 80), first, step);
      const dims::v1::Report report = JcampReport(file);
      ASSERT_EQ(report.problems_size(), 0) << file << report.DebugString();
      ASSERT_EQ(report.analyses_size(), 1);
      const dims::v1::Spectrum& spectrum = report.analyses(0).spectra(0);
      ASSERT_EQ(spectrum.points(), y.size()) << file;
      for (std::size_t k = 0; k < y.size(); ++k) {
        ASSERT_EQ(spectrum.y(k), static_cast<double>(y[k])) << "point " << k << " of\n" << file;
        ASSERT_DOUBLE_EQ(spectrum.x(k), static_cast<double>(first + static_cast<int64_t>(k) * step));
      }
    }
  }
}

// The standard's two checks and the announced number of points: whatever one byte of a table of differences becomes,
// the points are right or the report says that they are not. But for a difference that becomes a value: lines may have
// both (Bruker's do), and after a line that ends with a value there is no check.
TEST(JcampForms, NoByteOfATableOfDifferencesChangesUnseen) {
  std::mt19937_64 random(2);
  for (const JcampForm form : {JcampForm::kDif, JcampForm::kDifDup}) {
    const std::vector<int64_t> y = RandomCurve(150, random);
    const std::string file = JcampFile(y.size(), JcampTable(y, form));
    const std::size_t begin = file.find("(Y..Y))") + 9, end = file.find("##END");
    const dims::v1::Report good = JcampReport(file);
    int seen = 0;
    for (std::size_t at = begin; at < end; ++at) {
      for (int i = 0; i < 12; ++i) {
        constexpr absl::string_view kOthers = "0123456789%JKQRjkqrSTZs.";
        std::string damaged = file;
        damaged[at] = i < 10 ? kOthers[random() % kOthers.size()] : static_cast<char>(file[at] ^ (1 << (random() % 8)));
        if (std::strchr("@ABCDEFGHIabcdefghi+-?", damaged[at]) != nullptr) continue;
        const std::vector<dims::v1::Report> reports = JcampReports(damaged);
        ASSERT_FALSE(reports.empty());
        if (reports[0].problems_size() > 0) {
          ++seen;
          continue;
        }
        ASSERT_EQ(reports[0].analyses(0).DebugString(), good.analyses(0).DebugString())
            << "byte " << at - begin << ", '" << file[at] << "' became '" << damaged[at] << "' in\n"
            << damaged;
      }
    }
    EXPECT_GT(seen, 1000);
  }
}

TEST(JcampForms, ALostLineIsSeenWhereItIsMissingAndTheRestStandsRight) {
  std::mt19937_64 random(3);
  const std::vector<int64_t> y = RandomCurve(300, random);
  for (const JcampForm form : kForms) {
    const std::vector<std::string> table = JcampTable(y, form);
    for (std::size_t lost = 0; lost + 2 < table.size(); ++lost) {
      std::vector<std::string> rest = table;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(lost));
      const std::string file = JcampFile(y.size(), rest);
      const dims::v1::Report report = JcampReport(file);
      ASSERT_TRUE(HasProblem(report, lost == 0 ? dims::v1::PROBLEM_TYPE_INCONSISTENT : dims::v1::PROBLEM_TYPE_CHECKSUM))
          << file << report.DebugString();
      EXPECT_EQ(report.problems(lost == 0 ? 1 : 0).offset(), file.find("\n" + rest[lost]) + 1) << report.DebugString();
      const dims::v1::Spectrum& spectrum = report.analyses(0).spectra(0);
      for (int i = 0; i < spectrum.y_size(); ++i) {
        const auto place = static_cast<std::size_t>(std::lround(spectrum.x(i) - 400));
        ASSERT_EQ(spectrum.y(i), static_cast<double>(y.at(place))) << "x " << spectrum.x(i) << " of\n" << file;
      }
    }
  }
}

TEST(JcampForms, ALostOrdinateIsSeenThoughAnAbscissaMightBeRounded) {
  const std::string file = JcampFile(9, {"400 1 2 3", "403 4 5", "406 7 8 9"});
  const dims::v1::Report report = JcampReport(file);
  EXPECT_TRUE(HasProblem(report, dims::v1::PROBLEM_TYPE_COUNT_MISMATCH));
  ASSERT_TRUE(HasProblem(report, dims::v1::PROBLEM_TYPE_CHECKSUM)) << report.DebugString();
  EXPECT_EQ(report.analyses(0).spectra(0).x(5), 406);
  // With all points there, abscissas that are one off are those of a program that cuts digits off.
  EXPECT_EQ(JcampReport(JcampFile(9, {"400 1 2 3", "402 4 5 6", "406 7 8 9"})).problems_size(), 0);
}

TEST(JcampForms, ADecimalCommaIsOneOnlyWhereTheFirstXSaysSo) {
  const auto y_of = [](const std::string& table) {
    const std::string file =
        "##TITLE= t\n##FIRSTX= 400,5\n##LASTX= 402,5\n##NPOINTS= 3\n##XYDATA= " + table + "##END=\n";
    const dims::v1::Report report = JcampReport(file);
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    const auto& y = report.analyses(0).spectra(0).y();
    return std::vector<double>(y.begin(), y.end());
  };
  EXPECT_EQ(y_of("(X++(Y..Y))\n400,5 0,25 0,5\n402,5 1,75\n"), (std::vector<double>{0.25, 0.5, 1.75}));
  EXPECT_EQ(y_of("(XY..XY)\n400,5 0,25\n401,5; 0,5\n402,5, 1,75\n"), (std::vector<double>{0.25, 0.5, 1.75}));
  EXPECT_EQ(y_of("(XY..XY)\n400.5,25 401.5,5\n402.5,75\n"), (std::vector<double>{25, 5, 75}));
  EXPECT_EQ(y_of("(X++(Y..Y))\n400.5 25,5,75\n"), (std::vector<double>{25, 5, 75}));
}

TEST(JcampForms, AHeaderWhoseNumbersExplainNoLineIsSaidOnce) {
  const std::string file = "##TITLE= t\n##FIRSTX= 400\n##LASTX= 500\n##NPOINTS= 9\n##XYDATA= (X++(Y..Y))\n";
  const dims::v1::Report report = JcampReport(file + "400 1 2 3\n405.1 4 5 6\n410.2 7 8 9\n415.3 10 11 12\n##END=\n");
  int inconsistent = 0;
  for (const dims::v1::Problem& problem : report.problems()) {
    inconsistent += problem.type() == dims::v1::PROBLEM_TYPE_INCONSISTENT ? 1 : 0;
  }
  EXPECT_EQ(inconsistent, 1) << report.DebugString();
  EXPECT_LE(report.problems_size(), 3);
  EXPECT_DOUBLE_EQ(report.analyses(0).spectra(0).x(9), 415.3) << "the lines say it alone";
}

TEST(JcampForms, AnOrdinateThatIsNotThereIsNoNumber) {
  const dims::v1::Report report = JcampReport(JcampFile(5, {"400 1 ? 3", "403 ?T"}));
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  const dims::v1::Spectrum& spectrum = report.analyses(0).spectra(0);
  ASSERT_EQ(spectrum.y_size(), 5);
  EXPECT_EQ(spectrum.y(0), 1);
  for (const int i : {1, 3, 4}) EXPECT_TRUE(std::isnan(spectrum.y(i))) << i;
  // Nor has it a difference to the next.
  EXPECT_TRUE(HasProblem(JcampReport(JcampFile(4, {"400A1J?J"})), dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE));
}

TEST(JcampForms, AnExponentIsNoLetterThatStandsForADigit) {
  const auto y_of = [](const std::string& line) {
    const dims::v1::Report report =
        JcampReport("##TITLE= t\n##FIRSTX= 400\n##DELTAX= 1\n##XYDATA= (X++(Y..Y))\n" + line + "\n##END=\n");
    const auto& y = report.analyses(0).spectra(0).y();
    std::vector<double> out(y.begin(), y.end());
    for (double& value : out) value = std::isnan(value) ? -999 : value;
    const bool is_flagged = HasProblem(report, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE);
    EXPECT_EQ(report.problems_size(), is_flagged ? 1 : 0) << report.DebugString();
    if (is_flagged) out.push_back(-1);
    return out;
  };
  using Y = std::vector<double>;
  EXPECT_EQ(y_of("400 1.5E7 1.25E7"), (Y{1.5e7, 1.25e7}));
  EXPECT_EQ(y_of("400 1.5E+7 -1.25e07-2E3 .5d2"), (Y{1.5e7, -1.25e7, -2e3, 50}));
  EXPECT_EQ(y_of("400 0.15D+03 0.15D03 1D-1"), (Y{150, 150, 0.1}));
  EXPECT_EQ(y_of("400 1234567890123456789012D-21"), (Y{1.234567890123456789012}));
  EXPECT_EQ(y_of("4.0E2 1 2 3"), (Y{1, 2, 3}));
  EXPECT_EQ(y_of("4.0D+2 1 2 3"), (Y{1, 2, 3}));
  EXPECT_EQ(y_of("400E2"), (Y{52})) << "a line that has nothing but the check value";
  EXPECT_EQ(y_of("400E2A3 B4"), (Y{52, 13, 24}));
  EXPECT_EQ(y_of("400 5 5A6 7"), (Y{5, -1})) << "no program writes this";
  EXPECT_EQ(y_of("400 5 1.5E 7"), (Y{5, -1}));
  EXPECT_EQ(y_of("400 5 1.5E7E2"), (Y{5, -1}));
  EXPECT_EQ(y_of("400 1.5 NaN 1.0 nan"), (Y{1.5, -999, 1, -999}));
  EXPECT_EQ(y_of("400 NaN 1.0"), (Y{-999, 1}));
  EXPECT_EQ(y_of("400 1.5 inf 1.0"), (Y{1.5, -1}));
  EXPECT_EQ(y_of("400A5N"), (Y{15, 20}));
  EXPECT_EQ(y_of("400A5NaN"), (Y{15, 20, -1, 4})) << "difference, value, difference";
}

TEST(JcampNumbers, AreTheNearestDouble) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = random() % 4 == 0 ? "-" : "";
    for (int k = static_cast<int>(random() % 25); k > 0; --k) text += static_cast<char>('0' + random() % 10);
    if (random() % 2 == 0) {
      text += '.';
      for (int k = static_cast<int>(random() % 25); k > 0; --k) text += static_cast<char>('0' + random() % 10);
    }
    if (text.find_first_of("0123456789") == std::string::npos) text += '7';
    if (random() % 4 == 0) absl::StrAppend(&text, "E", random() % 2 == 0 ? "+" : "-", random() % 40);
    jcamp::Number number;
    const char* const end = jcamp::ReadNumber(text.data(), text.data() + text.size(), jcamp::Exponent::kSigned, number);
    ASSERT_EQ(end, text.data() + text.size()) << text;
    ASSERT_EQ(number.value, std::strtod(text.c_str(), nullptr)) << text;
  }
}

TEST(JcampNumbers, EndWhereTheyEnd) {
  const auto end_of = [](absl::string_view text, jcamp::Exponent exponent = jcamp::Exponent::kSigned) {
    jcamp::Number number;
    const char* const end = jcamp::ReadNumber(text.data(), text.data() + text.size(), exponent, number);
    return end == nullptr ? -1 : static_cast<int>(end - text.data());
  };
  EXPECT_EQ(end_of("0.0e01i8"), 3);  // "e" is -5
  EXPECT_EQ(end_of("0.0e01", jcamp::Exponent::kAny), 6);
  EXPECT_EQ(end_of("2E+1A"), 4);
  EXPECT_EQ(end_of("2E+"), 1);
  EXPECT_EQ(end_of("7E"), 1);
  EXPECT_EQ(end_of("12-3"), 2);
  EXPECT_EQ(end_of("5."), 2);
  EXPECT_EQ(end_of(".5"), 2);
  EXPECT_EQ(end_of("."), -1);
  EXPECT_EQ(end_of("-"), -1);
  EXPECT_EQ(end_of(""), -1);
  EXPECT_EQ(end_of("A"), -1);
  EXPECT_FALSE(jcamp::ParseNumber("2 cm-1"));
  EXPECT_EQ(jcamp::ParseNumber("176,36")->value, 176.36);
  EXPECT_EQ(jcamp::ParseNumber("16385.000")->value, 16385);
}

}  // namespace
}  // namespace dims
