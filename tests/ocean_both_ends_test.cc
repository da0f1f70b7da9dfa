// Both ends of an Ocean Optics line on a clock that only moves when told: the simulated spectrometer and the driver.
// Characters are changed and lost in both directions; whatever happens, a spectrum that has no problem is one that was
// measured, and the next one comes.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/hash.h"
#include "simulator/spectrometer.h"
#include "tests/ocean_line.h"

namespace dims {
namespace {

// How bad: times out of a thousand, of what one side says at a time.
struct Weather {
  int changed = 0;  // one bit of it
  int lost = 0;     // one character of it
};

class BothEnds {
 public:
  BothEnds(const SpectrometerOptions& device, const OceanSettings& settings, const Weather& weather, unsigned seed)
      : device_(device), line_(settings), weather_(weather), random_(seed) {}

  void Run(absl::Duration time) {
    while (line_.now() < time) {
      const std::string from_device = device_.Say(line_.now()), from_bridge = line_.TakeSaid();
      for (SpectrometerEvent& event : device_.TakeEvents()) {
        if (event.kind == SpectrometerEvent::Kind::kSending) measured_[event.spectrum] = std::move(event.counts);
        if (event.kind == SpectrometerEvent::Kind::kSent) sent_.push_back(Sha256::Of(event.bytes));
      }
      if (!from_bridge.empty()) device_.Hear(Spoil(from_bridge), line_.now());
      if (!from_device.empty()) line_.Feed(Spoil(from_device));
      if (!from_bridge.empty() || !from_device.empty()) continue;
      const absl::Duration next = std::min({device_.due(), line_.next_timer(), time});
      line_.Advance(std::max(absl::Milliseconds(1), next - line_.now()));
    }
    device_.Conclude();
    for (const SpectrometerEvent& event : device_.TakeEvents()) sent_.push_back(Sha256::Of(event.bytes));
  }

  // How many spectra without a problem there are; each is one that was measured, later than the one before. Where
  // damage made the device refuse a checksum three times, and the driver said so, nobody sees what is changed from then
  // on.
  std::size_t Judge() {
    std::size_t good = 0;
    auto next = measured_.begin();
    for (const v1::Report& report : line_.reports()) {
      if (report.problems_size() > 0 && absl::StrContains(report.problems(0).message(), "refuses k")) return good;
      if (report.problems_size() > 0) continue;
      const auto& y = report.analyses(0).spectra(0).y();
      const auto found = std::find_if(next, measured_.end(), [&](const auto& spectrum) {
        return std::equal(y.begin(), y.end(), spectrum.second.begin(), spectrum.second.end());
      });
      EXPECT_NE(found, measured_.end()) << "spectrum " << good << " was never measured, or before";
      if (found == measured_.end()) return good;
      next = std::next(found);
      ++good;
    }
    return good;
  }

  const OceanLine& line() const { return line_; }
  std::size_t measured() const { return measured_.size(); }
  const std::vector<std::string>& sent() const { return sent_; }

 private:
  bool Happens(int per_mille) { return static_cast<int>(random_() % 1000) < per_mille; }
  std::string Spoil(std::string bytes) {
    if (Happens(weather_.changed)) bytes[random_() % bytes.size()] ^= static_cast<char>(1 << random_() % 8);
    if (Happens(weather_.lost)) bytes.erase(random_() % bytes.size(), 1);
    return bytes;
  }

  Spectrometer device_;
  OceanLine line_;
  const Weather weather_;
  std::mt19937 random_;
  std::map<std::uint64_t, std::vector<std::uint32_t>> measured_;
  std::vector<std::string> sent_;  // hashes
};

OceanSettings With(const OceanSettings& more) {
  OceanSettings settings = {{"interval", "10s"}, {"integration_time", "50"}};
  settings.insert(settings.end(), more.begin(), more.end());
  return settings;
}

const std::vector<OceanSettings>& AllSettings() {
  static const auto* all = new std::vector<OceanSettings>{
      With({}),
      With({{"compression", "true"}}),
      With({{"scans", "5"}}),
      With({{"model", "s2000"}}),
      With({{"model", "usb4000"}, {"pixel_step", "3"}, {"first_pixel", "100"}, {"last_pixel", "3000"}}),
      With({{"trigger", "4"}, {"compression", "true"}}),
      With({{"checksum", "false"}, {"pixel_step", "1"}, {"first_pixel", "10"}, {"last_pixel", "10"}}),
  };
  return *all;
}

SpectrometerOptions DeviceFor(const OceanSettings& settings) {
  SpectrometerOptions device;
  device.trigger_gap = absl::Seconds(17);
  device.coefficients = {"340.25", "0.375", "-1.5E-05", "2.25E-10"};
  for (const auto& [name, value] : settings) {
    if (name != "model") continue;
    device.old_header = value == "s2000";
    if (value == "s2000") device.coefficients.clear();
    device.pixels = value == "usb4000" ? 3840 : 2048;
  }
  return device;
}

TEST(OceanBothEnds, OnAGoodLineEverySpectrumIsReportedOnceAsItWasSent) {
  for (const OceanSettings& settings : AllSettings()) {
    for (const std::uint64_t spoil_every : {0, 4}) {
      SCOPED_TRACE(absl::StrCat(settings.back().first, "=", settings.back().second, ", spoiled ", spoil_every));
      SpectrometerOptions device = DeviceFor(settings);
      device.spoil_every = spoil_every;
      BothEnds ends(device, settings, {}, 1);
      ends.Run(absl::Minutes(20));
      EXPECT_GT(ends.measured(), 60u);
      EXPECT_EQ(ends.Judge(), ends.measured());
      EXPECT_EQ(ends.line().noise(), 0u);
      ASSERT_EQ(ends.line().reports().size(), ends.sent().size());
      for (std::size_t i = 0; i < ends.sent().size(); ++i) {
        EXPECT_EQ(ends.line().reports()[i].raw_sha256(), ends.sent()[i]) << "the ledger has other bytes";
      }
    }
  }
}

TEST(OceanBothEnds, ADamagedLineNeverMakesASpectrumThatWasNotMeasured) {
  for (const OceanSettings& settings : AllSettings()) {
    const bool checked =
        std::none_of(settings.begin(), settings.end(), [](const auto& s) { return s.first == "checksum"; });
    if (!checked) continue;  // a changed bit is then seen by nobody
    for (unsigned seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(absl::StrCat(settings.back().first, "=", settings.back().second, ", seed ", seed));
      BothEnds ends(DeviceFor(settings), settings, {.changed = 60, .lost = 60}, seed);
      ends.Run(absl::Hours(2));
      EXPECT_GT(ends.Judge(), 20u) << "of " << ends.measured();
    }
  }
}

TEST(OceanBothEnds, LostCharactersAreSeenWithoutAChecksum) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    const OceanSettings settings =
        With({{"checksum", "false"}, {"pixel_step", "1"}, {"first_pixel", "800"}, {"last_pixel", "900"}});
    BothEnds ends(DeviceFor(settings), settings, {.lost = 100}, seed);
    ends.Run(absl::Hours(2));
    EXPECT_GT(ends.Judge(), 200u) << "of " << ends.measured();
  }
}

}  // namespace
}  // namespace dims
