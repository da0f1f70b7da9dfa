#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "firmware-bridge/certificates.h"

namespace dims {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromCivil(absl::CivilSecond(2026, 1, 14, 12, 0, 0), absl::UTCTimeZone());
constexpr absl::Duration kDay = absl::Hours(24);

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
struct FileClose {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileClose>;

struct Holder {
  std::unique_ptr<EVP_PKEY, KeyFree> key;
  std::unique_ptr<X509, CertificateFree> certificate;
};

struct Wish {
  std::string name;
  std::string alternative_names;  // as OpenSSL's configuration has them
  bool ca = false;
  std::string extended_usage;
  absl::Time begin = kNow - kDay;
  absl::Time end = kNow + 365 * kDay;
};

// A fresh key (or that of `renewed`) and its certificate; signed by itself where there is no issuer.
Holder Make(const Wish& wish, const Holder* issuer, const Holder* renewed = nullptr) {
  Holder holder;
  holder.certificate.reset(X509_new());
  if (renewed != nullptr) EVP_PKEY_up_ref(renewed->key.get());
  holder.key.reset(renewed != nullptr ? renewed->key.get() : EVP_EC_gen("P-256"));
  X509* certificate = holder.certificate.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(wish.begin));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(wish.end));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(wish.name.c_str()), -1, -1, 0);
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  X509_set_pubkey(certificate, holder.key.get());
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, signer, certificate, nullptr, nullptr, 0);
  const auto add = [&](int nid, const std::string& value) {
    if (value.empty()) return;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    EXPECT_NE(extension, nullptr) << value;
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  };
  add(NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add(NID_ext_key_usage, wish.extended_usage);
  add(NID_subject_alt_name, wish.alternative_names);
  EXPECT_GT(X509_sign(certificate, issuer == nullptr ? holder.key.get() : issuer->key.get(), EVP_sha256()), 0);
  return holder;
}

constexpr char kUri[] = "URI:urn:dims:lab-east:bridge:bridge-1";

class Certificates : public ::testing::Test {
 protected:
  Certificates() {
    std::string name = absl::StrCat(::testing::TempDir(), "/certificates_XXXXXX");
    folder_ = mkdtemp(name.data());
    files_ = {Path("ca.pem"), Path("bridge.pem"), Path("bridge.key")};
    ca_ = Make({.name = "Lab CA", .ca = true}, nullptr);
    Write(files_.ca, {ca_.certificate.get()});
    Use(Wish());
  }
  ~Certificates() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  static struct Wish Wish() { return {.name = "bridge-1", .alternative_names = kUri}; }

  static void Write(const std::string& path, const std::vector<X509*>& certificates) {
    const File file(std::fopen(path.c_str(), "w"));
    for (X509* certificate : certificates) PEM_write_X509(file.get(), certificate);
  }

  void WriteKey(EVP_PKEY* key, mode_t mode = 0600) {
    const File file(std::fopen(files_.key.c_str(), "w"));
    PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    chmod(files_.key.c_str(), mode);
  }

  // Puts a certificate of the CA, and its key, into the files.
  void Use(const struct Wish& wish) {
    bridge_ = Make(wish, &ca_);
    Write(files_.certificate, {bridge_.certificate.get()});
    WriteKey(bridge_.key.get());
  }

  absl::StatusOr<CertificateFacts> Check(absl::Time now = kNow) const { return CheckCertificates(files_, who_, now); }

  // The error, with the files named without their folder.
  std::string Error(absl::StatusCode code = absl::StatusCode::kInvalidArgument, absl::Time now = kNow) const {
    const absl::Status status = Check(now).status();
    EXPECT_EQ(status.code(), code) << status;
    return absl::StrReplaceAll(status.message(), {{absl::StrCat(folder_, "/"), ""}});
  }

  std::string folder_;
  CertificateFiles files_;
  Identity who_ = {"lab-east", "bridge", "bridge-1"};
  Holder ca_, bridge_;
};

TEST_F(Certificates, OfThisBridgePassWithoutWarnings) {
  const absl::StatusOr<CertificateFacts> facts = Check();
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->identity.laboratory, "lab-east");
  EXPECT_EQ(facts->identity.role, "bridge");
  EXPECT_EQ(facts->identity.name, "bridge-1");
  EXPECT_EQ(facts->not_after, kNow + 365 * kDay);
  EXPECT_THAT(facts->warnings, IsEmpty());
}

TEST_F(Certificates, PassExactlyWhileTheyAreValid) {
  for (int hours = -48; hours <= 48; ++hours) {
    EXPECT_EQ(Check(kNow - kDay + absl::Hours(hours)).ok(), hours >= 0) << hours;
    EXPECT_EQ(Check(kNow + 365 * kDay + absl::Hours(hours)).ok(), hours <= 0) << hours;
  }
}

TEST_F(Certificates, ThatExpiredSayWhen) {
  auto wish = Wish();
  wish.begin = kNow - 30 * kDay;
  wish.end = kNow - 3 * kDay;
  Use(wish);
  EXPECT_EQ(Error(absl::StatusCode::kFailedPrecondition),
            "certificate \"bridge.pem\" expired on 2026-01-11 12:00 UTC: it needs to be issued anew (this computer's "
            "clock says 2026-01-14 12:00 UTC)");
}

TEST_F(Certificates, ThatAreNotValidYetPointToTheClock) {
  EXPECT_EQ(Error(absl::StatusCode::kFailedPrecondition, absl::UnixEpoch()),
            "certificate \"bridge.pem\" is not valid before 2026-01-13 12:00 UTC: is this computer's clock right? It "
            "says 1970-01-01 00:00 UTC");
}

TEST_F(Certificates, OfAnExpiredAuthorityNameTheAuthority) {
  ca_ = Make({.name = "Lab CA", .ca = true, .begin = kNow - 90 * kDay, .end = kNow - kDay}, nullptr);
  Write(files_.ca, {ca_.certificate.get()});
  Use(Wish());
  EXPECT_EQ(Error(absl::StatusCode::kFailedPrecondition),
            "certificate of the issuer CN=Lab CA expired on 2026-01-13 12:00 UTC: it needs to be issued anew (this "
            "computer's clock says 2026-01-14 12:00 UTC)");
}

TEST_F(Certificates, WarnThirtyDaysAhead) {
  const absl::Time end = kNow + 365 * kDay;
  EXPECT_THAT(Check(end - 30 * kDay)->warnings, IsEmpty());
  EXPECT_THAT(Check(end - 30 * kDay + absl::Seconds(1))->warnings,
              ElementsAre(HasSubstr("bridge.pem\" expires on 2027-01-14 12:00 UTC, in 29 days: have it issued anew"),
                          HasSubstr("certificate of the issuer CN=Lab CA expires on 2027-01-14 12:00 UTC")));
}

TEST_F(Certificates, OfAnotherAuthorityAreRefused) {
  const Holder other = Make({.name = "Other CA", .ca = true}, nullptr);
  Write(files_.ca, {other.certificate.get()});
  EXPECT_EQ(Error(),
            "certificate \"bridge.pem\" was not issued by the CA in \"ca.pem\": unable to get local issuer "
            "certificate");
}

TEST_F(Certificates, OfAnotherAuthorityOfTheSameNameAreRefused) {
  const Holder other = Make({.name = "Lab CA", .ca = true}, nullptr);
  Write(files_.ca, {other.certificate.get()});
  EXPECT_EQ(Error(),
            "certificate \"bridge.pem\" was not issued by the CA in \"ca.pem\": certificate signature failure");
}

TEST_F(Certificates, OfAnotherAuthorityAreNotCalledExpired) {
  const Holder other = Make({.name = "Other CA", .ca = true}, nullptr);
  Write(files_.ca, {other.certificate.get()});
  EXPECT_THAT(Error(absl::StatusCode::kInvalidArgument, kNow + 1000 * kDay), HasSubstr("was not issued by the CA"));
}

TEST_F(Certificates, AreFoundAmongSeveralAuthorities) {
  const Holder other = Make({.name = "Other CA", .ca = true}, nullptr);
  Write(files_.ca, {other.certificate.get(), ca_.certificate.get()});
  EXPECT_TRUE(Check().ok()) << Check().status();
}

TEST_F(Certificates, PassWhileTheAuthoritysOldCertificateStandsBesideItsNewOne) {
  const Holder old = Make({.name = "Lab CA", .ca = true, .begin = kNow - 90 * kDay, .end = kNow - kDay}, nullptr, &ca_);
  for (const bool old_first : {true, false}) {
    X509* const first = old_first ? old.certificate.get() : ca_.certificate.get();
    X509* const second = old_first ? ca_.certificate.get() : old.certificate.get();
    Write(files_.ca, {first, second});
    EXPECT_TRUE(Check().ok()) << Check().status();
  }
}

TEST_F(Certificates, MayHaveIntermediateIssuers) {
  const Holder middle = Make({.name = "Middle", .ca = true, .end = kNow + 100 * kDay}, &ca_);
  const Holder leaf = Make(Wish(), &middle);
  WriteKey(leaf.key.get());
  Write(files_.certificate, {leaf.certificate.get()});
  EXPECT_THAT(Error(), HasSubstr("was not issued by the CA"));
  Write(files_.certificate, {leaf.certificate.get(), middle.certificate.get()});
  ASSERT_TRUE(Check().ok()) << Check().status();
  EXPECT_EQ(Check()->not_after, kNow + 100 * kDay);
}

TEST_F(Certificates, SignedByOneThatIsNoAuthorityAreRefused) {
  auto wish = Wish();
  wish.name = "bridge-2";
  const Holder leaf = Make(wish, &bridge_);
  Write(files_.certificate, {leaf.certificate.get(), bridge_.certificate.get()});
  WriteKey(leaf.key.get());
  EXPECT_THAT(Error(), HasSubstr("was not issued by the CA"));
}

TEST_F(Certificates, NeedTheirOwnKey) {
  const Holder other = Make(Wish(), &ca_);
  WriteKey(other.key.get());
  EXPECT_EQ(Error(), "key \"bridge.key\" is not the key of certificate \"bridge.pem\"");
}

TEST_F(Certificates, OfAnotherLaboratoryNameBoth) {
  auto wish = Wish();
  wish.alternative_names = "URI:urn:dims:lab-west:bridge:bridge-1";
  Use(wish);
  EXPECT_EQ(Error(),
            "certificate \"bridge.pem\" is that of \"urn:dims:lab-west:bridge:bridge-1\", but by its "
            "configuration this is \"urn:dims:lab-east:bridge:bridge-1\"");
}

TEST_F(Certificates, OfAnotherBridgeOrRoleAreRefused) {
  for (const char* uri : {"urn:dims:lab-east:bridge:bridge-2", "urn:dims:lab-east:registry:bridge-1"}) {
    auto wish = Wish();
    wish.alternative_names = absl::StrCat("URI:", uri);
    Use(wish);
    EXPECT_THAT(Error(), HasSubstr(absl::StrCat("is that of \"", uri, "\"")));
  }
}

TEST_F(Certificates, WithoutAUriSayWhichIsNeeded) {
  for (const char* names : {"", "DNS:bridge-1.example"}) {
    auto wish = Wish();
    wish.alternative_names = names;
    Use(wish);
    EXPECT_EQ(Error(),
              "certificate \"bridge.pem\" does not say who its holder is: it needs the URI "
              "\"urn:dims:lab-east:bridge:bridge-1\" among its subject alternative names");
  }
}

TEST_F(Certificates, WithAnotherUriAreRefused) {
  auto wish = Wish();
  wish.alternative_names = "URI:https://lab-east.example/bridge-1";
  Use(wish);
  EXPECT_THAT(Error(), HasSubstr("names no holder: \"https://lab-east.example/bridge-1\" is not of the form "
                                 "urn:dims:<laboratory>:<role>:<name>"));
}

TEST_F(Certificates, WithTwoUrisAreRefused) {
  auto wish = Wish();
  wish.alternative_names = absl::StrCat(kUri, ",URI:urn:dims:lab-west:bridge:bridge-1");
  Use(wish);
  EXPECT_THAT(Error(), HasSubstr("must have one URI, \"urn:dims:lab-east:bridge:bridge-1\", but has "
                                 "urn:dims:lab-east:bridge:bridge-1, urn:dims:lab-west:bridge:bridge-1"));
}

TEST_F(Certificates, MustBeGoodForTheirSideOfTheConnection) {
  auto wish = Wish();
  wish.extended_usage = "clientAuth";
  Use(wish);
  EXPECT_TRUE(Check().ok()) << Check().status();
  wish.extended_usage = "serverAuth";
  Use(wish);
  EXPECT_EQ(Error(),
            "certificate \"bridge.pem\" may not be used by a TLS client: issue it anew with that extended key "
            "usage, or with none");
  who_ = {"lab-east", "registry", "main"};
  wish.alternative_names = "URI:urn:dims:lab-east:registry:main,DNS:localhost";
  Use(wish);
  EXPECT_TRUE(Check().ok()) << Check().status();
}

TEST_F(Certificates, WarnOfAKeyThatEveryoneMayRead) {
  for (const mode_t mode : {0600, 0640, 0400}) {
    WriteKey(bridge_.key.get(), mode);
    EXPECT_THAT(Check()->warnings, IsEmpty()) << mode;
  }
  for (const mode_t mode : {0604, 0644, 0606}) {
    WriteKey(bridge_.key.get(), mode);
    EXPECT_THAT(Check()->warnings, ElementsAre(HasSubstr("is open to every user of this computer: chmod o= "))) << mode;
  }
}

TEST_F(Certificates, OfFilesThatAreMissingNameTheFileAndTheReason) {
  for (const auto& [what, file] :
       {std::pair{"CA \"ca.pem\"", files_.ca}, std::pair{"certificate \"bridge.pem\"", files_.certificate},
        std::pair{"key \"bridge.key\"", files_.key}}) {
    std::filesystem::rename(file, file + ".away");
    EXPECT_EQ(Error(absl::StatusCode::kNotFound), absl::StrCat(what, " cannot be read: No such file or directory"));
    std::filesystem::create_directory(file);
    EXPECT_EQ(Error(), absl::StrCat(what, " cannot be read: Is a directory"));
    std::filesystem::remove(file);
    std::filesystem::rename(file + ".away", file);
  }
  EXPECT_TRUE(Check().ok()) << Check().status();
}

TEST_F(Certificates, OfFilesThatHoldSomethingElseAreRefused) {
  const auto put = [](const std::string& path, absl::string_view text) { std::ofstream(path) << text; };
  put(files_.key, "not a key\n");
  EXPECT_EQ(Error(), "key \"bridge.key\" holds no PEM private key (\"-----BEGIN PRIVATE KEY-----\")");
  put(files_.key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_EQ(Error(), "key \"bridge.key\" is encrypted, and nobody is there to type its password; store it without one");
  put(files_.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  EXPECT_EQ(Error(), "certificate \"bridge.pem\" holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")");
  put(files_.ca, "");
  EXPECT_EQ(Error(), "CA \"ca.pem\" holds no PEM certificate (\"-----BEGIN CERTIFICATE-----\")");
}

TEST_F(Certificates, CutOffInTheMiddleOfTheirFileAreRefused) {
  Write(files_.ca, {ca_.certificate.get(), ca_.certificate.get()});
  std::filesystem::resize_file(files_.ca, std::filesystem::file_size(files_.ca) - 40);
  EXPECT_EQ(Error(), "CA \"ca.pem\" has a damaged PEM block; copy the file again");
}

}  // namespace
}  // namespace dims
