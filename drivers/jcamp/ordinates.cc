#include "drivers/jcamp/ordinates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace dims::jcamp {
namespace {

struct Lead {
  enum Kind : uint8_t { kOther, kBlank, kDigit, kSign, kPoint, kSquared, kDifference, kRepeat, kNone } kind = kOther;
  uint8_t digit = 0;
  int8_t sign = 1;
  bool may_go_on = false;  // after a digit, it may be of the same number
};

constexpr std::array<Lead, 256> kLeads = [] {
  std::array<Lead, 256> leads{};
  for (const char c : {' ', '\t', ',', ';', '\f', '\r', '\v'}) leads[c].kind = Lead::kBlank;
  for (const char c : {'+', '-'}) leads[c].kind = Lead::kSign;
  leads['.'].kind = Lead::kPoint;
  leads['?'].kind = Lead::kNone;
  leads['@'] = {Lead::kSquared, 0};
  leads['%'] = {Lead::kDifference, 0};
  leads['s'] = {Lead::kRepeat, 9};
  for (uint8_t digit = 0; digit < 10; ++digit) leads['0' + digit] = {Lead::kDigit, digit};
  for (uint8_t digit = 1; digit < 10; ++digit) {
    leads['A' + digit - 1] = {Lead::kSquared, digit};
    leads['a' + digit - 1] = {Lead::kSquared, digit, -1};
    leads['J' + digit - 1] = {Lead::kDifference, digit};
    leads['j' + digit - 1] = {Lead::kDifference, digit, -1};
    if (digit < 9) leads['S' + digit - 1] = {Lead::kRepeat, digit};
  }
  for (const char c : {'.', 'e', 'E'}) leads[c].may_go_on = true;
  return leads;
}();

const Lead& LeadOf(char c) { return kLeads[static_cast<unsigned char>(c)]; }

bool IsLetter(char c) { return LeadOf(c).kind >= Lead::kSquared && LeadOf(c).kind <= Lead::kRepeat; }

// The word, by itself: "N" is a difference. `at` is not the beginning of the line.
bool IsNaN(const char* at, const char* end) {
  return (*at | 0x20) == 'n' && end - at >= 3 && (at[1] | 0x20) == 'a' && (at[2] | 0x20) == 'n' &&
         LeadOf(at[-1]).kind == Lead::kBlank && (end - at == 3 || LeadOf(at[3]).kind == Lead::kBlank);
}

// Where the exponent ends of a number of AFFN form from `from` to the letter `at`; null where the letter begins none.
const char* ReadExponent(const char* from, const char* at, const char* end, double& value) {
  Number number;
  const char* const past = ReadNumber(from, end, Exponent::kAny, number);
  if (past == at || (past < end && LeadOf(*past).kind != Lead::kBlank && LeadOf(*past).kind != Lead::kSign))
    return nullptr;
  value = number.value;
  return past;
}

constexpr int64_t kTens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

// A bit for each of 64 bytes that is no digit. Little endian.
uint64_t OtherThanDigits(const char* bytes) {
  uint64_t others = 0;
  for (int i = 0; i < 8; ++i) {
    uint64_t eight;
    std::memcpy(&eight, bytes + 8 * i, 8);
    eight ^= 0x3030303030303030;  // digits are 0 to 9 now
    // Byte by byte, without a carry into the next: the lower seven bits above 9, or the highest.
    const uint64_t high = ((((eight & 0x7f7f7f7f7f7f7f7f) + 0x7676767676767676) | eight) & 0x8080808080808080) >> 7;
    others |= ((high * 0x0102040810204080) >> 56) << (8 * i);
  }
  return others;
}

// Of eight bytes 0 to 9, the first the most (D. Lemire, "Quickly parsing eight digits", 2018).
int64_t SumOfDigits(uint64_t eight) {
  eight = eight * 10 + (eight >> 8);
  constexpr uint64_t kPairs = 0x000000ff000000ff;
  return static_cast<int64_t>(((eight & kPairs) * 0x000f424000000064 + ((eight >> 16) & kPairs) * 0x0000271000000001) >>
                              32);
}

}  // namespace

bool Ordinates::BeginsValue(const char* at, const char* end) {
  switch (LeadOf(*at).kind) {
    case Lead::kDigit:
    case Lead::kSign:
    case Lead::kPoint:
    case Lead::kSquared:
    case Lead::kNone:
      return true;
    default:
      return IsNaN(at, end);
  }
}

bool Ordinates::IsBlank(char c) { return LeadOf(c).kind == Lead::kBlank; }

const char* Ordinates::ReadValue(const char* at, const char* end) {
  const Lead& lead = LeadOf(*at);
  switch (lead.kind) {
    case Lead::kDigit:
    case Lead::kSquared: {
      const Digits digits = ReadDigits(at, end, lead.digit);
      value_ = digits.value * lead.sign;
      at = digits.end;
      break;
    }
    case Lead::kSign:
    case Lead::kPoint: {
      Number number;
      at = ReadNumber(at, end, Exponent::kSigned, number);
      if (at == nullptr) return nullptr;
      value_ = number.value;
      break;
    }
    case Lead::kNone:
      return ReadNone(at + 1);
    default:
      return IsNaN(at, end) ? ReadNone(at + 3) : nullptr;
  }
  has_value_ = true;
  shown_ = value_;
  differs_ = false;
  return at;
}

const char* Ordinates::ReadNone(const char* past) {
  has_value_ = differs_ = false;
  shown_ = std::numeric_limits<double>::quiet_NaN();
  return past;
}

const char* Ordinates::Read(const char* at, const char* end, std::size_t most) {
  const int whole = y_.size() + static_cast<int>(most);
  if (at < end && std::endian::native == std::endian::little && !IsNaN(at, end)) at = ReadPacked(at, end, whole);
  return at < end ? ReadAny(at, end, whole) : at;
}

// How many more points a DUP of so many in all is, where there may be `whole` points.
int Ordinates::Repeated(double times, const double* next, int whole) const {
  return static_cast<int>(std::clamp(times - 1, 0.0, std::max<double>(whole - (next - y_.data()), 0)));
}

// Room for so many behind what was written up to `next`; returns where they go.
double* Ordinates::Room(const double* next, std::ptrdiff_t more) {
  const int points = static_cast<int>(next - y_.data());
  y_.Truncate(points);
  y_.Reserve(points + static_cast<int>(more));
  y_.AddNAlreadyReserved(static_cast<int>(more));
  return y_.mutable_data() + points;
}

const char* Ordinates::ReadAny(const char* at, const char* end, int whole) {
  // A byte is at most a point, but for DUP.
  double* next = Room(y_.data() + y_.size(), end - at);
  bool may_repeat = next > y_.data();
  bool is_affn = at < end && IsNaN(at, end);  // so is the value before,
  const char* from = nullptr;                 // and begins here
  for (; at < end;) {
    const Lead& lead = LeadOf(*at);
    if (lead.kind == Lead::kBlank) {
      ++at;
      continue;
    }
    if (is_affn && IsLetter(*at)) [[unlikely]] {
      // Directly behind the value it begins an exponent; as part of a word it stands for no digit.
      if (LeadOf(at[-1]).kind == Lead::kBlank) {
        const bool is_word = end - at > 1 && IsLetter(at[1]);
        if (is_word && !IsNaN(at, end)) break;
      } else if (lead.kind == Lead::kSquared && from != nullptr) {
        const char* const past = ReadExponent(from, at, end, value_);
        if (past == nullptr) {
          --next;
          at = from;
          break;
        }
        next[-1] = shown_ = value_;
        at = past;
        continue;
      }
    }
    if (lead.kind == Lead::kDifference && !(is_affn && IsNaN(at, end))) {
      if (!has_value_) break;  // a difference to none
      const Digits digits = ReadDigits(at, end, lead.digit);
      at = digits.end;
      difference_ = digits.value * lead.sign;
      shown_ = value_ += difference_;
      *next++ = value_;
      differs_ = may_repeat = true;
      is_affn = false;
    } else if (lead.kind == Lead::kRepeat) {
      if (!std::exchange(may_repeat, false)) break;
      const auto [past, times] = ReadDigits(at, end, lead.digit);
      at = past;
      const int more = Repeated(times, next, whole);
      next = Room(next, more + (end - at));
      for (int i = 0; i < more; ++i) {
        if (differs_) shown_ = value_ += difference_;
        *next++ = shown_;
      }
    } else {
      const char* const past = ReadValue(at, end);
      if (past == nullptr) break;
      is_affn = lead.kind != Lead::kSquared;
      from = has_value_ ? at : nullptr;
      at = past;
      *next++ = shown_;
      may_repeat = true;
    }
  }
  y_.Truncate(static_cast<int>(next - y_.data()));
  return at;
}

// Letters with digits, as SQZ, DIF and DUP are: where each begins is known before any is read, so that none waits for
// the one before it. Returns where something else begins, or what is too long.
const char* Ordinates::ReadPacked(const char* const from, const char* const end, int whole) {
  // 64 bytes are looked at at once, and 8 from each letter on; behind the line are no digits.
  constexpr std::ptrdiff_t kLongest = 256;
  std::array<char, kLongest + 64 + 8> line;
  const std::ptrdiff_t size = end - from;
  const Lead::Kind first = LeadOf(*from).kind;
  if (size > kLongest || (first != Lead::kSquared && first != Lead::kDifference && first != Lead::kRepeat)) return from;
  std::memcpy(line.data(), from, static_cast<std::size_t>(size));
  std::memset(line.data() + size, '\n', 64 + 8);
  double* next = Room(y_.data() + y_.size(), size);
  double value = value_, difference = difference_;
  bool differs = differs_, may_repeat = next > y_.data();
  std::ptrdiff_t at = 0;
  for (bool goes_on = has_value_ || first == Lead::kSquared; goes_on && at < size;) {
    uint64_t starts = OtherThanDigits(line.data() + at);
    const std::ptrdiff_t chunk = at;
    goes_on = false;
    while (starts != 0) {
      const int start = std::countr_zero(starts);
      starts &= starts - 1;
      if (starts == 0 || chunk + start >= size) break;
      const int stop = std::countr_zero(starts);
      const char* const letter = line.data() + chunk + start;
      const Lead& lead = LeadOf(*letter);
      const int count = stop - start - 1;
      const Lead& after = LeadOf(line[chunk + stop]);
      if (count > 7) break;
      if (after.may_go_on && (after.kind == Lead::kPoint || LeadOf(line[chunk + stop + 1]).kind == Lead::kSign)) break;
      uint64_t eight;
      std::memcpy(&eight, letter + 1, 8);
      eight = ((eight ^ 0x3030303030303030) << 8) << (56 - 8 * count);
      const auto units = static_cast<double>((lead.digit * kTens[count] + SumOfDigits(eight)) * lead.sign);
      if (lead.kind == Lead::kDifference) {
        difference = units;
        value += units;
        *next++ = value;
        differs = may_repeat = true;
      } else if (lead.kind == Lead::kSquared) {
        value = units;
        *next++ = value;
        differs = false;
        may_repeat = true;
      } else if (lead.kind == Lead::kRepeat && may_repeat) {
        may_repeat = false;
        const int more = Repeated(units, next, whole);
        if (next + more + (size - at) > y_.data() + y_.size()) next = Room(next, more + (size - at));
        const double step = differs ? difference : 0;
        for (int i = 0; i < more; ++i) *next++ = value += step;
      } else {
        break;
      }
      at = chunk + stop;
      goes_on = true;
    }
  }
  if (at > 0) {
    value_ = shown_ = value;
    difference_ = difference;
    differs_ = differs;
    has_value_ = true;
  }
  y_.Truncate(static_cast<int>(next - y_.data()));
  return from + at;
}

}  // namespace dims::jcamp
