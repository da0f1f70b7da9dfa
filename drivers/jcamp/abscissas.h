// The abscissas of equidistant ordinates: the check of each line's, and the x of each point.
//
// What: every line of (X++(Y..Y)) says where it stands. Its distance from the line before must be that of the ordinates
//   between: else points were lost, or came twice (the standard's X-sequence check).
// Promise: a printed abscissa is worth what its last digit is worth: rounded and truncated ones agree. Where one unit
//   of that digit is a point or more, and the table has not the number of points that it should have, they do not.
//   Where a line disagrees, its points stand where it says, so that what follows a gap stands right. Where header and
//   lines disagree, the lines are right. Abscissas that count points and are no x (JEOL, VNMR), and lines of DIF form
//   that name their first new point and not the repeated one (Spectrafile), are known by being constant.
// Units: points, and x as the header has it.
// Threads: one at a time.
// Source: JCAMP-DX 4.24, 5.8 and 6.3.
#ifndef DIMS_DRIVERS_JCAMP_ABSCISSAS_H_
#define DIMS_DRIVERS_JCAMP_ABSCISSAS_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/jcamp/number.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {

class Abscissas {
 public:
  explicit Abscissas(const Axes& axes);

  // What a line's abscissa means for the points that were read before.
  enum Verdict {
    kAgrees,     // with their number, or there is nothing to compare
    kElsewhere,  // the line stands elsewhere
    kNoScale,    // no distance of points explains the abscissas
    kDoubtful,   // it is one unit of its last digit off, which is a point: printing may have done that. see
                 // TrustDoubtful
  };
  // `points`: so many before the line. `repeats`: by its form, its first ordinate is that of the last point again.
  // `unsure`: the line before was not read to its end, so that the line stands where it says.
  Verdict Take(const Number& label, std::size_t points, bool repeats, bool unsure) {
    const int64_t place = static_cast<int64_t>(points) + by_ - (repeats && !names_new_ ? 1 : 0);
    // Most lines are like the one before.
    if (settled_ && label.last_digit == last_.last_digit &&
        std::abs(label.value - last_.value - static_cast<double>(place - last_place_) * scale_) <= tolerance_) {
      moved_ = false;
      last_ = label;
      last_place_ = place;
      return kAgrees;
    }
    return Judge(label, points, place, repeats, unsure);
  }
  // Of the line just taken: its first ordinate is not that of the last point, whatever the form promises.
  bool moved() const { return moved_; }
  // Where it should stand, as a label, for a message.
  double expected() const { return expected_; }

  // Points were lost: doubtful lines stood where they said.
  void TrustDoubtful();
  // The x of so many points, the first of the header only where the lines begin there; empty where nothing says them.
  Samples Fill(std::size_t points) const;

 private:
  // From one point on, the places on the grid are so many more than before.
  struct Shift {
    std::size_t point;
    int64_t by;
  };

  struct Scale {
    double labels;  // a point
    double x;       // a label
  };

  Verdict Judge(const Number& label, std::size_t points, int64_t place, bool repeats, bool unsure);
  bool ChooseScale(double distance, double points, bool repeats, double resolution);
  bool BeginsAt(const Scale& scale) const;
  // Labels that are no x but run from 0 or 1, or down from the number of points (Bruker, JEOL, VNMR): the first may be
  // one, and the lines bear it out.
  bool MayCount() const;
  bool counts() const;
  // The first x, where points are so far apart.
  double Begin(double step) const;
  // The distance between two points by the header, in x.
  std::optional<double> Step() const;

  Axes axes_;
  std::vector<Scale> scales_;  // which may be meant
  double scale_ = 0;           // labels a point of the one that is; 0 while none is known
  double worth_ = 1;           // x a label, likewise
  bool chosen_ = false;        // it has explained a line
  bool strange_ = false;       // a line was not explained, and none has been
  bool names_new_ = false;     // a line that repeats a point has the label of the one after it
  bool decided_ = false;       // whether names_new_ is known
  bool settled_ = false;       // scale_ and tolerance_ are those of the last line, and of most to come
  double tolerance_ = 0;
  bool moved_ = false;
  double expected_ = 0;
  bool has_lines_ = false;
  Number first_, last_;     // labels
  int64_t last_place_ = 0;  // of last_
  Number anchor_;           // the label from which on lines are explained: one before it may be damaged
  int64_t anchor_place_ = 0;
  int64_t by_ = 0;  // sum of shifts_
  std::vector<Shift> shifts_, doubtful_;
};

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_ABSCISSAS_H_
