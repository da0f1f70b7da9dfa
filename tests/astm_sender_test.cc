// ASTM E1381 / LIS01-A, the instrument's side, rule by rule, on a clock that only moves when told.
#include "simulator/astm_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "drivers/transcript.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = AstmEvent::Kind;

const char kHeader[] = "H|\\^&|||READER^1^2.0|||||||P|LIS2-A2|20260114101500\r";
const char kEnd[] = "L|1|N\r";

std::string Repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// An instrument whose line takes no time, and a clock.
class Instrument {
 public:
  explicit Instrument(const AstmSenderOptions& options = {}) : sender_(options) {}

  // What it says at once, in the words of transcripts; what is given likewise.
  std::string Add(const std::string& text) {
    sender_.Add(++added_, text);
    return Talk();
  }
  std::string Hear(const std::string& said) {
    sender_.Hear(*UnescapeBytes(said), now_);
    return Talk();
  }
  std::string After(absl::Duration time) {
    now_ += time;
    return Talk();
  }
  // Says whatever it may until it waits for something.
  std::string Talk() {
    std::string all;
    for (int turns = 0; turns < 10; ++turns) {
      sender_.Pass(now_);
      const std::string bytes = sender_.Say();
      if (bytes.empty()) return all;
      all += EscapeBytes(bytes);
      sender_.Said(now_);
    }
    ADD_FAILURE() << "it talks without end: " << all;
    return all;
  }
  // Acknowledges until the session ends; returns what was said meanwhile.
  std::vector<std::string> Session() {
    std::vector<std::string> said;
    for (int i = 0; i < 1000 && (said.empty() || said.back() != "<EOT>"); ++i) said.push_back(Hear("<ACK>"));
    return said;
  }
  std::vector<std::string> Whys() {
    std::vector<std::string> whys;
    for (const AstmEvent& event : sender_.TakeEvents()) {
      if (!event.why.empty()) whys.push_back(event.why);
    }
    return whys;
  }
  std::vector<std::uint64_t> Acknowledged() {
    std::vector<std::uint64_t> messages;
    for (const AstmEvent& event : sender_.TakeEvents()) {
      if (event.kind == Kind::kAcknowledged) messages.push_back(event.message);
    }
    return messages;
  }
  AstmSender& sender() { return sender_; }

 private:
  AstmSender sender_;
  absl::Duration now_ = absl::Seconds(1000);
  std::uint64_t added_ = 0;
};

// The text of a frame in the words of transcripts: without <STX>, FN, and from <ETB> or <ETX> on.
std::string TextOf(const std::string& frame) { return frame.substr(6, frame.find("<ET") - 6); }

TEST(AstmSender, AsksThenSendsTheMessageInOneFrameThenEnds) {
  Instrument instrument;
  EXPECT_EQ(instrument.Talk(), "");
  EXPECT_TRUE(instrument.sender().idle());
  EXPECT_EQ(instrument.Add(kHeader), "<ENQ>");
  // The checksum was computed by hand: FN, text and ETX, modulo 256.
  EXPECT_EQ(instrument.Hear("<ACK>"), "<STX>1H|\\^&|||READER^1^2.0|||||||P|LIS2-A2|20260114101500<CR><ETX>A6<CR><LF>");
  EXPECT_FALSE(instrument.sender().idle());
  EXPECT_EQ(instrument.Hear("<ACK>"), "<EOT>");
  EXPECT_TRUE(instrument.sender().idle());
  EXPECT_EQ(instrument.sender().waiting(), 0u);
  EXPECT_EQ(instrument.sender().due(), absl::InfiniteDuration());
  EXPECT_EQ(instrument.Add(kHeader), "<ENQ>") << "EOT is not acknowledged";
}

TEST(AstmSender, TellsWhatHappened) {
  Instrument instrument({.frame_text = 40});
  instrument.Add(kHeader);
  instrument.Hear("<ACK>");
  instrument.Hear("<ACK>");
  instrument.Hear("<ACK>");
  const std::vector<AstmEvent> events = instrument.sender().TakeEvents();
  ASSERT_EQ(events.size(), 4u);
  const Kind kinds[] = {Kind::kBegun, Kind::kFrame, Kind::kFrame, Kind::kAcknowledged};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(events[i].kind, kinds[i]) << i;
    EXPECT_EQ(events[i].frames, 2u);
    EXPECT_EQ(events[i].attempt, 1u);
  }
  EXPECT_EQ(events[1].frame, 1u);
  EXPECT_EQ(events[2].frame, 2u);
}

TEST(AstmSender, CutsAMessageIntoFramesOf240CharactersAndJoinsNoTwo) {
  const std::string message = kHeader + Repeated("R|1|^^^FEN|7,41|ng/mL|0-1|H||F||op1||20260114101200|R1\r", 20) + kEnd;
  Instrument instrument;
  instrument.Add(message);
  std::vector<std::string> said = instrument.Session();
  said.pop_back();
  ASSERT_EQ(said.size(), (message.size() + 239) / 240);
  std::string joined;
  for (std::size_t i = 0; i < said.size(); ++i) {
    const std::string text = *UnescapeBytes(TextOf(said[i]));
    EXPECT_EQ(text.size(), i + 1 < said.size() ? 240 : message.size() % 240);
    EXPECT_EQ(said[i].find(i + 1 < said.size() ? "<ETB>" : "<ETX>") != std::string::npos, true) << said[i];
    joined += text;
  }
  EXPECT_EQ(joined, message);
}

TEST(AstmSender, SendsAsMuchAsLis01AllowsInOneFrame) {
  const std::string longest = std::string(kMostAstmText - 1, 'x') + "\r";
  Instrument instrument({.frame_text = kMostAstmText});
  instrument.Add(longest);
  const std::string frame = *UnescapeBytes(instrument.Hear("<ACK>"));
  EXPECT_EQ(frame.size(), 64000u);
  EXPECT_EQ(instrument.Hear("<ACK>"), "<EOT>");
}

TEST(AstmSender, EndsEachRecordWithItsFrameIfAsked) {
  Instrument instrument({.frame_text = 10, .record_frames = true});
  instrument.Add("H|\\^&\rR|1|longer than ten\rL|1|N\r");
  std::vector<std::string> texts;  // from FN through ETB or ETX
  for (const std::string& frame : instrument.Session()) {
    if (frame != "<EOT>") texts.push_back(frame.substr(5, frame.find("<ET")));
  }
  EXPECT_THAT(texts, ElementsAre("1H|\\^&<CR><ETX>", "2R|1|longer<ETB>", "3 than ten<CR><ETX>", "4L|1|N<CR><ETX>"));
}

TEST(AstmSender, CountsFramesFromOneAndOnFromSevenToZero) {
  Instrument instrument({.frame_text = 1});
  instrument.Add(std::string(17, 'x'));
  std::string numbers;
  for (const std::string& frame : instrument.Session()) {
    if (frame != "<EOT>") numbers += frame[5];
  }
  EXPECT_EQ(numbers, "12345670123456701");
  instrument.Add("x");
  EXPECT_EQ(instrument.Hear("<ACK>")[5], '1') << "each session counts anew";
}

TEST(AstmSender, EndsAfterFifteenSecondsWithoutAnAnswerToEnqAndAsksAgainLater) {
  Instrument instrument;
  instrument.Add(kHeader);
  EXPECT_EQ(instrument.After(absl::Milliseconds(14999)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<EOT>");
  EXPECT_EQ(instrument.Hear("<ACK>"), "") << "too late";
  EXPECT_EQ(instrument.After(absl::Milliseconds(9999)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
  EXPECT_THAT(instrument.Whys(), ElementsAre("no answer within 15s"));
}

TEST(AstmSender, WaitsTenSecondsForABusyReceiver) {
  Instrument instrument;
  instrument.Add(kHeader);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(instrument.Hear("<NAK>"), "");
    EXPECT_EQ(instrument.After(absl::Milliseconds(9999)), "");
    EXPECT_EQ(instrument.Hear("<ACK>"), "") << "nothing was asked";
    EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
  }
  EXPECT_EQ(instrument.sender().waiting(), 1u);
}

TEST(AstmSender, IgnoresAllButAckNakAndEnqAfterEnq) {
  for (int c = 0; c < 256; ++c) {
    if (c == 0x05 || c == 0x06 || c == 0x15) continue;
    Instrument instrument;
    instrument.Add(kHeader);
    EXPECT_EQ(instrument.Hear(EscapeBytes(std::string(1, static_cast<char>(c)))), "") << c;
    EXPECT_EQ(instrument.Hear("<ACK>").substr(0, 6), "<STX>1") << c;
  }
}

TEST(AstmSender, WinsAContentionAfterASecond) {
  Instrument instrument;
  instrument.Add(kHeader);
  EXPECT_EQ(instrument.Hear("<ENQ>"), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(999)), "");
  EXPECT_EQ(instrument.Hear("<ENQ>"), "") << "the other side waits for ours";
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
  EXPECT_EQ(instrument.Hear("<ACK>").substr(0, 6), "<STX>1");
}

TEST(AstmSender, SaysAFrameAgainAfterAnyAnswerButAckAndEotWhicheverFrameItIs) {
  for (int c = 0; c < 256; ++c) {
    if (c == 0x04 || c == 0x06) continue;
    Instrument instrument({.frame_text = 4});
    instrument.Add("H|\\^&|||\rL|1|N\r");
    std::string frame = instrument.Hear("<ACK>");
    for (int place = 0; place < 4; ++place) {
      ASSERT_EQ(frame[5], '1' + place);
      EXPECT_EQ(instrument.Hear(EscapeBytes(std::string(1, static_cast<char>(c)))), frame) << c;
      frame = instrument.Hear("<ACK>");
    }
    EXPECT_EQ(frame, "<EOT>");
    EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1)) << c;
  }
}

TEST(AstmSender, GivesUpAfterSixSendsOfOneFrameAndKeepsTheMessageWhole) {
  Instrument instrument({.frame_text = 30});
  instrument.Add(kHeader);
  const std::string first = instrument.Hear("<ACK>"), second = instrument.Hear("<ACK>");
  for (int sends = 1; sends < 6; ++sends) EXPECT_EQ(instrument.Hear("<NAK>"), second) << sends;
  EXPECT_EQ(instrument.Hear("<NAK>"), "<EOT>");
  EXPECT_EQ(instrument.sender().waiting(), 1u);
  EXPECT_THAT(instrument.Whys(), ElementsAre("frame 2 was refused 6 times, at last with NAK"));
  EXPECT_EQ(instrument.After(absl::Milliseconds(9999)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
  EXPECT_EQ(instrument.Hear("<ACK>"), first) << "from its first frame";
  EXPECT_EQ(instrument.Hear("<ACK>"), second);
  for (int sends = 1; sends < 6; ++sends) EXPECT_EQ(instrument.Hear("<NAK>"), second) << "and counts sends anew";
  EXPECT_EQ(instrument.Hear("<ACK>"), "<EOT>");
  EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1));
}

TEST(AstmSender, EndsAfterFifteenSecondsWithoutAnAnswerToAFrameAndKeepsTheMessageWhole) {
  for (int acknowledged = 0; acknowledged < 3; ++acknowledged) {
    Instrument instrument({.frame_text = 20});
    instrument.Add(kHeader);
    const std::string first = instrument.Hear("<ACK>");
    for (int i = 0; i < acknowledged; ++i) instrument.Hear("<ACK>");
    EXPECT_EQ(instrument.After(absl::Milliseconds(14999)), "");
    EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<EOT>");
    EXPECT_EQ(instrument.Hear("<ACK>"), "") << "an answer that comes too late is none";
    EXPECT_EQ(instrument.After(absl::Seconds(10)), "<ENQ>");
    EXPECT_EQ(instrument.Hear("<ACK>"), first);
    EXPECT_THAT(instrument.Acknowledged(), IsEmpty());
    EXPECT_EQ(instrument.sender().waiting(), 1u);
  }
}

TEST(AstmSender, StopsWhereTheReceiverAsksForItAndIsSilentForFifteenSeconds) {
  Instrument instrument({.frame_text = 30});
  instrument.Add(kHeader);
  const std::string first = instrument.Hear("<ACK>");
  EXPECT_EQ(instrument.Hear("<EOT>"), "<EOT>");
  EXPECT_EQ(instrument.sender().waiting(), 1u) << "the message is not through";
  EXPECT_EQ(instrument.After(absl::Milliseconds(14999)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
  EXPECT_EQ(instrument.Hear("<ACK>"), first);
  instrument.Hear("<ACK>");
  EXPECT_EQ(instrument.Hear("<EOT>"), "<EOT>");
  EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1)) << "EOT is an ACK, too";
  EXPECT_EQ(instrument.Add(kHeader), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(14999)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
}

TEST(AstmSender, MayIgnoreTheWishToStop) {
  Instrument instrument({.frame_text = 30, .obey_interrupt = false});
  instrument.Add(kHeader);
  instrument.Hear("<ACK>");
  EXPECT_EQ(instrument.Hear("<EOT>")[5], '2');
  EXPECT_EQ(instrument.Hear("<EOT>"), "<EOT>");
  EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1));
  EXPECT_EQ(instrument.Add(kHeader), "<ENQ>");
}

TEST(AstmSender, KeepsTheOrderOfMessagesAndEachInItsOwnSession) {
  Instrument instrument;
  instrument.Add("H1\r");
  instrument.Add("H2\r");
  EXPECT_EQ(TextOf(instrument.Hear("<ACK>")), "H1<CR>");
  EXPECT_EQ(instrument.After(absl::Seconds(15)), "<EOT>");
  instrument.Add("H3\r");
  EXPECT_EQ(instrument.After(absl::Seconds(10)), "<ENQ>");
  for (const char* text : {"H1<CR>", "H2<CR>", "H3<CR>"}) {
    EXPECT_EQ(TextOf(instrument.Hear("<ACK>")), text) << "what was broken off comes first";
    EXPECT_EQ(instrument.Hear("<ACK>"), text == std::string("H3<CR>") ? "<EOT>" : "<EOT><ENQ>");
  }
  EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1, 2, 3));
}

TEST(AstmSender, PutsSeveralMessagesIntoASessionIfAllowedAndCountsFramesOn) {
  Instrument instrument({.session_messages = 2});
  for (const char* text : {"H1\r", "H2\r", "H3\r"}) instrument.Add(text);
  EXPECT_EQ(instrument.Hear("<ACK>").substr(5, 3), "1H1");
  EXPECT_EQ(instrument.Hear("<ACK>").substr(5, 3), "2H2");
  EXPECT_THAT(instrument.Acknowledged(), ElementsAre(1));
  // Only the one that was not through is repeated.
  EXPECT_EQ(instrument.After(absl::Seconds(15)), "<EOT>");
  EXPECT_EQ(instrument.After(absl::Seconds(10)), "<ENQ>");
  EXPECT_EQ(instrument.Hear("<ACK>").substr(5, 3), "1H2");
  EXPECT_EQ(instrument.Hear("<ACK>").substr(5, 3), "2H3");
  EXPECT_EQ(instrument.Hear("<ACK>"), "<EOT>");
}

TEST(AstmSender, TakesOneAnswerForEachThingItSays) {
  Instrument instrument({.frame_text = 30});
  instrument.Add(kHeader);
  EXPECT_EQ(instrument.Hear("<ACK><ACK><ACK>")[5], '1') << "what follows an answer came before the next frame";
  EXPECT_EQ(instrument.Hear("<ACK><NAK>")[5], '2');
}

TEST(AstmSender, PassesOverWhatItHearsWhileItSpeaks) {
  AstmSender sender({});
  const absl::Duration start = absl::Seconds(1), sent = absl::Seconds(70);
  sender.Add(1, kHeader);
  sender.Pass(start);
  ASSERT_EQ(sender.Say(), "\x05");
  sender.Hear("\x06", start);
  EXPECT_EQ(sender.Say(), "");
  sender.Said(start);
  sender.Hear("\x06", start);
  ASSERT_NE(sender.Say(), "");
  sender.Pass(sent);
  EXPECT_EQ(sender.due(), absl::InfiniteDuration()) << "a long frame on a slow line is no silence";
  sender.Hear("\x06", sent);
  sender.Said(sent);
  EXPECT_EQ(sender.Say(), "");
  EXPECT_EQ(sender.due(), sent + absl::Seconds(15)) << "the wait begins when the last character has left";
  EXPECT_EQ(sender.waiting(), 1u);
}

TEST(AstmSender, TakesNoOrders) {
  Instrument instrument;
  EXPECT_EQ(instrument.Hear("<ENQ>"), "<NAK>");
  instrument.Add(kHeader);
  instrument.Hear("<NAK>");
  EXPECT_EQ(instrument.Hear("<ENQ>"), "<NAK>");
  EXPECT_EQ(instrument.After(absl::Milliseconds(9999)), "") << "and that shortens no wait";
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
}

TEST(AstmSender, WaitsAsLongAsItIsTold) {
  const AstmTimes times = {.answer = absl::Seconds(1),
                           .busy = absl::Milliseconds(200),
                           .contention = absl::Milliseconds(100),
                           .interrupt = absl::Milliseconds(300)};
  Instrument instrument({.times = times});
  instrument.Add(kHeader);
  EXPECT_EQ(instrument.After(absl::Seconds(1)), "<EOT>");
  EXPECT_EQ(instrument.After(absl::Milliseconds(200)), "<ENQ>");
  instrument.Hear("<ENQ>");
  EXPECT_EQ(instrument.After(absl::Milliseconds(100)), "<ENQ>");
  instrument.Hear("<ACK>");
  EXPECT_EQ(instrument.Hear("<EOT>"), "<EOT>");
  instrument.Add(kHeader);
  EXPECT_EQ(instrument.After(absl::Milliseconds(299)), "");
  EXPECT_EQ(instrument.After(absl::Milliseconds(1)), "<ENQ>");
}

}  // namespace
}  // namespace dims
