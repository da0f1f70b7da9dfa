#include "registry/high_water.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/hash.h"

namespace dims {
namespace {

// Eight marks in two pages, the first slots in one, the second in the other: no page, torn, spoils both of a mark.
constexpr uint64_t kSlotBytes = 512, kPageBytes = 4096, kSlotsInPage = kPageBytes / kSlotBytes;

constexpr absl::string_view kNotTold = "-";

uint64_t SlotAt(uint64_t place, uint64_t sequence) {
  return (2 * (place / kSlotsInPage) + sequence % 2) * kPageBytes + place % kSlotsInPage * kSlotBytes;
}

// The names are at most 64 bytes each (identity.h, stream.cc): the line always fits.
std::string ToSlot(const HighWater::Cell& cell) {
  const HighWater::Mark& mark = cell.mark;
  std::string line =
      absl::StrCat("dims-high 1 ", cell.sequence, " ", mark.store.laboratory, " ", mark.store.bridge, " ",
                   mark.store.store_id, " ", mark.settled_through, " ", absl::BytesToHexString(mark.settled_hash));
  absl::StrAppend(&line, " ", mark.told.empty() ? kNotTold : mark.told);
  absl::StrAppend(&line, " ", absl::BytesToHexString(Sha256::Of(line)));
  line.resize(kSlotBytes - 1, ' ');
  return line + "\n";
}

bool FromSlot(absl::string_view slot, HighWater::Cell& cell) {
  const std::vector<absl::string_view> words = absl::StrSplit(slot, ' ', absl::SkipEmpty());
  if (words.size() < 10 || words[0] != "dims-high" || words[1] != "1") return false;
  const absl::string_view checked = slot.substr(0, words[8].end() - slot.begin());
  if (absl::BytesToHexString(Sha256::Of(checked)) != words[9]) return false;
  cell.mark.store = {std::string(words[3]), std::string(words[4]), std::string(words[5])};
  cell.mark.settled_hash = absl::HexStringToBytes(words[7]);
  if (words[8] != kNotTold) cell.mark.told = std::string(words[8]);
  return absl::SimpleAtoi(words[2], &cell.sequence) && absl::SimpleAtoi(words[6], &cell.mark.settled_through);
}

}  // namespace

absl::StatusOr<HighWater::Found> HighWater::Load(const std::string& path) {
  Found found;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return found;
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read \"", path, "\""));
  }
  struct stat status {};
  found.whole = fstat(fd, &status) == 0;
  found.places = (static_cast<uint64_t>(status.st_size) + 2 * kPageBytes - 1) / (2 * kPageBytes) * kSlotsInPage;
  std::string slot(kSlotBytes, '\0');
  for (uint64_t place = 0; place < found.places; ++place) {
    Cell best{.place = place};
    bool valid = false, blank = true;
    for (const uint64_t side : {0, 1}) {
      std::fill(slot.begin(), slot.end(), '\0');
      if (pread(fd, slot.data(), slot.size(), static_cast<off_t>(SlotAt(place, side))) < 0) blank = false;
      if (slot.find_first_not_of('\0') == std::string::npos) continue;
      blank = false;
      Cell cell{.place = place};
      if (!FromSlot(slot, cell) || (valid && cell.sequence < best.sequence)) continue;
      valid = true;
      best = std::move(cell);
    }
    if (valid) found.cells.push_back(std::move(best));
    if (!valid && !blank) found.whole = false;
  }
  close(fd);
  return found;
}

absl::StatusOr<std::unique_ptr<HighWater>> HighWater::Open(const std::string& path, const Found& found) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write \"", path, "\""));
  // What cannot be read would be an alarm at every start. Lines that can are kept.
  std::unique_ptr<HighWater> file(new HighWater(path, fd, found));
  if (!found.whole && ftruncate(fd, 0) == 0) {
    file->next_place_ = 0;
    for (auto& [name, cell] : file->cells_) {
      cell.place = file->next_place_++;
      file->Write(cell);
    }
  }
  return file;
}

HighWater::HighWater(std::string path, int fd, const Found& found)
    : path_(std::move(path)), fd_(fd), next_place_(found.places) {
  std::vector<bool> used(found.places);
  for (const Cell& cell : found.cells) {
    used[cell.place] = true;
    Cell& known = cells_[cell.mark.store];
    if (cell.mark.settled_through >= known.mark.settled_through) known = cell;
  }
  while (next_place_ > 0 && !used[next_place_ - 1]) --next_place_;
}

HighWater::~HighWater() {
  if (fd_ >= 0) close(fd_);
}

void HighWater::Write(Cell& cell) {
  if (fd_ < 0) return;
  ++cell.sequence;
  const std::string slot = ToSlot(cell);
  const ssize_t written = pwrite(fd_, slot.data(), slot.size(), static_cast<off_t>(SlotAt(cell.place, cell.sequence)));
  if (written == static_cast<ssize_t>(slot.size())) return;
  spdlog::error("{}: {}; it is left alone until the next start: a restored database may not be noticed", path_,
                written < 0 ? std::strerror(errno) : "only a part was written");
  close(fd_);
  fd_ = -1;
}

void HighWater::Raise(const Mark& mark) {
  const auto [at, added] = cells_.try_emplace(mark.store);
  Cell& cell = at->second;
  if (!added && (mark.settled_through < cell.mark.settled_through || mark == cell.mark)) return;
  if (added) cell.place = next_place_++;
  cell.mark = mark;
  Write(cell);
}

void HighWater::Tell(const StoreName& store, const std::string& epoch) {
  const auto at = cells_.find(store);
  if (at == cells_.end()) return;
  at->second.mark.told = epoch;
  Write(at->second);
}

uint64_t HighWater::SettledThrough(const StoreName& store) const {
  const auto at = cells_.find(store);
  return at == cells_.end() ? 0 : at->second.mark.settled_through;
}

}  // namespace dims
