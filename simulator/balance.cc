#include "simulator/balance.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/hash.h"
#include "simulator/line_end.h"
#include "spdlog/spdlog.h"

namespace dims {
namespace {

constexpr std::int64_t kLightest = 200, kHeaviest = 999'999;  // of 0.1 mg
constexpr std::size_t kLongestCommand = 32;
constexpr std::size_t kMostLines = 1000;      // a reader that asks without end and reads nothing
constexpr std::uint64_t kPtyHolds = 1 << 20;  // more than a pty holds

constexpr std::pair<absl::string_view, BalanceProtocol> kProtocols[] = {
    {"mt-sics", BalanceProtocol::kMtSics},
    {"sartorius-sbi", BalanceProtocol::kSartoriusSbi},
    {"and", BalanceProtocol::kAnd},
    {"kern", BalanceProtocol::kKern},
};

enum class Status { kStable, kUnstable, kOverload };

std::string Digits(std::int64_t weight) {
  const std::int64_t size = weight < 0 ? -weight : weight;
  return absl::StrFormat("%d.%04d", size / 10'000, size % 10'000);
}

BalanceLine LineOf(BalanceProtocol protocol, Status status, std::int64_t weight) {
  const std::string digits = Digits(weight);
  const bool stable = status == Status::kStable, negative = weight < 0;
  BalanceLine line{.unit = "g"};
  switch (protocol) {
    case BalanceProtocol::kMtSics:
      line.value = absl::StrCat(negative ? "-" : "", digits);
      line.bytes = status == Status::kOverload ? "S +" : absl::StrFormat("S %c %10s g", stable ? 'S' : 'D', line.value);
      break;
    case BalanceProtocol::kSartoriusSbi:
      line.value = absl::StrCat(negative ? "-" : "+", digits);
      line.bytes = status == Status::kOverload
                       ? absl::StrFormat("%-14s", "      High")
                       : absl::StrFormat("%c%9s %-3s", line.value[0], digits, stable ? "g" : "");
      break;
    case BalanceProtocol::kAnd:
      line.value = absl::StrCat(negative ? "-" : "+", std::string(8 - digits.size(), '0'), digits);
      line.bytes = status == Status::kOverload ? "OL,+9999999E+19"
                                               : absl::StrFormat("%s,%s  g", stable ? "ST" : "US", line.value);
      break;
    case BalanceProtocol::kKern:
      line.unit = "G";
      line.value = absl::StrCat(negative ? "-" : "", digits);
      line.bytes = status == Status::kOverload
                       ? absl::StrFormat("%8s G E", "")
                       : absl::StrFormat("%c%7s G %c", negative ? '-' : ' ', digits, stable ? 'S' : 'U');
      break;
  }
  line.bytes += "\r\n";
  return line;
}

}  // namespace

std::optional<BalanceProtocol> ParseBalanceProtocol(absl::string_view name) {
  for (const auto& [known, protocol] : kProtocols) {
    if (known == name) return protocol;
  }
  return std::nullopt;
}

Balance::Balance(const BalanceOptions& options) : options_(options), random_(options.seed) {
  Enter(Phase::kEmpty, options_.gap);
  if (options_.protocol == BalanceProtocol::kMtSics) lines_.push_back({.bytes = "I4 A \"0012345678\"\r\n"});
}

void Balance::Enter(Phase phase, absl::Duration length) {
  phase_ = phase;
  until_ += length;
}

void Balance::NextPhase() {
  switch (phase_) {
    case Phase::kEmpty:
      ++load_;
      weight_ = std::uniform_int_distribution<std::int64_t>(kLightest, kHeaviest)(random_);
      if (options_.overload_every > 0 && load_ % options_.overload_every == 0) {
        return Enter(Phase::kOverloaded, options_.hold);
      }
      return Enter(Phase::kSettling, options_.settle);
    case Phase::kOverloaded:
      return Enter(Phase::kSettling, options_.settle);
    case Phase::kSettling:
      return Enter(Phase::kStable, options_.hold / 2);
    case Phase::kStable:
      if (options_.print_key) Print();
      return Enter(Phase::kPrinted, options_.hold - options_.hold / 2);
    case Phase::kPrinted:
      return Enter(Phase::kLeaving, options_.settle);
    case Phase::kLeaving:
      if (options_.count == 0 || load_ < options_.count) return Enter(Phase::kEmpty, options_.gap);
      return Enter(Phase::kDone, absl::InfiniteDuration());
    case Phase::kDone:
      return;
  }
}

void Balance::Pass(absl::Duration now) {
  while (until_ <= now) NextPhase();
  if (asked_ && (IsStable() || phase_ == Phase::kOverloaded)) {
    asked_ = false;
    Answer();
  }
}

bool Balance::IsStable() const {
  return phase_ == Phase::kEmpty || phase_ == Phase::kStable || phase_ == Phase::kPrinted || phase_ == Phase::kDone;
}

// What the display shows: nothing, the load, or something on the way.
std::int64_t Balance::Reading() {
  if (phase_ == Phase::kStable || phase_ == Phase::kPrinted) return weight_;
  if (IsStable()) return 0;
  return std::uniform_int_distribution<std::int64_t>(0, weight_)(random_);
}

void Balance::Answer() {
  if (lines_.size() >= kMostLines) return;
  const Status status = IsStable()                     ? Status::kStable
                        : phase_ == Phase::kOverloaded ? Status::kOverload
                                                       : Status::kUnstable;
  BalanceLine line = LineOf(options_.protocol, status, Reading());
  const bool loaded = phase_ == Phase::kStable || phase_ == Phase::kPrinted;
  if (loaded && !options_.print_key && recorded_ < load_) line.load = recorded_ = load_;
  lines_.push_back(std::move(line));
}

void Balance::Print() {
  BalanceLine line = LineOf(options_.protocol, Status::kStable, weight_);
  line.load = recorded_ = load_;
  lines_.push_back(std::move(line));
}

void Balance::AnswerError() {
  lines_.push_back({.bytes = options_.protocol == BalanceProtocol::kMtSics ? "ES\r\n" : "EC,E01\r\n"});
}

void Balance::Hear(absl::string_view bytes) {
  for (const char c : bytes) {
    const bool end = c == '\r' || c == '\n';
    if (!end && heard_.size() < kLongestCommand) heard_ += c;
    // Two of the makers have commands that need no line end.
    const bool whole = options_.protocol == BalanceProtocol::kKern ||
                       (options_.protocol == BalanceProtocol::kSartoriusSbi && heard_.size() == 2);
    if ((end || whole) && !heard_.empty()) Obey(std::exchange(heard_, ""));
  }
}

void Balance::Obey(absl::string_view command) {
  const bool sics = options_.protocol == BalanceProtocol::kMtSics;
  switch (options_.protocol) {
    case BalanceProtocol::kSartoriusSbi:
      if (command == "\x1bP") Answer();
      return;
    case BalanceProtocol::kKern:
      if (command == "w") Answer();
      if (command == "s") asked_ = true;
      return;
    case BalanceProtocol::kMtSics:
    case BalanceProtocol::kAnd:
      if (command == "SI" || (!sics && command == "Q")) return Answer();
      if (command == "S") {
        asked_ = true;
      } else if (sics && (command == "@" || command == "I4")) {
        lines_.push_back({.bytes = "I4 A \"0012345678\"\r\n"});
      } else {
        AnswerError();
      }
      return;
  }
}

std::optional<BalanceLine> Balance::Say() {
  if (lines_.empty()) return std::nullopt;
  BalanceLine line = std::move(lines_.front());
  lines_.pop_front();
  return line;
}

namespace {

class Run final : LineEnd {
 public:
  Run(const InstrumentOptions& options, const BalanceOptions& balance, PtyLine& line, Journal& journal)
      : LineEnd(options.name, options.baud, options.paced, line, journal), options_(options), balance_(balance) {}

  absl::Status All() {
    Begin(options_.wait_for_reader);
    began_ = Clock::now();
    while (Going()) {
      balance_.Pass(absl::FromChrono(Clock::now() - began_));
      if (const std::optional<BalanceLine> line = balance_.Say()) {
        SayLine(*line);
      } else if (balance_.done()) {
        break;
      } else {
        Attend(began_ + ToClock(balance_.due()));
      }
    }
    if (Going()) WaitUntilTaken(kNever);
    if (options_.linger) WaitUntil(kNever);
    Unsay(TakeBack());
    Note(Event("stopped"));
    spdlog::info("{}: stopped", name());
    return status();
  }

 private:
  // Where a recorded line stands among the bytes that the line took.
  struct Sent {
    std::uint64_t sequence = 0, begin = 0, end = 0;
  };

  void OnClosed(std::uint64_t left_unread) override { Unsay(left_unread); }
  void OnHeard(absl::string_view bytes) override { balance_.Hear(bytes); }
  void OnSaid(std::size_t size, bool heard) override { (heard ? written_ : unheard_) += size; }

  void SayLine(const BalanceLine& line) {
    if (line.load == 0) return Say(line.bytes);
    const std::uint64_t sequence = options_.first + line.load - 1;
    const auto about = [&](absl::string_view event) {
      JournalLine about = Event(event);
      about.Number("sequence", sequence)
          .Text("sample", "")
          .Text("sha256", absl::BytesToHexString(Sha256::Of(line.bytes)))
          .Number("size", line.bytes.size())
          .Text("value", absl::StrCat(line.value, " ", line.unit));
      return about;
    };
    const absl::Time begin = absl::Now();
    const std::uint64_t from = written_, unheard = unheard_;
    Note(about("sending"));
    Say(line.bytes);
    if (!Going()) return;
    // A reader that hung up in the middle may have taken back more than this line.
    const std::uint64_t taken = written_ - std::min(from, written_);
    const std::uint64_t lost = std::max(unheard_ - unheard, line.bytes.size() - std::min(taken, line.bytes.size()));
    Note(about("sent").Number("discarded", lost).Time("begin", begin).Time("end", absl::Now()));
    sent_.push_back({sequence, written_ - std::min(taken, written_), written_});
    while (sent_.front().end + kPtyHolds < written_) sent_.pop_front();
  }

  // The last `count` bytes that the line took went nowhere.
  void Unsay(std::uint64_t count) {
    const std::uint64_t from = written_ - std::min(count, written_);
    for (Sent& sent : sent_) {
      const std::uint64_t lost = sent.end - std::clamp(from, sent.begin, sent.end);
      sent.end -= lost;  // counted once
      if (lost == 0) continue;
      Note(Event("discarded").Number("sequence", sent.sequence).Text("sample", "").Number("size", lost));
    }
    written_ = from;
  }

  const InstrumentOptions& options_;
  Balance balance_;
  Clock::time_point began_;
  std::uint64_t written_ = 0, unheard_ = 0;  // bytes that the line took, and that nobody did
  std::deque<Sent> sent_;
};

}  // namespace

absl::Status RunBalance(const InstrumentOptions& options, const BalanceOptions& balance, PtyLine& line,
                        Journal& journal) {
  return Run(options, balance, line, journal).All();
}

}  // namespace dims
