// What a data table is read into, and what is known of it before.
//
// What: the open report with the room that its record has left (OpenReport); the axes that a block's header states
//   (Axes); a table that is given line after line and becomes a curve (Table).
// Promise: points are as many as the lines say, never more than there is room for: a few bytes of DUP form can stand
//   for any number of points. What does not fit is one OVERSIZE problem, and what is there stays.
// Units: positions are Frame::at; x and y are the table's numbers times the header's factors.
// Errors: as problems in the report, at the position of their line or character.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_JCAMP_TABLE_H_
#define DIMS_DRIVERS_JCAMP_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/driver.h"
#include "drivers/jcamp/number.h"
#include "google/protobuf/repeated_field.h"

namespace dims::jcamp {

class OpenReport {
 public:
  // The registry's largest record is 16 MiB: 15 for points, of two doubles each; problems, and what the bridge adds to
  // a report, have the rest.
  static constexpr std::size_t kPoint = 16;
  static constexpr std::size_t kMostPoints = (15 << 20) / kPoint;

  dims::v1::Report& report() { return report_; }
  void Add(dims::v1::ProblemType type, uint64_t at, absl::string_view message) {
    AddProblem(report_, type, at, message);
  }

  // How many bytes of points the record still takes.
  std::size_t room() const { return room_; }
  // Takes that many, where there are so many; else says so, once, and takes no more. Points, and all else.
  bool Hold(std::size_t bytes, uint64_t at) { return Hold(bytes, at, room_); }
  bool HoldText(std::size_t bytes, uint64_t at) { return Hold(bytes, at, text_room_); }

  // A report that says nothing yet, with the room that this one has; and what became of it as what becomes of this.
  OpenReport Fork() const;
  void Join(const OpenReport& fork);

 private:
  bool Hold(std::size_t bytes, uint64_t at, std::size_t& room) {
    if (bytes > room) return Refuse(at, room);
    room -= bytes;
    return true;
  }
  bool Refuse(uint64_t at, std::size_t& room);

  std::size_t room_ = kMostPoints * kPoint;
  std::size_t text_room_ = 512 << 10;
  bool full_ = false;
  dims::v1::Report report_;
};

// The points of a table, as a Spectrum has them.
using Samples = google::protobuf::RepeatedField<double>;

// Room for as many as a header announces, where a record takes so many: they need not be moved as they become more.
void Expect(std::optional<double> points, Samples& samples);
// Gives back what was expected in vain, so that a report takes no more than it has.
void Fit(Samples& samples);

struct Points {
  Samples x, y;
};

struct Axes {
  std::optional<Number> first_x, last_x, delta_x, first_y;
  std::optional<double> points;  // NPOINTS, or VAR_DIM
  double x_factor = 1, y_factor = 1;
  bool has_decimal_commas = false;  // numbers of the header are written so
};

// Where nothing but a comment, or nothing, is left of a line.
inline bool IsAtEnd(const char* at, const char* end) {
  return at == end || (*at == '$' && end - at > 1 && at[1] == '$');
}

class Table {
 public:
  virtual ~Table() = default;
  // A line without its end and surrounding blanks, not blank. A comment ends it.
  virtual void Take(absl::string_view line, uint64_t at, OpenReport& out) = 0;
  // The table has ended before `at`. Once.
  virtual Points Finish(uint64_t at, OpenReport& out) = 0;
  virtual std::unique_ptr<Table> Clone() const = 0;
};

// (X++(Y..Y)): lines of an abscissa and ordinates at equal distances, in any of the forms AFFN, PAC, SQZ, DIF and DUP.
std::unique_ptr<Table> MakeProfile(const Axes& axes);

// (XY..XY) and its like: groups of numbers. `columns`: how many stand in a group: X, Y if there is one, and others that
// are not carried. With `text`, a group is one pair of parentheses, and ends with a text that is not carried.
struct Columns {
  std::size_t count = 2;
  bool has_y = true;
  bool text = false;
};
std::unique_ptr<Table> MakePairs(const Axes& axes, const Columns& columns);

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_TABLE_H_
