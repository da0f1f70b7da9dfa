// A block: from its "##TITLE=" to its "##END=".
//
// What: given the records and the lines between them, a block makes one analysis with the curves of its tables: one of
//   a table by itself, one a page of NTUPLES. Several tables of one block are told apart by SCAN NUMBER and RETENTION
//   TIME before them, where a program (OpenChrom) states these.
// Promise: records that mean nothing here are passed over, whoever defined them, with all their lines. Of the lines of
//   a table none is: what is no point is a problem.
// Errors: as problems in the report: NPOINTS, pages or BLOCKS that are not the number there is (COUNT_MISMATCH), a
//   block of data without data (MISSING), a variable list or a line that the format does not have (UNEXPECTED_LINE).
// Threads: one at a time.
// Source: JCAMP-DX 4.24, 4.2 and 7 (compound files); 5.00 (NTUPLES, PAGE, DATA TABLE).
#ifndef DIMS_DRIVERS_JCAMP_BLOCK_H_
#define DIMS_DRIVERS_JCAMP_BLOCK_H_

#include <optional>
#include <set>
#include <string>

#include "absl/strings/string_view.h"
#include "drivers/encoding.h"
#include "drivers/jcamp/commas.h"
#include "drivers/jcamp/form.h"
#include "drivers/jcamp/header.h"
#include "drivers/jcamp/record.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {

// How a file is to be read.
struct Reading {
  Encoding encoding = Encoding::kAuto;
  bool title_is_sample = false;
};

class Block {
 public:
  // `link`: the header of the LINK around it, which outlives the block.
  Block(const Reading& reading, const Header* link) : reading_(reading), header_(link) {}

  // A record that begins here; not TITLE of another block, nor END.
  void Take(const Record& record, uint64_t at, OpenReport& out);
  // A line that begins none, not blank.
  void Take(absl::string_view line, uint64_t at, OpenReport& out);
  // The block has ended before `at`.
  void Close(uint64_t at, OpenReport& out);

  const Header& header() const { return header_; }
  // A block of this LINK has ended.
  void CountPart() {
    ++parts_;
    place_ = kNothing;
  }

 private:
  std::string TakeScan();
  void OpenTable(absl::string_view list, uint64_t at, OpenReport& out);
  void CloseTable(uint64_t at, OpenReport& out);
  void CloseTuples(uint64_t at, OpenReport& out);
  std::string Value(absl::string_view raw, uint64_t at, OpenReport& out) const;

  const Reading& reading_;
  Header header_;
  // What a line belongs to that begins no record.
  enum Place { kNothing, kSkipped, kValue, kVariableList, kTable } place_ = kNothing;
  Label label_ = {};  // kValue: of a record whose value has not come yet
  std::optional<CommaTable> table_;
  dims::v1::Spectrum spectrum_;  // what it will be, without its points
  bool tuples_ = false;          // between NTUPLES and its end
  std::set<std::string> begun_;  // variables whose FIRST has had its table
  std::string page_;
  std::string scan_, retention_time_;  // stated since the last table
  int pages_ = 0;
  int parts_ = 0;
  bool has_table_ = false;
  int analysis_ = -1;  // index of this block's
};

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_BLOCK_H_
