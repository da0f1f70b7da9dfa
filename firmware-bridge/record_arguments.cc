#include "firmware-bridge/record_arguments.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "firmware-bridge/config.h"
#include "firmware-bridge/config_fields.h"

namespace dims {
namespace {

std::string OptionOf(absl::string_view name) { return absl::StrCat("--", absl::StrReplaceAll(name, {{"_", "-"}})); }

absl::StatusOr<Line> ReadLine(const RecordArguments& arguments, const Line& driver_default) {
  Config config;
  config.instruments.resize(1);
  for (const Field& field : InstrumentFields()) {
    const auto given = arguments.line.find(std::string(field.spec.name));
    if (given == arguments.line.end() || given->second.empty()) continue;
    if (IsTcpName(arguments.port)) {
      return absl::InvalidArgumentError(
          absl::StrCat(OptionOf(field.spec.name), " cannot be set from here for a terminal server: set it there"));
    }
    const absl::StatusOr<std::string> value = CheckField(field, given->second);
    if (!value.ok()) return value.status();
    field.set(config, *value);
  }
  return LineOf(config.instruments.front(), driver_default);
}

}  // namespace

absl::StatusOr<DriverSettings> ReadSettings(const std::vector<std::string>& given) {
  DriverSettings settings;
  for (const std::string& setting : given) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("--set wants key=value, not \"", setting, "\""));
    }
    settings.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  return settings;
}

CLI::App* AddRecordCommand(CLI::App& app, RecordArguments& arguments) {
  CLI::App* record =
      app.add_subcommand("record",
                         "Write down what happens on a line, as a transcript, until SIGINT, SIGTERM or --for.\n"
                         "NOTHING IS STORED. With --driver the instrument is answered as the bridge would, and may "
                         "forget what it was told is received: only for instruments on a bench.");
  record->add_option("port", arguments.port, "Device, or tcp://host:port")->required();
  record->add_option("--driver", arguments.driver, "Answer as this driver does, and write down its reports");
  record->add_option("--set", arguments.settings, "Driver option, key=value; may be repeated")->allow_extra_args(false);
  record->add_option("--for", arguments.length, "How long, such as 30s");
  for (const Field& field : InstrumentFields()) {
    if (!absl::c_linear_search(kLineSettings, field.spec.name)) continue;
    record->add_option(OptionOf(field.spec.name), arguments.line[std::string(field.spec.name)],
                       absl::StrCat(field.spec.help, " (", Requirement(field), ")"));
  }
  return record;
}

absl::StatusOr<RecordRequest> ReadArguments(const RecordArguments& arguments, const Driver* driver) {
  RecordRequest request;
  request.port = arguments.port;
  request.driver.driver = driver;
  absl::StatusOr<DriverSettings> settings = ReadSettings(arguments.settings);
  if (!settings.ok()) return settings.status();
  if (!settings->empty() && driver == nullptr) {
    return absl::InvalidArgumentError("--set is for a driver's options: give --driver as well");
  }
  request.driver.settings = *std::move(settings);
  const absl::StatusOr<Line> line = ReadLine(arguments, driver == nullptr ? Line() : driver->line);
  if (!line.ok()) return line.status();
  request.line = *line;
  if (arguments.length.empty()) return request;
  const absl::StatusOr<absl::Duration> length = ReadDuration(arguments.length);
  if (!length.ok()) return absl::InvalidArgumentError(absl::StrCat("--for: ", length.status().message()));
  request.length = *length;
  return request;
}

}  // namespace dims
