#include "drivers/format/printed_table.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace dims::format {
namespace {

constexpr std::size_t kMostWords = 64;  // of a row

struct Word {
  absl::string_view text;
  std::size_t begin, end;  // in characters
};

// Up to one more than a row may have.
std::vector<Word> WordsOf(absl::string_view line) {
  std::vector<Word> words;
  std::size_t column = 0, from = 0;
  bool inside = false;
  for (std::size_t i = 0; i <= line.size() && words.size() <= kMostWords; ++i) {
    const bool blank = i == line.size() || line[i] == ' ' || line[i] == '\t';
    if (!blank && !inside) {
      from = i;
      words.push_back({{}, column, 0});
    } else if (blank && inside) {
      words.back().text = line.substr(from, i - from);
      words.back().end = column;
    }
    inside = !blank;
    if (i < line.size() && (line[i] & 0xC0) != 0x80) ++column;
  }
  if (inside) words.back().text = line.substr(from);  // one too many, and that is all it is for
  return words;
}

}  // namespace

bool IsRuler(absl::string_view line) {
  return line.find_first_not_of(" \t-=_") == absl::string_view::npos &&
         line.find_first_of("-=_") != absl::string_view::npos;
}

std::optional<PrintedTable> PrintedTable::Named(const std::vector<Column>& columns, absl::string_view line) {
  PrintedTable table;
  const std::vector<Word> words = WordsOf(line);
  for (std::size_t at = 0; at < words.size();) {
    // The longest name that begins here: "Area" is not "Area %".
    const Column* longest = nullptr;
    std::size_t most = 0;
    for (const Column& column : columns) {
      const std::vector<absl::string_view> name = absl::StrSplit(column.name, ' ');
      if (name.size() <= most || name.size() > words.size() - at) continue;
      if (!std::equal(name.begin(), name.end(), words.begin() + static_cast<std::ptrdiff_t>(at),
                      [](absl::string_view part, const Word& word) { return part == word.text; })) {
        continue;
      }
      longest = &column;
      most = name.size();
    }
    if (longest == nullptr) return std::nullopt;
    for (const Placed& before : table.placed_) {
      if (before.column == longest) return std::nullopt;
    }
    table.placed_.push_back({longest, words[at].begin, words[at + most - 1].end});
    at += most;
  }
  // Words alone below words would make any line a row.
  if (table.placed_.size() < 2 ||
      absl::c_none_of(table.placed_, [](const Placed& placed) { return placed.column->anchors(); })) {
    return std::nullopt;
  }
  table.tabbed_ = absl::StrContains(line, '\t');
  return table;
}

std::optional<PrintedTable> PrintedTable::Ruled(const std::vector<Column>& columns, absl::string_view line) {
  if (!IsRuler(line) || WordsOf(line).size() != columns.size()) return std::nullopt;
  PrintedTable table;
  for (const Column& column : columns) table.placed_.push_back({&column, 0, 0});
  table.Measure(line);
  return table;
}

void PrintedTable::Measure(absl::string_view ruler) {
  const std::vector<Word> groups = WordsOf(ruler);
  if (groups.size() != placed_.size()) return;  // one line under all of it
  for (std::size_t i = 0; i < groups.size(); ++i) {
    placed_[i].begin = groups[i].begin;
    placed_[i].end = groups[i].end;
  }
}

// In how many ways (2: or more) the words of a row fill columns.
class PrintedTable::Readings {
 public:
  Readings(const std::vector<Placed>& placed, const std::vector<Word>& words, bool rest)
      : placed_(placed), words_(words), rest_(rest), ways_((placed.size() + 1) * (words.size() + 1)) {
    for (const Word& word : words) below_.push_back(Below(word));
    Ways(placed.size(), words.size()) = 1;
    for (std::size_t column = placed.size(); column-- > 0;) {
      for (std::size_t from = 0; from <= words.size(); ++from) {
        int ways = MayBeEmpty(column) ? Ways(column + 1, from) : 0;
        for (std::size_t count = 1; Reaches(column, from, count); ++count) {
          if (Fits(column, from, count)) ways += Ways(column + 1, from + count);
        }
        Ways(column, from) = static_cast<uint8_t>(std::min(ways, 2));
      }
    }
  }

  std::optional<std::vector<Cell>> Only() const {
    if (Ways(0, 0) != 1) return std::nullopt;
    std::vector<Cell> cells;
    std::size_t from = 0;
    for (std::size_t column = 0; column < placed_.size(); ++column) {
      if (MayBeEmpty(column) && Ways(column + 1, from) == 1) continue;
      std::size_t count = 1;
      while (!Fits(column, from, count) || Ways(column + 1, from + count) == 0) ++count;
      cells.emplace_back(placed_[column].column, Text(from, count));
      from += count;
    }
    return cells;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  uint8_t& Ways(std::size_t column, std::size_t from) { return ways_[column * (words_.size() + 1) + from]; }
  uint8_t Ways(std::size_t column, std::size_t from) const { return ways_[column * (words_.size() + 1) + from]; }

  bool MayBeEmpty(std::size_t column) const { return rest_ || placed_[column].column->may_be_empty; }

  // The one column that a word stands below.
  std::size_t Below(const Word& word) const {
    std::size_t below = kNone;
    for (std::size_t i = 0; i < placed_.size(); ++i) {
      if (word.begin >= placed_[i].end || placed_[i].begin >= word.end) continue;
      if (below != kNone) return kNone;
      below = i;
    }
    return below;
  }

  // Whether a cell of `count` words may stand there, as far as their places say.
  bool Reaches(std::size_t column, std::size_t from, std::size_t count) const {
    const Column& what = *placed_[column].column;
    const std::size_t last = from + count - 1;
    if (last >= words_.size() || (rest_ && !what.may_wrap)) return false;
    if (below_[last] != column && (below_[last] != kNone || (rest_ && count == 1))) return false;
    if (count == 1) return true;
    // Text has single blanks; dates and times are set further apart.
    return what.slot.kind == Kind::kTime ||
           (what.slot.kind == Kind::kText && words_[last].begin == words_[last - 1].end + 1);
  }

  bool Fits(std::size_t column, std::size_t from, std::size_t count) const {
    return placed_[column].column->slot.IsOne(Text(from, count));
  }

  absl::string_view Text(std::size_t from, std::size_t count) const {
    const char* begin = words_[from].text.data();
    const absl::string_view last = words_[from + count - 1].text;
    return {begin, static_cast<std::size_t>(last.data() + last.size() - begin)};
  }

  const std::vector<Placed>& placed_;
  const std::vector<Word>& words_;
  const bool rest_;
  std::vector<std::size_t> below_;
  std::vector<uint8_t> ways_;
};

std::optional<std::vector<PrintedTable::Cell>> PrintedTable::ReadRow(absl::string_view line) const {
  if (tabbed_) return ReadTabbed(line);
  const std::vector<Word> words = WordsOf(line);
  if (words.size() > kMostWords) return std::nullopt;
  return Readings(placed_, words, false).Only();
}

std::optional<std::vector<PrintedTable::Cell>> PrintedTable::ReadRest(absl::string_view line) const {
  const std::vector<Word> words = WordsOf(line);
  if (tabbed_ || words.empty() || words.size() > kMostWords) return std::nullopt;
  return Readings(placed_, words, true).Only();
}

std::optional<std::vector<PrintedTable::Cell>> PrintedTable::ReadTabbed(absl::string_view line) const {
  std::vector<Cell> cells;
  std::size_t column = 0;
  for (absl::string_view text : absl::StrSplit(line, '\t')) {
    text = absl::StripAsciiWhitespace(text);
    if (column == placed_.size()) return std::nullopt;
    const Column& what = *placed_[column++].column;
    if (text.empty() && what.may_be_empty) continue;
    if (!what.slot.IsOne(text)) return std::nullopt;
    if (!HasWords(what.slot.kind) && text.find(' ') != absl::string_view::npos) return std::nullopt;
    cells.emplace_back(&what, text);
  }
  for (; column < placed_.size(); ++column) {  // blanks at a line's end are cut off
    if (!placed_[column].column->may_be_empty) return std::nullopt;
  }
  if (cells.empty()) return std::nullopt;
  return cells;
}

}  // namespace dims::format
