// One exported spectrum, or a file of several, while it is being read: lines about the measurement, then a table.
//
// What: the layouts that are known by their own words, each with its key lines (keys.h): SpectraSuite, OceanView and
//   their translations (the table stands between ">>>>>Begin ...<<<<<" and perhaps ">>>>>End ...<<<<<"), B&W Tek
//   ("File Version;BWRam..."), Witec TrueMatch, PerkinElmer PEDS, JASCO (rows after "XYDATA"). A table of any other
//   program is taken where its columns have names, the first that of an axis of spectra; or where it stands at the very
//   beginning, or after one line of names, or after lines that begin with "#" or stand in quotation marks, and is long,
//   and its x goes one way without a stop. So is a map with a spectrum in each row (map.h).
// Promise: a table as such is no spectrum: until it is known to be one, certain() is false. Rows whose commas can be
//   decimal marks or something else (row.h) wait for one that shows it, and are not taken if none does. The names of
//   columns within a table, or x that begins again, begin the next spectra of the same file. Lines between tables are
//   problems, but for as many as stand above the first one, and for text (Cary's log). Text is what follows a blank
//   line below the rows and is like none (below.h), where rows do not follow blank lines themselves, and no more rows
//   of that table come. A table in it must be as long as one that is known by its names alone; a shorter one is a
//   problem, and no spectrum. Of several tables there is no time if one has its own, or may have, and that is a
//   problem, too. Rows above a table that are of none are a problem, and nothing that stands above them is of that
//   table. Damaged bytes are said: in text once; below JASCO's own mark, where it writes in another code page than the
//   rows show, not.
// Notes: names of people and what they typed are in none of the lines that are carried, other than what a file calls
//   its spectra.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: real files of SpectraSuite, Avantes, Witec, PerkinElmer, Andor, Renishaw, JASCO, LabSpec, ENLIGHTEN and Cary
//   Eclipse; B&W Tek and translated markers as independent readers know them. What PerkinElmer's lines without keys
//   mean was read off two files.
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
#include "drivers/spectrum/below.h"
#include "drivers/spectrum/keys.h"
#include "drivers/spectrum/map.h"
#include "drivers/spectrum/row.h"
#include "drivers/spectrum/table.h"

namespace dims::spectrum {

// What the configuration says of every file.
struct Settings {
  dims::v1::SpectrumKind kind = dims::v1::SPECTRUM_KIND_UNSPECIFIED;  // unspecified: as the file says
  char decimal = 0;                                                   // 0: as the table shows
};

class Export final : public TextReport {
 public:
  explicit Export(const Settings& settings) : settings_(settings), keys_(settings.kind) {}

  Verdict Take(const TextLine& line) override;
  bool whole() const override;
  bool certain() const override;
  void Finish(bool complete) override;

 private:
  static constexpr std::size_t kLeastNamedRows = 8;  // of a table whose columns are named
  static constexpr int kMostSpectra = 512;

  bool BeginsAnother(absl::string_view text);
  void TakeFirst(absl::string_view text, uint64_t at);
  Verdict TakeHead(absl::string_view row, uint64_t at);
  void WaitForClearRow(const RowForm& form, absl::string_view row, uint64_t at);
  void TakeLostRow(uint64_t at);
  RowForm FormAfterHead(absl::string_view row) const;
  Header HeaderOf(RowForm& form) const;
  static bool NamesItsAxis(const Header& header);
  bool MayBegin(const Header& header) const;
  bool BeginTable(RowForm form, absl::string_view row, uint64_t at);
  Verdict TakeRow(absl::string_view row, uint64_t at);
  Verdict TakeMapRow(absl::string_view row, uint64_t at);
  // Below the rows:
  void TakeBelow(absl::string_view row, uint64_t at, bool unclear);
  bool BeginsText(absl::string_view text) const;
  bool BeginsLog(absl::string_view text) const;
  bool NamesASpectrum(absl::string_view text) const;
  bool NamesItsColumns(absl::string_view text) const;
  void TakeText(absl::string_view text);
  void SetKinds(dims::v1::SpectrumKind before, dims::v1::SpectrumKind kind);
  void EndByRow();
  RowForm FormBelowNames(absl::string_view row);
  std::optional<Verdict> TakeNextTable(absl::string_view row, uint64_t at);
  Verdict BeginNextTable();
  void TellHeld();
  bool EndsJasco(absl::string_view text) const;
  bool BeginsBelowJasco(absl::string_view row, uint64_t at);
  Verdict NextSpectrum(uint64_t at);
  void CheckCount(uint64_t at);
  std::size_t rows() const { return table_ ? table_->rows() : map_ ? map_->rows() : 0; }

  const Settings settings_;
  Keys keys_;
  dims::v1::Analysis* analysis_ = nullptr;  // the report's only one
  uint64_t at_ = 0;                         // of the first line
  std::string first_;                       // line, where it is none of the table
  uint64_t lines_ = 0;                      // blank ones, too
  std::size_t head_lines_ = 0;
  bool only_comments_ = true, only_quoted_ = true;  // in the head
  std::optional<Line> last_, before_;               // of the head
  bool marked_ = false;                             // a line said that a table follows
  bool ready_ = false;                              // so it did, and none has come
  std::vector<Line> unclear_;
  std::size_t unclear_rows_ = 0;
  uint64_t unclear_at_ = 0;
  std::size_t unclear_needed_ = 0;  // so many of them are a table; 0: none are
  double unclear_x_ = 0;            // what stands before the first comma
  int unclear_direction_ = 0;
  std::size_t lost_rows_ = 0;  // in the head
  uint64_t lost_at_ = 0;       // the first of them
  std::optional<Table> table_;
  std::optional<Map> map_;
  bool named_ = false;                  // its columns
  bool indented_ = false;               // its rows: the tab before them separates nothing
  bool sure_ = false;                   // a table before was long enough
  bool jasco_ = false, ended_ = false;  // its rows have: what comes is text
  std::size_t lines_above_ = 0;         // of the first table, above its names
  Below below_{report()};               // since the last row
  std::vector<Line> held_;              // rows of a table in the text, if there are more of them
  RowForm held_form_;                   // of the first of them
  std::size_t held_whole_ = 0;          // those that are no damaged ones
  int first_below_ = 0;                 // of the spectra whose text is next
  bool after_blank_ = false;            // the line at hand
  bool spaced_ = false;                 // so are rows
  bool damaged_ = false;                // the line at hand, and it is not said
  bool after_first_ = false;            // the line before is the file's first one again
  std::string with_cells_;              // the line at hand
  int bad_rows_ = 0;                    // before it was certain
  std::size_t points_ = 0;              // of the tables before
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_EXPORT_H_
