// What the tests of the agilent_gc driver share.
#ifndef DIMS_TESTS_AGILENT_GC_H_
#define DIMS_TESTS_AGILENT_GC_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "drivers/catalog.h"
#include "tests/inputs.h"

namespace dims {

inline const Driver& Gc() { return *FindDriver("agilent_gc"); }

inline std::vector<dims::v1::Report> GcReports(const std::string& bytes, Ending why = Ending::kEndOfInput,
                                               const Driver& driver = Gc()) {
  std::vector<dims::v1::Report> reports;
  for (const ParserEvent& event : Parse(driver, DefaultOptions(driver), bytes, {}, why).events) {
    if (const Said* said = std::get_if<Said>(&event)) reports.push_back(said->report);
  }
  return reports;
}

// What the instrument sends in a transcript of this driver: "area_percent".
inline std::string GcTranscript(const std::string& what) {
  for (const Input& input : InputsOf(Gc())) {
    if (input.name == "agilent_gc_" + what + ".transcript") return input.bytes;
  }
  ADD_FAILURE() << "no transcript " << what;
  return {};
}

// The analyses alone, to be compared: reports differ in their bytes.
inline std::string Meaning(const dims::v1::Report& report) {
  std::string text;
  for (const dims::v1::Analysis& analysis : report.analyses()) text += analysis.DebugString();
  return text;
}

}  // namespace dims

#endif  // DIMS_TESTS_AGILENT_GC_H_
