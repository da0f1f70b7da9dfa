#include "firmware-bridge/uplink.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/credentials.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "firmware-bridge/clock.h"
#include "proto/failpoint.h"
#include "proto/identity.h"

namespace dims {
namespace {

constexpr uint32_t kContract = 1;
constexpr std::size_t kMostRecords = 256, kMostBytes = 256 * 1024;  // in one message
constexpr std::size_t kPart = 1024 * 1024;                          // of a payload that travels in parts
constexpr uint64_t kOwnWindow = 1024 * 1024;                        // under way; gRPC alone would take 4.9 MB
constexpr absl::Duration kFirstWait = absl::Milliseconds(200), kLongestWait = absl::Seconds(30);
constexpr absl::Duration kSayAgain = absl::Minutes(10);

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file && text.empty()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  return text;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

dims::v1::Record ToRecord(StoredRecord stored) {
  dims::v1::Record record;
  record.set_number(stored.number);
  record.set_previous_hash(std::move(stored.previous_hash));
  record.set_schema(stored.schema);
  record.set_payload(std::move(stored.payload));
  return record;
}

// A record as one or more requests, none of them near gRPC's limit of 4 MiB.
std::vector<dims::v1::ForwardRequest> ToParts(const dims::v1::Record& record) {
  std::vector<dims::v1::ForwardRequest> requests;
  const std::string& payload = record.payload();
  const uint32_t parts = static_cast<uint32_t>((payload.size() + kPart - 1) / kPart);
  for (uint32_t part = 0; part < parts; ++part) {
    dims::v1::Record* piece = requests.emplace_back().mutable_records()->add_records();
    piece->set_number(record.number());
    piece->set_previous_hash(record.previous_hash());
    piece->set_schema(record.schema());
    piece->set_payload(payload.substr(part * kPart, kPart));
    piece->set_part(part);
    piece->set_parts(parts);
  }
  return requests;
}

absl::Status CheckRegistryIdentity(const grpc::ClientContext& context) {
  const auto auth = context.auth_context();
  for (const grpc::string_ref& uri : auth->FindPropertyValues("peer_uri")) {
    const absl::StatusOr<Identity> identity = ParseIdentity(absl::string_view(uri.data(), uri.size()));
    if (identity.ok() && identity->role == "registry") return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      "the certificate at that address is no registry's: it has no name urn:dims:<laboratory>:registry:<name>");
}

}  // namespace

Uplink::Uplink(UplinkOptions options, Store& store) : options_(std::move(options)), store_(store) {}

void Uplink::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

void Uplink::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

UplinkState Uplink::State() const {
  absl::MutexLock lock(&mutex_);
  return state_;
}

void Uplink::SetState(bool connected, absl::string_view registry, absl::string_view error) {
  {
    absl::MutexLock lock(&mutex_);
    if (state_.connected != connected) state_.since = absl::Now();
    state_.connected = connected;
    if (!registry.empty()) state_.registry = std::string(registry);
    state_.last_error = std::string(error);
  }
  options_.changed();
}

// True once Stop was called.
bool Uplink::WaitFor(absl::Duration most) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&stopped_), most);
  return stopped_;
}

void Uplink::Run() {
  absl::BitGen random;
  absl::Duration wait = kFirstWait;
  std::string last_said;
  absl::Duration said_at = -absl::InfiniteDuration();
  while (!WaitFor(absl::ZeroDuration())) {
    const absl::Status status = Serve(store_.OldestUnsettled());
    bool welcomed = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) return;
      welcomed = heard_.welcome != nullptr;
    }
    if (status.ok()) continue;
    SetState(false, "", status.message());
    if (welcomed) wait = kFirstWait;
    const std::string text = absl::StrCat("registry ", options_.address, ": ", status.message());
    if (text != last_said || ReadClocks().uptime - said_at > kSayAgain) {
      SPDLOG_WARN("{}; results are kept here and sent later", text);
      last_said = text;
      said_at = ReadClocks().uptime;
    }
    if (WaitFor(wait * absl::Uniform(random, 0.5, 1.0))) return;
    wait = std::min(wait * 2, kLongestWait);
  }
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Uplink::Connect() const {
  if (DIMS_FAILPOINT("uplink.connect")) return absl::UnavailableError("Connection refused");
  grpc::SslCredentialsOptions tls;
  for (const auto& [path, text] :
       {std::pair{&options_.ca, &tls.pem_root_certs}, std::pair{&options_.key, &tls.pem_private_key},
        std::pair{&options_.certificate, &tls.pem_cert_chain}}) {
    absl::StatusOr<std::string> file = ReadFile(*path);
    if (!file.ok()) return file.status();
    *text = *std::move(file);
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A new connection for each stream: a shared one would keep old certificates, and its own back-off.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(options_.address, grpc::SslCredentials(tls), arguments);
}

absl::Status Uplink::Serve(const Generation& generation) {
  {
    absl::MutexLock lock(&mutex_);
    heard_ = Heard{};
    heard_.progress = ReadClocks().uptime;
  }
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = Connect();
  if (!channel.ok()) return channel.status();
  const auto stub = dims::v1::RegistryService::NewStub(*channel);
  grpc::ClientContext context;
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_) return absl::CancelledError("stopped");
    context_ = &context;
  }
  // Otherwise Forward itself waits for the connection, and no deadline of ours would be watched.
  context.set_initial_metadata_corked(true);
  const std::unique_ptr<Stream> stream = stub->Forward(&context);
  dims::v1::ForwardRequest request;
  dims::v1::Hello* hello = request.mutable_hello();
  hello->set_contract(kContract);
  hello->set_software(options_.software);
  hello->set_laboratory(options_.laboratory);
  hello->set_bridge(options_.bridge);
  hello->set_store_id(generation.store_id);
  hello->set_highest_number(generation.highest_number);
  if (generation.highest_number > 0) hello->set_highest_hash(generation.highest_hash);
  const dims::v1::ClockState clock = ReadClockState();
  hello->set_boot_id(clock.boot_id());
  hello->set_clock_synchronized(clock.synchronized());
  hello->mutable_sent_at()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  hello->set_purpose(dims::v1::STREAM_PURPOSE_IN_ORDER);

  if (DIMS_FAILPOINT("uplink.hello.before")) context.TryCancel();
  std::thread listener([&] { Listen(*stream, request, generation); });
  absl::Status status;
  bool welcomed = false;
  {
    absl::MutexLock lock(&mutex_);
    const auto answered = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
      return heard_.welcome != nullptr || heard_.ended || stopped_;
    };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&answered), options_.answer_deadline)) {
      status = absl::DeadlineExceededError(
          absl::StrCat("no answer within ", absl::FormatDuration(options_.answer_deadline)));
    }
    welcomed = heard_.welcome != nullptr;
  }
  if (welcomed) status = CheckRegistryIdentity(context);
  if (welcomed && status.ok()) status = SendRecords(*stream, generation);
  bool ended = false;
  {
    absl::MutexLock lock(&mutex_);
    ended = heard_.ended;
  }
  if (!ended) context.TryCancel();  // a cancel after the registry's last word would hide that word
  listener.join();
  const grpc::Status finished = stream->Finish();
  absl::MutexLock lock(&mutex_);
  context_ = nullptr;
  if (!heard_.failure.ok()) return heard_.failure;
  if (ended) status = finished.ok() ? absl::UnavailableError("it ended the stream") : FromGrpc(finished);
  const bool nobody_there = absl::StrContains(status.message(), "Connection refused");
  if (heard_.welcome == nullptr && absl::IsUnavailable(status) && !nobody_there) {
    return absl::UnavailableError(absl::StrCat(
        status.message(),
        "; if the registry is running, one side did not accept the other's certificate: its log says why"));
  }
  return status;
}

void Uplink::Listen(Stream& stream, const dims::v1::ForwardRequest& hello, const Generation& generation) {
  dims::v1::ForwardResponse response;
  if (stream.Write(hello)) {
    (void)DIMS_FAILPOINT("uplink.hello.after");
    while (stream.Read(&response)) Hear(response, generation);
  }
  absl::MutexLock lock(&mutex_);
  heard_.ended = true;
}

void Uplink::Hear(const dims::v1::ForwardResponse& response, const Generation& generation) {
  absl::Status status;
  if (response.has_settled() && DIMS_FAILPOINT("uplink.settled")) {
    status = absl::UnavailableError("the stream is over");
  }
  if (response.has_refusal() && DIMS_FAILPOINT("uplink.refusal")) {
    status = absl::UnavailableError("the stream is over");
  } else if (response.has_refusal()) {
    const dims::v1::Refusal& refusal = response.refusal();
    SPDLOG_ERROR("registry {}: refused record {} for good: {} ({})", options_.address, refusal.number(),
                 refusal.message(), dims::v1::RefusalReason_Name(refusal.reason()));
    status = store_.MarkRefused(generation.id, refusal.number(), refusal.message());
  }
  if (response.has_conflict()) {
    const dims::v1::Conflict& conflict = response.conflict();
    SPDLOG_CRITICAL(
        "registry {}: CONFLICT: record {} of store {} is known there with other bytes ({} there, {} here); going on "
        "under a new store id",
        options_.address, conflict.number(), generation.store_id, absl::BytesToHexString(conflict.registry_hash()),
        absl::BytesToHexString(conflict.received_hash()));
    status = store_.BeginGeneration(generation.id, conflict.number(), "conflict with the registry").status();
    if (status.ok()) status = absl::AbortedError(absl::StrCat("conflict at record ", conflict.number()));
  }
  absl::MutexLock lock(&mutex_);
  if (!status.ok()) heard_.failure = status;
  heard_.progress = ReadClocks().uptime;
  if (response.has_welcome()) heard_.welcome = std::make_unique<dims::v1::Welcome>(response.welcome());
  if (response.has_settled()) heard_.settled_through = std::max(heard_.settled_through, response.settled().through());
  if (response.has_pause()) {
    SPDLOG_INFO("registry {}: asks for a pause of {} s: {}", options_.address, response.pause().duration().seconds(),
                response.pause().reason());
    heard_.paused_until = ReadClocks().uptime + absl::Seconds(response.pause().duration().seconds());
  }
}

absl::Status Uplink::TakeWelcome(const Generation& generation, const dims::v1::Welcome& welcome, uint64_t* from) {
  if (DIMS_FAILPOINT("uplink.welcome")) return absl::UnavailableError("the stream is over");
  if (welcome.contract() != kContract) {
    return absl::FailedPreconditionError(
        absl::StrCat("it speaks version ", welcome.contract(), " of the contract, this bridge version ", kContract));
  }
  if (const std::string before = store_.RegistryEpoch(); before != welcome.epoch()) {
    if (!before.empty()) {
      SPDLOG_WARN("registry {}: its epoch changed: it was set up anew or restored from a backup", options_.address);
    }
    if (absl::Status status = store_.SetRegistryEpoch(welcome.epoch()); !status.ok()) return status;
  }
  SPDLOG_INFO("registry {}: connected to \"{}\"; it has records of store {} through {}, this bridge through {}",
              options_.address, welcome.registry(), generation.store_id, welcome.settled_through(),
              generation.highest_number);
  SetState(true, welcome.registry(), "");
  *from = welcome.settled_through();
  if (welcome.settled_through() > generation.highest_number) {
    SPDLOG_CRITICAL(
        "registry {}: it has more of store {} than this bridge: the store was set back; going on under a "
        "new store id",
        options_.address, generation.store_id);
    if (generation.id == store_.Current().id) {
      absl::StatusOr<Generation> next = store_.BeginGeneration(generation.id, 0, "the store was set back");
      if (!next.ok()) return next.status();
    }
    *from = generation.settled_through;  // what is here is compared there, number by number
  } else if (welcome.settled_through() < generation.settled_through) {
    SPDLOG_WARN("registry {}: it lost records it had settled; sending again from {}", options_.address,
                welcome.settled_through() + 1);
  } else if (welcome.settled_through() > 0) {
    const absl::StatusOr<std::vector<StoredRecord>> at =
        store_.Read(generation.id, welcome.settled_through() - 1, 1, kMostBytes);
    const bool kept = at.ok() && !at->empty() && at->front().number == welcome.settled_through();
    if (kept && at->front().hash != welcome.settled_hash()) *from = generation.settled_through;  // the conflict shows
    if (*from == welcome.settled_through()) {
      if (absl::Status status = store_.Settle(generation.id, *from); !status.ok()) return status;
      options_.changed();
    }
  }
  return absl::OkStatus();
}

absl::Status Uplink::SendRecords(Stream& stream, const Generation& generation) {
  uint64_t sent_through = 0, window_records = 0, window_bytes = 0;
  {
    dims::v1::Welcome welcome;
    {
      absl::MutexLock lock(&mutex_);
      welcome = *heard_.welcome;
    }
    if (absl::Status status = TakeWelcome(generation, welcome, &sent_through); !status.ok()) return status;
    window_records = std::max<uint64_t>(1, welcome.window_records());
    window_bytes = std::clamp<uint64_t>(welcome.window_bytes(), 1, kOwnWindow);
  }
  const uint64_t first = sent_through;
  uint64_t settled = first, bytes_under_way = 0;
  std::deque<std::pair<uint64_t, uint64_t>> under_way;  // number, bytes
  while (true) {
    bool paused = false;
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_ || heard_.ended) return absl::UnavailableError("the registry ended the stream");
      if (!heard_.failure.ok()) return heard_.failure;
      settled = std::min(std::max(settled, heard_.settled_through), sent_through);
      paused = ReadClocks().uptime < heard_.paused_until;
      if (!under_way.empty() && ReadClocks().uptime - heard_.progress > options_.answer_deadline) {
        return absl::DeadlineExceededError(absl::StrCat("took records through ", sent_through, " but settled none for ",
                                                        absl::FormatDuration(options_.answer_deadline)));
      }
      woken_ = false;
    }
    if (!under_way.empty() && under_way.front().first <= settled) {
      if (absl::Status status = store_.Settle(generation.id, settled); !status.ok()) return status;
      options_.changed();
    }
    for (; !under_way.empty() && under_way.front().first <= settled; under_way.pop_front()) {
      bytes_under_way -= under_way.front().second;
    }
    std::vector<StoredRecord> records;
    if (!paused && under_way.size() < window_records && bytes_under_way < window_bytes) {
      absl::StatusOr<std::vector<StoredRecord>> read =
          store_.Read(generation.id, sent_through, std::min<uint64_t>(kMostRecords, window_records - under_way.size()),
                      std::min<uint64_t>(kMostBytes, window_bytes - bytes_under_way));
      if (read.ok() && !read->empty() && DIMS_FAILPOINT("uplink.read")) read = absl::DataLossError("failpoint");
      if (absl::IsDataLoss(read.status())) {
        SPDLOG_CRITICAL("store: {}; what is whole goes on under a new store id", std::string(read.status().message()));
        read = std::vector<StoredRecord>();
        absl::StatusOr<Generation> next =
            store_.BeginGeneration(generation.id, sent_through + 1, "damaged on disk", Store::Carry::kKept);
        if (!next.ok()) return next.status();
      }
      if (!read.ok()) return read.status();
      records = *std::move(read);
    }
    if (!records.empty() && records.front().number != sent_through + 1) {
      SPDLOG_CRITICAL(
          "registry {}: records {} to {} of store {} are no longer kept here; going on under a new store id",
          options_.address, sent_through + 1, records.front().number - 1, generation.store_id);
      absl::StatusOr<Generation> next = store_.BeginGeneration(
          generation.id, sent_through + 1, "the registry asks for what is gone", Store::Carry::kKept);
      return next.ok() ? absl::DataLossError("it asks for records that are no longer kept") : next.status();
    }
    if (records.empty()) {
      if (under_way.empty() && generation.id != store_.Current().id && store_.OldestUnsettled().id != generation.id) {
        return absl::OkStatus();
      }
      absl::MutexLock lock(&mutex_);
      const auto something = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
        return woken_ || stopped_ || heard_.ended || !heard_.failure.ok() ||
               std::min(heard_.settled_through, sent_through) > settled;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&something), absl::Seconds(1));
      continue;
    }
    {
      absl::MutexLock lock(&mutex_);
      if (under_way.empty()) heard_.progress = ReadClocks().uptime;
    }
    dims::v1::ForwardRequest request;
    for (StoredRecord& stored : records) {
      sent_through = stored.number;
      under_way.emplace_back(stored.number, stored.payload.size());
      bytes_under_way += stored.payload.size();
      dims::v1::Record record = ToRecord(std::move(stored));
      if (record.payload().size() <= kPart) {
        *request.mutable_records()->add_records() = std::move(record);
        continue;
      }
      if (request.has_records() && !stream.Write(std::exchange(request, {}))) break;
      for (const dims::v1::ForwardRequest& part : ToParts(record)) {
        if (!stream.Write(part)) break;
      }
    }
    if (DIMS_FAILPOINT("uplink.write.before")) return absl::UnavailableError("the stream is over");
    // A write that fails means the stream is over: the listener hears why.
    if (request.has_records() && !stream.Write(request)) {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&heard_.ended), absl::Seconds(1));
    }
    if (DIMS_FAILPOINT("uplink.write.after")) return absl::UnavailableError("the stream is over");
  }
}

}  // namespace dims
