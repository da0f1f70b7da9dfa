#include "firmware-bridge/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "drivers/toml.h"
#include "firmware-bridge/config_fields.h"
#include "firmware-bridge/port_name.h"
#include "proto/hash.h"

namespace dims {
namespace {

using Names = std::vector<absl::string_view>;
constexpr std::size_t kLargestFile = 1 << 20;

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
  Reader(const std::string& path, const DriverFacts& drivers) : label_(path), drivers_(drivers), errors_(path) {
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
    if (!errors_.empty()) return errors_.status();
    return std::move(config_);
  }

 private:
  static constexpr int kNoLine = TomlErrors::kNoLine;

  void Fail(int line, absl::string_view place, absl::string_view message) { errors_.Fail(line, place, message); }

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
          if (node != nullptr) ReadMany(*node, table);
          break;
      }
    }
  }

  void ReadMany(const toml::node& node, const ConfigTable& table) {
    const toml::array* list = node.as_array();
    const auto fail = [&](const toml::node& wrong) {
      Fail(LineOfNode(wrong), "",
           absl::StrCat("\"", table.name, "\" must be a table headed ", Heading(table), " for each ", table.name,
                        ", not ", Describe(wrong)));
    };
    if (list == nullptr) return fail(node);
    for (const toml::node& element : *list) {
      if (!element.is_table()) {
        fail(element);
        continue;
      }
      if (table.has_options) {
        ReadInstrument(*element.as_table(), table);
      } else {
        ReadWatch(*element.as_table(), table);
      }
    }
  }

  // "[[instrument]] "gcms-1"", or where it has no name, which one it is.
  static std::string PlaceOf(const toml::table& given, const ConfigTable& table, std::size_t number) {
    const auto* name = given.get_as<std::string>("name");
    return absl::StrCat(Heading(table), " ",
                        name != nullptr ? absl::StrCat("\"", name->get(), "\"") : absl::StrCat("number ", number));
  }

  void ReadWatch(const toml::table& given, const ConfigTable& table) {
    WatchConfig& watch = config_.watches.emplace_back();
    const std::string place = PlaceOf(given, table, config_.watches.size());
    ReadTable(given, LineOfNode(given), table, place, {}, {});
    if (!given.contains("substances") && !given.contains("cas")) {
      Fail(LineOfNode(given), place, "nothing to watch for: give \"substances\", \"cas\" or both");
    }
    const toml::node* name = given.get("name");
    if (name == nullptr || watch.name.empty()) return;
    const auto [first, is_new] = watch_names_.emplace(watch.name, LineOfNode(*name));
    if (is_new) return;
    Fail(LineOfNode(*name), place, absl::StrCat("the name is already that of the rule in line ", first->second));
  }

  void ReadInstrument(const toml::table& given, const ConfigTable& table) {
    InstrumentConfig& instrument = config_.instruments.emplace_back();
    const std::string place = PlaceOf(given, table, config_.instruments.size());
    const auto* driver = given.get_as<std::string>("driver");
    const bool known = driver != nullptr && Contains(drivers_.names, driver->get());
    const absl::Span<const OptionSpec> options =
        known ? drivers_.options(driver->get()) : absl::Span<const OptionSpec>();
    ReadTable(given, LineOfNode(given), table, place, {kOptionsTable}, options);

    if (const auto broken = driver == nullptr ? drivers_.broken.end() : drivers_.broken.find(driver->get());
        !known && broken != drivers_.broken.end()) {
      Fail(LineOfNode(*driver), place,
           absl::StrCat("driver \"", driver->get(), "\": ", absl::StrReplaceAll(broken->second, {{"\n", "; "}})));
    } else if (driver != nullptr && !known && !driver->get().empty()) {
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
      if (IsTcpName(instrument.port)) CheckNothingIsSet(given, place);
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
    if (!field.is_list) return ReadValue(node, field, place);
    const toml::array* list = node.as_array();
    if (list == nullptr || list->empty()) {
      return Fail(LineOfNode(node), place,
                  absl::StrCat("\"", field.spec.name, "\" must be ", Requirement(field), ", not ",
                               list == nullptr ? Describe(node) : "an empty list"));
    }
    for (const toml::node& element : *list) ReadValue(element, field, place);
  }

  void ReadValue(const toml::node& node, const Field& field, const std::string& place) {
    const std::optional<std::string> text = TextOf(node, field.spec.type);
    if (!text.has_value()) {
      return Fail(LineOfNode(node), place,
                  absl::StrCat(field.is_list ? "each of " : "", "\"", field.spec.name, "\" must be ",
                               field.is_list ? std::string(field.rule->must_be) : Requirement(field), ", not ",
                               Describe(node)));
    }
    const absl::StatusOr<std::string> value = CheckField(field, *text);
    if (!value.ok()) return Fail(LineOfNode(node), place, value.status().message());
    const bool path = field.is_path && !value->empty() && !IsTcpName(*value);
    field.set(config_, path ? Absolute(*value) : *value);
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
    const auto [first, is_new] =
        ports_.emplace(LineBehind(instrument.port), PortUse{instrument.name, instrument.port, line});
    if (is_new) return;
    const PortUse& use = first->second;
    const std::string same =
        use.port == instrument.port ? "already" : absl::StrCat("the same line as \"", use.port, "\",");
    Fail(line, place,
         absl::StrCat("port \"", instrument.port, "\" is ", same, " that of \"", use.instrument, "\" (line ", use.line,
                      ")"));
  }

  // A setting that nothing would follow.
  void CheckNothingIsSet(const toml::table& instrument, const std::string& place) {
    for (const absl::string_view key : kLineSettings) {
      if (const toml::node* node = instrument.get(StdView(key))) {
        Fail(LineOfNode(*node), place,
             absl::StrCat("\"", key,
                          "\" cannot be set from here for a terminal server: set it there, and leave it out"));
      }
    }
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
  TomlErrors errors_;
  std::map<std::string, int> names_, watch_names_;
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

std::string ReadFormatsFolder(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path);
  if (!text.ok()) return kFormatsFolder;
  const toml::parse_result parsed = toml::parse(StdView(*text));
  const toml::node* folder = parsed ? parsed.table().get("formats") : nullptr;
  if (folder == nullptr || !folder->is_string() || folder->as_string()->get().empty()) return kFormatsFolder;
  std::error_code ignored;
  const std::filesystem::path file = std::filesystem::absolute(path, ignored);
  return (file.parent_path() / folder->as_string()->get()).lexically_normal().string();
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
