// Every transcript is played: what the instrument says goes in, what the driver answers and reports must be what the
// transcript says, in that order. "report:" above "bridge: <ACK>" is how "on disk before ACK" reads.
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {
namespace {

class Player {
 public:
  explicit Player(const Driver& driver, const Transcript& transcript) : transcript_(transcript) {
    std::vector<std::pair<std::string, std::string>> settings;
    for (const TranscriptStep& step : transcript.steps) {
      if (step.kind == TranscriptStep::Kind::kOption) settings.emplace_back(step.name, step.text);
    }
    parser_.emplace(driver, *Options::Parse(driver.options, settings));
    parser_->Open(Sink());
  }

  void Play() {
    for (const TranscriptStep& step : transcript_.steps) {
      const std::string where = absl::StrCat(transcript_.file, ":", step.line);
      switch (step.kind) {
        case TranscriptStep::Kind::kComment:
        case TranscriptStep::Kind::kOption:
          break;
        case TranscriptStep::Kind::kInstrument:
          parser_->Feed(step.text, Sink());
          break;
        case TranscriptStep::Kind::kWait:
          Advance(step.wait);
          break;
        case TranscriptStep::Kind::kBridge: {
          ASSERT_FALSE(said_.empty()) << where << ": the driver answers nothing";
          const Reply* reply = std::get_if<Reply>(&said_.front());
          ASSERT_NE(reply, nullptr) << where << ": a report comes first";
          ASSERT_EQ(EscapeBytes(reply->bytes), EscapeBytes(step.text)) << where;
          said_.pop_front();
          break;
        }
        case TranscriptStep::Kind::kReport:
          ASSERT_NO_FATAL_FAILURE(ExpectReport(step, where));
          break;
        case TranscriptStep::Kind::kNoise: {
          if (said_.empty()) parser_->Quiet(Sink());  // noise is reported once nothing comes for a while
          ASSERT_FALSE(said_.empty()) << where << ": there is no noise";
          const Said* said = std::get_if<Said>(&said_.front());
          ASSERT_TRUE(said != nullptr && said->report.problems_size() > 0 &&
                      said->report.problems(0).type() == dims::v1::PROBLEM_TYPE_NOISE)
              << where << ": this is no noise";
          ASSERT_EQ(said->report.raw_size(), step.size) << where;
          said_.pop_front();
          break;
        }
        case TranscriptStep::Kind::kPadding:
          ASSERT_EQ(padding_, step.size) << where << ": bytes passed over";
          padding_ = 0;
          break;
      }
    }
    EXPECT_TRUE(said_.empty()) << transcript_.file << ": at the end, the driver has said more than the transcript: "
                               << (std::holds_alternative<Said>(said_.front())
                                       ? std::get<Said>(said_.front()).report.DebugString()
                                       : EscapeBytes(std::get<Reply>(said_.front()).bytes));
  }

 private:
  ParserSink Sink() { return sink_; }

  void Keep(ParserEvent event) {
    if (const Arm* arm = std::get_if<Arm>(&event)) {
      timers_.erase(arm->timer);
      if (arm->after > absl::ZeroDuration()) timers_[arm->timer] = now_ + arm->after;
    } else if (const Padding* padding = std::get_if<Padding>(&event)) {
      padding_ += padding->end - padding->begin;
    } else if (!std::holds_alternative<Heard>(event)) {
      said_.push_back(std::move(event));
    }
  }

  void Advance(absl::Duration time) {
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
      parser_->Timer(timer, Sink());
    }
    now_ = until;
  }

  void ExpectReport(const TranscriptStep& step, const std::string& where) {
    dims::v1::Report expected;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(step.text, &expected)) << where;
    ASSERT_FALSE(said_.empty()) << where << ": nothing was reported";
    const Said* said = std::get_if<Said>(&said_.front());
    ASSERT_NE(said, nullptr) << where << ": an answer comes first";
    google::protobuf::util::MessageDifferencer differencer;
    differencer.set_scope(google::protobuf::util::MessageDifferencer::PARTIAL);
    std::string differences;
    differencer.ReportDifferencesToString(&differences);
    EXPECT_TRUE(differencer.Compare(expected, said->report)) << where << ":\n"
                                                             << differences << "\n"
                                                             << said->report.DebugString();
    if (expected.problems_size() == 0) {
      EXPECT_EQ(said->report.problems_size(), 0) << where << "\n" << said->report.DebugString();
    }
    said_.pop_front();
  }

  const Transcript& transcript_;
  std::optional<Parser> parser_;
  std::deque<ParserEvent> said_;
  std::map<int, absl::Duration> timers_;
  absl::Duration now_ = absl::ZeroDuration();
  uint64_t padding_ = 0;
  const std::function<void(ParserEvent)> sink_ = [this](ParserEvent event) { Keep(std::move(event)); };
};

class Transcripts : public testing::TestWithParam<const Driver*> {};

TEST_P(Transcripts, AreWhatTheDriverSays) {
  for (const Transcript& transcript : TranscriptsOf(*GetParam())) {
    SCOPED_TRACE(transcript.file);
    Player(*GetParam(), transcript).Play();
  }
}

INSTANTIATE_TEST_SUITE_P(Catalog, Transcripts, testing::ValuesIn(Catalog().begin(), Catalog().end()),
                         [](const auto& info) { return std::string(info.param->name); });

}  // namespace
}  // namespace dims
