// The link of a fault proxy: its connections, and what befalls their bytes.
//
// What: takes accepted connections, connects each on, and carries what may be carried at a moment, in turns. Whoever
//   runs it gives the time and waits as Poll says.
// Promise: without a fault every byte is carried once, in order, and the end of a direction after its last byte; no
// call
//   blocks. See fault_proxy.h for what is held.
// Errors: what goes wrong with a connection resets it on both sides and is told to `log`, with the reason.
// Threads: one.
// Source: Linux tcp(7), poll(2).
#ifndef DIMS_SIMULATOR_LINK_H_
#define DIMS_SIMULATOR_LINK_H_

#include <poll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "simulator/fault_proxy.h"
#include "simulator/journal.h"
#include "simulator/link_state.h"
#include "simulator/tcp.h"
#include "simulator/throttle.h"

namespace dims {

class Link {
 public:
  using Log = std::function<void(const JournalLine&)>;

  // `normal`: as it is without a fault.
  Link(TcpAddress to, LinkState normal, std::uint64_t seed, Log log);

  // A client has connected.
  void Add(Socket client, absl::string_view from);
  void Begin(const Fault& fault);
  void End(const Fault& fault);
  void Heal();
  void ResetAll(absl::string_view why);

  // Carries what may be carried now, for a while.
  void Carry(absl::Duration now);
  // Adds what is to be waited for; returns how long at most.
  absl::Duration Poll(std::vector<pollfd>& polled);

  const LinkState& state() const { return state_; }
  // For who listens: what a client may send before it is taken.
  std::size_t ReceiveBuffer(Way way) const;
  FaultProxyState Summary() const;

 private:
  // One direction of a connection.
  struct Pipe {
    struct Piece {
      std::string bytes;
      absl::Duration read_at;
    };
    std::deque<Piece> pieces;
    std::size_t held = 0;  // bytes in `pieces`
    bool ended = false;    // its sender has said all
    bool closed = false;   // and its receiver knows
    std::uint64_t carried = 0;
  };
  struct Connection {
    std::uint64_t number = 0;
    Socket client, server;
    bool connecting = true;  // to the server
    bool half_open = false;
    const Socket* last_byte = nullptr;  // its N-th byte is on the way to this side: then it is cut
    std::array<Pipe, 2> pipes;

    Socket& From(Way way) { return way == Way::kUp ? client : server; }
    Socket& To(Way way) { return way == Way::kUp ? server : client; }
    bool open() const { return client.open(); }
    bool carries() const { return open() && !connecting && !half_open && last_byte == nullptr; }
  };

  void Apply();
  void SizeBuffers(Connection& connection);
  void FinishOld(bool half_open);
  void LookAfter(Connection& connection);
  bool Round(Way way);
  bool Read(Connection& connection, Way way);
  bool Write(Connection& connection, Way way);
  void Spoil(const OneWay& link, std::string& bytes);
  std::size_t MostHeld(Way way) const;
  bool WantsRead(const Connection& connection, Way way) const;
  absl::Duration DueIn(const Connection& connection, Way way) const;
  void Reset(Connection& connection, absl::string_view why);
  void Closed(const Connection& connection, absl::string_view why);
  void LogTotals(absl::string_view event, absl::string_view fault);

  const TcpAddress to_;
  const LinkState normal_;
  const Log log_;
  LinkState state_;
  std::mt19937_64 random_;
  absl::Duration now_;
  std::array<Throttle, 2> throttles_;
  std::array<std::uint64_t, 2> carried_{};  // of all connections, ever
  std::array<std::size_t, 2> first_{};      // whose turn it is
  std::uint64_t connected_ = 0;
  std::list<Connection> connections_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_LINK_H_
