// Patterns against a reader that tries everything, and tables against rows that were printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dims/v1/report.pb.h"
#include "drivers/format/field.h"
#include "drivers/format/pattern.h"
#include "drivers/format/printed_table.h"

namespace dims::format {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Fit = Pattern::Fit;

Pattern Of(absl::string_view text) {
  absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
  EXPECT_TRUE(pattern.ok()) << text << ": " << pattern.status();
  return *std::move(pattern);
}

std::string ErrorOf(absl::string_view text) { return std::string(Pattern::Parse(text).status().message()); }

std::vector<std::string> Values(absl::string_view pattern, absl::string_view line) {
  std::vector<absl::string_view> values;
  if (Of(pattern).Read(line, values) != Fit::kYes) return {"not read"};
  return {values.begin(), values.end()};
}

TEST(Pattern, ReadsValuesAsPrinted) {
  EXPECT_THAT(Values("TOTAL AREA={area_sum}", "  TOTAL   AREA=1.2469E+07 "), ElementsAre("1.2469E+07"));
  EXPECT_THAT(Values("{retention_time} {peak.area} {peak.type}", "\t2.345   .5 PB"), ElementsAre("2.345", ".5", "PB"));
  EXPECT_THAT(Values("RUN# {run_number} {acquired_at_printed}", "RUN# 12   JAN 12, 1998   10:12:33"),
              ElementsAre("12", "JAN 12, 1998   10:12:33"));
  EXPECT_THAT(Values("{label}: {amount.value}{amount.unit}", "crack (base): <0.05mg/L"),
              ElementsAre("crack (base)", "<0.05", "mg/L"));
  EXPECT_THAT(Values("{{{label}}} {skip:integer}%", "{x} 12%"), ElementsAre("x", "12"));
}

TEST(Pattern, DoesNotReadWhatItDoesNotDraw) {
  EXPECT_THAT(Values("AREA {peak.area}", "AREA 12.3.4"), ElementsAre("not read"));
  EXPECT_THAT(Values("AREA {peak.area}", "AREA12"), ElementsAre("not read"));
  EXPECT_THAT(Values("AREA {peak.area}", "AREA 12 x"), ElementsAre("not read"));
  EXPECT_THAT(Values("AREA {peak.area}", "area 12"), ElementsAre("not read"));
  EXPECT_THAT(Values("AREA {peak.area}", "AREA"), ElementsAre("not read"));
  EXPECT_THAT(Values("ACQUIRED {acquired_at_printed}", "ACQUIRED yesterday"), ElementsAre("not read"));
  EXPECT_THAT(Values("CAS {cas}", "CAS 50-36"), ElementsAre("not read"));
  for (const char* weight : {"W 1,234.5g", "W 12.5.3", "W 12.5-3", "W 1.234,5 g"}) {
    EXPECT_THAT(Values("W {weighing.value}{weighing.unit}", weight), ElementsAre("not read"));
  }
}

TEST(Pattern, SaysWhyALineThatIsLikeItIsNotRead) {
  EXPECT_EQ(Of("TOTAL AREA={area_sum}").WhyNot("TOTAL AREA=1.2e4l"), "area_sum is no number");
  EXPECT_EQ(Of("TOTAL AREA={area_sum}").WhyNot("GRAND TOTAL"), "");
  EXPECT_EQ(Of("CAS {cas}").WhyNot("CAS 50-36"), "cas is no CAS number");
}

TEST(Pattern, IsNotReadWhereThereAreTwoWays) {
  std::vector<absl::string_view> values;
  const Pattern pattern = Of("S {sample_number} M {method}");
  EXPECT_EQ(pattern.Read("S 1 M x.M", values), Fit::kYes);
  EXPECT_EQ(pattern.Read("S 1 M 2 M x.M", values), Fit::kTwoWays);
}

TEST(Pattern, NamesTheMistakeAndTheNearestRightName) {
  EXPECT_THAT(ErrorOf("A {peak.aera}"), HasSubstr("unknown field \"peak.aera\", did you mean \"peak.area\"?"));
  EXPECT_THAT(ErrorOf("A {peak.area:nubmer}"), HasSubstr("unknown kind \"nubmer\", did you mean \"number\"?"));
  EXPECT_THAT(ErrorOf("A {peak.area:text}"), HasSubstr("holds a value of kind number, not text"));
  EXPECT_THAT(ErrorOf("A {technique}"), HasSubstr("gc_ms"));
  EXPECT_THAT(ErrorOf("A {label"), HasSubstr("without \"}\""));
  EXPECT_THAT(ErrorOf("A label}"), HasSubstr("without \"{\""));
  EXPECT_THAT(ErrorOf("A {label}{cas}"), HasSubstr("nothing stands between"));
  EXPECT_THAT(ErrorOf("A {peak.area}{peak.height}"), HasSubstr("nothing stands between"));
  EXPECT_THAT(ErrorOf("A1{peak.area}"), HasSubstr("a digit stands right before"));
  EXPECT_THAT(ErrorOf("{label} {method}"), HasSubstr("would read any line"));
  EXPECT_THAT(ErrorOf(" \t"), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf("A\nB"), HasSubstr("one line"));
}

// All ways to read `line` from `at` on, by trying every length of every value.
using Pieces = std::vector<std::string>;  // "text", " ", or "{kind}"
void TryAll(const Pieces& pieces, std::size_t piece, const std::string& line, std::size_t at, std::string so_far,
            std::set<std::string>& ways) {
  if (piece == pieces.size()) {
    if (at == line.size()) ways.insert(std::move(so_far));
    return;
  }
  const std::string& what = pieces[piece];
  if (what == " ") {
    const std::size_t end = std::min(line.find_first_not_of(' ', at), line.size());
    if (end > at) TryAll(pieces, piece + 1, line, end, so_far, ways);
  } else if (what[0] != '{') {
    if (line.compare(at, what.size(), what) == 0) TryAll(pieces, piece + 1, line, at + what.size(), so_far, ways);
  } else {
    const bool words = what == "{skip}", number = what == "{skip:integer}";
    for (std::size_t end = at + 1; end <= line.size(); ++end) {
      const std::string value = line.substr(at, end - at);
      if (value.front() == ' ' || value.back() == ' ') continue;
      if (!words && value.find(' ') != std::string::npos) continue;
      if (number && (value.find_first_not_of("0123456789") != std::string::npos ||
                     (end < line.size() && line[end] >= '0' && line[end] <= '9'))) {
        continue;
      }
      TryAll(pieces, piece + 1, line, end, absl::StrCat(so_far, "|", value), ways);
    }
  }
}

TEST(Pattern, ReadsWhatAReaderThatTriesEverythingReads) {
  std::mt19937_64 random(1);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  int read = 0, two_ways = 0;
  for (int i = 0; i < 20000; ++i) {
    Pieces pieces;
    while (pieces.size() < 6) {
      static constexpr absl::string_view kPieces[] = {"a", "=", " ", " ", "{skip}", "{skip:word}", "{skip:integer}"};
      const std::string next(kPieces[below(std::size(kPieces))]);
      const bool value = next[0] == '{', after_value = !pieces.empty() && pieces.back()[0] == '{';
      if ((next == " " && (pieces.empty() || pieces.back() == " ")) || (value && after_value)) continue;
      if (!pieces.empty() && !value && next != " " && !after_value && pieces.back() != " ") continue;
      pieces.push_back(next);
    }
    if (pieces.back() == " ") pieces.pop_back();
    const std::string text = absl::StrJoin(pieces, "");
    const absl::StatusOr<Pattern> pattern = Pattern::Parse(text);
    if (!pattern.ok()) continue;  // it would read any line
    std::string line;
    for (const std::string& piece : pieces) {
      if (piece[0] != '{') {
        line += piece;
      } else {
        for (std::size_t n = 1 + below(3); n > 0; --n)
          line += piece == "{skip:integer}" ? "12"[below(2)] : "a=1 "[below(4)];
      }
    }
    line = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    while (!line.empty() && line.back() == ' ') line.pop_back();
    std::set<std::string> ways;
    TryAll(pieces, 0, line, 0, "", ways);
    std::vector<absl::string_view> values;
    const Fit fit = pattern->Read(line, values);
    ASSERT_EQ(fit, ways.empty()       ? Fit::kNo
                   : ways.size() == 1 ? Fit::kYes
                                      : Fit::kTwoWays)
        << text << " of \"" << line << '"';
    if (fit == Fit::kYes) {
      std::string joined;
      for (const absl::string_view value : values) absl::StrAppend(&joined, "|", value);
      ASSERT_EQ(joined, *ways.begin()) << text << " of \"" << line << '"';
    }
    read += fit == Fit::kYes ? 1 : 0;
    two_ways += fit == Fit::kTwoWays ? 1 : 0;
  }
  EXPECT_GT(read, 1000);
  EXPECT_GT(two_ways, 200);
}

std::vector<Column> Peaks() {
  const auto column = [](const char* name, const char* field, bool may_be_empty = false, bool may_wrap = false) {
    return Column{name, *ParseSlot(field), may_be_empty, may_wrap};
  };
  return {column("RT", "retention_time"), column("AREA", "peak.area"), column("TYPE", "peak.type", true),
          column("AREA %", "peak.area_percent"), column("NAME", "label", true, true)};
}

std::string Row(const std::vector<Column>& columns, absl::string_view header, absl::string_view line) {
  const std::optional<PrintedTable> table = PrintedTable::Named(columns, header);
  if (!table) return "no table";
  const auto cells = table->ReadRow(line);
  if (!cells) return "no row";
  return absl::StrJoin(*cells, " ", [](std::string* out, const PrintedTable::Cell& cell) {
    absl::StrAppend(out, cell.first->name, "=", cell.second);
  });
}

TEST(PrintedTable, IsKnownByItsColumnsWhicheverThereAre) {
  const std::vector<Column> columns = Peaks();
  EXPECT_TRUE(PrintedTable::Named(columns, "  RT   AREA  TYPE  AREA %  NAME"));
  EXPECT_TRUE(PrintedTable::Named(columns, "NAME  AREA   RT"));
  EXPECT_FALSE(PrintedTable::Named(columns, "RT  AREA  HEIGHT"));
  EXPECT_FALSE(PrintedTable::Named(columns, "RT  AREA  RT"));
  EXPECT_FALSE(PrintedTable::Named(columns, "RT"));
  EXPECT_FALSE(PrintedTable::Named(columns, "AREA %")) << "one column";
}

TEST(PrintedTable, ReadsARowWhereThereIsOneWay) {
  const std::vector<Column> columns = Peaks();
  const absl::string_view header = "    RT       AREA  TYPE   AREA %  NAME";
  EXPECT_EQ(Row(columns, header, " 2.345     123456   PB   12.345   Caffeine"),
            "RT=2.345 AREA=123456 TYPE=PB AREA %=12.345 NAME=Caffeine");
  EXPECT_EQ(Row(columns, header, " 2.345     123456        12.345"), "RT=2.345 AREA=123456 AREA %=12.345");
  EXPECT_EQ(Row(columns, header, " 2.345     123456   PB   12.345   Cocaine base, cut"),
            "RT=2.345 AREA=123456 TYPE=PB AREA %=12.345 NAME=Cocaine base, cut");
  // Below no name at all, but there is one way to read it.
  EXPECT_EQ(Row(columns, header, "  2.3       7      PB       12.3"), "RT=2.3 AREA=7 TYPE=PB AREA %=12.3");
  EXPECT_EQ(Row(columns, header, " 2.345     123456   PB   12.345   Caffeine       x"), "no row")
      << "text so far apart";
  EXPECT_EQ(Row(columns, header, " 2.345     1234S6   PB   12.345"), "no row");
  EXPECT_EQ(Row(columns, header, " 2.345              PB   12.345"), "no row");
  EXPECT_EQ(Row(columns, header, " 2.345     123456   PB   12.345   Caffeine 2 3").find("no row"), std::string::npos);
}

TEST(PrintedTable, DoesNotChooseBetweenTwoWays) {
  const std::vector<Column> columns = {
      {"NO", *ParseSlot("peak.number")}, {"TYPE", *ParseSlot("peak.type"), true}, {"FLAG", *ParseSlot("flags"), true}};
  const absl::string_view header = "NO    TYPE    FLAG";
  EXPECT_EQ(Row(columns, header, " 1    x"), "NO=1 TYPE=x");
  EXPECT_EQ(Row(columns, header, " 1          x"), "no row");
  EXPECT_EQ(Row(columns, header, " 1             x"), "NO=1 FLAG=x");
}

TEST(PrintedTable, IsMeasuredByItsRuler) {
  const std::vector<Column> columns = {
      {"", *ParseSlot("retention_time")}, {"", *ParseSlot("peak.type"), true}, {"", *ParseSlot("peak.area")}};
  EXPECT_FALSE(PrintedTable::Ruled(columns, "----- ---- ----- ---"));
  EXPECT_FALSE(PrintedTable::Ruled(columns, "----- x ----"));
  const std::optional<PrintedTable> table = PrintedTable::Ruled(columns, "-----  ----  -------");
  ASSERT_TRUE(table.has_value());
  ASSERT_TRUE(table->ReadRow("2.345          12345").has_value());
  EXPECT_EQ(table->ReadRow("2.345          12345")->size(), 2u);
  EXPECT_EQ(table->ReadRow("2.345    PB    12345")->size(), 3u);
}

TEST(PrintedTable, ARowOfMoreWordsThanOneMayHaveIsNone) {
  const std::vector<Column> columns = {{"", *ParseSlot("retention_time")}, {"", *ParseSlot("label")}};
  const std::optional<PrintedTable> table = PrintedTable::Ruled(columns, "---- " + std::string(200, '-'));
  ASSERT_TRUE(table.has_value());
  std::string row = "1.5 ";
  for (int i = 0; i < 62; ++i) row += " w";
  EXPECT_TRUE(table->ReadRow(row).has_value());
  for (int i = 0; i < 20; ++i) row += " w";
  EXPECT_FALSE(table->ReadRow(row).has_value());
}

TEST(PrintedTable, CountsCharactersNotBytes) {
  const std::vector<Column> columns = Peaks();
  EXPECT_EQ(
      Row(columns, "NAME         RT   TYPE   AREA", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9     2.345           123"),
      "NAME=\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 RT=2.345 AREA=123");
}

TEST(PrintedTable, WithTabsHasEveryCellInItsPlace) {
  const std::vector<Column> columns = Peaks();
  const absl::string_view header = "RT\tAREA\tTYPE\tNAME";
  EXPECT_EQ(Row(columns, header, "2.345\t12\t\tMethyl  ester"), "RT=2.345 AREA=12 NAME=Methyl  ester");
  EXPECT_EQ(Row(columns, header, "2.345\t12"), "RT=2.345 AREA=12");
  EXPECT_EQ(Row(columns, header, "2.345\t\tPB"), "no row");
  EXPECT_EQ(Row(columns, header, "2.345\t12\tPB\tx\ty"), "no row");
}

// What stands below the names is read back, whatever is empty; nothing is ever put into another column.
TEST(PrintedTable, ReadsBackWhatWasPrintedBelowItsNames) {
  std::mt19937_64 random(2);
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  std::vector<Column> columns = Peaks();
  for (int i = 0; i < 5000; ++i) {
    std::string header, row, expected;
    for (const Column& column : columns) {
      const std::size_t width = column.name.size() + below(8);
      const bool right = HasForm(column.slot.kind);
      header += std::string(right ? width - column.name.size() : 0, ' ') + column.name +
                std::string(right ? 0 : width - column.name.size(), ' ') + "  ";
      std::string value;
      if (!column.may_be_empty || below(2) == 0) {
        for (std::size_t n = 1 + below(std::min<std::size_t>(width, 18)); n > 0; --n)
          value += right ? "123456789"[below(9)] : 'x';
        absl::StrAppend(&expected, expected.empty() ? "" : " ", column.name, "=", value);
      }
      row += std::string(right ? width - value.size() : 0, ' ') + value +
             std::string(right ? 0 : width - value.size(), ' ') + "  ";
    }
    ASSERT_EQ(Row(columns, header, row), expected) << header << "\n" << row;
  }
}

TEST(Fields, AreAllThatTheContractHasForPrintedValues) {
  // What is not printed, or is filled in along the road.
  const std::set<std::string> others = {"acquired_at",          "reported_at", "findings", "spectra",
                                        "sample_number_source", "ucum",        "printed"};
  std::set<std::string> known;
  for (const Field& field : Fields()) known.insert(std::string(field.name));
  const std::function<void(const google::protobuf::Descriptor&, const std::string&)> look =
      [&](const google::protobuf::Descriptor& message, const std::string& prefix) {
        for (int i = 0; i < message.field_count(); ++i) {
          const auto& field = *message.field(i);
          if (others.count(field.name()) != 0) continue;
          if (field.message_type() != nullptr) {
            look(*field.message_type(), prefix + field.name() + ".");
          } else {
            EXPECT_EQ(known.erase(prefix + field.name()), 1u) << prefix << field.name() << " has no name in formats";
          }
        }
      };
  look(*dims::v1::Analysis::descriptor(), "");
  look(*dims::v1::Finding::descriptor(), "");
  look(*dims::v1::Weighing::descriptor(), "weighing.");
  EXPECT_THAT(known, ElementsAre("count"));
}

}  // namespace
}  // namespace dims::format
