// A store that has only its reserve left, with an analyser and a printer on it: who is told what, and what gets in.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "firmware-bridge/bench.h"
#include "tests/astm_frames.h"
#include "tests/astm_session.h"
#include "tests/printer_driver.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using dims::v1::Report;
using testing::ElementsAre;

class FullStore : public testing::Test {
 protected:
  FullStore() {
    StoreOptions options = OptionsFor(folder_);
    options.budget_bytes = 4 << 20;
    options.now = [this] { return now_.wall; };
    store_ = MustOpen(options);
    bench_ = std::make_unique<Bench>(
        *store_, [this] { return now_; }, [] {}, [] {}, absl::Seconds(1));
    SessionSetup analyser = AnalyserSetup([this](absl::string_view bytes) {
      answers_ += bytes[0] == kAck ? 'A' : 'N';
      return absl::OkStatus();
    });
    SessionSetup printer = AnalyserSetup([](absl::string_view) { return absl::OkStatus(); });
    printer.driver = &kPrinter;
    printer.options = *Options::Parse({}, {});
    printer.source.set_instrument("printer-1");
    for (SessionSetup* setup : {&analyser, &printer}) {
      setup->assess = [](Report& report) {
        if (report.analyses_size() > 0 && absl::StartsWith(report.analyses(0).sample_number(), "URGENT")) {
          report.set_urgency(dims::v1::URGENCY_URGENT);
        }
      };
    }
    auto session = std::make_unique<Session>(std::move(printer), *store_, now_);
    printer_ = session.get();
    bench_->Add(std::make_unique<Session>(std::move(analyser), *store_, now_), from_analyser_);
    bench_->Add(std::move(session), from_printer_);
  }

  void Fill() {
    StoreSummary summary;
    while ((summary = store_->Summary()).used_bytes * 100 < summary.budget_bytes * 95) {
      ASSERT_TRUE(store_->Commit(BatchOf({std::string(1000, 'f')}, "filler")).ok());
    }
    filled_ = store_->Current().highest_number;
  }
  void Empty() { ASSERT_TRUE(store_->Settle(store_->Current().id, filled_).ok()); }
  void Wait(absl::Duration time) {
    now_ = {now_.wall + time, now_.uptime + time};
    Run();
  }
  void Run() {
    while (bench_->Round()) {
    }
  }
  void Put(ReceiveBuffer& buffer, const std::string& bytes) { buffer.Put({Arrival::Kind::kBytes, now_, bytes, {}, 0}); }
  void Say(const std::string& bytes) {
    Put(from_analyser_, bytes);
    Run();
  }
  // A message as its sender sends it: the last frame again while it is refused, six times at most.
  std::string Send(const std::string& sample) {
    const std::vector<std::string> records = {kAstmHeader, absl::StrCat("O|1|", sample, "||^^^FEN|R\r"), AstmResult(1),
                                              kAstmEnd};
    answers_.clear();
    Say(std::string(1, kEnq));
    for (std::size_t i = 0; i < records.size(); ++i) {
      for (int sending = 0; sending < 6; ++sending) {
        Say(FrameOf(static_cast<int>(i + 1), records[i]));
        if (answers_.back() == 'A') break;
      }
    }
    Say(std::string(1, kEot));
    Wait(absl::Seconds(2));
    return answers_;
  }
  std::vector<Report> New() {
    std::vector<Report> reports;
    const auto read = ReadAll(*store_, store_->Current().id, filled_);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) {
      reports.push_back(ToReport(record));
    }
    return reports;
  }
  std::vector<std::string> Samples() {
    std::vector<std::string> samples;
    for (const Report& report : New()) samples.push_back(report.analyses(0).sample_number());
    return samples;
  }

  const StoreFolder folder_;
  Moment now_ = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};
  std::unique_ptr<Store> store_;
  ReceiveBuffer from_analyser_, from_printer_;
  std::unique_ptr<Bench> bench_;
  Session* printer_ = nullptr;
  std::string answers_;
  uint64_t filled_ = 0;
};

TEST_F(FullStore, NaksTheEndOfARoutineMessageAndAcknowledgesAnUrgentOne) {
  Fill();
  EXPECT_EQ(Send("S1"), "AAAANNNNNN");
  ASSERT_EQ(New().size(), 1u) << "what was acknowledged of it is kept, once";
  EXPECT_EQ(New()[0].problems(0).type(), dims::v1::PROBLEM_TYPE_TRUNCATED);
  EXPECT_EQ(New()[0].status(), dims::v1::REPORT_STATUS_PRELIMINARY);

  EXPECT_EQ(Send("URGENT1"), "AAAAA");
  ASSERT_EQ(New().size(), 2u);
  EXPECT_EQ(New()[1].status(), dims::v1::REPORT_STATUS_FINAL);
  EXPECT_EQ(store_->ReadUrgent(store_->Current().id, 0, 10)->size(), 1u);
}

TEST_F(FullStore, TheWholeMessageNamesThePartThatWasRefusedOnceThereIsRoom) {
  Fill();
  EXPECT_EQ(Send("S1"), "AAAANNNNNN");
  Empty();
  EXPECT_EQ(Send("S1"), "AAAAA");
  ASSERT_EQ(New().size(), 2u);
  EXPECT_EQ(New()[1].status(), dims::v1::REPORT_STATUS_FINAL);
  ASSERT_EQ(New()[1].replaces_parts_size(), 1);
  EXPECT_EQ(New()[1].replaces_parts(0).number(), filled_ + 1);
}

TEST_F(FullStore, AnEndOfASessionAndTheNextEnquiryInOneReadDoNotLockTheLine) {
  Fill();
  Say(std::string(1, kEnq));
  Say(FrameOf(1, kAstmHeader));
  answers_.clear();
  Say(std::string(1, kEnq));  // the sender began anew: what it said before was cut, and its answer is asked for
  EXPECT_EQ(answers_, "A");
  ASSERT_EQ(New().size(), 1u);
  EXPECT_EQ(New()[0].problems(0).type(), dims::v1::PROBLEM_TYPE_TRUNCATED);
}

TEST_F(FullStore, AnUrgentReportBehindARoutineOneGetsThroughWithIt) {
  Fill();
  Put(from_printer_, PrintOf("P1"));
  Run();
  Put(from_printer_, PrintOf("P2"));
  Run();
  Wait(absl::Seconds(5));
  EXPECT_TRUE(New().empty()) << "held back";
  Put(from_printer_, PrintOf("URGENT2"));
  Run();
  EXPECT_THAT(Samples(), ElementsAre("P1", "P2", "URGENT2"));
  const auto urgent = store_->ReadUrgent(store_->Current().id, 0, 10);
  ASSERT_EQ(urgent->size(), 1u);
  EXPECT_EQ(urgent->front().number, filled_ + 3);
}

TEST_F(FullStore, TheRefusalOfOneInstrumentIsNoneOfAnother) {
  Fill();
  Put(from_printer_, PrintOf("P1"));
  Put(from_analyser_, std::string(1, kEnq));
  Run();
  EXPECT_EQ(answers_, "A");
  EXPECT_EQ(store_->Position("analyser-1").read_through, 1u);
  EXPECT_EQ(store_->Position("printer-1").read_through, 0u);
}

TEST_F(FullStore, AHeldBackLineTakesSoMuchThenItsBufferThenNothingAndAllComesInOnceThereIsRoom) {
  Fill();
  std::string all;
  int samples = 0;
  while (from_printer_.AwaitRoom(20'000, absl::ZeroDuration())) {
    const std::string print = PrintOf(absl::StrCat("P", ++samples), 16'000);
    Put(from_printer_, print);
    all += print;
    Run();
    ASSERT_LT(printer_->Waiting(), (1u << 20) + 80'000);
    ASSERT_LT(all.size(), 4u << 20) << "no bound";
  }
  EXPECT_GT(all.size(), 19u << 16) << "the buffer, and some";
  EXPECT_TRUE(New().empty());
  Empty();
  for (int i = 0; i < 60; ++i) Wait(absl::Seconds(1));
  ASSERT_EQ(Samples().size(), static_cast<std::size_t>(samples));
  for (int i = 0; i < samples; ++i) EXPECT_EQ(Samples()[i], absl::StrCat("P", i + 1));
  EXPECT_EQ(store_->Position("printer-1").closed_through, all.size());
}

TEST_F(FullStore, WhatIsHeldBackGoesToTheReserveWhenTheBridgeStops) {
  Fill();
  Put(from_printer_, PrintOf("P1"));
  Run();
  EXPECT_TRUE(New().empty());
  bench_->Stop();
  bench_->Run();
  EXPECT_THAT(Samples(), ElementsAre("P1"));
}

TEST_F(FullStore, RoutineRepeatsNeverUseUpWhatIsForUrgentResultsOfOthers) {
  Fill();
  int tries = 0;
  while (Send("S1")[0] == 'A') ASSERT_LT(++tries, 2000) << "no bound";
  EXPECT_GT(tries, 10);
  EXPECT_EQ(answers_[0], 'N') << "its enquiry";
  const StoreSummary summary = store_->Summary();
  EXPECT_LT(summary.used_bytes * 1000, summary.budget_bytes * 980);
  Put(from_printer_, PrintOf("URGENT1"));
  Run();
  EXPECT_EQ(store_->ReadUrgent(store_->Current().id, 0, 10)->size(), 1u);
  Empty();
  EXPECT_EQ(Send("S1"), "AAAAA") << "the line is as it was once there is room";
}

TEST_F(FullStore, AtTheStopOneThatDoesNotFitTakesNoOtherWithIt) {
  Fill();
  bench_.reset();
  Bench bench(
      *store_, [this] { return now_; }, [] {}, [] {}, absl::Seconds(1));
  ReceiveBuffer small, large;
  for (ReceiveBuffer* buffer : {&large, &small}) {
    SessionSetup printer = AnalyserSetup([](absl::string_view) { return absl::OkStatus(); });
    printer.driver = &kPrinter;
    printer.options = *Options::Parse({}, {});
    printer.source.set_instrument(buffer == &small ? "small" : "large");
    bench.Add(std::make_unique<Session>(std::move(printer), *store_, now_), *buffer);
  }
  Put(small, PrintOf("P1"));
  for (int i = 0; i < 40; ++i) {
    Put(large, PrintOf(absl::StrCat("B", i), 16'000));
    while (bench.Round()) {
    }
  }
  bench.Stop();
  bench.Run();
  EXPECT_EQ(store_->Position("large").read_through, 0u) << "this test does not show what it should";
  EXPECT_THAT(Samples(), ElementsAre("P1"));
}

TEST_F(FullStore, ALineThatTheStoreCanNeverTakeStandsStillAndTheOthersGoOn) {
  Put(from_printer_, PrintOf("P1"));
  // Its bytes are in the store already, from somebody else.
  ASSERT_TRUE(store_->Commit({{{"printer-1", {{IntakeEntry::Kind::kIn, 0, now_.wall, "x"}}, 0, {}}}}).ok());
  filled_ = store_->Current().highest_number;
  EXPECT_EQ(Send("S1"), "AAAAA");
  for (int i = 0; i < 5; ++i) Wait(absl::Seconds(2));
  EXPECT_EQ(Send("S2"), "AAAAA");
  EXPECT_THAT(Samples(), ElementsAre("S1", "S2"));
  const std::size_t waiting = printer_->Waiting();
  EXPECT_GT(waiting, 0u);
  Put(from_printer_, PrintOf("P2"));
  Run();
  EXPECT_EQ(printer_->Waiting(), waiting) << "it takes no more";
}

TEST_F(FullStore, TheFileGetsSmallerOnceNothingHasComeForAWhile) {
  // Of a budget that is still large.
  bench_.reset();
  store_.reset();
  StoreOptions options = OptionsFor(folder_);
  options.now = [this] { return now_.wall; };
  store_ = MustOpen(options);
  Bench bench(
      *store_, [this] { return now_; }, [] {}, [] {}, absl::Seconds(1));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store_->Commit(BatchOf({std::string(1 << 20, 'b')})).ok());
  ASSERT_TRUE(store_->Commit(BatchOf({"x"})).ok());
  ASSERT_TRUE(store_->Settle(store_->Current().id, 21).ok());
  const uint64_t before = std::filesystem::file_size(folder_.path());
  now_.wall += absl::Hours(24 * 8);
  bench.Round();
  EXPECT_EQ(std::filesystem::file_size(folder_.path()), before);
  now_.uptime += absl::Seconds(11);
  bench.Round();
  EXPECT_LT(std::filesystem::file_size(folder_.path()), before / 4);
}

}  // namespace
}  // namespace dims
