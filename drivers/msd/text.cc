#include "drivers/msd/text.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "drivers/decimal.h"

namespace dims::msd {
namespace {

// "Thu", "Jun", "06", "18:09:06", "2024"
bool IsPrintedTime(absl::Span<const absl::string_view> words) {
  constexpr std::array<absl::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  const std::vector<absl::string_view> clock = absl::StrSplit(words[3], ':');
  return std::find(kDays.begin(), kDays.end(), words[0]) != kDays.end() && words[1].size() == 3 && IsDigits(words[2]) &&
         clock.size() == 3 && std::all_of(clock.begin(), clock.end(), IsDigits) && words[4].size() == 4 &&
         IsDigits(words[4]);
}

}  // namespace

absl::string_view CutField(absl::string_view& value, absl::string_view key) {
  for (std::size_t at = value.find(key); at != absl::string_view::npos; at = value.find(key, at + 1)) {
    absl::string_view rest = absl::StripLeadingAsciiWhitespace(value.substr(at + key.size()));
    if ((at > 0 && value[at - 1] != ' ') || !absl::ConsumePrefix(&rest, ":")) continue;
    value = absl::StripAsciiWhitespace(value.substr(0, at));
    return absl::StripAsciiWhitespace(rest);
  }
  return {};
}

bool IsRuler(absl::string_view line) {
  return absl::StrContains(line, "---") && line.find_first_not_of("- ") == absl::string_view::npos;
}

std::optional<Trailer> ParseTrailer(absl::string_view line) {
  if (!absl::StrContains(line, ':')) return std::nullopt;  // no time, as in most lines
  const WordList all = Words(line);
  absl::Span<const absl::string_view> words = all;
  Trailer trailer;
  if (words.size() > 2 && (words[words.size() - 2] == "Page:" || words[words.size() - 2] == "Page") &&
      IsDigits(words.back())) {
    trailer.page = true;
    words.remove_suffix(2);
  }
  // Some versions name the report's form between date and page.
  if (absl::string_view form = words.empty() ? "" : words.back(); absl::ConsumePrefix(&form, "RPT") && IsDigits(form)) {
    words.remove_suffix(1);
  }
  if (words.size() < 6) return std::nullopt;
  const auto time = words.last(5);
  if (!IsPrintedTime(time) || !absl::EndsWithIgnoreCase(words[words.size() - 6], ".M")) return std::nullopt;
  trailer.printed_time = absl::StrCat(time[0], " ", time[1], " ", time[2], " ", time[3], " ", time[4]);
  return trailer;
}

absl::int128 Units(absl::string_view number) {
  const std::optional<Decimal> value = Decimal::Parse(number);
  return value ? value->units : absl::int128(-1);
}

}  // namespace dims::msd
