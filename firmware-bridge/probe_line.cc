#include "firmware-bridge/probe_line.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(100);
constexpr absl::Duration kQuiet = absl::Seconds(2);      // after which what came is looked at
constexpr absl::Duration kStreaming = absl::Seconds(5);  // an instrument that never falls silent is looked at so often
constexpr absl::Duration kAnswer = absl::Seconds(2);     // within which a query is answered
constexpr std::size_t kMostHeard = std::size_t{1} << 20;
constexpr std::size_t kWorthJudging = 6;  // fewer bytes may be a glitch

bool IsSame(const Line& a, const Line& b) { return WriteLine(a) == WriteLine(b); }

bool IsWrong(LineCheck check) { return check == LineCheck::kWrongSpeed || check == LineCheck::kNoText; }

// The setting is not the instrument's.
bool IsOut(LineCheck check) { return IsWrong(check) || check == LineCheck::kEightParity; }

// More is known: a driver that fits, then a better one, then text, then anything.
bool IsBetter(const Examined& a, const Examined& b) {
  if (a.Fits() || b.Fits()) return a.Fits() && (!b.Fits() || a.candidates[0].explained > b.candidates[0].explained);
  const auto known = [](const Examined& one) {
    return one.check == LineCheck::kSilent ? 0 : IsWrong(one.check) ? 1 : 2;
  };
  return known(a) > known(b);
}

// Every report of it is as it should be, and there are enough of them.
bool IsSettled(const Examined& examined, bool quiet) {
  if (!examined.Fits() || !examined.candidates.front().IsSpecific()) return false;
  const Candidate& best = examined.candidates.front();
  return quiet ? best.clean > 0 : best.problems == 0 && best.reports >= 3;
}

class Prober {
 public:
  Prober(const ProbeRequest& request, const ProbeWorld& world) : request_(request), world_(world) {
    for (const Driver* driver : request.drivers) {
      if (request.ask && !driver->query.empty()) queries_.emplace_back(driver->query);
    }
  }

  absl::StatusOr<Examined> Run() {
    std::vector<Line> settings = SettingsToTry(request_.drivers, request_.ask);
    if (IsTcpName(request_.port)) settings.resize(1);
    for (std::size_t at = 0; at < settings.size() && !world_.stopped();) {
      const absl::StatusOr<Examined> examined = Try(settings[at]);
      if (!examined.ok()) {
        // A device that does not know a speed may know the next one.
        if (!opened_ || !absl::IsFailedPrecondition(examined.status())) return examined.status();
        settings.erase(settings.begin() + at);
        continue;
      }
      if (IsBetter(*examined, best_)) best_ = *examined;
      if (examined->check == LineCheck::kSilent) {
        ++at;
        continue;
      }
      if (done_ || !IsOut(examined->check)) return best_;
      const Line heard = settings[at];
      settings.erase(settings.begin() + at);
      at = 0;
      if (examined->check == LineCheck::kEightParity && heard.parity == 'N') {
        TryFirst({heard.baud, 8, 'E'}, {heard.baud, 8, 'O'}, settings);
      }
      if (!settings.empty()) {
        world_.say(absl::StrCat("at ", WriteLine(heard), " came ", Describe(examined->check),
                                "; let the instrument print once more"));
      }
    }
    return best_;
  }

 private:
  static void TryFirst(const Line& even, const Line& odd, std::vector<Line>& settings) {
    std::erase_if(settings, [&](const Line& line) { return IsSame(line, even) || IsSame(line, odd); });
    settings.insert(settings.begin(), {even, odd});
  }

  absl::StatusOr<Examined> Try(const Line& line) {
    const absl::StatusOr<std::unique_ptr<Port>> port = world_.open(request_.port, line);
    if (!port.ok()) return port.status();
    opened_ = true;
    heard_ = {"", {}, line};
    if (queries_.empty()) {
      world_.say(
          absl::StrCat("listening", IsTcpName(request_.port) ? std::string() : absl::StrCat(" at ", WriteLine(line))));
      return Listen(**port, request_.listen);
    }
    world_.say(absl::StrCat("asking at ", WriteLine(line)));
    Examined best;
    for (const std::string& query : queries_) {
      if (absl::Status status = (*port)->Write(query); !status.ok()) return status;
      // What answers one query may not know the next: each has its own hearing.
      heard_ = {"", {}, line};
      const absl::StatusOr<Examined> examined = Listen(**port, kAnswer);
      if (!examined.ok()) return examined.status();
      if (IsBetter(*examined, best)) best = *examined;
      if (done_ || world_.stopped()) break;
    }
    return best;
  }

  // Until something is known, or nothing has come for so long.
  absl::StatusOr<Examined> Listen(Port& port, absl::Duration wait) {
    absl::Duration last = world_.uptime(), looked = last;
    const absl::Duration start = last;
    std::size_t seen = 0;
    Examined examined;
    while (!world_.stopped() && heard_.bytes.size() < kMostHeard) {
      const absl::StatusOr<Received> received = port.Read(kLook);
      if (!received.ok()) {
        if (heard_.bytes.empty()) return received.status();
        done_ = true;  // it hung up: nothing more comes
        break;
      }
      const absl::Duration now = world_.uptime();
      if (!received->bytes.empty()) {
        Take(*received);
        last = now;
      }
      const bool news = heard_.bytes.size() > seen, quiet = now - last >= kQuiet;
      // Twice as much each time, so that looking stays linear.
      if (news && (quiet || (now - looked >= kStreaming && heard_.bytes.size() >= 2 * seen))) {
        seen = heard_.bytes.size();
        looked = now;
        examined = Examine(heard_, request_.drivers);
        done_ = IsSettled(examined, quiet);
        if (done_ || (IsOut(examined.check) && !examined.Fits() && seen >= kWorthJudging)) return examined;
      }
      if (now - std::max(last, start) >= wait) break;
      // Text that never ends and that nobody knows.
      if (now - start >= 10 * wait) break;
    }
    if (heard_.bytes.size() > seen) examined = Examine(heard_, request_.drivers);
    if (heard_.bytes.size() < kWorthJudging) return Examined();
    return examined;
  }

  void Take(const Received& received) {
    for (const LineMark& mark : received.marks) {
      heard_.marks.push_back({mark.kind, heard_.bytes.size() + mark.offset});
    }
    heard_.bytes += received.bytes;
  }

  const ProbeRequest& request_;
  const ProbeWorld& world_;
  std::vector<std::string> queries_;
  Capture heard_;
  Examined best_;
  bool opened_ = false, done_ = false;
};

}  // namespace

std::vector<Line> SettingsToTry(absl::Span<const Driver* const> drivers, bool ask) {
  constexpr int kBauds[] = {9600, 19200, 38400, 4800, 2400, 1200, 57600, 115200};
  std::vector<Line> settings;
  const auto add = [&](Line line) {
    line.flow = "none";
    if (absl::c_none_of(settings, [&](const Line& other) { return IsSame(line, other); })) settings.push_back(line);
  };
  add(Line());
  if (ask) {
    for (const Driver* driver : drivers) {
      if (!driver->query.empty()) add(driver->line);
    }
  }
  for (const int baud : kBauds) add({baud, 8, 'N'});
  for (const Driver* driver : drivers) add({driver->line.baud, 8, 'N'});
  if (!ask) return settings;
  for (const char parity : {'E', 'O'}) {
    for (const int baud : kBauds) add({baud, 7, parity});
  }
  return settings;
}

absl::StatusOr<Examined> ProbeLine(const ProbeRequest& request, const ProbeWorld& world) {
  return Prober(request, world).Run();
}

}  // namespace dims
