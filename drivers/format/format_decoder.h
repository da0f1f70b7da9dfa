// Reads a print-out as a format says.
//
// What: a Decoder of lines. A report runs from a line that a start pattern draws to one that an end pattern draws; a
//   format without end patterns has reports that end where the next begins or with silence.
// Promise: a line that nothing in the format draws is an UNEXPECTED_LINE and is not interpreted; before a report, it
//   is noise. No report is joined with another.
// Errors: as problems in the report.
// Threads: a decoder belongs to one thread; `layout` outlives it.
#ifndef DIMS_DRIVERS_FORMAT_FORMAT_DECODER_H_
#define DIMS_DRIVERS_FORMAT_FORMAT_DECODER_H_

#include <memory>

#include "drivers/driver.h"
#include "drivers/format/layout.h"
#include "drivers/options.h"

namespace dims::format {

// Rows of few characters need far more room than their bytes; longer reports than this are OVERSIZE.
inline constexpr int kMostLines = 2000;

// Options: "encoding", "idle_timeout".
std::unique_ptr<Decoder> MakeDecoder(const Layout& layout, const Options& options);

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_FORMAT_DECODER_H_
