// What stands below the rows of a table, as long as it is not known what it is: rows that are damaged, the head of the
// next table, or text.
//
// What: the lines since the last row, and what becomes of them.
// Promise: a line is passed over only where it is text, and like no row, or the head of the next table. Every other one
//   is a problem; so is text, if rows of the same table follow it. Damaged bytes in text are said once.
// Errors: as problems in the report, which must outlive this.
// Threads: one at a time.
#ifndef DIMS_DRIVERS_SPECTRUM_BELOW_H_
#define DIMS_DRIVERS_SPECTRUM_BELOW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"

namespace dims::spectrum {

struct Line {
  std::string text;
  uint64_t at;
};

// Could be a row, whole or damaged, of a table of such columns, or a whole one of any other.
bool IsLikeARow(absl::string_view text, char separator, std::size_t fields);

class Below {
 public:
  explicit Below(dims::v1::Report& report) : report_(report) {}

  enum class As {
    kLine,
    kLikeARow,
    kUnclear,  // a row, but for its commas
    kText,
  };
  // `due`: the row that would have been. `damaged`: some bytes are no text, and it is not said.
  void Add(absl::string_view row, uint64_t at, As as, std::size_t due, bool damaged);

  bool empty() const { return lines_.empty(); }
  // From the last one, which is 0; it must be there.
  const Line& line(std::size_t before) const { return lines_[lines_.size() - 1 - before].line; }
  std::size_t size() const { return lines_.size(); }

  // Text begins with this line.
  void BeginText(uint64_t at);
  bool is_text() const { return text_; }
  // Bytes of a line that are no text; `in_text`: of one that is. False where that is not said.
  bool TakeDamage(uint64_t at, bool in_text);

  // A row of the same table, which has so many now: it was no text.
  void EndByRow(std::size_t rows);
  // The last `names` lines name the columns of the next table, and up to `most` stand above them.
  void EndByTable(std::size_t names, std::size_t most);
  // The table has ended.
  void End() { Tell(lines_.size()); }

 private:
  struct Between {
    Line line;
    As as;
    std::size_t due;
    bool damaged;
  };

  void Tell(std::size_t count);
  void Reset();

  dims::v1::Report& report_;
  std::vector<Between> lines_;
  bool text_ = false;
  bool text_damaged_ = false;  // and it is said
  uint64_t text_at_ = 0;
  std::size_t text_left_ = 0;  // lines of it that are not in lines_ any more
};

}  // namespace dims::spectrum

#endif  // DIMS_DRIVERS_SPECTRUM_BELOW_H_
