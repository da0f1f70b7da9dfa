// One simulated instrument, as the command line and scenarios describe it.
//
// What: the options of `dims-sim instrument`, described once; what they make, ready to run.
// Promise: Make does everything that can fail for a wrong description: files are read and checked, the log is open, the
//   line is there. Options that mean nothing with the protocol chosen are an error, never ignored.
// Errors: CLI::ParseError from parsing (the caller's edge); absl::Status with file and line from Make and Run.
// Threads: an instrument runs in one; several instruments may run in as many.
#ifndef DIMS_SIMULATOR_COMMAND_H_
#define DIMS_SIMULATOR_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "simulator/analyser.h"
#include "simulator/balance.h"
#include "simulator/instrument.h"
#include "simulator/printout.h"
#include "simulator/spectrometer.h"

namespace dims {

struct InstrumentCommand {
  InstrumentOptions options;
  std::vector<std::string> files;
  std::string link, log, protocol = "print", rename_sample, code_page = "cp1252", line_end = "crlf";
  std::string gap, pause, answer_timeout, busy_wait, contention_wait, interrupt_wait;  // empty: the default
  bool form_feed = false, unpaced = false, ignore_interrupt = false;
  int page_length = 0;
  std::uint64_t repeat = 1;
  std::optional<std::uint64_t> count;
  AnalyserOptions analyser;
  SpectrometerOptions spectrometer;
  std::string settle, hold;
  bool on_request = false;
  BalanceOptions balance;
};

// Whether instruments that speak it say what stands in FILES.
bool NeedsFiles(absl::string_view protocol);

// The option of FILES; in a scenario, also its key's name.
inline constexpr char kFilesOption[] = "files";

// `app` fills `command` when it parses; both must live until then.
void Describe(CLI::App& app, InstrumentCommand& command);

class SimulatedInstrument {
 public:
  // `stop`: a descriptor that becomes readable when it must end; it is not read, so several may share it.
  static absl::StatusOr<std::unique_ptr<SimulatedInstrument>> Make(InstrumentCommand command, int stop);
  absl::Status Run();

 private:
  explicit SimulatedInstrument(InstrumentCommand command) : command_(std::move(command)) {}
  absl::Status ReadFiles();

  InstrumentCommand command_;
  PrintOptions print_;
  AstmOptions astm_;
  std::vector<Original> originals_;
  std::vector<AstmOriginal> astm_originals_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<PtyLine> line_;
};

}  // namespace dims

#endif  // DIMS_SIMULATOR_COMMAND_H_
