// A receiver of ASTM at the end of a line, as a test sees it, and the scripts that every such line must keep: one on a
// clock that moves only when told (astm_conformance_test.cc), one behind a pseudo-terminal (astm_pty_test.cc).
#ifndef DIMS_TESTS_ASTM_LINE_H_
#define DIMS_TESTS_ASTM_LINE_H_

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "dims/v1/report.pb.h"
#include "drivers/astm_link.h"

namespace dims {

class AstmLine {
 public:
  virtual ~AstmLine() = default;
  // Sends `bytes` and expects this: "A" for ACK, "N" for NAK, "!" for a report, in this order.
  virtual void Say(const std::string& bytes, const std::string& expected) = 0;
  // Expects this within `time`, without a word.
  virtual void Wait(absl::Duration time, const std::string& expected) = 0;
  virtual std::vector<dims::v1::Report> Reports() = 0;

  // One record a frame, each sent when the one before was answered with ACK. The last one of a message brings a report.
  void SayAll(const std::vector<std::string>& records, int first = 1);
};

inline const std::string kEnqs(1, kEnq), kEots(1, kEot);

using Problems = std::vector<dims::v1::ProblemType>;
Problems Types(const dims::v1::Report& report);
int Findings(const dims::v1::Report& report);
// The report is that of AstmRecords(results), and nothing is wrong with it.
void ExpectWhole(const dims::v1::Report& report, int results = 2);

// What the receiver's timer is set to in these scripts, so that they do not take half a minute each.
inline constexpr char kScriptIdle[] = "1s";

struct AstmScript {
  const char* name;
  void (*run)(AstmLine& line);

  friend void PrintTo(const AstmScript& script, std::ostream* out) { *out << script.name; }
};
const std::vector<AstmScript>& AstmScripts();

}  // namespace dims

#endif  // DIMS_TESTS_ASTM_LINE_H_
