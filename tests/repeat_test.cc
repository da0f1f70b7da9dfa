// What the bridge makes of a message that comes a second time: the astm driver, a session and a store on a real disk.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "drivers/catalog.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/session.h"
#include "tests/astm_frames.h"
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
    StoreOptions options;
    options.path = folder_->path();
    options.laboratory = "lab";
    options.bridge = "ws-1";
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    SessionSetup setup;
    setup.driver = FindDriver("astm");
    setup.options = *Options::Parse(setup.driver->options, {});
    setup.source.set_bridge("ws-1");
    setup.source.set_instrument("analyser-1");
    setup.origin = dims::v1::ORIGIN_REAL;
    setup.write = [this](absl::string_view bytes) {
      answers_ += bytes[0] == kAck ? 'A' : 'N';
      return absl::OkStatus();
    };
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
    EXPECT_EQ(name.bridge(), "ws-1");
    EXPECT_EQ(name.store_id(), store_->Current().store_id);
    EXPECT_EQ(name.number(), number);
  }

  std::unique_ptr<StoreFolder> folder_ = std::make_unique<StoreFolder>();
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
  std::string answers_;
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
  EXPECT_FALSE(reports[1].has_supersedes());
  EXPECT_EQ(reports[0].content_sha256(), reports[1].content_sha256());
}

TEST_F(Repeat, TwoEqualMessagesSentOnPurposeAreTwoRecordsWithoutAMark) {
  SendWhole(AstmRecords());
  SendWhole(AstmRecords());
  Start();
  SendWhole(AstmRecords());
  ASSERT_EQ(Records().size(), 3u);
  for (const Report& report : Records()) EXPECT_FALSE(report.has_repeat_of() || report.has_supersedes());
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
  EXPECT_FALSE(Records()[1].has_repeat_of() || Records()[1].has_supersedes());
}

TEST_F(Repeat, AMessageThatWasCutIsSupersededByTheWholeOne) {
  const std::vector<std::string> records = AstmRecords(3);
  Send(records, 4);
  Start();
  SendWhole(records);
  const std::vector<Report> reports = Records();
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(reports[0].analyses(0).findings_size(), 2);
  ExpectNames(reports[1].supersedes(), 1);
  EXPECT_FALSE(reports[1].has_repeat_of());
  EXPECT_EQ(reports[1].status(), dims::v1::REPORT_STATUS_FINAL);
}

TEST_F(Repeat, WhateverTheOrderOfCutsNoFindingStandsTwiceWithoutAMark) {
  const std::vector<std::string> records = AstmRecords(4);
  // How many frames arrive before the bridge stops, three times over; then the whole message.
  for (std::size_t first = 1; first <= records.size(); ++first) {
    for (std::size_t second = 1; second <= records.size(); ++second) {
      BeginAnew();
      for (const std::size_t frames : {first, second}) {
        Send(records, frames - 1);
        StopBeforeTheAnswer(FrameOf(static_cast<int>(frames), records[frames - 1]));
      }
      SendWhole(records);
      std::set<uint64_t> replaced;
      uint64_t number = 0, counted = 0;
      const std::vector<Report> reports = Records();
      for (const Report& report : reports) {
        if (report.has_supersedes()) replaced.insert(report.supersedes().number());
      }
      for (const Report& report : reports) {
        ++number;
        if (report.has_repeat_of() || replaced.count(number) > 0) continue;
        for (const dims::v1::Analysis& analysis : report.analyses()) counted += analysis.findings_size();
      }
      EXPECT_EQ(counted, 4u) << "cut after " << first << " and " << second << " frames";
    }
  }
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
  EXPECT_FALSE(store_->LastUnheard("analyser-1").has_value());
  Send(AstmRecords(), AstmRecords().size());
  EXPECT_TRUE(store_->LastUnheard("analyser-1").has_value());
  Say(kEots);
  EXPECT_FALSE(store_->LastUnheard("analyser-1").has_value());
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
