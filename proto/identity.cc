#include "proto/identity.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace dims {
namespace {

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

}  // namespace

absl::StatusOr<Identity> ParseIdentity(absl::string_view uri) {
  const std::vector<absl::string_view> parts = absl::StrSplit(uri, ':');
  if (parts.size() != 5 || parts[0] != "urn" || parts[1] != "dims") {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", uri, "\" is not of the form urn:dims:<laboratory>:<role>:<name>"));
  }
  if (parts[3] != "bridge" && parts[3] != "registry") {
    return absl::InvalidArgumentError(
        absl::StrCat("role \"", parts[3], "\" in \"", uri, "\" is neither \"bridge\" nor \"registry\""));
  }
  if (!IsName(parts[2]) || !IsName(parts[4])) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", uri, "\": a laboratory or name has 1 to 64 lower-case letters, digits and hyphens"));
  }
  return Identity{std::string(parts[2]), std::string(parts[3]), std::string(parts[4])};
}

}  // namespace dims
