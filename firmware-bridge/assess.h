// What makes a report urgent.
//
// What: compares what a report found with the watch rules of the configuration ([[watch]]), and notes in the report
//   which of them it hits (RuleHit) and how urgent it is. A rule of tier WARNING or RED_CANDIDATE makes it urgent; INFO
//   and CAUTION are noted only.
// Promise: a rule is hit where the name or CAS number of a finding, or of any proposal of a library search for it, is
//   one of the rule's: the whole of it, never a part ("4-fluoro-PMMA" is not "PMMA"). Names are compared without regard
//   to the case of ASCII letters, and blanks and dashes of every kind are alike; a printed name is also compared
//   without a stereochemical descriptor before it ("(.+/-.)-", "dl-"), a salt after it ("hydrochloride"), brackets
//   around it and a question mark. CAS numbers are compared without padding; one whose check digit is wrong, or of the
//   range that libraries use for their own, equals none. Where it is not sure whether a substance is there, it is taken
//   to be: a false alarm costs less than a missed one. A finding is no hit only where
//   - it says that the substance is absent: NOT_DETECTED, or the printed result is a word for it ("negative", "n.d.");
//   - it is LESS_THAN a limit, which may be nothing at all. TRACE, BELOW_LOQ, BELOW_CALIBRATION, NOT_CALIBRATED,
//     DETECTED_NOT_QUANTIFIED, GREATER_THAN and ABOVE_RANGE all say that there is something; so does a number, zero
//     included, and a finding without an amount;
//   - the laboratory itself added it (internal standard, surrogate), or its result could not be made (status X).
//   A control (QC_STANDARD, BLANK, PROFICIENCY) is never urgent: what is in it is known; its hits are noted. All other
//   origins change nothing: a simulated alarm, or that of an exercise, goes the way of a real one.
// Errors: none.
// Threads: pure; share it as const.
#ifndef DIMS_FIRMWARE_BRIDGE_ASSESS_H_
#define DIMS_FIRMWARE_BRIDGE_ASSESS_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "firmware-bridge/config.h"

namespace dims {

class Assess {
 public:
  explicit Assess(const std::vector<WatchConfig>& watches);

  // Sets urgency and rule_hits: each rule once, in the order of the configuration.
  void operator()(dims::v1::Report& report) const;

 private:
  using Rules = std::set<std::size_t>;  // indices of hits_

  void Look(absl::string_view label, absl::string_view cas, Rules& found) const;

  std::vector<dims::v1::RuleHit> hits_;  // one for each rule, as a report gets it
  std::map<std::string, Rules, std::less<>> by_name_, by_cas_;
};

// A substance's name as it is compared; empty where it holds nothing but blanks and dashes.
std::string ComparableName(absl::string_view name);

// The same without what does not make it another substance. "free-base" goes as a salt does; "-d3", "nor", "acetyl"
// stay.
std::string SubstanceName(absl::string_view name);

// Whether what is in it is known beforehand: nobody is alarmed by it.
bool IsControl(dims::v1::Origin origin);

// Whether that tier makes a report urgent.
bool IsUrgent(dims::v1::Tier tier);

}  // namespace dims

#endif  // DIMS_FIRMWARE_BRIDGE_ASSESS_H_
