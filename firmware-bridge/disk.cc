#include "firmware-bridge/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

std::string FolderOf(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : file.substr(0, slash);
}

constexpr std::size_t kMostNoted = 16;

bool WriteAndSync(const std::string& path, int flags, const std::string& text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);
  if (fd < 0) return false;
  bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  written = fsync(fd) == 0 && written;
  close(fd);
  return written;
}

// A disk that fails at every start must not fill up with the notes of it.
void AppendLine(const std::string& path, const std::string& line) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string old; std::getline(file, old);) {
    lines.push_back(old + "\n");
    if (lines.size() == kMostNoted) lines.erase(lines.begin());
  }
  const std::string fresh = path + ".new";
  lines.push_back(line);
  if (lines.size() == kMostNoted && WriteAndSync(fresh, O_TRUNC, absl::StrJoin(lines, "")) &&
      rename(fresh.c_str(), path.c_str()) == 0) {
    return;
  }
  WriteAndSync(path, O_APPEND, line);
}

// The store that a file belongs to: "<store>", "<store>.head", "<store>.head.new", "<store>.head.damaged-<UTC>" ...
std::string StoreOf(absl::string_view file) {
  for (const absl::string_view mark : {".damaged-", ".format-"}) {
    // Behind the last slash: a folder may be called so.
    const std::size_t at = file.rfind(mark), slash = file.rfind('/');
    if (at != file.npos && (slash == file.npos || at > slash)) file = file.substr(0, at);
  }
  absl::ConsumeSuffix(&file, ".new");
  absl::ConsumeSuffix(&file, ".salvage");
  absl::ConsumeSuffix(&file, ".head");
  return std::string(file);
}

}  // namespace

void EndAfterDiskFailure(absl::string_view file, absl::string_view cause) {
  AppendLine(StoreOf(file) + ".failures", absl::StrCat(time(nullptr), " ", cause, "\n"));
  const std::string line =
      absl::StrCat("dims-bridge: disk failure, file \"", file, "\": ", cause,
                   "; ending without closing it, the next start recovers what is on the disk. Check the disk.\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  _exit(kDiskFailureExit);
}

std::vector<DiskFailure> NotedFailures(const std::string& store) {
  std::vector<DiskFailure> failures;
  std::ifstream file(store + ".failures");
  for (std::string line; std::getline(file, line);) {
    const std::pair<absl::string_view, absl::string_view> words = absl::StrSplit(line, absl::MaxSplits(' ', 1));
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(words.first, &seconds)) continue;  // cut off, or damaged
    failures.push_back({absl::FromUnixSeconds(seconds), std::string(words.second)});
    if (failures.size() > kMostNoted) failures.erase(failures.begin());
  }
  return failures;
}

void ForgetFailures(const std::string& store) { unlink((store + ".failures").c_str()); }

void LeaveMark(const std::string& file, absl::string_view cause) {
  AppendLine(file, absl::StrCat(cause, "\n"));
  const int fd = open(FolderOf(file).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

void MarkSuspect(const std::string& store, absl::string_view cause) { LeaveMark(store + ".suspect", cause); }

bool FileExists(const std::string& file) {
  struct stat state;
  return stat(file.c_str(), &state) == 0;
}

bool IsOnReadOnlyDisk(const std::string& file) {
  struct statvfs disk;
  return statvfs(FolderOf(file).c_str(), &disk) == 0 && (disk.f_flag & ST_RDONLY) != 0;
}

absl::Status SyncFolderOf(const std::string& file) {
  const std::string folder = FolderOf(file);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open folder \"", folder, "\""));
  if (fsync(fd) != 0) {
    EndAfterDiskFailure(file, absl::StrCat("fsync of its folder: ", absl::ErrnoToStatus(errno, "").ToString()));
  }
  close(fd);
  return absl::OkStatus();
}

uint64_t FileBytes(const std::string& file) {
  struct stat state;
  return stat(file.c_str(), &state) == 0 ? static_cast<uint64_t>(state.st_size) : 0;
}

uint64_t DiskFreeBytes(const std::string& file) {
  struct statvfs disk;
  if (statvfs(FolderOf(file).c_str(), &disk) != 0) return std::numeric_limits<uint64_t>::max();
  return uint64_t{disk.f_bavail} * disk.f_frsize;
}

}  // namespace dims
