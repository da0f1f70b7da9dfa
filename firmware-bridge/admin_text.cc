#include "firmware-bridge/admin_text.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

std::string WithoutPrefix(const std::string& name, absl::string_view prefix) { return name.substr(prefix.size()); }

std::string Recorded(const TailResponse::RecordStored& record) {
  std::string text = absl::StrCat("record ", record.number(), ": ", Printable(record.driver()));
  if (record.sample_numbers_size() > 0) {
    // One report can hold hundreds; the first tell which it is.
    constexpr int kMostSamples = 3;
    std::vector<std::string> samples;
    for (int i = 0; i < std::min(record.sample_numbers_size(), kMostSamples); ++i) {
      samples.push_back(absl::StrCat("\"", Printable(record.sample_numbers(i)), "\""));
    }
    absl::StrAppend(&text, ", sample ", absl::StrJoin(samples, " "),
                    record.sample_numbers_size() > kMostSamples ? " ..." : "");
  }
  absl::StrAppend(&text, ", ", Counted(record.findings(), "finding", "findings"));
  if (record.weighings() > 0) absl::StrAppend(&text, ", ", Counted(record.weighings(), "weighing", "weighings"));
  if (record.status() != dims::v1::REPORT_STATUS_FINAL && record.status() != dims::v1::REPORT_STATUS_UNSPECIFIED) {
    absl::StrAppend(&text, ", ", WithoutPrefix(dims::v1::ReportStatus_Name(record.status()), "REPORT_STATUS_"));
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
  if (uplink.last_error().empty()) return absl::StrCat("not connected to ", at, " yet");
  return absl::StrCat("not connected to ", at, ": ", Printable(uplink.last_error()));
}

// Who speaks, and what it says.
std::pair<std::string, std::string> WhoAndWhat(const TailResponse& event) {
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
      return {"registry", UplinkText(event.uplink())};
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

}  // namespace

std::string TailLine(const TailResponse& event, absl::TimeZone zone) {
  const auto [who, what] = WhoAndWhat(event);
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
  for (const std::string& warning : store.warnings()) facts.push_back({"WARNING", Printable(warning)});
  return absl::StrCat(Table(facts), "\n", lines.size() > 1 ? Table(lines) : "no instrument is configured\n");
}

}  // namespace dims
