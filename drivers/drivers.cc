#include "drivers/drivers.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "drivers/catalog.h"

namespace dims {

Drivers::Drivers() : all_(Catalog().begin(), Catalog().end()) {}

absl::Status Drivers::LoadFolder(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (absl::EndsWith(name, kFormatEnding) && name.front() != '.' && it->is_regular_file(ignored))
      files.push_back(it->path().string());
  }
  if (error) {
    const std::string message = absl::StrCat(folder, ": the formats cannot be read: ", error.message());
    return error == std::errc::no_such_file_or_directory ? absl::NotFoundError(message)
                                                         : absl::FailedPreconditionError(message);
  }
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    const absl::StatusOr<const Driver*> driver = LoadFile(file);
    if (driver.ok()) continue;
    const std::string name = std::filesystem::path(file).filename().string();
    broken_.emplace(absl::StripSuffix(name, kFormatEnding), driver.status().message());
  }
  return absl::OkStatus();
}

absl::StatusOr<const Driver*> Drivers::LoadFile(const std::string& path) {
  absl::StatusOr<std::unique_ptr<const FormatDriver>> format = FormatDriver::ReadFile(path);
  if (!format.ok()) return format.status();
  const Driver& driver = (*format)->driver();
  if (Find(driver.name) != nullptr) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, ": there is a driver \"", driver.name, "\" already: give the file another name"));
  }
  const auto place = std::lower_bound(all_.begin(), all_.end(), driver.name,
                                      [](const Driver* known, absl::string_view name) { return known->name < name; });
  all_.insert(place, &driver);
  loaded_.push_back(*std::move(format));
  return &driver;
}

const Driver* Drivers::Find(absl::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const Driver* driver) { return driver->name == name; });
  return found == all_.end() ? nullptr : *found;
}

}  // namespace dims
