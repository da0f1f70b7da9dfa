// The verdict on what became of every report, and the journal it rests on.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "simulator/journal.h"
#include "simulator/verify.h"
#include "tests/simulator_scratch.h"

namespace dims {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kHash[] = "0000000000000000000000000000000000000000000000000000000000000001";

std::string SendLines(const std::string& sample, double begin, double end, int discarded = 0,
                      const std::string& hash = kHash, int sequence = 1) {
  return absl::StrFormat(
      R"({"event":"sending","instrument":"gcms-1","t":%.3f,"sequence":%d,"sample":"%s","sha256":"%s","size":10,"file":"x"}
{"event":"sent","instrument":"gcms-1","t":%.3f,"sequence":%d,"sample":"%s","sha256":"%s","size":10,"file":"x","discarded":%d,"begin":%.3f,"end":%.3f}
)",
      begin, sequence, sample, hash, end, sequence, sample, hash, discarded, begin, end);
}

std::string RecordLine(const std::string& sample, const std::string& hash = kHash,
                       const std::string& instrument = "gcms-1") {
  return absl::StrFormat(
      R"({"laboratory":"lab","bridge":"b","store":"s","number":"7","hash":"ff","report":{"rawSize":"10","rawSha256":"%s","analyses":[{"sampleNumber":"%s"}],"problems":[{"type":"PROBLEM_TYPE_INTERRUPTED"}],"source":{"instrument":"%s"}}})"
      "\n",
      absl::Base64Escape(absl::HexStringToBytes(hash)), sample, instrument);
}

class VerifyTest : public ScratchTest {
 protected:
  Verification Judge(const std::string& journal, const std::string& records) {
    const auto result = Verify({ScratchFile("log", journal)}, {ScratchFile("export", records)});
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : Verification{};
  }
};

TEST_F(VerifyTest, StoredOnceIsStored) {
  const Verification result = Judge(SendLines("A", 100, 102), RecordLine("A"));
  EXPECT_EQ(result.Summary(), "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 0");
  EXPECT_TRUE(result.ok());
}

TEST_F(VerifyTest, NothingSentProvesNothing) { EXPECT_FALSE(Judge("", RecordLine("A")).ok()); }

TEST_F(VerifyTest, StoredNowhereIsLostAndSaysWhatIsThereInstead) {
  const std::string other = std::string(63, '0') + "2";
  const Verification result = Judge(SendLines("A", 100, 102, 0, kHash, 42), RecordLine("A", other));
  EXPECT_EQ(result.Summary(), "sent 1, stored 0, interrupted 0, repeated 0, lost 1, doubled 0");
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.faults, ElementsAre(AllOf(StartsWith("lost: gcms-1 report 42 (sample \"A\")"),
                                               HasSubstr("other bytes of this sample: record 7 of b"),
                                               HasSubstr("PROBLEM_TYPE_INTERRUPTED"))));
}

TEST_F(VerifyTest, ARecordOfAnotherInstrumentOrSampleDoesNotCount) {
  EXPECT_EQ(Judge(SendLines("A", 1, 2), RecordLine("A", kHash, "gcms-2")).lost, 1u);
  EXPECT_EQ(Judge(SendLines("A", 1, 2), RecordLine("B")).lost, 1u);
}

TEST_F(VerifyTest, ARefusedRecordDoesNotCount) {
  const std::string refused = R"({"bridge":"b","number":1,"hash":"ff","refused":"REFUSAL_REASON_ORIGIN"})";
  EXPECT_EQ(Judge(SendLines("A", 1, 2), refused + "\n").lost, 1u);
}

TEST_F(VerifyTest, StoredTwiceIsDoubled) {
  const Verification result = Judge(SendLines("A", 1, 2), RecordLine("A") + RecordLine("A"));
  EXPECT_EQ(result.Summary(), "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 1");
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.faults, ElementsAre(StartsWith("doubled: gcms-1 report 1 (sample \"A\")")));
}

TEST_F(VerifyTest, TwoSendsOfTheSameBytesNeedTwoRecords) {
  const std::string twice = SendLines("A", 1, 2) + SendLines("A", 3, 4, 0, kHash, 2);
  EXPECT_TRUE(Judge(twice, RecordLine("A") + RecordLine("A")).ok());
  EXPECT_EQ(Judge(twice, RecordLine("A")).Summary(), "sent 2, stored 1, interrupted 0, repeated 0, lost 1, doubled 0");
  // The one that could not be stored is the one that is missing.
  const std::string one_cut = SendLines("A", 1, 2, 5) + SendLines("A", 3, 4, 0, kHash, 2);
  EXPECT_EQ(Judge(one_cut, RecordLine("A")).Summary(),
            "sent 2, stored 1, interrupted 1, repeated 0, lost 0, doubled 0");
}

TEST_F(VerifyTest, ThatBytesWereDiscardedExcusesOnlyWhatIsNotStored) {
  EXPECT_EQ(Judge(SendLines("A", 1, 2, 3), "").Summary(),
            "sent 1, stored 0, interrupted 1, repeated 0, lost 0, doubled 0");
  EXPECT_EQ(Judge(SendLines("A", 1, 2, 3), RecordLine("A")).stored, 1u);
  const std::string later = R"({"event":"discarded","instrument":"gcms-1","t":9,"sequence":1,"size":4})";
  EXPECT_EQ(Judge(SendLines("A", 1, 2) + later + "\n", "").interrupted, 1u);
}

TEST_F(VerifyTest, AClosedLineExcusesFromTheFirstByteToOneSecondAfterTheLast) {
  const auto with_close = [this](double t, const std::string& instrument = "gcms-1") {
    return Judge(SendLines("A", 100, 102) +
                     absl::StrFormat(R"({"event":"closed","instrument":"%s","t":%.3f})", instrument, t) + "\n",
                 "")
        .interrupted;
  };
  EXPECT_EQ(with_close(99.999), 0u);
  EXPECT_EQ(with_close(100), 1u);
  EXPECT_EQ(with_close(103), 1u);
  EXPECT_EQ(with_close(103.001), 0u);
  EXPECT_EQ(with_close(101, "gcms-2"), 0u);
}

TEST_F(VerifyTest, WhatTheInstrumentNeverFinishedIsInterrupted) {
  const std::string lines = SendLines("A", 1, 2);
  const Verification result = Judge(lines.substr(0, lines.find('\n') + 1), "");
  EXPECT_EQ(result.Summary(), "sent 1, stored 0, interrupted 1, repeated 0, lost 0, doubled 0");
  EXPECT_THAT(result.interruptions, ElementsAre(HasSubstr("the instrument stopped before the end of it")));
}

// Messages of analysers

std::string MessageLines(const std::string& event, const std::string& sample, int attempt = 1,
                         const std::string& hash = kHash, int sequence = 1) {
  return absl::StrFormat(
      R"({"event":"%s","instrument":"reader-1","t":5,"sequence":%d,"sample":"%s","attempt":%d,"content_sha256":"%s","size":10,"file":"x"})"
      "\n",
      event, sequence, sample, attempt, hash);
}

// Its raw bytes are framed, so their hash says nothing here.
std::string MessageRecord(int number, const std::string& sample, const std::string& more = "",
                          const std::string& hash = kHash) {
  return absl::StrFormat(
      R"({"bridge":"b","store":"s","number":%d,"report":{"rawSize":"99","rawSha256":"%s","contentSha256":"%s","analyses":[{"sampleNumber":"%s"}],"source":{"instrument":"reader-1"}%s}})"
      "\n",
      number, absl::Base64Escape(std::string(32, static_cast<char>(number))),
      absl::Base64Escape(absl::HexStringToBytes(hash)), sample, more);
}

std::string RepeatOf(int number, const std::string& store = "s") {
  return absl::StrFormat(R"(,"repeatOf":{"bridge":"b","storeId":"%s","number":"%d"})", store, number);
}

const char kCut[] = R"(,"problems":[{"type":"PROBLEM_TYPE_NOISE"},{"type":"PROBLEM_TYPE_INTERRUPTED"}])";

TEST_F(VerifyTest, AnAcknowledgedMessageIsStoredOrLost) {
  const std::string through = MessageLines("sending", "A") + MessageLines("acknowledged", "A");
  EXPECT_EQ(Judge(through, MessageRecord(1, "A")).Summary(),
            "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 0");
  const Verification lost = Judge(through, MessageRecord(1, "B"));
  EXPECT_EQ(lost.Summary(), "sent 1, stored 0, interrupted 0, repeated 0, lost 1, doubled 0");
  EXPECT_FALSE(lost.ok());
  EXPECT_THAT(lost.faults, ElementsAre(AllOf(StartsWith("lost: reader-1 message 1 (sample \"A\")"),
                                             HasSubstr("acknowledged, and no record has it; its bytes are there"))));
  EXPECT_EQ(Judge(through, MessageRecord(1, "A", "", std::string(64, 'a'))).lost, 1u) << "another text";
}

TEST_F(VerifyTest, AClosedLineIsNoExcuseForAnAcknowledgedMessage) {
  const std::string closed = R"({"event":"closed","instrument":"reader-1","t":5})";
  EXPECT_EQ(Judge(MessageLines("sending", "A") + MessageLines("acknowledged", "A") + closed + "\n", "").lost, 1u);
}

TEST_F(VerifyTest, AMessageNeverAcknowledgedIsNotLostAndCountsWhereItIsStored) {
  const std::string tried = MessageLines("sending", "A") + MessageLines("sending", "A", 2);
  const Verification result = Judge(tried, "");
  EXPECT_EQ(result.Summary(), "sent 1, stored 0, interrupted 1, repeated 0, lost 0, doubled 0");
  EXPECT_THAT(result.interruptions, ElementsAre(HasSubstr("never acknowledged (sent 2 times)")));
  EXPECT_EQ(Judge(tried, MessageRecord(1, "A")).Summary(),
            "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 0");
}

TEST_F(VerifyTest, APartOfAMessageIsNeitherTheMessageNorADouble) {
  const std::string through =
      MessageLines("sending", "A") + MessageLines("sending", "A", 2) + MessageLines("acknowledged", "A", 2);
  EXPECT_EQ(Judge(through, MessageRecord(1, "A", kCut) + MessageRecord(2, "A")).Summary(),
            "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 0");
  EXPECT_EQ(Judge(through, MessageRecord(1, "A", kCut)).lost, 1u);
}

TEST_F(VerifyTest, AMessageStoredAgainMustSayWhichRecordItRepeats) {
  const std::string through = MessageLines("sending", "A") + MessageLines("acknowledged", "A", 2);
  const Verification marked = Judge(through, MessageRecord(1, "A") + MessageRecord(2, "A", RepeatOf(1)));
  EXPECT_EQ(marked.Summary(), "sent 1, stored 1, interrupted 0, repeated 1, lost 0, doubled 0");
  EXPECT_TRUE(marked.ok());
  const std::string others[] = {"", RepeatOf(3), RepeatOf(1, "another"), RepeatOf(2)};
  for (const std::string& other : others) {
    const Verification doubled = Judge(through, MessageRecord(1, "A") + MessageRecord(2, "A", other));
    EXPECT_EQ(doubled.Summary(), "sent 1, stored 1, interrupted 0, repeated 0, lost 0, doubled 1") << other;
    EXPECT_FALSE(doubled.ok());
  }
}

TEST_F(VerifyTest, TheSameMessageOfTwoMeasurementsIsTwoMessages) {
  const std::string twice = MessageLines("sending", "A") + MessageLines("acknowledged", "A") +
                            MessageLines("sending", "A", 1, kHash, 2) + MessageLines("acknowledged", "A", 1, kHash, 2);
  EXPECT_EQ(Judge(twice, MessageRecord(1, "A") + MessageRecord(2, "A")).stored, 2u);
  EXPECT_EQ(Judge(twice, MessageRecord(1, "A")).lost, 1u);
}

TEST_F(VerifyTest, OnlyACutLastLineIsPassedOver) {
  const std::string good = SendLines("A", 1, 2);
  EXPECT_TRUE(Judge(good + R"({"event":"sen)", RecordLine("A")).ok());
  const auto bad = Verify({ScratchFile("bad", good + "{\"event\":\n" + good)}, {ScratchFile("export", "")});
  EXPECT_THAT(std::string(bad.status().message()), HasSubstr("bad:3: this is no JSON object"));
  EXPECT_THAT(std::string(Verify({"/nowhere/log"}, {}).status().message()), HasSubstr("/nowhere/log"));
}

TEST(Journal, ItsLinesAreJsonWhateverTheSampleIsCalled) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string sample;
    for (int i = 0; i < 12; ++i) sample += static_cast<char>(random());
    const std::string json =
        JournalLine("sent", "gcms-1", absl::FromUnixMillis(1768383232004)).Text("sample", sample).Json();
    google::protobuf::Struct object;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok()) << json;
    EXPECT_EQ(object.fields().at("t").number_value(), 1768383232.004);
  }
  EXPECT_THAT(JournalLine("sent", "i", absl::UnixEpoch()).Text("sample", "é\"\\\x01\xff").Json(),
              HasSubstr("\"sample\":\"é\\\"\\\\\\u0001\\ufffd\"}\n"));
}

}  // namespace
}  // namespace dims
