// A balance that is not there: loads are put on its pan and taken off, and it says what a real one would.
//
// What: a state machine of the pan and of four makers' protocols, without a line and without a clock, and what runs it
//   on a line. A load comes on, the reading moves for `settle`, is stable for `hold`, moves for `settle` again, and the
//   pan is empty for `gap`. With a print key the stable reading is printed once, in the middle of `hold`; else the
//   balance only answers: SI, S, @ and I4 (mt-sics), ESC P (sartorius-sbi), Q, SI and S (and), w and s (kern). Where a
//   command asks for a stable reading the answer waits for it.
// Promise: equal options and commands at equal times, equal lines. A line that a receiver must record says so: with a
//   print key each print, else the first stable answer for each load. The ledger has those, as print-outs: a reader
//   that was away in the middle of a load records it again, and `verify` calls that doubled.
// Units: `now` and due() are times since one fixed moment. Weights are whole numbers of 0.1 mg.
// Errors: from the journal or the line.
// Threads: one.
// Source: Mettler Toledo, MT-SICS; Sartorius, SBI; A&D, "Data format"; libsigrok kern.c.
#ifndef DIMS_SIMULATOR_BALANCE_H_
#define DIMS_SIMULATOR_BALANCE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "simulator/instrument.h"
#include "simulator/journal.h"
#include "simulator/line.h"

namespace dims {

enum class BalanceProtocol { kMtSics, kSartoriusSbi, kAnd, kKern };
// "mt-sics", "sartorius-sbi", "and", "kern"; nullopt for any other.
std::optional<BalanceProtocol> ParseBalanceProtocol(absl::string_view name);

struct BalanceOptions {
  BalanceProtocol protocol = BalanceProtocol::kMtSics;
  bool print_key = true;
  absl::Duration settle = absl::Seconds(2), hold = absl::Seconds(6), gap = absl::Seconds(3);
  std::uint64_t overload_every = 0;  // every so many-th load is first put on together with too much; 0: none
  std::uint64_t count = 1;           // loads; 0: without end
  std::uint64_t seed = 1;            // of the loads
};

// A line of the balance. `load` counts from 1 where a receiver must record it, and is 0 elsewhere.
struct BalanceLine {
  std::string bytes;
  std::uint64_t load = 0;
  std::string value, unit;  // of a recorded one, as a driver would have it
};

class Balance {
 public:
  explicit Balance(const BalanceOptions& options);

  void Hear(absl::string_view bytes);
  void Pass(absl::Duration now);
  // What to say now, line after line; nullopt: nothing.
  std::optional<BalanceLine> Say();
  // When Pass is due.
  absl::Duration due() const { return until_; }
  // The last load is off the pan again.
  bool done() const { return phase_ == Phase::kDone; }

 private:
  enum class Phase { kEmpty, kOverloaded, kSettling, kStable, kPrinted, kLeaving, kDone };

  void Enter(Phase phase, absl::Duration length);
  void NextPhase();
  void Obey(absl::string_view command);
  void Answer();
  void AnswerError();
  void Print();
  bool IsStable() const;
  std::int64_t Reading();

  const BalanceOptions options_;
  std::mt19937_64 random_;
  Phase phase_ = Phase::kEmpty;
  absl::Duration until_;        // when the phase ends
  std::int64_t weight_ = 0;     // of the load on the pan, or of the one before
  std::uint64_t load_ = 0;      // its number
  std::uint64_t recorded_ = 0;  // the last one that a stable line was said of
  bool asked_ = false;          // a stable reading is waited for
  std::string heard_;           // of a command
  std::deque<BalanceLine> lines_;
};

// Of `options`, pauses are not for balances, and `gap` is in `balance`.
absl::Status RunBalance(const InstrumentOptions& options, const BalanceOptions& balance, PtyLine& line,
                        Journal& journal);

}  // namespace dims

#endif  // DIMS_SIMULATOR_BALANCE_H_
