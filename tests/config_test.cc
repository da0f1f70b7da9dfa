#include "firmware-bridge/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "firmware-bridge/config_fields.h"
#include "proto/hash.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Type = OptionSpec::Type;

constexpr OptionSpec kMsdOptions[] = {
    {.name = "encoding", .type = Type::kChoice, .choices = "auto|utf-8", .default_value = "auto", .help = "code page"},
    {.name = "idle_timeout",
     .type = Type::kDuration,
     .minimum = 1000,
     .maximum = 3'600'000,
     .default_value = "2m",
     .help = "silence that ends a report"},
    {.name = "bus_address",
     .type = Type::kInteger,
     .minimum = 1,
     .maximum = 31,
     .default_value = "1",
     .help = "address on the bus"},
    {.name = "strict", .type = Type::kBoolean, .default_value = "true", .help = "refuse unknown lines"},
};

DriverFacts Drivers() {
  return {{"agilent_msd", "mt_sics"}, [](absl::string_view name) {
            return name == "agilent_msd" ? absl::Span<const OptionSpec>(kMsdOptions) : absl::Span<const OptionSpec>();
          }};
}

// 14 lines; what a test adds begins in line 15, inside the instrument's table.
constexpr absl::string_view kGood = R"(laboratory = "lab-east"
bridge = "bridge-1"

[registry]
address = "registry.example:7443"
ca = "ca.pem"
certificate = "bridge.pem"
key = "bridge.key"

[[instrument]]
name = "gcms-1"
driver = "agilent_msd"
port = "/dev/nowhere0"

)";

absl::StatusOr<Config> Parse(absl::string_view text) { return ParseConfig(text, "lab/bridge.toml", Drivers()); }

// The errors of a text, one for each line of the message, without the file's name.
std::vector<std::string> Errors(absl::string_view text) {
  const absl::StatusOr<Config> config = Parse(text);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument) << text;
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(config.status().message(), '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(absl::StartsWith(line, "lab/bridge.toml:")) << line;
    lines.emplace_back(line.substr(sizeof("lab/bridge.toml:") - 1));
  }
  return lines;
}

// The good file with one part of it replaced.
std::string With(absl::string_view part, absl::string_view replacement) {
  EXPECT_TRUE(absl::StrContains(kGood, part)) << part;
  return absl::StrReplaceAll(kGood, {{part, replacement}});
}
std::string Plus(absl::string_view added) { return absl::StrCat(kGood, added); }

class Folder {
 public:
  Folder() {
    std::string name = absl::StrCat(::testing::TempDir(), "/config_test_XXXXXX");
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string Write(const std::string& name, absl::string_view text) const {
    const std::string file = absl::StrCat(path, "/", name);
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }
  std::string path;
};

TEST(Config, FillsInTheDefaults) {
  const absl::StatusOr<Config> config = Parse(kGood);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->laboratory, "lab-east");
  EXPECT_EQ(config->bridge, "bridge-1");
  EXPECT_EQ(config->log_level, "info");
  EXPECT_EQ(config->store.path, "/var/lib/dims-bridge/store.db");
  EXPECT_EQ(config->store.budget_mib, 4096);
  EXPECT_EQ(config->store.keep_settled, absl::Hours(7 * 24));
  EXPECT_EQ(config->store.keep_intake, absl::Hours(30 * 24));
  EXPECT_EQ(config->registry.address, "registry.example:7443");
  EXPECT_EQ(config->registry.answer_deadline, absl::Seconds(30));
  EXPECT_EQ(config->admin.socket, "/run/dims-bridge/admin.sock");
  EXPECT_EQ(config->admin.group, std::nullopt);
  ASSERT_EQ(config->instruments.size(), 1u);
  const InstrumentConfig& instrument = config->instruments.front();
  EXPECT_EQ(instrument.name, "gcms-1");
  EXPECT_EQ(instrument.driver, "agilent_msd");
  EXPECT_EQ(instrument.port, "/dev/nowhere0");
  EXPECT_FALSE(instrument.baud || instrument.data_bits || instrument.parity || instrument.stop_bits || instrument.flow);
  EXPECT_FALSE(instrument.origin || instrument.time_zone || instrument.date_order || instrument.bench);
  EXPECT_EQ(instrument.scan_window, absl::Minutes(10));
  EXPECT_TRUE(instrument.options.empty());
}

TEST(Config, HoldsEverythingThatCanBeSet) {
  const std::string text = absl::StrReplaceAll(kGood, {{"\n[registry]\n", R"(
log_level = "debug"
[store]
path = "/srv/store.db"
budget = 64
keep_settled = "48h"
keep_intake = "1h"
[registry]
answer_deadline = "1500ms"
)"}});
  const absl::StatusOr<Config> config = Parse(absl::StrCat(text, R"(baud = 19200
data_bits = 7
parity = "even"
stop_bits = 2
flow = "xonxoff"
origin = "qc-standard"
time_zone = "Europe/Amsterdam"
date_order = "dmy"
bench = "left"
scan_window = "90s"
[instrument.options]
strict = false
bus_address = 12
idle_timeout = "60s"
[[instrument]]
name = "balance-1"
driver = "mt_sics"
port = "/dev/pts/nowhere"
origin = "simulated"
[instrument.options]
)"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->log_level, "debug");
  EXPECT_EQ(config->store.path, "/srv/store.db");
  EXPECT_EQ(config->store.budget_mib, 64);
  EXPECT_EQ(config->store.keep_settled, absl::Hours(48));
  EXPECT_EQ(config->store.keep_intake, absl::Hours(1));
  EXPECT_EQ(config->registry.answer_deadline, absl::Milliseconds(1500));
  ASSERT_EQ(config->instruments.size(), 2u);
  const InstrumentConfig& instrument = config->instruments.front();
  EXPECT_EQ(instrument.baud, 19200);
  EXPECT_EQ(instrument.data_bits, 7);
  EXPECT_EQ(instrument.parity, 'E');
  EXPECT_EQ(instrument.stop_bits, 2);
  EXPECT_EQ(instrument.flow, "xonxoff");
  EXPECT_EQ(instrument.origin, dims::v1::ORIGIN_QC_STANDARD);
  EXPECT_EQ(instrument.time_zone, "Europe/Amsterdam");
  EXPECT_EQ(instrument.date_order, "dmy");
  EXPECT_EQ(instrument.bench, "left");
  EXPECT_EQ(instrument.scan_window, absl::Seconds(90));
  EXPECT_THAT(instrument.options,
              ElementsAre(Pair("strict", "false"), Pair("bus_address", "12"), Pair("idle_timeout", "1m")));
  EXPECT_TRUE(Options::Parse(kMsdOptions, instrument.options).ok());
  EXPECT_EQ(config->instruments[1].port, "/dev/pts/nowhere");
  EXPECT_EQ(config->instruments[1].origin, dims::v1::ORIGIN_SIMULATED);
}

TEST(Config, KnowsEveryOriginOfTheContractThatAPersonMayDeclare) {
  for (const auto& [word, origin] :
       std::vector<std::pair<std::string, dims::v1::Origin>>{{"real", dims::v1::ORIGIN_REAL},
                                                             {"simulated", dims::v1::ORIGIN_SIMULATED},
                                                             {"exercise", dims::v1::ORIGIN_EXERCISE},
                                                             {"qc-standard", dims::v1::ORIGIN_QC_STANDARD},
                                                             {"blank", dims::v1::ORIGIN_BLANK},
                                                             {"proficiency", dims::v1::ORIGIN_PROFICIENCY}}) {
    const absl::StatusOr<Config> config = Parse(Plus(absl::StrCat("origin = \"", word, "\"\n")));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->instruments.front().origin, origin) << word;
  }
}

TEST(Config, BeginsRelativePathsAtTheFilesOwnFolder) {
  const Folder folder;
  const std::string file = folder.Write(
      "bridge.toml", absl::StrReplaceAll(kGood, {{"/dev/nowhere0", "ports/gcms"}, {"\"ca.pem\"", "\"../ca.pem\""}}));
  const absl::StatusOr<Config> config = ReadConfig(file, Drivers());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->path, std::filesystem::path(file).lexically_normal());
  const std::filesystem::path base = config->path;
  EXPECT_EQ(config->registry.ca, base.parent_path().parent_path() / "ca.pem");
  EXPECT_EQ(config->registry.certificate, base.parent_path() / "bridge.pem");
  EXPECT_EQ(config->registry.key, base.parent_path() / "bridge.key");
  EXPECT_EQ(config->instruments.front().port, base.parent_path() / "ports/gcms");
  const absl::StatusOr<Config> relative = Parse(kGood);
  EXPECT_EQ(relative->registry.ca, std::filesystem::current_path() / "lab/ca.pem");
}

TEST(Config, IsNamedByTheHashOfTheFilesBytes) {
  const Folder folder;
  const absl::StatusOr<Config> config = ReadConfig(folder.Write("a.toml", kGood), Drivers());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->sha256, Sha256::Of(kGood));
  EXPECT_EQ(config->sha256.size(), 32u);
  EXPECT_NE(Parse(Plus("# a comment\n"))->sha256, config->sha256);
}

TEST(Config, SetsTheLineAsTheDriverHasItUnlessToldOtherwise) {
  const Line driver = {.baud = 2400, .data_bits = 7, .parity = 'E', .stop_bits = 2, .flow = "xonxoff"};
  const Line same = LineOf(InstrumentConfig(), driver);
  EXPECT_EQ(same.baud, 2400);
  EXPECT_EQ(same.data_bits, 7);
  EXPECT_EQ(same.parity, 'E');
  EXPECT_EQ(same.stop_bits, 2);
  EXPECT_EQ(same.flow, "xonxoff");
  InstrumentConfig instrument;
  instrument.baud = 9600;
  instrument.data_bits = 8;
  instrument.parity = 'N';
  instrument.stop_bits = 1;
  instrument.flow = "rtscts";
  const Line other = LineOf(instrument, driver);
  instrument.flow.reset();
  EXPECT_EQ(other.baud, 9600);
  EXPECT_EQ(other.data_bits, 8);
  EXPECT_EQ(other.parity, 'N');
  EXPECT_EQ(other.stop_bits, 1);
  EXPECT_EQ(other.flow, "rtscts");
}

TEST(ConfigErrors, NameTheNearestKeyForAnUnknownOne) {
  EXPECT_THAT(Errors(Plus("buad = 9600\n")),
              ElementsAre("15: [[instrument]] \"gcms-1\": unknown key \"buad\", did you mean \"baud\"?"));
  EXPECT_THAT(Errors(With("\n[registry]", "[registry]\nretries = 3")),
              ElementsAre("4: [registry]: unknown key \"retries\"; there are: address, more_addresses, ca, "
                          "certificate, key, answer_deadline, drain_limit_kib_s"));
  EXPECT_THAT(Errors(With("\n[registry]", "[stroe]\n[registry]")),
              ElementsAre("3: unknown key \"stroe\", did you mean \"store\"?"));
}

TEST(ConfigErrors, DoNotCallAMistypedKeyMissingAsWell) {
  EXPECT_THAT(Errors(With("laboratory =", "labratory =")),
              ElementsAre("1: unknown key \"labratory\", did you mean \"laboratory\"?"));
}

TEST(ConfigErrors, SayWhereAKeyBelongsThatStandsInTheWrongTable) {
  EXPECT_THAT(
      Errors(Plus("log_level = \"debug\"\nbudget = 100\nencoding = \"utf-8\"\n")),
      ElementsAre("15: [[instrument]] \"gcms-1\": unknown key \"log_level\"; it belongs at the top of the file, "
                  "before the first table",
                  "16: [[instrument]] \"gcms-1\": unknown key \"budget\"; it belongs in [store]",
                  "17: [[instrument]] \"gcms-1\": unknown key \"encoding\"; it belongs in "
                  "[instrument.options]"));
}

TEST(ConfigErrors, NameTheTypeThatIsNeededAndWhatIsThere) {
  EXPECT_THAT(Errors(Plus("baud = \"9600\"\n")),
              ElementsAre("15: [[instrument]] \"gcms-1\": \"baud\" must be one of 300, 600, 1200, 1800, 2400, 4800, "
                          "9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600 (baud), not "
                          "the text \"9600\""));
  EXPECT_THAT(
      Errors(Plus("baud = 9600.5\ndata_bits = true\nparity = 1\ntime_zone = [\"UTC\"]\ndate_order = 2026-01-02\n")),
      ElementsAre("15: [[instrument]] \"gcms-1\": \"baud\" must be one of 300, 600, 1200, 1800, 2400, 4800, 9600, "
                  "19200, 38400, 57600, 115200, 230400, 460800, 921600 (baud), not "
                  "the number 9600.5",
                  "16: [[instrument]] \"gcms-1\": \"data_bits\" must be a whole number from 7 to 8, not true",
                  "17: [[instrument]] \"gcms-1\": \"parity\" must be one of \"none\", \"even\", \"odd\", not the "
                  "number 1",
                  "18: [[instrument]] \"gcms-1\": \"time_zone\" must be the name of an IANA time zone, such as "
                  "\"Europe/Amsterdam\", not a list",
                  "19: [[instrument]] \"gcms-1\": \"date_order\" must be one of \"dmy\", \"mdy\", \"ymd\", not a "
                  "date or time"));
  EXPECT_THAT(
      Errors(With("ca = \"ca.pem\"", "answer_deadline = 15\nca = {}")),
      ElementsAre("6: [registry]: \"answer_deadline\" must be a duration from 1s to 10m such as \"30s\", not the "
                  "number 15",
                  "7: [registry]: \"ca\" must be the path of a file, not a table"));
}

TEST(ConfigErrors, NameTheRangeAndItsUnit) {
  EXPECT_THAT(
      Errors(With("\n[registry]", "[store]\nbudget = 63\nkeep_settled = \"10m\"\n[registry]")),
      ElementsAre("4: [store]: \"budget\" must be a whole number from 64 to 1048576 (MiB), not 63",
                  "5: [store]: \"keep_settled\" must be a duration from 1h to 366d such as \"7d\", not \"10m\""));
}

TEST(ConfigErrors, NameTheChoicesAndTheNearest) {
  EXPECT_THAT(Errors(Plus("parity = \"evn\"\n")),
              ElementsAre("15: [[instrument]] \"gcms-1\": \"parity\" must be one of \"none\", \"even\", \"odd\", not "
                          "\"evn\", did you mean \"even\"?"));
}

TEST(ConfigErrors, TellMissingKeysAtTheirTableAndMissingTablesLast) {
  EXPECT_THAT(
      Errors("[[instrument]]\nname = \"gcms-1\"\n[[instrument]]\ndriver = \"mt_sics\"\nport = \"/dev/nowhere1\"\n"),
      ElementsAre(
          "1: [[instrument]] \"gcms-1\": missing key \"driver\": what it speaks; \"dims-bridge drivers\" lists "
          "them",
          "1: [[instrument]] \"gcms-1\": missing key \"port\": the line it is on: a serial device, best by a name that "
          "survives replugging (\"dims-bridge ports\" lists them), or a terminal server's raw TCP port",
          "3: [[instrument]] number 2: missing key \"name\": the instrument, in every report; keep it for the "
          "instrument's life",
          " missing key \"laboratory\": the laboratory, as in the bridge's certificate",
          " missing key \"bridge\": this bridge, as in its certificate; no two of a laboratory share a name",
          " [registry]: missing key \"address\": where the registry listens",
          " [registry]: missing key \"ca\": PEM file with the certificate of the authority that issued both "
          "certificates",
          " [registry]: missing key \"certificate\": PEM file with this bridge's certificate, intermediate ones "
          "after it",
          " [registry]: missing key \"key\": PEM file with the key of that certificate, not encrypted, readable "
          "by the bridge alone"));
}

TEST(ConfigErrors, RefuseNamesThatACertificateCouldNotHold) {
  const std::string rule = "must be 1 to 64 lower-case letters, digits and hyphens, not";
  EXPECT_THAT(Errors(With("\"lab-east\"", "\"Lab East\"")),
              ElementsAre(absl::StrCat("1: \"laboratory\" ", rule, " \"Lab East\"")));
  EXPECT_THAT(Errors(With("\"bridge-1\"", "\"\"")), ElementsAre(absl::StrCat("2: \"bridge\" ", rule, " \"\"")));
  EXPECT_THAT(Errors(With("\"gcms-1\"", "\"gcms:1\"")),
              ElementsAre(absl::StrCat("11: [[instrument]] \"gcms:1\": \"name\" ", rule, " \"gcms:1\"")));
  EXPECT_TRUE(Parse(With("\"gcms-1\"", absl::StrCat("\"", std::string(64, 'a'), "\""))).ok());
  EXPECT_THAT(Errors(With("\"gcms-1\"", absl::StrCat("\"", std::string(65, 'a'), "\""))), ::testing::SizeIs(1));
}

TEST(ConfigErrors, RefuseAnAddressThatCannotBeConnectedTo) {
  for (const char* good : {"10.0.0.1:1", "registry:65535", "[::1]:7443", "a-b.example:80"}) {
    EXPECT_TRUE(Parse(With("registry.example:7443", good)).ok()) << good;
  }
  for (const char* bad : {"registry.example", ":7443", "registry:0", "registry:65536", "registry:http", "registry:+80",
                          "::1:7443", "https://registry:7443", "registry:7443/x", "[::1:7443", "[registry:7443", ""}) {
    EXPECT_THAT(Errors(With("registry.example:7443", bad)),
                ElementsAre(absl::StrCat("5: [registry]: \"address\" must be an address host:port, such as "
                                         "\"registry.example:7443\", not \"",
                                         bad, "\"")));
  }
}

TEST(Config, TakesFurtherAddressesOfTheRegistryAndALimit) {
  const absl::StatusOr<Config> config =
      Parse(With("ca = \"ca.pem\"", "more_addresses = [\"a:1\", \"b:2\"]\ndrain_limit_kib_s = 50\nca = \"ca.pem\""));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->registry.more_addresses, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(config->registry.drain_limit_kib_s, 50);
  EXPECT_THAT(Errors(With("ca = \"ca.pem\"", "more_addresses = \"a:1\"\nca = \"ca.pem\"")),
              ElementsAre(HasSubstr("\"more_addresses\" must be a list, each entry an address host:port")));
  EXPECT_THAT(Errors(With("ca = \"ca.pem\"", "more_addresses = [\"a:1\", \"b\", 3]\nca = \"ca.pem\"")),
              ElementsAre(HasSubstr("not \"b\""), HasSubstr("not the number 3")));
}

TEST(ConfigErrors, RefuseAPortOfNoKnownKind) {
  for (const char* bad : {"", "telnet://terminal-server:4001", "TCP://terminal-server:4001", "tcp://terminal-server",
                          "tcp://:4001", "tcp://terminal-server:0", "tcp://terminal-server:4001/", "tcp:///dev/ttyS1",
                          "tcp://[moxa:4001", "tcp://[]:4001", "terminal-server:4001", "192.0.2.10:4001"}) {
    EXPECT_THAT(Errors(With("/dev/nowhere0", bad)),
                ElementsAre(absl::StrCat("13: [[instrument]] \"gcms-1\": \"port\" must be a device such as "
                                         "\"/dev/serial/by-id/usb-...\" or a terminal server such as "
                                         "\"tcp://192.0.2.10:4001\", not \"",
                                         bad, "\"")));
  }
}

std::string OnTerminalServer(absl::string_view name) { return With("/dev/nowhere0", name); }

TEST(Config, TakesATerminalServerAsItIs) {
  for (const char* name : {"tcp://192.0.2.10:4001", "tcp://[2001:db8::10]:4001", "tcp://Moxa-2.lab:950"}) {
    const absl::StatusOr<Config> config = Parse(OnTerminalServer(name));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->instruments.front().port, name);
  }
}

TEST(ConfigErrors, RefuseTwoInstrumentsOnOneTerminalServersPort) {
  const std::string other = "[[instrument]]\nname = \"b\"\ndriver = \"mt_sics\"\nport = ";
  EXPECT_THAT(
      Errors(absl::StrCat(OnTerminalServer("tcp://moxa:4001"), other, "\"tcp://MOXA:04001\"\n")),
      ElementsAre(HasSubstr("[[instrument]] \"b\": port \"tcp://MOXA:04001\" is the same line as \"tcp://moxa:4001\", "
                            "that of \"gcms-1\"")));
  EXPECT_TRUE(Parse(absl::StrCat(OnTerminalServer("tcp://moxa:4001"), other, "\"tcp://moxa:4002\"\n")).ok());
}

TEST(ConfigErrors, RefuseToSetALineThatATerminalServerSets) {
  EXPECT_THAT(
      Errors(absl::StrCat(OnTerminalServer("tcp://moxa:4001"), "baud = 9600\nparity = \"even\"\n")),
      ElementsAre(HasSubstr("[[instrument]] \"gcms-1\": \"baud\" cannot be set from here for a terminal server: "
                            "set it there, and leave it out"),
                  HasSubstr("\"parity\" cannot be set from here")));
}

TEST(ConfigErrors, RefuseATimeZoneThatIsNotOne) {
  for (const char* bad : {"", "Europe/Amstredam", "localtime", "/etc/localtime", "../etc/passwd", "CEST+1:00"}) {
    EXPECT_THAT(
        Errors(Plus(absl::StrCat("time_zone = \"", bad, "\"\n"))),
        ElementsAre(absl::StrCat("15: [[instrument]] \"gcms-1\": \"time_zone\" must be the name of an IANA time "
                                 "zone, such as \"Europe/Amsterdam\", not \"",
                                 bad, "\"")));
  }
  EXPECT_TRUE(Parse(Plus("time_zone = \"UTC\"\n")).ok());
}

TEST(ConfigErrors, NameTheNearestDriverForAnUnknownOne) {
  EXPECT_THAT(Errors(With("agilent_msd", "agilent_mds")),
              ElementsAre("12: [[instrument]] \"gcms-1\": unknown driver \"agilent_mds\", did you mean "
                          "\"agilent_msd\"?"));
  EXPECT_THAT(Errors(With("agilent_msd", "waters")),
              ElementsAre("12: [[instrument]] \"gcms-1\": unknown driver \"waters\"; there are: agilent_msd, mt_sics"));
}

TEST(ConfigErrors, CheckADriversOptionsAgainstItsOwnTable) {
  EXPECT_THAT(
      Errors(Plus("[instrument.options]\nidel_timeout = \"3s\"\nbus_address = 32\nstrict = \"yes\"\ncolour = 1\n"
                  "encoding = \"utf8\"\n")),
      ElementsAre(
          "16: [[instrument]] \"gcms-1\": options of agilent_msd: unknown key \"idel_timeout\", did you mean "
          "\"idle_timeout\"?",
          "17: [[instrument]] \"gcms-1\": options of agilent_msd: \"bus_address\" must be a whole number from 1 "
          "to 31, not 32",
          "18: [[instrument]] \"gcms-1\": options of agilent_msd: \"strict\" must be true or false, not the text "
          "\"yes\"",
          "19: [[instrument]] \"gcms-1\": options of agilent_msd: unknown key \"colour\"; there are: encoding, "
          "idle_timeout, bus_address, strict",
          "20: [[instrument]] \"gcms-1\": options of agilent_msd: \"encoding\" must be one of \"auto\", "
          "\"utf-8\", not \"utf8\", did you mean \"utf-8\"?"));
  EXPECT_THAT(
      Errors(absl::StrCat(With("agilent_msd", "mt_sics"), "[instrument.options]\nencoding = \"auto\"\n")),
      ElementsAre("16: [[instrument]] \"gcms-1\": options of mt_sics: unknown key \"encoding\"; there are none"));
  EXPECT_THAT(
      Errors(Plus("options = 1\n")),
      ElementsAre("15: [[instrument]] \"gcms-1\": \"options\" must be a table, headed [instrument.options], not "
                  "the number 1"));
}

TEST(ConfigErrors, RefuseTwoInstrumentsOfOneName) {
  EXPECT_THAT(Errors(Plus("[[instrument]]\nname = \"gcms-1\"\ndriver = \"mt_sics\"\nport = \"/dev/nowhere1\"\n")),
              ElementsAre("16: [[instrument]] \"gcms-1\": the name is already that of the instrument in line 11"));
}

TEST(ConfigErrors, RefuseTwoInstrumentsOnOnePort) {
  EXPECT_THAT(Errors(Plus("[[instrument]]\nname = \"b\"\ndriver = \"mt_sics\"\nport = \"/dev/nowhere0\"\n")),
              ElementsAre("18: [[instrument]] \"b\": port \"/dev/nowhere0\" is already that of \"gcms-1\" (line 13)"));
}

TEST(ConfigErrors, KnowOnePortUnderTwoNames) {
  const Folder folder;
  folder.Write("ttyUSB0", "");
  std::filesystem::create_symlink("ttyUSB0", folder.path + "/by-id");
  const std::string text =
      absl::StrCat(absl::StrReplaceAll(kGood, {{"/dev/nowhere0", folder.path + "/ttyUSB0"}}),
                   "[[instrument]]\nname = \"b\"\ndriver = \"mt_sics\"\nport = \"", folder.path, "/by-id\"\n");
  const std::string normal = std::filesystem::path(folder.path).lexically_normal();
  EXPECT_THAT(Errors(text),
              ElementsAre(absl::StrCat("18: [[instrument]] \"b\": port \"", normal, "/by-id\" is the same line as \"",
                                       normal, "/ttyUSB0\", that of \"gcms-1\" (line 13)")));
}

TEST(ConfigErrors, SayHowATableIsHeaded) {
  EXPECT_THAT(Errors(With("[registry]", "[[registry]]")),
              ElementsAre("4: \"registry\" must be one table, headed [registry], not a list"));
  EXPECT_THAT(Errors(With("[[instrument]]", "[instrument]")),
              ElementsAre("10: \"instrument\" must be a table headed [[instrument]] for each instrument, not a table"));
  EXPECT_THAT(Errors(With("bridge = \"bridge-1\"", "bridge = \"bridge-1\"\nstore = 3")),
              ElementsAre("3: \"store\" must be one table, headed [store], not the number 3"));
}

TEST(ConfigErrors, TellTheLineOfWhatIsNotToml) {
  EXPECT_THAT(Errors(Plus("baud 9600\n")), ElementsAre(HasSubstr("15: this is not TOML: ")));
  EXPECT_THAT(Errors(With("\"lab-east\"", "lab-east")), ElementsAre(HasSubstr("1: this is not TOML: ")));
  EXPECT_THAT(Errors(Plus("port = \"/dev/nowhere1\"\n")), ElementsAre(HasSubstr("15: this is not TOML: ")));
  EXPECT_THAT(Errors(Plus("baud = \xc3\xa9\n")), ElementsAre(HasSubstr("15: this is not TOML: ")));
  EXPECT_THAT(Errors(Plus("[/dev]\n")), ElementsAre(HasSubstr("15: this is not TOML: ")));
  EXPECT_THAT(Errors("laboratory = \"\xff\"\n"), ElementsAre(HasSubstr("1: this is not TOML: ")));
}

TEST(ConfigErrors, StayOneLineEachWhateverTheyQuote) {
  EXPECT_THAT(Errors(With("\"lab-east\"", "\"a\\nb\\u0007\"")),
              ElementsAre("1: \"laboratory\" must be 1 to 64 lower-case letters, digits and hyphens, not \"a?b?\""));
}

TEST(ConfigErrors, AreAllReportedInTheOrderOfTheFile) {
  const std::vector<std::string> errors =
      Errors(absl::StrCat(With("\"bridge-1\"", "7"), "baud = 1\nport_ = 3\n[instrument.options]\nstrict = 1\n",
                          "[[instrument]]\nname = \"gcms-1\"\ndriver = \"mt_sics\"\nport = \"/dev/nowhere0\"\n"));
  std::vector<int> lines;
  for (const std::string& error : errors) lines.push_back(std::stoi(error));
  EXPECT_THAT(lines, ElementsAre(2, 15, 16, 18, 20, 22)) << absl::StrJoin(errors, "\n");
}

TEST(ConfigErrors, AreFoundInAFileThatIsCutOffOrDamagedAnywhere) {
  const std::string good = Plus("baud = 9600\n[instrument.options]\nidle_timeout = \"3s\"\n");
  ASSERT_TRUE(Parse(good).ok());
  const std::size_t registry_ends = good.find("\n\n[[instrument]]");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string without = good, replaced = good;
    without.erase(i, 1);
    replaced[i] = '\x80';
    EXPECT_FALSE(Parse(replaced).ok()) << i;  // not UTF-8, so not TOML, wherever it stands
    const std::string head = good.substr(0, i);
    if (i < registry_ends) {
      EXPECT_FALSE(Parse(head).ok()) << head;
    }
    for (const std::string& damaged : {without, replaced, head}) {
      if (!Parse(damaged).ok()) Errors(damaged);  // each of them names the file
    }
  }
}

TEST(ConfigErrors, GiveTheSystemsReasonForAFileThatCannotBeRead) {
  const Folder folder;
  const auto error = [&](const std::string& path) {
    const absl::StatusOr<Config> config = ReadConfig(path, Drivers());
    EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(config.status().message());
  };
  const std::string missing = folder.path + "/missing.toml";
  EXPECT_EQ(error(missing), missing + ": the configuration cannot be read: No such file or directory");
  EXPECT_EQ(error(folder.path), folder.path + ": the configuration cannot be read: Is a directory");
  const std::string large = folder.Write("large.toml", std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(error(large), large + ": the configuration cannot be read: it is larger than 1 MiB");
  const std::string closed = folder.Write("closed.toml", kGood);
  chmod(closed.c_str(), 0);
  if (geteuid() != 0) {
    EXPECT_EQ(error(closed), closed + ": the configuration cannot be read: Permission denied");
  }
}

TEST(ConfigTables, HaveHelpAndAcceptTheirOwnExamplesAndDefaults) {
  for (const ConfigTable& table : ConfigTables()) {
    EXPECT_FALSE(table.help.empty()) << table.name;
    for (const Field& field : table.fields) {
      const std::string where = absl::StrCat(Heading(table), " ", field.spec.name);
      EXPECT_FALSE(field.spec.help.empty()) << where;
      EXPECT_FALSE(absl::EndsWith(field.spec.help, ".")) << where;
      EXPECT_NE(field.set, nullptr) << where;
      const bool has_default = field.presence == Field::Presence::kDefault;
      EXPECT_EQ(!field.spec.default_value.empty(), has_default) << where;
      const absl::string_view shown = field.example.empty() ? field.spec.default_value : field.example;
      EXPECT_TRUE(CheckField(field, shown).ok()) << where << ": " << CheckField(field, shown).status();
    }
  }
}

TEST(Config, TakesAnEmptySocketForNone) {
  EXPECT_EQ(Parse(Plus("[admin]\nsocket = \"\"\n"))->admin.socket, "");
  const absl::StatusOr<Config> config = Parse(Plus("[admin]\nsocket = \"admin.sock\"\ngroup = \"adm\"\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->admin.socket, testing::EndsWith("/lab/admin.sock"));
  EXPECT_EQ(config->admin.group, "adm");
  EXPECT_THAT(Errors(Plus("[admin]\nsokcet = \"x\"\n")),
              ElementsAre("16: [admin]: unknown key \"sokcet\", did you mean \"socket\"?"));
}

TEST(Formats, HaveAFolder) {
  EXPECT_EQ(Parse(kGood)->formats, kFormatsFolder);
  const Folder folder;
  const std::string file = folder.Write("bridge.toml", absl::StrCat("formats = \"own\"\n", kGood));
  const std::string own = std::filesystem::path(folder.path + "/own").lexically_normal().string();
  EXPECT_EQ(ReadFormatsFolder(file), own);
  EXPECT_EQ(ReadConfig(file, Drivers())->formats, own);
  EXPECT_EQ(ReadFormatsFolder(folder.Write("plain.toml", kGood)), kFormatsFolder);
  EXPECT_EQ(ReadFormatsFolder(folder.Write("broken.toml", "formats = [")), kFormatsFolder);
  EXPECT_EQ(ReadFormatsFolder("/nowhere/bridge.toml"), kFormatsFolder);
}

TEST(Formats, ThatAreBrokenAreAnErrorWhereAnInstrumentNeedsThem) {
  DriverFacts facts = Drivers();
  facts.broken["acme"] = "acme.format.toml:4: no\nacme.format.toml:5: neither";
  EXPECT_TRUE(ParseConfig(kGood, "bridge.toml", facts).ok());
  const absl::Status status =
      ParseConfig(With("driver = \"agilent_msd\"", "driver = \"acme\""), "bridge.toml", facts).status();
  EXPECT_EQ(status.message(),
            "bridge.toml:12: [[instrument]] \"gcms-1\": driver \"acme\": acme.format.toml:4: no; acme.format.toml:5: "
            "neither");
}

TEST(ExampleConfig, IsTheFileInTheSourceTree) {
  std::ifstream file(DIMS_SOURCE_DIR "/systemd/bridge.toml.example", std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), ExampleConfig()) << "write ExampleConfig() into systemd/bridge.toml.example";
}

TEST(ExampleConfig, IsAConfiguration) {
  const absl::StatusOr<Config> config = Parse(ExampleConfig());
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->instruments.size(), 1u);
  EXPECT_EQ(config->instruments.front().driver, "agilent_msd");
}

TEST(ExampleConfig, IsAConfigurationWithEverythingUncommentedToo) {
  std::vector<std::string> lines = absl::StrSplit(ExampleConfig(), '\n');
  for (std::string& line : lines) {
    EXPECT_LE(line.size(), 100u) << line;
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
  }
  const absl::StatusOr<Config> config = Parse(absl::StrJoin(lines, "\n"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->instruments.front().baud, 9600);
  EXPECT_EQ(config->instruments.front().date_order, "dmy");
  EXPECT_EQ(config->log_level, "info");
}

TEST(ExampleConfig, ShowsTheDefaultsThatHold) {
  const std::string example = ExampleConfig();
  for (const ConfigTable& table : ConfigTables()) {
    for (const Field& field : table.fields) {
      if (field.presence != Field::Presence::kDefault) continue;
      const bool bare = field.spec.type == Type::kInteger || field.spec.type == Type::kBoolean;
      const absl::string_view quote = bare ? "" : "\"";
      EXPECT_THAT(example, HasSubstr(absl::StrCat("\n#", field.spec.name, " = ", quote, field.spec.default_value)));
    }
  }
}

TEST(ConfigManual, NamesEverySettingAndEveryOptionOfEveryDriver) {
  const std::string manual = ConfigManual(Drivers());
  for (const ConfigTable& table : ConfigTables()) {
    for (const Field& field : table.fields) EXPECT_THAT(manual, HasSubstr(absl::StrCat("\n  ", field.spec.name, " (")));
  }
  for (const OptionSpec& option : kMsdOptions)
    EXPECT_THAT(manual, HasSubstr(absl::StrCat("\n  ", option.name, " (default ")));
  EXPECT_THAT(manual, HasSubstr("\n[instrument.options] with driver = \"mt_sics\": there are none\n"));
  EXPECT_THAT(manual, HasSubstr("  idle_timeout (default \"2m\")\n      Silence that ends a report.\n"
                                "      Must be a duration from 1s to 1h such as \"2m\".\n"));
}

}  // namespace
}  // namespace dims
