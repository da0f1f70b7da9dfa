// What an instrument's workstation prints: a text as it lies in a file becomes the bytes on the line.
//
// What: report files and transcripts, and what printing adds to them: line ends, code page, pages with headers, footers
//   and form feeds, and a sample number of its own for each print-out.
// Promise: equal original, number and options, equal bytes. Every print-out knows which of its bytes are the report:
//   from the first byte of the first line that is not blank to the last byte (line end included) of the last one. Form
//   feeds and blank lines before and after are not part of it, those in the middle are.
// Errors: InvalidArgument that names file and line, and what to do.
// Threads: free of state.
// Source: layout of MSD reports and their pages: real files; "Page: n" and repeated headers: recall, not a specimen.
#ifndef DIMS_SIMULATOR_PRINTOUT_H_
#define DIMS_SIMULATOR_PRINTOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "simulator/code_page.h"

namespace dims {

// What a file holds for printing. A text is one original, a transcript one for each of its reports.
struct Original {
  std::string file;
  // UTF-8 with '\n' line ends; or, `as_is`, the very bytes (from a transcript), which only a new sample number changes.
  std::string text;
  bool as_is = false;
  // Bytes of a transcript that belong to no report (noise:, padding:, and what follows the last report).
  std::string before, after;
};

struct PrintOptions {
  // Not empty: the values of the lines "Sample :" and "Data File :" become PREFIX-0001 and PREFIX-0001.D.
  std::string rename_sample;
  std::string line_end = "\r\n";  // "\r\n", "\n" or "\r"
  CodePage code_page = CodePage::kCp1252;
  bool form_feed = false;  // one after each report
  // Lines of a page, header and footer included; 0: one endless page.
  int page_length = 0;
};

struct Printout {
  std::string file;
  std::string sample;  // value of the line "Sample :" as printed, UTF-8; empty if there is none
  std::string bytes;
  std::size_t begin = 0, end = 0;  // the report is bytes[begin, end)
};

// Reads a text, or (name ends in ".transcript") a transcript: its instrument: bytes; what the bridge should say, and
// when, is not looked at.
absl::StatusOr<std::vector<Original>> ReadOriginals(const std::string& path);

// `number`: what the new sample number ends in, at least four digits.
absl::StatusOr<Printout> Print(const Original& original, std::uint64_t number, const PrintOptions& options);

// Whether Print will succeed; an error names the line of the original.
absl::Status CheckPrintable(const Original& original, const PrintOptions& options);

}  // namespace dims

#endif  // DIMS_SIMULATOR_PRINTOUT_H_
