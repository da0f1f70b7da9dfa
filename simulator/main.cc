// dims-sim: instruments that are not there, a bad network, and the verdict on what became of what was sent.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "simulator/command.h"
#include "simulator/proxy_command.h"
#include "simulator/scenario.h"
#include "simulator/verify.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

constexpr char kAbout[] =
    "dims-sim: instruments that are not there, and a network that fails, for demonstrations and tests.\n"
    "Exit status: 0 done (verify: nothing lost, nothing doubled), 1 failed, 2 wrong command line.";

constexpr char kAboutLab[] =
    "Runs all instruments of a scenario in one process, each on its own line and with its own log. A scenario is a\n"
    "TOML file with an [[instrument]] table for each; its keys are the options of `dims-sim instrument`:\n"
    "\n"
    "  [[instrument]]\n"
    "  name = \"reader-1\"          # also its link, and with .jsonl its log, in the folder\n"
    "  protocol = \"astm\"\n"
    "  gap = \"2s\"\n"
    "  wait-for-reader = true\n"
    "  files = [\"messages/*.astm\"]  # from the scenario's own folder on\n"
    "\n"
    "It ends when all are done, or at SIGTERM or SIGINT.";

constexpr char kAboutVerify[] =
    "Joins the logs of dims-sim with JSON lines of `dims-registry export` by instrument, sample number and SHA-256\n"
    "of the report's bytes, or of the message's text. The last line of its output is the verdict:\n"
    "\n"
    "  sent 100, stored 98, interrupted 2, repeated 1, lost 0, doubled 0\n"
    "\n"
    "interrupted: not stored, and it need not be: bytes of a report were discarded because nobody had the line open,\n"
    "or the line was closed between its first byte and one second after its last, or it was never finished; a message\n"
    "was never acknowledged. repeated: stored again, and marked as a repeat of the first record.\n"
    "Exit status 0 only where something was sent, nothing was lost and nothing doubled.";

struct LabCommand {
  std::string scenario, folder = ".";
};

struct VerifyCommand {
  std::vector<std::string> logs, exports;
  std::uint64_t at_least = 0;
  bool quiet = false;
};

void Describe(CLI::App& app, LabCommand& command) {
  app.add_option("SCENARIO", command.scenario, "which instruments, and what they do")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--folder", command.folder, "where links and logs with a relative path are")
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  app.footer(kAboutLab);
}

void Describe(CLI::App& app, VerifyCommand& command) {
  app.add_option("--log", command.logs, "logs of dims-sim instrument")->required()->check(CLI::ExistingFile);
  app.add_option("--export", command.exports, "output of dims-registry export")->required()->check(CLI::ExistingFile);
  app.add_option("--at-least", command.at_least, "fail unless so many reports were sent");
  app.add_flag("--quiet", command.quiet, "only the verdict and what is wrong; not the interrupted ones");
  app.footer(kAboutVerify);
}

int Fail(const absl::Status& status) {
  std::cerr << "dims-sim: " << status.message() << "\n";
  return 1;
}

// All are made before the first one runs: a mistake in the last is no surprise in the middle.
int Run(std::vector<dims::InstrumentCommand> commands, int stop) {
  std::vector<std::unique_ptr<dims::SimulatedInstrument>> instruments;
  for (dims::InstrumentCommand& command : commands) {
    absl::StatusOr<std::unique_ptr<dims::SimulatedInstrument>> made =
        dims::SimulatedInstrument::Make(std::move(command), stop);
    if (!made.ok()) return Fail(made.status());
    instruments.push_back(*std::move(made));
  }
  std::vector<absl::Status> ends(instruments.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < instruments.size(); ++i) {
    threads.emplace_back([&, i] {
      ends[i] = instruments[i]->Run();
      instruments[i].reset();  // its link goes when it ends, as that of a process of its own
    });
  }
  for (std::thread& thread : threads) thread.join();
  int status = 0;
  for (const absl::Status& end : ends) {
    if (!end.ok()) status = Fail(end);
  }
  return status;
}

int RunLab(const LabCommand& command, int stop) {
  absl::StatusOr<std::vector<dims::InstrumentCommand>> commands = dims::ReadScenario(command.scenario, command.folder);
  return commands.ok() ? Run(*std::move(commands), stop) : Fail(commands.status());
}

int RunProxy(const dims::ProxyCommand& command, int stop) {
  const absl::Status status = dims::RunProxy(command, STDIN_FILENO, std::cout, stop);
  return status.ok() ? 0 : Fail(status);
}

int RunVerify(const VerifyCommand& command) {
  const absl::StatusOr<dims::Verification> verdict = dims::Verify(command.logs, command.exports);
  if (!verdict.ok()) return Fail(verdict.status());
  if (!command.quiet) {
    for (const std::string& line : verdict->interruptions) std::cout << line << "\n";
  }
  for (const std::string& line : verdict->faults) std::cout << line << "\n";
  const bool enough = verdict->sent >= command.at_least;
  if (!enough) std::cout << "too few: at least " << command.at_least << " reports should have been sent\n";
  if (verdict->sent == 0) std::cout << "nothing was sent, so nothing is proven\n";
  std::cout << verdict->Summary() << std::endl;
  return verdict->ok() && enough ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);

  CLI::App app(kAbout);
  app.require_subcommand(1);
  dims::InstrumentCommand instrument;
  LabCommand lab;
  dims::ProxyCommand proxy;
  VerifyCommand verify;
  CLI::App* instrument_app = app.add_subcommand("instrument", "one instrument on a line that is not there");
  CLI::App* lab_app = app.add_subcommand("lab", "several instruments at once, from a scenario");
  CLI::App* proxy_app = app.add_subcommand("proxy", "a network that fails on purpose, between a bridge and a registry");
  CLI::App* verify_app = app.add_subcommand("verify", "was everything stored, once?");
  dims::Describe(*instrument_app, instrument);
  Describe(*lab_app, lab);
  dims::Describe(*proxy_app, proxy);
  Describe(*verify_app, verify);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (verify_app->parsed()) return RunVerify(verify);

  spdlog::set_default_logger(spdlog::stderr_logger_mt("dims-sim"));
  spdlog::set_pattern("%H:%M:%S.%e %l %v");
  sigprocmask(SIG_BLOCK, &stop_signals, nullptr);
  const int stop = signalfd(-1, &stop_signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (proxy_app->parsed()) return RunProxy(proxy, stop);
  return lab_app->parsed() ? RunLab(lab, stop) : Run({instrument}, stop);
}
