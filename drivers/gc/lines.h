// What the lines of a GC or LC ChemStation's reports look like, one by one.
//
// What: the lines that frame a report (its first and last, rules, rulers, page headers and footers), traces, and the
//   values of the header that are more than a text.
// Promise: nothing is guessed: a detector's name says how a sample was measured, or nothing does. Folders are left out.
// Errors: nullopt, or an empty text, for what has not the form.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_GC_LINES_H_
#define DIMS_DRIVERS_GC_LINES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::gc {

// "Data File C:\Chem32\1\Data\X.D", the first line of a report and of each of its pages. Older versions have the
// sample's name on the same line.
struct DataFile {
  absl::string_view path, sample;
  bool stray = false;  // something stands before it: what a plugged-in adapter or a cut line left
};
std::optional<DataFile> ParseDataFile(absl::string_view line);

// "*** End of Report ***"
bool IsEnd(absl::string_view line);
// "====..."
bool IsRule(absl::string_view line);
// "----|-------|----|": each bar closes the column to its left.
bool IsRuler(absl::string_view line);

// "GC 2 1/15/2026 2:02:44 PM Somebody      Page  1 of 2": the line under the sample's name, a page's footer, or
// both; countries have dates with names of months ("lundi 24 juillet 2023 21:49:13"). The time as printed, without what
// stands around it, a weekday's name too; empty where the line has only a page.
struct Stamp {
  absl::string_view time;
  bool page = false;
};
std::optional<Stamp> ParseStamp(absl::string_view line);

// "Signal 1: DAD1 A, Sig=254,4 Ref=360,100"
struct Signal {
  int number = 0;
  absl::string_view text;
};
std::optional<Signal> ParseSignal(absl::string_view line);
// "Signel 2", "Signal #": what stands before a colon may be such a line's, damaged.
bool ResemblesSignal(absl::string_view key);
// What a data system says of a trace, without the comma at its end and the file it is in.
absl::string_view SignalName(absl::string_view text);
dims::v1::Technique TechniqueOf(absl::string_view signal);

// "Vial 7" is position 7; what is no number of a vial stays as it is ("P1-A3", "6  (F)").
absl::string_view VialOf(absl::string_view location);

// "C:\...\SCREEN.M (Sequence Method)": the file's own name.
absl::string_view MethodOf(absl::string_view value);

// What amounts were multiplied by: the one of the two factors that is not 1; empty where both are not.
std::string FactorOf(absl::string_view multiplier, absl::string_view dilution);

}  // namespace dims::gc

#endif  // DIMS_DRIVERS_GC_LINES_H_
