// What a block says before and beside its tables.
//
// What: the records that mean something here, by label, and what is made of them: axes of a table, a curve's kind, an
//   analysis.
// Promise: nothing is guessed. What a person typed freely, and who a person is, is not kept: ORIGIN, OWNER, comments,
//   audit trails, sampling procedures, and the further lines of a record of several.
//   Kept of the text there is:
//   * the first line of TITLE, as the curve's title: the standard wants the name of the substance or sample there, and
//     nothing else tells one spectrum from another. A title that is a path is its file name: folders are named after
//     people. It is no sample number, unless the configuration says that the laboratory writes it there.
//   * CAS NAME or the first of NAMES, CAS REGISTRY NO and MOLFORM: a finding, as the file states it.
//   * the file's own name in SOURCE REFERENCE or SAMPLE DESCRIPTION (Shimadzu), where these are a path and no text.
// Notes: the blocks of a LINK have its records, but not its title, kind and tables.
// Errors: as problems in the report.
// Threads: one at a time.
// Source: JCAMP-DX 4.24, 5.1 to 5.7; 5.00; 5.01 (Pure Appl. Chem. 71, 1549, 1999).
#ifndef DIMS_DRIVERS_JCAMP_HEADER_H_
#define DIMS_DRIVERS_JCAMP_HEADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "dims/v1/report.pb.h"
#include "drivers/jcamp/form.h"
#include "drivers/jcamp/table.h"

namespace dims::jcamp {

// The labels that mean something. R and A, of interferograms, are X and Y.
enum class Label : uint8_t {
  kBlocks,
  kCasName,
  kCasNumber,
  kDataType,
  kDate,
  kDeltaX,
  kFactor,
  kFirst,
  kFirstX,
  kFirstY,
  kFormula,
  kInlet,
  kLast,
  kLastX,
  kLongDate,
  kNames,
  kPoints,
  kRange,  // of a table's values, where it is written with a decimal comma
  kSampleDescription,
  kSource,
  kStructure,
  kSymbol,
  kSystem,
  kTime,
  kTitle,
  kUnits,
  kVarDim,
  kVarName,
  kVarType,
  kXFactor,
  kXUnits,
  kYFactor,
  kYUnits,
};
inline constexpr std::size_t kLabels = 33;
std::optional<Label> LabelOf(absl::string_view label);

class Header {
 public:
  // `link`: that of the LINK around the block, which outlives this one.
  explicit Header(const Header* link) : link_(link) {}

  void Set(Label label, std::string value);
  // Empty where there is none.
  absl::string_view operator[](Label label) const;
  // NTUPLES begin: what an earlier one said is over.
  void ClearTuples();

  bool is_link() const;
  dims::v1::SpectrumKind kind() const;
  // The axes of a table of a block, and of one of NTUPLES.
  Axes AxesOfBlock() const;
  Axes AxesOfTuple(const Form& form) const;
  // Units and ends, as stated.
  void DescribeBlock(dims::v1::Spectrum& spectrum) const;
  void DescribeTuple(const Form& form, dims::v1::Spectrum& spectrum) const;
  // What was measured, when, and what it is; a CAS number that is none is a problem at `at`.
  void Describe(bool title_is_sample, uint64_t at, OpenReport& out, dims::v1::Analysis& analysis) const;

  // The part of a variable in a list of NTUPLES (kUnits, kFactor, ...).
  absl::string_view OfVariable(Label label, absl::string_view symbol) const;

 private:
  void DescribeAny(dims::v1::Spectrum& spectrum) const;
  double Grid() const;  // points of all independent variables of NTUPLES together; 0 where one's number is not said
  bool has_decimal_commas() const;
  std::optional<Number> NumberOf(Label label) const { return ParseNumber((*this)[label]); }
  dims::v1::Technique technique() const;

  const Header* const link_;
  std::array<std::string, kLabels> values_;
};

}  // namespace dims::jcamp

#endif  // DIMS_DRIVERS_JCAMP_HEADER_H_
