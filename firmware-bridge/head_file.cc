#include "firmware-bridge/head_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/disk.h"
#include "firmware-bridge/sqlite.h"
#include "proto/failpoint.h"
#include "proto/hash.h"

namespace dims::store_db {
namespace {

constexpr std::size_t kSlotBytes = 512;      // what one Write writes: one sector
constexpr std::size_t kSlotDistance = 4096;  // so that no sector, of whatever size, holds both
constexpr std::size_t kCountAt = 2 * kSlotDistance;
constexpr std::size_t kFileBytes = 3 * kSlotDistance;
constexpr std::size_t kOldFileBytes = 2 * kSlotDistance;  // before commits were counted

std::string Cause(absl::string_view call) { return absl::StrCat(call, ": ", strerror(errno)); }

std::string Seal(std::string line) {
  absl::StrAppend(&line, " ", absl::BytesToHexString(Sha256::Of(line)));
  line.resize(kSlotBytes - 1, ' ');
  return line + "\n";
}

// The words of a slot, without its checksum; none where that is wrong.
std::vector<absl::string_view> Unseal(absl::string_view slot, absl::string_view name, std::size_t count) {
  const std::vector<absl::string_view> words = absl::StrSplit(slot, ' ', absl::SkipEmpty());
  if (words.size() < count + 1 || words[0] != name || words[1] != "1") return {};
  const absl::string_view checked = slot.substr(0, words[count - 1].end() - slot.begin());
  if (absl::BytesToHexString(Sha256::Of(checked)) != words[count]) return {};
  return {words.begin(), words.begin() + static_cast<std::ptrdiff_t>(count)};
}

std::string ToSlot(const Head& head, uint64_t sequence) {
  return Seal(absl::StrCat("dims-head 1 ", sequence, " ", head.store_id, " ", head.number, " ",
                           absl::BytesToHexString(head.hash)));
}

bool FromSlot(absl::string_view slot, Head& head, uint64_t& sequence) {
  const std::vector<absl::string_view> words = Unseal(slot, "dims-head", 6);
  if (words.empty()) return false;
  head.store_id = std::string(words[3]);
  head.hash = absl::HexStringToBytes(words[5]);
  return absl::SimpleAtoi(words[2], &sequence) && absl::SimpleAtoi(words[4], &head.number);
}

void WriteAt(const std::string& path, int fd, std::size_t at, absl::string_view slot) {
  const ssize_t written = pwrite(fd, slot.data(), slot.size(), static_cast<off_t>(at));
  if (written < 0) EndAfterDiskFailure(path, Cause("write"));
  if (written != static_cast<ssize_t>(slot.size())) EndAfterDiskFailure(path, "write: only a part was written");
}

void WriteSlot(const std::string& path, int fd, const Head& head, uint64_t sequence) {
  WriteAt(path, fd, (sequence % 2) * kSlotDistance, ToSlot(head, sequence));
}

}  // namespace

absl::StatusOr<HeadFile::Found> HeadFile::Load(const std::string& path) {
  Found found;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return found;
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
  }
  std::string bytes(kFileBytes, '\0');
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  if (got < 0) EndAfterDiskFailure(path, Cause("read"));
  close(fd);
  found.state = State::kDamaged;
  int valid = 0;
  for (const std::size_t at : {std::size_t{0}, kSlotDistance}) {
    Head head;
    uint64_t sequence = 0;
    if (!FromSlot(absl::string_view(bytes).substr(at, kSlotBytes), head, sequence)) continue;
    ++valid;
    if (found.state == State::kValid && sequence < found.sequence) continue;
    found.state = State::kValid;
    found.head = std::move(head);
    found.sequence = sequence;
  }
  found.whole = valid == 2 && got == static_cast<ssize_t>(kFileBytes);
  found.damaged = valid < 2 || got < static_cast<ssize_t>(kOldFileBytes);
  CommitCount count;
  const std::vector<absl::string_view> words =
      Unseal(absl::string_view(bytes).substr(kCountAt, kSlotBytes), "dims-commits", 4);
  if (!words.empty() && absl::SimpleAtoi(words[3], &count.commits)) {
    count.store_id = std::string(words[2]);
    found.count = std::move(count);
  }
  return found;
}

absl::StatusOr<std::unique_ptr<HeadFile>> HeadFile::Open(const std::string& path, const Found& found,
                                                         const Head& head) {
  // A whole file is written in place: that works on a full disk, too.
  if (!found.whole) return Create(path, head);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write \"", path, "\""));
  std::unique_ptr<HeadFile> file(new HeadFile(path, fd, found.sequence));
  if (!(found.head == head)) file->Write(head);
  return file;
}

absl::StatusOr<std::unique_ptr<HeadFile>> HeadFile::Create(const std::string& path, const Head& head) {
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot create \"", fresh, "\""));
  std::unique_ptr<HeadFile> file(new HeadFile(path, fd, 2));
  // Its blocks are its own from here on: a later Write changes no metadata and needs no space.
  if (const int error = posix_fallocate(fd, 0, kFileBytes); error != 0) {
    return absl::ErrnoToStatus(error, absl::StrCat("cannot create \"", fresh, "\""));
  }
  WriteSlot(fresh, fd, head, 1);
  WriteSlot(fresh, fd, head, 2);
  if (fsync(fd) != 0 || DIMS_FAILPOINT("head.create.before")) EndAfterDiskFailure(fresh, Cause("fsync"));
  if (rename(fresh.c_str(), path.c_str()) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot rename \"", fresh, "\" to \"", path, "\""));
  }
  if (DIMS_FAILPOINT("head.create.after")) EndAfterDiskFailure(path, Cause("fsync of its folder"));
  DIMS_RETURN_IF_ERROR(SyncFolderOf(path));
  return file;
}

HeadFile::~HeadFile() { close(fd_); }

void HeadFile::Write(const Head& head) {
  if (DIMS_FAILPOINT("head.write.before")) EndAfterDiskFailure(path_, Cause("write"));
  WriteSlot(path_, fd_, head, ++sequence_);
  if (DIMS_FAILPOINT("head.write.sync") || fdatasync(fd_) != 0) EndAfterDiskFailure(path_, Cause("fdatasync"));
  (void)DIMS_FAILPOINT("head.write.after");
}

void HeadFile::Note(const CommitCount& count) {
  WriteAt(path_, fd_, kCountAt, Seal(absl::StrCat("dims-commits 1 ", count.store_id, " ", count.commits)));
}

}  // namespace dims::store_db
