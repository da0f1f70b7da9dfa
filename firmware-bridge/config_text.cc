// The example file and the manual: the tables of the configuration, written out.
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/config_fields.h"

namespace dims {
namespace {

constexpr std::size_t kWidth = 100;

// Fills lines of at most kWidth, each with the prefix.
std::string Wrap(absl::string_view prefix, absl::string_view text) {
  std::string out, line;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > kWidth) {
      absl::StrAppend(&out, prefix, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  absl::StrAppend(&out, prefix, line, "\n");
  return out;
}

std::string Sentence(absl::string_view text) {
  std::string sentence = absl::StrCat(text, ".");
  sentence.front() = absl::ascii_toupper(sentence.front());
  return sentence;
}

std::string AsWritten(const OptionSpec& spec, absl::string_view value) {
  const bool bare = spec.type == OptionSpec::Type::kInteger || spec.type == OptionSpec::Type::kBoolean;
  return bare ? std::string(value) : absl::StrCat("\"", value, "\"");
}

std::string ExampleValue(const Field& field) {
  const std::string value = AsWritten(field.spec, field.example.empty() ? field.spec.default_value : field.example);
  return field.is_list ? absl::StrCat("[", value, "]") : value;
}

absl::string_view PresenceWord(const Field& field) {
  switch (field.presence) {
    case Field::Presence::kRequired:
      return "required";
    case Field::Presence::kDefault:
      return "default";
    case Field::Presence::kOptional:
      return "optional";
  }
  return "";
}

std::string ManualEntry(absl::string_view name, absl::string_view presence, absl::string_view help,
                        absl::string_view requirement) {
  return absl::StrCat("  ", name, " (", presence, ")\n", Wrap("      ", Sentence(help)),
                      Wrap("      ", absl::StrCat("Must be ", requirement, ".")));
}

std::string Default(const OptionSpec& spec) { return absl::StrCat("default ", AsWritten(spec, spec.default_value)); }

}  // namespace

std::string ExampleConfig() {
  std::string out = Wrap("# ",
                         "Configuration of the DIMS bridge. What is required is set here; every other setting stands "
                         "as a comment, with its default or an example. \"dims-bridge check\" checks this file. "
                         "Relative paths begin at this file's folder.");
  for (const ConfigTable& table : ConfigTables()) {
    absl::StrAppend(&out, "\n");
    if (table.kind != ConfigTable::Kind::kTop) {
      absl::StrAppend(&out, Wrap("# ", Sentence(table.help)), Heading(table), "\n");
    }
    for (const Field& field : table.fields) {
      absl::StrAppend(&out, Wrap("# ", absl::StrCat(Sentence(field.spec.help), " ", Sentence(Requirement(field)))),
                      field.presence == Field::Presence::kRequired ? "" : "#", field.spec.name, " = ",
                      ExampleValue(field), "\n");
    }
    if (table.kind == ConfigTable::Kind::kMany) {
      absl::StrAppend(&out, Wrap("# ", "Options of this instrument's driver; \"dims-bridge drivers\" lists them."),
                      "#[", table.name, ".", kOptionsTable, "]\n");
    }
  }
  return out;
}

std::string ConfigManual(const DriverFacts& drivers) {
  std::string out = Wrap("",
                         "The configuration of the DIMS bridge is one TOML file. A key that is not listed here is an "
                         "error. Durations are a whole number with its unit: ms, s, m, h or d. Relative paths begin at "
                         "the file's folder.");
  for (const ConfigTable& table : ConfigTables()) {
    absl::StrAppend(&out, "\n", table.kind == ConfigTable::Kind::kTop ? "The top of the file" : Heading(table), ": ",
                    table.help, "\n");
    for (const Field& field : table.fields) {
      const std::string presence =
          field.presence == Field::Presence::kDefault ? Default(field.spec) : std::string(PresenceWord(field));
      absl::StrAppend(&out, ManualEntry(field.spec.name, presence, field.spec.help, Requirement(field)));
    }
  }
  for (const absl::string_view driver : drivers.names) {
    const absl::Span<const OptionSpec> options = drivers.options(driver);
    absl::StrAppend(&out, "\n[instrument.", kOptionsTable, "] with driver = \"", driver, "\"",
                    options.empty() ? ": there are none" : "", "\n");
    for (const OptionSpec& option : options) {
      absl::StrAppend(&out, ManualEntry(option.name, Default(option), option.help, Requirement(option)));
    }
  }
  return out;
}

}  // namespace dims
