#include "registry/export.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "dims/v1/report.pb.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

absl::Status Unreadable(const ArchivedRecord& record) {
  return absl::DataLossError(absl::StrCat("record ", record.number, " of store ", record.store.store_id, " (position ",
                                          record.position, ") cannot be read; check the disk"));
}

absl::StatusOr<v1::Report> ReportOf(const ArchivedRecord& record) {
  v1::Report report;
  if (!report.ParseFromString(record.payload)) return Unreadable(record);
  return report;
}

constexpr char kRow[] = "%5s  %-10s %-18s %8s  %-28s %s";

// "41.20 % at 7.118 min"
std::string LargestPeak(const v1::Report& report) {
  const v1::Finding* largest = nullptr;
  double most = -1;
  for (const v1::Analysis& analysis : report.analyses()) {
    for (const v1::Finding& finding : analysis.findings()) {
      double percent = 0;  // only to find the largest; what is shown is the printed text
      if (absl::SimpleAtod(finding.peak().area_percent(), &percent) && percent > most) {
        most = percent;
        largest = &finding;
      }
    }
  }
  if (largest == nullptr) return "";
  return absl::StrCat(largest->label().empty() ? "" : absl::StrCat(largest->label(), ", "),
                      largest->peak().area_percent(), " % at ", largest->retention_time(), " min");
}

// The first of what it says: the largest peak, else a weight, a spectrum, a scan.
std::string Result(const v1::Report& report) {
  if (std::string peak = LargestPeak(report); !peak.empty()) return peak;
  if (report.weighings_size() > 0) {
    return absl::StrCat(report.weighings(0).value(), " ", report.weighings(0).unit());
  }
  for (const v1::Analysis& analysis : report.analyses()) {
    for (const v1::Spectrum& spectrum : analysis.spectra()) {
      return absl::StrCat("spectrum of ", spectrum.points(), " points");
    }
  }
  return report.scans_size() > 0 ? absl::StrCat("scan of ", report.scans(0).code()) : "";
}

std::string SampleOf(const v1::Report& report) {
  if (report.analyses_size() > 0) return report.analyses(0).sample_number();
  return report.weighings_size() > 0 ? report.weighings(0).sample_number() : "";
}

// Its urgency, which other records it repeats, replaces or stands for, and its problems.
std::string Remarks(const v1::Report& report) {
  std::vector<std::string> names;
  if (report.urgency() == v1::URGENCY_URGENT) {
    const auto rule = [](std::string* out, const v1::RuleHit& hit) { out->append(hit.rule_id()); };
    names.push_back(absl::StrCat("URGENT: ", absl::StrJoin(report.rule_hits(), " ", rule)));
  }
  if (report.has_repeat_of()) names.push_back(absl::StrCat("repeat of ", report.repeat_of().number()));
  for (const v1::RecordName& part : report.replaces_parts()) names.push_back(absl::StrCat("replaces ", part.number()));
  if (report.has_gap()) {
    names.push_back(absl::StrCat("records ", report.gap().from(), " to ", report.gap().through(), " of store ",
                                 report.gap().store_id(), " are lost: ", report.gap().reason()));
  }
  for (const v1::Problem& problem : report.problems()) {
    std::string name = v1::ProblemType_Name(problem.type()).substr(sizeof("PROBLEM_TYPE_") - 1);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  }
  return absl::StrJoin(names, ", ");
}

std::string TableHeader() {
  return absl::StrFormat(kRow, "no.", "instrument", "sample", "findings", "result", "remarks");
}

absl::StatusOr<std::string> ToTableRow(const ArchivedRecord& record) {
  const std::string position = absl::StrCat(record.position);
  if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
    return Printable(
        absl::StrFormat(kRow, position, "", "", "", "", absl::StrCat("refused: ", record.refusal_message)));
  }
  if (record.again != 0) {
    return absl::StrFormat(kRow, position, "", "", "", "", absl::StrCat("the same as no. ", record.again));
  }
  const absl::StatusOr<v1::Report> report = ReportOf(record);
  if (!report.ok()) return report.status();
  int findings = 0;
  for (const v1::Analysis& analysis : report->analyses()) findings += analysis.findings_size();
  std::string row =
      absl::StrFormat(kRow, position, report->source().instrument(), SampleOf(*report),
                      report->analyses_size() > 0 ? absl::StrCat(findings) : "", Result(*report), Remarks(*report));
  absl::StripTrailingAsciiWhitespace(&row);
  return Printable(row);
}

absl::StatusOr<std::string> ToJson(const ArchivedRecord& record) {
  // These names are letters, digits and hyphens: nothing in them needs escaping.
  std::string json =
      absl::StrCat("{\"position\":", record.position, ",\"bridge\":\"", record.store.bridge, "\",\"laboratory\":\"",
                   record.store.laboratory, "\",\"store\":\"", record.store.store_id, "\",\"number\":", record.number,
                   ",\"hash\":\"", absl::BytesToHexString(record.hash), "\",\"receivedAt\":\"",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", record.received_at, absl::UTCTimeZone()), "\"");
  if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
    return absl::StrCat(json, ",\"refused\":\"", v1::RefusalReason_Name(record.refusal), "\"}");
  }
  if (record.again != 0) return absl::StrCat(json, ",\"again\":", record.again, "}");
  const absl::StatusOr<v1::Report> report = ReportOf(record);
  if (!report.ok()) return report.status();
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(*report, &text).ok()) return Unreadable(record);
  return absl::StrCat(json, ",\"report\":", text, "}");
}

}  // namespace

absl::Status Export(const std::string& database, int64_t after, ExportForm form, std::ostream& out) {
  absl::StatusOr<std::unique_ptr<ArchiveReader>> reader = ArchiveReader::Open(database);
  if (!reader.ok()) return reader.status();
  while (true) {
    // A few at a time: a long read would keep the registry's log from being reused.
    absl::StatusOr<std::vector<ArchivedRecord>> records = (*reader)->Read(after, 16);
    if (!records.ok()) return records.status();
    if (records->empty()) break;
    for (const ArchivedRecord& record : *records) {
      absl::StatusOr<std::string> text = form == ExportForm::kTable ? ToTableRow(record) : ToJson(record);
      if (!text.ok()) return text.status();
      if (form == ExportForm::kTable && after == 0) out << TableHeader() << '\n';
      out << *text << '\n';
      after = record.position;
    }
  }
  out.flush();
  if (!out) return absl::DataLossError("the output could not be written");
  return absl::OkStatus();
}

}  // namespace dims
