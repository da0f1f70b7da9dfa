// The power is cut after every step that the bridge took on its disk while an analyser sent: what the analyser was told
// is received is there afterwards.
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "firmware-bridge/bench.h"
#include "firmware-bridge/session.h"
#include "tests/astm_frames.h"
#include "tests/astm_session.h"
#include "tests/simulated_disk.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

constexpr int kMessages = 15;
constexpr char kAnalyser[] = "analyser-1";

// What was acknowledged after so many steps on the disk.
struct Acknowledged {
  std::size_t steps;
  std::size_t bytes;  // of those the analyser has sent
  int messages;
};

// The bridge's loop in one thread: an analyser sends the next piece when the one before was acknowledged.
struct Evening {
  std::vector<DiskStep> steps;
  std::vector<Acknowledged> acknowledged;
  std::string sent;
};

Evening Send() {
  Evening evening;
  const StoreFolder folder;
  DiskRecorder recorder(folder.folder(), SimulatedDisk());
  const auto store = MustOpen(OptionsFor(folder));
  std::string answer;
  std::size_t answered_at = 0;  // steps
  const Moment now = ReadClocks();
  ReceiveBuffer buffer;
  Bench bench(
      *store, [now] { return now; }, [] {}, [] {}, absl::Seconds(1));
  const auto answered = [&](absl::string_view bytes) {
    answer.append(bytes.data(), bytes.size());
    answered_at = recorder.steps().size();
    return absl::OkStatus();
  };
  bench.Add(std::make_unique<Session>(AnalyserSetup(answered), *store, now), buffer);
  for (int message = 1; message <= kMessages; ++message) {
    std::vector<std::string> pieces = {std::string(1, kEnq)};
    for (const std::string& record : AstmRecords(1 + message % 4)) {
      pieces.push_back(FrameOf(static_cast<int>(pieces.size()), record));
    }
    const std::size_t last = pieces.size() - 1;
    pieces.push_back(std::string(1, kEot));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      evening.sent += pieces[i];
      buffer.Put({Arrival::Kind::kBytes, now, pieces[i], {}, 0});
      answer.clear();
      while (bench.Round()) {
      }
      if (i == pieces.size() - 1) break;  // an EOT has no answer
      EXPECT_EQ(answer, std::string(1, kAck)) << "piece " << i << " of message " << message;
      evening.acknowledged.push_back({answered_at, evening.sent.size(), message - (i == last ? 0 : 1)});
    }
  }
  evening.steps = recorder.TakeSteps();
  return evening;
}

int Findings(Store& store) {
  const auto records = ReadAll(store, store.Current().id);
  EXPECT_TRUE(records.ok()) << records.status();
  int findings = 0;
  for (const StoredRecord& record : *records) {
    const dims::v1::Report report = ToReport(record);
    for (const dims::v1::Analysis& analysis : report.analyses()) findings += analysis.findings_size();
  }
  return findings;
}

void ExpectKept(const StoreFolder& folder, const Evening& evening, const Acknowledged& told) {
  const auto store = MustOpen(OptionsFor(folder));
  ASSERT_NE(store, nullptr);
  const IntakePosition found = store->Position(kAnalyser);
  ASSERT_GE(found.read_through, told.bytes);
  ASSERT_EQ(store->ReadIntake(kAnalyser, 0, found.read_through).value_or(""),
            evening.sent.substr(0, found.read_through));
  // What was open is given up and kept, with every finding.
  Session session(AnalyserSetup([](absl::string_view) { return absl::OkStatus(); }), *store, ReadClocks());
  if (const SessionBatch* pending = session.Pending()) {
    ASSERT_TRUE(store->Commit(Batch{{*pending}}).ok());
  }
  int findings = 0;
  for (int message = 1; message <= told.messages; ++message) findings += 1 + message % 4;
  EXPECT_GE(Findings(*store), findings);
}

TEST(PowerCutWhileAnAnalyserSends, LosesNothingThatWasAcknowledged) {
  spdlog::set_level(spdlog::level::err);
  const Evening evening = Send();
  ASSERT_FALSE(HasFailure());
  SimulatedDisk disk;
  std::mt19937_64 random(3);
  std::size_t answers = 0;
  for (std::size_t i = 0; i <= evening.steps.size() && !HasFailure(); ++i) {
    if (i > 0) disk.Apply(evening.steps[i - 1]);
    while (answers < evening.acknowledged.size() && evening.acknowledged[answers].steps <= i) ++answers;
    SCOPED_TRACE(absl::StrCat("cut after step ", i, ", after ", answers, " acknowledgements"));
    const StoreFolder folder;
    SimulatedDisk(disk.AfterPowerCut(random)).CopyTo(folder.folder());
    ASSERT_NO_FATAL_FAILURE(
        ExpectKept(folder, evening, answers == 0 ? Acknowledged{0, 0, 0} : evening.acknowledged[answers - 1]));
  }
  std::cout << evening.steps.size() + 1 << " cuts, " << answers << " acknowledgements\n";
}

}  // namespace
}  // namespace dims
