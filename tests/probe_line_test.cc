// Probing a live line: through a pair of UARTs that need not be set alike, in time that the test gives; and through a
// real pseudo-terminal.
#include "firmware-bridge/probe_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "drivers/catalog.h"
#include "firmware-bridge/port_list.h"
#include "simulator/balance.h"
#include "tests/inputs.h"
#include "tests/printer_driver.h"
#include "tests/pty.h"
#include "tests/uart.h"

namespace dims {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string InstrumentSide(absl::string_view driver, absl::string_view transcript) {
  for (const Transcript& each : TranscriptsOf(*FindDriver(driver))) {
    if (absl::EndsWith(each.file, transcript)) return InputOf(*FindDriver(driver), each).bytes;
  }
  ADD_FAILURE() << "no transcript " << transcript;
  return "";
}

std::string Named(const Examined& examined) {
  return examined.Fits() ? std::string(examined.candidates.front().driver->name) : "";
}

// A made-up balance that speaks only when it is asked: "Q" is answered with "begin S1", "end" (kPrinter's words).
class Asker final : public Decoder {
 public:
  void OnOpen(Events& out) override {
    out.push_back(Reply{"Q\r\n", ""});
    out.push_back(Reply{"ACK", "NAK"});  // an acknowledgement, which no probe may send
  }
  void OnFrame(const Frame& frame, Events& out) override { printer_.OnFrame(frame, out); }

 private:
  Printer printer_;
};
const Driver kAsker = {.name = "asker",
                       .title = "made up",
                       .version = "1",
                       .line = {2400, 7, 'E'},
                       .scan = ScanLines,
                       .max_frame = 256,
                       .max_report = 4096,
                       .options = {},
                       .make = [](const Options&) -> std::unique_ptr<Decoder> { return std::make_unique<Asker>(); },
                       .query = "Q\r\n"};

// An instrument at the other end of a wire, and the time.
class World {
 public:
  // How the instrument is set, what it prints, how long after its line was opened, or after it was asked to print
  // again.
  Line line;
  std::string text;
  absl::Duration after = absl::Seconds(3);
  bool prints = true;  // by itself
  std::string query;   // what makes it print
  absl::Duration stop = absl::InfiniteDuration();
  std::vector<std::string> opened, sent, told;
  absl::Duration uptime = absl::Hours(1);

  ProbeWorld Probed() {
    return {[this](const std::string&, const Line& set) { return Open(set); }, [this] { return uptime; },
            [this] { return uptime >= absl::Hours(1) + stop; },
            [this](absl::string_view what) { told.emplace_back(what); }};
  }

 private:
  class Wire final : public Port {
   public:
    Wire(World& world, const Line& set) : world_(world), set_(set), due_(world.uptime + world.after) {}
    absl::StatusOr<Received> Read(absl::Duration wait) override {
      world_.uptime += wait;
      if ((!world_.prints && !asked_) || printed_ || world_.uptime < due_) return Received{};
      printed_ = true;
      return OverTheWire(world_.text, world_.line, set_);
    }
    absl::Status Write(absl::string_view bytes) override {
      const std::string heard = OverTheWire(bytes, set_, world_.line).bytes;
      world_.sent.emplace_back(bytes);
      if (heard != world_.query) return absl::OkStatus();
      asked_ = true;
      due_ = world_.uptime + absl::Milliseconds(300);
      return absl::OkStatus();
    }
    bool HoldsBack() const override { return false; }
    bool IsSimulated() const override { return true; }

   private:
    World& world_;
    const Line set_;
    absl::Duration due_;
    bool printed_ = false, asked_ = false;
  };

  absl::StatusOr<std::unique_ptr<Port>> Open(const Line& set) {
    opened.push_back(WriteLine(set));
    return std::make_unique<Wire>(*this, set);
  }
};

Examined Probed(World& world, bool ask = false, absl::Span<const Driver* const> drivers = Catalog()) {
  const absl::StatusOr<Examined> examined =
      ProbeLine({.port = "/dev/ttyS7", .listen = absl::Seconds(20), .ask = ask, .drivers = drivers}, world.Probed());
  EXPECT_TRUE(examined.ok()) << examined.status();
  return examined.value_or(Examined());
}

TEST(ProbeLine, OnePrintOutAtTheFirstSettingIsEnough) {
  World world;
  world.text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  const Examined examined = Probed(world);
  EXPECT_EQ(Named(examined), "agilent_msd");
  EXPECT_THAT(world.opened, ElementsAre("9600 8N1"));
  EXPECT_TRUE(world.sent.empty());
  EXPECT_LE(world.uptime - absl::Hours(1), absl::Seconds(10)) << "it went on for no reason";
}

TEST(ProbeLine, FindsEverySpeedAndFraming) {
  const std::string text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  for (const int baud : {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200}) {
    for (const Line& line :
         {Line{baud}, Line{baud, 7, 'E'}, Line{baud, 7, 'O'}, Line{baud, 8, 'E'}, Line{baud, 8, 'O'}}) {
      World world;
      world.line = line;
      world.text = text;
      const Examined examined = Probed(world);
      EXPECT_EQ(Named(examined), "agilent_msd") << WriteLine(line) << " after " << absl::StrJoin(world.opened, ", ");
      EXPECT_EQ(WriteLine(examined.line), WriteLine(line)) << absl::StrJoin(world.opened, ", ");
    }
  }
}

// The person pressed the key while another speed was listened at: the first is tried again.
TEST(ProbeLine, ComesBackToASettingAtWhichNothingWasHeard) {
  World world;
  world.text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  world.after = absl::Seconds(19);
  const auto open = world.Probed().open;
  ProbeWorld probed = world.Probed();
  int openings = 0;
  probed.open = [&](const std::string& name, const Line& line) {
    world.after = ++openings == 1 ? absl::Hours(1) : absl::Seconds(3);
    return open(name, line);
  };
  const absl::StatusOr<Examined> examined = ProbeLine({.port = "/dev/ttyS7", .drivers = Catalog()}, probed);
  ASSERT_TRUE(examined.ok()) << examined.status();
  EXPECT_EQ(Named(*examined), "agilent_msd");
  EXPECT_THAT(world.opened, ElementsAre("9600 8N1", "19200 8N1", "9600 8N1"));
  EXPECT_THAT(world.told, testing::Contains(HasSubstr("wrong baud rate; let the instrument print once more")));
}

TEST(ProbeLine, SaysThatNothingCame) {
  World world;
  world.prints = false;
  const Examined examined = Probed(world);
  EXPECT_EQ(examined.check, LineCheck::kSilent);
  EXPECT_EQ(world.opened.size(), SettingsToTry(Catalog(), false).size());
  EXPECT_TRUE(world.sent.empty());
}

TEST(ProbeLine, StopsAtTextThatNoDriverKnows) {
  World world;
  world.text = "AUTO INTEGRATOR READY -- press START to begin -- 0123456789\r\n";
  const Examined examined = Probed(world);
  EXPECT_EQ(examined.check, LineCheck::kText);
  EXPECT_EQ(Named(examined), "");
  EXPECT_THAT(world.opened, ElementsAre("9600 8N1"));
}

TEST(ProbeLine, AGlitchOfThePlugSettlesNothing) {
  World world;
  world.text = std::string("\xff\0", 2);
  const Examined examined = Probed(world);
  EXPECT_EQ(examined.check, LineCheck::kSilent);
  EXPECT_EQ(world.opened.size(), SettingsToTry(Catalog(), false).size());
}

TEST(ProbeLine, EndsWhenItIsToldToWithWhatWasFound) {
  World world;
  world.text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  world.stop = absl::Seconds(4);
  EXPECT_EQ(Named(Probed(world)), "agilent_msd") << "it was heard a second before";
  World silent;
  silent.prints = false;
  silent.stop = absl::Seconds(4);
  EXPECT_EQ(Probed(silent).check, LineCheck::kSilent);
  EXPECT_LE(silent.uptime - absl::Hours(1), absl::Seconds(5));
}

TEST(ProbeLine, AsksOnlyWhenToldTo) {
  const Driver* const drivers[] = {&kPrinter, &kAsker};
  World world;
  world.line = {2400, 7, 'E'};
  world.text = "begin S1\nend\n";
  world.prints = false;
  world.query = "Q\r\n";
  EXPECT_EQ(Probed(world, false, drivers).check, LineCheck::kSilent);
  EXPECT_TRUE(world.sent.empty());
  const Examined examined = Probed(world, true, drivers);
  EXPECT_EQ(Named(examined), "asker") << "its instruments are set so as they are delivered";
  EXPECT_EQ(WriteLine(examined.line), "2400 7E1");
  ASSERT_FALSE(world.sent.empty());
  for (const std::string& sent : world.sent) EXPECT_EQ(sent, "Q\r\n") << "an acknowledgement, or what nobody asked for";
}

TEST(ProbeLine, NoQueryIsAnAcknowledgement) {
  for (const Driver* driver : Catalog()) EXPECT_FALSE(absl::StrContains(driver->query, '\x06')) << driver->name;
}

TEST(ProbeLine, AskedEachBalanceIsNamed) {
  const std::pair<const char*, BalanceProtocol> balances[] = {{"mt_sics", BalanceProtocol::kMtSics},
                                                              {"sartorius_sbi", BalanceProtocol::kSartoriusSbi},
                                                              {"and_balance", BalanceProtocol::kAnd},
                                                              {"kern", BalanceProtocol::kKern}};
  for (const auto& [name, protocol] : balances) {
    SCOPED_TRACE(name);
    BalanceOptions options;
    options.protocol = protocol;
    options.print_key = false;
    Balance balance(options);
    // A load lies still on it.
    balance.Pass(balance.due());
    balance.Pass(balance.due());
    World world;
    world.line = FindDriver(name)->line;
    world.query = std::string(FindDriver(name)->query);
    world.prints = false;
    balance.Hear(world.query);
    while (const std::optional<BalanceLine> line = balance.Say()) world.text += line->bytes;
    EXPECT_EQ(Named(Probed(world, true)), name) << world.text;
  }
}

TEST(ProbeLine, AFewCharactersByChanceSettleNothing) {
  World world;
  world.text = "?";
  EXPECT_EQ(Probed(world).check, LineCheck::kSilent);
  EXPECT_EQ(world.opened.size(), SettingsToTry(Catalog(), false).size());
}

TEST(ProbeLine, TriesTheUsualSpeedsFirstAndNoneTwice) {
  const std::vector<Line> settings = SettingsToTry(Catalog(), false);
  ASSERT_GE(settings.size(), 8u);
  EXPECT_EQ(WriteLine(settings[0]), "9600 8N1");
  EXPECT_EQ(WriteLine(settings[1]), "19200 8N1");
  std::set<std::string> seen;
  for (const Line& line : settings) EXPECT_TRUE(seen.insert(WriteLine(line)).second) << WriteLine(line);
}

TEST(ProbeLine, ASettingThatTheDeviceDoesNotHaveIsPassedOver) {
  World world;
  world.line = {38400};
  world.text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  ProbeWorld probed = world.Probed();
  const auto open = probed.open;
  probed.open = [&](const std::string& name, const Line& line) -> absl::StatusOr<std::unique_ptr<Port>> {
    if (line.baud == 19200) return absl::FailedPreconditionError("not taken");
    return open(name, line);
  };
  const absl::StatusOr<Examined> examined = ProbeLine({.port = "/dev/ttyS7", .drivers = Catalog()}, probed);
  ASSERT_TRUE(examined.ok()) << examined.status();
  EXPECT_EQ(WriteLine(examined->line), "38400 8N1");
  probed.open = [](const std::string&, const Line&) -> absl::StatusOr<std::unique_ptr<Port>> {
    return absl::FailedPreconditionError("in use");
  };
  EXPECT_EQ(ProbeLine({.port = "/dev/ttyS7", .drivers = Catalog()}, probed).status().message(), "in use");
}

// The real thing: a pseudo-terminal, and a clock that runs ahead so that nobody waits.
TEST(ProbeLine, HearsAPrintOutOnAPseudoTerminal) {
  Pty pty;
  absl::Duration uptime;
  const std::string text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  const ProbeWorld world = {[](const std::string& name, const Line& line) { return OpenPort(name, line, Never); },
                            [&] { return uptime += absl::Milliseconds(500); }, Never,
                            [&](absl::string_view what) {
                              if (absl::StartsWith(what, "listening")) pty.Say(text);
                            }};
  const absl::StatusOr<Examined> examined = ProbeLine({.port = pty.path(), .drivers = Catalog()}, world);
  ASSERT_TRUE(examined.ok()) << examined.status();
  EXPECT_EQ(Named(*examined), "agilent_msd");
  EXPECT_EQ(examined->candidates.front().problems, 0);
}

TEST(ProbeLine, ALineThatHangsUpIsToldByWhatWasHeard) {
  Pty pty;
  absl::Duration uptime;
  const std::string text = InstrumentSide("agilent_msd", "agilent_msd_area_percent.transcript");
  int asked = 0;
  const ProbeWorld world = {[](const std::string& name, const Line& line) { return OpenPort(name, line, Never); },
                            [&] { return uptime += absl::Milliseconds(1); },
                            [&] {
                              if (++asked == 10) pty.HangUp();
                              return false;
                            },
                            [&](absl::string_view) { pty.Say(text); }};
  const absl::StatusOr<Examined> examined = ProbeLine({.port = pty.path(), .drivers = Catalog()}, world);
  ASSERT_TRUE(examined.ok()) << examined.status();
  EXPECT_EQ(Named(*examined), "agilent_msd");
}

}  // namespace
}  // namespace dims
