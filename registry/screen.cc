#include "registry/screen.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dims/v1/report.pb.h"

namespace dims {
namespace {

// Why it contradicts its own rules; empty if it does not.
std::string WhyInvalid(const v1::Report& report) {
  if (!report.raw_sha256().empty() && report.raw_sha256().size() != 32) {
    return absl::StrCat("raw_sha256 has ", report.raw_sha256().size(), " bytes, not 32");
  }
  if (report.source().intake_end() < report.source().intake_begin()) {
    return absl::StrCat("source.intake_end ", report.source().intake_end(), " is before intake_begin ",
                        report.source().intake_begin());
  }
  if (report.has_gap()) {
    if (report.analyses_size() != 0 || report.weighings_size() != 0 || report.scans_size() != 0) {
      return "it is a gap and has content";
    }
    if (report.gap().through() < report.gap().from()) {
      return absl::StrCat("its gap ends at ", report.gap().through(), ", before it begins at ", report.gap().from());
    }
  }
  return "";
}

}  // namespace

std::string Quoted(absl::string_view text) {
  constexpr std::size_t kMost = 100;
  return absl::StrCat("\"", absl::CEscape(text.substr(0, kMost)), "\"", text.size() > kMost ? " ..." : "");
}

Verdict Screen(uint32_t schema, absl::string_view payload, const Identity& sender, bool accept_simulated) {
  if (schema != 1) {
    return {v1::REFUSAL_REASON_UNKNOWN_SCHEMA,
            absl::StrCat("schema ", schema, " is unknown here (this registry knows 1); update the registry")};
  }
  v1::Report report;
  if (!report.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return {v1::REFUSAL_REASON_MALFORMED, absl::StrCat("its ", payload.size(), " bytes are no dims.v1.Report")};
  }
  if (const std::string why = WhyInvalid(report); !why.empty()) return {v1::REFUSAL_REASON_MALFORMED, why};

  // A gap stands for records that are no more: it counts for nothing, so it may lack source and origin.
  const bool gap = report.has_gap();
  if (!(gap && !report.has_source()) &&
      (report.source().laboratory() != sender.laboratory || report.source().bridge() != sender.name)) {
    return {v1::REFUSAL_REASON_WRONG_SOURCE,
            absl::StrCat("the report is of laboratory ", Quoted(report.source().laboratory()), ", bridge ",
                         Quoted(report.source().bridge()), ", the certificate is of \"", sender.laboratory, "/",
                         sender.name, "\"")};
  }
  switch (report.origin()) {
    case v1::ORIGIN_UNSPECIFIED:
      if (gap) return {};
      return {v1::REFUSAL_REASON_ORIGIN, "the report does not say its origin; nobody knows whether it counts"};
    case v1::ORIGIN_SIMULATED:
    case v1::ORIGIN_EXERCISE:
      if (accept_simulated) return {};
      return {v1::REFUSAL_REASON_ORIGIN,
              absl::StrCat(v1::Origin_Name(report.origin()),
                           ": not accepted here; send it to a registry that runs with --accept-simulated")};
    default:
      return {};
  }
}

}  // namespace dims
