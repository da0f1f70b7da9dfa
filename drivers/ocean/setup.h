// Setting up an Ocean Optics spectrometer: what it is told, and what it has agreed to.
//
// What: from the driver's options to the commands of binary mode (a letter, and its parameters as words), one after the
//   other, and what the answers to them mean.
// Promise: only what the device has acknowledged is taken to be so. What the options leave to the device is not sent.
// Notes: the line's speed (K) is never changed: it is the port's configuration. Wavelength coefficients are the
//   configuration variables 1 to 4 (0 is the serial number). How they stand in the answer to ?x no manual says: it is
//   taken to be ACK and up to 15 characters. No checksum covers those, and one wrong digit would shift every spectrum,
//   so each is asked for until two answers in a row are the same. A device that has none, or none that are numbers, has
//   no wavelengths.
// Threads: one at a time.
// Source: Flame-S Installation and Operation Manual (225-00000-000-11), ch. 8, serial port interface; SAD500
//   Communications and Control.
#ifndef DIMS_DRIVERS_OCEAN_SETUP_H_
#define DIMS_DRIVERS_OCEAN_SETUP_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "drivers/ocean/frame.h"
#include "drivers/options.h"

namespace dims::ocean {

struct Command {
  enum class Sets { kNothing, kChecksum, kCompression, kIntegrationTime, kScans, kPixels, kCoefficient };
  Sets sets = Sets::kNothing;
  std::string bytes;
  std::string about;       // "k 1 (checksum)"
  std::vector<int> words;  // its parameters
};

class Setup {
 public:
  explicit Setup(const Options& options);  // as in options.h

  // From the first command on. Until it agrees to another, the layout stays as it was agreed before.
  void Begin();
  bool done() const { return next_ == commands_.size(); }
  const Command& command() const { return commands_[next_]; }

  // The answer to the command. Of a coefficient, the text follows its acknowledgement.
  void Acknowledge();
  void TakeCoefficient(absl::string_view text);
  void Refuse();

  const Layout& layout() const { return layout_; }
  // How a header differs from what was agreed, for a person; empty where it does not.
  std::string Disagreement(const Header& header) const;
  // How long the scans of one spectrum take at most, as far as it is known.
  absl::Duration LongestScan() const;
  // The polynomial from a pixel's number to its wavelength in nanometres, from the constant coefficient on; empty where
  // the device has not stated all of it.
  std::vector<double> Wavelengths() const;

 private:
  void Add(Command::Sets sets, absl::string_view letter, std::vector<int> words, absl::string_view what);

  std::vector<Command> commands_;
  std::size_t next_ = 0;
  Layout layout_;
  std::optional<int> integration_time_, scans_;  // agreed
  std::vector<int> pixels_;                      // agreed: mode and parameters
  std::vector<double> coefficients_;
  std::optional<std::string> last_answer_;  // to the same question
  int answers_ = 0;
};

// A letter and words.
std::string Encode(absl::string_view letters, const std::vector<int>& words);

}  // namespace dims::ocean

#endif  // DIMS_DRIVERS_OCEAN_SETUP_H_
