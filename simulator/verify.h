// The verdict: was every report that the instruments sent stored, once?
//
// What: joins the journals of simulated instruments (journal.h) with what the registry exports, by instrument, sample
//   number and SHA-256: of the report's bytes for what was printed, of the message's text for what was acknowledged.
// Promise: everything sent is exactly one of
//     stored        the registry has a record of that instrument with that sample number and that hash; of a message,
//                   one that is whole (without a TRUNCATED or INTERRUPTED problem)
//     interrupted   it has not, and need not. Of a print-out: bytes were discarded because nobody had the line open, or
//                   the reader closed it between the first byte and one second after the last (it may have held bytes
//                   that were not on its disk yet), or the send was never finished. Of a message: it was never
//                   acknowledged, so the instrument still has it
//     lost          it has not, and should
//   Two sends of the same bytes need two records. Records beyond that are repeated where they say of which other record
//   of the same message they are a repeat, else doubled. A record with a part of a message is doubled, too, unless
//   another one says that it replaces it, or the instrument still has the message. Refused records are not stored.
// Errors: with file and line. A last line that was cut (its writer was killed) is passed over.
// Threads: free of state.
#ifndef DIMS_SIMULATOR_VERIFY_H_
#define DIMS_SIMULATOR_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace dims {

struct Verification {
  std::uint64_t sent = 0, stored = 0, interrupted = 0, repeated = 0, lost = 0, doubled = 0;
  std::vector<std::string> faults;         // a line for each lost or doubled report
  std::vector<std::string> interruptions;  // a line for each interrupted one

  bool ok() const { return sent > 0 && lost == 0 && doubled == 0; }
  // "sent 12, stored 11, interrupted 1, repeated 1, lost 0, doubled 0"
  std::string Summary() const;
};

// `journals`: written by dims-sim; `exports`: JSON lines as `dims-registry export` writes them.
absl::StatusOr<Verification> Verify(const std::vector<std::string>& journals, const std::vector<std::string>& exports);

}  // namespace dims

#endif  // DIMS_SIMULATOR_VERIFY_H_
