#include "drivers/format/pattern.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "drivers/options.h"

namespace dims::format {
namespace {

constexpr std::size_t kMostPieces = 32;  // what Table needs is that many bytes for each character of a line

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

absl::string_view Trim(absl::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// What has a form keeps it, or has a narrower one.
bool MayBe(Kind field, Kind other) {
  if (field == other) return true;
  if (HasForm(field)) return other == Kind::kInteger || (other == Kind::kNumber && field == Kind::kAmount);
  return field != Kind::kCas && other != Kind::kCas && other != Kind::kAmount;
}

std::vector<absl::string_view> FieldNames() {
  std::vector<absl::string_view> names = {"skip"};
  for (const Field& field : Fields()) {
    if (field.kind != Kind::kConstant) names.push_back(field.name);
  }
  return names;
}

}  // namespace

absl::StatusOr<Slot> ParseSlot(absl::string_view text, char decimal) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  const absl::string_view name = text.substr(0, colon);
  Slot slot;
  slot.decimal = decimal;
  if (name != "skip") {
    slot.field = FindField(name);
    if (slot.field == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("unknown field \"", name, "\"", NameHint(name, FieldNames())));
    }
    slot.kind = slot.field->kind;
    if (slot.kind == Kind::kConstant) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is not read from a line, but set: set = { \"",
                                                     name, "\" = ... } with one of ", Constants(*slot.field)));
    }
  }
  if (colon == text.size()) return slot;
  const absl::string_view kind = text.substr(colon + 1);
  const Kind* known = FindKind(kind);
  if (known == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unknown kind \"", kind, "\"", NameHint(kind, {"text", "time", "word", "number", "integer", "amount", "cas"})));
  }
  if (slot.field != nullptr && !MayBe(slot.kind, *known)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", name, "\" holds a value of kind ", KindName(slot.kind), ", not ", kind));
  }
  slot.kind = *known;
  return slot;
}

absl::StatusOr<Pattern> Pattern::Parse(absl::string_view text, char decimal) {
  Pattern pattern;
  pattern.text_ = std::string(text);
  text = Trim(text);
  bool specific = false;
  const auto add_text = [&](char c) {
    if (pattern.pieces_.empty() || pattern.pieces_.back().kind != Piece::kText) {
      pattern.pieces_.push_back({Piece::kText, "", {}});
    }
    pattern.pieces_.back().text += c;
    specific = true;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (IsBlank(c)) {
      if (pattern.pieces_.back().kind != Piece::kBlanks) pattern.pieces_.push_back({Piece::kBlanks, "", {}});
    } else if ((c == '{' || c == '}') && at + 1 < text.size() && text[at + 1] == c) {
      add_text(c);
      ++at;
    } else if (c == '}') {
      return absl::InvalidArgumentError("a \"}\" without \"{\"; write \"}}\" for the character itself");
    } else if (c == '{') {
      const std::size_t end = text.find('}', at);
      if (end == absl::string_view::npos) {
        return absl::InvalidArgumentError("a \"{\" without \"}\"; write \"{{\" for the character itself");
      }
      absl::StatusOr<Slot> slot = ParseSlot(text.substr(at + 1, end - at - 1), decimal);
      if (!slot.ok()) return slot.status();
      // The form of a number tells where it ends: "12.5mg".
      if (!pattern.pieces_.empty() && pattern.pieces_.back().kind == Piece::kSlot &&
          (HasForm(slot->kind) || !HasForm(pattern.slots_.back().kind))) {
        return absl::InvalidArgumentError(absl::StrCat("nothing stands between ", text.substr(at, end - at + 1),
                                                       " and the value before it: no one could tell them apart"));
      }
      if (HasForm(slot->kind) && at > 0 && absl::ascii_isdigit(text[at - 1])) {
        return absl::InvalidArgumentError(
            absl::StrCat("a digit stands right before ", text.substr(at, end - at + 1), ": it would be part of it"));
      }
      specific = specific || HasForm(slot->kind) || slot->kind == Kind::kCas;
      pattern.slots_.push_back(*slot);
      pattern.pieces_.push_back({Piece::kSlot, "", *slot});
      at = end;
    } else if (absl::ascii_iscntrl(c)) {
      return absl::InvalidArgumentError("a pattern is one line of text");
    } else {
      add_text(c);
    }
  }
  if (pattern.pieces_.empty()) return absl::InvalidArgumentError("an empty pattern: blank lines need none");
  if (!specific)
    return absl::InvalidArgumentError("this pattern would read any line: it has neither text nor a number");
  if (pattern.pieces_.size() > kMostPieces) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMostPieces, " words and values in one pattern"));
  }
  return pattern;
}

// In how many ways (2: or more) the pieces from each on draw the rest of the line from each character on.
class Pattern::Table {
 public:
  Table(const std::vector<Piece>& pieces, absl::string_view line, bool any_form)
      : pieces_(pieces),
        line_(line),
        any_form_(any_form),
        width_(line.size() + 1),
        ways_((pieces.size() + 1) * width_) {
    Ways(pieces.size(), line.size()) = 1;
    for (std::size_t i = pieces.size(); i-- > 0;) Fill(i);
  }

  uint8_t total() const { return ways_[0]; }

  // The values of the slots, where there is one way.
  void Walk(std::vector<absl::string_view>& values) const {
    values.clear();
    std::size_t at = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      const std::size_t from = at;
      if (pieces_[i].kind == Piece::kText) {
        at += pieces_[i].text.size();
      } else if (pieces_[i].kind == Piece::kBlanks) {
        while (at < line_.size() && IsBlank(line_[at])) ++at;
      } else if (IsFormed(i)) {
        at += Length(i, at);
      } else {
        do ++at;
        while (!MayEnd(at) || Ways(i + 1, at) == 0);
      }
      if (pieces_[i].kind == Piece::kSlot) values.push_back(line_.substr(from, at - from));
    }
  }

 private:
  uint8_t& Ways(std::size_t piece, std::size_t at) { return ways_[piece * width_ + at]; }
  uint8_t Ways(std::size_t piece, std::size_t at) const { return ways_[piece * width_ + at]; }
  bool MayEnd(std::size_t at) const { return !IsBlank(line_[at - 1]); }
  // Of a value whose form tells where it ends; 0: there is none. Right before another value it must be all of what
  // looks like a number: "1,234.5g" is not 1 and a unit.
  std::size_t Length(std::size_t piece, std::size_t at) const {
    const Slot& slot = pieces_[piece].slot;
    const std::size_t length = FormLength(slot.kind, slot.decimal, line_.substr(at)), end = at + length;
    const bool goes_on =
        end < line_.size() && (absl::ascii_isdigit(line_[end]) || absl::StrContains(".,+-", line_[end]));
    const bool touches = piece + 1 < pieces_.size() && pieces_[piece + 1].kind == Piece::kSlot;
    return touches && goes_on ? 0 : length;
  }
  bool IsFormed(std::size_t piece) const { return !any_form_ && HasForm(pieces_[piece].slot.kind); }

  void Fill(std::size_t i) {
    const Piece& piece = pieces_[i];
    std::size_t blanks_end = line_.size();  // of the run of blanks at hand
    int inside = 0;                         // ways for a value that has begun before `at`
    for (std::size_t at = line_.size(); at-- > 0;) {
      const bool blank = IsBlank(line_[at]);
      if (!blank) blanks_end = at;
      uint8_t ways = 0;
      switch (piece.kind) {
        case Piece::kText:
          if (absl::StartsWith(line_.substr(at), piece.text)) ways = Ways(i + 1, at + piece.text.size());
          break;
        case Piece::kBlanks:
          if (blank) ways = Ways(i + 1, blanks_end);
          break;
        case Piece::kSlot:
          if (IsFormed(i)) {
            // No number begins inside another.
            if (at > 0 && absl::ascii_isdigit(line_[at - 1])) break;
            const std::size_t length = Length(i, at);
            if (length > 0) ways = Ways(i + 1, at + length);
            break;
          }
          // Here `inside` counts the ways of a value that has begun and goes on after this character.
          if (blank && !HasWords(piece.slot.kind)) {
            inside = 0;
          } else {
            if (MayEnd(at + 1)) inside = std::min(inside + Ways(i + 1, at + 1), 2);
            if (!blank) ways = static_cast<uint8_t>(inside);
          }
          break;
      }
      Ways(i, at) = ways;
    }
  }

  const std::vector<Piece>& pieces_;
  const absl::string_view line_;
  const bool any_form_;
  const std::size_t width_;
  std::vector<uint8_t> ways_;
};

Pattern::Fit Pattern::Read(absl::string_view line, std::vector<absl::string_view>& values) const {
  return Read(line, false, values);
}

Pattern::Fit Pattern::Read(absl::string_view line, bool any_form, std::vector<absl::string_view>& values) const {
  line = Trim(line);
  // Most lines are not like most patterns.
  if (pieces_.front().kind == Piece::kText && !absl::StartsWith(line, pieces_.front().text)) return Fit::kNo;
  if (pieces_.back().kind == Piece::kText && !absl::EndsWith(line, pieces_.back().text)) return Fit::kNo;
  const Table table(pieces_, line, any_form);
  if (table.total() == 0) return Fit::kNo;
  if (table.total() > 1) return Fit::kTwoWays;
  table.Walk(values);
  for (std::size_t i = 0; i < slots_.size() && !any_form; ++i) {
    if (!slots_[i].IsOne(values[i])) return Fit::kNo;
  }
  return Fit::kYes;
}

std::string Pattern::WhyNot(absl::string_view line) const {
  // Numbers alone are like anything of as many words.
  if (std::none_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.kind == Piece::kText; })) {
    return "";
  }
  std::vector<absl::string_view> values;
  if (Read(line, true, values) != Fit::kYes) return "";
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (!slots_[i].IsOne(values[i])) {
      return absl::StrCat(slots_[i].field == nullptr ? "a value" : slots_[i].field->name, " ", IsNone(slots_[i].kind));
    }
  }
  return "";
}

}  // namespace dims::format
