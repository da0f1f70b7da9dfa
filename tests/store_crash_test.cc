// Kills a process that commits, at any moment, again and again: what it had acknowledged must be there.
#include <fcntl.h>
#include <poll.h>

#include <chrono>
#include <csignal>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/store_fixture.h"

namespace dims {
namespace {

// One line on the pipe, written whole. Numbers are of the record that was acknowledged last.
struct Acknowledged {
  uint64_t number, settled, intake;
};

int BatchSize(uint64_t first) { return 1 + static_cast<unsigned char>(PayloadOf(first).back()) % 12; }

// Goes on where the store stands. Never returns unless something is wrong.
int CommitForever(const StoreFolder& folder, int pipe) {
  const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(OptionsFor(folder));
  if (!opened.ok()) return 1;
  Store& store = **opened;
  while (true) {
    const Generation current = store.Current();
    const uint64_t first = current.highest_number + 1;
    Batch batch = NumberedBatch(first, BatchSize(first));
    SessionBatch& session = batch.sessions[0];
    const uint64_t read = store.Position(session.instrument).read_through;
    session.entries.push_back({IntakeEntry::Kind::kIn, read, absl::Now(), PayloadOf(read)});
    session.closed_through = read;
    if (!store.Commit(batch).ok()) return 2;
    if (first % 3 == 0 && !store.Settle(current.id, first / 2).ok()) return 3;
    const Acknowledged line{store.Current().highest_number, store.Current().settled_through,
                            store.Position(session.instrument).read_through};
    if (write(pipe, &line, sizeof line) != sizeof line) return 4;
  }
}

// Reads acknowledgements until `most` have come, or (most < 0) until the writer is gone.
void Hear(int pipe, int most, Acknowledged& last) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int heard = 0; most < 0 || heard < most; ++heard) {
    pollfd ready{pipe, POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 60'000), 1) << "the child hangs";
    const ssize_t got = read(pipe, &last, sizeof last);
    if (got == 0) return;
    ASSERT_EQ(got, static_cast<ssize_t>(sizeof last));
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

TEST(StoreCrash, NothingAcknowledgedIsMissingAfterAnyNumberOfKills) {
  const StoreFolder folder(true);
  std::mt19937 random(7);
  const std::string store_id = MustOpen(OptionsFor(folder))->Current().store_id;
  int cut_in_commit = 0;
  constexpr int kKills = 40;
  for (int kill_number = 0; kill_number < kKills; ++kill_number) {
    SCOPED_TRACE(absl::StrCat("kill ", kill_number));
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      _exit(CommitForever(folder, ends[1]));
    }
    close(ends[1]);
    Acknowledged last{};
    Hear(ends[0], std::uniform_int_distribution<int>(1, 60)(random), last);
    // Anywhere within the next commit or two.
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::microseconds(std::uniform_int_distribution<int>(0, 1500)(random));
    while (std::chrono::steady_clock::now() < until) {
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int state = 0;
    ASSERT_EQ(waitpid(child, &state, 0), child);
    ASSERT_TRUE(WIFSIGNALED(state)) << "the child ended by itself with " << WEXITSTATUS(state);
    Hear(ends[0], -1, last);
    close(ends[0]);
    if (testing::Test::HasFatalFailure()) return;

    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    ASSERT_EQ(store->Current().store_id, store_id);
    const uint64_t highest = store->Current().highest_number;
    ASSERT_GE(highest, last.number);
    const int open_batch = BatchSize(last.number + 1);
    ASSERT_TRUE(highest == last.number || highest == last.number + open_batch) << "a part of a batch";
    cut_in_commit += highest == last.number ? 0 : 1;
    ASSERT_GE(store->Current().settled_through, last.settled);
    const auto records = ReadAll(*store, store->Current().id);
    ASSERT_TRUE(records.ok()) << records.status();
    ASSERT_EQ(records->size(), highest);
    ASSERT_NO_FATAL_FAILURE(ExpectChained(store_id, *records));
    for (const StoredRecord& record : *records) ASSERT_EQ(record.payload, PayloadOf(record.number));

    const IntakePosition position = store->Position("gcms-1");
    ASSERT_GE(position.read_through, last.intake);
    const auto open = store->OpenIntake("gcms-1");
    ASSERT_EQ(open.size(), 1u);
    ASSERT_EQ(open[0].offset, position.closed_through);
    ASSERT_EQ(open[0].bytes, PayloadOf(position.closed_through));
    ASSERT_EQ(store->ReadIntake("gcms-1", 0, position.read_through)->size(), position.read_through);
  }
  RecordProperty("kills_between_commit_and_acknowledgement", cut_in_commit);
}

// Nothing acknowledged goes missing either where the kill falls into the opening itself, or into a new generation.
TEST(StoreCrash, AKillWhileAGenerationBeginsLosesAndDoublesNothing) {
  const StoreFolder folder(true);
  std::mt19937 random(11);
  constexpr uint64_t kRecords = 400;
  for (uint64_t first = 1; first <= kRecords; first += 100) {
    ASSERT_TRUE(MustOpen(OptionsFor(folder))->Commit(NumberedBatch(first, 100)).ok());
  }
  int begun = 0;
  std::string before = MustOpen(OptionsFor(folder))->Current().store_id;
  for (int kill_number = 0; kill_number < 25; ++kill_number) {
    SCOPED_TRACE(absl::StrCat("kill ", kill_number));
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) {
      const absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(OptionsFor(folder));
      if (!store.ok() || write(ends[1], "o", 1) != 1) _exit(1);
      while ((*store)->BeginGeneration((*store)->Current().id, 1, "a test").ok() && write(ends[1], "b", 1) == 1) {
      }
      _exit(2);
    }
    close(ends[1]);
    // 0: it dies while it opens. 1: in its first new generation. More: in a later one.
    for (int wait = kill_number % 4; wait > 0; --wait) {
      pollfd ready{ends[0], POLLIN, 0};
      ASSERT_EQ(poll(&ready, 1, 60'000), 1) << "the child hangs";
      char heard = 0;
      ASSERT_EQ(read(ends[0], &heard, 1), 1);
    }
    const auto until = std::chrono::steady_clock::now() +
                       std::chrono::microseconds(std::uniform_int_distribution<int>(0, 12'000)(random));
    while (std::chrono::steady_clock::now() < until) {
    }
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int state = 0;
    ASSERT_EQ(waitpid(child, &state, 0), child);
    ASSERT_TRUE(WIFSIGNALED(state)) << "the child ended by itself with " << WEXITSTATUS(state);
    close(ends[0]);
    const auto store = MustOpen(OptionsFor(folder));
    ASSERT_NE(store, nullptr);
    const Generation current = store->Current();
    begun += current.store_id == before ? 0 : 1;
    before = current.store_id;
    ASSERT_EQ(store->OldestUnsettled().id, current.id);
    const auto records = ReadAll(*store, current.id);
    ASSERT_TRUE(records.ok()) << records.status();
    ASSERT_EQ(records->size(), kRecords);
    ASSERT_NO_FATAL_FAILURE(ExpectChained(current.store_id, *records));
    for (const StoredRecord& record : *records) ASSERT_EQ(record.payload, PayloadOf(record.number));
  }
  EXPECT_GT(begun, 5);
}

}  // namespace
}  // namespace dims
