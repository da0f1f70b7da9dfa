// A made-up printer, for tests: lines, nothing is answered. "begin NAME" begins a report of that sample, "end" ends it;
// other lines belong to the report that is open, or are noise.
#ifndef DIMS_TESTS_PRINTER_DRIVER_H_
#define DIMS_TESTS_PRINTER_DRIVER_H_

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/driver.h"

namespace dims {

class Printer final : public Decoder {
 public:
  void OnFrame(const Frame& frame, Events& out) override {
    const std::string line(frame.bytes.substr(0, frame.bytes.size() - 1));
    if (absl::StartsWith(line, "begin ")) {
      OnClose(Ending::kInterrupted, frame.at, out);
      sample_ = line.substr(6);
      out.push_back(Begin{});
    } else if (line == "end" && !sample_.empty()) {
      Say(End(), out);
    }
  }
  void OnClose(Ending why, uint64_t at, Events& out) override {
    if (sample_.empty()) return;
    End end;
    end.where = End::kBefore;
    AddEndingProblem(end.report, why, at);
    Say(std::move(end), out);
  }

 private:
  void Say(End end, Events& out) {
    end.report.add_analyses()->set_sample_number(sample_);
    out.push_back(std::move(end));
    sample_.clear();
  }

  std::string sample_;
};

inline Scan ScanLines(absl::string_view waiting, std::size_t seen) {
  const std::size_t end = waiting.find('\n', seen);
  return end == absl::string_view::npos ? Scan{Scan::kMore, 0} : Scan{Scan::kFrame, end + 1};
}

inline const Driver kPrinter = {
    .name = "printer",
    .title = "A made-up printer",
    .version = "1",
    .line = {},
    .scan = ScanLines,
    .max_frame = 256,
    .max_report = 65536,
    .options = {},
    .make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Printer>(); }};

// What it prints of one sample.
inline std::string PrintOf(const std::string& sample, std::size_t bytes = 0) {
  std::string text = absl::StrCat("begin ", sample, "\n");
  while (text.size() < bytes) text += "a line of the report\n";
  return text + "end\n";
}

}  // namespace dims

#endif  // DIMS_TESTS_PRINTER_DRIVER_H_
