#include "drivers/jcamp/form.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace dims::jcamp {
namespace {

// "XYW" as X, Y, W.
std::vector<std::string> SymbolsOf(absl::string_view group, const std::vector<absl::string_view>& known) {
  std::vector<std::string> symbols;
  while (!group.empty()) {
    std::size_t length = 1;
    for (const absl::string_view symbol : known) {
      if (symbol.size() > length && absl::StartsWithIgnoreCase(group, symbol)) length = symbol.size();
    }
    symbols.push_back(absl::AsciiStrToUpper(group.substr(0, length)));
    group.remove_prefix(length);
  }
  return symbols;
}

// Where the list ends that `text` begins with; its parentheses may be left out, those around or the last one.
std::size_t EndOfList(absl::string_view text) {
  if (text[0] != '(') return std::min(text.find_first_of(absl::StrContains(text, "++(") ? ")" : " \t,"), text.size());
  int depth = 0;
  std::size_t last = text.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    if (depth == 0) return i;
    if (text[i] == ')') last = i;
  }
  return last;
}

// What stands behind the list, but for the name of its kind: "XYDATA", "PEAKS".
absl::string_view DataBehind(absl::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(") \t,"), text.size());
  text.remove_prefix(begin);
  return text.find_first_of("0123456789") == absl::string_view::npos ? "" : text;
}

}  // namespace

std::optional<Form> ParseForm(absl::string_view list, const std::vector<absl::string_view>& symbols) {
  if (list.empty() || (list[0] != '(' && !absl::StrContains(list, ".."))) return std::nullopt;
  const std::size_t end = EndOfList(list);
  std::string text;  // without blanks and the parentheses around
  for (const char c : list.substr(list[0] == '(' ? 1 : 0, list[0] == '(' ? end - 1 : end)) {
    if (!absl::ascii_isspace(c) && c != ')' && c != ',') text += c;
  }
  Form form;
  form.data = DataBehind(list.substr(end));
  const absl::string_view inside = text;
  const std::size_t dots = inside.find("..");
  const std::size_t plus = inside.find("++(");
  if (plus != absl::string_view::npos) {
    if (plus == 0 || dots == absl::string_view::npos || dots <= plus + 3) return std::nullopt;
    form.profile = true;
    form.x = absl::AsciiStrToUpper(inside.substr(0, plus));
    form.y = absl::AsciiStrToUpper(inside.substr(plus + 3, dots - plus - 3));
    return form;
  }
  std::vector<std::string> group = SymbolsOf(inside.substr(0, dots), symbols);
  const bool is_interferogram = group.size() == 2 && group[0] == "R" && group[1] == "A";
  const bool has_a = std::find(symbols.begin(), symbols.end(), "A") != symbols.end() || is_interferogram;
  form.columns.text = group.size() > 1 && group.back() == "A" && !has_a;
  if (form.columns.text) group.pop_back();
  for (const std::string& symbol : group) {
    if (!absl::ascii_isalpha(symbol[0])) return std::nullopt;
  }
  if (group.empty() || (group.size() == 1 && !form.columns.text)) return std::nullopt;
  if (symbols.empty() && dots == absl::string_view::npos && group[0] != "X") return std::nullopt;
  form.x = group[0];
  form.columns.count = group.size();
  form.columns.has_y = group.size() > 1 && (!symbols.empty() || group[1] == "Y" || is_interferogram);
  if (form.columns.has_y) {
    form.y = group[1];
  } else if (group.size() > 1 && group[1] != "M" && group[1] != "W") {
    return std::nullopt;
  }
  return form;
}

}  // namespace dims::jcamp
