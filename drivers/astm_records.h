// The records of ASTM E1394 / CLSI LIS02-A: one message, H to L, as a Report.
//
// What: takes the text of frames, or single records, and fills a Report: one Analysis for each order (O), one Finding
//   for each result (R). H gives the delimiters and, in its processing id, whether this is quality control (Q) or
//   training (T); that it is quality control may also be said by the action code of every order (O 12). M, S, Q and C
//   records are read over.
// Promise: values, units, ranges, flags and times as printed; a decimal comma becomes a point, a comparator becomes the
//   qualifier, an empty value is no amount. Never carried: the operator (R 11), comments (C), the sender's password
//   (H 4), and of the patient (P) everything, except the laboratory's own number for the sample where the
//   configuration says that an instrument writes it there.
// Notes: the delimiters may be doubled by what captured them ("H|\\^&"): then every doubled backslash of the message is
//   one. Text after CR and text after LF are records of their own.
// Units: positions as in Frame::at.
// Errors: what does not fit is a Problem at the record's position.
// Threads: one at a time.
// Source: ASTM E1394-97, 6 to 14; CLSI LIS02-A2.
#ifndef DIMS_DRIVERS_ASTM_RECORDS_H_
#define DIMS_DRIVERS_ASTM_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"

namespace dims {

struct AstmReading {
  Encoding encoding = Encoding::kAuto;
  int value_component = 0;  // which component of a value is the value, from 1; 0: as ReadAstmValue sees it
  int label_component = 4;  // which component of a test's id is its label; the whole id where that one is empty
  dims::v1::Technique technique = dims::v1::TECHNIQUE_UNSPECIFIED;
  // Where the sample's number stands. By the standard it is the first component of O 3, and of O 4 where O 3 has none.
  struct Place {
    char record = 'O';
    int field = 3;
    int component = 1;  // 0: the whole field
  };
  Place sample;
  bool by_standard = true;  // the order says it as the standard has it; where it does not, a P record at `sample` does
};

class AstmMessage {
 public:
  explicit AstmMessage(const AstmReading& reading) : reading_(reading) {}

  // The text of one frame. What an ETB frame left over is continued; `last` (ETX) ends the last record. `cut`: the
  // frame has no end, so the last field of its last record may be a part of one and is left out.
  void TakeText(absl::string_view text, uint64_t at, bool last, bool cut);
  // One record without its end.
  void TakeRecord(absl::string_view record, uint64_t at, bool cut);

  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message);

  // Something was said; its last record is L; a record waits for its other part.
  bool begun() const { return records_ > 0 || !rest_.empty() || report_.problems_size() > 0; }
  bool has_records() const { return records_ > 0; }
  bool complete() const { return ended_ && rest_.empty(); }
  bool in_record() const { return !rest_.empty(); }
  // About how much heap the report holds.
  std::size_t heap() const { return heap_ + rest_.capacity(); }

  dims::v1::Report Finish() &&;

 private:
  using Fields = std::vector<absl::string_view>;

  void TakeHeader(absl::string_view record, uint64_t at);
  void TakePatient(absl::string_view record);
  void TakeOrder(const Fields& fields, uint64_t at);
  void TakeResult(const Fields& fields, uint64_t at);
  void TakeEnd(const Fields& fields, uint64_t at);
  void CheckRunningNumber(absl::string_view printed, uint64_t at);
  absl::string_view PartAt(const Fields& fields, const AstmReading::Place& place) const;
  std::string SampleNumber(const Fields& order, dims::v1::Analysis& analysis);
  dims::v1::Analysis& AddAnalysis();
  void TakeTest(absl::string_view test, dims::v1::Finding& finding);
  bool TakeAmount(absl::string_view value, absl::string_view unit, uint64_t at, dims::v1::Amount& amount);
  bool IsBlank(absl::string_view field) const;  // delimiters only
  std::vector<absl::string_view> Repeats(absl::string_view field) const;
  std::vector<absl::string_view> Components(absl::string_view field) const;
  std::string Unescape(absl::string_view text);

  const AstmReading reading_;
  dims::v1::Report report_;
  char field_ = '|', repeat_ = '\\', component_ = '^', escape_ = '&';
  bool doubled_ = false;  // backslashes
  int64_t records_ = 0;
  int64_t results_ = 0;               // running number of the last result
  int64_t order_results_ = 0;         // the same, of the order at hand
  int64_t orders_ = 0;                // running number of the last order of the patient at hand
  int controls_ = 0;                  // orders of quality control
  std::optional<uint64_t> mixed_at_;  // the first order that is one where the others are none, or the reverse
  bool counts_on_ = false;            // the sender's running numbers do not begin anew with a message
  bool header_ = false, ended_ = false, headless_ = false;
  bool order_ = false;        // the last Analysis still takes results
  bool measured_at_ = false;  // its time is a result's
  bool patient_has_id_ = false;
  bool escape_damaged_ = false;  // in the record at hand
  std::string patient_sample_, sent_at_;
  std::string rest_;  // the beginning of a record that an ETB frame cut
  uint64_t rest_at_ = 0;
  std::size_t heap_ = 0;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_ASTM_RECORDS_H_
