// One spectrum as an Ocean Optics spectrometer sends it on RS-232 in binary mode, read byte by byte.
//
// What: from the start word on: 0xFFFF, six words of header, the parameters of the pixel mode, the pixels, 0xFFFD and,
//   where it was asked for, a checksum. All words are 16 bits, the more significant byte first.
// Promise: the end is found by counting what the header announces, never by looking for 0xFFFD: both marks are also
//   the values of saturated pixels. Work is linear in the bytes; memory is bounded by kMostPixels.
// Notes: nothing in a frame says which of the two headers it has: that is the model's. A byte that was lost shifts all
//   that follows; the end word is then not where it should be.
//   Technical Note 1 says that the first compressed pixel is a plain word; its example has the escape 0x80 before it,
//   as before any other plain word. Both are read.
//   No manual says how DWORDs are summed: their low words alone, and all their words, are both right. A device that
//   sums the low ones leaves the others unprotected, but for what so many scans can add up to.
// Errors: as a fault of the frame.
// Threads: one at a time.
// Source: Flame-S Installation and Operation Manual (225-00000-000-11), ch. 8, "Spectral Acquisition", "Pixel Mode",
//   "Checksum Mode"; SAD500 Communications and Control, S, P and G commands, Technical Notes 1 and 3.
#ifndef DIMS_DRIVERS_OCEAN_FRAME_H_
#define DIMS_DRIVERS_OCEAN_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dims/v1/report.pb.h"

namespace dims::ocean {

inline constexpr int kMostPixels = 4096;

// What a frame does not say of itself.
struct Layout {
  bool old_header = false;  // S2000, SAD500, USB2000: channel and scan number, where later models have sizes
  int pixels = 2048;        // of the detector
  bool checksum = false;
  bool compressed = false;
};

struct Header {
  bool wide = false;         // pixels are DWORDs
  std::optional<int> scans;  // accumulated; later models only
  int integration_time = 0;  // milliseconds
  int pixel_mode = 0;
  std::vector<int> parameters;  // of the pixel mode
};

struct Fault {
  dims::v1::ProblemType type = dims::v1::PROBLEM_TYPE_UNSPECIFIED;
  std::size_t at = 0;  // bytes from the start word
  std::string message;
  bool in_place = false;  // every pixel is where it should be
};

class FrameReader {
 public:
  explicit FrameReader(const Layout& layout) : layout_(layout) {}

  // kUnreadable: the header announces nothing that can be counted; fault() says why.
  enum class Step { kMore, kWhole, kUnreadable };
  Step Take(unsigned char byte);

  std::size_t size() const { return size_; }  // bytes taken
  // The first two bytes, or the one there is, are those of a start word.
  bool starts_right() const { return size_ == 1 ? word_ == 0xFF : start_ == 0xFFFF; }
  const Header& header() const { return header_; }
  // Where it stands, to complete "the line fell silent ...": "in its header", "after 12 of 40 pixels".
  std::string Progress() const;

  // Its end word was there, and nothing after it.
  bool lacks_only_checksum() const { return part_ == Part::kChecksum && have_ == 0 && !fault_; }

  // Of a whole frame, or an unreadable one.
  const std::optional<Fault>& fault() const { return fault_; }
  // Of a whole frame. Pixel numbers count from 0.
  std::vector<int> PixelNumbers() const;
  const std::vector<uint32_t>& counts() const { return counts_; }

 private:
  enum class Part { kHeader, kParameters, kPixel, kDifference, kEnd, kChecksum };
  struct Range {  // first, first + step, ... up to last
    int first, last, step;
    bool within(int pixels) const { return first <= last && last < pixels && step > 0; }
    std::size_t size() const { return (last - first) / step + 1; }
  };

  void Expect(Part part, int bytes);
  Step TakeHeaderWord(int word);
  Step TakeParameter(int word);
  Step BeginPixels();
  void TakePixel(uint32_t value);
  void TakeDifference(unsigned char byte);
  Step TakeEnd(int word);
  Step TakeChecksum(uint32_t word);
  Step Unreadable(std::string message);
  // Of the word at hand.
  void AddFault(dims::v1::ProblemType type, std::string message, bool in_place);

  Layout layout_;
  Part part_ = Part::kHeader;
  int want_ = 2, have_ = 0;  // bytes of the value at hand
  uint32_t word_ = 0;        // what there is of it
  std::size_t size_ = 0;

  int header_words_ = 0, start_ = 0;
  Header header_;
  std::size_t parameters_due_ = 0;
  std::vector<Range> ranges_;
  std::size_t pixels_due_ = 0;
  std::vector<uint32_t> counts_;
  uint32_t sum_ = 0, high_sum_ = 0;  // of all that is summed; of the high words of DWORDs
  std::optional<Fault> fault_;
};

}  // namespace dims::ocean

#endif  // DIMS_DRIVERS_OCEAN_FRAME_H_
