#include "drivers/format/format_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/encoding.h"
#include "drivers/format/format_decoder.h"
#include "drivers/format/layout_reader.h"
#include "drivers/framing.h"
#include "drivers/text.h"
#include "drivers/toml.h"
#include "proto/hash.h"

namespace dims {
namespace {

using Type = OptionSpec::Type;

constexpr std::size_t kLargestFile = 64 * 1024;

// Settings that are one value each.
constexpr OptionSpec kTitle = {.name = "title", .help = "what the instrument is, for people"};
constexpr OptionSpec kVersion = {.name = "version",
                                 .help = "changes whenever the same bytes could give another report"};
constexpr OptionSpec kEvidence = {.name = "evidence",
                                  .type = Type::kChoice,
                                  .choices = "specimen|unconfirmed",
                                  .default_value = "specimen",
                                  .help = "whether anybody has seen the print-out"};
constexpr OptionSpec kLineSpecs[] = {
    {.name = "baud", .type = Type::kInteger, .minimum = 50, .maximum = 921600, .default_value = "9600"},
    {.name = "data_bits", .type = Type::kInteger, .minimum = 7, .maximum = 8, .default_value = "8"},
    {.name = "parity", .type = Type::kChoice, .choices = "none|even|odd", .default_value = "none"},
    {.name = "stop_bits", .type = Type::kInteger, .minimum = 1, .maximum = 2, .default_value = "1"},
    {.name = "flow", .type = Type::kChoice, .choices = "none|xonxoff|rtscts", .default_value = "none"},
};
constexpr OptionSpec kIdleTimeout = {.name = format::kIdleKey,
                                     .type = Type::kDuration,
                                     .minimum = 1000,
                                     .maximum = 3'600'000,
                                     .default_value = "300s",
                                     .help = "a report that stops for so long is given up as interrupted"};
constexpr absl::string_view kEndsByIdle = "30s";  // instead, where nothing else shows the end of a report

bool IsDriverName(absl::string_view name) {
  return !name.empty() && absl::ascii_islower(name[0]) &&
         absl::c_all_of(name, [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_'; });
}

}  // namespace

class FormatDriver::Reader {
 public:
  Reader(const std::string& path, FormatDriver& driver) : errors_(path), driver_(driver) {
    driver.name_ = std::string(absl::StripSuffix(FileName(path), kFormatEnding));
    if (!absl::EndsWith(path, kFormatEnding) || !IsDriverName(driver.name_)) {
      errors_.Fail(TomlErrors::kNoLine, "",
                   "the file's name must be <name>.format.toml, where the name, which is the driver's, has lower-case "
                   "letters, digits and \"_\"");
    }
  }

  absl::Status Read(absl::string_view text) {
    text_ = text;
    const toml::parse_result parsed = toml::parse(StdView(text));
    if (parsed) {
      ReadFile(parsed.table());
    } else {
      errors_.Fail(static_cast<int>(parsed.error().source().begin.line), "",
                   absl::StrCat("this is not TOML: ", View(parsed.error().description())));
    }
    return errors_.status();
  }

 private:
  void Fail(int line, absl::string_view place, absl::string_view message) { errors_.Fail(line, place, message); }
  void Fail(const toml::node& node, absl::string_view place, absl::string_view message) {
    Fail(LineOfNode(node), place, message);
  }

  void ReadFile(const toml::table& root) {
    CheckTomlKeys(root, "", {"title", "version", "evidence", "line", "report", "table"}, errors_);
    driver_.title_ = ReadRequired(root, kTitle);
    // Whoever forgets to change it changes it all the same.
    driver_.version_ =
        absl::StrCat(ReadRequired(root, kVersion), "+", absl::BytesToHexString(Sha256::Of(text_).substr(0, 4)));
    driver_.evidence_ = ReadValue(root, kEvidence, "");
    if (driver_.evidence_ == "specimen") driver_.evidence_.clear();
    if (const toml::table* line = TableAt(root, "line")) ReadLine(*line);
    driver_.layout_ = format::ReadLayout(root, errors_);
    const toml::table* report = TableAt(root, "report");
    OptionSpec idle = kIdleTimeout;
    if (driver_.layout_.end.empty()) idle.default_value = kEndsByIdle;
    driver_.idle_timeout_ = report == nullptr ? "" : ReadValue(*report, idle, "[report]");
  }

  const toml::table* TableAt(const toml::table& in, absl::string_view name) {
    const toml::node* node = in.get(StdView(name));
    if (node == nullptr || node->is_table()) return node == nullptr ? nullptr : node->as_table();
    Fail(*node, "", absl::StrCat("\"", name, "\" must be one table, headed [", name, "], not ", Describe(*node)));
    return nullptr;
  }

  // The default where it is absent, or not right.
  std::string ReadValue(const toml::table& table, const OptionSpec& spec, absl::string_view place) {
    const toml::node* node = table.get(StdView(spec.name));
    if (node == nullptr) return std::string(spec.default_value);
    const std::optional<std::string> text = TextOf(*node, spec.type);
    const absl::StatusOr<std::string> value =
        text ? CheckOption(spec, *text)
             : absl::InvalidArgumentError(
                   absl::StrCat("\"", spec.name, "\" must be ", Requirement(spec), ", not ", Describe(*node)));
    if (value.ok()) return *value;
    Fail(*node, place, value.status().message());
    return std::string(spec.default_value);
  }

  std::string ReadRequired(const toml::table& root, const OptionSpec& spec) {
    const std::string value = ReadValue(root, spec, "");
    if (!root.contains(StdView(spec.name))) {
      Fail(TomlErrors::kNoLine, "", absl::StrCat("missing key \"", spec.name, "\": ", spec.help));
    } else if (value.empty() && root.get(StdView(spec.name))->is_string()) {
      Fail(*root.get(StdView(spec.name)), "", absl::StrCat("\"", spec.name, "\" is empty: ", spec.help));
    }
    return value;
  }

  void ReadLine(const toml::table& table) {
    std::vector<absl::string_view> names;
    std::vector<std::string> values;
    for (const OptionSpec& spec : kLineSpecs) {
      names.push_back(spec.name);
      values.push_back(ReadValue(table, spec, "[line]"));
    }
    CheckTomlKeys(table, "[line]", names, errors_);
    Line& line = driver_.driver_.line;
    if (!absl::SimpleAtoi(values[0], &line.baud) || !absl::SimpleAtoi(values[1], &line.data_bits) ||
        !absl::SimpleAtoi(values[3], &line.stop_bits)) {
      return;  // CheckOption was there before
    }
    line.parity = absl::ascii_toupper(values[2][0]);
    for (const absl::string_view flow : {"none", "xonxoff", "rtscts"}) {
      if (values[4] == flow) line.flow = flow;  // the literal outlives the file
    }
  }

  TomlErrors errors_;
  FormatDriver& driver_;
  absl::string_view text_;
};

absl::StatusOr<std::unique_ptr<const FormatDriver>> FormatDriver::Parse(absl::string_view text,
                                                                        const std::string& path) {
  std::unique_ptr<FormatDriver> driver(new FormatDriver);
  if (text.size() > kLargestFile) return absl::InvalidArgumentError(absl::StrCat(path, ": larger than 64 KiB"));
  const absl::Status status = Reader(path, *driver).Read(text);
  if (!status.ok()) return status;
  driver->options_[0] = kEncodingOption;
  driver->options_[1] = kIdleTimeout;
  driver->options_[1].default_value = driver->idle_timeout_;
  if (driver->layout_.end.empty()) driver->options_[1].help = "a report that stops for so long has ended";
  Driver& made = driver->driver_;
  made.name = driver->name_;
  made.title = driver->title_;
  made.version = driver->version_;
  made.evidence = driver->evidence_;
  made.scan = ScanLine;
  made.max_frame = 1024;
  made.max_report = 256 * 1024;
  made.options = driver->options_;
  made.format = driver.get();
  return driver;
}

absl::StatusOr<std::unique_ptr<const FormatDriver>> FormatDriver::ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  std::string text(kLargestFile + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return Parse(text, path);
}

std::unique_ptr<Decoder> FormatDriver::Make(const Options& options) const {
  return format::MakeDecoder(layout_, options);
}

}  // namespace dims
