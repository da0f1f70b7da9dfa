#include "simulator/proxy_command.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace dims {
namespace {

constexpr char kAbout[] =
    "A bad network between a bridge and its registry: carries what connects to --listen on to --to, until a fault is\n"
    "to befall it. What goes to --to goes up, what comes back comes down.\n"
    "\n"
    "Lines on stdin steer it while it runs; each is answered by a line on stdout:\n"
    "  cut                       reset every connection, on both sides\n"
    "  cut after N up|down       the same once so many more bytes were carried, in the middle of whatever they are\n"
    "  stall [up|down]           carry nothing; connections stay open\n"
    "  half-open                 reset the server's side of every connection; the other stays open, and silent\n"
    "  refuse                    let nobody listen\n"
    "  reject                    accept what connects, and reset it\n"
    "  garbage [up|down]         put random bytes before every piece\n"
    "  flip [up|down]            change one bit of every piece\n"
    "  delay TIME [up|down]      everything arrives so much later: 300ms, 2s\n"
    "  throttle RATE [up|down]   all connections together: 9600bit, 64kbit, 1mbit (a second)\n"
    "  heal                      the link is again as at the start\n"
    "  calm                      heal, and no more random faults\n"
    "  status                    what it has carried, and the faults in force\n"
    "\n"
    "  dims-sim proxy --listen 127.0.0.1:7444 --to 127.0.0.1:7443 --throttle 1mbit --delay 200ms\n"
    "  dims-sim proxy --to 127.0.0.1:7443 --seed 7 --every 2s --faults cut,stall,garbage --log network.jsonl\n"
    "\n"
    "It ends at SIGTERM or SIGINT; the end of stdin does not end it. The log has one JSON object a line: listening,\n"
    "connected, closed, half-open, fault, healed.";

std::string CheckAs(const std::string& fault, const std::string& text) {
  return std::string(ParseFault(absl::StrCat(fault, " ", text)).status().message());
}

// Takes the lines that are whole out of `text`.
void Obey(FaultProxy& proxy, std::string& text, std::ostream& output) {
  for (std::size_t end = 0; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1)) {
    const std::string line = text.substr(0, end);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const absl::StatusOr<std::string> answer = proxy.Do(line);
    output << (answer.ok() ? *answer : absl::StrCat("error: ", answer.status().message())) << std::endl;
  }
}

}  // namespace

void Describe(CLI::App& app, ProxyCommand& command) {
  FaultProxyOptions& options = command.options;
  app.add_option("--listen", options.listen, "where the bridge connects to, host:port; port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--to", options.to, "the registry, host:port")->required();
  app.add_option("--log", options.log, "append JSON lines to this file: connections, faults, bytes each way");
  app.add_option("--throttle", command.throttle, "what the link carries each way, all connections together: 64kbit")
      ->type_name("RATE")
      ->check([](const std::string& text) { return CheckAs("throttle", text); });
  app.add_option("--delay", command.delay, "how long the link takes each way")
      ->type_name("TIME")
      ->check([](const std::string& text) { return CheckAs("delay", text); });
  app.add_option("--seed", options.seed, "of random faults and of garbage")->capture_default_str();
  auto* every = app.add_option("--every", command.every,
                               "random faults, on the average so long after each other; each lasts a tenth of it or up "
                               "to the whole")
                    ->type_name("TIME")
                    ->check([](const std::string& text) {
                      absl::Duration time;
                      if (absl::ParseDuration(text, &time) && time >= absl::Milliseconds(1)) return std::string();
                      return "\"" + text + "\" is no time; write it like 300ms or 2s (at least 1ms)";
                    });
  app.add_option("--faults", command.kinds, "only these, by name: cut,stall,half-open")
      ->type_name("NAMES")
      ->needs(every)
      ->check([](const std::string& text) { return std::string(ParseFaultKinds(text).status().message()); });
  app.footer(kAbout);
}

absl::Status RunProxy(const ProxyCommand& command, int input, std::ostream& output, int stop) {
  FaultProxyOptions options = command.options;
  if (!command.throttle.empty()) options.always.push_back(*ParseFault(absl::StrCat("throttle ", command.throttle)));
  if (!command.delay.empty()) options.always.push_back(*ParseFault(absl::StrCat("delay ", command.delay)));
  if (!command.every.empty()) absl::ParseDuration(command.every, &options.every);
  if (!command.kinds.empty()) options.kinds = *ParseFaultKinds(command.kinds);
  absl::StatusOr<std::unique_ptr<FaultProxy>> proxy = FaultProxy::Start(std::move(options));
  if (!proxy.ok()) return proxy.status();
  output << "dims-sim: listening on " << (*proxy)->address() << std::endl;
  std::string text;
  pollfd waited[] = {{stop, POLLIN, 0}, {input, POLLIN, 0}};
  while (true) {
    const int ready = poll(waited, 2, -1);
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return absl::ErrnoToStatus(errno, "cannot wait for stdin");
    if (waited[0].revents != 0) return absl::OkStatus();
    char bytes[4096];
    const ssize_t size = read(input, bytes, sizeof bytes);
    if (size <= 0) {
      text += '\n';
      waited[1].fd = -1;
    } else {
      text.append(bytes, static_cast<std::size_t>(size));
    }
    Obey(**proxy, text, output);
  }
}

}  // namespace dims
