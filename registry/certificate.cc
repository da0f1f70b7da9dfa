#include "registry/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dims {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;

absl::StatusOr<Bio> OpenFile(const std::string& path) {
  Bio file(BIO_new_file(path.c_str(), "r"));
  if (file != nullptr) return file;
  const int error = errno;
  ERR_clear_error();
  return absl::NotFoundError(
      absl::StrCat(path, ": ", std::strerror(error), "; does the file exist, and may this user read it?"));
}

absl::Status NotPem(const std::string& path, absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(path, ": holds no ", what, " in PEM form"));
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& path) {
  absl::StatusOr<Bio> file = OpenFile(path);
  if (!file.ok()) return file.status();
  Certificate certificate(PEM_read_bio_X509(file->get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return NotPem(path, "certificate");
  return certificate;
}

std::string DateOf(const ASN1_TIME* time) {
  Bio out(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(out.get(), time);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, size);
}

absl::StatusOr<Identity> IdentityIn(const std::string& path, X509* certificate) {
  std::vector<std::string> uris;
  const std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const absl::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), ASN1_STRING_length(uri));
    if (absl::StartsWith(text, "urn:dims:")) uris.emplace_back(text);
  }
  if (uris.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": has ", uris.size(),
                     " URIs urn:dims:...; a registry's has one, urn:dims:<laboratory>:registry:<name>"));
  }
  absl::StatusOr<Identity> identity = ParseIdentity(uris.front());
  if (!identity.ok()) return absl::InvalidArgumentError(absl::StrCat(path, ": ", identity.status().message()));
  if (identity->role != "registry") {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": is the certificate of a ", identity->role, " (", uris.front(), "), not of a registry"));
  }
  return identity;
}

}  // namespace

absl::StatusOr<Identity> CheckRegistryCertificate(const std::string& ca, const std::string& certificate,
                                                  const std::string& key, absl::Time now) {
  if (absl::StatusOr<Certificate> authority = ReadCertificate(ca); !authority.ok()) return authority.status();
  absl::StatusOr<Certificate> own = ReadCertificate(certificate);
  if (!own.ok()) return own.status();
  absl::StatusOr<Bio> key_file = OpenFile(key);
  if (!key_file.ok()) return key_file.status();
  // An empty passphrase, so that an encrypted key is an error here and not a question on the terminal.
  char no_passphrase[] = "";
  const Key private_key(PEM_read_bio_PrivateKey(key_file->get(), nullptr, nullptr, no_passphrase));
  if (private_key == nullptr) return NotPem(key, "private key without passphrase");
  if (X509_check_private_key(own->get(), private_key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat(key, ": is not the key of the certificate in ", certificate));
  }
  time_t at = absl::ToTimeT(now);
  if (X509_cmp_time(X509_get0_notBefore(own->get()), &at) > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        certificate, ": is valid from ", DateOf(X509_get0_notBefore(own->get())), "; check this computer's clock"));
  }
  if (X509_cmp_time(X509_get0_notAfter(own->get()), &at) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(certificate, ": has expired on ", DateOf(X509_get0_notAfter(own->get())), "; have it renewed"));
  }
  return IdentityIn(certificate, own->get());
}

}  // namespace dims
