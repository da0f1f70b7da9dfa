// What the lines above a table tell of it, and those below: the layout, and the values of its keys.
//
// What: layouts by their first line, and each one's key lines: SpectraSuite and OceanView, B&W Tek, Witec, PerkinElmer,
//   JASCO, Wasatch's ENLIGHTEN, LabSpec; below the table, Cary's.
// Promise: values are as printed. JASCO's keys count once its rows are announced: they are words that any table may
//   have over its columns. What the configuration says of the kind holds against the file.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SPECTRUM_KEYS_H_
#define DIMS_DRIVERS_SPECTRUM_KEYS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::spectrum {

enum class Layout { kOther, kOcean, kBwTek, kWitec, kPerkinElmer };

// The layout whose first line this is; kOther where it is of none.
Layout LayoutOf(absl::string_view line);

// The first line of a file, whatever stands before it.
bool BeginsFile(absl::string_view line);

// "DATE<TAB>26/01/19", "NPOINTS,4": JASCO's. Its file begins with "TITLE".
bool IsJascoKey(absl::string_view line, absl::string_view key);
inline constexpr absl::string_view kJascoRows = "XYDATA";  // the line above its rows

class Keys {
 public:
  // `kind`: what the configuration says.
  explicit Keys(dims::v1::SpectrumKind kind) : kind_(kind) {}

  void TakeFirst(absl::string_view text, dims::v1::Analysis& analysis);
  // `number`: of the line, from 0, blank ones counted.
  void Take(absl::string_view text, uint64_t number, dims::v1::Analysis& analysis);
  // Text below a table.
  void TakeBelow(absl::string_view text, dims::v1::Analysis& analysis);
  // A line below a table that may be one of the head of the next.
  void TakeBetween(absl::string_view text);
  // More rows of the same table: what was text above them told nothing.
  void EndByRow(bool was_text, dims::v1::Analysis& analysis);
  // Another table: what told of those above it told nothing of this one. `apart`: lines stand above its names, which
  // may be the head of another file; of both there is no time then.
  void EndByTable(bool apart, dims::v1::Analysis& analysis);
  // So it is, and there was one.
  bool times_left_out() const { return times_left_out_; }
  // JASCO's rows are announced.
  void TakeJasco(dims::v1::Analysis& analysis);
  // The next spectrum of the file has a title and a count of its own.
  void ForgetSpectrum();

  Layout layout() const { return layout_; }
  dims::v1::SpectrumKind kind() const { return kind_; }
  const std::string& title() const { return title_; }
  const std::string& x_unit() const { return x_unit_; }
  const std::string& y_unit() const { return y_unit_; }
  std::size_t points() const { return points_; }  // 0: not said

 private:
  struct Jasco {
    std::string title, type, date, time, x_unit, y_unit, points;
  };

  void SetKind(dims::v1::SpectrumKind kind);
  void TakeEnlighten(absl::string_view text, dims::v1::Analysis& analysis);
  void TakePerkinElmer(absl::string_view text, uint64_t number, dims::v1::Analysis& analysis);

  Layout layout_ = Layout::kOther;
  bool enlighten_ = false;
  bool time_below_ = false;     // the time is that of the text
  bool time_between_ = false;   // a line since the last row told one
  bool several_times_ = false;  // perhaps, as other lines than names stand between
  bool times_left_out_ = false;
  dims::v1::SpectrumKind kind_;
  bool kind_below_ = false;
  std::string title_, x_unit_, y_unit_;
  std::size_t points_ = 0;
  uint64_t group_ = 0;  // PerkinElmer: the line "#GR"
  Jasco jasco_;
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_KEYS_H_
