#include "drivers/ocean/frame.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace dims::ocean {
namespace {

using v1::PROBLEM_TYPE_CHECKSUM;
using v1::PROBLEM_TYPE_COUNT_MISMATCH;
using v1::PROBLEM_TYPE_INCONSISTENT;

constexpr int kHeaderWords = 7, kStartWord = 0xFFFF, kEndWord = 0xFFFD;
constexpr unsigned char kEscape = 0x80;  // a plain word follows, not a difference

// The modes of the P command that no model gives another meaning.
enum PixelMode { kAll = 0, kEveryNth = 1, kRange = 3, kSelected = 4, kRanges = 5 };
constexpr std::size_t kMostSelected = 81;  // single pixels, or ranges of them; later models: 10

}  // namespace

FrameReader::Step FrameReader::Take(unsigned char byte) {
  ++size_;
  word_ = word_ << 8 | byte;
  if (++have_ < want_) return Step::kMore;
  const uint32_t word = std::exchange(word_, 0);
  have_ = 0;
  switch (part_) {
    case Part::kHeader:
      return TakeHeaderWord(static_cast<int>(word));
    case Part::kParameters:
      return TakeParameter(static_cast<int>(word));
    case Part::kPixel:
      sum_ += word;
      high_sum_ += word >> 16;
      if (header_.wide && word > 0xFFFFu * static_cast<uint64_t>(*header_.scans)) {
        AddFault(PROBLEM_TYPE_INCONSISTENT,
                 absl::StrCat("pixel value ", counts_.size() + 1, " is ", word, ", more than ", *header_.scans,
                              " scans can add up to"),
                 true);
      }
      TakePixel(word);
      return Step::kMore;
    case Part::kDifference:
      TakeDifference(byte);
      return Step::kMore;
    case Part::kEnd:
      return TakeEnd(static_cast<int>(word));
    case Part::kChecksum:
      return TakeChecksum(word);
  }
  return Step::kMore;
}

void FrameReader::Expect(Part part, int bytes) {
  part_ = part;
  want_ = bytes;
}

FrameReader::Step FrameReader::TakeHeaderWord(int word) {
  switch (header_words_++) {
    case 0:
      start_ = word;
      if (word != kStartWord) {
        AddFault(PROBLEM_TYPE_INCONSISTENT, absl::StrFormat("the start word is 0x%04X, not 0xFFFF", word), true);
      }
      break;
    case 1:
      if (layout_.old_header) break;  // the channel
      if (word > 1) return Unreadable(absl::StrCat("the data size flag is ", word, ", neither 0 nor 1"));
      header_.wide = word == 1;
      break;
    case 2:
      if (!layout_.old_header) header_.scans = word;
      break;
    case 3:
      if (!layout_.old_header) header_.integration_time = word;
      break;
    case 4:
      if (layout_.old_header) header_.integration_time = word;
      break;
    case kHeaderWords - 1:
      header_.pixel_mode = word;
      parameters_due_ = word == kRange ? 3 : word == kAll ? 0 : 1;
      if (word != kAll && word != kEveryNth && word != kRange && word != kSelected && word != kRanges) {
        return Unreadable(absl::StrCat("pixel mode ", word, " is none that this driver knows"));
      }
      if (word == kAll) return BeginPixels();
      Expect(Part::kParameters, 2);
      break;
    default:
      break;
  }
  return Step::kMore;
}

FrameReader::Step FrameReader::TakeParameter(int word) {
  header_.parameters.push_back(word);
  const bool counted = header_.pixel_mode == kSelected || header_.pixel_mode == kRanges;
  if (counted && header_.parameters.size() == 1) {
    if (word < 1 || word > static_cast<int>(kMostSelected)) {
      return Unreadable(absl::StrCat("pixel mode ", header_.pixel_mode, " with ", word, " pixels or ranges"));
    }
    parameters_due_ += header_.pixel_mode == kSelected ? word : 2 * word;
  }
  return header_.parameters.size() == parameters_due_ ? BeginPixels() : Step::kMore;
}

FrameReader::Step FrameReader::BeginPixels() {
  const std::vector<int>& given = header_.parameters;
  switch (header_.pixel_mode) {
    case kAll:
      ranges_ = {{0, layout_.pixels - 1, 1}};
      break;
    case kEveryNth:
      ranges_ = {{0, layout_.pixels - 1, given[0]}};
      break;
    case kRange:
      ranges_ = {{given[0], given[1], given[2]}};
      break;
    case kSelected:
      for (std::size_t i = 1; i < given.size(); ++i) ranges_.push_back({given[i], given[i], 1});
      break;
    default:
      for (std::size_t i = 1; i < given.size(); i += 2) ranges_.push_back({given[i], given[i + 1], 1});
  }
  for (const Range& range : ranges_) {
    if (!range.within(layout_.pixels)) {
      return Unreadable(absl::StrCat("its header has pixels ", range.first, " to ", range.last, " every ", range.step,
                                     ", of a detector of ", layout_.pixels));
    }
    pixels_due_ += range.size();
  }
  if (pixels_due_ > static_cast<std::size_t>(layout_.pixels)) {
    return Unreadable(absl::StrCat("its header announces ", pixels_due_, " pixels, of a detector of ", layout_.pixels));
  }
  if (layout_.compressed && header_.wide) return Unreadable("DWORDs that are compressed have no documented layout");
  counts_.reserve(pixels_due_);
  if (layout_.compressed) {
    Expect(Part::kDifference, 1);
  } else {
    Expect(Part::kPixel, header_.wide ? 4 : 2);
  }
  return Step::kMore;
}

void FrameReader::TakeDifference(unsigned char byte) {
  if (byte == kEscape) {
    sum_ += byte;
    Expect(Part::kPixel, 2);
  } else if (counts_.empty()) {
    Expect(Part::kPixel, 2);
    word_ = byte;
    have_ = 1;
  } else {
    sum_ += byte;
    const int value = static_cast<int>(counts_.back()) + static_cast<signed char>(byte);
    if (value < 0 || value > 0xFFFF) {
      AddFault(PROBLEM_TYPE_INCONSISTENT, absl::StrCat("pixel value ", counts_.size() + 1, " would be ", value), false);
    }
    TakePixel(static_cast<uint16_t>(value));
  }
}

void FrameReader::TakePixel(uint32_t value) {
  counts_.push_back(value);
  if (counts_.size() == pixels_due_) {
    Expect(Part::kEnd, 2);
  } else if (layout_.compressed) {
    Expect(Part::kDifference, 1);
  }
}

FrameReader::Step FrameReader::TakeEnd(int word) {
  if (word != kEndWord) {
    AddFault(
        PROBLEM_TYPE_COUNT_MISMATCH,
        absl::StrFormat("after %d pixels stands 0x%04X, not the end word 0xFFFD: bytes were lost or damaged, or the "
                        "spectrometer sends another number of pixels",
                        pixels_due_, word),
        false);
  }
  if (!layout_.checksum) return Step::kWhole;
  Expect(Part::kChecksum, 2);
  return Step::kMore;
}

FrameReader::Step FrameReader::TakeChecksum(uint32_t word) {
  if (word != (sum_ & 0xFFFF) && word != ((sum_ + high_sum_) & 0xFFFF)) {
    AddFault(PROBLEM_TYPE_CHECKSUM,
             absl::StrFormat("the checksum is 0x%04X, the pixels have 0x%04X", word, sum_ & 0xFFFF), true);
  }
  return Step::kWhole;
}

FrameReader::Step FrameReader::Unreadable(std::string message) {
  AddFault(PROBLEM_TYPE_INCONSISTENT, std::move(message), false);
  return Step::kUnreadable;
}

// The first one is told: it explains the others. What came out of place stays so.
void FrameReader::AddFault(dims::v1::ProblemType type, std::string message, bool in_place) {
  if (!fault_) fault_ = Fault{type, size_ - want_, std::move(message), true};
  fault_->in_place &= in_place;
}

std::string FrameReader::Progress() const {
  if (part_ == Part::kHeader || part_ == Part::kParameters) return "in its header";
  if (part_ == Part::kEnd || part_ == Part::kChecksum) return "before its end";
  return absl::StrCat("after ", counts_.size(), " of ", pixels_due_, " pixels");
}

std::vector<int> FrameReader::PixelNumbers() const {
  std::vector<int> numbers;
  numbers.reserve(pixels_due_);
  for (const Range& range : ranges_) {
    for (int pixel = range.first; pixel <= range.last; pixel += range.step) numbers.push_back(pixel);
  }
  return numbers;
}

}  // namespace dims::ocean
