// What is a scan, whatever the scanner puts around its codes.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {
namespace {

using Settings = std::vector<std::pair<std::string, std::string>>;
using Codes = std::vector<std::string>;

const Driver& Barcode() { return *FindDriver("barcode"); }

// The codes that were read of these bytes, without a flush at their end; '!' after each that has a problem.
Codes CodesIn(const std::string& bytes, const Settings& settings = {}, std::vector<LineMark> marks = {}) {
  Codes codes;
  Parser parser(Barcode(), *Options::Parse(Barcode().options, settings));
  parser.Feed(
      bytes,
      [&](ParserEvent event) {
        const Said* said = std::get_if<Said>(&event);
        if (said == nullptr) return;
        for (const dims::v1::Scan& scan : said->report.scans()) {
          codes.push_back(absl::StrCat(scan.symbology(), scan.code(), said->report.problems_size() > 0 ? "!" : ""));
        }
      },
      marks);
  return codes;
}

TEST(Barcode, EveryPrintableCharacterCanBeInACode) {
  for (int c = 0x21; c < 0x7f; ++c) {
    const std::string code = absl::StrCat("A", std::string(1, static_cast<char>(c)), "9");
    EXPECT_EQ(CodesIn(code + "\r\n"), Codes{code});
  }
  EXPECT_EQ(CodesIn("PR\xc3\x9c"
                    "FUNG-7\r\n"),
            Codes{"PR\xc3\x9c"
                  "FUNG-7"});
  EXPECT_EQ(CodesIn("X\r"), Codes{"X"}) << "one character is a code";
}

TEST(Barcode, ACodeDoesNotWaitForWhatFollowsIt) {
  for (const char* end : {"\r", "\n", "\r\n"}) EXPECT_EQ(CodesIn(absl::StrCat("D-1", end)), Codes{"D-1"});
}

TEST(Barcode, WhatIsNoCodeIsNoScan) {
  const std::string framed("\x02");
  for (const std::string& line :
       {std::string("two words"), std::string(" D-1"), std::string("D-1 "), std::string("D-\x07"),
        std::string("D-\xb5"), std::string("D-\xff"), std::string(), std::string(" "), framed + "D-1"}) {
    EXPECT_EQ(CodesIn(line + "\r\n"), Codes{}) << line;
  }
  EXPECT_EQ(CodesIn("two words\r", {{"blanks", "true"}}), Codes{"two words"});
  EXPECT_EQ(CodesIn("a  table\r D-1\rD-1 \r", {{"blanks", "true"}}), Codes{});
}

TEST(Barcode, ALineEndIsTheOneThatTheScannerIsSetTo) {
  EXPECT_EQ(CodesIn("D-1\tD-2\r\n"), Codes{"D-2"});
  EXPECT_EQ(CodesIn("D-1\tD-2\r\nD-3\t", {{"suffix", "\t"}}), (Codes{"D-1", "D-3"}));
  EXPECT_EQ(CodesIn("\x02"
                    "D-1\x03\x02"
                    "D-2\r\x02"
                    "D-3\x03",
                    {{"prefix", "\x02"}, {"suffix", "\x03"}}),
            (Codes{"D-1", "D-3"}));
  EXPECT_EQ(CodesIn("D-1#\r\nD-2\r\nD-3#\r\n", {{"suffix", "#\r\n"}}), (Codes{"D-1", "D-3"}));
}

TEST(Barcode, TheSymbologyStandsBesideTheCode) {
  EXPECT_EQ(CodesIn("]C0D-1\r"), Codes{"]C0D-1"});
  EXPECT_EQ(CodesIn("]C0D-1\rD-2\r", {{"symbology", "present"}}), Codes{"]C0D-1"});
  Parser parser(Barcode(), *Options::Parse(Barcode().options, {{"symbology", "absent"}}));
  int scans = 0;
  parser.Feed("]C0D-1\r", [&](ParserEvent event) {
    const dims::v1::Scan scan = std::get<Said>(event).report.scans(0);
    EXPECT_EQ(scan.code(), "]C0D-1");
    EXPECT_EQ(scan.symbology(), "");
    ++scans;
  });
  EXPECT_EQ(scans, 1);
}

TEST(Barcode, CodesThatAreNoSamplesAreNotCarried) {
  const Settings only = {{"only", "D-|TOX"}};
  EXPECT_EQ(CodesIn("D-1\r4006381333931\rTOX7\rd-1\rXD-1\r", only), (Codes{"D-1", "TOX7"}));
}

TEST(Barcode, ALineErrorInACodeIsAProblem) {
  EXPECT_EQ(CodesIn("D-1\rD-2\r", {}, {{LineMark::kParityOrFraming, 1}}), (Codes{"D-1!", "D-2"}));
}

}  // namespace
}  // namespace dims
