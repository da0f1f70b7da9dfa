#include "firmware-bridge/store_pages.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "absl/strings/string_view.h"
#include "firmware-bridge/disk.h"

namespace dims::store_db {
namespace {

constexpr std::size_t kLogHeader = 32, kFrameHeader = 24;
constexpr uint64_t kMostColumns = 32;

uint64_t BigEndian(absl::string_view bytes, std::size_t at, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

class File {
 public:
  explicit File(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)), size_(FileBytes(path)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  uint64_t size() const { return fd_ < 0 ? 0 : size_; }
  // Empty where it cannot be read.
  std::string Read(uint64_t at, std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = fd_ < 0 ? -1 : pread(fd_, bytes.data(), size, static_cast<off_t>(at));
    return got == static_cast<ssize_t>(size) ? bytes : std::string();
  }

 private:
  const int fd_;
  const uint64_t size_;
};

// The checksum of the log goes on from frame to frame.
void Add(absl::string_view bytes, bool big_endian, uint32_t sums[2]) {
  const auto word = [&](std::size_t at) {
    uint32_t value = static_cast<uint32_t>(BigEndian(bytes, at, 4));
    return big_endian ? value : __builtin_bswap32(value);
  };
  for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    sums[0] += word(at) + sums[1];
    sums[1] += word(at + 4) + sums[0];
  }
}

// Where in the log the latest committed image of each page is.
std::unordered_map<uint64_t, uint64_t> CommittedPages(const File& log) {
  std::unordered_map<uint64_t, uint64_t> committed, open;
  const std::string header = log.Read(0, kLogHeader);
  if (header.empty() || BigEndian(header, 8, 4) != kPageBytes) return committed;
  const bool big_endian = (BigEndian(header, 0, 4) & 1) != 0;
  uint32_t sums[2] = {0, 0};
  Add(absl::string_view(header).substr(0, 24), big_endian, sums);
  for (uint64_t at = kLogHeader; at + kFrameHeader + kPageBytes <= log.size(); at += kFrameHeader + kPageBytes) {
    const std::string frame = log.Read(at, kFrameHeader + kPageBytes);
    if (frame.empty() || frame.compare(8, 8, header, 16, 8) != 0) break;
    Add(absl::string_view(frame).substr(0, 8), big_endian, sums);
    Add(absl::string_view(frame).substr(kFrameHeader), big_endian, sums);
    if (BigEndian(frame, 16, 4) != sums[0] || BigEndian(frame, 20, 4) != sums[1]) break;
    open[BigEndian(frame, 0, 4)] = at + kFrameHeader;
    if (BigEndian(frame, 4, 4) == 0) continue;
    for (const auto& [page, where] : open) committed[page] = where;
    open.clear();
  }
  return committed;
}

// Numbers of one to nine bytes; nothing where the bytes end.
std::optional<uint64_t> Varint(absl::string_view bytes, std::size_t& at) {
  uint64_t value = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    if (i == 8) return value << 8 | byte;
    value = value << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) return value;
  }
  return value;
}

// Sizes of integers by serial type.
constexpr int kIntegerBytes[] = {0, 1, 2, 3, 4, 6, 8};

bool ToColumns(absl::string_view row, std::vector<Value>& columns) {
  std::size_t at = 0;
  const std::optional<uint64_t> header = Varint(row, at);
  if (!header || *header > row.size()) return false;
  std::size_t body = *header;
  const absl::string_view types = row.substr(0, body);
  while (at < types.size()) {
    const std::optional<uint64_t> type = Varint(types, at);
    if (!type || columns.size() == kMostColumns) return false;
    Value& value = columns.emplace_back();
    uint64_t size = 0;
    if (*type >= 12) {
      size = (*type - 12) / 2;
      value.type = *type % 2 == 0 ? Value::Type::kBlob : Value::Type::kText;
    } else if (*type >= 1 && *type <= 6) {
      size = kIntegerBytes[*type];
      value.type = Value::Type::kInteger;
    } else if (*type == 8 || *type == 9) {
      value.type = Value::Type::kInteger;
      value.number = *type == 9 ? 1 : 0;
    } else if (*type != 0) {
      return false;  // a store has no others
    }
    if (size > row.size() - body) return false;
    if (value.type == Value::Type::kInteger && size > 0) {
      const int unused = 64 - 8 * static_cast<int>(size);
      value.number = static_cast<int64_t>(BigEndian(row, body, static_cast<int>(size)) << unused) >> unused;
    } else if (*type >= 12) {
      value.bytes = std::string(row.substr(body, size));
    }
    body += size;
  }
  return true;
}

}  // namespace

void ForEachRowInPages(const std::string& database, const std::string& log, const TakeRow& take,
                       const std::function<void()>& alive) {
  const File file(database), frames(log);
  const std::unordered_map<uint64_t, uint64_t> newer = CommittedPages(frames);
  uint64_t pages = file.size() / kPageBytes;
  for (const auto& [page, where] : newer) pages = std::max(pages, page);
  const auto read = [&](uint64_t page) {
    const auto where = newer.find(page);
    return where == newer.end() ? file.Read((page - 1) * kPageBytes, kPageBytes)
                                : frames.Read(where->second, kPageBytes);
  };
  // What does not fit into its page goes on in others.
  const auto whole = [&](const std::string& page, std::size_t at, uint64_t size) {
    constexpr uint64_t kLocal = kPageBytes - 35, kLeast = (kPageBytes - 12) * 32 / 255 - 23;
    uint64_t local = size;
    if (size > kLocal) {
      local = kLeast + (size - kLeast) % (kPageBytes - 4);
      if (local > kLocal) local = kLeast;
    }
    if (at + local + (local < size ? 4 : 0) > kPageBytes) return std::string();
    std::string row = page.substr(at, local);
    uint64_t next = local < size ? BigEndian(page, at + local, 4) : 0;
    while (row.size() < size) {
      const std::string more = next >= 2 && next <= pages ? read(next) : std::string();
      if (more.empty()) return std::string();
      row.append(more, 4, std::min<uint64_t>(kPageBytes - 4, size - row.size()));
      next = BigEndian(more, 0, 4);
    }
    return row;
  };
  for (uint64_t number = 2; number <= pages; ++number) {
    if (number % 256 == 0) alive();
    const std::string page = read(number);
    if (page.empty()) continue;
    const std::size_t cells = std::min<std::size_t>(BigEndian(page, 3, 2), (kPageBytes - 8) / 2);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      std::size_t at = BigEndian(page, 8 + 2 * cell, 2);
      if (at < 8 || at >= kPageBytes) continue;
      const std::optional<uint64_t> size = Varint(page, at), rowid = Varint(page, at);
      if (!size || !rowid || *size < 4 || *size > pages * kPageBytes) continue;
      std::vector<Value> columns;
      if (ToColumns(whole(page, at, *size), columns)) take(static_cast<int64_t>(*rowid), columns);
    }
  }
}

}  // namespace dims::store_db
