#include "simulator/command.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr char kWithPrint[] = "With --protocol print", kWithAstm[] = "With --protocol astm",
               kWithOcean[] = "With --protocol ocean-optics",
               kWithBalance[] = "With --protocol mt-sics, sartorius-sbi, and, kern";
constexpr char kOcean[] = "ocean-optics";

constexpr char kAbout[] =
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
    "With --protocol astm it is an analyser: it sends the messages of *.astm files by ASTM E1381 (LIS01-A), and keeps\n"
    "each until its last frame was acknowledged. Each message has its own time and control id.\n"
    "\n"
    "  dims-sim instrument --protocol astm --link /run/lab/reader-1 --name reader-1 --log reader-1.log \\\n"
    "           --count 100 --rename-sample DIMS-260114 --gap 2s messages/*.astm\n"
    "\n"
    "With --protocol ocean-optics it is a spectrometer: it needs no FILES, answers commands, and measures --count "
    "spectra\n"
    "(0: until stopped) when it is told to or, after --gap, triggered.\n"
    "\n"
    "  dims-sim instrument --protocol ocean-optics --link /run/lab/flame-1 --name flame-1 --log flame-1.log "
    "--spoil-every 9\n"
    "\n"
    "With --protocol mt-sics, sartorius-sbi, and or kern it is a balance, without FILES: loads are put on it and "
    "taken\n"
    "off, and it prints the stable reading of each, or (--on-request) answers the commands of its maker.\n"
    "\n"
    "  dims-sim instrument --protocol mt-sics --link /run/lab/balance-1 --name balance-1 --log balance-1.log --count "
    "100\n"
    "\n"
    "It ends when the reader has taken the last report, or at SIGTERM or SIGINT; the link is removed then.\n"
    "The log has one JSON object a line: started, opened, settings, closed, sending, stopped; of reports sent and\n"
    "discarded; of messages frame, acknowledged, broken off and unanswered; of spectra spectrum.";

std::string CheckTime(const std::string& text) {
  absl::Duration time;
  if (absl::ParseDuration(text, &time) && time >= absl::ZeroDuration() && time <= absl::Hours(24 * 365)) return "";
  return "\"" + text + "\" is no time; write it like 300ms, 5s or 1.5m";
}

absl::Duration Time(const std::string& text, absl::Duration otherwise) {
  absl::Duration time = otherwise;
  if (!text.empty()) absl::ParseDuration(text, &time);
  return time;
}

std::string CheckCodePage(const std::string& name) { return std::string(ParseCodePage(name).status().message()); }

// A time of the standard's: tests may shorten it.
void AddStandardTime(CLI::App& app, const std::string& name, std::string& text, absl::Duration standard,
                     const std::string& help) {
  const std::string as_it_is = absl::FormatDuration(standard);
  app.add_option(name, text, absl::StrCat(help, "; shorter only for tests"))
      ->default_str(as_it_is)
      ->type_name("TIME")
      ->group(kWithAstm)
      ->check([=](const std::string& given) {
        const std::string wrong = CheckTime(given);
        if (!wrong.empty()) return wrong;
        const absl::Duration time = Time(given, standard);
        if (time > absl::ZeroDuration() && time <= standard) return std::string();
        return absl::StrCat("\"", given, "\" must be more than 0 and at most the standard's ", as_it_is);
      });
}

void DescribePrinter(CLI::App& app, InstrumentCommand& command) {
  auto* every = app.add_option("--pause-every", command.options.pause_every,
                               "every so many-th report stops once, somewhere inside");
  auto* pause = app.add_option("--pause", command.pause, "how long it stops")->check(CheckTime)->type_name("TIME");
  every->needs(pause)->group(kWithPrint);
  pause->needs(every)->group(kWithPrint);
  app.add_option("--seed", command.options.seed, "of the places where reports stop")
      ->capture_default_str()
      ->group(kWithPrint);
  app.add_option("--line-end", command.line_end, "crlf, lf or cr (texts only)")
      ->capture_default_str()
      ->check(CLI::IsMember({"crlf", "lf", "cr"}))
      ->group(kWithPrint);
  app.add_flag("--form-feed", command.form_feed, "a form feed after each report")->group(kWithPrint);
  app.add_option(
         "--page-length", command.page_length,
         "pages of so many lines: a footer \"... Page: n\", a form feed, and the report's header again (texts only)")
      ->check(CLI::Range(1, 100000))
      ->group(kWithPrint);
}

void DescribeAnalyser(CLI::App& app, InstrumentCommand& command) {
  app.add_option("--frame-size", command.analyser.sender.frame_text,
                 "characters of text in a frame (E1381-95: 240, LIS01: 63993)")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, kMostAstmText))
      ->group(kWithAstm);
  app.add_flag("--record-frames", command.analyser.sender.record_frames,
               "each record ends its frame, not only each message")
      ->group(kWithAstm);
  app.add_option("--session-messages", command.analyser.sender.session_messages,
                 "so many messages at most between ENQ and EOT")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, kMostWaitingMessages))
      ->group(kWithAstm);
  app.add_option("--lose-ack-every", command.analyser.lose_ack_every,
                 "every so many-th acknowledgement of a last frame is lost on the line; 0: none")
      ->capture_default_str()
      ->group(kWithAstm);
  app.add_flag("--ignore-interrupt", command.ignore_interrupt, "go on where the receiver asks to stop (EOT)")
      ->group(kWithAstm);
  const AstmTimes standard;
  AddStandardTime(app, "--answer-timeout", command.answer_timeout, standard.answer, "the longest wait for an answer");
  AddStandardTime(app, "--busy-wait", command.busy_wait, standard.busy, "the wait after a refusal");
  AddStandardTime(app, "--contention-wait", command.contention_wait, standard.contention,
                  "the wait where both sides asked");
  AddStandardTime(app, "--interrupt-wait", command.interrupt_wait, standard.interrupt,
                  "the wait where the receiver asked to stop");
}

void DescribeSpectrometer(CLI::App& app, InstrumentCommand& command) {
  SpectrometerOptions& spectrometer = command.spectrometer;
  app.add_flag("--old-header", spectrometer.old_header, "spectra as an S2000 or SAD500 sends them")->group(kWithOcean);
  app.add_option("--pixels", spectrometer.pixels, "of its detector")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096))
      ->group(kWithOcean);
  app.add_option("--coefficients", spectrometer.coefficients,
                 "of its wavelengths, from the constant one on, with commas between; none: it knows no ?x")
      ->delimiter(',')
      ->type_name("C0,C1,C2,C3")
      ->group(kWithOcean);
  app.add_option("--spoil-every", spectrometer.spoil_every,
                 "every so many-th spectrum that it sends has a damaged end word; 0: none")
      ->capture_default_str()
      ->group(kWithOcean);
}

void DescribeBalance(CLI::App& app, InstrumentCommand& command) {
  app.add_flag("--on-request", command.on_request, "it has no print key, and only answers")->group(kWithBalance);
  app.add_option("--settle", command.settle, "how long a reading moves when a load comes or goes")
      ->default_str(absl::FormatDuration(command.balance.settle))
      ->check(CheckTime)
      ->type_name("TIME")
      ->group(kWithBalance);
  app.add_option("--hold", command.hold, "how long a load lies still")
      ->default_str(absl::FormatDuration(command.balance.hold))
      ->check(CheckTime)
      ->check([](const std::string& time) {
        return Time(time, absl::Seconds(1)) > absl::ZeroDuration() ? "" : "must be more than 0";
      })
      ->type_name("TIME")
      ->group(kWithBalance);
  app.add_option("--overload-every", command.balance.overload_every,
                 "every so many-th load is first put on together with too much; 0: none")
      ->capture_default_str()
      ->group(kWithBalance);
}

// Options that every protocol has, and that mean nothing without FILES.
constexpr const char* kOfFiles[] = {kFilesOption, "--repeat", "--rename-sample", "--codepage"};

// The group of options that are of this protocol alone.
std::string GroupOf(const std::string& protocol) {
  return ParseBalanceProtocol(protocol) ? kWithBalance : "With --protocol " + protocol;
}

}  // namespace

bool NeedsFiles(absl::string_view protocol) { return protocol != kOcean && !ParseBalanceProtocol(protocol); }

void Describe(CLI::App& app, InstrumentCommand& command) {
  InstrumentOptions& options = command.options;
  app.add_option(std::string(kFilesOption), command.files, "what it says, file after file")
      ->type_name("FILES")
      ->check(CLI::ExistingFile);
  app.add_option("--protocol", command.protocol,
                 "print: reports, to whoever listens; astm: messages, acknowledged; ocean-optics: spectra, when asked; "
                 "mt-sics, sartorius-sbi, and, kern: a balance")
      ->capture_default_str()
      ->check(CLI::IsMember({"print", "astm", kOcean, "mt-sics", "sartorius-sbi", "and", "kern"}));
  app.add_option("--link", command.link, "path under which the reader finds the line: a symbolic link to /dev/pts/N");
  app.add_option("--name", options.name, "the instrument's name in the log")->capture_default_str();
  app.add_option("--log", command.log, "append JSON lines to this file: what was sent, when, and who listened");
  app.add_option("--baud", options.baud, "speed of the line, ten bits a byte")
      ->capture_default_str()
      ->check(CLI::Range(50, 4000000));
  app.add_flag("--unpaced", command.unpaced, "as fast as the reader takes it (1 Mbaud while nobody listens)");
  auto* repeat =
      app.add_option("--repeat", command.repeat, "all FILES so many times; 0: until stopped")->capture_default_str();
  app.add_option("--count", command.count, "so many reports or messages in all, from FILES in turn; 0: until stopped")
      ->excludes(repeat);
  app.add_option("--first", options.first, "number of the first one in the log and in its sample number")
      ->capture_default_str();
  app.add_option("--rename-sample", command.rename_sample,
                 "give each its own sample number PREFIX-0001, PREFIX-0002 ... (and data file PREFIX-0001.D)")
      ->type_name("PREFIX");
  app.add_option("--gap", command.gap, "time between reports; between measurements; with an empty pan")
      ->check(CheckTime)
      ->type_name("TIME");
  app.add_option("--codepage", command.code_page, "cp1252, latin-1, cp437, cp850, utf-8 or utf-16le (texts only)")
      ->capture_default_str()
      ->check(CheckCodePage);
  app.add_flag("--wait-for-reader", options.wait_for_reader,
               "say nothing before the line is opened for the first time");
  app.add_flag("--linger", options.linger, "keep the line after the last report, until SIGTERM");
  DescribePrinter(app, command);
  DescribeAnalyser(app, command);
  DescribeSpectrometer(app, command);
  DescribeBalance(app, command);
  app.footer(kAbout);
  app.parse_complete_callback([&app, &command] {
    const std::string own = GroupOf(command.protocol);
    for (const CLI::Option* option : app.get_options()) {
      const bool of_other = absl::StartsWith(option->get_group(), "With --protocol ") && option->get_group() != own;
      const bool of_files =
          std::find(std::begin(kOfFiles), std::end(kOfFiles), option->get_name()) != std::end(kOfFiles);
      if (option->count() == 0 || !(of_other || (of_files && !NeedsFiles(command.protocol)))) continue;
      throw CLI::ValidationError(option->get_name(), "means nothing with --protocol " + command.protocol);
    }
    if (NeedsFiles(command.protocol) && command.files.empty()) throw CLI::RequiredError(kFilesOption);
    if (command.protocol == "astm" && command.code_page == "utf-16le") {
      throw CLI::ValidationError("--codepage", "utf-16le has bytes that ASTM forbids");
    }
  });
}

absl::StatusOr<std::unique_ptr<SimulatedInstrument>> SimulatedInstrument::Make(InstrumentCommand command, int stop) {
  command.options.paced = !command.unpaced;
  command.options.gap = Time(command.gap, absl::ZeroDuration());
  command.options.pause = Time(command.pause, absl::ZeroDuration());
  command.analyser.sender.obey_interrupt = !command.ignore_interrupt;
  AstmTimes& times = command.analyser.sender.times;
  times = {.answer = Time(command.answer_timeout, times.answer),
           .busy = Time(command.busy_wait, times.busy),
           .contention = Time(command.contention_wait, times.contention),
           .interrupt = Time(command.interrupt_wait, times.interrupt)};
  BalanceOptions& balance = command.balance;
  balance.print_key = !command.on_request;
  balance.settle = Time(command.settle, balance.settle);
  balance.hold = Time(command.hold, balance.hold);
  balance.gap = Time(command.gap, balance.gap);
  balance.seed = command.options.seed;
  std::unique_ptr<SimulatedInstrument> made(new SimulatedInstrument(std::move(command)));
  if (absl::Status status = made->ReadFiles(); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Journal>> journal = Journal::Open(made->command_.log);
  if (!journal.ok()) return journal.status();
  made->journal_ = *std::move(journal);
  absl::StatusOr<std::unique_ptr<PtyLine>> line = PtyLine::Open(made->command_.link, made->command_.options.baud, stop);
  if (!line.ok()) return line.status();
  made->line_ = *std::move(line);
  return made;
}

absl::Status SimulatedInstrument::ReadFiles() {
  if (const auto protocol = ParseBalanceProtocol(command_.protocol)) {
    command_.balance.protocol = *protocol;
    command_.balance.count = command_.count.value_or(1);
    return absl::OkStatus();
  }
  const CodePage code_page = *ParseCodePage(command_.code_page);
  print_ = {.rename_sample = command_.rename_sample,
            .line_end = command_.line_end == "crlf" ? "\r\n"
                        : command_.line_end == "lf" ? "\n"
                                                    : "\r",
            .code_page = code_page,
            .form_feed = command_.form_feed,
            .page_length = command_.page_length};
  astm_ = {.rename_sample = command_.rename_sample, .code_page = code_page};
  for (const std::string& file : command_.files) {
    if (command_.protocol == "astm") {
      absl::StatusOr<std::vector<AstmOriginal>> more = ReadAstmOriginals(file);
      if (!more.ok()) return more.status();
      for (AstmOriginal& original : *more) {
        const absl::Status status = Compose(original, 1, absl::UnixEpoch(), astm_).status();
        if (!status.ok()) return status;
        astm_originals_.push_back(std::move(original));
      }
    } else {
      absl::StatusOr<std::vector<Original>> more = ReadOriginals(file);
      if (!more.ok()) return more.status();
      for (Original& original : *more) {
        if (absl::Status status = CheckPrintable(original, print_); !status.ok()) return status;
        originals_.push_back(std::move(original));
      }
    }
  }
  command_.options.count = command_.count.value_or(command_.repeat * (originals_.size() + astm_originals_.size()));
  return absl::OkStatus();
}

absl::Status SimulatedInstrument::Run() {
  const std::uint64_t first = command_.options.first;
  if (command_.protocol == kOcean) {
    command_.spectrometer.trigger_gap = command_.options.gap;
    return RunSpectrometer(command_.options, command_.spectrometer, *line_, *journal_);
  }
  if (command_.protocol == "astm") {
    const auto next = [&](std::uint64_t sequence) {
      return Compose(astm_originals_[(sequence - first) % astm_originals_.size()], sequence, absl::Now(), astm_);
    };
    return RunAnalyser(command_.options, command_.analyser, next, *line_, *journal_);
  }
  if (ParseBalanceProtocol(command_.protocol)) {
    return RunBalance(command_.options, command_.balance, *line_, *journal_);
  }
  const auto next = [&](std::uint64_t sequence) {
    return Print(originals_[(sequence - first) % originals_.size()], sequence, print_);
  };
  return RunInstrument(command_.options, next, *line_, *journal_);
}

}  // namespace dims
