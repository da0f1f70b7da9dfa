#include "registry/grpc_log.h"

#include <grpc/support/log.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace dims {
namespace {

constexpr absl::string_view kVerifyFailed = "Certificate verify failed with code ";
constexpr absl::string_view kHandshaking = "Handshaking failed: ";

// The text between `from` and `to`; empty where there is none.
absl::string_view Between(absl::string_view text, absl::string_view from, absl::string_view to) {
  const std::size_t begin = text.find(from);
  if (begin == absl::string_view::npos) return "";
  text.remove_prefix(begin + from.size());
  return text.substr(0, text.find(to));
}

// A handshake that failed in the server, as chttp2_server.cc tells it.
std::string Refused(absl::string_view error) {
  const absl::string_view address = Between(error, "target_address:\"", "\"");
  std::string line = "refused a connection";
  if (!address.empty()) absl::StrAppend(&line, " from ", address);
  const absl::string_view openssl = Between(error, "SSL routines::", " {");
  if (absl::StrContains(openssl, "peer did not return a certificate")) {
    return absl::StrCat(line, ": the client showed no certificate (", openssl, ")");
  }
  if (absl::StrContains(openssl, "wrong version number") || absl::StrContains(openssl, "http request")) {
    return absl::StrCat(line, ": the client does not speak TLS (", openssl, ")");
  }
  if (absl::StrContains(openssl, "alert")) {
    return absl::StrCat(line, ": the client does not trust this registry's certificate (", openssl, ")");
  }
  if (!openssl.empty()) return absl::StrCat(line, ": ", openssl);
  if (absl::StrContains(error, "Handshake read failed")) {
    return absl::StrCat(line,
                        ": the client closed it during the TLS handshake; if it is a bridge, it may not trust "
                        "this registry's certificate (see its log)");
  }
  return absl::StrCat(line, ": ", error);
}

void Forward(gpr_log_func_args* message) {
  const LogLine line = LineFor(message->severity, message->file, message->message);
  if (line.level != spdlog::level::off) spdlog::log(line.level, line.text);
}

}  // namespace

LogLine LineFor(int severity, absl::string_view file, absl::string_view message) {
  file = file.substr(file.rfind('/') + 1);
  if (absl::ConsumePrefix(&message, kVerifyFailed)) {
    int code = 0;
    if (!absl::SimpleAtoi(message, &code)) code = X509_V_ERR_UNSPECIFIED;
    absl::string_view remedy;
    if (code == X509_V_ERR_CERT_HAS_EXPIRED) remedy = "; issue a new one to that bridge";
    if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) remedy = "; it is not of the authority in --ca";
    return {spdlog::level::warn, absl::StrCat("refused a connection: the client's certificate is not accepted: ",
                                              X509_verify_cert_error_string(code), remedy)};
  }
  if (file == "chttp2_server.cc" && absl::ConsumePrefix(&message, kHandshaking)) {
    // Told by the line above.
    if (absl::StrContains(message, "certificate verify failed")) return {};
    return {spdlog::level::warn, Refused(message)};
  }
  // Told again, without the address, where the server gives up the connection.
  if (file == "ssl_transport_security.cc" && absl::StartsWith(message, "Handshake failed")) return {};
  if (severity < GPR_LOG_SEVERITY_ERROR) return {};
  return {spdlog::level::err, absl::StrCat("gRPC: ", message, " (", file, ")")};
}

void LogGrpcMessages() {
  // The lines about handshakes are of severity "debug".
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
  gpr_set_log_function(Forward);
}

}  // namespace dims
