#include "tests/astm_line.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/astm_frames.h"

namespace dims {
namespace {

using dims::v1::Report;

void EnqIsAcknowledgedAndEveryFrameAndEotIsNot(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.SayAll(AstmRecords());
  line.Say(kEots, "");
  line.Say(kEnqs, "A");
  ASSERT_EQ(line.Reports().size(), 1u);
  ExpectWhole(line.Reports()[0]);
}

void AFrameIsAnsweredAtItsLineEndNotBefore(AstmLine& line) {
  line.Say(kEnqs, "A");
  const std::string frame = FrameOf(1, kAstmHeader);
  for (std::size_t i = 0; i + 1 < frame.size(); ++i) line.Say(frame.substr(i, 1), "");
  line.Say(frame.substr(frame.size() - 1), "A");
}

void FrameNumbersBeginAt1AndGoRoundThrough0(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.Say(FrameOf(0, kAstmHeader), "N");
  line.Say(FrameOf(2, kAstmHeader), "N");
  line.SayAll(AstmRecords(16));
  line.Say(kEots, "");
  ASSERT_EQ(line.Reports().size(), 1u);
  ExpectWhole(line.Reports()[0], 16);
}

void SeveralMessagesInOneSessionAreReportsOfTheirOwn(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.SayAll(AstmRecords());
  line.SayAll(AstmRecords(), 6);
  line.Say(kEots, "");
  ASSERT_EQ(line.Reports().size(), 2u);
  for (const Report& report : line.Reports()) ExpectWhole(report);
}

void AFrameMayHold63993CharactersOfText(AstmLine& line) {
  line.Say(kEnqs, "A");
  const std::string message = absl::StrJoin(AstmRecords(), "");
  const std::string remark = absl::StrCat("C|1|I|", std::string(63993 - message.size() - 7, 'x'), "\r");
  std::string text = message;
  text.insert(text.size() - sizeof(kAstmEnd) + 1, remark);
  ASSERT_EQ(text.size(), 63993u);
  line.Say(FrameOf(1, text), "!A");
  ExpectWhole(line.Reports()[0]);
}

void NothingIsAnsweredWithoutASession(AstmLine& line) {
  for (int i = 0; const std::string& record : AstmRecords()) {
    line.Say(FrameOf(++i, record), record == kAstmEnd ? "!" : "");  // kept: the sender will ask for a session
  }
  line.Say(kEots, "");
  line.Say(kEnqs, "A");
}

void SilenceEndsTheSessionAndLeavesATruncatedReport(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.Say(FrameOf(1, kAstmHeader), "A");
  line.Say("noise does not count\r\n", "");
  line.Wait(absl::Seconds(1), "!");
  EXPECT_EQ(Types(line.Reports()[0]), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  line.Say(FrameOf(2, kAstmOrder), "");  // neutral again
  line.Say(kEnqs, "!A");
}

void AFrameWithAChangedBitIsRefusedAndItsRepeatAccepted(AstmLine& line) {
  line.Say(kEnqs, "A");
  for (int i = 0; const std::string& record : AstmRecords()) {
    std::string damaged = FrameOf(++i, record);
    damaged[4] = static_cast<char>(damaged[4] ^ 2);
    line.Say(damaged, "N");
    line.Say(FrameOf(i, record), record == kAstmEnd ? "!A" : "A");
  }
  line.Say(kEots, "");
  ASSERT_EQ(line.Reports().size(), 1u);
  ExpectWhole(line.Reports()[0]);
}

void AFrameSentAgainAfterALostAckIsAcknowledgedAndStoredOnce(AstmLine& line) {
  line.Say(kEnqs, "A");
  for (int i = 0; const std::string& record : AstmRecords()) {
    line.Say(FrameOf(++i, record), record == kAstmEnd ? "!A" : "A");
    line.Say(FrameOf(i, record), "A");
  }
  line.Say(kEots, "");
  line.Say(kEnqs, "A");
  ASSERT_EQ(line.Reports().size(), 1u);
  ExpectWhole(line.Reports()[0]);
}

void AMissingFrameIsRefusedUntilItComes(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.Say(FrameOf(1, kAstmHeader), "A");
  line.Say(FrameOf(2, kAstmOrder), "A");
  line.Say(FrameOf(4, AstmResult(2)), "N");
  line.SayAll({AstmResult(1), AstmResult(2), kAstmEnd}, 3);
  ExpectWhole(line.Reports()[0]);
}

void EotBeforeTheEndRecordLeavesATruncatedReport(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.SayAll({kAstmHeader, kAstmOrder, AstmResult(1)});
  line.Say(kEots, "!");
  EXPECT_EQ(Types(line.Reports()[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(line.Reports()[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(Findings(line.Reports()[0]), 1);
}

void EnqInTheMiddleClosesTheOldMessageAndBeginsASession(AstmLine& line) {
  line.Say(kEnqs, "A");
  line.SayAll({kAstmHeader, kAstmOrder, AstmResult(1)});
  line.Say(kEnqs, "!A");
  line.SayAll(AstmRecords());
  ASSERT_EQ(line.Reports().size(), 2u);
  EXPECT_EQ(Types(line.Reports()[0]), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(Findings(line.Reports()[0]), 1);
  ExpectWhole(line.Reports()[1]);
}

void FramesOf240CharactersAreJoinedWithoutAddingOrLosingAByte(AstmLine& line) {
  const std::string text = absl::StrJoin(AstmRecords(40), "");
  line.Say(kEnqs, "A");
  for (std::size_t at = 0, number = 1; at < text.size(); at += 240, ++number) {
    const bool last = at + 240 >= text.size();
    line.Say(FrameOf(static_cast<int>(number), text.substr(at, 240), last ? kEtx : kEtb), last ? "!A" : "A");
  }
  ExpectWhole(line.Reports()[0], 40);
}

}  // namespace

void AstmLine::SayAll(const std::vector<std::string>& records, int first) {
  for (const std::string& record : records) Say(FrameOf(first++, record), record == kAstmEnd ? "!A" : "A");
}

Problems Types(const Report& report) {
  Problems types;
  for (const dims::v1::Problem& problem : report.problems()) types.push_back(problem.type());
  return types;
}

int Findings(const Report& report) {
  int count = 0;
  for (const dims::v1::Analysis& analysis : report.analyses()) count += analysis.findings_size();
  return count;
}

void ExpectWhole(const Report& report, int results) {
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
  ASSERT_EQ(report.analyses_size(), 1);
  EXPECT_EQ(report.analyses(0).sample_number(), "S1");
  ASSERT_EQ(report.analyses(0).findings_size(), results);
  for (const dims::v1::Finding& finding : report.analyses(0).findings()) {
    EXPECT_EQ(finding.label(), "FEN");
    EXPECT_EQ(finding.amount().value(), "7.41");
    EXPECT_EQ(finding.amount().unit(), "ng/mL");
  }
}

const std::vector<AstmScript>& AstmScripts() {
  static const auto* const scripts = new std::vector<AstmScript>{
      {"EnqIsAcknowledgedAndEveryFrameAndEotIsNot", EnqIsAcknowledgedAndEveryFrameAndEotIsNot},
      {"AFrameIsAnsweredAtItsLineEndNotBefore", AFrameIsAnsweredAtItsLineEndNotBefore},
      {"FrameNumbersBeginAt1AndGoRoundThrough0", FrameNumbersBeginAt1AndGoRoundThrough0},
      {"SeveralMessagesInOneSessionAreReportsOfTheirOwn", SeveralMessagesInOneSessionAreReportsOfTheirOwn},
      {"AFrameMayHold63993CharactersOfText", AFrameMayHold63993CharactersOfText},
      {"NothingIsAnsweredWithoutASession", NothingIsAnsweredWithoutASession},
      {"SilenceEndsTheSessionAndLeavesATruncatedReport", SilenceEndsTheSessionAndLeavesATruncatedReport},
      {"AFrameWithAChangedBitIsRefusedAndItsRepeatAccepted", AFrameWithAChangedBitIsRefusedAndItsRepeatAccepted},
      {"AFrameSentAgainAfterALostAckIsAcknowledgedAndStoredOnce",
       AFrameSentAgainAfterALostAckIsAcknowledgedAndStoredOnce},
      {"AMissingFrameIsRefusedUntilItComes", AMissingFrameIsRefusedUntilItComes},
      {"EotBeforeTheEndRecordLeavesATruncatedReport", EotBeforeTheEndRecordLeavesATruncatedReport},
      {"EnqInTheMiddleClosesTheOldMessageAndBeginsASession", EnqInTheMiddleClosesTheOldMessageAndBeginsASession},
      {"FramesOf240CharactersAreJoinedWithoutAddingOrLosingAByte",
       FramesOf240CharactersAreJoinedWithoutAddingOrLosingAByte},
  };
  return *scripts;
}

}  // namespace dims
