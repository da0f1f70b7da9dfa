// Exports of the Quant Browser: what a line does to them, and what else is in the stream.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/shimadzu.h"

namespace dims {
namespace {

// The time of a compound tells its number.
std::string Export(int compounds = 3, int samples = 3) {
  std::string text;
  for (int c = 1; c <= compounds; ++c) {
    absl::StrAppend(&text, "ID#\t", c, "\r\nName\tNAME ", c, "\r\n",
                    "\tData Filename\tSample Name\tRet. Time\tArea\tHeight\tConc.\tMark\tVial#\r\n");
    for (int s = 1; s <= samples; ++s) {
      absl::StrAppend(&text, s, "\tS", s, ".lcd\tS", s, "\t", c, ".250\t", 100 * c + s, "\t", 10 * c + s, "\t", c, ".",
                      s, "\t V \t", s, "\r\n");
    }
    absl::StrAppend(&text, "\tAverage\t\t", c, ".250\t", 100 * c, "\t", 10 * c, "\t", c, ".1\t\t\r\n\r\n");
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

TEST(ShimadzuBrowser, LostLinesGiveNoCompoundTheResultsOfAnother) {
  const std::vector<std::string> lines = absl::StrSplit(Export(), "\r\n");
  const std::string expected = Said(Reports(absl::StrJoin(lines, "\r\n")));
  ASSERT_EQ(ProblemsIn(Reports(absl::StrJoin(lines, "\r\n"))), 0);
  for (std::size_t count = 1; count <= 6; ++count) {
    for (std::size_t at = 0; at + count < lines.size(); ++at) {
      std::vector<std::string> left = lines;
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at),
                 left.begin() + static_cast<std::ptrdiff_t>(at + count));
      const std::vector<dims::v1::Report> reports = Reports(absl::StrJoin(left, "\r\n"));
      for (const auto& report : reports) {
        for (const auto& analysis : report.analyses()) {
          for (const auto& finding : analysis.findings()) {
            EXPECT_EQ(finding.retention_time(), absl::StrCat(finding.label().substr(5), ".250")) << lines[at];
          }
        }
      }
      // A whole table is missed by nobody: what is deleted from a method leaves a gap in the numbers.
      const bool whole_table = count == 6;
      EXPECT_TRUE(whole_table || ProblemsIn(reports) > 0 || Said(reports) == expected) << lines[at] << Said(reports);
    }
  }
}

TEST(ShimadzuBrowser, ALetterThatIsLostOrChangedInAHeadIsSaidOrChangesOnlyThatWord) {
  const std::string whole = Export(2, 2);
  const std::string expected = Said(Reports(whole));
  for (std::size_t at = 0; at < whole.find("\r\n1\t"); ++at) {
    for (const char* instead : {"", "~"}) {
      std::string bytes = whole;
      bytes.replace(at, 1, instead);
      const std::vector<dims::v1::Report> reports = Reports(bytes);
      const bool in_name = at >= whole.find("NAME") && at <= whole.find("\r\n\tData");
      // Which columns there are is the user's choice.
      const bool in_column = at > whole.find("Data Filename") + 13;
      EXPECT_TRUE(in_name || in_column || ProblemsIn(reports) > 0 || reports.size() != 1 || Said(reports) == expected)
          << bytes.substr(0, 200) << Said(reports);
    }
  }
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
  for (const char* rest : {"", "Name\tX\r\n", "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\n", "1\t2\t3\r\n2\t3\t4\r\n"}) {
    for (const auto& report : Reports(absl::StrCat("ID#\t1\r\n", rest))) {
      EXPECT_EQ(Types(report), (Problems{dims::v1::PROBLEM_TYPE_NOISE})) << rest;
    }
  }
}

}  // namespace
}  // namespace dims
