#include "firmware-bridge/lane.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"

namespace dims {
namespace {

// How long an orderly end may take: the registry has to commit what is under way.
constexpr absl::Duration kGoodbye = absl::Seconds(2);
// A stream that lived so long was no failure, also where nothing was sent on it.
constexpr absl::Duration kLife = absl::Seconds(30);
constexpr absl::Duration kGreetedInVain = absl::Seconds(2);
// A connection that another one has overtaken by so much.
constexpr absl::Duration kHopeless = absl::Seconds(1);
// Between two bridges that take one another's place.
constexpr absl::Duration kTruce = absl::Seconds(30), kTruceMemory = absl::Minutes(10);

}  // namespace

Lane::Lane(LaneSetup setup, dims::v1::StreamPurpose purpose)
    : setup_(std::move(setup)),
      store_(setup_.store),
      purpose_(purpose),
      route_(setup_.addresses.size(), setup_.first_wait, setup_.longest_wait) {
  state_.address = setup_.addresses.front();
}

void Lane::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void Lane::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = woken_ = true;
  stopped_at_ = Uptime();
}

void Lane::HurryTo(std::size_t address) {
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = Uptime();
  // One that greets and then fails must not have two lanes hurry one another.
  if (welcomed_at_ && (stream_ != nullptr || now - *welcomed_at_ < kGreetedInVain)) return;
  hurry_to_ = address;
  route_.HurryTo(address, now);
  if (stream_ != nullptr && !state_.connected && now - tried_at_ > kHopeless) {
    stream_->Cut(absl::UnavailableError("no answer yet; the registry answers another connection"));
  }
  woken_ = true;
}

void Lane::Hurry() {
  absl::MutexLock lock(&mutex_);
  route_.Hurry(Uptime());
}

void Lane::Look() {
  absl::MutexLock lock(&mutex_);
  if (stream_ == nullptr) return;
  stream_->CutIfOverdue();
  if (stopped_ && Uptime() - stopped_at_ > kGoodbye) stream_->Cut(absl::CancelledError("stopped"));
}

LaneState Lane::State() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void Lane::SetState(bool connected, absl::string_view registry, absl::string_view error) {
  {
    absl::MutexLock lock(&mutex_);
    if (state_.connected != connected) state_.since = setup_.clock().wall;
    state_.connected = connected;
    state_.address = address_;
    if (!registry.empty()) state_.registry = std::string(registry);
    state_.last_error = std::string(error);
  }
  setup_.changed();
}

bool Lane::stopped() const {
  absl::MutexLock lock(&mutex_);
  return stopped_;
}

bool Lane::Wait(absl::Duration most) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&woken_), most);
  woken_ = stopped_;
  return stopped_;
}

void Lane::Run() {
  while (!stopped()) {
    const std::optional<Generation> wanted = Wanted();
    if (!wanted) {
      Wait(absl::InfiniteDuration());
      continue;
    }
    Route::Attempt attempt;
    {
      absl::MutexLock lock(&mutex_);
      attempt = route_.Next();
    }
    if (const absl::Duration early = attempt.at - Uptime(); early > absl::ZeroDuration()) {
      Wait(early);
      continue;
    }
    const absl::Status status = Visit(attempt.address, *wanted);
    if (status.ok()) {
      SetState(false, "", "");
    } else if (!stopped()) {
      Failed(attempt.address, status);
    }
  }
  absl::MutexLock lock(&mutex_);
  ended_ = true;
}

bool Lane::AwaitEnd(absl::Duration most) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&ended_), most);
}

void Lane::Proven(std::size_t address) {
  absl::MutexLock lock(&mutex_);
  route_.Answered(address);
}

void Lane::Failed(std::size_t address, const absl::Status& status) {
  SetState(false, "", status.message());
  absl::BitGen random;
  const absl::Duration now = Uptime();
  // The contract has two reasons for ABORTED. A stream of our own that was cut may reach the registry after its
  // successor, and take over from it: once is no sign of anybody else.
  const bool taken_over = absl::IsAborted(status) && !conflict_;
  const bool again = taken_over && now - taken_over_at_ < kTruceMemory;
  if (taken_over) taken_over_at_ = now;
  std::string line = absl::StrCat("registry ", address_, ": ", status.message());
  if (again) {
    absl::StrAppend(&line, ". TWO BRIDGES USE ONE CERTIFICATE, that of bridge \"", setup_.hello.bridge(),
                    "\" of laboratory \"", setup_.hello.laboratory(),
                    "\": give each its own. This one waits before it connects again");
  }
  absl::StrAppend(&line, "; results are kept here and sent later");
  if (setup_.verdicts.IsNews(line, now)) {
    SPDLOG_LOGGER_CALL(spdlog::default_logger_raw(), again ? spdlog::level::critical : spdlog::level::warn, "{}", line);
  }
  absl::MutexLock lock(&mutex_);
  route_.Failed(address, now, absl::Uniform(random, 0.0, 1.0));
  if (hurry_to_ && !welcomed_at_) route_.HurryTo(*hurry_to_, now);
  if (again) route_.Hold(now + kTruce * absl::Uniform(random, 1.0, 1.5));
}

absl::Status Lane::Visit(std::size_t address, const Generation& generation) {
  address_ = setup_.addresses[address];
  generation_ = generation;
  Chosen(generation);
  attempt_ = address;
  conflict_ = false;
  if (absl::Status status = setup_.credentials.Look(); !status.ok()) return status;
  if (DIMS_FAILPOINT("uplink.connect")) return absl::UnavailableError("Connection refused");
  version_ = setup_.credentials.version();
  const absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = setup_.credentials.Open(address_);
  if (!channel.ok()) return channel.status();

  dims::v1::Hello hello = setup_.hello;
  hello.set_store_id(generation.store_id);
  hello.set_highest_number(generation.highest_number);
  if (generation.highest_number > 0) hello.set_highest_hash(generation.highest_hash);
  const dims::v1::ClockState clock = ReadClockState();
  hello.set_boot_id(clock.boot_id());
  hello.set_clock_synchronized(clock.synchronized());
  hello.mutable_sent_at()->set_seconds(absl::ToUnixSeconds(setup_.clock().wall));
  hello.set_purpose(purpose_);

  RegistryStream stream(*channel, hello, setup_.answer_deadline, setup_.clock, [this] { Wake(); });
  {
    absl::MutexLock lock(&mutex_);
    stream_ = &stream;
    tried_at_ = Uptime();
    hurry_to_.reset();
    welcomed_at_.reset();
  }
  absl::Status status;
  RegistryStream::Answers answers = stream.Take();
  for (; !answers.welcome && !answers.ended && !stopped(); answers = stream.Take()) Wait(absl::InfiniteDuration());
  if (answers.welcome) {
    status = Welcomed(address, stream, *answers.welcome);
    answers.welcome.reset();
    if (status.ok()) status = TakeAnswers(answers);
    if (status.ok()) status = Serve(stream);
    End();
  } else {
    status = answers.ended ? Ended(stream) : absl::CancelledError("stopped");
  }
  if (!status.ok()) stream.Cut(status);
  const absl::Status finished = stream.Finish();
  absl::MutexLock lock(&mutex_);
  stream_ = nullptr;
  if (welcomed_at_ && Uptime() - *welcomed_at_ >= kLife) route_.Answered(address);
  // An orderly end that took too long: what was not answered is sent again.
  if (status.ok() && absl::IsDeadlineExceeded(finished)) return absl::OkStatus();
  return status.ok() ? finished : status;
}

absl::Status Lane::Ended(RegistryStream& stream) {
  const absl::Status finished = stream.Finish();
  return finished.ok() ? absl::UnavailableError("it ended the stream") : finished;
}

absl::Status Lane::Welcomed(std::size_t address, RegistryStream& stream, const dims::v1::Welcome& welcome) {
  if (DIMS_FAILPOINT("uplink.welcome")) return absl::UnavailableError("the stream is over");
  if (absl::Status status = stream.CheckIdentity(); !status.ok()) return status;
  if (absl::Status status = setup_.verdicts.CheckWelcome(welcome); !status.ok()) return status;
  {
    absl::MutexLock lock(&mutex_);
    welcomed_at_ = Uptime();
  }
  stream.Expect(absl::InfiniteDuration());
  SPDLOG_INFO("registry {}: connected to \"{}\"{}; it has records of store {} through {}, this bridge through {}",
              address_, welcome.registry(), purpose_ == dims::v1::STREAM_PURPOSE_URGENT ? " for urgent records" : "",
              generation_.store_id, welcome.settled_through(), generation_.highest_number);
  SetState(true, welcome.registry(), "");
  connected_(address);
  return Begin(generation_, welcome);
}

absl::Status Lane::TakeAnswers(const RegistryStream::Answers& answers) {
  if (answers.settled_through > 0 || !answers.ahead.empty()) Proven(attempt_);
  for (const dims::v1::Refusal& refusal : answers.refusals) {
    if (absl::Status status = setup_.verdicts.TakeRefusal(address_, generation_, refusal); !status.ok()) return status;
  }
  if (absl::Status status = Hear(answers); !status.ok()) return status;
  if (!answers.conflict) return absl::OkStatus();
  conflict_ = true;
  return setup_.verdicts.TakeConflict(address_, generation_, *answers.conflict);
}

absl::Status Lane::Serve(RegistryStream& stream) {
  while (true) {
    const RegistryStream::Answers answers = stream.Take();
    if (absl::Status status = TakeAnswers(answers); !status.ok()) return status;
    if (answers.ended) return Ended(stream);
    if (stopped() || setup_.credentials.version() != version_) return SayGoodbye(stream);
    const absl::StatusOr<Step> step = SendSome(stream);
    if (!step.ok()) return step.status();
    if (step->kind == Step::Kind::kDone) return SayGoodbye(stream);
    if (step->kind == Step::Kind::kWait) Wait(step->wait);
  }
}

absl::Status Lane::SayGoodbye(RegistryStream& stream) {
  stream.SayDone(kGoodbye);
  while (true) {
    const RegistryStream::Answers answers = stream.Take();
    if (absl::Status status = TakeAnswers(answers); !status.ok()) return status;
    if (answers.ended) return absl::OkStatus();
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&woken_), kGoodbye);
    woken_ = false;
  }
}

}  // namespace dims
