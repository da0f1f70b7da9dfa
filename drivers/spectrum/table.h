// A table of spectra: one column of x, and one of y for each spectrum; or a column of x for each.
//
// What: columns by their header, if there is one, and rows into Spectra.
// Promise: a row that has not the form of the others is not taken. A cell without a number leaves its point out, and
//   nothing else. What x is goes by the header; without one, the first column is x. Where its name repeats, x of a
//   column is what stands to its left; where that could be another's, no column is taken. Where in a map or series a
//   row was measured (columns "X", "Y", "Z", "Time" before that of x) is Spectrum.page.
// Units: as printed. Where the header states none, it is the column's name that says what the numbers are.
// Errors: a header that does not fit, a row that does not: false. What is left out: Table::left_out.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SPECTRUM_TABLE_H_
#define DIMS_DRIVERS_SPECTRUM_TABLE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/spectrum/row.h"

namespace dims::spectrum {

// The names over the columns, and the units where they have a line of their own ("[nm] ;[counts]").
struct Header {
  std::vector<std::string> names, units;
};

// A line that names the columns of a row, and holds no row of numbers. As many as the row has fields, or one more, if
// what stands behind its last separator is an empty cell: form.fields says so then, and form.open_end is false.
std::optional<Header> ParseHeader(absl::string_view line, RowForm& form);

// A line of units alone, every one in brackets.
bool IsUnits(absl::string_view line, const RowForm& form);
std::vector<std::string> UnitsIn(absl::string_view line, char separator);

// Its first column is named after what spectra are plotted over, or only those before that say where it was measured.
bool NamesAnAxis(const Header& header);

// What is known of a table besides its columns.
struct About {
  dims::v1::SpectrumKind kind = dims::v1::SPECTRUM_KIND_UNSPECIFIED;
  std::string title, x_unit, y_unit;  // empty: by the header
  char decimal = 0;                   // 0: as the rows show
  std::string above;                  // the line above the header: titles, where each spectrum has its own x
};

class Table {
 public:
  // `analysis` gets the spectra, one for each column of y, and must outlive the table.
  Table(const RowForm& form, const Header& header, const About& about, dims::v1::Analysis& analysis);

  // Why not every column is taken.
  enum class LeftOut {
    kNothing,
    kTooMany,  // the last ones
    kNoX,      // those that have no x to their left, or could have another
  };
  LeftOut left_out() const { return left_out_; }

  enum class Row {
    kNone,     // has not the form of the others
    kUnclear,  // so it is, as its commas may be decimal marks or not
    kTaken,
    kStill,     // taken; x is that of the row before
    kBackward,  // taken; x goes another way than before
    kAgain,     // not taken: x begins again, or was measured elsewhere
  };
  // kAgain is said only where that may be.
  Row Take(absl::string_view line, bool may_begin_again);
  // The same columns for the next spectra: what comes is a row of theirs. How long their names are, which are copied.
  std::size_t BeginAgain(dims::v1::Analysis& analysis);

  // The line begins with what the first row began with, as a row of the next table on the same x does.
  bool RepeatsFirst(absl::string_view line) const;

  char separator() const { return dialect_.separator; }
  std::size_t fields() const { return fields_; }
  std::size_t rows() const { return rows_; }
  std::size_t points() const { return points_; }

 private:
  struct X {
    std::size_t field;
    std::string first = {};  // as printed; empty: none yet
    double last = 0;
    int direction = 0;
  };
  struct Place {
    std::size_t field;
    std::string name, value;
  };
  struct Column {
    std::size_t field, x;  // which of xs_
    dims::v1::Spectrum* spectrum;
  };

  std::vector<std::string> TitlesIn(absl::string_view above) const;
  bool BeginsAgain() const;
  void Open();
  Row Follow(X& x, double value, absl::string_view printed) const;

  Dialect dialect_;
  std::size_t fields_;
  std::vector<X> xs_;
  std::vector<Column> columns_;
  std::vector<Place> places_;  // where the rows were measured
  LeftOut left_out_ = LeftOut::kNothing;
  std::vector<absl::string_view> split_;  // the line at hand
  std::vector<std::optional<double>> values_;
  std::size_t rows_ = 0, points_ = 0;
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_TABLE_H_
