// dims-sim: instruments that are not there, and the verdict on what became of what they sent.
#include <signal.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulator/instrument.h"
#include "simulator/journal.h"
#include "simulator/line.h"
#include "simulator/printout.h"
#include "simulator/verify.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace {

constexpr char kAbout[] =
    "dims-sim: instruments that are not there, for demonstrations and tests.\n"
    "Exit status: 0 done (verify: nothing lost, nothing doubled), 1 failed, 2 wrong command line.";

constexpr char kAboutInstrument[] =
    "Prints report files and transcripts on a pseudo-terminal, as an instrument does: at the speed of its line,\n"
    "whether anybody listens or not. What it says while nobody has the line open is lost, as on a real line, and its\n"
    "log says so. A reader that has the line open and is slow loses nothing.\n"
    "\n"
    "FILES are texts (UTF-8, or UTF-16 with a byte order mark; line ends do not matter) or *.transcript files, of\n"
    "which the instrument's lines are printed, one report after the other, whatever the reader answers. Times are\n"
    "written 300ms, 5s, 1.5m.\n"
    "\n"
    "  dims-sim instrument --link /run/lab/gcms-1 --name gcms-1 --log gcms-1.log \\\n"
    "           --count 100 --rename-sample DIMS-260114 --gap 2s reports/*.txt\n"
    "\n"
    "It ends when the reader has taken the last report, or at SIGTERM or SIGINT; the link is removed then.\n"
    "The log has one JSON object a line: started, opened, settings, closed, sending, sent, discarded, stopped.";

constexpr char kAboutVerify[] =
    "Joins the logs of dims-sim with JSON lines of `dims-registry export` by instrument, sample number and SHA-256\n"
    "of the report's bytes. The last line of its output is the verdict:\n"
    "\n"
    "  sent 100, stored 98, interrupted 2, lost 0, doubled 0\n"
    "\n"
    "interrupted: not stored, and it could not be: bytes of it were discarded because nobody had the line open, or\n"
    "the line was closed between its first byte and one second after its last, or it was never finished.\n"
    "Exit status 0 only where something was sent, nothing was lost and nothing doubled.";

struct InstrumentCommand {
  dims::InstrumentOptions options;
  dims::PrintOptions print;
  std::vector<std::string> files;
  std::string link, log, gap, pause, code_page = "cp1252", line_end = "crlf";
  std::uint64_t repeat = 1;
  std::optional<std::uint64_t> count;
  bool unpaced = false;
};

struct VerifyCommand {
  std::vector<std::string> logs, exports;
  std::uint64_t at_least = 0;
  bool quiet = false;
};

std::string CheckTime(const std::string& text) {
  absl::Duration time;
  if (absl::ParseDuration(text, &time) && time >= absl::ZeroDuration() && time <= absl::Hours(24 * 365)) return "";
  return "\"" + text + "\" is no time; write it like 300ms, 5s or 1.5m";
}

absl::Duration Time(const std::string& text) {
  absl::Duration time;
  if (!text.empty()) absl::ParseDuration(text, &time);
  return time;
}

std::string CheckCodePage(const std::string& name) { return std::string(dims::ParseCodePage(name).status().message()); }

void Describe(CLI::App& app, InstrumentCommand& command) {
  dims::InstrumentOptions& options = command.options;
  app.add_option("FILES", command.files, "texts and transcripts to print, in this order")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--link", command.link, "path under which the reader finds the line: a symbolic link to /dev/pts/N");
  app.add_option("--name", options.name, "the instrument's name in the log")->capture_default_str();
  app.add_option("--log", command.log, "append JSON lines to this file: what was sent, when, and who listened");
  app.add_option("--baud", options.baud, "speed of the line, ten bits a byte")
      ->capture_default_str()
      ->check(CLI::Range(50, 4000000));
  app.add_flag("--unpaced", command.unpaced, "as fast as the reader takes it (1 Mbaud while nobody listens)");
  auto* repeat = app.add_option("--repeat", command.repeat, "print all FILES so many times; 0: until stopped")
                     ->capture_default_str();
  app.add_option("--count", command.count, "print so many reports in all, from FILES in turn; 0: until stopped")
      ->excludes(repeat);
  app.add_option("--first", options.first, "number of the first report in the log and in its sample number")
      ->capture_default_str();
  app.add_option("--rename-sample", command.print.rename_sample,
                 "give each report its own sample number PREFIX-0001, PREFIX-0002 ... and data file PREFIX-0001.D")
      ->type_name("PREFIX");
  app.add_option("--gap", command.gap, "time between reports")->check(CheckTime)->type_name("TIME");
  auto* every =
      app.add_option("--pause-every", options.pause_every, "every so many-th report stops once, somewhere inside");
  auto* pause = app.add_option("--pause", command.pause, "how long it stops")->check(CheckTime)->type_name("TIME");
  every->needs(pause);
  pause->needs(every);
  app.add_option("--seed", options.seed, "of the places where reports stop")->capture_default_str();
  app.add_option("--codepage", command.code_page, "cp1252, latin-1, cp437, cp850, utf-8 or utf-16le (texts only)")
      ->capture_default_str()
      ->check(CheckCodePage)
      ->type_name("NAME");
  app.add_option("--line-end", command.line_end, "crlf, lf or cr (texts only)")
      ->capture_default_str()
      ->check(CLI::IsMember({"crlf", "lf", "cr"}));
  app.add_flag("--form-feed", command.print.form_feed, "a form feed after each report");
  app.add_option(
         "--page-length", command.print.page_length,
         "pages of so many lines: a footer \"... Page: n\", a form feed, and the report's header again (texts only)")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--wait-for-reader", options.wait_for_reader,
               "say nothing before the line is opened for the first time");
  app.add_flag("--linger", options.linger, "keep the line after the last report, until SIGTERM");
  app.footer(kAboutInstrument);
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

int RunInstrument(InstrumentCommand& command, int stop) {
  command.print.code_page = *dims::ParseCodePage(command.code_page);
  command.print.line_end = command.line_end == "crlf" ? "\r\n" : command.line_end == "lf" ? "\n" : "\r";
  command.options.paced = !command.unpaced;
  command.options.gap = Time(command.gap);
  command.options.pause = Time(command.pause);

  std::vector<dims::Original> originals;
  for (const std::string& file : command.files) {
    absl::StatusOr<std::vector<dims::Original>> more = dims::ReadOriginals(file);
    if (!more.ok()) return Fail(more.status());
    for (dims::Original& original : *more) {
      if (absl::Status status = dims::CheckPrintable(original, command.print); !status.ok()) return Fail(status);
      originals.push_back(std::move(original));
    }
  }
  command.options.count = command.count.value_or(command.repeat * originals.size());
  absl::StatusOr<std::unique_ptr<dims::Journal>> journal = dims::Journal::Open(command.log);
  if (!journal.ok()) return Fail(journal.status());
  absl::StatusOr<std::unique_ptr<dims::PtyLine>> line = dims::PtyLine::Open(command.link, command.options.baud, stop);
  if (!line.ok()) return Fail(line.status());

  const std::uint64_t first = command.options.first;
  const auto next = [&](std::uint64_t sequence) {
    return dims::Print(originals[(sequence - first) % originals.size()], sequence, command.print);
  };
  const absl::Status status = dims::RunInstrument(command.options, next, **line, **journal);
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
  InstrumentCommand instrument;
  VerifyCommand verify;
  CLI::App* instrument_app = app.add_subcommand("instrument", "print reports on a line that is not there");
  CLI::App* verify_app = app.add_subcommand("verify", "was everything stored, once?");
  Describe(*instrument_app, instrument);
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
  return RunInstrument(instrument, stop);
}
