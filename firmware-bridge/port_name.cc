#include "firmware-bridge/port_name.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

constexpr absl::string_view kTcp = "tcp://";

}  // namespace

std::optional<NetworkAddress> ReadAddress(absl::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  const bool bracketed = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  if (bracketed) host = host.substr(1, host.size() - 2);
  const absl::string_view allowed = bracketed ? ":.%" : "-._";
  uint32_t number;
  if (host.empty() || port.size() > 5 || !std::all_of(port.begin(), port.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(port, &number) || number < 1 || number > 65535 ||
      !std::all_of(host.begin(), host.end(),
                   [&](char c) { return absl::ascii_isalnum(c) || absl::StrContains(allowed, c); })) {
    return std::nullopt;
  }
  return NetworkAddress{std::string(host), static_cast<int>(number)};
}

bool IsTcpName(absl::string_view name) { return absl::StartsWith(name, kTcp); }

std::optional<NetworkAddress> ReadTcpName(absl::string_view name) {
  return absl::ConsumePrefix(&name, kTcp) ? ReadAddress(name) : std::nullopt;
}

std::string TcpName(const NetworkAddress& address) {
  const bool v6 = absl::StrContains(address.host, ':');
  return absl::StrCat(kTcp, v6 ? "[" : "", absl::AsciiStrToLower(address.host), v6 ? "]:" : ":", address.port);
}

bool IsPortName(absl::string_view name) {
  if (IsTcpName(name)) return ReadTcpName(name).has_value();
  // "host:4001" is a terminal server whose tcp:// was forgotten, not a file of that name.
  const bool forgotten = !absl::StrContains(name, '/') && ReadAddress(name).has_value();
  return !name.empty() && !absl::StrContains(name, "://") && !forgotten;
}

std::string LineBehind(const std::string& name) {
  if (const std::optional<NetworkAddress> address = ReadTcpName(name)) return TcpName(*address);
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(name, error);
  return error ? name : real.string();
}

bool IsSimulatedByName(const std::string& name) {
  if (const std::optional<NetworkAddress> address = ReadTcpName(name)) {
    const std::string host = absl::AsciiStrToLower(address->host);
    return host == "localhost" || host == "::1" || absl::StartsWith(host, "127.");
  }
  const std::string line = LineBehind(name);
  return absl::StartsWith(line, "/dev/pts/") || !absl::StartsWith(line, "/dev/");
}

}  // namespace dims
