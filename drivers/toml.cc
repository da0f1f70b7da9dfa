#include "drivers/toml.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dims {

std::optional<std::string> TextOf(const toml::node& node, OptionSpec::Type type) {
  switch (type) {
    case OptionSpec::Type::kInteger:
      if (const auto* value = node.as_integer()) return absl::StrCat(value->get());
      return std::nullopt;
    case OptionSpec::Type::kBoolean:
      if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
      return std::nullopt;
    case OptionSpec::Type::kText:
    case OptionSpec::Type::kDuration:
    case OptionSpec::Type::kChoice:
      if (const auto* value = node.as_string()) return value->get();
      return std::nullopt;
  }
  return std::nullopt;
}

std::string Describe(const toml::node& node) {
  if (const auto* text = node.as_string()) return absl::StrCat("the text \"", text->get(), "\"");
  if (const auto* number = node.as_integer()) return absl::StrCat("the number ", number->get());
  if (const auto* number = node.as_floating_point()) return absl::StrCat("the number ", number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  if (node.is_table()) return "a table";
  if (node.is_array()) return "a list";
  return "a date or time";
}

void TomlErrors::Fail(int line, absl::string_view place, absl::string_view message) {
  std::string text = absl::StrCat(label_, line == kNoLine ? "" : absl::StrCat(":", line), ": ", place,
                                  place.empty() ? "" : ": ", message);
  // What was given is quoted; it must not break the one line.
  for (char& c : text) c = absl::ascii_iscntrl(c) ? '?' : c;
  errors_.push_back({line, std::move(text)});
}

absl::Status TomlErrors::status() const {
  if (errors_.empty()) return absl::OkStatus();
  std::vector<Error> errors = errors_;
  std::stable_sort(errors.begin(), errors.end(), [](const Error& a, const Error& b) { return a.line < b.line; });
  return absl::InvalidArgumentError(
      absl::StrJoin(errors, "\n", [](std::string* out, const Error& e) { out->append(e.text); }));
}

void CheckTomlKeys(const toml::table& table, absl::string_view place, const std::vector<absl::string_view>& names,
                   TomlErrors& errors) {
  for (const auto& [key, node] : table) {
    const absl::string_view name = View(key.str());
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    errors.Fail(LineOfKey(key), place, absl::StrCat("unknown key \"", name, "\"", NameHint(name, names)));
  }
}

}  // namespace dims
