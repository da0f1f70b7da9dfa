#include "simulator/line_end.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kUnheardBytesPerSecond = 100000;  // 1 Mbaud
constexpr std::size_t kLargestPiece = 4096;
// A line that was held up (a stalled reader, a busy machine) makes up for at most so much.
constexpr std::chrono::milliseconds kCatchUp(50);

}  // namespace

LineEnd::LineEnd(const std::string& name, int baud, bool paced, PtyLine& line, Journal& journal)
    : name_(name), baud_(baud), paced_(paced), line_(line), journal_(journal) {}

void LineEnd::Begin(bool wait_for_reader) {
  Note(Event("started").Text("line", line_.slave_path()).Number("baud", baud_));
  spdlog::info("{}: on {}, {}", name_, line_.slave_path(),
               paced_ ? std::to_string(baud_) + " baud" : "as fast as it is read");
  if (!wait_for_reader) return;
  while (Going() && !line_.has_reader()) Attend(kNever);
  WaitUntil(Clock::now() + kSettle);
}

void LineEnd::Attend(Clock::time_point until, bool for_room) {
  line_.Wait(until == kNever ? Clock::now() + std::chrono::hours(1) : until, for_room);
  Look();
}

void LineEnd::WaitUntil(Clock::time_point until) {
  while (Going() && Clock::now() < until) Attend(until);
}

void LineEnd::Look() {
  const PtyLine::Change change = line_.Look();
  // What the reader said before it closed the line is on its way.
  if (!change.heard.empty()) OnHeard(change.heard);
  if (change.closed) {
    OnClosed(change.left_unread);
    Note(Event("closed").Number("left_unread", change.left_unread));
    spdlog::info("{}: the line was closed", name_);
  }
  if (change.opened) NoteSettings("opened");
  if (change.settings && !change.opened) NoteSettings("settings");
}

void LineEnd::NoteSettings(absl::string_view event) {
  const LineSettings s = line_.Settings();
  Note(Event(event)
           .Number("baud", s.baud)
           .Number("bits", s.bits)
           .Text("parity", s.parity)
           .Number("stop", s.stop_bits)
           .Text("flow", s.flow));
  spdlog::info("{}: {}: {} baud, {} bits, parity {}, stop bits {}, flow control {}", name_,
               event == "opened" ? "the line was opened" : "the reader set the line", s.baud, s.bits, s.parity,
               s.stop_bits, s.flow);
  if (paced_ && s.baud != 0 && s.baud != baud_) {
    spdlog::warn("{}: the reader set {} baud, this instrument speaks {}; on a real line it would read garbage", name_,
                 s.baud, baud_);
  }
}

void LineEnd::Say(absl::string_view bytes) {
  free_at_ = std::max(free_at_, Clock::now());
  while (!bytes.empty() && Going()) {
    Look();
    const double rate = paced_ ? baud_ / 10.0 : line_.has_reader() ? 0 : kUnheardBytesPerSecond;
    std::size_t piece = std::min(bytes.size(), kLargestPiece);
    if (rate > 0) {
      piece = std::clamp<std::size_t>(static_cast<std::size_t>(rate / 100), 1, piece);
      free_at_ = std::max(free_at_, Clock::now() - kCatchUp) +
                 std::chrono::duration_cast<Clock::duration>(Seconds(piece / rate));
      WaitUntil(free_at_);
    }
    GiveToLine(bytes.substr(0, piece));
    bytes.remove_prefix(piece);
  }
}

void LineEnd::GiveToLine(absl::string_view piece) {
  while (!piece.empty() && Going()) {
    if (!line_.has_reader()) return OnSaid(piece.size(), false);
    const absl::StatusOr<std::size_t> size = line_.Write(piece);
    status_.Update(size.status());
    if (!size.ok()) return;
    OnSaid(*size, true);
    piece.remove_prefix(*size);
    if (!piece.empty()) Attend(kNever, true);
  }
}

void LineEnd::WaitUntilTaken(Clock::time_point until) {
  const bool was_stopped = line_.stopped();
  int empty = 0;
  while (status_.ok() && line_.has_reader() && empty < 2 && Clock::now() < until && line_.stopped() == was_stopped) {
    empty = line_.Untaken() == 0 ? empty + 1 : 0;
    Attend(std::min(until, Clock::now() + std::chrono::milliseconds(20)));
  }
}

std::uint64_t LineEnd::TakeBack() {
  // Closing the line takes away what the reader has not read: it gets a moment, then the rest is counted.
  WaitUntilTaken(Clock::now() + kSettle);
  return line_.TakeBack();
}

}  // namespace dims
