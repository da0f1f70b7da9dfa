#include "tests/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"

namespace dims::test {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Deleter<X509_free>>;
using BioPointer = std::unique_ptr<BIO, Deleter<BIO_free>>;

void Check(bool ok, absl::string_view what) {
  if (ok) return;
  std::fprintf(stderr, "test certificates: %.*s failed:\n", static_cast<int>(what.size()), what.data());
  ERR_print_errors_fp(stderr);
  std::abort();
}

Key NewKey() {
  Key key(EVP_EC_gen("P-256"));
  Check(key != nullptr, "making a key");
  return key;
}

std::string Contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, size);
}

Certificate ToPem(X509* certificate, EVP_PKEY* key) {
  BioPointer certificate_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  Check(PEM_write_bio_X509(certificate_out.get(), certificate) == 1, "writing a certificate");
  Check(PEM_write_bio_PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "writing a key");
  return {Contents(certificate_out.get()), Contents(key_out.get())};
}

void AddExtension(X509* certificate, X509V3_CTX* context, int nid, const std::string& value) {
  std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, context, nid, value.c_str()));
  Check(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

void SetName(X509_NAME* name, absl::string_view common_name) {
  Check(
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) == 1,
      "naming a certificate");
}

// An unsigned certificate; the serial number is random, so authorities do not have to count.
X509Pointer Blank(EVP_PKEY* key, absl::string_view common_name, absl::string_view issuer, const Validity& validity) {
  X509Pointer certificate(X509_new());
  Check(certificate != nullptr && X509_set_version(certificate.get(), 2) == 1, "making a certificate");
  unsigned char serial[8];
  Check(RAND_bytes(serial, sizeof serial) == 1, "random numbers");
  serial[0] &= 0x7f;
  std::unique_ptr<BIGNUM, Deleter<BN_free>> number(BN_bin2bn(serial, sizeof serial, nullptr));
  Check(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get())) != nullptr, "serial number");
  Check(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(validity.from)) != nullptr, "notBefore");
  Check(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(validity.until)) != nullptr, "notAfter");
  SetName(X509_get_subject_name(certificate.get()), common_name);
  SetName(X509_get_issuer_name(certificate.get()), issuer);
  Check(X509_set_pubkey(certificate.get(), key) == 1, "setting the public key");
  return certificate;
}

void Sign(X509* certificate, EVP_PKEY* key) {
  Check(X509_sign(certificate, key, EVP_sha256()) > 0, "signing a certificate");
}

std::string WriteFile(const std::filesystem::path& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  out << content;
  out.close();
  Check(out.good(), path.string());
  return path.string();
}

}  // namespace

CertificateAuthority::CertificateAuthority(absl::string_view name) : name_(name) {
  Key key = NewKey();
  // A day longer than anything that it signs by default.
  const Validity validity{absl::Now() - absl::Hours(24 * 30), absl::Now() + absl::Hours(48)};
  X509Pointer certificate = Blank(key.get(), name, name, validity);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate.get(), certificate.get(), nullptr, nullptr, 0);
  AddExtension(certificate.get(), &context, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate.get(), &context, NID_key_usage, "critical,keyCertSign,cRLSign");
  AddExtension(certificate.get(), &context, NID_subject_key_identifier, "hash");
  Sign(certificate.get(), key.get());
  self_ = ToPem(certificate.get(), key.get());
}

Certificate CertificateAuthority::Registry(absl::string_view laboratory, absl::string_view name,
                                           Validity validity) const {
  return Issue(name, absl::StrCat("DNS:localhost,IP:127.0.0.1,URI:urn:dims:", laboratory, ":registry:", name),
               validity);
}

Certificate CertificateAuthority::Bridge(absl::string_view laboratory, absl::string_view name,
                                         Validity validity) const {
  return WithUri(absl::StrCat("urn:dims:", laboratory, ":bridge:", name), validity);
}

Certificate CertificateAuthority::WithUri(absl::string_view uri, Validity validity) const {
  return Issue("test client", uri.empty() ? "DNS:localhost" : absl::StrCat("URI:", uri), validity);
}

Certificate CertificateAuthority::Issue(absl::string_view common_name, const std::string& alternative_names,
                                        Validity validity) const {
  BioPointer own_certificate(BIO_new_mem_buf(self_.certificate.data(), static_cast<int>(self_.certificate.size())));
  BioPointer own_key(BIO_new_mem_buf(self_.key.data(), static_cast<int>(self_.key.size())));
  X509Pointer issuer(PEM_read_bio_X509(own_certificate.get(), nullptr, nullptr, nullptr));
  Key issuer_key(PEM_read_bio_PrivateKey(own_key.get(), nullptr, nullptr, nullptr));
  Check(issuer != nullptr && issuer_key != nullptr, "reading the authority");

  Key key = NewKey();
  X509Pointer certificate = Blank(key.get(), common_name, name_, validity);
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.get(), certificate.get(), nullptr, nullptr, 0);
  AddExtension(certificate.get(), &context, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(certificate.get(), &context, NID_key_usage, "critical,digitalSignature");
  AddExtension(certificate.get(), &context, NID_ext_key_usage, "serverAuth,clientAuth");
  AddExtension(certificate.get(), &context, NID_subject_key_identifier, "hash");
  AddExtension(certificate.get(), &context, NID_authority_key_identifier, "keyid:always");
  AddExtension(certificate.get(), &context, NID_subject_alt_name, alternative_names);
  Sign(certificate.get(), issuer_key.get());
  return ToPem(certificate.get(), key.get());
}

CertificateFiles WriteCertificates(absl::string_view directory, absl::string_view prefix,
                                   const CertificateAuthority& authority, const Certificate& certificate) {
  const std::filesystem::path folder{std::string(directory)};
  return {WriteFile(folder / absl::StrCat(prefix, "ca.pem"), authority.certificate()),
          WriteFile(folder / absl::StrCat(prefix, "certificate.pem"), certificate.certificate),
          WriteFile(folder / absl::StrCat(prefix, "key.pem"), certificate.key)};
}

}  // namespace dims::test
