#include "drivers/gc/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/decimal.h"
#include "drivers/text.h"

namespace dims::gc {
namespace {

constexpr std::size_t kMostFields = 24;
constexpr std::ptrdiff_t kMostShift = 8;

// A word of a head line: a bracket holds blanks together ("[25 uV*s]").
struct Token {
  std::size_t begin = 0, end = 0;  // characters
  absl::string_view text;
};
std::vector<Token> TokensOf(absl::string_view line) {
  std::vector<Token> tokens;
  std::size_t column = 0, begin = 0, begin_column = 0;
  bool inside = false, bracket = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    const bool blank = i == line.size() || (!bracket && (line[i] == ' ' || line[i] == '\t'));
    if (inside && blank) tokens.push_back({begin_column, column, line.substr(begin, i - begin)});
    if (!inside && !blank) {
      begin = i;
      begin_column = column;
    }
    inside = !blank;
    if (i == line.size()) break;
    if (line[i] == '[') bracket = absl::StrContains(line.substr(i), ']');
    if (line[i] == ']') bracket = false;
    if ((line[i] & 0xC0) != 0x80) ++column;
  }
  return tokens;
}

// The words that stand under a name and are no unit.
bool IsSecondName(absl::string_view word) { return word == "#" || word == "used" || word == "ratio"; }

bool IsUnit(absl::string_view word) { return absl::StartsWith(word, "[") || word == "%"; }

absl::string_view Unbracketed(absl::string_view unit) {
  absl::ConsumePrefix(&unit, "[");
  absl::ConsumeSuffix(&unit, "]");
  return absl::StripAsciiWhitespace(unit);
}

// A number that ends before its bar, at character `end`. One with an exponent may leave a blank behind it.
bool IsAligned(absl::string_view number, std::size_t end, std::size_t bar) {
  const bool exponent = number.find_first_of("eE") != absl::string_view::npos;
  return end == bar || (exponent && end + 1 == bar);
}

bool IsDecimal(Column column) {
  return column == Column::kTime || column == Column::kWidth || column == Column::kArea || column == Column::kHeight ||
         column == Column::kAreaPercent || column == Column::kAmount;
}

bool HasTotal(Column column) {
  return column == Column::kArea || column == Column::kHeight || column == Column::kAreaPercent ||
         column == Column::kAmount;
}

}  // namespace

Table::Table(absl::string_view ruler, absl::Span<const std::string> head) {
  for (std::size_t at = ruler.find('|'); at != absl::string_view::npos && fields_.size() < kMostFields;
       at = ruler.find('|', at + 1)) {
    fields_.push_back({at});
  }
  if (!absl::EndsWith(ruler, "|")) fields_.push_back({absl::string_view::npos});
  for (std::size_t i = 0; i < head.size(); ++i) {
    for (const Token& token : TokensOf(head[i])) {
      Field& field = fields_[FieldAt((token.begin + token.end - 1) / 2)];
      const std::string longer = absl::StrCat(field.name, field.name.empty() ? "" : " ", token.text);
      if (IsUnit(token.text)) {
        field.unit = std::string(Unbracketed(token.text));
      } else if (IsSecondName(token.text) && !field.name.empty()) {
        continue;
      } else if (i == 0 || ColumnOf(field.name, "") == Column::kUnknown || ColumnOf(longer, "") != Column::kUnknown) {
        field.name = longer;
      } else {
        field.unit += std::string(token.text);  // "mAU   *s"
      }
    }
  }
  for (Field& field : fields_) {
    lists_standards_ = lists_standards_ || field.name == "ISTD Amount";
    field.column = ColumnOf(field.name, field.unit);
    if (field.column == Column::kUnknown && !field.name.empty()) unknown_.push_back(field.name);
    if (field.column == Column::kUnknown && field.name.empty()) field.column = Column::kLeftOut;
  }
}

bool Table::NamesColumns(absl::string_view line) {
  const std::vector<Token> tokens = TokensOf(line);
  return std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
    return ColumnOf(token.text, "") != Column::kUnknown && token.text != "#";
  });
}

std::vector<absl::string_view> Table::Cut(absl::string_view line) const {
  std::vector<absl::string_view> cells;
  cells.reserve(fields_.size() + 1);
  std::size_t begin = 0, column = 0;
  for (std::size_t i = 0; i < line.size() && cells.size() < fields_.size(); ++i) {
    if ((line[i] & 0xC0) == 0x80) continue;
    if (column++ != fields_[cells.size()].end) continue;
    // The character under the bar is the last of its cell.
    std::size_t end = i + 1;
    while (end < line.size() && (line[end] & 0xC0) == 0x80) ++end;
    cells.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  cells.push_back(line.substr(begin));
  return cells;
}

std::optional<Table::Taken> Table::TakeRow(absl::string_view line) const {
  if (std::optional<Taken> taken = ReadRow(line)) return taken;
  // Bytes were lost or added before the retention time; what follows reads all the same.
  const std::ptrdiff_t shift = ShiftOf(line);
  if (shift == 0) return std::nullopt;
  const std::string moved = shift < 0 ? absl::StrCat(std::string(static_cast<std::size_t>(-shift), ' '), line)
                                      : std::string(line.substr(static_cast<std::size_t>(shift)));
  std::optional<Taken> taken = ReadRow(moved);
  if (!taken || !taken->aligned) return std::nullopt;
  taken->aligned = false;
  return taken;
}

std::optional<Table::Taken> Table::ReadRow(absl::string_view line) const {
  const std::vector<absl::string_view> cells = Cut(line);
  const bool ascii = CountCharacters(line) == line.size();
  Taken taken;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Field& field = fields_[i];
    const absl::string_view text = absl::StripAsciiWhitespace(i < cells.size() ? cells[i] : absl::string_view());
    if (!Put(field.column, text, field.unit, taken.row)) return std::nullopt;
    if (field.column == Column::kArea && text.empty()) return std::nullopt;
    if (!IsDecimal(field.column) || text.size() < 2 || field.end == absl::string_view::npos) continue;
    const auto end = static_cast<std::size_t>(text.data() - line.data()) + text.size();
    taken.aligned &= IsAligned(text, ascii ? end : CountCharacters(line.substr(0, end)), field.end);
  }
  for (std::size_t i = fields_.size(); i < cells.size(); ++i) {
    if (!absl::StripAsciiWhitespace(cells[i]).empty()) return std::nullopt;
  }
  if (!Complete(has(Column::kStandard), taken.row)) return std::nullopt;
  return taken;
}

// By how many columns a row stands off, going by its retention time.
std::ptrdiff_t Table::ShiftOf(absl::string_view line) const {
  const auto time =
      std::find_if(fields_.begin(), fields_.end(), [](const Field& field) { return field.column == Column::kTime; });
  if (time == fields_.end() || time->end == absl::string_view::npos) return 0;
  for (const Token& token : TokensOf(line)) {
    if (!IsFixed(token.text, 3)) continue;
    const auto shift = static_cast<std::ptrdiff_t>(token.end) - static_cast<std::ptrdiff_t>(time->end);
    // What is taken from the line's beginning must be blank, and what is put there is no more than a column.
    if (shift > 0 ? Indent(line) < static_cast<std::size_t>(shift) : -shift > kMostShift) return 0;
    return shift;
  }
  return 0;
}

bool Table::IsStandardsRow(absl::string_view line) const {
  const std::vector<absl::string_view> cells = Cut(line);
  return lists_standards_ && cells.size() > 1 && IsDigits(absl::StripAsciiWhitespace(cells[0])) &&
         Number::Parse(absl::StripAsciiWhitespace(cells[1])).has_value();
}

std::vector<Table::Total> Table::TotalsIn(absl::string_view line, std::size_t colon) const {
  // What such a line adds up: amounts where there are some, else areas and heights.
  std::vector<Column> due;
  for (const Field& field : fields_) {
    const bool adds_up = has(Column::kAmount) ? field.column == Column::kAmount
                                              : field.column == Column::kArea || field.column == Column::kHeight;
    if (adds_up) due.push_back(field.column);
  }
  std::vector<Token> numbers = TokensOf(line);
  numbers.erase(std::remove_if(numbers.begin(), numbers.end(),
                               [&](const Token& token) {
                                 return static_cast<std::size_t>(token.text.data() - line.data()) <= colon;
                               }),
                numbers.end());
  std::vector<Total> totals;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    // Where there are others, each stands under its column, or near it.
    std::size_t at = FieldAt((numbers[i].begin + numbers[i].end - 1) / 2);
    while (at + 1 < fields_.size() && !HasTotal(fields_[at].column)) ++at;
    while (at > 0 && !HasTotal(fields_[at].column)) --at;
    totals.push_back({numbers.size() == due.size() ? due[i] : fields_[at].column, numbers[i].text});
  }
  return totals;
}

bool Table::has(Column column) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) { return field.column == column; });
}

absl::string_view Table::unit(Column column) const {
  const auto field = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.column == column; });
  return field == fields_.end() ? absl::string_view() : absl::string_view(field->unit);
}

bool Table::operator==(const Table& other) const {
  return std::equal(fields_.begin(), fields_.end(), other.fields_.begin(), other.fields_.end(),
                    [](const Field& a, const Field& b) {
                      return a.end == b.end && a.column == b.column && a.name == b.name && a.unit == b.unit;
                    });
}

std::size_t Table::FieldAt(std::size_t column) const {
  std::size_t i = 0;
  while (i + 1 < fields_.size() && column > fields_[i].end) ++i;
  return i;
}

}  // namespace dims::gc
