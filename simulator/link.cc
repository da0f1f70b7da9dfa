#include "simulator/link.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace dims {
namespace {

constexpr std::size_t kPiece = 16 * 1024, kMostHeld = 64 * 1024, kMostDelayed = 1024 * 1024;
constexpr std::size_t kSocketBuffer = 256 * 1024, kLeastSocketBuffer = 4 * 1024;
constexpr int kRounds = 64;  // before the caller looks at other things
constexpr std::size_t kMostGarbage = 64;

std::size_t Index(Way way) { return static_cast<std::size_t>(way); }

std::string SideError(bool client) {
  return absl::StrCat(client ? "the client: " : "the server: ", std::strerror(errno));
}

}  // namespace

Link::Link(TcpAddress to, LinkState normal, std::uint64_t seed, Log log)
    : to_(to), normal_(normal), log_(std::move(log)), state_(normal), random_(seed) {
  Apply();
}

void Link::Add(Socket client, absl::string_view from) {
  Connection& connection = connections_.emplace_back();
  connection.number = ++connected_;
  connection.client = std::move(client);
  log_(JournalLine("connected", absl::Now()).Number("connection", connection.number).Text("from", from));
  if (state_.rejected) return Reset(connection, "rejected");
  connection.server = StartConnecting(to_, ReceiveBuffer(Way::kDown));
  if (!connection.server.open()) return Reset(connection, SideError(false));
  SizeBuffers(connection);
}

void Link::Begin(const Fault& fault) {
  state_.Set(fault);
  if (fault.kind == Fault::Kind::kCut && !fault.after) ResetAll("cut");
  for (Connection& connection : connections_) {
    if (fault.kind != Fault::Kind::kHalfOpen || !connection.open() || connection.half_open) continue;
    connection.server.Reset();
    connection.half_open = true;
    connection.connecting = false;
    log_(JournalLine("half-open", absl::Now())
             .Number("connection", connection.number)
             .Number("up", connection.pipes[0].carried)
             .Number("down", connection.pipes[1].carried));
  }
  Apply();
  LogTotals("fault", ToText(fault));
}

void Link::End(const Fault& fault) {
  state_.Restore(fault, normal_);
  FinishOld(fault.kind == Fault::Kind::kHalfOpen);
  Apply();
  LogTotals("healed", ToText(fault));
}

void Link::Heal() {
  state_ = normal_;
  FinishOld(true);
  Apply();
  LogTotals("healed", "");
}

void Link::ResetAll(absl::string_view why) {
  for (Connection& connection : connections_) Reset(connection, why);
}

// What a fault that is healed leaves.
void Link::FinishOld(bool half_open) {
  for (Connection& connection : connections_) {
    if (connection.last_byte != nullptr) Reset(connection, "cut");
    if (half_open && connection.half_open) Reset(connection, "healed, and the server knew nothing of it");
  }
}

void Link::Apply() {
  for (const Way way : kWays) throttles_[Index(way)].SetRate(state_[way].rate, now_);
  for (Connection& connection : connections_) SizeBuffers(connection);
}

std::size_t Link::ReceiveBuffer(Way way) const {
  const std::uint64_t rate = state_[way].rate;
  return rate == 0 ? kSocketBuffer : std::clamp<std::size_t>(rate / 20, kLeastSocketBuffer, kSocketBuffer);
}

void Link::SizeBuffers(Connection& connection) {
  for (const Way way : kWays) {
    if (connection.From(way).open()) connection.From(way).SetReceiveBuffer(ReceiveBuffer(way));
    if (connection.To(way).open()) connection.To(way).SetSendBuffer(ReceiveBuffer(way));
  }
}

void Link::Carry(absl::Duration now) {
  now_ = now;
  for (Connection& connection : connections_) LookAfter(connection);
  bool moved = true;
  for (int round = 0; round < kRounds && moved; ++round) {
    moved = false;
    for (const Way way : kWays) moved |= Round(way);
  }
  connections_.remove_if([](const Connection& connection) { return !connection.open(); });
}

// One that reaches the server, one whose last byte has arrived, a half-open one that its client gives up.
void Link::LookAfter(Connection& connection) {
  if (!connection.open()) return;
  if (connection.half_open) {
    pollfd gone{connection.client.fd(), POLLRDHUP, 0};
    if (poll(&gone, 1, 0) == 1) Reset(connection, "given up by the client while half-open");
  } else if (connection.last_byte != nullptr) {
    if (connection.last_byte->Unacknowledged() == 0) Reset(connection, "cut");  // a reset overtakes what is on its way
  } else if (connection.connecting) {
    pollfd writable{connection.server.fd(), POLLOUT, 0};
    if (poll(&writable, 1, 0) != 1) return;
    connection.connecting = false;
    errno = SocketError(connection.server);
    if (errno != 0) Reset(connection, SideError(false));
  }
}

// Everybody has a turn, so that a connection with much to say does not keep the link from the others. Where the link is
// used up, the next round begins with who was not served.
bool Link::Round(Way way) {
  std::vector<Connection*> round;
  for (Connection& connection : connections_) {
    if (connection.carries()) round.push_back(&connection);
  }
  if (round.empty()) return false;
  std::size_t& first = first_[Index(way)];
  std::rotate(round.begin(), round.begin() + static_cast<std::ptrdiff_t>(first %= round.size()), round.end());
  bool moved = false, used_up = false;
  for (Connection* connection : round) {
    if (WantsRead(*connection, way) && !used_up) {
      used_up = throttles_[Index(way)].Grant(now_) == 0;
      if (!used_up) moved |= Read(*connection, way);
    }
    if (!used_up) ++first;
    if (connection->open()) moved |= Write(*connection, way);
  }
  return moved;
}

bool Link::Read(Connection& connection, Way way) {
  Pipe& pipe = connection.pipes[Index(way)];
  Throttle& throttle = throttles_[Index(way)];
  const std::size_t most =
      std::min({throttle.limited() ? kSegment : kPiece, throttle.Grant(now_), MostHeld(way) - pipe.held});
  std::string bytes(most, '\0');
  const ssize_t size = recv(connection.From(way).fd(), bytes.data(), most, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size < 0) {
    Reset(connection, SideError(way == Way::kUp));
    return true;
  }
  if (size == 0) {
    pipe.ended = true;
    return true;
  }
  bytes.resize(static_cast<std::size_t>(size));
  throttle.Take(bytes.size());
  Spoil(state_[way], bytes);
  pipe.held += bytes.size();
  pipe.pieces.push_back({std::move(bytes), now_});
  return true;
}

void Link::Spoil(const OneWay& link, std::string& bytes) {
  if (link.flip) bytes[random_() % bytes.size()] ^= static_cast<char>(1 << (random_() % 8));
  if (!link.garbage) return;
  std::string garbage(1 + random_() % kMostGarbage, '\0');
  for (char& c : garbage) c = static_cast<char>(random_());
  bytes.insert(0, garbage);
}

bool Link::Write(Connection& connection, Way way) {
  OneWay& link = state_[way];
  Pipe& pipe = connection.pipes[Index(way)];
  bool moved = false;
  while (DueIn(connection, way) == absl::ZeroDuration()) {
    std::string& bytes = pipe.pieces.front().bytes;
    const std::size_t most = std::min<std::uint64_t>(bytes.size(), link.cut_after.value_or(bytes.size()));
    const ssize_t size = send(connection.To(way).fd(), bytes.data(), most, MSG_NOSIGNAL);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return moved;
    if (size < 0) {
      Reset(connection, SideError(way == Way::kDown));
      return true;
    }
    moved = true;
    const std::size_t sent = static_cast<std::size_t>(size);
    pipe.carried += sent;
    carried_[Index(way)] += sent;
    pipe.held -= sent;
    bytes.erase(0, sent);
    if (bytes.empty()) pipe.pieces.pop_front();
    if (link.cut_after && (*link.cut_after -= sent) == 0) {
      link.cut_after.reset();
      connection.last_byte = &connection.To(way);
      return true;
    }
  }
  if (pipe.ended && pipe.pieces.empty() && !pipe.closed && !link.stalled) {
    shutdown(connection.To(way).fd(), SHUT_WR);
    pipe.closed = true;
    moved = true;
    if (connection.pipes[0].closed && connection.pipes[1].closed) {
      Closed(connection, "done");
      connection.client.Close();
      connection.server.Close();
    }
  }
  return moved;
}

std::size_t Link::MostHeld(Way way) const {
  const OneWay& link = state_[way];
  const std::size_t queue = link.rate == 0 ? kMostHeld : 2 * kSegment;
  if (link.delay == absl::ZeroDuration()) return queue;
  if (link.rate == 0) return kMostDelayed;
  const double under_way = static_cast<double>(link.rate) * absl::ToDoubleSeconds(link.delay);
  return std::min(kMostDelayed, queue + static_cast<std::size_t>(under_way));
}

bool Link::WantsRead(const Connection& connection, Way way) const {
  const Pipe& pipe = connection.pipes[Index(way)];
  return !state_[way].stalled && !pipe.ended && pipe.held < MostHeld(way);
}

// Infinite where there is nothing to write, or it is stalled.
absl::Duration Link::DueIn(const Connection& connection, Way way) const {
  const Pipe& pipe = connection.pipes[Index(way)];
  if (state_[way].stalled || pipe.pieces.empty()) return absl::InfiniteDuration();
  return std::max(absl::ZeroDuration(), pipe.pieces.front().read_at + state_[way].delay - now_);
}

// A descriptor that is waited for in neither direction is not polled at all: it would report a reset again and again
// that a stalled link must not notice.
absl::Duration Link::Poll(std::vector<pollfd>& polled) {
  absl::Duration most = absl::InfiniteDuration();
  const auto wait_for = [&](const Socket& socket, int events) {
    if (events != 0) polled.push_back({socket.fd(), static_cast<short>(events), 0});
  };
  for (Connection& connection : connections_) {
    if (connection.half_open) wait_for(connection.client, POLLRDHUP);
    if (connection.connecting) wait_for(connection.server, POLLOUT);
    if (connection.last_byte != nullptr) most = std::min(most, absl::Milliseconds(1));
    if (!connection.carries()) continue;
    std::array<int, 2> events{};  // of the client, of the server
    for (const Way way : kWays) {
      const absl::Duration used_up =
          WantsRead(connection, way) ? throttles_[Index(way)].Wait() : absl::InfiniteDuration();
      if (used_up == absl::ZeroDuration()) events[Index(way)] |= POLLIN;
      const absl::Duration due = DueIn(connection, way);
      if (due == absl::ZeroDuration()) events[1 - Index(way)] |= POLLOUT;
      for (const absl::Duration wait : {used_up, due}) {
        if (wait > absl::ZeroDuration()) most = std::min(most, wait);
      }
    }
    wait_for(connection.client, events[0]);
    wait_for(connection.server, events[1]);
  }
  return most;
}

void Link::Reset(Connection& connection, absl::string_view why) {
  if (!connection.open()) return;
  connection.client.Reset();
  connection.server.Reset();
  Closed(connection, why);
}

void Link::Closed(const Connection& connection, absl::string_view why) {
  log_(JournalLine("closed", absl::Now())
           .Number("connection", connection.number)
           .Number("up", connection.pipes[0].carried)
           .Number("down", connection.pipes[1].carried)
           .Text("why", why));
}

FaultProxyState Link::Summary() const {
  FaultProxyState summary;
  summary.connected = connected_;
  summary.carried_up = carried_[0];
  summary.carried_down = carried_[1];
  summary.faults = state_.Faults();
  for (const Connection& connection : connections_) {
    if (!connection.open()) continue;
    ++summary.connections;
    summary.held_up += connection.pipes[0].held;
    summary.held_down += connection.pipes[1].held;
  }
  return summary;
}

void Link::LogTotals(absl::string_view event, absl::string_view fault) {
  const FaultProxyState summary = Summary();
  JournalLine line(event, absl::Now());
  if (!fault.empty()) line.Text("fault", fault);
  log_(line.Number("connections", summary.connections)
           .Number("up", summary.carried_up)
           .Number("down", summary.carried_down));
}

}  // namespace dims
