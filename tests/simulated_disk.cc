#include "tests/simulated_disk.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"

namespace dims {
namespace {

constexpr uint64_t kSector = 512;
constexpr int kFolder = -1;

int Choose(std::mt19937_64& random, std::size_t most) {
  return static_cast<int>(std::uniform_int_distribution<std::size_t>(0, most)(random));
}

void Put(int fd, uint64_t at, const std::string& bytes) {
  EXPECT_EQ(::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at)), static_cast<ssize_t>(bytes.size()));
}

DiskRecorder*& TheRecorder() {
  static DiskRecorder* recorder = nullptr;
  return recorder;
}

}  // namespace

SimulatedDisk::SimulatedDisk(Files files) {
  for (auto& [name, bytes] : files) {
    names_[name] = static_cast<int>(contents_.size());
    contents_.push_back({std::move(bytes), {}});
  }
  synced_names_ = names_;
}

void SimulatedDisk::Apply(const Change& change, std::string& bytes) {
  if (change.resize) {
    bytes.resize(change.at, '\0');
    return;
  }
  if (bytes.size() < change.at + change.bytes.size()) bytes.resize(change.at + change.bytes.size(), '\0');
  bytes.replace(change.at, change.bytes.size(), change.bytes);
}

void SimulatedDisk::Apply(const DiskStep& step) {
  const auto rename = [](const DiskStep& change, std::map<std::string, int>& names) {
    if (change.kind == DiskStep::Kind::kCreate) {
      names[change.name] = change.file;
    } else if (const auto entry = names.find(change.name); entry != names.end()) {
      const int file = entry->second;
      names.erase(entry);
      if (change.kind == DiskStep::Kind::kRename) names[change.to] = file;
    }
  };
  switch (step.kind) {
    case DiskStep::Kind::kWrite:
    case DiskStep::Kind::kResize:
      contents_[step.file].since.push_back({step.kind == DiskStep::Kind::kResize, step.at, step.bytes});
      break;
    case DiskStep::Kind::kSync: {
      Content& content = contents_[step.file];
      for (const Change& change : content.since) Apply(change, content.synced);
      content.since.clear();
      break;
    }
    case DiskStep::Kind::kCreate:
      contents_.resize(std::max<std::size_t>(contents_.size(), step.file + 1));
      [[fallthrough]];
    case DiskStep::Kind::kRename:
    case DiskStep::Kind::kUnlink:
      rename(step, names_);
      renamed_.push_back(step);
      break;
    case DiskStep::Kind::kSyncFolder:
      for (const DiskStep& change : renamed_) rename(change, synced_names_);
      renamed_.clear();
      break;
  }
}

SimulatedDisk::Files SimulatedDisk::Cached() const {
  Files files;
  for (const auto& [name, file] : names_) {
    std::string& bytes = files[name] = contents_[file].synced;
    for (const Change& change : contents_[file].since) Apply(change, bytes);
  }
  return files;
}

void SimulatedDisk::CopyTo(const std::string& folder) const {
  for (const auto& [name, file] : names_) {
    const Content& content = contents_[file];
    const int fd = ::open((folder + "/" + name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    Put(fd, 0, content.synced);
    for (const Change& change : content.since) {
      if (change.resize) {
        EXPECT_EQ(::ftruncate(fd, static_cast<off_t>(change.at)), 0);
      } else {
        Put(fd, change.at, change.bytes);
      }
    }
    ::close(fd);
  }
}

SimulatedDisk::Files SimulatedDisk::AfterPowerCut(std::mt19937_64& random) const {
  SimulatedDisk left;
  left.contents_.resize(contents_.size());
  left.names_ = synced_names_;
  const int mode = Choose(random, 3);
  const std::size_t first = mode == 2 ? Choose(random, renamed_.size()) : 0;
  for (std::size_t i = 0; i < renamed_.size(); ++i) {
    const bool lasts = mode == 1 || (mode == 2 && i < first) || (mode == 3 && Choose(random, 1) == 1);
    if (lasts) left.Apply(renamed_[i]);
  }
  Files files;
  for (const auto& [name, file] : left.names_) files[name] = Torn(contents_[file], random);
  return files;
}

std::string SimulatedDisk::Torn(const Content& content, std::mt19937_64& random) {
  std::string bytes = content.synced;
  const std::vector<Change>& since = content.since;
  if (since.empty()) return bytes;
  const int mode = Choose(random, 3);
  if (mode < 3) {
    const std::size_t kept = mode == 0 ? 0 : mode == 1 ? since.size() : Choose(random, since.size());
    for (std::size_t i = 0; i < kept; ++i) Apply(since[i], bytes);
    return bytes;
  }
  // How many of its changes each sector has seen; how many of the new sizes; and whether the file has the size, but not
  // the bytes, of what was appended.
  std::map<uint64_t, int> versions;
  std::size_t resizes = 0;
  uint64_t end = 0;
  for (const Change& change : since) {
    if (change.resize) {
      ++resizes;
      continue;
    }
    for (uint64_t sector = change.at / kSector; sector * kSector < change.at + change.bytes.size(); ++sector) {
      ++versions[sector];
    }
    end = std::max(end, change.at + change.bytes.size());
  }
  for (auto& [sector, left] : versions) left = Choose(random, left);
  std::size_t resizes_left = Choose(random, resizes);
  if (resizes == 0 && Choose(random, 1) == 1) bytes.resize(std::max<uint64_t>(bytes.size(), end), '\0');
  for (const Change& change : since) {
    if (change.resize) {
      if (resizes_left > 0) {
        --resizes_left;
        Apply(change, bytes);
      }
      continue;
    }
    const uint64_t behind = change.at + change.bytes.size();
    for (uint64_t from = change.at; from < behind;) {
      const uint64_t to = std::min(behind, (from / kSector + 1) * kSector);
      if (int& left = versions[from / kSector]; left > 0) {
        --left;
        if (bytes.size() < to) bytes.resize(to, '\0');
        bytes.replace(from, to - from, change.bytes, from - change.at, to - from);
      }
      from = to;
    }
  }
  return bytes;
}

DiskRecorder::DiskRecorder(std::string folder, const SimulatedDisk& before)
    : folder_(std::move(folder)), names_(before.names()) {
  sizes_.resize(before.files());
  for (const auto& [name, file] : names_) {
    struct stat state;
    if (stat((folder_ + "/" + name).c_str(), &state) == 0) sizes_[file] = state.st_size;
  }
  TheRecorder() = this;
}

DiskRecorder::~DiskRecorder() { TheRecorder() = nullptr; }

DiskRecorder* DiskRecorder::Current() { return TheRecorder(); }

std::string DiskRecorder::NameOf(const std::string& path) const {
  return absl::StartsWith(path, folder_ + "/") ? path.substr(folder_.size() + 1) : "";
}

bool DiskRecorder::IsIgnored(int file) const {
  if (ignored_.empty()) return false;
  if (file == kFolder) return ignored_ == "/";
  return std::any_of(names_.begin(), names_.end(),
                     [&](const auto& entry) { return entry.second == file && absl::EndsWith(entry.first, ignored_); });
}

void DiskRecorder::Opened(int fd, const std::string& path, bool was_there, bool emptied) {
  if (path == folder_) open_[fd] = kFolder;
  const std::string name = NameOf(path);
  if (name.empty()) return;
  if (!was_there) {
    names_[name] = static_cast<int>(sizes_.size());
    sizes_.push_back(0);
    steps_.push_back({.kind = DiskStep::Kind::kCreate, .file = names_[name], .name = name});
  }
  open_[fd] = names_.at(name);
  if (emptied && was_there) Resized(fd, 0, false);
}

void DiskRecorder::Wrote(int fd, uint64_t at, const void* bytes, std::size_t size) {
  const auto open = open_.find(fd);
  if (open == open_.end()) return;
  uint64_t& end = sizes_[open->second];
  end = std::max(end, at + size);
  steps_.push_back({.kind = DiskStep::Kind::kWrite,
                    .file = open->second,
                    .at = at,
                    .bytes = std::string(static_cast<const char*>(bytes), size)});
}

void DiskRecorder::Resized(int fd, uint64_t size, bool only_larger) {
  const auto open = open_.find(fd);
  if (open == open_.end()) return;
  uint64_t& end = sizes_[open->second];
  if (end == size || (only_larger && size < end)) return;
  end = size;
  steps_.push_back({.kind = DiskStep::Kind::kResize, .file = open->second, .at = size});
}

bool DiskRecorder::Fails(int fd) const {
  const auto open = open_.find(fd);
  return fails_folder_data_syncs_ && open != open_.end() && open->second == kFolder;
}

void DiskRecorder::Synced(int fd) {
  const auto open = open_.find(fd);
  if (open == open_.end() || IsIgnored(open->second)) return;
  const bool folder = open->second == kFolder;
  steps_.push_back({.kind = folder ? DiskStep::Kind::kSyncFolder : DiskStep::Kind::kSync, .file = open->second});
}

void DiskRecorder::Renamed(const std::string& from, const std::string& to) {
  const std::string name = NameOf(from);
  if (name.empty()) return;
  names_[NameOf(to)] = names_.at(name);
  names_.erase(name);
  steps_.push_back({.kind = DiskStep::Kind::kRename, .name = name, .to = NameOf(to)});
}

void DiskRecorder::Unlinked(const std::string& path) {
  const std::string name = NameOf(path);
  if (name.empty()) return;
  names_.erase(name);
  steps_.push_back({.kind = DiskStep::Kind::kUnlink, .name = name});
}

namespace {

int OpenRecorded(const char* path, int flags, unsigned mode) {
  DiskRecorder* const recorder = DiskRecorder::Current();
  struct stat state;
  const bool was_there = recorder == nullptr || stat(path, &state) == 0;
  const int fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  if (recorder != nullptr && fd >= 0) recorder->Opened(fd, path, was_there, (flags & O_TRUNC) != 0);
  return fd;
}

ssize_t PwriteRecorded(int fd, const void* bytes, std::size_t size, off_t at) {
  const ssize_t written = syscall(SYS_pwrite64, fd, bytes, size, at);
  if (DiskRecorder* const recorder = DiskRecorder::Current(); recorder != nullptr && written > 0) {
    recorder->Wrote(fd, at, bytes, written);
  }
  return written;
}

int ResizeRecorded(int fd, off_t size) {
  const int failed = static_cast<int>(syscall(SYS_ftruncate, fd, size));
  if (DiskRecorder* const recorder = DiskRecorder::Current(); recorder != nullptr && failed == 0) {
    recorder->Resized(fd, size, false);
  }
  return failed;
}

int SyncRecorded(int call, int fd) {
  if (const DiskRecorder* recorder = DiskRecorder::Current();
      recorder != nullptr && call == SYS_fdatasync && recorder->Fails(fd)) {
    errno = EIO;
    return -1;
  }
  const int failed = static_cast<int>(syscall(call, fd));
  if (DiskRecorder* const recorder = DiskRecorder::Current(); recorder != nullptr && failed == 0) recorder->Synced(fd);
  return failed;
}

}  // namespace
}  // namespace dims

// A program's own functions come before the C library's, for the shared libraries it uses as well.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return dims::OpenRecorded(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
  va_end(arguments);
  return dims::OpenRecorded(path, flags, mode);
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) { return dims::PwriteRecorded(fd, bytes, size, at); }
ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  return dims::PwriteRecorded(fd, bytes, size, at);
}
int ftruncate(int fd, off_t size) noexcept { return dims::ResizeRecorded(fd, size); }
int ftruncate64(int fd, off64_t size) noexcept { return dims::ResizeRecorded(fd, size); }
int fsync(int fd) { return dims::SyncRecorded(SYS_fsync, fd); }
int fdatasync(int fd) { return dims::SyncRecorded(SYS_fdatasync, fd); }

int posix_fallocate(int fd, off_t at, off_t size) {
  const int failed = syscall(SYS_fallocate, fd, 0, at, size) == 0 ? 0 : errno;
  if (dims::DiskRecorder* const recorder = dims::DiskRecorder::Current(); recorder != nullptr && failed == 0) {
    recorder->Resized(fd, at + size, true);
  }
  return failed;
}

int rename(const char* from, const char* to) noexcept {
  const int failed = static_cast<int>(syscall(SYS_rename, from, to));
  if (dims::DiskRecorder* const recorder = dims::DiskRecorder::Current(); recorder != nullptr && failed == 0) {
    recorder->Renamed(from, to);
  }
  return failed;
}

int unlink(const char* path) noexcept {
  const int failed = static_cast<int>(syscall(SYS_unlink, path));
  if (dims::DiskRecorder* const recorder = dims::DiskRecorder::Current(); recorder != nullptr && failed == 0) {
    recorder->Unlinked(path);
  }
  return failed;
}

int close(int fd) {
  if (dims::DiskRecorder* const recorder = dims::DiskRecorder::Current(); recorder != nullptr) recorder->Closed(fd);
  return static_cast<int>(syscall(SYS_close, fd));
}

}  // extern "C"
