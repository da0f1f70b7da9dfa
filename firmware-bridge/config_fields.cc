#include "firmware-bridge/config_fields.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "drivers/cas.h"
#include "firmware-bridge/port_name.h"
#include "proto/identity.h"

namespace dims {
namespace {

using Type = OptionSpec::Type;
using Presence = Field::Presence;

// Canonical text into a member. CheckOption was there before: conversions cannot fail.
void Assign(std::string& member, const std::string& value) { member = value; }
void Assign(int64_t& member, const std::string& value) { (void)absl::SimpleAtoi(value, &member); }
void Assign(int& member, const std::string& value) { (void)absl::SimpleAtoi(value, &member); }
void Assign(absl::Duration& member, const std::string& value) { member = ReadDuration(value).value(); }
void Assign(std::vector<std::string>& member, const std::string& value) { member.push_back(value); }
template <class T>
void Assign(std::optional<T>& member, const std::string& value) {
  Assign(member.emplace(), value);
}

template <auto member>
void Set(Config& config, const std::string& value) {
  if constexpr (std::is_invocable_v<decltype(member), StoreConfig&>) {
    Assign(config.store.*member, value);
  } else if constexpr (std::is_invocable_v<decltype(member), RegistryConfig&>) {
    Assign(config.registry.*member, value);
  } else if constexpr (std::is_invocable_v<decltype(member), AdminConfig&>) {
    Assign(config.admin.*member, value);
  } else if constexpr (std::is_invocable_v<decltype(member), InstrumentConfig&>) {
    Assign(config.instruments.back().*member, value);
  } else if constexpr (std::is_invocable_v<decltype(member), WatchConfig&>) {
    Assign(config.watches.back().*member, value);
  } else {
    Assign(config.*member, value);
  }
}

void SetParity(Config& config, const std::string& value) {
  config.instruments.back().parity = absl::ascii_toupper(value.front());
}

void SetOrigin(Config& config, const std::string& value) {
  dims::v1::Origin origin = dims::v1::ORIGIN_UNSPECIFIED;
  const std::string name = absl::AsciiStrToUpper(absl::StrCat("ORIGIN_", absl::StrReplaceAll(value, {{"-", "_"}})));
  if (dims::v1::Origin_Parse(name, &origin)) config.instruments.back().origin = origin;
}

void SetTier(Config& config, const std::string& value) {
  dims::v1::Tier tier = dims::v1::TIER_UNSPECIFIED;
  if (dims::v1::Tier_Parse(absl::AsciiStrToUpper(absl::StrCat("TIER_", value)), &tier)) {
    config.watches.back().tier = tier;
  }
}

void AddCas(Config& config, const std::string& value) {
  config.watches.back().cas.push_back(ParseCas(value).value().number);
}

bool IsCas(absl::string_view text) {
  const std::optional<Cas> cas = ParseCas(text);
  return cas && cas->kind == Cas::kRegistry;
}

bool HasLetters(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || !absl::ascii_isascii(c); });
}

bool IsName(absl::string_view text) { return ParseIdentity(absl::StrCat("urn:dims:laboratory:bridge:", text)).ok(); }

bool IsAnything(absl::string_view) { return true; }

bool IsNotEmpty(absl::string_view text) { return !text.empty(); }

bool IsAddress(absl::string_view text) { return ReadAddress(text).has_value(); }

bool IsTimeZone(absl::string_view text) {
  // LoadTimeZone also takes file names and this computer's own zone: neither says what zone the instrument is in.
  const bool plain = !text.empty() && absl::ascii_isalpha(text.front()) && text != "localtime" &&
                     std::all_of(text.begin(), text.end(),
                                 [](char c) { return absl::ascii_isalnum(c) || absl::StrContains("/_+-", c); });
  absl::TimeZone zone;
  return plain && absl::LoadTimeZone(text, &zone);
}

constexpr TextRule kName = {"1 to 64 lower-case letters, digits and hyphens", IsName};
constexpr TextRule kFile = {"the path of a file", IsNotEmpty};
constexpr TextRule kFolder = {"the path of a folder", IsNotEmpty};
constexpr TextRule kSocket = {"the path of a socket, or empty for none", IsAnything};
constexpr TextRule kGroup = {"the name of a group", IsNotEmpty};
constexpr TextRule kDriver = {"the name of a driver", IsNotEmpty};
constexpr TextRule kAddress = {"an address host:port, such as \"registry.example:7443\"", IsAddress};
constexpr TextRule kPort = {
    "a device such as \"/dev/serial/by-id/usb-...\" or a terminal server such as \"tcp://192.0.2.10:4001\"",
    IsPortName};
constexpr TextRule kTimeZone = {"the name of an IANA time zone, such as \"Europe/Amsterdam\"", IsTimeZone};

constexpr TextRule kSubstance = {"the name of a substance", HasLetters};
constexpr TextRule kCas = {"a CAS registry number with the right check digit, such as \"22331-70-0\"", IsCas};
constexpr TextRule kRevision = {"a text that is not empty", IsNotEmpty};

constexpr int64_t kSecond = 1000, kHour = 3600 * kSecond, kDay = 24 * kHour;

constexpr Field kTopFields[] = {
    {.spec = {.name = "laboratory", .help = "the laboratory, as in the bridge's certificate"},
     .presence = Presence::kRequired,
     .example = "lab-east",
     .rule = &kName,
     .set = Set<&Config::laboratory>},
    {.spec = {.name = "bridge", .help = "this bridge, as in its certificate; no two of a laboratory share a name"},
     .presence = Presence::kRequired,
     .example = "bridge-1",
     .rule = &kName,
     .set = Set<&Config::bridge>},
    {.spec = {.name = "log_level",
              .type = Type::kChoice,
              .choices = "debug|info|warning|error",
              .default_value = "info",
              .help = "how much goes to the log"},
     .set = Set<&Config::log_level>},
    {.spec = {.name = "formats",
              .default_value = {kFormatsFolder, sizeof(kFormatsFolder) - 1},
              .help = "where *.format.toml files are, each a driver for an instrument that only prints; read at the "
                      "start. By default the folder need not be there"},
     .rule = &kFolder,
     .is_path = true,
     .set = Set<&Config::formats>},
};

constexpr Field kStoreFields[] = {
    {.spec = {.name = "path",
              .default_value = "/var/lib/dims-bridge/store.db",
              .help = "the database file, on a local disk; a second file, <path>.head, stands beside it"},
     .rule = &kFile,
     .is_path = true,
     .set = Set<&StoreConfig::path>},
    {.spec =
         {.name = "budget",
          .type = Type::kInteger,
          .unit = "MiB",
          .minimum = 64,
          .maximum = 1'048'576,
          .default_value = "4096",
          .help =
              "the database never grows beyond; from 95 % on only urgent results are taken, and instruments are told "
              "\"not received\""},
     .set = Set<&StoreConfig::budget_mib>},
    {.spec = {.name = "ballast",
              .type = Type::kInteger,
              .unit = "MiB",
              .minimum = 0,
              .maximum = 65'536,
              .default_value = "64",
              .help =
                  "room held on the disk, in <path>.ballast, and given back when the disk is full; at most an 8th of "
                  "the budget"},
     .set = Set<&StoreConfig::ballast_mib>},
    {.spec = {.name = "keep_settled",
              .type = Type::kDuration,
              .minimum = kHour,
              .maximum = 366 * kDay,
              .default_value = "7d",
              .help = "how long records stay that the registry has, for a registry restored from a backup"},
     .set = Set<&StoreConfig::keep_settled>},
    {.spec = {.name = "keep_intake",
              .type = Type::kDuration,
              .minimum = kHour,
              .maximum = 3660 * kDay,
              .default_value = "30d",
              .help = "how long the instruments' own bytes stay; they never leave the laboratory"},
     .set = Set<&StoreConfig::keep_intake>},
};

constexpr Field kRegistryFields[] = {
    {.spec = {.name = "address", .help = "where the registry listens"},
     .presence = Presence::kRequired,
     .example = "registry.example:7443",
     .rule = &kAddress,
     .set = Set<&RegistryConfig::address>},
    {.spec = {.name = "more_addresses",
              .help = "where else the same registry listens, tried in turn while an address fails; another registry "
                      "there gets nothing"},
     .presence = Presence::kOptional,
     .example = "registry-2.example:7443",
     .rule = &kAddress,
     .is_list = true,
     .set = Set<&RegistryConfig::more_addresses>},
    {.spec = {.name = "ca", .help = "PEM file with the certificate of the authority that issued both certificates"},
     .presence = Presence::kRequired,
     .example = "ca.pem",
     .rule = &kFile,
     .is_path = true,
     .set = Set<&RegistryConfig::ca>},
    {.spec = {.name = "certificate", .help = "PEM file with this bridge's certificate, intermediate ones after it"},
     .presence = Presence::kRequired,
     .example = "bridge.pem",
     .rule = &kFile,
     .is_path = true,
     .set = Set<&RegistryConfig::certificate>},
    {.spec = {.name = "key",
              .help = "PEM file with the key of that certificate, not encrypted, readable by the bridge alone"},
     .presence = Presence::kRequired,
     .example = "bridge.key",
     .rule = &kFile,
     .is_path = true,
     .set = Set<&RegistryConfig::key>},
    {.spec = {.name = "answer_deadline",
              .type = Type::kDuration,
              .minimum = kSecond,
              .maximum = 600 * kSecond,
              .default_value = "30s",  // a way of 2 s takes eight times that to be welcomed
              .help = "how long the registry may take to greet, and half of that to answer records, before the bridge "
                      "connects anew"},
     .set = Set<&RegistryConfig::answer_deadline>},
    {.spec = {.name = "drain_limit_kib_s",
              .type = Type::kInteger,
              .unit = "KiB/s",
              .minimum = 0,
              .maximum = 1'048'576,
              .default_value = "0",
              .help = "how much of the link records may take that are not urgent; 0 for no limit"},
     .set = Set<&RegistryConfig::drain_limit_kib_s>},
};

constexpr Field kAdminFields[] = {
    {.spec = {.name = "socket",
              .default_value = "/run/dims-bridge/admin.sock",
              .help = "what \"dims-bridge status\", \"tail\" and \"quarantine\" connect to"},
     .rule = &kSocket,
     .is_path = true,
     .set = Set<&AdminConfig::socket>},
    {.spec = {.name = "group", .help = "its members may connect too; without it, root and the service's user only"},
     .presence = Presence::kOptional,
     .example = "adm",
     .rule = &kGroup,
     .set = Set<&AdminConfig::group>},
};

constexpr Field kInstrumentFields[] = {
    {.spec = {.name = "name", .help = "the instrument, in every report; keep it for the instrument's life"},
     .presence = Presence::kRequired,
     .example = "gcms-1",
     .rule = &kName,
     .set = Set<&InstrumentConfig::name>},
    {.spec = {.name = "driver", .help = "what it speaks; \"dims-bridge drivers\" lists them"},
     .presence = Presence::kRequired,
     .example = "agilent_msd",
     .rule = &kDriver,
     .set = Set<&InstrumentConfig::driver>},
    {.spec = {.name = "port",
              .help = "the line it is on: a serial device, best by a name that survives replugging (\"dims-bridge "
                      "ports\" lists "
                      "them), or a terminal server's raw TCP port"},
     .presence = Presence::kRequired,
     .example = "/dev/ttyUSB0",
     .rule = &kPort,
     .is_path = true,
     .set = Set<&InstrumentConfig::port>},
    {.spec = {.name = "baud",
              .type = Type::kInteger,
              .unit = "baud",
              .choices = "300|600|1200|1800|2400|4800|9600|19200|38400|57600|115200|230400|460800|921600",
              .help =
                  "speed of a serial line; without it, the driver's. Behind a terminal server, speed, bits, parity and "
                  "flow control are set there, not here"},
     .presence = Presence::kOptional,
     .example = "9600",
     .set = Set<&InstrumentConfig::baud>},
    {.spec = {.name = "data_bits",
              .type = Type::kInteger,
              .minimum = 7,
              .maximum = 8,
              .help = "data bits; without it, the driver's"},
     .presence = Presence::kOptional,
     .example = "8",
     .set = Set<&InstrumentConfig::data_bits>},
    {.spec = {.name = "parity",
              .type = Type::kChoice,
              .choices = "none|even|odd",
              .help = "parity bit; without it, the driver's"},
     .presence = Presence::kOptional,
     .example = "none",
     .set = SetParity},
    {.spec = {.name = "stop_bits",
              .type = Type::kInteger,
              .minimum = 1,
              .maximum = 2,
              .help = "stop bits; without it, the driver's"},
     .presence = Presence::kOptional,
     .example = "1",
     .set = Set<&InstrumentConfig::stop_bits>},
    {.spec = {.name = "flow",
              .type = Type::kChoice,
              .choices = "none|xonxoff|rtscts",
              .help = "flow control; without it, the driver's"},
     .presence = Presence::kOptional,
     .example = "none",
     .set = Set<&InstrumentConfig::flow>},
    {.spec = {.name = "origin",
              .type = Type::kChoice,
              .choices = "real|simulated|exercise|qc-standard|blank|proficiency",
              .help =
                  "whether its results may be counted; without it the port decides: a pseudo-terminal and a terminal "
                  "server on this machine (127.0.0.1) are simulated, all else is real"},
     .presence = Presence::kOptional,
     .example = "real",
     .set = SetOrigin},
    {.spec = {.name = "time_zone", .help = "zone of the times it prints; without it they stay local times as printed"},
     .presence = Presence::kOptional,
     .example = "Europe/Amsterdam",
     .rule = &kTimeZone,
     .set = Set<&InstrumentConfig::time_zone>},
    {.spec = {.name = "date_order",
              .type = Type::kChoice,
              .choices = "dmy|mdy|ymd",
              .help = "order of day, month and year in the dates it prints as numbers; never guessed"},
     .presence = Presence::kOptional,
     .example = "dmy",
     .set = Set<&InstrumentConfig::date_order>},
    {.spec = {.name = "noise_quota",
              .type = Type::kInteger,
              .unit = "MiB",
              .minimum = 1,
              .maximum = 65'536,
              .default_value = "16",
              .help = "how much of what belongs to no report is kept in 24 h; what comes beyond is counted only"},
     .set = Set<&InstrumentConfig::noise_quota_mib>},
    {.spec =
         {.name = "bench",
          .help =
              "the place where it stands: what a bar code scanner there reads is the sample number of what the other "
              "instruments there measure next, unless they print one of their own"},
     .presence = Presence::kOptional,
     .example = "left",
     .rule = &kName,
     .set = Set<&InstrumentConfig::bench>},
    {.spec = {.name = "scan_window",
              .type = Type::kDuration,
              .minimum = kSecond,
              .maximum = kDay,
              .default_value = "10m",
              .help = "of a scanner: how long its last scan names what is measured at its bench"},
     .set = Set<&InstrumentConfig::scan_window>},
};

constexpr Field kWatchFields[] = {
    {.spec = {.name = "name", .help = "the rule, in every report that it makes urgent"},
     .presence = Presence::kRequired,
     .example = "pmma",
     .rule = &kName,
     .set = Set<&WatchConfig::name>},
    {.spec = {.name = "substances",
              .help = "names as the instruments print them; upper and lower case are alike, as are blanks and dashes, "
                      "but a name that only contains one of these is another substance's"},
     .presence = Presence::kOptional,
     .example = "PMMA|para-methoxymethamphetamine",
     .rule = &kSubstance,
     .is_list = true,
     .set = Set<&WatchConfig::substances>},
    {.spec = {.name = "cas", .help = "numbers of the same substances, for instruments and libraries that print them"},
     .presence = Presence::kOptional,
     .example = "22331-70-0",
     .rule = &kCas,
     .is_list = true,
     .set = AddCas},
    {.spec = {.name = "tier",
              .type = Type::kChoice,
              .choices = "info|caution|warning|red_candidate",
              .default_value = "warning",
              .help =
                  "how grave it is; warning and red_candidate make a report urgent, the others are only noted in it"},
     .set = SetTier},
    {.spec = {.name = "revision", .help = "of this rule, for those who read the report"},
     .presence = Presence::kOptional,
     .example = "2026-11",
     .rule = &kRevision,
     .set = Set<&WatchConfig::revision>},
};

constexpr ConfigTable kTables[] = {
    {ConfigTable::Kind::kTop, "", "who this bridge is", kTopFields},
    {ConfigTable::Kind::kOne, "store", "where results wait until the registry has them", kStoreFields},
    {ConfigTable::Kind::kOne, "registry", "where results go", kRegistryFields},
    {ConfigTable::Kind::kOne, "admin", "who may look on, and decide about what the registry refused, on this computer",
     kAdminFields},
    {.kind = ConfigTable::Kind::kMany,
     .name = "instrument",
     .help = "one such table for each instrument",
     .fields = kInstrumentFields,
     .has_options = true},
    {.kind = ConfigTable::Kind::kMany,
     .name = "watch",
     .help = "one such table for each rule of what makes a report urgent, so that it is sent ahead of all others",
     .fields = kWatchFields,
     .is_spare = true},
};

}  // namespace

absl::Span<const ConfigTable> ConfigTables() { return kTables; }

absl::Span<const Field> InstrumentFields() { return kInstrumentFields; }

std::string Heading(const ConfigTable& table) {
  switch (table.kind) {
    case ConfigTable::Kind::kTop:
      return "";
    case ConfigTable::Kind::kOne:
      return absl::StrCat("[", table.name, "]");
    case ConfigTable::Kind::kMany:
      return absl::StrCat("[[", table.name, "]]");
  }
  return "";
}

std::string Requirement(const Field& field) {
  const std::string one = field.rule != nullptr ? std::string(field.rule->must_be) : Requirement(field.spec);
  return field.is_list ? absl::StrCat("a list, each entry ", one) : one;
}

absl::StatusOr<std::string> CheckField(const Field& field, absl::string_view value) {
  if (field.rule != nullptr && !field.rule->accepts(value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", field.spec.name, "\" must be ", field.rule->must_be, ", not \"", value, "\""));
  }
  return CheckOption(field.spec, value);
}

}  // namespace dims
