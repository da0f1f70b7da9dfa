#include "firmware-bridge/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <tuple>

// Header only, whatever the build says: the library of the distribution is built with exceptions.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
// A file can break what the library takes for granted ("[/x]"), and the library knows how to refuse it. Its assertions
// would end the process first, or, with clang, optimise the refusal away.
#include <toml++/impl/preprocessor.h>
#undef TOML_ASSERT_ASSUME
#define TOML_ASSERT_ASSUME(expr) static_assert(true)
#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "firmware-bridge/config_fields.h"
#include "proto/hash.h"

namespace dims {
namespace {

using Names = std::vector<absl::string_view>;
constexpr std::size_t kLargestFile = 1 << 20;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }
std::string_view StdView(absl::string_view text) { return {text.data(), text.size()}; }

int LineOfNode(const toml::node& node) { return static_cast<int>(node.source().begin.line); }
int LineOfKey(const toml::key& key) { return static_cast<int>(key.source().begin.line); }

// The value as it would be given on a command line; nothing where the file has another type.
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

Names FieldNames(const ConfigTable& table) {
  Names names;
  for (const Field& field : table.fields) names.push_back(field.spec.name);
  return names;
}

bool Contains(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Reader {
 public:
  Reader(const std::string& path, const DriverFacts& drivers) : label_(path), drivers_(drivers) {
    std::error_code ignored;
    config_.path = std::filesystem::absolute(path, ignored).lexically_normal().string();
  }

  absl::StatusOr<Config> Read(absl::string_view text) {
    config_.sha256 = Sha256::Of(text);
    const toml::parse_result parsed = toml::parse(StdView(text), StdView(label_));
    if (parsed) {
      ReadTables(parsed.table());
    } else {
      Fail(static_cast<int>(parsed.error().source().begin.line), "",
           absl::StrCat("this is not TOML: ", View(parsed.error().description())));
    }
    if (errors_.empty()) return std::move(config_);
    std::stable_sort(errors_.begin(), errors_.end(), [](const Error& a, const Error& b) { return a.line < b.line; });
    return absl::InvalidArgumentError(
        absl::StrJoin(errors_, "\n", [](std::string* out, const Error& e) { out->append(e.text); }));
  }

 private:
  struct Error {
    int line;
    std::string text;
  };
  static constexpr int kNoLine = std::numeric_limits<int>::max();  // what is missing altogether is told last

  void Fail(int line, absl::string_view place, absl::string_view message) {
    std::string text = absl::StrCat(label_, line == kNoLine ? "" : absl::StrCat(":", line), ": ", place,
                                    place.empty() ? "" : ": ", message);
    // What was given is quoted; it must not break the one line.
    for (char& c : text) c = absl::ascii_iscntrl(c) ? '?' : c;
    errors_.push_back({line, std::move(text)});
  }

  void ReadTables(const toml::table& root) {
    for (const ConfigTable& table : ConfigTables()) {
      const toml::node* node = root.get(StdView(table.name));
      switch (table.kind) {
        case ConfigTable::Kind::kTop: {
          Names also;
          for (const ConfigTable& other : ConfigTables()) {
            if (other.kind != ConfigTable::Kind::kTop) also.push_back(other.name);
          }
          ReadTable(root, kNoLine, table, "", also, {});
          break;
        }
        case ConfigTable::Kind::kOne:
          if (node == nullptr) {
            ReadTable(toml::table(), kNoLine, table, Heading(table), {}, {});
          } else if (node->is_table()) {
            ReadTable(*node->as_table(), LineOfNode(*node), table, Heading(table), {}, {});
          } else {
            Fail(LineOfNode(*node), "",
                 absl::StrCat("\"", table.name, "\" must be one table, headed ", Heading(table), ", not ",
                              Describe(*node)));
          }
          break;
        case ConfigTable::Kind::kMany:
          if (node != nullptr) ReadInstruments(*node, table);
          break;
      }
    }
  }

  void ReadInstruments(const toml::node& node, const ConfigTable& table) {
    const toml::array* list = node.as_array();
    const auto fail = [&](const toml::node& wrong) {
      Fail(LineOfNode(wrong), "",
           absl::StrCat("\"", table.name, "\" must be a table headed ", Heading(table), " for each instrument, not ",
                        Describe(wrong)));
    };
    if (list == nullptr) return fail(node);
    for (const toml::node& element : *list) {
      if (!element.is_table()) {
        fail(element);
        continue;
      }
      ReadInstrument(*element.as_table(), table);
    }
  }

  void ReadInstrument(const toml::table& given, const ConfigTable& table) {
    InstrumentConfig& instrument = config_.instruments.emplace_back();
    const auto* name = given.get_as<std::string>("name");
    const std::string place = absl::StrCat(
        Heading(table), " ",
        name != nullptr ? absl::StrCat("\"", name->get(), "\"") : absl::StrCat("number ", config_.instruments.size()));
    const auto* driver = given.get_as<std::string>("driver");
    const bool known = driver != nullptr && Contains(drivers_.names, driver->get());
    const absl::Span<const OptionSpec> options =
        known ? drivers_.options(driver->get()) : absl::Span<const OptionSpec>();
    ReadTable(given, LineOfNode(given), table, place, {kOptionsTable}, options);

    if (driver != nullptr && !known && !driver->get().empty()) {
      Fail(LineOfNode(*driver), place,
           absl::StrCat("unknown driver \"", driver->get(), "\"", NameHint(driver->get(), drivers_.names)));
    }
    const toml::node* given_options = given.get(StdView(kOptionsTable));
    if (given_options != nullptr && !given_options->is_table()) {
      Fail(LineOfNode(*given_options), place,
           absl::StrCat("\"options\" must be a table, headed [", table.name, ".options], not ",
                        Describe(*given_options)));
    } else if (given_options != nullptr && known) {
      ReadOptions(*given_options->as_table(), options, absl::StrCat(place, ": options of ", instrument.driver),
                  instrument);
    }
    if (const toml::node* node = given.get("name"); node != nullptr && !instrument.name.empty()) {
      CheckNameIsNew(instrument.name, LineOfNode(*node), place);
    }
    if (const toml::node* node = given.get("port"); node != nullptr && !instrument.port.empty()) {
      CheckPortIsNew(instrument, LineOfNode(*node), place);
    }
  }

  // Every row of a table, then every key that is no row. `options` are those of the instrument's driver, for hints.
  void ReadTable(const toml::table& given, int line, const ConfigTable& table, const std::string& place,
                 const Names& also, absl::Span<const OptionSpec> options) {
    Names names = FieldNames(table);
    names.insert(names.end(), also.begin(), also.end());
    std::vector<std::string> mistyped;  // a key that is there, but not spelt right, is not missing as well
    for (const auto& [key, node] : given) {
      if (Contains(names, View(key.str()))) continue;
      FailUnknown(LineOfKey(key), place, View(key.str()), names, options);
      mistyped.push_back(NearestName(View(key.str()), names));
    }
    for (const Field& field : table.fields) {
      if (const toml::node* node = given.get(StdView(field.spec.name))) {
        ReadField(*node, field, place);
      } else if (field.presence == Field::Presence::kDefault) {
        field.set(config_, CheckField(field, field.spec.default_value).value());
      } else if (field.presence == Field::Presence::kRequired &&
                 std::find(mistyped.begin(), mistyped.end(), field.spec.name) == mistyped.end()) {
        Fail(line, place, absl::StrCat("missing key \"", field.spec.name, "\": ", field.spec.help));
      }
    }
  }

  void ReadField(const toml::node& node, const Field& field, const std::string& place) {
    const std::optional<std::string> text = TextOf(node, field.spec.type);
    if (!text.has_value()) {
      return Fail(LineOfNode(node), place,
                  absl::StrCat("\"", field.spec.name, "\" must be ", Requirement(field), ", not ", Describe(node)));
    }
    const absl::StatusOr<std::string> value = CheckField(field, *text);
    if (!value.ok()) return Fail(LineOfNode(node), place, value.status().message());
    field.set(config_, field.is_path ? Absolute(*value) : *value);
  }

  void ReadOptions(const toml::table& given, absl::Span<const OptionSpec> specs, const std::string& place,
                   InstrumentConfig& instrument) {
    Names names;
    for (const OptionSpec& spec : specs) names.push_back(spec.name);
    std::vector<std::tuple<int, std::string, std::string>> in_file_order;
    for (const auto& [key, node] : given) {
      const absl::string_view name = View(key.str());
      const auto spec = std::find_if(specs.begin(), specs.end(), [&](const OptionSpec& s) { return s.name == name; });
      if (spec == specs.end()) {
        Fail(LineOfKey(key), place, absl::StrCat("unknown key \"", name, "\"", NameHint(name, names)));
        continue;
      }
      const std::optional<std::string> text = TextOf(node, spec->type);
      if (!text.has_value()) {
        Fail(LineOfNode(node), place,
             absl::StrCat("\"", name, "\" must be ", Requirement(*spec), ", not ", Describe(node)));
        continue;
      }
      const absl::StatusOr<std::string> value = CheckOption(*spec, *text);
      if (value.ok()) {
        in_file_order.emplace_back(LineOfKey(key), name, *value);
      } else {
        Fail(LineOfNode(node), place, value.status().message());
      }
    }
    std::sort(in_file_order.begin(), in_file_order.end());
    for (auto& [line, name, value] : in_file_order) instrument.options.emplace_back(std::move(name), std::move(value));
  }

  void FailUnknown(int line, const std::string& place, absl::string_view key, const Names& names,
                   absl::Span<const OptionSpec> options) {
    std::string hint = NameHint(key, names);
    for (const ConfigTable& table : ConfigTables()) {
      if (!Contains(FieldNames(table), key)) continue;
      hint = table.kind == ConfigTable::Kind::kTop ? "; it belongs at the top of the file, before the first table"
                                                   : absl::StrCat("; it belongs in ", Heading(table));
    }
    for (const OptionSpec& option : options) {
      if (option.name == key) hint = "; it belongs in [instrument.options]";
    }
    Fail(line, place, absl::StrCat("unknown key \"", key, "\"", hint));
  }

  void CheckNameIsNew(const std::string& name, int line, const std::string& place) {
    const auto [first, is_new] = names_.emplace(name, line);
    if (is_new) return;
    Fail(line, place, absl::StrCat("the name is already that of the instrument in line ", first->second));
  }

  void CheckPortIsNew(const InstrumentConfig& instrument, int line, const std::string& place) {
    // udev gives one device several names.
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(instrument.port, error);
    const std::string device = error ? instrument.port : real.string();
    const auto [first, is_new] = ports_.emplace(device, PortUse{instrument.name, instrument.port, line});
    if (is_new) return;
    const PortUse& use = first->second;
    const std::string same =
        use.port == instrument.port ? "already" : absl::StrCat("the same line as \"", use.port, "\",");
    Fail(line, place,
         absl::StrCat("port \"", instrument.port, "\" is ", same, " that of \"", use.instrument, "\" (line ", use.line,
                      ")"));
  }

  std::string Absolute(const std::string& path) const {
    return (std::filesystem::path(config_.path).parent_path() / path).lexically_normal().string();
  }

  struct PortUse {
    std::string instrument, port;
    int line;
  };
  const std::string label_;
  const DriverFacts& drivers_;
  Config config_;
  std::vector<Error> errors_;
  std::map<std::string, int> names_;
  std::map<std::string, PortUse> ports_;
};

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const auto fail = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": the configuration cannot be read: ", why));
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return fail(std::strerror(errno));
  std::string text(kLargestFile + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail(std::strerror(errno));
  if (text.size() > kLargestFile) return fail("it is larger than 1 MiB");
  return text;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(absl::string_view text, const std::string& path, const DriverFacts& drivers) {
  return Reader(path, drivers).Read(text);
}

absl::StatusOr<Config> ReadConfig(const std::string& path, const DriverFacts& drivers) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) return text.status();
  return ParseConfig(*text, path, drivers);
}

Line LineOf(const InstrumentConfig& instrument, const Line& driver_default) {
  Line line = driver_default;
  line.baud = instrument.baud.value_or(line.baud);
  line.data_bits = instrument.data_bits.value_or(line.data_bits);
  line.parity = instrument.parity.value_or(line.parity);
  line.stop_bits = instrument.stop_bits.value_or(line.stop_bits);
  for (const absl::string_view flow : {"none", "xonxoff", "rtscts"}) {
    if (instrument.flow == flow) line.flow = flow;  // the literal outlives the configuration
  }
  return line;
}

}  // namespace dims
