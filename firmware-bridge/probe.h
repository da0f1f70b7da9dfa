// Which driver reads what came from an instrument that nobody knows.
//
// What: runs every driver of the catalog over the same bytes, with its options at their defaults, and ranks them by
//   what they make of them.
// Promise: what counts is how many of the bytes a driver explains: those of reports that say something, and, beside
//   them, of an instrument's states and of traffic that the driver passes over. Each problem takes a line from that,
//   and a report without a finding counts half; noise counts nothing. A driver that takes the same lines read backwards
//   as well has recognised nothing of them: what it takes then is by chance, and only what it explains beyond that
//   counts in its favour. So a driver that takes any text stands behind every one that knows the text, and is named
//   only where it explains nearly all. No driver is known here by name.
// Units: bytes that are not blank.
// Errors: none.
// Threads: pure. Work and memory are linear in the bytes, which must be at hand at once.
#ifndef DIMS_FIRMWARE_BRIDGE_PROBE_H_
#define DIMS_FIRMWARE_BRIDGE_PROBE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/driver.h"
#include "drivers/line_mark.h"
#include "firmware-bridge/line_check.h"

namespace dims {

// What was heard, and how the line was set.
struct Capture {
  std::string bytes;
  std::vector<LineMark> marks;  // offsets ascend
  Line line;                    // baud 0: it was no line
};

struct Candidate {
  const Driver* driver = nullptr;
  int reports = 0;     // that say something
  int clean = 0;       // of these, without a problem
  int problems = 0;    // in these
  uint64_t bytes = 0;  // of all that was heard
  uint64_t explained = 0;
  uint64_t by_chance = 0;     // as `explained`, of the lines read backwards
  int statements = 0;         // single things that the reports say
  bool as_delivered = false;  // the line is set as the driver's instruments usually are

  // It recognises the bytes, and does not just take any.
  bool IsSpecific() const { return by_chance * 2 <= explained; }
  bool Fits() const;
  // "agilent_msd: 2 reports, 0 problems, 100 % of 5912 bytes explained"
  std::string Evidence() const;
};

// Those that have a report, the best first.
std::vector<Candidate> Rank(const Capture& heard, absl::Span<const Driver* const> drivers);

// The same, once it is clear how the line must be set.
struct Examined {
  LineCheck check = LineCheck::kSilent;
  Line line;  // where the bytes tell it otherwise, not as it was
  std::vector<Candidate> candidates;

  bool Fits() const { return !candidates.empty() && candidates.front().Fits(); }
};
Examined Examine(const Capture& heard, absl::Span<const Driver* const> drivers);

// "9600 8N1".
std::string WriteLine(const Line& line);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_PROBE_H_
