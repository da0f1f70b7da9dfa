// What an analyser has to say: messages of ASTM E1394 / LIS02-A, from files.
//
// What: reads *.astm files, UTF-8 texts with one record a line; a message goes from a line that begins with H to one
//   that begins with L, and a file may have several. Blank lines, and lines that begin with '#', are passed over.
//   Compose makes of one the text that an analyser sends: its own message control id (H 3) and time (H 14), if asked
//   its own sample numbers (O 3), each record ended by CR, in the analyser's code page.
// Promise: equal original, number, time and options, equal text. Nothing else than the fields named is changed.
// Errors: InvalidArgument that names file and line.
// Threads: free of state.
// Source: ASTM E1394-97, 6 to 14; forbidden characters: E1381-95, 6.3.4.
#ifndef DIMS_SIMULATOR_ASTM_MESSAGE_H_
#define DIMS_SIMULATOR_ASTM_MESSAGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "simulator/code_page.h"

namespace dims {

struct AstmOriginal {
  std::string file;
  int line = 0;                      // of its H
  std::vector<std::string> records;  // without CR; UTF-8
};

struct AstmOptions {
  // Not empty: the first order's sample number becomes PREFIX-0001, the others' PREFIX-0001-2, PREFIX-0001-3 ...
  std::string rename_sample;
  CodePage code_page = CodePage::kCp1252;
  absl::TimeZone time_zone = absl::LocalTimeZone();  // analysers print local time and do not say which
};

struct AstmText {
  std::string file;
  std::string sample;  // of the first order, UTF-8; empty where there is none
  std::string text;    // every record with its CR, in the code page
};

absl::StatusOr<std::vector<AstmOriginal>> ReadAstmOriginals(const std::string& path);

// `number`: the message control id, and what new sample numbers end in, with at least four digits.
absl::StatusOr<AstmText> Compose(const AstmOriginal& original, std::uint64_t number, absl::Time time,
                                 const AstmOptions& options);

}  // namespace dims

#endif  // DIMS_SIMULATOR_ASTM_MESSAGE_H_
