// A table of a spectrum: one column of x, and one of y for each spectrum.
//
// What: columns by their header, if there is one, and rows into Spectra.
// Promise: a row that has not the form of the others is not taken. A cell without a number leaves its point out, and
//   nothing else. What x is goes by the header; without one, the first column is x.
// Units: as printed. Where the header states none, it is the column's name that says what the numbers are.
// Errors: a header that does not fit, a row that does not: false.
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

// A line that names columns, `fields` of them (0: two or more), and holds no row of numbers.
std::optional<Header> ParseHeader(absl::string_view line, char separator, std::size_t fields);

// A line of units alone, every one in brackets.
bool IsUnits(absl::string_view line, char separator, std::size_t fields);
std::vector<std::string> UnitsIn(absl::string_view line, char separator);

// Its first column is named after what spectra are plotted over.
bool NamesAnAxis(const Header& header);

class Table {
 public:
  // `analysis` gets the spectra, one for each column of y, and must outlive the table.
  Table(const RowForm& form, const Header& header, dims::v1::SpectrumKind kind, absl::string_view title,
        absl::string_view x_unit, dims::v1::Analysis& analysis);

  enum class Row {
    kNone,  // has not the form of the others
    kTaken,
    kStill,     // taken; x is that of the row before
    kBackward,  // taken; x goes another way than before
  };
  Row Take(absl::string_view line);

  // The line begins with what the first row began with, as a row of the next table on the same x does.
  bool RepeatsFirst(absl::string_view line) const;

  std::size_t rows() const { return rows_; }
  std::size_t points() const { return points_; }

 private:
  struct Column {
    std::size_t field;
    dims::v1::Spectrum* spectrum;
  };

  Dialect dialect_;
  std::size_t fields_;
  std::size_t x_ = 0;  // its field
  std::vector<Column> columns_;
  std::vector<absl::string_view> split_;  // the line at hand
  std::vector<std::optional<double>> values_;
  std::string first_x_;
  double last_ = 0;
  int direction_ = 0;  // of x
  std::size_t rows_ = 0, points_ = 0;
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_TABLE_H_
