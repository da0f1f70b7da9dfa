#include "drivers/encoding.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "drivers/framing.h"

namespace dims {
namespace {

// The upper halves of the code pages; 0 where a page has no character.
constexpr char16_t kCp1252From80[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

constexpr char16_t kCp437From80[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF, 0x00EE,
    0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9, 0x00FF, 0x00D6,
    0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1, 0x00AA,
    0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255D, 0x255C, 0x255B, 0x2510, 0x2514,
    0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F, 0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518, 0x250C,
    0x2588, 0x2584, 0x258C, 0x2590, 0x2580, 0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5, 0x03C4,
    0x03A6, 0x0398, 0x03A9, 0x03B4, 0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264, 0x2320,
    0x2321, 0x00F7, 0x2248, 0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x00A0,
};

constexpr char16_t kCp850From80[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF, 0x00EE,
    0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9, 0x00FF, 0x00D6,
    0x00DC, 0x00F8, 0x00A3, 0x00D8, 0x00D7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1, 0x00AA,
    0x00BA, 0x00BF, 0x00AE, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593, 0x2502,
    0x2524, 0x00C1, 0x00C2, 0x00C0, 0x00A9, 0x2563, 0x2551, 0x2557, 0x255D, 0x00A2, 0x00A5, 0x2510, 0x2514,
    0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x00E3, 0x00C3, 0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550,
    0x256C, 0x00A4, 0x00F0, 0x00D0, 0x00CA, 0x00CB, 0x00C8, 0x0131, 0x00CD, 0x00CE, 0x00CF, 0x2518, 0x250C,
    0x2588, 0x2584, 0x00A6, 0x00CC, 0x2580, 0x00D3, 0x00DF, 0x00D4, 0x00D2, 0x00F5, 0x00D5, 0x00B5, 0x00FE,
    0x00DE, 0x00DA, 0x00DB, 0x00D9, 0x00FD, 0x00DD, 0x00AF, 0x00B4, 0x00AD, 0x00B1, 0x2017, 0x00BE, 0x00B6,
    0x00A7, 0x00F7, 0x00B8, 0x00B0, 0x00A8, 0x00B7, 0x00B9, 0x00B3, 0x00B2, 0x25A0, 0x00A0,
};

constexpr char32_t kReplacement = 0xFFFD;

void Append(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

void AppendDamaged(Text& text) {
  Append(kReplacement, text.utf8);
  text.damaged = true;
}

// Length of the valid UTF-8 sequence at the head of `bytes`; 0 where there is none (overlong forms and surrogates are
// none: Unicode 15, table 3-7).
std::size_t Utf8Length(absl::string_view bytes) {
  const auto byte = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned b0 = byte(0), b1 = byte(1);
  if (b0 < 0x80) return 1;
  if (b0 >= 0xC2 && b0 <= 0xDF) return tail(1) ? 2 : 0;
  if (b0 >= 0xE0 && b0 <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    return (b0 == 0xE0 && b1 < 0xA0) || (b0 == 0xED && b1 > 0x9F) ? 0 : 3;
  }
  if (b0 >= 0xF0 && b0 <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    return (b0 == 0xF0 && b1 < 0x90) || (b0 == 0xF4 && b1 > 0x8F) ? 0 : 4;
  }
  return 0;
}

bool IsUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = Utf8Length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

Text FromUtf8(absl::string_view bytes) {
  Text text;
  while (!bytes.empty()) {
    const std::size_t length = Utf8Length(bytes);
    if (length == 0) {
      AppendDamaged(text);
    } else {
      text.utf8.append(bytes.data(), length);
    }
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

Text FromPage(absl::string_view bytes, const char16_t* from80, unsigned covered) {
  Text text;
  text.utf8.reserve(bytes.size());
  for (const char c : bytes) {
    const unsigned b = static_cast<unsigned char>(c);
    if (b < 0x80) {
      text.utf8 += c;
    } else if (b >= 0x80 + covered) {
      Append(b, text.utf8);
    } else if (from80[b - 0x80] == 0) {
      AppendDamaged(text);
    } else {
      Append(from80[b - 0x80], text.utf8);
    }
  }
  return text;
}

Text FromUtf16(absl::string_view bytes, bool big_endian) {
  Text text;
  const auto unit = [&](std::size_t i) -> char32_t {
    const auto first = static_cast<unsigned char>(bytes[i]), second = static_cast<unsigned char>(bytes[i + 1]);
    return big_endian ? first << 8 | second : second << 8 | first;
  };
  std::size_t i = 0;
  for (; i + 1 < bytes.size(); i += 2) {
    const char32_t c = unit(i);
    if (c == 0xFEFF) continue;  // a byte order mark, wherever reports were joined
    if (c < 0xD800 || c > 0xDFFF) {
      Append(c, text.utf8);
    } else if (c < 0xDC00 && i + 3 < bytes.size() && unit(i + 2) >= 0xDC00 && unit(i + 2) <= 0xDFFF) {
      Append(0x10000 + ((c - 0xD800) << 10) + (unit(i + 2) - 0xDC00), text.utf8);
      i += 2;
    } else {
      AppendDamaged(text);
    }
  }
  if (i < bytes.size()) AppendDamaged(text);  // half a character
  return text;
}

class Conversion {
 public:
  explicit Conversion(const char* from) : handle_(iconv_open("UTF-8", from)) {}
  ~Conversion() {
    if (is_open()) iconv_close(handle_);
  }
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;
  bool is_open() const { return handle_ != reinterpret_cast<iconv_t>(-1); }  // NOLINT(performance-no-int-to-ptr)

  // Appends what comes before the first byte that is of no character, and cuts it off.
  void Convert(absl::string_view& bytes, std::string& utf8) const {
    std::size_t failed = 0;
    do {
      char piece[256];
      char* in = const_cast<char*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): it is only read
      char* at = piece;
      std::size_t in_left = bytes.size(), room = sizeof(piece);
      failed = iconv(handle_, &in, &in_left, &at, &room);
      utf8.append(piece, sizeof(piece) - room);
      bytes.remove_prefix(bytes.size() - in_left);
    } while (failed == static_cast<std::size_t>(-1) && errno == E2BIG);
  }

 private:
  iconv_t handle_;
};

// A page of two bytes a character. No character is of two lines.
Text FromTwoBytePage(absl::string_view bytes, const char* name) {
  static constexpr char16_t kNothing[128] = {};
  const Conversion conversion(name);
  if (!conversion.is_open()) return FromPage(bytes, kNothing, 128);
  Text text;
  while (!bytes.empty()) {
    conversion.Convert(bytes, text.utf8);
    if (bytes.empty()) break;
    AppendDamaged(text);
    bytes.remove_prefix(1);
  }
  return text;
}

// Four characters in a row beyond ASCII: no text in a western language has them, but every one in another script. Four
// times the same is a line that somebody drew.
bool IsHardlyWestern(absl::string_view bytes) {
  std::size_t run = 0, same = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const bool high = (static_cast<unsigned char>(bytes[i]) & 0x80) != 0;
    run = high ? run + 1 : 0;
    same = high && run > 1 && bytes[i] == bytes[i - 1] ? same + 1 : 1;
    if (run >= 4 && same < 4) return true;
  }
  return false;
}

// Printable ASCII and tabs; eight bytes at a time, each in its own lane (Warren, Hacker's Delight, 6-1).
bool IsPlain(absl::string_view bytes) {
  constexpr uint64_t kEach = 0x0101010101010101, kHigh = kEach << 7, kLow = ~kHigh;
  const auto has_other = [](uint64_t eight) {
    const uint64_t low = eight & kLow, no_tab = eight ^ (kEach * '\t');
    const uint64_t below_blank = ~(low + kEach * (0x80 - ' '));
    const uint64_t is_tab = ~(((no_tab & kLow) + kLow) | no_tab);
    const uint64_t above_tilde = (low + kEach) | eight;
    return (((below_blank & ~is_tab) | above_tilde) & kHigh) != 0;
  };
  uint64_t eight = 0;
  for (; bytes.size() >= sizeof(eight); bytes.remove_prefix(sizeof(eight))) {
    std::memcpy(&eight, bytes.data(), sizeof(eight));
    if (has_other(eight)) return false;
  }
  eight = kEach * ' ';
  std::memcpy(&eight, bytes.data(), bytes.size());
  return !has_other(eight);
}

// Takes out printer control sequences and overstrikes; what they printed stays.
std::string WithoutPrinterControls(std::string text) {
  if (text.find_first_of("\x1b\b") == std::string::npos) return text;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\b') {
      // "X BS X" prints a bold X; "X BS _" underlines it.
      if (!out.empty() && i + 1 < text.size() && (text[i + 1] == out.back() || text[i + 1] == '_')) ++i;
    } else if (text[i] != '\x1b') {
      out += text[i];
    } else if (i + 1 < text.size() && text[i + 1] >= '!' && text[i + 1] <= '/') {
      // A parameterised sequence: group characters, numbers, and an upper-case letter at the end.
      std::size_t end = i + 2;
      while (end < text.size() && (absl::ascii_islower(text[end]) || absl::ascii_isdigit(text[end]) ||
                                   text[end] == '+' || text[end] == '-' || text[end] == '.')) {
        ++end;
      }
      i = end < text.size() && absl::ascii_isupper(text[end]) ? end : end - 1;
    } else if (i + 1 < text.size() && (absl::ascii_isalpha(text[i + 1]) || text[i + 1] == '=' || text[i + 1] == '9')) {
      ++i;  // a sequence of two characters; a digit after a stray ESC stays a digit
    } else {
      out += text[i];  // no sequence: damage
    }
  }
  return out;
}

}  // namespace

Encoding EncodingOf(const Options& options) {
  const std::string& name = options.Text("encoding");
  if (name == "utf-8") return Encoding::kUtf8;
  if (name == "cp1252") return Encoding::kCp1252;
  if (name == "latin-1") return Encoding::kLatin1;
  if (name == "cp437") return Encoding::kCp437;
  if (name == "cp850") return Encoding::kCp850;
  if (name == "cp932") return Encoding::kCp932;
  if (name == "gbk") return Encoding::kGbk;
  if (name == "utf-16le") return Encoding::kUtf16Le;
  if (name == "utf-16be") return Encoding::kUtf16Be;
  return Encoding::kAuto;
}

Text ToUtf8(absl::string_view bytes, Encoding encoding) {
  switch (encoding) {
    case Encoding::kUtf8:
      return FromUtf8(absl::StripPrefix(bytes, "\xef\xbb\xbf"));
    case Encoding::kCp1252:
      return FromPage(bytes, kCp1252From80, 32);
    case Encoding::kLatin1:
      return FromPage(bytes, nullptr, 0);
    case Encoding::kCp437:
      return FromPage(bytes, kCp437From80, 128);
    case Encoding::kCp850:
      return FromPage(bytes, kCp850From80, 128);
    case Encoding::kCp932:
      return FromTwoBytePage(bytes, "CP932");
    case Encoding::kGbk:
      return FromTwoBytePage(bytes, "GBK");
    case Encoding::kUtf16Le:
      return FromUtf16(bytes, false);
    case Encoding::kUtf16Be:
      return FromUtf16(bytes, true);
    case Encoding::kAuto:
      break;
  }
  const Width width = JudgeWidth(bytes);
  if (width != Width::kEightBit) return FromUtf16(bytes, width == Width::kUtf16Be);
  if (!IsUtf8(bytes)) {
    Text text = ToUtf8(bytes, Encoding::kCp1252);
    text.foreign = IsHardlyWestern(bytes);
    return text;
  }
  return {std::string(absl::StripPrefix(bytes, "\xef\xbb\xbf"))};
}

std::vector<absl::string_view> TabFields(const TextLine& line) {
  std::vector<absl::string_view> fields = absl::StrSplit(line.text, '\t');
  for (absl::string_view& field : fields) field = absl::StripAsciiWhitespace(field);
  fields.resize(fields.size() + line.trailing_tabs);
  return fields;
}

namespace {

// Into `line`, what most lines are: printable ASCII and tabs, the same in every encoding of 8 bits. False: it is not.
bool TakePlain(absl::string_view bytes, TextLine& line) {
  const absl::string_view body = bytes.substr(0, bytes.find_last_not_of("\r\n") + 1);
  if (!IsPlain(body)) return false;
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(body), rest = body.substr(text.size());
  line.text.assign(text.data(), text.size());
  line.blank_end = absl::EndsWith(rest, " ");
  line.trailing_tabs = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\t'));
  line.form_feed = line.byte_order_mark = line.damaged = false;
  return true;
}

void TakeAny(absl::string_view bytes, Encoding encoding, TextLine& line) {
  Text text = ToUtf8(bytes, encoding);
  line.text = WithoutPrinterControls(std::move(text.utf8));
  // A NUL that a device sends when it is switched on may hold on to the end of a blank line.
  line.text.erase(0, line.text.find_first_not_of("\0\r\n", 0, 3));
  line.form_feed = absl::StartsWith(line.text, "\f");
  line.byte_order_mark = absl::StartsWith(bytes, "\xef\xbb\xbf") || absl::StartsWith(bytes, "\xff\xfe") ||
                         absl::StartsWith(bytes, "\xfe\xff");
  const std::size_t size = absl::StripTrailingAsciiWhitespace(absl::string_view(line.text)).size();
  const absl::string_view rest = absl::string_view(line.text).substr(size);
  line.blank_end = absl::EndsWith(rest.substr(0, rest.find_last_not_of("\r\n") + 1), " ");
  line.trailing_tabs = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\t'));
  line.text.resize(size);
  line.damaged = text.damaged || text.foreign || std::any_of(line.text.begin(), line.text.end(), [](char c) {
                   return absl::ascii_iscntrl(c) && c != '\t' && c != '\f';
                 });
}

}  // namespace

void TextDecoder::OnFrame(const Frame& frame, Events& out) {
  const bool wide = encoding_ == Encoding::kUtf16Le || encoding_ == Encoding::kUtf16Be;
  if (wide || !TakePlain(frame.bytes, line_)) TakeAny(frame.bytes, encoding_, line_);
  if (line_.text.empty()) out.push_back(Blank{});
  // Of UTF-16, two bytes are one character.
  line_.ended =
      frame.bytes.find_first_of("\r\n\f", std::max<std::size_t>(frame.bytes.size(), 2) - 2) != absl::string_view::npos;
  line_.line_errors = frame.line_errors;
  line_.at = frame.at;
  OnLine(line_, out);
}

}  // namespace dims
