// A session with a driver that has everything a handshake has, and a store on a real disk.
#include "firmware-bridge/session.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/bench.h"

namespace dims {
namespace {

// A made-up protocol. "<text>" is a frame: it is answered with A, or with N where the store refuses. "<!text>" ends the
// message: its report is the frames in a row. Three seconds without a frame give a message up, and say T.
class Handshake final : public Decoder {
 public:
  void OnOpen(Events& out) override { out.push_back(Reply{"hello", ""}); }
  void OnFrame(const Frame& frame, Events& out) override {
    std::string text(frame.bytes.substr(1, frame.bytes.size() - 2));
    if (!open_) out.push_back(Begin{});
    open_ = true;
    const bool last = absl::StartsWith(text, "!");
    texts_ += last ? text.substr(1) : text;
    if (last) {
      End end;
      end.report.add_analyses()->set_sample_number(texts_);
      if (texts_ == "control") end.report.set_origin(dims::v1::ORIGIN_QC_STANDARD);
      out.push_back(std::move(end));
      texts_.clear();
      open_ = false;
    }
    out.push_back(Reply{"A", "N"});
    out.push_back(Arm{0, last ? absl::ZeroDuration() : absl::Seconds(3)});
  }
  void OnTimer(int, uint64_t at, Events& out) override {
    OnClose(Ending::kInterrupted, at, out);
    out.push_back(Reply{"T", ""});
  }
  void OnSend(const Order&, uint64_t, Events& out) override {
    texts_ += "ordered";
    out.push_back(Reply{"O", ""});
  }
  void OnClose(Ending why, uint64_t at, Events& out) override {
    if (!open_) return;
    End end;
    end.report.add_analyses()->set_sample_number(texts_);
    AddEndingProblem(end.report, why, at);
    out.push_back(std::move(end));
    open_ = false;
    texts_.clear();
  }

 private:
  bool open_ = false;
  std::string texts_;
};

Scan ScanAngles(absl::string_view waiting, std::size_t) {
  if (waiting[0] != '<') return {Scan::kNoise, 1};
  const std::size_t end = waiting.find('>');
  return end == absl::string_view::npos ? Scan{Scan::kMore, 0} : Scan{Scan::kFrame, end + 1};
}

constexpr OrderSpec kOrders[] = {{"measure", "say O, and begin what comes with \"ordered\""}};

const Driver kHandshake = {
    .name = "handshake",
    .title = "A made-up protocol with an acknowledgement",
    .version = "1",
    .line = {},
    .scan = ScanAngles,
    .max_frame = 256,
    .max_report = 4096,
    .options = {},
    .orders = kOrders,
    .make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Handshake>(); }};

const Moment kStart = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};

Moment After(absl::Duration time) { return {kStart.wall + time, kStart.uptime + time}; }

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/dims-session-XXXXXX";
    folder_ = mkdtemp(name);
    Reopen();
  }
  void TearDown() override {
    session_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // As after a crash: what is on disk, and nothing else.
  void Reopen() {
    session_.reset();
    store_.reset();
    StoreOptions options;
    options.path = folder_ + "/store.db";
    options.laboratory = "lab";
    options.bridge = "ws-1";
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    SessionSetup setup;
    setup.driver = &kHandshake;
    setup.options = *Options::Parse({}, {});
    setup.source.set_instrument("analyser-1");
    setup.origin = origin_;
    setup.assess = [](dims::v1::Report& report) {
      if (report.analyses_size() > 0 && absl::StartsWith(report.analyses(0).sample_number(), "urgent")) {
        report.set_urgency(dims::v1::URGENCY_URGENT);
      }
    };
    setup.write = [this](absl::string_view bytes) {
      log_.push_back(absl::StrCat("wrote ", bytes, " at ", Records().size(), " records, ",
                                  store_->Position("analyser-1").read_through, " bytes"));
      return absl::OkStatus();
    };
    session_ = std::make_unique<Session>(std::move(setup), *store_, kStart);
  }

  void Arrive(const std::string& bytes, absl::Duration at = absl::ZeroDuration()) {
    session_->Take({Arrival::Kind::kBytes, After(at), bytes, {}, 0});
  }
  void Commit() {
    const SessionBatch* pending = session_->Pending();
    if (pending == nullptr) return;
    ASSERT_TRUE(store_->Commit(Batch{{*pending}}).ok());
    session_->Committed(kStart);
  }
  std::vector<dims::v1::Report> Records() {
    std::vector<dims::v1::Report> reports;
    const auto read = store_->Read(store_->Current().id, 0, 1000, 1 << 20);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) EXPECT_TRUE(reports.emplace_back().ParseFromString(record.payload));
    return reports;
  }

  std::string folder_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
  std::vector<std::string> log_;
  dims::v1::Origin origin_ = dims::v1::ORIGIN_SIMULATED;
};

using Log = std::vector<std::string>;

TEST_F(SessionTest, RepliesOnlyWhenEverythingBeforeTheReplyIsOnDisk) {
  Arrive("<one><!two>");
  EXPECT_EQ(log_, Log{});
  Commit();
  EXPECT_EQ(log_, (Log{"wrote A at 1 records, 11 bytes", "wrote A at 1 records, 11 bytes"}));
  ASSERT_EQ(Records().size(), 1u);
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "onetwo");
}

TEST_F(SessionTest, AcknowledgesAFrameOnceItsBytesAreInTheIntake) {
  Arrive("<one>");
  Commit();
  EXPECT_EQ(log_, (Log{"wrote A at 0 records, 5 bytes"}));
}

TEST_F(SessionTest, SaysInsteadWhatTheStoreRefused) {
  Arrive("<one>");
  Commit();
  log_.clear();
  Arrive("<!two>");
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  EXPECT_EQ(log_, (Log{"wrote N at 0 records, 5 bytes"}));
  log_.clear();
  // The instrument keeps its result and sends it again: the session is as the disk says.
  Arrive("<!two>");
  Commit();
  EXPECT_EQ(log_, (Log{"wrote A at 1 records, 11 bytes"}));
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "onetwo");
}

TEST_F(SessionTest, WhatAReportThatWasGivenUpLeavesUnfinishedDoesNotSpoilTheNext) {
  Arrive("<one>");
  Commit();
  Arrive("<unfin", absl::Seconds(1));
  Commit();
  session_->Tick(After(absl::Seconds(60)));  // the quiet comes, and the decoder's own end of patience
  session_->Tick(After(absl::Seconds(120)));
  Commit();
  Arrive("<!two>", absl::Seconds(130));
  Commit();
  ASSERT_EQ(Records().size(), 3u);
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "one");
  EXPECT_EQ(Records()[1].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(Records()[2].analyses(0).sample_number(), "two");
}

TEST_F(SessionTest, AnOrderIsOnDiskBeforeItIsGiven) {
  session_->Take({Arrival::Kind::kOrder, kStart, "measure", {}, 0});
  EXPECT_EQ(log_, Log{});
  ASSERT_NE(session_->Pending(), nullptr);
  Commit();
  EXPECT_EQ(log_, Log{"wrote O at 0 records, 0 bytes"});
}

TEST_F(SessionTest, AfterARefusalTheSessionIsAsTheDiskSaysWithEveryOrderInItsPlace) {
  Arrive("<one>");
  session_->Take({Arrival::Kind::kOrder, kStart, "measure", {}, 0});
  Commit();
  Arrive("<two>");
  session_->Take({Arrival::Kind::kOrder, kStart, "measure", {}, 0});
  log_.clear();
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  EXPECT_EQ(log_, Log{"wrote N at 0 records, 5 bytes"}) << "an order on disk was given already";
  Arrive("<two>");
  Arrive("<!three>");
  Commit();
  EXPECT_EQ(Records().at(0).analyses(0).sample_number(), "oneorderedorderedtwothree");
}

TEST_F(SessionTest, AnOrderIsNotGivenAgainAfterACrash) {
  Arrive("<one>");
  session_->Take({Arrival::Kind::kOrder, kStart, "measure", {}, 0});
  Commit();
  log_.clear();
  Reopen();
  Commit();
  EXPECT_EQ(log_, Log{});
  ASSERT_EQ(Records().size(), 1u);
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "oneordered");
}

TEST_F(SessionTest, TheBenchTakesTheOrdersThatTheDriverHasAndNamesTheNearest) {
  ReceiveBuffer buffer;
  Bench bench(
      *store_, [] { return kStart; }, [] {}, [] {}, absl::Seconds(1));
  bench.Add(std::move(session_), buffer);
  EXPECT_TRUE(bench.Order("analyser-1", "measure").ok());
  EXPECT_EQ(bench.Order("analyser-1", "mesure").message(),
            "analyser-1: its driver has no order \"mesure\", did you mean \"measure\"?");
  EXPECT_EQ(bench.Order("analyser-2", "measure").code(), absl::StatusCode::kNotFound);
  while (bench.Round()) {
  }
  EXPECT_EQ(log_, Log{"wrote O at 0 records, 0 bytes"});
  buffer.Put({Arrival::Kind::kBytes, kStart, std::string(ReceiveBuffer::kCapacity, 'x'), {}, 0});
  EXPECT_EQ(bench.Order("analyser-1", "measure").code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(SessionTest, OffersAgainWhatNobodyWaitsFor) {
  Arrive("stray");
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  ASSERT_NE(session_->Pending(), nullptr);
  Commit();
  EXPECT_EQ(store_->Position("analyser-1").read_through, 5u);
}

TEST_F(SessionTest, AQuestionToTheInstrumentIsNoAnswerThatItWaitsFor) {
  session_->Take({Arrival::Kind::kOpened, kStart, {}, {}, 0});
  Arrive("stray");
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  ASSERT_NE(session_->Pending(), nullptr);
  Commit();
  EXPECT_EQ(store_->Position("analyser-1").read_through, 5u);
  EXPECT_EQ(log_, Log{"wrote hello at 0 records, 5 bytes"});
}

TEST_F(SessionTest, OffersAgainWhatIsFollowedByNoAnswerThatCouldRefuseIt) {
  Arrive("<one>");
  Commit();
  log_.clear();
  session_->Tick(After(absl::Seconds(3)));
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  EXPECT_EQ(log_, Log{});
  ASSERT_NE(session_->Pending(), nullptr);
  Commit();
  EXPECT_EQ(log_, (Log{"wrote T at 1 records, 5 bytes"}));
}

TEST_F(SessionTest, WritesTheFirstWordWhenTheLineOpens) {
  session_->Take({Arrival::Kind::kOpened, kStart, {}, {}, 0});
  EXPECT_EQ(log_, Log{});
  Commit();
  EXPECT_EQ(log_, (Log{"wrote hello at 0 records, 0 bytes"}));
}

TEST_F(SessionTest, TimersRunOnGivenTimeAndTheirReportIsOnDiskBeforeTheirReply) {
  Arrive("<one>");
  Commit();
  EXPECT_EQ(session_->NextTimer(), kStart.uptime + absl::Seconds(3));
  session_->Tick(After(absl::Seconds(2)));
  EXPECT_EQ(session_->Pending(), nullptr);
  session_->Tick(After(absl::Seconds(3)));
  Commit();
  EXPECT_EQ(log_.back(), "wrote T at 1 records, 5 bytes");
  EXPECT_EQ(Records()[0].problems(0).type(), dims::v1::PROBLEM_TYPE_INTERRUPTED);
}

TEST_F(SessionTest, AStepOfTheWallClockNeitherFiresNorStopsATimer) {
  Arrive("<one>");
  Commit();
  session_->Tick({kStart.wall + absl::Hours(24 * 365 * 50), kStart.uptime + absl::Seconds(2)});
  EXPECT_EQ(session_->Pending(), nullptr);
  session_->Tick({absl::FromUnixSeconds(0), kStart.uptime + absl::Seconds(3)});
  Commit();
  EXPECT_EQ(Records().size(), 1u);
}

TEST_F(SessionTest, AnUnfinishedFrameIsReportedWhenTheLineIsQuietAndSpoilsNothing) {
  Arrive("<half");
  Commit();
  session_->Tick(After(absl::Seconds(11)));
  Arrive("<!whole>", absl::Seconds(20));
  Commit();
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_EQ(Records()[0].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(Records()[1].analyses(0).sample_number(), "whole");
}

TEST_F(SessionTest, ARefusalForgetsNeitherThatTheLineClosedNorThatItOpened) {
  Arrive("<one>");
  Commit();
  log_.clear();
  session_->Take({Arrival::Kind::kClosed, kStart, {}, {}, 0});
  session_->Take({Arrival::Kind::kOpened, kStart, {}, {}, 0});
  Arrive("<!two>");
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  EXPECT_EQ(log_, (Log{"wrote N at 0 records, 5 bytes"}));
  Arrive("<!two>");
  Commit();
  ASSERT_EQ(Records().size(), 2u) << "what was before the hang-up does not join what came after";
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "one");
  EXPECT_EQ(Records()[1].analyses(0).sample_number(), "two");
  EXPECT_EQ(log_[1].substr(0, 11), "wrote hello");
}

TEST_F(SessionTest, AfterACrashWhatWasOpenIsInterruptedAndNothingIsAnsweredTwice) {
  Arrive("<one>");
  Arrive("<tw");
  Commit();
  log_.clear();
  Reopen();
  Commit();
  EXPECT_EQ(log_, Log{});
  ASSERT_EQ(Records().size(), 1u);
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "one");
  EXPECT_EQ(Records()[0].problems(0).type(), dims::v1::PROBLEM_TYPE_INTERRUPTED);
  EXPECT_EQ(Records()[0].raw_size(), 8u);
  // The rest of it is noise, not a new report.
  Arrive("o><!three>");
  Commit();
  EXPECT_EQ(Records().size(), 3u);
  EXPECT_EQ(Records()[1].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(Records()[2].analyses(0).sample_number(), "three");
}

TEST_F(SessionTest, AControlSampleStaysOneAndASimulationNeverPassesForMore) {
  for (const auto& [line, expected] : {std::pair{dims::v1::ORIGIN_SIMULATED, dims::v1::ORIGIN_SIMULATED},
                                       std::pair{dims::v1::ORIGIN_REAL, dims::v1::ORIGIN_QC_STANDARD}}) {
    origin_ = line;
    Reopen();
    Arrive("<!control>");
    Commit();
    EXPECT_EQ(Records().back().origin(), expected);
  }
}

TEST_F(SessionTest, WhatIsAssessedUrgentIsUrgentInTheStore) {
  const auto urgent = [&] {
    std::vector<uint64_t> numbers;
    const auto records = store_->ReadUrgent(store_->Current().id, 0, 100);
    EXPECT_TRUE(records.ok()) << records.status();
    for (const StoredRecord& record : *records) numbers.push_back(record.number);
    return numbers;
  };
  Arrive("<!a><!urgent 1><!b><!urgent 2>");
  Commit();
  EXPECT_EQ(urgent(), (std::vector<uint64_t>{2, 4}));
  Arrive("<!urgent, refused>");
  session_->Refused(absl::ResourceExhaustedError("full"), kStart);
  Arrive("<!c><!urgent 3>");
  Commit();
  EXPECT_EQ(urgent(), (std::vector<uint64_t>{2, 4, 6}));
  const std::vector<dims::v1::Report> records = Records();
  ASSERT_EQ(records.size(), 6u);
  EXPECT_EQ(records[4].urgency(), dims::v1::URGENCY_ROUTINE);
  EXPECT_EQ(records[5].urgency(), dims::v1::URGENCY_URGENT);
}

TEST_F(SessionTest, AHangUpEndsWhatWasOpen) {
  Arrive("<one>");
  session_->Take({Arrival::Kind::kClosed, kStart, {}, {}, 0});
  session_->Take({Arrival::Kind::kOpened, kStart, {}, {}, 0});
  Arrive("<!two>");
  Commit();
  ASSERT_EQ(Records().size(), 2u);
  EXPECT_EQ(Records()[0].analyses(0).sample_number(), "one");
  EXPECT_EQ(Records()[1].analyses(0).sample_number(), "two");
}

TEST_F(SessionTest, BytesThatFoundNoRoomAreCountedAndSplitTheReport) {
  Arrive("<one>");
  session_->Take({Arrival::Kind::kLost, kStart, {}, {}, 77});
  Arrive("<!two>");
  Commit();
  const dims::v1::Report report = Records()[0];
  ASSERT_EQ(report.problems_size(), 2);
  EXPECT_EQ(report.problems(1).type(), dims::v1::PROBLEM_TYPE_BYTES_LOST);
  EXPECT_TRUE(absl::StrContains(report.problems(1).message(), "77"));
  EXPECT_EQ(Records()[1].problems_size(), 0);
}

TEST_F(SessionTest, BytesLostBetweenReportsAreSaidByTheNext) {
  session_->Take({Arrival::Kind::kLost, kStart, {}, {}, 77});
  Arrive("<!two>");
  Commit();
  ASSERT_EQ(Records()[0].problems_size(), 1);
  EXPECT_EQ(Records()[0].problems(0).message(), "77 bytes before these were lost before they could be kept");
}

TEST_F(SessionTest, TheIntakeHoldsEveryByteAndTheReportsNameTheirs) {
  const std::string all = "noise<one><!two>  <!three>x";
  for (const char c : all) {
    Arrive(std::string(1, c));
    Commit();
  }
  session_->Tick(After(absl::Minutes(1)));
  Commit();
  EXPECT_EQ(store_->ReadIntake("analyser-1", 0, all.size()).value(), all);
  uint64_t at = 0;
  for (const dims::v1::Report& report : Records()) {
    const std::string raw =
        store_->ReadIntake("analyser-1", report.source().intake_begin(), report.source().intake_end()).value();
    EXPECT_EQ(Sha256::Of(raw), report.raw_sha256());
    EXPECT_GE(report.source().intake_begin(), at);
    at = report.source().intake_end();
  }
  EXPECT_EQ(at, all.size());
}

TEST_F(SessionTest, StoppingAtEveryByteGivesEveryMessageOnceOrInterrupted) {
  const std::string all = "<one><!two><!three>";
  for (std::size_t stop = 0; stop <= all.size(); ++stop) {
    TearDown();
    SetUp();
    Arrive(all.substr(0, stop));
    Commit();
    Reopen();
    Commit();
    std::string said;
    for (const dims::v1::Report& report : Records()) {
      said += report.analyses_size() > 0 ? report.analyses(0).sample_number() : "";
      const bool interrupted = report.problems_size() > 0;
      EXPECT_EQ(interrupted, report.source().intake_end() == stop && stop != 11 && stop != 19) << stop;
    }
    EXPECT_EQ(said, stop >= 19 ? "onetwothree" : stop >= 11 ? "onetwo" : stop >= 5 ? "one" : "") << stop;
    EXPECT_EQ(store_->Position("analyser-1").closed_through, stop);
  }
}

TEST_F(SessionTest, TheBenchCommitsSeveralLinesTogetherAndRepliesToEach) {
  int recorded = 0;
  ReceiveBuffer buffer;
  Bench bench(
      *store_, [] { return kStart; }, [&] { ++recorded; }, [] {}, absl::Seconds(1));
  bench.Add(std::move(session_), buffer);
  EXPECT_FALSE(bench.Round());
  buffer.Put({Arrival::Kind::kBytes, kStart, "<!one>", {}, 0});
  EXPECT_TRUE(bench.Round());
  EXPECT_EQ(recorded, 1);
  EXPECT_EQ(log_, (Log{"wrote A at 1 records, 6 bytes"}));
}

TEST_F(SessionTest, TheBenchStopsHoweverMuchArrives) {
  ReceiveBuffer buffer;
  Bench* running = nullptr;
  int rounds = 0;
  // Every round finds more; the tenth asks for the stop.
  const auto alive = [&] {
    buffer.Put({Arrival::Kind::kBytes, kStart, "<!more>", {}, 0});
    if (++rounds == 10) running->Stop();
  };
  Bench bench(
      *store_, [] { return kStart; }, [] {}, alive, absl::Seconds(1));
  running = &bench;
  bench.Add(std::move(session_), buffer);
  bench.Run();
  EXPECT_EQ(rounds, 10);
  EXPECT_TRUE(buffer.Take(1).empty()) << "what had been read was kept";
}

TEST(ReceiveBuffer, KeepsOrderAndCountsWhatFindsNoRoom) {
  ReceiveBuffer buffer(10);
  const auto put = [&](std::string bytes, int at) {
    buffer.Put({Arrival::Kind::kBytes, After(absl::Seconds(at)), std::move(bytes), {}, 0});
  };
  put("12345678", 0);
  put("abc", 1);
  put("de", 2);
  put("defg", 3);
  std::string bytes;
  uint64_t lost = 0;
  for (const Arrival& arrival : buffer.Take(100)) {
    bytes += arrival.bytes;
    lost += arrival.lost;
  }
  EXPECT_EQ(bytes, "12345678de");
  EXPECT_EQ(lost, 7u);
  put("again", 4);
  EXPECT_TRUE(buffer.AwaitRoom(5, absl::ZeroDuration()));
  EXPECT_FALSE(buffer.AwaitRoom(6, absl::ZeroDuration()));
  EXPECT_EQ(buffer.Take(100).size(), 1u);
}

}  // namespace
}  // namespace dims
