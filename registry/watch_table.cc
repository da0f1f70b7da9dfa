#include "registry/watch_table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "dims/v1/report.pb.h"
#include "proto/terminal_text.h"

namespace dims {
namespace {

using Cells = std::array<std::string, kWatchColumns>;
using Widths = std::array<std::size_t, kWatchColumns>;

constexpr std::array<absl::string_view, kWatchColumns> kTitles = {
    "RECEIVED", "LABORATORY", "BRIDGE", "INSTRUMENT", "SAMPLE", "COMPOUND", "CAS", "AMOUNT", "MARKS"};
// Of the plain form.
constexpr Widths kPlainWidths = {8, 12, 10, 12, 16, 30, 11, 16, 0};
// Wider than this no column needs to be, however long its texts.
constexpr Widths kMost = {8, 16, 16, 16, 24, 48, 12, 24, 60};
// Narrower than this only after all dispensable columns are gone; and narrower than the last a column says nothing.
constexpr Widths kLeast = {8, 8, 6, 8, 14, 18, 11, 14, 12}, kBare = {8, 6, 6, 6, 6, 8, 11, 6, 4};
// Which columns go where even the least does not fit; the first goes first.
constexpr std::array<WatchColumn, 5> kDispensable = {kWatchBridge, kWatchCas, kWatchLaboratory, kWatchInstrument,
                                                     kWatchTime};
constexpr std::size_t kGap = 2;

// "REPEAT_STATUS_X" is "X", with blanks.
std::string Word(const std::string& name, absl::string_view prefix) {
  return absl::StrReplaceAll(name.substr(prefix.size()), {{"_", " "}});
}

std::string AmountText(const v1::Amount& amount) {
  absl::string_view sign;
  switch (amount.qualifier()) {
    case v1::AMOUNT_QUALIFIER_UNSPECIFIED:
    case v1::AMOUNT_QUALIFIER_EQUAL:
      break;
    case v1::AMOUNT_QUALIFIER_LESS_THAN:
      sign = "<";
      break;
    case v1::AMOUNT_QUALIFIER_GREATER_THAN:
      sign = ">";
      break;
    default: {
      std::string words =
          absl::AsciiStrToLower(Word(v1::AmountQualifier_Name(amount.qualifier()), "AMOUNT_QUALIFIER_"));
      return amount.value().empty() ? words : absl::StrCat(amount.value(), " ", amount.unit(), " (", words, ")");
    }
  }
  return absl::StrCat(sign, amount.value(), amount.unit().empty() ? "" : " ", amount.unit());
}

void DescribeFinding(const v1::Finding& finding, Cells& cells) {
  cells[kWatchCompound] = finding.label();
  cells[kWatchCas] = finding.cas();
  if (finding.label().empty() && finding.identifications_size() > 0) {
    // A proposal of a library search is no identification: the question mark and the score say so.
    const v1::Identification& best = finding.identifications(0);
    cells[kWatchCompound] =
        absl::StrCat(best.label(), "?", best.score().empty() ? "" : absl::StrCat(" (", best.score(), ")"));
    cells[kWatchCas] = best.cas();
  } else if (finding.label().empty() && !finding.retention_time().empty()) {
    cells[kWatchCompound] = absl::StrCat("peak at ", finding.retention_time(), " min");
  }
  if (finding.has_amount()) {
    cells[kWatchAmount] = AmountText(finding.amount());
  } else if (!finding.peak().area_percent().empty()) {
    cells[kWatchAmount] = absl::StrCat(finding.peak().area_percent(), " % area");
  }
}

std::string Marks(const v1::Report& report) {
  std::vector<std::string> marks;
  std::vector<absl::string_view> rules;
  for (const v1::RuleHit& hit : report.rule_hits()) rules.push_back(hit.rule_id());
  const bool urgent = report.urgency() == v1::URGENCY_URGENT;
  if (urgent || !rules.empty()) {
    marks.push_back(absl::StrCat(urgent ? "URGENT" : "hits", rules.empty() ? "" : ": ", absl::StrJoin(rules, " ")));
  }
  if (report.status() != v1::REPORT_STATUS_FINAL && report.status() != v1::REPORT_STATUS_UNSPECIFIED) {
    marks.push_back(Word(v1::ReportStatus_Name(report.status()), "REPORT_STATUS_"));
  }
  if (report.origin() != v1::ORIGIN_REAL && report.origin() != v1::ORIGIN_UNSPECIFIED) {
    marks.push_back(Word(v1::Origin_Name(report.origin()), "ORIGIN_"));
  }
  if (report.has_repeat_of()) marks.push_back(absl::StrCat("repeat of ", report.repeat_of().number()));
  for (const v1::RecordName& part : report.replaces_parts()) marks.push_back(absl::StrCat("replaces ", part.number()));
  if (report.has_gap()) {
    marks.push_back(absl::StrCat("LOST: records ", report.gap().from(), " to ", report.gap().through(), " of store ",
                                 report.gap().store_id().substr(0, 8)));
  }
  for (const v1::Problem& problem : report.problems()) {
    std::string name = Word(v1::ProblemType_Name(problem.type()), "PROBLEM_TYPE_");
    if (std::find(marks.begin(), marks.end(), name) == marks.end()) marks.push_back(std::move(name));
  }
  return absl::StrJoin(marks, ", ");
}

// The rows of a report, without what they have in common.
std::vector<Cells> RowsOf(const v1::Report& report) {
  std::vector<Cells> rows;
  for (const v1::Analysis& analysis : report.analyses()) {
    const std::size_t first = rows.size();
    for (const v1::Finding& finding : analysis.findings()) DescribeFinding(finding, rows.emplace_back());
    if (rows.size() == first) rows.emplace_back()[kWatchCompound] = "no findings";
    for (std::size_t i = first; i < rows.size(); ++i) rows[i][kWatchSample] = analysis.sample_number();
  }
  for (const v1::Weighing& weighing : report.weighings()) {
    Cells& cells = rows.emplace_back();
    cells[kWatchSample] = weighing.sample_number();
    cells[kWatchCompound] = weighing.stable() ? "weighing" : "weighing, not stable";
    cells[kWatchAmount] = absl::StrCat(weighing.value(), " ", weighing.unit());
  }
  for (const v1::Scan& scan : report.scans()) {
    Cells& cells = rows.emplace_back();
    cells[kWatchSample] = scan.code();
    cells[kWatchCompound] = "scan";
  }
  if (rows.empty()) rows.emplace_back();
  return rows;
}

// What the columns get of `width`; none: the column is left out.
Widths FitWidths(const std::deque<WatchRow>& rows, std::size_t width) {
  Widths widths;
  for (int i = 0; i < kWatchColumns; ++i) {
    widths[i] = kTitles[i].size();
    for (const WatchRow& row : rows) widths[i] = std::max(widths[i], Columns(row.cells[i]));
    widths[i] = std::min(widths[i], kMost[i]);
  }
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), std::size_t{0},
                           [](std::size_t sum, std::size_t one) { return one == 0 ? sum : sum + one + kGap; });
  };
  // Makes the widest narrower, one by one; false if it does not fit all the same.
  const auto narrow = [&](const Widths& least) {
    while (total() > width + kGap) {
      int widest = -1;
      for (int i = 0; i < kWatchColumns; ++i) {
        if (widths[i] > least[i] && (widest < 0 || widths[i] > widths[widest])) widest = i;
      }
      if (widest < 0) return false;
      --widths[widest];
    }
    return true;
  };
  const Widths wished = widths;
  for (std::size_t gone = 0; !narrow(kLeast); ++gone) {
    if (gone == kDispensable.size()) {
      narrow(kBare);  // what still does not fit is cut with the line
      break;
    }
    // The others may have its room.
    const Widths narrowed = std::exchange(widths, wished);
    for (int i = 0; i < kWatchColumns; ++i) widths[i] = narrowed[i] == 0 ? 0 : widths[i];
    widths[kDispensable[gone]] = 0;
  }
  return widths;
}

template <class Cell>
std::string Line(const Widths& widths, const std::array<Cell, kWatchColumns>& cells, std::size_t width) {
  std::string line;
  for (int i = 0; i < kWatchColumns; ++i) {
    if (widths[i] > 0) absl::StrAppend(&line, line.empty() ? "" : "  ", Fit(cells[i], widths[i]));
  }
  return Fit(line, width);
}

}  // namespace

std::vector<WatchRow> WatchRowsOf(const ArchivedRecord& record, absl::TimeZone zone) {
  if (record.again != 0) return {};
  v1::Report report;
  std::vector<Cells> rows(1);
  std::string marks;
  if (record.refusal != v1::REFUSAL_REASON_UNSPECIFIED) {
    marks = absl::StrCat("refused: ", record.refusal_message);
  } else if (!report.ParseFromString(record.payload)) {
    marks = "cannot be read";
  } else {
    rows = RowsOf(report);
    marks = Marks(report);
  }
  std::vector<WatchRow> out;
  for (Cells& cells : rows) {
    cells[kWatchTime] = absl::FormatTime("%H:%M:%S", record.received_at, zone);
    cells[kWatchLaboratory] = record.store.laboratory;
    cells[kWatchBridge] = record.store.bridge;
    cells[kWatchInstrument] = report.source().instrument();
    cells[kWatchMarks] = marks;
    for (std::string& cell : cells) cell = Printable(cell);
    out.push_back({record.position, std::move(cells)});
  }
  return out;
}

std::string WatchLine(const WatchRow& row) {
  std::string line;
  for (int i = 0; i < kWatchColumns; ++i) {
    const std::string& cell = row.cells[i];
    absl::StrAppend(&line, i > 0 ? "  " : "", Fit(cell, std::max(kPlainWidths[i], Columns(cell))));
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line;
}

std::string WatchHeader() {
  WatchRow titles;
  for (int i = 0; i < kWatchColumns; ++i) titles.cells[i] = std::string(kTitles[i]);
  return WatchLine(titles);
}

std::string WatchPage(const std::deque<WatchRow>& rows, absl::string_view footer, std::size_t width,
                      std::size_t height) {
  const Widths widths = FitWidths(rows, width);
  std::vector<std::string> lines = {Line(widths, kTitles, width)};
  const std::size_t room = height > 2 ? height - 2 : 0;
  const std::size_t first = rows.size() > room ? rows.size() - room : 0;
  for (std::size_t i = first; i < rows.size(); ++i) {
    Cells cells = rows[i].cells;
    if (i > first && rows[i - 1].position == rows[i].position) {
      for (const WatchColumn same :
           {kWatchTime, kWatchLaboratory, kWatchBridge, kWatchInstrument, kWatchSample, kWatchMarks}) {
        if (cells[same] == rows[i - 1].cells[same]) cells[same].clear();
      }
    }
    lines.push_back(Line(widths, cells, width));
  }
  lines.resize(room + 1, std::string(width, ' '));
  lines.push_back(Fit(Printable(footer), width));
  lines.resize(std::min(lines.size(), height));
  return absl::StrJoin(lines, "\n");
}

}  // namespace dims
