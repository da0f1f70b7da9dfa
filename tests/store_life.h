// A life of a store on record, for tests that cut it off anywhere: commits, settling, pruning, checkpoints, clean ends
// and new generations, chosen from a seed; and what the store had told after each step on its disk.
#ifndef DIMS_TESTS_STORE_LIFE_H_
#define DIMS_TESTS_STORE_LIFE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/simulated_disk.h"
#include "tests/store_fixture.h"

namespace dims {

using Random = std::mt19937_64;

inline constexpr char kLine[] = "gcms-1";

inline int Choose(Random& random, int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random);
}

// Every record says which one it is.
inline std::string TextOf(uint64_t id) { return absl::StrCat(id, " ", PayloadOf(id)); }
// What the instrument sends, by position.
inline std::string Said(uint64_t begin, uint64_t end) {
  std::string bytes;
  for (uint64_t at = begin; at < end; ++at) bytes.push_back(static_cast<char>(at * 2654435761u >> 13));
  return bytes;
}

// What the store has said at some moment, and what it was about to do.
struct Ledger {
  std::string store_id;                     // the current generation's
  bool begins = false;                      // a generation
  uint64_t committed = 0, handed_over = 0;  // records through this one
  std::set<uint64_t> settled = {0};         // through one of these
  IntakePosition intake, intake_handed_over;
  std::map<std::pair<std::string, uint64_t>, std::string> hashes;        // of what was told, by store id and number
  std::map<std::string, std::pair<uint64_t, uint64_t>> settled_numbers;  // by store id: told, and asked for
};

// A life of the store, on record.
class Life {
 public:
  // `lies`: the disk does not sync what is called so, from the beginning or from the first commit on.
  Life(uint64_t seed, uint64_t records, const std::string& lies = "", bool at_once = false,
       bool folder_fails_sqlite = false)
      : random_(seed), recorder_(std::in_place, folder_.folder(), SimulatedDisk()) {
    if (folder_fails_sqlite) recorder_->FailFolderDataSyncs();
    if (at_once) recorder_->IgnoreSyncsOf(lies);
    Open();
    recorder_->IgnoreSyncsOf(lies);
    for (int commit = 1; ledger_.committed < records && !testing::Test::HasFailure(); ++commit) {
      Commit();
      if (commit % 3 == 0) Settle();
      if (commit % 23 == 0) Begin();
      if (commit % 110 == 0) {
        store_.reset();
        Open();
      }
      now_ += absl::Minutes(20);
    }
    store_.reset();
    seen_ = SimulatedDisk();
    steps_ = recorder_->TakeSteps();
    recorder_.reset();
    for (const DiskStep& step : steps_) seen_.Apply(step);
  }

  const std::vector<DiskStep>& steps() const { return steps_; }
  // What was told after so many steps; to be asked in ascending order.
  const Ledger& ToldAfter(std::size_t steps) {
    for (; next_ < events_.size() && events_[next_].steps <= steps; ++next_) events_[next_].tell(told_);
    return told_;
  }
  absl::Time now() const { return now_; }
  const StoreFolder& folder() const { return folder_; }
  const SimulatedDisk& seen() const { return seen_; }

 private:
  struct Event {
    std::size_t steps;
    std::function<void(Ledger&)> tell;
  };

  void Tell(const std::function<void(Ledger&)>& tell) {
    tell(ledger_);
    events_.push_back({recorder_->steps().size(), tell});
  }

  void Open() {
    StoreOptions options = OptionsFor(folder_);
    options.now = [this] { return now_; };
    options.keep_settled = absl::Hours(6);
    options.keep_intake = absl::Hours(9);
    store_ = MustOpen(options);
    EXPECT_EQ(store_->notices(), std::vector<std::string>());
    Tell([id = store_->Current().store_id](Ledger& ledger) { ledger.store_id = id; });
  }

  // Remembers what the current generation says after `after`.
  void Note(uint64_t after) {
    const Generation current = store_->Current();
    const auto records = ReadAll(*store_, current.id, after);
    ASSERT_TRUE(records.ok()) << records.status();
    std::map<std::pair<std::string, uint64_t>, std::string> hashes;
    for (const StoredRecord& record : *records) {
      hashes[{current.store_id, record.number}] = record.hash;
      ASSERT_TRUE(absl::SimpleAtoi(record.payload.substr(0, record.payload.find(' ')),
                                   &ids_[{current.store_id, record.number}]));
    }
    Tell([hashes](Ledger& ledger) { ledger.hashes.insert(hashes.begin(), hashes.end()); });
  }

  void Commit() {
    std::vector<std::string> payloads;
    const uint64_t through = ledger_.committed + Choose(random_, 1, 14);
    for (uint64_t id = ledger_.committed + 1; id <= through; ++id) payloads.push_back(TextOf(id));
    Batch batch = BatchOf(std::move(payloads), kLine);
    SessionBatch& session = batch.sessions[0];
    IntakePosition intake = ledger_.intake;
    if (Choose(random_, 0, 3) > 0) session.closed_through = intake.closed_through = intake.read_through;
    const uint64_t end = intake.read_through + Choose(random_, 1, 700);
    session.entries.push_back({IntakeEntry::Kind::kIn, intake.read_through, now_, Said(intake.read_through, end), {}});
    intake.read_through = end;
    Tell([=](Ledger& ledger) {
      ledger.handed_over = through;
      ledger.intake_handed_over = intake;
    });
    const uint64_t before = store_->Current().highest_number;
    ASSERT_TRUE(store_->Commit(batch).ok());
    Note(before);
    Tell([=](Ledger& ledger) {
      ledger.committed = through;
      ledger.intake = intake;
    });
  }

  void Settle() {
    const Generation oldest = store_->OldestUnsettled();
    const uint64_t through = oldest.highest_number - (oldest.highest_number - oldest.settled_through) / 3;
    const uint64_t id = ids_.at({oldest.store_id, through});
    Tell([=](Ledger& ledger) {
      ledger.settled.insert(id);
      ledger.settled_numbers[oldest.store_id].second = through;
    });
    ASSERT_TRUE(store_->Settle(oldest.id, through).ok());
    Tell([=](Ledger& ledger) {
      ledger.settled = {id};
      ledger.settled_numbers[oldest.store_id].first = through;
    });
  }

  // A new generation, each time for another reason: numbers alone, all that waits, or a registry that lost its last
  // one.
  void Begin() {
    const Generation current = store_->Current();
    const int kind = ++generations_ % 3;
    const bool kept = kind == 2 && current.settled_through > 0;
    const uint64_t first = kept ? current.settled_through : kind == 0 ? 0 : 1;
    const uint64_t settled = kept ? ids_.at({current.store_id, first}) - 1 : *ledger_.settled.begin();
    // What moves is not settled any more where it was; and where nothing stays, nothing is.
    const auto lowest = store_->Read(current.id, 0, 1, 1);
    ASSERT_TRUE(lowest.ok()) << lowest.status();
    const uint64_t left = kept && lowest->front().number < first ? first - 1 : 0;
    Tell([=](Ledger& ledger) {
      ledger.begins = true;
      ledger.settled.insert(settled);
      if (kept) ledger.settled_numbers[current.store_id].first = left;
    });
    const auto next =
        store_->BeginGeneration(current.id, first, "a test", kept ? Store::Carry::kKept : Store::Carry::kUnsettled);
    ASSERT_TRUE(next.ok()) << next.status();
    Note(0);
    Tell([=, id = next->store_id](Ledger& ledger) {
      ledger.begins = false;
      ledger.store_id = id;
      ledger.settled = {settled};
      if (kept) ledger.settled_numbers[current.store_id].second = left;
    });
  }

  Random random_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  const StoreFolder folder_;
  std::optional<DiskRecorder> recorder_;
  std::unique_ptr<Store> store_;
  Ledger ledger_, told_;
  std::map<std::pair<std::string, uint64_t>, uint64_t> ids_;
  int generations_ = 0;
  std::vector<Event> events_;
  std::size_t next_ = 0;
  std::vector<DiskStep> steps_;
  SimulatedDisk seen_;
};

}  // namespace dims

#endif  // DIMS_TESTS_STORE_LIFE_H_
