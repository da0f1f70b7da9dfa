// Which sample a scan names: at a bench of one or two scanners and a balance, in time that the test gives.
#include "firmware-bridge/sample_scans.h"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "drivers/catalog.h"
#include "firmware-bridge/bench.h"
#include "firmware-bridge/service.h"
#include "tests/printer_driver.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

// A made-up balance: "VALUE" or "VALUE SAMPLE" is a weighing, and "analysis" an analysis without a number; "cut" begins
// a report that another line ends.
class Balance final : public Decoder {
 public:
  void OnFrame(const Frame& frame, Events& out) override {
    const std::vector<std::string> words = absl::StrSplit(frame.bytes.substr(0, frame.bytes.size() - 1), ' ');
    if (words[0] == "cut") {
      cut_ = true;
      return out.push_back(Begin{});
    }
    cut_ = false;
    End end;
    if (words[0] == "analysis" || words[0] == "spectrum") {
      end.report.add_analyses()->set_method("a method");
      if (words[0] == "spectrum") end.report.mutable_analyses(0)->add_spectra()->set_points(1);
      if (words.back() == "twice") *end.report.add_analyses() = end.report.analyses(0);
      if (words.back() == "control") end.report.set_origin(dims::v1::ORIGIN_QC_STANDARD);
      if (words.back() == "damaged") AddProblem(end.report, dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE, frame.at, "?");
    } else {
      dims::v1::Weighing& weighing = *end.report.add_weighings();
      weighing.set_value(words[0]);
      if (words.size() > 1) weighing.set_sample_number(words[1]);
    }
    out.push_back(std::move(end));
  }
  void OnClose(Ending why, uint64_t at, Events& out) override {
    if (!cut_) return;
    End end;
    end.report.add_weighings();
    AddEndingProblem(end.report, why, at);
    out.push_back(std::move(end));
    cut_ = false;
  }

 private:
  bool cut_ = false;
};

const Driver kBalance = {
    .name = "balance",
    .title = "A made-up balance",
    .version = "1",
    .line = {},
    .scan = ScanLines,
    .max_frame = 256,
    .max_report = 4096,
    .options = {},
    .make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Balance>(); }};

class ScannedBench : public testing::Test {
 protected:
  ScannedBench() { Start(); }

  // As after a crash: what is on disk, and nothing else.
  void Start() {
    bench_.reset();
    store_.reset();
    scans_ = SampleScans();
    store_ = MustOpen(OptionsFor(folder_));
    bench_ = std::make_unique<Bench>(
        *store_, [this] { return Now(); }, [] {}, [] {}, absl::Seconds(10));
    // The balance is the first of the configuration: what is scanned comes before what is weighed all the same.
    Add("balance-1", kBalance, balance_, &scans_);
    Add("scanner-1", *FindDriver("barcode"), scanner_, &scans_);
    Add("scanner-2", *FindDriver("barcode"), other_scanner_, &scans_);
    Add("balance-2", kBalance, elsewhere_, nullptr);
    Add("scanner-3", *FindDriver("barcode"), simulated_scanner_, &scans_, dims::v1::ORIGIN_SIMULATED);
  }
  void Add(const std::string& name, const Driver& driver, ReceiveBuffer& buffer, SampleScans* scans,
           dims::v1::Origin origin = dims::v1::ORIGIN_REAL) {
    SessionSetup setup;
    setup.driver = &driver;
    setup.options = *Options::Parse(driver.options, {});
    setup.source.set_bridge("bridge-1");
    setup.source.set_instrument(name);
    setup.origin = origin;
    setup.scans = scans;
    setup.scan_window = absl::Minutes(10);
    setup.write = [](absl::string_view) { return absl::OkStatus(); };
    bench_->Add(std::make_unique<Session>(std::move(setup), *store_, now_), buffer);
  }

  // The bench looks at the clock after each commit: there something may happen.
  Moment Now() {
    if (on_clock_) on_clock_();
    return now_;
  }
  void Pass(absl::Duration time) { now_ = {now_.wall + time, now_.uptime + time}; }
  // Arrives a second after what came before.
  void Say(ReceiveBuffer& who, const std::string& bytes, std::vector<LineMark> marks = {}) {
    Pass(absl::Seconds(1));
    who.Put({Arrival::Kind::kBytes, now_, bytes, std::move(marks), 0});
  }
  void Happen(ReceiveBuffer& who, Arrival::Kind kind) {
    Pass(absl::Seconds(1));
    who.Put({kind, now_, "", {}, kind == Arrival::Kind::kLost ? uint64_t{3} : 0});
  }
  void Work() {
    while (bench_->Round()) {
    }
  }
  std::vector<dims::v1::Report> Records() {
    std::vector<dims::v1::Report> reports;
    const auto read = store_->Read(store_->Current().id, 0, 1000, 1 << 20);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) EXPECT_TRUE(reports.emplace_back().ParseFromString(record.payload));
    return reports;
  }
  // "VALUE SAMPLE SOURCE" of each weighing that is on disk, in order.
  std::vector<std::string> Weighings() {
    std::vector<std::string> all;
    for (const dims::v1::Report& report : Records()) {
      for (const dims::v1::Weighing& weighing : report.weighings()) {
        all.push_back(
            absl::StrCat(weighing.value(), " ", weighing.sample_number(), " ", weighing.sample_number_source()));
      }
    }
    return all;
  }
  // Weighs now, after all that came; whose sample it is.
  std::string Weighed() {
    Say(balance_, "1.00\n");
    Work();
    return Weighings().back();
  }

  StoreFolder folder_;
  Moment now_ = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};
  std::function<void()> on_clock_;
  SampleScans scans_;
  ReceiveBuffer scanner_, other_scanner_, simulated_scanner_, balance_, elsewhere_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Bench> bench_;
};

using Lines = std::vector<std::string>;

TEST_F(ScannedBench, AScanNamesWhatIsWeighedAfterIt) {
  Say(balance_, "1.00\n");
  Say(scanner_, "D-1\r\n");
  Say(balance_, "2.00\n");
  Say(balance_, "3.00\n");
  Say(scanner_, "D-2\r\n");
  Say(balance_, "4.00\n");
  Work();
  EXPECT_EQ(Weighings(),
            (Lines{"1.00  ", "2.00 D-1 scan:scanner-1:0", "3.00 D-1 scan:scanner-1:0", "4.00 D-2 scan:scanner-1:5"}));
}

TEST_F(ScannedBench, TheSourceNamesTheReportOfTheScan) {
  Say(scanner_, "]C0D-1\r\n");
  Say(scanner_, "]C0D-2\r\n");
  EXPECT_EQ(Weighed(), "1.00 D-2 scan:scanner-1:8");
  int found = 0;
  for (const dims::v1::Report& report : Records()) {
    if (report.source().instrument() != "scanner-1" || report.source().intake_begin() != 8) continue;
    ++found;
    ASSERT_EQ(report.scans_size(), 1);
    EXPECT_EQ(report.scans(0).code(), "D-2");
    EXPECT_EQ(report.scans(0).symbology(), "]C0");
    EXPECT_EQ(report.status(), dims::v1::REPORT_STATUS_FINAL);
  }
  EXPECT_EQ(found, 1);
}

// A disk that stands still: what comes meanwhile is heard in its own order.
TEST_F(ScannedBench, AScanThatComesWhileTheDiskIsSlowNamesWhatComesAfterIt) {
  Say(scanner_, "D-1\r");
  Say(balance_, "1.00\n");
  bench_->Round();
  Say(scanner_, "D-2\r");
  // That scan has just reached the disk when the next one and a weighing come: the bench looks at the clock when its
  // round begins, and after the commit.
  on_clock_ = [&, looks = 0]() mutable {
    if (++looks != 2) return;
    Say(scanner_, "D-3\r");
    Say(balance_, "3.00\n");
  };
  Work();
  EXPECT_EQ(Weighings(), (Lines{"1.00 D-1 scan:scanner-1:0", "3.00 D-3 scan:scanner-1:8"}));
}

TEST_F(ScannedBench, OnlyOneWholeSpectrumOfASampleIsNamed) {
  Say(scanner_, "D-1\r");
  for (const char* other : {"analysis", "spectrum twice", "spectrum control", "spectrum damaged"}) {
    Say(balance_, absl::StrCat(other, "\n"));
    Work();
    const dims::v1::Report report = Records().back();
    for (const dims::v1::Analysis& analysis : report.analyses()) {
      EXPECT_EQ(analysis.sample_number(), "") << other;
    }
  }
}

TEST_F(ScannedBench, ASpectrumIsNamedAsAWeighingIs) {
  Say(scanner_, "D-1\r");
  Say(balance_, "spectrum\n");
  Work();
  const dims::v1::Report report = Records().back();
  ASSERT_EQ(report.analyses_size(), 1);
  EXPECT_EQ(report.analyses(0).sample_number(), "D-1");
  EXPECT_EQ(report.analyses(0).sample_number_source(), "scan:scanner-1:0");
}

TEST_F(ScannedBench, WhatAnInstrumentSaysItselfStays) {
  Say(scanner_, "D-1\r");
  Say(balance_, "1.00 OWN-7\n");
  Work();
  EXPECT_EQ(Weighings(), (Lines{"1.00 OWN-7 "}));
}

TEST_F(ScannedBench, AScanOlderThanItsWindowNamesNothing) {
  Say(scanner_, "D-1\r");
  Pass(absl::Minutes(10) - absl::Seconds(2));
  EXPECT_EQ(Weighed(), "1.00 D-1 scan:scanner-1:0");
  Pass(absl::Seconds(1));
  EXPECT_EQ(Weighed(), "1.00  ");
}

TEST_F(ScannedBench, AnotherBenchHearsNothingOfIt) {
  Say(scanner_, "D-1\r");
  Say(elsewhere_, "1.00\n");
  Work();
  EXPECT_EQ(Weighings(), (Lines{"1.00  "}));
}

TEST_F(ScannedBench, ASimulatedScanNamesNothingReal) {
  Say(simulated_scanner_, "D-1\r");
  EXPECT_EQ(Weighed(), "1.00  ");
}

TEST_F(ScannedBench, TheLastOfTwoScannersCounts) {
  Say(scanner_, "D-1\r");
  Say(other_scanner_, "D-2\r");
  EXPECT_EQ(Weighed(), "1.00 D-2 scan:scanner-2:0");
  Say(scanner_, "D-3\r");
  EXPECT_EQ(Weighed(), "1.00 D-3 scan:scanner-1:4");
}

TEST_F(ScannedBench, AReportBelongsToTheSampleThatLayThereWhenItBegan) {
  Say(scanner_, "D-1\r");
  Say(balance_, "1.");
  Say(scanner_, "D-2\r");
  Say(balance_, "00\n");
  Work();
  EXPECT_EQ(Weighings(), (Lines{"1.00 D-1 scan:scanner-1:0"}));
}

TEST_F(ScannedBench, ABatchOfScansAndWeighingsIsTakenApartByTime) {
  for (int i = 0; i < 20; ++i) {
    Say(scanner_, absl::StrCat("D-", i % 10, "\r\n"));
    Say(balance_, absl::StrCat(i, "\n"));
  }
  Work();
  const Lines weighings = Weighings();
  ASSERT_EQ(weighings.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(weighings[i], absl::StrCat(i, " D-", i % 10, " scan:scanner-1:", i * 5));
  }
}

// Whatever may have been another scan: nothing is named until the next good one.
TEST_F(ScannedBench, WhatMayHaveBeenAScanEndsTheOneBefore) {
  const auto scanned = [&] {
    Say(scanner_, "D-1\r");
    EXPECT_EQ(Weighed().substr(0, 8), "1.00 D-1");
  };
  scanned();
  Say(scanner_,
      "D\xb0"
      "2\r");
  EXPECT_EQ(Weighed(), "1.00  ") << "a code that is no text";
  scanned();
  Say(scanner_, "D-2\r", {{LineMark::kParityOrFraming, 2}});
  EXPECT_EQ(Weighed(), "1.00  ") << "a line error in the code";
  scanned();
  Say(scanner_, "D-");
  EXPECT_EQ(Weighed(), "1.00  ") << "a code that is not complete";
  Say(scanner_, "2\r");
  EXPECT_EQ(Weighed().substr(0, 8), "1.00 D-2") << "now it is";
  Say(scanner_, "D-3");
  Pass(absl::Seconds(60));
  Work();
  EXPECT_EQ(Weighed(), "1.00  ") << "a code that was never completed";
  scanned();
  Happen(scanner_, Arrival::Kind::kClosed);
  Happen(scanner_, Arrival::Kind::kOpened);
  EXPECT_EQ(Weighed(), "1.00  ") << "nobody listened for a while";
  scanned();
  Happen(scanner_, Arrival::Kind::kLost);
  EXPECT_EQ(Weighed(), "1.00  ") << "bytes found no room";
}

TEST_F(ScannedBench, BlankBytesOfAScannerChangeNothing) {
  Say(scanner_, "D-1\r");
  Say(scanner_, "\n");
  Say(scanner_, std::string(3, '\0'));
  EXPECT_EQ(Weighed(), "1.00 D-1 scan:scanner-1:0");
}

// It may have said a number of its own in what is missing.
TEST_F(ScannedBench, AReportThatWasCutIsNotNamed) {
  Say(scanner_, "D-1\r");
  Say(balance_, "cut\n");
  Happen(balance_, Arrival::Kind::kClosed);
  Work();
  EXPECT_EQ(Weighings(), (Lines{"  "}));
}

TEST_F(ScannedBench, AScanDoesNotOutliveTheBridge) {
  Say(scanner_, "D-1\r");
  EXPECT_EQ(Weighed(), "1.00 D-1 scan:scanner-1:0");
  Start();
  EXPECT_EQ(Weighed(), "1.00  ");
}

TEST(BenchWarnings, NameABenchAtWhichNothingCouldBeNamed) {
  const auto warnings = [](const std::vector<std::array<const char*, 2>>& instruments) {
    Config config;
    for (const auto& [driver, bench] : instruments) {
      InstrumentConfig& instrument = config.instruments.emplace_back();
      instrument.name = absl::StrCat("i-", config.instruments.size());
      instrument.driver = driver;
      if (*bench != '\0') instrument.bench = bench;
    }
    return BenchWarnings(config, Drivers());
  };
  EXPECT_EQ(warnings({{"barcode", "left"}, {"mt_sics", "left"}, {"mt_sics", ""}}), Lines{});
  EXPECT_EQ(warnings({{"barcode", "left"}, {"mt_sics", "lefft"}}),
            (Lines{"i-1: bench \"left\" has no instrument whose samples it could name",
                   "i-2: bench \"lefft\" has no scanner that could name its samples"}));
  EXPECT_EQ(warnings({{"barcode", ""}}), Lines{"i-1: what it scans names no sample: it has no \"bench\""});
}

TEST(SampleScans, AScanCountsOnceItIsOnDisk) {
  const absl::Duration second = absl::Seconds(1);
  SampleScans scans;
  scans.Read("scanner-1", 1 * second, 60 * second, {"D-1", "scan:scanner-1:0"});
  scans.Keep("scanner-1");
  scans.Read("scanner-1", 5 * second, 60 * second, {"D-2", "scan:scanner-1:4"});
  scans.Keep("scanner-2");
  ASSERT_TRUE(scans.At(4 * second).has_value());
  EXPECT_EQ(scans.At(4 * second)->number, "D-1");
  EXPECT_FALSE(scans.At(6 * second).has_value()) << "nor is the one before it the last any more";
  scans.Keep("scanner-1");
  EXPECT_EQ(scans.At(6 * second)->number, "D-2");
}

TEST(SampleScans, BeforeTheFirstScanAndAtNoKnownTimeThereIsNone) {
  SampleScans scans;
  EXPECT_FALSE(scans.At(absl::Seconds(1)).has_value());
  scans.Read("scanner-1", absl::Seconds(5), absl::Seconds(60), {"D-1", "scan:scanner-1:0"});
  scans.Keep("scanner-1");
  EXPECT_FALSE(scans.At(absl::Seconds(4)).has_value());
  EXPECT_TRUE(scans.At(absl::Seconds(5)).has_value());
  EXPECT_FALSE(scans.At(absl::InfiniteDuration()).has_value());
}

// However many scans, what is forgotten names nothing: never the wrong sample.
TEST(SampleScans, KeepsAFewHundredAndNamesNoOtherForTheRest) {
  SampleScans scans;
  for (int i = 0; i < 10'000; ++i) {
    scans.Read("scanner-1", absl::Seconds(i), absl::Hours(24), {absl::StrCat(i), ""});
    scans.Keep("scanner-1");
  }
  int named = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto sample = scans.At(absl::Seconds(i));
    if (!sample) continue;
    ++named;
    ASSERT_EQ(sample->number, absl::StrCat(i));
  }
  EXPECT_GE(named, 100);
  EXPECT_LE(named, 1000);
}

}  // namespace
}  // namespace dims
