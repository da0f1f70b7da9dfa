// What can be configured of an Ocean Optics spectrometer.
//
// What: the rows of the driver's option table.
// Notes: zero stands for what the device has by itself, wherever zero is no setting.
// Threads: immutable.
// Source: Flame-S Installation and Operation Manual (225-00000-000-11), ch. 8, serial port interface.
#ifndef DIMS_DRIVERS_OCEAN_OPTIONS_H_
#define DIMS_DRIVERS_OCEAN_OPTIONS_H_

#include "drivers/ocean/frame.h"
#include "drivers/options.h"

namespace dims::ocean {

inline constexpr OptionSpec kOptions[] = {
    {.name = "model",
     .type = OptionSpec::Type::kChoice,
     .choices = "s2000|usb2000plus|usb4000|flame_s|flame_t",
     .default_value = "usb2000plus",
     .help = "whose frame it is, which nothing in a frame tells; s2000: also SAD500 and USB2000"},
    {.name = "pixels",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = kMostPixels,
     .default_value = "0",
     .help = "how many the device sends where it sends all; 0: 2048, usb4000 and flame_t 3840"},
    {.name = "kind",
     .type = OptionSpec::Type::kChoice,
     .choices = "unspecified|raman|uv-vis|fluorescence",
     .default_value = "unspecified",
     .help = "what the spectra are, which the device does not know"},
    {.name = "interval",
     .type = OptionSpec::Type::kDuration,
     .minimum = 0,
     .maximum = 7 * 24 * 3600 * 1000,
     .default_value = "0s",
     .help =
         "from one acquisition to the next; 0s: only when ordered, or one after the other where trigger is external"},
    {.name = "trigger",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = 4,
     .default_value = "0",
     .help = "trigger mode, as the device's T command counts them; from 2 on the trigger is external"},
    {.name = "integration_time",
     .type = OptionSpec::Type::kInteger,
     .unit = "milliseconds",
     .minimum = 0,
     .maximum = 65535,
     .default_value = "0",
     .help = "0: as the device has it"},
    {.name = "scans",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = 5000,
     .default_value = "0",
     .help = "so many are added up; 0: as the device has it"},
    {.name = "boxcar",
     .type = OptionSpec::Type::kInteger,
     .unit = "pixels",
     .minimum = 0,
     .maximum = 15,
     .default_value = "0",
     .help = "so many on each side are averaged with each pixel"},
    {.name = "first_pixel",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = kMostPixels - 1,
     .default_value = "0",
     .help = "of those that are sent; with last_pixel and pixel_step 0, too: those that the device was set to"},
    {.name = "last_pixel",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = kMostPixels - 1,
     .default_value = "0",
     .help = "of those that are sent; 0: the detector's last"},
    {.name = "pixel_step",
     .type = OptionSpec::Type::kInteger,
     .minimum = 0,
     .maximum = kMostPixels - 1,
     .default_value = "0",
     .help = "every so many-th from first_pixel to last_pixel is sent; 0: every one"},
    {.name = "compression",
     .type = OptionSpec::Type::kBoolean,
     .default_value = "false",
     .help = "differences instead of values, of one scan; not where scans are added up"},
    {.name = "checksum",
     .type = OptionSpec::Type::kBoolean,
     .default_value = "true",
     .help = "without it, a changed bit in a pixel cannot be seen"},
    {.name = "lamp",
     .type = OptionSpec::Type::kChoice,
     .choices = "keep|on|off",
     .default_value = "keep",
     .help = "the lamp enable line"},
    {.name = "idle_timeout",
     .type = OptionSpec::Type::kDuration,
     .minimum = 500,
     .maximum = 60000,
     .default_value = "2s",
     .help = "how long an answer may take, and a spectrum may be silent before it has been cut"},
};

}  // namespace dims::ocean

#endif  // DIMS_DRIVERS_OCEAN_OPTIONS_H_
