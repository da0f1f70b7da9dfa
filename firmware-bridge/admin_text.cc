#include "firmware-bridge/admin_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "drivers/transcript.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

using dims::v1::TailResponse;

constexpr std::size_t kNameColumns = 12;

absl::Time TimeOf(const google::protobuf::Timestamp& stamp) {
  return absl::FromUnixSeconds(stamp.seconds()) + absl::Nanoseconds(stamp.nanos());
}

std::string Counted(uint64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

std::string WithoutPrefix(const std::string& name, absl::string_view prefix) {
  return std::string(absl::StripPrefix(name, prefix));
}

// One report can hold hundreds; the first tell which it is.
std::string SamplesText(const google::protobuf::RepeatedPtrField<std::string>& numbers) {
  constexpr int kMostSamples = 3;
  std::vector<std::string> samples;
  for (int i = 0; i < std::min(numbers.size(), kMostSamples); ++i) {
    samples.push_back(absl::StrCat("\"", Printable(numbers[i]), "\""));
  }
  return absl::StrCat(absl::StrJoin(samples, " "), numbers.size() > kMostSamples ? " ..." : "");
}

std::string ReasonText(const dims::v1::QuarantinedRecord& record) {
  return WithoutPrefix(dims::v1::RefusalReason_Name(record.reason()), "REFUSAL_REASON_");
}

std::string Recorded(const TailResponse::RecordStored& record) {
  const bool urgent = record.urgency() == dims::v1::URGENCY_URGENT;
  std::string text =
      absl::StrCat("record ", record.number(), ": ", urgent ? "URGENT, " : "", Printable(record.driver()));
  if (record.sample_numbers_size() > 0) {
    absl::StrAppend(&text, ", sample ", SamplesText(record.sample_numbers()));
  }
  absl::StrAppend(&text, ", ", Counted(record.findings(), "finding", "findings"));
  if (record.weighings() > 0) absl::StrAppend(&text, ", ", Counted(record.weighings(), "weighing", "weighings"));
  if (record.status() != dims::v1::REPORT_STATUS_FINAL && record.status() != dims::v1::REPORT_STATUS_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", WithoutPrefix(dims::v1::ReportStatus_Name(record.status()), "REPORT_STATUS_"));
  }
  for (const dims::v1::RuleHit& hit : record.rule_hits()) {
    absl::StrAppend(&text, ", hits ", Printable(hit.rule_id()), " (",
                    WithoutPrefix(dims::v1::Tier_Name(hit.tier()), "TIER_"), ")");
  }
  if (record.has_repeat_of()) absl::StrAppend(&text, ", repeat of record ", record.repeat_of().number());
  for (const dims::v1::RecordName& part : record.replaces_parts()) {
    absl::StrAppend(&text, ", replaces its part, record ", part.number());
  }
  std::vector<std::string> problems;
  for (const dims::v1::Problem& problem : record.problems()) {
    problems.push_back(absl::StrCat(WithoutPrefix(dims::v1::ProblemType_Name(problem.type()), "PROBLEM_TYPE_"), " (",
                                    Printable(problem.message()), ")"));
  }
  if (!problems.empty()) absl::StrAppend(&text, "; problems: ", absl::StrJoin(problems, ", "));
  return text;
}

std::string UplinkText(const dims::v1::UplinkStatus& uplink) {
  const std::string at = Printable(uplink.address());
  if (uplink.connected()) return absl::StrCat("connected to \"", Printable(uplink.registry()), "\" at ", at);
  if (!uplink.last_error().empty()) return absl::StrCat("not connected to ", at, ": ", Printable(uplink.last_error()));
  return absl::StrCat(uplink.has_since() ? "connecting anew to " : "not connected to ", at,
                      uplink.has_since() ? "" : " yet");
}

std::string UplinkExtras(const dims::v1::UplinkStatus& uplink, absl::TimeZone zone) {
  std::string text;
  if (uplink.urgent_connected()) absl::StrAppend(&text, ", urgent records on a connection of their own");
  if (uplink.has_paused_until()) {
    absl::StrAppend(&text, ", paused by the registry until ",
                    absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(uplink.paused_until()), zone));
  }
  return text;
}

// Who speaks, and what it says.
std::pair<std::string, std::string> WhoAndWhat(const TailResponse& event, absl::TimeZone zone) {
  switch (event.event_case()) {
    case TailResponse::kBegan: {
      const TailResponse::Began& began = event.began();
      return {"store", absl::StrCat("listening from record ", began.highest_number() + 1, " of store ",
                                    Printable(began.store_id()), " on; settled through ", began.settled_through())};
    }
    case TailResponse::kLineOpened:
      return {event.instrument(), "line opened"};
    case TailResponse::kLineClosed:
      return {event.instrument(), "line closed"};
    case TailResponse::kReceived:
      return {event.instrument(), absl::StrCat("> ", Printable(EscapeBytes(event.received().bytes())))};
    case TailResponse::kSent:
      return {event.instrument(), absl::StrCat("< ", Printable(EscapeBytes(event.sent().bytes())))};
    case TailResponse::kBytesLost:
      return {event.instrument(), absl::StrCat(Counted(event.bytes_lost().bytes(), "byte was", "bytes were"),
                                               " lost: the disk does not keep up")};
    case TailResponse::kRecordStored:
      return {event.instrument(), Recorded(event.record_stored())};
    case TailResponse::kSettled:
      return {"registry", absl::StrCat("settled through record ", event.settled().through(), ", ",
                                       event.settled().queued(), " queued")};
    case TailResponse::kUplink:
      return {"registry", absl::StrCat(UplinkText(event.uplink()), UplinkExtras(event.uplink(), zone))};
    case TailResponse::kNotShown:
      return {"", absl::StrCat(Counted(event.not_shown().events(), "event was", "events were"), " not shown")};
    case TailResponse::EVENT_NOT_SET:
      break;
  }
  return {"", "something that this version does not know"};
}

// Columns as wide as what is in them; the last is not filled.
std::string Table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const std::vector<std::string>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  std::string out;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) absl::StrAppend(&line, i > 0 ? "  " : "", Fit(row[i], widths[i]));
    absl::StripTrailingAsciiWhitespace(&line);
    absl::StrAppend(&out, line, "\n");
  }
  return out;
}

// "14:03:22 (2m10s ago)"; with the day where it was another.
std::string When(const google::protobuf::Timestamp& stamp, absl::Time now, absl::TimeZone zone) {
  const absl::Time time = TimeOf(stamp);
  const bool today = absl::ToCivilDay(time, zone) == absl::ToCivilDay(now, zone);
  return absl::StrCat(absl::FormatTime(today ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", time, zone), " (",
                      absl::FormatDuration(absl::Trunc(std::max(now - time, absl::ZeroDuration()), absl::Seconds(1))),
                      " ago)");
}

std::string DateAndTime(const google::protobuf::Timestamp& stamp, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(stamp), zone);
}

std::string Cut(const std::string& text, std::size_t columns) {
  return Columns(text) > columns ? Fit(text, columns) : text;
}

}  // namespace

std::string TailLine(const TailResponse& event, absl::TimeZone zone) {
  const auto [who, what] = WhoAndWhat(event, zone);
  const std::string name = Printable(who);
  return absl::StrCat(absl::FormatTime("%H:%M:%E3S", TimeOf(event.at()), zone), "  ",
                      Fit(name, std::max(kNameColumns, Columns(name))), "  ", what);
}

std::string StatusTable(const dims::v1::StatusResponse& status, absl::Time now, absl::TimeZone zone) {
  std::vector<std::vector<std::string>> lines = {
      {"INSTRUMENT", "DRIVER", "PORT", "LINE", "LAST ARRIVAL", "BYTES READ", "OPEN"}};
  for (const dims::v1::InstrumentStatus& line : status.instruments()) {
    const std::string since = line.has_line_since() ? absl::StrCat(" since ", When(line.line_since(), now, zone)) : "";
    lines.push_back({Printable(line.name()), Printable(line.driver()), Printable(line.port()),
                     absl::StrCat(line.line_open() ? "open" : "closed", since),
                     line.has_last_arrival() ? When(line.last_arrival(), now, zone) : "none yet",
                     absl::StrCat(line.bytes_read()), absl::StrCat(line.open_bytes())});
  }
  const dims::v1::StoreStatus& store = status.store();
  const dims::v1::UplinkStatus& uplink = status.uplink();
  std::string connection = UplinkText(uplink);
  if (uplink.has_since()) absl::StrAppend(&connection, ", since ", When(uplink.since(), now, zone));
  absl::StrAppend(&connection, UplinkExtras(uplink, zone));
  if (uplink.records_under_way() > 0) {
    absl::StrAppend(&connection, ", ", Counted(uplink.records_under_way(), "record", "records"), " under way");
  }
  std::vector<std::vector<std::string>> facts = {
      {"bridge",
       absl::StrCat("version ", Printable(status.version()), ", running since ", When(status.started_at(), now, zone))},
      {"clock", status.clock().synchronized() ? "synchronised" : "NOT synchronised: times of results are not certain"},
      {"registry", connection},
      {"store",
       absl::StrCat(Printable(store.store_id()), " in ", Printable(store.path()), ", ", store.file_bytes(), " bytes")},
      {"room", absl::StrCat(store.budget_bytes() == 0 ? 0 : store.used_bytes() * 100 / store.budget_bytes(),
                            " % of a budget of ", store.budget_bytes() >> 20, " MiB in use, ",
                            store.disk_free_bytes() >> 20, " MiB free on the disk")},
      {"records", absl::StrCat("highest ", store.highest_number(), ", settled through ", store.settled_through(), ", ",
                               store.queued(), " queued, ", store.refused(), " refused")}};
  if (store.quarantined() > 0) {
    facts.push_back({"REFUSED", absl::StrCat(Counted(store.quarantined(), "record waits", "records wait"),
                                             " for a person's decision: dims-bridge quarantine list")});
  }
  for (const std::string& warning : store.warnings()) facts.push_back({"WARNING", Printable(warning)});
  return absl::StrCat(Table(facts), "\n", lines.size() > 1 ? Table(lines) : "no instrument is configured\n");
}

std::string QuarantineTable(const std::vector<dims::v1::QuarantinedRecord>& records, absl::TimeZone zone) {
  if (records.empty()) return "nothing that the registry refused waits for a decision\n";
  constexpr std::size_t kWidestSample = 24, kWidestMessage = 80;
  // The number alone names a record, unless there are several stores.
  const bool several = std::any_of(records.begin(), records.end(), [&](const dims::v1::QuarantinedRecord& record) {
    return record.store_id() != records.front().store_id();
  });
  std::vector<std::vector<std::string>> rows = {
      {"NUMBER", "REFUSED", "INSTRUMENT", "SAMPLE", "REASON", several ? "STORE" : "", "MESSAGE"}};
  for (const dims::v1::QuarantinedRecord& record : records) {
    const bool urgent = record.urgency() == dims::v1::URGENCY_URGENT;
    rows.push_back({absl::StrCat(record.number()), DateAndTime(record.refused_at(), zone),
                    Printable(record.instrument()), Cut(SamplesText(record.sample_numbers()), kWidestSample),
                    absl::StrCat(ReasonText(record), urgent ? ", URGENT" : ""),
                    several ? Printable(record.store_id()) : "", Cut(Printable(record.message()), kWidestMessage)});
  }
  if (!several) {
    for (std::vector<std::string>& row : rows) row.erase(row.begin() + 5);
  }
  return absl::StrCat(Table(rows), "\n\"dims-bridge quarantine show NUMBER\" has all of one, and what can be done\n");
}

std::string QuarantinedText(const dims::v1::QuarantinedRecord& record, absl::TimeZone zone) {
  std::vector<std::vector<std::string>> facts = {
      {"record", absl::StrCat(record.number(), " of store ", Printable(record.store_id()),
                              record.urgency() == dims::v1::URGENCY_URGENT ? ", URGENT" : "")},
      {"hash", absl::StrCat(absl::BytesToHexString(record.hash()), ", ", record.bytes(), " bytes")},
      {"from", record.instrument().empty() ? "no instrument is known" : Printable(record.instrument())},
      {"refused", DateAndTime(record.refused_at(), zone)},
      {"because", absl::StrCat(ReasonText(record), ": ", Printable(record.message()))}};
  if (record.sample_numbers_size() > 0) {
    absl::StrAppend(&facts[2][1], ", sample ", SamplesText(record.sample_numbers()));
  }
  if (!record.remedy().empty()) facts.push_back({"remedy", Printable(record.remedy())});
  return Table(facts);
}

std::string AuditText(const dims::v1::ListAuditResponse& entry, absl::TimeZone zone) {
  return absl::StrCat(DateAndTime(entry.at(), zone), "  ", Printable(entry.action()), " by ", Printable(entry.who()),
                      "\n    ", Printable(entry.what()), "\n    why: ", Printable(entry.why()), "\n");
}

}  // namespace dims
