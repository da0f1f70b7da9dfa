// The power is cut after every single step that a store took on its disk in a run of 1,000 records: what was told to be
// there is there, and no number is used twice.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/head_file.h"
#include "tests/store_life.h"

namespace dims {
namespace {

constexpr char kProbe[] = "one more, to see whether it works";

// Starts a store on a disk as a crash left it, and says what is wrong.
class Restart {
 public:
  Restart(SimulatedDisk disk, const Ledger& told, absl::Time now, int probes = 0)
      : told_(told), before_(std::move(disk)) {
    before_.CopyTo(folder_.folder());
    DiskRecorder recorder(folder_.folder(), before_);
    StoreOptions options = OptionsFor(folder_);
    options.now = [now] { return now; };
    LookAtHead();
    if (auto store = Store::Open(options); store.ok()) {
      LookAt(**store, probes);
      TryOneMore(**store);
      steps_to_probe_ = recorder.steps().size();
    } else {
      Wrong(store.status().ToString());
    }
    steps_ = recorder.TakeSteps();
  }

  const std::string& wrong() const { return wrong_; }

  // The power is cut (again) in the middle of it, and it starts once more.
  std::string Again(Random& random, absl::Time now) && {
    const int steps = Choose(random, 0, static_cast<int>(steps_.size()));
    std::for_each_n(steps_.begin(), steps, [&](const DiskStep& step) { before_.Apply(step); });
    const bool probed = static_cast<std::size_t>(steps) >= steps_to_probe_;
    return Restart(SimulatedDisk(before_.AfterPowerCut(random)), told_, now, probed ? 1 : 0).wrong();
  }

 private:
  void Wrong(const std::string& what) { absl::StrAppend(&wrong_, wrong_.empty() ? "" : "; ", what); }

  // It is what would show that the database lost something.
  void LookAtHead() {
    const auto head = store_db::HeadFile::Load(folder_.file(".head"));
    if (!head.ok()) return Wrong(head.status().ToString());
    if (told_.store_id.empty()) return;
    if (head->state != store_db::HeadFile::State::kValid) return Wrong("there is no head file");
    if (head->head.store_id != told_.store_id) {
      if (!told_.begins) Wrong("the head file is of another generation");
      return;
    }
    const auto next = told_.hashes.upper_bound({told_.store_id, UINT64_MAX});
    if (next == told_.hashes.begin() || std::prev(next)->first.first != told_.store_id) return;
    if (head->head.number < std::prev(next)->first.second) {
      Wrong(absl::StrCat("the head file says ", head->head.number, " after ", std::prev(next)->first.second));
    }
  }

  void LookAt(Store& store, int probes) {
    const std::string current = store.Current().store_id;
    const bool knows_current = current == told_.store_id || told_.begins || told_.store_id.empty();
    if (!knows_current) {
      Wrong("it goes on under a new store id");
      for (const std::string& notice : store.notices()) Wrong(notice);
    }
    std::vector<uint64_t> waiting;
    for (const auto& [generation, queued, settled, refused] : store.Summary().generations) {
      if (const auto bounds = told_.settled_numbers.find(generation.store_id);
          generation.settled_through > (bounds == told_.settled_numbers.end() ? 0 : bounds->second.second)) {
        Wrong(absl::StrCat("settled through ", generation.settled_through, ", which nobody said"));
      } else if (bounds != told_.settled_numbers.end() && generation.settled_through < bounds->second.first) {
        Wrong(absl::StrCat("settled through ", generation.settled_through, " instead of ", bounds->second.first));
      }
      const auto records = ReadAll(store, generation.id);
      if (!records.ok()) {
        Wrong(records.status().ToString());
        continue;
      }
      uint64_t number = records->empty() ? 0 : records->front().number - 1;
      std::string previous = number == 0 ? FirstPreviousHash(generation.store_id) : "";
      for (const StoredRecord& record : *records) {
        const bool follows = record.number == ++number && (previous.empty() || record.previous_hash == previous);
        if (!follows || record.hash != RecordHash(record.previous_hash, number, record.schema, record.payload)) {
          Wrong(absl::StrCat("record ", record.number, " is not in the chain"));
        }
        previous = record.hash;
        const auto hash = told_.hashes.find({generation.store_id, record.number});
        if (hash != told_.hashes.end() && hash->second != record.hash) {
          Wrong(absl::StrCat("record ", record.number, " is another than the one that was told"));
        }
        if (record.payload == kProbe) {
          --probes;
          continue;
        }
        uint64_t id = 0;
        if (!absl::SimpleAtoi(record.payload.substr(0, record.payload.find(' ')), &id) ||
            record.payload != TextOf(id) || id > told_.handed_over) {
          Wrong(absl::StrCat("record ", record.number, " is none that was handed over"));
        }
        if (record.number > generation.settled_through) waiting.push_back(id);
      }
    }
    if (probes > 0) Wrong("the record after the first crash is missing");
    // All that is not settled, each once, in order, and of the last batch all or nothing.
    const uint64_t settled = waiting.empty() ? *told_.settled.rbegin() : waiting.front() - 1;
    const uint64_t through = waiting.empty() ? settled : waiting.back();
    const bool whole = through == told_.committed || through == told_.handed_over;
    if (!whole || waiting.size() != through - settled || told_.settled.count(settled) == 0) {
      Wrong(absl::StrCat(waiting.size(), " records after ", settled, " through ", through, " wait, told were ",
                         told_.committed, " and settled ", *told_.settled.begin()));
    }
    for (std::size_t i = 1; i < waiting.size(); ++i) {
      if (waiting[i] != waiting[i - 1] + 1) Wrong(absl::StrCat(waiting[i], " comes after ", waiting[i - 1]));
    }
    LookAtIntake(store, through);
  }

  void LookAtIntake(Store& store, uint64_t records_through) {
    const IntakePosition found = store.Position(kLine);
    const IntakePosition expected = records_through > told_.committed ? told_.intake_handed_over : told_.intake;
    if (found.read_through != expected.read_through || found.closed_through != expected.closed_through) {
      Wrong(absl::StrCat("the intake stands at ", found.closed_through, " of ", found.read_through, " instead of ",
                         expected.closed_through, " of ", expected.read_through));
    }
    std::string open;
    for (const IntakeEntry& entry : store.OpenIntake(kLine)) open += entry.bytes;
    if (open != Said(found.closed_through, found.read_through)) Wrong("the open intake is not what was said");
  }

  void TryOneMore(Store& store) {
    const absl::Status status = store.Commit(BatchOf({kProbe}, kLine));
    if (!status.ok()) return Wrong(status.ToString());
    const Generation current = store.Current();
    if (told_.hashes.count({current.store_id, current.highest_number}) > 0) {
      Wrong(absl::StrCat("number ", current.highest_number, " was given to a second record"));
    }
  }

  const Ledger& told_;
  const StoreFolder folder_;
  SimulatedDisk before_;
  std::vector<DiskStep> steps_;
  std::size_t steps_to_probe_ = 0;
  std::string wrong_;
};

struct Found {
  int cuts = 0;
  std::string wrong;  // with the first of them

  void Count(const std::string& what, std::size_t step) {
    ++cuts;
    if (wrong.empty() && !what.empty()) wrong = absl::StrCat("after step ", step, ": ", what);
  }
};

// Cuts after every step that `shard` has, `from` on; in addition now and then within the restart, and within that of a
// process that was only killed.
Found CutEverywhere(Life& life, uint64_t seed, std::size_t shard, std::size_t shards, std::size_t from = 0) {
  Found found;
  SimulatedDisk disk;
  for (std::size_t i = 0; i <= life.steps().size() && found.wrong.empty(); ++i) {
    if (i > 0) disk.Apply(life.steps()[i - 1]);
    if (i < from || i % shards != shard) continue;
    Random random(seed * 1'000'003 + i);
    const Ledger& told = life.ToldAfter(i);
    Restart cut(SimulatedDisk(disk.AfterPowerCut(random)), told, life.now());
    found.Count(cut.wrong(), i);
    if (i / shards % 16 == 0) found.Count(std::move(cut).Again(random, life.now()), i);
    if (i / shards % 16 == 8) {
      Restart killed(disk, told, life.now());
      found.Count(killed.wrong(), i);
      found.Count(std::move(killed).Again(random, life.now()), i);
    }
  }
  return found;
}

TEST(SimulatedDisk, SawEveryChangeThatTheStoreMade) {
  const Life life(1, 1000);
  SimulatedDisk::Files files;
  for (const auto& entry : std::filesystem::directory_iterator(life.folder().folder())) {
    files[entry.path().filename()] = ReadWhole(entry.path());
  }
  EXPECT_TRUE(life.seen().Cached() == files);
  // It says something about checkpoints only where there are some while the store runs.
  const int database = life.seen().names().at("store.db");
  int moved = 0;
  bool synced = false;
  for (const DiskStep& step : life.steps()) {
    if (step.file != database) continue;
    moved += synced && step.kind == DiskStep::Kind::kSync ? 1 : 0;
    synced = step.kind == DiskStep::Kind::kWrite;
  }
  EXPECT_GE(moved, 3) << "checkpoints";
}

// What the cuts are worth: each of the syncs is missed.
TEST(PowerCutOfADiskThatLies, IsFoundOutWhicheverFileItLiesAbout) {
  const std::pair<const char*, bool> lies[] = {{"store.db", true},  {"-wal", true},  {".head.new", true}, {"/", true},
                                               {"store.db", false}, {"-wal", false}, {".head", false}};
  for (const auto& [lie, at_once] : lies) {
    const int found_out = InChild([&, lie = lie, at_once = at_once] {  // a damaged database may also end the process
      Life life(1, 1000, lie, at_once);
      const Found found = CutEverywhere(life, 1, 0, at_once ? 3 : 16);
      std::cout << lie << ": cut " << found.cuts << ", " << found.wrong << std::endl;
      return found.wrong.empty() ? 0 : 1;
    });
    EXPECT_NE(found_out, 0) << "no sync of \"" << lie << "\", and nobody missed it";
  }
}

// The log that SQLite makes anew after a clean end must not lose its name.
TEST(PowerCutAfterAFailedSyncOfTheFolder, LosesNothingThoughSqliteTakesNoNotice) {
  Life life(1, 1000, "", false, true);
  ASSERT_FALSE(HasFailure());
  std::size_t made = 0;
  for (std::size_t i = 0; i < life.steps().size(); ++i) {
    if (life.steps()[i].kind == DiskStep::Kind::kCreate) made = i;
  }
  const Found found = CutEverywhere(life, 1, 0, 3, made);
  EXPECT_EQ(found.wrong, "");
  EXPECT_GT(found.cuts, 50);
}

constexpr std::size_t kShards = 4;
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kThinned = 4;  // what it finds, it finds at any of them
#else
constexpr std::size_t kThinned = 1;
#endif
class PowerCut : public testing::TestWithParam<std::size_t> {};

TEST_P(PowerCut, LosesAndDoublesNothingThatWasToldWhereverItFalls) {
  const char* const seeds = std::getenv("DIMS_POWER_CUT_SEEDS");  // more than the one of every day
  for (int seed = 1; seed <= (seeds == nullptr ? 1 : std::atoi(seeds)); ++seed) {
    Life life(seed, 1000);
    ASSERT_FALSE(HasFailure());
    const Found found = CutEverywhere(life, seed, GetParam(), kShards * kThinned);
    EXPECT_EQ(found.wrong, "") << "seed " << seed;
    std::cout << "seed " << seed << ": " << found.cuts << " crashes\n";
  }
}
INSTANTIATE_TEST_SUITE_P(Every, PowerCut, testing::Range<std::size_t>(0, kShards));

}  // namespace
}  // namespace dims
