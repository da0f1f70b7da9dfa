// A line that floats: what a session keeps of its noise, what it says of the rest, and what must not suffer from it.
#include "firmware-bridge/noise_quota.h"

#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "firmware-bridge/bench.h"
#include "tests/astm_frames.h"
#include "tests/astm_session.h"
#include "tests/printer_driver.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using dims::v1::Report;
using testing::HasSubstr;

constexpr uint64_t kQuota = 10'000;

class NoisyLine : public testing::Test {
 protected:
  NoisyLine() { Start(); }

  // As after a crash: what is on disk, and nothing else.
  void Start() {
    session_.reset();
    store_.reset();
    store_ = MustOpen(OptionsFor(folder_));
    SessionSetup setup = AnalyserSetup([this](absl::string_view bytes) {
      answers_ += bytes[0] == kAck ? 'A' : 'N';
      return absl::OkStatus();
    });
    if (printer_) {
      setup.driver = &kPrinter;
      setup.options = *Options::Parse({}, {});
    }
    setup.noise_quota = quota_;
    session_ = std::make_unique<Session>(std::move(setup), *store_, now_);
  }
  void Hear(const std::string& bytes) {
    session_->Take({Arrival::Kind::kBytes, now_, bytes, {}, 0});
    session_->Tick(now_);
    said_ += bytes;
  }
  void Commit(bool all = false) {
    const SessionBatch* pending = session_->Pending(all);
    if (pending == nullptr) return;
    const absl::Status status = store_->Commit(Batch{{*pending}});
    ASSERT_TRUE(status.ok()) << status;
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
  void Flood(std::size_t bytes) {
    for (std::size_t sent = 0; sent < bytes; sent += 50) {
      Say(std::string(49, static_cast<char>('a' + sent % 26)) + "\n");
      Wait(absl::Milliseconds(50));
    }
  }
  std::vector<Report> Records() {
    std::vector<Report> reports;
    const auto read = ReadAll(*store_, store_->Current().id);
    EXPECT_TRUE(read.ok()) << read.status();
    for (const StoredRecord& record : *read) reports.push_back(ToReport(record));
    return reports;
  }
  void ExpectKept(const Report& report) {
    const auto raw = store_->ReadIntake("analyser-1", report.source().intake_begin(), report.source().intake_end());
    ASSERT_TRUE(raw.ok()) << raw.status();
    EXPECT_EQ(Sha256::Of(*raw), report.raw_sha256());
  }

  const StoreFolder folder_;
  bool printer_ = true;
  uint64_t quota_ = kQuota;
  Moment now_ = {absl::FromUnixSeconds(1'800'000'000), absl::Hours(1)};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Session> session_;
  std::string said_, answers_;
};

TEST_F(NoisyLine, BeyondItsQuotaNoiseIsNeitherKeptNorRecordedButSummedUpOnceAnHour) {
  Flood(1'000'000);  // in 1000 s
  const std::size_t before = Records().size();
  EXPECT_LE(before, 3u);
  const uint64_t kept = store_->Position("analyser-1").read_through;
  EXPECT_LE(kept, kQuota + 8192);
  EXPECT_LT(session_->Waiting(), 8192u);
  EXPECT_LT(session_->Pending(true)->entries.size(), 500u) << "memory grows with the flood";
  Wait(absl::Seconds(20));
  EXPECT_EQ(Records().size(), before);
  Wait(absl::Hours(1));
  ASSERT_EQ(Records().size(), before + 1);
  const Report summary = Records().back();
  ASSERT_EQ(summary.problems_size(), 1);
  EXPECT_EQ(summary.problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(summary.source().intake_end(), said_.size());
  EXPECT_GT(summary.raw_size(), 980'000u);
  const std::string dropped = said_.substr(said_.size() - summary.raw_size());
  EXPECT_EQ(summary.raw_sha256(), Sha256::Of(dropped));
  EXPECT_THAT(
      summary.problems(0).message(),
      HasSubstr(absl::StrCat(summary.raw_size(), " of them not kept: quota of 10000 bytes in 24 h; their SHA-256: ",
                             absl::BytesToHexString(Sha256::Of(dropped)))));
  EXPECT_EQ(store_->Position("analyser-1").closed_through, said_.size());
  EXPECT_TRUE(absl::IsNotFound(store_->ReadIntake("analyser-1", 500'000, 500'001).status()));
  EXPECT_TRUE(store_->ReadIntake("analyser-1", 0, said_.size() - dropped.size()).ok());
  Flood(100'000);
  EXPECT_EQ(Records().size(), before + 1) << "once an hour";
}

TEST_F(NoisyLine, BlankBytesCountAsNoiseDoes) {
  for (int i = 0; i < 4000; ++i) {
    Say(std::string(249, '\0') + "\n");
    Wait(absl::Milliseconds(20));
  }
  session_->Finish();
  Commit(true);
  ASSERT_EQ(Records().size(), 1u);
  EXPECT_GT(Records()[0].raw_size(), 980'000u);
  EXPECT_LT(store_->Summary().used_bytes, 200'000u);
}

TEST_F(NoisyLine, AReportInsideAFloodIsKeptWholeAndWhatCameBeforeItIsSaidBefore) {
  Flood(50'000);
  const std::size_t before = Records().size();
  for (const char c : PrintOf("P1", 3000)) {
    Say(std::string(1, c));
    Wait(absl::Milliseconds(1));
  }
  ASSERT_EQ(Records().size(), before + 2);
  const std::vector<Report> records = Records();
  EXPECT_EQ(records[before].problems(0).type(), dims::v1::PROBLEM_TYPE_NOISE);
  EXPECT_EQ(records[before].source().intake_end(), records[before + 1].source().intake_begin());
  EXPECT_EQ(records[before + 1].analyses(0).sample_number(), "P1");
  EXPECT_EQ(records[before + 1].problems_size(), 0);
  ExpectKept(records[before + 1]);
}

TEST_F(NoisyLine, ItIsSaidAlsoWhenTheLineClosesAndWhenTheBridgeStops) {
  for (const bool close : {true, false}) {
    Flood(50'000);
    const std::size_t before = Records().size();
    if (close) session_->Take({Arrival::Kind::kClosed, now_, {}, {}, 0});
    if (!close) session_->Finish();
    Commit(true);
    ASSERT_EQ(Records().size(), before + 1) << close;
    EXPECT_THAT(Records().back().problems(0).message(), HasSubstr("not kept: quota"));
  }
}

TEST_F(NoisyLine, AfterADayNoiseIsKeptAgain) {
  Flood(50'000);
  Wait(absl::Seconds(20));
  Wait(absl::Hours(24));
  const std::size_t before = Records().size();
  EXPECT_THAT(Records().back().problems(0).message(), HasSubstr("not kept: quota"));
  const uint64_t from = said_.size();
  Flood(5'000);
  ASSERT_EQ(Records().size(), before + 1);
  EXPECT_THAT(Records().back().problems(0).message(), HasSubstr("bytes outside any report"));
  ExpectKept(Records().back());
  EXPECT_TRUE(store_->ReadIntake("analyser-1", from, said_.size() - 10).ok());
}

TEST_F(NoisyLine, AnAnalyserIsAnsweredAsOnAQuietLine) {
  printer_ = false;
  quota_ = 100;
  Start();
  std::string quiet;
  for (const bool noisy : {false, true}) {
    const std::size_t before = Records().size();
    answers_.clear();
    for (int message = 0; message < 20; ++message) {
      if (noisy) Say(std::string(5000, 'z'));
      const std::vector<std::string> records = AstmRecords();
      Say(std::string(1, kEnq));
      for (std::size_t i = 0; i < records.size(); ++i) Say(FrameOf(static_cast<int>(i + 1), records[i]));
      Wait(absl::Milliseconds(20));
      Say(std::string(1, kEot));
      Wait(absl::Seconds(20));
    }
    if (!noisy) quiet = answers_;
    EXPECT_EQ(answers_, quiet);
    int whole = 0;
    const std::vector<Report> records = Records();
    for (std::size_t i = before; i < records.size(); ++i) {
      if (records[i].status() != dims::v1::REPORT_STATUS_FINAL) continue;
      ++whole;
      ExpectKept(records[i]);
    }
    EXPECT_EQ(whole, 20);
  }
}

// However reads, commits and crashes fall, a report that was not cut is there once and whole, in its order.
TEST_F(NoisyLine, NoReportSuffersFromAFloodHoweverItIsCutAndWheneverItCrashes) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    std::vector<std::string> sent;
    for (int piece = 0; piece < 300; ++piece) {
      std::string bytes;
      const bool report = below(3) == 0;
      if (report) {
        sent.push_back(absl::StrCat("S", seed, "-", piece));
        bytes = PrintOf(sent.back(), below(2000));
      } else if (below(4) == 0) {
        bytes = std::string(1 + below(400), ' ') + "\n";
      } else {
        const std::size_t size = 1 + below(6000);
        while (bytes.size() < size) bytes += std::string(below(80), 'n') + (below(9) == 0 ? "" : "\n");
        bytes += "\n";
      }
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t size = 1 + below(below(8) == 0 ? 3000 : 100);
        Hear(bytes.substr(at, size));
        at += size;
        if (below(3) > 0) Commit(below(50) == 0);
      }
      Wait(absl::Milliseconds(below(30'000)));
      if (below(20) == 0) {
        Commit();
        Start();
        Commit();
      }
    }
    session_->Finish();
    Commit(true);
    std::vector<std::string> found;
    uint64_t end = 0;
    for (const Report& report : Records()) {
      EXPECT_GE(report.source().intake_begin(), end);
      EXPECT_GE(report.source().intake_end(), report.source().intake_begin());
      end = report.source().intake_end();
      if (report.analyses_size() == 0) continue;
      if (!absl::StartsWith(report.analyses(0).sample_number(), absl::StrCat("S", seed, "-"))) continue;
      EXPECT_EQ(report.problems_size(), 0) << report.ShortDebugString();
      found.push_back(report.analyses(0).sample_number());
      ExpectKept(report);
    }
    EXPECT_EQ(found, sent);
  }
}

}  // namespace
}  // namespace dims
