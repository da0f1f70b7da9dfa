// ASTM E1381 / LIS01-A, the receiver's side, rule by rule, on a clock that only moves when told.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "drivers/catalog.h"
#include "simulator/transcript.h"
#include "tests/astm_frames.h"
#include "tests/astm_line.h"
#include "tests/heap.h"
#include "tests/inputs.h"

namespace dims {
namespace {

using dims::v1::Report;

const Driver& Astm() { return *FindDriver("astm"); }

using Settings = std::vector<std::pair<std::string, std::string>>;

// A receiver at the end of a line, and a clock.
class Line {
 public:
  explicit Line(const Settings& options = {}) : parser_(Astm(), *Options::Parse(Astm().options, options)) {
    parser_.Open(sink_);
  }

  // What the receiver answers to `bytes` at once: "A" for ACK, "N" for NAK, "!" for a report, in this order.
  std::string Send(const std::string& bytes, std::vector<LineMark> marks = {}) {
    said_.clear();
    parser_.Feed(bytes, sink_, marks);
    return said_;
  }
  std::string Wait(absl::Duration time) {
    said_.clear();
    const absl::Duration until = now_ + time;
    while (true) {
      auto due = timers_.end();
      for (auto it = timers_.begin(); it != timers_.end(); ++it) {
        if (it->second <= until && (due == timers_.end() || it->second < due->second)) due = it;
      }
      if (due == timers_.end()) break;
      now_ = due->second;
      const int timer = due->first;
      timers_.erase(due);
      parser_.Timer(timer, sink_);
    }
    now_ = until;
    return said_;
  }
  std::string Finish() {
    said_.clear();
    parser_.Finish(Ending::kInterrupted, sink_);
    return said_;
  }
  std::string Session(const std::vector<std::string>& records, int first = 1) {
    std::string said;
    for (const std::string& record : records) said += Send(FrameOf(first++, record));
    return said;
  }

  const std::vector<Report>& reports() const { return reports_; }
  const Report& last() const { return reports_.back(); }
  Parser& parser() { return parser_; }

 private:
  void Keep(ParserEvent event) {
    if (Said* said = std::get_if<Said>(&event)) {
      reports_.push_back(std::move(said->report));
      said_ += '!';
    } else if (const Reply* reply = std::get_if<Reply>(&event)) {
      said_ += reply->bytes == std::string(1, kAck) ? 'A' : reply->bytes == std::string(1, kNak) ? 'N' : '?';
      EXPECT_EQ(reply->instead, std::string(1, kNak)) << "where the store refuses, so does the line";
    } else if (const Arm* arm = std::get_if<Arm>(&event)) {
      timers_.erase(arm->timer);
      if (arm->after > absl::ZeroDuration()) timers_[arm->timer] = now_ + arm->after;
    }
  }

  Parser parser_;
  std::map<int, absl::Duration> timers_;
  absl::Duration now_ = absl::ZeroDuration();
  std::string said_;
  std::vector<Report> reports_;
  const std::function<void(ParserEvent)> sink_ = [this](ParserEvent event) { Keep(std::move(event)); };
};

class OnAVirtualClock final : public AstmLine {
 public:
  void Say(const std::string& bytes, const std::string& expected) override {
    EXPECT_EQ(line_.Send(bytes), expected) << "to " << EscapeBytes(bytes);
  }
  void Wait(absl::Duration time, const std::string& expected) override { EXPECT_EQ(line_.Wait(time), expected); }
  std::vector<Report> Reports() override { return line_.reports(); }

 private:
  Line line_{Settings{{"idle_timeout", kScriptIdle}}};
};

// Those that also run through a pseudo-terminal, under the same names.
[[maybe_unused]] const bool kScriptsAreTests = [] {
  for (const AstmScript& script : AstmScripts()) {
    class Test : public testing::Test {
     public:
      explicit Test(const AstmScript& script) : script_(script) {}
      void TestBody() override {
        OnAVirtualClock line;
        script_.run(line);
      }

     private:
      const AstmScript& script_;
    };
    testing::RegisterTest("AstmConformance", script.name, nullptr, nullptr, __FILE__, __LINE__,
                          [&script]() -> testing::Test* { return new Test(script); });
  }
  return true;
}();

// --- the rules of the link

TEST(AstmConformance, TheLineIs9600Baud8N1) {
  EXPECT_EQ(Astm().line.baud, 9600);
  EXPECT_EQ(Astm().line.data_bits, 8);
  EXPECT_EQ(Astm().line.parity, 'N');
  EXPECT_EQ(Astm().line.stop_bits, 1);
}

TEST(AstmConformance, FrameNumbersBeginAnewWithEverySession) {
  Line line;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(line.Send(kEnqs), "A");
    EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
    line.Send(kEots);
  }
  EXPECT_EQ(line.reports().size(), 3u) << "the same message sent on purpose is another report";
}

TEST(AstmConformance, TheChecksumIsTheSumOfAllFromTheNumberToTheEnd) {
  // From the standard's own layout: STX, C1 C2, CR and LF are not in it.
  EXPECT_EQ(ReadAstmFrame("\x02"
                          "1\x03"
                          "34")
                .sum,
            AstmFrame::Sum::kRight);
  EXPECT_EQ(ReadAstmFrame("\x02"
                          "1\x17"
                          "48")
                .sum,
            AstmFrame::Sum::kRight);
  EXPECT_EQ(ReadAstmFrame("\x02"
                          "1\x03"
                          "35")
                .sum,
            AstmFrame::Sum::kWrong);
  EXPECT_EQ(ReadAstmFrame("\x02"
                          "1\x03"
                          "43")
                .sum,
            AstmFrame::Sum::kWrong)
      << "the high digit is first";
  EXPECT_EQ(ReadAstmFrame("\x02"
                          "1\x03")
                .sum,
            AstmFrame::Sum::kMissing);
}

TEST(AstmConformance, TheReceiversTimerIs30SecondsFromTheLastAnswer) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Wait(absl::Seconds(29)), "");
  EXPECT_EQ(line.Send(FrameOf(1, kAstmHeader)), "A");
  EXPECT_EQ(line.Wait(absl::Seconds(29)), "");
  EXPECT_EQ(line.Send("noise does not count\r\n"), "");
  EXPECT_EQ(line.Wait(absl::Seconds(2)), "!");
  EXPECT_EQ(Types(line.last()), (Problems{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(line.Send(FrameOf(2, kAstmOrder)), "") << "neutral again";
}

TEST(AstmConformance, ASessionWithoutAMessageSaysNothing) {
  Line line;
  EXPECT_EQ(line.Send(kEnqs + kEots), "A");
  EXPECT_EQ(line.Send(kEnqs), "A");
  EXPECT_EQ(line.Wait(absl::Seconds(60)), "");
  EXPECT_EQ(line.Send(kEnqs + kEnqs), "AA") << "an acknowledgement was lost";
  EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
  EXPECT_EQ(line.Send(kEots), "");
  EXPECT_EQ(line.Finish(), "");
  EXPECT_EQ(line.reports().size(), 1u);
}

TEST(AstmConformance, NoiseBetweenFramesIsIgnored) {
  Line line;
  line.Send("xx" + kEnqs);
  std::string said;
  for (int i = 0; const std::string& record : AstmRecords())
    said += line.Send("\x7f?" + FrameOf(++i, record) + "zz\r\n");
  EXPECT_EQ(said, "AAAA!A");
  line.Send(kEots);
  line.Wait(absl::Seconds(31));
  ASSERT_GE(line.reports().size(), 2u);
  EXPECT_EQ(Types(line.reports()[0]), (Problems{dims::v1::PROBLEM_TYPE_NOISE})) << "before the session";
  ExpectWhole(line.reports()[1]);
}

TEST(AstmConformance, ControlCharactersThatTheTextMustNotHoldAreAProblem) {
  for (const char forbidden : {'\x01', '\x06', '\x10', '\x11', '\x12', '\x13', '\x14', '\x15', '\x16'}) {
    Line line;
    line.Send(kEnqs);
    std::string text = absl::StrJoin(AstmRecords(), "");
    text.insert(text.find("READER"), 1, forbidden);
    EXPECT_EQ(line.Send(FrameOf(1, text)), "!A");
    EXPECT_EQ(Types(line.last()), (Problems{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE})) << int{forbidden};
    EXPECT_EQ(Findings(line.last()), 2);
  }
}

TEST(AstmConformance, ALineFeedInTheTextEndsARecordToo) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Send(FrameOf(1, absl::StrJoin(AstmRecords(), "\n"))), "!A");
  ExpectWhole(line.last());
}

// --- what must come out

TEST(AstmConformance, OneByteAtATimeOrAllAtOnceTheEventsAreTheSame) {
  std::string session = kEnqs;
  for (int i = 0; const std::string& record : AstmRecords()) session += FrameOf(++i, record);
  session += kEots;
  const Options options = DefaultOptions(Astm());
  const Outcome whole = Parse(Astm(), options, session);
  EXPECT_EQ(whole.text, Parse(Astm(), options, session, EveryByte(session.size())).text);
  std::vector<std::size_t> eights;
  for (std::size_t at = 8; at < session.size(); at += 8) eights.push_back(at);
  EXPECT_EQ(whole.text, Parse(Astm(), options, session, eights).text);
  for (std::size_t cut = 0; cut <= session.size(); ++cut) {
    ASSERT_EQ(whole.text, Parse(Astm(), options, session, std::vector<std::size_t>{cut}).text) << cut;
  }
}

TEST(AstmConformance, FramesOfAnySizeAreJoinedWithoutAddingOrLosingAByte) {
  const std::string text = absl::StrJoin(AstmRecords(40), "");
  for (std::size_t size = 1; size <= 240; ++size) {
    Line line;
    line.Send(kEnqs);
    int number = 0;
    std::string said;
    for (std::size_t at = 0; at < text.size(); at += size) {
      const bool last = at + size >= text.size();
      said = line.Send(FrameOf(++number, text.substr(at, size), last ? kEtx : kEtb));
      ASSERT_EQ(said.back(), 'A') << size;
    }
    ASSERT_EQ(line.reports().size(), 1u) << size;
    ExpectWhole(line.last(), 40);
  }
}

TEST(AstmConformance, WhicheverBitOfAFrameChangesItIsRefusedAndItsRepeatAccepted) {
  for (const char end : {kEtx, kEtb}) {
    const std::string first = FrameOf(1, absl::StrCat(kAstmHeader, kAstmOrder, AstmResult(1)), end);
    for (std::size_t at = 1; at < first.find(end); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string damaged = first;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        Line line;
        line.Send(kEnqs);
        const std::string said = line.Send(damaged) + line.Wait(absl::Seconds(2));
        ASSERT_EQ(said.find_first_of("A!"), std::string::npos) << at << "." << bit << " " << said;
        ASSERT_EQ(said, "N") << at << "." << bit;
        ASSERT_EQ(line.Send(first), "A") << at << "." << bit;
        ASSERT_EQ(line.Send(FrameOf(2, absl::StrCat(AstmResult(2), kAstmEnd))), "!A") << at << "." << bit;
        ASSERT_EQ(line.Send(kEots), "");
        ASSERT_EQ(line.reports().size(), 1u);
        ExpectWhole(line.last());
        ASSERT_FALSE(testing::Test::HasFailure()) << at << "." << bit;
      }
    }
  }
}

// A sender that keeps the standard: six sends of a frame, 15 s for an answer, EOT, and the whole message again.
class Sender {
 public:
  Sender(Line& line, std::vector<std::string> frames) : line_(line), frames_(std::move(frames)) {}

  // Sends, with bit `bit` of byte `at` of the first attempt's bytes changed. False where the sender gave up.
  bool Send(std::size_t at, int bit) {
    at_ = at;
    bit_ = bit;
    for (int attempt = 0; attempt < 4; ++attempt) {
      if (Attempt()) return true;
      line_.Wait(absl::Seconds(10));
    }
    return false;
  }

 private:
  bool Attempt() {
    if (Say(kEnqs) != 'A') {
      Say(kEots, false);
      return false;
    }
    for (const std::string& frame : frames_) {
      char answer = 'N';
      for (int sends = 0; sends < 6 && answer == 'N'; ++sends) answer = Say(frame);
      if (answer != 'A') {
        Say(kEots, false);
        return false;
      }
    }
    Say(kEots, false);
    return true;
  }
  // Anything but an ACK after all was sent is a NAK; nothing within 15 s is 0.
  char Say(std::string bytes, bool wants_answer = true) {
    if (at_ < sent_ + bytes.size() && at_ >= sent_) {
      bytes[at_ - sent_] = static_cast<char>(bytes[at_ - sent_] ^ (1 << bit_));
    }
    sent_ += bytes.size();
    std::string said = line_.Send(bytes);
    if (wants_answer && said.find_first_of("AN") == std::string::npos) said += line_.Wait(absl::Seconds(15));
    const std::size_t answer = said.find_first_of("AN");
    return answer == std::string::npos ? 0 : said[answer];
  }

  Line& line_;
  const std::vector<std::string> frames_;
  std::size_t sent_ = 0, at_ = 0;
  int bit_ = 0;
};

TEST(AstmConformance, WhicheverBitOfASessionChangesTheMessageArrivesWholeAndNothingFalseDoes) {
  const std::string text = absl::StrJoin(AstmRecords(), "");
  const std::vector<std::vector<std::string>> forms = {
      {FrameOf(1, text)},
      {FrameOf(1, text.substr(0, 80), kEtb), FrameOf(2, text.substr(80))},
      {FrameOf(1, kAstmHeader), FrameOf(2, kAstmOrder), FrameOf(3, AstmResult(1)), FrameOf(4, AstmResult(2)),
       FrameOf(5, kAstmEnd)}};
  int sessions = 0;
  for (const char* checksum : {"strict", "lenient"}) {
    for (const std::vector<std::string>& frames : forms) {
      const std::size_t size = absl::StrJoin(frames, "").size() + 2;
      for (std::size_t at = 0; at < size; ++at) {
        for (int bit = 0; bit < 8; ++bit, ++sessions) {
          SCOPED_TRACE(absl::StrCat(checksum, " ", frames.size(), " frames, byte ", at, " bit ", bit));
          Line line(Settings{{"checksum", checksum}});
          Sender sender(line, frames);
          ASSERT_TRUE(sender.Send(at, bit));
          line.Wait(absl::Seconds(60));
          int whole = 0;
          for (const Report& report : line.reports()) {
            if (report.problems_size() == 0) {
              ++whole;
              ExpectWhole(report);
            } else {
              ASSERT_NE(report.status(), dims::v1::REPORT_STATUS_FINAL) << report.DebugString();
              for (const dims::v1::Analysis& analysis : report.analyses()) {
                for (const dims::v1::Finding& finding : analysis.findings()) {
                  if (finding.has_amount()) {
                    ASSERT_EQ(finding.amount().value(), "7.41") << report.DebugString();
                  }
                }
              }
            }
          }
          ASSERT_EQ(whole, 1);
          ASSERT_FALSE(HasFailure());
        }
      }
    }
  }
  std::cerr << sessions << " sessions, one changed bit in each\n";
}

TEST(AstmConformance, TheSameNumberWithOtherBytesIsNoRepeat) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Session({kAstmHeader, kAstmOrder, AstmResult(1)}), "AAA");
  EXPECT_EQ(line.Send(FrameOf(3, AstmResult(2))), "N");
  EXPECT_EQ(line.Session({AstmResult(2), kAstmEnd}, 4), "A!A");
  ExpectWhole(line.last());
}

TEST(AstmConformance, AfterAMissingFrameNothingIsAcknowledgedAndWhatComesIsKeptWithAProblem) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Session({kAstmHeader, kAstmOrder}), "AA");
  EXPECT_EQ(line.Session({AstmResult(2), AstmResult(3), kAstmEnd}, 4), "NN!N");
  EXPECT_EQ(line.Send(kEots), "");
  ASSERT_EQ(line.reports().size(), 1u);
  EXPECT_EQ(line.last().problems(0).type(), dims::v1::PROBLEM_TYPE_SEQUENCE);
  EXPECT_EQ(line.last().status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(Findings(line.last()), 2);
  EXPECT_EQ(line.Send(kEnqs), "A") << "the next session is a session again";
  EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
}

TEST(AstmConformance, SixRefusedSendsLeaveATruncatedReportWithoutTheirContent) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Session({kAstmHeader, kAstmOrder}), "AA");
  std::string bad = FrameOf(3, AstmResult(1));
  bad[12] ^= 1;
  for (int i = 0; i < 6; ++i) EXPECT_EQ(line.Send(bad), "N");
  EXPECT_EQ(line.Send(kEots), "!");
  EXPECT_EQ(Types(line.last()), (Problems{dims::v1::PROBLEM_TYPE_CHECKSUM, dims::v1::PROBLEM_TYPE_TRUNCATED}));
  EXPECT_EQ(line.last().status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(Findings(line.last()), 0);
}

TEST(AstmConformance, EotOrSilenceBeforeTheEndRecordLeavesATruncatedReport) {
  for (const bool silence : {false, true}) {
    for (std::size_t kept = 1; kept < 5; ++kept) {
      Line line;
      line.Send(kEnqs);
      std::vector<std::string> records = AstmRecords(3);
      records.resize(kept);
      EXPECT_EQ(line.Session(records), std::string(kept, 'A'));
      EXPECT_EQ(silence ? line.Wait(absl::Seconds(30)) : line.Send(kEots), "!");
      EXPECT_EQ(Types(line.last()),
                (Problems{silence ? dims::v1::PROBLEM_TYPE_INTERRUPTED : dims::v1::PROBLEM_TYPE_TRUNCATED}));
      EXPECT_EQ(line.last().status(), dims::v1::REPORT_STATUS_PRELIMINARY);
      EXPECT_EQ(Findings(line.last()), static_cast<int>(kept) - (kept < 2 ? static_cast<int>(kept) : 2));
    }
  }
}

TEST(AstmConformance, NoiseBeforeEnqIsAccountedForAndIgnored) {
  for (const std::size_t size : {1500u, 1500000u}) {
    std::mt19937_64 random(6);
    std::string noise(size, '\0');
    for (char& c : noise) {
      do c = static_cast<char>(random());
      while (c == kEnq || c == kStx);  // these would be no noise
    }
    noise.back() = 'x';
    Line line;
    EXPECT_EQ(line.Send(noise).find('A'), std::string::npos);
    EXPECT_EQ(line.Send(kEnqs).back(), 'A');
    EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
    uint64_t accounted = 0;
    for (std::size_t i = 0; i + 1 < line.reports().size(); ++i) {
      EXPECT_EQ(Types(line.reports()[i]), (Problems{dims::v1::PROBLEM_TYPE_NOISE}));
      accounted += line.reports()[i].raw_size();
    }
    EXPECT_GT(accounted, size - size / 1000 - 64) << "all but blanks and lone control characters";
    ExpectWhole(line.last());
  }
}

TEST(AstmConformance, EnqInTheMiddleOfAFrameIsAnsweredOnceTheLineIsQuiet) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Session({kAstmHeader, kAstmOrder}), "AA");
  EXPECT_EQ(line.Send(FrameOf(3, AstmResult(1)).substr(0, 12)), "");
  EXPECT_EQ(line.Send(kEnqs), "") << "it may be a changed bit: an ACK would pass for the frame's";
  EXPECT_EQ(line.Wait(absl::Seconds(2)), "!A");
  EXPECT_EQ(line.last().status(), dims::v1::REPORT_STATUS_PRELIMINARY);
  EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
  ExpectWhole(line.last());
}

TEST(AstmConformance, StxAnd13MegabytesWithoutEndAreBoundedAndTheNextMessageIsRead) {
  for (const bool session : {false, true}) {
    Line line;
    const std::size_t before = HeapInUse();
    ResetHeapPeak();
    if (session) line.Send(kEnqs);
    line.Send(std::string(1, kStx) + "1H|");
    const std::string piece(1 << 16, 'x');
    for (std::size_t sent = 0; sent < (13u << 20); sent += piece.size()) line.Send(piece);
    EXPECT_LE(HeapPeak() - before, 2 * Astm().max_frame + 16 * Astm().max_report + 64 * 1024);
    bool found = false;
    for (const Report& report : line.reports()) {
      for (const dims::v1::ProblemType type : Types(report)) found |= type == dims::v1::PROBLEM_TYPE_OVERSIZE;
    }
    EXPECT_TRUE(found);
    EXPECT_EQ(line.Send(kEnqs).back(), 'A');
    EXPECT_EQ(line.Session(AstmRecords()), "AAAA!A");
    ExpectWhole(line.last());
  }
}

TEST(AstmConformance, AMessageWithoutEndIsClosedInPartsAndMemoryStaysBounded) {
  for (const std::string& record : {AstmResult(1), std::string("R\r"), std::string("O|\r"), std::string("x\r")}) {
    std::string text;
    while (text.size() + record.size() < 60000) text += record;
    Line line;
    const std::size_t before = HeapInUse();
    ResetHeapPeak();
    line.Send(kEnqs);
    EXPECT_EQ(line.Send(FrameOf(1, kAstmHeader)), "A");
    std::size_t closed = 0;
    for (int i = 2; i < 60; ++i) {
      const std::string said = line.Send(FrameOf(i, text));
      ASSERT_EQ(said.back(), 'A') << "the bytes are kept, so they are acknowledged";
      closed += said.size() - 1;
    }
    EXPECT_GE(closed, 3u);
    std::size_t kept = 0;
    for (const Report& report : line.reports()) kept += report.SpaceUsedLong();
    EXPECT_LE(HeapPeak() - before - std::min(kept, HeapPeak() - before),
              2 * Astm().max_frame + 16 * Astm().max_report + 64 * 1024)
        << record;
    for (const Report& report : line.reports()) ASSERT_LT(report.ByteSizeLong(), 4u << 20);
  }
}

TEST(AstmConformance, NoLineEndAfterTheChecksumIsAcceptedWhereItIsConfigured) {
  for (const std::string line_end : {"", "\r"}) {
    Line lenient(Settings{{"checksum", "lenient"}});
    lenient.Send(kEnqs);
    for (int i = 0; const std::string& record : AstmRecords()) {
      EXPECT_EQ(lenient.Send(FrameOf(++i, record, kEtx, line_end)), "");
      EXPECT_EQ(lenient.Wait(absl::Seconds(1)), record == kAstmEnd ? "!A" : "A");
    }
    ExpectWhole(lenient.last());
    EXPECT_EQ(lenient.last().lenient_frames(), 5u);
    Line strict;
    strict.Send(kEnqs);
    EXPECT_EQ(strict.Send(FrameOf(1, kAstmHeader, kEtx, line_end)), "");
    EXPECT_EQ(strict.Wait(absl::Seconds(1)), "N");
  }
}

TEST(AstmConformance, LowerCaseChecksumsAreAcceptedWhereItIsConfigured) {
  std::string frame = FrameOf(1, absl::StrJoin(AstmRecords(), ""));
  for (int value = 0; ReadAstmFrame(frame.substr(0, frame.size() - 2)).sum != AstmFrame::Sum::kLowerCase; ++value) {
    frame =
        FrameOf(1, absl::StrCat(kAstmHeader, "C|", value, "\r", kAstmOrder, AstmResult(1), AstmResult(2), kAstmEnd));
    for (std::size_t i = frame.size() - 4; i < frame.size() - 2; ++i) frame[i] = absl::ascii_tolower(frame[i]);
  }
  Line lenient(Settings{{"checksum", "lenient"}});
  lenient.Send(kEnqs);
  EXPECT_EQ(lenient.Send(frame), "!A");
  ExpectWhole(lenient.last());
  EXPECT_EQ(lenient.last().lenient_frames(), 1u);
  Line strict;
  strict.Send(kEnqs);
  EXPECT_EQ(strict.Send(frame), "N");
}

TEST(AstmConformance, OtherDelimitersAreThoseOfTheHeader) {
  Line line;
  line.Send(kEnqs);
  std::string text = "H|@^\\|A\\F\\B||GX\rP|1\rO|1|S1||^^^FEN\r";
  const int results = 70;
  for (int i = 1; i <= results; ++i) absl::StrAppend(&text, "R|", i, "|^A^B^FEN|^7.41|ng\\F\\mL|a@b|H@A||F\r");
  while (text.size() < 4334) text += "C|1|x\r";
  EXPECT_EQ(line.Send(FrameOf(1, text + "L|1|N\r")), "!A");
  ASSERT_EQ(Findings(line.last()), results);
  const dims::v1::Finding& finding = line.last().analyses(0).findings(0);
  EXPECT_EQ(line.last().problems_size(), 0) << line.last().DebugString();
  EXPECT_EQ(finding.label(), "FEN");
  EXPECT_EQ(finding.amount().value(), "7.41");
  EXPECT_EQ(finding.amount().printed(), "^7.41");
  EXPECT_EQ(finding.amount().unit(), "ng|mL");
  EXPECT_EQ(finding.flags_size(), 2);
}

TEST(AstmConformance, CommasComparatorsEmptyValuesAndUnknownTestsAreAsPrinted) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Send(FrameOf(1, absl::StrCat(kAstmHeader, kAstmOrder, AstmResult(1, "7,41"), AstmResult(2, ">8"),
                                              AstmResult(3, ""), "R|4|^^^@@7|<0,05|||||F\r", kAstmEnd))),
            "!A");
  const dims::v1::Analysis& analysis = line.last().analyses(0);
  ASSERT_EQ(analysis.findings_size(), 4);
  EXPECT_EQ(analysis.findings(0).amount().value(), "7.41");
  EXPECT_EQ(analysis.findings(1).amount().value(), "8");
  EXPECT_EQ(analysis.findings(1).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_GREATER_THAN);
  EXPECT_FALSE(analysis.findings(2).has_amount());
  EXPECT_EQ(analysis.findings(3).label(), "@@7");
  EXPECT_EQ(analysis.findings(3).amount().value(), "0.05");
  EXPECT_EQ(analysis.findings(3).amount().qualifier(), dims::v1::AMOUNT_QUALIFIER_LESS_THAN);
  EXPECT_EQ(line.last().problems_size(), 0) << line.last().DebugString();
}

TEST(AstmConformance, TheChecksumIsOnBytesAndTheTextIsDecodedAfterwards) {
  Line line(Settings{{"encoding", "latin-1"}});
  line.Send(kEnqs);
  EXPECT_EQ(line.Send(FrameOf(1, absl::StrCat(kAstmHeader, kAstmOrder, "R|1|^^^F\xe9N|1|\xb5g/mL\r", kAstmEnd))), "!A");
  EXPECT_EQ(line.last().analyses(0).findings(0).label(), "F\u00e9N");
  EXPECT_EQ(line.last().analyses(0).findings(0).amount().unit(), "\u00b5g/mL");
  EXPECT_EQ(line.last().problems_size(), 0);
}

TEST(AstmConformance, AFrameWithALineErrorIsRefusedAndCounted) {
  const std::string frame = FrameOf(1, absl::StrJoin(AstmRecords(), ""));
  for (std::size_t at = 0; at < frame.size() - 2; ++at) {
    Line line;
    line.Send(kEnqs);
    EXPECT_EQ(line.Send(frame, {{LineMark::kParityOrFraming, at}}), "N") << at;
    EXPECT_EQ(line.Send(frame), "!A");
    ASSERT_EQ(line.reports().size(), 1u);
    ExpectWhole(line.last());
    EXPECT_EQ(line.last().line_errors().parity_or_framing(), 1u);
  }
}

TEST(AstmConformance, ALineErrorThatWasNotRepairedIsAProblem) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Send(FrameOf(1, kAstmHeader)), "A");
  EXPECT_EQ(line.Send(FrameOf(2, kAstmOrder), {{LineMark::kParityOrFraming, 5}}), "N");
  EXPECT_EQ(line.Send(kEots), "!");
  const Problems types = Types(line.last());
  EXPECT_NE(std::find(types.begin(), types.end(), dims::v1::PROBLEM_TYPE_LINE_ERROR), types.end());
}

TEST(AstmConformance, TheEtxAloneProvesNothing) {
  Line line;
  line.Send(kEnqs);
  EXPECT_EQ(line.Send(FrameOf(1, absl::StrCat(kAstmHeader, kAstmOrder, AstmResult(1)))), "A");
  EXPECT_EQ(line.Send(kEots), "!");
  EXPECT_EQ(Types(line.last()), (Problems{dims::v1::PROBLEM_TYPE_TRUNCATED}));
}

}  // namespace
}  // namespace dims
