#include "firmware-bridge/quarantine.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/tail.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

constexpr std::size_t kRecordsAtOnce = 64, kBytesAtOnce = 1 << 20, kEntriesAtOnce = 256;  // of the store's time

dims::v1::QuarantinedRecord Describe(const QuarantinedRecord& stored, dims::v1::Report& report, bool readable) {
  dims::v1::QuarantinedRecord record;
  record.set_store_id(stored.store_id);
  record.set_number(stored.number);
  record.set_hash(stored.hash);
  record.set_reason(stored.reason);
  record.set_message(stored.message);
  record.set_remedy(std::string(RemedyFor(stored.reason)));
  SetTime(stored.refused_at, record.mutable_refused_at());
  record.set_bytes(stored.payload.size());
  record.set_urgency(stored.urgent ? dims::v1::URGENCY_URGENT : dims::v1::URGENCY_ROUTINE);
  if (!readable) return record;
  record.set_instrument(report.source().instrument());
  for (const dims::v1::Analysis& analysis : report.analyses()) {
    if (!analysis.sample_number().empty()) record.add_sample_numbers(analysis.sample_number());
  }
  for (const dims::v1::Weighing& weighing : report.weighings()) {
    if (!weighing.sample_number().empty()) record.add_sample_numbers(weighing.sample_number());
  }
  return record;
}

// One line that every reader of the log can take.
std::string Reason(const std::string& why) { return Printable(absl::StripAsciiWhitespace(why)); }

}  // namespace

QuarantineInStore::QuarantineInStore(Store& store, std::string who) : store_(store), who_(std::move(who)) {}

absl::Status QuarantineInStore::List(const std::function<bool(const dims::v1::ListQuarantinedResponse&)>& each) {
  for (int64_t after = 0;;) {
    const auto records = store_.Quarantined(after, kRecordsAtOnce, kBytesAtOnce);
    if (!records.ok()) return records.status();
    if (records->empty()) return absl::OkStatus();
    for (const QuarantinedRecord& stored : *records) {
      dims::v1::Report report;
      dims::v1::ListQuarantinedResponse response;
      *response.mutable_record() = Describe(stored, report, report.ParseFromString(stored.payload));
      if (!each(response)) return absl::OkStatus();
    }
    after = records->back().id;
  }
}

absl::StatusOr<dims::v1::ShowQuarantinedResponse> QuarantineInStore::Show(
    const dims::v1::ShowQuarantinedRequest& request) {
  const auto stored = store_.Quarantined(request.record().store_id(), request.record().number());
  if (!stored.ok()) return stored.status();
  dims::v1::ShowQuarantinedResponse response;
  dims::v1::Report report;
  const bool readable = report.ParseFromString(stored->payload);
  *response.mutable_record() = Describe(*stored, report, readable);
  if (readable) *response.mutable_report() = std::move(report);
  return response;
}

absl::StatusOr<dims::v1::ReleaseQuarantinedResponse> QuarantineInStore::Release(
    const dims::v1::ReleaseQuarantinedRequest& request) {
  const dims::v1::RecordName& name = request.record();
  const absl::StatusOr<Generation> released =
      store_.Release(name.store_id(), name.number(), who_, Reason(request.why()));
  if (!released.ok()) return released.status();
  dims::v1::ReleaseQuarantinedResponse response;
  response.mutable_record()->set_store_id(released->store_id);
  response.mutable_record()->set_number(released->highest_number);
  return response;
}

absl::StatusOr<dims::v1::DiscardQuarantinedResponse> QuarantineInStore::Discard(
    const dims::v1::DiscardQuarantinedRequest& request) {
  const dims::v1::RecordName& name = request.record();
  const absl::Status status = store_.Discard(name.store_id(), name.number(), who_, Reason(request.why()));
  if (!status.ok()) return status;
  return dims::v1::DiscardQuarantinedResponse();
}

absl::Status QuarantineInStore::ListAudit(const std::function<bool(const dims::v1::ListAuditResponse&)>& each) {
  for (int64_t after = 0;;) {
    const auto entries = store_.Audit(after, kEntriesAtOnce);
    if (!entries.ok()) return entries.status();
    if (entries->empty()) return absl::OkStatus();
    for (const AuditEntry& entry : *entries) {
      dims::v1::ListAuditResponse response;
      SetTime(entry.at, response.mutable_at());
      response.set_who(entry.who);
      response.set_action(entry.action);
      response.set_what(entry.what);
      response.set_why(entry.why);
      if (!each(response)) return absl::OkStatus();
    }
    after = entries->back().id;
  }
}

absl::string_view RemedyFor(dims::v1::RefusalReason reason) {
  switch (reason) {
    case dims::v1::REFUSAL_REASON_WRONG_SOURCE:
      return "its report was made under names that the bridge's certificate does not have: set \"laboratory\" and "
             "\"bridge\" in the configuration as in the certificate for those to come (dims-bridge check compares "
             "them); this one keeps its names: release it under a certificate for them, or discard it";
    case dims::v1::REFUSAL_REASON_ORIGIN:
      return "the registry does not take results of this origin; if it is wrong, set the instrument's \"origin\" in "
             "the configuration for those to come; this one keeps its origin: release it once the registry takes such, "
             "or discard it";
    case dims::v1::REFUSAL_REASON_TOO_LARGE:
      return "release it once the registry takes larger records";
    case dims::v1::REFUSAL_REASON_UNKNOWN_SCHEMA:
      return "release it once the registry's software is as new as the bridge's";
    case dims::v1::REFUSAL_REASON_MALFORMED:
      return "a defect of the bridge or the registry, which their makers should hear of; release it once it is mended";
    default:
      return "";
  }
}

}  // namespace dims
