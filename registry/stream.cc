#include "registry/stream.h"

#include <grpc/grpc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/failpoint.h"
#include "registry/assembler.h"
#include "registry/screen.h"

namespace dims {
namespace {

constexpr uint32_t kContract = 1;
constexpr std::size_t kMostRecordsInCommit = 256;
constexpr std::size_t kMostBytesInCommit = 256 << 10;
constexpr std::size_t kMostRefusalsSaid = 16;

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp out;
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(static_cast<int32_t>((time - absl::FromUnixSeconds(seconds)) / absl::Nanoseconds(1)));
  return out;
}

bool IsStoreId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 &&
         std::all_of(id.begin(), id.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

}  // namespace

ForwardStream::ForwardStream(const StreamSettings& settings, Archive& archive, LiveStreams& live, Allowance& allowance,
                             grpc::ServerContext& context, Transport& transport)
    : settings_(settings),
      archive_(archive),
      live_(live),
      allowance_(allowance),
      context_(context),
      peer_(context.peer()),
      transport_(transport),
      inbox_(settings.window_bytes, allowance) {}

grpc::Status ForwardStream::Run() {
  absl::Status status = Identify();
  if (status.ok()) status = live_.Join(sender_, this);
  if (status.ok()) {
    std::thread reader([this] { Read(); });
    status = Serve();
    // The reader may be waiting for a message that never comes.
    if (!status.ok()) End(status);
    reader.join();
    live_.Leave(this);
  }
  Log(status);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

void ForwardStream::End(const absl::Status& status) {
  inbox_.End(status);
  // The synchronous API ends a stream by returning, which a thread inside Read or Write cannot; TryCancel would hide
  // the reason behind CANCELLED. On a server this call sends the status, as it does for TryCancel.
  grpc_call_cancel_with_status(context_.c_call(), static_cast<grpc_status_code>(status.code()),
                               std::string(status.message()).c_str(), nullptr);
}

absl::Status ForwardStream::Identify() {
  std::vector<std::string> uris;
  for (const grpc::string_ref& uri : context_.auth_context()->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME)) {
    if (absl::StartsWith(absl::string_view(uri.data(), uri.size()), "urn:dims:")) {
      uris.emplace_back(uri.data(), uri.size());
    }
  }
  if (uris.size() != 1) {
    return absl::UnauthenticatedError(
        absl::StrCat("the client's certificate has ", uris.size(),
                     " URIs urn:dims:...; a bridge's has one, urn:dims:<laboratory>:bridge:<name>"));
  }
  absl::StatusOr<Identity> identity = ParseIdentity(uris.front());
  if (!identity.ok()) return absl::UnauthenticatedError(identity.status().message());
  if (identity->role != "bridge") {
    return absl::PermissionDeniedError(
        absl::StrCat("the client's certificate is of a ", identity->role, " (", uris.front(), "), not of a bridge"));
  }
  sender_ = *std::move(identity);
  return absl::OkStatus();
}

void ForwardStream::Read() {
  Assembler assembler(settings_.largest_record, allowance_);
  bool greeted = false;
  absl::Status status;
  v1::ForwardRequest request;
  while (status.ok() && transport_.Read(&request) && !DIMS_FAILPOINT("registry.read")) {
    status = Receive(std::move(request), greeted, assembler);
  }
  inbox_.Finish(status);
}

absl::Status ForwardStream::Receive(v1::ForwardRequest&& request, bool& greeted, Assembler& assembler) {
  switch (request.message_case()) {
    case v1::ForwardRequest::kHello:
      if (greeted) return absl::InvalidArgumentError("a second Hello; a stream has one, at its beginning");
      greeted = true;
      inbox_.PutHello(std::move(*request.mutable_hello()));
      return absl::OkStatus();
    case v1::ForwardRequest::kRecords:
      if (!greeted) return absl::InvalidArgumentError("records came before Hello");
      for (v1::Record& part : *request.mutable_records()->mutable_records()) {
        absl::StatusOr<std::optional<ReceivedRecord>> record = assembler.Add(std::move(part));
        if (!record.ok()) return record.status();
        if (!record->has_value()) continue;
        ReceivedRecord& whole = **record;
        if (whole.refusal == v1::REFUSAL_REASON_UNSPECIFIED) {
          Verdict verdict = Screen(whole.schema, whole.payload, sender_, settings_.accept_simulated);
          whole.refusal = verdict.reason;
          whole.refusal_message = std::move(verdict.message);
        }
        if (DIMS_FAILPOINT("registry.inbox.before")) return absl::CancelledError("the connection is gone");
        inbox_.Push(std::move(whole));
        if (DIMS_FAILPOINT("registry.inbox.after")) return absl::CancelledError("the connection is gone");
      }
      return absl::OkStatus();
    case v1::ForwardRequest::MESSAGE_NOT_SET:
      // A kind of message that is younger than this registry. What it says must be dispensable: contract.
      if (!request.GetReflection()->GetUnknownFields(request).empty()) return absl::OkStatus();
      break;
  }
  return absl::InvalidArgumentError("a message that is neither Hello nor Records");
}

absl::Status ForwardStream::Check(const v1::Hello& hello) {
  if (hello.contract() != kContract) {
    return absl::FailedPreconditionError(absl::StrCat("the bridge speaks contract ", hello.contract(),
                                                      ", this registry speaks ", kContract,
                                                      "; bring both to versions that agree"));
  }
  if (hello.laboratory() != sender_.laboratory || hello.bridge() != sender_.name) {
    return absl::PermissionDeniedError(absl::StrCat("Hello says laboratory ", Quoted(hello.laboratory()), ", bridge ",
                                                    Quoted(hello.bridge()), "; the certificate says laboratory \"",
                                                    sender_.laboratory, "\", bridge \"", sender_.name,
                                                    "\"; correct the bridge's configuration or its certificate"));
  }
  if (!IsStoreId(hello.store_id())) {
    return absl::InvalidArgumentError(absl::StrCat("store id ", Quoted(hello.store_id()), " is not a UUID"));
  }
  return absl::OkStatus();
}

absl::Status ForwardStream::Serve() {
  absl::StatusOr<v1::Hello> hello = inbox_.AwaitHello(settings_.hello_timeout);
  if (!hello.ok()) return hello.status();
  if (absl::Status status = Check(*hello); !status.ok()) return status;
  const StoreName store{sender_.laboratory, sender_.name, hello->store_id()};
  const bool ahead = hello->purpose() == v1::STREAM_PURPOSE_URGENT;
  const bool took_over = live_.TakeOver(sender_, hello->purpose(), this);
  if (absl::Status status = SendWelcome(store, *hello, took_over); !status.ok()) return status;
  if (!ahead) {
    if (absl::Status status = RepeatRefusals(store); !status.ok()) return status;
  }

  while (true) {
    const std::vector<ReceivedRecord> records = inbox_.Take(kMostRecordsInCommit, kMostBytesInCommit);
    if (records.empty()) return inbox_.status();
    if (DIMS_FAILPOINT("registry.take")) return absl::CancelledError("the connection is gone");
    const StoreResult result = ahead ? archive_.StoreAhead(store, records) : archive_.Append(store, records);
    std::size_t said = 0;
    for (const v1::Refusal& refusal : result.refusals) {
      if (++said > kMostRefusalsSaid) break;
      spdlog::warn("refused record {} of bridge {}/{}, store {}: {}: {}", refusal.number(), store.laboratory,
                   store.bridge, store.store_id, v1::RefusalReason_Name(refusal.reason()), refusal.message());
    }
    if (said > kMostRefusalsSaid) {
      spdlog::warn("refused {} records more of bridge {}/{} in the same commit",
                   result.refusals.size() - kMostRefusalsSaid, store.laboratory, store.bridge);
    }
    if (absl::Status status = Answer(result); !status.ok()) return status;
    if (result.status.ok()) continue;
    if (result.conflict.has_value()) {
      inbox_.Discard();
      inbox_.AwaitFinish(settings_.conflict_grace);
    }
    return result.status;
  }
}

absl::Status ForwardStream::SendWelcome(const StoreName& store, const v1::Hello& hello, bool took_over) {
  if (DIMS_FAILPOINT("registry.welcome.before")) return absl::CancelledError("the connection is gone");
  absl::StatusOr<StorePosition> position = archive_.Position(store);
  if (!position.ok()) return position.status();
  const absl::Time now = absl::Now();
  v1::ForwardResponse response;
  v1::Welcome& welcome = *response.mutable_welcome();
  welcome.set_registry(settings_.registry);
  welcome.set_epoch(settings_.epoch);
  welcome.set_settled_through(position->settled_through);
  welcome.set_settled_hash(position->settled_hash);
  welcome.set_largest_record(settings_.largest_record);
  welcome.set_window_records(settings_.window_records);
  welcome.set_window_bytes(settings_.window_bytes);
  *welcome.mutable_registry_time() = ToProto(now);
  welcome.set_contract(kContract);
  // Two that take turns would fill the log; LiveStreams says that they do.
  spdlog::log(took_over ? spdlog::level::debug : spdlog::level::info,
              "bridge {}/{} from {}, software {}: {} stream of store {}, it has {}, settled {}", store.laboratory,
              store.bridge, peer_, Quoted(hello.software()),
              hello.purpose() == v1::STREAM_PURPOSE_URGENT ? "urgent" : "in-order", store.store_id,
              hello.highest_number(), position->settled_through);
  if (hello.has_sent_at()) {
    const absl::Time theirs =
        absl::FromUnixSeconds(hello.sent_at().seconds()) + absl::Nanoseconds(hello.sent_at().nanos());
    if (absl::AbsDuration(now - theirs) > absl::Minutes(1)) {
      spdlog::warn("the clock of bridge {}/{} is {} {} this registry's", store.laboratory, store.bridge,
                   absl::FormatDuration(absl::Trunc(absl::AbsDuration(now - theirs), absl::Seconds(1))),
                   theirs < now ? "behind" : "ahead of");
    }
  }
  if (absl::Status status = CompareWithHello(store, hello, *position); !status.ok()) return status;
  return Send(response);
}

absl::Status ForwardStream::CompareWithHello(const StoreName& store, const v1::Hello& hello,
                                             const StorePosition& position) {
  if (position.once_settled_through > position.settled_through) {
    spdlog::error("{}: records {} to {} were settled once and are not in the database; the bridge says that it has {}",
                  Who(store), position.settled_through + 1, position.once_settled_through, hello.highest_number());
  }
  if (hello.highest_number() < position.settled_through) {
    spdlog::error("{}: it has records through {} only, {} were settled: the bridge's store was set back", Who(store),
                  hello.highest_number(), position.settled_through);
  }
  if (hello.highest_hash().size() != 32) return absl::OkStatus();
  const absl::StatusOr<std::string> hash = archive_.Hash(store, hello.highest_number());
  if (!hash.ok()) return hash.status();
  if (!hash->empty() && *hash != hello.highest_hash()) {
    spdlog::error("{}: its record {} is not the one here: the bridge's store was set back, or copied and used twice",
                  Who(store), hello.highest_number());
  }
  return absl::OkStatus();
}

// The bridge may have lost the message to the end of its stream, with all that was under way; nothing else tells it
// that a settled record was refused.
absl::Status ForwardStream::RepeatRefusals(const StoreName& store) {
  const absl::StatusOr<std::vector<v1::Refusal>> refusals =
      archive_.LatestRefusals(store, settings_.window_records, static_cast<int>(settings_.window_records));
  if (!refusals.ok()) return refusals.status();
  for (const v1::Refusal& refusal : *refusals) {
    v1::ForwardResponse response;
    *response.mutable_refusal() = refusal;
    if (absl::Status status = Send(response); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ForwardStream::Answer(const StoreResult& result) {
  for (const v1::Refusal& refusal : result.refusals) {
    if (DIMS_FAILPOINT("registry.refusal.before")) return absl::CancelledError("the connection is gone");
    v1::ForwardResponse response;
    *response.mutable_refusal() = refusal;
    if (absl::Status status = Send(response); !status.ok()) return status;
  }
  if (!result.ahead.empty()) {
    v1::ForwardResponse response;
    response.mutable_stored_ahead()->mutable_numbers()->Add(result.ahead.begin(), result.ahead.end());
    if (absl::Status status = Send(response); !status.ok()) return status;
  }
  if (result.settled > 0) {
    if (DIMS_FAILPOINT("registry.settled.before")) return absl::CancelledError("the connection is gone");
    // Not result.position: a bridge that was set back sends other bytes under numbers that are settled here.
    v1::ForwardResponse response;
    response.mutable_settled()->set_through(result.settled);
    if (absl::Status status = Send(response); !status.ok()) return status;
  }
  if (result.conflict.has_value()) {
    v1::ForwardResponse response;
    *response.mutable_conflict() = *result.conflict;
    // Where even this cannot be sent, the status still says what happened.
    Send(response).IgnoreError();
  }
  return absl::OkStatus();
}

absl::Status ForwardStream::Send(const v1::ForwardResponse& response) {
  if (transport_.Write(response) && !DIMS_FAILPOINT("registry.answer.after")) return absl::OkStatus();
  const absl::Status why = inbox_.status();
  return why.ok() ? absl::CancelledError("the connection is gone") : why;
}

void ForwardStream::Log(const absl::Status& status) {
  if (LiveStreams::HasSaid(status)) return;
  const std::string who = sender_.name.empty()
                              ? absl::StrCat("a client at ", peer_)
                              : absl::StrCat("bridge ", sender_.laboratory, "/", sender_.name, " at ", peer_);
  spdlog::level::level_enum level = spdlog::level::warn;
  if (status.ok() || absl::IsCancelled(status) || absl::IsUnavailable(status)) level = spdlog::level::info;
  if (absl::IsDataLoss(status) || absl::IsResourceExhausted(status) ||
      absl::StrContains(status.message(), "CONFLICT")) {
    level = spdlog::level::err;
  }
  spdlog::log(level, "stream of {} ended: {}", who, status.ok() ? "done" : status.ToString());
}

}  // namespace dims
