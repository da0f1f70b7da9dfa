#include "drivers/jcamp/form.h"

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

}  // namespace

std::optional<Form> ParseForm(absl::string_view list, const std::vector<absl::string_view>& symbols) {
  if (list.empty() || list[0] != '(') return std::nullopt;
  std::string text;  // without blanks and the parentheses around
  int depth = 1;
  for (const char c : list.substr(1)) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (depth == 0) break;
    if (!absl::ascii_isspace(c) && c != ')' && c != ',') text += c;
  }
  Form form;
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
  form.columns.text = !group.empty() && group.back() == "A" && dots == absl::string_view::npos;
  if (form.columns.text) group.pop_back();
  for (const std::string& symbol : group) {
    if (!absl::ascii_isalpha(symbol[0])) return std::nullopt;
  }
  if (group.size() < 2 || (dots == absl::string_view::npos && !form.columns.text)) return std::nullopt;
  form.x = group[0];
  form.y = group[1];
  form.columns.count = group.size();
  return form;
}

}  // namespace dims::jcamp
