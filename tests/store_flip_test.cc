// Damage anywhere in a store's files, against a ledger of what it had acknowledged: what is not settled is there, or in
// a Gap, or was said to be lost; and no number ever stands for two records.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

using Kind = IntakeEntry::Kind;
using Name = std::pair<std::string, uint64_t>;  // store id and number

// What the instruments and the registry know.
struct Ledger {
  std::string latest;                                    // the store id of the current generation
  std::map<Name, std::string> payloads;                  // all that were ever acknowledged
  std::map<Name, std::string> settled;                   // of these, what the registry has
  std::map<std::string, std::vector<std::string>> open;  // by instrument: entries that no record was made of
};

std::string ReportOf(const std::string& instrument, uint64_t begin, uint64_t end, uint64_t seed) {
  dims::v1::Report report;
  report.set_origin(dims::v1::ORIGIN_REAL);
  report.mutable_source()->set_instrument(instrument);
  report.mutable_source()->set_intake_begin(begin);
  report.mutable_source()->set_intake_end(end);
  report.add_problems()->set_message(absl::StrCat(seed, " ", std::string(PayloadOf(seed).size(), 'x')));
  return report.SerializeAsString();
}

// One instrument's session: bytes in, reports of them.
void CommitReport(Store& store, const std::string& instrument, uint64_t seed) {
  const uint64_t begin = store.Position(instrument).read_through;
  const std::string bytes = PayloadOf(seed);
  const uint64_t end = begin + bytes.size();
  SessionBatch batch{
      instrument, {{Kind::kIn, begin, absl::Now(), bytes}}, end, {ReportOf(instrument, begin, end, seed)}};
  if (seed % 7 == 0) batch.urgent = {0};
  if (seed % 5 == 0) batch.unheard = {{0, absl::StrCat("content ", seed)}};
  batch.heard = seed % 10 == 0;
  if (!store.Commit({{batch}}).ok()) std::abort();
}

void CommitOpen(Store& store, const std::string& instrument, const std::string& bytes) {
  const IntakePosition position = store.Position(instrument);
  if (!store
           .Commit(
               {{{instrument, {{Kind::kIn, position.read_through, absl::Now(), bytes}}, position.closed_through, {}}}})
           .ok()) {
    std::abort();
  }
}

// A store of two generations with records that are settled, that are not, and bytes of which no record was made yet. It
// was cut off, most of it in its log; or (not `in_log`) closed.
void WriteStore(const StoreFolder& folder, bool in_log) {
  const auto write = [&](uint64_t first, uint64_t last, bool last_part) {
    std::unique_ptr<Store> store = MustOpen(OptionsFor(folder));
    for (uint64_t seed = first; seed <= last; ++seed) {
      CommitReport(*store, seed % 3 == 0 ? "gcms-1" : "astm-1", seed);
      if (seed % 9 == 0 && !store->Settle(store->Current().id, store->Current().highest_number / 2).ok()) return 1;
      if (seed == 20 && !store->BeginGeneration(store->Current().id, 0, "a test").ok()) return 2;
    }
    if (!last_part) return 0;
    for (int frame = 0; frame < 6; ++frame)
      CommitOpen(*store, "astm-1", absl::StrCat("frame ", frame, PayloadOf(frame)));
    CommitOpen(*store, "gcms-1", "the beginning of a report");
    if (in_log) (void)store.release();  // what is in the log stays there
    return 0;
  };
  if (!in_log) {
    ASSERT_EQ(write(1, 80, true), 0);
    return;
  }
  ASSERT_EQ(write(1, 24, false), 0);
  ASSERT_EQ(InChild([&] { return write(25, 80, true); }), 0);
}

Ledger ReadLedger(const StoreFolder& folder) {
  const StoreFolder copy;
  folder.CopyTo(copy);
  const auto store = MustOpen(OptionsFor(copy));
  Ledger ledger;
  ledger.latest = store->Current().store_id;
  for (const StoreSummary::PerGeneration& entry : store->Summary().generations) {
    const auto records = ReadAll(*store, entry.generation.id);
    if (!records.ok()) std::abort();
    for (const StoredRecord& record : *records) {
      const Name name{entry.generation.store_id, record.number};
      ledger.payloads[name] = record.payload;
      if (record.number <= entry.generation.settled_through) ledger.settled[name] = record.payload;
    }
  }
  for (const std::string instrument : {"gcms-1", "astm-1"})
    ledger.open[instrument] = Told(store->OpenIntake(instrument));
  return ledger;
}

enum Outcome {
  kWhole = 0,     // nothing is missing, nothing was said
  kLoud = 1,      // something was said, and all is there
  kGap = 2,       // a Gap or an interrupted report tells the registry what is missing
  kOnlySaid = 3,  // something is neither there nor in a Gap; the notices say so
  kSilentRecord = 20,
  kSilentIntake = 21,
  kTwoForOne = 22,
  kNotOpened = 23,
  kNotQuietAfter = 24,
  kStuck = 25,
  kGapOfWhatIsThere = 26,
  kHeadOnlySaid = 27,
};

// Sends as the uplink does, to a registry that keeps what it is given. False where a number came with other bytes.
bool Drain(Store& store, std::map<Name, std::string>& registry) {
  for (int round = 0; round < 2000; ++round) {
    const Generation generation = store.OldestUnsettled();
    const bool current = generation.id == store.Current().id;
    if (generation.settled_through >= generation.highest_number) return true;
    uint64_t has = 0;
    while (registry.contains({generation.store_id, has + 1})) ++has;
    if (has > generation.highest_number) {
      if (current && !store.BeginGeneration(generation.id, 0, "set back").ok()) return false;
      has = generation.settled_through;
    }
    absl::StatusOr<std::vector<StoredRecord>> records = store.Read(generation.id, has, 16, 100'000);
    if (absl::IsDataLoss(records.status()) ||
        (records.ok() && !records->empty() && records->front().number != has + 1)) {
      if (!store.BeginGeneration(generation.id, has + 1, "damaged", Store::Carry::kKept).ok()) return false;
      continue;
    }
    if (!records.ok()) return false;
    for (const StoredRecord& record : *records) {
      const auto [known, added] = registry.try_emplace({generation.store_id, record.number}, record.payload);
      if (!added && known->second != record.payload) return false;
      has = record.number;
    }
    if (!store.Settle(generation.id, has).ok()) return false;
  }
  return false;
}

int Inspect(const StoreFolder& folder, const Ledger& ledger) {
  std::map<Name, std::string> registry = ledger.settled;
  bool loud = false, gap = false, only_said = false;
  {
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(OptionsFor(folder));
    if (!opened.ok()) {
      std::cerr << opened.status() << "\n";
      return kNotOpened;
    }
    Store& store = **opened;
    for (const std::string& notice : store.notices()) {
      std::cerr << "  " << notice << "\n";
      loud = loud || !absl::StrContains(notice, "not stopped cleanly");
    }
    std::map<std::string, bool> open_is_there;
    for (const auto& [instrument, entries] : ledger.open) {
      open_is_there[instrument] = Told(store.OpenIntake(instrument)) == entries;
    }
    // What comes next gets numbers of its own.
    for (int i = 0; i < 3; ++i) {
      const Generation before = store.Current();
      const std::string payload = absl::StrCat("new ", i);
      if (!store.Commit(BatchOf({payload}, "new-1")).ok()) return kStuck;
      const auto used = ledger.payloads.find({before.store_id, before.highest_number + 1});
      if (used != ledger.payloads.end() && used->second != payload) return kTwoForOne;
    }
    if (!Drain(store, registry)) return kTwoForOne;
    for (const auto& [name, payload] : registry) {
      const auto acknowledged = ledger.payloads.find(name);
      if (acknowledged != ledger.payloads.end() && acknowledged->second != payload) return kTwoForOne;
    }
    std::vector<dims::v1::Report> reports;
    std::map<std::string, int> delivered;
    for (const auto& [name, payload] : registry) {
      ++delivered[payload];
      dims::v1::Report report;
      if (report.ParseFromString(payload)) reports.push_back(std::move(report));
    }
    for (const auto& [name, payload] : ledger.payloads) {
      const bool is_delivered = delivered.contains(payload);
      // What the registry had before, a Gap may name: where the database is gone, nothing here tells.
      if (is_delivered && ledger.settled.contains(name)) continue;
      const bool in_gap =
          std::any_of(reports.begin(), reports.end(), [&, &name = name](const dims::v1::Report& report) {
            return report.has_gap() && report.gap().store_id() == name.first && report.gap().from() <= name.second &&
                   name.second <= report.gap().through();
          });
      if (is_delivered && in_gap) {
        std::cerr << "record " << name.second << " of " << name.first << " is there, and in a Gap\n";
        return kGapOfWhatIsThere;
      }
      if (is_delivered) continue;
      gap = gap || in_gap;
      if (in_gap) continue;
      if (!loud) {
        std::cerr << "record " << name.second << " of " << name.first << " is gone\n";
        return kSilentRecord;
      }
      // The head file names the latest generation and its end: of that, each record is accounted for.
      if (name.first == ledger.latest) {
        std::cerr << "record " << name.second << " of the latest generation is in no Gap\n";
        return kHeadOnlySaid;
      }
      only_said = true;
      std::cerr << "  only said: record " << name.second << " of " << name.first << "\n";
    }
    for (const auto& [instrument, there] : open_is_there) {
      if (there) continue;
      const bool reported =
          std::any_of(reports.begin(), reports.end(), [&, &instrument = instrument](const dims::v1::Report& report) {
            return report.source().instrument() == instrument && report.problems_size() == 2;
          });
      gap = gap || reported;
      if (reported) continue;
      if (!loud) return kSilentIntake;
      only_said = true;
      std::cerr << "  only said: open intake of " << instrument << "\n";
    }
  }
  const auto again = Store::Open(OptionsFor(folder));
  if (!again.ok() || !(*again)->notices().empty()) {
    std::cerr << "again: " << again.status() << (again.ok() ? absl::StrJoin((*again)->notices(), "; ") : "") << "\n";
    return kNotQuietAfter;
  }
  return only_said ? kOnlySaid : gap ? kGap : loud ? kLoud : kWhole;
}

class StoreFlip : public testing::Test {
 protected:
  // Damages a copy and looks at it, in a process that may die of it. `worst`: kGap where the notices alone are not
  // enough.
  void Try(const StoreFolder& folder, const Ledger& ledger, Outcome worst,
           const std::function<void(const StoreFolder&)>& damage) {
    const StoreFolder damaged;
    folder.CopyTo(damaged);
    damage(damaged);
    testing::internal::CaptureStderr();
    const int outcome = InChild([&] { return Inspect(damaged, ledger); });
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_THAT(outcome, testing::AllOf(testing::Ge(kWhole), testing::Le(worst))) << said;
    if (std::getenv("DIMS_SHOW") != nullptr && outcome == kOnlySaid) std::cout << said << "\n";
    ++outcomes[outcome];
  }
  void Show(const std::string& what) {
    std::cout << what << ": whole " << outcomes[kWhole] << ", whole with a notice " << outcomes[kLoud]
              << ", missing and reported " << outcomes[kGap] << ", missing and in the notices alone "
              << outcomes[kOnlySaid] << "\n";
    outcomes.clear();
  }
  std::map<int, int> outcomes;
};

TEST_F(StoreFlip, AFlippedByteAnywhereLosesNothingInSilence) {
  const char* count = std::getenv("DIMS_FLIPS");
  const int flips = count == nullptr ? 100 : std::atoi(count);
  std::mt19937 random(20240917);
  std::map<bool, std::unique_ptr<StoreFolder>> stores;
  std::map<bool, Ledger> ledgers;
  for (const bool in_log : {false, true}) {
    stores[in_log] = std::make_unique<StoreFolder>();
    ASSERT_NO_FATAL_FAILURE(WriteStore(*stores[in_log], in_log));
    ledgers[in_log] = ReadLedger(*stores[in_log]);
    ASSERT_GT(ledgers[in_log].payloads.size(), ledgers[in_log].settled.size() + 20);
  }
  for (const std::string suffix : {"", "-wal", ".head"}) {
    const int share = suffix == ".head" ? flips / 10 : flips * 9 / 20;
    for (int flip = 0; flip < share; ++flip) {
      const bool in_log = suffix == "-wal" || (suffix == ".head" && flip % 2 == 0);
      const std::string whole = ReadWhole(stores[in_log]->file(suffix));
      const std::size_t at = std::uniform_int_distribution<std::size_t>(0, whole.size() - 1)(random);
      const int mask = std::uniform_int_distribution<int>(1, 255)(random);
      SCOPED_TRACE(absl::StrCat("byte ", at, " of store.db", suffix, " with ", mask));
      // The bytes of which no record was made are only in the log until it is taken over.
      Try(*stores[in_log], ledgers[in_log], suffix == "-wal" ? kOnlySaid : kGap, [&](const StoreFolder& damaged) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ mask);
        WriteWhole(damaged.file(suffix), bytes);
      });
    }
    Show(absl::StrCat(share, " flips in store.db", suffix));
  }
}

TEST_F(StoreFlip, ALogCutAtAnySectorLosesNothingInSilence) {
  const StoreFolder folder;
  ASSERT_NO_FATAL_FAILURE(WriteStore(folder, true));
  const Ledger ledger = ReadLedger(folder);
  const std::string log = ReadWhole(folder.file("-wal"));
  const char* count = std::getenv("DIMS_FLIPS");
  const std::size_t step = count == nullptr ? 512 * 75 : 512;
  for (std::size_t size = 0; size < log.size(); size += step) {
    SCOPED_TRACE(absl::StrCat("cut to ", size, " of ", log.size()));
    Try(folder, ledger, kOnlySaid,
        [&](const StoreFolder& damaged) { WriteWhole(damaged.file("-wal"), log.substr(0, size)); });
  }
  EXPECT_EQ(outcomes[kWhole], 0) << "each cut loses at least the last commit";
  Show("cuts of the log");
}

TEST_F(StoreFlip, AFileThatIsGoneOrAnotherOrZerosLosesNothingInSilence) {
  for (const bool in_log : {false, true}) {
    const StoreFolder folder;
    ASSERT_NO_FATAL_FAILURE(WriteStore(folder, in_log));
    const Ledger ledger = ReadLedger(folder);
    for (const std::string suffix : {"", "-wal", ".head"}) {
      const std::string whole = ReadWhole(folder.file(suffix));
      if (whole.empty()) continue;
      const Outcome gone = suffix == ".head" ? kGap : kOnlySaid, page_gone = suffix == "-wal" ? kOnlySaid : kGap;
      const auto replace = [&](const std::string& bytes, Outcome worst) {
        Try(folder, ledger, worst, [&](const StoreFolder& damaged) { WriteWhole(damaged.file(suffix), bytes); });
      };
      SCOPED_TRACE(absl::StrCat(in_log ? "in the log, " : "", "store.db", suffix));
      replace("", gone);
      replace("# some text\n", gone);
      replace(std::string(whole.size(), '\0'), gone);
      replace(std::string(8192, 'z'), gone);
      replace(whole.substr(0, whole.size() / 2), gone);
      replace(whole.substr(0, 4096 * 3), gone);
      replace(whole + std::string(4096, 'z'), page_gone);
      for (std::size_t page = 0; page < whole.size(); page += 4096 * (whole.size() > 200'000 ? 17 : 9)) {
        SCOPED_TRACE(absl::StrCat("zeros at ", page));
        std::string bytes = whole;
        std::fill_n(bytes.begin() + page, std::min<std::size_t>(4096, bytes.size() - page), '\0');
        replace(bytes, page_gone);
      }
      Try(folder, ledger, gone, [&](const StoreFolder& damaged) { std::filesystem::remove(damaged.file(suffix)); });
    }
  }
  Show("files gone, foreign, cut, zeroed");
}

}  // namespace
}  // namespace dims
