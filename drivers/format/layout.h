// What a format file says, as data: which lines a print-out has, and what they mean.
//
// Threads: immutable once it is read.
#ifndef DIMS_DRIVERS_FORMAT_LAYOUT_H_
#define DIMS_DRIVERS_FORMAT_LAYOUT_H_

#include <string>
#include <vector>

#include "drivers/format/field.h"
#include "drivers/format/pattern.h"
#include "drivers/format/printed_table.h"

namespace dims::format {

// A value that is not read but known.
struct Constant {
  const Field* field;
  std::string value;
};

struct Rule {
  Pattern pattern;
  std::vector<Constant> set;  // where the line is there
  int line = 0;               // of the file
};

struct TableRule {
  std::vector<Column> columns;
  bool ruled = false;         // known by its ruler, else by the columns' names
  std::vector<Constant> set;  // in each row
};

// What the printed values of a finding's field add up to: a field of the analysis, or a number.
struct Sum {
  const Field* of;
  const Field* total;  // nullptr: `number`
  std::string number;
};

struct Layout {
  std::vector<Rule> start, end, lines;
  std::vector<Rule> continuation;  // says more of the last finding or weighing
  std::vector<Rule> between;       // outside of reports; says nothing
  std::vector<TableRule> tables;
  std::vector<Constant> set;  // of each analysis
  std::vector<Sum> sums;
  std::vector<const Field*> required;  // of the analysis

  // Nothing but its first line.
  bool is_one_line() const { return end.empty() && lines.empty() && continuation.empty() && tables.empty(); }
};

}  // namespace dims::format

#endif  // DIMS_DRIVERS_FORMAT_LAYOUT_H_
