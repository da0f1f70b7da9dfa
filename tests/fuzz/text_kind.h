// Which small reader a fuzzed text is for: its first byte.
#ifndef DIMS_TESTS_FUZZ_TEXT_KIND_H_
#define DIMS_TESTS_FUZZ_TEXT_KIND_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dims {

enum class TextKind : uint8_t { kConfig, kTranscript, kDecimal, kDuration, kEncoded, kFormat, kCount };

inline std::string TextSeed(TextKind kind, absl::string_view text) {
  return absl::StrCat(std::string(1, static_cast<char>(kind)), text);
}

}  // namespace dims

#endif  // DIMS_TESTS_FUZZ_TEXT_KIND_H_
