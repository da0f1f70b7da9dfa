#include "drivers/shimadzu/text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/cas.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/text.h"

namespace dims::shimadzu {
std::optional<std::vector<std::string>> SplitCells(absl::string_view line, char separator) {
  if (separator != '\t') return SplitFields(line, separator);
  std::vector<std::string> cells;
  for (const absl::string_view cell : absl::StrSplit(line, '\t')) {
    cells.emplace_back(absl::StripAsciiWhitespace(cell));
  }
  return cells;
}

std::string Normal(absl::string_view name) {
  std::string normal;
  for (const char c : name) {
    if (!absl::ascii_isspace(c)) normal += absl::ascii_tolower(c);
  }
  return normal;
}

bool IsDashes(absl::string_view text) { return text.size() > 1 && text.find_first_not_of('-') == text.npos; }

bool IsNotDetected(absl::string_view cell) {
  return absl::EqualsIgnoreCase(cell, "not identified") || absl::EqualsIgnoreCase(cell, "nd") ||
         absl::EqualsIgnoreCase(cell, "n.d.");
}

dims::v1::AmountQualifier TakeSign(absl::string_view& amount) {
  auto qualifier = dims::v1::AMOUNT_QUALIFIER_EQUAL;
  if (absl::ConsumePrefix(&amount, "<")) qualifier = dims::v1::AMOUNT_QUALIFIER_LESS_THAN;
  if (absl::ConsumePrefix(&amount, ">")) qualifier = dims::v1::AMOUNT_QUALIFIER_GREATER_THAN;
  amount = absl::StripAsciiWhitespace(amount);
  return qualifier;
}

std::optional<absl::int128> Micro(absl::string_view number) {
  std::optional<Decimal> value = Decimal::Parse(number);
  if (!value || value->scale > 6) return std::nullopt;
  for (; value->scale < 6; ++value->scale) value->units *= 10;
  return value->units;
}

std::string LibraryCas(absl::string_view printed, uint64_t at, dims::v1::Report& report) {
  const std::string number = absl::StrReplaceAll(printed, {{" ", ""}});
  if (number.find_first_not_of("0-") == std::string::npos) return "";
  const std::optional<Cas> cas = ParseCas(number);
  if (!cas) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at, "a CAS number has not the form of one; it is left out");
    return "";
  }
  if (cas->kind == Cas::kWrongCheckDigit) {
    AddProblem(report, dims::v1::PROBLEM_TYPE_INCONSISTENT, at,
               absl::StrCat("the check digit of CAS ", cas->number, " is wrong"));
  }
  return cas->number;
}

absl::string_view FirstName(absl::string_view names) {
  return absl::StripAsciiWhitespace(names.substr(0, names.find("$$")));
}

}  // namespace dims::shimadzu
