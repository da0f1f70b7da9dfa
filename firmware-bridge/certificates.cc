#include "firmware-bridge/certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace dims {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_free(p); }  // the certificates in it belong to others
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr absl::Duration kSoon = absl::Hours(24 * 30);

std::string Day(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone()); }

absl::Status Wrong(absl::string_view what, absl::string_view file, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, " \"", file, "\" ", why));
}

absl::StatusOr<std::string> ReadPem(absl::string_view what, const std::string& path) {
  constexpr std::size_t kLargest = 1 << 20;
  const auto fail = [&](int error) {
    const std::string message = absl::StrCat(what, " \"", path, "\" cannot be read: ", std::strerror(error));
    if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(message);
    if (error == EACCES || error == EPERM) {
      return absl::PermissionDeniedError(absl::StrCat(message, "; the bridge's user must be allowed to read it"));
    }
    return absl::InvalidArgumentError(message);
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (file == nullptr) return fail(errno);
  std::string text(kLargest, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return fail(errno);
  return text;
}

Owned<BIO> Memory(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

absl::StatusOr<std::vector<Owned<X509>>> ReadCertificates(absl::string_view what, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadPem(what, path);
  if (!text.ok()) return text.status();
  const Owned<BIO> memory = Memory(*text);
  std::vector<Owned<X509>> certificates;
  while (X509* certificate = PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty()) return Wrong(what, path, "holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")");
  if (!at_end) return Wrong(what, path, "has a damaged PEM block; copy the file again");
  return certificates;
}

absl::StatusOr<Owned<EVP_PKEY>> ReadKey(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadPem("key", path);
  if (!text.ok()) return text.status();
  if (absl::StrContains(*text, "ENCRYPTED")) {
    return Wrong("key", path, "is encrypted, and nobody is there to type its password; store it without one");
  }
  const Owned<BIO> memory = Memory(*text);
  const auto no_password = [](char*, int, int, void*) { return -1; };  // OpenSSL would ask on the terminal
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  if (key == nullptr) return Wrong("key", path, "holds no PEM private key (\"-----BEGIN PRIVATE KEY-----\")");
  return key;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts = {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string SubjectOf(X509* certificate) {
  const Owned<BIO> memory(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

// The URIs among the certificate's names.
std::vector<std::string> UrisOf(X509* certificate) {
  std::vector<std::string> uris;
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), ASN1_STRING_length(uri));
  }
  return uris;
}

std::string UriOf(const Identity& identity) {
  return absl::StrCat("urn:dims:", identity.laboratory, ":", identity.role, ":", identity.name);
}

absl::Status CheckIdentity(X509* certificate, const std::string& file, const Identity& expected) {
  const std::vector<std::string> uris = UrisOf(certificate);
  const std::string wanted = UriOf(expected);
  if (uris.empty()) {
    return Wrong("certificate", file,
                 absl::StrCat("does not say who its holder is: it needs the URI \"", wanted,
                              "\" among its subject alternative names"));
  }
  if (uris.size() > 1) {
    return Wrong("certificate", file,
                 absl::StrCat("must have one URI, \"", wanted, "\", but has ", absl::StrJoin(uris, ", ")));
  }
  const absl::StatusOr<Identity> found = ParseIdentity(uris.front());
  if (!found.ok()) return Wrong("certificate", file, absl::StrCat("names no holder: ", found.status().message()));
  if (uris.front() == wanted) return absl::OkStatus();
  return Wrong("certificate", file,
               absl::StrCat("is that of \"", uris.front(), "\", but by its configuration this is \"", wanted, "\""));
}

// The chain from the certificate to the CA; without a time, whatever the dates are.
absl::StatusOr<std::vector<X509*>> FindIssuers(const CertificateFiles& files, const std::vector<Owned<X509>>& ca,
                                               const std::vector<Owned<X509>>& given, absl::string_view role,
                                               std::optional<absl::Time> at) {
  const Owned<X509_STORE> store(X509_STORE_new());
  for (const Owned<X509>& certificate : ca) X509_STORE_add_cert(store.get(), certificate.get());
  const Owned<STACK_OF(X509)> intermediates(sk_X509_new_null());
  for (std::size_t i = 1; i < given.size(); ++i) sk_X509_push(intermediates.get(), given[i].get());
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), given.front().get(), intermediates.get());
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  // As gRPC does: the CA's file need not go up to a self-signed root.
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  if (at.has_value()) {
    X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(*at));
  } else {
    X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_NO_CHECK_TIME);
  }
  const bool client = role == "bridge";
  X509_STORE_CTX_set_purpose(context.get(), client ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER);
  const int verified = X509_verify_cert(context.get());
  ERR_clear_error();
  if (verified != 1) {
    const int error = X509_STORE_CTX_get_error(context.get());
    if (error == X509_V_ERR_INVALID_PURPOSE && X509_STORE_CTX_get_error_depth(context.get()) == 0) {
      return Wrong("certificate", files.certificate,
                   absl::StrCat("may not be used by a TLS ", client ? "client" : "server",
                                ": issue it anew with that extended key usage, or with none"));
    }
    return Wrong(
        "certificate", files.certificate,
        absl::StrCat("was not issued by the CA in \"", files.ca, "\": ", X509_verify_cert_error_string(error)));
  }
  std::vector<X509*> chain;  // its members belong to `ca` and `given`
  const STACK_OF(X509)* verified_chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(verified_chain); ++i) chain.push_back(sk_X509_value(verified_chain, i));
  return chain;
}

absl::Status CheckDates(const std::vector<X509*>& chain, const std::string& file, absl::Time now,
                        CertificateFacts& facts) {
  facts.not_after = absl::InfiniteFuture();
  for (X509* certificate : chain) {
    const std::string which = certificate == chain.front()
                                  ? absl::StrCat("certificate \"", file, "\"")
                                  : absl::StrCat("certificate of the issuer ", SubjectOf(certificate));
    const absl::Time begin = TimeOf(X509_get0_notBefore(certificate));
    const absl::Time end = TimeOf(X509_get0_notAfter(certificate));
    if (end < now) {
      return absl::FailedPreconditionError(absl::StrCat(
          which, " expired on ", Day(end), ": it needs to be issued anew (this computer's clock says ", Day(now), ")"));
    }
    if (begin > now) {
      return absl::FailedPreconditionError(absl::StrCat(which, " is not valid before ", Day(begin),
                                                        ": is this computer's clock right? It says ", Day(now)));
    }
    if (end - now < kSoon) {
      facts.warnings.push_back(absl::StrCat(which, " expires on ", Day(end), ", in ",
                                            absl::ToInt64Hours(end - now) / 24, " days: have it issued anew"));
    }
    facts.not_after = std::min(facts.not_after, end);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CertificateFacts> CheckCertificates(const CertificateFiles& files, const Identity& expected,
                                                   absl::Time now) {
  const absl::StatusOr<std::vector<Owned<X509>>> ca = ReadCertificates("CA", files.ca);
  if (!ca.ok()) return ca.status();
  const absl::StatusOr<std::vector<Owned<X509>>> given = ReadCertificates("certificate", files.certificate);
  if (!given.ok()) return given.status();
  const absl::StatusOr<Owned<EVP_PKEY>> key = ReadKey(files.key);
  if (!key.ok()) return key.status();

  CertificateFacts facts;
  X509* certificate = given->front().get();
  const bool same_key = X509_check_private_key(certificate, key->get()) == 1;
  ERR_clear_error();
  if (!same_key) {
    return Wrong("key", files.key, absl::StrCat("is not the key of certificate \"", files.certificate, "\""));
  }
  if (absl::Status status = CheckIdentity(certificate, files.certificate, expected); !status.ok()) return status;
  facts.identity = expected;

  // If no chain is valid now, the one that disregards dates tells an old certificate from one of another CA.
  absl::StatusOr<std::vector<X509*>> chain = FindIssuers(files, *ca, *given, expected.role, now);
  if (!chain.ok()) chain = FindIssuers(files, *ca, *given, expected.role, std::nullopt);
  if (!chain.ok()) return chain.status();
  if (absl::Status status = CheckDates(*chain, files.certificate, now, facts); !status.ok()) return status;

  struct stat attributes = {};
  if (stat(files.key.c_str(), &attributes) == 0 && (attributes.st_mode & S_IRWXO) != 0) {
    facts.warnings.push_back(
        absl::StrCat("key \"", files.key, "\" is open to every user of this computer: chmod o= ", files.key));
  }
  return facts;
}

}  // namespace dims
