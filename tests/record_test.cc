// Recordings: what was written down, played again, gives the same answers and reports.
#include "firmware-bridge/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "drivers/catalog.h"
#include "simulator/instrument.h"
#include "tests/inputs.h"
#include "tests/pty.h"
#include "tests/transcript_player.h"

namespace dims {
namespace {

using testing::HasSubstr;
using testing::Not;
using Kind = TranscriptStep::Kind;

constexpr absl::Duration kStart = absl::Seconds(1000);

Transcript Parsed(const std::string& text) {
  absl::StatusOr<Transcript> transcript = ParseTranscript("recorded", text);
  EXPECT_TRUE(transcript.ok()) << transcript.status() << "\n" << text;
  return transcript.value_or(Transcript());
}

int Count(const Transcript& transcript, Kind kind) {
  return static_cast<int>(std::count_if(transcript.steps.begin(), transcript.steps.end(),
                                        [&](const TranscriptStep& step) { return step.kind == kind; }));
}

std::string Said(const Transcript& transcript, Kind kind) {
  std::string bytes;
  for (const TranscriptStep& step : transcript.steps) bytes += step.kind == kind ? step.text : "";
  return bytes;
}

absl::Status Taken(absl::string_view) { return absl::OkStatus(); }

// One recorder, and the text it writes.
class Recording {
 public:
  explicit Recording(RecordedDriver driver) : recorder_(std::move(driver), "a test", out_, Taken, kStart) {}
  // Comes in reads of `cut` bytes, each 3 ms after the one before.
  void Say(absl::string_view bytes, std::size_t cut) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(cut, bytes.size()))) {
      Pass(absl::Milliseconds(3));
      recorder_.Take({std::string(bytes.substr(0, cut)), {}}, now_);
    }
  }
  // As the loop does it: looked at ten times a second.
  void Pass(absl::Duration time) {
    const absl::Duration until = now_ + time;
    while (now_ < until) {
      now_ = std::min(until, now_ + absl::Milliseconds(100));
      recorder_.Tick(now_);
    }
  }
  Recorder& recorder() { return recorder_; }
  absl::Duration now() const { return now_; }
  std::string Finish() {
    recorder_.Finish("the end");
    return out_.str();
  }

 private:
  std::ostringstream out_;
  absl::Duration now_ = kStart;
  Recorder recorder_;
};

// The bridge speaks when some time has passed, by itself: it asks an instrument now and then.
bool Polls(const Transcript& transcript) {
  const auto asks = [](const TranscriptStep& before, const TranscriptStep& step) {
    return before.kind == Kind::kWait && step.kind == Kind::kBridge;
  };
  return std::adjacent_find(transcript.steps.begin(), transcript.steps.end(), asks) != transcript.steps.end();
}

class Recordings : public testing::TestWithParam<const Driver*> {};

TEST_P(Recordings, OfEveryTranscriptPlayAsItDoes) {
  const Driver& driver = *GetParam();
  for (const Transcript& original : TranscriptsOf(driver)) {
    const bool polls = Polls(original);
    for (const std::size_t cut : {1, 7, 4096}) {
      SCOPED_TRACE(absl::StrCat(original.file, " in reads of ", cut));
      RecordedDriver recorded{&driver, {}};
      for (const TranscriptStep& step : original.steps) {
        if (step.kind == Kind::kOption) recorded.settings.emplace_back(step.name, step.text);
      }
      Recording recording(recorded);
      for (const TranscriptStep& step : original.steps) {
        if (step.kind == Kind::kInstrument) recording.Say(step.text, cut);
        if (step.kind == Kind::kWait) recording.Pass(step.wait);
        // Seen once nothing has come for a while, in which an instrument that is polled would have been asked again.
        if (!polls && (step.kind == Kind::kNoise || step.kind == Kind::kPadding)) recording.Pass(absl::Seconds(11));
      }
      const Transcript transcript = Parsed(recording.Finish());
      EXPECT_EQ(Said(transcript, Kind::kInstrument), Said(original, Kind::kInstrument));
      EXPECT_EQ(Said(transcript, Kind::kBridge), Said(original, Kind::kBridge));
      EXPECT_EQ(Count(transcript, Kind::kReport), Count(original, Kind::kReport));
      Play(driver, transcript);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, Recordings, testing::ValuesIn(Catalog().begin(), Catalog().end()),
                         [](const auto& info) { return std::string(info.param->name); });

TEST(Recorder, WritesDownWhatAnInstrumentSaysWithoutADriver) {
  Recording recording({});
  recording.Say("S S     100.00 g\r\n", 5);
  recording.Pass(absl::Seconds(2));
  recording.Say("S D      99.00 g\r\n", 5);
  EXPECT_EQ(recording.Finish(),
            "# a test\n"
            "instrument: S S     100.00 g<CR><LF>\n"
            "wait: 2.015s\n"
            "instrument: S D      99.00 g<CR><LF>\n"
            "# the end\n");
}

TEST(Recorder, WritesDownAnAnswerWhereItWasGiven) {
  Recording recording({FindDriver("astm"), {}});
  recording.Say("\x05", 1);
  EXPECT_THAT(recording.Finish(), HasSubstr("instrument: <ENQ>\nbridge: <ACK>\n"));
}

TEST(Recorder, SaysWhatTheInstrumentDidNotTake) {
  std::ostringstream out;
  Recorder recorder(
      {FindDriver("astm"), {}}, "a test", out, [](absl::string_view) { return absl::UnavailableError("hung up"); },
      kStart);
  recorder.Take({"\x05", {}}, kStart);
  EXPECT_THAT(out.str(), HasSubstr("bridge: <ACK>\n# not sent: hung up\n"));
}

TEST(Recorder, ShowsErrorsOfTheLineAsComments) {
  Recording recording({});
  recording.recorder().Take({"ab", {{LineMark::kOverrun, 0}, {LineMark::kParityOrFraming, 1}}}, recording.now());
  EXPECT_EQ(recording.Finish(),
            "# a test\n"
            "# the line reported bytes lost by the hardware (overrun) at byte 1 of what comes next\n"
            "# the line reported a parity or framing error in byte 2 of what comes next\n"
            "instrument: ab\n"
            "# the end\n");
}

TEST(Recorder, SaysWhatIsNotReportedYet) {
  Recording recording({FindDriver("agilent_msd"), {}});
  recording.Say("half a li", 4);
  EXPECT_THAT(recording.Finish(),
              HasSubstr("instrument: half a li\n# the last 9 bytes are in no report yet\n# the end\n"));
}

TEST(Recorder, WritesDownWhatIsNoReportOnceNothingMoreComes) {
  const Driver& driver = *FindDriver("agilent_msd");
  Recording recording({&driver, {}});
  recording.Say("half a li", 4);
  recording.Pass(absl::Seconds(11));
  recording.Say("  ", 1);
  recording.Pass(absl::Seconds(11));
  recording.Say("\r\n", 1);
  const Transcript transcript = Parsed(recording.Finish());
  std::vector<std::pair<Kind, std::uint64_t>> sizes;
  for (const TranscriptStep& step : transcript.steps) {
    if (step.size > 0) sizes.emplace_back(step.kind, step.size);
  }
  EXPECT_THAT(sizes, testing::ElementsAre(testing::Pair(Kind::kNoise, 9), testing::Pair(Kind::kPadding, 2)));
  Play(driver, transcript);
}

TEST(Recorder, LetsNoTextBreakALine) {
  std::ostringstream out;
  Recorder recorder({}, "Recorded from /dev/x\nreport: y", out, Taken, kStart);
  EXPECT_EQ(out.str(), "# Recorded from /dev/x\\nreport: y\n");
}

TEST(Recorder, LetsNothingThatAnInstrumentPrintedSteerTheTerminal) {
  const Driver& driver = *FindDriver("agilent_msd");
  const auto originals = ReadOriginals(DIMS_SOURCE_DIR "/simulator/reports/masshunter-four-peaks.txt");
  ASSERT_TRUE(originals.ok()) << originals.status();
  const auto printout = Print(originals->front(), 1, {.rename_sample = "DIMS"});
  ASSERT_TRUE(printout.ok()) << printout.status();
  Recording recording({&driver, {{"encoding", "utf-8"}}});
  recording.Say(absl::StrReplaceAll(printout->bytes, {{"DIMS", "M\xC3\xBC\xC2\x9B\xE2\x80\xAE"}}), 100);
  recording.Pass(absl::Seconds(11));
  const std::string text = recording.Finish();
  EXPECT_THAT(text, HasSubstr("sample_number: \"M\xC3\xBC\\302\\233\\342\\200\\256-0001\""));
  EXPECT_THAT(text, Not(HasSubstr("\xC2\x9B")));
  EXPECT_THAT(text, Not(HasSubstr("\xE2\x80\xAE")));
  Play(driver, Parsed(text));
}

// The instrument of a simulator prints on a pseudo-terminal while it is recorded.
class LiveRecording : public testing::Test {
 protected:
  // Until it holds `reports`.
  Transcript Record(RecordRequest request, int reports) {
    std::ostringstream out;
    const absl::Time end = absl::Now() + kDeadline;
    const auto enough = [&] {
      const std::string text = out.str();
      int count = 0;
      for (std::size_t at = text.find("\nreport:"); at != std::string::npos; at = text.find("\nreport:", at + 1))
        ++count;
      return count >= reports || absl::Now() > end;
    };
    const absl::Status status = dims::Record(request, enough, out);
    EXPECT_TRUE(status.ok()) << status;
    return Parsed(out.str());
  }
};

TEST_F(LiveRecording, OfAPrintOutPlaysToTheReportsOfItsBytes) {
  const auto originals = ReadOriginals(DIMS_SOURCE_DIR "/simulator/reports/masshunter-four-peaks.txt");
  ASSERT_TRUE(originals.ok()) << originals.status();
  std::string printed;
  const auto print = [&](std::uint64_t number) {
    auto printout = Print(originals->front(), number, {.rename_sample = "DIMS"});
    if (printout.ok()) printed += printout->bytes;
    return printout;
  };
  const int stop = eventfd(0, EFD_CLOEXEC);
  auto line = PtyLine::Open("", 115200, stop);
  ASSERT_TRUE(line.ok()) << line.status();
  auto journal = Journal::Open("/dev/null");
  ASSERT_TRUE(journal.ok()) << journal.status();
  const std::string path = (*line)->slave_path();
  absl::Status simulated;
  std::thread instrument([&] {
    simulated =
        RunInstrument({.baud = 115200, .count = 2, .wait_for_reader = true, .linger = true}, print, **line, **journal);
  });
  RecordRequest request;
  request.port = path;
  request.driver.driver = FindDriver("agilent_msd");
  const Transcript transcript = Record(request, 2);
  eventfd_write(stop, 1);
  instrument.join();
  close(stop);
  EXPECT_TRUE(simulated.ok()) << simulated;

  EXPECT_EQ(Said(transcript, Kind::kInstrument), printed);
  EXPECT_EQ(Count(transcript, Kind::kReport), 2);
  EXPECT_THAT(Said(transcript, Kind::kReport), HasSubstr("sample_number: \"DIMS-0002\""));
  EXPECT_THAT(Said(transcript, Kind::kReport), Not(HasSubstr("problems")));
  Play(*request.driver.driver, transcript);
}

TEST_F(LiveRecording, KeepsAnInstrumentTalkingThatWaitsForAnswers) {
  const auto session = ReadTranscript(DIMS_SOURCE_DIR "/tests/transcripts/astm_session.transcript");
  ASSERT_TRUE(session.ok()) << session.status();
  Pty pty;
  RecordRequest request;
  request.port = pty.path();
  request.driver.driver = FindDriver("astm");
  Transcript transcript;
  std::thread recording([&] { transcript = Record(request, 1); });
  // The settings tell when somebody listens.
  const absl::Time end = absl::Now() + kDeadline;
  while ((pty.Settings().c_lflag & ECHO) != 0 && absl::Now() < end) std::this_thread::yield();
  std::size_t answers = 0;
  for (const TranscriptStep& step : session->steps) {
    if (step.kind == Kind::kInstrument) pty.Say(step.text);
    if (step.kind != Kind::kBridge) continue;
    EXPECT_EQ(pty.Hear(step.text.size()), step.text);
    answers += step.text.size();
  }
  recording.join();
  EXPECT_GT(answers, 0u);
  EXPECT_EQ(Said(transcript, Kind::kBridge).size(), answers);
  Play(*request.driver.driver, transcript);
}

TEST(Record, EndsWhenItsTimeIsUp) {
  Pty pty;
  RecordRequest request;
  request.port = pty.path();
  request.length = absl::Milliseconds(1);
  std::ostringstream out;
  EXPECT_TRUE(Record(request, Never, out).ok());
  EXPECT_THAT(out.str(),
              HasSubstr(absl::StrCat("# Recorded from ", pty.path(), " (9600 baud 8N1, flow control none)")));
  EXPECT_THAT(out.str(), HasSubstr("# the recording ends here\n"));
}

TEST(Record, EndsWithTheLine) {
  Pty pty;
  RecordRequest request;
  request.port = pty.path();
  std::ostringstream out;
  const absl::Status status = Record(
      request,
      [&] {
        pty.HangUp();
        return false;
      },
      out);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(out.str(), HasSubstr("hung up\n"));
}

TEST(Record, RefusesASettingThatTheDriverDoesNotHave) {
  RecordRequest request;
  request.port = "/dev/null";
  request.driver = {FindDriver("astm"), {{"no_such", "1"}}};
  std::ostringstream out;
  EXPECT_TRUE(absl::IsInvalidArgument(Record(request, Never, out)));
  EXPECT_EQ(out.str(), "");
}

// The program itself, writing into a pipe.
class Recorded {
 public:
  explicit Recorded(const std::string& arguments)
      : pipe_(popen(
            absl::StrCat("echo $$; exec " DIMS_BINARY_DIR "/firmware-bridge/dims-bridge record ", arguments, " 2>&1")
                .c_str(),
            "re")) {
    EXPECT_TRUE(absl::SimpleAtoi(Line(), &process_));
  }
  std::string Line() {
    char line[512] = "";
    return fgets(line, sizeof(line), pipe_) != nullptr ? line : "";
  }
  void Signal(int number) { kill(process_, number); }
  int Finish() {
    const int status = pclose(pipe_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  FILE* const pipe_;
  pid_t process_ = 0;
};

TEST(RecordProgram, WritesAsItHearsAndEndsWellAtASignal) {
  Pty pty;
  Recorded program(pty.path() + " --baud 19200 --parity none");
  EXPECT_THAT(program.Line(), HasSubstr(pty.path() + " (19200 baud 8N1, flow control none)"));
  pty.Say("S S     100.00 g\r\n");
  EXPECT_EQ(program.Line(), "instrument: S S     100.00 g<CR><LF>\n");
  program.Signal(SIGINT);
  EXPECT_EQ(program.Line(), "# the recording ends here\n");
  EXPECT_EQ(program.Finish(), 0);
}

TEST(RecordProgram, NamesWhatIsWrongOnItsCommandLine) {
  for (const auto& [arguments, message] : std::vector<std::pair<std::string, std::string>>{
           {"/dev/null --baud 9601", "\"baud\" must be one of 300, "},
           {"/dev/null --for soon", "--for: "},
           {"/dev/null --driver astn", "there is no driver \"astn\", did you mean \"astm\"?"},
           {"/dev/null --set a=b", "--set is for a driver's options: give --driver as well"},
           {"tcp://moxa:4001 --baud 9600", "--baud cannot be set from here for a terminal server"}}) {
    Recorded program(arguments);
    EXPECT_THAT(program.Line(), HasSubstr(message));
    EXPECT_EQ(program.Finish(), 2);
  }
}

}  // namespace
}  // namespace dims
