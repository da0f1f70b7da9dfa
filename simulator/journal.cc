#include "simulator/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims {
namespace {

// Length of the UTF-8 character at the head of `text`; 0 if there is none.
std::size_t CharacterLength(absl::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) || (lead == 0xf0 && byte(1) < 0x90) ||
      (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    if (length == 0) {
      out += "\\ufffd";
    } else if (static_cast<unsigned char>(text[0]) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", text[0]);
    } else {
      if (text[0] == '"' || text[0] == '\\') out += '\\';
      absl::StrAppend(&out, text.substr(0, length));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + "\"";
}

}  // namespace

JournalLine::JournalLine(absl::string_view event, absl::string_view instrument, absl::Time t) {
  Text("event", event).Text("instrument", instrument).Time("t", t);
}

JournalLine::JournalLine(absl::string_view event, absl::Time t) { Text("event", event).Time("t", t); }

JournalLine& JournalLine::Text(absl::string_view name, absl::string_view value) {
  absl::StrAppend(&fields_, fields_.empty() ? "" : ",", Quoted(name), ":", Quoted(value));
  return *this;
}

JournalLine& JournalLine::Number(absl::string_view name, std::uint64_t value) {
  absl::StrAppend(&fields_, ",", Quoted(name), ":", value);
  return *this;
}

JournalLine& JournalLine::Time(absl::string_view name, absl::Time value) {
  const std::int64_t ms = absl::ToUnixMillis(value);
  absl::StrAppendFormat(&fields_, ",%s:%d.%03d", Quoted(name), ms / 1000, ms % 1000);
  return *this;
}

std::string JournalLine::Json() const { return absl::StrCat("{", fields_, "}\n"); }

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path) {
  const int fd = path.empty() ? -1 : open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0 && !path.empty()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open the log \"", path, "\""));
  return std::unique_ptr<Journal>(new Journal(path, fd));
}

Journal::~Journal() {
  if (fd_ >= 0) close(fd_);
}

absl::Status Journal::Write(const JournalLine& line) {
  if (fd_ < 0) return absl::OkStatus();
  const std::string json = line.Json();
  const ssize_t size = write(fd_, json.data(), json.size());
  if (size == static_cast<ssize_t>(json.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(size < 0 ? errno : ENOSPC, absl::StrCat("cannot write the log \"", path_, "\""));
}

}  // namespace dims
