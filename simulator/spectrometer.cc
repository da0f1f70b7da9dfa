#include "simulator/spectrometer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/line_end.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

constexpr char kStx = 0x02, kAck = 0x06, kNak = 0x15;
constexpr int kExternal = 2;  // trigger modes from here on
constexpr std::uint32_t kSaturated = 0xFFFF;

void AppendWord(std::uint32_t word, std::string& bytes) {
  bytes += static_cast<char>(word >> 8 & 0xFF);
  bytes += static_cast<char>(word & 0xFF);
}

}  // namespace

// --- commands

void Spectrometer::Hear(absl::string_view bytes, absl::Duration now) {
  for (const char byte : bytes) {
    command_ += byte;
    if (!Whole()) continue;
    Carry(now);
    command_.clear();
  }
}

int Spectrometer::Word(std::size_t index) const {
  const std::size_t at = (command_[0] == '?' ? 2 : 1) + 2 * index;
  return static_cast<unsigned char>(command_[at]) << 8 | static_cast<unsigned char>(command_[at + 1]);
}

bool Spectrometer::Whole() const {
  const std::size_t size = command_.size();
  switch (command_[0]) {
    case 'a':
    case 'b':
      return size == 2;
    case '?':
      return size >= 2 && (command_[1] != 'x' || size == 4);
    case 'P': {
      if (size < 3) return false;
      const int mode = Word(0);
      std::size_t words = mode == 1 ? 2 : mode == 3 ? 4 : 1;
      if (mode == 4 || mode == 5) {
        if (size < 5) return false;
        words = 2 + static_cast<std::size_t>(Word(1)) * (mode - 3);
      }
      return size == 1 + 2 * words;
    }
    default:
      return absl::string_view("ABGIJKLMNORTZk").find(command_[0]) == absl::string_view::npos || size == 3;
  }
}

void Spectrometer::Carry(absl::Duration now) {
  const bool again = command_[0] == 'O' && Word(0) == 1;
  if (!again) Conclude();
  bool good = false;
  switch (command_[0]) {
    case 'b':
      good = command_ == "bB";
      break;
    case 'v':
      return Answer(std::string{kAck, 0x03, static_cast<char>(0xE8)});
    case '?':
      if (command_[1] != 'x' || Word(0) < 1 || Word(0) > static_cast<int>(options_.coefficients.size())) break;
      return Answer(absl::StrCat(std::string(1, kAck), options_.coefficients[Word(0) - 1], "\r"));
    case 'P':
      good = SetPixels();
      break;
    case 'O':
      good = !again || sending_ > 0;
      Answer(std::string(1, good ? kAck : kNak));
      if (again && good) Send();
      return;
    case 'S': {
      const absl::Duration scan = absl::Milliseconds(integration_time_) * scans_;
      measured_at_ = now + scan;
      if (trigger_ < kExternal) return;
      const absl::Duration gap = options_.trigger_gap;
      measured_at_ = gap > absl::ZeroDuration() ? absl::Ceil(now, gap) + scan : absl::InfiniteDuration();
      return;
    }
    default:
      good = command_.size() == 3 && Set(command_[0], Word(0));
  }
  Answer(std::string(1, good ? kAck : kNak));
}

bool Spectrometer::Set(char letter, int value) {
  switch (letter) {
    case 'A':
      if (value >= 1 && value <= 5000) scans_ = value;
      return scans_ == value;
    case 'B':
      return value <= 15;  // its spectra are smooth
    case 'G':
      compression_ = value != 0;
      return true;
    case 'I':
      if (value >= 1) integration_time_ = value;
      return value >= 1;
    case 'J':
      return true;
    case 'T':
      if (value <= 4) trigger_ = value;
      return value <= 4;
    case 'k':
      checksum_ = value != 0;
      return true;
    default:
      return false;
  }
}

bool Spectrometer::SetPixels() {
  std::vector<int> words;
  for (std::size_t i = 0; i < (command_.size() - 1) / 2; ++i) words.push_back(Word(i));
  const auto is_pixel = [&](int pixel) { return pixel < options_.pixels; };
  bool good = words[0] == 0;
  if (words[0] == 1) good = words[1] > 0;
  if (words[0] == 3) good = words[1] <= words[2] && is_pixel(words[2]) && words[3] > 0;
  if (words[0] == 4 || words[0] == 5) {
    good = words[1] > 0 && words[1] <= 10 && std::all_of(words.begin() + 2, words.end(), is_pixel);
  }
  if (good) pixel_mode_ = words;
  return good;
}

void Spectrometer::Answer(absl::string_view bytes) {
  absl::StrAppend(&to_say_, bytes);
  if (sending_ > 0) absl::StrAppend(&said_, bytes);
}

void Spectrometer::Conclude() {
  if (sending_ == 0) return;
  events_.push_back({SpectrometerEvent::Kind::kSent, spectrum_, sending_, false, std::exchange(said_, ""), {}});
  sending_ = 0;
}

// --- spectra

std::string Spectrometer::Say(absl::Duration now) {
  if (now >= measured_at_) {
    measured_at_ = absl::InfiniteDuration();
    Measure();
    Send();
  }
  return std::exchange(to_say_, "");
}

void Spectrometer::Measure() {
  Conclude();
  ++spectrum_;
  const std::vector<std::uint32_t> all = Counts(spectrum_);
  const std::vector<int>& mode = pixel_mode_;
  const auto take = [&](int first, int last, int step) {
    for (int pixel = first; pixel <= last; pixel += step) counts_.push_back(all[pixel]);
  };
  counts_.clear();
  switch (mode[0]) {
    case 1:
      take(0, options_.pixels - 1, mode[1]);
      break;
    case 3:
      take(mode[1], mode[2], mode[3]);
      break;
    case 4:
      for (std::size_t i = 2; i < mode.size(); ++i) take(mode[i], mode[i], 1);
      break;
    case 5:
      for (std::size_t i = 2; i < mode.size(); i += 2) take(mode[i], mode[i + 1], 1);
      break;
    default:
      take(0, options_.pixels - 1, 1);
  }
}

// Two lines on a dark current. The first line's height tells the spectra apart; now and then it saturates.
std::vector<std::uint32_t> Spectrometer::Counts(std::uint64_t spectrum) const {
  std::vector<std::uint32_t> counts;
  const auto line = [&](int pixel, double centre, double width) {
    const double distance = (pixel - centre * options_.pixels) / (width * options_.pixels);
    return std::exp(-distance * distance / 2);
  };
  const double height = 900.0 * (spectrum % 90);
  for (int pixel = 0; pixel < options_.pixels; ++pixel) {
    const double value = 1500 + (pixel * 7 + spectrum * 13) % 11 + height * line(pixel, 0.4, 0.02) +
                         12000 * line(pixel, 0.7, 0.01) + 40 * line(pixel, 0.5, 0.3);
    const std::uint32_t sum = std::min(kSaturated, static_cast<std::uint32_t>(value)) * scans_;
    counts.push_back(options_.old_header ? std::min(kSaturated, sum) : sum);
  }
  return counts;
}

void Spectrometer::Send() {
  ++sending_;
  ++sendings_;
  std::string frame = Frame();
  const bool spoiled = options_.spoil_every > 0 && sendings_ % options_.spoil_every == 0;
  if (spoiled) frame[frame.size() - (checksum_ ? 3 : 1)] ^= 0x40;
  to_say_ += kStx;
  if (sending_ > 1) said_ += kStx;  // the first one comes before the spectrum, this one in the middle of it
  absl::StrAppend(&to_say_, frame);
  absl::StrAppend(&said_, frame);
  events_.push_back({SpectrometerEvent::Kind::kSending, spectrum_, sending_, spoiled, std::move(frame), counts_});
}

std::string Spectrometer::Frame() const {
  const bool wide = scans_ > 1 && !options_.old_header;
  std::string frame;
  const auto scan = static_cast<std::uint32_t>(spectrum_ & 0xFFFF);
  const auto time = static_cast<std::uint32_t>(integration_time_);
  const std::vector<std::uint32_t> header =
      options_.old_header
          ? std::vector<std::uint32_t>{0xFFFF, 0, scan, 0, time, scan}
          : std::vector<std::uint32_t>{0xFFFF, wide ? 1u : 0u, static_cast<std::uint32_t>(scans_), time, 0, 1480};
  for (const std::uint32_t word : header) AppendWord(word, frame);
  for (const int word : pixel_mode_) AppendWord(static_cast<std::uint32_t>(word), frame);
  std::uint32_t sum = 0, last = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::uint32_t count = counts_[i];
    const auto difference = static_cast<int>(count) - static_cast<int>(last);
    last = count;
    if (!compression_ || wide) {
      if (wide) AppendWord(count >> 16, frame);
      AppendWord(count & 0xFFFF, frame);
      sum += (count >> 16) + (count & 0xFFFF);
    } else if (i > 0 && std::abs(difference) < 128) {
      frame += static_cast<char>(difference);
      sum += difference & 0xFF;
    } else {
      frame += static_cast<char>(0x80);
      AppendWord(count & 0xFFFF, frame);
      sum += 0x80 + (count & 0xFFFF);
    }
  }
  AppendWord(0xFFFD, frame);
  if (checksum_) AppendWord(sum & 0xFFFF, frame);
  return frame;
}

// --- on a line

namespace {

class Run final : LineEnd {
 public:
  Run(const InstrumentOptions& options, const SpectrometerOptions& spectrometer, PtyLine& line, Journal& journal)
      : LineEnd(options.name, options.baud, options.paced, line, journal), options_(options), device_(spectrometer) {}

  absl::Status All() {
    Begin(options_.wait_for_reader);
    while (Going() && (options_.count == 0 || concluded_ < options_.count)) {
      const std::string bytes = device_.Say(Now());
      NoteEvents();
      if (bytes.empty()) {
        Attend(device_.due() == absl::InfiniteDuration() ? kNever : began_ + ToClock(device_.due()));
        continue;
      }
      Say(bytes);
      end_ = absl::Now();
    }
    if (Going()) WaitUntilTaken(kNever);
    if (options_.linger) WaitUntil(kNever);
    const std::uint64_t left_unread = TakeBack();
    discarded_ += left_unread;
    device_.Conclude();
    NoteEvents();
    Note(Event("stopped").Number("left_unread", left_unread));
    spdlog::info("{}: stopped after {} spectra", name(), concluded_);
    return status();
  }

 private:
  void OnClosed(std::uint64_t left_unread) override { discarded_ += left_unread; }
  void OnHeard(absl::string_view bytes) override {
    device_.Hear(bytes, Now());
    NoteEvents();
  }
  void OnSaid(std::size_t size, bool heard) override { discarded_ += heard ? 0 : size; }

  absl::Duration Now() const { return absl::FromChrono(Clock::now() - began_); }

  void NoteEvents() {
    for (const SpectrometerEvent& event : device_.TakeEvents()) {
      const std::uint64_t sequence = options_.first + event.spectrum - 1;
      if (event.kind == SpectrometerEvent::Kind::kSending) {
        Note(Event("spectrum")
                 .Number("sequence", sequence)
                 .Number("attempt", event.sending)
                 .Number("spoiled", event.spoiled ? 1 : 0)
                 .Number("size", event.bytes.size()));
        if (event.sending > 1) continue;
        begin_ = absl::Now();
        discarded_ = 0;
        continue;
      }
      ++concluded_;
      Note(Event("sent")
               .Number("sequence", sequence)
               .Text("sample", "")
               .Text("sha256", absl::BytesToHexString(Sha256::Of(event.bytes)))
               .Number("size", event.bytes.size())
               .Number("attempts", event.sending)
               .Number("discarded", std::min<std::uint64_t>(discarded_, event.bytes.size()))
               .Time("begin", begin_)
               .Time("end", end_));
    }
  }

  const InstrumentOptions& options_;
  Spectrometer device_;
  const Clock::time_point began_ = Clock::now();
  std::uint64_t concluded_ = 0, discarded_ = 0;
  absl::Time begin_, end_;
};

}  // namespace

absl::Status RunSpectrometer(const InstrumentOptions& options, const SpectrometerOptions& spectrometer, PtyLine& line,
                             Journal& journal) {
  return Run(options, spectrometer, line, journal).All();
}

}  // namespace dims
