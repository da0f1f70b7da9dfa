// Spectra as programs export them: SpectraSuite, OceanView, B&W Tek, Avantes, Witec, PerkinElmer, Andor, Renishaw,
// JASCO, Cary, LabSpec, ENLIGHTEN and other tables of numbers (drivers/spectrum/export.h).
//
// Most of them have no end marker, and some nothing that marks their beginning: a text that is none of the layouts, and
// has no table where one may stand, is noise up to the next silence, or to a line that is the first of a layout.
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/silence.h"
#include "drivers/spectrum/export.h"

namespace dims {
namespace {

spectrum::Settings SettingsOf(const Options& options) {
  spectrum::Settings settings;
  const std::string& kind = options.Text("kind");
  if (kind == "raman") settings.kind = dims::v1::SPECTRUM_KIND_RAMAN;
  if (kind == "uv-vis") settings.kind = dims::v1::SPECTRUM_KIND_UV_VIS;
  if (kind == "fluorescence") settings.kind = dims::v1::SPECTRUM_KIND_FLUORESCENCE;
  if (kind == "infrared") settings.kind = dims::v1::SPECTRUM_KIND_INFRARED;
  const std::string& decimal = options.Text("decimal");
  if (decimal == "point") settings.decimal = '.';
  if (decimal == "comma") settings.decimal = ',';
  return settings;
}

class SpectrumText final : public SilenceDecoder {
 public:
  explicit SpectrumText(const Options& options) : SilenceDecoder(options), settings_(SettingsOf(options)) {}

 protected:
  std::unique_ptr<TextReport> Recognize(const TextLine& line) override {
    const absl::string_view text = absl::StripAsciiWhitespace(line.text);
    if (foreign_ && !spectrum::BeginsFile(text) && !spectrum::IsJascoKey(text, "TITLE")) return nullptr;
    foreign_ = false;
    return std::make_unique<spectrum::Export>(settings_);
  }

  void OnGivenUp() override { foreign_ = true; }
  void OnSilence() override { foreign_ = false; }

 private:
  const spectrum::Settings settings_;
  bool foreign_ = false;  // what comes goes on with what was no spectrum
};

constexpr OptionSpec kOptions[] = {
    kEncodingOption,
    kIdleTimeoutOption,
    kEndTimeoutOption,
    {.name = "kind",
     .type = OptionSpec::Type::kChoice,
     .choices = "auto|raman|uv-vis|fluorescence|infrared",
     .default_value = "auto",
     .help = "what the instrument's spectra are; auto: only where the file says it"},
    {.name = "decimal",
     .type = OptionSpec::Type::kChoice,
     .choices = "auto|point|comma",
     .default_value = "auto",
     .help = "decimal mark of the tables; auto: as they show"},
};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<SpectrumText>(options); }

}  // namespace

extern const Driver spectrum_text_driver;
const Driver spectrum_text_driver = {
    .name = "spectrum_text",
    .title =
        "Spectra exported as text: SpectraSuite, OceanView, B&W Tek, Avantes, Witec, PerkinElmer, Andor, Renishaw, "
        "JASCO, "
        "Cary, LabSpec, ENLIGHTEN and other tables of numbers",
    .version = "4",
    .line = {},
    .scan = ScanLine,
    .max_frame = 32 * 1024,
    .max_report = 4 * 1024 * 1024,
    .options = kOptions,
    .make = Make,
    .silence_ends_frame = true,
};

}  // namespace dims
