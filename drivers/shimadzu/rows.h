// From the rows of an export's tables to findings.
//
// What: a peak (MC Peak Table, Peak Table), a compound of the method (MS Quantitative Results, Compound Results), a hit
//   of a library search.
// Promise: a row of which one cell has not its form gives nothing. An amount is given only where a calibration stands
//   behind it: without one the data system prints the percentage of the area in the same column, with the unit of the
//   method beside it. Such a compound is NOT_CALIBRATED, and what was printed stays in Amount.printed. One
//   that was not found is NOT_DETECTED, with or without one: "Not Identified", or a time, an area and a height of 0.
// Notes: a calibration is a polynomial whose coefficients are in the row; all zero means that there is none. Peak
//   tables have the column "Conc." too, but neither unit nor coefficients: it is not carried. The amount of an internal
//   standard is what somebody put in, and nothing that was measured: it is not carried either.
// Errors: nullopt for a row that has not the form; problems in the report for values that exclude each other.
// Threads: pure functions.
#ifndef DIMS_DRIVERS_SHIMADZU_ROWS_H_
#define DIMS_DRIVERS_SHIMADZU_ROWS_H_

#include <cstdint>
#include <optional>

#include "dims/v1/report.pb.h"
#include "drivers/shimadzu/table.h"

namespace dims::shimadzu {

std::optional<dims::v1::Finding> ToPeak(const Table& row, uint64_t at, dims::v1::Report& report);
std::optional<dims::v1::Finding> ToCompound(const Table& row, uint64_t at, dims::v1::Report& report);
std::optional<dims::v1::Identification> ToHit(const Table& row, uint64_t at, dims::v1::Report& report);

}  // namespace dims::shimadzu

#endif  // DIMS_DRIVERS_SHIMADZU_ROWS_H_
