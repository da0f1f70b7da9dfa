// The Quantitation Report: what its sections, marks and words in the place of a number mean, and where it ends.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/agilent_msd.h"

namespace dims {
namespace {

constexpr char kRule[] = "   --------------------------------------------------------------------------\r\n";
constexpr char kTargets[] = "   Target Compounds                                                   Qvalue\r\n";
constexpr char kStandards[] = "   Internal Standards\r\n";
constexpr char kTrailer[] = "\r\nSCREEN.M Wed Jan 14 10:01:02 2026   \r\n";
constexpr char kCaffeine[] = "    10) Caffeine                    7.118  194  4870198    62.38 mg/L #     74\r\n";
constexpr char kStandard[] = "     1) MDMA-d5                     5.480   62   423722    20.00 mg/L    -0.02\r\n";

std::string Header(const std::string& name, const std::string& state = "    (Not Reviewed)") {
  return absl::StrCat("                                        Quantitation Report", state,
                      "\r\n\r\n"
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
                      "  Quant Time: Jan 14 09:56:40 2026\r\n"
                      "  Quant Method : C:\\msdchem\\1\\METHODS\\XTC.M\r\n"
                      "  Quant Title  :\r\n"
                      "  QLast Update : Tue Jan 06 10:40:54 2026\r\n"
                      "  Response via : Initial Calibration\r\n\r\n"
                      "          Compound                   R.T. QIon  Response  Conc Units Dev(Min)\r\n",
                      kRule);
}

std::string Sample(const std::string& name, const std::string& rows) { return Header(name) + rows + kRule; }

dims::v1::Finding Only(const std::string& row) {
  const std::vector<dims::v1::Report> reports = Reports(Sample("S1", kTargets + row + "\r\n"));
  EXPECT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].analyses(0).findings_size(), 1);
  return reports[0].analyses(0).findings_size() == 1 ? reports[0].analyses(0).findings(0) : dims::v1::Finding();
}

TEST(AgilentMsdQuant, CarriesNoNameOfAPerson) {
  const dims::v1::Report report = Reports(Sample("S1", absl::StrCat(kTargets, kCaffeine)))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  for (const char* word : {"somebody", "remark", "DATA"}) {
    EXPECT_EQ(report.SerializeAsString().find(word), std::string::npos) << word;
  }
}

TEST(AgilentMsdQuant, WordsInThePlaceOfAnAmountAreNoAmount) {
  const std::vector<std::pair<std::string, dims::v1::AmountQualifier>> words = {
      {"     3) Cocaine                     8.591  182   711829     N.D.", dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED},
      {"     3) Cocaine                            182        0     N.D.", dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED},
      {"     3) Cocaine                     0.000  182        0     N.D. d", dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED},
      {"     3) Cocaine                                            N.D.", dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED},
      {"     3) Cocaine                     8.591  182      711   Below Cal        55",
       dims::v1::AMOUNT_QUALIFIER_BELOW_CALIBRATION},
      {"     3) Cocaine                     8.591  182      711   Below Cal  #     55",
       dims::v1::AMOUNT_QUALIFIER_BELOW_CALIBRATION},
      {"     3) Cocaine                     8.591  182   711829   No Calib   #",
       dims::v1::AMOUNT_QUALIFIER_NOT_CALIBRATED}};
  for (const auto& [row, qualifier] : words) {
    const dims::v1::Finding finding = Only(row);
    EXPECT_EQ(finding.label(), "Cocaine") << row;
    EXPECT_TRUE(finding.has_amount()) << row;
    EXPECT_EQ(finding.amount().qualifier(), qualifier) << row;
    EXPECT_EQ(finding.amount().value(), "") << row;
    EXPECT_EQ(finding.amount().unit(), "") << row;
  }
}

TEST(AgilentMsdQuant, MarksBecomeFlagsWhereverTheyTouch) {
  const std::vector<std::pair<std::string, std::string>> marks = {
      {"     3) Cocaine                     8.591  182   711829m    1.20 mg/L       99", "m"},
      {"     3) Cocaine                     8.591  182   711829     1.20 mg/L #     99", "#"},
      {"     3) Cocaine                     8.591  182   711829     1.20 mg/L +     99", "+"},
      {"     3) Cocaine                     8.591  182   711829     1.20 ug/mL#     99", "#"},
      {"     3) Cocaine                     8.591  182   711829m    1.20 ug/mL#+    99", "m#+"},
      {"     3) Cocaine                     8.591  182   711829     1.20 mg/L       99", ""}};
  for (const auto& [row, flags] : marks) {
    const dims::v1::Finding finding = Only(row);
    EXPECT_EQ(absl::StrJoin(finding.flags(), ""), flags) << row;
    EXPECT_EQ(finding.response(), "711829") << row;
    EXPECT_EQ(finding.amount().value(), "1.20") << row;
    EXPECT_EQ(finding.amount().unit().size(), flags.size() > 2 || row.find("ug") != std::string::npos ? 5u : 4u);
  }
}

TEST(AgilentMsdQuant, TheSectionSaysWhatTheLastColumnMeans) {
  const dims::v1::Report report =
      Reports(Sample("S1", absl::StrCat(kStandards, kStandard, "\r\n", kTargets, kCaffeine)))[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  const dims::v1::Finding &standard = report.analyses(0).findings(0), &target = report.analyses(0).findings(1);
  EXPECT_EQ(standard.role(), dims::v1::FINDING_ROLE_INTERNAL_STANDARD);
  EXPECT_EQ(standard.retention_time_deviation(), "-0.02");
  EXPECT_EQ(standard.identifications_size(), 0);
  EXPECT_EQ(target.role(), dims::v1::FINDING_ROLE_TARGET);
  EXPECT_EQ(target.retention_time_deviation(), "");
  EXPECT_EQ(target.identifications(0).score(), "74");
  EXPECT_EQ(target.identifications(0).score_kind(), dims::v1::SCORE_KIND_Q_VALUE);
  // In the other's section, each is damage; the row is kept without it.
  for (const std::string& rows : {absl::StrCat(kTargets, kStandard), absl::StrCat(kStandards, kCaffeine)}) {
    const dims::v1::Report wrong = Reports(Sample("S1", rows))[0];
    EXPECT_EQ(Types(wrong), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT}));
    EXPECT_EQ(wrong.analyses(0).findings(0).retention_time_deviation(), "");
    EXPECT_EQ(wrong.analyses(0).findings(0).identifications_size(), 0);
    EXPECT_NE(wrong.analyses(0).findings(0).amount().value(), "");
  }
}

TEST(AgilentMsdQuant, TheTitleSaysWhetherItWasReviewed) {
  const std::vector<std::pair<std::string, dims::v1::ReviewState>> states = {
      {"    (Not Reviewed)", dims::v1::REVIEW_STATE_NOT_REVIEWED},
      {"    (QT Reviewed)", dims::v1::REVIEW_STATE_QT_REVIEWED},
      {"    (Reviewed)", dims::v1::REVIEW_STATE_REVIEWED},
      {"", dims::v1::REVIEW_STATE_UNSPECIFIED}};
  for (const auto& [words, state] : states) {
    const dims::v1::Report report = Reports(absl::StrCat(Header("S1", words), kTargets, kCaffeine, kRule))[0];
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(report.analyses(0).review_state(), state) << words;
  }
  const dims::v1::Report odd = Reports(absl::StrCat(Header("S1", " (Nod Reviewed)"), kTargets, kCaffeine, kRule))[0];
  EXPECT_EQ(Types(odd), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(odd.analyses(0).review_state(), dims::v1::REVIEW_STATE_UNSPECIFIED);
}

TEST(AgilentMsdQuant, TheSecondRuleIsEnoughAndTheTrailerIsWelcome) {
  const std::string bare = Sample("S1", absl::StrCat(kTargets, kCaffeine));
  const std::string footnote = "\r\n(#) = qualifier out of range (m) = manual integration (+) = signals summed\r\n";
  for (const std::string& text : {bare, bare + footnote, bare + kTrailer, bare + footnote + kTrailer}) {
    for (const Ending why : {Ending::kEndOfInput, Ending::kInterrupted}) {
      const std::vector<dims::v1::Report> reports = Reports(text, why);
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
      EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_FINAL);
    }
    const std::vector<dims::v1::Report> two = Reports(text + bare);
    ASSERT_EQ(two.size(), 2u);
    EXPECT_EQ(two[0].problems_size(), 0) << two[0].DebugString();
    EXPECT_EQ(two[0].raw_size(), text.size());
    EXPECT_EQ(two[1].problems_size(), 0);
  }
}

TEST(AgilentMsdQuant, BeforeTheSecondRuleNothingIsAnEnd) {
  const std::string cut = absl::StrCat(Header("S1"), kTargets, kCaffeine);
  EXPECT_EQ(Types(Reports(cut)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(Types(Reports(cut + Sample("S2", kTargets))[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(Types(Reports(cut + kTrailer)[0]), (Problems{dims::v1::PROBLEM_TYPE_MISSING}));
}

TEST(AgilentMsdQuant, SilenceAfterTheSecondRuleIsWaitedForLessThanInTheTable) {
  Parser parser(Msd(), DefaultOptions(Msd()));
  std::vector<ParserEvent> events;
  const auto sink = [&](ParserEvent event) { events.push_back(std::move(event)); };
  parser.Feed(absl::StrCat(Header("S1"), kTargets, kCaffeine), sink);
  EXPECT_EQ(std::get<Arm>(events.back()).after, absl::Seconds(300));
  parser.Feed(kRule, sink);
  EXPECT_EQ(std::get<Arm>(events.back()).after, absl::Seconds(30));
  parser.Timer(std::get<Arm>(events.back()).timer, sink);
  std::size_t reports = 0;
  for (const ParserEvent& event : events) {
    if (const Said* said = std::get_if<Said>(&event)) {
      EXPECT_EQ(said->report.problems_size(), 0) << said->report.DebugString();
      ++reports;
    }
  }
  EXPECT_EQ(reports, 1u);
}

TEST(AgilentMsdQuant, APageBreakAnywhereInTheTableIsNoEnd) {
  const std::vector<std::string> lines = {
      kStandards,
      kStandard,
      "   System Monitoring Compounds\r\n",
      "     3) Amphetamine-d8              4.990  126   201133    48.39 mg/L     0.01\r\n",
      "     Spiked Amount     50.000  Range  70 - 130  Recovery   =   96.78%\r\n",
      kTargets,
      kCaffeine,
      "    11) Ketamine                    7.430  TIC  1204986m  104.01 mg/L      100\r\n",
      kRule};
  const std::string footer = "\r\nSCREEN.M Wed Jan 14 10:01:02 2026   Page: 1\r\n", head = Header("S1");
  const dims::v1::Report whole = Reports(absl::StrCat(head, absl::StrJoin(lines, ""), kTrailer))[0];
  ASSERT_EQ(whole.problems_size(), 0) << whole.DebugString();
  ASSERT_EQ(whole.analyses(0).findings_size(), 4);
  for (const std::string& page : {footer + "\f" + head, footer + head, "\f" + head, footer + "\f", std::string("\f")}) {
    for (std::size_t at = 1; at < lines.size(); ++at) {
      std::string text = head;
      for (std::size_t i = 0; i < lines.size(); ++i) text += (i == at ? page : "") + lines[i];
      const std::vector<dims::v1::Report> reports = Reports(text + kTrailer);
      ASSERT_EQ(reports.size(), 1u) << text;
      EXPECT_EQ(reports[0].problems_size(), 0) << text << reports[0].DebugString();
      EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), whole.analyses(0).SerializeAsString()) << text;
    }
  }
}

constexpr char kSurrogates[] = "   System Monitoring Compounds\r\n";
constexpr char kSurrogate[] = "     3) Amphetamine-d8              4.990  126   201133    48.39 mg/L     0.01\r\n";

TEST(AgilentMsdQuant, ARecoveryIsGivenToNoSurrogateItIsNotOf) {
  const std::string line = "   Spiked Amount     50.000    Range  60 - 120     Recovery   =   ";
  const auto read = [&](const std::string& rows) { return Reports(Sample("S1", kSurrogates + rows))[0]; };
  const auto problems = [](dims::v1::ProblemType type) { return Problems{type}; };
  EXPECT_EQ(Types(read(kSurrogate + line + "96.78%\r\n")), Problems());
  // Of the next one, whose row is lost or cannot be read.
  const dims::v1::Report lost = read(kSurrogate + line + "24.10%#\r\n");
  EXPECT_EQ(Types(lost), problems(dims::v1::PROBLEM_TYPE_INCONSISTENT));
  EXPECT_EQ(lost.analyses(0).findings(0).recovery(), "");
  EXPECT_EQ(lost.analyses(0).findings(0).recovery_range(), "");
  EXPECT_EQ(lost.analyses(0).findings(0).flags_size(), 0);
  const dims::v1::Report unread =
      read(absl::StrCat(kSurrogate, "     4) Cocaine-d3                 8.x90  185    61204    48.39 mg/L    0.00\r\n",
                        line, "96.78%\r\n"));
  EXPECT_EQ(Types(unread), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE}));
  EXPECT_EQ(unread.analyses(0).findings(0).recovery(), "");
  const std::string none = "     4) Heroin-d9                   0.000              0      N.D.\r\n";
  EXPECT_EQ(Types(read(none + line + "0.00%#\r\n")), Problems());
  EXPECT_EQ(Types(read(none + line + "50.00%\r\n")), problems(dims::v1::PROBLEM_TYPE_INCONSISTENT));
}

TEST(AgilentMsdQuant, ARangeOrARecoveryThatIsNotThereIsLeftOutWithoutAWord) {
  const auto read = [&](const std::string& line) {
    const dims::v1::Report report = Reports(Sample("S1", absl::StrCat(kSurrogates, kSurrogate, line, "\r\n")))[0];
    EXPECT_EQ(report.problems_size(), 0) << line << report.DebugString();
    return report.analyses(0).findings(0);
  };
  for (const char* range : {"Range  -         ", "Range            ", ""}) {
    const dims::v1::Finding finding =
        read(absl::StrCat("   Spiked Amount     50.000   ", range, " Recovery   =   96.78%"));
    EXPECT_EQ(finding.recovery(), "96.78");
    EXPECT_EQ(finding.recovery_range(), "");
  }
  const dims::v1::Finding finding = read("   Spiked Amount     50.000    Range  70 - 130     Recovery   =   *****%");
  EXPECT_EQ(finding.recovery(), "");
  EXPECT_EQ(finding.recovery_range(), "70 - 130");
}

TEST(AgilentMsdQuant, TheSameReportPrintedAgainOnTheNextPageTruncatesTheFirst) {
  const std::string cut = absl::StrCat(Header("S1"), kStandards, kStandard, kTargets, kCaffeine, "\f");
  const std::string whole = Sample("S1", absl::StrCat(kStandards, kStandard, kTargets, kCaffeine));
  const std::vector<dims::v1::Report> reports = Reports(cut + whole);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(reports[0].raw_size(), cut.size());
  EXPECT_EQ(reports[1].problems_size(), 0) << reports[1].DebugString();
  EXPECT_EQ(reports[1].analyses(0).findings_size(), 2);
}

TEST(AgilentMsdQuant, AByteLostOrAddedBeforeTheAmountIsSeen) {
  const std::string text = Sample("S1", absl::StrCat(kTargets, kCaffeine));
  const std::size_t from = text.find(kCaffeine), to = text.find("  4870198", from);
  for (std::size_t at = from; at < to; ++at) {
    std::string lost = text, added = text;
    lost.erase(at, 1);
    added.insert(at, 1, added[at]);
    EXPECT_GT(Reports(lost)[0].problems_size(), 0) << lost.substr(from, 80);
    EXPECT_GT(Reports(added)[0].problems_size(), 0) << added.substr(from, 80);
  }
}

TEST(AgilentMsdQuant, ColumnsStandWhereTheirNamesDo) {
  // A version with wider names.
  std::string text = Sample("S1", absl::StrCat(kTargets, kCaffeine));
  text = Replaced(text, "  R.T. QIon", "       R.T. QIon");
  text = Replaced(text, "  7.118", "       7.118");
  const dims::v1::Report report = Reports(text)[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).findings(0).label(), "Caffeine");
  EXPECT_EQ(report.analyses(0).findings(0).retention_time(), "7.118");
  EXPECT_EQ(report.analyses(0).findings(0).quantitation_ion(), "194");
}

TEST(AgilentMsdQuant, ReadsEveryEncodingAlike) {
  const std::string text = Sample("S1", absl::StrCat(kStandards, kStandard, kTargets, kCaffeine));
  for (const bool big_endian : {false, true}) {
    for (const bool mark : {false, true}) {
      const std::vector<dims::v1::Report> reports = Reports(Wide(text, big_endian, mark));
      ASSERT_EQ(reports.size(), 1u);
      EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), Reports(text)[0].analyses(0).SerializeAsString());
    }
  }
}

}  // namespace
}  // namespace dims
