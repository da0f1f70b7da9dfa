#include "simulator/fault.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

struct Word {
  Fault::Kind kind;
  absl::string_view name;
  bool has_way;
};
constexpr Word kWords[] = {
    {Fault::Kind::kCut, "cut", false},
    {Fault::Kind::kStall, "stall", true},
    {Fault::Kind::kHalfOpen, "half-open", false},
    {Fault::Kind::kRefuse, "refuse", false},
    {Fault::Kind::kReject, "reject", false},
    {Fault::Kind::kGarbage, "garbage", true},
    {Fault::Kind::kFlip, "flip", true},
    {Fault::Kind::kDelay, "delay", true},
    {Fault::Kind::kThrottle, "throttle", true},
};

const Word& WordOf(Fault::Kind kind) {
  return *std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& word) { return word.kind == kind; });
}

absl::StatusOr<Word> FindWord(absl::string_view name) {
  const auto* found =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& word) { return word.name == name; });
  if (found != std::end(kWords)) return *found;
  const auto append_name = [](std::string* out, const Word& word) { absl::StrAppend(out, word.name); };
  return absl::InvalidArgumentError(
      absl::StrCat("\"", name, "\" is no fault; there are ", absl::StrJoin(kWords, ", ", append_name)));
}

absl::StatusOr<std::uint64_t> ParseRate(absl::string_view text) {
  constexpr std::pair<absl::string_view, std::uint64_t> kUnits[] = {
      {"mbit", 1'000'000}, {"kbit", 1'000}, {"bit", 1}};  // the longer names first: each ends as the last does
  for (const auto& [unit, bits] : kUnits) {
    absl::string_view digits = text;
    std::uint64_t number = 0;
    if (!absl::ConsumeSuffix(&digits, unit) || !absl::SimpleAtoi(digits, &number)) continue;
    if (number > 100'000'000'000 / bits || number * bits < 8) break;
    return number * bits / 8;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is no rate; write it like 9600bit, 64kbit or 1mbit (at least 8bit)"));
}

std::string RateText(std::uint64_t rate) {
  const std::uint64_t bits = rate * 8;
  if (bits % 1'000'000 == 0) return absl::StrCat(bits / 1'000'000, "mbit");
  if (bits % 1'000 == 0) return absl::StrCat(bits / 1'000, "kbit");
  return absl::StrCat(bits, "bit");
}

}  // namespace

absl::StatusOr<Fault> ParseFault(absl::string_view line) {
  std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
  const absl::StatusOr<Word> word = FindWord(words.empty() ? "" : words.front());
  if (!word.ok()) return word.status();
  Fault fault;
  fault.kind = word->kind;
  std::size_t read = 1;
  const absl::string_view argument = words.size() > 1 ? words[1] : "";
  if (fault.kind == Fault::Kind::kDelay) {
    if (!absl::ParseDuration(argument, &fault.delay) || fault.delay < absl::ZeroDuration() ||
        fault.delay > absl::Hours(1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("delay: \"", argument, "\" is no time; write it like 300ms or 2s (at most 1h)"));
    }
    read = 2;
  } else if (fault.kind == Fault::Kind::kThrottle) {
    absl::StatusOr<std::uint64_t> rate = ParseRate(argument);
    if (!rate.ok()) return absl::InvalidArgumentError(absl::StrCat("throttle: ", rate.status().message()));
    fault.rate = *rate;
    read = 2;
  } else if (fault.kind == Fault::Kind::kCut && argument == "after") {
    std::uint64_t bytes = 0;
    if (words.size() < 4 || !absl::SimpleAtoi(words[2], &bytes) || bytes == 0) {
      return absl::InvalidArgumentError("cut after: write how many bytes, at least 1, and the way: cut after 1000 up");
    }
    fault.after = bytes;
    read = 3;
  }
  if ((word->has_way || fault.after) && read < words.size() && (words[read] == "up" || words[read] == "down")) {
    fault.up = words[read] == "up";
    fault.down = !fault.up;
    ++read;
  }
  if (fault.after && fault.up == fault.down) return absl::InvalidArgumentError("cut after: which way, up or down?");
  if (read < words.size()) {
    return absl::InvalidArgumentError(absl::StrCat(word->name, ": \"", words[read], "\" means nothing here",
                                                   word->has_way ? "; a way is up or down" : ""));
  }
  return fault;
}

std::string ToText(const Fault& fault) {
  std::string text(WordOf(fault.kind).name);
  if (fault.after) absl::StrAppend(&text, " after ", *fault.after);
  if (fault.kind == Fault::Kind::kDelay) absl::StrAppend(&text, " ", absl::FormatDuration(fault.delay));
  if (fault.kind == Fault::Kind::kThrottle) absl::StrAppend(&text, " ", RateText(fault.rate));
  if (fault.up != fault.down) absl::StrAppend(&text, fault.up ? " up" : " down");
  return text;
}

absl::StatusOr<std::vector<Fault::Kind>> ParseFaultKinds(absl::string_view names) {
  std::vector<Fault::Kind> kinds;
  for (const absl::string_view name : absl::StrSplit(names, ',', absl::SkipWhitespace())) {
    const absl::StatusOr<Word> word = FindWord(absl::StripAsciiWhitespace(name));
    if (!word.ok()) return word.status();
    if (std::find(kinds.begin(), kinds.end(), word->kind) == kinds.end()) kinds.push_back(word->kind);
  }
  if (kinds.empty()) return absl::InvalidArgumentError("no fault is named; write them like cut,stall,garbage");
  return kinds;
}

RandomFaults::RandomFaults(std::uint64_t seed, absl::Duration every, std::vector<Fault::Kind> kinds)
    : random_(seed), every_(every), kinds_([&] {
        if (!kinds.empty()) return std::move(kinds);
        std::vector<Fault::Kind> all;
        for (const Word& word : kWords) all.push_back(word.kind);
        return all;
      }()) {}

std::uint64_t RandomFaults::Magnitude(std::uint64_t least, int doublings) {
  const std::uint64_t size = least << Between(0, doublings - 1);
  return Between(size, 2 * size - 1);
}

RandomFaults::Next RandomFaults::Draw() {
  Next next;
  next.after = every_ * Between(50, 150) / 100;
  next.lasts = every_ * Between(10, 100) / 100;
  Fault& fault = next.fault;
  fault.kind = kinds_[Between(0, kinds_.size() - 1)];
  // Both ways, or one.
  const std::uint64_t ways = Between(0, 2);
  if (WordOf(fault.kind).has_way) {
    fault.up = ways != 1;
    fault.down = ways != 2;
  }
  if (fault.kind == Fault::Kind::kDelay)
    fault.delay = absl::Trunc(every_ * Between(1, 50) / 100, absl::Microseconds(1));
  if (fault.kind == Fault::Kind::kThrottle) fault.rate = Magnitude(1'000, 10);
  if (fault.kind == Fault::Kind::kCut && ways > 0) {
    // From inside the handshake to far into the records.
    fault.after = Magnitude(1, 18);
    fault.up = ways == 1;
    fault.down = !fault.up;
  }
  return next;
}

}  // namespace dims
