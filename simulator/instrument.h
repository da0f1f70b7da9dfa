// An instrument that is not there: prints report after report on a line, and keeps a ledger of it.
//
// What: pacing as at a baud rate, gaps and pauses, and an account of what became of every byte.
// Promise: it does what a real one does. It does not know whether anybody listens: what it says while nobody has the
//   line open goes nowhere, and takes as long. A reader that has the line open and is slow loses nothing.
//   The ledger is right: a byte that is not counted as discarded was taken by a reader.
// Errors: from the journal, the line or `next`; the line is then given up.
// Threads: one; runs until all is printed, or the line says stop.
#ifndef DIMS_SIMULATOR_INSTRUMENT_H_
#define DIMS_SIMULATOR_INSTRUMENT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "simulator/journal.h"
#include "simulator/line.h"
#include "simulator/printout.h"

namespace dims {

struct InstrumentOptions {
  std::string name = "gcms-1";
  int baud = 9600;                // ten bits a byte
  bool paced = true;              // else as fast as the reader takes it, and as with 1 Mbaud while there is none
  std::uint64_t count = 1;        // reports; 0: until stopped
  std::uint64_t first = 1;        // sequence number of the first one
  absl::Duration gap;             // between reports
  std::uint64_t pause_every = 0;  // every so many-th report stops once for `pause` somewhere inside; 0: none
  absl::Duration pause;
  std::uint64_t seed = 1;        // of the places where it pauses
  bool wait_for_reader = false;  // say nothing before the line was opened for the first time
  bool linger = false;           // keep the line after the last report, until stopped
};

// Gives the print-out with this sequence number.
using NextPrintout = std::function<absl::StatusOr<Printout>(std::uint64_t sequence)>;

// Returns OK when all is printed and taken, and also when it was stopped; the journal says which.
absl::Status RunInstrument(const InstrumentOptions& options, const NextPrintout& next, PtyLine& line, Journal& journal);

}  // namespace dims

#endif  // DIMS_SIMULATOR_INSTRUMENT_H_
