// The drivers that a program works with: those of the catalog, and formats that were loaded when it started.
//
// What: *.format.toml files of a folder, or single ones, beside what is built in.
// Promise: a file with a mistake, or with a name that is taken, changes nothing for the others; it is kept as broken,
//   with all that is wrong with it, for whoever asks for its name.
// Errors: NotFound for a folder that is not there, FailedPrecondition for one that cannot be read; InvalidArgument as
//   FormatDriver::Parse has it.
// Threads: immutable once loaded.
#ifndef DIMS_DRIVERS_DRIVERS_H_
#define DIMS_DRIVERS_DRIVERS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "drivers/driver.h"
#include "drivers/format/format_file.h"

namespace dims {

class Drivers {
 public:
  Drivers();

  absl::Status LoadFolder(const std::string& folder);
  absl::StatusOr<const Driver*> LoadFile(const std::string& path);

  // Sorted by name.
  absl::Span<const Driver* const> all() const { return all_; }
  // nullptr where there is none of that name.
  const Driver* Find(absl::string_view name) const;

  // Formats that could not be loaded: what is wrong, by the name they would have.
  const std::map<std::string, std::string, std::less<>>& broken() const { return broken_; }

 private:
  std::vector<std::unique_ptr<const FormatDriver>> loaded_;
  std::vector<const Driver*> all_;
  std::map<std::string, std::string, std::less<>> broken_;
};

}  // namespace dims

#endif  // DIMS_DRIVERS_DRIVERS_H_
