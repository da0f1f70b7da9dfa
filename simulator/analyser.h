// An analyser that is not there: measures, and sends message after message until each is acknowledged.
//
// What: an AstmSender on a line, with real time, and a ledger of it.
// Promise: it does what a real one does: nothing is forgotten before its last frame was acknowledged, and it does not
//   notice that nobody has the line open, but for the answers that do not come. A message is composed once, when it was
//   measured, and is the same in every attempt. Before an event has consequences on the line it is in the ledger.
// Errors: from the journal, the line or `next`; the line is then given up.
// Threads: one; runs until all was acknowledged, or the line says stop.
#ifndef DIMS_SIMULATOR_ANALYSER_H_
#define DIMS_SIMULATOR_ANALYSER_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "simulator/astm_message.h"
#include "simulator/astm_sender.h"
#include "simulator/instrument.h"
#include "simulator/journal.h"
#include "simulator/line.h"

namespace dims {

// An analyser with so many results that nobody took measures no more.
inline constexpr std::size_t kMostWaitingMessages = 64;

struct AnalyserOptions {
  AstmSenderOptions sender;
  // Every so many-th acknowledgement of a last frame is lost on the line: the receiver has the message, and the
  // analyser does not know. 0: none.
  std::uint64_t lose_ack_every = 0;
};

// Gives the message with this sequence number, as measured now.
using NextMessage = std::function<absl::StatusOr<AstmText>(std::uint64_t sequence)>;

// Of `options`, `gap` is the time between measurements; pauses are not for analysers.
absl::Status RunAnalyser(const InstrumentOptions& options, const AnalyserOptions& analyser, const NextMessage& next,
                         PtyLine& line, Journal& journal);

}  // namespace dims

#endif  // DIMS_SIMULATOR_ANALYSER_H_
