// AMDIS (NIST): the components of a GC-MS run (".ELU", drivers/amdis/components.h) and what it identifies them as
// (report ".TXT", drivers/amdis/identified.h). A file is a report; neither has an end marker.
#include <memory>

#include "absl/strings/ascii.h"
#include "drivers/amdis/components.h"
#include "drivers/amdis/identified.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"
#include "drivers/silence.h"

namespace dims {
namespace {

class Amdis final : public SilenceDecoder {
 public:
  using SilenceDecoder::SilenceDecoder;

 protected:
  std::unique_ptr<TextReport> Recognize(const TextLine& line) override {
    if (amdis::IsComponent(absl::StripAsciiWhitespace(line.text))) return std::make_unique<amdis::Components>();
    if (amdis::IsHeader(line.text)) return std::make_unique<amdis::Identified>();
    return nullptr;
  }
};

constexpr OptionSpec kOptions[] = {kEncodingOption, kIdleTimeoutOption, kEndTimeoutOption};

std::unique_ptr<Decoder> Make(const Options& options) { return std::make_unique<Amdis>(options); }

}  // namespace

extern const Driver amdis_driver;
const Driver amdis_driver = {
    .name = "amdis",
    .title = "AMDIS: components of a GC-MS run (.ELU) and its report (.TXT)",
    .version = "3",
    .line = {},
    .scan = ScanLine,
    .max_frame = 8192,
    .max_report = 4 * 1024 * 1024,
    .options = kOptions,
    .make = Make,
    .silence_ends_frame = true,
};

}  // namespace dims
