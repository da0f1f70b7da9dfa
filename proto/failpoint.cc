#include "proto/failpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace dims::failpoint {
namespace {

enum class Action { kKill, kError, kDelay };

struct Order {
  std::size_t place = 0;
  Action action = Action::kKill;
  absl::Duration delay;
  uint32_t hit = 1;
};

struct Plan {
  std::vector<Order> orders;
  std::string hits_file;
};

// One write, so that lines of several processes do not mix.
void Say(int fd, const std::string& line) {
  [[maybe_unused]] const ssize_t written = write(fd, line.data(), line.size());
}

absl::string_view Name(const Place& place) { return {place.name.data(), place.name.size()}; }

[[noreturn]] void Reject(absl::string_view order, absl::string_view why) {
  std::string text = absl::StrCat("DIMS_FAILPOINT: \"", order, "\": ", why,
                                  "; it is name=kill|error|delay:TIME[@n], several by commas. The names are:\n");
  for (const Place& place : kPlaces) absl::StrAppend(&text, Name(place), place.fails ? "" : " (no error)", "\n");
  Say(STDERR_FILENO, text);
  _exit(2);
}

Order ReadOrder(absl::string_view text) {
  Order order;
  const std::vector<absl::string_view> sides = absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (sides.size() != 2) Reject(text, "there is no =");
  while (order.place < kPlaces.size() && Name(kPlaces[order.place]) != sides[0]) ++order.place;
  if (order.place == kPlaces.size()) Reject(text, "there is no such name");
  const std::vector<absl::string_view> words = absl::StrSplit(sides[1], absl::MaxSplits('@', 1));
  if (words.size() == 2 && (!absl::SimpleAtoi(words[1], &order.hit) || order.hit == 0)) {
    Reject(text, "after @ stands which hit, from 1 on");
  }
  absl::string_view action = words[0];
  if (action == "kill") return order;
  if (action == "error") {
    if (!kPlaces[order.place].fails) Reject(text, "nothing can fail there");
    order.action = Action::kError;
    return order;
  }
  if (!absl::ConsumePrefix(&action, "delay:") || !absl::ParseDuration(action, &order.delay)) {
    Reject(text, "there is no such action");
  }
  order.action = Action::kDelay;
  return order;
}

Plan ReadPlan() {
  Plan plan;
  if (const char* file = std::getenv("DIMS_FAILPOINT_HITS")) plan.hits_file = file;
  const char* orders = std::getenv("DIMS_FAILPOINT");
  if (orders == nullptr) return plan;
  for (const absl::string_view order : absl::StrSplit(orders, ',', absl::SkipEmpty())) {
    plan.orders.push_back(ReadOrder(order));
  }
  return plan;
}

}  // namespace

bool Hit(std::size_t place) {
  static const Plan plan = ReadPlan();
  static std::array<std::atomic<uint32_t>, kPlaces.size()> hits;
  const uint32_t hit = hits[place].fetch_add(1, std::memory_order_relaxed) + 1;
  if (hit == 1 && !plan.hits_file.empty()) {
    const int file = open(plan.hits_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    Say(file, absl::StrCat(Name(kPlaces[place]), "\n"));
    close(file);
  }
  bool fail = false;
  for (const Order& order : plan.orders) {
    if (order.place != place || order.hit != hit) continue;
    const auto said = [&](absl::string_view action) {
      Say(STDERR_FILENO, absl::StrCat("failpoint ", Name(kPlaces[place]), ": ", action, "\n"));
    };
    switch (order.action) {
      case Action::kKill:
        said("kill");
        kill(getpid(), SIGKILL);
        while (true) pause();  // the signal may reach another thread first
      case Action::kError:
        said("error");
        fail = true;
        break;
      case Action::kDelay:
        said("delay");
        absl::SleepFor(order.delay);
        break;
    }
  }
  return fail;
}

}  // namespace dims::failpoint
