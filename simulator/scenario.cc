#include "simulator/scenario.h"

#include <glob.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

// Header only, whatever the build says: the library of the distribution is built with exceptions.
#undef TOML_SHARED_LIB
#undef TOML_HEADER_ONLY
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "drivers/options.h"

namespace dims {
namespace {

constexpr char kInstrument[] = "instrument";

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// A path as `base` has it: relative ones begin there.
std::string Below(const std::string& base, const std::string& path) {
  return (std::filesystem::path(base) / path).lexically_normal().string();
}

std::vector<std::string> Matching(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> paths;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
  return paths;
}

class Reader {
 public:
  Reader(const std::string& path, const std::string& folder)
      : path_(path), base_(std::filesystem::path(path).parent_path()), folder_(folder) {}

  absl::StatusOr<std::vector<InstrumentCommand>> Read(const std::string& text) {
    const toml::parse_result parsed = toml::parse(text, path_);
    if (parsed) {
      ReadTop(parsed.table());
    } else {
      Fail(static_cast<int>(parsed.error().source().begin.line), "",
           absl::StrCat("this is not TOML: ", std::string(parsed.error().description())));
    }
    if (errors_.empty()) return std::move(commands_);
    std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    return absl::InvalidArgumentError(
        absl::StrJoin(errors_, "\n", [](std::string* out, const auto& error) { out->append(error.second); }));
  }

 private:
  void Fail(int line, absl::string_view place, absl::string_view message) {
    std::string text = absl::StrCat(path_, ":", line, ": ", place, place.empty() ? "" : ": ", message);
    // What was given is quoted; it must not break the one line.
    for (char& c : text) c = absl::ascii_iscntrl(c) ? '?' : c;
    errors_.emplace_back(line, std::move(text));
  }

  void ReadTop(const toml::table& top) {
    for (const auto& [key, node] : top) {
      const std::string name(key.str());
      if (name == kInstrument) continue;
      Fail(static_cast<int>(key.source().begin.line), "",
           absl::StrCat("unknown key \"", name, "\"", NameHint(name, {kInstrument})));
    }
    const toml::node* instruments = top.get(kInstrument);
    if (instruments == nullptr) return Fail(1, "", "there is no [[instrument]] in it");
    const toml::array* list = instruments->as_array();
    if (list == nullptr || !list->is_homogeneous(toml::node_type::table)) {
      return Fail(LineOf(*instruments), "", "each instrument must be a table headed [[instrument]]");
    }
    for (const toml::node& table : *list) ReadInstrument(*table.as_table());
  }

  void ReadInstrument(const toml::table& given) {
    InstrumentCommand command;
    CLI::App app;
    Describe(app, command);
    std::vector<absl::string_view> names;
    for (const CLI::Option* option : app.get_options()) {
      if (const std::string name = KeyOf(*option); name != "help") names.push_back(keys_.insert(name).first->c_str());
    }
    const auto* name = given.get_as<std::string>("name");
    const std::string place = absl::StrCat(
        "[[instrument]] ", name == nullptr ? absl::StrCat("number ", ++count_) : absl::StrCat("\"", name->get(), "\""));
    const std::size_t errors_before = errors_.size();
    std::vector<std::string> arguments, files;
    for (const auto& [key, node] : given) {
      const std::string key_name(key.str());
      if (std::find(names.begin(), names.end(), key_name) == names.end()) {
        Fail(static_cast<int>(key.source().begin.line), place,
             absl::StrCat("unknown key \"", key_name, "\"", NameHint(key_name, names)));
      } else if (key_name == kFilesOption) {
        ReadFiles(node, place, files);
      } else {
        ReadOption(key_name, node, place, arguments);
      }
    }
    if (name == nullptr) Fail(LineOf(given), place, "missing key \"name\"");
    const auto* protocol = given.get_as<std::string>("protocol");
    if (given.get(kFilesOption) == nullptr && (protocol == nullptr || NeedsFiles(protocol->get()))) {
      Fail(LineOf(given), place, "missing key \"files\"");
    }
    if (errors_.size() > errors_before) return;
    if (!files.empty()) arguments.push_back("--");
    arguments.insert(arguments.end(), files.begin(), files.end());
    if (const std::string wrong = Parse(app, arguments); !wrong.empty()) return Fail(LineOf(given), place, wrong);
    command.link = Below(folder_, command.link.empty() ? command.options.name : command.link);
    command.log = Below(folder_, command.log.empty() ? command.options.name + ".jsonl" : command.log);
    for (const auto& [what, value] :
         {std::pair("name", command.options.name), std::pair("link", command.link), std::pair("log", command.log)}) {
      const auto [first, is_new] = taken_.emplace(std::pair(what, value), LineOf(given));
      if (is_new) continue;
      Fail(LineOf(given), place,
           absl::StrCat("the ", what, " \"", value, "\" is already that of the instrument in line ", first->second));
    }
    commands_.push_back(std::move(command));
  }

  // "--pause-every" is "pause-every" here.
  static std::string KeyOf(const CLI::Option& option) {
    return std::string(absl::StripPrefix(option.get_name(), "--"));
  }

  // One key, alone: so a mistake in it is found where it stands.
  void ReadOption(const std::string& key, const toml::node& node, const std::string& place,
                  std::vector<std::string>& arguments) {
    InstrumentCommand ignored;
    CLI::App app;
    Describe(app, ignored);
    app.parse_complete_callback(nullptr);
    const bool is_flag = app.get_option("--" + key)->get_expected_max() == 0;
    std::string argument = "--" + key;
    if (is_flag) {
      const auto* flag = node.as_boolean();
      if (flag == nullptr) return Fail(LineOf(node), place, absl::StrCat("\"", key, "\" must be true or false"));
      if (!flag->get()) return;
    } else if (const auto* text = node.as_string()) {
      absl::StrAppend(&argument, "=", text->get());
    } else if (const auto* number = node.as_integer()) {
      absl::StrAppend(&argument, "=", number->get());
    } else {
      return Fail(LineOf(node), place, absl::StrCat("\"", key, "\" must be a text or a whole number"));
    }
    for (CLI::Option* option : app.get_options()) {
      for (CLI::Option* needed : std::set<CLI::Option*>(option->get_needs())) option->remove_needs(needed);
    }
    if (const std::string wrong = Parse(app, {argument}); !wrong.empty()) {
      return Fail(LineOf(node), place, absl::StrCat("\"", key, "\": ", absl::StripPrefix(wrong, "--" + key + ": ")));
    }
    arguments.push_back(std::move(argument));
  }

  void ReadFiles(const toml::node& node, const std::string& place, std::vector<std::string>& files) {
    const toml::array* list = node.as_array();
    if (list == nullptr || list->empty() || !list->is_homogeneous(toml::node_type::string)) {
      return Fail(LineOf(node), place, "\"files\" must be a list of paths, like [\"reports/*.txt\"]");
    }
    for (const toml::node& element : *list) {
      const std::string pattern = Below(base_, element.as_string()->get());
      const std::vector<std::string> found = Matching(pattern);
      if (found.empty()) Fail(LineOf(element), place, absl::StrCat("no file is named \"", pattern, "\""));
      files.insert(files.end(), found.begin(), found.end());
    }
  }

  // What is wrong with the arguments; empty if nothing is.
  static std::string Parse(CLI::App& app, std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
    try {
      app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      return error.what();
    }
    return "";
  }

  const std::string path_, base_, folder_;
  std::vector<InstrumentCommand> commands_;
  std::vector<std::pair<int, std::string>> errors_;  // with the line
  std::set<std::string> keys_;
  int count_ = 0;
  std::map<std::pair<std::string, std::string>, int> taken_;
};

}  // namespace

absl::StatusOr<std::vector<InstrumentCommand>> ReadScenario(const std::string& path, const std::string& folder) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    return absl::ErrnoToStatus(errno, absl::StrCat("the scenario \"", path, "\" cannot be read"));
  }
  return Reader(path, folder).Read(text);
}

}  // namespace dims
