#include "firmware-bridge/registry_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/registry_credentials.h"
#include "proto/failpoint.h"

namespace dims {
namespace {

constexpr std::size_t kPart = 1024 * 1024;  // of a payload that travels in parts
// Of answers that nobody has taken yet. What is under way can be answered with far less.
constexpr std::size_t kMostAnswerBytes = std::size_t{16} << 20;

dims::v1::Record ToRecord(StoredRecord stored) {
  dims::v1::Record record;
  record.set_number(stored.number);
  record.set_previous_hash(std::move(stored.previous_hash));
  record.set_schema(stored.schema);
  record.set_payload(std::move(stored.payload));
  return record;
}

dims::v1::ForwardRequest PartOf(const dims::v1::Record& record, uint32_t part, uint32_t parts) {
  dims::v1::ForwardRequest request;
  dims::v1::Record* piece = request.mutable_records()->add_records();
  piece->set_number(record.number());
  piece->set_previous_hash(record.previous_hash());
  piece->set_schema(record.schema());
  piece->set_payload(record.payload().substr(part * kPart, kPart));
  piece->set_part(part);
  piece->set_parts(parts);
  return request;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace

RegistryStream::RegistryStream(const std::shared_ptr<grpc::Channel>& channel, const dims::v1::Hello& hello,
                               absl::Duration patience, std::function<Moment()> clock, std::function<void()> heard)
    : clock_(std::move(clock)),
      heard_(std::move(heard)),
      stub_(dims::v1::RegistryService::NewStub(channel)),
      progress_(clock_().uptime),
      patience_(patience) {
  // Otherwise Forward itself waits for the connection.
  context_.set_initial_metadata_corked(true);
  transport_ = stub_->Forward(&context_);
  listener_ = std::thread([this, hello] { Listen(hello); });
}

RegistryStream::~RegistryStream() {
  if (!listener_.joinable()) return;
  Cut(absl::CancelledError("it is not needed any more"));
  Finish().IgnoreError();
}

void RegistryStream::Listen(const dims::v1::Hello& hello) {
  dims::v1::ForwardRequest request;
  *request.mutable_hello() = hello;
  dims::v1::ForwardResponse response;
  if (DIMS_FAILPOINT("uplink.hello.before")) Cut(absl::UnavailableError("the stream is over"));
  if (transport_->Write(request)) {
    (void)DIMS_FAILPOINT("uplink.hello.after");
    while (transport_->Read(&response)) {
      {
        absl::MutexLock lock(&mutex_);
        Hear(std::move(response));
      }
      heard_();
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    answers_.ended = true;
  }
  heard_();
}

void RegistryStream::Hear(dims::v1::ForwardResponse&& response) {
  if ((response.has_settled() && DIMS_FAILPOINT("uplink.settled")) ||
      (response.has_refusal() && DIMS_FAILPOINT("uplink.refusal")) ||
      (response.has_stored_ahead() && DIMS_FAILPOINT("uplink.ahead"))) {
    return CutLocked(absl::UnavailableError("the stream is over"));
  }
  progress_ = clock_().uptime;
  answer_bytes_ += response.ByteSizeLong();
  if (response.has_welcome() && !welcomed_) {
    welcomed_ = true;
    answers_.welcome = std::move(*response.mutable_welcome());
  }
  if (response.has_refusal()) answers_.refusals.push_back(std::move(*response.mutable_refusal()));
  for (const uint64_t number : response.stored_ahead().numbers()) answers_.ahead.push_back(number);
  if (response.has_settled()) {
    answers_.settled_through = std::max(answers_.settled_through, response.settled().through());
  }
  if (response.has_pause()) answers_.pause = std::move(*response.mutable_pause());
  if (response.has_conflict()) answers_.conflict = std::move(*response.mutable_conflict());
  if (answer_bytes_ > kMostAnswerBytes) CutLocked(absl::ResourceExhaustedError("it answers far more than was asked"));
}

RegistryStream::Answers RegistryStream::Take() {
  absl::MutexLock lock(&mutex_);
  if (!welcomed_ && !answers_.ended) return Answers();
  Answers taken = std::exchange(answers_, Answers());
  answers_.settled_through = taken.settled_through;
  answers_.ended = taken.ended;
  answer_bytes_ = 0;
  return taken;
}

bool RegistryStream::Write(const dims::v1::ForwardRequest& request) {
  if (DIMS_FAILPOINT("uplink.write.before")) Cut(absl::UnavailableError("the stream is over"));
  if (!transport_->Write(request)) return false;
  if (DIMS_FAILPOINT("uplink.write.after")) Cut(absl::UnavailableError("the stream is over"));
  absl::MutexLock lock(&mutex_);
  progress_ = clock_().uptime;  // a slow link is at work on a large record
  return true;
}

bool RegistryStream::Send(std::vector<StoredRecord> records) {
  dims::v1::ForwardRequest request;
  for (StoredRecord& stored : records) {
    dims::v1::Record record = ToRecord(std::move(stored));
    if (record.payload().size() <= kPart) {
      *request.mutable_records()->add_records() = std::move(record);
      continue;
    }
    if (request.has_records() && !Write(std::exchange(request, {}))) return false;
    const uint32_t parts = static_cast<uint32_t>((record.payload().size() + kPart - 1) / kPart);
    for (uint32_t part = 0; part < parts; ++part) {
      if (!Write(PartOf(record, part, parts))) return false;
    }
  }
  return !request.has_records() || Write(request);
}

void RegistryStream::Expect(absl::Duration patience) {
  absl::MutexLock lock(&mutex_);
  if (patience_ == absl::InfiniteDuration()) progress_ = clock_().uptime;
  patience_ = patience;
}

void RegistryStream::SayDone(absl::Duration patience) {
  {
    absl::MutexLock lock(&mutex_);
    progress_ = clock_().uptime;
    patience_ = patience;
  }
  transport_->WritesDone();
}

absl::Status RegistryStream::CheckIdentity() const { return CheckIsRegistry(*context_.auth_context()); }

void RegistryStream::CutIfOverdue() {
  absl::MutexLock lock(&mutex_);
  if (clock_().uptime - progress_ <= patience_) return;
  const std::string within = absl::FormatDuration(absl::Trunc(patience_, absl::Milliseconds(1)));
  CutLocked(absl::DeadlineExceededError(welcomed_ ? absl::StrCat("it took records but did not answer for ", within)
                                                  : absl::StrCat("no answer within ", within)));
}

void RegistryStream::Cut(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  CutLocked(why);
}

void RegistryStream::CutLocked(const absl::Status& why) {
  // A cancel after the registry's last word would hide that word.
  if (answers_.ended || !cut_.ok()) return;
  cut_ = why;
  context_.TryCancel();
}

absl::Status RegistryStream::Finish() {
  if (!listener_.joinable()) return finished_;
  listener_.join();
  finished_ = FromGrpc(transport_->Finish());
  absl::MutexLock lock(&mutex_);
  if (!cut_.ok()) return finished_ = cut_;
  const bool nobody_there = absl::StrContains(finished_.message(), "Connection refused");
  if (!welcomed_ && absl::IsUnavailable(finished_) && !nobody_there) {
    finished_ = absl::UnavailableError(absl::StrCat(
        finished_.message(),
        "; if the registry is running, one side did not accept the other's certificate: its log says why"));
  }
  return finished_;
}

}  // namespace dims
