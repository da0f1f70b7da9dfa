// From UTF-8 to the bytes of an instrument's code page.
//
// What: what a workstation does to its text when it prints: one of the code pages of Windows and DOS, or UTF-16.
// Promise: a character that the code page does not have is an error, never another character.
// Errors: InvalidArgument that names the character or the byte that is no text.
// Threads: free of state.
#ifndef DIMS_SIMULATOR_CODE_PAGE_H_
#define DIMS_SIMULATOR_CODE_PAGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dims {

enum class CodePage { kUtf8, kCp1252, kLatin1, kCp437, kCp850, kUtf16Le };

// "cp1252", "latin-1", "cp437", "cp850", "utf-8", "utf-16le".
absl::StatusOr<CodePage> ParseCodePage(absl::string_view name);

absl::StatusOr<std::string> ToCodePage(absl::string_view utf8, CodePage page);

// A file's text as UTF-8. The file is UTF-16 where it begins with a byte order mark that says so, else UTF-8.
absl::StatusOr<std::string> FileToUtf8(absl::string_view bytes);

}  // namespace dims

#endif  // DIMS_SIMULATOR_CODE_PAGE_H_
