// What the drivers' tests are fed: every driver's transcripts, and the real files that are for it.
#ifndef DIMS_TESTS_INPUTS_H_
#define DIMS_TESTS_INPUTS_H_

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "drivers/driver.h"
#include "drivers/parser.h"
#include "drivers/transcript.h"

namespace dims {

std::vector<Transcript> TranscriptsOf(const Driver& driver);

// A stream of bytes and the options it is to be read with.
struct Input {
  std::string name;
  std::string bytes;
  Options options;
};
// The instrument side of a transcript.
Input InputOf(const Driver& driver, const Transcript& transcript);
// Each real file that is for the driver.
std::vector<Input> CorpusInputsOf(const Driver& driver);
// Each transcript's instrument side, each real file, and all of them in a row.
std::vector<Input> InputsOf(const Driver& driver);

Options DefaultOptions(const Driver& driver);

// Everything a parser said, in order, in a form that can be compared.
struct Outcome {
  std::vector<ParserEvent> events;
  std::vector<std::string> text;  // one line an event
  uint64_t pending_from = 0, fed = 0;
};
// Feeds `bytes` in pieces that end at `cuts` (ascending), then finishes as `why` says.
Outcome Parse(const Driver& driver, const Options& options, const std::string& bytes,
              absl::Span<const std::size_t> cuts = {}, Ending why = Ending::kEndOfInput);
std::vector<std::size_t> EveryByte(std::size_t size);

}  // namespace dims

#endif  // DIMS_TESTS_INPUTS_H_
