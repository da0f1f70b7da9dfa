// A balance at the end of a line: when it is asked, and which of its readings are weighings.
//
// What: the decoder of every balance; a driver adds how its lines read, and what it must be asked.
//   On the print key (the default) each stable reading that comes is a weighing, one report each.
//   Where the balance is asked again and again (`poll`), or sends without end by itself (`continuous`), a load is a
//   weighing once: with its first stable reading. It is over, and the next stable reading a load of its own, when a
//   reading, stable or not, is more than `same_load` digits of its last place away, or when the balance cannot weigh,
//   is tared, zeroed or switched on; so a draught is no new load, nor is a command that failed, and a spoonful more is.
//   Zero (to as many digits) is an empty pan, no load. Gross, net and tare are kept apart. Ordered to weigh, the
//   balance is asked once, and what it answers is taken as on its print key.
// Promise: only a stable reading in a unit of weight is a weighing, and only one whose line came without line errors.
//   That the balance cannot weigh (overload, an error) or does not (a count) is a report, told once until a stable
//   reading or another state comes: a balance that is asked every second for a year does not fill a store. Whatever
//   else the layout has is passed over; what it does not have is noise.
// Notes: after a restart of the bridge the load on the pan is one again.
// Errors: Reading's.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_BALANCE_SCALE_H_
#define DIMS_DRIVERS_BALANCE_SCALE_H_

#include <array>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "drivers/balance/reading.h"
#include "drivers/decimal.h"
#include "drivers/driver.h"
#include "drivers/encoding.h"
#include "drivers/framing.h"

namespace dims::balance {

// A line without its line end; nullopt: no line of this balance.
using ReadLine = std::optional<Reading> (*)(absl::string_view line);

inline constexpr std::size_t kMostLine = 256;  // bytes; the longest that is documented has 60

inline constexpr OptionSpec kPollOption = {
    .name = "poll",
    .type = OptionSpec::Type::kDuration,
    .minimum = 0,
    .maximum = 86'400'000,
    .default_value = "0s",
    .help = "how long after each answer the balance is asked again; 0s: never, it sends when its print key is pressed"};
inline constexpr OptionSpec kContinuousOption = {
    .name = "continuous",
    .type = OptionSpec::Type::kBoolean,
    .default_value = "false",
    .help = "the balance sends readings by itself without end: a load is recorded once, as with poll"};
inline constexpr OptionSpec kSameLoadOption = {
    .name = "same_load",
    .type = OptionSpec::Type::kInteger,
    .unit = "digits of the last place",
    .minimum = 0,
    .maximum = 10'000,
    .default_value = "2",
    .help = "with poll or continuous: a reading this near to the load recorded last, or to zero, is no new load"};
inline constexpr OptionSpec kCommandOption = {
    .name = "command",
    .type = OptionSpec::Type::kChoice,
    .choices = "immediate|stable",
    .default_value = "immediate",
    .help = "with poll, or ordered to weigh: ask for the reading as it is, or for the next stable one"};

// Of every balance that can be asked.
inline constexpr OrderSpec kOrders[] = {{"weigh", "ask the balance for what lies on it"}};

struct Question {
  absl::string_view bytes;  // of static storage
  bool waits = false;       // the balance answers once something stable lies on it
};

class Scale final : public Decoder {
 public:
  Scale(const Options& options, ReadLine read, const Question& question);

  void OnOpen(Events& out) override;
  void OnFrame(const Frame& frame, Events& out) override;
  void OnTimer(int timer, uint64_t at, Events& out) override;
  void OnSend(const Order& order, uint64_t at, Events& out) override;

 private:
  struct Load {
    Decimal value;
    std::string unit;
  };

  void Ask(Events& out) const;
  void Take(const Reading& reading, uint64_t at, Events& out);
  void TakeStable(const Reading& reading, Events& out);
  void Tell(const Reading& reading, uint64_t at, Events& out);
  bool IsNear(const Reading& reading, const Load& load) const;

  const Encoding encoding_;
  const absl::Duration poll_;
  const bool each_load_once_;
  const int64_t same_load_;
  const ReadLine read_;
  const Question question_;
  std::array<std::optional<Load>, dims::v1::WeighingKind_ARRAYSIZE> loads_;  // by kind: the one recorded last
  std::string told_;                                                         // of the states; empty: it weighs
};

}  // namespace dims::balance

#endif  // DIMS_DRIVERS_BALANCE_SCALE_H_
