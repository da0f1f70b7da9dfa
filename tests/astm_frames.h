// Frames and messages of an ASTM sender, as the tests say them.
#ifndef DIMS_TESTS_ASTM_FRAMES_H_
#define DIMS_TESTS_ASTM_FRAMES_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "drivers/astm_link.h"

namespace dims {

inline std::string AstmChecksum(const std::string& body) {
  unsigned sum = 0;
  for (const char c : body) sum += static_cast<unsigned char>(c);
  constexpr char kHex[] = "0123456789ABCDEF";
  return {kHex[sum / 16 % 16], kHex[sum % 16]};
}

inline std::string FrameOf(int number, const std::string& text, char end = kEtx, const std::string& line_end = "\r\n") {
  const std::string body = absl::StrCat(number % 8, text, std::string(1, end));
  return absl::StrCat(std::string(1, kStx), body, AstmChecksum(body), line_end);
}

inline constexpr char kAstmHeader[] = "H|\\^&|||READER|||||||P|LIS2-A2|20260114101500\r";
inline constexpr char kAstmOrder[] = "O|1|S1||^^^FEN|R\r";
inline constexpr char kAstmEnd[] = "L|1|N\r";

inline std::string AstmResult(int number, const std::string& value = "7.41") {
  return absl::StrCat("R|", number, "|^^^FEN|", value, "|ng/mL|0-1|N||F||op|||R1\r");
}

// A message of one sample with so many results.
inline std::vector<std::string> AstmRecords(int results = 2) {
  std::vector<std::string> records = {kAstmHeader, kAstmOrder};
  for (int i = 1; i <= results; ++i) records.push_back(AstmResult(i));
  records.push_back(kAstmEnd);
  return records;
}

}  // namespace dims

#endif  // DIMS_TESTS_ASTM_FRAMES_H_
