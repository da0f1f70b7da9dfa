#include "drivers/ocean/setup.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dims::ocean {
namespace {

using Sets = Command::Sets;

constexpr std::size_t kCoefficients = 4;
constexpr int kMostAnswers = 4;  // to one question, until two in a row are the same
constexpr absl::Duration kLongestIntegration = absl::Milliseconds(65535);

Layout LayoutOf(const Options& options) {
  const std::string& model = options.Text("model");
  const int given = static_cast<int>(options.Integer("pixels"));
  return {.old_header = model == "s2000",
          .pixels = given > 0                                  ? given
                    : model == "usb4000" || model == "flame_t" ? 3840
                                                               : 2048};
}

// Anything but one finite number is none.
std::optional<double> ReadCoefficient(absl::string_view text) {
  double value = 0;
  const bool plain = text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos;
  if (!plain || !absl::SimpleAtod(text, &value) || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::string Encode(absl::string_view letters, const std::vector<int>& words) {
  std::string bytes(letters);
  for (const int word : words) {
    bytes += static_cast<char>(word >> 8);
    bytes += static_cast<char>(word & 0xFF);
  }
  return bytes;
}

Setup::Setup(const Options& options) : layout_(LayoutOf(options)) {
  const auto number = [&](absl::string_view name) { return static_cast<int>(options.Integer(name)); };
  const bool compression = options.Boolean("compression") && number("scans") <= 1;
  const int scans = compression ? 1 : number("scans");  // sums have no compressed form
  Add(Sets::kNothing, "bB", {}, "binary mode");
  if (number("integration_time") > 0)
    Add(Sets::kIntegrationTime, "I", {number("integration_time")}, "integration time");
  if (scans > 0) Add(Sets::kScans, "A", {scans}, "scans to add up");
  Add(Sets::kNothing, "B", {number("boxcar")}, "boxcar");
  Add(Sets::kCompression, "G", {compression ? 1 : 0}, "compression");
  Add(Sets::kChecksum, "k", {options.Boolean("checksum") ? 1 : 0}, "checksum");
  Add(Sets::kNothing, "T", {number("trigger")}, "trigger mode");
  if (options.Text("lamp") != "keep") Add(Sets::kNothing, "J", {options.Text("lamp") == "on" ? 1 : 0}, "lamp");
  if (number("first_pixel") > 0 || number("last_pixel") > 0 || number("pixel_step") > 0) {
    const int last = number("last_pixel") > 0 ? number("last_pixel") : layout_.pixels - 1;
    Add(Sets::kPixels, "P", {3, number("first_pixel"), last, std::max(1, number("pixel_step"))}, "pixel mode");
  }
  if (layout_.old_header) return;  // no command has its coefficients
  for (int i = 1; i <= static_cast<int>(kCoefficients); ++i) {
    Add(Sets::kCoefficient, "?x", {i}, "wavelength coefficient");
  }
}

void Setup::Add(Sets sets, absl::string_view letter, std::vector<int> words, absl::string_view what) {
  const std::string about = absl::StrCat(letter, words.empty() ? "" : " ", absl::StrJoin(words, " "), " (", what, ")");
  commands_.push_back({sets, Encode(letter, words), about, std::move(words)});
}

void Setup::Begin() {
  next_ = 0;
  integration_time_.reset();
  scans_.reset();
  pixels_.clear();
  coefficients_.clear();
  last_answer_.reset();
  answers_ = 0;
}

void Setup::Acknowledge() {
  const std::vector<int>& words = command().words;
  switch (command().sets) {
    case Sets::kCoefficient:
      return;
    case Sets::kChecksum:
      layout_.checksum = words[0] != 0;
      break;
    case Sets::kCompression:
      layout_.compressed = words[0] != 0;
      break;
    case Sets::kIntegrationTime:
      integration_time_ = words[0];
      break;
    case Sets::kScans:
      scans_ = words[0];
      break;
    case Sets::kPixels:
      pixels_ = words;
      break;
    case Sets::kNothing:
      break;
  }
  ++next_;
}

void Setup::TakeCoefficient(absl::string_view text) {
  const bool twice = last_answer_ == text;
  last_answer_ = std::string(text);
  if (!twice && ++answers_ < kMostAnswers) return;
  const std::optional<double> value = twice ? ReadCoefficient(text) : std::nullopt;
  if (value) coefficients_.push_back(*value);
  last_answer_.reset();
  answers_ = 0;
  ++next_;
}

void Setup::Refuse() {
  if (command().sets == Sets::kChecksum) layout_.checksum = false;
  if (command().sets == Sets::kCompression) layout_.compressed = false;
  next_ = command().sets == Sets::kCoefficient ? commands_.size() : next_ + 1;  // who has not the first has none
}

std::string Setup::Disagreement(const Header& header) const {
  const auto differ = [](absl::string_view what, auto stated, auto ordered) {
    return absl::StrCat("its header has ", what, " ", stated, ", ordered was ", ordered);
  };
  if (integration_time_ && *integration_time_ != header.integration_time) {
    return differ("integration time", header.integration_time, *integration_time_);
  }
  if (scans_ && header.scans && *scans_ != *header.scans) return differ("scans", *header.scans, *scans_);
  std::vector<int> pixels = {header.pixel_mode};
  pixels.insert(pixels.end(), header.parameters.begin(), header.parameters.end());
  if (!pixels_.empty() && pixels != pixels_) {
    return differ("pixel mode", absl::StrJoin(pixels, " "), absl::StrJoin(pixels_, " "));
  }
  return "";
}

absl::Duration Setup::LongestScan() const {
  return scans_.value_or(1) * (integration_time_ ? absl::Milliseconds(*integration_time_) : kLongestIntegration);
}

std::vector<double> Setup::Wavelengths() const {
  return coefficients_.size() == kCoefficients ? coefficients_ : std::vector<double>();
}

}  // namespace dims::ocean
