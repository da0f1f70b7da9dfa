// Summaries by compound and by sample: the real files, columns in any order, what is lost, and the bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "drivers/encoding.h"
#include "tests/corpus.h"
#include "tests/heap.h"
#include "tests/reports.h"

namespace dims {
namespace {

constexpr absl::string_view kName = "masslynx";

std::string Summary(int compounds, int samples) {
  std::string text = "Quantify Compound Summary Report \r\n\r\nPrinted Tue Jan 20 16:02:11 2026\r\n\r\n";
  for (int c = 1; c <= compounds; ++c) {
    absl::StrAppend(&text, "Compound ", c, ":  NAME ", c, "\r\n\r\n\tName\tAcq.Date\tAcq.Time\tRT\tArea\tConc.\r\n");
    for (int s = 1; s <= samples; ++s) {
      absl::StrAppend(&text, s, "\tDIMS-", s, "\t20-Jan-26\t15:0", s, ":51\t", c, ".25\t", 100 * c + s, ".5\t\r\n");
    }
    text += "\r\n";
  }
  return text;
}

// The cells of a real file by compound, sample and column, read by other means.
std::map<std::vector<std::string>, std::string> Cells(const std::string& bytes) {
  std::map<std::vector<std::string>, std::string> cells;
  std::string compound;
  std::vector<std::string> names;
  for (const absl::string_view raw : absl::StrSplit(bytes, "\r\n")) {
    const std::vector<std::string> fields = absl::StrSplit(raw, '\t');
    if (absl::StartsWith(raw, "Compound")) compound = std::string(raw.substr(raw.find(':') + 3));
    if (fields.size() < 3) continue;
    if (fields[0].empty()) names = fields;
    for (std::size_t i = 1; i < fields.size() && !fields[0].empty(); ++i) {
      cells[{compound, fields[1], names[i]}] = fields[i];
    }
  }
  return cells;
}

TEST(MassLynx, ATimeThatIsNoneIsLeftOutAndTheReportCanBeRead) {
  const Driver& driver = *FindDriver(kName);
  std::string odd = "Quantify Compound Summary Report \r\n\r\nPrinted T";
  for (int i = 0; i < 100; ++i) odd += "\xc2\xb8";
  odd += "\r\n\r\nCompound 1:  Caffeine\r\n\r\n\t#\tName\tRT\r\n1\t1\tA\t4.36\r\n";
  const Outcome outcome = Parse(driver, DefaultOptions(driver), odd);
  int reports = 0;
  for (const ParserEvent& event : outcome.events) {
    const Said* said = std::get_if<Said>(&event);
    if (said == nullptr) continue;
    ++reports;
    dims::v1::Report read;
    EXPECT_TRUE(read.ParseFromString(said->report.SerializeAsString()));
    EXPECT_EQ(said->report.analyses(0).reported_at_printed(), "");
  }
  EXPECT_EQ(reports, 1);
}

TEST(MassLynx, ReadsEveryCellOfTheRealFiles) {
  const auto files = CorpusFiles("masslynx_turbomass", ".txt");
  DIMS_SKIP_WITHOUT_CORPUS(files);
  std::size_t findings = 0;
  for (const std::filesystem::path& path : files) {
    SCOPED_TRACE(path.filename());
    auto cells = Cells(ToUtf8(FileBytes(path), Encoding::kCp1252).utf8);
    const std::vector<dims::v1::Report> reports = ReportsOf(kName, FileBytes(path));
    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].problems_size(), 0) << reports[0].DebugString();
    for (const dims::v1::Analysis& analysis : reports[0].analyses()) {
      for (const dims::v1::Finding& finding : analysis.findings()) {
        const auto cell = [&](const char* column) { return cells[{finding.label(), analysis.data_file(), column}]; };
        EXPECT_EQ(finding.retention_time(), cell("RT"));
        EXPECT_EQ(finding.peak().area(), cell("Area"));
        EXPECT_EQ(absl::StrJoin(finding.flags(), ""), cell("Detection Flags"));
        EXPECT_EQ(analysis.acquired_at_printed(), absl::StrCat(cell("Acq.Date"), " ", cell("Acq.Time")));
        ++findings;
      }
    }
  }
  std::cerr << files.size() << " real files, " << findings << " findings compared\n";
  EXPECT_GT(findings, 0u);
}

TEST(MassLynx, ColumnsGoByTheirNamesInAnyOrderAndOthersAreLeftOut) {
  std::vector<std::pair<std::string, std::string>> columns = {
      {"Name", "DIMS-1"},       {"RT", "3,20"}, {"Area", "5.5"}, {"Sample Text", "somebody"},
      {"Mod.User", "somebody"}, {"uM", "0.5"},  {"S/N", "7"},    {"Odd", "x"}};
  std::mt19937_64 random(9);
  std::string first;
  for (int i = 0; i < 50; ++i) {
    std::shuffle(columns.begin(), columns.end(), random);
    std::string text = "Quantify Compound Summary Report\r\n\r\nCompound 1:  X\r\n\r\n", row = "1";
    for (const auto& [name, value] : columns) {
      absl::StrAppend(&text, "\t", name);
      absl::StrAppend(&row, "\t", value);
    }
    const dims::v1::Report report = ReportsOf(kName, absl::StrCat(text, "\r\n", row, "\r\n"))[0];
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    EXPECT_EQ(report.SerializeAsString().find("somebody"), std::string::npos);
    ASSERT_EQ(report.analyses_size(), 1);
    if (first.empty()) first = report.analyses(0).SerializeAsString();
    EXPECT_EQ(report.analyses(0).SerializeAsString(), first);
    const dims::v1::Finding& finding = report.analyses(0).findings(0);
    EXPECT_EQ(finding.retention_time(), "3.20");
    EXPECT_EQ(finding.amount().unit(), "uM");
    EXPECT_EQ(finding.signal_to_noise(), "7");
  }
}

// A block of two rows, the first with a value under `column`.
dims::v1::Report WithColumn(const std::string& column) {
  return ReportsOf(kName, absl::StrCat("Quantify Compound Summary Report\r\n\r\nCompound 1:  X\r\n\r\n\tName\tRT\t",
                                       column, "\t%Dev\r\n1\tDIMS-1\t3.20\t12.5\t1\r\n2\tDIMS-2\t3.21\t\t\r\n"))[0];
}

TEST(MassLynx, AmountsStandUnderTheirUnitInAnyOfItsSpellings) {
  for (const char* unit : {"ng/mL", "ng/ml", "NG/ML", "pg/mL", "ng/g", "pg/mg", "ug/dL", "\u00b5g/L", "\u03bcg/kg",
                           "nmol/L", "pmol/mL", "mIU/mL", "ppm", "ppt", "PPB", "uM", "\u00b5M", "pM"}) {
    const dims::v1::Report report = WithColumn(unit);
    EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
    const dims::v1::Amount& amount = report.analyses(0).findings(0).amount();
    EXPECT_EQ(amount.value(), "12.5") << unit;
    EXPECT_EQ(amount.unit(), unit);
  }
}

TEST(MassLynx, AColumnThatCouldHoldAmountsIsNotLeftOutInSilence) {
  for (const char* name :
       {"ng/swab", "ng/hair", "mg/tab", "ppx", "nm", "ng", "pguL", "ng mL", "ug per kg", "ng mL-1"}) {
    const dims::v1::Report report = WithColumn(name);
    EXPECT_EQ(TypesOf(report), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNIT_UNKNOWN})) << name;
    EXPECT_FALSE(report.analyses(0).findings(0).has_amount()) << name;
  }
  for (const char* name : {"S/N", "Height/Area", "Area/IS", "%Dev", "Std. Conc", "Sample Text", "1/2",
                           "Signal/noise of it", "Sample", "mUser", "Imp"}) {
    EXPECT_EQ(WithColumn(name).problems_size(), 0) << name;
  }
  const dims::v1::Report two = WithColumn("ng/mL\tConc.");
  EXPECT_GT(two.problems_size(), 0);
  EXPECT_FALSE(two.SerializeAsString().find("12.5") != std::string::npos) << two.DebugString();
}

TEST(MassLynx, RowsWhoseBlockHasLostItsHeadBelongToNoCompound) {
  const std::string text = Summary(3, 2);
  const std::string head = "Compound 2:  NAME 2\r\n";
  const std::string header = "\tName\tAcq.Date\tAcq.Time\tRT\tArea\tConc.\r\n";
  for (const std::string& lost : {head, head + "\r\n" + header}) {
    for (const char* instead : {"", "Compo nd 2:  NAME 2\r\n"}) {
      std::string bytes = text;
      bytes.replace(bytes.find(lost), lost.size(), instead);
      const dims::v1::Report report = ReportsOf(kName, bytes)[0];
      EXPECT_GT(report.problems_size(), 0);
      ASSERT_EQ(report.analyses_size(), 2);
      for (const dims::v1::Analysis& analysis : report.analyses()) {
        ASSERT_EQ(analysis.findings_size(), 2) << report.DebugString();
        EXPECT_EQ(analysis.findings(0).retention_time(), "1.25");
        EXPECT_EQ(analysis.findings(1).label(), "NAME 3");
        EXPECT_EQ(analysis.findings(1).retention_time(), "3.25");
      }
    }
  }
  const dims::v1::Report long_name =
      ReportsOf(kName, absl::StrReplaceAll(text, {{"NAME 2", std::string(129, 'x')}}))[0];
  EXPECT_EQ(TypesOf(long_name), (ProblemTypes{dims::v1::PROBLEM_TYPE_UNEXPECTED_LINE})) << long_name.DebugString();
  EXPECT_EQ(long_name.analyses(0).findings_size(), 2);
}

// Its rows sorted at random, in each block in another way.
std::string Sorted(const std::string& summary, std::mt19937_64& random) {
  std::vector<std::string> lines = absl::StrSplit(summary, "\r\n");
  const auto is_row = [](const std::string& line) { return !line.empty() && absl::ascii_isdigit(line[0]); };
  for (auto row = lines.begin(); row != lines.end();) {
    row = std::find_if(row, lines.end(), is_row);
    const auto end = std::find_if_not(row, lines.end(), is_row);
    std::shuffle(row, end, random);
    row = end;
  }
  return absl::StrJoin(lines, "\r\n");
}

TEST(MassLynx, RowsInAnyOrderSayWhatTheySayInTheirOwn) {
  std::mt19937_64 random(11);
  const std::string text = Summary(3, 6);
  const auto said = [](const std::string& bytes) {
    const dims::v1::Report report = ReportsOf(kName, bytes)[0];
    EXPECT_EQ(report.problems_size(), 0) << bytes << report.DebugString();
    std::map<std::string, std::string> analyses;
    for (const auto& analysis : report.analyses()) analyses[analysis.data_file()] = analysis.SerializeAsString();
    return analyses;
  };
  const auto expected = said(text);
  ASSERT_EQ(expected.size(), 6u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(said(Sorted(text, random)), expected);
}

TEST(MassLynx, RowsInAnyOrderUnderADamagedHeadBelongToNoCompound) {
  std::mt19937_64 random(12);
  const std::string head = "Compound 2:  NAME 2\r\n", header = "\tName\tAcq.Date\tAcq.Time\tRT\tArea\tConc.\r\n";
  for (int i = 0; i < 200; ++i) {
    const std::string text = Sorted(Summary(3, 6), random);
    for (const std::string& lost : {head, head + "\r\n" + header, "\r\n" + head + "\r\n" + header}) {
      for (const char* instead : {"", "Compo nd 2:  NAME 2\r\n"}) {
        std::string bytes = text;
        bytes.replace(bytes.find(lost), lost.size(), instead);
        const dims::v1::Report report = ReportsOf(kName, bytes)[0];
        EXPECT_GT(report.problems_size(), 0);
        ASSERT_EQ(report.analyses_size(), 6);
        for (const dims::v1::Analysis& analysis : report.analyses()) {
          ASSERT_EQ(analysis.findings_size(), 2) << bytes << report.DebugString();
          EXPECT_EQ(analysis.findings(0).retention_time(), "1.25");
          EXPECT_EQ(analysis.findings(1).retention_time(), "3.25");
        }
      }
    }
  }
}

TEST(MassLynx, NumbersThatNoBlockHasAreNotMissed) {
  std::vector<std::string> lines = absl::StrSplit(Summary(2, 4), "\r\n");
  const auto without_second = [](const std::vector<std::string>& all) {
    std::vector<std::string> kept;
    for (const std::string& line : all) {
      if (!absl::StartsWith(line, "2\t")) kept.push_back(line);
    }
    return absl::StrJoin(kept, "\r\n");
  };
  EXPECT_EQ(ReportsOf(kName, without_second(lines))[0].problems_size(), 0);
  // Where nothing shows that it was left out on purpose, it may have been lost.
  lines = absl::StrSplit(Summary(1, 4), "\r\n");
  EXPECT_EQ(TypesOf(ReportsOf(kName, without_second(lines))[0]), (ProblemTypes{dims::v1::PROBLEM_TYPE_COUNT_MISMATCH}));
}

TEST(MassLynx, ARowThatHasLostItsNumberEndsNoBlock) {
  std::string text = Summary(1, 4);
  text.erase(text.find("2\tDIMS"), 1);
  const dims::v1::Report report = ReportsOf(kName, text)[0];
  EXPECT_GT(report.problems_size(), 0);
  EXPECT_EQ(report.analyses_size(), 3);
}

TEST(MassLynx, AfterALineThatCouldNotBeReadOnlyTheNextNumberIsOfTheSameBlock) {
  // Of the third row only its end is left, or what follows is of another block.
  std::string text = Summary(1, 6), third = text.substr(text.find("3\tDIMS"));
  third.resize(third.find('\n') + 1);
  const std::string unread = absl::StrReplaceAll(text, {{third, "3\tDI.25\t203.5\t\r\n"}});
  EXPECT_EQ(ReportsOf(kName, unread)[0].analyses_size(), 5);
  std::string other = unread;
  other.erase(other.find("4\tDIMS"), third.size());
  const dims::v1::Report report = ReportsOf(kName, other)[0];
  EXPECT_EQ(report.analyses_size(), 2) << report.DebugString();
  EXPECT_GT(report.problems_size(), 1);
}

TEST(MassLynx, AByteOfANameOrATimeGivesNoSampleTheResultsOfAnother) {
  const std::string whole = Summary(3, 3);
  for (const char* word : {"DIMS-2", "15:02"}) {
    for (std::size_t at = whole.find(word); at != std::string::npos; at = whole.find(word, at + 1)) {
      std::string bytes = whole;
      bytes[at + 3] = '9';
      const dims::v1::Report report = ReportsOf(kName, bytes)[0];
      EXPECT_GT(report.problems_size(), 0) << bytes;
      EXPECT_EQ(TypesOf(report)[0], dims::v1::PROBLEM_TYPE_INCONSISTENT);
      EXPECT_EQ(report.analyses_size(), 3) << report.DebugString();
    }
  }
}

TEST(MassLynx, ALetterOfAColumnsNameIsSaidInABlockThatIsNotAlone) {
  const std::string whole = Summary(2, 2);
  const std::size_t first = whole.find("\tName"), second = whole.find("\tName", first + 1);
  for (const std::size_t head : {first, second}) {
    for (std::size_t at = head + 1; whole[at] != '\r'; ++at) {
      std::string bytes = whole;
      bytes[at] = '~';
      EXPECT_GT(ReportsOf(kName, bytes)[0].problems_size(), 0) << bytes;
    }
  }
  // A compound may have a unit of its own.
  std::string units = whole;
  units.replace(units.find("Conc."), 5, "ng/mL");
  units.replace(units.find("Conc."), 5, "ug/L");
  EXPECT_EQ(ReportsOf(kName, units)[0].problems_size(), 0);
}

TEST(MassLynx, ByCompoundOrBySampleItSaysTheSame) {
  const std::vector<dims::v1::Report> by_compound = ReportsOf(kName, Summary(3, 2));
  std::string text = "Quantify Sample Summary Report \r\n\r\nPrinted Tue Jan 20 16:02:11 2026\r\n\r\n";
  for (int s = 1; s <= 2; ++s) {
    absl::StrAppend(&text, "Sample Name: DIMS-", s, "   Sample ID:  \r\n\r\n\tName\tAcq.Date\tAcq.Time\tRT\tArea\r\n");
    for (int c = 1; c <= 3; ++c) {
      absl::StrAppend(&text, c, "\tNAME ", c, "\t20-Jan-26\t15:0", s, ":51\t", c, ".25\t", 100 * c + s, ".5\r\n");
    }
    text += "\r\n";
  }
  const std::vector<dims::v1::Report> by_sample = ReportsOf(kName, text);
  ASSERT_EQ(by_compound[0].analyses_size(), 2);
  ASSERT_EQ(by_sample[0].analyses_size(), 2);
  EXPECT_EQ(by_sample[0].problems_size(), 0) << by_sample[0].DebugString();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(by_compound[0].analyses(i).SerializeAsString(), by_sample[0].analyses(i).SerializeAsString());
  }
}

// Rows are numbered, and as many in every block.
TEST(MassLynx, ALostRowOfAReportIsSeenWhereverItWas) {
  const std::string text = Summary(3, 3);
  for (std::size_t at = text.find("\n1\t"); at != std::string::npos; at = text.find('\n', at + 1)) {
    const std::size_t end = text.find('\n', at + 1);
    if (end == std::string::npos || !absl::ascii_isdigit(text[at + 1])) continue;
    std::string cut = text;
    cut.erase(at, end - at);
    EXPECT_GT(ReportsOf(kName, cut)[0].problems_size(), 0) << cut;
  }
}

TEST(MassLynx, AReportThatStopsWithinABlockIsInterrupted) {
  const std::string text = Summary(2, 3);
  const std::string cut = text.substr(0, text.rfind("\n3\t") + 1);
  EXPECT_EQ(TypesOf(ReportsOf(kName, cut)[0]), (ProblemTypes{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
  EXPECT_EQ(TypesOf(ReportsOf(kName, text, Ending::kInterrupted)[0]),
            (ProblemTypes{dims::v1::PROBLEM_TYPE_INTERRUPTED}));
}

TEST(MassLynx, LinesAboveTheFirstBlockMayNameTheDataSet) {
  const std::string text = absl::StrReplaceAll(
      Summary(1, 1), {{"Printed Tue", "Dataset:\tC:\\somebody\\x.qld\r\nLast Altered:\tmonday\r\nPrinted:\tTue"}});
  const dims::v1::Report report = ReportsOf(kName, text)[0];
  EXPECT_EQ(report.problems_size(), 0) << report.DebugString();
  EXPECT_EQ(report.analyses(0).reported_at_printed(), "Tue Jan 20 16:02:11 2026");
  EXPECT_EQ(report.SerializeAsString().find("somebody"), std::string::npos);
}

TEST(MassLynx, OtherTextsAreNoise) {
  for (const char* folder : {"nist_msp", "massbank_ei", "nist_mssearch", "spectrometer_text", "shimadzu/labsolutions",
                             "agilent_chemstation/report_txt"}) {
    for (const auto& path : CorpusFiles(folder, "")) EXPECT_TRUE(IsNoiseOnly(kName, FileBytes(path))) << path;
  }
}

TEST(MassLynx, TheCostliestLinesStayWithinTheBound) {
  const Driver& driver = *FindDriver(kName);
  const std::string compound = absl::StrCat("Compound 1: ", std::string(120, 'x'), "\n");
  const std::string by_compound = "Quantify Compound Summary Report\n", by_sample = "Quantify Sample Summary Report\n";
  // "@" is the row's number.
  for (const auto& [head, row] : std::vector<std::pair<std::string, std::string>>{
           {by_compound + compound + "\tRT\n", "@\t1\n"},
           {by_compound + compound + "\tRT\tScan\tConc.\tS/N\tTrace\tPrimary Flags\n", "@\t1\t1\t1\t1\t1\t1\n"},
           {by_compound + compound + "\tName\n", "@\tx\n"},
           {by_compound + compound + "\tRT\n", "1\t1\n"},
           {by_compound + compound, "\tRT\n"},
           {by_compound, "Compound 1:x\n\tRT\n1\t1\n"},
           {by_sample, "Sample Name:x\n"},
           {by_sample + "Sample Name:x\n\tName\tID\tVial\n", "@\tx\tx\tx\n"}}) {
    int number = 0;
    const std::size_t before = HeapInUse();
    Parser parser(driver, DefaultOptions(driver));
    parser.Feed(head, [](ParserEvent) {});
    ResetHeapPeak();
    for (std::size_t fed = 0; fed < 2 * driver.max_report;) {
      const std::string next = absl::StrReplaceAll(row, {{"@", absl::StrCat(++number)}});
      fed += next.size();
      parser.Feed(next, [](ParserEvent event) {
        const Said* said = std::get_if<Said>(&event);
        EXPECT_LT(said == nullptr ? 0 : said->report.ByteSizeLong(), 16u << 20);
      });
    }
    const std::size_t bound = 16 * driver.max_report + 2 * driver.max_frame + 64 * 1024;
    EXPECT_LE(HeapPeak() - before, bound) << row;
    std::cerr << (HeapPeak() - before) * 100 / bound << " % of the bound: " << row;
  }
}

}  // namespace
}  // namespace dims
