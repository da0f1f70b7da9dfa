// A spectrometer that is not there: answers the commands of an Ocean Optics device in binary mode, and measures.
//
// What: Spectrometer is the device without a line and without a clock. Its owner does this for ever: while Say(now) has
//   bytes, put them on the line; Hear(bytes, now) of what comes; wait until due(). RunSpectrometer does so on a line,
//   with real time, and keeps a ledger.
// Promise: as a real one, it speaks only when asked (or triggered), answers each command with ACK or NAK once it has
//   all of its parameters, and sends its last spectrum again (O1) as long as no other command came between. One that is
//   told something else in the middle of a command's parameters takes it for them. Spectra differ, some have saturated
//   pixels, and which one is which can be told.
// Notes: binary mode only; of a spectrum's storage nothing (M, N, L, R, Z are refused), of the line's speed neither
//   (K).
// Units: `now` and due() are times since one fixed moment, by a clock that does not go back.
// Errors: RunSpectrometer: from the journal or the line; the line is then given up.
// Threads: one at a time.
// Source: Flame-S Installation and Operation Manual (225-00000-000-11), ch. 8; SAD500 Communications and Control.
#ifndef DIMS_SIMULATOR_SPECTROMETER_H_
#define DIMS_SIMULATOR_SPECTROMETER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "simulator/instrument.h"
#include "simulator/journal.h"
#include "simulator/line.h"

namespace dims {

struct SpectrometerOptions {
  bool old_header = false;  // as S2000 and SAD500
  int pixels = 2048;
  std::vector<std::string> coefficients;  // of the wavelengths, as it states them; none: it refuses ?x
  std::uint64_t spoil_every = 0;          // every so many-th sending has a damaged end word; 0: none
  absl::Duration trigger_gap;             // between triggers from outside; zero: they never come
};

struct SpectrometerEvent {
  enum class Kind {
    kSending,  // `bytes` from the start word on are about to be said; `sending` counts from 1
    kSent,     // another command came, so the spectrum is not sent again: `bytes` are all that was said of it
  };
  Kind kind = Kind::kSending;
  std::uint64_t spectrum = 0;  // from 1
  std::uint64_t sending = 0;
  bool spoiled = false;
  std::string bytes;
  std::vector<std::uint32_t> counts;  // kSending: as measured
};

class Spectrometer {
 public:
  explicit Spectrometer(const SpectrometerOptions& options) : options_(options) {}

  void Hear(absl::string_view bytes, absl::Duration now);
  std::string Say(absl::Duration now);
  // When Say will have something; absl::InfiniteDuration() where nothing is under way.
  absl::Duration due() const { return measured_at_; }
  std::vector<SpectrometerEvent> TakeEvents() { return std::exchange(events_, {}); }
  // No more commands come.
  void Conclude();

 private:
  // The command at hand, as far as it has come, and whether that is all of it.
  bool Whole() const;
  int Word(std::size_t index) const;  // of its parameters
  void Carry(absl::Duration now);
  bool Set(char letter, int value);
  bool SetPixels();
  void Answer(absl::string_view bytes);
  void Measure();
  std::vector<std::uint32_t> Counts(std::uint64_t spectrum) const;
  void Send();
  std::string Frame() const;

  const SpectrometerOptions options_;
  std::string command_;
  std::string to_say_;

  int scans_ = 1, integration_time_ = 100, trigger_ = 0;
  bool compression_ = false, checksum_ = false;
  std::vector<int> pixel_mode_ = {0};  // and its parameters

  absl::Duration measured_at_ = absl::InfiniteDuration();  // a spectrum will be, then
  std::uint64_t spectrum_ = 0;                             // measured so far
  std::vector<std::uint32_t> counts_;                      // of the last one
  std::uint64_t sending_ = 0;                              // of it; 0: it cannot be sent again
  std::uint64_t sendings_ = 0;                             // of all
  std::string said_;                                       // of it
  std::vector<SpectrometerEvent> events_;
};

// Of `options`, `count` spectra are measured, then it stops; `gap` is the time between triggers from outside.
absl::Status RunSpectrometer(const InstrumentOptions& options, const SpectrometerOptions& spectrometer, PtyLine& line,
                             Journal& journal);

}  // namespace dims

#endif  // DIMS_SIMULATOR_SPECTROMETER_H_
