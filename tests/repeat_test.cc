// What the bridge makes of a message that comes a second time: the astm driver, a session and a store on a real disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/session.h"
#include "tests/astm_frames.h"
#include "tests/astm_session.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using dims::v1::Report;

const std::string kEnqs(1, kEnq), kEots(1, kEot);

class Repeat : public testing::Test {
 protected:
  Repeat() { Start(); }

  // As after a crash: what is on disk, and nothing else.
  void Start() {
    session_.reset();
    store_.reset();
    store_ = MustOpen(OptionsFor(*folder_));
    ASSERT_NE(store_, nullptr);
    SessionSetup setup = AnalyserSetup([this](absl::string_view bytes) {
      if (!line_takes_) return absl::UnavailableError("hung up");
      answers_ += bytes[0] == kAck ? 'A' : 'N';
      return absl::OkStatus();
    });
    session_ = std::make_unique<Session>(std::move(setup), *store_, now_);
  }

  void BeginAnew() {
    session_.reset();
    store_.reset();
    folder_ = std::make_unique<StoreFolder>();
    Start();
  }

  void Hear(const std::string& bytes) {
    session_->Take({Arrival::Kind::kBytes, now_, bytes, {}, 0});
    session_->Tick(now_);
  }
  void Commit() {
    const SessionBatch* pending = session_->Pending();
    if (pending == nullptr) return;
    ASSERT_TRUE(store_->Commit(Batch{{*pending}}).ok());
    session_->Committed(now_);
  }
  void Say(const std::string& bytes) {
    Hear(bytes);
    Commit();
  }
  void Wait(absl::Duration time) {
    now_ = {now_.wall + time, now_.uptime + time};
    session_->Tick(now_);
    Commit();
  }
  // ENQ, and the first `frames` of the message, each acknowledged.
  void Send(const std::vector<std::string>& records, std::size_t frames) {
    Say(kEnqs);
    for (std::size_t i = 0; i < frames; ++i) Say(FrameOf(static_cast<int>(i + 1), records[i]));
  }
  void SendWhole(const std::vector<std::string>& records) {
    Send(records, records.size());
    Wait(absl::Milliseconds(20));
    Say(kEots);
  }
  // The bridge ends after the commit, before the answer.
  void StopBeforeTheAnswer(const std::string& frame) {
    Hear(frame);
    ASSERT_TRUE(store_->Commit(Batch{{*session_->Pending()}}).ok());
    Start();
  }

  std::vector<Report> Records() {
    std::vector<Report> reports;
    const auto read = store_->Read(store_->Current().id, 0, 1000, 1 << 20);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) EXPECT_TRUE(reports.emplace_back().ParseFromString(record.payload));
    return reports;
  }
  void ExpectNames(const dims::v1::RecordName& name, uint64_t number) {
    EXPECT_EQ(name.bridge(), "bridge-1");
    EXPECT_EQ(name.store_id(), store_->Current().store_id);
    EXPECT_EQ(name.number(), number);
  }

  std::unique_ptr<StoreFolder> folder_ = std::make_unique<StoreFolder>();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
  std::string answers_;
  bool line_takes_ = true;
  Moment now_ = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};
};

TEST_F(Repeat, AMessageSentAgainAfterALostAcknowledgementNamesTheFirst) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size() - 1);
  StopBeforeTheAnswer(FrameOf(static_cast<int>(records.size()), records.back()));
  SendWhole(records);
  const std::vector<Report> reports = Records();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_FALSE(reports[0].has_repeat_of());
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_FINAL);
  ExpectNames(reports[1].repeat_of(), 1);
  EXPECT_EQ(reports[1].replaces_parts_size(), 0);
  EXPECT_EQ(reports[0].content_sha256(), reports[1].content_sha256());
}

// Of an analyser that does not wait the 15 s of the standard only this tells that it heard nothing.
TEST_F(Repeat, AMessageSentAgainAfterAnAcknowledgementThatDidNotGoOutNamesTheFirstHoweverSoonItComes) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size() - 1);
  line_takes_ = false;
  Say(FrameOf(static_cast<int>(records.size()), records.back()));
  line_takes_ = true;
  Wait(absl::Milliseconds(400));
  Say(kEots);
  SendWhole(records);
  SendWhole(records);
  const std::vector<Report> reports = Records();
  ASSERT_EQ(reports.size(), 3u);
  ExpectNames(reports[1].repeat_of(), 1);
  EXPECT_FALSE(reports[2].has_repeat_of()) << "the second time it was heard";
}

TEST_F(Repeat, TwoEqualMessagesSentOnPurposeAreTwoRecordsWithoutAMark) {
  SendWhole(AstmRecords());
  SendWhole(AstmRecords());
  Start();
  SendWhole(AstmRecords());
  ASSERT_EQ(Records().size(), 3u);
  for (const Report& report : Records()) EXPECT_FALSE(report.has_repeat_of() || report.replaces_parts_size() > 0);
}

TEST_F(Repeat, TheNextFrameOfTheSessionShowsTooThatTheMessageWasHeard) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    Say(FrameOf(static_cast<int>(records.size() + i + 1), records[i]));
  }
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_FALSE(Records()[1].has_repeat_of());
}

TEST_F(Repeat, AnotherMessageAfterALostAcknowledgementIsNoRepeat) {
  const std::vector<std::string> records = AstmRecords(2);
  Send(records, records.size() - 1);
  StopBeforeTheAnswer(FrameOf(static_cast<int>(records.size()), records.back()));
  SendWhole(AstmRecords(3));
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_FALSE(Records()[1].has_repeat_of() || Records()[1].replaces_parts_size() > 0);
}

TEST_F(Repeat, AMessageThatWasCutIsReplacedByTheWholeOne) {
  const std::vector<std::string> records = AstmRecords(3);
  Send(records, 4);
  Start();
  SendWhole(records);
  const std::vector<Report> reports = Records();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(reports[0].analyses(0).findings_size(), 2);
  ASSERT_EQ(reports[1].replaces_parts_size(), 1);
  ExpectNames(reports[1].replaces_parts(0), 1);
  EXPECT_FALSE(reports[1].has_repeat_of());
  EXPECT_EQ(reports[1].status(), dims::v1::REPORT_STATUS_FINAL);
}

// Findings of all records that no other one repeats or replaces.
uint64_t Counted(const std::vector<Report>& reports) {
  std::set<uint64_t> replaced;
  for (const Report& report : reports) {
    for (const dims::v1::RecordName& part : report.replaces_parts()) replaced.insert(part.number());
  }
  uint64_t number = 0, counted = 0;
  for (const Report& report : reports) {
    if (replaced.count(++number) > 0 || report.has_repeat_of()) continue;
    for (const dims::v1::Analysis& analysis : report.analyses()) counted += analysis.findings_size();
  }
  return counted;
}

TEST_F(Repeat, WhateverTheOrderOfCutsNoFindingStandsTwiceWithoutAMark) {
  const std::vector<std::string> records = AstmRecords(4);
  // How many frames arrive before the bridge stops, twice over; then the whole message.
  for (std::size_t first = 1; first <= records.size(); ++first) {
    for (std::size_t second = 1; second <= records.size(); ++second) {
      BeginAnew();
      for (const std::size_t frames : {first, second}) {
        Send(records, frames - 1);
        StopBeforeTheAnswer(FrameOf(static_cast<int>(frames), records[frames - 1]));
      }
      SendWhole(records);
      EXPECT_EQ(Counted(Records()), 4u) << "cut after " << first << " and " << second << " frames";
    }
  }
}

TEST_F(Repeat, NorDoesItWhereTheBridgeStopsInsideAFrameOrTheSenderGoesOnBeforeItGivesUp) {
  const std::vector<std::string> records = AstmRecords(4);
  for (std::size_t frames = 1; frames < records.size(); ++frames) {
    const std::string cut = FrameOf(static_cast<int>(frames + 1), records[frames]);
    for (std::size_t size = 0; size <= cut.size(); ++size) {
      BeginAnew();
      Send(records, frames);
      Say(cut.substr(0, size));
      Start();
      Say(cut.substr(size));
      // The sender had heard the answer after all, and goes on for one frame.
      if (size == cut.size() && frames + 1 < records.size())
        Say(FrameOf(static_cast<int>(frames + 2), records[frames + 1]));
      Wait(absl::Seconds(15));
      Say(kEots);
      SendWhole(records);
      EXPECT_EQ(Counted(Records()), 4u) << "cut after " << frames << " frames and " << size << " bytes";
    }
  }
}

TEST_F(Repeat, NorDoesItWhereMessagesOfOneFrameFollowEachOtherInASession) {
  const std::string first = absl::StrJoin(AstmRecords(1), ""), second = absl::StrJoin(AstmRecords(3), "");
  for (const bool refused : {false, true}) {
    BeginAnew();
    Say(kEnqs);
    Say(FrameOf(1, first));
    if (refused) {
      Hear(FrameOf(2, second));
      session_->Refused(absl::ResourceExhaustedError("full"), now_);
    } else {
      Start();
    }
    // Nothing is answered, for the bridge knows of no session.
    for (int sends = 0; sends < 5; ++sends) Say(FrameOf(2, second));
    Say(kEots);
    SendWhole({second});
    EXPECT_EQ(Counted(Records()), 4u);
    SendWhole({second});
    EXPECT_EQ(Counted(Records()), 7u) << "sent again on purpose";
  }
}

TEST_F(Repeat, NorDoesItAfterSixRefusals) {
  const std::vector<std::string> records = AstmRecords(3);
  Send(records, 4);
  std::string bad = FrameOf(5, records[4]);
  bad[5] = static_cast<char>(bad[5] ^ 1);
  for (int sends = 0; sends < 6; ++sends) Say(bad);
  Say(kEots);
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_EQ(Counted(Records()), 3u);
}

TEST_F(Repeat, FramesOfAnInstrumentThatNeverAsksForASessionAreNoRepeats) {
  for (int i = 0; i < 3; ++i) {
    Wait(absl::Minutes(1));
    Say(FrameOf(1, absl::StrJoin(AstmRecords(2), "")));
  }
  EXPECT_EQ(answers_, "");
  const std::vector<Report> reports = Records();
  ASSERT_EQ(reports.size(), 3u);
  for (const Report& report : reports) EXPECT_FALSE(report.has_repeat_of());
}

TEST_F(Repeat, AnEndOfTransmissionBeforeTheAnswerWentOutHeardNothing) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size() - 1);
  Hear(FrameOf(static_cast<int>(records.size()), records.back()));
  // The disk stalls; the sender has waited long enough.
  Hear(kEots);
  Commit();
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_TRUE(Records()[1].has_repeat_of());
}

TEST_F(Repeat, WhatWasReadWhileTheAnswerWasStillBeingKeptHeardNothingEither) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size() - 1);
  Hear(FrameOf(static_cast<int>(records.size()), records.back()));
  const Moment read = {now_.wall + absl::Seconds(1), now_.uptime + absl::Seconds(1)};
  now_ = {now_.wall + absl::Seconds(2), now_.uptime + absl::Seconds(2)};
  Commit();
  session_->Take({Arrival::Kind::kBytes, read, kEots, {}, 0});
  Commit();
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_TRUE(Records()[1].has_repeat_of());
}

TEST_F(Repeat, AnEndOfTransmissionThatComesLateHeardNothing) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size());
  Wait(absl::Seconds(15));
  Say(kEots);
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_TRUE(Records()[1].has_repeat_of());
}

TEST_F(Repeat, AFrameSentAgainIsAnsweredAgainAndThenTheMessageIsHeard) {
  const std::vector<std::string> records = AstmRecords();
  Send(records, records.size());
  Wait(absl::Seconds(12));
  Say(FrameOf(static_cast<int>(records.size()), records.back()));
  Wait(absl::Seconds(1));
  Say(kEots);
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_FALSE(Records()[1].has_repeat_of());
}

TEST_F(Repeat, AfterARefusalInTheSecondMessageOfASessionTheSenderBeginsAnewAndNothingIsLostOrDoubled) {
  const std::vector<std::string> first = AstmRecords(1), second = AstmRecords(2);
  Send(first, first.size());
  const int next = static_cast<int>(first.size()) + 1;
  Say(FrameOf(next, second[0]));
  answers_.clear();
  Hear(FrameOf(next + 1, second[1]));
  session_->Refused(absl::ResourceExhaustedError("full"), now_);
  EXPECT_EQ(answers_, "N");
  // The bridge knows of no session any more: six sends without an answer, then the sender asks for one.
  for (int i = 0; i < 5; ++i) Say(FrameOf(next + 1, second[1]));
  EXPECT_EQ(answers_, "N");
  Say(kEots);
  SendWhole(second);
  int whole = 0;
  for (const Report& report : Records()) {
    if (report.status() != dims::v1::REPORT_STATUS_FINAL) continue;
    ++whole;
    EXPECT_EQ(report.analyses(0).findings_size(), whole);
    EXPECT_FALSE(report.has_repeat_of());
  }
  EXPECT_EQ(whole, 2);
}

TEST_F(Repeat, TheNameIsTheOneTheRecordHasNow) {
  const std::vector<std::string> records = AstmRecords();
  SendWhole(AstmRecords(1));
  ASSERT_TRUE(store_->Settle(store_->Current().id, 1).ok());
  Send(records, records.size() - 1);
  StopBeforeTheAnswer(FrameOf(static_cast<int>(records.size()), records.back()));
  // The unsettled record moves, and is number 1 there.
  ASSERT_TRUE(store_->BeginGeneration(store_->Current().id, 1, "a test").ok());
  SendWhole(records);
  ASSERT_EQ(Records().size(), 2u);
  ExpectNames(Records()[1].repeat_of(), 1);
}

TEST_F(Repeat, TheMarkIsForgottenOnceTheMessageIsHeard) {
  SendWhole(AstmRecords());
  EXPECT_TRUE(store_->AllUnheard("analyser-1").empty());
  Send(AstmRecords(), AstmRecords().size());
  EXPECT_EQ(store_->AllUnheard("analyser-1").size(), 1u);
  Say(kEots);
  EXPECT_TRUE(store_->AllUnheard("analyser-1").empty());
}

TEST_F(Repeat, LineErrorsAreKeptWithTheBytesAndCountAgainAfterACrash) {
  Say(kEnqs);
  std::string frame = FrameOf(1, kAstmHeader);
  session_->Take({Arrival::Kind::kBytes, now_, frame, {{LineMark::kParityOrFraming, 3}, {LineMark::kBreak, 5}}, 0});
  Commit();
  EXPECT_EQ(answers_, "AN") << "a frame with line errors is refused";
  const std::vector<IntakeEntry> open = store_->OpenIntake("analyser-1");
  const auto marked =
      std::find_if(open.begin(), open.end(), [](const IntakeEntry& entry) { return !entry.marks.empty(); });
  ASSERT_NE(marked, open.end());
  EXPECT_EQ(marked->marks, (std::vector<LineMark>{{LineMark::kParityOrFraming, 3}, {LineMark::kBreak, 5}}));
  Start();
  Commit();
  ASSERT_EQ(Records().size(), 1u);
  EXPECT_EQ(Records()[0].line_errors().parity_or_framing(), 1u);
  EXPECT_EQ(Records()[0].line_errors().breaks(), 1u);
}

}  // namespace
}  // namespace dims
