// The Library Search Report: what its columns, its pages and its end promise.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/agilent_msd.h"

namespace dims {
namespace {

constexpr char kTrailer[] = "SCREEN.M Wed Jan 14 10:01:02 2026";

std::string Header(const std::string& name) {
  return absl::StrCat(
      "                                   Library Search Report\r\n\r\n"
      "  Data Path : C:\\msdchem\\1\\DATA\\somebody\\\r\n"
      "  Data File : ",
      name,
      ".D\r\n"
      "  Acq On    : 14 Jan 2026  09:47\r\n"
      "  Operator  : somebody\r\n"
      "  Sample    : ",
      name,
      "\r\n"
      "  Misc      : a remark\r\n"
      "  ALS Vial  : 7   Sample Multiplier: 1\r\n\r\n"
      "  Search Libraries:   C:\\somebody\\NIST05a.L             Minimum Quality:   0\r\n"
      "                      \\\\server\\somebody\\WILEY.L        Minimum Quality:   0\r\n\r\n"
      "  Unknown Spectrum:   Apex\r\n"
      "  Integration Events: ChemStation Integrator - autoint1.e\r\n\r\n");
}

constexpr char kColumns[] =
    " Pk#     RT  Area%          Library/ID                 Ref#     CAS#   Qual\r\n"
    "_____________________________________________________________________________\r\n\r\n";

std::string Peak(int number, const std::string& time, const std::string& library = "C:\\somebody\\NIST05a.L") {
  return absl::StrFormat("%3d %7s %5s %s\r\n", number, time, "12.07", library);
}

std::string Hit(const std::string& name, const std::string& cas = "000058-08-2", const std::string& quality = "96") {
  std::string text = absl::StrFormat("%17s%-34s %6s%12s %2s\r\n", "", name.substr(0, 34), "72447", cas, quality);
  for (std::size_t at = 34; at < name.size(); at += 34) {
    absl::StrAppend(&text, std::string(17, ' '), name.substr(at, 34), "\r\n");
  }
  return text;
}

std::string Sample(const std::string& name, const std::string& rows) {
  return absl::StrCat(Header(name), kColumns, rows, "\r\n", kTrailer, "   \r\n");
}

const dims::v1::Identification& First(const dims::v1::Report& report) {
  return report.analyses(0).findings(0).identifications(0);
}

TEST(AgilentMsdLibrary, CarriesNoNameOfAPerson) {
  const dims::v1::Report report = Reports(Sample("S1", Peak(1, "5.480") + Hit("Caffeine")))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  for (const char* word : {"somebody", "remark", "DATA"}) {
    EXPECT_EQ(report.SerializeAsString().find(word), std::string::npos) << word;
  }
}

// The one rule that names depend on: cut after 34 characters, wherever that is, and joined without anything between.
TEST(AgilentMsdLibrary, ANameOfAnyLengthComesOutAsItWas) {
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  const std::string letters = "aB7,-.() '[]";
  for (int i = 0; i < 2000; ++i) {
    std::string name = "N";
    const std::size_t size = 1 + below(150);
    while (name.size() < size) {
      // One blank at most, as names have them; none at the end.
      const char next = letters[below(letters.size())];
      if (next != ' ' || (name.back() != ' ' && name.size() + 1 < size)) name += next;
    }
    const std::vector<dims::v1::Report> reports = Reports(Sample("S1", Peak(1, "5.480") + Hit(name) + Hit("Caffeine")));
    ASSERT_EQ(reports.size(), 1u);
    ASSERT_EQ(reports[0].problems_size(), 0) << name << "\n" << reports[0].DebugString();
    ASSERT_EQ(First(reports[0]).label(), name);
    ASSERT_EQ(reports[0].analyses(0).findings(0).identifications(1).label(), "Caffeine");
  }
}

TEST(AgilentMsdLibrary, AccentedLettersShiftNoColumn) {
  // In the code page the name is 34 bytes, in UTF-8 36.
  const std::string rows = Peak(1, "5.480") + Hit("\xb5-Compos\xe9 de trente-quatre lettres e");
  const dims::v1::Report report = Reports(Sample("S1", rows))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(First(report).label(), "µ-Composé de trente-quatre lettres e");
}

TEST(AgilentMsdLibrary, ALongNameMayShiftTheRestInstead) {
  const std::string name = "Acetamide, 2-(diethylamino)-N-(2,6-dimethylphenyl)-";
  const std::string row = std::string(17, ' ') + name + "  72447 000137-58-6 91\r\n";
  const dims::v1::Report report = Reports(Sample("S1", Peak(1, "5.480") + row + Hit("Caffeine")))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(First(report).label(), name);
  EXPECT_EQ(First(report).cas(), "137-58-6");
}

TEST(AgilentMsdLibrary, AScoreSaysThatItIsOfPbm) {
  const dims::v1::Report report = Reports(Sample("S1", Peak(1, "5.480") + Hit("Caffeine", "000058-08-2", " 9")))[0];
  EXPECT_EQ(First(report).score(), "9");
  EXPECT_EQ(First(report).score_kind(), dims::v1::SCORE_KIND_PBM_QUALITY);
  EXPECT_TRUE(report.analyses(0).findings(0).cas().empty()) << "a proposal is no identification";
  EXPECT_TRUE(report.analyses(0).findings(0).label().empty());
}

TEST(AgilentMsdLibrary, ANumberOfTheLibrarysOwnTouchesTheEntrysAndIsKeptAsPrinted) {
  const dims::v1::Report report = Reports(Sample("S1", Peak(1, "5.480") + Hit("Thing", "1000406-33-8")))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(First(report).cas(), "1000406-33-8");
  EXPECT_EQ(First(report).reference(), "72447");
}

TEST(AgilentMsdLibrary, ALostOrAddedByteInAHitIsSeen) {
  const std::string text = Sample("S1", Peak(1, "5.480") + Hit("Cocaine", "000050-36-2"));
  const std::size_t from = text.find("                 Cocaine"), to = text.find(" 96\r\n", from);
  for (std::size_t at = from; at < to; ++at) {
    std::string lost = text, added = text;
    lost.erase(at, 1);
    added.insert(at, 1, added[at]);
    for (const std::string& bytes : {lost, added}) {
      const std::vector<dims::v1::Report> reports = Reports(bytes);
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_GT(reports[0].problems_size(), 0) << bytes.substr(from, 80);
    }
  }
}

TEST(AgilentMsdLibrary, HitsBelowADamagedHeadAreNotThePeaksBefore) {
  const std::string text = Sample("S1", Peak(1, "5.480") + Hit("Caffeine") + Peak(2, "6.100") + Hit("Cocaine"));
  const dims::v1::Report report = Reports(Replaced(text, "6.100", "6x100"))[0];
  EXPECT_EQ(report.problems_size(), 2) << report.DebugString();
  ASSERT_EQ(report.analyses(0).findings_size(), 1);
  EXPECT_EQ(report.analyses(0).findings(0).identifications_size(), 1);
}

TEST(AgilentMsdLibrary, ALineOfANameThatHadEndedIsNotJoinedToIt) {
  const std::string rows = Peak(1, "5.480") + Hit("Caffeine") + std::string(17, ' ') + "hyl ester\r\n";
  const dims::v1::Report report = Reports(Sample("S1", rows))[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(First(report).label(), "Caffeine");
}

TEST(AgilentMsdLibrary, APeakWhoseHitsAreGoneIsSaid) {
  const std::string text = Sample("S1", Peak(1, "5.480") + Peak(2, "6.100") + Hit("Cocaine"));
  EXPECT_EQ(Types(Reports(text)[0]), (Problems{dims::v1::PROBLEM_TYPE_MISSING}));
  const std::string none = std::string(17, ' ') + "No matches found\r\n";
  EXPECT_EQ(Reports(Sample("S1", Peak(1, "5.480") + none + Peak(2, "6.100") + Hit("Cocaine")))[0].problems_size(), 0);
}

TEST(AgilentMsdLibrary, WithoutARuleThereAreNoPeaks) {
  const dims::v1::Report report = Reports(absl::StrCat(Header("S1"), kTrailer, "\r\n"))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).findings_size(), 0);
  EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
  EXPECT_EQ(Types(Reports(Sample("S1", ""))[0]), (Problems{dims::v1::PROBLEM_TYPE_MISSING})) << "a rule, and no peak";
}

TEST(AgilentMsdLibrary, ATitleOfAnyKindBeforeTheTrailerTruncates) {
  const std::string cut = Header("S1") + kColumns + Peak(1, "5.480") + Hit("Caffeine");
  for (const char* title : {"  Library Search Report\r\n", "  Area Percent Report\r\n",
                            "  Quantitation Report    (Not Reviewed)\r\n", "[contents]\r\n"}) {
    const std::vector<dims::v1::Report> reports = Reports(cut + title);
    ASSERT_EQ(reports.size(), 2u) << title;
    EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED})) << title;
    EXPECT_EQ(reports[0].raw_size(), cut.size());
    EXPECT_EQ(First(reports[0]).label(), "Caffeine");
  }
}

// A page may end anywhere in the table, with and without its footer, its form feed and its title again.
TEST(AgilentMsdLibrary, APageBreakAnywhereInTheTableIsNoEnd) {
  const std::string name = "2-Propanamine, 1-phenyl-, a name that needs three lines because it is as long as this";
  const std::vector<std::string> lines = {
      Peak(1, "5.480"),      Hit("Caffeine"),  Hit(name).substr(0, 75),      Hit(name).substr(75, 53),
      Hit(name).substr(128), Peak(2, "6.100"), Hit("Cocaine", "000050-36-2")};
  const std::string footer = absl::StrCat("\r\n", kTrailer, "   Page: 1\r\n");
  const std::string head = Header("S1") + kColumns;
  const dims::v1::Report whole =
      Reports(Sample("S1", absl::StrCat(lines[0], lines[1], lines[2], lines[3], lines[4], lines[5], lines[6])))[0];
  ASSERT_EQ(whole.problems_size(), 0) << whole.DebugString();
  for (const std::string& page : {footer + "\f" + head, footer + head, "\f" + head, footer + "\f", std::string("\f")}) {
    for (std::size_t at = 1; at < lines.size(); ++at) {
      std::string text = head;
      for (std::size_t i = 0; i < lines.size(); ++i) text += (i == at ? page : "") + lines[i];
      const std::vector<dims::v1::Report> reports = Reports(absl::StrCat(text, "\r\n", kTrailer, "\r\n"));
      ASSERT_EQ(reports.size(), 1u) << text;
      EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
      EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), whole.analyses(0).SerializeAsString());
    }
  }
}

TEST(AgilentMsdLibrary, AfterAFooterAnotherReportOrSilenceIsTheEnd) {
  const std::string first =
      absl::StrCat(Header("S1"), kColumns, Peak(1, "5.480"), Hit("Caffeine"), "\r\n", kTrailer, "   Page: 1\r\n\f");
  for (const std::string name : {"S2", "S1"}) {  // another sample; the same one printed again
    const std::vector<dims::v1::Report> reports = Reports(first + Sample(name, Peak(1, "5.480") + Hit("Caffeine")));
    ASSERT_EQ(reports.size(), 2u) << name;
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    EXPECT_EQ(reports[0].raw_size(), first.size());
    EXPECT_EQ(reports[1].problems_size(), 0) << reports[1].DebugString();
  }
  EXPECT_EQ(Reports(first)[0].problems_size(), 0);
  EXPECT_EQ(Types(Reports(first, Ending::kInterrupted)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}))
      << "a line that broke says nothing on whether more was to come";
}

TEST(AgilentMsdLibrary, ReadsEveryEncodingAlike) {
  const std::string text = Sample("S1", Peak(1, "5.480") + Hit("1,3-Benzenedicarboxylic acid, diethyl ester"));
  for (const bool big_endian : {false, true}) {
    for (const bool mark : {false, true}) {
      const std::vector<dims::v1::Report> reports = Reports(Wide(text, big_endian, mark));
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
      EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), Reports(text)[0].analyses(0).SerializeAsString());
    }
  }
}

}  // namespace
}  // namespace dims
