// Disks that fail, fill up, turn read-only or lose power under a process that commits: what it said is there is there,
// it ends or refuses as it should, and goes on when the disk is well.
//
// The parts that need a file system of their own need root and a loop device; elsewhere they say that they skip.
// DIMS_DISK_FAULTS=300 fails each of the first 300 calls instead of a sample, DIMS_POWER_CUTS=50 cuts so often.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <ostream>
#include <random>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "tests/store_fixture.h"

extern char** environ;

namespace dims {
namespace {

constexpr char kLine[] = "gcms-1";

int FromEnvironment(const char* name, int otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoi(value);
}

// The last that a writer said.
struct Told {
  std::string store_id;
  uint64_t number = 0, settled = 0, intake = 0;
  int commits = 0, refusals = 0;
};

// A store_writer, from its start to its end.
class Writer {
 public:
  Writer(const std::string& store, int commits, const std::vector<std::string>& disk = {}, int records = 0) {
    int out[2], err[2];
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(err, O_CLOEXEC), 0);
    std::vector<std::string> arguments = {DIMS_BINARY_DIR "/tests/store_writer", store, absl::StrCat(commits),
                                          absl::StrCat(records)};
    std::vector<std::string> settings = disk;
    if (!disk.empty()) {
      settings.push_back(absl::StrCat("LD_PRELOAD=", DIMS_BINARY_DIR, "/tests/libdims_disk_shim.so"));
      // A build with the address sanitizer would rather be loaded first.
      const char* const options = std::getenv("ASAN_OPTIONS");
      settings.push_back(absl::StrCat("ASAN_OPTIONS=", options == nullptr ? "" : options, ":verify_asan_link_order=0"));
    }
    std::vector<char*> argv, environment;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    for (std::string& setting : settings) environment.push_back(setting.data());  // first: the first one counts
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err[1], STDERR_FILENO);
    EXPECT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environment.data()), 0) << argv[0];
    posix_spawn_file_actions_destroy(&files);
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Writer() {
    if (pid_ > 0) kill(pid_, SIGKILL);
    Wait();
    close(out_);
    close(err_);
  }

  // Reads what it says until so many commits were told in all, or it has ended.
  void Hear(int commits) {
    while (told_.commits < commits) {
      pollfd ready{out_, POLLIN, 0};
      ASSERT_EQ(poll(&ready, 1, 60'000), 1) << "the writer hangs";
      if (!Read()) return;
    }
  }
  // What it has said by now.
  const Told& HearAll() {
    for (pollfd ready{out_, POLLIN, 0}; poll(&ready, 1, 0) == 1 && Read();) {
    }
    return told_;
  }
  // Its exit code, or minus the signal that ended it, after all it had to say.
  int Wait() {
    if (pid_ <= 0) return code_;
    Hear(INT32_MAX);
    std::string more(4096, '\0');
    for (ssize_t got = 0; (got = read(err_, more.data(), more.size())) > 0;) errors_.append(more, 0, got);
    int state = 0;
    EXPECT_EQ(waitpid(std::exchange(pid_, -1), &state, 0) > 0, true);
    return code_ = WIFEXITED(state) ? WEXITSTATUS(state) : -WTERMSIG(state);
  }

  void Signal(int signal) const { EXPECT_EQ(kill(pid_, signal), 0); }
  const Told& told() const { return told_; }
  // It stands still between two system calls: a sync that was under way has ended.
  bool Pause() const { return kill(pid_, SIGSTOP) == 0 && waitpid(pid_, nullptr, WUNTRACED) == pid_; }
  bool Resume() const { return kill(pid_, SIGCONT) == 0; }
  const std::string& errors() const { return errors_; }

 private:
  bool Read() {
    std::string more(4096, '\0');
    const ssize_t got = read(out_, more.data(), more.size());
    if (got <= 0) return false;
    heard_.append(more, 0, got);
    for (std::size_t end = 0; (end = heard_.find('\n')) != std::string::npos; heard_.erase(0, end + 1)) {
      Take(heard_.substr(0, end));
    }
    return true;
  }

  void Take(const std::string& line) {
    if (line == "full") {
      ++told_.refusals;
      return;
    }
    std::istringstream words(line);
    words >> told_.store_id >> told_.number >> told_.settled >> told_.intake;
    ++told_.commits;
  }

  pid_t pid_ = -1;
  int out_ = -1, err_ = -1, code_ = -1;
  std::string heard_, errors_;
  Told told_;
};

// All that was told is there, and the store goes on as the same.
void ExpectKept(const std::string& path, const Told& told) {
  StoreOptions options;
  options.path = path;
  options.laboratory = "lab-1";
  options.bridge = "bridge-1";
  const auto store = MustOpen(options);
  ASSERT_NE(store, nullptr);
  const Generation current = store->Current();
  if (told.commits > 0) {
    ASSERT_EQ(current.store_id, told.store_id) << absl::StrJoin(store->notices(), "; ");
  }
  ASSERT_GE(current.highest_number, told.number);
  ASSERT_GE(current.settled_through, told.settled) << absl::StrJoin(store->notices(), "; ");
  const auto records = ReadAll(*store, current.id);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->empty() ? 0 : records->back().number, current.highest_number);
  std::string previous;
  for (const StoredRecord& record : *records) {
    ASSERT_EQ(record.payload, PayloadOf(record.number));
    ASSERT_TRUE(previous.empty() || record.previous_hash == previous) << record.number;
    previous = record.hash;
  }
  const IntakePosition position = store->Position(kLine);
  ASSERT_GE(position.read_through, told.intake);
  std::string open;
  for (const IntakeEntry& entry : store->OpenIntake(kLine)) open += entry.bytes;
  ASSERT_EQ(open, position.read_through == 0 ? "" : PayloadOf(position.closed_through));
}

// It was the disk's fault, said in one line.
void ExpectDiskFailure(const std::string& errors) {
  EXPECT_TRUE(absl::StartsWith(errors, "dims-bridge: disk failure, file ")) << errors;
  EXPECT_EQ(errors.find('\n'), errors.size() - 1) << errors;
}

struct Fault {
  const char *call, *error;

  friend void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.call << " " << fault.error; }
};

class DiskFault : public testing::TestWithParam<Fault> {};

TEST_P(DiskFault, NeverTakesAwayWhatWasTold) {
  const auto [call, error] = GetParam();
  std::mt19937 random(5);
  std::vector<int> calls;  // which of them fails
  const int all = FromEnvironment("DIMS_DISK_FAULTS", 0);
  for (int n = 1; n <= all; ++n) calls.push_back(n);
  for (int n = 1; all == 0 && n <= 300; n += std::uniform_int_distribution<int>(1, 50)(random)) calls.push_back(n);
  int ended = 0, refused = 0, unharmed = 0;
  for (const int n : calls) {
    SCOPED_TRACE(absl::StrCat(call, " number ", n, " fails with ", error));
    const StoreFolder folder;
    Writer writer(
        folder.path(), 160,
        {absl::StrCat("DIMS_DISK=", folder.folder()), absl::StrCat("DIMS_DISK_FAIL=", call, ":", n, ":", error)});
    const int code = writer.Wait();
    if (code == 70) {
      ExpectDiskFailure(writer.errors());
      ++ended;
    } else if (error == std::string("ENOSPC") && call == std::string("write")) {
      // A full disk is no damage: refused, or, before the store was there, not opened.
      EXPECT_TRUE(code == 0 || (code == 1 && writer.told().commits == 0)) << code << ": " << writer.errors();
      refused += writer.told().refusals + code;
    } else {
      EXPECT_EQ(code, 0) << writer.errors();
      ++unharmed;
    }
    ASSERT_NO_FATAL_FAILURE(ExpectKept(folder.path(), writer.told()));
    Writer next(folder.path(), 3);
    ASSERT_EQ(next.Wait(), 0) << next.errors();
    ASSERT_GT(next.told().number, writer.told().number);
    ASSERT_NO_FATAL_FAILURE(ExpectKept(folder.path(), next.told()));
    ASSERT_FALSE(HasFailure());
  }
  // Where SQLite syncs the folder, once for its journal and once for its log, it takes no notice; the store makes up
  // for it (PowerCutAfterAFailedSyncOfTheFolder). More would be calls that the writer does not get to.
  EXPECT_LE(unharmed, call == std::string("write") ? 0 : 2);
  std::cout << calls.size() << " faults: " << ended << " ended the process, " << refused << " were refused\n";
}
INSTANTIATE_TEST_SUITE_P(Every, DiskFault,
                         testing::Values(Fault{"write", "EIO"}, Fault{"sync", "EIO"}, Fault{"drop", "EIO"},
                                         Fault{"write", "ENOSPC"}, Fault{"sync", "ENOSPC"}),
                         [](const auto& info) { return absl::StrCat(info.param.call, info.param.error); });

// Group commit is what makes a slow disk bearable: ten times the records in a commit are about ten times the rate.
TEST(SlowDisk, TakesAsManyCommitsASecondAsItFlushesHoweverManyRecordsTheyHave) {
  double rates[2];
  for (const int records : {1, 10}) {
    const StoreFolder folder;
    Writer writer(folder.path(), 40, {absl::StrCat("DIMS_DISK=", folder.folder()), "DIMS_DISK_FLUSH_MS=10"}, records);
    writer.Hear(1);
    const auto began = std::chrono::steady_clock::now();
    ASSERT_EQ(writer.Wait(), 0) << writer.errors();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    rates[records == 10] = static_cast<double>((writer.told().commits - 1) * records) / took.count();
    ASSERT_GE(took.count(), 39 * 0.01) << "the disk was not slow";
    ASSERT_NO_FATAL_FAILURE(ExpectKept(folder.path(), writer.told()));
  }
  EXPECT_GT(rates[1], rates[0] * 4);
  std::cout << rates[0] << " records/s one by one, " << rates[1] << " records/s in tens\n";
}

// A process that stood still holds nothing up for good, and says nothing that is not so.
TEST(StoppedProcess, GoesOnWhereItStood) {
  const StoreFolder folder;
  Writer writer(folder.path(), 100);
  writer.Hear(20);
  writer.Signal(SIGSTOP);
  siginfo_t stopped{};
  ASSERT_EQ(waitid(P_ALL, 0, &stopped, WSTOPPED), 0);
  // Nobody else gets in meanwhile.
  EXPECT_TRUE(absl::IsUnavailable(Store::Open(OptionsFor(folder)).status()));
  writer.Signal(SIGCONT);
  ASSERT_EQ(writer.Wait(), 0) << writer.errors();
  ASSERT_NO_FATAL_FAILURE(ExpectKept(folder.path(), writer.told()));
}

// A file system of its own: memory, or ext4 on a loop device.
class Mounted {
 public:
  bool Memory(int mebibytes) {
    mounted_ =
        mount("dims-test", folder_.folder().c_str(), "tmpfs", 0, absl::StrCat("size=", mebibytes, "m").c_str()) == 0;
    return mounted_;
  }
  bool Ext4(int mebibytes) {
    image_ = image_folder_.file(".ext4");
    const int fd = open(image_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool made = fd >= 0 && ftruncate(fd, off_t{mebibytes} << 20) == 0;
    if (fd >= 0) close(fd);
    return made && Run(absl::StrCat("mkfs.ext4 -q -F ", image_)) && Again();
  }
  // Mounts the image (again).
  bool Again() {
    Unmount();
    mounted_ = Run(absl::StrCat("mount -o loop ", image_, " ", folder_.folder()));
    return mounted_;
  }
  void Unmount() {
    if (!std::exchange(mounted_, false)) return;
    EXPECT_TRUE(Run(absl::StrCat("umount ", folder_.folder())));
  }
  // From here on nothing reaches the disk any more, its journal included.
  bool CutPower() const {
    const int fd = open(folder_.folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    uint32_t without_log = 2;                                           // EXT4_GOING_FLAGS_NOLOGFLUSH
    const int cut = ioctl(fd, _IOR('X', 125, uint32_t), &without_log);  // EXT4_IOC_SHUTDOWN
    close(fd);
    return cut == 0;
  }
  // As ext4 does it when it finds an error, files that are open for writing or not.
  bool EmergencyReadOnly() const { return Run(absl::StrCat("mount -o remount,abort ", folder_.folder())); }
  std::string path() const { return folder_.path(); }
  const std::string& folder() const { return folder_.folder(); }
  ~Mounted() { Unmount(); }

 private:
  static bool Run(const std::string& command) { return std::system((command + " 2>/dev/null").c_str()) == 0; }

  const StoreFolder folder_, image_folder_;
  std::string image_;
  bool mounted_ = false;
};

#define DIMS_SKIP_UNLESS(possible)                                                                    \
  if (!(possible)) {                                                                                  \
    GTEST_SKIP() << "*** SKIPPED: only root may mount a file system here, so nothing was proven ***"; \
  }

TEST(FullDisk, RefusesAndGoesOnWhenThereIsRoom) {
  Mounted disk;
  DIMS_SKIP_UNLESS(disk.Memory(4));
  Told told;
  {
    Writer writer(disk.path(), 3000);
    const int code = writer.Wait();
    told = writer.told();
    EXPECT_EQ(code, 2) << "a full disk is refused, and ends nothing: " << writer.errors();
    EXPECT_GT(told.refusals, 0);
    EXPECT_THAT(writer.errors(), testing::HasSubstr("RESOURCE_EXHAUSTED"));
  }
  EXPECT_GT(told.commits, 20);
  ASSERT_EQ(mount("", disk.folder().c_str(), "", MS_REMOUNT, "size=16m"), 0);
  ASSERT_NO_FATAL_FAILURE(ExpectKept(disk.path(), told));
  Writer next(disk.path(), 20);
  ASSERT_EQ(next.Wait(), 0) << next.errors();
  ASSERT_GT(next.told().number, told.number);
  ASSERT_NO_FATAL_FAILURE(ExpectKept(disk.path(), next.told()));
}

TEST(PowerCutOfExt4, LosesNothingThatWasTold) {
  Mounted disk;
  DIMS_SKIP_UNLESS(disk.Ext4(64));
  std::mt19937 random(FromEnvironment("DIMS_SEED", 1));
  Told before;
  const int cuts = FromEnvironment("DIMS_POWER_CUTS", 3);
  for (int cut = 1; cut <= cuts; ++cut) {
    SCOPED_TRACE(absl::StrCat("cut ", cut));
    Told told;
    {
      Writer writer(disk.path(), INT32_MAX);
      writer.Hear(std::uniform_int_distribution<int>(0, 60)(random));
      const auto until = std::chrono::steady_clock::now() +
                         std::chrono::microseconds(std::uniform_int_distribution<int>(0, 5000)(random));
      while (std::chrono::steady_clock::now() < until) {
      }
      // Not what it says during the cut: Linux lets a sync that is under way then succeed in vain, as power does not.
      told = writer.HearAll();
      ASSERT_TRUE(disk.CutPower());
      // It finds out by itself, and says so.
      const int code = writer.Wait();
      if (code == 1 && writer.told().commits == 0) {
        EXPECT_THAT(writer.errors(), testing::HasSubstr("cannot"));  // open
      } else {
        EXPECT_EQ(code, 70);
        ExpectDiskFailure(writer.errors());
      }
    }
    ASSERT_TRUE(disk.Again());
    if (told.commits == 0) told = before;
    ASSERT_NO_FATAL_FAILURE(ExpectKept(disk.path(), told));
    before = told;
  }
  std::cout << cuts << " cuts, " << before.number << " records told\n";
}

TEST(ReadOnlyDisk, EndsTheProcessAndKeepsWhatWasTold) {
  Mounted disk;
  DIMS_SKIP_UNLESS(disk.Ext4(64));
  Told told;
  {
    Writer writer(disk.path(), INT32_MAX);
    writer.Hear(30);
    // Linux lets a sync that is under way meanwhile succeed in vain, for any file.
    ASSERT_TRUE(writer.Pause());
    ASSERT_TRUE(disk.EmergencyReadOnly());
    ASSERT_TRUE(writer.Resume());
    EXPECT_EQ(writer.Wait(), 70) << writer.errors();
    ExpectDiskFailure(writer.errors());
    told = writer.told();
  }
  EXPECT_GE(told.commits, 30);
  ASSERT_TRUE(disk.Again());
  ASSERT_NO_FATAL_FAILURE(ExpectKept(disk.path(), told));
}

}  // namespace
}  // namespace dims
