// Exports of the Quant Browser: what a line does to them, and what else is in the stream.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/shimadzu.h"

namespace dims {
namespace {

// The time of a compound tells its number, the last digit of an area its sample's.
std::string Export(int compounds = 3, int samples = 3) {
  std::string text;
  for (int c = 1; c <= compounds; ++c) {
    absl::StrAppend(&text, "ID#\t", c, "\r\nName\tNAME ", c, "\r\n",
                    "\tData Filename\tSample Name\tRet. Time\tArea\tHeight\tConc.\tMark\tVial#\r\n");
    for (int s = 1; s <= samples; ++s) {
      absl::StrAppend(&text, s, "\tS", s, ".lcd\tS", s, "\t", c, ".250\t", 100 * c + s, "\t", 10 * c + s, "\t", c, ".",
                      s, "\t V \t", s, "\r\n");
    }
    const int middle = (samples + 1) / 2;
    absl::StrAppend(&text, "\tAverage\t\t", c, ".250\t", 100 * c + middle, "\t", 10 * c + middle, "\t", c,
                    ".1\t\t\r\n\r\n");
  }
  return text;
}

std::string Said(const std::vector<dims::v1::Report>& reports) {
  std::string said;
  for (const auto& report : reports) {
    for (const auto& analysis : report.analyses()) absl::StrAppend(&said, analysis.DebugString());
  }
  return said;
}

int ProblemsIn(const std::vector<dims::v1::Report>& reports) {
  int problems = 0;
  for (const auto& report : reports) problems += report.problems_size();
  return problems;
}

// Of a table of Export(3, 3): "ID#" to the blank line.
constexpr std::size_t kTableLines = 8;

TEST(ShimadzuBrowser, LostLinesGiveNoCompoundTheResultsOfAnother) {
  const std::vector<std::string> lines = absl::StrSplit(Export(), "\r\n");
  const std::string expected = Said(Reports(absl::StrJoin(lines, "\r\n")));
  ASSERT_EQ(ProblemsIn(Reports(absl::StrJoin(lines, "\r\n"))), 0);
  for (std::size_t count = 1; count <= 2 * kTableLines + 1; ++count) {
    for (std::size_t at = 0; at + count < lines.size(); ++at) {
      std::vector<std::string> left = lines;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at),
                 left.begin() + static_cast<std::ptrdiff_t>(at + count));
      const std::vector<dims::v1::Report> reports = Reports(absl::StrJoin(left, "\r\n"));
      // How many compounds there are is not said: nothing tells that the last of them are lost, nor that what follows
      // a compound's number, name or columns is what followed those of the last one.
      const bool last_tables = (at + 2) % kTableLines <= 2 && at + count + 2 >= lines.size();
      const bool to_last =
          count % kTableLines == 0 && at % kTableLines >= 1 && at % kTableLines <= 3 && at + count >= 2 * kTableLines;
      for (const auto& report : reports) {
        for (const auto& analysis : report.analyses()) {
          for (const auto& finding : analysis.findings()) {
            if (!to_last) {
              EXPECT_EQ(finding.retention_time(), absl::StrCat(finding.label().substr(5), ".250")) << lines[at];
            }
            EXPECT_EQ(finding.peak().area().back(), analysis.sample_number().back()) << lines[at];
          }
        }
      }
      EXPECT_TRUE(last_tables || to_last || ProblemsIn(reports) > 0 || Said(reports) == expected)
          << at << " " << count << " " << lines[at] << Said(reports);
    }
  }
}

TEST(ShimadzuBrowser, WithoutStatisticsLostLinesAreSeenByTheNumbersOfTheCompounds) {
  std::string text = Export(4, 3);
  for (int c = 1; c <= 4; ++c) {
    const std::size_t at = text.find("\tAverage");
    text.erase(at, text.find("\r\n", at) + 2 - at);
  }
  ASSERT_EQ(ProblemsIn(Reports(text)), 0);
  // From the second row of the second compound to the first of the third.
  const std::size_t from = text.find("2\tS2.lcd\tS2\t2."), to = text.find("2\tS2.lcd\tS2\t3.");
  const dims::v1::Report report = Reports(text.erase(from, to - from))[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
  for (const auto& analysis : report.analyses()) {
    ASSERT_EQ(analysis.findings_size(), 2);
    EXPECT_EQ(analysis.findings(0).label(), "NAME 1");
    EXPECT_EQ(analysis.findings(1).label(), "NAME 4");
  }
}

// What changes at most by a letter: one finding, or the name of a compound in all analyses.
bool DiffersInOneFinding(const dims::v1::Report& whole, const dims::v1::Report& damaged) {
  if (whole.analyses_size() != damaged.analyses_size()) return false;
  int differences = 0;
  for (int i = 0; i < whole.analyses_size(); ++i) {
    dims::v1::Analysis a = whole.analyses(i), b = damaged.analyses(i);
    if (a.findings_size() != b.findings_size()) return false;
    for (int j = 0; j < a.findings_size(); ++j) {
      if (a.findings(j).label() != b.findings(j).label()) return false;
      if (a.findings(j).SerializeAsString() != b.findings(j).SerializeAsString()) ++differences;
    }
    a.clear_findings();
    b.clear_findings();
    if (a.SerializeAsString() != b.SerializeAsString()) return false;
  }
  return differences <= 1;
}

TEST(ShimadzuBrowser, ALetterThatIsLostOrChangedIsSaidOrChangesOnlyItsCell) {
  const std::string whole = Export(2, 2);
  const std::vector<dims::v1::Report> expected = Reports(whole);
  ASSERT_EQ(expected.size(), 1u);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char* instead : {"", "~", "7"}) {
      std::string bytes = whole;
      bytes.replace(at, 1, instead);
      const std::vector<dims::v1::Report> reports = Reports(bytes);
      const std::size_t name = whole.rfind("NAME", at), end_of_name = whole.find("\r\n", name);
      const bool in_name = name != std::string::npos && at <= end_of_name;
      EXPECT_TRUE(in_name || ProblemsIn(reports) > 0 ||
                  (reports.size() == 1 && DiffersInOneFinding(expected[0], reports[0])))
          << at << " " << bytes << Said(reports);
    }
  }
}

// A table of one compound with these columns beside the file's and the sample's names, a row for each sample.
dims::v1::Report OfColumns(const std::string& columns, const std::vector<std::string>& rows) {
  std::string text = "ID#\t1\r\nName\tX\r\n\tData Filename\tSample Name\t" + columns + "\r\n";
  for (std::size_t i = 1; i <= rows.size(); ++i) {
    absl::StrAppend(&text, i, "\tS", i, ".lcd\tS", i, "\t", rows[i - 1], "\r\n");
  }
  return Reports(text)[0];
}

TEST(ShimadzuBrowser, DashesAreNotDetectedWhicheverColumnsThereAre) {
  for (const auto& [columns, row] :
       std::vector<std::pair<std::string, std::string>>{{"Conc.", "-----"},
                                                        {"Height\tConc.", "-----\t-----"},
                                                        {"Area\tConc.", "-----\t0.000"},
                                                        {"Height", "-----"},
                                                        {"Ret. Time\tArea\tConc.", "Not Identified\t\t"}}) {
    const dims::v1::Report report = OfColumns(columns, {row});
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    ASSERT_EQ(report.analyses(0).findings_size(), 1) << columns;
    EXPECT_EQ(report.analyses(0).findings(0).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED) << columns;
  }
  const dims::v1::Report zero = OfColumns("Conc.", {"0.000"});
  EXPECT_EQ(zero.analyses(0).findings(0).amount().value(), "0.000");
}

TEST(ShimadzuBrowser, AnAmountWithoutAPeakIsLeftOutAndSaid) {
  for (const char* row : {"0.000\t0\t0\t1.1", "-----\t-----\t-----\t1.1", "Not Identified\t\t\t1.1"}) {
    const dims::v1::Report report = OfColumns("Ret. Time\tArea\tHeight\tConc.", {row, "2.100\t5\t5\t1.2"});
    EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_INCONSISTENT})) << row;
    ASSERT_EQ(report.analyses_size(), 1) << row;
    EXPECT_EQ(report.analyses(0).sample_number(), "S2");
  }
}

TEST(ShimadzuBrowser, ASignBeforeAnAmountIsItsQualifier) {
  const dims::v1::Report report =
      OfColumns("Ret. Time\tArea\tConc.", {"2.1\t300\t<0.1", "2.1\t300\t> 50", "2.1\t3\tND"});
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  const auto amount = [&](int i) { return report.analyses(i).findings(0).amount(); };
  EXPECT_EQ(amount(0).qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(amount(0).value(), "0.1");
  EXPECT_EQ(amount(1).qualifier(), dims::v1::AMOUNT_QUALIFIER_GREATER_THAN);
  EXPECT_EQ(amount(1).value(), "50");
  EXPECT_EQ(amount(2).qualifier(), dims::v1::AMOUNT_QUALIFIER_NOT_DETECTED);
}

TEST(ShimadzuBrowser, ASlipInTheNameOfAColumnIsSaid) {
  for (const char* columns : {"Conk.", "Unjt\tConc.", "Sampl Name\tConc."}) {
    const dims::v1::Report report = OfColumns(columns, {});
    EXPECT_EQ(Types(report)[0], dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE) << columns;
  }
}

TEST(ShimadzuBrowser, ASampleNumberThatOneTableLacksIsThatOfALaterOne) {
  const dims::v1::Report report = Reports(Replaced(Export(2, 2), "Sample Name", "Sample Nane"))[0];
  EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, dims::v1::PROBLEM_TYPE_INCONSISTENT}));
  ASSERT_EQ(report.analyses_size(), 2);
  EXPECT_EQ(report.analyses(1).sample_number(), "S2");
  EXPECT_EQ(report.analyses(1).findings_size(), 2);
}

TEST(ShimadzuBrowser, AverageIsThatOfWhatWasFoundOrOfAll) {
  for (const char* average : {"4", "6"}) {
    const std::string text = absl::StrCat(
        "ID#\t1\r\nName\tX\r\n\tData Filename\tArea\r\n1\ta\t5\r\n2\tb\t0\r\n3\tc\t7\r\n\tAverage\t", average, "\r\n");
    EXPECT_EQ(Reports(text)[0].problems_size(), 0) << average;
  }
}

TEST(ShimadzuBrowser, AnExportAfterACutInjectionIsReadAndAnIdWithinOneIsTheInjections) {
  const std::string injection = Head() + PeakTable(), whole = injection.substr(0, injection.size() - 2);
  for (const std::string& cut : {Head(), injection.substr(0, injection.find("2\t4.934"))}) {
    const std::vector<dims::v1::Report> reports = Reports(cut + Export());
    ASSERT_EQ(reports.size(), 2u) << cut;
    EXPECT_EQ(Types(reports[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
    EXPECT_EQ(reports[1].problems_size(), 0) << reports[1].DebugString();
    EXPECT_EQ(Said({reports[1]}), Said(Reports(Export())));
  }
  for (const char* next : {"x\t1\r\n", "ID#\t2\r\n", ""}) {
    const std::vector<dims::v1::Report> reports = Reports(Head() + "ID#\t1\r\n" + next);
    ASSERT_EQ(reports.size(), 1u) << next;
    EXPECT_EQ(reports[0].analyses(0).data_file(), "S1.qgd");
  }
}

TEST(ShimadzuBrowser, ARowWhoseNumberIsThatOfAnotherLosesItselfAndNoTable) {
  const std::string text = Replaced(Export(3, 3), "2\tS2.lcd\tS2\t2.", "3\tS2.lcd\tS2\t2.");
  const dims::v1::Report report = Reports(text)[0];
  EXPECT_GT(report.problems_size(), 0);
  ASSERT_EQ(report.analyses_size(), 3);
  EXPECT_EQ(report.analyses(0).findings_size(), 3);
  EXPECT_EQ(report.analyses(1).findings_size(), 2);
}

TEST(ShimadzuBrowser, WhatComesBeforeBetweenAndAfterIsReadAsEver) {
  const std::string injection = Head() + PeakTable();
  const std::string expected = Reports(injection)[0].analyses(0).SerializeAsString();
  const std::vector<dims::v1::Report> reports = Reports(injection + Export() + Export(2, 4) + injection);
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_EQ(ProblemsIn(reports), 0) << reports[0].DebugString();
  EXPECT_EQ(reports[0].analyses(0).SerializeAsString(), expected);
  EXPECT_EQ(reports[1].analyses_size(), 3);
  EXPECT_EQ(reports[2].analyses_size(), 4);
  EXPECT_EQ(reports[2].analyses(3).findings_size(), 2);
  EXPECT_EQ(reports[3].analyses(0).SerializeAsString(), expected);
}

TEST(ShimadzuBrowser, AnExportThatStopsWithinATableIsInterrupted) {
  const std::string whole = Export(2, 3);
  const std::string cut = whole.substr(0, whole.rfind("\r\n3\t") + 2);
  EXPECT_EQ(Types(Reports(cut)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(Types(Reports(whole, {}, Ending::kInterrupted)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  // With all its rows, but not the statistics that the first table has.
  EXPECT_EQ(Types(Reports(whole.substr(0, whole.rfind("\tAverage")))[0]),
            (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  // Within the last cell.
  const std::string row = "ID#\t1\r\nName\tX\r\n\tData Filename\tArea\tConc.\r\n1\tS1.lcd\t300\t512.75";
  EXPECT_EQ(Types(Reports(row)[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(Types(Reports(row + "\r\n")[0]), (Problems{}));
}

TEST(ShimadzuBrowser, TheConfigurationSaysWhichColumnIsTheSamplesNumber) {
  const std::string text =
      "ID#\t1\r\nName\tX\r\n\tSample ID\tData Filename\tSample Name\tArea\r\n1\tD-1\tS.gcd\tsomebody's\t5\r\n";
  EXPECT_EQ(Reports(text)[0].analyses(0).sample_number(), "somebody's");
  const dims::v1::Report by_id = Reports(text, {{"sample_number", "Sample ID"}})[0];
  EXPECT_EQ(by_id.problems_size(), 0) << by_id.DebugString();
  EXPECT_EQ(by_id.analyses(0).sample_number(), "D-1");
  EXPECT_EQ(by_id.analyses(0).technique(), dims::v1::TECHNIQUE_GC);
  EXPECT_EQ(by_id.SerializeAsString().find("somebody"), std::string::npos);
}

TEST(ShimadzuBrowser, AnIdAloneIsNoExport) {
  EXPECT_EQ(Reports("ID#\t1\r\nID#\t2\r\nID#\t3\r\n").size(), 1u);
  for (const char* rest : {"", "Name\tX\r\n", "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\n", "1\t2\t3\r\n2\t3\t4\r\n"}) {
    for (const auto& report : Reports(absl::StrCat("ID#\t1\r\n", rest))) {
      EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_NOISE})) << rest;
    }
  }
}

}  // namespace
}  // namespace dims
