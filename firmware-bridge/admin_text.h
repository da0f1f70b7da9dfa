// What the control socket says, for a person.
//
// What: one line for an event of Tail, tables for Status and the quarantine, a few lines for a refused record and for a
//   decision about one.
// Promise: one line is one line, and nothing in it can steer the terminal, whatever an instrument printed.
// Units: times in the zone given, to the millisecond; bytes as in a transcript ("<STX>1H|...<CR>").
// Threads: pure functions.
// Source: proto/dims/v1/admin.proto; drivers/transcript.h for the bytes.
#ifndef DIMS_FIRMWARE_BRIDGE_ADMIN_TEXT_H_
#define DIMS_FIRMWARE_BRIDGE_ADMIN_TEXT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dims/v1/admin.pb.h"

namespace dims {

std::string TailLine(const dims::v1::TailResponse& event, absl::TimeZone zone);

std::string StatusTable(const dims::v1::StatusResponse& status, absl::Time now, absl::TimeZone zone);

std::string QuarantineTable(const std::vector<dims::v1::QuarantinedRecord>& records, absl::TimeZone zone);

// All that is known of it but its report.
std::string QuarantinedText(const dims::v1::QuarantinedRecord& record, absl::TimeZone zone);

std::string AuditText(const dims::v1::ListAuditResponse& entry, absl::TimeZone zone);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ADMIN_TEXT_H_
