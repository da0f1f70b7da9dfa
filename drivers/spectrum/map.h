// A map or series with one spectrum in each row: x in the first line, and before each row where it was measured.
//
//   <TAB><TAB>800.5<TAB>801.5<TAB>...
//   0<TAB>2.5<TAB>1012<TAB>1015<TAB>...
//
// What: the line of x, and rows into Spectra, whose page is what stands before them.
// Promise: the line of x begins with empty cells, one for each of what stands before a row; it has at least 32 numbers,
//   and they go one way. A row that has not as many cells is not taken. A cell without a number leaves its point out.
// Units: none are stated.
// Errors: nullopt for a line that is no line of x; false for what is no row.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SPECTRUM_MAP_H_
#define DIMS_DRIVERS_SPECTRUM_MAP_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/spectrum/row.h"

namespace dims::spectrum {

class Map {
 public:
  // `decimal`: what the configuration says, 0 where it does not.
  static std::optional<Map> Begin(absl::string_view line, char decimal);

  bool Take(absl::string_view line, dims::v1::SpectrumKind kind, dims::v1::Analysis& analysis);

  std::size_t rows() const { return rows_; }
  std::size_t points() const { return points_; }

 private:
  Dialect dialect_;
  std::size_t places_ = 0;  // cells before a row's spectrum
  std::vector<double> x_;
  std::string first_x_, last_x_;  // as printed
  std::size_t rows_ = 0, points_ = 0;
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_MAP_H_
