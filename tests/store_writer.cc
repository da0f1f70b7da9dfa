// Commits to a store and says on standard output what it was told: for tests that make its disk fail.
//
//   store_writer STORE COMMITS [RECORDS]
//
// One line for each commit, written whole once it is OK: the store id, the highest number, what is settled, and how
// much of the intake is read. Record n is PayloadOf(n); one commit has RECORDS, or 1 to 12. A store that is full is
// offered the same batch once more after what waits was settled; each refusal is a line "full". Exit codes: 0 at the
// end, 1 where the store does not open, 2 where it takes a batch no more, 70 after a failure of the disk.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/store_fixture.h"

namespace dims {
namespace {

void Say(const std::string& line) {
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) _exit(3);
}

int Write(const char* path, int commits, int records) {
  StoreOptions options;
  options.path = path;
  options.laboratory = "lab-1";
  options.bridge = "bridge-1";
  options.keep_settled = absl::Hours(1);
  options.keep_intake = absl::Hours(2);
  absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  options.now = [&now] { return now; };
  const absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(options);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.status().ToString().c_str());
    return 1;
  }
  Store& store = **opened;
  for (int commit = 0; commit < commits; ++commit) {
    const Generation current = store.Current();
    const uint64_t first = current.highest_number + 1;
    now = absl::FromUnixSeconds(1'800'000'000) + absl::Minutes(5) * static_cast<double>(first);
    Batch batch =
        NumberedBatch(first, records > 0 ? records : 1 + static_cast<unsigned char>(PayloadOf(first).back()) % 12);
    SessionBatch& session = batch.sessions[0];
    const uint64_t read = store.Position(session.instrument).read_through;
    session.entries.push_back({IntakeEntry::Kind::kIn, read, now, PayloadOf(read), {}});
    session.closed_through = read;
    absl::Status status = store.Commit(batch);
    if (absl::IsResourceExhausted(status)) {
      Say("full\n");
      const Generation oldest = store.OldestUnsettled();
      status = store.Settle(oldest.id, oldest.highest_number);
      if (status.ok()) status = store.Commit(batch);
    }
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.ToString().c_str());
      return 2;
    }
    if (first % 3 == 0) {
      // A full store settles, a full disk does not.
      const absl::Status settled = store.Settle(current.id, first / 2);
      if (absl::IsResourceExhausted(settled)) {
        Say("full\n");
      } else if (!settled.ok()) {
        return 2;
      }
    }
    const Generation after = store.Current();
    Say(absl::StrCat(after.store_id, " ", after.highest_number, " ", after.settled_through, " ",
                     store.Position(session.instrument).read_through, "\n"));
  }
  return 0;
}

}  // namespace
}  // namespace dims

int main(int argc, char** argv) {
  if (argc < 3) return 3;
  return dims::Write(argv[1], std::atoi(argv[2]), argc > 3 ? std::atoi(argv[3]) : 0);
}
