// One exported spectrum, or a file of several, while it is being read: lines about the measurement, then a table.
//
// What: the layouts that are known by their own words, each with its key lines: SpectraSuite, OceanView and their
//   translations (the table stands between ">>>>>Begin ...<<<<<" and perhaps ">>>>>End ...<<<<<"), B&W Tek
//   ("File Version;BWRam..."), Witec TrueMatch, PerkinElmer PEDS. A table of any other program is taken where its
//   columns have names, the first that of an axis of spectra; or where it stands at the very beginning, or after one
//   line of names or after lines that begin with "#", and is long, and its x goes one way without a stop.
// Promise: a table as such is no spectrum: until it is known to be one, certain() is false. Rows whose commas can be
//   decimal marks or something else (row.h) wait for one that shows it, and are not taken if none does.
// Notes: names of people and what they typed are in none of the lines that are carried.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: real files of SpectraSuite, Avantes, Witec, PerkinElmer, Andor, Renishaw; B&W Tek and translated markers as
//   independent readers know them. What PerkinElmer's lines without keys mean was read off two files.
#ifndef DIMS_DRIVERS_SPECTRUM_EXPORT_H_
#define DIMS_DRIVERS_SPECTRUM_EXPORT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/encoding.h"
#include "drivers/silence.h"
#include "drivers/spectrum/row.h"
#include "drivers/spectrum/table.h"

namespace dims::spectrum {

// What the configuration says of every file.
struct Settings {
  dims::v1::SpectrumKind kind = dims::v1::SPECTRUM_KIND_UNSPECIFIED;  // unspecified: as the file says
  char decimal = 0;                                                   // 0: as the table shows
};

enum class Layout { kOther, kOcean, kBwTek, kWitec, kPerkinElmer };

// The layout whose first line this is; kOther where it is of none.
Layout LayoutOf(absl::string_view line);

class Export final : public TextReport {
 public:
  explicit Export(const Settings& settings) : settings_(settings), kind_(settings.kind) {}

  Verdict Take(const TextLine& line) override;
  bool whole() const override;
  bool certain() const override;
  void Finish(bool complete) override;

 private:
  struct Line {
    std::string text;
    uint64_t at;
  };

  void TakeFirst(absl::string_view text, uint64_t at);
  Verdict TakeHead(absl::string_view text, uint64_t at);
  void TakeKey(absl::string_view text);
  void TakePerkinElmer(absl::string_view text);
  void WaitForClearRow(absl::string_view text, uint64_t at);
  bool BeginTable(const RowForm& form);
  Verdict TakeRow(absl::string_view text, uint64_t at);
  Verdict NextSpectrum(uint64_t at);
  void CheckCount(uint64_t at);
  std::size_t rows() const { return table_ ? table_->rows() : 0; }

  const Settings settings_;
  dims::v1::SpectrumKind kind_;
  Layout layout_ = Layout::kOther;
  dims::v1::Analysis* analysis_ = nullptr;  // the report's only one
  uint64_t at_ = 0;                         // of the first line
  std::string first_;                       // line, where it is none of the table
  uint64_t lines_ = 0;                      // blank ones, too
  uint64_t group_ = 0;                      // PerkinElmer: the line "#GR"
  std::size_t head_lines_ = 0;
  bool only_comments_ = true;          // in the head
  std::optional<Line> last_, before_;  // of the head
  std::string title_, x_unit_;
  std::size_t expected_ = 0;  // rows, as the head says; 0: it does not
  bool marked_ = false;       // a line said that a table follows
  bool ready_ = false;        // so it did, and none has come
  std::vector<Line> unclear_;
  std::size_t unclear_rows_ = 0;
  uint64_t unclear_at_ = 0;
  std::optional<Table> table_;
  bool named_ = false;      // its columns
  int bad_rows_ = 0;        // before it was certain
  std::size_t points_ = 0;  // of the tables before
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_EXPORT_H_
