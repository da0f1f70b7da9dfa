// Reports that say where they begin and not where they end: silence ends them, or the next one, or the end of a file.
//
// What: a TextReport is one of them while it is being read; a SilenceDecoder begins and ends them.
// Promise: a report is complete only where nothing that it says of itself is missing, and where a silence, the next
//   report or the end of a file shows that no more comes. A line that goes away shows no such thing.
// Units: positions as in Frame::at.
// Errors: as problems in the report.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SILENCE_H_
#define DIMS_DRIVERS_SILENCE_H_

#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/options.h"

namespace dims {

// The option rows that every driver of such reports has.
inline constexpr OptionSpec kIdleTimeoutOption = {.name = "idle_timeout",
                                                  .type = OptionSpec::Type::kDuration,
                                                  .minimum = 1000,
                                                  .maximum = 3600000,
                                                  .default_value = "300s",
                                                  .help = "a report that stops for so long is given up as interrupted"};
inline constexpr OptionSpec kEndTimeoutOption = {
    .name = "end_timeout",
    .type = OptionSpec::Type::kDuration,
    .minimum = 1000,
    .maximum = 3600000,
    .default_value = "30s",
    .help = "a report without an end marker that stops for so long has ended"};

class TextReport {
 public:
  enum class Verdict {
    kTaken,  // the line is part of it, if only as a problem
    kLast,   // so it is, and it ends the report
    kFull,   // so it is, and the report can hold no more
    kOther,  // it is no part of it: the report ended before
  };

  virtual ~TextReport() = default;
  // Lines that are blank come, too. `at` of the first one is the report's beginning.
  virtual Verdict Take(const TextLine& line) = 0;
  // Whether it could end here.
  virtual bool whole() const = 0;
  // Whether it is known to be a report; if it is not when it ends, its bytes are noise.
  virtual bool certain() const { return true; }
  // What is to be said at the end, complete or not.
  virtual void Finish(bool /*complete*/) {}

  dims::v1::Report& report() { return report_; }

 protected:
  void Problem(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
    AddProblem(report_, type, at, message);
  }

 private:
  dims::v1::Report report_;
};

class SilenceDecoder : public TextDecoder {
 public:
  // The options must have the three rows for encoding and silence.
  explicit SilenceDecoder(const Options& options)
      : TextDecoder(EncodingOf(options)),
        idle_(options.Duration("idle_timeout")),
        end_(options.Duration("end_timeout")) {}

  void OnTimer(int timer, uint64_t at, Events& out) final;
  void OnClose(Ending why, uint64_t at, Events& out) final;

 protected:
  void OnLine(const TextLine& line, Events& out) final;

  // A report that begins with this line, which is not blank, and which it will take; null where none does.
  virtual std::unique_ptr<TextReport> Recognize(const TextLine& line) = 0;
  // What seemed to be a report was none, or it was too long: what follows at once is its rest.
  virtual void OnGivenUp() {}
  // Nothing has come for `end_timeout`, and no report is open.
  virtual void OnSilence() {}

 private:
  void Take(const TextLine& line, Events& out);
  void Close(End::Where where, bool complete, Events& out);

  const absl::Duration idle_, end_;
  std::unique_ptr<TextReport> open_;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_SILENCE_H_
